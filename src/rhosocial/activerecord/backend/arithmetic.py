"""Two operands and an operator between them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from .expression import COMPARE, Operand, Value, as_operand, makes, type_of
from .number import SPAN, is_moment, result_type, type_of_value, value_type
from .writer import Writer

if TYPE_CHECKING:
    from .column_type import ColumnType


@makes("arithmetic")
class Arithmetic(Operand):
    """Two operands and an operator between them; ``+`` joins where one of them is text.

    Beside dates and datetimes ``+`` and ``-`` take spans of time, and the difference of two is a span.  A date stays a
    date: the one that the span leads to from its midnight.
    """

    __slots__ = ("_type", "is_difference", "is_shift", "left", "operator", "precedence", "right")

    def __init__(self, left: Any, operator: str, right: Any, precedence: int) -> None:
        self.left = _beside(left, right)
        self.right = _beside(right, left)
        left_type, right_type = _type_in_arithmetic(self.left), _type_in_arithmetic(self.right)
        if operator == "+" and any(side is not None and side.python is str for side in (left_type, right_type)):
            # Engines differ in how || binds, so it stands in parentheses wherever it could matter.
            operator, precedence = "||", COMPARE
        self.operator = operator
        self.precedence = precedence
        self._type = result_type(operator, left_type, right_type)
        self.is_shift = self._type is not None and is_moment(self._type)
        self.is_difference = self._type is SPAN and is_moment(left_type)
        if self.is_shift and not is_moment(left_type):
            self.left, self.right = self.right, self.left

    @property
    def type(self) -> ColumnType | None:
        """The type of the result, where it is known."""
        return self._type

    def write(self, out: Writer) -> None:
        if self.is_shift:
            out.dialect.write_shift(out, self)
        elif self.is_difference:
            out.dialect.write_difference(out, self)
        else:
            out.dialect.write_arithmetic(out, self)


def _beside(value: Any, other: Any) -> Any:
    """`value` as an operand beside `other`: beside a moment a span is none itself, and the other way round."""
    if isinstance(value, timedelta) and (is_moment(type_of(other)) or isinstance(other, date)):
        return Value(value, SPAN)
    column = type_of(other)
    if isinstance(value, date) and column is not None and column.kind is timedelta:
        return Value(value, value_type(value))
    return as_operand(value, other)


def _type_in_arithmetic(operand: Any) -> ColumnType | None:
    return type_of_value(operand.value) if isinstance(operand, Value) else type_of(operand)
