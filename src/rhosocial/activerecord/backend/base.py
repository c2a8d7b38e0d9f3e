"""StorageBackend: one configured database, and all that a backend author starts from."""

from __future__ import annotations

import functools
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..blocking import blocking, is_blocking, renew_faces
from . import adapt
from .adapt import BackendMeta, ConnectionSlot, ManagerSlot, ReturningFlag
from .calls import Calls, Params
from .context import Contexts, weakly
from .dialect import Dialect
from .driver import Driver, Values, close_connection
from .errors import DatabaseError
from .expression import ParameterCountError
from .fork import tell_of_forks
from .gate import Gate
from .lexer import translate
from .mapping import TypeMapper, ValueMapper
from .parameter import as_values, convert_columns, has_expression, merge_expressions
from .pool import ConnectionPool
from .sender import Sender
from .stream import Stream
from .typing import ColumnTypes, ConnectionConfig, QueryResult
from .worker import Workers

log = logging.getLogger("activerecord")


class StorageBackend(Sender, Calls, metaclass=BackendMeta):
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
        # What cursors are signed with.
        secret = self.config.secret_key
        self.signing_key: bytes = secrets.token_bytes(32) if secret is None else secret.encode()
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
            drop=kind._drop,
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

    async def _aprobe(self) -> None:
        state = self.contexts.current()
        if state.connection is None or type(self)._ping is Driver._ping:
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

    # 4 - Statements

    async def aexecute(
        self, sql: str, params: Params = None, returning: bool | None = None, column_types: ColumnTypes | None = None
    ) -> QueryResult:
        """Run one statement with a value for each `?`.

        Rows come back in `.data` (dicts) and `.rows` (tuples), unless `returning` is false.  Values are converted by
        the value mapper, results where `column_types` names their columns.  A parameter made by `create_expression`
        stands in the SQL in place of its `?`.  ParameterCountError (a ValueError) for a wrong number of them.
        """
        text, values = self.build_sql(sql, params)
        if values:
            convert = self._value_mapper.to_database
            values = tuple([convert(value, None) for value in values])
        if self.on_execute or self._logger.isEnabledFor(logging.DEBUG):
            result = await self._arun_watched(sql if self._paramstyle != "qmark" else text, text, values)
        else:
            result = await self._arun(text, values)
        if returning is False:
            return QueryResult(None, result.affected_rows, result.last_insert_id, result.duration)
        return convert_columns(self._value_mapper, result, column_types) if column_types else result

    if TYPE_CHECKING:  # So that overrides with any of the guide's signatures pass.

        def execute(self, sql: str, *args: Any, **kwargs: Any) -> QueryResult: ...
    else:
        execute = blocking(aexecute)

    async def asend(self, sql: str, values: Values = (), returning: bool = False) -> QueryResult:
        """Run canonical SQL with values that are already the driver's: the way of models and queries.

        In a subclass that overrides `execute` it goes through that override.
        """
        if is_blocking() and (result := self.try_send(sql, values)) is not None:
            return result
        if self._sends_by_execute:
            return await self.aexecute(sql, values, returning)
        text = self.native(sql, values)
        if self.on_execute or self._logger.isEnabledFor(logging.DEBUG):
            return await self._arun_watched(sql, text, values)
        return await self._arun(text, values)

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
        is_native = self._aperform is not None and not is_blocking()
        open_cursor = self._acursor if is_native else self._cursor
        if not self.streams_rows or open_cursor is None or state.transaction is not None or state.depth:
            return Stream.of(await self.asend(sql, values, True), chunk_size)
        self.check_usable(state)
        sql = self.native(sql, values)
        connection = await self._leases.aacquire()
        start = time.perf_counter()
        workers = None if is_native else self._workers
        stream = Stream(chunk_size, workers, self._interrupt, connection, self._leases)
        try:
            await stream.aopen(open_cursor, sql, values)
        except BaseException as error:  # noqa: BLE001
            # Also for KeyboardInterrupt: the connection must go back.
            await stream.aclose()
            self._raise(error, sql, values)
        finally:
            if self.on_execute or self._logger.isEnabledFor(logging.DEBUG):
                self.report(sql, values, time.perf_counter() - start)
        stream.name_error = functools.partial(self._raise, sql=sql, values=())
        return stream

    # 5 - Watching

    async def _arun_watched(self, sql: str, text: str, values: Values) -> QueryResult:
        """Run `text` and report it as `sql`: canonical, so that logs of all engines can be compared."""
        start = time.perf_counter()
        try:
            result = await self._arun(text, values)
            result.duration = time.perf_counter() - start
            return result
        finally:
            self.report(sql, values, time.perf_counter() - start)
