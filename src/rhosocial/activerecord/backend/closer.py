"""How the connections of a pool end: here, in a worker's thread, or in the event loop that they belong to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ..blocking import is_blocking, running_loop
from .gate import Gate
from .stock import Member
from .worker import Workers

Act = Callable[[Any], Any]
Then = Callable[[], object]

logger = logging.getLogger(__name__)

# Seconds for which a caller waits until an event loop has closed a connection; the closing itself goes on after that.
CLOSE_WAIT = 1.0


class Closer:
    """Closes connections by `close` and `aclose`, or by their own `close`, and never raises what that raises.

    `drop` ends a connection whose event loop is closed, which nothing can be awaited in any more.
    """

    def __init__(self, workers: Workers, close: Act | None, aclose: Act | None, drop: Act | None) -> None:
        self._workers = workers
        self._how = close or _close
        self._ahow = aclose or _close
        self._drop = drop
        # What is left to the loops, by the id of the member; who takes an entry out ends it.
        self._pending: dict[int, tuple[Member, Then | None]] = {}
        # A loop holds its tasks weakly.
        self._tasks: set[Any] = set()

    async def aclose(self, member: Member, then: Then | None = None) -> None:
        """Close a connection and call `then`; wait for both as far as the caller's face and the loop allow it.

        A cancelled caller stops waiting; the closing goes on, and `then` is called when it is over.
        """
        loop = member.loop
        if loop is None:
            await self._workers.reach(self._close_here, member, then)
            return
        over = Gate(0)
        self.close(member, lambda: call_all(over.release, then))
        if loop.is_running() and not (is_blocking() and loop is running_loop()):
            try:
                await over.aacquire(CLOSE_WAIT)
            except TimeoutError:
                logger.debug("a pooled connection is slow to close")

    def close(self, member: Member, then: Then | None = None) -> None:
        """Close a connection here, or leave that to its loop; then call `then`."""
        if member.loop is None:
            self._close_here(member, then)
            return
        self._pending[id(member)] = member, then
        try:
            member.loop.call_soon_threadsafe(self._start, member)
        except RuntimeError:
            self._give_up(member)

    def abandon(self, member: Member) -> None:
        """End a connection of a pool that is no more, without asking a loop."""
        if member.loop is None:
            self._close_here(member, None)
        else:
            self._drop_quietly(member)

    def reap(self) -> None:
        """End what was left to loops that have been closed since."""
        for member, _ in list(self._pending.values()):
            if member.loop.is_closed():
                self._give_up(member)

    def forget(self) -> object:
        """Have nothing pending any more, in a forked child; what was pending is returned."""
        pending, self._pending = self._pending, {}
        return pending

    def _start(self, member: Member) -> None:
        task = member.loop.create_task(self._close_in_loop(member))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before its first step ends nothing by itself.
        task.add_done_callback(lambda _: self._give_up(member))

    async def _close_in_loop(self, member: Member) -> None:
        try:
            result = self._ahow(member.raw)
            if hasattr(result, "__await__"):
                await result
        except Exception as error:  # noqa: BLE001  # What is thrown away may be past closing; nobody can help it.
            logger.debug("closing a pooled connection failed: %s", type(error).__name__)
        except BaseException:
            # Cancelled, since the loop is about to end.
            self._drop_quietly(member)
            raise
        finally:
            _, then = self._pending.pop(id(member), (member, None))
            call_all(then)

    def _close_here(self, member: Member, then: Then | None) -> None:
        try:
            self._how(member.raw)
        except Exception as error:  # noqa: BLE001  # As in `_close_in_loop`.
            logger.debug("closing a pooled connection failed: %s", type(error).__name__)
        finally:
            call_all(then)

    def _give_up(self, member: Member) -> None:
        entry = self._pending.pop(id(member), None)
        if entry is not None:
            self._drop_quietly(member)
            call_all(entry[1])

    def _drop_quietly(self, member: Member) -> None:
        try:
            if self._drop is not None:
                self._drop(member.raw)
        except Exception as error:  # noqa: BLE001  # As in `_close_in_loop`.
            logger.debug("dropping a pooled connection failed: %s", type(error).__name__)


def call_all(*calls: Then | None) -> None:
    """Call those that are there, in their order."""
    for call in calls:
        if call is not None:
            call()


def _close(raw: Any) -> Any:
    return raw.close()
