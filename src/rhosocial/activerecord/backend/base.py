"""StorageBackend: one configured database, and all that a backend author starts from."""

from __future__ import annotations

import functools
import logging
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, ClassVar, NoReturn, Self

from ..blocking import blocking, is_blocking, renew_faces
from . import adapt
from .adapt import BackendMeta, ConnectionSlot, ManagerSlot, ReturningFlag
from .calls import Calls, Params
from .context import UNSET, Contexts, State, has_marks, refuse_face, weakly
from .dialect import Dialect
from .driver import Driver, Values, close_connection
from .errors import ConnectionError, DatabaseError
from .expression import ParameterCountError
from .fork import tell_of_forks
from .gate import Gate, atake_turn
from .lexer import translate
from .manager import DialectVerbs, Verbs
from .mapping import TypeMapper, ValueMapper
from .parameter import as_values, convert_columns, has_expression, merge_expressions
from .pool import ConnectionPool
from .stream import Stream
from .transaction import NEW, OPEN, Transaction
from .typing import ColumnTypes, ConnectionConfig, QueryResult
from .worker import Workers

log = logging.getLogger("activerecord")


class StorageBackend(Driver, Calls, metaclass=BackendMeta):
    """One configured database.

    An author writes the short way: sets the class attributes `dialect_class`, `type_mapper_class`,
    `value_mapper_class`, `driver_errors`, `error_classes`, and writes `_open` and `_perform`; everything else has a
    default.  Or the guide's way: overrides `connect`, `disconnect`, `execute`, `transaction`, `supports_returning` and
    `_handle_error`, and sets `_connection`, `_dialect`, `_type_mapper`, `_value_mapper`, `_transaction_manager`,
    `_error_handler` or `_pool` in its constructor.

    The backend is used by many threads and tasks at a time; one connection is used by one of them at a time.  In the
    guide's way each thread or task has a `_connection` of its own, and a transaction that the driver begins by itself
    is committed after each statement outside a block, or rolled back where the statement failed.  Connections cross
    threads, so a driver must not insist on the thread that opened them (sqlite3: ``check_same_thread=False``).
    """

    config_class: ClassVar[type[ConnectionConfig]] = ConnectionConfig
    dialect_class: ClassVar[type[Dialect]] = Dialect
    type_mapper_class: ClassVar[type[TypeMapper]] = TypeMapper
    value_mapper_class: ClassVar[type[ValueMapper]] = ValueMapper
    # Is BEGIN sent with the first statement of a block?  In the guide's way it is sent at the block's entry.
    begins_late: ClassVar[bool] = True
    # Do `_cursor`'s cursors leave other connections alone while they are read?
    streams_rows: bool = True

    _connection: Any = ConnectionSlot()
    _transaction_manager: Any = ManagerSlot()
    _writers: Gate | None = None
    _logger: Any = log
    _ready = False
    _default_connection: Any = None
    # The guide's methods that the class, or one of its bases, overrides plainly.
    _written: ClassVar[Mapping[str, Callable[..., Any]]] = {}

    # 1 - Construction

    def __init__(self, config: Any = None, *, connection_config: Any = None, **fields: Any) -> None:
        given = config if config is not None else connection_config
        self.given_config = given
        self.config: Any = adapt.config_from(given, fields, self.config_class)
        self._dialect: Any = self.dialect_class()
        self._type_mapper: Any = self.type_mapper_class()
        self._value_mapper: Any = self.value_mapper_class(self.config)
        self.on_execute: list[Callable[[str, tuple[str, ...], float], Any]] = []
        self.plans: dict[Any, Any] = {}  # What the model layer compiles for this backend, by table.
        self.contexts = Contexts(weakly(self, "_end_of_context"))
        self._workers = Workers(self.config.pool_size)
        self._permits = Gate(self.config.pool_size)
        self._leases = self._make_pool()
        self._paramstyle = "qmark"
        self._first_connect = threading.RLock()
        self._has_connected = False
        # An aexecute that a subclass wrote goes to the driver by super(), and values must pass through it.
        self._sends_by_execute = type(self).aexecute is not StorageBackend.aexecute
        self._takes_by_connect = "connect" in self._written
        # Is more to do for a statement than to take a connection and run it?
        self._is_special = self._takes_by_connect or self._sends_by_execute
        self._used = False
        self.is_closed = False
        tell_of_forks(self)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        adapt.bind_overrides(cls, StorageBackend)
        renew_faces(cls)

    def _make_pool(self) -> ConnectionPool:
        kind = type(self)
        native = kind._aopen is not None
        opens = kind._open is not Driver._open or not native
        # Weak references: a backend that nobody holds must be gone at once, with its connections and its file.
        return ConnectionPool(
            weakly(self, "_open_named") if opens else None,
            self.config.pool_size,
            self.config.pool_timeout,
            # The driver's own close works without the backend, and so also when nobody holds that any more.
            close=close_connection if kind._close is Driver._close else weakly(self, "_close"),
            aconnect=weakly(self, "_aopen_named") if native else None,
            aclose=weakly(self, "_aclose") if kind._aclose is not None else None,
            ping=weakly(self, "_ping") if opens else None,
            aping=weakly(self, "_aping") if native else None,
            recycle=self.config.pool_recycle,
        )

    # 2 - Parts

    @property
    def dialect(self) -> Dialect:
        """How the connected database spells SQL."""
        dialect: Dialect = self._dialect
        return dialect

    @property
    def type_mapper(self) -> TypeMapper:
        """The column types of this database."""
        mapper: TypeMapper = self._type_mapper
        return mapper

    @property
    def value_mapper(self) -> ValueMapper:
        """The conversions between Python's values and the driver's."""
        mapper: ValueMapper = self._value_mapper
        return mapper

    supports_returning = ReturningFlag()

    @property
    def connection(self) -> Any:
        """The driver's connection of this thread or task; connects where there is none."""
        if self._connection is None:
            self.connect()
        return self._connection

    # 3 - Connecting

    async def aconnect(self) -> None:
        """Take a connection for this thread or task and keep it until `disconnect`; nothing happens where it has one.

        Calling it is optional: statements take connections as they need them.
        """
        state = self.contexts.current()
        self.check_usable(state)
        if state.connection is None:
            await self.atake(state)
        if state.depth == 0:
            state.pinned = True

    connect = blocking(aconnect)

    async def adisconnect(self) -> None:
        """Give back the connection of this thread or task; the next statement connects again."""
        state = self.contexts.current()
        state.refuse_open_block()
        state.pinned = False
        self._used = False
        if state.connection is not None:
            # One from a pool goes back there; any other ends here.
            state.broken = state.broken or (self._takes_by_connect and not adapt.is_pooled(state.connection))
            await self.agive_back(state)

    disconnect = blocking(adisconnect)

    def is_connected(self) -> bool:
        """Whether a connection has been made and not been given up since; no I/O."""
        return not self.is_closed and (self.contexts.current().connection is not None or self._used)

    async def aping(self, reconnect: bool = True) -> bool:
        """Whether the database answers; with `reconnect` also where a new connection is needed for that."""
        if self.is_closed or not (reconnect or self.is_connected()):
            return False
        for _ in range(2 if reconnect else 1):
            try:
                await self._aprobe()
                return True
            except DatabaseError as error:
                log.debug("ping failed: %s", error)
        return False

    ping = blocking(aping)

    async def aclose(self) -> None:
        """Close all connections; the backend cannot be used afterwards."""
        state = self.contexts.current()
        if self.is_closed:
            return
        if state.transaction is None and state.connection is not None:
            await self.adisconnect()
        self.is_closed = self._is_special = True
        await self._leases.aclose()
        pool = vars(self).get("_pool")
        if isinstance(pool, ConnectionPool):
            await pool.aclose()
        self._workers.close()

    close = blocking(aclose)

    async def __aenter__(self) -> Self:
        await self.aconnect()
        return self

    __enter__ = blocking(__aenter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.adisconnect()

    __exit__ = blocking(__aexit__)

    # 4 - Statements

    async def aexecute(
        self, sql: str, params: Params = None, returning: bool | None = None, column_types: ColumnTypes | None = None
    ) -> QueryResult:
        """Run one statement with a value for each `?`.

        Rows, where the statement gives any, come back in `.data` (dicts) and `.rows` (tuples), unless `returning` is
        false.  Values are converted by the value mapper; results are as the driver gives them, save for the columns
        that `column_types` names.  A parameter made by `create_expression` stands in the SQL in place of its `?`.
        ParameterCountError (a ValueError) for a wrong number of parameters, before anything is sent.
        """
        text, values = self.build_sql(sql, params)
        if values:
            convert = self._value_mapper.to_database
            values = tuple([convert(value, None) for value in values])
        if self.on_execute or self._logger.isEnabledFor(logging.DEBUG):
            result = await self._arun_watched(text, values)
        else:
            result = await self._arun(text, values)
        if returning is False:
            return QueryResult(None, result.affected_rows, result.last_insert_id, result.duration)
        return convert_columns(self._value_mapper, result, column_types) if column_types else result

    execute = blocking(aexecute)

    async def asend(self, sql: str, values: Values = (), returning: bool = False) -> QueryResult:
        """Run canonical SQL with values that are already the driver's: the way of models and queries.

        In a subclass that overrides `execute` it goes through that override.
        """
        if is_blocking() and (result := self.try_send(sql, values)) is not None:
            return result
        if self._sends_by_execute:
            return await self.aexecute(sql, values, returning)
        sql = self.native(sql, values)
        if self.on_execute or self._logger.isEnabledFor(logging.DEBUG):
            return await self._arun_watched(sql, values)
        return await self._arun(sql, values)

    send = blocking(asend)

    def build_sql(self, sql: str, params: Params = None) -> tuple[str, tuple[Any, ...]]:
        """The driver's text and the values to bind: placeholders translated, expressions written in.

        ParameterCountError (a ValueError) where the number of `?` and of parameters differ.
        """
        values = as_values(params)
        if has_expression(values):
            sql, values = merge_expressions(sql, values, self.dialect)
        text, expected = translate(sql, self._paramstyle, bool(values))
        if expected != len(values):
            raise ParameterCountError(expected, len(values), sql)
        return text, values

    async def astream(self, sql: str, values: Values = (), chunk_size: int = 1000) -> Stream:
        """The rows of a statement, canonical SQL and converted values, `chunk_size` at a time.

        Outside a block the stream holds a connection of its own until it is closed.  Inside a block, and where the
        backend has no cursors, the whole result is read at once.
        """
        state = self.contexts.current()
        if not self.streams_rows or self._cursor is None or state.transaction is not None or state.depth:
            return Stream.of(await self.asend(sql, values, True), chunk_size)
        self.check_usable(state)
        sql = self.native(sql, values)
        connection = await self._leases.aacquire()
        stream = Stream(chunk_size, self._workers, self._interrupt, connection, self._leases)
        try:
            await stream.aopen(self._cursor, sql, values)
        except BaseException as error:  # noqa: BLE001
            # Also for KeyboardInterrupt: the connection must go back.
            await stream.aclose()
            self._raise(error, sql, values)
        stream.name_error = functools.partial(self._raise, sql=sql, values=())
        return stream

    # 5 - Watching

    async def _arun_watched(self, sql: str, values: Values) -> QueryResult:
        start = time.perf_counter()
        try:
            result = await self._arun(sql, values)
            result.duration = time.perf_counter() - start
            return result
        finally:
            self.report(sql, values, time.perf_counter() - start)

    # 6 - The way of a statement to the driver

    # In the blocking face nearly all statements go by one of the next two calls.  They are short, since on the long way
    # below the calls in Python take more time than the driver.

    def open_block(self) -> State | None:
        """The state of a blocking caller inside an open block, where statements have to wait for nobody; else None."""
        if self._is_special or self.on_execute or self._logger.isEnabledFor(logging.DEBUG):
            return None
        state = self.contexts.current()
        transaction = state.transaction
        if transaction is None or transaction.status is not OPEN or state.shared is not None or not state.blocking:
            return None
        return state

    def try_send(self, sql: str, values: Values) -> QueryResult | None:
        """`send` for a blocking caller who has to wait for nobody; None for any other, who awaits `asend`."""
        if self._is_special or self.on_execute or self._logger.isEnabledFor(logging.DEBUG):
            return None
        state = self.contexts.current()
        if state.transaction is None:
            is_alone = state.connection is None and not has_marks()
            return self._try_leased(state, sql, values) if is_alone else None
        if self.open_block() is None:
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

    def _try_leased(self, state: State, sql: str, values: Values) -> QueryResult | None:
        if self._writers is not None and self._is_write(sql):
            return None
        leases = self._leases
        connection = leases.try_acquire(state)
        if connection is None:
            return None
        if self._paramstyle != "qmark" or "??" in sql:
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
            if "execute" in self._written and type(self)._perform is StorageBackend._perform:
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

    # 7 - Holding a connection

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

    async def _aprobe(self) -> None:
        state = self.contexts.current()
        if state.connection is None or type(self)._ping is StorageBackend._ping:
            await self.asend("SELECT 1", (), True)
            return
        try:
            await self._areach(state, state.connection, self._ping, None)
        except BaseException as error:  # noqa: BLE001
            # Also for KeyboardInterrupt: the connection may be in the middle of an answer.
            state.broken = True
            if state.transaction is None:
                await self.agive_back(state)
            self._raise(error, "", ())


def _call(connection: Any, function: Callable[..., Any], *args: Any) -> Any:
    return function(*args)
