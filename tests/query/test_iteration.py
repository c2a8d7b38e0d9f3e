"""Records one by one: chunks, early exits, transactions, writes inside the loop, memory."""

from __future__ import annotations

import gc
import tracemalloc
import warnings
from typing import Any

import pytest
from shop import Note, Person, names

from rhosocial.activerecord import Query
from rhosocial.activerecord.backend import DatabaseError, DataError, QueryError
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend
from rhosocial.activerecord.blocking import is_blocking

people = Person.query().order_by("id")


async def read(stream: Any, most: int | None = None) -> list[Any]:
    """What a loop of the test's face reads, at most so many records."""
    found: list[Any] = []
    if is_blocking():
        for record in stream:
            found.append(record)
            if len(found) == most:
                break
        return found
    async for record in stream:
        found.append(record)
        if len(found) == most:
            break
    return found


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 6, 7, 1000])
async def test_all_records_come_in_order(chunk_size: int) -> None:
    records = await read(people.iterator(chunk_size))

    assert await people.aall() == records
    assert not any(record.is_new_record for record in records)


async def test_chunks_can_be_fetched_by_hand() -> None:
    stream = people.iterator(4)

    assert ["ABCD", "EF", "", ""] == [names(await stream.afetch_chunk()) for _ in range(4)]


async def test_conditions_limits_and_empty_answers_hold() -> None:
    assert "CD" == names(await read(people.where(Person.c.age == 20).iterator(1)))
    assert "BC" == names(await read(people.limit(2).offset(1).iterator(1)))
    assert [] == await read(people.where(Person.c.id < 0).iterator())


@pytest.mark.parametrize("chunk_size", [0, -1, True, 1.5, "2", None])
def test_a_chunk_has_a_whole_number_of_rows(chunk_size: Any) -> None:
    with pytest.raises(QueryError, match="chunk_size must be a whole number of at least 1, got "):
        people.iterator(chunk_size)


async def test_a_block_closes_what_a_loop_left_early(shop: SQLiteBackend) -> None:
    async with people.iterator(2) as stream:
        assert "AB" == names(await read(stream, 2))
    assert [] == await read(stream)
    with people.iterator(2) as stream:
        pass
    assert "ABCDEF" == names(await read(people.iterator(2)))


async def test_a_loop_goes_on_where_the_one_before_it_was_left() -> None:
    async with people.iterator(4) as stream:
        assert "ABC" == names(await read(stream, 3))
        assert "DE" == names(await read(stream, 2))
        assert "F" == names(await read(stream))
        assert [] == await read(stream)


async def test_closing_twice_is_no_harm() -> None:
    stream = people.iterator(1)
    await read(stream, 1)
    await stream.aclose()
    await stream.aclose()

    assert [] == await read(stream)


async def test_a_stream_that_is_dropped_before_its_end_warns() -> None:
    stream = people.iterator(1)
    await read(stream, 1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del stream
        gc.collect()

    assert [ResourceWarning] == [warning.category for warning in caught]
    assert "dropped before its end" in str(caught[0].message)
    assert 6 == await people.acount()


async def test_a_stream_that_was_never_read_holds_nothing() -> None:
    people.iterator(1)
    gc.collect()

    assert 6 == await people.acount()


async def test_inside_a_transaction_a_stream_sees_what_the_block_has_written(notes: type[Note]) -> None:
    async with notes.transaction():
        await notes.abulk_create([notes(text="a"), notes(text="b"), notes(text="c")])
        assert ["a", "b", "c"] == [note.text for note in await read(notes.query().order_by("id").iterator(2))]
        stream = notes.query().order_by("id").iterator(2)
        assert ["a"] == [note.text for note in await read(stream, 1)]


async def test_records_can_be_saved_inside_the_loop(notes: type[Note]) -> None:
    await notes.abulk_create([notes(text=str(n)) for n in range(7)])
    seen = 0
    for record in await read_saving(notes.query().order_by("id")):
        seen += record.size

    assert 7 == seen == await notes.query().asum("size")


async def read_saving(query: Query[Note]) -> list[Note]:
    found = []
    stream = query.iterator(2)
    if is_blocking():
        for record in stream:
            record.size = 1
            record.save()
            found.append(record)
        return found
    async for record in stream:
        record.size = 1
        await record.asave()
        found.append(record)
    return found


async def test_saving_inside_the_loop_works_inside_a_transaction_too(notes: type[Note]) -> None:
    await notes.abulk_create([notes(text=str(n)) for n in range(5)])
    async with notes.transaction():
        assert 5 == len(await read_saving(notes.query()))

    assert 5 == await notes.query().asum("size")


async def test_two_streams_can_be_read_by_turns() -> None:
    async with people.iterator(1) as up, people.order_by("id").iterator(2) as other:
        assert "A" == names(await read(up, 1))
        assert "AB" == names(await read(other, 2))
        assert "B" == names(await read(up, 1))
        assert "C" == names(await read(other, 1))


@pytest.mark.engine("sqlite")
async def test_an_error_on_the_way_gives_the_connection_back(notes: type[Note], shop: SQLiteBackend) -> None:
    shop.execute("INSERT INTO notes (text, size, day) VALUES ('a', 1, '2020-01-01'), ('b', 1, 'soon')")
    stream = notes.query().order_by("id").iterator(1)

    assert 1 == len(await stream.afetch_chunk())
    with pytest.raises(DataError, match=r"Note\.day"):
        await stream.afetch_chunk()
    assert [] == await stream.afetch_chunk()
    with pytest.raises(QueryError):
        await read(notes.query().where("nosuch > 1").iterator())
    del stream
    gc.collect()


@pytest.mark.engine("sqlite")
async def test_an_error_of_the_engine_during_the_read_is_named(notes: type[Note]) -> None:
    await notes.abulk_create([notes(text=str(n), size=n) for n in range(9)])
    overflow = notes.query().order_by("id").where("CASE size WHEN 8 THEN abs(-9223372036854775800 - size) END IS NULL")

    async with overflow.iterator(1) as stream:
        assert [0, 1] == [(await stream.afetch_chunk())[0].size, (await stream.afetch_chunk())[0].size]
        with pytest.raises(DatabaseError, match="integer overflow"):
            await read(stream)


@pytest.mark.engine("sqlite")
async def test_a_large_table_is_read_in_little_memory(tmp_path: Any) -> None:
    class Big(Note):
        __table_name__ = "big"

    backend = Big.configure(f"sqlite:///{tmp_path / 'big.db'}")
    await Big.acreate_table()
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
    backend.execute(f"INSERT INTO big (text, size) {numbers} SELECT 'row ' || i, i FROM n")
    stream, total = Big.query().iterator(1000), 0
    await stream.afetch_chunk()
    tracemalloc.start(1)
    try:
        while records := await stream.afetch_chunk():
            total += sum(record.size for record in records)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    await backend.aclose()

    assert 5_000_050_000 - 500_500 == total
    assert peak < 4_000_000
