"""A gate lets threads and tasks through in one order, and loses no permit."""

from __future__ import annotations

import asyncio
import gc
import random
import signal
import threading
import time
from collections.abc import Callable

import pytest

from rhosocial.activerecord.backend.gate import Gate
from rhosocial.activerecord.blocking import is_blocking


def wait_until(condition: Callable[[], bool], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.001)


async def test_lets_as_many_pass_as_it_has_permits() -> None:
    gate = Gate(2)
    await gate.aacquire()
    await gate.aacquire(1)

    assert gate.free == 0
    assert not gate.try_acquire()

    gate.release()

    assert gate.free == 1
    assert gate.try_acquire()


async def test_a_wait_ends_in_time() -> None:
    gate = Gate(1)
    await gate.aacquire()
    late = []
    for _ in range(3):
        start = time.monotonic()
        with pytest.raises(TimeoutError, match=r"within 0\.1 s"):
            await gate.aacquire(0.1)
        late.append(time.monotonic() - start - 0.1)

    assert -0.005 <= min(late) <= 0.05
    assert gate.waiting == 0

    gate.release()

    assert gate.free == 1


@pytest.mark.parametrize("timeout", [0, -1])
async def test_without_time_to_wait_it_refuses_at_once(timeout: float) -> None:
    gate = Gate(0)
    with pytest.raises(TimeoutError):
        await gate.aacquire(timeout)

    gate.release()
    await gate.aacquire(timeout)

    assert gate.free == 0


async def test_a_wait_longer_than_the_system_can_count_is_a_wait() -> None:
    gate = Gate(0)
    timer = threading.Timer(0.02, gate.release)
    timer.start()
    await gate.aacquire(1e10 if is_blocking() else 1e6)
    timer.join()

    assert gate.free == 0


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(ValueError, match="0 or more, got -1"):
        Gate(-1)


def test_who_does_not_wait_does_not_overtake() -> None:
    gate = Gate(1)
    gate.acquire()
    passed = []
    thread = threading.Thread(target=lambda: passed.append(gate.acquire(5)))
    thread.start()
    wait_until(lambda: gate.waiting == 1)

    assert not gate.try_acquire()

    gate.release()
    thread.join()

    assert gate.free == 0
    assert not gate.try_acquire()


def test_threads_and_tasks_pass_in_the_order_in_which_they_came() -> None:
    gate = Gate(1)
    gate.acquire()
    order: list[int] = []

    def pass_through(number: int) -> None:
        gate.acquire(5)
        order.append(number)
        gate.release()

    async def apass_through(number: int) -> None:
        await gate.aacquire(5)
        order.append(number)
        gate.release()

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(60):
                if number % 3:
                    group.create_task(apass_through(number))
                    await asyncio.sleep(0)
                else:
                    threads.append(threading.Thread(target=pass_through, args=(number,)))
                    threads[-1].start()
                wait_until(lambda number=number: gate.waiting == number + 1)
            gate.release()

    threads: list[threading.Thread] = []
    asyncio.run(main())
    for thread in threads:
        thread.join()

    assert order == list(range(60))
    assert (gate.free, gate.waiting) == (1, 0)


def test_threads_and_tasks_together_never_exceed_the_size() -> None:
    gate = Gate(3)
    inside: list[None] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(200):
            gate.acquire()
            inside.append(None)
            most.append(len(inside))
            inside.pop()
            gate.release()

    async def awork() -> None:
        for _ in range(20):
            await gate.aacquire()
            inside.append(None)
            most.append(len(inside))
            await asyncio.sleep(0)
            inside.pop()
            gate.release()

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(50):
                group.create_task(awork())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    asyncio.run(main())
    for thread in threads:
        thread.join()

    assert max(most) <= 3
    assert (gate.free, gate.waiting) == (3, 0)


def test_a_task_cancelled_with_the_permit_on_its_way_passes_it_on() -> None:
    async def main() -> tuple[int, int]:
        gate = Gate(0)
        first = asyncio.create_task(gate.aacquire())
        second = asyncio.create_task(gate.aacquire(5))
        await asyncio.sleep(0)
        gate.release()
        first.cancel()
        await second
        assert first.cancelled()
        return gate.free, gate.waiting

    assert asyncio.run(main()) == (0, 0)


def test_a_thousand_cancelled_tasks_lose_no_permit() -> None:
    gate = Gate(3)
    rng = random.Random(7)
    stop = threading.Event()
    cancelled = 0

    def keep_busy() -> None:
        while not stop.is_set():
            gate.acquire()
            time.sleep(0.0001)
            gate.release()

    async def use() -> None:
        await gate.aacquire()
        try:
            await asyncio.sleep(0)
        finally:
            gate.release()

    async def main() -> None:
        nonlocal cancelled
        while cancelled < 1000:
            tasks = [asyncio.create_task(use()) for _ in range(50)]
            await asyncio.sleep(rng.random() * 0.004)
            for task in rng.sample(tasks, 40):
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            cancelled += sum(isinstance(result, asyncio.CancelledError) for result in results)

    threads = [threading.Thread(target=keep_busy) for _ in range(4)]
    for thread in threads:
        thread.start()
    asyncio.run(main())
    stop.set()
    for thread in threads:
        thread.join()

    assert (gate.free, gate.waiting) == (3, 0)


def test_waits_that_end_just_as_the_permit_comes_lose_none() -> None:
    gate = Gate(2)

    def work(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(150):
            try:
                gate.acquire(rng.random() * 0.002)
            except TimeoutError:
                continue
            time.sleep(0.0005)
            gate.release()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (gate.free, gate.waiting) == (2, 0)


def leave_a_task_waiting(gate: Gate) -> tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]:
    loop = asyncio.new_event_loop()
    task = loop.create_task(gate.aacquire())
    loop.run_until_complete(asyncio.sleep(0))
    task._log_destroy_pending = False
    return loop, task


def test_a_task_whose_loop_is_closed_is_passed_over() -> None:
    gate = Gate(0)
    loop, task = leave_a_task_waiting(gate)
    loop.close()
    passed = threading.Thread(target=gate.acquire)
    passed.start()
    wait_until(lambda: gate.waiting == 2)
    gate.release()
    passed.join(5)

    assert not passed.is_alive()
    assert (gate.free, gate.waiting) == (0, 0)

    del task
    gc.collect()

    assert gate.free == 0


def test_a_permit_on_its_way_into_a_loop_that_closes_comes_back_with_the_task() -> None:
    gate = Gate(0)
    loop, task = leave_a_task_waiting(gate)
    gate.release()
    loop.close()

    assert gate.free == 0

    del task
    gc.collect()

    assert (gate.free, gate.waiting) == (1, 0)


def test_a_signal_handler_may_release() -> None:
    gate = Gate(0)
    before = signal.signal(signal.SIGALRM, lambda *_: gate.release())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        gate.acquire(5)
    finally:
        signal.signal(signal.SIGALRM, before)

    assert gate.free == 0


def test_an_interrupted_thread_leaves_the_queue() -> None:
    gate = Gate(0)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(KeyboardInterrupt):
            gate.acquire(5)
    finally:
        signal.signal(signal.SIGALRM, before)

    assert gate.waiting == 0

    gate.release()

    assert gate.free == 1


def test_a_release_in_the_middle_of_a_hand_over_is_not_forgotten() -> None:
    gate = Gate(0)
    threads = [threading.Thread(target=gate.acquire) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_until(lambda: gate.waiting == 2)
    gate._handing.acquire()  # As if this thread were in the middle of handing over when a finaliser runs.
    gate.release()
    gate.release()

    assert (gate.free, gate.waiting) == (2, 2)
    assert not gate.try_acquire()

    gate._handing.release()
    gate._hand_over()
    for thread in threads:
        thread.join(5)

    assert (gate.free, gate.waiting) == (0, 0)


def test_awaiting_outside_a_loop_is_refused() -> None:
    with pytest.raises(RuntimeError, match="use acquire"):
        Gate(0).aacquire().send(None)
