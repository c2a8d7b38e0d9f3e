"""What a test writes is rolled back after it, though threads, tasks and blocks of transactions take part in it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from ..backend import StorageBackend
from ..backend.errors import DatabaseError, TransactionError, UnsupportedFeature
from ..backend.manager import DialectVerbs
from ..backend.pool import ConnectionPool
from ..backend.typing import QueryResult
from ..blocking import run
from ..record import ActiveRecord
from .watched import backends_of

log = logging.getLogger("activerecord")

_BLOCK = "ar_sandbox_block"
_STATEMENT = "ar_sandbox_statement"


class Sandbox:
    """A block, for ``with`` or ``async with``, after which the databases are as they were before it.

    It holds for the backends that are given, or of the models' that are given, or of all models that are configured.
    Inside it a backend has one connection, in a transaction that is rolled back at the end.  All threads and tasks
    share that connection in turn: a statement has it for its own length, a transaction block, which is a savepoint
    here, for the whole of the block, so that blocks are kept apart as they are in production and `on_commit` hooks run.
    One that waits for longer than `pool_timeout` gets a PoolTimeout that names the holder.  Closing the backend does
    nothing meanwhile, since the tested program may do so at its end.

    What a database does not roll back stays: the numbers that a sequence has given, and on engines where DDL commits
    (MariaDB, MySQL) a statement of DDL, which raises TransactionError.  Isolation levels and `read_only` mean nothing
    inside.  Raises UnsupportedFeature for an engine without savepoints, and for a backend in the guide's way, whose
    connections are its own.
    """

    def __init__(self, *where: StorageBackend | type[ActiveRecord]) -> None:
        self._where = where
        self._open: list[_Sandboxed] = []

    def __enter__(self) -> Self:
        backends = backends_of(self._where)
        if not backends:
            raise DatabaseError("no model has a backend yet: configure one before the sandbox begins")
        try:
            for backend in backends:
                self._open.append(_Sandboxed(backend))
        except BaseException:
            # Also for KeyboardInterrupt: the first ones must not stay in their transactions.
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._open:
            self._open.pop().end()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


class _Sandboxed:
    """One backend in its sandbox: which of its parts are replaced, and what they do.

    The pool has the one connection, the verbs of a block are those of a savepoint, and a statement outside a block is
    one too, since on some engines (PostgreSQL) its failure would end the transaction of all.
    """

    def __init__(self, backend: StorageBackend) -> None:
        _refuse_unfit(backend)
        self._backend = backend
        self._is_lost = False
        self._in_block = False
        self._pool = backend._leases
        self._perform: Callable[..., QueryResult] = backend._perform
        self._state: Callable[[Any], str | None] = backend._transaction_state
        self._verbs = DialectVerbs(backend.dialect, self._send, None, False)
        # The blocking kind serves both faces, awaiting callers by a worker thread; an awaiting one is its loop's.
        self._connection = self._pool.acquire()
        try:
            run(self._verbs.abegin())
        except BaseException:
            # Also for KeyboardInterrupt: BEGIN may have arrived.
            self._pool.release(self._connection, broken=True)
            raise
        self._replaced = {name: vars(backend)[name] for name in _PARTS if name in vars(backend)}
        vars(backend).update(
            _leases=ConnectionPool(self._take_connection, 1, backend.config.pool_timeout, close=self._lose),
            _writers=None,
            _aperform=None,
            _cursor=None,
            _perform=self.perform,
            _transaction_state=self.transaction_state,
            averbs=self.averbs,
            aclose=self._aclose,
            close=self._close,
        )

    def end(self) -> None:
        """Roll back, and give the backend its parts back."""
        backend, is_fine = self._backend, not self._is_lost
        vars(backend)["_leases"].close_idle()
        for name in _PARTS:
            vars(backend).pop(name, None)
        vars(backend).update(self._replaced)
        try:
            if is_fine:
                run(self._verbs.arollback())
        except backend.driver_errors as error:
            is_fine = False
            log.warning("a sandbox could not be rolled back, and its connection is closed: %s", type(error).__name__)
        finally:
            self._pool.release(self._connection, broken=not is_fine or self._state(self._connection) != "idle")

    # What stands in the backend meanwhile

    def perform(self, connection: Any, sql: str, params: Sequence[Any]) -> QueryResult:
        """Run a statement, which can fail without harm to the transaction it runs in."""
        if self._is_lost:
            raise TransactionError("the sandbox's transaction is over; what was written after that was not kept apart")
        if self._in_block:
            result = self._perform(connection, sql, params)
        else:
            result = self._perform_apart(connection, sql, params)
        if self._state(connection) == "idle":
            self._is_lost = True
            raise TransactionError(f"the statement ended the transaction that the sandbox would roll back: {sql}")
        return result

    def _perform_apart(self, connection: Any, sql: str, params: Sequence[Any]) -> QueryResult:
        dialect = self._backend.dialect
        self._perform(connection, dialect.savepoint(_STATEMENT), ())
        try:
            result = self._perform(connection, sql, params)
        except BaseException:
            # Also for KeyboardInterrupt: the next statement must find the transaction in order.
            try:
                self._perform(connection, dialect.rollback_savepoint(_STATEMENT), ())
                self._perform(connection, dialect.release_savepoint(_STATEMENT), ())
            except self._backend.driver_errors as error:
                self._is_lost = True
                log.warning("a sandbox has lost its transaction: %s", type(error).__name__)
            raise
        if self._state(connection) != "idle":
            self._perform(connection, dialect.release_savepoint(_STATEMENT), ())
        return result

    def transaction_state(self, connection: Any) -> str | None:
        """What a backend outside a sandbox would say: outside a block no transaction is open."""
        if self._is_lost:
            return "gone"
        state = self._state(connection)
        if state in (None, "failed", "gone"):
            return state
        if state == "idle":
            return "gone"
        return "open" if self._in_block else "idle"

    async def averbs(self, state: Any, transaction: Any) -> DialectVerbs:
        """The verbs of a block inside the sandbox."""

        async def send(text: str) -> None:
            await self._backend.acontrol(state, text)

        return _Verbs(self, self._backend.dialect, send)

    def _take_connection(self) -> Any:
        if self._is_lost:
            raise TransactionError("the sandbox has lost its connection, and with it what was written in it")
        return self._connection

    def _lose(self, connection: Any) -> None:
        # The pool gives up what a statement has left in an unknown state; at the end it is idle and is given back.
        self._is_lost = self._is_lost or self.transaction_state(connection) != "idle"

    async def _send(self, text: str) -> None:
        self._perform(self._connection, text, ())

    async def _aclose(self) -> None:
        return

    def _close(self) -> None:
        return


class _Verbs(DialectVerbs):
    """The verbs of a block that is a savepoint, whatever isolation it was asked to have."""

    def __init__(self, sandboxed: _Sandboxed, dialect: Any, send: Callable[[str], Any]) -> None:
        super().__init__(dialect, send, None, False)
        self._sandboxed = sandboxed

    async def abegin(self) -> None:
        self._sandboxed._in_block = True
        try:
            await self.asavepoint(_BLOCK)
        except BaseException:
            # Also for KeyboardInterrupt: the block has not begun.
            self._sandboxed._in_block = False
            raise

    async def acommit(self) -> None:
        await self.arelease(_BLOCK)
        self._sandboxed._in_block = False

    async def arollback(self) -> None:
        await self.arollback_to(_BLOCK)
        await self.acommit()

    async def arestore(self) -> None:
        return


_PARTS = (
    "_leases",
    "_writers",
    "_aperform",
    "_cursor",
    "_perform",
    "_transaction_state",
    "averbs",
    "aclose",
    "close",
)


def _refuse_unfit(backend: StorageBackend) -> None:
    name = type(backend).__name__
    if not backend.dialect.supports_savepoints:
        raise UnsupportedFeature(f"{backend.dialect.name} has no savepoints, which a sandbox is made of")
    if backend._is_special or not backend.begins_late:
        raise UnsupportedFeature(
            f"{name} opens its connections itself: enter backend.transaction(), and share it with backend.adopt(tx)"
        )
    if "averbs" in vars(backend):
        raise DatabaseError(f"this {name} is in a sandbox already")
    if backend.in_transaction:
        raise TransactionError("a sandbox cannot begin inside a block")
