"""An ActiveRecord on Pydantic 2: a class is a table, an instance is a row, in blocking and awaiting code alike."""

from .backend import functions as F
from .backend.schema import Check, Column, ForeignKey, Index, Unique
from .events import ModelEvent
from .page import Page
from .query import Query
from .record import AUTO, ActiveRecord

ActiveQuery = Query

__all__ = [
    "AUTO",
    "ActiveQuery",
    "ActiveRecord",
    "Check",
    "Column",
    "F",
    "ForeignKey",
    "Index",
    "ModelEvent",
    "Page",
    "Query",
    "Unique",
]
