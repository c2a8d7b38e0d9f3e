"""A SELECT where an expression may stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import QueryError
from .expression import NOT, Condition, Expression, Operand, type_of
from .writer import Writer

if TYPE_CHECKING:
    from .column_type import ColumnType


class Subquery(Operand):
    """A SELECT in parentheses, where a value or a list of values may stand."""

    __slots__ = ("select",)

    def __init__(self, select: Any) -> None:
        self.select = select

    @property
    def type(self) -> ColumnType | None:
        """The type of its first column."""
        return type_of(self.select.columns[0])

    @property
    def width(self) -> int:
        """The number of its columns."""
        return len(self.select.columns)

    def write(self, out: Writer) -> None:
        out.sql("(")
        out.node(self.select)
        out.sql(")")


class Exists(Condition):
    """True where a query has a row."""

    __slots__ = ("negated", "query")
    precedence = NOT

    def __init__(self, query: Any, *, negated: bool = False) -> None:
        asked = query.as_subquery() if hasattr(query, "as_subquery") else query
        if not isinstance(asked, Expression):
            raise QueryError(f"expected a query, got {type(query).__name__}")
        self.query = asked
        self.negated = negated

    def write(self, out: Writer) -> None:
        out.sql("NOT EXISTS " if self.negated else "EXISTS ")
        out.node(self.query, NOT)
