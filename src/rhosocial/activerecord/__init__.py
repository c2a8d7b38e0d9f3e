"""An ActiveRecord on Pydantic 2: a class is a table, an instance is a row, in blocking and awaiting code alike."""

from .backend import functions as F
from .backend.encryption import Encrypted, EncryptedAs
from .backend.schema import Check, Column, Exclude, ForeignKey, Index, Unique
from .backend.stored_as import StoredAs, register_type
from .events import ModelEvent
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
)
from .page import Page
from .query import Query
from .record import AUTO, ActiveRecord
from .relation import BelongsTo, HasMany, HasOne, ManyToMany, loading

ActiveQuery = Query

__all__ = [
    "AUTO",
    "ActiveQuery",
    "ActiveRecord",
    "BelongsTo",
    "Check",
    "Column",
    "Encrypted",
    "EncryptedAs",
    "Exclude",
    "F",
    "ForeignKey",
    "HasMany",
    "HasOne",
    "Index",
    "IntegerPKMixin",
    "ManyToMany",
    "ModelEvent",
    "OptimisticLockMixin",
    "Page",
    "Query",
    "SoftDeleteMixin",
    "SoftDeleteQuery",
    "StoredAs",
    "TimestampMixin",
    "ULIDMixin",
    "UUID7Mixin",
    "UUIDMixin",
    "Unique",
    "Version",
    "loading",
    "register_type",
]
