"""How SQLite (3.35 and later) differs from standard SQL."""

from __future__ import annotations

from typing import Any

from rhosocial.activerecord.backend import (
    Arithmetic,
    CreateIndex,
    DataError,
    Dialect,
    Expression,
    Function,
    IsolationLevel,
    Match,
    Select,
    SQLWriter,
    TableName,
    UnsupportedFeature,
    Value,
)

ATOM = Value.precedence

# SQLite refuses longer patterns (SQLITE_MAX_LIKE_PATTERN_LENGTH is 50,000 bytes, a character at most four).
_LONGEST_PATTERN = 10_000


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

    def write_match(self, out: SQLWriter, match: Match) -> None:
        """GLOB for a beginning, which an index can serve; bytes otherwise, since patterns end at a NUL.

        LIKE is out of the question: it ignores the case of ASCII letters here.
        """
        text = match.text
        if match.kind == "startswith" and "\0" not in text and len(text) < _LONGEST_PATTERN:
            out.node(match.item, match.precedence + 1)
            out.sql(" GLOB ")
            out.node(Value(match.pattern(_escape_glob, "*")))
        elif match.kind == "contains" or not text:
            out.sql("INSTR(")
            out.node(match.item)
            out.sql(", ")
            out.node(Value(text))
            out.sql(") > 0")
        else:
            self._write_match_at_end(out, match, _as_utf8(text))

    def _write_match_at_end(self, out: SQLWriter, match: Match, sought: bytes) -> None:
        # A byte that no text holds goes before: the SUBSTR of an empty blob would be NULL.
        out.sql("SUBSTR(CAST(X'FF' || ")
        out.node(match.item, ATOM)
        out.sql(f" AS BLOB), {-len(sought)}) = " if match.kind == "endswith" else f" AS BLOB), 2, {len(sought)}) = ")
        out.node(Value(sought))

    def write_arithmetic(self, out: SQLWriter, arithmetic: Arithmetic) -> None:
        """SQLite reckons in doubles, which would spoil what the decimals of long columns are stored as text for."""
        if is_text_decimal(arithmetic.type):
            raise UnsupportedFeature(
                "SQLite cannot reckon with decimals of more than 15 digits: select the columns and reckon in Python"
            )
        super().write_arithmetic(out, arithmetic)

    def write_function(self, out: SQLWriter, function: Function) -> None:
        """What functions make of decimals stored as text has their order, too."""
        super().write_function(out, function)
        if is_text_decimal(function.type):
            out.sql(" COLLATE DECIMAL")

    def function_name(self, function: Function) -> str:
        """SUM and AVG of decimals stored as text are exact functions that the backend registers."""
        if not is_text_decimal(function.type) or function.name in ("MIN", "MAX", "COALESCE"):
            return function.name
        if function.name in ("SUM", "AVG"):
            return f"decimal_{function.name.lower()}"
        raise UnsupportedFeature(f"SQLite has no {function.name} for decimals of more than 15 digits")

    def explain(self, sql: str) -> str:
        """EXPLAIN QUERY PLAN: the plain EXPLAIN lists byte code."""
        return f"EXPLAIN QUERY PLAN {sql}"


def _as_utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DataError("text with a lone surrogate has no UTF-8 form, so no stored text can hold it") from error


def _escape_glob(text: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)


def is_text_decimal(column: Any) -> bool:
    """Whether a column's decimals have more digits than SQLite's numbers keep (15), so that they are stored as text."""
    return column is not None and column.db_type.name == "DECIMAL" and (column.precision or 0) > 15
