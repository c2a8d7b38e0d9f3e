"""Backends that authors write: the short way over `sqlite3`, and drivers that fail at chosen moments."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from rhosocial.activerecord.backend import (
    CommitOutcomeUnknown,
    ConfigurationError,
    ConnectionConfig,
    ConnectionError,
    DatabaseError,
    DeadlockError,
    Dialect,
    ErrorRule,
    OperationalError,
    QueryError,
    QueryResult,
    StorageBackend,
    TransactionError,
    UniqueViolation,
    ValueMapper,
)


class PlainDialect(Dialect):
    name = "plain"

    def begin_statements(self, isolation, read_only):
        return ["BEGIN"]


class Link:
    """A connection whose driver cannot tell the state of a transaction, and that fails when told to."""

    def __init__(self, path):
        self.raw = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.failures = {}
        self.sent = []

    def run(self, sql, params):
        self.sent.append(sql)
        before, error = self.failures.pop(sql, (True, None))
        if error is not None and before:
            raise error
        cursor = self.raw.execute(sql, params)
        rows = cursor.fetchall() if cursor.description else None
        if error is not None:
            raise error
        return QueryResult(None, cursor.rowcount, cursor.lastrowid, columns=cursor.description, rows=rows)


class DriverError(Exception):
    def __init__(self, sqlstate, text="it failed"):
        super().__init__(text)
        self.sqlstate = sqlstate


class ShortBackend(StorageBackend):
    dialect_class = PlainDialect
    driver_errors = (sqlite3.Error, DriverError)
    error_classes = {  # noqa: RUF012  # As authors write it.
        "DL001": ErrorRule(DeadlockError, "gone", retry=True),
        "XX001": ErrorRule(OperationalError, "open"),
    }

    def _open(self):
        self.link = Link(self.config.database)
        return self.link

    def _perform(self, connection, sql, params):
        return connection.run(sql, params)

    def _close(self, connection):
        connection.raw.close()


@pytest.fixture
def backend(tmp_path):
    made = ShortBackend(ConnectionConfig(database=str(tmp_path / "a.db"), pool_size=1))
    made.execute("CREATE TABLE t (a UNIQUE)")
    yield made
    made.close()


async def test_two_hooks_make_a_backend(backend):
    async with backend.transaction():
        await backend.ainsert("t", {"a": 1})
        async with backend.transaction():
            await backend.ainsert("t", {"a": 2})

    assert [{"a": 1}, {"a": 2}] == await backend.afetch_all("SELECT a FROM t")
    assert await backend.aping() and backend.is_connected()


def test_a_class_without_hooks_says_what_to_write():
    class Empty(StorageBackend):
        pass

    with pytest.raises(ConfigurationError, match=r"_open\(self\).* and _perform"):
        Empty()


async def test_errors_are_named_by_code_then_sqlstate_then_class(backend):
    for raised, expected in [
        (DriverError("DL001"), DeadlockError),
        (DriverError("23505"), UniqueViolation),
        (DriverError("42999"), QueryError),
        (sqlite3.OperationalError("x"), OperationalError),
        (DriverError(None), DatabaseError),
    ]:
        backend.link.failures["SELECT 1"] = (True, raised)
        with pytest.raises(DatabaseError) as caught:
            await backend.aexecute("SELECT 1")
        assert (expected, raised, "SELECT 1") == (type(caught.value), caught.value.__cause__, caught.value.statement)
    assert backend.is_retryable(DriverError("DL001")) and not backend.is_retryable(DriverError("23505"))


async def test_a_connection_that_died_is_replaced(backend):
    first = backend.link
    first.failures["SELECT 1"] = (True, DriverError("08006"))
    with pytest.raises(ConnectionError):
        await backend.aexecute("SELECT 1")

    assert 1 == (await backend.aexecute("SELECT 1")).scalar()
    assert backend.link is not first


async def test_an_unknown_error_swallowed_in_a_block_refuses_the_rest_of_it(backend):
    with pytest.raises(TransactionError, match="an earlier statement of this block failed") as caught:
        async with backend.transaction():
            await backend.ainsert("t", {"a": 1})
            with pytest.raises(DatabaseError):
                await backend.aexecute("SELECT nothing")
    assert isinstance(caught.value.__cause__, DatabaseError)
    assert [] == await backend.afetch_all("SELECT a FROM t")


async def test_a_savepoint_heals_a_failed_block(backend):
    async with backend.transaction() as tx:
        await backend.ainsert("t", {"a": 1})
        point = await tx.acreate_savepoint()
        with pytest.raises(DatabaseError):
            await backend.aexecute("SELECT nothing")
        with pytest.raises(TransactionError, match="failed"):
            await backend.aexecute("SELECT 1")
        await tx.arollback_savepoint(point)
        await backend.ainsert("t", {"a": 2})
    assert [1, 2] == [row["a"] for row in await backend.afetch_all("SELECT a FROM t")]


async def test_an_error_that_leaves_the_block_open_is_no_harm(backend):
    async with backend.transaction():
        await backend.aexecute("SELECT 1")
        backend.link.failures["SELECT 2"] = (True, DriverError("XX001"))
        with pytest.raises(OperationalError):
            await backend.aexecute("SELECT 2")
        await backend.ainsert("t", {"a": 1})
    assert 1 == (await backend.aexecute("SELECT count(*) FROM t")).scalar()


async def test_a_deadlock_in_an_inner_block_dooms_the_outer_one(backend):
    with pytest.raises(TransactionError, match="DeadlockError"):
        async with backend.transaction():
            await backend.ainsert("t", {"a": 1})
            with pytest.raises(DeadlockError):
                async with backend.transaction():
                    await backend.aexecute("SELECT 1")
                    backend.link.failures["SELECT 2"] = (True, DriverError("DL001"))
                    await backend.aexecute("SELECT 2")
    assert [] == await backend.afetch_all("SELECT a FROM t")


class Told:
    """Notes whether it was asked to put back, or to doubt."""

    def __init__(self, told: list[str]) -> None:
        self.told = told

    def __call__(self) -> None:
        self.told.append("undone")

    def doubt(self) -> None:
        self.told.append("doubtful")


@pytest.mark.parametrize("arrived", [False, True])
async def test_a_link_cut_in_commit_leaves_the_outcome_unknown(backend, arrived):
    told = []
    with pytest.raises(CommitOutcomeUnknown) as caught:
        async with backend.transaction() as tx:
            await backend.ainsert("t", {"a": 1})
            tx.undo(Told(told))
            tx.on_commit(lambda: told.append("committed"))
            backend.link.failures["COMMIT"] = (not arrived, DriverError("08006"))
    assert "08006" == caught.value.__cause__.__cause__.sqlstate
    assert ["doubtful"] == told
    assert int(arrived) == (await backend.aexecute("SELECT count(*) FROM t")).scalar()


async def test_a_refused_commit_is_rolled_back_and_raises_its_reason(backend):
    undone = []
    with pytest.raises(UniqueViolation):
        async with backend.transaction() as tx:
            await backend.ainsert("t", {"a": 1})
            tx.undo(lambda: undone.append(1))
            backend.link.failures["COMMIT"] = (True, DriverError("23505"))
    assert (["BEGIN", 'INSERT INTO "t" ("a") VALUES (?)', "COMMIT", "ROLLBACK"], [1]) == (
        backend.link.sent[-4:],
        undone,
    )
    assert [] == await backend.afetch_all("SELECT a FROM t")


async def test_a_failing_rollback_never_hides_the_first_error(backend):
    first = backend.link
    with pytest.raises(KeyError):
        async with backend.transaction():
            await backend.ainsert("t", {"a": 1})
            backend.link.failures["ROLLBACK"] = (True, DriverError("XX001"))
            raise KeyError
    assert [] == await backend.afetch_all("SELECT a FROM t")
    assert backend.link is not first


async def test_an_interrupted_statement_costs_its_connection(backend):
    first = backend.link
    first.failures["SELECT 1"] = (False, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        await backend.aexecute("SELECT 1")
    assert 1 == (await backend.aexecute("SELECT 1")).scalar()
    assert backend.link is not first


async def test_a_failed_connect_is_a_connection_error_with_its_cause(tmp_path):
    backend = ShortBackend(database=str(tmp_path / "no" / "such"))
    with pytest.raises(ConnectionError, match="failed to connect") as caught:
        await backend.aconnect()
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    await backend.aclose()


class NativeBackend(ShortBackend):
    """Has awaitable hooks too: each face gets connections of its own kind."""

    async def _aopen(self):
        await asyncio.sleep(0)
        self.native = Link(self.config.database)
        return self.native

    async def _aperform(self, connection, sql, params):
        await asyncio.sleep(0)
        return connection.run(sql, params)

    async def _aclose(self, connection):
        await asyncio.sleep(0)
        connection.raw.close()


@pytest.mark.face("awaiting", reason="awaitable hooks serve awaiting callers only")
async def test_awaitable_hooks_serve_awaiting_callers(tmp_path):
    backend = NativeBackend(database=str(tmp_path / "n.db"), pool_size=3)
    await backend.aexecute("CREATE TABLE t (a UNIQUE)")
    async with backend.transaction():
        await backend.ainsert("t", {"a": 1})
        with pytest.raises(UniqueViolation):
            async with backend.transaction():
                backend.native.failures["SELECT 1"] = (True, DriverError("23505"))
                await backend.aexecute("SELECT 1")
        with pytest.raises(TransactionError, match="blocking"):
            backend.execute("SELECT 1")
    assert 1 == backend.execute("SELECT count(*) FROM t").scalar()

    async def work(number):
        async with backend.transaction():
            # Reads: writers would wait for each other inside SQLite, and the loop with them.
            assert number == (await backend.aexecute("SELECT ?", (number,))).scalar()
            await asyncio.sleep(0.0005)

    for pause in range(10):
        # The failing driver cannot tell states, so a cancelled statement costs its connection.
        tasks = [asyncio.create_task(work(100 * pause + n + 10)) for n in range(6)]
        await asyncio.sleep(pause / 4000)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert (0, 3) == (backend._leases.lent, backend._leases._stock.gate.free)
    assert 1 == (await backend.aexecute("SELECT 1")).scalar()
    await backend.aclose()


async def test_an_override_that_calls_super_sees_every_call(tmp_path):
    seen = []

    class Logging(ShortBackend):
        def execute(self, sql, params=None, returning=False):
            seen.append((sql, params))
            return super().execute(sql, params, returning)

    backend = Logging(database=str(tmp_path / "b.db"))
    await backend.aexecute("CREATE TABLE t (a)")
    async with backend.transaction():
        await backend.asend("INSERT INTO t VALUES (?)", (1,))
        await backend.ainsert("t", {"a": 2})
    assert [{"a": 1}, {"a": 2}] == await backend.afetch_all("SELECT a FROM t")
    assert ["CREATE", "INSERT", "INSERT", "SELECT"] == [sql.split()[0] for sql, _ in seen]
    await backend.aclose()


def test_a_blocking_face_alone_cannot_be_overridden():
    with pytest.raises(TypeError, match="override afetch_one"):

        class Wrong(ShortBackend):
            def fetch_one(self, sql, params=None, column_types=None):
                return None


def test_configs_come_in_every_shape(tmp_path):
    class Foreign:
        database, user, options, pool_size = str(tmp_path / "c.db"), "me", {}, 3

    class Positional(ShortBackend):
        def __init__(self, config):
            super().__init__(config)

    class Keywords(ShortBackend):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)

    path = str(tmp_path / "c.db")
    config = ConnectionConfig(database=path, username="me", pool_size=3)
    for made in (
        ShortBackend(config),
        ShortBackend(connection_config=config),
        ShortBackend(database=path, user="me", pool_size=3),
        Positional(config),
        Positional(connection_config=config),
        Positional(database=path, user="me", pool_size=3),
        Keywords(config),
        Keywords(connection_config=config),
        Keywords(database=path, user="me", pool_size=3),
        ShortBackend(Foreign()),
        Positional(Foreign()),
        Keywords(Foreign()),
    ):
        assert (path, "me", "me", 3) == (
            made.config.database,
            made.config.username,
            made.config.user,
            made._leases.size,
        )
        assert (None, "utf8mb4") == (made.config.timezone, made.config.charset)
        made.close()
    with pytest.raises(ConfigurationError, match="did you mean 'database'"):
        ShortBackend(databse=path)


def test_a_mapper_built_without_a_config_gets_its_backends(tmp_path):
    class Mapper(ValueMapper):
        def __init__(self, config):
            self.config = config

    class Backend(ShortBackend):
        def __init__(self, config):
            super().__init__(config)
            self._value_mapper = Mapper()

    backend = Backend(ConnectionConfig(database=str(tmp_path / "d.db"), timezone="Asia/Tokyo"))
    assert "Asia/Tokyo" == backend.value_mapper.config.timezone
    backend.close()
