"""Functions that look at the rows around one: ``F.rank().over(order_by=User.c.score)``; part of `functions`."""

from __future__ import annotations

from typing import Any

from .column_type import ColumnType
from .errors import QueryError
from .expression import as_operand, type_of
from .function import Function
from .number import FLOAT, INT
from .result import column_of


def row_number() -> Function:
    """1, 2, 3, … in the window's order."""
    return _ranking("row_number", INT)


def rank() -> Function:
    """The place among the rows of the window: rows that are equal in order share it, and leave a gap after it."""
    return _ranking("rank", INT)


def dense_rank() -> Function:
    """The place among the rows of the window, without gaps."""
    return _ranking("dense_rank", INT)


def percent_rank() -> Function:
    """The place as a share of the other rows, from 0.0 to 1.0."""
    return _ranking("percent_rank", FLOAT)


def cume_dist() -> Function:
    """The share of rows up to this one, those equal in order with it."""
    return _ranking("cume_dist", FLOAT)


def ntile(count: int) -> Function:
    """The number of the row's part, from 1, where the window is split into `count` equal parts."""
    return _ranking("ntile", INT, _checked("ntile", count, 1))


def lag(item: Any, offset: int = 1, default: Any = None) -> Function:
    """The value of the row `offset` rows before, `default` where there is none."""
    return _neighbour("lag", item, offset, default)


def lead(item: Any, offset: int = 1, default: Any = None) -> Function:
    """The value of the row `offset` rows after, `default` where there is none."""
    return _neighbour("lead", item, offset, default)


def first_value(item: Any) -> Function:
    """The value of the first row of the frame."""
    return _of_row("first_value", item)


def last_value(item: Any) -> Function:
    """The value of the last row of the frame, which usually is the current one: give a frame, ``rows=(None, None)``."""
    return _of_row("last_value", item)


def nth_value(item: Any, place: int) -> Function:
    """The value of the row at that place of the frame, the first being 1; NULL where there is none."""
    return _of_row("nth_value", item, _checked("nth_value", place, 1))


def _ranking(name: str, column: ColumnType | None, *args: Any) -> Function:
    return Function(name, *args, type=column, kind="window")


def _of_row(name: str, item: Any, *args: Any) -> Function:
    return Function(name, column_of(name, item), *args, type=type_of(item), kind="window")


def _neighbour(name: str, item: Any, offset: int, default: Any) -> Function:
    defaults = [] if default is None else [as_operand(default, item)]
    return _of_row(name, item, _checked(name, offset, 0), *defaults)


def _checked(name: str, number: Any, least: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        raise QueryError(f"{name} takes a whole number of at least {least}, got {type(number).__name__}")
    return number
