from __future__ import annotations

import logging

import pytest

from rhosocial.activerecord.backend import (
    ConnectionError,
    DatabaseType,
    ParameterCountError,
    QueryError,
    TransactionError,
)
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend


async def test_rows_come_as_dicts_and_tuples_and_changes_as_counts(backend):
    inserted = await backend.aexecute("INSERT INTO users (name) VALUES (?), (?)", ("Ann", "Bob"))

    assert (2, 2, None) == (inserted.affected_rows, inserted.last_insert_id, inserted.data)
    found = await backend.aexecute("SELECT id, name FROM users ORDER BY id")
    assert [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}] == found.data
    assert [(1, "Ann"), (2, "Bob")] == found.rows
    assert (await backend.aexecute("SELECT 1 WHERE 0")).data == []
    assert (await backend.aexecute("SELECT id FROM users", returning=False)).data is None
    assert -1 == (await backend.aexecute("CREATE TABLE other (id)")).affected_rows


@pytest.mark.parametrize(
    ("sql", "params", "said"),
    [
        ("SELECT ?", (), "expected 1 .* got 0"),
        ("SELECT ?, '?'", (1, 2), "expected 1 .* got 2"),
        ("SELECT 1", (1,), "expected 0 .* got 1"),
    ],
)
async def test_a_wrong_number_of_parameters_is_a_value_error_that_counts(backend, sql, params, said):
    with pytest.raises(ParameterCountError, match=said) as caught:
        await backend.aexecute(sql, params)
    assert isinstance(caught.value, ValueError)


async def test_parameters_that_have_no_order_are_refused(backend):
    for params in ("ab", {"a": 1}, {1, 2}):
        with pytest.raises(QueryError, match="list or tuple"):
            await backend.aexecute("SELECT ?, ?", params)


async def test_expressions_among_the_parameters_are_written_in_place_of_their_mark(backend):
    await backend.ainsert("users", {"name": "Ann", "age": backend.create_expression("40 + 2")})

    sql = "SELECT name, ? AS up, ? AS n FROM users WHERE age > ?"
    got = await backend.afetch_one(sql, (backend.create_expression("upper(name)"), 7, 1))
    assert {"name": "Ann", "up": "ANN", "n": 7} == got
    assert ("SELECT now(), ?", (1,)) == backend.build_sql("SELECT ?, ?", [backend.create_expression("now()"), 1])


async def test_column_types_convert_the_columns_they_name(backend):
    got = await backend.afetch_one("SELECT 1 AS yes, 1 AS n", column_types={"yes": DatabaseType.BOOLEAN})

    assert {"yes": True, "n": 1} == got
    assert [bool, int] == [type(value) for value in got.values()]


async def test_table_calls_quote_names_and_bind_values(backend):
    await backend.aexecute('CREATE TABLE "odd ""name" ("select" TEXT, b INTEGER)')
    table = 'odd "name'

    row = await backend.ainsert(table, {"select": "'; DROP TABLE users; --", "b": 1}, returning=True)
    assert [{"select": "'; DROP TABLE users; --", "b": 1}] == row.data
    assert 1 == (await backend.aupdate(table, {"select": "x"}, "b = ?", (1,))).affected_rows
    assert [{"select": "x", "b": 1}] == await backend.afetch_all('SELECT * FROM "odd ""name"')
    assert 1 == (await backend.adelete(table, '"select" = ?', ("x",))).affected_rows
    for where in ("", "  "):
        with pytest.raises(QueryError, match="every row"):
            await backend.adelete(table, where)


async def test_execute_many_keeps_all_rows_or_none(backend):
    sql = "INSERT INTO users (name) VALUES (?)"
    assert 3 == (await backend.aexecute_many(sql, [("a",), ("b",), ("c",)])).affected_rows

    with pytest.raises(Exception, match="UNIQUE"):
        await backend.aexecute_many(sql, [("d",), ("a",)])
    assert 3 == (await backend.aexecute("SELECT count(*) FROM users")).scalar()


async def test_statements_are_told_to_hooks_and_log_without_their_values(backend, caplog):
    seen = []
    backend.on_execute.append(lambda sql, types, duration: seen.append((sql, types, duration >= 0)))
    caplog.set_level(logging.DEBUG, "activerecord")

    await backend.aexecute("SELECT ?", ("secret",))
    with pytest.raises(QueryError):
        await backend.aexecute("SELECT nothing FROM nowhere WHERE a = ?", ("secret",))
    assert [("SELECT ?", ("str",), True), ("SELECT nothing FROM nowhere WHERE a = ?", ("str",), True)] == seen
    assert "SELECT ?" in caplog.text and "secret" not in caplog.text


async def test_connecting_is_optional_and_can_be_undone(backend):
    await backend.adisconnect()
    assert (False, False) == (backend.is_connected(), await backend.aping(reconnect=False))

    assert await backend.aping() and backend.is_connected()
    async with backend as same:
        assert same is backend and backend.is_connected()
        assert 1 == (await backend.aexecute("SELECT 1")).scalar()
    assert not backend.is_connected()
    assert 1 == (await backend.aexecute("SELECT 1")).scalar()


async def test_a_closed_backend_says_so(backend):
    await backend.aclose()
    await backend.aclose()

    for call in (backend.aexecute("SELECT 1"), backend.aconnect(), backend.transaction().__aenter__()):
        with pytest.raises(ConnectionError, match="closed"):
            await call
    assert not await backend.aping()


async def test_disconnecting_inside_a_block_is_refused(backend):
    async with backend.transaction():
        with pytest.raises(TransactionError, match="leave its block"):
            await backend.adisconnect()


async def test_a_stream_gives_chunks_and_its_connection_back(backend):
    await backend.aexecute_many("INSERT INTO users (name) VALUES (?)", [(str(n),) for n in range(5)])
    stream = await backend.astream("SELECT id, name FROM users ORDER BY id", (), 2)

    chunks = []
    while rows := await stream.afetch():
        chunks.append(rows)
        await backend.aupdate("users", {"age": 5}, "id = ?", (rows[0][0],))
    assert [2, 2, 1] == [len(rows) for rows in chunks]
    assert ("id", "name") == stream.columns
    assert 0 == backend._leases.lent
    async with backend.transaction():
        inside = await backend.astream("SELECT id FROM users", (), 3)
        assert [3, 2, 0] == [len(await inside.afetch()) for _ in range(3)]


async def test_a_stream_dropped_half_way_warns_and_lets_its_connection_go(backend):
    await backend.aexecute_many("INSERT INTO users (name) VALUES (?)", [(str(n),) for n in range(5)])
    stream = await backend.astream("SELECT id FROM users", (), 2)
    await stream.afetch()

    with pytest.warns(ResourceWarning, match="before its end"):
        del stream
    assert 0 == backend._leases.lent


def test_a_memory_database_is_one_for_all_threads_and_gone_with_its_backend():
    first, second = SQLiteBackend(database=":memory:"), SQLiteBackend(database=":memory:")
    first.execute("CREATE TABLE t (id)")
    first.disconnect()

    assert [] == first.fetch_all("SELECT * FROM t")
    with pytest.raises(QueryError):
        second.execute("SELECT * FROM t")
    first.close()
    second.close()
