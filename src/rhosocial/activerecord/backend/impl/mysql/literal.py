"""Values as literals of SQL: PyMySQL binds nothing at the server, so what a value looks like there is decided here.

Every session runs in utf8mb4 and NO_BACKSLASH_ESCAPES, which `session` verifies: inside a literal only the quote is
special then, and doubling it is all that text needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Any

from rhosocial.activerecord.backend import DataError


def bind(sql: str, values: Sequence[Any]) -> str:
    """The text with a literal in the place of each ``%s``; DataError for a value that is none of the known types."""
    try:
        return sql % tuple([_LITERALS[type(value)](value) for value in values])
    except KeyError as error:
        kind: Any = error.args[0]
        raise DataError(f"a value of type {kind.__name__} has no form in SQL: convert it first") from None


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _float(value: float) -> str:
    if not isfinite(value):
        raise DataError("NaN and infinite floats are unknown to MySQL and MariaDB; use None instead")
    # Without an exponent it would be a decimal.
    text = repr(value)
    return text if "e" in text else text + "e0"


def _decimal(value: Decimal) -> str:
    # An exponent would make it a double.
    return format(value, "f")


_LITERALS: Mapping[type, Callable[[Any], str]] = {
    str: _text,
    int: int.__repr__,
    float: _float,
    bool: lambda value: "TRUE" if value else "FALSE",
    type(None): lambda value: "NULL",
    bytes: lambda value: f"X'{value.hex()}'",
    Decimal: _decimal,
    datetime: lambda value: f"TIMESTAMP'{value.replace(tzinfo=None).isoformat(' ')}'",
    date: lambda value: f"DATE'{value.isoformat()}'",
    time: lambda value: f"TIME'{value.isoformat()}'",
}
