"""Many threads and tasks on one model: no row lost, none changed, and a cancelled task leaves nothing half done."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import Field

from rhosocial.activerecord import AUTO, ActiveRecord
from rhosocial.activerecord.backend import StorageBackend
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend

THREADS, ROUNDS = 8, 12


class Entry(ActiveRecord):
    __table_name__ = "entries"
    id: int = AUTO
    worker: int
    number: int
    text: str = ""
    tags: list[int] = Field(default_factory=list)


class Account(ActiveRecord):
    __table_name__ = "accounts"
    id: int = AUTO
    balance: int


class Undo(Exception):
    pass


@pytest.fixture(params=["file", "memory"])
def place(request: Any, tmp_path: Any) -> Iterator[StorageBackend]:
    path = str(tmp_path / "threads.db") if request.param == "file" else ":memory:"
    backend = SQLiteBackend(database=path, pool_size=5)
    for model in (Entry, Account):
        model.__backend__ = backend
        model.create_table()
    yield backend
    for model in (Entry, Account):
        del model.__backend__
    backend.close()


def in_threads(work: Callable[[int], None]) -> None:
    start = threading.Barrier(THREADS)

    def begin(number: int) -> None:
        start.wait()
        work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        for future in [pool.submit(begin, number) for number in range(THREADS)]:
            future.result()


async def life(worker: int) -> None:
    """Write, read, change, delete and roll back, and look at each step."""
    for number in range(ROUNDS):
        entry = await Entry.acreate(worker=worker, number=number, text=f"{worker}/{number}", tags=[worker])
        found = await Entry.afind_one_or_fail(entry.id)
        assert found == entry
        found.tags.append(number)
        assert await found.asave() == 1
        dropped = await Entry.acreate(worker=-1, number=number)
        assert await dropped.adelete() == 1
        if number % 4 == 0:
            undone = Entry(worker=-2, number=number)
            with pytest.raises(Undo):
                async with Entry.transaction():
                    await undone.asave()
                    raise Undo
            assert undone.is_new_record


def check(workers: int) -> None:
    rows = Entry.find_all()
    expected = {(w, n): (f"{w}/{n}", [w, n]) for w in range(workers) for n in range(ROUNDS)}

    assert {(row.worker, row.number): (row.text, row.tags) for row in rows} == expected
    assert len(rows) == len(expected)


def test_eight_threads_in_the_blocking_face_lose_nothing(place: StorageBackend) -> None:
    from rhosocial.activerecord.blocking import run

    in_threads(lambda number: run(life(number)))

    check(THREADS)


def test_eight_threads_with_a_loop_each_lose_nothing(place: StorageBackend) -> None:
    in_threads(lambda number: asyncio.run(life(number)))

    check(THREADS)


def test_threads_in_both_faces_at_once_lose_nothing(place: StorageBackend) -> None:
    from rhosocial.activerecord.blocking import run

    in_threads(lambda number: run(life(number)) if number % 2 else asyncio.run(life(number)))

    check(THREADS)


@pytest.mark.face("awaiting", reason="tasks need an event loop")
async def test_eight_tasks_in_one_loop_lose_nothing(place: StorageBackend) -> None:
    await asyncio.gather(*(life(number) for number in range(8)))

    check(8)


def test_transfers_between_accounts_keep_the_sum(place: StorageBackend) -> None:
    accounts = Account.bulk_create([Account(balance=100) for _ in range(4)])

    def transfer(worker: int) -> None:
        for step in range(ROUNDS):
            source, target = (worker + step) % 4, (worker * 3 + step + 1) % 4
            with Account.transaction():
                taken, given = Account.find_one_or_fail(source + 1), Account.find_one_or_fail(target + 1)
                taken.update(balance=taken.balance - 1)
                given.refresh()
                given.update(balance=given.balance + 1)

    in_threads(transfer)

    assert sum(account.balance for account in Account.find_all()) == 100 * len(accounts)


def test_a_model_first_used_by_many_threads_at_once_works(place: StorageBackend) -> None:
    for attempt in range(5):
        annotations = {"__annotations__": {"id": int, "name": str}, "__module__": __name__}
        model: Any = type(ActiveRecord)("Fresh", (ActiveRecord,), {"__table_name__": f"fresh{attempt}", **annotations})
        model.__backend__ = place

        def first_use(number: int, model: Any = model) -> None:
            model.create_table()
            record = model(name="x")
            record.name = "y"
            record.save()
            assert model.find_one(record.id) == record

        in_threads(first_use)
        assert model.query().count() == THREADS


def test_one_loaded_record_may_be_read_by_many_threads(place: StorageBackend) -> None:
    Entry.create(worker=0, number=0, tags=[1])
    entry = Entry.find_one_or_fail(1)

    def read(number: int) -> None:
        for _ in range(50):
            assert not entry.is_dirty
            assert entry.get_old_attribute("tags") == [1]
            assert entry.model_fields_set == {"id", "worker", "number", "text", "tags"}

    in_threads(read)


@pytest.mark.face("awaiting", reason="tasks need an event loop")
async def test_a_cancelled_save_leaves_record_and_rows_of_one_mind(place: StorageBackend) -> None:
    for pause in range(12):
        entry = Entry(worker=0, number=pause)
        task = asyncio.ensure_future(entry.asave())
        for _ in range(pause):
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            stored = await Entry.query().where(Entry.c.number == pause).aall()
            assert stored == ([] if entry.is_new_record else [entry])
        else:
            assert await Entry.afind_one(entry.id) == entry
    assert (await Entry.acreate(worker=1, number=1)).id is not None


@pytest.mark.face("awaiting", reason="tasks need an event loop")
async def test_a_block_of_a_cancelled_task_is_rolled_back_and_its_records_put_back(place: StorageBackend) -> None:
    entry, reached = Entry(worker=0, number=0), asyncio.Event()

    async def work() -> None:
        async with Entry.transaction():
            await entry.asave()
            reached.set()
            await asyncio.sleep(60)

    task = asyncio.ensure_future(work())
    await reached.wait()
    assert not entry.is_new_record
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (entry.id, entry.is_new_record) == (None, True)
    assert await Entry.query().acount() == 0
    assert await entry.asave() == 1


def test_readers_see_whole_blocks_only(place: StorageBackend) -> None:
    Account.bulk_create([Account(balance=50), Account(balance=50)])
    over = threading.Event()
    sums: list[int] = []

    def work(worker: int) -> None:
        if worker:
            while not over.is_set():
                with Account.transaction(read_only=True):
                    sums.append(sum(account.balance for account in Account.find_all()))
            return
        try:
            for step in range(30):
                with Account.transaction():
                    first, second = Account.find_one_or_fail(1), Account.find_one_or_fail(2)
                    first.update(balance=first.balance - step)
                    second.update(balance=second.balance + step)
        finally:
            over.set()

    in_threads(work)

    assert set(sums) == {100}
