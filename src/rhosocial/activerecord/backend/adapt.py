"""What makes a backend written in the guide's way work: its plain methods, its constructor, its config object.

The guide lets an author override `connect`, `disconnect`, `execute`, `ping` and `transaction` as plain methods, and
keep "the" connection in ``self._connection``.  Here such a method becomes the awaitable core of its name, run in the
caller's thread or, for awaiting callers, in a worker thread; and ``self._connection`` is another one in each thread and
task.
"""

from __future__ import annotations

import builtins
import inspect
import logging
import sys
import time
from abc import ABCMeta
from collections.abc import Callable
from typing import Any, NoReturn

from ..blocking import blocking, is_blocking
from .context import UNSET, State
from .dialect import Dialect
from .driver import Driver, begins_by_itself
from .errors import ConfigurationError, ConnectionError, DatabaseError, PoolTimeout
from .keyword import first_keyword, gives_rows
from .manager import BlockVerbs, ManagerVerbs, Verbs
from .parameter import convert_columns
from .pool import PooledConnection
from .rule import UNKNOWN
from .setting import ConfigView, nearest
from .transaction import NEW, OPEN, Transaction
from .typing import ColumnTypes, ConnectionConfig, QueryResult

log = logging.getLogger("activerecord")

_PLAIN_METHODS = ("connect", "disconnect", "execute", "ping")
_STYLES = {"?": "qmark", "%s": "format", ":1": "numeric", "$1": "dollar", ":p1": "named"}


# 1 - Construction


class BackendMeta(ABCMeta):
    """Calls a backend's constructor in the shape it was written in, and completes the backend afterwards."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        _check_written(cls)
        args, kwargs = _fit(cls, args, kwargs)
        backend = super().__call__(*args, **kwargs)
        complete(backend)
        return backend


def _check_written(cls: Any) -> None:
    written = cls._written
    base: Any = next(base for base in reversed(cls.__mro__) if isinstance(base, BackendMeta))
    opens = "connect" in written or cls._open is not base._open or cls._aopen is not None
    runs = "execute" in written or cls._perform is not base._perform or cls._aperform is not None
    if cls.aexecute is not base.aexecute:
        runs = True
    if not opens or not runs:
        missing = [] if opens else ["_open(self) (or connect(self)) to open a connection"]
        missing += [] if runs else ["_perform(self, connection, sql, params) (or execute(self, …)) to run a statement"]
        raise ConfigurationError(f"{cls.__name__} cannot be used yet: write {' and '.join(missing)}")


def _fit(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments as the constructor takes them: a config by position, by keyword, or as its fields."""
    takes = inspect.signature(cls.__init__).parameters  # type: ignore[misc]
    listed = [p for p in takes.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][1:]
    any_keyword = any(p.kind is p.VAR_KEYWORD for p in takes.values())
    if len(args) == 1 and not listed and any_keyword:
        return (), {"connection_config": args[0], **kwargs}
    if not args and listed and not any_keyword and listed[0].name not in kwargs:
        config = kwargs.pop("connection_config", kwargs.pop("config", None))
        if config is None:
            config = config_from(None, kwargs, getattr(cls, "config_class", ConnectionConfig))
            kwargs = {}
        return (config,), kwargs
    return args, kwargs


def config_from(given: Any, fields: dict[str, Any], config_class: type[ConnectionConfig]) -> Any:
    """The settings a backend works with: `given`, wrapped where it is a foreign object, or made from `fields`."""
    if given is None:
        given = fields.pop("connection_config", None)
    if given is not None and fields:
        raise ConfigurationError(f"a config object and the settings {sorted(fields)} were given: change the object")
    if isinstance(given, ConnectionConfig):
        return given
    if isinstance(given, str):
        return config_class.from_url(given)
    if given is not None:
        return ConfigView(given)
    try:
        return config_class(**fields)
    except TypeError as error:
        raise ConfigurationError(f"{config_class.__name__}: {error}{nearest(fields, config_class)}") from error


def complete(backend: Any) -> None:
    """What can only be settled once the most derived constructor has returned."""
    mapper = backend._value_mapper
    if getattr(mapper, "config", UNSET) is None:
        mapper.config = backend.config
    backend._paramstyle = paramstyle_of(backend._dialect)
    backend._ready = True


def paramstyle_of(dialect: Any) -> str:
    """The driver's placeholder style; a `get_placeholder` that an author overrode says it too."""
    method = getattr(type(dialect), "get_placeholder", None)
    if method is not None and method is not Dialect.get_placeholder:
        style = _STYLES.get(dialect.get_placeholder())
        if style is not None:
            return style
    return str(getattr(dialect, "paramstyle", "qmark"))


# 2 - The slots that differ from thread to thread


class ConnectionSlot:
    """``self._connection``: the connection of the thread or task that asks; None where it has none."""

    def __get__(self, backend: Any, owner: Any = None) -> Any:
        if backend is None:
            return self
        state = backend.contexts.current()
        connection = state.connection
        if connection is None:
            return backend._default_connection
        if state.depth and not hasattr(connection, "execute"):
            return Executor(connection)
        return connection

    def __set__(self, backend: Any, connection: Any) -> None:
        state = backend.contexts.current()
        if isinstance(connection, Executor):
            connection = connection.__wrapped__
        if connection is not state.connection:
            state.manager = UNSET
        state.connection = connection
        if connection is None:
            state.pinned = False


class ManagerSlot:
    """``self._transaction_manager``: that of the thread or task that asks; unset, it is an AttributeError."""

    def __get__(self, backend: Any, owner: Any = None) -> Any:
        if backend is None:
            return self
        manager = backend.contexts.current().manager
        if manager is UNSET:
            manager = vars(backend).get("_default_manager", UNSET)
        if manager is UNSET:
            raise AttributeError("_transaction_manager has not been set in this thread or task")
        return manager

    def __set__(self, backend: Any, manager: Any) -> None:
        if manager is None and not backend._ready:
            vars(backend)["_default_manager"] = None
        else:
            backend.contexts.current().manager = manager


class Executor:
    """A driver's connection that has no `execute` of its own, with one: what a manager written by the guide calls."""

    def __init__(self, connection: Any) -> None:
        self.__wrapped__ = connection

    def execute(self, sql: str, params: Any = None) -> Any:
        """Run a statement with a cursor; returns the cursor."""
        cursor = self.__wrapped__.cursor()
        cursor.execute(sql) if params is None else cursor.execute(sql, params)
        return cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)


class Answer(int):
    """A truth value that may be called, as `supports_returning` is by some."""

    def __call__(self) -> bool:
        return bool(self)

    def __repr__(self) -> str:
        return repr(bool(self))


class ReturningFlag:
    """``backend.supports_returning``: a property and a method at once."""

    def __init__(self, written: Callable[[Any], Any] | None = None) -> None:
        self._written = written

    def __get__(self, backend: Any, owner: Any = None) -> Any:
        if backend is None:
            return self
        return Answer(self._written(backend) if self._written else backend.dialect.supports_returning)


# 3 - The methods that an author overrode


def bind_overrides(cls: Any, base: Any) -> None:
    """Make every plain method of the guide that `cls` overrides the awaitable core of its name."""
    written = dict(cls._written)
    for name in _PLAIN_METHODS:
        method = vars(cls).get(name)
        if not inspect.isfunction(method) or hasattr(method, "__blocking_of__") or f"a{name}" in vars(cls):
            continue
        core = method if inspect.iscoroutinefunction(method) else _BINDERS[name](method)
        core.__name__, core.__qualname__ = f"a{name}", f"{cls.__qualname__}.a{name}"
        setattr(cls, f"a{name}", core)
        setattr(cls, name, blocking(core))
        written[name] = method
    method = vars(cls).get("transaction")
    if inspect.isfunction(method):
        written["transaction"] = method
        cls.transaction = base.transaction
    flag = vars(cls).get("supports_returning")
    if inspect.isfunction(flag):
        cls.supports_returning = ReturningFlag(flag)
    elif isinstance(flag, property) and flag.fget is not None:
        cls.supports_returning = ReturningFlag(flag.fget)
    cls._written = written
    if ("execute" in written and cls._perform is base._perform) or {"transaction", "connect"} & set(written):
        cls.begins_late = False


def _bind_connect(method: Callable[..., None]) -> Callable[..., Any]:
    async def aconnect(self: Any) -> None:
        state = self.contexts.current()
        self.check_usable(state)
        if state.connection is None:
            await areach(self, state, _connect_once, self, state, method, pin=True)
        elif state.depth == 0:
            state.pinned = True

    return aconnect


def _connect_once(backend: Any, state: State, method: Callable[..., None]) -> None:
    if state.connection is not None:
        return
    # An author's connect may build a pool at its first call; eight threads must not build eight.
    with backend._first_connect:
        if not backend._has_connected:
            _connect(backend, method)
            backend._has_connected = True
            return
    _connect(backend, method)


def _connect(backend: Any, method: Callable[..., None]) -> None:
    outer = sys.exception()
    try:
        method(backend)
    except Exception as error:  # noqa: BLE001  # Named here; an author may raise anything.
        raise_refined(backend, error, outer, "", (), ConnectionError)


def _bind_disconnect(method: Callable[..., None]) -> Callable[..., Any]:
    async def adisconnect(self: Any) -> None:
        state = self.contexts.current()
        if state.depth:
            await self.acall(state, method, self)
            return
        state.refuse_open_block()
        state.pinned = False
        try:
            await self.acall(state, method, self)
        finally:
            state.connection = None
            await self.agive_back(state)

    return adisconnect


def _bind_ping(method: Callable[..., Any]) -> Callable[..., Any]:
    takes = "reconnect" in inspect.signature(method).parameters

    async def aping(self: Any, reconnect: bool = True) -> bool:
        args = (reconnect,) if takes else ()
        return bool(await areach(self, self.contexts.current(), method, self, *args))

    return aping


def _bind_execute(method: Callable[..., Any]) -> Callable[..., Any]:
    takes = inspect.signature(method).parameters
    takes_all = any(p.kind is p.VAR_KEYWORD for p in takes.values())
    positional = len([p for p in takes.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)])
    takes_params = positional > 2 or any(p.kind is p.VAR_POSITIONAL for p in takes.values())

    async def aexecute(
        self: Any, sql: str, params: Any = None, returning: bool | None = None, column_types: ColumnTypes | None = None
    ) -> QueryResult:
        if returning is None:
            returning = gives_rows(sql)
        more: dict[str, Any] = {}
        if "returning" in takes or takes_all:
            more["returning"] = returning
        converts = "column_types" in takes or takes_all
        if converts and column_types is not None:
            more["column_types"] = column_types
        args = (sql, params) if takes_params else (sql,)
        result: QueryResult = await _aexecute_by(self, method, args, more)
        return result if converts or not column_types else convert_columns(self.value_mapper, result, column_types)

    return aexecute


async def _aexecute_by(backend: Any, method: Callable[..., Any], args: tuple[Any, ...], more: dict[str, Any]) -> Any:
    state: State = backend.contexts.current()
    block = state.transaction
    if state.depth == 0:
        if block is None:
            backend.check_usable(state)
        else:
            block.refuse_end(args[0])
            if block.status is not OPEN:
                await block.abegin() if block.status is NEW else block.check_statement()
    watched = state.depth == 0 and _reports_for(backend)
    start = time.perf_counter()
    try:
        result = await areach(backend, state, _execute, backend, method, args, more)
    except BaseException as error:
        # Also for KeyboardInterrupt: what is left of the block must be known before COMMIT.
        if block is not None:
            block.note_error(error)
        raise
    finally:
        if watched:
            backend.report(args[0], tuple(args[1] or ()) if len(args) > 1 else (), time.perf_counter() - start)
    if not isinstance(result, QueryResult):
        raise ConfigurationError(
            f"{type(backend).__name__}.execute must return a QueryResult, got {type(result).__name__}"
        )
    return result


def _reports_for(backend: Any) -> bool:
    """Whether somebody watches, and the author's `execute` does not go on to one of ours, which would tell it too."""
    if not backend.on_execute and not backend._logger.isEnabledFor(logging.DEBUG):
        return False
    return type(backend)._perform is Driver._perform


def _execute(backend: Any, method: Callable[..., Any], args: tuple[Any, ...], more: dict[str, Any]) -> Any:
    outer = sys.exception()
    state: State = backend.contexts.current()
    # Only an outermost call ends what the driver began: in a block, and inside an author's method, others do.
    alone = state.transaction is None and state.depth == 1
    before = alone and is_left_open(backend, state.connection)
    try:
        result = method(backend, *args, **more)
        if alone:
            end_implicit(backend, state, args[0], before, "commit")
        return result
    except Exception as error:  # noqa: BLE001  # Named here; an author may raise anything.
        if alone:
            _undo_implicit(backend, state, args[0], before)
        raise_refined(backend, error, outer, args[0], args[1] if len(args) > 1 else ())


def is_left_open(backend: Any, connection: Any) -> bool | None:
    """Whether a connection is inside a transaction; None where neither author nor driver can tell."""
    if connection is None:
        return False
    told = backend._transaction_state(connection)
    if told is not None:
        return told in ("open", "failed")
    told = getattr(connection, "in_transaction", None)
    return told if isinstance(told, bool) else None


def end_implicit(backend: Any, state: State, sql: str, before: bool | None, verb: str) -> None:
    """Commit, or roll back, a transaction that the driver began by itself, as PEP 249 has it, for a lone statement.

    One that the caller began with a statement of its own is left alone.
    """
    connection = state.connection
    if connection is None or first_keyword(sql) in _BEGINNERS:
        return
    now = is_left_open(backend, connection)
    begun = not before if now else now is None and begins_by_itself(connection)
    # Where autocommit is off for good, the next transaction may be open as soon as the last one has ended.
    if begun or (now and getattr(connection, "autocommit", None) is False):
        getattr(connection, verb, _nothing)()


def _undo_implicit(backend: Any, state: State, sql: str, before: bool | None) -> None:
    try:
        end_implicit(backend, state, sql, before, "rollback")
    except Exception as error:  # noqa: BLE001  # The statement's own error must come out; the drivers share no class.
        state.broken = True
        log.debug("rolling a failed statement back failed: %s", type(error).__name__)


def _nothing() -> None:
    return


_BEGINNERS = frozenset({"BEGIN", "START", "SAVEPOINT"})
_BINDERS: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "connect": _bind_connect,
    "disconnect": _bind_disconnect,
    "execute": _bind_execute,
    "ping": _bind_ping,
}


# 4 - Running them


async def acontrol(backend: Any, state: State, text: str) -> None:
    """Send a statement that begins or ends a transaction through the `execute` that the author wrote."""
    await areach(backend, state, _execute, backend, backend._written["execute"], (text,), {})


async def areach(backend: Any, state: State, function: Callable[..., Any], *args: Any, pin: bool = False) -> Any:
    """Run an author's method where the connection of `state` lives; what an outermost call took is given back."""
    outermost = state.depth == 0 and state.transaction is None and not state.pinned
    if outermost:
        await atake_permit(backend, state)
    state.depth += 1
    try:
        result = await backend.acall(state, function, *args)
        if outermost and pin:
            state.pinned = True
        return result
    except BaseException as error:
        # Also for KeyboardInterrupt: such a connection may be in the middle of an answer.
        dead = backend.rule_of(error).connection == "dead"
        if state.transaction is None and state.connection is not None and (dead or not isinstance(error, Exception)):
            state.broken = True
        raise
    finally:
        state.depth -= 1
        if outermost:
            await backend.agive_back(state)


async def atake_permit(backend: Any, state: State) -> None:
    """Let at most `pool_size` tasks hold worker threads: more would fill those that lease holders need to go on."""
    if is_blocking() or state.permit:
        return
    try:
        await backend._permits.aacquire(backend.config.pool_timeout)
    except TimeoutError as error:
        raise PoolTimeout(
            f"no connection came free within {backend.config.pool_timeout:g} s: {backend.config.pool_size} tasks hold "
            "one each; raise pool_size, or leave blocks sooner"
        ) from error
    state.permit = True


async def aobtain(backend: Any, state: State) -> None:
    """Have `state` hold a connection that the author's `connect` makes."""
    await atake_permit(backend, state)
    state.depth += 1
    try:
        await backend.acall(state, _connect_once, backend, state, backend._written["connect"])
    finally:
        state.depth -= 1


def is_pooled(connection: Any) -> bool:
    """Whether a connection goes back to a pool when it is closed."""
    return isinstance(connection, PooledConnection)


def give_up(backend: Any, state: State, broken: bool) -> None:
    """Give a connection from a pool back to it; any other stays with its thread or task, unless it is broken."""
    connection = state.connection
    if is_pooled(connection):
        state.connection, state.manager = None, UNSET
        if broken:
            connection._end()
        else:
            connection.close()
    elif broken:
        state.connection, state.manager = None, UNSET
        backend.close_quietly(connection)
    if state.permit:
        state.permit = False
        backend._permits.release()


async def averbs(backend: Any, state: State, transaction: Transaction) -> Verbs | None:
    """The verbs of the author's manager, or None where there is none."""
    method = backend._written.get("transaction")
    manager = getattr(backend, "_transaction_manager", None)
    if method is None and manager is None:
        return None
    await backend.atake(state)
    if method is not None:
        state.depth += 1
        try:
            manager = await backend.acall(state, method, backend)
        finally:
            state.depth -= 1

    async def reach(verb: Callable[..., Any], *args: Any) -> Any:
        return await areach(backend, state, verb, *args)

    level, read_only = transaction.isolation_level, transaction.read_only
    if manager is None or isinstance(manager, Transaction):
        return None
    if all(callable(getattr(manager, verb, None)) for verb in ("begin", "commit", "rollback")):
        return ManagerVerbs(manager, reach, level, read_only, backend.dialect)
    if hasattr(manager, "__enter__"):
        return BlockVerbs(manager, reach, level, read_only)
    raise ConfigurationError(
        f"{type(backend).__name__}.transaction() returned {type(manager).__name__}, without begin, commit, rollback"
    )


# 5 - Their errors


def raise_refined(
    backend: Any,
    error: Exception,
    outer: BaseException | None,
    sql: str,
    params: Any,
    default: type[DatabaseError] | None = None,
) -> NoReturn:
    """Raise what an author's method raised, with what authors leave out: the cause, the statement, the library's class.

    An error that the library itself raised inside the method comes out as it was, not as the method's handler renamed
    it.  `outer` is what was being handled before the method was called: the search for causes ends there.
    """
    first: DatabaseError | None = None
    cause: BaseException | None = error
    while cause is not None and cause is not outer:
        if isinstance(cause, DatabaseError):
            first = cause
        cause = cause.__cause__ or cause.__context__
    named = first or _named(backend, error, default)
    if named is None:
        raise error
    if named.__cause__ is None:
        named.__cause__ = error if named is not error and first is None else _own_context(named, outer)
    if named.statement is None and sql:
        named.statement = sql
        named.param_types = tuple(type(value).__name__ for value in params or ())
    raise named


def _named(backend: Any, error: Exception, default: type[DatabaseError] | None) -> DatabaseError | None:
    known = isinstance(error, backend.driver_errors) or backend.rule_of(error) is not UNKNOWN
    known = known or any(base.__name__ == "Error" and base.__module__ != "builtins" for base in type(error).__mro__)
    if default is not None and (known or isinstance(error, OSError)):
        return default(str(error))
    if isinstance(error, builtins.ConnectionError):
        return ConnectionError(str(error))
    return backend.name_error(error) if known else None


def _own_context(error: BaseException, outer: BaseException | None) -> BaseException | None:
    return None if error.__context__ is outer else error.__context__
