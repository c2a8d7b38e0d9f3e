"""Who uses a backend: one small state for each thread and each task."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn

from ..blocking import running_loop
from .errors import TransactionError
from .fork import leave_to_parent

_modules = sys.modules
UNSET: Any = type("Unset", (), {"__repr__": lambda self: "UNSET", "__slots__": ()})()


class State:
    """What one thread or task holds of one backend.

    `connection` is the driver's connection while a block is open or `connect()` was called (`pinned`).  `transaction`
    is the innermost open block.  `blocking` is the face in which the connection was taken.  `pid` is the process that
    it belongs to.
    """

    __slots__ = (
        "blocking",
        "broken",
        "connection",
        "depth",
        "manager",
        "permit",
        "pid",
        "pinned",
        "place",
        "shared",
        "transaction",
        "turn",
        "worker",
    )

    def __init__(self, place: str) -> None:
        self.place = place
        self.pid = os.getpid()
        self.connection: Any = None
        self.manager: Any = UNSET
        self.transaction: Any = None  # A Transaction; that class builds on this one.
        self.worker: Any = None
        self.turn: Any = None  # The writers' gate, while this context holds its permit.
        self.shared: Any = None  # A gate, while several contexts share this state on purpose.
        self.blocking: bool | None = None
        self.pinned = False
        self.broken = False
        self.permit = False
        self.depth = 0

    def disinherit(self) -> None:
        """Forget, in a forked child, what the parent holds."""
        leave_to_parent((self.connection, self.manager))
        self.place += " of the parent process"
        self.connection = self.transaction = self.worker = self.turn = None
        self.manager = UNSET
        self.pinned = self.permit = False

    def refuse_open_block(self) -> None:
        """Refuse to give up the connection of an open block."""
        if self.transaction is not None:
            raise TransactionError("a transaction is open: leave its block before disconnecting")

    def end_turn(self) -> None:
        """Let the next writer in, where this context holds the turn to write."""
        turn, self.turn = self.turn, None
        if turn is not None:
            turn.release()


class Mark:
    """The sign of an open block that copied contexts inherit; it never carries the connection."""

    __slots__ = ("contexts", "outer", "state")

    def __init__(self, contexts: Contexts, state: State, outer: Mark | None) -> None:
        self.contexts: Contexts | None = contexts
        self.state: State | None = state
        self.outer = outer

    def erase(self) -> None:
        """Forget the block, which has ended, in every context that inherited the mark."""
        self.contexts = self.state = None


_marks: ContextVar[Mark | None] = ContextVar("activerecord_open_blocks", default=None)


class _Guard:
    """Dies with its thread, and has the thread's connection given back."""

    __slots__ = ("end", "state")

    def __init__(self, state: State, end: Callable[[State], None]) -> None:
        self.state = state
        self.end = end

    def __del__(self) -> None:
        if self.state.pid != os.getpid():
            # The threads of the parent end here, at its fork, and have their connections still.
            self.state.disinherit()
        elif self.state.connection is not None:
            self.end(self.state)


class _Thread(threading.local):
    state: State | None = None
    guard: _Guard | None = None


class Contexts:
    """The states of one backend.

    A thread's lives in thread-local storage and not in a context variable, since `asyncio.to_thread` throws away what
    is set in its copied context.  A task's is found by the task itself, so that child tasks inherit nothing.
    `end(state)` is called when a thread or a task ends and still holds a connection.
    """

    __slots__ = ("_end", "_tasks", "_thread")

    def __init__(self, end: Callable[[State], None]) -> None:
        self._thread = _Thread()
        self._tasks: dict[Any, State] = {}
        self._end = end

    def current(self) -> State:
        """The state of the thread or task that asks."""
        # Where asyncio was never imported there is no task; this is asked for each statement.
        if "asyncio.events" in _modules and (loop := running_loop()) is not None:
            task = _current_task(loop)
            if task is not None:
                return self._tasks.get(task) or self._task_state(task)
        return self._thread.state or self._thread_state()

    def _thread_state(self) -> State:
        state = State(f"thread {threading.current_thread().name!r}")
        self._thread.state = state
        self._thread.guard = _Guard(state, self._end)
        return state

    def _task_state(self, task: Any) -> State:
        state = self._tasks[task] = State(f"task {task.get_name()!r}")
        task.add_done_callback(self._forget)
        return state

    def _forget(self, task: Any) -> None:
        state = self._tasks.pop(task, None)
        if state is not None and state.connection is not None and state.shared is None:
            self._end(state)

    def bound(self, state: State, hook: Callable[..., Any], *args: Any) -> Any:
        """``hook(*args)`` in this (worker) thread on behalf of the thread or task that `state` belongs to."""
        before = self._thread.state
        self._thread.state = state
        try:
            return hook(*args)
        finally:
            self._thread.state = before

    @contextmanager
    def joined(self, state: State) -> Iterator[None]:
        """Let the thread or task that asks use `state`, which belongs to another."""
        loop = running_loop()
        task = None if loop is None else _current_task(loop)
        own = self.current()
        self._put(task, state)
        try:
            yield
        finally:
            self._put(task, own)

    def _put(self, task: Any, state: State) -> None:
        if task is None:
            self._thread.state = state
        else:
            self._tasks[task] = state

    def after_fork(self) -> None:
        """Start anew in a forked child."""
        inherited = [*self._tasks.values()]
        if self._thread.state is not None:
            inherited.append(self._thread.state)
        for state in inherited:
            state.disinherit()
        self._thread = _Thread()
        self._tasks = {}
        _marks.set(None)

    def mark(self, state: State) -> Mark:
        """Leave the sign of an open block for the contexts that will be copied from this one."""
        mark = Mark(self, state, _living(_marks.get()))
        _marks.set(mark)
        return mark

    def check(self, state: State) -> None:
        """Refuse a context that was copied inside an open block of another thread or task."""
        mark = _marks.get()
        while mark is not None:
            if mark.contexts is self and mark.state is not None and mark.state is not state:
                raise TransactionError(
                    f"{state.place} was started inside a transaction that {mark.state.place} has open and does not "
                    "take part in it: start it outside the block, or share on purpose with backend.adopt(tx)"
                )
            mark = mark.outer


def clear_marks() -> None:
    """Drop the signs of blocks that have ended from this context."""
    _marks.set(_living(_marks.get()))


def has_marks() -> bool:
    """Whether this context was inside an open block, or copied from one that was."""
    return _marks.get() is not None


def _living(mark: Mark | None) -> Mark | None:
    while mark is not None and mark.contexts is None:
        mark = mark.outer
    return mark


def _current_task(loop: Any) -> Any:
    # Where a loop runs, asyncio is imported; importing it here would cost others 95 ms.
    return sys.modules["asyncio"].current_task(loop)


def weakly(owner: object, name: str) -> Callable[..., Any]:
    """``owner.name``, without keeping the owner: called after its end it does nothing."""
    reference = weakref.ref(owner)

    def call(*args: Any, **kwargs: Any) -> Any:
        living = reference()
        return None if living is None else getattr(living, name)(*args, **kwargs)

    return call


def refuse_face(state: State, blocking: bool) -> NoReturn:
    """Refuse a call in another face than that in which the connection is held."""
    held, call = ("an awaiting", "a blocking") if blocking else ("a blocking", "an awaiting")
    raise TransactionError(f"{state.place} holds its connection by {held} call and then made {call} call on it")
