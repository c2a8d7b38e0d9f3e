"""The guide's own listings run as printed, in both faces, in threads and over its pool."""

from __future__ import annotations

import asyncio
import threading
from unittest.mock import Mock

import listing
import pytest

from rhosocial.activerecord.backend import (
    ConfigurationError,
    ConnectionConfig,
    DatabaseError,
    DatabaseType,
    IntegrityError,
    IsolationLevel,
    IsolationLevelError,
    PoolTimeout,
    TransactionError,
    UnsupportedFeature,
)


@pytest.fixture
def library(tmp_path):
    made = listing.Library(str(tmp_path / "guide.db"))
    connection = made.connect()
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, email TEXT)")
    connection.close()
    made.opened.clear()
    yield made
    for connection in made.opened:
        connection.close()


@pytest.fixture
def names(library):
    return listing.guide_names(library)


@pytest.fixture
def first(names):
    return names["CustomBackend"](names["ConnectionConfig"](database="x"))


@pytest.fixture
def complete(library, names):
    listing.run(listing.complete_example(library), names)
    backend = names["CustomBackend"](
        ConnectionConfig(database="x", pool_size=5, pool_timeout=10, options={"connect": library.connect})
    )
    yield backend
    backend.close()


async def rows(backend):
    return [row["name"] for row in await backend.afetch_all("SELECT name FROM users ORDER BY id")]


async def test_the_first_backend_runs_in_both_faces(first):
    inserted = await first.aexecute("INSERT INTO users (name) VALUES (?)", ("Ann",))
    assert (1, 1, None) == (inserted.affected_rows, inserted.last_insert_id, inserted.data)

    assert [{"id": 1, "name": "Ann", "email": None}] == (await first.aexecute("SELECT * FROM users")).data
    typed = await first.aexecute("SELECT id AS b FROM users", None, True, {"b": DatabaseType.BOOLEAN})
    assert [{"b": True}] == typed.data


async def test_the_testing_section_holds_but_for_its_table_that_nobody_made(first):
    await first.aconnect()
    assert first.is_connected()
    await first.adisconnect()
    assert not first.is_connected()
    async with first.transaction():
        assert await first.aexecute("SELECT * FROM users WHERE id = ?", (1,)) is not None
    async with first.transaction() as tx:
        await first.aexecute("INSERT INTO users (name) VALUES (?)", ("Test",))
        await tx.acreate_savepoint("test_point")
        with pytest.raises(DatabaseError):
            await first.aexecute("INSERT INTO invalid_table VALUES (1)")
        await tx.arollback_savepoint("test_point")
    assert ["Test"] == await rows(first)


async def test_the_complete_example_builds_one_pool_and_uses_it_again(complete, library):
    await complete.aconnect()
    pool, connection = complete._pool, complete._connection
    await complete.aconnect()
    assert (pool, connection, 1) == (complete._pool, complete._connection, pool.lent)
    await complete.adisconnect()

    assert (0, False, None) == (pool.lent, complete.is_connected(), complete._connection)
    async with complete.transaction():
        await complete.aexecute("INSERT INTO users (name) VALUES (?)", ("a",))
        with pytest.raises(KeyError):
            async with complete.transaction():
                await complete.aexecute("INSERT INTO users (name) VALUES (?)", ("b",))
                raise KeyError
    assert (["a"], 0, 1) == (await rows(complete), pool.lent, len(library.opened))


async def test_both_constructor_shapes_and_both_kinds_of_config_fit(names, library):
    config = names["CustomBackendConfig"](database=":memory:", options={"connect": library.connect})
    first = names["CustomBackend"](config)
    assert (":memory:", None, None, 30) == (
        first.config.database,
        first.config.username,
        first.config.timezone,
        first.config.query_timeout,
    )
    listing.run(listing.complete_example(library), names)
    for made in (names["CustomBackend"](config), names["CustomBackend"](connection_config=config)):
        assert 0 == (await made.aexecute("SELECT count(*) AS n FROM users")).scalar()
        assert made.supports_returning and made.supports_returning() is True
        await made.aclose()


async def test_a_pool_without_a_way_to_connect_says_what_to_pass(names, library):
    listing.run(listing.complete_example(library), names)
    backend = names["CustomBackend"](ConnectionConfig(database="x"))
    with pytest.raises(TypeError, match="connect="):
        await backend.aconnect()


async def test_errors_keep_their_cause_and_their_statement(complete):
    await complete.aexecute("INSERT INTO users (name) VALUES (?)", ("a",))
    with pytest.raises(IntegrityError) as caught:
        await complete.aexecute("INSERT INTO users (name) VALUES (?)", ("a",))

    assert "sqlite3" == type(caught.value.__cause__).__module__
    assert ("INSERT INTO users (name) VALUES (?)", ("str",)) == (caught.value.statement, caught.value.param_types)


async def test_the_librarys_own_errors_are_not_renamed_by_the_authors_handler(complete):
    await complete.aexecute("SELECT 1 AS one")
    held = [complete._pool.get_connection() for _ in range(5)]
    complete._pool.pool_timeout = 0.01
    with pytest.raises(PoolTimeout):
        await complete.aexecute("SELECT 1 AS one")
    for connection in held:
        connection.close()


async def test_an_error_being_handled_outside_is_not_mistaken_for_the_cause(complete):
    try:
        raise PoolTimeout("an old story")
    except PoolTimeout:
        with pytest.raises(DatabaseError, match="no such table"):
            await complete.aexecute("SELECT * FROM nowhere")


async def test_isolation_levels_reach_the_guides_manager_as_valid_sql(complete):
    # SQLite has no such statement; what it complains of shows that the level's text, not its name, was sent.
    with pytest.raises(TransactionError, match="SET"):
        async with complete.transaction(IsolationLevel.READ_COMMITTED):
            pass
    with pytest.raises(UnsupportedFeature, match="read-only"):
        async with complete.transaction(read_only=True):
            pass
    with pytest.raises(IsolationLevelError):
        complete.transaction("nonsense")
    assert 0 == complete._pool.lent


def test_eight_threads_over_a_pool_of_five_leave_nothing_behind(complete, library):
    def work(number):
        for turn in range(10):
            with complete.transaction():
                complete.execute("INSERT INTO users (name) VALUES (?)", (f"{number}-{turn}",))
                with complete.transaction():
                    complete.execute("UPDATE users SET email = ? WHERE name = ?", ("x", f"{number}-{turn}"))
            complete.execute("SELECT * FROM users")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 80 == complete.fetch_one("SELECT count(email) AS n FROM users")["n"]
    assert (0, True) == (complete._pool.lent, len(library.opened) <= 5)


@pytest.mark.face("awaiting", reason="tasks exist in event loops only")
async def test_sixty_tasks_over_a_pool_of_five_leave_nothing_behind(complete, library):
    async def work(number):
        async with complete.transaction():
            await complete.aexecute("INSERT INTO users (name) VALUES (?)", (f"{number}",))
            await asyncio.sleep(0)
            await complete.aexecute("UPDATE users SET email = ? WHERE name = ?", ("x", f"{number}"))
        await complete.aexecute("SELECT * FROM users")

    await asyncio.gather(*[work(number) for number in range(60)])
    assert 60 == (await complete.afetch_one("SELECT count(email) AS n FROM users"))["n"]
    assert (0, 5, True) == (complete._pool.lent, complete._permits.free, len(library.opened) <= 5)


async def test_the_short_signature_of_the_error_handling_section_is_adapted(names, library):
    text = listing.listing("class CustomErrorHandler").replace("QueryResult(...)", "QueryResult(cursor.fetchall())")
    listing.run(text, names)
    base = names["CustomBackend"]
    backend = type("Short", (base,), {"execute": names["execute"]})(ConnectionConfig(database="x"))
    await backend.aconnect()

    assert [{"n": 7}] == [dict(row) for row in (await backend.aexecute("SELECT ? AS n", (7,))).data]
    with pytest.raises(DatabaseError, match="no such table"):
        await backend.aexecute("SELECT * FROM nowhere", ())
    await backend.adisconnect()


async def test_a_connection_without_execute_is_handed_to_the_manager_with_one(complete, library):
    class Bare:
        def __init__(self, raw):
            self.raw = raw

        def cursor(self):
            return self.raw.cursor()

        def close(self):
            self.raw.close()

        def rollback(self):
            self.raw.rollback()

    complete.config.options["connect"] = lambda **params: Bare(library.connect())
    async with complete.transaction():
        await complete.aexecute("INSERT INTO users (name) VALUES (?)", ("bare",))
    assert ["bare"] == await rows(complete)


async def test_an_execute_that_returns_nothing_is_told_so(names):
    class Silent(names["CustomBackend"]):
        def execute(self, sql, params=None):
            return None

    with pytest.raises(ConfigurationError, match="must return a QueryResult"):
        await Silent(ConnectionConfig(database="x")).aexecute("SELECT 1")


async def test_a_transaction_that_is_a_plain_context_manager_is_used_as_one(names, first):
    told = []

    class Block:
        def __enter__(self):
            told.append("enter")

        def __exit__(self, kind, error, trace):
            told.append("commit" if kind is None else "rollback")

    class Plain(names["CustomBackend"]):
        def transaction(self):
            return Block()

    backend = Plain(ConnectionConfig(database="x"))
    async with backend.transaction():
        await backend.aexecute("SELECT 1 AS one")
        with pytest.raises(UnsupportedFeature, match="cannot be nested"):
            async with backend.transaction():
                pass
    with pytest.raises(KeyError):
        async with backend.transaction():
            raise KeyError
    assert ["enter", "commit", "enter", "rollback"] == told


async def test_mocks_can_stand_for_the_pool(names, library):
    listing.run(listing.complete_example(library), names)
    pool = Mock()
    names["create_connection_pool"] = Mock(return_value=pool)
    backend = names["CustomBackend"](ConnectionConfig(database="x"))
    await backend.aconnect()
    await backend.aconnect()

    names["create_connection_pool"].assert_called_once()
    pool.get_connection.assert_called_once()
