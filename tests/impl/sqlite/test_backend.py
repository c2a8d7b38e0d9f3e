from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time

import pytest

from rhosocial.activerecord.backend import (
    CheckViolation,
    ColumnNotFound,
    ConfigurationError,
    ConnectionConfig,
    ConnectionError,
    DataError,
    ForeignKeyViolation,
    LockTimeout,
    NotNullViolation,
    OperationalError,
    QueryError,
    QueryTimeout,
    TableNotFound,
    TransactionError,
    UniqueViolation,
)
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend, SQLiteTransactionManager

SCHEMA = """
    CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE pets (
        id INTEGER PRIMARY KEY, owner INTEGER REFERENCES owners (id), name TEXT, kind TEXT,
        age INTEGER CONSTRAINT living CHECK (age < 100), UNIQUE (name, kind));
    CREATE UNIQUE INDEX by_lower ON pets (lower(name)) WHERE age = 6;
    CREATE TABLE strict_one (n INTEGER) STRICT
"""


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "test.db")


@pytest.fixture
def backend(path):
    made = SQLiteBackend(database=path)
    for text in SCHEMA.split(";"):
        made.execute(text)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("sql", "expected", "table", "columns", "constraint"),
    [
        ("INSERT INTO owners (id, name) VALUES (1, 'x'), (1, 'y')", UniqueViolation, "owners", ("id",), None),
        (
            "INSERT INTO pets (name, kind) VALUES ('a', 'b'), ('a', 'b')",
            UniqueViolation,
            "pets",
            ("name", "kind"),
            None,
        ),
        ("INSERT INTO pets (name, age) VALUES ('a', 6), ('A', 6)", UniqueViolation, None, (), "by_lower"),
        ("INSERT INTO owners (name) VALUES (NULL)", NotNullViolation, "owners", ("name",), None),
        ("INSERT INTO pets (age) VALUES (200)", CheckViolation, None, (), "living"),
        ("INSERT INTO pets (owner) VALUES (7)", ForeignKeyViolation, None, (), None),
        ("SELECT * FROM nowhere", TableNotFound, "nowhere", (), None),
        ("SELECT absent FROM pets", ColumnNotFound, None, ("absent",), None),
        ("INSERT INTO pets (absent) VALUES (1)", ColumnNotFound, "pets", ("absent",), None),
        ("SELEKT 1", QueryError, None, (), None),
        ("SELECT 1; SELECT 2", QueryError, None, (), None),
        ("INSERT INTO strict_one VALUES ('x')", DataError, None, (), None),
    ],
)
async def test_errors_are_told_by_their_code_and_name_what_broke(backend, sql, expected, table, columns, constraint):
    with pytest.raises(expected) as caught:
        await backend.aexecute(sql)

    error = caught.value
    assert (expected, table, columns, constraint) == (type(error), error.table, error.columns, error.constraint)
    assert isinstance(error.__cause__, (sqlite3.Error, sqlite3.Warning)) and sql == error.statement


@pytest.mark.parametrize("value", [2**63, "\ud800", object()])
async def test_values_that_sqlite_cannot_take_are_data_errors(backend, value):
    with pytest.raises(DataError):
        await backend.asend("SELECT ?", (value,))


async def test_connections_are_set_up_for_safety(backend):
    found = {
        name: (await backend.aexecute(f"PRAGMA {name}")).scalar()
        for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
    }
    assert {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": 5000} == found


async def test_options_are_applied(path):
    options = {
        "journal_mode": "DELETE",
        "synchronous": "full",
        "cache_size": -500,
        "foreign_keys": "off",
        "busy_timeout": 1500,
        "temp_store": "memory",
        "mmap_size": 65536,
        "wal_autocheckpoint": "10",
    }
    backend = SQLiteBackend(database=path, options=options)
    expected = {
        "journal_mode": "delete",
        "synchronous": 2,
        "cache_size": -500,
        "foreign_keys": 0,
        "busy_timeout": 1500,
        "temp_store": 2,
        "mmap_size": 65536,
        "wal_autocheckpoint": 10,
    }
    assert expected == {name: (await backend.aexecute(f"PRAGMA {name}")).scalar() for name in options}
    await backend.aclose()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"jurnal_mode": "wal"}, "'jurnal_mode'; did you mean 'journal_mode'"),
        ({"journal_mode": "wal; DROP TABLE users"}, "must be one of"),
        ({"cache_size": "1; DROP TABLE users"}, "must be a number"),
        ({"foreign_keys": "perhaps"}, "true or false"),
        ({"timeout": 1, "busy_timeout": 1}, "one setting"),
        ({"trace": True}, "use the logger"),
    ],
)
def test_options_that_sqlite_cannot_take_are_refused_by_name(options, said):
    with pytest.raises(ConfigurationError, match=said):
        SQLiteBackend(database=":memory:", options=options)


@pytest.mark.parametrize(
    "make",
    [
        lambda tmp: tmp,
        lambda tmp: tmp / "no" / "file.db",
        lambda tmp: f"file:{tmp}/none.db?mode=ro",
    ],
)
async def test_what_cannot_be_opened_is_a_connection_error_that_names_the_path(tmp_path, make):
    backend = SQLiteBackend(database=str(make(tmp_path)))
    with pytest.raises(ConnectionError, match=f"cannot open '{tmp_path}") as caught:
        await backend.aconnect()
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    await backend.aclose()


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("not a database" * 100)
    backend = SQLiteBackend(database=str(file))
    with pytest.raises(ConnectionError, match="not a database"):
        await backend.aexecute("CREATE TABLE t (a)")
    assert "not a database" * 100 == file.read_text()
    await backend.aclose()


async def test_a_file_corrupted_in_the_middle_gives_a_typed_error(backend, path):
    await backend.aexecute_many("INSERT INTO owners (name) VALUES (?)", [("x" * 500,) for _ in range(200)])
    await backend.aclose()
    with open(path, "r+b") as file:
        size = os.path.getsize(path)
        for page in range(4096 * 6, size, 4096):
            file.seek(page)
            file.write(b"\xff" * 200)
    again = SQLiteBackend(database=path)
    with pytest.raises(OperationalError, match="malformed"):
        await again.aexecute("SELECT sum(length(name)) FROM owners")
    await again.aclose()


async def test_a_read_only_database_can_be_read_and_refuses_writes(backend, path):
    await backend.aexecute("INSERT INTO owners (name) VALUES ('a')")
    reader = SQLiteBackend(database=f"file:{path}?mode=ro", options={"uri": True})
    assert 1 == (await reader.aexecute("SELECT count(*) FROM owners")).scalar()
    with pytest.raises(OperationalError, match="readonly"):
        await reader.aexecute("INSERT INTO owners (name) VALUES ('b')")
    await reader.aclose()


@pytest.mark.parametrize("database", [":memory:", "file::memory:?cache=shared", "file:/own-name?vfs=memdb"])
async def test_a_memory_database_is_shared_by_the_connections_of_its_backend(database):
    backend = SQLiteBackend(database=database)
    await backend.aexecute("CREATE TABLE t (a)")
    await backend.aexecute("INSERT INTO t VALUES (1)")
    await backend.adisconnect()
    threads = [threading.Thread(target=lambda: backend.execute("INSERT INTO t VALUES (1)")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 9 == (await backend.aexecute("SELECT count(*) FROM t")).scalar()
    await backend.aclose()


@pytest.mark.parametrize("name", ["a b.db", "ö?#%41.db", "file.db?mode=ro"])
async def test_paths_may_hold_any_character(tmp_path, name):
    backend = SQLiteBackend(database=str(tmp_path / name))
    await backend.aexecute("CREATE TABLE t (a)")
    assert (tmp_path / name).exists()
    await backend.aclose()


async def test_delete_on_close_removes_all_files(path):
    backend = SQLiteBackend(ConnectionConfig(database=path, delete_on_close=True))
    for _ in range(2):
        await backend.aexecute("CREATE TABLE t (a)")
        assert os.path.exists(path) and os.path.exists(path + "-wal")
        await backend.adisconnect()
        assert [] == os.listdir(os.path.dirname(path))
    await backend.aclose()


def test_sixteen_writers_take_turns_without_one_busy_error(path):
    backends = [SQLiteBackend(database=path, options={"timeout": 20}) for _ in range(2)]
    backends[0].execute("CREATE TABLE t (n INTEGER)")
    backends[0].execute("INSERT INTO t VALUES (0)")
    errors = []

    def work(backend):
        try:
            for _ in range(20):
                with backend.transaction():
                    value = backend.execute("SELECT n FROM t").scalar()
                    backend.execute("UPDATE t SET n = ?", (value + 1,))
                backend.execute("UPDATE t SET n = n + 1")
        except Exception as error:  # noqa: BLE001  # Whatever a thread raises fails the test.
            errors.append(error)

    threads = [threading.Thread(target=work, args=(backends[n % 2],)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ([], 640) == (errors, backends[0].execute("SELECT n FROM t").scalar())
    for backend in backends:
        backend.close()


async def test_a_lock_of_another_process_is_a_lock_timeout_and_harms_nothing(backend, path):
    await backend.aclose()
    backend = SQLiteBackend(database=path, options={"timeout": 0.05})
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LockTimeout) as caught:
        async with backend.transaction():
            await backend.aexecute("INSERT INTO owners (name) VALUES ('a')")
    assert backend.is_retryable(caught.value)
    other.execute("ROLLBACK")
    other.close()
    await backend.aexecute("INSERT INTO owners (name) VALUES ('a')")
    assert 0 == backend._leases.lent
    await backend.aclose()


async def test_a_statement_that_runs_too_long_is_a_query_timeout(path):
    backend = SQLiteBackend(database=path, query_timeout=0.05)
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    start = time.monotonic()
    with pytest.raises(QueryTimeout, match="query_timeout"):
        await backend.aexecute(endless)
    assert time.monotonic() - start < 2
    assert 1 == (await backend.aexecute("SELECT 1")).scalar()
    await backend.aclose()


async def test_an_interrupted_write_takes_the_whole_block_with_it(path):
    backend = SQLiteBackend(database=path, query_timeout=0.05)
    await backend.aexecute("CREATE TABLE t (a)")
    with pytest.raises(TransactionError, match="rolled back"):
        async with backend.transaction():
            await backend.aexecute("INSERT INTO t VALUES (1)")
            with pytest.raises(QueryTimeout):
                await backend.aexecute(
                    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO t SELECT i FROM n"
                )
    assert 0 == (await backend.aexecute("SELECT count(*) FROM t")).scalar()
    await backend.aclose()


@pytest.mark.face("awaiting", reason="only tasks are cancelled")
async def test_a_cancelled_statement_is_interrupted_and_its_connection_used_again(backend):
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    task = asyncio.create_task(backend.aexecute(endless))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (0, 1) == (backend._leases.lent, (await backend.aexecute("SELECT 1")).scalar())


async def test_returning_gives_rows_and_counts(backend):
    result = await backend.aexecute("INSERT INTO owners (name) VALUES ('a'), ('b') RETURNING id")
    assert ([(1,), (2,)], 2) == (result.rows, result.affected_rows)
    assert backend.supports_returning and backend.supports_returning()


async def test_decimal_functions_are_exact(backend):
    sql = "SELECT decimal_sum(v), decimal_avg(v) FROM (SELECT '0.1' AS v UNION ALL SELECT '0.20000000000000000001')"
    assert [("0.30000000000000000001", "0.150000000000000000005")] == (await backend.aexecute(sql)).rows


def test_the_manager_of_the_guides_era_runs_over_a_plain_connection(path):
    connection = sqlite3.connect(path, isolation_level=None)
    manager = SQLiteTransactionManager(connection)
    connection.execute("CREATE TABLE t (a)")
    manager.begin()
    manager.begin()
    connection.execute("INSERT INTO t VALUES (1)")
    manager.rollback()
    manager.commit()
    with pytest.raises(TransactionError, match="no open transaction"):
        manager.commit()
    assert (0,) == connection.execute("SELECT count(*) FROM t").fetchone()
    connection.close()
