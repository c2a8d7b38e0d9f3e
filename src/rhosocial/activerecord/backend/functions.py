"""SQL functions as builders of nodes, used as ``F.count()``, ``F.coalesce(User.c.nick, User.c.name)``.

A function that is not listed here is ``F.call("name", …)``; the engine decides whether it exists.
"""

from __future__ import annotations

from typing import Any

from .expression import Function, Star, type_of


def call(name: str, *args: Any) -> Function:
    """Any function by its name: ``name(args…)``."""
    return Function(name, *args)


def count(item: Any = None, *, distinct: bool = False) -> Function:
    """``COUNT(*)``, or the number of (distinct) values of `item` that are not NULL."""
    return Function("count", Star() if item is None else item, distinct=distinct)


def sum(item: Any, *, distinct: bool = False) -> Function:
    """The sum of the values, of the column's own type; NULL over no rows."""
    return Function("sum", item, distinct=distinct, type=type_of(item))


def avg(item: Any, *, distinct: bool = False) -> Function:
    """The mean of the values; NULL over no rows."""
    return Function("avg", item, distinct=distinct, type=type_of(item))


def min(item: Any) -> Function:
    """The smallest value; NULL over no rows."""
    return Function("min", item, type=type_of(item))


def max(item: Any) -> Function:
    """The largest value; NULL over no rows."""
    return Function("max", item, type=type_of(item))


def coalesce(*items: Any) -> Function:
    """The first of `items` that is not NULL."""
    return Function("coalesce", *items, type=next((type_of(item) for item in items if type_of(item)), None))


def lower(item: Any) -> Function:
    """The text in lower case, as the engine folds case (SQLite: ASCII only)."""
    return Function("lower", item)


def upper(item: Any) -> Function:
    """The text in upper case, as the engine folds case (SQLite: ASCII only)."""
    return Function("upper", item)


def length(item: Any) -> Function:
    """The number of characters."""
    return Function("length", item)


def abs(item: Any) -> Function:
    """The absolute value."""
    return Function("abs", item, type=type_of(item))


def round(item: Any, digits: int = 0) -> Function:
    """The number rounded to `digits` places, by the engine's rule for halves."""
    return Function("round", item, digits)
