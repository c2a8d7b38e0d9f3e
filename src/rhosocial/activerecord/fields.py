"""The name that the guide era's documents have for `rhosocial.activerecord.field`."""

from .field import (
    IntegerPKMixin,
    OptimisticLockMixin,
    SoftDeleteMixin,
    SoftDeleteQuery,
    TimestampMixin,
    ULIDMixin,
    UUID7Mixin,
    UUIDMixin,
    Version,
    ulid,
    utc_now,
    uuid7,
)

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
