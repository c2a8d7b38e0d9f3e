"""A worker's thread runs what awaiting callers give it, and lets go of nothing half done."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from typing import Any

import pytest

from rhosocial.activerecord.backend.worker import Worker, Workers, WorkerThread
from rhosocial.activerecord.blocking import is_blocking

awaiting = pytest.mark.face("awaiting", reason="a worker serves awaiting callers only")


def run_script(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text)], capture_output=True, text=True, timeout=20, check=False
    )


@awaiting
async def test_runs_functions_one_after_another_in_one_thread() -> None:
    worker = Worker()
    seen: list[tuple[int, str]] = []

    def note(number: int) -> threading.Thread:
        seen.append((number, "begins"))
        time.sleep(0.001)
        seen.append((number, "ends"))
        return threading.current_thread()

    threads = await asyncio.gather(*(worker.call(note, number) for number in range(5)))

    assert len(set(threads)) == 1
    assert threads[0] is not threading.current_thread()
    assert seen == [(number, word) for number in range(5) for word in ("begins", "ends")]


class Failure(BaseException):
    """What no `except Exception` catches."""


@awaiting
@pytest.mark.parametrize("kind", [ValueError, Failure])
async def test_an_error_comes_back_as_it_was_raised(kind: type[BaseException]) -> None:
    worker = Worker()
    error = kind("as it was")

    def fail() -> None:
        raise error

    with pytest.raises(kind) as caught:
        await worker.call(fail)

    assert caught.value is error
    assert "fail" in [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    assert await worker.call(int, "5") == 5


@awaiting
async def test_a_cancelled_caller_waits_for_the_end_of_the_function() -> None:
    worker = Worker()
    go = threading.Event()
    ended = []

    def work() -> str:
        go.wait(5)
        ended.append(True)
        return "dropped"

    task = asyncio.create_task(worker.call(work))
    await asyncio.sleep(0.01)
    for _ in range(5):
        task.cancel()
        await asyncio.sleep(0.002)

    assert not task.done()

    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert ended == [True]


@awaiting
async def test_the_interruption_is_called_once_and_from_the_callers_thread() -> None:
    worker = Worker()
    go = threading.Event()
    calls: list[threading.Thread] = []

    def interrupt() -> None:
        calls.append(threading.current_thread())

    task = asyncio.create_task(worker.call(go.wait, 5, interrupt=interrupt))
    await asyncio.sleep(0.01)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)

    assert calls == [threading.current_thread()]

    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert len(calls) == 1


@awaiting
async def test_an_interrupted_function_ends_the_wait_at_once() -> None:
    worker = Worker()
    go = threading.Event()
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await worker.call(go.wait, 5, interrupt=go.set)

    assert time.monotonic() - start < 1


@awaiting
async def test_what_an_interrupted_function_raises_is_dropped() -> None:
    worker = Worker()
    go = threading.Event()

    def work() -> None:
        go.wait(5)
        raise ValueError("interrupted")

    task = asyncio.create_task(worker.call(work, interrupt=go.set))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@awaiting
async def test_a_failing_interruption_is_reported_and_the_function_waited_for() -> None:
    worker = Worker()
    go = threading.Event()
    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))

    def interrupt() -> None:
        raise OSError("cannot interrupt")

    task = asyncio.create_task(worker.call(go.wait, 5, interrupt=interrupt))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.sleep(0.01)

    assert not task.done()
    assert [str(report["exception"]) for report in reports] == ["cannot interrupt"]

    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task


@awaiting
async def test_two_nested_timeouts_that_both_expire_end_as_the_outer_one() -> None:
    worker = Worker()
    go = threading.Event()
    threading.Timer(0.05, go.set).start()

    async def wait_twice_bounded() -> None:
        async with asyncio.timeout(0.02), asyncio.timeout(0.01):
            await worker.call(go.wait, 5)

    with pytest.raises(TimeoutError):
        await wait_twice_bounded()

    assert go.is_set()
    assert asyncio.current_task().cancelling() == 0


@awaiting
async def test_a_thousand_cancelled_calls_leave_the_worker_usable() -> None:
    worker = Worker()
    ended = []
    for number in range(1000):
        task = asyncio.create_task(worker.call(ended.append, number))
        for _ in range(number % 3):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    # A task that is cancelled before its first step never calls.
    assert ended == [number for number in range(1000) if number % 3]
    assert await worker.call(int, "5") == 5


def test_a_loop_closed_while_the_function_runs_makes_no_noise() -> None:
    done = run_script(
        """
        import asyncio, threading
        from rhosocial.activerecord.backend.worker import Worker

        def fail():
            running.set()
            go.wait(5)
            raise ValueError("nobody is there to hear it")

        running, go = threading.Event(), threading.Event()
        worker = Worker()
        loop = asyncio.new_event_loop()
        task = loop.create_task(worker.call(fail))
        task._log_destroy_pending = False
        loop.run_until_complete(asyncio.sleep(0))
        running.wait(5)
        loop.close()
        go.set()
        print(asyncio.run(worker.call(int, "5")))
        """
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "5\n", "")


def test_a_running_function_does_not_keep_the_interpreter_alive() -> None:
    start = time.monotonic()
    done = run_script(
        """
        import asyncio, time
        from rhosocial.activerecord.backend.worker import Worker

        worker = Worker()
        loop = asyncio.new_event_loop()
        task = loop.create_task(worker.call(time.sleep, 15))
        task._log_destroy_pending = False
        loop.run_until_complete(asyncio.sleep(0.01))
        """
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - start < 10


@awaiting
async def test_close_ends_the_thread_after_what_it_was_given() -> None:
    worker = Worker()
    thread = await worker.call(threading.current_thread)
    last = asyncio.create_task(worker.call(time.sleep, 0.01))
    await asyncio.sleep(0)
    worker.close()
    await last
    thread.join(5)

    assert not thread.is_alive()
    assert await worker.call(threading.current_thread) is not thread


@awaiting
async def test_a_dropped_worker_ends_its_thread() -> None:
    worker = Worker()
    thread = await worker.call(threading.current_thread)
    del worker
    gc.collect()
    thread.join(5)

    assert not thread.is_alive()


@awaiting
async def test_an_idle_worker_keeps_nothing_of_the_last_function() -> None:
    class Thing:
        pass

    worker = Worker()
    dropped = threading.Event()
    thing = Thing()
    thing.sign = type("Sign", (), {"__del__": lambda _: dropped.set()})()
    assert await worker.call(lambda thing: thing, thing) is thing
    del thing
    gc.collect()

    assert dropped.wait(1)


@awaiting
async def test_the_thread_knows_for_which_task_it_works() -> None:
    def serving() -> str | None:
        thread = threading.current_thread()
        assert isinstance(thread, WorkerThread)
        return thread.serving

    worker = Worker()
    task = asyncio.create_task(worker.call(serving), name="reader")

    assert await task == "reader"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_gets_a_thread_of_its_own() -> None:
    worker = Worker()
    assert asyncio.run(worker.call(os.getpid)) == os.getpid()

    child = os.fork()
    if child == 0:
        os._exit(0 if asyncio.run(worker.call(os.getpid)) == os.getpid() else 1)

    assert os.waitpid(child, 0)[1] == 0
    assert asyncio.run(worker.call(os.getpid)) == os.getpid()


class TestWorkers:
    def test_the_worker_given_back_last_is_taken_first(self) -> None:
        workers = Workers(2)
        first, second = workers.take(), workers.take()
        workers.give_back(first)
        workers.give_back(second)

        assert first is not second
        assert workers.take() is second
        assert workers.take() is first

    @awaiting
    async def test_those_beyond_the_limit_end(self) -> None:
        workers = Workers(1)
        out = [workers.take() for _ in range(3)]
        threads = [await worker.call(threading.current_thread) for worker in out]
        for worker in out:
            workers.give_back(worker)
        for thread in threads[:2]:
            thread.join(5)

        assert [thread.is_alive() for thread in threads] == [False, False, True]
        assert workers.take() is out[2]

    @awaiting
    async def test_close_ends_the_idle_ones_and_the_others_as_they_come_back(self) -> None:
        workers = Workers(2)
        idle, out = workers.take(), workers.take()
        threads = [await worker.call(threading.current_thread) for worker in (idle, out)]
        workers.give_back(idle)
        workers.close()
        threads[0].join(5)

        assert [thread.is_alive() for thread in threads] == [False, True]

        workers.give_back(out)
        threads[1].join(5)

        assert not threads[1].is_alive()

    async def test_reach_runs_here_for_blocking_callers_and_in_a_worker_for_awaiting_ones(self) -> None:
        workers = Workers(1)
        thread = await workers.reach(threading.current_thread)

        assert (thread is threading.current_thread()) is is_blocking()
        assert isinstance(thread, WorkerThread) is not is_blocking()
        assert await workers.reach(int, "5") == 5

    async def test_reach_gives_its_worker_back_after_an_error(self) -> None:
        workers = Workers(1)
        with pytest.raises(ValueError, match="invalid literal"):
            await workers.reach(int, "five")

        assert len(workers._idle) == (0 if is_blocking() else 1)
