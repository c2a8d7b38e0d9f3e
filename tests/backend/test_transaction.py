from __future__ import annotations

import asyncio
import threading

import pytest

from rhosocial.activerecord.backend import (
    IntegrityError,
    IsolationLevel,
    IsolationLevelError,
    OperationalError,
    TransactionError,
    UniqueViolation,
)


async def names(backend):
    return [row[0] for row in (await backend.aexecute("SELECT name FROM users ORDER BY id")).rows]


async def add(backend, name):
    await backend.ainsert("users", {"name": name})


async def test_a_block_is_kept_when_left_normally_and_undone_by_an_error(backend):
    async with backend.transaction():
        await add(backend, "kept")
    error = KeyError("mine")
    with pytest.raises(KeyError) as caught:
        async with backend.transaction():
            await add(backend, "undone")
            raise error

    assert caught.value is error
    assert ["kept"] == await names(backend)
    assert 0 == backend._leases.lent


async def test_inner_blocks_are_savepoints(backend):
    async with backend.transaction() as outer:
        await add(backend, "a")
        with pytest.raises(KeyError):
            async with backend.transaction() as inner:
                assert (1, 2, inner) == (outer.level, inner.level, backend.current_transaction)
                await add(backend, "b")
                raise KeyError
        async with backend.transaction():
            await add(backend, "c")
    assert ["a", "c"] == await names(backend)


async def test_begin_is_sent_with_the_first_statement_and_in_order(backend):
    sent = []
    backend.on_execute.append(lambda sql, types, duration: sent.append(sql))
    async with backend.transaction():
        async with backend.transaction():
            assert [] == sent
            await backend.aexecute("SELECT 1")
        async with backend.transaction():
            pass

    assert ["BEGIN IMMEDIATE", 'SAVEPOINT "ar_1"', "SELECT 1", 'RELEASE SAVEPOINT "ar_1"', "COMMIT"] == sent


async def test_a_failed_statement_leaves_the_rest_of_a_block_usable(backend):
    async with backend.transaction():
        await add(backend, "a")
        with pytest.raises(IntegrityError):
            await add(backend, "a")
        await add(backend, "b")
    assert ["a", "b"] == await names(backend)


async def test_savepoints_of_the_handle(backend):
    async with backend.transaction() as tx:
        await add(backend, "a")
        first = await tx.acreate_savepoint('mine "quoted"')
        await add(backend, "b")
        second = await tx.acreate_savepoint()
        await add(backend, "c")
        await tx.arollback_to_savepoint(second)
        await tx.arelease_savepoint(second)
        with pytest.raises(TransactionError, match="no savepoint"):
            await tx.arollback_savepoint(second)
        await tx.arollback_savepoint(first)
        await add(backend, "d")
    assert ["a", "d"] == await names(backend)


async def test_a_block_ended_by_its_handle_takes_no_more_statements(backend):
    async with backend.transaction() as tx:
        await add(backend, "a")
        await tx.acommit()
        with pytest.raises(TransactionError, match="over"):
            await add(backend, "b")
    async with backend.transaction() as tx:
        await add(backend, "c")
        await tx.arollback()
        with pytest.raises(TransactionError, match="over"):
            await add(backend, "d")
    assert ["a"] == await names(backend)


async def test_only_the_innermost_handle_works(backend):
    async with backend.transaction() as outer, backend.transaction():
        with pytest.raises(TransactionError, match="inside this one is open"):
            await outer.acommit()


async def test_begin_commit_and_rollback_by_hand(backend):
    await backend.abegin_transaction()
    await add(backend, "a")
    await backend.abegin_transaction()
    await add(backend, "b")
    await backend.arollback_transaction()
    assert backend.in_transaction
    await backend.acommit_transaction()

    assert not backend.in_transaction
    assert ["a"] == await names(backend)
    with pytest.raises(TransactionError, match="no open transaction"):
        await backend.acommit_transaction()


def test_the_manager_of_a_backend_counts_levels(backend):
    manager = backend.transaction_manager
    with manager.transaction():
        manager.begin()
        assert (True, 2) == (manager.is_active, manager.transaction_level)
        with pytest.raises(IsolationLevelError):
            manager.isolation_level = IsolationLevel.SERIALIZABLE
        manager.rollback()
        manager.create_savepoint("p")
        manager.rollback_savepoint("p")
        manager.release_savepoint("p")
    assert (False, 0, True) == (manager.is_active, manager.transaction_level, manager.supports_savepoint())


async def test_hooks_run_when_the_outermost_block_ends(backend):
    ran = []
    async with backend.transaction() as outer:
        await add(backend, "a")
        async with backend.transaction() as inner:
            await add(backend, "b")
            inner.on_commit(lambda: ran.append(("commit", backend._leases.lent)))
            outer.on_rollback(lambda: ran.append("never"))
        with pytest.raises(KeyError):
            async with backend.transaction() as inner:
                inner.on_commit(lambda: ran.append("never"))
                inner.on_rollback(lambda: ran.append("rollback"))
                raise KeyError
        assert ["rollback"] == ran

        async def hook():
            ran.append("async")

        outer.on_commit(hook)
    assert ["rollback", ("commit", 0), "async"] == ran


async def test_all_commit_hooks_run_and_their_errors_say_that_the_commit_stands(backend):
    ran = []

    def fail():
        raise ValueError("hook")

    with pytest.raises(ExceptionGroup, match="is committed, but 1 of its hooks failed"):
        async with backend.transaction() as tx:
            await add(backend, "a")
            tx.on_commit(fail)
            tx.on_commit(lambda: ran.append(1))
    assert ([1], ["a"]) == (ran, await names(backend))


async def test_undo_runs_last_first_for_the_level_that_is_rolled_back(backend):
    undone = []
    with pytest.raises(KeyError):
        async with backend.transaction() as outer:
            outer.undo(lambda: undone.append("outer"))
            async with backend.transaction() as inner:
                inner.undo(lambda: undone.append("kept inner"))
                point = await inner.acreate_savepoint()
                inner.undo(lambda: undone.append("after savepoint"))
                await inner.arollback_savepoint(point)
                assert ["after savepoint"] == undone
            raise KeyError
    assert ["after savepoint", "kept inner", "outer"] == undone


async def test_read_only_blocks_refuse_writes_and_leave_the_connection_as_it_was(backend):
    with pytest.raises(OperationalError, match="readonly"):
        async with backend.transaction(read_only=True):
            await backend.aexecute("SELECT 1")
            await add(backend, "a")
    await add(backend, "b")
    async with backend.transaction():
        with pytest.raises(TransactionError, match="read-only"):
            async with backend.transaction(read_only=True):
                pass
    assert ["b"] == await names(backend)


async def test_a_level_that_the_engine_lacks_is_refused_before_anything_is_sent(backend):
    sent = []
    backend.on_execute.append(lambda *told: sent.append(told))
    for level in (IsolationLevel.REPEATABLE_READ, "read committed", "no such"):
        with pytest.raises(IsolationLevelError):
            async with backend.transaction(level):
                await add(backend, "a")
    async with backend.transaction("serializable"):
        with pytest.raises(IsolationLevelError, match="inside a block"):
            async with backend.transaction("serializable"):
                pass
    assert [] == sent


async def test_a_block_whose_transaction_is_gone_cannot_end_as_if_committed(backend):
    # INSERT OR ROLLBACK ends the whole transaction, as a deadlock does on other engines.
    await add(backend, "there")
    undone = []
    with pytest.raises(TransactionError, match="rolled back the transaction"):
        async with backend.transaction() as outer:
            outer.undo(lambda: undone.append(1))
            await add(backend, "lost")
            with pytest.raises(UniqueViolation):
                async with backend.transaction():
                    await backend.aexecute("INSERT OR ROLLBACK INTO users (name) VALUES ('there')")
            with pytest.raises(TransactionError, match="leave the block"):
                await add(backend, "outside of any transaction")
    assert (["there"], [1], 0) == (await names(backend), undone, backend._leases.lent)


async def test_a_transaction_ended_behind_our_back_is_seen_before_commit(backend):
    with pytest.raises(TransactionError, match="rolled back"):
        async with backend.transaction():
            await add(backend, "a")
            await backend.aexecute("ROLLBACK")


async def test_a_block_is_entered_once(backend):
    block = backend.transaction()
    async with block:
        with pytest.raises(TransactionError, match="only once"):
            await block.__aenter__()


async def test_a_block_left_with_one_open_inside_is_rolled_back(backend):
    with pytest.raises(TransactionError, match="still open"):
        async with backend.transaction():
            await add(backend, "a")
            await backend.abegin_transaction()
            await add(backend, "b")
    assert ([], False, 0) == (await names(backend), backend.in_transaction, backend._leases.lent)


@pytest.mark.face("awaiting", reason="tasks exist in event loops only")
async def test_a_task_born_inside_a_block_is_refused_and_named(backend):
    async with backend.transaction():
        await add(backend, "a")
        for stranger in (asyncio.create_task(add(backend, "b")), asyncio.to_thread(backend.execute, "SELECT 1")):
            with pytest.raises(TransactionError, match="was started inside a transaction that task"):
                await stranger
    assert ["a"] == await names(backend)


@pytest.mark.face("awaiting", reason="tasks exist in event loops only")
async def test_adopt_shares_a_block_with_another_task(backend):
    async with backend.transaction() as tx:
        await add(backend, "a")

        async def child(name):
            with backend.adopt(tx):
                await add(backend, name)

        await asyncio.gather(child("b"), child("c"))
    assert {"a", "b", "c"} == set(await names(backend))


@pytest.mark.face("awaiting", reason="only an awaiting caller can mix the faces")
async def test_a_block_of_one_face_refuses_calls_of_the_other(backend):
    async with backend.transaction():
        await add(backend, "a")
        with pytest.raises(TransactionError, match="blocking call"):
            backend.execute("SELECT 1")
    assert 0 == backend._leases.lent


def test_a_block_left_in_another_thread_is_rolled_back_and_says_where(backend):
    block = backend.transaction()
    block.__enter__()
    backend.insert("users", {"name": "a"})
    caught = []

    def leave():
        try:
            block.__exit__(None, None, None)
        except TransactionError as error:
            caught.append(str(error))

    thread = threading.Thread(target=leave, name="other")
    thread.start()
    thread.join()
    assert "MainThread" in caught[0] and "'other'" in caught[0]
    assert ([], False, 0) == (backend.fetch_all("SELECT * FROM users"), backend.in_transaction, backend._leases.lent)


def test_a_plain_thread_has_a_connection_of_its_own(backend):
    seen = []
    with backend.transaction():
        backend.insert("users", {"name": "a"})
        thread = threading.Thread(target=lambda: seen.append(backend.fetch_all("SELECT * FROM users")))
        thread.start()
        thread.join()
    assert [[]] == seen


@pytest.mark.filterwarnings("ignore:thread .* ended inside a transaction:ResourceWarning")
def test_a_thread_that_dies_inside_a_block_gives_its_connection_up(backend):
    def die():
        backend.begin_transaction()
        backend.insert("users", {"name": "a"})

    for _ in range(2 * backend.config.pool_size):
        thread = threading.Thread(target=die)
        thread.start()
        thread.join()
    backend.insert("users", {"name": "b"})
    assert ["b"] == [row["name"] for row in backend.fetch_all("SELECT name FROM users")]


@pytest.mark.face("awaiting", reason="only tasks are cancelled")
async def test_cancelled_tasks_leave_neither_rows_nor_connections(backend):
    async def work(number):
        async with backend.transaction():
            await add(backend, f"a{number}")
            async with backend.transaction():
                await add(backend, f"b{number}")
                await asyncio.sleep(0.001)
        await backend.aexecute("SELECT count(*) FROM users")

    for pause in range(25):
        tasks = [asyncio.create_task(work(10 * pause + n)) for n in range(4)]
        await asyncio.sleep(pause / 5000)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    found = await names(backend)
    assert {name[1:] for name in found if name[0] == "a"} == {name[1:] for name in found if name[0] == "b"}
    assert (0, 5) == (backend._leases.lent, backend._leases._stock.gate.free)


def test_eight_threads_lose_no_row(backend):
    def work(number):
        for turn in range(20):
            with backend.transaction():
                backend.insert("users", {"name": f"{number}-{turn}"})
                with backend.transaction():
                    backend.update("users", {"age": 1}, "name = ?", (f"{number}-{turn}",))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (160, 0) == (backend.execute("SELECT sum(age) FROM users").scalar(), backend._leases.lent)
