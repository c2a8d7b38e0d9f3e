"""Thousands of operations, one in ten of them an error: files, threads and memory do not grow."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading

import pytest

from rhosocial.activerecord.backend import DatabaseError
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend

FILES = "/proc/self/fd"


@pytest.fixture
def backend(tmp_path):
    made = SQLiteBackend(database=str(tmp_path / "test.db"), options={"synchronous": "off"})
    made.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b UNIQUE)")
    yield made
    made.close()


async def turn(backend, number):
    """Twenty operations; two of them are errors, one of which undoes a block."""
    for n in range(8):
        await backend.aexecute("SELECT ?, ?", (number, n))
    await backend.ainsert("t", {"b": f"{number}"})
    with pytest.raises(DatabaseError):
        await backend.ainsert("t", {"b": f"{number}"})
    with pytest.raises(DatabaseError):
        async with backend.transaction():
            await backend.aexecute("UPDATE t SET b = b WHERE b = ?", (f"{number}",))
            await backend.aexecute("SELECT absent FROM t")
    async with backend.transaction() as tx:
        tx.on_commit(lambda: None)
        await backend.aexecute("SELECT 1")
        async with backend.transaction():
            await backend.adelete("t", "b = ?", (f"{number}",))
    stream = await backend.astream("SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3", (), 1)
    await stream.afetch()
    await stream.aclose()


def measure():
    gc.collect()
    files = len(os.listdir(FILES)) if os.path.isdir(FILES) else 0
    return files, threading.active_count(), sys.getallocatedblocks()


async def test_nothing_grows_with_the_number_of_operations(backend, face):
    turns = 1_000 if face == "blocking" else 250
    for number in range(30):
        await turn(backend, number)
    files, threads, blocks = measure()
    for number in range(turns):
        await turn(backend, number)

    after = measure()
    assert (files, threads) == after[:2]
    # A leak of one small object in each turn would be a block a turn.
    assert after[2] - blocks < turns / 4
    assert (0, 5, 0) == (backend._leases.lent, backend._leases._stock.gate.free, len(gc.garbage))


@pytest.mark.face("awaiting", reason="tasks and loops exist in awaiting code only")
async def test_nothing_grows_with_the_number_of_tasks_and_loops(backend):
    def loop(number):
        async def work():
            await asyncio.gather(*[turn(backend, 100 * number + n) for n in range(6)], return_exceptions=True)

        asyncio.run(work())

    def in_thread(number):
        thread = threading.Thread(target=loop, args=(number,))
        thread.start()
        thread.join()

    for number in range(10):
        in_thread(number)
    files, threads, blocks = measure()
    for number in range(30):
        in_thread(number)

    after = measure()
    assert (files, threads) == after[:2]
    assert after[2] - blocks < 2 * 30 * 6
    assert len(backend.contexts._tasks) <= 1
