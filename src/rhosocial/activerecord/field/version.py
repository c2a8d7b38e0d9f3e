"""The optimistic lock: who saves a record that somebody else has changed meanwhile is told."""

from __future__ import annotations

from typing import Annotated

from ..backend.schema import Version
from ..record import ActiveRecord


class OptimisticLockMixin(ActiveRecord):
    """Gives a model `version`, which begins at 1 and grows by 1 with each UPDATE.

    `save` and `delete` raise `StaleRecord` where the row has another version than the record.
    """

    version: Annotated[int, Version()] = 1
