"""How one database spells SQL: quotes, clause order, flags, and the few constructs that differ.

A dialect is a list of differences: a subclass sets attributes and overrides the named `write_…` methods whose text is
another one in its database.  It knows no connection and no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

from .constructs import Constructs
from .errors import IsolationLevelError, QueryError
from .expression import Expression
from .many import ManyRows
from .schema import Check, ColumnDefinition, Exclude, ForeignKey, PrimaryKey
from .scope import Scope
from .statement import (
    Compound,
    CreateIndex,
    CreateTable,
    Delete,
    DropTable,
    IndexHint,
    Insert,
    Join,
    Select,
    Statement,
    TableName,
    Update,
)
from .subquery import CommonTable, DerivedTable
from .typing import IsolationLevel
from .writer import Dump, SQLWriter, as_it_is


class Dialect(Constructs, ManyRows):
    """Standard SQL; a subclass says where its database differs.

    Texts are canonical: each bound value is a ``?``, whatever `paramstyle` the driver has; the backend translates them
    right before the driver.
    """

    paramstyle: ClassVar[str] = "qmark"
    quote_open: ClassVar[str] = '"'
    quote_close: ClassVar[str] = '"'
    max_params: ClassVar[int] = 32_000
    isolation_levels: ClassVar[frozenset[IsolationLevel]] = frozenset(IsolationLevel)

    # Does INSERT, UPDATE, DELETE … RETURNING exist?
    supports_returning: ClassVar[bool] = False
    # Are there savepoints, so that blocks can nest?
    supports_savepoints: ClassVar[bool] = True
    # Does the driver's last insert id give the key of a row inserted alone?
    supports_last_insert_id: ClassVar[bool] = True
    # What stands in an INSERT of a row that gives no column.
    default_row: ClassVar[str] = "DEFAULT VALUES"
    # What stands before VALUES in an INSERT whose keys were reserved.
    given_keys: ClassVar[str] = ""
    # Does an integer key take its numbers from a sequence that is made before its table and dropped after it?
    has_key_sequences: ClassVar[bool] = False
    # May several rows stand in one INSERT … VALUES?
    supports_multirow_insert: ClassVar[bool] = True
    # Does an INSERT of many rows bind a list for each column, and not a value for each place?
    binds_columns: ClassVar[bool] = False
    # Can rows of values be compared, (a, b) > (1, 2)?
    supports_row_values: ClassVar[bool] = True
    # May an UPDATE or DELETE have a subquery with LIMIT that reads the very table?
    supports_limited_subqueries: ClassVar[bool] = True
    # Can DDL be part of a transaction?  Without, it is refused inside a block, which it would commit.
    supports_transactional_ddl: ClassVar[bool] = True
    # Is a generated column stored?  Otherwise it is computed when it is read, and can have no NOT NULL.
    stores_generated: ClassVar[bool] = True
    # May an index be of the rows that meet a condition alone?
    supports_partial_indexes: ClassVar[bool] = False
    supports_exclusion: ClassVar[bool] = False  # EXCLUDE constraints.

    # Are there RIGHT and FULL JOIN?
    supports_outer_joins: ClassVar[bool] = True
    # Is there FULL JOIN among them?
    supports_full_join: ClassVar[bool] = True
    # May a query in FROM name the tables before it (LATERAL)?
    supports_lateral: ClassVar[bool] = True
    # Are there INTERSECT ALL and EXCEPT ALL?
    supports_set_all: ClassVar[bool] = True
    # Is there DISTINCT ON (…)?
    supports_distinct_on: ClassVar[bool] = False
    # May WITH say whether a query is MATERIALIZED?
    supports_materialized_cte: ClassVar[bool] = False
    # Can a SELECT lock its rows: FOR UPDATE, FOR SHARE?
    supports_row_locks: ClassVar[bool] = False
    # Can a SELECT say which indexes to use?
    supports_index_hints: ClassVar[bool] = False
    # Where an order puts NULL unless it says so: "low" (before all values), "high" (after all), "first" or "last".
    nulls_sort: ClassVar[str] = "high"

    select_clauses: ClassVar[tuple[str, ...]] = (
        "with",
        "columns",
        "source",
        "where",
        "group",
        "having",
        "order",
        "limit",
        "lock",
    )
    compound_clauses: ClassVar[tuple[str, ...]] = ("with", "parts", "order", "limit")
    insert_clauses: ClassVar[tuple[str, ...]] = ("into", "values", "returning")
    update_clauses: ClassVar[tuple[str, ...]] = ("table", "changes", "where", "returning")
    delete_clauses: ClassVar[tuple[str, ...]] = ("from", "where", "returning")
    create_table_clauses: ClassVar[tuple[str, ...]] = ("name", "body")
    create_index_clauses: ClassVar[tuple[str, ...]] = ("name", "columns", "where")
    drop_table_clauses: ClassVar[tuple[str, ...]] = ("name",)

    # 1 - Names and texts

    def quote(self, name: str) -> str:
        """The name as an identifier, whatever characters it holds; a NUL is refused."""
        return _quoted(name, self.quote_open, self.quote_close)

    def compile(self, statement: Any, dump: Dump = as_it_is) -> tuple[str, tuple[Any, ...]]:
        """The statement's canonical text and its values, each converted once by `dump(value, column)`."""
        out = SQLWriter(self, dump)
        try:
            statement.write(out)
        except RecursionError as error:
            raise QueryError("conditions are nested too deeply: join them by fewer changes between & and |") from error
        return out.text(), tuple(out.params)

    def get_placeholder(self, db_type: Any = None) -> str:
        """The placeholder of canonical SQL."""
        return "?"

    def format_expression(self, expression: Expression) -> str:
        """The text of an expression that holds no values."""
        return self.compile(expression)[0]

    def create_expression(self, expression: str) -> Expression:
        """SQL text to stand in a statement where a value could."""
        return Expression(expression)

    # 2 - Transactions

    def begin_statements(self, isolation: IsolationLevel | None, read_only: bool) -> list[str]:
        """The statements that begin a transaction; IsolationLevelError for a level that the database does not have."""
        self.check_isolation(isolation)
        modes = [f"ISOLATION LEVEL {isolation.sql}"] if isolation is not None else []
        return [" ".join(["START TRANSACTION", ", ".join(modes + ["READ ONLY"] * read_only)]).strip()]

    def end_statements(self, isolation: IsolationLevel | None, read_only: bool) -> list[str]:
        """What must be run after COMMIT or ROLLBACK to put the connection back as it was."""
        return []

    def check_isolation(self, isolation: IsolationLevel | None) -> None:
        """Refuse a level that the database does not have."""
        if isolation is not None and isolation not in self.isolation_levels:
            known = ", ".join(sorted(level.name for level in self.isolation_levels))
            raise IsolationLevelError(f"{self.name} has no isolation level {isolation.name}; it has {known}")

    def savepoint(self, name: str) -> str:
        """The statement that sets a savepoint."""
        return f"SAVEPOINT {self.quote(name)}"

    def release_savepoint(self, name: str) -> str:
        """The statement that keeps what came after a savepoint."""
        return f"RELEASE SAVEPOINT {self.quote(name)}"

    def rollback_savepoint(self, name: str) -> str:
        """The statement that undoes what came after a savepoint."""
        return f"ROLLBACK TO SAVEPOINT {self.quote(name)}"

    # 3 - Statements: one writer for each clause

    def write_statement(self, out: SQLWriter, statement: Statement) -> None:
        """Write the clauses of `statement` in this dialect's order."""
        outer, scope, kind = out.qualify, out.scope, statement.kind
        out.scope = _scope_of(statement, scope)
        # Inside a subquery every column carries its table, or the inner table's columns would hide the outer's.
        out.qualify = out.depth > 0 or bool(getattr(statement, "joins", ()))
        deeper = kind != "compound"  # Its parts stand where it stands itself.
        out.depth += deeper
        for writer in _writers(kind, tuple(getattr(self, f"{kind}_clauses"))):
            getattr(self, writer)(out, statement)
        out.depth -= deeper
        out.qualify, out.scope = outer, scope

    def write_select_with(self, out: SQLWriter, select: Select) -> None:
        """WITH, and the queries that no statement around this one has given already."""
        scope = out.scope
        if not select.ctes or scope is None:
            return
        new = [cte for cte in select.ctes if scope.ctes.get(cte.name.casefold()) is not cte]
        scope.ctes.update({cte.name.casefold(): cte for cte in new})
        if new:
            out.sql("WITH RECURSIVE " if any(cte.is_recursive for cte in new) else "WITH ")
            out.nodes(new)
            out.sql(" ")

    def write_common_table(self, out: SQLWriter, cte: CommonTable) -> None:
        """One query of WITH, its columns named where it is recursive."""
        out.name(cte.name)
        if cte.is_recursive:
            out.sql(" (")
            out.names(cte.columns)
            out.sql(")")
        out.sql(" AS ")
        if cte.materialized is not None:
            self.require(self.supports_materialized_cte, "say in whether a CTE is materialized")
            out.sql("MATERIALIZED " if cte.materialized else "NOT MATERIALIZED ")
        self._write_apart(out, cte.body)

    def write_derived_table(self, out: SQLWriter, derived: DerivedTable) -> None:
        """A query in FROM."""
        if derived.lateral:
            self.require(self.supports_lateral, "lateral queries: join one that does not name the tables before it")
            out.sql("LATERAL (")
            out.node(derived.select)
            out.sql(")")
        else:
            self._write_apart(out, derived.select)
        out.sql(" AS ")
        out.name(derived.known_as)

    def _write_apart(self, out: SQLWriter, select: Select) -> None:
        # A query in FROM or WITH does not see the tables beside it.
        scope = out.scope
        out.scope = None if scope is None else scope.behind()
        out.sql("(")
        out.node(select)
        out.sql(")")
        out.scope = scope

    def write_select_columns(self, out: SQLWriter, select: Select) -> None:
        """SELECT and the list of what it gives."""
        out.sql("SELECT DISTINCT " if select.distinct else "SELECT ")
        if select.distinct_on:
            self.require(self.supports_distinct_on, "DISTINCT ON: group the rows, or number them by a window")
            out.sql("DISTINCT ON (")
            out.nodes(select.distinct_on)
            out.sql(") ")
        out.nodes(select.columns)

    def write_select_source(self, out: SQLWriter, select: Select) -> None:
        """FROM, with the joins."""
        out.sql(" FROM ")
        out.node(select.source)
        if select.hints:
            self.write_index_hints(out, select.hints)
        for join in select.joins:
            out.sql(" ")
            out.node(join)

    def write_join(self, out: SQLWriter, join: Join) -> None:
        """One joined table and its condition."""
        if join.kind in ("RIGHT JOIN", "FULL JOIN"):
            self.require(self.supports_outer_joins, f"{join.kind}: begin with the other table, or unite two left joins")
        full = join.kind == "FULL JOIN"
        self.require(not full or self.supports_full_join, "FULL JOIN: unite a left and a right join")
        if join.kind:
            out.sql(join.kind + " ")
        out.node(join.target)
        if join.on is not None:
            out.sql(" ON ")
            out.node(join.on)

    def write_index_hints(self, out: SQLWriter, hints: tuple[IndexHint, ...]) -> None:
        """Which indexes of the table before are to be taken or left alone."""
        self.require(self.supports_index_hints, "index hints: leave out use_index and ignore_index")
        for hint in hints:
            out.sql(f" {hint.kind} INDEX (")
            out.names(hint.names)
            out.sql(")")

    def write_select_where(self, out: SQLWriter, select: Select | Update | Delete) -> None:
        """WHERE."""
        if select.where is not None:
            out.sql(" WHERE ")
            out.node(select.where)

    def write_select_group(self, out: SQLWriter, select: Select) -> None:
        """GROUP BY."""
        if select.group_by:
            out.sql(" GROUP BY ")
            out.nodes(select.group_by)

    def write_select_having(self, out: SQLWriter, select: Select) -> None:
        """HAVING."""
        if select.having is not None:
            out.sql(" HAVING ")
            out.node(select.having)

    def write_select_order(self, out: SQLWriter, select: Select) -> None:
        """ORDER BY."""
        if select.order_by:
            out.sql(" ORDER BY ")
            out.nodes(select.order_by)

    def write_select_limit(self, out: SQLWriter, select: Select) -> None:
        """LIMIT and OFFSET."""
        if select.limit is not None:
            out.sql(" LIMIT ")
            out.bind(select.limit)
        if select.offset is not None:
            out.sql(" OFFSET ")
            out.bind(select.offset)

    def write_select_lock(self, out: SQLWriter, select: Select) -> None:
        """The row lock."""
        lock = select.lock
        if lock is None:
            return
        self.require(self.supports_row_locks, "row locks: leave out for_update and for_share")
        out.sql(f" FOR {lock.mode}")
        if lock.of:
            out.sql(" OF ")
            out.names(lock.of)
        out.sql(" NOWAIT" if lock.nowait else " SKIP LOCKED" if lock.skip_locked else "")

    def write_compound_parts(self, out: SQLWriter, compound: Compound) -> None:
        """The two queries with the operator between them."""
        if compound.is_all and compound.operator != "UNION":
            self.require(self.supports_set_all, f"{compound.operator} ALL: leave out all=True")
        out.node(compound.left)
        out.sql(f" {compound.operator} ALL " if compound.is_all else f" {compound.operator} ")
        out.node(compound.right)

    write_compound_with = write_select_with
    write_compound_order = write_select_order
    write_compound_limit = write_select_limit

    def write_insert_into(self, out: SQLWriter, insert: Insert) -> None:
        """INSERT INTO and the table."""
        out.sql("INSERT INTO ")
        out.node(insert.table)

    def write_insert_values(self, out: SQLWriter, insert: Insert) -> None:
        """The columns and the rows, or DEFAULT VALUES where there are none."""
        if not insert.columns:
            out.sql(f" {self.default_row}")
            return
        out.sql(" (")
        out.names(insert.columns)
        out.sql(") VALUES ")
        for number, row in enumerate(insert.rows):
            out.sql(", (" if number else "(")
            out.nodes(row)
            out.sql(")")

    def rows_of_lists(self, columns: int) -> str:
        """The rows of an INSERT that binds a list for each of so many columns (`binds_columns`)."""
        return f"SELECT {', '.join(['unnest(?)'] * columns)}"

    def write_insert_returning(self, out: SQLWriter, statement: Insert | Update | Delete) -> None:
        """RETURNING, where rows are to come back."""
        if statement.returning:
            out.sql(" RETURNING ")
            out.nodes(statement.returning)

    def write_update_table(self, out: SQLWriter, update: Update) -> None:
        """UPDATE and the table."""
        out.sql("UPDATE ")
        out.node(update.table)

    def write_update_changes(self, out: SQLWriter, update: Update) -> None:
        """SET."""
        out.sql(" SET ")
        self.write_changes(out, update.changes)

    write_update_where = write_select_where
    write_update_returning = write_insert_returning

    def write_delete_from(self, out: SQLWriter, delete: Delete) -> None:
        """DELETE FROM and the table."""
        out.sql("DELETE FROM ")
        out.node(delete.table)

    write_delete_where = write_select_where
    write_delete_returning = write_insert_returning

    # 4 - Tables

    def implied_name(self, kind: str, table: str, columns: tuple[str, ...], number: int) -> str | None:
        """The name that the engine gives to a constraint without one, and says in its errors; None where it says more.

        `kind` is "unique", "primary_key", "foreign_key" or "check"; `number` counts those of the kind from 1.
        """
        return None

    def write_create_table_name(self, out: SQLWriter, create: CreateTable) -> None:
        """CREATE TABLE and the name."""
        out.sql("CREATE TABLE IF NOT EXISTS " if create.if_not_exists else "CREATE TABLE ")
        out.node(create.table)

    def write_create_table_body(self, out: SQLWriter, create: CreateTable) -> None:
        """The columns and constraints, in parentheses."""
        out.sql(" (\n  ")
        for number, column in enumerate(create.columns):
            out.sql(",\n  " if number else "")
            self.write_column(out, column)
        for constraint in create.constraints:
            out.sql(",\n  ")
            self.write_constraint(out, constraint)
        out.sql("\n)")

    def write_column(self, out: SQLWriter, column: ColumnDefinition) -> None:
        """One column of a CREATE TABLE."""
        out.name(column.name)
        out.sql(f" {column.type}")
        if column.collation is not None:
            out.sql(" COLLATE ")
            out.name(column.collation)
        if column.auto_key:
            self.write_auto_key(out)
        elif not column.nullable and (column.generated_sql is None or self.stores_generated):
            out.sql(" NOT NULL")
        if column.generated_sql is not None:
            kind = "STORED" if self.stores_generated else "VIRTUAL"
            out.sql(f" GENERATED ALWAYS AS ({column.generated_sql}) {kind}")
        elif column.default_sql is not None:
            out.sql(f" DEFAULT ({column.default_sql})")
        if column.unique:
            out.sql(" UNIQUE")

    def write_auto_key(self, out: SQLWriter) -> None:
        """What makes a column an integer key that the database counts up and that may be given by hand."""
        out.sql(" PRIMARY KEY" if self.has_key_sequences else " GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY")

    def write_constraint(self, out: SQLWriter, constraint: Any) -> None:
        """One constraint of a CREATE TABLE."""
        if constraint.name is not None:
            out.sql("CONSTRAINT ")
            out.name(constraint.name)
            out.sql(" ")
        if isinstance(constraint, Exclude):
            self.require(self.supports_exclusion, "EXCLUDE constraints: keep rows apart by Unique, or in the program")
            out.sql(f"EXCLUDE USING {constraint.using} ({constraint.condition})")
            out.sql(f" WHERE ({constraint.where})" if constraint.where is not None else "")
            return
        if isinstance(constraint, Check):
            out.sql(f"CHECK ({constraint.condition})")
            return
        kind = {PrimaryKey: "PRIMARY KEY", ForeignKey: "FOREIGN KEY"}.get(type(constraint), "UNIQUE")
        out.sql(f"{kind} (")
        out.names(constraint.columns)
        out.sql(")")
        if isinstance(constraint, ForeignKey):
            self.write_references(out, constraint)

    def write_references(self, out: SQLWriter, key: ForeignKey) -> None:
        """Where a foreign key points and what happens there."""
        out.sql(" REFERENCES ")
        out.name(key.target)
        out.sql(" (")
        out.names(key.target_columns)
        out.sql(")")
        if key.on_delete is not None:
            out.sql(f" ON DELETE {key.on_delete.upper()}")
        if key.on_update is not None:
            out.sql(f" ON UPDATE {key.on_update.upper()}")

    def write_create_index_name(self, out: SQLWriter, create: CreateIndex) -> None:
        """CREATE INDEX and the name."""
        out.sql("CREATE UNIQUE INDEX " if create.index.unique else "CREATE INDEX ")
        out.sql("IF NOT EXISTS " if create.if_not_exists else "")
        out.node(self.index_names(create)[0])

    def write_create_index_columns(self, out: SQLWriter, create: CreateIndex) -> None:
        """ON, with the table and its columns."""
        out.sql(" ON ")
        out.node(self.index_names(create)[1])
        out.sql(" (")
        out.names(create.index.columns)
        out.sql(")")

    def index_names(self, create: CreateIndex) -> tuple[Expression, Expression]:
        """The names of the index and of its table as they stand in CREATE INDEX."""
        return TableName(create.name), create.table

    def write_create_index_where(self, out: SQLWriter, create: CreateIndex) -> None:
        """The condition of a partial index."""
        if create.index.where is not None:
            self.require(self.supports_partial_indexes, "partial indexes: leave out where")
            out.sql(f" WHERE {create.index.where}")

    def write_drop_table_name(self, out: SQLWriter, drop: DropTable) -> None:
        """DROP TABLE and the name."""
        out.sql("DROP TABLE IF EXISTS " if drop.if_exists else "DROP TABLE ")
        out.node(drop.table)

    def key_sequence(self, table: TableName, column: str) -> str:
        """The quoted name of the sequence of a key (`has_key_sequences`), beside its table."""
        return self.compile(TableName(f"{table.name}_{column}_seq", schema=table.schema))[0]

    def create_sequence(self, sequence: str) -> str:
        """The statement that makes the sequence of a key, unless it is there."""
        return f"CREATE SEQUENCE IF NOT EXISTS {sequence}"

    def drop_sequence(self, sequence: str) -> str:
        """The statement that drops it, if it is there."""
        return f"DROP SEQUENCE IF EXISTS {sequence}"

    def next_of_sequence(self, sequence: str) -> str:
        """Its next number: the default of the key."""
        name = sequence.replace("'", "''")
        return f"nextval('{name}')"

    def set_sequence(self, sequence: str, table: str, column: str) -> str:
        """The statement that has it go on behind the largest stored key; `table` is quoted, `column` is not."""
        name = sequence.replace("'", "''")
        return f"SELECT setval('{name}', (SELECT COALESCE(MAX({self.quote(column)}), 0) + 1 FROM {table}), false)"

    def sync_sequence(self, table: str, column: str) -> str | None:
        """The statement that has a key's sequence go on behind the largest stored key; None where there is none.

        `table` is quoted, `column` is not.
        """
        return None

    def reserve_keys(self, table: str, column: str) -> str | None:
        """The query that takes keys from a column's sequence, ? of them; None where INSERT alone can generate keys.

        It gives a column `key`, with NULL where the sequence cannot be asked.  `table` is quoted, `column` is not.
        """
        return None

    # 5 - Looking at a statement

    def explain(self, sql: str) -> str:
        """The statement that shows how the database would run `sql`."""
        return f"EXPLAIN {sql}"


def _scope_of(statement: Statement, outer: Scope | None) -> Scope:
    if isinstance(statement, Compound):
        return Scope([], outer)
    if isinstance(statement, Select):
        sources = [statement.source, *(getattr(join, "target", None) for join in statement.joins)]
        return Scope(sources, outer, statement.stands_for)
    table = getattr(statement, "table", None)
    return Scope([] if table is None else [table], outer)


@lru_cache(maxsize=256)
def _writers(kind: str, clauses: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([f"write_{kind}_{clause}" for clause in clauses])


@lru_cache(maxsize=4096)
def _quoted(name: str, opening: str, closing: str) -> str:
    if not name or "\0" in name:
        raise QueryError(f"{name!r} cannot be a name in SQL")
    return opening + name.replace(closing, closing * 2) + closing


# The guide era's name of the class, at the guide era's place.
SQLDialectBase = Dialect


def placeholders(count: int) -> str:
    """``?, ?, ?``: as many placeholders as said."""
    return ", ".join("?" * count)


def names(dialect: Dialect, columns: Sequence[str]) -> str:
    """The quoted names with commas between them."""
    return ", ".join(map(dialect.quote, columns))
