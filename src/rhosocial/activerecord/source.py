"""What a question can be asked of: a table under another name, a query in FROM, a query of WITH."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .backend.column_type import ColumnType
from .backend.errors import ColumnNotFound, QueryError
from .backend.expression import ColumnRef, Expression, type_of
from .backend.names import shown
from .backend.schema import ForeignKey
from .backend.statement import Compound, Select, TableName
from .backend.subquery import CommonTable, CommonTableName, DerivedTable
from .scope import scopes_without
from .table import Columns, Table, TableColumn, nearest

Q = TypeVar("Q")


@dataclass(frozen=True, slots=True, eq=False)
class GivenColumn:
    """One column that a query gives: the name it has there, for Python and SQL alike, and its type where known."""

    field: str
    name: str
    type: ColumnType | None
    nullable: bool = True


class Alias(Generic[Q]):
    """A table under another name in a query: ``boss = Person.alias("boss")``, ``boss.c.name``.

    It can be joined, asked (`query`), and named in conditions as a model can.
    """

    __slots__ = ("_refs", "_source", "c", "name", "origin", "scopes", "select_list", "stands_for")

    def __init__(self, table: Table, name: str, source: Expression | None = None) -> None:
        self.origin = table
        self.name = checked_name(name)
        self.scopes = table.scopes
        # Given another source, it holds that one's rows for the table's, whose columns mean these then.
        self.stands_for = None if source is None else table.name
        self._source = source or TableName(table.name, name, table.schema)
        self.select_list = tuple([ColumnRef(name, column.name, column.type) for column in table.columns])
        self._refs = dict(zip(table.by_field, self.select_list, strict=True))
        self.c = Columns(self)

    @property
    def model(self) -> Any:
        """The model whose table it is."""
        return self.origin.model

    @property
    def by_field(self) -> dict[str, TableColumn]:
        """The table's columns by field name."""
        return self.origin.by_field

    @property
    def by_name(self) -> dict[str, TableColumn]:
        """The table's columns by column name."""
        return self.origin.by_name

    @property
    def key(self) -> tuple[TableColumn, ...]:
        """The table's key."""
        return self.origin.key

    @property
    def foreign_keys(self) -> tuple[ForeignKey, ...]:
        """The table's foreign keys."""
        return self.origin.foreign_keys

    @property
    def relations(self) -> Mapping[str, Any]:
        """The model's relations by name."""
        return self.origin.relations

    def ref(self, name: str) -> ColumnRef:
        """The column as an expression."""
        ref = self._refs.get(name)
        return ref if ref is not None else self._refs[self.origin.column(name).field]

    def source(self) -> Expression:
        """The table as it stands in FROM."""
        return self._source

    def unscoped(self, *names: str) -> Alias[Q]:
        """The same name for all rows, those that the model's default scopes, or those named, leave out among them."""
        made: Alias[Q] = Alias(self.origin, self.name, self._source if self.stands_for else None)
        made.scopes = scopes_without(self, self.scopes, names)
        return made

    def query(self) -> Q:
        """A question about the table's rows under this name, answered in records of the model."""
        query: Q = self.model.__query_class__(self)
        return query

    def __repr__(self) -> str:
        return f"Alias({self.origin.name!r}, {self.name!r})"


class Derived(Generic[Q]):
    """A query that stands where a table may: its rows under a name, its columns as `c`; made by `Query.as_table`."""

    __slots__ = ("_ask", "_refs", "_source", "by_field", "by_name", "c", "ctes", "name", "origin", "select_list")

    # What joins ask of tables, and no query has.
    key: tuple[TableColumn, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    relations: Mapping[str, Any] = {}  # Never changed.
    stands_for: str | None = None
    scopes: None = None  # What it reads from has been asked with its own.

    def __init__(
        self,
        name: str,
        columns: Iterable[Any],
        source: Expression,
        origin: Table,
        ask: Callable[[Any], Q],
        ctes: tuple[CommonTable, ...] = (),
    ) -> None:
        self.name = checked_name(name)
        self.origin = origin
        self.ctes = ctes  # What WITH must hold where this is read from.
        given = list(columns)
        self.by_field = {column.field: column for column in given}
        self.by_name = {column.name: column for column in given}
        self.select_list = tuple([ColumnRef(name, column.name, column.type) for column in given])
        self._refs: dict[str, ColumnRef] = dict(zip(self.by_field, self.select_list, strict=True))
        self._source = source
        self._ask = ask
        self.c = Columns(self)

    @property
    def model(self) -> Any:
        """The model that was asked."""
        return self.origin.model

    @property
    def is_lateral(self) -> bool:
        """Whether it names the tables before it."""
        return isinstance(self._source, DerivedTable) and self._source.lateral

    def ref(self, name: str) -> ColumnRef:
        """The column as an expression; ColumnNotFound names the nearest."""
        column = self.by_field.get(name) or self.by_name.get(name)
        if column is None:
            raise ColumnNotFound(
                f"{self.name} has no column {shown(name)}{nearest(name, self.by_field)}", table=self.name
            )
        return self._refs[column.field]

    def source(self) -> Expression:
        """What stands in FROM."""
        return self._source

    def query(self) -> Q:
        """A question about its rows, answered in rows of all its columns."""
        return self._ask(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {list(self.by_field)})"


class CTE(Derived[Q]):
    """A query of WITH; made by `Query.as_cte`.  Where it is joined or read from, it puts itself into WITH."""

    __slots__ = ("node",)

    def __init__(self, node: CommonTable, columns: Iterable[Any], origin: Table, ask: Callable[[Any], Q]) -> None:
        self.node = node
        super().__init__(node.name, columns, CommonTableName(node.name), origin, ask, (node,))

    @property
    def ctes_needed(self) -> tuple[CommonTable, ...]:
        """The queries that WITH must hold, this one last; while a recursive one is being made, itself alone."""
        body = self.node.body
        others = () if body is None else tuple([cte for cte in body.ctes if cte is not self.node])
        return (*others, self.node)

    def recursive(self, step: Callable[[CTE[Q]], Any], *, all: bool = True) -> CTE[Q]:
        """The rows of this query, and what `step` finds from them, again and again until it finds nothing new.

        ``Node.query().where(Node.c.id == 1).as_cte("tree").recursive(lambda tree: Node.query().join(tree, on=…))``;
        ``all=False`` leaves out rows that were found before, which ends a search that goes in circles.
        """
        node = CommonTable(self.name, tuple(self.by_name), materialized=self.node.materialized)
        node.is_recursive = True
        made = CTE(node, self.by_field.values(), self.origin, self._ask)
        further = closed_select(step(made))
        compound = compound_of(self.node.body, "UNION", further, is_all=all)
        node.body = compound.replace(ctes=tuple([cte for cte in compound.ctes if cte is not node]))
        return made

    def alias(self, name: str) -> Derived[Q]:
        """The same rows under another name, to read them twice in one query."""
        source = CommonTableName(self.name, checked_name(name))
        return Derived(name, self.by_field.values(), source, self.origin, self._ask, self.ctes_needed)


Source = Table | Alias[Any] | Derived[Any]


def source_of(target: Any) -> Source | None:
    """The table, alias, derived table or CTE that `target` is, or whose model it is; None for anything else."""
    if isinstance(target, (Table, Alias, Derived)):
        return target
    table = getattr(target, "__table__", None) if isinstance(target, type) else None
    return table.reading if isinstance(table, Table) else None


def ctes_of(source: Source) -> tuple[CommonTable, ...]:
    """The queries that WITH must hold where `source` is read from."""
    if isinstance(source, CTE):
        return source.ctes_needed
    return source.ctes if isinstance(source, Derived) else ()


def merged_ctes(before: Iterable[CommonTable], more: Iterable[CommonTable]) -> tuple[CommonTable, ...]:
    """The queries of both, each once; QueryError where two of them have one name."""
    found = {cte.name.casefold(): cte for cte in before}
    for cte in more:
        if found.setdefault(cte.name.casefold(), cte) is not cte:
            raise QueryError(f"two CTEs of one query are named {cte.name!r}: give one another name")
    return tuple(found.values())


def closed_select(query: Any) -> Select:
    """The SELECT of a query; QueryError for anything else."""
    asked = query.as_subquery() if hasattr(query, "as_subquery") else None
    select = getattr(asked, "select", None)
    if not isinstance(select, Select):
        raise QueryError(f"expected a query, got {type(query).__name__}")
    return select


def compound_of(left: Select, operator: str, right: Select, *, is_all: bool = False) -> Compound:
    """Two SELECTs joined by UNION, INTERSECT or EXCEPT."""
    if len(left.columns) != len(right.columns):
        raise QueryError(f"{operator} joins queries of equal width, got {len(left.columns)} and {len(right.columns)}")
    # INTERSECT binds more tightly than the others by the standard, and not on SQLite: so it never stands beside them.
    chains = isinstance(left, Compound) and (operator != "INTERSECT" or left.operator == operator)
    compound = Compound(left if chains and not _has_extent(left) else _as_part(left), operator, _as_part(right))
    return compound.replace(columns=output_of(left), is_all=is_all, ctes=merged_ctes(left.ctes, right.ctes))


def output_of(select: Select) -> tuple[ColumnRef, ...]:
    """The columns that a SELECT gives, by the names they have outside it."""
    return tuple([ColumnRef(None, column.name, type_of(column)) for column in select.columns])  # type: ignore[attr-defined]  # Each has a name.


def _as_part(select: Select) -> Select:
    # Where parentheses are not allowed (SQLite), and where they are, this says the same.
    if not _has_extent(select) and not isinstance(select, Compound):
        return select
    return Select(output_of(select), DerivedTable(select, "part"))


def _has_extent(select: Select) -> bool:
    own = select.limit, select.offset, select.lock
    return bool(select.order_by) or any(clause is not None for clause in own)


def checked_name(name: Any) -> str:
    """A name that SQL can hold, in quotes: any text but an empty one or one with a NUL."""
    if not isinstance(name, str) or not name or "\0" in name:
        raise QueryError(f"expected a name, got {shown(name)}")
    return name
