"""Primary keys: counted by the database, or made by the program before anything is stored."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID, uuid4

from pydantic import Field

from ..backend.schema import Column
from ..record import AUTO, ActiveRecord
from .sortable import ulid, uuid7


class IntegerPKMixin(ActiveRecord):
    """Gives a model `id`, counted up by the database; None until the record is saved."""

    id: int = AUTO


class UUIDMixin(ActiveRecord):
    """Gives a model `id`, a random UUID (version 4) from its construction on."""

    id: UUID = Field(default_factory=uuid4)


class UUID7Mixin(ActiveRecord):
    """Gives a model `id`, a UUID of version 7 from its construction on: keys grow, as indexes like it."""

    id: UUID = Field(default_factory=uuid7)


class ULIDMixin(ActiveRecord):
    """Gives a model `id`, a ULID from its construction on, kept as its 26 characters in capitals."""

    id: Annotated[str, Field(pattern="^[0-7][0-9A-HJKMNP-TV-Z]{25}$"), Column(length=26)] = Field(default_factory=ulid)
