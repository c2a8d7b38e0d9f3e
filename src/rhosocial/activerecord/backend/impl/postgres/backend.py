"""PostgreSQL through psycopg 3: its connections for blocking callers, its awaitable ones for the others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.string import TextLoader

from rhosocial.activerecord.backend import (
    ConnectionError,
    DatabaseError,
    ErrorRule,
    QueryResult,
    StorageBackend,
    UnsupportedFeature,
    is_read,
)

from .config import PostgreSQLConfig, read_options
from .cursor import AsyncServerCursor, ServerCursor
from .dialect import PostgreSQLDialect, literal
from .error import ERROR_CLASSES, classify, details, is_stale_plan, message_of
from .mapping import PostgreSQLTypeMapper, PostgreSQLValueMapper
from .parameter import needs_sharing, shared

OLDEST = 12
_STATES: dict[int, Literal["idle", "open", "failed", "gone"]] = {
    TransactionStatus.IDLE: "idle",
    TransactionStatus.ACTIVE: "gone",  # In the middle of an answer: such a connection is of no use.
    TransactionStatus.INTRANS: "open",
    TransactionStatus.INERROR: "failed",
    TransactionStatus.UNKNOWN: "gone",
}

_IDLE = TransactionStatus.IDLE


class PostgreSQLBackend(StorageBackend):
    """One PostgreSQL database.

    Sessions run in UTC and UTF-8.  A statement is prepared once a connection has run it `prepare_threshold` times
    (5); ``options={"prepare_threshold": None}`` switches that off, for poolers that hand out sessions by transaction.
    """

    config_class = PostgreSQLConfig
    dialect_class = PostgreSQLDialect
    type_mapper_class = PostgreSQLTypeMapper
    value_mapper_class = PostgreSQLValueMapper
    driver_errors = (psycopg.Error, OverflowError, UnicodeEncodeError)
    error_classes = ERROR_CLASSES

    def __init__(self, config: Any = None, *, connection_config: Any = None, **fields: Any) -> None:
        super().__init__(config, connection_config=connection_config, **fields)
        self.options = read_options(self.config)
        self._timeout = self.config.query_timeout

    # Connecting

    def _open(self) -> psycopg.Connection[Any]:
        options = self.options
        connection = psycopg.Connection.connect(
            autocommit=True,
            prepare_threshold=options.prepare_threshold,
            cursor_factory=psycopg.RawCursor,
            **options.connect,
        )
        try:
            sql: Any = self._set_up(connection)
            if sql is not None:
                connection.execute(sql)
        except BaseException:
            # Also for KeyboardInterrupt: nobody else will close it.
            connection.close()
            raise
        return connection

    async def _aopen(self) -> psycopg.AsyncConnection[Any]:
        options = self.options
        connection = await psycopg.AsyncConnection.connect(
            autocommit=True,
            prepare_threshold=options.prepare_threshold,
            cursor_factory=psycopg.AsyncRawCursor,
            **options.connect,
        )
        try:
            sql: Any = self._set_up(connection)
            if sql is not None:
                await connection.execute(sql)
        except BaseException:
            # Also for a cancelled task: nobody else will close it.
            await connection.close()
            raise
        return connection

    def _set_up(self, connection: Any) -> Any:
        """What has to be sent to a new session, if anything: the server says some of its settings by itself."""
        version = connection.info.server_version
        if version < OLDEST * 10_000:
            raise UnsupportedFeature(f"PostgreSQL {OLDEST} or later is needed, this is {version // 10_000}")
        known = connection.info.parameter_status
        for name in _TEXT_TYPES:
            connection.adapters.register_loader(name, TextLoader)
        calls = [
            f"set_config('{name}', {literal(value)}, false)"
            for name, value in self.options.settings.items()
            if known(name) != value
        ]
        return f"SELECT {', '.join(calls)}" if calls else None

    async def _aclose(self, connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.close()

    @staticmethod
    def _drop(connection: psycopg.AsyncConnection[Any]) -> None:
        connection.pgconn.finish()

    # Statements

    def _perform(self, connection: psycopg.Connection[Any], sql: Any, params: Sequence[Any]) -> QueryResult:
        start = 0.0 if self._timeout is None else time.monotonic()
        if len(params) > 1 and needs_sharing(sql):
            sql, params = shared(sql, params)
        cursor = connection.cursor(binary=_is_suspicious(sql, params))
        try:
            cursor.execute(sql, params)
        except psycopg.Error as error:
            self._note_time(error, start)
            if not _can_retry(connection, error):
                raise
            connection.execute(_FORGET_PREPARED)
            cursor.execute(sql, params)
        description = cursor.description
        if description is None:
            return QueryResult(None, cursor.rowcount)
        return QueryResult(None, cursor.rowcount, columns=description, rows=cursor.fetchall())

    async def _aperform(self, connection: psycopg.AsyncConnection[Any], sql: Any, params: Sequence[Any]) -> QueryResult:
        start = 0.0 if self._timeout is None else time.monotonic()
        if len(params) > 1 and needs_sharing(sql):
            sql, params = shared(sql, params)
        cursor = connection.cursor(binary=_is_suspicious(sql, params))
        try:
            await cursor.execute(sql, params)
        except psycopg.Error as error:
            self._note_time(error, start)
            if not _can_retry(connection, error):
                raise
            await connection.execute(_FORGET_PREPARED)
            await cursor.execute(sql, params)
        description = cursor.description
        if description is None:
            return QueryResult(None, cursor.rowcount)
        return QueryResult(None, cursor.rowcount, columns=description, rows=await cursor.fetchall())

    def _cursor(self, connection: psycopg.Connection[Any], sql: Any, params: Sequence[Any]) -> Any:
        return ServerCursor(connection, sql, params) if is_read(sql) else connection.execute(sql, params)

    async def _acursor(self, connection: psycopg.AsyncConnection[Any], sql: Any, params: Sequence[Any]) -> Any:
        if not is_read(sql):
            return await connection.execute(sql, params)
        cursor = AsyncServerCursor(connection)
        await cursor.open(sql, params)
        return cursor

    def _note_time(self, error: psycopg.Error, start: float) -> None:
        """Tell a statement that ran into `query_timeout` from one that somebody canceled: the server does not."""
        if self._timeout is not None and error.sqlstate == "57014":
            error.is_late = time.monotonic() - start >= 0.95 * self._timeout  # type: ignore[attr-defined]  # For `error`.

    def _transaction_state(self, connection: Any) -> Literal["idle", "open", "failed", "gone"]:
        return _STATES[connection.pgconn.transaction_status]

    # Errors

    def _classify(self, error: BaseException) -> ErrorRule | None:
        return classify(error)

    def _error_details(self, error: BaseException) -> dict[str, Any]:
        return details(error)

    def name_error(self, error: BaseException) -> DatabaseError:
        """The library's error, with what the server says first; its DETAIL would repeat values."""
        if isinstance(error, DatabaseError):
            return error
        code = self._error_code(error)
        return self.rule_of(error).cls(message_of(error), code=code, sqlstate=code, **details(error))

    def _connect_error(self, error: BaseException) -> DatabaseError:
        code = getattr(error, "sqlstate", None)
        where = f"{self.config.host}/{self.config.database or ''}"
        return ConnectionError(
            f"cannot connect to PostgreSQL at {where}: {message_of(error)}", code=code, sqlstate=code
        )


# Types that fields want as text: psycopg would parse JSON, and make objects of addresses.
_TEXT_TYPES = ("json", "jsonb", "inet", "cidr")

# psycopg drops what it has prepared when a connection rolls back; outside a transaction that does nothing else.
_FORGET_PREPARED = "ROLLBACK"


def _can_retry(connection: Any, error: psycopg.Error) -> bool:
    return error.sqlstate == "0A000" and connection.pgconn.transaction_status == _IDLE and is_stale_plan(error)


def _is_suspicious(sql: str, params: Sequence[Any]) -> bool:
    """Whether a text might hold several statements.

    Without parameters psycopg would have the server run all of them; asked for a binary result it has to refuse.
    """
    return not params and ";" in sql
