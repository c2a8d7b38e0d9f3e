"""Each error of PostgreSQL has its class, says what it is about, and leaves connection and block as it says."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from engines import Place
from rhosocial.activerecord import backend as db

pytestmark = pytest.mark.engine("postgresql")

TABLES = """
CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL, "a b" INTEGER, UNIQUE (name, "a b"));
CREATE TABLE books (
  id INTEGER PRIMARY KEY, author_id INTEGER REFERENCES authors (id), size SMALLINT CHECK (size > 0), code VARCHAR(3),
  mark INT4RANGE, EXCLUDE USING gist (mark WITH &&)
);
CREATE UNIQUE INDEX by_lower ON books (lower(code));
INSERT INTO authors VALUES (1, 'Ann', 1);
INSERT INTO books VALUES (1, 1, 1, 'x', '[1,5)')
"""

PROVOKED: list[tuple[str, type[db.DatabaseError], str, Any]] = [
    ("INSERT INTO authors VALUES (1, 'Bob', 1)", db.UniqueViolation, "23505", ("authors", ("id",))),
    ("INSERT INTO authors VALUES (2, 'Ann', 1)", db.UniqueViolation, "23505", ("authors", ("name", "a b"))),
    ("INSERT INTO books (id, code) VALUES (2, 'X')", db.UniqueViolation, "23505", ("books", ())),
    ("INSERT INTO authors VALUES (2, NULL, 1)", db.NotNullViolation, "23502", ("authors", ("name",))),
    ("INSERT INTO books (id, author_id) VALUES (2, 9)", db.ForeignKeyViolation, "23503", ("books", ("author_id",))),
    ("DELETE FROM authors", db.ForeignKeyViolation, "23503", ("books", ("id",))),
    ("INSERT INTO books (id, size) VALUES (2, 0)", db.CheckViolation, "23514", ("books", ())),
    ("INSERT INTO books (id, mark) VALUES (2, '[2,3)')", db.ExclusionViolation, "23P01", ("books", ("mark",))),
    ("INSERT INTO books (id, code) VALUES (2, 'four')", db.DataError, "22001", (None, ())),
    ("INSERT INTO books (id, size) VALUES (2, 99999)", db.DataError, "22003", (None, ())),
    ("SELECT 'x'::integer", db.DataError, "22P02", (None, ())),
    ("SELECT 1 / 0", db.DataError, "22012", (None, ())),
    ("SELECT '(' ~ '('", db.QueryError, "2201B", (None, ())),
    ("SELECT * FROM nowhere", db.TableNotFound, "42P01", ("nowhere", ())),
    ("SELECT nothing FROM authors", db.ColumnNotFound, "42703", (None, ("nothing",))),
    ("SELECT authors.nothing FROM authors", db.ColumnNotFound, "42703", (None, ("nothing",))),
    ("SELEC", db.QueryError, "42601", (None, ())),
    ("SELECT 1; SELECT 2", db.QueryError, "42601", (None, ())),
    ("DROP TABLE authors", db.QueryError, "2BP01", (None, ())),
    ("SELECT (SELECT 1 UNION SELECT 2)", db.QueryError, "21000", (None, ())),
    ("DO $$BEGIN RAISE EXCEPTION 'no'; END$$", db.QueryError, "P0001", (None, ())),
    ("DO $$BEGIN RAISE SQLSTATE '40001'; END$$", db.SerializationFailure, "40001", (None, ())),
    ("DO $$BEGIN RAISE SQLSTATE '40P01'; END$$", db.DeadlockError, "40P01", (None, ())),
    ("DO $$BEGIN RAISE SQLSTATE '53100'; END$$", db.OperationalError, "53100", (None, ())),
]


@pytest.fixture
def library(backend: db.StorageBackend) -> db.StorageBackend:
    for text in TABLES.split(";\n"):
        backend.execute(text)
    return backend


@pytest.mark.parametrize(("sql", "kind", "code", "told"), PROVOKED, ids=[f"{p[2]} {p[0][:30]}" for p in PROVOKED])
async def test_each_code_has_its_class_and_tells_what_it_can(
    library: db.StorageBackend, sql: str, kind: type[db.DatabaseError], code: str, told: Any
) -> None:
    with pytest.raises(kind) as caught:
        await library.aexecute(sql)

    assert type(caught.value) is kind and caught.value.code == caught.value.sqlstate == code
    assert told == (caught.value.table, caught.value.columns)
    assert isinstance(caught.value.__cause__, psycopg.Error)
    assert (await library.aexecute("SELECT 1 AS one")).data == [{"one": 1}]


async def test_a_value_of_a_row_is_in_no_message(library: db.StorageBackend) -> None:
    with pytest.raises(db.UniqueViolation) as caught:
        await library.aexecute("INSERT INTO authors VALUES (?, ?, ?)", (7, "Ann", 1))

    assert "Ann" not in str(caught.value) and caught.value.constraint == "authors_name_a b_key"


async def test_another_language_changes_nothing(library: db.StorageBackend) -> None:
    async with library.transaction():
        await library.aexecute("SET LOCAL lc_messages = 'C.UTF-8'")
        with pytest.raises(db.UniqueViolation) as caught:
            await library.aexecute("INSERT INTO authors VALUES (1, 'Bob', 1)")
        assert caught.value.columns == ("id",)
        await library.current_transaction.arollback()


async def test_an_error_that_was_swallowed_does_not_let_the_block_end(library: db.StorageBackend) -> None:
    with pytest.raises(db.TransactionError, match="UniqueViolation"):
        async with library.transaction():
            await library.aexecute("INSERT INTO authors VALUES (2, 'Bob', 1)")
            with pytest.raises(db.UniqueViolation):
                await library.aexecute("INSERT INTO authors VALUES (1, 'Cid', 1)")

    assert (await library.aexecute("SELECT count(*) AS n FROM authors")).data == [{"n": 1}]


async def test_a_block_inside_a_block_keeps_the_outer_one_usable(library: db.StorageBackend) -> None:
    async with library.transaction():
        with pytest.raises(db.UniqueViolation):
            async with library.transaction():
                await library.aexecute("INSERT INTO authors VALUES (1, 'Cid', 1)")
        await library.aexecute("INSERT INTO authors VALUES (2, 'Bob', 1)")

    assert (await library.aexecute("SELECT count(*) AS n FROM authors")).data == [{"n": 2}]


async def test_a_statement_that_takes_too_long_is_told_from_one_that_was_canceled(place: Place) -> None:
    hasty, other = place.open(query_timeout=0.2), place.open()
    with pytest.raises(db.QueryTimeout):
        await hasty.aexecute("SELECT pg_sleep(5)")
    with pytest.raises(db.QueryCanceled):
        await other.aexecute("DO $$BEGIN RAISE SQLSTATE '57014'; END$$")
    assert (await hasty.aexecute("SELECT 1 AS one")).data == [{"one": 1}]
    await hasty.aclose()
    await other.aclose()


async def test_a_killed_connection_is_replaced(place: Place) -> None:
    backend, killer = place.open(pool_size=1), place.open()
    (row,) = (await backend.aexecute("SELECT pg_backend_pid() AS pid")).data or []
    with pytest.raises(db.ConnectionError):
        async with backend.transaction():
            await backend.aexecute("SELECT 1")
            await killer.aexecute("SELECT pg_terminate_backend(?::integer)", (row["pid"],))
            await backend.aexecute("SELECT 1")

    assert (await backend.aexecute("SELECT 1 AS one")).data == [{"one": 1}]
    await backend.aclose()
    await killer.aclose()


async def test_a_lock_that_is_held_is_a_lock_timeout(library: db.StorageBackend, place: Place) -> None:
    other = place.open(options={"lock_timeout": 0.1})
    async with library.transaction():
        await library.aexecute("SELECT * FROM authors FOR UPDATE")
        for sql in ("SELECT * FROM authors FOR UPDATE NOWAIT", "UPDATE authors SET name = 'x'"):
            with pytest.raises(db.LockTimeout):
                await other.aexecute(sql)
    await other.aclose()


async def test_a_read_only_block_refuses_to_write(library: db.StorageBackend) -> None:
    with pytest.raises(db.OperationalError) as caught:
        async with library.transaction(read_only=True):
            await library.aexecute("DELETE FROM books")

    assert caught.value.code == "25006"


@pytest.mark.parametrize(
    "wrong", [{"database": "nowhere"}, {"port": 1}, {"username": "nobody_here"}, {"host": "nowhere.invalid"}], ids=str
)
async def test_what_cannot_be_reached_is_a_connection_error_without_the_password(
    place: Place, wrong: dict[str, Any]
) -> None:
    backend = place.open(**{"password": "c4n4ry", **wrong})
    with pytest.raises(db.ConnectionError) as caught:
        await backend.aexecute("SELECT 1")

    assert "c4n4ry" not in f"{caught.value} {caught.value!r} {caught.value.__cause__} {backend.config!r}"
    await backend.aclose()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"options": {"hostaddr": "1.2.3.4"}}, "set host"),
        ({"options": {"dbname": "x"}}, "set database"),
        ({"options": {"passfile": "/x"}}, "set password"),
        ({"options": {"service": "x"}}, "set host"),
        ({"options": {"host": "x"}}, "settings of their own"),
        ({"options": {"sslmod": "x"}}, "did you mean 'sslmode'"),
        ({"options": {"prepare_threshold": "often"}}, "number of runs"),
        ({"options": {"lock_timeout": "long"}}, "number of seconds"),
        ({"charset": "latin1"}, "UTF-8"),
        ({"query_timeout": -1}, "seconds above 0"),
        ({"host": "one,two:x"}, "port of the host 'two'"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused_before_anything_is_opened(place: Place, fields: Any, says: str) -> None:
    with pytest.raises(db.ConfigurationError, match=says):
        place.open(**fields)
