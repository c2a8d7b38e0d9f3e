"""A pool lends its connections one caller at a time, within its size, and keeps them sound."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lines import Exchange, Line, in_thread, run_script, wait_until

from rhosocial.activerecord.backend import pool as pool_module
from rhosocial.activerecord.backend.errors import ConfigurationError, ConnectionError, PoolTimeout
from rhosocial.activerecord.backend.pool import ConnectionPool, create_connection_pool
from rhosocial.activerecord.backend.worker import Workers
from rhosocial.activerecord.blocking import is_blocking

awaiting = pytest.mark.face("awaiting", reason="it is about event loops")


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


class TestLending:
    async def test_connections_are_made_when_they_are_asked_for_and_lent_again(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds(3)
        assert exchange.made == []

        first = await pool.aacquire()
        second = await pool.aacquire()
        pool.release(first)
        await pool.arelease(second)

        assert (len(exchange.made), pool.idle, pool.lent) == (2, 2, 0)
        assert await pool.aacquire() is second
        assert await pool.aacquire() is first
        assert repr(pool) == "<ConnectionPool size=3 lent=2 idle=0 waiting=0>"

    async def test_only_an_idle_connection_is_lent_without_waiting(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds(1)
        assert pool.try_acquire() is None

        line = await pool.aacquire()

        assert pool.try_acquire() is None

        pool.release(line)
        # In plain code inside a loop it is the loop's kind that is meant.
        assert pool.try_acquire() is (None if is_blocking() and line.loop else line)

    async def test_the_parameters_go_to_connect(self) -> None:
        pool = ConnectionPool(sqlite3.connect, database=":memory:", check_same_thread=False, isolation_level=None)
        connection = await pool.aacquire()
        assert connection.isolation_level is None
        pool.release(connection)
        await pool.aclose()

    async def test_a_failing_connect_gives_its_place_back(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds(1)
        exchange.fail = 3
        for _ in range(3):
            with pytest.raises(OSError, match="the exchange is busy"):
                await pool.aacquire()

        assert pool.lent == 0
        assert await pool.aacquire() is exchange.made[0]

    async def test_a_connection_is_taken_back_once_and_only_if_it_was_lent(self, exchange: Exchange) -> None:
        pool = exchange.one_kind()
        line = await pool.aacquire()
        pool.release(line)
        for stranger in (line, object()):
            with pytest.raises(ConnectionError, match="has not lent this connection"):
                pool.release(stranger)
            with pytest.raises(ConnectionError, match="has not lent this connection"):
                await pool.arelease(stranger)

        assert (pool.idle, pool.lent) == (1, 0)

    async def test_a_connection_may_come_back_from_another_thread(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds(1)
        line = await pool.aacquire()
        in_thread(lambda: pool.release(line))

        assert await pool.aacquire() is line

    async def test_a_broken_connection_is_closed_and_its_place_is_free(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds(1)
        line = await pool.aacquire()
        await pool.arelease(line, broken=True)

        assert exchange.closed == [line]
        assert (pool.idle, pool.lent) == (0, 0)

        other = await pool.aacquire()
        pool.release(other, broken=True)
        third = await pool.aacquire()

        assert other not in exchange.open
        assert exchange.open == [third]
        assert exchange.most == 1

    async def test_a_connection_that_cannot_be_closed_is_given_up(self) -> None:
        class Stubborn:
            def close(self) -> None:
                raise OSError("no")

        pool = ConnectionPool(Stubborn, 1, 1)
        for _ in range(3):
            await pool.arelease(await pool.aacquire(), broken=True)

        assert pool.lent == 0

    @pytest.mark.parametrize("answer", [None, "coroutine", "same"])
    async def test_a_connect_that_makes_no_connection_is_refused(self, answer: str | None) -> None:
        async def aconnect() -> None:
            """Never awaited."""

        same = object()
        answers: dict[str | None, Callable[[], Any]] = {"coroutine": aconnect, "same": lambda: same, None: lambda: None}
        pool = ConnectionPool(answers[answer])
        if answer == "same":
            assert await pool.aacquire() is same
        with pytest.raises(TypeError, match="connect returned"):
            await pool.aacquire()

        assert pool.lent == (1 if answer == "same" else 0)

    @pytest.mark.parametrize("size", [0, -1, 2.5, None])
    def test_an_impossible_size_is_refused(self, size: Any) -> None:
        with pytest.raises(ConfigurationError, match="whole number of at least 1"):
            ConnectionPool(Line, size)

    def test_without_connect_the_error_says_what_to_pass(self) -> None:
        with pytest.raises(TypeError, match="needs connect=…"):
            ConnectionPool()

    def test_a_blocking_caller_of_a_pool_for_loops_is_told_what_is_missing(self, exchange: Exchange) -> None:
        pool = ConnectionPool(aconnect=exchange.aconnect)
        with pytest.raises(ConfigurationError, match="give it connect=… too"):
            pool.acquire()

        assert pool.lent == 0

    def test_blocking_use_does_not_load_asyncio(self) -> None:
        done = run_script(
            """
            import sqlite3, sys
            from rhosocial.activerecord.backend.pool import create_connection_pool

            pool = create_connection_pool(connect=sqlite3.connect, size=1, database=":memory:")
            pool.release(pool.acquire())
            with pool.get_connection() as connection:
                print(connection.execute("SELECT 1").fetchone())
            pool.close()
            print("asyncio" in sys.modules)
            """
        )

        assert (done.stdout, done.stderr) == ("(1,)\nFalse\n", "")


class TestWaiting:
    async def test_it_ends_in_time_and_names_the_holders(self, exchange: Exchange) -> None:
        pool = exchange.one_kind(2, 0.2)
        in_thread(pool.acquire, name="reader")
        await pool.aacquire()
        late = []
        for _ in range(3):
            start = time.monotonic()
            with pytest.raises(PoolTimeout) as caught:
                await pool.aacquire()
            late.append(time.monotonic() - start - 0.2)

        assert -0.005 <= min(late) <= 0.05
        message = str(caught.value)
        here = f"thread {threading.current_thread().name!r}" if is_blocking() else "task 'Task-"
        assert "no connection became free within 0.2 s; the pool's 2 are held by" in message
        assert "thread 'reader' (ended) for 0." in message
        assert here in message
        assert pool.waiting == 0

    @awaiting
    async def test_a_loan_taken_in_a_worker_is_named_after_the_task_it_served(self, exchange: Exchange) -> None:
        pool = exchange.one_kind(1, 0)
        await asyncio.create_task(Workers(1).reach(pool.acquire), name="importer")
        with pytest.raises(PoolTimeout, match="the pool's 1 are held by task 'importer' for 0"):
            await pool.aacquire()

    def test_many_holders_are_counted_and_not_all_named(self, exchange: Exchange) -> None:
        pool = exchange.one_kind(12, 0)
        for _ in range(12):
            pool.acquire()
        with pytest.raises(PoolTimeout, match=", 2 more; release"):
            pool.acquire()

    def test_a_connection_that_is_just_being_opened_counts_and_says_so(self, exchange: Exchange) -> None:
        exchange.delay = 1.0
        pool = exchange.one_kind(1, 0.05)
        thread = threading.Thread(target=pool.acquire, name="opener")
        thread.start()
        wait_until(lambda: pool.lent == 1)
        with pytest.raises(PoolTimeout, match=r"held by thread 'opener' \(opening\) for 0\."):
            pool.acquire()
        thread.join()

    def test_threads_and_tasks_are_served_in_the_order_in_which_they_came(self, exchange: Exchange) -> None:
        pool = exchange.one_kind(1)
        line = pool.acquire()
        order: list[int] = []

        def work(number: int) -> None:
            mine = pool.acquire()
            order.append(number)
            pool.release(mine)

        async def awork(number: int) -> None:
            mine = await pool.aacquire()
            order.append(number)
            pool.release(mine)

        async def main() -> None:
            async with asyncio.TaskGroup() as group:
                for number in range(20):
                    if number % 2:
                        group.create_task(awork(number))
                        await asyncio.sleep(0)
                    else:
                        threads.append(threading.Thread(target=work, args=(number,)))
                        threads[-1].start()
                    wait_until(lambda number=number: pool.waiting == number + 1)
                pool.release(line)

        threads: list[threading.Thread] = []
        asyncio.run(main())
        for thread in threads:
            thread.join()

        assert order == list(range(20))

    def test_an_interrupted_connect_gives_its_place_back(self, exchange: Exchange) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        exchange.delay = 5
        pool = exchange.one_kind(1)
        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            with pytest.raises(KeyboardInterrupt):
                pool.acquire()
        finally:
            signal.signal(signal.SIGALRM, before)

        exchange.delay = 0
        assert pool.lent == 0
        assert pool.acquire() is exchange.made[0]


class TestHealth:
    async def test_only_a_connection_that_was_idle_for_long_is_checked(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds(1, ping=exchange.ping)
        pool.check_after = 0.05
        line = await pool.aacquire()
        pool.release(line)
        assert await pool.aacquire() is line
        pool.release(line)
        assert exchange.pinged == []

        time.sleep(0.41)

        assert pool.try_acquire() is None
        assert await pool.aacquire() is line
        assert exchange.pinged == [line]

    async def test_a_dead_connection_is_replaced_and_nobody_notices(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds(2, ping=exchange.ping)
        pool.check_after = 0
        lines = [await pool.aacquire() for _ in range(2)]
        for line in lines:
            line.is_dead = True
            pool.release(line)
        time.sleep(0.005)
        fresh = await pool.aacquire()

        assert fresh not in lines
        assert exchange.closed == lines[::-1]
        assert exchange.open == [fresh]

    async def test_after_one_has_broken_the_others_are_checked_at_once(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds(2, ping=exchange.ping)
        first, second = [await pool.aacquire() for _ in range(2)]
        second.is_dead = True
        pool.release(second)
        time.sleep(0.005)
        await pool.arelease(first, broken=True)
        fresh = await pool.aacquire()

        assert exchange.pinged == [second]
        assert exchange.open == [fresh]

    async def test_without_a_check_nothing_is_asked(self, exchange: Exchange) -> None:
        pool = exchange.one_kind()
        pool.check_after = 0
        line = await pool.aacquire()
        pool.release(line)
        time.sleep(0.005)

        assert pool.try_acquire() is line

    async def test_an_old_connection_is_closed_and_not_lent_again(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds(1, recycle=0.4)
        line = await pool.aacquire()
        pool.release(line)
        assert await pool.aacquire() is line
        pool.release(line)
        time.sleep(0.41)

        assert pool.try_acquire() is None
        assert await pool.aacquire() is not line
        assert exchange.closed == [line]

    async def test_real_connections_that_were_closed_elsewhere_are_replaced(self, path: str) -> None:
        def ping(connection: sqlite3.Connection) -> None:
            connection.execute("SELECT 1")

        pool = ConnectionPool(sqlite3.connect, 1, ping=ping, database=path, check_same_thread=False)
        pool.check_after = 0
        connection = await pool.aacquire()
        connection.close()
        pool.release(connection)
        time.sleep(0.005)
        other = await pool.aacquire()

        assert other is not connection
        assert other.execute("SELECT 1").fetchone() == (1,)
        pool.release(other)
        await pool.aclose()


class TestCreate:
    def test_connect_may_come_with_the_options(self, path: str) -> None:
        options = {"connect": sqlite3.connect, "check_same_thread": False}
        pool = create_connection_pool(size=3, **{"database": path, **options})
        with pool.get_connection() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)

        assert (pool.size, pool.pool_timeout) == (3, 30)

        pool.close()

    def test_without_connect_the_error_shows_a_call(self) -> None:
        with pytest.raises(TypeError, match=r"create_connection_pool\(connect=sqlite3\.connect"):
            create_connection_pool(size=5, host="localhost")

    def test_something_that_cannot_be_called_is_refused(self) -> None:
        with pytest.raises(TypeError, match=r"needs connect=…, a callable .* got str"):
            create_connection_pool(connect="sqlite3.connect")

    def test_the_pools_own_keywords_reach_it(self, exchange: Exchange) -> None:
        pool = create_connection_pool(connect=exchange.connect, close=exchange.close, recycle=0)
        pool.get_connection().close()
        pool.get_connection().close()

        assert len(exchange.made) == 2

        pool.close()

    def test_a_module_can_be_patched_over_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        calls: list[dict[str, Any]] = []
        monkeypatch.setattr(pool_module, "create_connection_pool", lambda **params: calls.append(params))
        pool_module.create_connection_pool(size=5)

        assert calls == [{"size": 5}]
