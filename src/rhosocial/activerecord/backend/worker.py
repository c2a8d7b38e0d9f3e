"""Threads that run blocking functions for awaiting callers."""

from __future__ import annotations

import itertools
import os
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from ..blocking import is_blocking, running_loop

P = ParamSpec("P")
R = TypeVar("R")

_numbers = itertools.count(1)


class WorkerThread(threading.Thread):
    """The thread of a `Worker`; `serving` is the name of the task for which it runs a function now, else None."""

    serving: str | None = None


class Worker:
    """One thread that runs functions one after another for awaiting callers.

    The thread starts with the first call, sleeps between calls, and never keeps the interpreter from ending.  It ends
    with `close`, or when the worker is dropped.
    """

    __slots__ = ("__weakref__", "_jobs", "_pid")

    def __init__(self) -> None:
        self._pid = 0
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()

    async def call(self, fn: Callable[..., R], *args: Any, interrupt: Callable[[], object] | None = None) -> R:
        """What `fn(*args)` returns or raises, run in the worker's thread.

        A cancelled caller calls `interrupt` (once, in its own thread), waits until `fn` has ended, and only then raises
        CancelledError.  What `fn` returned all the same is the error's attribute `finished`; what it raised is dropped.
        """
        job = _Job(fn, args)
        self._submit(job)
        try:
            await job.ended(interrupt)
            if job.error is not None:
                raise job.error
            result: R = job.result
            return result
        finally:
            # The error's traceback holds this frame, and the job the error.
            del job

    def close(self) -> None:
        """Let the thread end once it has run what was given to it before; does not wait for that."""
        if self._pid:
            self._jobs.put(None)
            self._pid = 0

    def __del__(self) -> None:
        self.close()

    def _submit(self, job: _Job) -> None:
        pid = os.getpid()
        if self._pid != pid:
            # Not started, closed, or forked: threads stay behind in the parent.
            self._jobs = SimpleQueue()
            self._pid = pid
            name = f"activerecord-worker-{next(_numbers)}"
            WorkerThread(target=_work, args=(self._jobs,), name=name, daemon=True).start()
        self._jobs.put(job)


class Workers:
    """A stack of idle workers, at most `limit` of them; more may be out at a time."""

    __slots__ = ("_closed", "_idle", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._idle: deque[Worker] = deque()
        self._closed = False

    def take(self) -> Worker:
        """An idle worker, or a new one; never waits."""
        try:
            return self._idle.pop()
        except IndexError:
            return Worker()

    def give_back(self, worker: Worker) -> None:
        """Keep the worker for the next `take`; one beyond the limit, or after `close`, ends."""
        self._idle.append(worker)
        if self._closed or len(self._idle) > self._limit:
            self._end(0 if self._closed else self._limit)

    async def reach(self, fn: Callable[..., R], *args: Any) -> R:
        """What `fn(*args)` gives: run right here in the blocking face, in one of the workers in the awaiting face."""
        if is_blocking() or running_loop() is None:
            # Without a loop it is a coroutine that outlived its own, and is now being dropped.
            return fn(*args)
        worker = self.take()
        try:
            return await worker.call(fn, *args)
        finally:
            self.give_back(worker)

    def close(self) -> None:
        """End the idle workers, and the others as they come back; does not wait for them."""
        self._closed = True
        self._end(0)

    def _end(self, limit: int) -> None:
        while len(self._idle) > limit:
            try:
                self._idle.popleft().close()
            except IndexError:
                return


class _Job:
    """One function on its way through a worker's thread and back to its caller's loop."""

    __slots__ = ("_args", "_fn", "_future", "_loop", "_over", "caller", "error", "result")

    def __init__(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
        import asyncio

        self._fn = fn
        self._args = args
        self._loop = asyncio.get_running_loop()
        self._future = self._loop.create_future()
        self._over = False
        task = asyncio.current_task()
        self.caller = None if task is None else task.get_name()
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self._fn(*self._args)
        except BaseException as error:  # noqa: BLE001  # Whatever it is, it belongs to the caller.
            self.error = error
        try:
            self._loop.call_soon_threadsafe(self._end)
        except RuntimeError:
            # The loop was closed meanwhile: there is nobody left to tell.
            return

    async def ended(self, interrupt: Callable[[], object] | None) -> None:
        from asyncio import CancelledError

        cancelled: CancelledError | None = None
        while not self._over:
            try:
                await self._future
            except CancelledError as error:
                if cancelled is None and not self._over and interrupt is not None:
                    self._interrupt(interrupt)
                cancelled = cancelled or error
                # The cancellation has ended the future that was awaited; the next one waits for the same end.
                self._future = self._loop.create_future()
        if cancelled is not None:
            if self.error is None:
                cancelled.finished = self.result  # type: ignore[attr-defined]  # `save` asks for it.
            raise cancelled

    def _end(self) -> None:
        self._over = True
        if not self._future.done():
            self._future.set_result(None)

    def _interrupt(self, interrupt: Callable[[], object]) -> None:
        try:
            interrupt()
        except Exception as error:  # noqa: BLE001  # The function still runs and must be waited for.
            context = {"message": "interrupting a worker's function failed", "exception": error}
            self._loop.call_exception_handler(context)


def _work(jobs: SimpleQueue[_Job | None]) -> None:
    # Holds the queue and not the worker, so that a worker which nobody holds can end its thread.
    thread = threading.current_thread()
    assert isinstance(thread, WorkerThread)
    while (job := jobs.get()) is not None:
        thread.serving = job.caller
        job.run()
        thread.serving = None
        del job
