"""MySQL and MariaDB: sessions, errors by number, transactions, interruptions."""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from typing import Any

import pytest

from engines import Place
from rhosocial.activerecord.backend import (
    CheckViolation,
    ColumnNotFound,
    ConfigurationError,
    ConnectionError,
    DatabaseError,
    DataError,
    DeadlockError,
    ForeignKeyViolation,
    IsolationLevel,
    LockTimeout,
    NotNullViolation,
    OperationalError,
    QueryCanceled,
    QueryError,
    QueryTimeout,
    TableNotFound,
    TransactionError,
    UniqueViolation,
)
from rhosocial.activerecord.backend.impl.mysql import MySQLBackend

pytestmark = pytest.mark.engine("mariadb", "mysql")


async def value(backend: Any, sql: str) -> Any:
    return (await backend.aexecute(sql)).scalar()


# ---- Sessions


async def test_a_session_keeps_what_values_rely_on(backend: Any) -> None:
    row = (await backend.aexecute("SELECT @@sql_mode, @@character_set_client, @@time_zone, @@local_infile")).rows[0]

    assert {"STRICT_ALL_TABLES", "NO_BACKSLASH_ESCAPES", "NO_AUTO_VALUE_ON_ZERO"} <= set(row[0].split(","))
    assert ("utf8mb4", "+00:00") == row[1:3]
    with pytest.raises(DatabaseError):
        await backend.aexecute("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE owners (name)")
    assert 0 == await value(backend, "SELECT COUNT(*) FROM owners")


@pytest.mark.parametrize("text", ["'", "\\", "\\'", "\\' OR 1 = 1 -- ", "'' \\\\ ''", "%s %", "?", "a\0b\x1a", "ä€😀"])
async def test_text_is_bound_as_it_is(backend: Any, text: str) -> None:
    row = (await backend.aexecute("SELECT ?, ?, '?%'", (text, text.encode()))).rows[0]

    assert (text, text.encode(), "?%") == row


async def test_what_is_no_plain_value_is_refused(backend: Any) -> None:
    with pytest.raises(DataError, match="complex has no form in SQL"):
        await backend.aexecute("SELECT ?", (1j,))


async def test_a_server_that_keeps_settings_of_its_own_is_refused(place: Place, monkeypatch: Any) -> None:
    from rhosocial.activerecord.backend.impl.mysql import connection

    monkeypatch.setattr(connection.MySQLConnection, "query", _forgetful(connection.MySQLConnection.query))
    made = place.open()
    with pytest.raises(ConnectionError, match=r"sql_mode lacks .*NO_BACKSLASH_ESCAPES"):
        await made.aexecute("SELECT 1")
    await made.aclose()


def _forgetful(query: Any) -> Any:
    def send(self: Any, sql: Any, unbuffered: bool = False) -> Any:
        is_set_up = isinstance(sql, str) and sql.startswith("SET NAMES utf8mb4 COLLATE")
        return query(self, sql.replace("NO_BACKSLASH_ESCAPES,", "") if is_set_up else sql, unbuffered)

    return send


async def test_a_server_that_is_too_old_is_refused(place: Place, monkeypatch: Any) -> None:
    from rhosocial.activerecord.backend.impl.mysql import connection

    monkeypatch.setattr(connection, "OLDEST", {"MySQL": (99, 0, 0), "MariaDB": (99, 0, 0)})
    made = place.open()
    with pytest.raises(ConfigurationError, match=r"99\.0\.0 or later is needed, this server is \d+"):
        await made.aexecute("SELECT 1")
    await made.aclose()


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"password": "s3cret-pass"}, 1045),
        ({"database": "nowhere"}, 1049),
        ({"port": 1}, 2003),
        ({"host": "no.such.host.invalid"}, 2003),
    ],
)
async def test_a_connection_that_fails_says_why_and_not_the_password(
    place: Place, settings: dict[str, Any], code: int
) -> None:
    made = place.open(**{"password": "s3cret-pass", **settings})
    with pytest.raises(ConnectionError) as caught:
        await made.aexecute("SELECT 1")

    assert caught.value.code in (code, 1045)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value)) + repr(made.config)
    await made.aclose()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"charset": "latin1"}, "charset must be utf8mb4"),
        ({"options": {"local_infile": "1"}}, "a server could ask for any file"),
        ({"options": {"program_nane": "x"}}, "did you mean 'program_name'"),
        ({"ssl_mode": "strong"}, "ssl_mode of .* must be one of"),
        ({"ssl_ca": "/nowhere.pem"}, "certificate files cannot be used"),
        ({"ssl_mode": "disabled", "ssl_ca": "/nowhere.pem"}, "does not go with"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        MySQLBackend(**settings)


async def test_a_server_without_tls_is_refused_where_it_is_asked_for(place: Place, backend: Any) -> None:
    made = place.open(ssl_mode="required")
    if (await backend.aexecute("SELECT @@have_ssl")).rows == [("YES",)]:
        assert "TLS" in (await made.aexecute("SHOW STATUS LIKE 'Ssl_version'")).rows[0][1]
    else:
        with pytest.raises(ConnectionError, match="SSL is required"):
            await made.aexecute("SELECT 1")
    await made.aclose()


# ---- Errors

_TWICE = "INSERT INTO pets (name, kind) VALUES ('a', 'b'), ('a', 'b')"


@pytest.mark.parametrize(
    ("sql", "expected", "table", "columns", "constraint"),
    [
        (_TWICE, UniqueViolation, "pets", ("name", "kind"), "by_name"),
        ("INSERT INTO `owners` (id, name) VALUES (1, 'x'), (1, 'y')", UniqueViolation, "owners", ("id",), "PRIMARY"),
        ("INSERT INTO pets (owner) VALUES (77)", ForeignKeyViolation, "pets", ("owner",), "owned"),
        ("INSERT INTO owners (name) VALUES (NULL)", NotNullViolation, None, ("name",), None),
        ("INSERT INTO owners (id) VALUES (5)", NotNullViolation, None, ("name",), None),
        ("INSERT INTO pets (age) VALUES (100)", CheckViolation, "pets", (), "living"),
        ("INSERT INTO pets (name) VALUES ('abcdefgh')", DataError, None, ("name",), None),
        ("INSERT INTO pets (age) VALUES (99999999999)", DataError, None, ("age",), None),
        ("INSERT INTO pets (age) VALUES ('s3cret')", DataError, "pets", ("age",), None),
        ("SELECT * FROM nowhere", TableNotFound, "nowhere", (), None),
        ("SELECT nothing FROM pets", ColumnNotFound, None, ("nothing",), None),
        ("SELECT s3cret s3cret s3cret", QueryError, None, (), None),
        ("SELECT 9223372036854775807 + 1", DataError, None, (), None),
    ],
)  # fmt: skip
async def test_an_error_is_named_by_its_number_and_says_where(
    backend: Any, sql: str, expected: type[DatabaseError], table: str, columns: tuple[str, ...], constraint: str
) -> None:
    async with backend.transaction():
        with pytest.raises(expected) as caught:
            await backend.aexecute(sql)
        assert expected is type(caught.value)
        assert (table, columns, constraint) == (caught.value.table, caught.value.columns, caught.value.constraint)
        assert "s3cret" not in str(caught.value)
        await backend.aexecute("INSERT INTO owners (name) VALUES ('kept')")  # Only the statement was undone.

    assert [("kept",)] == (await backend.aexecute("SELECT name FROM owners")).rows


async def test_the_servers_language_changes_nothing(backend: Any) -> None:
    await backend.aexecute("SET GLOBAL lc_messages = 'de_DE'")
    try:
        made = type(backend)(backend.config)
        with pytest.raises(UniqueViolation, match="Duplicate entry for key 'by_name'"):
            await made.aexecute("INSERT INTO pets (name, kind) VALUES ('a', 'b'), ('a', 'b')")
        await made.aclose()
    finally:
        await backend.aexecute("SET GLOBAL lc_messages = 'en_US'")


# ---- Transactions


async def test_an_update_counts_the_rows_that_it_matched(backend: Any) -> None:
    await backend.aexecute("INSERT INTO owners (name) VALUES ('x'), ('y')")

    assert 2 == (await backend.aexecute("UPDATE owners SET name = 'x'")).affected_rows
    assert 2 == (await backend.aexecute("UPDATE owners SET name = 'x'")).affected_rows


async def test_ddl_is_refused_inside_a_block_which_it_would_commit(backend: Any) -> None:
    async with backend.transaction() as tx:
        await backend.aexecute("INSERT INTO owners (name) VALUES ('undone')")
        for sql in (
            "CREATE TABLE t (a INT)",
            "/* x */ alter table owners add a int",
            "TRUNCATE owners",
            "DROP TABLE pets",
        ):
            with pytest.raises(TransactionError, match="would commit"):
                await backend.aexecute(sql)
        await backend.aexecute("CREATE TEMPORARY TABLE t (a INT)")
        await tx.arollback()

    assert 0 == await value(backend, "SELECT COUNT(*) FROM owners")


def test_a_deadlock_that_was_swallowed_inside_a_block_ends_it_by_an_error(place: Place) -> None:
    one, two = place.open(), place.open()
    one.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT)")
    one.execute("INSERT INTO t VALUES (1, 0), (2, 0)")

    def other() -> None:
        with two.transaction():
            two.execute("UPDATE t SET n = n + 1 WHERE id = 2")
            two.execute("INSERT INTO t VALUES (3, 0), (4, 0), (5, 0)")
            ready.set()
            two.execute("UPDATE t SET n = n + 1 WHERE id = 1")

    ready = threading.Event()
    thread = threading.Thread(target=other)
    with pytest.raises(TransactionError) as caught:  # noqa: SIM117  # The inner one is left first.
        with one.transaction():
            one.execute("UPDATE t SET n = n + 1 WHERE id = 1")
            thread.start()
            ready.wait(5)
            time.sleep(0.2)
            with pytest.raises(DeadlockError), one.transaction():
                one.execute("UPDATE t SET n = n + 1 WHERE id = 2")
            with pytest.raises(TransactionError):
                one.execute("INSERT INTO t VALUES (6, 0)")
    thread.join()

    assert isinstance(caught.value, DatabaseError)
    assert [(1, 1), (2, 1), (3, 0), (4, 0), (5, 0)] == one.execute("SELECT * FROM t ORDER BY id").rows
    one.close()
    two.close()


async def test_a_lock_that_is_waited_for_too_long_leaves_the_block_open(place: Place, backend: Any) -> None:
    other = place.open()
    await backend.aexecute("INSERT INTO owners (id, name) VALUES (1, 'x')")
    async with other.transaction():
        await other.aexecute("UPDATE owners SET name = 'y'")
        async with backend.transaction():
            await backend.aexecute("INSERT INTO pets (name) VALUES ('kept')")
            await backend.aexecute("SET innodb_lock_wait_timeout = 1")
            with pytest.raises(LockTimeout) as caught:
                await backend.aexecute("UPDATE owners SET name = 'z'")
    await other.aclose()

    assert 1205 == caught.value.code and backend.is_retryable(caught.value)
    assert [("kept",)] == (await backend.aexecute("SELECT name FROM pets")).rows


@pytest.mark.parametrize("level", list(IsolationLevel))
async def test_isolation_levels_are_those_asked_for(backend: Any, level: IsolationLevel) -> None:
    async with backend.transaction(level):
        await backend.aexecute("SELECT * FROM owners")
        found = (
            "SELECT trx_isolation_level FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = CONNECTION_ID()"
        )
        assert level.sql == await value(backend, found)
    async with backend.transaction(read_only=True):
        with pytest.raises(TransactionError):
            await backend.aexecute("INSERT INTO owners (name) VALUES ('x')")


# ---- Interruptions


async def test_a_statement_that_takes_too_long_is_a_query_timeout(place: Place) -> None:
    made = place.open(query_timeout=0.2)
    start = time.monotonic()
    with pytest.raises(QueryTimeout):
        await made.aexecute("SELECT COUNT(*) FROM information_schema.columns a, information_schema.columns b, "
                            "information_schema.columns c WHERE SLEEP(0.01) = 0")  # fmt: skip
    assert time.monotonic() - start < 5
    assert 1 == await value(made, "SELECT 1")
    await made.aclose()


def test_a_cancelled_task_ends_its_statement_and_disturbs_no_other(place: Place) -> None:
    made = place.open(pool_size=1)

    async def main() -> None:
        for _ in range(5):
            task = asyncio.create_task(made.aexecute("SELECT SLEEP(30)"))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises((asyncio.CancelledError, QueryCanceled)):
                await task
            assert 7 == await value(made, "SELECT 7")

    start = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - start < 15
    made.close()


async def test_a_killed_connection_fails_the_block_and_the_next_statement_works(place: Place, backend: Any) -> None:
    with pytest.raises(DatabaseError):
        async with backend.transaction():
            await backend.aexecute("INSERT INTO owners (name) VALUES ('lost')")
            number = await value(backend, "SELECT CONNECTION_ID()")
            killer = place.open()
            await killer.aexecute(f"KILL {number}")
            await killer.aclose()
            with pytest.raises(ConnectionError):
                await backend.aexecute("SELECT 1")

    assert 0 == await value(backend, "SELECT COUNT(*) FROM owners")


async def test_a_stream_given_up_halfway_does_not_read_on(backend: Any) -> None:
    sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT a.i FROM n a, n b, n c"
    start = time.monotonic()
    stream = await backend.astream(sql, chunk_size=10)
    assert 10 == len(await stream.afetch())
    await stream.aclose()

    assert 1 == await value(backend, "SELECT 1")
    assert time.monotonic() - start < 10


async def test_the_engine_may_say_that_a_table_is_too_large(backend: Any) -> None:
    with pytest.raises((OperationalError, DataError, ConnectionError)):
        await backend.aexecute("SELECT ?", ("x" * 20_000_000,))
    assert 1 == await value(backend, "SELECT 1")
