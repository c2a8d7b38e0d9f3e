"""The end of loans and of pools: what is given back, dropped, left behind by threads, or closed."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lines import Exchange, Line, forget, in_thread, wait_until

from rhosocial.activerecord.backend import pool as pool_module
from rhosocial.activerecord.backend.errors import ConnectionError
from rhosocial.activerecord.backend.pool import ConnectionPool, PooledConnection, create_connection_pool
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
            connection.nothing_of_the_kind  # noqa: B018  # Reading it is what is tested.

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
        with pytest.raises(sqlite3.OperationalError), database.get_connection() as connection:
            connection.executescript("BEGIN; INSERT INTO t VALUES (2); SELECT nothing_of_the_kind")
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
            kept[0].exchange  # noqa: B018  # Reading it is what is tested.
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
        loans = [pool.get_connection()]
        with pytest.warns(ResourceWarning, match="dropped without close"):
            forget(loans)

        assert (pool.lent, pool.idle, len(exchange.closed)) == (0, 0, 1)

    @awaiting
    async def test_a_blocking_loan_inside_a_loop_is_of_the_blocking_kind(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds()
        with pool.get_connection() as connection:
            assert connection.loop is None


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

    def test_a_connection_that_comes_back_in_the_instant_of_closing_is_closed(
        self, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pool = exchange.one_kind(1)
        line = pool.acquire()

        def close_then_tell() -> float:
            # As another thread may, after `release` has found the pool open.
            monkeypatch.setattr(pool_module, "monotonic", time.monotonic)
            pool.close()
            return time.monotonic()

        monkeypatch.setattr(pool_module, "monotonic", close_then_tell)
        pool.release(line)

        assert pool.closed
        assert exchange.open == []

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
            errors.extend(await asyncio.gather(*tasks, return_exceptions=True))

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
        del pool
        with pytest.warns(ResourceWarning, match="a pool was dropped with 2 open connections"):
            forget(exchange.pools)

        assert exchange.open == []

    @awaiting
    async def test_a_dropped_pool_drops_the_connections_of_loops(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds()
        pool.release(await pool.aacquire())
        del pool
        with pytest.warns(ResourceWarning, match="1 open"):
            forget(exchange.pools)

        assert exchange.open == []
        assert exchange.dropped == exchange.made

    async def test_a_pool_dropped_after_close_says_nothing(self, exchange: Exchange) -> None:
        pool = exchange.two_kinds()
        pool.release(await pool.aacquire())
        await pool.aclose()
        del pool
        forget(exchange.pools)

        assert exchange.open == []

    def test_a_pool_is_gone_with_its_last_reference(self, exchange: Exchange) -> None:
        gc.disable()
        try:
            pool = exchange.one_kind(1)
            proxy = pool.get_connection()
            proxy.close()
            del pool, proxy
            with pytest.warns(ResourceWarning, match="1 open"):
                exchange.pools.clear()
        finally:
            gc.enable()

        assert exchange.open == []
