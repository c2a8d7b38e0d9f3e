"""SQL of the caller's own, answered in records and values; and records handed over in chunks."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from shop import Mood, Note, Person, Pet, Seat, names

from rhosocial.activerecord import F
from rhosocial.activerecord.backend import ColumnNotFound, DataError, QueryError, QueryResult, RecordNotFound
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend
from rhosocial.activerecord.blocking import is_blocking

c = Person.c
query = Person.query()


async def test_records_come_from_sql_text() -> None:
    found = query.raw_sql("SELECT * FROM people WHERE age > ? AND mood = ? ORDER BY age DESC", (4, Mood.GLAD))

    assert "EAF" == names(await found.aall())
    assert await Person.query().where(c.id == 5).aall() == [await found.aone()]
    assert await found.afirst() == await found.aone_or_fail() == await found.aone()
    assert not (await found.aone()).is_new_record and not (await found.aone()).is_dirty
    assert ("SELECT * FROM people WHERE age > ? AND mood = ? ORDER BY age DESC", (4, "glad")) == found.to_sql()


async def test_columns_are_taken_by_name() -> None:
    turned = ", ".join(f'"{name}"' for name in reversed([column.name for column in Person.__table__.columns]))
    found = query.raw_sql(f"SELECT 1 AS more, {turned}, 'x' FROM people ORDER BY id")

    assert await query.order_by("id").aall() == await found.aall()
    by_field = turned.replace('"select"', '"select" AS nick')
    assert await query.order_by("id").aall() == await query.raw_sql(f"SELECT {by_field} FROM people ORDER BY id").aall()


@pytest.mark.engine("sqlite")
async def test_missing_and_double_columns_are_named() -> None:
    with pytest.raises(QueryError, match=r"the result has no score, balance, .*, which Person needs; it has id, name"):
        await query.raw_sql("SELECT id, name, age, tags FROM people").aall()
    with pytest.raises(QueryError, match=r"has no name, .*, which Person needs; it has id"):
        await query.raw_sql("SELECT id FROM people WHERE 0").aall()
    with pytest.raises(QueryError, match="two columns named 'id': select those of one table"):
        await Pet.query().raw_sql("SELECT * FROM pets JOIN people ON people.id = owner_id").aall()
    with pytest.raises(QueryError, match="two columns named 'id': give one another name, with AS"):
        await query.raw_sql("SELECT id, id FROM people").adicts()
    joined = Pet.query().raw_sql("SELECT pets.* FROM pets JOIN people ON people.id = owner_id ORDER BY pets.id")
    assert "RTKR" == names(await joined.aall())


async def test_no_row_gives_no_record() -> None:
    nobody = query.raw_sql("SELECT * FROM people WHERE id < ?", [0])

    assert ([], None, None) == (await nobody.aall(), await nobody.aone(), await nobody.afirst())
    assert ([], [], []) == (await nobody.adicts(), await nobody.atuples(), await nobody.ascalars())
    with pytest.raises(RecordNotFound, match="no Person answers the query"):
        await nobody.aone_or_fail()


@pytest.mark.engine("sqlite")
async def test_values_named_as_fields_are_converted() -> None:
    text = 'SELECT born, balance, mood, "select", tags, born AS day, COUNT(*) AS n FROM people WHERE id = ?'
    found = query.raw_sql(text, (1,))
    day = dt.date(2000, 1, 1)

    assert [
        {
            "born": day,
            "balance": Decimal("10.10"),
            "mood": Mood.GLAD,
            "select": "A",
            "tags": [],
            "day": "2000-01-01",
            "n": 1,
        }
    ] == await found.adicts()
    assert [(day, Decimal("10.10"), Mood.GLAD, "A", [], "2000-01-01", 1)] == await found.atuples()
    assert [day, None] == await query.raw_sql("SELECT born FROM people WHERE id IN (1, 6) ORDER BY id").ascalars()
    assert [(1, 1)] == await query.raw_sql("SELECT id, id FROM people WHERE id = 1").atuples()
    assert [2] == await query.raw_sql("SELECT 1 + 1").ascalars()
    with pytest.raises(QueryError, match="one column, this one has 2"):
        await query.raw_sql("SELECT 1, 2").ascalars()


async def read(stream: Any) -> list[Any]:
    if is_blocking():
        return list(stream)
    return [record async for record in stream]


async def test_records_of_sql_text_come_one_by_one() -> None:
    found = query.raw_sql("SELECT 1 AS x, people.* FROM people WHERE id > ? ORDER BY id DESC", (2,))

    assert "FEDC" == names(await read(found.iterator(3)))
    stream = found.iterator(3)
    assert ["FED", "C", ""] == [names(await stream.afetch_chunk()) for _ in range(3)]
    with pytest.raises(QueryError, match="chunk_size must be a whole number"):
        found.iterator(0)
    with pytest.raises(QueryError, match="has no name, "):
        await read(query.raw_sql("SELECT id FROM people").iterator())


@pytest.mark.parametrize(
    "asked",
    [
        query.where(c.id == 1),
        query.order_by("id"),
        query.limit(0),
        query.offset(1),
        query.distinct(),
        query.group_by("age"),
        query.having(F.count() > 1),
        query.join(Pet, on=Pet.c.owner == c.id),
        query.select("id"),
        query.start_or_group(),
    ],
)
def test_other_clauses_go_into_the_text(asked: Any) -> None:
    with pytest.raises(QueryError, match=r"put all clauses into the text|call end_or_group"):
        asked.raw_sql("SELECT * FROM people")


@pytest.mark.engine("sqlite")
async def test_wrong_text_and_wrong_values_are_refused() -> None:
    with pytest.raises(QueryError, match=r"expected 1 parameters, one for each . of the statement, but got 0"):
        query.raw_sql("SELECT * FROM people WHERE id = ?")
    with pytest.raises(QueryError, match="expected SQL text or an expression, got int"):
        query.raw_sql(5)
    with pytest.raises(ColumnNotFound):
        await query.raw_sql("SELECT absent FROM people").aall()
    with pytest.raises(DataError):
        await query.raw_sql("SELECT 'x' AS born").adicts()
    assert ["'; DROP TABLE people --"] == await query.raw_sql("SELECT ?", ("'; DROP TABLE people --",)).ascalars()


async def test_rows_that_are_dicts_go_by_name_too(tmp_path: Any) -> None:
    class Dicts(SQLiteBackend):
        def execute(self, sql: Any, params: Any = None, returning: Any = None, column_types: Any = None) -> QueryResult:
            result = super().execute(sql, params, returning, column_types)
            return QueryResult(result.data, result.affected_rows, result.last_insert_id)

    class Chair(Seat):
        __table_name__ = "chairs"

    backend = Chair.__backend__ = Dicts(database=str(tmp_path / "x.db"))
    await Chair.acreate_table()
    await Chair.abulk_create([Chair(row=row, number=1) for row in "AB"])

    assert await Chair.query().order_by("row").aall() == await Chair.query().raw_sql("SELECT * FROM chairs").aall()
    assert [] == await Chair.query().raw_sql("SELECT * FROM chairs WHERE 0").aall()
    assert [(1, "A")] == await Chair.query().raw_sql("SELECT number, row FROM chairs LIMIT 1").atuples()
    page = await Chair.query().order_by("label").apage(1)
    assert "B" == (await Chair.query().order_by("label").apage(1, after=page.next)).items[0].row
    await backend.aclose()


# Chunks


@pytest.mark.parametrize(("size", "chunks"), [(1, 6), (4, 2), (6, 1), (100, 1)])
async def test_a_batch_hands_over_all_records(size: int, chunks: int) -> None:
    got: list[list[Person]] = []

    assert 6 == await query.order_by("id").abatch(size, got.append)
    assert "ABCDEF" == "".join(map(names, got))
    assert chunks == len(got) and max(map(len, got)) <= size


async def test_a_batch_waits_for_an_async_callback() -> None:
    got: list[str] = []

    async def count(records: list[Person]) -> None:
        got.append(names(await Person.afind_all([record.id for record in records])))

    await query.order_by("id").abatch(4, count)

    assert ["ABCD", "EF"] == got
    assert 0 == await query.where(c.id < 0).abatch(3, count)
    assert 2 == len(got)


async def test_records_of_a_batch_can_be_saved(notes: type[Note]) -> None:
    await notes.abulk_create([notes(text=str(n), size=n) for n in range(5)])

    async def grow(records: list[Note]) -> None:
        for note in records:
            await note.aupdate(size=note.size + 10)

    assert 5 == await notes.query().order_by("id").abatch(2, grow)
    assert [10, 11, 12, 13, 14] == await notes.query().order_by("id").select("size").ascalars()


async def test_an_error_of_the_callback_ends_a_batch(shop: SQLiteBackend) -> None:
    got: list[Any] = []

    def fail(records: list[Person]) -> None:
        got.append(records)
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        await query.abatch(2, fail)

    assert 1 == len(got)


@pytest.mark.parametrize("size", [0, -1, True, 1.5, "2", None])
async def test_a_batch_has_a_size(size: Any) -> None:
    with pytest.raises(QueryError, match="size must be a whole number of at least 1, got "):
        await query.abatch(size, print)


async def test_a_batch_needs_a_callback_and_gives_records() -> None:
    with pytest.raises(TypeError, match="callback must be callable, got NoneType"):
        await query.abatch(5, None)
    with pytest.raises(QueryError, match="leave out select"):
        await query.select("id").abatch(5, print)
