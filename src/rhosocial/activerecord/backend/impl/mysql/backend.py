"""MySQL and MariaDB through PyMySQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import pymysql

from rhosocial.activerecord.backend import DatabaseError, QueryResult, QueryTimeout, StorageBackend

from .connection import MySQLConnection, Rows
from .dialect import MariaDBDialect, MySQLDialect
from .literal import bind
from .mapping import MySQLTypeMapper, MySQLValueMapper
from .option import driver_settings
from .rules import ERROR_CLASSES, details, target_of, text_of

_DUPLICATE = 1062


class MySQLBackend(StorageBackend):
    """One MySQL database (8.0.17 or later), or a MariaDB one seen as what both have in common.

    Sessions are in utf8mb4, in UTC, and in a strict `sql_mode`, which is verified: a value is kept as it is or refused.
    An UPDATE counts the rows that it matched.
    """

    dialect_class = MySQLDialect
    type_mapper_class = MySQLTypeMapper
    value_mapper_class = MySQLValueMapper
    driver_errors = (pymysql.MySQLError,)
    error_classes = ERROR_CLASSES
    engine: ClassVar[str] = "MySQL"

    def __init__(self, config: Any = None, *, connection_config: Any = None, **fields: Any) -> None:
        super().__init__(config, connection_config=connection_config, **fields)
        self._settings = driver_settings(self.config, self.engine)

    # Hooks

    def _open(self) -> MySQLConnection:
        connection = MySQLConnection(self.config.connect_timeout, **self._settings)
        connection.open_session(self.config.query_timeout)
        return connection

    def _perform(self, connection: MySQLConnection, sql: str, params: Sequence[Any]) -> QueryResult:
        try:
            result = connection.run(bind(sql, params) if params else sql)
        except pymysql.IntegrityError as error:
            self._find_key(connection, sql, error)
            raise
        if result.description is None:
            return QueryResult(None, result.affected_rows, result.insert_id or None)
        return QueryResult(None, result.affected_rows, None, columns=result.description, rows=list(result.rows))

    def _close(self, connection: MySQLConnection) -> None:
        if connection.open:
            connection.close()

    def _ping(self, connection: MySQLConnection) -> None:
        connection.ping()

    def _cursor(self, connection: MySQLConnection, sql: str, params: Sequence[Any]) -> Any:
        return connection.cursor(Rows).open(bind(sql, params) if params else sql)

    def _interrupt(self, connection: MySQLConnection) -> None:
        # On a connection of its own, and in a thread of its own: the caller may be an event loop.
        args = connection, connection.number
        threading.Thread(target=self._kill_query, args=args, daemon=True).start()

    def _kill_query(self, connection: MySQLConnection, number: int) -> None:
        try:
            killer = self._open()
        except (*self.driver_errors, DatabaseError):
            return  # The statement runs on; nobody but its caller waits for it.
        try:
            # Again until it has ended: a KILL that overtakes the statement on its way to the server is lost.
            while self._kill_once(connection, number, killer):
                time.sleep(0.2)
        except self.driver_errors:
            return  # It has ended by itself.
        finally:
            self._close(killer)

    def _kill_once(self, connection: MySQLConnection, number: int, killer: MySQLConnection) -> bool:
        with connection.lock:
            if not connection.is_running or connection.number != number:
                return False
            connection.was_killed = True
            killer.query(f"KILL QUERY {connection.thread_id()}")
            return True

    def _transaction_state(self, connection: MySQLConnection) -> Literal["idle", "open", "gone"]:
        if not connection.open:
            return "gone"
        return "open" if connection.is_in_transaction() else "idle"

    # Errors

    def _error_code(self, error: BaseException) -> Any:
        code = error.args[0] if error.args else None
        return code if isinstance(code, int) else None

    def _error_text(self, error: BaseException) -> str:
        text = error.args[1] if len(error.args) > 1 else ""
        return text_of(self._error_code(error), text) if text else super()._error_text(error)

    def _error_details(self, error: BaseException) -> dict[str, Any]:
        text = error.args[1] if len(error.args) > 1 else ""
        return details(self._error_code(error), text) | getattr(error, "key", {})

    def _find_key(self, connection: MySQLConnection, sql: str, error: pymysql.IntegrityError) -> None:
        """Look up the columns of the key that a duplicate was refused by, as long as the connection is at hand."""
        found = self._error_details(error)
        if self._error_code(error) != _DUPLICATE or "constraint" not in found:
            return
        try:
            table, columns = connection.columns_of_key(found.get("table") or target_of(sql), found["constraint"])
        except self.driver_errors:
            return  # The first error is the one to tell of.
        if columns:
            vars(error)["key"] = {"table": table, "columns": columns}

    def name_error(self, error: BaseException) -> DatabaseError:
        """The library's error; a link on which no answer came in time is a QueryTimeout."""
        named = super().name_error(error)
        if named.code == 2013 and isinstance(error.__context__, TimeoutError):
            return QueryTimeout("the server did not answer in time, and the connection was given up", code=named.code)
        return named


class MariaDBBackend(MySQLBackend):
    """One MariaDB database (10.5 or later): as `MySQLBackend`, with what MariaDB has beyond that."""

    dialect_class = MariaDBDialect
    engine = "MariaDB"
