"""Parts of dates and times."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from .errors import QueryError
from .expression import Operand, as_operand, type_of
from .names import shown
from .number import INT
from .writer import Writer

if TYPE_CHECKING:
    from .column_type import ColumnType

_OF_DATES = ("year", "quarter", "month", "week", "day", "isodow", "doy")
_OF_TIMES = ("hour", "minute", "second", "microsecond")
_UNITS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second")


class Extract(Operand):
    """One part of a date or time as a whole number: ``EXTRACT(YEAR FROM item)``."""

    __slots__ = ("item", "part")

    def __init__(self, part: str, item: Any) -> None:
        self.part = _checked_part("extract", part, item, (*_OF_DATES, *_OF_TIMES))
        self.item = as_operand(item)

    @property
    def type(self) -> ColumnType:
        """A whole number."""
        return INT

    @property
    def label(self) -> str:
        """The part's name."""
        return self.part

    def write(self, out: Writer) -> None:
        out.dialect.write_extract(out, self)


class Truncation(Operand):
    """A date or datetime at the beginning of its year, month, …: ``DATE_TRUNC('month', item)``."""

    __slots__ = ("item", "part")

    def __init__(self, part: str, item: Any) -> None:
        self.part = _checked_part("date_trunc", part, item, _UNITS)
        self.item = as_operand(item)

    @property
    def type(self) -> ColumnType | None:
        """The type of what is truncated."""
        return type_of(self.item)

    @property
    def label(self) -> str:
        """``date_trunc``."""
        return "date_trunc"

    def write(self, out: Writer) -> None:
        out.dialect.write_truncation(out, self)


def _checked_part(function: str, part: Any, item: Any, known: tuple[str, ...]) -> str:
    if not isinstance(part, str) or part not in known:
        raise QueryError(f"{function} knows no part {shown(part)}: it takes {', '.join(known)}")
    column = type_of(item)
    if column is None:
        return part
    kind = column.kind
    fits = kind is datetime or (kind is date and part in _OF_DATES) or (kind is time and part in _OF_TIMES)
    if not fits or (kind is time and function == "date_trunc"):
        raise QueryError(f"{function} finds no {part} in values of {column.label}")
    return part
