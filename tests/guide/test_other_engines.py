"""The guide's backend over other engines, its last listing with a model, and drivers that never autocommit."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sqlite3
import threading
import types

import apsw
import duckdb
import listing
import pytest

from rhosocial.activerecord import ActiveRecord
from rhosocial.activerecord.backend import (
    ConnectionConfig,
    DatabaseError,
    IntegrityError,
    IsolationLevel,
    QueryResult,
    SQLDialectBase,
    StorageBackend,
    TransactionError,
    UnsupportedFeature,
    create_connection_pool,
)

USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, email TEXT)"


class Cursor:
    """The part of PEP 249 that the guide's `execute` uses, over a driver that has only some of it."""

    lastrowid = None

    def __init__(self, connection):
        self.connection = connection

    def execute(self, sql, params=()):
        self.names, self.rows, self.rowcount, self.lastrowid = self.connection.run(sql, params)
        return self

    def fetchall(self):
        return [dict(zip(self.names, row, strict=True)) for row in self.rows]


class Shim:
    """A driver's connection in the shape that the guide's listings count on."""

    def __init__(self, raw):
        self.raw = raw

    def cursor(self):
        return Cursor(self)

    def execute(self, sql):
        return self.cursor().execute(sql)

    def close(self):
        self.raw.close()


class ApswShim(Shim):
    @property
    def in_transaction(self):
        return self.raw.in_transaction

    def rollback(self):
        self.raw.execute("ROLLBACK")

    def run(self, sql, params):
        names = []
        cursor = self.raw.cursor()
        cursor.exec_trace = lambda *_: names.extend(column[0] for column in cursor.get_description()) or True
        rows = cursor.execute(sql, params).fetchall()
        return names, rows, self.raw.changes(), self.raw.last_insert_rowid()


class DuckShim(Shim):
    """DuckDB tells nobody whether a transaction is open: a ROLLBACK too many is refused, and that is no harm."""

    def rollback(self):
        with contextlib.suppress(duckdb.TransactionException):
            self.raw.execute("ROLLBACK")

    def run(self, sql, params):
        cursor = self.raw.execute(sql, params)
        names = [column[0] for column in cursor.description or ()]
        return names, cursor.fetchall(), -1, None


class ApswLibrary(types.ModuleType):
    """`your_db_library` over APSW."""

    Error = apsw.Error
    schema = (USERS, "PRAGMA journal_mode = WAL")
    nests = True

    def __init__(self, path):
        super().__init__("your_db_library")
        self.path = str(path / "apsw.db")
        self.opened = []

    def open(self):
        raw = apsw.Connection(self.path)
        raw.set_busy_timeout(20_000)
        return ApswShim(raw)

    def connect(self, **params):
        self.opened.append(self.open())
        return self.opened[-1]

    def close(self):
        for connection in self.opened:
            connection.close()


class DuckLibrary(ApswLibrary):
    """`your_db_library` over DuckDB: each connection is a cursor of one handle."""

    Error = duckdb.Error
    schema = ("CREATE SEQUENCE keys", USERS.replace("PRIMARY KEY", "PRIMARY KEY DEFAULT nextval('keys')"))
    nests = False

    def __init__(self, path):
        super().__init__(path)
        self.handle = duckdb.connect(str(path / "duck.db"))

    def open(self):
        return DuckShim(self.handle.cursor())

    def close(self):
        super().close()
        self.handle.close()


class DuckDialect(SQLDialectBase):
    name = "duck"
    supports_savepoints = False
    supports_last_insert_id = False


@pytest.fixture(params=[ApswLibrary, DuckLibrary], ids=["apsw", "duckdb"])
def library(request, tmp_path):
    made = request.param(tmp_path)
    connection = made.connect()
    for text in made.schema:
        connection.execute(text)
    connection.close()
    made.opened.clear()
    yield made
    made.close()


@pytest.fixture
def names(library):
    made = listing.guide_names(library)
    made["create_connection_pool"] = functools.partial(create_connection_pool, connect=library.connect)
    if not library.nests:
        made["CustomDialect"] = DuckDialect
    return made


@pytest.fixture
def complete(library, names):
    listing.run(listing.complete_example(library), names)
    backend = names["CustomBackend"](ConnectionConfig(database="x", pool_size=5, pool_timeout=10))
    yield backend
    backend.close()


async def count(backend, column="*"):
    return (await backend.afetch_one(f"SELECT count({column}) AS n FROM users"))["n"]


async def test_statements_and_blocks_of_the_complete_example(complete, library):
    await complete.aexecute("INSERT INTO users (name) VALUES (?)", ("a",))
    with pytest.raises(IntegrityError) as caught:
        await complete.aexecute("INSERT INTO users (name) VALUES (?)", ("a",))
    assert isinstance(caught.value.__cause__, library.Error)
    with pytest.raises(KeyError):
        async with complete.transaction():
            await complete.aexecute("INSERT INTO users (name) VALUES (?)", ("b",))
            raise KeyError
    async with complete.transaction():
        await complete.aexecute("INSERT INTO users (name) VALUES (?)", ("c",))

    assert [{"name": "a"}, {"name": "c"}] == await complete.afetch_all("SELECT name FROM users ORDER BY id")
    assert (0, 1) == (complete._pool.lent, len(library.opened))


async def test_the_first_backend_serves_without_a_pool(names, library):
    backend = names["CustomBackend"](database="x")
    await backend.aexecute("INSERT INTO users (name) VALUES (?)", ("a",))
    assert {"id": 1, "name": "a", "email": None} == await backend.afetch_one("SELECT * FROM users")
    await backend.adisconnect()
    await backend.aclose()


async def test_nested_blocks_are_savepoints_or_refused(complete, library):
    expected = KeyError if library.nests else UnsupportedFeature
    async with complete.transaction():
        await complete.aexecute("INSERT INTO users (name) VALUES (?)", ("a",))
        with pytest.raises(expected):
            async with complete.transaction():
                await complete.aexecute("INSERT INTO users (name) VALUES (?)", ("b",))
                raise KeyError
    assert (1, 0) == (await count(complete), complete._pool.lent)


async def test_an_error_swallowed_in_a_block_does_not_end_as_if_committed(complete):
    # The guide's handler says nothing of the transaction, so that nobody knows what is left of it.
    with pytest.raises(TransactionError):
        async with complete.transaction():
            await complete.aexecute("INSERT INTO users (name) VALUES (?)", ("a",))
            with pytest.raises(DatabaseError):
                await complete.aexecute("SELECT * FROM nowhere")
    assert (0, 0) == (await count(complete), complete._pool.lent)


def test_eight_threads_over_a_pool_of_five_lose_no_row(complete, library):
    def work(number):
        for turn in range(10):
            with complete.transaction():
                complete.execute("INSERT INTO users (name) VALUES (?)", (f"{number}-{turn}",))
            row = complete.fetch_one("SELECT name FROM users WHERE name = ?", (f"{number}-{turn}",))
            assert {"name": f"{number}-{turn}"} == row

    run_threads(work)
    assert [(80,)] == complete.execute("SELECT count(*) FROM users").rows
    assert (0, True) == (complete._pool.lent, len(library.opened) <= 5)


@pytest.mark.face("awaiting", reason="tasks exist in event loops only")
async def test_forty_tasks_over_a_pool_of_five_lose_no_row(complete, library):
    async def work(number):
        async with complete.transaction():
            await complete.aexecute("INSERT INTO users (name) VALUES (?)", (f"{number}",))
            await asyncio.sleep(0)
        row = await complete.afetch_one("SELECT name FROM users WHERE name = ?", (f"{number}",))
        assert {"name": f"{number}"} == row

    await asyncio.gather(*[work(number) for number in range(40)])
    assert 40 == await count(complete)
    assert (0, 5, True) == (complete._pool.lent, complete._permits.free, len(library.opened) <= 5)


def test_the_last_listing_runs_as_printed(names, library):
    text = listing.listing("class CustomBackend(StorageBackend):\n    def __init__(self, config")
    assert "# Use in application\nwith User.transaction():" in text
    names["ActiveRecord"] = ActiveRecord
    listing.run(text, names)
    user_class, user = names["User"], names["user"]

    assert user.id >= 1 and not user.is_new_record
    found = user_class.find_one(user.id)
    assert ("John", "john@example.com") == (found.name, found.email)
    assert 0 == user_class.backend()._pool.lent
    user_class.backend().close()


async def test_models_over_the_complete_example_serve_both_faces(complete):
    class User(ActiveRecord):
        __table_name__ = "users"

        id: int
        name: str
        email: str | None = None

    User.configure(complete.config, type(complete))
    backend = User.backend()
    async with User.transaction():
        users = [User(name=f"n{number}", email=f"{number}@example.com") for number in range(3)]
        for user in users:
            await user.asave()
    with pytest.raises(KeyError):
        async with User.transaction():
            await User(name="undone").asave()
            raise KeyError
    users[0].email = "new@example.com"
    await users[0].asave()

    assert 3 == len({user.id for user in users})
    assert ["new@example.com", "1@example.com", "2@example.com"] == [
        user.email for user in await User.query().order_by("name").aall()
    ]
    await users[2].adelete()
    assert (2, 0) == (await User.query().acount(), backend._pool.lent)
    await backend.aclose()


# Drivers that begin transactions by themselves


class Legacy(StorageBackend):
    """As a naive author writes it: `sqlite3` opens a transaction before the first change and nobody commits it."""

    class dialect_class(SQLDialectBase):
        name = "legacy"

        def begin_statements(self, isolation: IsolationLevel | None, read_only: bool) -> list[str]:
            return ["BEGIN IMMEDIATE"]

    def connect(self):
        self._connection = self.open()

    def open(self):
        return sqlite3.connect(self.config.database, timeout=10, check_same_thread=False)

    def execute(self, sql, params=None, returning=False):
        try:
            if not self._connection:
                self.connect()
            cursor = self._connection.cursor()
            cursor.execute(*self.build_sql(sql, params))
            rows = cursor.fetchall() if returning else None
            return QueryResult(None, cursor.rowcount, cursor.lastrowid, columns=cursor.description, rows=rows)
        except Exception as error:  # noqa: BLE001  # As the guide has it.
            self._handle_error(error)


class LegacyPooled(Legacy):
    """The same over a pool, which rolls back what comes home uncommitted."""

    _pool = None

    def connect(self):
        if self._pool is None:
            self._pool = create_connection_pool(connect=self.open, size=3)
        self._connection = self._pool.get_connection()


class Mute:
    """A driver that always begins and tells nobody of its state, but says that it does not autocommit."""

    def __init__(self, raw):
        self._raw = raw

    def get_autocommit(self):
        return False

    def __getattr__(self, name):
        if name in ("in_transaction", "isolation_level", "autocommit"):
            raise AttributeError(name)
        return getattr(self._raw, name)


class LegacyMute(Legacy):
    def open(self):
        return Mute(super().open())


@pytest.fixture(params=[Legacy, LegacyPooled, LegacyMute])
def legacy(request, tmp_path):
    made = request.param(database=str(tmp_path / "legacy.db"))
    made.execute("CREATE TABLE t (a UNIQUE)")
    made.disconnect()
    yield made
    made.disconnect()
    made.close()


def stored(backend):
    """What another connection sees now."""
    connection = sqlite3.connect(backend.config.database, timeout=0.1, isolation_level=None)
    try:
        # Fails where somebody has left a transaction open.
        connection.execute("BEGIN IMMEDIATE")
        return [row[0] for row in connection.execute("SELECT a FROM t ORDER BY a")]
    finally:
        connection.close()


async def test_rows_written_outside_a_block_are_committed(legacy):
    await legacy.aexecute("INSERT INTO t VALUES (?)", (1,))
    assert [1] == stored(legacy)
    await legacy.aconnect()
    await legacy.aexecute("INSERT INTO t VALUES (?)", (2,))
    await legacy.aexecute("UPDATE t SET a = 3 WHERE a = 2")
    assert [1, 3] == stored(legacy)
    await legacy.adisconnect()
    assert [1, 3] == stored(legacy)


async def test_a_statement_that_fails_outside_a_block_leaves_no_lock_behind(legacy):
    await legacy.aexecute("INSERT INTO t VALUES (1)")
    with pytest.raises(IntegrityError):
        await legacy.aexecute("INSERT INTO t VALUES (2), (1)")
    assert [1] == stored(legacy)


async def test_blocks_are_kept_or_undone_as_a_whole(legacy):
    with pytest.raises(KeyError):
        async with legacy.transaction():
            await legacy.aexecute("INSERT INTO t VALUES (1)")
            await legacy.aexecute("INSERT INTO t VALUES (2)")
            raise KeyError
    assert [] == stored(legacy)
    async with legacy.transaction():
        await legacy.aexecute("INSERT INTO t VALUES (1)")
        with pytest.raises(KeyError):
            async with legacy.transaction():
                await legacy.aexecute("INSERT INTO t VALUES (2)")
                raise KeyError
    assert [1] == stored(legacy)


def test_eight_threads_of_a_driver_without_autocommit_lose_no_row(legacy):
    run_threads(lambda number: [legacy.execute("INSERT INTO t VALUES (?)", (10 * number + n,)) for n in range(5)])
    assert [10 * number + n for number in range(8) for n in range(5)] == stored(legacy)


@pytest.mark.parametrize("kind", [Legacy, LegacyPooled])
async def test_a_transaction_that_the_caller_began_by_a_statement_is_the_callers(kind, tmp_path):
    backend = kind(database=str(tmp_path / "own.db"))
    await backend.aconnect()
    await backend.aexecute("CREATE TABLE t (a)")
    await backend.aexecute("BEGIN")
    await backend.aexecute("INSERT INTO t VALUES (1)")
    await backend.aexecute("ROLLBACK")
    await backend.aexecute("INSERT INTO t VALUES (2)")
    assert [2] == stored(backend)
    await backend.adisconnect()
    await backend.aclose()


async def test_statements_are_told_once_whether_or_not_they_go_on_to_the_librarys_own_execute(complete):
    class Passing(StorageBackend):
        def _open(self):
            return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)

        def _perform(self, connection, sql, params):
            cursor = connection.execute(sql, params)
            return QueryResult(columns=cursor.description, rows=cursor.fetchall())

        def execute(self, sql, params=None):
            return super().execute(sql, params)

    for backend in (complete, Passing()):
        sent = []
        backend.on_execute.append(lambda sql, types, seconds, sent=sent: sent.append((sql, types, seconds > 0)))
        await backend.aexecute("SELECT ? AS n", (1,))
        with pytest.raises(DatabaseError):
            await backend.aexecute("SELECT * FROM nowhere")
        assert [("SELECT ? AS n", ("int",), True), ("SELECT * FROM nowhere", (), True)] == sent
        await backend.aclose()


async def test_a_commit_that_fails_is_the_statements_error(tmp_path):
    backend = Legacy(database=str(tmp_path / "deferred.db"))
    await backend.aconnect()
    await backend.aexecute("PRAGMA foreign_keys = ON")
    await backend.aexecute("CREATE TABLE t (a PRIMARY KEY, b REFERENCES t (a) DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(IntegrityError, match="FOREIGN KEY"):
        await backend.aexecute("INSERT INTO t VALUES (1, 2)")
    assert [] == stored(backend)
    await backend.adisconnect()
    await backend.aclose()


async def test_the_short_way_refuses_a_driver_that_begins_by_itself(tmp_path):
    class Short(StorageBackend):
        driver_errors = (sqlite3.Error,)

        def _open(self):
            self.link = sqlite3.connect(self.config.database, check_same_thread=False)
            return self.link

        def _perform(self, connection, sql, params):
            return QueryResult(affected_rows=connection.execute(sql, params).rowcount)

    backend = Short(database=str(tmp_path / "short.db"))
    with pytest.raises(DatabaseError, match="open it in autocommit mode"):
        await backend.aexecute("CREATE TABLE t (a)")
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        backend.link.execute("SELECT 1")
    await backend.aclose()


def run_threads(work, number=8):
    errors = []

    def safely(which):
        try:
            work(which)
        except BaseException as error:  # noqa: BLE001  # Whatever it is, the test fails of it.
            errors.append(error)

    threads = [threading.Thread(target=safely, args=(which,)) for which in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == errors
