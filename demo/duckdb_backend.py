"""Another backend written the guide's way, over DuckDB: an engine that stores by column and knows no savepoints.

It has the shape of the guide's first listing: no pool, keyword settings, and the connection made in `connect`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, NoReturn

import duckdb

from rhosocial.activerecord.backend import (
    ColumnTypes,
    ConnectionError,
    DatabaseError,
    DatabaseType,
    DataError,
    IntegrityError,
    QueryError,
    QueryResult,
    SQLDialectBase,
    SQLWriter,
    StorageBackend,
    TransactionError,
    TypeMapper,
    ValueMapper,
    parse_date,
    parse_datetime,
)

# One sequence for all keys: DuckDB does not count up by itself.
_KEYS = "record_keys"


class DuckDBTypeMapper(TypeMapper):
    """DuckDB's column types; points in time are kept in UTC, since reading TIMESTAMPTZ would need pytz."""

    def get_column_type(self, db_type: DatabaseType, **params: Any) -> str:
        """The name of a column type; ValueError for one that has none."""
        names = {
            DatabaseType.SMALLINT: "SMALLINT",
            DatabaseType.INTEGER: "INTEGER",
            DatabaseType.BIGINT: "BIGINT",
            DatabaseType.BOOLEAN: "BOOLEAN",
            DatabaseType.FLOAT: "DOUBLE",
            DatabaseType.DOUBLE: "DOUBLE",
            DatabaseType.CHAR: "VARCHAR",
            DatabaseType.VARCHAR: "VARCHAR",
            DatabaseType.TEXT: "VARCHAR",
            DatabaseType.ENUM: "VARCHAR",
            DatabaseType.DATE: "DATE",
            DatabaseType.DATETIME: "TIMESTAMP",
            DatabaseType.TIMESTAMP: "TIMESTAMP",
            DatabaseType.TIMESTAMPTZ: "TIMESTAMP",
            DatabaseType.BLOB: "BLOB",
        }
        if db_type not in names:
            raise ValueError(f"no column type of DuckDB is known for {db_type}")
        return names[db_type]


class DuckDBValueMapper(ValueMapper):
    """DuckDB takes Python's values as they are, apart from points in time."""

    zoneless_utc = True

    def to_database(self, value: Any, db_type: DatabaseType | None = None) -> Any:
        """The value, or for a time with a zone the same in UTC without one."""
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.astimezone(UTC).replace(tzinfo=None)
        return value

    def from_database(self, value: Any, db_type: DatabaseType | None) -> Any:
        """The Python value of a column of that type."""
        if db_type is DatabaseType.DATETIME and value is not None:
            return parse_datetime(value)
        if db_type is DatabaseType.DATE and value is not None:
            return value if type(value) is date else parse_date(value)
        return value


class DuckDBDialect(SQLDialectBase):
    """Where DuckDB's SQL is not the standard's."""

    name = "DuckDB"
    binds_columns = True  # DuckDB plans each value of a statement by itself, which takes longer than inserting it.
    supports_savepoints = False
    supports_last_insert_id = False
    supports_distinct_on = True
    supports_materialized_cte = True
    nulls_sort = "last"

    def write_auto_key(self, out: SQLWriter) -> None:
        """An integer key from the sequence that `connect` makes."""
        out.sql(f" PRIMARY KEY DEFAULT nextval('{_KEYS}')")


class DuckDBTransactionManager:
    """The guide's six verbs; the three about savepoints are there to say that DuckDB has none."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def begin(self) -> None:
        """Begin a transaction."""
        self._run("BEGIN TRANSACTION")

    def commit(self) -> None:
        """Keep everything since `begin`."""
        self._run("COMMIT")

    def rollback(self) -> None:
        """Undo everything since `begin`."""
        self._run("ROLLBACK")

    def create_savepoint(self, name: str) -> None:
        """Refused."""
        raise TransactionError(f"DuckDB has no savepoints: {name!r} cannot be set")

    release_savepoint = rollback_savepoint = create_savepoint

    def _run(self, sql: str) -> None:
        try:
            self._connection.execute(sql)
        except duckdb.Error as error:
            raise TransactionError(f"{sql}: {error}") from error


class DuckDBBackend(StorageBackend):
    """One DuckDB file, `config.database`; every thread and task has a cursor of one handle."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._type_mapper = DuckDBTypeMapper()
        self._value_mapper = DuckDBValueMapper(self.config)
        self._dialect = DuckDBDialect()
        self._transaction_manager = None
        self._handle: Any = None

    def connect(self) -> None:
        """Open the file at the first call, and a connection of its own for each thread or task."""
        try:
            if self._handle is None:
                self._handle = duckdb.connect(self.config.database)
                self._handle.execute(f"CREATE SEQUENCE IF NOT EXISTS {_KEYS}")
            self._connection = self._handle.cursor()
        except duckdb.Error as error:
            raise ConnectionError(f"failed to connect: {error}") from error

    async def aclose(self) -> None:
        """Close every connection, and the file."""
        await super().aclose()
        if self._handle is not None:
            self._handle.close()

    def execute(
        self,
        sql: str,
        params: Any = None,
        returning: bool | None = False,
        column_types: ColumnTypes | None = None,
    ) -> QueryResult:
        """Run one statement; rows come back as dicts, converted where `column_types` says how."""
        try:
            if not self._connection:
                self.connect()
            text, values = self.build_sql(sql, params)
            cursor = self._connection.execute(text, list(map(self._value_mapper.to_database, values)))
            names = [column[0] for column in cursor.description or ()]
            rows = cursor.fetchall()
        except duckdb.Error as error:
            self._handle_error(error)
        if not returning:
            return QueryResult(affected_rows=_count(names, rows))
        data = [dict(zip(names, row, strict=True)) for row in rows]
        for name, db_type in (column_types or {}).items():
            for item in data:
                item[name] = self._value_mapper.from_database(item[name], db_type)
        return QueryResult(data=data, affected_rows=len(data))

    def transaction(self) -> DuckDBTransactionManager:  # The library makes a block of it.
        """The manager of this connection's transactions."""
        return DuckDBTransactionManager(self._connection)

    def supports_returning(self) -> bool:
        """Whether INSERT may give rows back."""
        return True

    def _handle_error(self, error: Exception) -> NoReturn:
        for kind, named in _ERRORS:
            if isinstance(error, kind):
                raise named(str(error)) from error
        raise DatabaseError(str(error)) from error


_ERRORS: tuple[tuple[type[Exception], type[DatabaseError]], ...] = (
    (duckdb.ConstraintException, IntegrityError),
    (duckdb.ConversionException, DataError),
    (duckdb.TransactionException, TransactionError),
    (duckdb.IOException, ConnectionError),
    (duckdb.ProgrammingError, QueryError),
)


def _count(names: list[str], rows: list[tuple[Any, ...]]) -> int:
    """What DuckDB gives for INSERT, UPDATE and DELETE: one row with the number of rows, named Count."""
    return int(rows[0][0]) if names == ["Count"] and rows else -1
