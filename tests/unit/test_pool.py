"""A pool lends its connections once at a time, within its size, and gets every one of them back."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rhosocial.activerecord.backend import pool as pool_module
from rhosocial.activerecord.backend.errors import ConfigurationError, ConnectionError, PoolTimeout
from rhosocial.activerecord.backend.pool import ConnectionPool, PooledConnection, create_connection_pool
from rhosocial.activerecord.backend.worker import Workers
from rhosocial.activerecord.blocking import is_blocking

awaiting = pytest.mark.face("awaiting", reason="it is about event loops")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")


class Line:
    """A connection that knows nothing but whether it is open."""

    def __init__(self, exchange: Exchange, loop: asyncio.AbstractEventLoop | None) -> None:
        self.exchange = exchange
        self.loop = loop
        self.is_open = True
        self.is_dead = False
        self.in_use = False

    def close(self) -> None:
        self.is_open = False
        self.exchange.closed.append(self)


class Exchange:
    """Makes lines and counts them."""

    def __init__(self) -> None:
        self.made: list[Line] = []
        self.closed: list[Line] = []
        self.dropped: list[Line] = []
        self.pinged: list[Line] = []
        self.most = 0
        self.fail = 0
        self.delay = 0.0
        self.lock = threading.Lock()
        self.pools: list[ConnectionPool] = []

    def connect(self, loop: Any = None) -> Line:
        if self.fail:
            self.fail -= 1
            raise OSError("the exchange is busy")
        time.sleep(self.delay)
        with self.lock:
            line = Line(self, loop)
            self.made.append(line)
            self.most = max(self.most, len(self.open))
        return line

    async def aconnect(self) -> Line:
        await asyncio.sleep(self.delay)
        return self.connect(asyncio.get_running_loop())

    def close(self, line: Line) -> None:
        assert line.loop is None
        line.close()

    async def aclose(self, line: Line) -> None:
        assert line.loop is asyncio.get_running_loop()
        await asyncio.sleep(0)
        line.close()

    def drop(self, line: Line) -> None:
        self.dropped.append(line)

    def ping(self, line: Line) -> None:
        self.pinged.append(line)
        if line.is_dead:
            raise OSError("the line is dead")

    async def aping(self, line: Line) -> bool:
        await asyncio.sleep(0)
        self.pinged.append(line)
        return not line.is_dead

    @property
    def open(self) -> list[Line]:
        return [line for line in self.made if line.is_open and line not in self.dropped]

    def one_kind(self, size: int = 2, timeout: float | None = 5, **options: Any) -> ConnectionPool:
        return self.kept(ConnectionPool(self.connect, size, timeout, close=self.close, **options))

    def kept(self, pool: ConnectionPool) -> ConnectionPool:
        """The pool, which the fixture closes."""
        self.pools.append(pool)
        return pool

    def two_kinds(self, size: int = 2, timeout: float | None = 5, **options: Any) -> ConnectionPool:
        return self.one_kind(
            size, timeout, aconnect=self.aconnect, aclose=self.aclose, drop=self.drop, aping=self.aping, **options
        )


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    exchange = Exchange()
    yield exchange
    for pool in exchange.pools:
        pool.close()


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


def wait_until(condition: Callable[[], bool], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.001)


def in_thread(work: Callable[[], object], name: str = "other") -> None:
    thread = threading.Thread(target=work, name=name)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


def in_child(work: Callable[[], object]) -> int:
    """What a forked child that does `work` exits with: 0, or 1 where it raised."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def run_script(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text)], capture_output=True, text=True, timeout=20, check=False
    )


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
        exchange.delay = 0.2
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
                    wait_until(lambda number=number: pool.waiting == number + 1)  # type: ignore[misc]
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


def use(line: Line, pause: Callable[[], object]) -> None:
    assert line.is_open
    assert not line.in_use
    line.in_use = True
    pause()
    line.in_use = False


class TestTogether:
    @pytest.mark.parametrize("kinds", [1, 2])
    def test_threads_and_tasks_share_the_size(self, exchange: Exchange, kinds: int) -> None:
        pool = exchange.one_kind(4, 15) if kinds == 1 else exchange.two_kinds(4, 15)
        errors: list[BaseException] = []

        def work(seed: int) -> None:
            rng = random.Random(seed)
            try:
                for _ in range(25):
                    line = pool.acquire()
                    use(line, lambda: time.sleep(rng.random() * 0.0005))
                    pool.release(line, broken=rng.random() < 0.1)
            except BaseException as error:
                errors.append(error)

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

        assert errors == []
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
        print(kinds, exchange.most, len(exchange.made), len(exchange.pinged))

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


class TestHealth:
    async def test_only_a_connection_that_was_idle_for_long_is_checked(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds(1, ping=exchange.ping)
        pool.check_after = 0.05
        line = await pool.aacquire()
        pool.release(line)
        assert await pool.aacquire() is line
        pool.release(line)
        assert exchange.pinged == []

        time.sleep(0.06)

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
        pool = exchange.two_kinds(1, recycle=0.05)
        line = await pool.aacquire()
        pool.release(line)
        assert await pool.aacquire() is line
        pool.release(line)
        time.sleep(0.06)

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


class TestClosing:
    async def test_idle_connections_are_closed_at_once_and_lent_ones_when_they_come_back(
        self, exchange: Exchange
    ) -> None:
        pool = exchange.two_kinds(3)
        lines = [await pool.aacquire() for _ in range(3)]
        pool.release(lines[0])
        await pool.aclose()

        assert exchange.closed == [lines[0]]
        assert pool.closed

        await pool.arelease(lines[1])
        pool.release(lines[2])
        if not is_blocking():
            await asyncio.sleep(0.01)

        assert exchange.closed == lines
        assert (pool.lent, pool.idle) == (0, 0)

        await pool.aclose()

    async def test_a_closed_pool_lends_nothing(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds()
        pool.release(await pool.aacquire())
        await pool.aclose()

        assert pool.try_acquire() is None
        with pytest.raises(ConnectionError, match="is closed"):
            await pool.aacquire()
        with pytest.raises(ConnectionError, match="is closed"):
            pool.get_connection()

    def test_those_who_wait_are_told(self, exchange: Exchange) -> None:
        pool = exchange.one_kind(1, 10)
        line = pool.acquire()
        errors: list[BaseException] = []

        def work() -> None:
            try:
                pool.acquire()
            except ConnectionError as error:
                errors.append(error)

        async def main() -> None:
            tasks = [asyncio.create_task(pool.aacquire()) for _ in range(3)]
            await asyncio.sleep(0)
            wait_until(lambda: pool.waiting == 6)
            await pool.aclose()
            errors.extend(await asyncio.gather(*tasks, return_exceptions=True))  # type: ignore[arg-type]

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        start = time.monotonic()
        asyncio.run(main())
        for thread in threads:
            thread.join()

        assert [str(error) for error in errors] == ["the connection pool is closed; make a new one"] * 6
        assert time.monotonic() - start < 5

        pool.release(line)

        assert exchange.open == []

    def test_a_pool_dropped_with_open_connections_warns_and_closes_them(self, exchange: Exchange) -> None:
        pool = exchange.one_kind(2)
        for line in [pool.acquire(), pool.acquire()]:
            pool.release(line)
        with pytest.warns(ResourceWarning, match="a pool was dropped with 2 open connections"):
            exchange.pools.clear()
            del pool
            gc.collect()

        assert exchange.open == []

    @awaiting
    async def test_a_dropped_pool_drops_the_connections_of_loops(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds()
        pool.release(await pool.aacquire())
        with pytest.warns(ResourceWarning, match="1 open"):
            exchange.pools.clear()
            del pool
            gc.collect()

        assert exchange.open == []
        assert exchange.dropped == exchange.made

    async def test_a_pool_dropped_after_close_says_nothing(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds()
        pool.release(await pool.aacquire())
        await pool.aclose()
        exchange.pools.clear()
        del pool
        gc.collect()

        assert exchange.open == []

    def test_a_pool_is_gone_with_its_last_reference(self, exchange: Exchange) -> None:
        gc.disable()
        try:
            pool = exchange.one_kind(1)
            proxy = pool.get_connection()
            proxy.close()
            with pytest.warns(ResourceWarning):
                exchange.pools.clear()
                del pool, proxy
        finally:
            gc.enable()

        assert exchange.open == []


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
            other = pool.acquire()
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

        async def work() -> None:
            line = await pool.aacquire()
            use(line, lambda: None)
            await asyncio.sleep(0.001)
            await pool.arelease(line)

        async def main() -> None:
            for _ in range(5):
                await asyncio.gather(*(work() for _ in range(5)))

        threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert exchange.most <= 2 + len(exchange.dropped)
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

            class Line:
                def close(self): print("closed", os.getpid() == parent, flush=True)
                def __del__(self): os.write(log, b"child " if os.getpid() != parent else b"parent ")

            log = os.open({str(tmp_path / "log")!r}, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
            parent = os.getpid()
            pool = ConnectionPool(Line, 3)
            lines = [pool.acquire() for _ in range(3)]
            proxy = pool.get_connection if False else None
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


class TestPooledConnection:
    def test_everything_else_is_the_connections_own(self, database: ConnectionPool) -> None:
        connection = database.get_connection()
        connection.row_factory = sqlite3.Row
        cursor = connection.cursor()
        cursor.execute("SELECT 1 AS one")

        assert dict(cursor.fetchone()) == {"one": 1}
        assert cursor.connection.row_factory is sqlite3.Row
        assert isinstance(connection, PooledConnection)
        assert repr(connection) == "<PooledConnection: Connection>"
        with pytest.raises(AttributeError, match="nothing_of_the_kind"):
            connection.nothing_of_the_kind  # noqa: B018

        connection.close()

    def test_it_is_dead_once_closed(self, database: ConnectionPool) -> None:
        connection = database.get_connection()
        connection.close()
        assert database.lent == 0

        other = database.get_connection()
        connection.close()

        assert database.lent == 1
        assert other is not connection
        assert other.execute("SELECT 1").fetchone() == (1,)
        assert repr(connection) == "<PooledConnection: closed>"
        with pytest.raises(ConnectionError, match="gone back to its pool"):
            connection.execute("SELECT 1")
        with pytest.raises(ConnectionError, match="gone back to its pool"):
            connection.row_factory = None
        with pytest.raises(ConnectionError, match="gone back to its pool"), connection:
            pass

        other.close()

    def test_the_connection_is_used_again_by_the_next_loan(self, exchange: Exchange) -> None:
        pool = exchange.one_kind(1)
        for _ in range(3):
            with pool.get_connection() as connection:
                assert connection.exchange is exchange

        assert len(exchange.made) == 1

    def test_a_block_commits_when_left_normally_and_rolls_back_when_left_by_an_error(
        self, database: ConnectionPool
    ) -> None:
        with database.get_connection() as connection:
            connection.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(LookupError), database.get_connection() as connection:
            connection.execute("INSERT INTO t VALUES (2)")
            raise LookupError
        with database.get_connection() as connection:
            rows = connection.execute("SELECT n FROM t").fetchall()

        assert rows == [(1,)]
        assert database.lent == 0

    def test_a_block_whose_commit_fails_raises_and_gives_the_connection_back(self, exchange: Exchange) -> None:
        class Failing(Line):
            def __init__(self) -> None:
                super().__init__(exchange, None)

            def commit(self) -> None:
                raise OSError("no space")

        pool = exchange.kept(ConnectionPool(Failing, 1))
        with pytest.raises(OSError, match="no space"), pool.get_connection():
            pass

        assert pool.lent == 0

    def test_close_rolls_back_what_was_not_committed(self, database: ConnectionPool) -> None:
        connection = database.get_connection()
        connection.execute("INSERT INTO t VALUES (1)")
        connection.close()
        raw = database.acquire()

        assert not raw.in_transaction
        assert raw.execute("SELECT count(*) FROM t").fetchone() == (0,)

        database.release(raw)

    def test_a_connection_that_cannot_roll_back_is_not_lent_again(self, exchange: Exchange) -> None:
        class Broken(Line):
            def __init__(self) -> None:
                super().__init__(exchange, None)

            def rollback(self) -> None:
                raise OSError("gone")

        pool = ConnectionPool(Broken, 1)
        connection = pool.get_connection()
        connection.close()

        assert len(exchange.closed) == 1
        assert (pool.lent, pool.idle) == (0, 0)

    def test_a_thread_that_ends_gives_its_loans_back(self, exchange: Exchange) -> None:
        pool = exchange.one_kind(2, 5)
        kept: list[PooledConnection] = []
        in_thread(lambda: kept.extend([pool.get_connection(), pool.get_connection()]))
        before = threading.active_count()

        assert pool.lent == 0
        assert len(exchange.closed) == 2
        with pytest.raises(ConnectionError, match="gone back"):
            kept[0].exchange  # noqa: B018
        assert threading.active_count() == before

    def test_who_waits_gets_what_a_dying_thread_held(self, exchange: Exchange) -> None:
        pool = exchange.one_kind(1, 5)
        kept: list[PooledConnection] = []
        go = threading.Event()

        def work() -> None:
            kept.append(pool.get_connection())
            go.wait(5)

        thread = threading.Thread(target=work)
        thread.start()
        wait_until(lambda: bool(kept))
        threading.Timer(0.03, go.set).start()
        start = time.monotonic()
        pool.get_connection().close()

        assert time.monotonic() - start < 2
        thread.join()

    @awaiting
    async def test_a_loan_taken_in_a_worker_outlives_the_workers_thread(self, exchange: Exchange) -> None:
        pool = exchange.one_kind(1)
        workers = Workers(0)
        connection = await workers.reach(pool.get_connection)
        thread = next((t for t in threading.enumerate() if t.name.startswith("activerecord-worker")), None)
        if thread is not None:
            thread.join(5)

        assert connection.exchange is exchange

        connection.close()

        assert pool.idle == 1

    def test_one_that_is_dropped_warns_and_is_discarded(self, exchange: Exchange) -> None:
        pool = exchange.one_kind(1)
        connection = pool.get_connection()
        with pytest.warns(ResourceWarning, match="dropped without close"):
            del connection
            gc.collect()

        assert (pool.lent, pool.idle, len(exchange.closed)) == (0, 0, 1)

    @awaiting
    async def test_a_blocking_loan_inside_a_loop_is_of_the_blocking_kind(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds()
        with pool.get_connection() as connection:
            assert connection.loop is None


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
        with pytest.raises(TypeError, match="needs connect=…, a callable .* got str"):
            create_connection_pool(connect="sqlite3.connect")  # type: ignore[arg-type]

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
