"""Several operands as one value, and values that are the driver's already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .expression import Expression, Operand
from .writer import Writer


class RowValue(Operand):
    """Operands compared as one, the first first: ``("day", "id") > (?, ?)``."""

    __slots__ = ("items",)

    def __init__(self, items: Iterable[Expression]) -> None:
        self.items = tuple(items)

    def write(self, out: Writer) -> None:
        out.dialect.require(out.dialect.supports_row_values, "comparisons of rows of values, which this needs")
        out.sql("(")
        out.nodes(self.items)
        out.sql(")")


class Sent(Operand):
    """A value bound as it is: one that the driver gave, or that its column's dumper has made."""

    __slots__ = ("values",)  # The name that `repr` leaves out.

    def __init__(self, value: Any) -> None:
        self.values = value

    def write(self, out: Writer) -> None:
        out.sql("?")
        out.params.append(self.values)
