"""Statements as named clauses without an order; the dialect's clause lists give the order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .expression import Expression, Junction, Operand
from .schema import ColumnDefinition, Constraint, Index
from .writer import Writer

if TYPE_CHECKING:
    from .column_type import ColumnType


class Statement:
    """A kind of statement: `kind` names the dialect's clause list and its clause writers."""

    __slots__: tuple[str, ...] = ()
    kind: ClassVar[str]
    slots: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.slots = (*cls.slots, *cls.__slots__)

    def write(self, out: Writer) -> None:
        """Write the clauses in the order of the connected dialect."""
        out.dialect.write_statement(out, self)

    def replace(self, **clauses: Any) -> Self:
        """A copy with some clauses changed; this one stays as it is."""
        kind = self.__class__
        changed = kind.__new__(kind)
        for name in self.slots:  # `copy.copy` takes five times as long, and each call of a query makes a copy.
            setattr(changed, name, getattr(self, name))
        for name, value in clauses.items():
            setattr(changed, name, value)
        return changed


class TableName(Expression):
    """A table in FROM, with the name it goes by in the statement."""

    __slots__ = ("alias", "name", "schema")

    def __init__(self, name: str, alias: str | None = None, schema: str | None = None) -> None:
        self.name = name
        self.alias = alias
        self.schema = schema

    @property
    def known_as(self) -> str:
        """The name that its columns are written with."""
        return self.name if self.alias is None else self.alias

    def write(self, out: Writer) -> None:
        if self.schema is not None:
            out.name(self.schema)
            out.sql(".")
        elif out.scope is not None:
            out.scope.refuse_hidden(self.name)
        out.name(self.name)
        if self.alias is not None:
            out.sql(" AS ")
            out.name(self.alias)


class Join(Expression):
    """One joined table: `kind` is the SQL before it, `on` a condition or None; a raw clause has only `target`."""

    __slots__ = ("kind", "on", "target")

    def __init__(self, kind: str, target: Expression, on: Expression | None = None) -> None:
        self.kind = kind
        self.target = target
        self.on = on

    def write(self, out: Writer) -> None:
        out.dialect.write_join(out, self)


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock that a SELECT takes on its rows: `mode` is UPDATE or SHARE, `of` the tables that it is limited to."""

    mode: str
    nowait: bool = False
    skip_locked: bool = False
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexHint:
    """Which indexes the engine is to take (`kind` is USE) or to leave alone (IGNORE)."""

    kind: str
    names: tuple[str, ...]


class Select(Statement):
    """SELECT.  All clauses are tuples or single values and never changed in place.

    `ctes` are the named queries that it may read from.  `stands_for` is the table whose columns its source gives under
    another name: what names that table means the source.
    """

    __slots__ = (
        "columns",
        "ctes",
        "distinct",
        "distinct_on",
        "group_by",
        "having",
        "hints",
        "joins",
        "limit",
        "lock",
        "offset",
        "order_by",
        "source",
        "stands_for",
        "where",
    )
    kind = "select"
    operator = ""  # A Compound has one.

    def __init__(self, columns: Sequence[Expression], source: Expression) -> None:
        self.columns = tuple(columns)
        self.source = source
        self.stands_for: str | None = None
        self.ctes: tuple[Any, ...] = ()
        self.hints: tuple[IndexHint, ...] = ()
        self.distinct_on: tuple[Expression, ...] = ()
        self.joins: tuple[Join, ...] = ()
        self.where: Expression | None = None
        self.group_by: tuple[Expression, ...] = ()
        self.having: Expression | None = None
        self.order_by: tuple[Expression, ...] = ()
        self.limit: int | None = None
        self.offset: int | None = None
        self.distinct = False
        self.lock: Lock | None = None


class Compound(Select):
    """Two SELECTs joined by UNION, INTERSECT or EXCEPT, its order and limit being those of the whole."""

    __slots__ = ("is_all", "left", "operator", "right")
    kind = "compound"

    def __init__(self, left: Select, operator: str, right: Select, *, is_all: bool = False) -> None:
        super().__init__(left.columns, left.source)
        self.operator = operator
        self.is_all = is_all
        self.left = left
        self.right = right


class Insert(Statement):
    """INSERT of one or more rows; `rows` hold nodes or values, in the order of `columns`."""

    __slots__ = ("columns", "returning", "rows", "table")
    kind = "insert"

    def __init__(
        self,
        table: Expression,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        returning: Sequence[Expression] = (),
    ) -> None:
        self.table = table
        self.columns = tuple(columns)
        self.rows = rows
        self.returning = tuple(returning)


class Proposed(Operand):
    """The value that an INSERT would have stored in a column, had its row not met another one: ``EXCLUDED.column``."""

    __slots__ = ("_type", "name")

    def __init__(self, name: str, type: ColumnType | None = None) -> None:
        self.name = name
        self._type = type

    @property
    def type(self) -> ColumnType | None:
        """The column's type."""
        return self._type

    def write(self, out: Writer) -> None:
        out.dialect.write_proposed(out, self)


class Conflict(Expression):
    """What an INSERT into `table` does where its row meets one with the same values in the columns of `target`.

    That row gets the `changes`, which pair column names with nodes, if it meets `where`; without changes it stays as
    it is.  `target_where` is the SQL text of the condition that a partial unique index has.  `is_guarded` says that the
    row could meet others by other columns too, which must be an error.
    """

    __slots__ = ("changes", "is_guarded", "table", "target", "target_where", "where")

    def __init__(
        self,
        table: TableName,
        target: Sequence[str],
        changes: Sequence[tuple[str, Expression]] = (),
        where: Expression | None = None,
        target_where: str | None = None,
        is_guarded: bool = False,
    ) -> None:
        self.table = table
        self.target = tuple(target)
        self.changes = tuple(changes)
        self.where = where
        self.target_where = target_where
        self.is_guarded = is_guarded

    def write(self, out: Writer) -> None:
        out.dialect.write_conflict(out, self)


class Update(Statement):
    """UPDATE; `changes` pairs column names with nodes."""

    __slots__ = ("changes", "returning", "table", "where")
    kind = "update"

    def __init__(
        self,
        table: Expression,
        changes: Sequence[tuple[str, Expression]],
        where: Expression | None = None,
        returning: Sequence[Expression] = (),
    ) -> None:
        self.table = table
        self.changes = tuple(changes)
        self.where = where
        self.returning = tuple(returning)


class UpdateMany(Expression):
    """An UPDATE that gives each of many rows, found by key, values of its own.

    `key` and `columns` name columns with their types; a row of `rows` has the values of `columns` and then those of
    `key`, as the driver takes them.  `changes` are the same for all rows.
    """

    __slots__ = ("changes", "columns", "key", "rows", "table")

    def __init__(
        self,
        table: TableName,
        key: Sequence[tuple[str, ColumnType]],
        columns: Sequence[tuple[str, ColumnType]],
        rows: Sequence[Sequence[Any]],
        changes: Sequence[tuple[str, Expression]] = (),
    ) -> None:
        self.table = table
        self.key = tuple(key)
        self.columns = tuple(columns)
        self.rows = rows
        self.changes = tuple(changes)

    def write(self, out: Writer) -> None:
        out.dialect.write_update_many(out, self)


class Delete(Statement):
    """DELETE."""

    __slots__ = ("returning", "table", "where")
    kind = "delete"

    def __init__(
        self, table: Expression, where: Expression | None = None, returning: Sequence[Expression] = ()
    ) -> None:
        self.table = table
        self.where = where
        self.returning = tuple(returning)


class CreateTable(Statement):
    """CREATE TABLE."""

    __slots__ = ("columns", "constraints", "if_not_exists", "table")
    kind = "create_table"

    def __init__(
        self,
        table: Expression,
        columns: Sequence[ColumnDefinition],
        constraints: Sequence[Constraint] = (),
        if_not_exists: bool = False,
    ) -> None:
        self.table = table
        self.columns = tuple(columns)
        self.constraints = tuple(constraints)
        self.if_not_exists = if_not_exists


class CreateIndex(Statement):
    """CREATE INDEX; `name` is the index's own name."""

    __slots__ = ("if_not_exists", "index", "name", "table")
    kind = "create_index"

    def __init__(self, table: Expression, index: Index, name: str, if_not_exists: bool = False) -> None:
        self.table = table
        self.index = index
        self.name = name
        self.if_not_exists = if_not_exists


class DropTable(Statement):
    """DROP TABLE."""

    __slots__ = ("if_exists", "table")
    kind = "drop_table"

    def __init__(self, table: Expression, if_exists: bool = False) -> None:
        self.table = table
        self.if_exists = if_exists


def and_(*conditions: Expression | None) -> Expression | None:
    """The conditions joined by AND, those that are None left out; None where none is left."""
    given = [condition for condition in conditions if condition is not None]
    if len(given) < 2:
        return given[0] if given else None
    return Junction("AND", given)
