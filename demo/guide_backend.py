"""A backend written the guide's way: SQLite through APSW, a driver of its own with another API than `sqlite3`.

It has the shape of the guide's complete example: mappers with their pair of methods, a transaction manager that is a
plain class, and a backend with `connect`, `disconnect`, `execute`, `transaction` and `_handle_error` over a pool.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, NoReturn
from uuid import UUID

import apsw

from rhosocial.activerecord.backend import (
    ConnectionConfig,
    ConnectionError,
    DatabaseError,
    DatabaseType,
    IntegrityError,
    Match,
    OperationalError,
    QueryError,
    QueryResult,
    SQLDialectBase,
    SQLWriter,
    StorageBackend,
    TransactionError,
    TypeMapper,
    Value,
    ValueMapper,
    create_connection_pool,
    parse_date,
    parse_datetime,
    parse_time,
    safe_json_dumps,
    safe_json_loads,
)


class ApswTypeMapper(TypeMapper):
    """SQLite's five storage classes."""

    def get_column_type(self, db_type: DatabaseType, **params: Any) -> str:
        """The name of a column type; ValueError for one that SQLite cannot keep."""
        names = {
            DatabaseType.TINYINT: "INTEGER",
            DatabaseType.SMALLINT: "INTEGER",
            DatabaseType.INTEGER: "INTEGER",
            DatabaseType.BIGINT: "INTEGER",
            DatabaseType.BOOLEAN: "INTEGER",
            DatabaseType.FLOAT: "REAL",
            DatabaseType.DOUBLE: "REAL",
            DatabaseType.BLOB: "BLOB",
            **dict.fromkeys(_TEXTS, "TEXT"),
        }
        if db_type not in names:
            raise ValueError(f"SQLite has no column type for {db_type}")
        return names[db_type]


_TEXTS = (
    DatabaseType.CHAR,
    DatabaseType.VARCHAR,
    DatabaseType.TEXT,
    DatabaseType.DATE,
    DatabaseType.TIME,
    DatabaseType.DATETIME,
    DatabaseType.TIMESTAMP,
    DatabaseType.TIMESTAMPTZ,
    DatabaseType.DECIMAL,
    DatabaseType.JSON,
    DatabaseType.UUID,
    DatabaseType.ENUM,
)


class ApswValueMapper(ValueMapper):
    """Times, decimals and UUIDs are text; a point in time is kept in UTC, so that texts compare as times do."""

    def __init__(self, config: Any = None) -> None:
        self.config = config
        self._converters: dict[type, Callable[[Any], Any]] = {
            bool: int,
            Decimal: str,
            UUID: str,
            date: date.isoformat,
            time: time.isoformat,
            datetime: _utc_text,
            dict: safe_json_dumps,
            list: safe_json_dumps,
        }

    def to_database(self, value: Any, db_type: DatabaseType | None = None) -> Any:
        """What APSW takes: None, int, float, str and bytes stay as they are."""
        convert = self._converters.get(type(value))
        return value if convert is None else convert(value)

    def from_database(self, value: Any, db_type: DatabaseType | None) -> Any:
        """The Python value of a column of that type."""
        if type(value) is str:
            parse = _PARSERS.get(db_type)
            return value if parse is None else parse(value)
        return bool(value) if db_type is DatabaseType.BOOLEAN and value is not None else value


def _utc_text(value: datetime) -> str:
    moment = value if value.tzinfo is None else value.astimezone(UTC)
    return moment.isoformat(sep=" ")


_PARSERS: dict[DatabaseType | None, Callable[[str], Any]] = {
    DatabaseType.DECIMAL: Decimal,
    DatabaseType.UUID: UUID,
    DatabaseType.DATE: parse_date,
    DatabaseType.TIME: parse_time,
    DatabaseType.DATETIME: parse_datetime,
    DatabaseType.JSON: safe_json_loads,
    DatabaseType.ARRAY: safe_json_loads,
}


class ApswDialect(SQLDialectBase):
    """Where SQLite's SQL is not the standard's."""

    name = "SQLite through APSW"

    def write_auto_key(self, out: SQLWriter) -> None:
        """An integer key that SQLite counts up."""
        out.sql(" PRIMARY KEY AUTOINCREMENT")

    def write_match(self, out: SQLWriter, match: Match) -> None:
        """GLOB, since SQLite's LIKE takes no notice of case."""
        out.node(match.item, match.precedence + 1)
        out.sql(" GLOB ")
        out.node(Value(match.pattern(_escape, "*")))

    def explain(self, sql: str) -> str:
        """SQLite's plain EXPLAIN lists byte code."""
        return f"EXPLAIN QUERY PLAN {sql}"


def _escape(text: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in text)


class ApswTransactionManager:
    """The guide's six verbs over one connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._isolation_level: Any = None

    def begin(self) -> None:
        """Begin, with the lock for writing: every isolation level is serializable here."""
        self._run("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Keep everything since `begin`."""
        self._run("COMMIT")

    def rollback(self) -> None:
        """Undo everything since `begin`."""
        self._run("ROLLBACK")

    def create_savepoint(self, name: str) -> None:
        """Set a mark to go back to."""
        self._run(f"SAVEPOINT {name}")

    def release_savepoint(self, name: str) -> None:
        """Forget the mark and keep what came after it."""
        self._run(f"RELEASE SAVEPOINT {name}")

    def rollback_savepoint(self, name: str) -> None:
        """Undo what came after the mark."""
        self._run(f"ROLLBACK TO SAVEPOINT {name}")

    def _run(self, sql: str) -> None:
        try:
            self._connection.execute(sql)
        except apsw.Error as error:
            raise TransactionError(f"{sql}: {error}") from error


class ApswBackend(StorageBackend):
    """One SQLite file, `config.database`, opened by APSW."""

    def __init__(self, config: ConnectionConfig) -> None:
        super().__init__(config)
        self._type_mapper = ApswTypeMapper()
        self._value_mapper = ApswValueMapper(config)
        self._dialect = ApswDialect()
        self._pool: Any = None

    def connect(self) -> None:
        """Take a connection from the pool."""
        if self._pool is None:
            self._pool = create_connection_pool(
                connect=_opened, size=self.config.pool_size, database=self.config.database
            )
        self._connection = self._pool.get_connection()

    def disconnect(self) -> None:
        """Give the connection back."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def execute(self, sql: str, params: Any = None, returning: bool = False) -> QueryResult:
        """Run one statement.

        Rows come back as tuples beside the names of their columns, which spares a dict for each; dicts would do too.
        """
        try:
            if not self._connection:
                self.connect()
            text, values = self.build_sql(sql, params)
            cursor = self._connection.cursor()
            cursor.execute(text, tuple(map(self._value_mapper.to_database, values)))
            if returning:
                return _rows(cursor)
            changes, key = self._connection.changes(), self._connection.last_insert_rowid()
            return QueryResult(affected_rows=changes, last_insert_id=key)
        except apsw.Error as error:
            self._handle_error(error)

    def transaction(self) -> ApswTransactionManager:  # The library makes a block of it.
        """The manager of this connection's transactions."""
        return ApswTransactionManager(self._connection)

    def supports_returning(self) -> bool:
        """Whether INSERT may give rows back: SQLite can since 3.35."""
        return True

    def _handle_error(self, error: Exception) -> NoReturn:
        for kind, named in _ERRORS:
            if isinstance(error, kind):
                raise named(str(error)) from error
        raise DatabaseError(str(error)) from error


_ERRORS: tuple[tuple[type[Exception], type[DatabaseError]], ...] = (
    (apsw.ConstraintError, IntegrityError),
    (apsw.CantOpenError, ConnectionError),
    (apsw.BusyError, OperationalError),
    (apsw.SQLError, QueryError),
)


def _opened(database: str) -> apsw.Connection:
    connection = apsw.Connection(database)
    connection.set_busy_timeout(5_000)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "cache_size = -65536"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _rows(cursor: apsw.Cursor) -> QueryResult:
    # APSW forgets the names of the columns once the last row has been read, and has none where there is no row.
    first = next(cursor, None)
    if first is None:
        return QueryResult(data=[])
    names = [column[0] for column in cursor.get_description()]
    rows = [first, *cursor]
    return QueryResult(columns=names, rows=rows, affected_rows=len(rows))
