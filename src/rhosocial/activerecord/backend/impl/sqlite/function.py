"""What the backend adds to each SQLite connection, among it exact sums and an order for decimals stored as text."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Context, Decimal, InvalidOperation
from functools import cache
from typing import Any

from .document import register_json
from .moment import register_moments
from .text import register_texts

# Enough for a sum of any realistic number of values; rounding to a column's scale is the loader's task.
_EXACT = Context(prec=100)


class DecimalSum:
    """The exact sum of a text column; None where there is no value, as SQL has it."""

    def __init__(self) -> None:
        self.total: Decimal | None = None
        self.count = 0

    def step(self, value: str | int | float | None) -> None:
        """Take one value."""
        if value is not None:
            self.total = _EXACT.add(self.total or Decimal(0), Decimal(str(value)))
            self.count += 1

    def inverse(self, value: str | int | float | None) -> None:
        """Take one value back that has left the window's frame."""
        if value is not None:
            self.count -= 1
            self.total = _EXACT.subtract(self.total or Decimal(0), Decimal(str(value))) if self.count else None

    def value(self) -> str | None:
        """The sum as text."""
        return None if self.total is None else format(self.total, "f")

    def finalize(self) -> str | None:
        """The sum at the end of the rows."""
        return self.value()


class DecimalAverage(DecimalSum):
    """The average of a text column, to 50 digits."""

    def value(self) -> str | None:
        """The average as text."""
        if self.total is None:
            return None
        return format(Context(prec=50).divide(self.total, Decimal(self.count)), "f")


def compare_decimals(left: str, right: str) -> int:
    """The order of two decimals stored as text; text that is no number comes last, by code point."""
    first, second = _place(left), _place(right)
    return (first > second) - (first < second)


def _place(text: str) -> tuple[int, Any]:
    # One order for all texts: a cycle among them would corrupt an index.
    try:
        number = Decimal(text)
    except InvalidOperation:
        return 1, text
    return (0, number) if number.is_finite() else (1, text)


# What SQLite has where it was built with its functions of mathematics.
_MATHEMATICS: dict[str, tuple[int, Callable[..., Any]]] = {
    "ceil": (1, lambda x: x if isinstance(x, int) else float(math.ceil(x))),
    "floor": (1, lambda x: x if isinstance(x, int) else float(math.floor(x))),
    "power": (2, math.pow),
    "sqrt": (1, lambda x: math.sqrt(x) if x >= 0 else None),
    "mod": (2, lambda x, y: math.fmod(x, y) if y else None),
    "sign": (1, lambda x: (x > 0) - (x < 0)),
}


@cache
def _missing() -> tuple[str, ...]:
    # Asked once: all connections share one library.
    with closing(sqlite3.connect(":memory:")) as connection:
        known = {name for (name,) in connection.execute("SELECT name FROM pragma_function_list")}
    return tuple(name for name in _MATHEMATICS if name not in known)


def _of_null(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: None if None in values else function(*values)


def register_functions(connection: sqlite3.Connection) -> None:
    """Make the functions and the collation known to a connection."""
    connection.create_window_function("decimal_sum", 1, DecimalSum)
    connection.create_window_function("decimal_avg", 1, DecimalAverage)
    connection.create_collation("DECIMAL", compare_decimals)
    register_json(connection)
    register_moments(connection)
    register_texts(connection)
    for name in _missing():
        count, function = _MATHEMATICS[name]
        connection.create_function(name, count, _of_null(function), deterministic=True)
