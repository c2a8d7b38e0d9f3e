"""The way of a statement: who holds which connection, whose turn it is, and the call of the driver."""

from __future__ import annotations

import functools
import logging
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NoReturn

from ..blocking import is_blocking
from . import adapt
from .context import UNSET, Contexts, State, has_marks, refuse_face
from .driver import Driver, Values
from .errors import ConnectionError
from .gate import Gate, atake_turn
from .lexer import translate
from .manager import DialectVerbs, Verbs
from .pool import ConnectionPool
from .transaction import NEW, OPEN, Transaction
from .typing import QueryResult
from .worker import Workers


class Sender(Driver):
    """The part of a backend that brings statements to connections.

    In the blocking face nearly all statements go through `open_block` and `send_inside`, or through `try_send`.  Those
    are short, since on the long way, `_arun`, the calls in Python take more time than the driver.
    """

    config: Any
    dialect: Any
    contexts: Contexts
    on_execute: list[Callable[[str, tuple[str, ...], float], Any]]
    report: Callable[..., None]
    is_closed: bool
    _logger: Any
    _leases: ConnectionPool
    _workers: Workers
    _permits: Gate
    _writers: Gate | None
    _paramstyle: str
    _written: ClassVar[Mapping[str, Callable[..., Any]]]
    # Is more to do for a statement than to take a connection and run it?
    _is_special: bool
    _takes_by_connect: bool
    _used: bool
    begins_late: ClassVar[bool]

    # 1 - The way of a statement to the driver

    def open_block(self) -> State | None:
        """The state of a blocking caller inside an open block, where statements have to wait for nobody; else None."""
        if self._is_special or self.on_execute or self._logger.isEnabledFor(logging.DEBUG):
            return None
        state = self.contexts.current()
        return state if _is_free(state) else None

    def try_send(self, sql: str, values: Values, reads: bool = False) -> QueryResult | None:
        """`send` for a blocking caller who has to wait for nobody; None for any other, who awaits `asend`.

        Who knows that the statement only `reads` saves asking.
        """
        if self._is_special or self.on_execute or self._logger.isEnabledFor(logging.DEBUG):
            return None
        state = self.contexts.current()
        if state.transaction is None:
            is_alone = state.connection is None and not has_marks()
            return self._try_leased(state, sql, values, reads) if is_alone else None
        if not _is_free(state):
            return None
        state.transaction.refuse_end(sql)
        return self.send_inside(state, self.native(sql, values), values)

    def native(self, sql: str, values: Values) -> str:
        """Canonical SQL in the driver's spelling."""
        if self._paramstyle == "qmark" and "??" not in sql:
            return sql
        return translate(sql, self._paramstyle, bool(values))[0]

    def send_inside(self, state: State, text: str, values: Values) -> QueryResult:
        """Run a statement in the driver's spelling inside the block that `open_block` found."""
        try:
            return self._perform(state.connection, text, values)
        except BaseException as error:  # noqa: BLE001
            # Also for KeyboardInterrupt: what is left of the block must be known before COMMIT.
            self._raise_inside(state.transaction, error, text, values)

    def _try_leased(self, state: State, sql: str, values: Values, reads: bool) -> QueryResult | None:
        if not reads and self._writers is not None and self._is_write(sql):
            return None
        leases = self._leases
        connection = leases.try_acquire(state)
        if connection is None:
            return None
        sql = self.native(sql, values)
        try:
            result = self._perform(connection, sql, values)
        except BaseException as error:  # noqa: BLE001
            # Also for KeyboardInterrupt: a connection in the middle of an answer must not be used again.
            leases.release(connection, broken=not self._is_reusable(connection, error))
            self._raise(error, sql, values)
        leases.release(connection)
        self._used = True
        return result

    def _raise_inside(self, transaction: Transaction, error: BaseException, sql: str, values: Values) -> NoReturn:
        named = self._named(error, sql, values)
        transaction.note_error(named)
        raise named from named.__cause__

    async def _arun(self, sql: str, values: Values, state: State | None = None) -> QueryResult:
        state = state or self.contexts.current()
        transaction = state.transaction
        if transaction is None:
            if state.connection is None:
                if self._needs_care(sql):
                    return await self._arun_alone(state, sql, values)
                return await self._arun_leased(state, sql, values)
            return await self._arun_pinned(state, sql, values)
        here = is_blocking()
        if transaction.status is not OPEN:
            transaction.check_statement()
        transaction.refuse_end(sql)
        if here is not state.blocking and not state.depth:
            refuse_face(state, here)
        if transaction.status is NEW:
            await transaction.abegin()
        if state.shared is not None:
            running = f"another statement of the shared block of {state.place} ran for"
            await atake_turn(state.shared, self.config.pool_timeout, running)
        try:
            if here:
                return self._perform(state.connection, sql, values)
            return await self._aperform_for(state, state.connection, sql, values)
        except BaseException as error:  # noqa: BLE001
            # Also for KeyboardInterrupt: what is left of the block must be known before COMMIT.
            self._raise_inside(transaction, error, sql, values)
        finally:
            if state.shared is not None:
                state.shared.release()

    def _needs_care(self, sql: str) -> bool:
        """Whether a statement outside a block may neither share a connection nor run without its turn."""
        return self._is_special or has_marks() or (self._writers is not None and self._is_write(sql))

    async def _arun_alone(self, state: State, sql: str, values: Values) -> QueryResult:
        if self.is_closed or has_marks():
            self.check_usable(state)
        if self._takes_by_connect:
            return await self._arun_taken(state, sql, values)
        writers = self._writers
        if writers is not None and self._is_write(sql):
            return await self._arun_in_turn(writers, state, sql, values)
        return await self._arun_leased(state, sql, values)

    async def _arun_leased(self, state: State, sql: str, values: Values) -> QueryResult:
        leases = self._leases
        connection = leases.try_acquire()
        if connection is None:
            connection = await leases.aacquire()
        self._used = True
        try:
            if is_blocking():
                result = self._perform(connection, sql, values)
            else:
                result = await self._aperform_for(state, connection, sql, values)
        except BaseException as error:  # noqa: BLE001
            # Also for KeyboardInterrupt: a connection in the middle of an answer must not be used again.
            await leases.arelease(connection, broken=not self._is_reusable(connection, error))
            self._raise(error, sql, values)
        leases.release(connection)
        return result

    async def _arun_in_turn(self, writers: Gate, state: State, sql: str, values: Values) -> QueryResult:
        await self._await_turn(writers)
        try:
            return await self._arun_leased(state, sql, values)
        finally:
            writers.release()

    async def _arun_taken(self, state: State, sql: str, values: Values) -> QueryResult:
        await self.atake(state)
        try:
            return await self._arun_pinned(state, sql, values)
        finally:
            await self.agive_back(state)

    async def _arun_pinned(self, state: State, sql: str, values: Values) -> QueryResult:
        turn = await self._aturn(sql)
        try:
            return await self._aperform_for(state, state.connection, sql, values)
        except BaseException as error:  # noqa: BLE001
            # Also for KeyboardInterrupt: a connection in the middle of an answer must not be used again.
            if not self._is_reusable(state.connection, error):
                state.broken = True
                await self.agive_back(state)
            self._raise(error, sql, values)
        finally:
            if turn is not None:
                turn.release()

    async def _aperform_for(self, state: State, connection: Any, sql: str, values: Values) -> QueryResult:
        result: QueryResult = await self._areach(state, connection, self._perform, self._aperform, sql, values)
        return result

    async def _areach(
        self, state: State, connection: Any, hook: Callable[..., Any], ahook: Callable[..., Any] | None, *args: Any
    ) -> Any:
        """Call a driver hook in the caller's face: here, by its awaitable twin, or in a worker thread."""
        here = is_blocking()
        if state.blocking not in (None, here) and not state.depth:
            refuse_face(state, here)
        if here:
            return hook(connection, *args)
        if ahook is not None:
            return await ahook(connection, *args)
        return await self.ahop(state, connection, hook, connection, *args)

    async def acall(self, state: State, function: Callable[..., Any], *args: Any) -> Any:
        """Call an author's method in the caller's face."""
        return await self._areach(state, state.connection, _call, None, function, *args)

    async def ahop(self, state: State, connection: Any, function: Callable[..., Any], *args: Any) -> Any:
        """Run `function` in a worker thread on behalf of `state`; a cancelled caller waits for its end."""
        worker = state.worker
        if worker is None:
            worker = self._workers.take()
        if state.connection is not None:
            state.worker = worker  # The same thread for all of a block: some drivers count on it.
        interrupt = (
            None if self._interrupt is None or connection is None else functools.partial(self._interrupt, connection)
        )
        try:
            return await worker.call(self.contexts.bound, state, function, *args, interrupt=interrupt)
        finally:
            if state.worker is None:
                self._workers.give_back(worker)

    async def acontrol(self, state: State, text: str) -> None:
        """Send a statement that begins or ends a transaction, on the connection that `state` holds."""
        start = time.perf_counter()
        try:
            if "execute" in self._written and type(self)._perform is Driver._perform:
                await adapt.acontrol(self, state, text)
            else:
                await self._aperform_for(state, state.connection, text, ())
        except Exception as error:  # noqa: BLE001  # Named below; the drivers share no base class.
            self._raise(error, text, ())
        finally:
            if self.on_execute or self._logger.isEnabledFor(logging.DEBUG):
                self.report(text, (), time.perf_counter() - start)

    def _is_write(self, sql: str) -> bool:
        """Whether a statement must stand in the writers' queue; asked only of backends that have one."""
        return True

    async def _aturn(self, sql: str) -> Gate | None:
        writers = self._writers
        if writers is None or not self._is_write(sql):
            return None
        await self._await_turn(writers)
        return writers

    async def _await_turn(self, writers: Gate) -> None:
        await atake_turn(writers, self._turn_timeout(), "another writer of this process held the database for")

    def _turn_timeout(self) -> float:
        return float(self.config.pool_timeout)

    # 2 - Holding a connection

    def check_usable(self, state: State) -> None:
        """Refuse a closed backend, and a context that was copied inside another's open block."""
        if self.is_closed:
            raise ConnectionError("the backend is closed: make another one")
        if has_marks():
            self.contexts.check(state)

    async def averbs(self, state: State, transaction: Transaction) -> Verbs:
        """What begins and ends the transactions of `state`; raises for what the engine cannot do, before any I/O."""

        async def send(text: str) -> None:
            await self.acontrol(state, text)

        if not self.begins_late:
            verbs = await self._amanager_verbs(state, transaction)
            if verbs is not None:
                return verbs
        return DialectVerbs(self.dialect, send, transaction.isolation_level, transaction.read_only)

    async def _amanager_verbs(self, state: State, transaction: Transaction) -> Verbs | None:
        try:
            return await adapt.averbs(self, state, transaction)
        except BaseException:
            await self.agive_back(state)
            raise

    async def atake(self, state: State, transaction: Transaction | None = None) -> None:
        """Have `state` hold a connection, and the turn to write where `transaction` may write."""
        writers = self._writers
        if writers is not None and transaction is not None and not transaction.read_only:
            await self._await_turn(writers)
            state.turn = writers
        try:
            if state.connection is None:
                await self._aobtain(state)
        except BaseException:
            state.end_turn()
            raise

    async def _aobtain(self, state: State) -> None:
        if self._takes_by_connect:
            await adapt.aobtain(self, state)
            return
        state.connection = await self._leases.aacquire()
        if self._aperform is not None:
            state.blocking = is_blocking()  # Such a connection belongs to its face.
        self._used = True

    async def agive_back(self, state: State) -> None:
        """Have `state` give up its connection, unless `connect` pinned it; a broken one is closed."""
        connection, broken = state.connection, state.broken
        state.broken = False
        try:
            if broken or not state.pinned:
                state.pinned = False
                self._give_back_worker(state)
                await self._agive_up(state, connection, broken)
        finally:
            state.end_turn()
            if state.connection is None or self._aperform is None:
                state.blocking = None

    async def _agive_up(self, state: State, connection: Any, broken: bool) -> None:
        if self._takes_by_connect:
            adapt.give_up(self, state, broken)
        elif connection is not None:
            state.connection, state.manager = None, UNSET
            await self._leases.arelease(connection, broken)

    def _give_back_worker(self, state: State) -> None:
        if state.worker is not None:
            self._workers.give_back(state.worker)
            state.worker = None

    def _end_of_context(self, state: State) -> None:
        # A thread or a task has ended; nobody else can use its connection any more.
        if sys.is_finalizing():
            return
        connection, state.connection = state.connection, None
        transaction, state.transaction = state.transaction, None
        if transaction is not None:
            warnings.warn(
                f"{state.place} ended inside a transaction, which is rolled back", ResourceWarning, stacklevel=2
            )
        self._give_back_worker(state)
        if state.permit:
            state.permit = False
            self._permits.release()
        if self._takes_by_connect:
            self.close_quietly(connection)
        else:
            self._leases.release(connection, transaction is not None or self._transaction_state(connection) != "idle")
        state.end_turn()

    def after_fork(self) -> None:
        """Start anew in a forked child: connections, open blocks and locks stay the parent's."""
        self.contexts.after_fork()
        self._permits = Gate(self.config.pool_size)
        self._first_connect = threading.RLock()


def _is_free(state: State) -> bool:
    """Whether a blocking caller inside a block may send at once: it has begun, works, and is nobody else's too."""
    transaction = state.transaction
    is_open = transaction is not None and transaction.status is OPEN
    return is_open and state.shared is None and state.blocking is True


def _call(connection: Any, function: Callable[..., Any], *args: Any) -> Any:
    return function(*args)
