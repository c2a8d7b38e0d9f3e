"""When a row was inserted and last changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime

from ..backend.schema import Column
from ..record import AUTO, ActiveRecord


def utc_now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


class TimestampMixin(ActiveRecord):
    """Gives a model `created_at` and `updated_at`, aware and in UTC; None until the record is saved.

    One moment is put into both with the INSERT, unless they were given; each UPDATE moves `updated_at`.
    """

    created_at: Annotated[AwareDatetime, Column(at_insert=utc_now, read_only=True)] = AUTO
    updated_at: Annotated[AwareDatetime, Column(at_insert=utc_now, at_update=utc_now, read_only=True)] = AUTO
