"""Functions of many rows: ``F.count()``, ``F.sum(User.c.age)``; part of `functions`.

Each takes ``.filter(condition)`` and ``.over(…)``.
"""

from __future__ import annotations

from typing import Any

from .cast import Cast
from .column_type import ColumnType
from .errors import QueryError
from .expression import Operand, as_operand, type_of
from .function import Function, Star
from .number import FLOAT, INT, TEXT
from .result import column_of, number_type
from .typing import DatabaseType
from .window import orderings


def count(item: Any = None, *, distinct: bool = False) -> Function:
    """``COUNT(*)``, or the number of (distinct) values of `item` that are not NULL."""
    if item is None and distinct:
        raise QueryError("count counts distinct values: name a column, or make the query distinct()")
    return Function(
        "count", Star() if item is None else column_of("count", item), distinct=distinct, type=INT, kind="aggregate"
    )


def sum(item: Any, *, distinct: bool = False) -> Function:
    """The sum of the values, of the column's own type; NULL over no rows."""
    column = number_type("sum", item)
    kept = INT if _is_of(column, bool) else column
    return Function("sum", item, distinct=distinct, type=kept, kind="aggregate")


def avg(item: Any, *, distinct: bool = False) -> Function:
    """The mean of the values, of whole numbers as a float; NULL over no rows."""
    column = number_type("avg", item)
    kept = FLOAT if _is_of(column, int, bool) else column
    return Function("avg", item, distinct=distinct, type=kept, kind="aggregate")


def min(item: Any) -> Function:
    """The smallest value; NULL over no rows."""
    return Function("min", item, type=_ordered("min", item), kind="aggregate")


def max(item: Any) -> Function:
    """The largest value; NULL over no rows."""
    return Function("max", item, type=_ordered("max", item), kind="aggregate")


def string_agg(item: Any, separator: str = ",", *, distinct: bool = False, order_by: Any = ()) -> Function:
    """The texts that are not NULL, joined by a separator, in an order if one is given; NULL over no rows."""
    if not isinstance(separator, str):
        raise QueryError(f"a separator is text, got {type(separator).__name__}")
    column = type_of(column_of("string_agg", item))
    text = item.text_form if isinstance(item, Operand) else item
    if column is not None and column.kind is not str and text is item:
        text = Cast(as_operand(item), str)
    return Function(
        "string_agg",
        text,
        separator,
        distinct=distinct,
        type=TEXT,
        kind="aggregate",
        order_by=orderings(order_by),
    )


def json_agg(item: Any) -> Function:
    """The values as a JSON array, NULL as null; an empty one over no rows."""
    return Function("json_agg", column_of("json_agg", item), type=_ARRAY, kind="aggregate")


_ARRAY = ColumnType(list, DatabaseType.JSON)


def _is_of(column: ColumnType | None, *kinds: type) -> bool:
    return column is not None and column.python in kinds


def _ordered(name: str, item: Any) -> ColumnType | None:
    column = type_of(column_of(name, item))
    if column is not None and column.kind is object:
        raise QueryError(f"{name} takes what has an order, not JSON: cast it first, .cast(int)")
    return column
