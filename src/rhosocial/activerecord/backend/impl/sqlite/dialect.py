"""How SQLite (3.35 and later) differs from standard SQL."""

from __future__ import annotations

import sqlite3

from rhosocial.activerecord.backend import (
    CreateIndex,
    Dialect,
    Expression,
    IndexHint,
    IsolationLevel,
    Select,
    SQLWriter,
    TableName,
)

from .constructs import SQLiteConstructs


class SQLiteDialect(SQLiteConstructs, Dialect):
    """SQLite's SQL.

    SERIALIZABLE is what every SQLite transaction is; READ UNCOMMITTED works between connections that share a cache;
    the levels between them do not exist (https://www.sqlite.org/isolation.html).
    """

    name = "SQLite"
    max_params = 32_766
    isolation_levels = frozenset({IsolationLevel.SERIALIZABLE, IsolationLevel.READ_UNCOMMITTED})
    supports_returning = True
    supports_outer_joins = sqlite3.sqlite_version_info >= (3, 39)
    supports_lateral = False
    supports_set_all = False
    supports_materialized_cte = True
    supports_index_hints = True
    supports_partial_indexes = True
    nulls_sort = "low"
    upsert_form = "on_conflict"
    update_many_form = "from_values"
    update_many_rows = 1_000
    names_values = False

    def begin_statements(self, isolation: IsolationLevel | None, read_only: bool) -> list[str]:
        """BEGIN IMMEDIATE, which takes the write lock at once: a later upgrade could fail where waiting cannot help."""
        self.check_isolation(isolation)
        if read_only:
            return ["PRAGMA query_only = 1", "BEGIN DEFERRED"]
        if isolation is IsolationLevel.READ_UNCOMMITTED:
            return ["PRAGMA read_uncommitted = 1", "BEGIN DEFERRED"]
        return ["BEGIN IMMEDIATE"]

    def end_statements(self, isolation: IsolationLevel | None, read_only: bool) -> list[str]:
        """The pragmas that `begin_statements` set, unset."""
        if read_only:
            return ["PRAGMA query_only = 0"]
        return ["PRAGMA read_uncommitted = 0"] if isolation is IsolationLevel.READ_UNCOMMITTED else []

    def write_auto_key(self, out: SQLWriter) -> None:
        """AUTOINCREMENT: without it SQLite hands out the key of a deleted last row again."""
        out.sql(" PRIMARY KEY AUTOINCREMENT")

    def index_names(self, create: CreateIndex) -> tuple[Expression, Expression]:
        """The schema stands before the name of the index, and not before the table."""
        if not isinstance(create.table, TableName):
            return super().index_names(create)
        return TableName(create.name, schema=create.table.schema), TableName(create.table.name)

    def write_select_limit(self, out: SQLWriter, select: Select) -> None:
        """LIMIT -1 is SQLite's "no limit", needed where there is only an OFFSET."""
        if select.limit is None and select.offset is not None:
            select = select.replace(limit=-1)
        super().write_select_limit(out, select)

    write_compound_limit = write_select_limit

    def write_index_hints(self, out: SQLWriter, hints: tuple[IndexHint, ...]) -> None:
        """INDEXED BY, which knows one index, and refuses the statement where that cannot serve."""
        is_one = len(hints) == 1 and hints[0].kind == "USE" and len(hints[0].names) == 1
        self.require(is_one, "index hint but use_index with one name")
        out.sql(" INDEXED BY ")
        out.names(hints[0].names)

    def explain(self, sql: str) -> str:
        """EXPLAIN QUERY PLAN: the plain EXPLAIN lists byte code."""
        return f"EXPLAIN QUERY PLAN {sql}"
