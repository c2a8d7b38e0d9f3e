"""SQL functions as builders of nodes, used as ``F.count()``, ``F.coalesce(User.c.nick, User.c.name)``.

A function that is not listed here is ``F.call("name", …)``; the engine decides whether it exists.
"""

from __future__ import annotations

from typing import Any

from .column_type import ColumnType
from .errors import QueryError
from .expression import type_of
from .function import Function, Star
from .number import FLOAT, INT, TEXT, is_number, with_scale


def call(name: str, *args: Any) -> Function:
    """Any function by its name: ``name(args…)``."""
    return Function(name, *args)


def count(item: Any = None, *, distinct: bool = False) -> Function:
    """``COUNT(*)``, or the number of (distinct) values of `item` that are not NULL."""
    return Function("count", Star() if item is None else item, distinct=distinct, type=INT)


def sum(item: Any, *, distinct: bool = False) -> Function:
    """The sum of the values, of the column's own type; NULL over no rows."""
    column = _number_type("sum", item)
    return Function("sum", item, distinct=distinct, type=INT if _is_of(column, bool) else column)


def avg(item: Any, *, distinct: bool = False) -> Function:
    """The mean of the values, of whole numbers as a float; NULL over no rows."""
    column = _number_type("avg", item)
    return Function("avg", item, distinct=distinct, type=FLOAT if _is_of(column, int, bool) else column)


def min(item: Any) -> Function:
    """The smallest value; NULL over no rows."""
    return Function("min", item, type=type_of(item))


def max(item: Any) -> Function:
    """The largest value; NULL over no rows."""
    return Function("max", item, type=type_of(item))


def coalesce(*items: Any) -> Function:
    """The first of `items` that is not NULL."""
    typed = next((item for item in items if type_of(item) is not None), None)
    return Function("coalesce", *items, type=type_of(typed), like=typed)


def lower(item: Any) -> Function:
    """The text in lower case, as the engine folds case (SQLite: ASCII only)."""
    return Function("lower", item, type=TEXT)


def upper(item: Any) -> Function:
    """The text in upper case, as the engine folds case (SQLite: ASCII only)."""
    return Function("upper", item, type=TEXT)


def length(item: Any) -> Function:
    """The number of characters."""
    return Function("length", item, type=INT)


def abs(item: Any) -> Function:
    """The absolute value."""
    return Function("abs", item, type=type_of(item))


def round(item: Any, digits: int = 0) -> Function:
    """The number rounded to `digits` places, by the engine's rule for halves."""
    column = type_of(item)
    return Function("round", item, digits, type=with_scale(column, digits) if column is not None else None)


def _is_of(column: ColumnType | None, *kinds: type) -> bool:
    return column is not None and column.python in kinds


def _number_type(name: str, item: Any) -> ColumnType | None:
    column = type_of(item)
    if column is not None and not is_number(column):
        kind = getattr(column.python, "__name__", column.python)
        raise QueryError(f"{name} takes numbers, but {getattr(item, 'name', 'the expression')!r} holds {kind}")
    return column
