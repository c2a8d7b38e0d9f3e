"""As what a number is converted beside a column, and which type arithmetic gives."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from .codec import refuse_comparison
from .column_type import ColumnType, column_type
from .errors import ConfigurationError, QueryError
from .typing import DatabaseType

INT = ColumnType(int, DatabaseType.BIGINT)
FLOAT = ColumnType(float, DatabaseType.DOUBLE)
TEXT = ColumnType(str, DatabaseType.TEXT)
BOOLEAN = ColumnType(bool, DatabaseType.BOOLEAN)
SPAN = ColumnType(timedelta, DatabaseType.INTERVAL)
DATE = ColumnType(date, DatabaseType.DATE)
MOMENT = ColumnType(datetime, DatabaseType.TIMESTAMPTZ, aware=True)
JSON = ColumnType(object, DatabaseType.JSON)

# A double keeps so many digits of any number: an engine without exact numbers stores longer decimals as text, and has
# to convert what they are compared with in the same way.
_DOUBLE_DIGITS = 15
_UNLIMITED = 1_000

_FAMILIES = {int: "number", bool: "number", float: "number", Decimal: "number", str: "text", timedelta: "span"}


def compared_as(column: ColumnType, value: Any) -> ColumnType | None:
    """The type as which `value` is converted beside a column of that type; None: the value's own type decides.

    A column's digits and places limit what it stores, not what it is compared with; and numbers of one kind may be
    compared with numbers of another.
    """
    if column.codec is not None:
        refuse_comparison(column)
        return column
    kind, python = type(value), column.python
    if python is Decimal and column.db_type is DatabaseType.DECIMAL:
        return None if kind is float and not _is_long(column) else _without_limits(column)
    return None if python is int and kind in (float, Decimal) else column


@lru_cache(maxsize=256)
def _without_limits(column: ColumnType) -> ColumnType:
    return ColumnType(Decimal, DatabaseType.DECIMAL, precision=_UNLIMITED if _is_long(column) else None)


def _is_long(column: ColumnType) -> bool:
    return (column.precision or 0) > _DOUBLE_DIGITS


def is_moment(column: ColumnType | None) -> bool:
    """Whether a column holds dates or datetimes."""
    return column is not None and column.kind in (date, datetime)


def is_number(column: ColumnType) -> bool:
    """Whether a column holds what can be summed: numbers, or spans of time."""
    return _family(column) in ("number", "span")


def with_scale(column: ColumnType, digits: int) -> ColumnType:
    """The type of such numbers rounded to `digits` places."""
    if column.python is not Decimal:
        return FLOAT if column.python is float else column
    return ColumnType(Decimal, DatabaseType.DECIMAL, precision=_without_limits(column).precision, scale=digits)


def type_of_value(value: Any) -> ColumnType | None:
    """The type of a bound value, where it matters in arithmetic."""
    if isinstance(value, (dict, list)):
        return ColumnType(type(value), DatabaseType.CUSTOM)
    return INT if isinstance(value, bool) else value_type(value)


def value_type(value: Any) -> ColumnType | None:
    """The type as which a bound value would come back; None for None."""
    if value is None:
        return None
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        scale = max(0, -exponent) if isinstance(exponent, int) else None
        return ColumnType(Decimal, DatabaseType.DECIMAL, scale=scale)
    if isinstance(value, datetime):
        aware = value.tzinfo is not None
        return ColumnType(datetime, DatabaseType.TIMESTAMPTZ if aware else DatabaseType.TIMESTAMP, aware=aware)
    known = _OF_VALUES.get(type(value))
    return known if known is not None else _annotated_type(type(value))


def _annotated_type(kind: type) -> ColumnType:
    try:
        return column_type(kind)
    except ConfigurationError:
        return ColumnType(kind, DatabaseType.CUSTOM)


_OF_VALUES = {
    int: INT,
    bool: BOOLEAN,
    float: FLOAT,
    str: TEXT,
    date: DATE,
    timedelta: SPAN,
    dict: JSON,
    list: JSON,
}


def common_type(types: Iterable[ColumnType | None]) -> ColumnType | None:
    """The type of a result that is one of several; numbers of two kinds become the wider one; None: not known."""
    known = [column for column in types if column is not None]
    kinds = {column.python for column in known}
    if not known or all(column == known[0] for column in known):
        return known[0] if known else None
    if kinds <= {int, Decimal} and Decimal in kinds:
        scales = [column.scale for column in known if column.python is Decimal]
        scale = None if None in scales else max(scale or 0 for scale in scales)
        return ColumnType(Decimal, DatabaseType.DECIMAL, precision=_precision(known), scale=scale)
    if len(kinds) == 1:
        return known[0]
    return FLOAT if kinds <= {int, float} else None


def result_type(operator: str, left: ColumnType | None, right: ColumnType | None) -> ColumnType | None:
    """The type of ``left operator right``, None where it is not known; QueryError where the two do not go together.

    Decimals keep as many places as the operation gives: products have those of both sides.
    """
    families = {_family(column) for column in (left, right) if column is not None}
    if not families <= {"number"}:
        return _type_beside_numbers(operator, families, left, right)
    if left is None or right is None:
        known = left or right
        return _without_limits(known) if known is not None and known.python is Decimal else None
    kinds = {left.python, right.python}
    if float in kinds:
        return FLOAT
    if Decimal in kinds:
        return _decimal_result(operator, left, right)
    return INT  # Of whole numbers the quotient is one too: a dialect writes what gives it.


def _family(column: ColumnType) -> str:
    name: str = getattr(column.python, "__name__", str(column.python))
    return _FAMILIES.get(column.python, name) if isinstance(column.python, type) else name


def _type_beside_numbers(
    operator: str, families: set[str], left: ColumnType | None, right: ColumnType | None
) -> ColumnType | None:
    if (families == {"text"} and operator == "||") or (families == {"span"} and operator in ("+", "-")):
        return left or right
    if left is not None and right is not None and (is_moment(left) or is_moment(right)):
        if operator == "-" and len(families) == 1:
            return SPAN
        if "span" in families and (operator == "+" or (operator == "-" and is_moment(left))):
            return left if is_moment(left) else right
    raise QueryError(
        f"{operator!r} does not go with {' and '.join(sorted(families))}: it takes numbers (+ also joins text); "
        "write what the engine has for it as SQL text"
    )


def _decimal_result(operator: str, left: ColumnType, right: ColumnType) -> ColumnType:
    places = [0 if column.python is not Decimal else column.scale for column in (left, right)]
    known = [scale for scale in places if scale is not None]
    scale = None
    if len(known) == 2 and operator != "/":
        scale = sum(known) if operator == "*" else max(known)
    return ColumnType(Decimal, DatabaseType.DECIMAL, precision=_precision([left, right]), scale=scale)


def _precision(columns: list[ColumnType]) -> int | None:
    return _UNLIMITED if any(map(_is_long, columns)) else None
