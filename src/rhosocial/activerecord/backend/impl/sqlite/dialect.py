"""How SQLite (3.35 and later) differs from standard SQL."""

from __future__ import annotations

from typing import Any

from rhosocial.activerecord.backend import Dialect, Function, IsolationLevel, Match, Select, SQLWriter, Value


class SQLiteDialect(Dialect):
    """SQLite's SQL.

    SERIALIZABLE is what every SQLite transaction is; READ UNCOMMITTED works between connections that share a cache;
    the levels between them do not exist (https://www.sqlite.org/isolation.html).
    """

    name = "SQLite"
    max_params = 32_766
    isolation_levels = frozenset({IsolationLevel.SERIALIZABLE, IsolationLevel.READ_UNCOMMITTED})
    supports_returning = True

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

    def write_select_limit(self, out: SQLWriter, select: Select) -> None:
        """LIMIT -1 is SQLite's "no limit", needed where there is only an OFFSET."""
        if select.limit is None and select.offset is not None:
            select = select.replace(limit=-1)
        super().write_select_limit(out, select)

    def write_match(self, out: SQLWriter, match: Match) -> None:
        """GLOB, since LIKE ignores the case of ASCII letters here."""
        out.node(match.item, match.precedence + 1)
        out.sql(" GLOB ")
        out.node(Value(match.pattern(_escape_glob, "*")))

    def function_name(self, function: Function) -> str:
        """SUM and AVG of decimals stored as text are exact functions that the backend registers."""
        if function.name in ("SUM", "AVG") and is_text_decimal(function.type):
            return f"decimal_{function.name.lower()}"
        return function.name

    def explain(self, sql: str) -> str:
        """EXPLAIN QUERY PLAN: the plain EXPLAIN lists byte code."""
        return f"EXPLAIN QUERY PLAN {sql}"


def _escape_glob(text: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)


def is_text_decimal(column: Any) -> bool:
    """Whether a column's decimals have more digits than SQLite's numbers keep (15), so that they are stored as text."""
    return column is not None and column.db_type.name == "DECIMAL" and (column.precision or 0) > 15
