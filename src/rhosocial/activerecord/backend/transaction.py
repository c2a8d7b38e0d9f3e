"""One transaction block, or one level of it: begun late, nested by savepoint, never lost in silence."""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Coroutine
from enum import Enum
from types import TracebackType
from typing import Any, Protocol, Self

from ..blocking import blocking, is_blocking
from .context import Contexts, Mark, State, clear_marks
from .errors import CommitOutcomeUnknown, DatabaseError, IsolationLevelError, TransactionError, UnsupportedFeature
from .hook import Hook, arun_hooks, undo_all
from .keyword import changes_schema, ends_transaction, first_keyword
from .manager import Verbs
from .rule import ErrorRule
from .typing import IsolationLevel

log = logging.getLogger("activerecord")


class Status(Enum):
    """What is left of a level."""

    NEW = "not begun"  # BEGIN is sent with the first statement.
    OPEN = "open"
    FAILED = "failed"  # Only a rollback, of this level or to a savepoint, helps.
    GONE = "rolled back by the database"
    OVER = "over"


NEW, OPEN, FAILED, GONE, OVER = Status


class Host(Protocol):
    """What a block asks of its backend."""

    contexts: Contexts
    begins_late: bool

    @property
    def dialect(self) -> Any:
        """How the database spells SQL."""

    def check_usable(self, state: State) -> None:
        """Refuse a closed backend, and a context that was copied inside another's open block."""

    async def averbs(self, state: State, transaction: Transaction) -> Verbs:
        """What begins and ends the transactions of `state`."""
        ...

    async def atake(self, state: State, transaction: Transaction | None = None) -> None:
        """Have `state` hold a connection."""

    async def agive_back(self, state: State) -> None:
        """Have `state` give up its connection."""

    def connection_state(self, state: State) -> str | None:
        """What the driver knows of the transaction: "idle", "open", "failed", "gone", or None."""
        ...

    def rule_of(self, error: BaseException | None) -> ErrorRule:
        """What an error leaves of transaction and connection."""
        ...


class Transaction:
    """A block of statements that are kept together or not at all.

    ``with backend.transaction() as tx:`` or ``async with``; one object is one block.  BEGIN is sent with the first
    statement.  A block inside a block is a savepoint.  A block belongs to the thread or task that entered it, and must
    be left there.  A block whose transaction the database has thrown away cannot end as if it had been committed: it
    raises `TransactionError`, or `CommitOutcomeUnknown` where the link broke during COMMIT.
    """

    def __init__(
        self, backend: Host, isolation_level: IsolationLevel | str | None = None, read_only: bool = False
    ) -> None:
        self.backend = backend
        self.isolation_level = _as_level(isolation_level)
        self.read_only = read_only
        self.status = NEW
        self.level = 0
        self.outer: Transaction | None = None
        self.first_error: BaseException | None = None
        self.committed = False
        self._state: State | None = None
        self._verbs: Verbs | None = None
        self._mark: Mark | None = None
        self._name = ""
        self._names = 0
        self._savepoints: list[tuple[str, int, int, int]] = []
        self._undo: list[Hook] = []
        # `undo` without a Python call in between: each save of a record in a block comes here.
        self.enrol: Callable[[Hook], None] = self._undo.append
        self._on_commit: list[Hook] = []
        self._on_rollback: list[Hook] = []

    # 1 - The block

    async def __aenter__(self) -> Self:
        if self._state is not None:
            raise TransactionError("a transaction block can be entered only once; call transaction() again")
        state = self.backend.contexts.current()
        outer = state.transaction
        if outer is None:
            self.backend.check_usable(state)
            self._verbs = await self.backend.averbs(state, self)
            state.blocking = is_blocking()
            self._mark = self.backend.contexts.mark(state)
        else:
            self._nest(outer, state)
        self._state = state
        self.outer = outer
        self.level = 1 if outer is None else outer.level + 1
        state.transaction = self
        if not self.backend.begins_late:
            await self._aenter_at_once()
        return self

    __enter__ = blocking(__aenter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aleave(error)

    __exit__ = blocking(__aexit__)

    async def aleave(self, error: BaseException | None = None, commit: bool = True) -> None:
        """Leave the block: keep it, or undo it where `error` is given or `commit` is false."""
        state = self.entered_state()
        if self.backend.contexts.current() is not state:
            await self._aleave_elsewhere(state, error)
        if self.status is OVER:
            self._pop(state)
        elif state.transaction is not self:
            await self._aend(False, error)
            if error is None:
                raise TransactionError("the block was left while a block inside it was still open; all is rolled back")
        else:
            await self._aend(commit and error is None, error)

    async def _aenter_at_once(self) -> None:
        try:
            await self.abegin()
        except BaseException as error:
            await self._aend(False, error)
            raise

    def _nest(self, outer: Transaction, state: State) -> None:
        outer.check_statement()
        _check_face(state)
        if self.isolation_level is not None:
            raise IsolationLevelError("a block inside a block cannot have an isolation level of its own")
        if self.read_only and not outer.read_only:
            raise TransactionError("a read-only block cannot stand inside one that writes")
        if not self.backend.dialect.supports_savepoints:
            raise UnsupportedFeature(f"{self.backend.dialect.name} has no savepoints: blocks cannot be nested")
        self.read_only = outer.read_only
        self._verbs = outer._verbs

    async def _aleave_elsewhere(self, state: State, error: BaseException | None) -> None:
        here = self.backend.contexts.current().place
        if state.pid != os.getpid():
            raise TransactionError(f"a transaction of {state.place} was left in a forked child") from error
        state.broken = True
        while state.transaction is not None:
            state.transaction._settle(False)
            state.transaction._pop(state)
        await self.backend.agive_back(state)
        raise TransactionError(
            f"a transaction entered in {state.place} was left in {here}: it is rolled back"
        ) from error

    # 2 - The handle

    async def acreate_savepoint(self, name: str | None = None) -> str:
        """Set a savepoint inside this block; returns its name, made up where none is given."""
        state = self._innermost()
        self.check_statement()
        if name is None:
            name = self._next_name()
        if self.status is NEW:
            await self.abegin()
        await self._asend(state, self._the_verbs().asavepoint, name)
        self._savepoints.append((name, len(self._undo), len(self._on_commit), len(self._on_rollback)))
        return name

    create_savepoint = blocking(acreate_savepoint)

    async def arelease_savepoint(self, name: str) -> None:
        """Keep what came after the savepoint, and forget it and those after it."""
        state = self._innermost()
        self.check_statement()
        position = self._find(name)
        await self._asend(state, self._the_verbs().arelease, name)
        del self._savepoints[position:]

    release_savepoint = blocking(arelease_savepoint)

    async def arollback_savepoint(self, name: str) -> None:
        """Undo what came after the savepoint, which stays; a failed block can be used again afterwards."""
        state = self._innermost()
        if self.status is not FAILED:
            self.check_statement()
        position = self._find(name)
        await self._asend(state, self._the_verbs().arollback_to, name)
        _, undo, commit, rollback = self._savepoints[position]
        del self._savepoints[position + 1 :], self._on_commit[commit:]
        self.status = OPEN
        self.first_error = None
        undo_all(self._undo, undo)
        hooks = self._on_rollback[rollback:]
        del self._on_rollback[rollback:]
        await arun_hooks(hooks, None, "was rolled back to the savepoint")

    rollback_savepoint = blocking(arollback_savepoint)
    arollback_to_savepoint = arollback_savepoint
    rollback_to_savepoint = rollback_savepoint

    async def acommit(self) -> None:
        """End the block now and keep what it did; nothing can be sent in it afterwards."""
        self._innermost()
        self.check_statement()
        await self._aend(True, None, early=True)

    commit = blocking(acommit)

    async def arollback(self) -> None:
        """End the block now and undo what it did; nothing can be sent in it afterwards."""
        self._innermost()
        if self.status is OVER:
            self.check_statement()
        await self._aend(False, None, early=True)

    rollback = blocking(arollback)

    def on_commit(self, hook: Hook) -> None:
        """Have `hook()` called once the outermost block is committed and its connection given back.

        A hook may be async.  All hooks run; their errors come together in an ExceptionGroup, and the commit stands.
        """
        self._on_commit.append(hook)

    def on_rollback(self, hook: Hook) -> None:
        """Have `hook()` called once this block, or one around it, is rolled back."""
        self._on_rollback.append(hook)

    def undo(self, put_back: Hook) -> None:
        """Have `put_back()` called, last first, when this level is rolled back: it puts objects back as they were.

        If it has a method `doubt`, that is called in its place where nobody knows whether COMMIT arrived.  Neither may
        fail or wait.
        """
        self._undo.append(put_back)

    @property
    def is_active(self) -> bool:
        """Whether statements can still be sent in this block."""
        return self._state is not None and self.status in (NEW, OPEN)

    # 3 - What the backend asks

    def check_statement(self) -> None:
        """Refuse a statement where the block can no longer keep it."""
        if self.status is OVER:
            raise TransactionError("the transaction of this block is over: leave the block, or begin another one")
        if self.status is GONE:
            raise TransactionError(
                f"the database has rolled back the transaction{_because(self.first_error)}: leave the block"
            ) from self.first_error
        if self.status is FAILED:
            raise TransactionError(
                f"an earlier statement of this block failed{_because(self.first_error)}: "
                "leave the block, or roll back to a savepoint"
            ) from self.first_error

    def refuse_end(self, sql: str) -> None:
        """Refuse a statement that would end the transaction, or begin another, behind the block's back."""
        if ends_transaction(sql):
            what = f"{first_keyword(sql)} was not sent inside a block, whose transaction it would end"
            raise TransactionError(f"{what}: leave the block, by an error to have it rolled back, or use its handle")
        if changes_schema(sql) and not self.backend.dialect.supports_transactional_ddl:
            raise TransactionError(
                f"{first_keyword(sql)} was not sent inside a block: {self.backend.dialect.name} would commit the "
                "transaction before it; run it outside"
            )

    async def abegin(self) -> None:
        """Begin this level, and before it those around it that have not begun."""
        self.check_statement()
        state = self.entered_state()
        if self.outer is None:
            await self.backend.atake(state, self)
            try:
                await self._the_verbs().abegin()
            except BaseException as error:
                # Some of the settings that begin it may have arrived.
                state.broken = self.backend.connection_state(state) != "idle"
                await _finish(self._arelease(state, error))
                raise
        else:
            if self.outer.status is NEW:
                await self.outer.abegin()
            self._name = self._next_name()
            # What goes wrong here is the outer level's: this one has not begun.
            await self.outer._asend(state, self._the_verbs().asavepoint, self._name)
        self.status = OPEN

    def note_error(self, error: BaseException) -> None:
        """Learn what a failed statement has left of the transaction, and remember it against COMMIT."""
        state = self.entered_state()
        left = self.backend.connection_state(state)
        rule = self.backend.rule_of(error)
        if rule.connection == "dead":
            state.broken, left = True, "gone"
        if left is None:
            left = (rule.transaction if isinstance(error, Exception) else None) or "failed"
        if left == "open":
            return
        self.first_error = self.first_error or error
        if left == "failed":
            self.status = FAILED
        else:
            self._lose(error)

    def fail(self, error: BaseException) -> None:
        """Let only a rollback help from now on: `error` has left something half done."""
        if self.status is OPEN:
            self.status, self.first_error = FAILED, self.first_error or error

    @property
    def can_nest(self) -> bool:
        """Whether a block inside this one can be a savepoint."""
        return bool(self.backend.dialect.supports_savepoints) and self._the_verbs().can_nest

    def _lose(self, error: BaseException | None) -> None:
        level: Transaction | None = self
        while level is not None:
            level.status = GONE
            level.first_error = level.first_error or error
            level = level.outer

    # 4 - The end of a level

    async def _aend(self, commit: bool, error: BaseException | None, early: bool = False) -> None:
        state = self.entered_state()
        while state.transaction is not None and state.transaction is not self:
            inner: Transaction = state.transaction
            inner._settle(True)
            inner.status = OVER
            inner._pop(state)
        try:
            await _finish(self._akeep(state) if commit else self._arevert(state, error))
        except BaseException as raised:
            # Also for KeyboardInterrupt: hooks run at every end, and the first error comes out.
            error = error or raised
            if self.outer is None and is_blocking() and not isinstance(raised, Exception):
                # A statement after the block must not find its transaction open.
                state.broken = state.broken or self.backend.connection_state(state) != "idle"
                await self.backend.agive_back(state)
            raise
        finally:
            self.status = OVER
            if not early:
                self._pop(state)
            await self._arun_hooks_of_end(error)

    async def _akeep(self, state: State) -> None:
        try:
            if self.status is not NEW:
                self._check_alive(state)
                if self.outer is None:
                    await self._acommit(state)
                else:
                    await self._asend(state, self._the_verbs().arelease, self._name)
        except BaseException as error:
            # Also for KeyboardInterrupt: the connection must not stay inside a transaction.
            await self._arevert(state, error)
            raise
        self.committed = True
        self._settle(True)
        if self.outer is None:
            await self._arelease(state, None)

    def _check_alive(self, state: State) -> None:
        self.check_statement()
        left = self.backend.connection_state(state)
        if left == "failed":
            self.status = FAILED
        elif left in ("idle", "gone"):
            self._lose(None)
        self.check_statement()

    async def _acommit(self, state: State) -> None:
        try:
            await self._the_verbs().acommit()
        except BaseException as error:
            # Also for KeyboardInterrupt: nobody knows whether the engine had the COMMIT by then.
            left = self.backend.connection_state(state)
            dead = left == "gone" or self.backend.rule_of(error).connection == "dead"
            if isinstance(error, CommitOutcomeUnknown) or dead or (not isinstance(error, Exception) and left != "open"):
                self._doubt(state)
                if isinstance(error, Exception) and not isinstance(error, CommitOutcomeUnknown):
                    raise CommitOutcomeUnknown(
                        "the link broke during COMMIT: the rows may be stored or not; read them before trying again"
                    ) from error
            elif left == "idle":
                self._lose(error)
            raise
        if self.backend.connection_state(state) in ("open", "failed"):
            raise TransactionError("the transaction is still open after COMMIT; it is rolled back")

    def _doubt(self, state: State) -> None:
        state.broken = True
        self.status = GONE
        for put_back in reversed(self._undo):
            doubt = getattr(put_back, "doubt", None)
            if doubt is not None:
                doubt()
        self._undo.clear()
        self._on_rollback.clear()  # Nobody knows that it is rolled back.

    async def _arevert(self, state: State, error: BaseException | None) -> None:
        failure = None
        if self._needs_rollback(state):
            try:
                if self.outer is None:
                    await self._the_verbs().arollback()
                else:
                    await self._asend(state, self._the_verbs().arollback_to, self._name)
                    await self._asend(state, self._the_verbs().arelease, self._name)
            except BaseException as raised:  # noqa: BLE001
                # Also for KeyboardInterrupt: the first error must come out, and the connection must go.
                failure = raised
                state.broken = True
                self._lose(raised)
        self._settle(False)
        if self.outer is None:
            await self._arelease(state, error or failure)
        if failure is not None:
            if error is None or not isinstance(failure, Exception):
                raise failure from error
            log.warning("rollback failed after %s: %s", type(error).__name__, failure)

    def _needs_rollback(self, state: State) -> bool:
        if self.status is GONE and self.outer is None:
            # Where the driver cannot tell, a ROLLBACK too many does no harm, and one too few would.
            return state.connection is not None and self.backend.connection_state(state) not in ("idle", "gone")
        return self.status in (OPEN, FAILED)

    async def _arelease(self, state: State, error: BaseException | None) -> None:
        if state.connection is None:
            await self.backend.agive_back(state)
            return
        left = self.backend.connection_state(state)
        proven = left == "idle" or (left is None and (error is None or isinstance(error, Exception)))
        state.broken = state.broken or not proven
        if not state.broken:
            try:
                await self._the_verbs().arestore()
            except BaseException as raised:
                # Also for KeyboardInterrupt: a connection that is not as it was must not be used again.
                state.broken = True
                log.warning("a connection could not be put back as it was and is closed: %r", raised)
                if not isinstance(raised, Exception):
                    await self.backend.agive_back(state)
                    raise
        await self.backend.agive_back(state)

    def _settle(self, kept: bool) -> None:
        outer = self.outer
        if not kept:
            undo_all(self._undo)
            self._on_commit.clear()
        elif outer is not None:
            outer._undo += self._undo
            outer._on_commit += self._on_commit
            outer._on_rollback += self._on_rollback
            self._on_commit, self._on_rollback = [], []
        self._undo.clear()

    def _pop(self, state: State) -> None:
        state.transaction = self.outer
        if self._mark is not None:
            self._mark.erase()
            clear_marks()

    async def _arun_hooks_of_end(self, error: BaseException | None) -> None:
        if self.committed and self.outer is None:
            await arun_hooks(self._on_commit, error, "is committed")
        elif not self.committed:
            await arun_hooks(self._on_rollback, error, "is rolled back")

    # 5 - Helpers

    async def _asend(self, state: State, verb: Callable[..., Awaitable[None]], name: str) -> None:
        try:
            await verb(name)
        except UnsupportedFeature:
            # Raised before anything was sent.
            raise
        except BaseException as error:
            # Also for KeyboardInterrupt: the transaction may be gone by now.
            self.note_error(error)
            if isinstance(error, DatabaseError) or not isinstance(error, Exception):
                raise
            raise TransactionError(f"savepoint {name!r}: {error}") from error

    def entered_state(self) -> State:
        """The state of the thread or task that entered the block."""
        if self._state is None:
            raise TransactionError("the block has not been entered: use `with transaction() as tx`")
        return self._state

    def _innermost(self) -> State:
        state = self.entered_state()
        here = self.backend.contexts.current()
        if here is not state:
            raise TransactionError(f"a transaction of {state.place} was used in {here.place}")
        if state.transaction is not self:
            raise TransactionError("a block inside this one is open: use its handle, or leave it first")
        _check_face(state)
        return state

    def _the_verbs(self) -> Verbs:
        assert self._verbs is not None
        return self._verbs

    def _next_name(self) -> str:
        outermost = self
        while outermost.outer is not None:
            outermost = outermost.outer
        outermost._names += 1
        return f"ar_{outermost._names}"

    def _find(self, name: str) -> int:
        for position in range(len(self._savepoints) - 1, -1, -1):
            if self._savepoints[position][0] == name:
                return position
        known = ", ".join(repr(point[0]) for point in self._savepoints) or "none"
        raise TransactionError(f"there is no savepoint {name!r} in this block; it has {known}")


def _as_level(level: IsolationLevel | str | None) -> IsolationLevel | None:
    if level is None or isinstance(level, IsolationLevel):
        return level
    try:
        return IsolationLevel[str(level).upper().replace(" ", "_").replace("-", "_")]
    except KeyError as error:
        known = ", ".join(known.name for known in IsolationLevel)
        raise IsolationLevelError(f"{level!r} is no isolation level; there are {known}") from error


def _check_face(state: State) -> None:
    if state.blocking is not is_blocking():
        entered, used = ("with", "an awaiting") if state.blocking else ("async with", "a blocking")
        raise TransactionError(f"a block entered by `{entered}` in {state.place} was used by {used} call")


def _because(error: BaseException | None) -> str:
    return "" if error is None else f" ({type(error).__name__}: {error})"


async def _finish(core: Coroutine[Any, Any, None]) -> None:
    """Await `core` to its end even where the waiting task is cancelled, which is then cancelled afterwards."""
    if is_blocking():
        await core
        return
    import asyncio

    task = asyncio.ensure_future(core)
    cancelled: BaseException | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    failure = task.exception()
    if cancelled is None:
        task.result()
        return
    if failure is not None:
        log.warning("the end of a cancelled transaction failed: %s", failure)
    raise cancelled
