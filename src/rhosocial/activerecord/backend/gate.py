"""A counter of permits with one queue for threads and tasks alike."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, Protocol

from ..blocking import blocking, is_blocking, running_loop
from .errors import LockTimeout


class Gate:
    """Lets `size` callers pass at a time, threads and tasks in the one order in which they came.

    A gate of size 0 opens with the first `release`.  Nothing in it is ever locked while somebody waits, and `release`
    may be called from a finaliser or a signal handler.  A forked child must make a gate of its own.
    """

    __slots__ = ("__weakref__", "_handing", "_permits", "_waiters")

    def __init__(self, size: int) -> None:
        if size < 0:
            raise ValueError(f"a gate's size must be 0 or more, got {size!r}")
        # Both deques are changed by single atomic calls; a permit is appended before the waiters are looked at, and a
        # waiter before the permits are, so that one of the two sides always sees the other.
        self._permits: deque[None] = deque([None] * size)
        self._waiters: deque[_Waiter] = deque()
        self._handing = threading.Lock()

    async def aacquire(self, timeout: float | None = None) -> None:
        """Take a permit, waiting for at most `timeout` seconds (None: without end); TimeoutError if none came."""
        if self.try_acquire():
            return
        if timeout is not None and timeout <= 0:
            raise TimeoutError("no permit is free")
        waiter: _Waiter = _ThreadWaiter() if is_blocking() else _TaskWaiter()
        try:
            self._waiters.append(waiter)
            self._hand_over()
            granted = await waiter.wait(timeout)
        except BaseException:
            # Cancelled, interrupted or dropped with its loop: a permit that came meanwhile goes to the next.
            if not self._withdraw(waiter) and waiter.claim():
                self.release()
            raise
        if not granted and self._withdraw(waiter):
            raise TimeoutError(f"no permit came within {timeout:g} s")

    acquire = blocking(aacquire)

    def try_acquire(self) -> bool:
        """Take a permit if one is free and nobody waits for it; never waits."""
        if self._waiters:
            return False
        try:
            self._permits.pop()
        except IndexError:
            return False
        return True

    def release(self) -> None:
        """Give a permit back, to the first in the queue if there is one; from any thread."""
        self._permits.append(None)
        if self._waiters:
            self._hand_over()

    @property
    def waiting(self) -> int:
        """How many threads and tasks are in the queue now."""
        return len(self._waiters)

    @property
    def free(self) -> int:
        """How many permits nobody holds."""
        return len(self._permits)

    def _hand_over(self) -> None:
        # Who finds the lock taken may leave: its holder looks again after letting go. So nobody waits for the lock,
        # not even a finaliser that runs in the middle of `_grant` in the same thread.
        while self._waiters and self._permits and self._handing.acquire(blocking=False):
            try:
                self._grant()
            finally:
                self._handing.release()

    def _grant(self) -> None:
        handed = True
        try:
            self._permits.pop()
        except IndexError:
            return
        try:
            handed = self._waiters.popleft().wake()
        except IndexError:
            handed = False
        finally:
            if not handed:
                self._permits.append(None)

    def _withdraw(self, waiter: _Waiter) -> bool:
        """Leave the queue; False where the waiter is no longer in it, because a permit has been given to it."""
        try:
            self._waiters.remove(waiter)
        except ValueError:
            return False
        return True


async def atake_turn(gate: Gate, seconds: float, what: str) -> None:
    """Take a permit; LockTimeout, which says "`what` more than … s", where none came in time."""
    if gate.try_acquire():
        return
    try:
        await gate.aacquire(seconds)
    except TimeoutError as error:
        raise LockTimeout(f"{what} more than {seconds:g} s") from error


class _Waiter(Protocol):
    """One place in the queue."""

    def wake(self) -> bool:
        """Tell the waiter that it has a permit; False where nobody is there to take it, so that it goes to the next."""
        ...

    def claim(self) -> bool:
        """Whether the permit that was given to this place is the caller's to give away."""
        ...

    async def wait(self, timeout: float | None) -> bool:
        """Whether the permit came in time."""
        ...


class _ThreadWaiter:
    """A thread that sleeps on a lock of its own."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def wake(self) -> bool:
        self._lock.release()
        return True

    def claim(self) -> bool:
        return True

    async def wait(self, timeout: float | None) -> bool:
        return self._lock.acquire(timeout=-1 if timeout is None else min(timeout, threading.TIMEOUT_MAX))


class _TaskWaiter:
    """A task that awaits a future of its loop."""

    __slots__ = ("_claims", "_future", "_loop")

    def __init__(self) -> None:
        self._claims = [None]
        self._loop: Any = running_loop()
        if self._loop is None:
            raise RuntimeError("aacquire needs a running event loop; use acquire")
        self._future: Any = self._loop.create_future()

    def wake(self) -> bool:
        try:
            if running_loop() is self._loop:
                self._settle(True)
            else:
                self._loop.call_soon_threadsafe(self._settle, True)
        except RuntimeError:
            # The loop was closed with its task still in the queue. The task, when it is dropped, finds itself out of
            # the queue; either it or we pass the permit on.
            return not self.claim()
        return True

    def claim(self) -> bool:
        try:
            self._claims.pop()
        except IndexError:
            return False
        return True

    async def wait(self, timeout: float | None) -> bool:
        timer = None if timeout is None else self._loop.call_later(timeout, self._settle, False)
        try:
            return bool(await self._future)
        finally:
            if timer is not None:
                timer.cancel()

    def _settle(self, granted: bool) -> None:
        if not self._future.done():
            self._future.set_result(granted)
