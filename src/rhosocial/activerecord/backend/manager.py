"""The guide's transaction managers: six verbs over a connection, and how our blocks use any object that has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Protocol

from .dialect import Dialect
from .errors import IsolationLevelError, TransactionError, UnsupportedFeature
from .typing import IsolationLevel


class Verbs(Protocol):
    """What a block asks of whatever begins and ends transactions."""

    # Are the verbs of savepoints there?
    can_nest: bool = True

    async def abegin(self) -> None:
        """Begin the transaction."""

    async def acommit(self) -> None:
        """Keep what the transaction did."""

    async def arollback(self) -> None:
        """Undo what the transaction did."""

    async def asavepoint(self, name: str) -> None:
        """Set a savepoint."""

    async def arelease(self, name: str) -> None:
        """Keep what came after the savepoint."""

    async def arollback_to(self, name: str) -> None:
        """Undo what came after the savepoint."""

    async def arestore(self) -> None:
        """Put the connection back as it was before the transaction."""


class DialectVerbs(Verbs):
    """The verbs as statements of a dialect, sent by `send(text)`."""

    def __init__(self, dialect: Dialect, send: Callable[[str], Any], isolation: IsolationLevel | None, read_only: bool):
        self._dialect = dialect
        self._send = send
        self._begin = dialect.begin_statements(isolation, read_only)
        self._end = dialect.end_statements(isolation, read_only)

    async def abegin(self) -> None:
        for text in self._begin:
            await self._send(text)

    async def acommit(self) -> None:
        await self._send("COMMIT")

    async def arollback(self) -> None:
        await self._send("ROLLBACK")

    async def asavepoint(self, name: str) -> None:
        await self._send(self._dialect.savepoint(name))

    async def arelease(self, name: str) -> None:
        await self._send(self._dialect.release_savepoint(name))

    async def arollback_to(self, name: str) -> None:
        await self._send(self._dialect.rollback_savepoint(name))

    async def arestore(self) -> None:
        for text in self._end:
            await self._send(text)


class _Level:
    """An isolation level whose `name` may stand in SQL: a manager written in the guide's way puts it there."""

    def __init__(self, level: IsolationLevel) -> None:
        self.name = self.value = self.sql = level.sql
        self.level = level


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


class ManagerVerbs(Verbs):
    """The verbs of an author's manager, called by `reach(verb, *args)` where the connection lives."""

    def __init__(
        self,
        manager: Any,
        reach: Callable[..., Any],
        isolation: IsolationLevel | None,
        read_only: bool,
        dialect: Dialect,
    ) -> None:
        if read_only:
            raise UnsupportedFeature(f"{type(manager).__name__} has no read-only transactions: leave read_only out")
        if isolation is not None:
            dialect.check_isolation(isolation)
        self._manager = manager
        self._reach = reach
        self._isolation = isolation
        self.can_nest = hasattr(manager, "create_savepoint")

    async def abegin(self) -> None:
        # Also without a level: the manager may be one object for many transactions.
        if hasattr(self._manager, "_isolation_level"):
            before = self._manager._isolation_level
            if self._isolation is not None or isinstance(before, _Level):
                self._manager._isolation_level = None if self._isolation is None else _Level(self._isolation)
        elif self._isolation is not None:
            raise IsolationLevelError(f"{type(self._manager).__name__} takes no isolation level")
        await self._reach(self._manager.begin)

    async def acommit(self) -> None:
        await self._reach(self._manager.commit)

    async def arollback(self) -> None:
        await self._reach(self._manager.rollback)

    async def asavepoint(self, name: str) -> None:
        await self._reach(self._verb("create_savepoint"), check_name(name))

    async def arelease(self, name: str) -> None:
        await self._reach(self._verb("release_savepoint"), check_name(name))

    async def arollback_to(self, name: str) -> None:
        await self._reach(self._verb("rollback_savepoint", "rollback_to_savepoint"), check_name(name))

    async def arestore(self) -> None:
        return

    def _verb(self, *names: str) -> Callable[..., Any]:
        for name in names:
            verb: Callable[..., Any] | None = getattr(self._manager, name, None)
            if verb is not None:
                return verb
        raise UnsupportedFeature(f"{type(self._manager).__name__} has no {names[0]}: its blocks cannot be nested")


class BlockVerbs(Verbs):
    """The verbs of an author's plain context manager: entered to begin, left to commit or to roll back."""

    can_nest = False

    def __init__(
        self, block: Any, reach: Callable[..., Any], isolation: IsolationLevel | None, read_only: bool
    ) -> None:
        if isolation is not None or read_only:
            raise UnsupportedFeature(f"{type(block).__name__} takes no isolation level and no read_only")
        self._block = block
        self._reach = reach

    async def abegin(self) -> None:
        await self._reach(self._block.__enter__)

    async def acommit(self) -> None:
        await self._reach(self._block.__exit__, None, None, None)

    async def arollback(self) -> None:
        error = TransactionError("the block is rolled back")
        try:
            await self._reach(self._block.__exit__, TransactionError, error, None)
        except TransactionError as raised:
            if raised is not error:
                raise

    async def asavepoint(self, name: str) -> None:
        raise UnsupportedFeature(f"{type(self._block).__name__} has no create_savepoint: its blocks cannot be nested")

    async def arelease(self, name: str) -> None:
        await self.asavepoint(name)

    async def arollback_to(self, name: str) -> None:
        await self.asavepoint(name)

    async def arestore(self) -> None:
        return


def check_name(name: str) -> str:
    """The savepoint's name, if it may stand in SQL unquoted."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise TransactionError(f"{name!r} cannot name a savepoint: use letters, digits and _, at most 63")
    return name


class TransactionManager:
    """Transactions over one connection: counted, nested by savepoint.

    `connection` is anything with ``execute(sql)``.  Every failure is a `TransactionError`.  A subclass
    overrides the `_do_…` hooks, each of which must send one verb and must not count.
    """

    dialect_class: ClassVar[type[Dialect]] = Dialect

    def __init__(self, connection: Any = None, logger: Any = None) -> None:
        self._connection = connection
        self._logger = logger
        self._isolation_level: Any = None
        self._savepoint_id = 0
        self._levels: list[str] = []

    @property
    def is_active(self) -> bool:
        """Whether a transaction is open."""
        return bool(self._levels)

    @property
    def transaction_level(self) -> int:
        """How deep the open transaction is nested; 0 means none is open."""
        return len(self._levels)

    @property
    def isolation_level(self) -> Any:
        """The level that the next transaction begins with; None means the database's own."""
        return self._isolation_level

    @isolation_level.setter
    def isolation_level(self, level: Any) -> None:
        if self._levels:
            raise IsolationLevelError("the isolation level cannot change while a transaction is open")
        self._isolation_level = level

    def begin(self) -> None:
        """Begin a transaction, or a savepoint inside the open one."""
        if self._levels:
            self._savepoint_id += 1
            name = f"sp_{self._savepoint_id}"
            self._try("create savepoint", self._do_create_savepoint, name)
        else:
            name = ""
            self._try("begin transaction", self._do_begin)
        self._levels.append(name)

    def commit(self) -> None:
        """Keep the innermost level."""
        name = self._innermost("commit")
        if name:
            self._try("release savepoint", self._do_release_savepoint, name)
        else:
            self._try("commit transaction", self._do_commit)
        self._levels.pop()

    def rollback(self) -> None:
        """Undo the innermost level."""
        name = self._innermost("roll back")
        self._levels.pop()
        if name:
            self._try("rollback to savepoint", self._do_rollback_savepoint, name)
        else:
            self._try("rollback transaction", self._do_rollback)

    def create_savepoint(self, name: str) -> None:
        """Set a savepoint."""
        self._try("create savepoint", self._do_create_savepoint, name)

    def release_savepoint(self, name: str) -> None:
        """Keep what came after a savepoint."""
        self._try("release savepoint", self._do_release_savepoint, name)

    def rollback_savepoint(self, name: str) -> None:
        """Undo what came after a savepoint."""
        self._try("rollback to savepoint", self._do_rollback_savepoint, name)

    @contextmanager
    def transaction(self) -> Iterator[TransactionManager]:
        """A block that commits when left normally and rolls back when left by an error."""
        self.begin()
        try:
            yield self
        except BaseException:
            self.rollback()
            raise
        self.commit()

    def supports_savepoint(self) -> bool:
        """Whether levels can be nested."""
        return self._dialect.supports_savepoints

    # Hooks

    def _do_begin(self) -> None:
        level = self._isolation_level
        for text in self._dialect.begin_statements(getattr(level, "level", level), False):
            self._connection.execute(text)

    def _do_commit(self) -> None:
        self._connection.execute("COMMIT")
        self._restore()

    def _do_rollback(self) -> None:
        self._connection.execute("ROLLBACK")
        self._restore()

    def _do_create_savepoint(self, name: str) -> None:
        self._connection.execute(self._dialect.savepoint(name))

    def _do_release_savepoint(self, name: str) -> None:
        self._connection.execute(self._dialect.release_savepoint(name))

    def _do_rollback_savepoint(self, name: str) -> None:
        self._connection.execute(self._dialect.rollback_savepoint(name))

    # Helpers

    @property
    def _dialect(self) -> Dialect:
        dialect = getattr(self._connection, "dialect", None)
        return dialect if isinstance(dialect, Dialect) else self.dialect_class()

    def _restore(self) -> None:
        level = self._isolation_level
        for text in self._dialect.end_statements(getattr(level, "level", level), False):
            self._connection.execute(text)

    def _innermost(self, verb: str) -> str:
        if not self._levels:
            raise TransactionError(f"there is no open transaction to {verb}")
        return self._levels[-1]

    def _try(self, what: str, hook: Callable[..., None], *args: Any) -> None:
        try:
            hook(*args)
        except (TransactionError, UnsupportedFeature):
            raise
        except Exception as error:  # Whatever the connection raises: the drivers share no base class.
            raise TransactionError(f"failed to {what}: {error}") from error


class BackendTransactions(TransactionManager):
    """A backend's own transactions under the names of `TransactionManager`, for the thread or task that asks."""

    def __init__(self, backend: Any) -> None:
        super().__init__(backend)
        self._backend = backend

    @property
    def is_active(self) -> bool:
        return self._backend.current_transaction is not None

    @property
    def transaction_level(self) -> int:
        transaction = self._backend.current_transaction
        return 0 if transaction is None else int(transaction.level)

    @property
    def isolation_level(self) -> Any:
        return self._isolation_level

    @isolation_level.setter
    def isolation_level(self, level: Any) -> None:
        if self.is_active:
            raise IsolationLevelError("the isolation level cannot change while a transaction is open")
        self._isolation_level = level

    def begin(self) -> None:
        self._backend.begin_transaction(None if self.is_active else self._isolation_level)

    def commit(self) -> None:
        self._backend.commit_transaction()

    def rollback(self) -> None:
        self._backend.rollback_transaction()

    def _do_create_savepoint(self, name: str) -> None:
        self._open().create_savepoint(name)

    def _do_release_savepoint(self, name: str) -> None:
        self._open().release_savepoint(name)

    def _do_rollback_savepoint(self, name: str) -> None:
        self._open().rollback_savepoint(name)

    def _open(self) -> Any:
        transaction = self._backend.current_transaction
        if transaction is None:
            raise TransactionError("there is no open transaction to set a savepoint in")
        return transaction
