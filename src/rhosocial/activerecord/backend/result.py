"""The types of what functions are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .errors import QueryError
from .expression import Expression, Value, as_operand, type_of
from .names import shown
from .number import common_type, is_number, value_type

if TYPE_CHECKING:
    from .column_type import ColumnType


def like_of(items: list[Any]) -> Any:
    """The first of some operands and values that has a column's type, or None: values beside it are converted so."""
    return next((item for item in items if type_of(item) is not None), None)


def result_type_of(item: Any) -> ColumnType | None:
    """The type of an operand, or of a value as it would come back."""
    if isinstance(item, Value):
        return item.column or value_type(item.value)
    if isinstance(item, Expression) or hasattr(item, "as_subquery"):
        return type_of(as_operand(item))
    return value_type(item)


def common_result(items: Sequence[Any]) -> ColumnType | None:
    """The type of a result that is one of `items`; values beside an operand with a type are converted to that."""
    typed = [column for item in items if (column := _operand_type(item)) is not None]
    if not typed or all(column.python is int for column in typed):
        return common_type(map(result_type_of, items))
    return common_type(typed)


def _operand_type(item: Any) -> ColumnType | None:
    is_operand = isinstance(item, Expression) or hasattr(item, "as_subquery")
    return result_type_of(item) if is_operand else None


def column_of(name: str, item: Any) -> Any:
    """The operand that the function `name` is given; QueryError for text, which would stand for itself."""
    if isinstance(item, str):
        raise QueryError(f"{name} takes an expression: write a column, as in User.c.name, not {shown(item)}")
    return item


def number_type(name: str, item: Any) -> ColumnType | None:
    """The type of a number that the function `name` is given; QueryError where it is known to be none."""
    column = result_type_of(item)
    if column is not None and not is_number(column):
        raise QueryError(f"{name} takes numbers, but {getattr(item, 'name', 'the expression')!r} holds {column.label}")
    return column
