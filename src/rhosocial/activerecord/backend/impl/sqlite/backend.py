"""SQLite through the standard library's `sqlite3`: file, memory and URI databases."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Literal

from rhosocial.activerecord.backend import (
    CheckViolation,
    ColumnNotFound,
    ConfigurationError,
    ConnectionError,
    DatabaseError,
    DataError,
    ErrorRule,
    ForeignKeyViolation,
    Gate,
    IntegrityError,
    LockTimeout,
    NotNullViolation,
    OperationalError,
    QueryCanceled,
    QueryError,
    QueryResult,
    QueryTimeout,
    SerializationFailure,
    StorageBackend,
    TableNotFound,
    TransactionManager,
    UniqueViolation,
    is_read,
)

from .dialect import SQLiteDialect
from .function import register_functions
from .location import locate
from .mapping import SQLiteTypeMapper, SQLiteValueMapper
from .option import read_options

# Result codes: https://www.sqlite.org/rescode.html
_BUSY = ErrorRule(LockTimeout, "open", retry=True)
_CORRUPT = ErrorRule(OperationalError, None, "dead")
_READ_ONLY = ErrorRule(OperationalError, "open")
_FULL = ErrorRule(OperationalError)
_MOVED = 1032  # READONLY_DBMOVED, which SQLite itself finds out in rollback-journal mode only.
_ERROR_CLASSES: dict[int, ErrorRule] = {
    3: ErrorRule(OperationalError),  # PERM
    4: ErrorRule(SerializationFailure, retry=True),  # ABORT
    5: _BUSY,
    6: ErrorRule(LockTimeout, "open", retry=True),  # LOCKED
    7: ErrorRule(OperationalError),  # NOMEM
    8: _READ_ONLY,
    9: ErrorRule(QueryCanceled),  # INTERRUPT
    10: ErrorRule(OperationalError),  # IOERR
    11: _CORRUPT,
    13: _FULL,
    14: ErrorRule(ConnectionError),  # CANTOPEN
    17: ErrorRule(SerializationFailure, retry=True),  # SCHEMA
    18: ErrorRule(DataError),  # TOOBIG
    19: ErrorRule(IntegrityError, "open"),
    20: ErrorRule(DataError, "open"),  # MISMATCH
    25: ErrorRule(QueryError, "open"),  # RANGE
    26: _CORRUPT,  # NOTADB
    _MOVED: ErrorRule(ConnectionError, "gone", "dead"),
    257: ErrorRule(QueryError, "open"),  # ERROR_MISSING_COLLSEQ
    275: ErrorRule(CheckViolation, "open"),
    517: ErrorRule(SerializationFailure, "failed", retry=True),  # BUSY_SNAPSHOT: waiting cannot help.
    787: ErrorRule(ForeignKeyViolation, "open"),
    1299: ErrorRule(NotNullViolation, "open"),
    1555: ErrorRule(UniqueViolation, "open"),
    2067: ErrorRule(UniqueViolation, "open"),
    2579: ErrorRule(UniqueViolation, "open"),
    3091: ErrorRule(DataError, "open"),  # CONSTRAINT_DATATYPE, of a STRICT table
}

# SQLite's code 1 says only "error in the statement"; its texts are fixed and not translated.
_TEXTS: tuple[tuple[re.Pattern[str], ErrorRule], ...] = (
    (re.compile(r"no such table: (?P<table>.+)"), ErrorRule(TableNotFound, "open")),
    (re.compile(r"no such column: (?P<column>.+)"), ErrorRule(ColumnNotFound, "open")),
    (re.compile(r"integer overflow"), ErrorRule(DataError, "open")),
    (re.compile(r"malformed JSON"), ErrorRule(DataError, "open")),
    # A function of ours met a value that it cannot read: malformed JSON, a date beyond the year 9999.
    (re.compile(r"user-defined function raised exception"), ErrorRule(DataError, "open")),
    (re.compile(r"table (?P<table>.+) has no column named (?P<column>.+)"), ErrorRule(ColumnNotFound, "open")),
)
_BINDING = re.compile(r"Error binding parameter")
_SYNTAX = ErrorRule(QueryError, "open")
_VALUE = ErrorRule(DataError, "open")
_BUSY_CODE, _READONLY_CODE = 5, 8
_COLUMNS = re.compile(r"(?:UNIQUE|NOT NULL) constraint failed: (?!index )(?P<columns>[^ ].*)")
_INDEX = re.compile(r"UNIQUE constraint failed: index '(?P<constraint>.+)'")
_CHECK = re.compile(r"CHECK constraint failed: (?P<constraint>.+)")

_queues: weakref.WeakValueDictionary[str, Gate] = weakref.WeakValueDictionary()
_queues_lock = threading.Lock()
_backends: weakref.WeakValueDictionary[int, SQLiteBackend] = weakref.WeakValueDictionary()


# SQLite counts its locks of a file for a whole process. A forked child inherits the count but not the locks: were it to
# open a file that was open at the fork, its rows could go to a log that the parent has deleted
# (https://www.sqlite.org/howtocorrupt.html, 2.6). So idle connections are closed before a fork, and a file that is
# still open then is refused in the child.
_living: weakref.WeakSet[SQLiteConnection] = weakref.WeakSet()
_open_at_fork: set[str] = set()


class SQLiteConnection(sqlite3.Connection):
    """A connection that knows until when its statement may run."""

    deadline = float("inf")
    timed_out = False
    path = ""
    identity: tuple[int, int] | None = None

    def close(self) -> None:
        """Close it."""
        super().close()
        _living.discard(self)

    def is_late(self) -> int:
        """Asked by SQLite while it works; a true answer interrupts the statement."""
        self.timed_out = time.monotonic() > self.deadline
        return self.timed_out


class SQLiteBackend(StorageBackend):
    """One SQLite database: a file, ``":memory:"`` (one database for all threads and tasks), or a URI.

    Connections use WAL, enforce foreign keys, wait for locks (`busy_timeout`) and sync normally: a power cut may take
    the last commits, never the file (``options={"synchronous": "full"}`` for more).  Writers of this process stand in
    one queue for each file, since SQLite's own waiting is unfair.
    """

    dialect_class = SQLiteDialect
    type_mapper_class = SQLiteTypeMapper
    value_mapper_class = SQLiteValueMapper
    driver_errors = (sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeEncodeError)
    error_classes = _ERROR_CLASSES

    def __init__(self, config: Any = None, *, connection_config: Any = None, **fields: Any) -> None:
        super().__init__(config, connection_config=connection_config, **fields)
        self.options = read_options(self.config)
        self.location = locate(self.config.database, self.options.uri)
        self.streams_rows = not self.location.is_memory
        self._writers = Gate(1) if self.location.is_memory else _queue_of(self.location.path)
        self._keeper: SQLiteConnection | None = None
        self._opening = threading.Lock()
        self._has_wal = False
        self._timeout = self.config.query_timeout
        _backends[id(self)] = self
        if sqlite3.sqlite_version_info < (3, 36):
            raise ConfigurationError(f"SQLite 3.36 or later is needed, this is {sqlite3.sqlite_version}")

    # Hooks

    def _open(self) -> SQLiteConnection:
        if self.location.is_memory:
            self._keep_memory()
        connection = self._connect()
        try:
            self._set_up(connection)
        except BaseException:
            # Also for KeyboardInterrupt: nobody else will close it.
            connection.close()
            raise
        return connection

    def _perform(self, connection: SQLiteConnection, sql: str, params: Sequence[Any]) -> QueryResult:
        if self._timeout is not None:
            connection.deadline = time.monotonic() + self._timeout
        if not connection.in_transaction and not is_read(sql):
            self._check_file(connection)
        cursor = connection.execute(sql, params)
        description = cursor.description
        if description is None:
            return QueryResult(None, cursor.rowcount, cursor.lastrowid)
        rows = cursor.fetchall()
        return QueryResult(None, cursor.rowcount, cursor.lastrowid, columns=description, rows=rows)

    def _cursor(self, connection: SQLiteConnection, sql: str, params: Sequence[Any]) -> sqlite3.Cursor:
        connection.deadline = float("inf")
        return connection.execute(sql, params)

    def _ping(self, connection: SQLiteConnection) -> None:
        self._check_file(connection)
        super()._ping(connection)

    def _check_file(self, connection: SQLiteConnection) -> None:
        """Refuse a connection whose file has been deleted or replaced: what it writes would be lost."""
        if connection.path and connection.identity != _identity(connection.path):
            self._has_wal = False
            error = sqlite3.OperationalError(
                f"{connection.path!r} was deleted or replaced while it was open; nothing was sent, and the next call "
                "opens what is there by then"
            )
            error.sqlite_errorcode = _MOVED
            raise error

    def _interrupt(self, connection: SQLiteConnection) -> None:
        connection.interrupt()

    def _transaction_state(self, connection: SQLiteConnection) -> Literal["idle", "open"]:
        return "open" if connection.in_transaction else "idle"

    def _classify(self, error: BaseException) -> ErrorRule | None:
        code = getattr(error, "sqlite_errorcode", None)
        if code == 1:
            text = str(error)
            for pattern, rule in _TEXTS:
                if pattern.fullmatch(text):
                    return rule
            return _SYNTAX
        if code is None:
            return _without_code(error)
        # An extended code without a row of its own means what its low byte means.
        return None if code in _ERROR_CLASSES else _ERROR_CLASSES.get(code & 0xFF)

    def _error_details(self, error: BaseException) -> dict[str, Any]:
        text = str(error)
        found = _COLUMNS.fullmatch(text)
        if found is not None:
            pairs = [name.rpartition(".") for name in found["columns"].split(", ")]
            return {"table": pairs[0][0] or None, "columns": [column for _, _, column in pairs]}
        for pattern in (_INDEX, _CHECK):
            found = pattern.fullmatch(text)
            if found is not None:
                return {"constraint": found["constraint"]}
        for pattern, _ in _TEXTS:
            found = pattern.fullmatch(text)
            if found is not None:
                parts = found.groupdict()
                columns = [parts["column"]] if "column" in parts else ()
                return {"table": parts.get("table"), "columns": columns}
        return {}

    def name_error(self, error: BaseException) -> DatabaseError:
        """The library's error; an interrupt that `query_timeout` caused is a QueryTimeout."""
        named = super().name_error(error)
        if named.code == 9 and self._timeout is not None:
            return QueryTimeout(f"the statement ran longer than query_timeout ({self._timeout:g} s)", code=named.code)
        return named

    def _is_write(self, sql: str) -> bool:
        return not is_read(sql)

    def _turn_timeout(self) -> float:
        return self.options.busy_timeout

    # Closing

    async def adisconnect(self) -> None:
        """Give back this thread's connection and close the idle ones, so that the file is released."""
        await super().adisconnect()
        await self._leases.workers.reach(self._leases.close_idle)
        if self.config.delete_on_close and not self.location.is_memory:
            self._delete_files()

    async def aclose(self) -> None:
        """Close all connections; a memory database is gone then."""
        await super().aclose()
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.close()
        if self.config.delete_on_close and not self.location.is_memory:
            self._delete_files()

    def _delete_files(self) -> None:
        self._has_wal = False
        for suffix in ("", "-wal", "-shm", "-journal"):
            try:
                os.remove(self.location.path + suffix)
            except FileNotFoundError:
                continue

    # Forking

    def before_fork(self) -> None:
        """Close the idle connections to a file; the next statement opens another."""
        if not self.location.is_memory:
            self._leases.close_idle()

    def renew_locks(self) -> None:
        """Have locks of its own in a forked child: threads that hold the old ones stayed behind."""
        self._opening = threading.Lock()
        self._writers = Gate(1) if self.location.is_memory else _queue_of(self.location.path)

    # Opening

    def _keep_memory(self) -> None:
        # A memory database lives as long as one connection to it does.
        with self._opening:
            if self._keeper is None:
                self._keeper = self._connect()

    def _connect(self) -> SQLiteConnection:
        options = self.options
        if self.location.path in _open_at_fork:
            raise ConnectionError(
                f"cannot open {self.location.path!r}: it was in use when this process was forked, and SQLite's locks "
                "do not outlive that; fork outside of blocks and after disconnect(), or start the process by 'spawn'"
            )
        connection = sqlite3.connect(
            self.location.target,
            timeout=options.busy_timeout,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=options.cached_statements,
            uri=True,
            factory=SQLiteConnection,
        )
        connection.path = self.location.path
        _living.add(connection)
        return connection

    def _set_up(self, connection: SQLiteConnection) -> None:
        for text in self.options.pragmas():
            connection.execute(text).close()
        if not (self.location.is_memory or self.location.read_only or self.options.has_journal_mode):
            self._use_wal(connection)
        # Reads the file's first page: what is no database is found now and not at the first statement.
        connection.execute("PRAGMA schema_version").close()
        connection.identity = _identity(connection.path)
        register_functions(connection)
        if self._timeout is not None:
            # A thousand of SQLite's operations take some ten microseconds.
            connection.set_progress_handler(_late_check(connection), 1000)

    def _use_wal(self, connection: SQLiteConnection) -> None:
        with self._opening:
            if self._has_wal:
                return
            end = time.monotonic() + self.options.busy_timeout
            while True:
                try:
                    connection.execute("PRAGMA journal_mode = WAL").close()
                    self._has_wal = True
                    return
                except sqlite3.OperationalError as error:
                    code = error.sqlite_errorcode & 0xFF
                    if code == _READONLY_CODE:
                        return
                    # SQLite does not wait for other processes when it changes the mode.
                    if code != _BUSY_CODE or time.monotonic() > end:
                        raise
                    time.sleep(0.01)

    def _connect_error(self, error: BaseException) -> DatabaseError:
        where = "a memory database" if self.location.is_memory else repr(self.location.path)
        code = getattr(error, "sqlite_errorcode", None)
        return ConnectionError(f"cannot open {where}: {error}", code=code)


class SQLiteTransactionManager(TransactionManager):
    """Transactions over one `sqlite3` connection in autocommit mode."""

    dialect_class = SQLiteDialect


def _without_code(error: BaseException) -> ErrorRule | None:
    """What `sqlite3` itself raised, before SQLite was asked."""
    if isinstance(error, (OverflowError, UnicodeEncodeError, sqlite3.DataError)):
        return _VALUE
    if isinstance(error, (sqlite3.ProgrammingError, sqlite3.InterfaceError)):
        return _VALUE if _BINDING.match(str(error)) else _SYNTAX
    return _SYNTAX if isinstance(error, sqlite3.Warning) else None


def _late_check(connection: SQLiteConnection) -> Callable[[], int]:
    # The connection holds its handler; holding it in turn would keep the file open until the garbage collector runs.
    reference = weakref.ref(connection)

    def check() -> int:
        living = reference()
        return 0 if living is None else living.is_late()

    return check


def _identity(path: str) -> tuple[int, int] | None:
    """Which file a path leads to now; None where there is none, and for memory."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _queue_of(path: str) -> Gate:
    """The one queue of this process's writers to a file."""
    with _queues_lock:
        queue = _queues.get(path)
        if queue is None:
            queue = _queues[path] = Gate(1)
        return queue


def _living_backends() -> list[SQLiteBackend]:
    # One atomic call: other threads may be making backends.
    return [backend for reference in _backends.valuerefs() if (backend := reference()) is not None]


def _before_fork() -> None:
    for backend in _living_backends():
        backend.before_fork()


def _after_fork() -> None:
    global _queues_lock
    _queues_lock = threading.Lock()
    _queues.clear()
    _open_at_fork.update(connection.path for connection in list(_living) if connection.path)
    for backend in _living_backends():
        backend.renew_locks()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
