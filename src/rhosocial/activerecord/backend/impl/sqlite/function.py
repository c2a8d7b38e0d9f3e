"""What the backend adds to each SQLite connection: exact sums, averages and an order for decimals stored as text."""

from __future__ import annotations

import sqlite3
from decimal import Context, Decimal, InvalidOperation
from typing import Any

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

    def finalize(self) -> str | None:
        """The sum as text."""
        return None if self.total is None else format(self.total, "f")


class DecimalAverage(DecimalSum):
    """The average of a text column, to 50 digits."""

    def finalize(self) -> str | None:
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


def register_functions(connection: sqlite3.Connection) -> None:
    """Make the functions and the collation known to a connection."""
    connection.create_aggregate("decimal_sum", 1, DecimalSum)  # type: ignore[arg-type]
    connection.create_aggregate("decimal_avg", 1, DecimalAverage)  # type: ignore[arg-type]
    connection.create_collation("DECIMAL", compare_decimals)
