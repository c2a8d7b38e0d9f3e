"""What a backend author writes: the hooks that touch the driver, and the tables that name its errors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, NoReturn

from .context import State
from .errors import ConfigurationError, ConnectionError, DatabaseError, IntegrityError
from .rule import UNKNOWN, ErrorClasses, ErrorRule, driver_code, find_rule
from .typing import QueryResult

log = logging.getLogger("activerecord")
Values = Sequence[Any]
TransactionState = Literal["idle", "open", "failed", "gone"]


def close_connection(connection: Any) -> None:
    """Close a connection as drivers do."""
    connection.close()


class Driver:
    """The hooks between a backend and its driver.  `_open` and `_perform` must be written; the others have defaults."""

    # The driver's exceptions: what `_open` and `_perform` may raise.
    driver_errors: ClassVar[tuple[type[BaseException], ...]] = ()
    # Code -> ErrorRule, or just the class to raise.
    error_classes: ClassVar[ErrorClasses] = {}
    _error_handler: Any = None

    # 1 - Hooks

    def _open(self) -> Any:
        """Return a new connection of the driver, in autocommit mode, set up as `self.config` says.

        It must raise nothing but `driver_errors` when it fails, must not retry, and must keep no reference to the
        connection it returns.  It may be called in any thread, by several at a time.
        """
        raise NotImplementedError

    def _perform(self, connection: Any, sql: str, params: Values) -> QueryResult:
        """Run one statement and return all its rows, as tuples, with the names of their columns.

        `sql` has the driver's placeholders, `params` are values the driver takes.  It must fetch every row it returns
        and leave no cursor open; it must raise nothing but `driver_errors`, and must neither retry nor commit.  A
        connection is never given to two calls at a time.
        """
        raise NotImplementedError

    def _close(self, connection: Any) -> None:
        """Close a connection.  It may be called in another thread than the one that opened it."""
        close_connection(connection)

    def _ping(self, connection: Any) -> None:
        """Ask the database for a sign of life; a dead link must raise one of `driver_errors`."""
        self._perform(connection, "SELECT 1", ())

    async def _aping(self, connection: Any) -> None:
        """Ask the database for a sign of life, where the driver is awaitable."""
        assert self._aperform is not None
        await self._aperform(connection, "SELECT 1", ())

    def _transaction_state(self, connection: Any) -> TransactionState | None:
        """Say without I/O what the driver knows of the connection's transaction.

        "idle": none is open; "open": one is, and statements work; "failed": one is, and only a rollback helps;
        "gone": the link is dead.  None: the driver cannot tell, and `error_classes` decides.
        """
        return None

    def _error_code(self, error: BaseException) -> Any:
        """The engine's code of a driver error: the key into `error_classes`."""
        return driver_code(error)

    def _classify(self, error: BaseException) -> ErrorRule | None:
        """The rule for an error that its code does not tell; None leaves it to the tables."""
        return None

    def _error_text(self, error: BaseException) -> str:
        """What the library's error says; an engine that puts values into its messages must have them taken out."""
        return str(error) or type(error).__name__

    def _error_details(self, error: BaseException) -> dict[str, Any]:
        """What the engine tells of the constraint: `table`, `columns`, `constraint`, where it does."""
        return {}

    # Optional hooks; None means that the backend has none.
    # `_interrupt(connection)` makes a statement that runs in another thread end soon.
    _interrupt: Callable[..., Any] | None = None
    # `_cursor(connection, sql, params)` gives a cursor with `description`, `fetchmany(size)` and `close()`.
    _cursor: Callable[..., Any] | None = None
    # Awaitable twins for drivers that have them; without them the hooks above run in a worker thread.
    _aopen: Callable[..., Any] | None = None
    _aperform: Callable[..., Any] | None = None
    _aclose: Callable[..., Any] | None = None
    # Called with an IntegrityError and its SQL: the layer of models says there which fields it is about.
    explain: Callable[[IntegrityError, str], None] | None = None
    _acursor: Callable[..., Any] | None = None  # What it gives has an awaitable `fetchmany` and `close`.
    # A static method `_drop(connection)` ends an awaitable connection whose event loop is closed, without waiting.
    _drop: Callable[[Any], Any] | None = None

    # 2 - Errors

    def _handle_error(self, error: Exception) -> None:
        """Raise the library's error for a driver's; an author's `_error_handler` is asked first, where set."""
        if self._error_handler is not None:
            self._error_handler.handle_error(error)
        raise self.name_error(error) from error

    def name_error(self, error: BaseException) -> DatabaseError:
        """The library's error for a driver's, by its code, its SQLSTATE, or the name of its PEP 249 class."""
        if isinstance(error, DatabaseError):
            return error
        code = self._error_code(error)
        rule = self.rule_of(error)
        sqlstate = code if isinstance(code, str) and len(code) == 5 else None
        return rule.cls(self._error_text(error), code=code, sqlstate=sqlstate, **self._error_details(error))

    def rule_of(self, error: BaseException | None) -> ErrorRule:
        """What an error of the driver, or one of ours that it caused, leaves of transaction and connection."""
        while isinstance(error, DatabaseError):
            error = error.__cause__ or error.__context__
        if error is None:
            return UNKNOWN
        return self._classify(error) or find_rule(error, self._error_code(error), self.error_classes)

    def is_retryable(self, error: BaseException) -> bool:
        """Whether running the whole outermost block again may succeed after `error`."""
        return self.rule_of(error).retry

    def _is_reusable(self, connection: Any, error: BaseException) -> bool:
        left = self._transaction_state(connection)
        if left is None:
            return isinstance(error, Exception) and self.rule_of(error).connection == "fine"
        return left == "idle" and self.rule_of(error).connection == "fine"

    def _raise(self, error: BaseException, sql: str, values: Values) -> NoReturn:
        raise self._named(error, sql, values)

    def _named(self, error: BaseException, sql: str, values: Values) -> BaseException:
        """What to raise for `error`: the library's error where the driver raised it, its cause and statement set."""
        named = error
        if not isinstance(error, DatabaseError) and isinstance(error, self.driver_errors):
            named = self._named_by_handler(error)
            if named.statement is None:
                named.statement = sql
                named.param_types = tuple([type(value).__name__ for value in values])
            named.__cause__ = error
        if isinstance(named, IntegrityError) and self.explain is not None:
            self.explain(named, sql)
        return named

    def _named_by_handler(self, error: BaseException) -> DatabaseError:
        if not isinstance(error, Exception):
            return self.name_error(error)
        try:
            self._handle_error(error)
        except DatabaseError as named:
            return named
        return self.name_error(error)

    def _open_named(self, **params: Any) -> Any:
        try:
            connection = self._open()
        except self.driver_errors as error:
            raise self._connect_error(error) from error
        if begins_by_itself(connection):
            self.close_quietly(connection)
            raise ConfigurationError(
                f"{type(self).__name__}._open returned a connection that begins transactions by itself, so that nobody "
                "would commit them: open it in autocommit mode (sqlite3: isolation_level=None)"
            )
        return connection

    async def _aopen_named(self, **params: Any) -> Any:
        assert self._aopen is not None
        try:
            return await self._aopen()
        except self.driver_errors as error:
            raise self._connect_error(error) from error

    def _connect_error(self, error: BaseException) -> DatabaseError:
        named = self.name_error(error)
        if isinstance(named, ConnectionError):
            return named
        return ConnectionError(f"failed to connect: {named}", code=named.code, sqlstate=named.sqlstate)

    # 3 - What is left of a connection

    def connection_state(self, state: State) -> TransactionState | None:
        """What `_transaction_state` says of the connection that `state` holds; "idle" where it holds none."""
        if state.connection is None:
            return "idle"
        return "gone" if state.broken else self._transaction_state(state.connection)

    def close_quietly(self, connection: Any) -> None:
        """Close a connection that is of no use any more, whatever it says to that."""
        try:
            self._close(connection)
        except Exception as error:  # noqa: BLE001  # It is being thrown away; the drivers share no base class.
            log.debug("closing a broken connection failed: %s", error)


def begins_by_itself(connection: Any) -> bool:
    """Whether a driver's connection says that it begins transactions unasked, as PEP 249 has it; no I/O."""
    asked = getattr(connection, "get_autocommit", None)
    commits = asked() if callable(asked) else getattr(connection, "autocommit", None)
    # sqlite3 says so by a word for its BEGIN, "" for instance.
    return commits is False or (commits is not True and isinstance(getattr(connection, "isolation_level", None), str))
