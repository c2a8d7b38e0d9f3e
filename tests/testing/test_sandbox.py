"""What happens in a sandbox stays there, whoever takes part."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import pytest

from engines import Engine
from rhosocial.activerecord import AUTO, ActiveRecord, Column
from rhosocial.activerecord.backend import (
    DatabaseError,
    Dialect,
    PoolTimeout,
    StorageBackend,
    TransactionError,
    UniqueViolation,
    UnsupportedFeature,
    close_backends,
)
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend
from rhosocial.activerecord.testing import Sandbox


class Note(ActiveRecord):
    __table_name__ = "notes"

    id: int = AUTO
    text: Annotated[str, Column(unique=True)]


@pytest.fixture(params=["stored", pytest.param("memory", marks=pytest.mark.engine("sqlite"))])
def backend(request: pytest.FixtureRequest, engine: Engine) -> Iterator[StorageBackend]:
    with engine.place(in_memory=request.param == "memory") as place:
        made = place.open(pool_size=3, pool_timeout=2)
        Note.__backend__ = made
        Note.create_table()
        Note(text="before").save()
        yield made
        del Note.__backend__
        made.close()


def texts() -> set[str]:
    return set(Note.query().select("text").scalars())


async def test_everything_is_rolled_back(backend: StorageBackend) -> None:
    async with Sandbox(Note):
        await Note(text="alone").asave()
        async with Note.transaction():
            await Note(text="in a block").asave()
        await Note.query().where(Note.c.text == "before").adelete()
        assert set(await Note.query().select("text").ascalars()) == {"alone", "in a block"}
    assert set(await Note.query().select("text").ascalars()) == {"before"}
    await Note(text="afterwards").asave()
    assert await Note.query().acount() == 2


async def test_blocks_keep_and_undo_as_they_do_outside(backend: StorageBackend) -> None:
    said: list[str] = []
    with Sandbox(backend):
        async with Note.transaction() as tx:
            tx.on_commit(lambda: said.append("committed"))
            await Note(text="kept").asave()
            with pytest.raises(ZeroDivisionError):
                async with Note.transaction():
                    await Note(text="undone within").asave()
                    raise ZeroDivisionError
            assert said == []
        assert said == ["committed"]
        with pytest.raises(UniqueViolation):
            await Note(text="kept").asave()
        record = Note(text="undone")
        with pytest.raises(ZeroDivisionError):
            async with Note.transaction() as tx:
                tx.on_rollback(lambda: said.append("rolled back"))
                await record.asave()
                raise ZeroDivisionError
        assert said == ["committed", "rolled back"]
        assert record.is_new_record
        assert set(await Note.query().select("text").ascalars()) == {"before", "kept"}
    assert await Note.query().acount() == 1


def test_threads_share_it_and_their_blocks_are_kept_apart(backend: StorageBackend) -> None:
    def count_up(number: int) -> None:
        for step in range(5):
            with Note.transaction():
                before = Note.query().count()
                Note(text=f"{number}.{step}").save()
                time.sleep(0.0005)
                assert Note.query().count() == before + 1

    with Sandbox(Note):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(count_up, range(8)))
        assert Note.query().count() == 41
    assert texts() == {"before"}


@pytest.mark.parametrize("entered_in", ["loop", "thread"])
def test_tasks_and_threads_share_it(backend: StorageBackend, entered_in: str) -> None:
    async def write(number: int) -> None:
        async with Note.transaction():
            await Note(text=f"task {number}").asave()
            await asyncio.sleep(0)
            assert await Note.query().where(Note.c.text == f"task {number}").acount() == 1

    async def all_of_them() -> None:
        await asyncio.gather(*map(write, range(20)), asyncio.to_thread(Note(text="thread").save))

    async def inside() -> None:
        async with Sandbox(Note):
            await all_of_them()
            assert await Note.query().acount() == 22

    if entered_in == "loop":
        asyncio.run(inside())
    else:
        with Sandbox(Note):
            asyncio.run(all_of_them())
            asyncio.run(Note(text="another loop").asave())
            assert Note.query().count() == 23
    assert texts() == {"before"}


def test_saves_in_a_loop_over_an_iterator_do_not_wait_for_it(backend: StorageBackend) -> None:
    with Sandbox(Note):
        Note.bulk_create([Note(text=str(number)) for number in range(10)])
        for note in Note.query().iterator(chunk_size=2):
            note.update(text=f"{note.text}!")
        assert all(text.endswith("!") for text in texts())


def test_who_waits_too_long_is_told_for_whom(backend: StorageBackend) -> None:
    caught: list[BaseException] = []

    def ask() -> None:
        try:
            Note.query().count()
        except PoolTimeout as error:
            caught.append(error)

    backend.config.pool_timeout = 0.1
    with Sandbox(Note), Note.transaction():
        Note(text="held").save()
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert len(caught) == 1
    assert "MainThread" in str(caught[0])
    assert texts() == {"before"}


async def test_a_cancelled_task_leaves_it_whole(backend: StorageBackend) -> None:
    with Sandbox(Note):
        await Note(text="first").asave()
        if not asyncio.events._get_running_loop():
            return
        for pause in (0, 0.0002, 0.001):
            task = asyncio.create_task(Note(text=f"cancelled after {pause}").asave())
            await asyncio.sleep(pause)
            task.cancel()
            await asyncio.wait([task])
        assert await Note.query().where(Note.c.text == "first").acount() == 1
        await Note(text="last").asave()
    assert await Note.query().acount() == 1


def test_a_program_that_closes_its_backends_does_not_leave_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'app.db'}"
    backend = Note.configure(url)
    try:
        Note.create_table()
        with Sandbox(Note):
            for number in range(2):  # As an application that is started twice.
                assert Note.configure(url) is backend
                Note(text=f"run {number}").save()
                close_backends()
            assert Note.query().count() == 2
        assert Note.query().count() == 0
    finally:
        close_backends()
        del Note.__backend__


def test_a_statement_that_ends_the_transaction_is_an_error(backend: StorageBackend) -> None:
    with Sandbox(Note):
        with pytest.raises(TransactionError, match="ended the transaction"):
            backend.execute("ROLLBACK")
        with pytest.raises(TransactionError, match="the sandbox has lost"):
            Note(text="too late").save()
    assert texts() == {"before"}
    Note(text="afterwards").save()


def test_what_cannot_be_a_sandbox_is_refused(backend: StorageBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoSavepoints(Dialect):
        name = "plain"
        supports_savepoints = False

    class Plain(SQLiteBackend):
        dialect_class = NoSavepoints

    class ByHand(SQLiteBackend):
        def connect(self) -> None:
            super().connect()

    with pytest.raises(UnsupportedFeature, match="plain has no savepoints"), Sandbox(Plain(database=":memory:")):
        pass
    with pytest.raises(UnsupportedFeature, match="ByHand opens its connections itself"):
        Sandbox(Note, ByHand(database=":memory:")).__enter__()
    with Sandbox(Note), pytest.raises(DatabaseError, match="in a sandbox already"):
        Sandbox(Note).__enter__()
    with Note.transaction(), pytest.raises(TransactionError, match="inside a block"):
        Sandbox(Note).__enter__()
    Note(text="none of them is left in it").save()
    monkeypatch.setattr("rhosocial.activerecord.testing.sandbox.backends_of", lambda where: [])
    with pytest.raises(DatabaseError, match="configure one"):
        Sandbox().__enter__()


def test_the_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from rhosocial.activerecord import AUTO, ActiveRecord

        class Note(ActiveRecord):
            __table_name__ = "notes"
            id: int = AUTO

        @pytest.fixture(scope="session")
        def database(tmp_path_factory):
            Note.configure(f"sqlite:///{tmp_path_factory.mktemp('data')}/notes.db")
            Note.create_table()

        @pytest.fixture(autouse=True)
        def each_test(database, rolled_back):
            pass

        @pytest.mark.parametrize("time", [1, 2])
        async def test_there_is_one(time):
            await Note().asave()
            assert await Note.query().acount() == 1
        """
    )
    pytester.makeini("[pytest]\nactiverecord_faces = true")
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=4)
