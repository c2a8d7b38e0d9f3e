"""Threads, tasks, event loops and processes share a pool without taking anything from each other."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lines import Exchange, Line, in_child, in_thread, run_script, use, wait_until

from rhosocial.activerecord.backend import pool as pool_module
from rhosocial.activerecord.backend.errors import ConnectionError, PoolTimeout
from rhosocial.activerecord.backend.pool import ConnectionPool, create_connection_pool
from rhosocial.activerecord.backend.worker import Workers

awaiting = pytest.mark.face("awaiting", reason="it is about event loops")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with Exchange() as exchange:
        yield exchange


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "pool.db")


@pytest.fixture
def database(path: str) -> Iterator[ConnectionPool]:
    pool = create_connection_pool(connect=sqlite3.connect, size=2, database=path, check_same_thread=False)
    with pool.get_connection() as connection:
        connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    yield pool
    pool.close()


class TestTogether:
    @pytest.mark.parametrize("kinds", [1, 2])
    def test_threads_and_tasks_share_the_size(self, exchange: Exchange, kinds: int) -> None:
        pool = exchange.one_kind(4, 15) if kinds == 1 else exchange.two_kinds(4, 15)
        done: list[int] = []

        def work(seed: int) -> None:
            rng = random.Random(seed)
            for _ in range(25):
                line = pool.acquire()
                use(line, lambda: time.sleep(rng.random() * 0.0005))
                pool.release(line, broken=rng.random() < 0.1)
            done.append(seed)

        async def awork(seed: int) -> None:
            rng = random.Random(seed)
            for _ in range(5):
                line = await pool.aacquire()
                assert line.loop is (None if kinds == 1 else asyncio.get_running_loop())
                use(line, lambda: None)
                await asyncio.sleep(0)
                await pool.arelease(line, broken=rng.random() < 0.1)

        async def main() -> None:
            await asyncio.gather(*(awork(seed) for seed in range(60)))
            # Threads may have left connections of this loop to be closed by it.
            while any(thread.is_alive() for thread in threads):
                await asyncio.sleep(0.001)
            await pool.aclose()

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        asyncio.run(main())

        assert len(done) == 8
        assert exchange.most <= 4
        assert exchange.open == []
        assert (pool.lent, pool.idle, pool.waiting) == (0, 0, 0)

    def test_real_connections_count_right_in_threads_and_tasks(self, database: ConnectionPool) -> None:
        workers = Workers(2)

        def add() -> None:
            with database.get_connection() as connection:
                connection.execute("INSERT INTO t DEFAULT VALUES")

        def work() -> None:
            for _ in range(20):
                add()

        async def awork() -> None:
            connection = await database.aacquire()
            try:
                await workers.reach(connection.execute, "INSERT INTO t DEFAULT VALUES")
                await workers.reach(connection.commit)
            finally:
                await database.arelease(connection)

        async def main() -> None:
            await asyncio.gather(*(awork() for _ in range(50)))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        asyncio.run(main())
        for thread in threads:
            thread.join()
        with database.get_connection() as connection:
            assert connection.execute("SELECT count(*) FROM t").fetchone() == (8 * 20 + 50,)

    @pytest.mark.parametrize("kinds", [1, 2])
    def test_a_thousand_cancelled_tasks_lose_no_place_and_no_connection(self, exchange: Exchange, kinds: int) -> None:
        rng = random.Random(11)
        options: dict[str, Any] = {"ping": exchange.ping}
        pool = exchange.one_kind(3, 15, **options) if kinds == 1 else exchange.two_kinds(3, 15, **options)
        pool.check_after = 0  # Every loan is preceded by a check, which may be cancelled too.
        cancelled = 0

        async def work() -> None:
            line = await pool.aacquire()
            try:
                use(line, lambda: None)
                await asyncio.sleep(0)
            finally:
                await pool.arelease(line, broken=rng.random() < 0.3)

        async def main() -> None:
            nonlocal cancelled
            while cancelled < 1000:
                tasks = [asyncio.create_task(work()) for _ in range(40)]
                for task in rng.sample(tasks, 35):
                    if rng.random() < 0.3:
                        await asyncio.sleep(rng.random() * 0.0003)
                    task.cancel()
                results = await asyncio.gather(*tasks, return_exceptions=True)
                cancelled += sum(isinstance(result, asyncio.CancelledError) for result in results)
                assert {type(result) for result in results} <= {asyncio.CancelledError, type(None)}
            await asyncio.sleep(0.05)
            assert (pool.lent, pool.waiting) == (0, 0)
            lines = [await pool.aacquire() for _ in range(3)]
            assert len(exchange.open) == 3
            for line in lines:
                pool.release(line)
            await pool.aclose()

        asyncio.run(main())

        assert exchange.open == []
        assert exchange.most <= 3

    @awaiting
    async def test_a_connection_made_for_a_cancelled_caller_is_kept(self, exchange: Exchange) -> None:
        exchange.delay = 0.05
        pool = exchange.one_kind(1)
        task = asyncio.create_task(pool.aacquire())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert exchange.open == exchange.made
        assert await pool.aacquire() is exchange.made[0]

    @awaiting
    async def test_a_cancelled_release_goes_on_closing(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds(1)
        line = await pool.aacquire()
        task = asyncio.create_task(pool.arelease(line, broken=True))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        other = await pool.aacquire()

        assert exchange.closed == [line]
        assert exchange.open == [other]
        assert exchange.most == 1

    @awaiting
    async def test_a_caller_cancelled_while_room_is_made_leaves_its_place_to_the_closing(
        self, exchange: Exchange
    ) -> None:
        go = asyncio.Event()

        async def aclose(line: Line) -> None:
            await go.wait()
            line.close()

        pool = exchange.kept(ConnectionPool(aconnect=exchange.aconnect, aclose=aclose, size=1, recycle=0))
        pool.release(await pool.aacquire())
        task = asyncio.create_task(pool.aacquire())
        await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        pool.pool_timeout = 0.01
        with pytest.raises(PoolTimeout, match=r"held by task 'Task-\d+' \(closing\)"):
            await pool.aacquire()

        go.set()
        await asyncio.sleep(0.005)
        await pool.aacquire()

        assert exchange.most == 1

    def test_threads_share_even_with_the_shortest_time_slices(self, exchange: Exchange) -> None:
        pool = exchange.one_kind(3)

        def work() -> None:
            for _ in range(150):
                line = pool.acquire()
                use(line, lambda: None)
                pool.release(line)

        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(before)

        assert exchange.most <= 3
        assert (pool.lent, pool.idle, pool.waiting) == (0, len(exchange.open), 0)


class TestLoops:
    def test_connections_of_a_closed_loop_are_dropped_and_a_new_loop_opens_its_own(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds(2)

        async def main() -> Line:
            lines: list[Line] = [await pool.aacquire() for _ in range(2)]
            for line in lines:
                await pool.arelease(line)
            return lines[0]

        first = asyncio.run(main())
        second = asyncio.run(main())

        assert first.loop is not second.loop
        assert [line.loop for line in exchange.dropped] == [first.loop] * 2
        assert exchange.closed == []
        assert len(exchange.open) == 2

    def test_those_lent_to_a_closed_loop_are_written_off(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds(1, 0.2)
        lost = asyncio.run(pool.aacquire())
        line = asyncio.run(pool.aacquire())

        assert line is not lost
        assert exchange.dropped == [lost]

        pool.release(lost)  # Late, but no mistake.
        asyncio.run(pool.arelease(line))

        assert pool.lent == 0
        assert exchange.dropped == [lost, line]

    def test_a_loop_that_is_closed_while_others_wait_gives_its_places_back(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds(1, 0.1)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(pool.aacquire())
        threading.Timer(0.03, loop.close).start()

        assert pool.acquire().loop is None

    def test_each_face_has_its_kind_and_the_other_makes_room(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds(2)
        for line in [pool.acquire(), pool.acquire()]:
            pool.release(line)

        async def main() -> None:
            loop = asyncio.get_running_loop()
            mine = [await pool.aacquire() for _ in range(2)]
            assert [line.loop for line in mine] == [loop] * 2
            for line in mine:
                await pool.arelease(line)
            assert exchange.most == 2
            # A blocking call inside the loop cannot wait for the loop.
            start = time.monotonic()
            other = pool.acquire()
            assert time.monotonic() - start < 0.5
            assert other.loop is None
            pool.release(other)
            await asyncio.sleep(0.01)
            assert len(exchange.open) == 2
            # A thread can.
            await asyncio.to_thread(self.take_two, pool)
            assert [line.loop for line in exchange.open] == [None] * 2
            await pool.aclose()

        asyncio.run(main())

        assert exchange.open == exchange.dropped == []

    @staticmethod
    def take_two(pool: ConnectionPool) -> None:
        for line in [pool.acquire(), pool.acquire()]:
            assert line.loop is None
            pool.release(line)

    def test_a_loop_that_does_not_run_is_not_waited_for(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds(1)
        loop = asyncio.new_event_loop()
        line = loop.run_until_complete(pool.aacquire())
        pool.release(line)
        start = time.monotonic()
        other = pool.acquire()

        assert other.loop is None
        assert time.monotonic() - start < 0.5

        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()

        assert exchange.closed == [line]

    def test_a_broken_connection_of_a_loop_is_closed_by_it_and_keeps_its_place_until_then(
        self, exchange: Exchange
    ) -> None:
        pool = exchange.two_kinds(1, 0)
        loop = asyncio.new_event_loop()
        line = loop.run_until_complete(pool.aacquire())
        in_thread(lambda: pool.release(line, broken=True))
        with pytest.raises(PoolTimeout, match=r"\(closing\)"):
            pool.acquire()

        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()

        assert exchange.closed == [line]
        assert pool.acquire().loop is None

    def test_two_loops_in_two_threads_share_the_size(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds(2, 10)
        done: list[None] = []

        async def work() -> None:
            line = await pool.aacquire()
            use(line, lambda: None)
            await asyncio.sleep(0.001)
            await pool.arelease(line)

        async def main() -> None:
            for _ in range(5):
                await asyncio.gather(*(work() for _ in range(5)))
            done.append(None)
            # Each may have to close connections that the other needs the places of.
            while len(done) < 2:
                await asyncio.sleep(0.001)

        threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(done) == 2
        assert exchange.most <= 2
        assert pool.lent == 0

    def test_what_a_loop_was_to_close_and_did_not_is_dropped(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds(1, 1)
        loop = asyncio.new_event_loop()
        line = loop.run_until_complete(pool.aacquire())
        pool.release(line, broken=True)
        loop.close()
        other = pool.acquire()

        assert exchange.dropped == [line]
        assert exchange.open == [other]

    def test_a_closing_that_is_cut_short_by_the_end_of_the_loop_drops_the_connection(self, exchange: Exchange) -> None:
        async def aclose(line: Line) -> None:
            await asyncio.sleep(60)

        pool = exchange.kept(ConnectionPool(aconnect=exchange.aconnect, aclose=aclose, drop=exchange.drop))

        async def main() -> Line:
            line: Line = await pool.aacquire()
            pool.release(line, broken=True)
            await asyncio.sleep(0)
            return line

        assert exchange.dropped == [] == exchange.closed
        line = asyncio.run(main())

        assert exchange.dropped == [line]
        assert pool.lent == 0

    @awaiting
    async def test_blocking_connections_are_opened_in_a_worker_for_awaiting_callers(self) -> None:
        threads: list[threading.Thread] = []

        class Noted:
            def __init__(self) -> None:
                threads.append(threading.current_thread())

            def close(self) -> None:
                threads.append(threading.current_thread())

        pool = ConnectionPool(Noted, 1)
        await pool.arelease(await pool.aacquire(), broken=True)

        assert len(threads) == 2
        assert threading.current_thread() not in threads


@forks
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
class TestForks:
    def test_a_child_uses_and_closes_nothing_of_its_parent(self, exchange: Exchange) -> None:
        pool = exchange.one_kind(2)
        idle, lent = pool.acquire(), pool.acquire()
        pool.release(idle)

        def child() -> None:
            assert (pool.idle, pool.lent) == (0, 0)
            lines = [pool.acquire() for _ in range(2)]
            assert not set(lines) & {idle, lent}
            pool.release(lent, broken=True)  # As a `finally` of the parent's would do.
            for line in lines:
                pool.release(line)
            pool.close()
            assert idle.is_open and lent.is_open
            assert exchange.closed == lines[::-1] or exchange.closed == lines

        assert in_child(child) == 0
        assert pool.acquire() is idle
        assert (pool.idle, pool.lent) == (0, 2)

    def test_a_child_born_at_once_does_not_take_the_connection_that_was_just_given_back(
        self, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pool_module, "NAP", 5)
        pool = exchange.one_kind(1)
        pool.release(pool.acquire())

        def child() -> None:
            assert pool.try_acquire() is None

        assert in_child(child) == 0
        assert pool.try_acquire() is exchange.made[0]

    def test_a_child_of_a_waiting_thread_starts_with_a_gate_of_its_own(self, exchange: Exchange) -> None:
        pool = exchange.one_kind(1)
        line = pool.acquire()
        thread = threading.Thread(target=lambda: pool.release(pool.acquire()))
        thread.start()
        wait_until(lambda: pool.waiting == 1)

        assert in_child(lambda: pool.release(pool.acquire())) == 0

        pool.release(line)
        thread.join()

    def test_awaiting_callers_of_a_child_get_new_connections(self, exchange: Exchange) -> None:
        pool = exchange.one_kind(1)

        async def use_pool() -> int:
            line = await pool.aacquire()
            await pool.arelease(line)
            return id(line)

        parent = asyncio.run(use_pool())

        def child() -> None:
            assert asyncio.run(use_pool()) != parent

        assert in_child(child) == 0
        assert asyncio.run(use_pool()) == parent

    def test_real_connections_survive_children_that_use_the_pool_and_exit(self, database: ConnectionPool) -> None:
        with database.get_connection() as connection:
            connection.execute("INSERT INTO t VALUES (1)")

            def child() -> None:
                with pytest.raises(ConnectionError, match="belongs to the parent"):
                    connection.execute("SELECT 1")
                connection.close()
                with database.get_connection() as own:
                    assert own.execute("SELECT count(*) FROM t").fetchone() == (0,)

            assert in_child(child) == 0
            assert connection.in_transaction
        with database.get_connection() as connection:
            assert connection.execute("SELECT count(*) FROM t").fetchone() == (1,)

    def test_a_child_frees_no_inherited_connection_even_when_it_exits(self, tmp_path: Path) -> None:
        done = run_script(
            f"""
            import os
            from rhosocial.activerecord.backend.pool import ConnectionPool

            log = os.open({str(tmp_path / "log")!r}, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
            parent = os.getpid()

            class Line:
                def close(self):
                    print("closed", os.getpid() == parent, flush=True)

                def __del__(self, write=os.write, getpid=os.getpid, log=log, parent=parent):
                    write(log, b"child " if getpid() != parent else b"parent ")

            pool = ConnectionPool(Line, 3)
            lines = [pool.acquire() for _ in range(3)]
            pool.release(lines[0])
            del lines[0]
            child = os.fork()
            if child == 0:
                lines.clear()
                del pool
                raise SystemExit(0)
            os.waitpid(child, 0)
            for line in lines:
                pool.release(line)
            del line, lines
            pool.close()
            """
        )

        assert done.stderr == ""
        assert done.stdout == "closed True\n" * 3
        assert (tmp_path / "log").read_text().split() == ["parent"] * 3

    def test_a_fork_behind_pythons_back_is_noticed(self) -> None:
        done = run_script(
            """
            import ctypes, os, time
            from rhosocial.activerecord.backend.pool import ConnectionPool

            class Line:
                def close(self): pass

            pool = ConnectionPool(Line, 1)
            line = pool.acquire()
            pool.release(line)
            child = ctypes.PyDLL(None).fork()
            if child == 0:
                time.sleep(0.005)
                own = pool.try_acquire() or pool.acquire()
                os._exit(0 if own is not line else 1)
            print(os.waitpid(child, 0)[1], pool.acquire() is line)
            """
        )

        assert (done.stdout, done.stderr) == ("0 True\n", "")
