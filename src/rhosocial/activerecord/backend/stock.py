"""What a connection pool has: the connections of one process, idle and lent, and who holds them."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from sys import modules
from typing import Any, ClassVar, Protocol

from .fork import leave_to_parent
from .gate import Gate
from .worker import WorkerThread


class Place(Protocol):
    """A thread or task that says what it is called in messages."""

    place: str


# Who has a connection: a thread, a task by its name, or what knows its place.
Holder = threading.Thread | str | Place


class Member:
    """A connection of the pool, from the permit to open it until it is closed."""

    __slots__ = ("expires", "holder", "loop", "raw", "shelf", "since", "stage")

    def __init__(self, loop: Any, stock: Stock, holder: Holder) -> None:
        self.raw: Any = None
        self.loop = loop
        self.shelf = stock.shared if loop is None else stock.shelves.setdefault(loop, deque())
        self.expires = math.inf
        self.lend(holder, "opening")

    def lend(self, holder: Holder, stage: str = "") -> None:
        """Note who has the connection from now on, and whether it is just "opening" or "closing"."""
        self.holder = holder
        self.since = time.monotonic()
        self.stage = stage

    def described(self, now: float) -> str:
        """Who has the connection and for how long, as an error says it."""
        holder = self.holder
        stage = self.stage
        if isinstance(holder, threading.Thread):
            stage = stage or ("" if holder.is_alive() else "ended")
            name = f"thread {holder.name!r}"
        elif not isinstance(holder, str):
            name = holder.place
        else:
            name = f"task {holder!r}"
        return f"{name}{stage and f' ({stage})'} for {max(0.0, now - self.since):.1f} s"


class Stock:
    """The connections of one process: the idle ones by the loop they belong to (None: to no loop), and those lent.

    Every change is one atomic call on a deque or a dict, so that finalisers may run in the middle of anything.
    """

    # The process we are in; a fork hook keeps it true, since to ask the system costs as much as half a loan.
    process: ClassVar[int] = os.getpid()

    __slots__ = ("alarm", "gate", "heirs", "lent", "lost", "parent", "pid", "shared", "shelves")

    def __init__(self, size: int, parent: Stock | None) -> None:
        self.pid = Stock.process = os.getpid()
        self.parent = parent
        self.heirs: dict[int, Stock] = {}
        self.gate = Gate(size)
        # When a connection was last found broken: what was idle at that time may be broken too.
        self.alarm = -math.inf
        self.shared: deque[Member] = deque()
        self.shelves: dict[Any, deque[Member]] = {None: self.shared}
        # By the id of the connection; by the id of the member while there is none, or none that works.
        self.lent: dict[int, Member] = {}
        # The ids of connections whose loop was closed before they came back.
        self.lost: set[int] = set()

    def take(self, loop: Any) -> Member | None:
        """The idle connection of that kind that was used last."""
        try:
            return self.shelves[loop].pop()
        except (KeyError, IndexError):
            return None

    def take_any(self) -> Member | None:
        """The idle connection of any kind that was used longest ago within its kind."""
        for shelf in list(self.shelves.values()):
            try:
                return shelf.popleft()
            except IndexError:
                continue
        return None

    def idle_count(self) -> int:
        """How many connections of all kinds are idle."""
        return sum(map(len, list(self.shelves.values())))

    def has_room(self) -> bool:
        """Whether one who holds a permit but no connection may open one.

        Each permit that is out stands for one connection, each that is free for one idle connection at most.
        """
        return self.idle_count() <= self.gate.free

    def free(self, key: int) -> None:
        """End the place that `lent` has under that key; a second call does nothing."""
        if self.lent.pop(key, None) is not None:
            self.gate.release()

    def inherited(self, connection: Any) -> bool:
        """Whether a parent of this process had lent it before the fork."""
        stock = self.parent
        while stock is not None:
            if id(connection) in stock.lent:
                return True
            stock = stock.parent
        return False

    def leave_to_parent(self, pending: object) -> None:
        """Keep a forked child from ever freeing its parent's connections, these and the `pending` ones."""
        if self.lent or self.idle_count() or pending:
            leave_to_parent((self, pending))


def holder_of_now() -> threading.Thread | str:
    """Who asks: the running task's name, else the thread, and for a worker's thread the task that it serves."""
    events = modules.get("asyncio.events")
    loop = None if events is None else events._get_running_loop()
    if loop is not None:
        task = modules["asyncio"].current_task(loop)
        if task is not None:
            name: str = task.get_name()
            return name
    thread = threading.current_thread()
    return thread if type(thread) is not WorkerThread else thread.serving or thread
