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


class DerivedTable(Expression):
    """A SELECT that stands in FROM under a name; a lateral one may name the tables that stand before it."""

    __slots__ = ("known_as", "lateral", "select")

    def __init__(self, select: Any, name: str, *, lateral: bool = False) -> None:
        self.select = select
        self.known_as = name
        self.lateral = lateral

    def write(self, out: Writer) -> None:
        out.dialect.write_derived_table(out, self)


class CommonTable(Expression):
    """A query of WITH: ``"name" ("column", …) AS (SELECT …)``.

    `body` is set once, after the construction: the body of a recursive one names the table itself.
    """

    __slots__ = ("body", "columns", "is_recursive", "materialized", "name")

    def __init__(self, name: str, columns: tuple[str, ...], *, materialized: bool | None = None) -> None:
        self.name = name
        self.columns = columns
        self.materialized = materialized
        self.is_recursive = False
        self.body: Any = None

    def write(self, out: Writer) -> None:
        out.dialect.write_common_table(out, self)


class CommonTableName(Expression):
    """A query of WITH where a table stands in FROM."""

    __slots__ = ("alias", "name")

    def __init__(self, name: str, alias: str | None = None) -> None:
        self.name = name
        self.alias = alias

    @property
    def known_as(self) -> str:
        """The name that its columns are written with."""
        return self.name if self.alias is None else self.alias

    def write(self, out: Writer) -> None:
        out.name(self.name)
        if self.alias is not None:
            out.sql(" AS ")
            out.name(self.alias)
