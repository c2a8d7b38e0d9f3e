"""Fields that many models have, as classes to derive from; they combine."""

from ..backend.schema import Version
from .key import IntegerPKMixin, ULIDMixin, UUID7Mixin, UUIDMixin
from .soft_delete import SoftDeleteMixin, SoftDeleteQuery
from .sortable import ulid, uuid7
from .timestamp import TimestampMixin, utc_now
from .version import OptimisticLockMixin

__all__ = [
    "IntegerPKMixin",
    "OptimisticLockMixin",
    "SoftDeleteMixin",
    "SoftDeleteQuery",
    "TimestampMixin",
    "ULIDMixin",
    "UUID7Mixin",
    "UUIDMixin",
    "Version",
    "ulid",
    "utc_now",
    "uuid7",
]
