"""Tasks cancelled and blocking calls interrupted at random points: nothing hangs, leaks or answers a wrong question."""

from __future__ import annotations

import asyncio
import gc
import itertools
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend

# Takes SQLite a tenth of a millisecond or so.
SLOW = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) SELECT ?, count(*) FROM n"

only_tasks = pytest.mark.face("awaiting", reason="only tasks are cancelled")


@pytest.fixture
def backend(tmp_path):
    made = SQLiteBackend(database=str(tmp_path / "test.db"), pool_size=3, options={"synchronous": "off"})
    made.execute("CREATE TABLE t (a, b)")
    made.execute("CREATE TABLE numbers (n)")
    made.execute_many("INSERT INTO numbers VALUES (?)", [(number,) for number in range(40)])
    yield made
    made.close()


async def ask(backend, number):
    assert [(number, 1000)] == (await backend.aexecute(SLOW, (number,))).rows


async def add(backend, number):
    assert number == (await backend.aexecute("INSERT INTO t VALUES (?, 2) RETURNING a", (number,))).scalar()


async def add_halves(backend, number):
    async with backend.transaction():
        await backend.aexecute("INSERT INTO t VALUES (?, 0)", (number,))
        assert number == (await backend.aexecute("SELECT max(a) FROM t WHERE a = ?", (number,))).scalar()
        async with backend.transaction():
            await backend.aexecute("INSERT INTO t VALUES (?, 1)", (number,))


async def read_in_a_block(backend, number):
    async with backend.transaction(read_only=True):
        await ask(backend, number)


async def read_chunks(backend, number):
    stream = await backend.astream("SELECT ?, n FROM numbers ORDER BY n", (number,), 10)
    try:
        found = []
        while rows := await stream.afetch():
            found += rows
        assert [(number, n) for n in range(40)] == found
    finally:
        await stream.aclose()


WORK = (ask, add, add_halves, read_in_a_block, read_chunks)


async def check_whole(backend):
    """Nothing is held, and what was written was written as a whole."""
    for _ in range(100):
        if not backend._leases.lent:
            break
        # A connection that has to be closed goes on closing after its caller is cancelled.
        await asyncio.sleep(0.01)
    assert (0, 3, 1) == (backend._leases.lent, backend._leases._stock.gate.free, backend._writers.free)
    assert (0, 0) == (backend._leases.waiting, backend._writers.waiting)
    halves = await backend.aexecute("SELECT a FROM t WHERE b < 2 GROUP BY a HAVING count(*) <> 2 OR sum(b) <> 1")
    assert [] == halves.rows
    for number in range(6):
        await asyncio.gather(*[ask(backend, 10 * number + n) for n in range(3)])
    await add(backend, -1)


@only_tasks
async def test_two_thousand_cancelled_tasks_leave_nothing_behind(backend):
    unheard, rng = [], random.Random(7)
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: unheard.append(context))
    states, threads = len(backend.contexts._tasks), threading.active_count()
    cancelled = done = number = 0
    while cancelled < 2_000:
        tasks = []
        for _ in range(25):
            number += 1
            tasks.append(asyncio.ensure_future(rng.choice(WORK)(backend, number)))
        for task in tasks:
            # More tasks than connections: many are cancelled in the pool's queue or in that of the writers.
            if rng.random() < 0.4:
                await asyncio.sleep(rng.random() * 0.001)
            if rng.random() < 0.9:
                task.cancel()
        results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)
        for result in results:
            assert result is None or isinstance(result, asyncio.CancelledError), repr(result)
        cancelled += sum(result is not None for result in results)
        done += sum(result is None for result in results)
    assert done > 100
    await check_whole(backend)
    del task, tasks, results
    gc.collect()
    assert [] == unheard
    # This task's own.
    assert len(backend.contexts._tasks) <= states + 1
    assert threading.active_count() <= threads + 2 * backend.config.pool_size


@only_tasks
@pytest.mark.parametrize("work", WORK)
async def test_a_task_cancelled_again_and_again_during_its_clean_up_still_cleans_up(backend, work):
    rng = random.Random(11)
    for number in range(40):
        task = asyncio.ensure_future(work(backend, number))
        await asyncio.sleep(rng.random() * 0.002)
        for _ in range(5):
            task.cancel()
            await asyncio.sleep(rng.random() * 0.0002)
        await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 20)
        assert task.cancelled() or task.exception() is None
    await check_whole(backend)


@only_tasks
async def test_a_commit_under_way_is_finished_before_its_task_is_cancelled(backend):
    async def leave(number, committed, leaving):
        async with backend.transaction() as tx:
            tx.on_commit(lambda: committed.append(number))
            await backend.aexecute("INSERT INTO t VALUES (?, 2)", (number,))
            leaving.set_result(None)

    kept = 0
    for number in range(60):
        committed, leaving = [], asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(leave(number, committed, leaving))
        await leaving
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        found = (await backend.aexecute("SELECT count(*) FROM t WHERE a = ?", (number,))).scalar()
        # The hooks know what has become of the rows.
        assert found == len(committed)
        kept += found
    assert kept
    await check_whole(backend)


@only_tasks
async def test_a_deadline_around_a_slow_statement_ends_it(backend):
    start = time.monotonic()
    for _ in range(5):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                async with backend.transaction():
                    await backend.aexecute("INSERT INTO t VALUES (0, 0)")
                    await backend.aexecute(SLOW.replace("LIMIT 1000", "LIMIT 300000000"), (1,))
    assert time.monotonic() - start < 5
    await check_whole(backend)


# Asynchronous exceptions in blocking calls


class Alarm(KeyboardInterrupt):
    """What Ctrl-C raises, told apart from a real one."""


@pytest.fixture
def alarm():
    """Raises `Alarm` in the main thread after so many seconds."""

    def ring(*_):
        raise Alarm

    before = signal.signal(signal.SIGALRM, ring)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


needs_alarm = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timers")


@needs_alarm
# The exception may come between the call of a coroutine function and the first step of its coroutine.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_block_interrupted_by_ctrl_c_is_undone_and_its_connection_is_idle_or_gone(backend, alarm):
    given_back = []
    release = backend._leases.arelease

    async def watched(connection, broken=False):
        given_back.append(broken or not connection.in_transaction)
        await release(connection, broken)

    backend._leases.arelease = watched
    for number in range(20):
        with pytest.raises(Alarm), backend.transaction():
            backend.execute("INSERT INTO t VALUES (?, 0)", (number,))
            for turn in itertools.count():
                if turn % 100 == 0:
                    # Again, should the last one have come up in a finaliser, which swallows it.
                    alarm(0.001)
                backend.execute(SLOW, (number,))
    assert [True] * 20 == given_back
    assert 0 == backend.execute("SELECT count(*) FROM t").scalar()
    assert (0, 1) == (backend._leases.lent, backend._writers.free)


STRIKES = f"""
import random, signal, sys
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend

class Alarm(KeyboardInterrupt):
    pass

def ring(*_):
    raise Alarm

signal.signal(signal.SIGALRM, ring)
# Python may raise in the very moment in which a connection is handed over, which costs its place in the pool.
backend = SQLiteBackend(database=sys.argv[1], pool_size=200)
rng, struck, wrong = random.Random(3), 0, 0
for number in range(200):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0001 + rng.random() * 0.001)
        for turn in range(100):
            wrong += [(number + turn, 1000)] != backend.execute({SLOW!r}, (number + turn,)).rows
            with backend.transaction(read_only=True):
                wrong += number != backend.execute("SELECT ?", (number,)).scalar()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except Alarm:
        struck += 1
    while backend.in_transaction:
        backend.rollback_transaction()
    for question in range(2):
        wrong += question != backend.execute("SELECT ?", (question,)).scalar()
print(struck, wrong, backend._leases.lent)
"""


@needs_alarm
def test_statements_interrupted_by_ctrl_c_never_leave_an_answer_for_the_next(tmp_path):
    # In a process of its own: the exception may also come up in a finaliser, where nobody can catch it.
    command = [sys.executable, "-W", "ignore", "-c", STRIKES, str(tmp_path / "other.db")]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    struck, wrong, lent = map(int, answer.stdout.split())
    assert (True, 0, True) == (struck > 150, wrong, lent < 20)
