"""An ActiveRecord on Pydantic 2: a class is a table, an instance is a row, in blocking and awaiting code alike."""

from .backend import functions as F
from .backend.encryption import Encrypted
from .backend.schema import Check, Column, ForeignKey, Index, Unique
from .backend.stored_as import StoredAs, register_type
from .events import ModelEvent
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
    "F",
    "ForeignKey",
    "HasMany",
    "HasOne",
    "Index",
    "ManyToMany",
    "ModelEvent",
    "Page",
    "Query",
    "StoredAs",
    "Unique",
    "loading",
    "register_type",
]
