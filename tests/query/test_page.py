"""Pages: cut by cursors, both ways, in any order, without losing or repeating a row."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from decimal import Decimal
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, Field
from shop import Mood, Person, Pet, by_nulls, names

from engines import Engine, standard
from rhosocial.activerecord import ActiveRecord, F, Page
from rhosocial.activerecord.backend import QueryError, StorageBackend, UnsupportedFeature
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend, SQLiteDialect

c = Person.c
people = Person.query().order_by("id")


class Mark(ActiveRecord):
    """Values of many types, with NULLs and ties; its key is made of two columns, in another order than they stand."""

    __table_name__ = "marks"
    __primary_key__ = ("part", "name")

    name: str
    part: int
    number: int | None = None
    ratio: float | None = None
    price: Annotated[Decimal, Field(max_digits=8, decimal_places=2)] | None = None
    amount: Annotated[Decimal, Field(max_digits=38, decimal_places=5)] | None = None
    flag: bool | None = None
    word: str | None = None
    day: dt.date | None = None
    at: dt.datetime | None = None
    moment: AwareDatetime | None = None
    token: uuid.UUID | None = None
    data: dict[str, Any] | None = None
    raw: bytes | None = None
    mood: Mood = Mood.GLAD


m = Mark.c
COLUMNS = [name for name in Mark.model_fields if name != "data"]
DAYS = [dt.datetime(2024, 1, day, 3, 4, 5, 6) for day in (1, 2, 3)]
POOLS: dict[str, list[Any]] = {
    "number": [None, -1, 0, 2**60],
    "ratio": [None, 0.1, -2.5, 1e300],
    "price": [None, "0.10", "-3.00", "7.25"],
    "amount": [None, "9.5", "10.5", "-12345678901234567890.12345"],
    "flag": [None, True, False],
    "word": [None, "", "a", "B", "ä\0", "'; --"],
    "day": [None, *(day.date() for day in DAYS)],
    "at": [None, *DAYS],
    "moment": [None, *(day.replace(tzinfo=dt.UTC) for day in DAYS)],
    "token": [None, *(uuid.UUID(int=n) for n in (1, 2, 2**127))],
    "data": [None, {"n": 1}, {"n": 2}, {"n": "x"}, {}],
    "raw": [None, b"", b"\x00\xff", b"a"],
    "mood": list(Mood),
}
rows = st.lists(st.fixed_dictionaries({name: st.sampled_from(pool) for name, pool in POOLS.items()}), max_size=9)
items = st.tuples(
    st.sampled_from(COLUMNS), st.sampled_from(["", " DESC"]), st.sampled_from(["", " NULLS FIRST", " NULLS LAST"])
)
orders = st.lists(items.map("".join), max_size=3)
EXPRESSIONS = [
    F.abs(m.number).desc(),
    m.number + m.part,
    F.lower(m.word),
    m.data["n"],
    m.ratio.is_null(),
    F.coalesce(m.day, m.at).desc(),
]


@pytest.fixture(scope="module")
def marks(engine: Engine) -> Iterator[StorageBackend]:
    with engine.place() as place:
        backend = place.configure(Mark)
        Mark.create_table()
        yield backend
        backend.close()


async def filled(values: list[dict[str, Any]]) -> list[Mark]:
    if Mark.backend().dialect.name == "PostgreSQL":  # Its texts hold no NUL.
        values = [{**row, "word": row["word"] and row["word"].replace("\0", "")} for row in values]
    await Mark.backend().aexecute("DELETE FROM marks")
    return await Mark.abulk_create([Mark(name="xyz"[n % 3], part=-n // 3, **row) for n, row in enumerate(values)])


async def walked(query: Any, size: int) -> list[Any]:
    """All pages one after another, joined; the way back, from the last one, must give the same."""
    page = await query.apage(size)
    found = list(page)
    pages = 1
    while page.has_next:
        page = await query.apage(size, after=page.next)
        found += page
        pages += 1
        assert pages < 100  # Or a page that leads back would be followed for ever.
    assert pages == max(1, -(-len(found) // size))
    back, page = list(page), page
    while page.has_previous:
        page = await query.apage(size, before=page.previous)
        assert size == len(page)
        back = [*page, *back]
    assert found == back
    return found


@given(values=rows, order=orders, size=st.integers(1, 4))
async def test_pages_give_every_record_once_in_order(
    marks: StorageBackend, values: Any, order: list[str], size: int
) -> None:
    await filled(values)
    query = Mark.query().order_by(*order)

    assert await query.order_by("part", "name").aall() == await walked(query, size)


@pytest.mark.needs("supports_json")
@given(values=rows, size=st.integers(1, 3), order=st.permutations(EXPRESSIONS), count=st.integers(1, 3))
async def test_pages_follow_expressions(
    marks: StorageBackend, values: Any, size: int, order: list[Any], count: int
) -> None:
    await filled(values)
    query = Mark.query().order_by(*order[:count])

    assert await query.order_by("part", "name").aall() == await walked(query, size)


@given(values=rows, order=orders, size=st.integers(1, 3))
async def test_pages_of_rows_are_cut_alike(marks: StorageBackend, values: Any, order: list[str], size: int) -> None:
    await filled(values)
    plain = Mark.query().order_by(*order).select("day", m.number.as_("n"), "price")
    reckoned = plain.select(F.row_number().over(order_by=m.name).as_("place"), (m.part * 2).as_("twice"))

    assert await plain.order_by("part", "name").aall() == await walked(plain, size)
    assert await reckoned.order_by("part", "name").aall() == await walked(reckoned, size)


@given(values=rows, size=st.integers(1, 3))
async def test_pages_of_groups_and_distinct_rows(marks: StorageBackend, values: Any, size: int) -> None:
    await filled(values)
    distinct = Mark.query().select("flag", "number").distinct().order_by("number DESC")
    groups = Mark.query().select("flag", F.count().as_("n")).group_by("flag").having(F.count() < 4).order_by("n DESC")
    unseen = Mark.query().select(F.max(m.amount).as_("most")).group_by("flag", "day").order_by(F.count().desc())

    assert await distinct.order_by("flag").aall() == await walked(distinct, size)
    assert await groups.order_by("flag").aall() == await walked(groups, size)
    assert await unseen.order_by("flag", "day").aall() == await walked(unseen, size)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_pages_of_joined_rows(size: int) -> None:
    joined = Person.query().join(Pet, on=Pet.c.owner == c.id).order_by("name DESC")
    pairs = Person.query().left_join(Pet, on=Pet.c.owner == c.id).select("name", Pet.c.name.as_("pet")).order_by("name")
    raw = Person.query().join("LEFT JOIN pets ON pets.owner_id = people.id").distinct().order_by("age")

    assert "ECAA" == names(await walked(joined, size))
    assert [("Ann", "Rex"), ("Ann", "Tom"), ("Bob", None)] == (await walked(pairs, size))[:3]
    assert 7 == len(await walked(pairs, size))
    assert by_nulls("BFCDAE", "FCDAEB") == names(await walked(raw, size))


async def test_a_page_says_what_is_around_it() -> None:
    first = await people.apage(2)
    middle = await people.apage(2, after=first.next)
    last = await people.apage(2, after=middle.next)

    assert isinstance(first, Page) and isinstance(first.items, tuple)
    assert ["AB", "CD", "EF"] == [names(list(page)) for page in (first, middle, last)]
    assert [(True, False), (True, True), (False, True)] == [
        (page.has_next, page.has_previous) for page in (first, middle, last)
    ]
    assert (2, None, None) == (len(first), first.previous, last.next)
    assert first == await people.apage(2, before=middle.previous)
    assert middle == await people.apage(2, before=last.previous)
    assert "D" == names(list(await people.apage(1, before=last.previous)))
    assert "ABC" == names(list(await people.apage(9, before=middle.next)))
    with pytest.raises(FrozenInstanceError):
        first.next = None


async def test_an_empty_page_leads_nowhere() -> None:
    nobody = people.where(c.id < 0)
    last = (await people.apage(5)).next

    assert Page(()) == await nobody.apage(3)
    assert (False, False, 0) == ((await nobody.apage(3)).has_next, (await nobody.apage(3)).has_previous, len(Page(())))
    assert "F" == names(list(await people.apage(5, after=last)))
    beginning = (await people.apage(1)).next
    assert Page(()) == await people.apage(5, before=beginning)


async def test_records_of_a_page_are_whole() -> None:
    page = await Person.query().order_by(F.lower(c.name).desc()).apage(1)

    assert await Person.afind_one(6) == page.items[0]
    assert not page.items[0].is_dirty and not page.items[0].is_new_record
    second = by_nulls("Fay", "Cid")
    assert {"name": second} == (await Person.query().select("name").order_by("age").apage(2)).items[1].as_dict()


async def test_an_order_without_ties_and_nulls_is_one_comparison(shop: StorageBackend) -> None:
    statements: list[str] = []
    query = Person.query().where(c.active).order_by("name")
    cursor = (await query.apage(1)).next
    watch = lambda sql, kinds, duration: statements.append(standard(sql))  # noqa: E731  # A name is needed, to take it off again.
    shop.on_execute.append(watch)
    await query.apage(2, after=cursor)
    await query.apage(2, before=cursor)
    shop.on_execute.remove(watch)

    assert [text[text.index(" WHERE ") :] for text in statements] == [
        ' WHERE "active" AND ("name", "id") > (?, ?) ORDER BY "name" ASC, "id" ASC LIMIT ?',
        ' WHERE "active" AND ("name", "id") < (?, ?) ORDER BY "name" DESC, "id" DESC LIMIT ?',
    ]


@pytest.mark.engine("sqlite")
async def test_mixed_directions_begin_with_what_an_index_finds(shop: StorageBackend) -> None:
    statements: list[str] = []
    query = Person.query().order_by("score DESC", "age")
    cursor = (await query.apage(1)).next
    watch = lambda sql, kinds, duration: statements.append(sql)  # noqa: E731  # A name is needed, to take it off again.
    shop.on_execute.append(watch)
    await query.apage(2, after=cursor)
    shop.on_execute.remove(watch)

    assert [text[text.index(" WHERE ") :] for text in statements] == [
        ' WHERE "score" <= ? AND ("score" < ? OR "age" >= ? AND ("age" > ? OR "id" > ?))'
        ' ORDER BY "score" DESC, "age" ASC NULLS FIRST, "id" ASC LIMIT ?'
    ]


class Unpaired(SQLiteDialect):
    supports_row_values = False


class NullsLast(SQLiteDialect):
    nulls_sort = "last"


class Largest(SQLiteDialect):
    nulls_sort = "high"


@pytest.mark.engine("sqlite")
@pytest.mark.parametrize("dialect", [Unpaired, NullsLast, Largest])
async def test_other_engines_differ_by_flags(dialect: type[SQLiteDialect], tmp_path: Any) -> None:
    kind = type("Other", (SQLiteBackend,), {"dialect_class": dialect})

    class Thing(ActiveRecord):
        __table_name__ = "things"
        id: int
        size: int | None = None

    backend = kind(database=str(tmp_path / "x.db"))
    Thing.__backend__ = backend
    await Thing.acreate_table()
    await Thing.abulk_create([Thing(size=size) for size in (2, None, 1, 2, None)])
    up = [thing.id for thing in await walked(Thing.query().order_by("size"), 2)]
    down = [thing.id for thing in await walked(Thing.query().order_by("size DESC"), 2)]

    assert {
        Unpaired: ([2, 5, 3, 1, 4], [1, 4, 3, 2, 5]),
        NullsLast: ([3, 1, 4, 2, 5], [1, 4, 3, 2, 5]),
        Largest: ([3, 1, 4, 2, 5], [2, 5, 1, 4, 3]),
    }[dialect] == (up, down)
    assert [1, 2, 3, 4, 5] == [thing.id for thing in await walked(Thing.query(), 2)]
    if dialect is Unpaired:
        with pytest.raises(UnsupportedFeature, match="SQLite has no comparisons of rows of values"):
            from rhosocial.activerecord.backend.row_value import RowValue

            Thing.query().where(RowValue([Thing.c.id]) == RowValue([Thing.c.size])).to_sql()
    await backend.aclose()


@pytest.mark.parametrize("size", [0, -1, True, 1.5, "2", None])
async def test_a_page_has_a_whole_number_of_rows(size: Any) -> None:
    with pytest.raises(QueryError, match="size must be a whole number of at least 1, got "):
        await people.apage(size)


async def test_a_page_is_refused_where_rows_could_be_lost() -> None:
    refused: list[tuple[Any, str]] = [
        (people.limit(5), "leave out limit and offset"),
        (people.offset(5), "leave out limit and offset"),
        (people.join("JOIN pets ON pets.owner_id = people.id"), "join the model, or add distinct"),
        (Person.query().select("age").distinct().order_by("name"), "select what it is ordered by too"),
        (Person.query().select("age").group_by(F.rollup(c.age)), "cannot be told apart"),
        (people.start_or_group(), "call end_or_group"),
    ]
    for query, message in refused:
        with pytest.raises(QueryError, match=message):
            await query.apage(2)


async def test_a_page_is_after_or_before_a_cursor() -> None:
    cursor = (await people.apage(2)).next

    with pytest.raises(QueryError, match="pass only one of them"):
        await people.apage(2, after=cursor, before=cursor)


async def test_rows_written_meanwhile_move_no_others(notes: Any) -> None:
    await notes.abulk_create([notes(text=text) for text in "bdfh"])
    query = notes.query().order_by("text")
    page = await query.apage(2)
    await notes.abulk_create([notes(text=text) for text in "aceg"])
    await (await notes.afind_one({"text": "d"})).adelete()

    assert "efgh" == "".join(note.text for note in await query.apage(9, after=page.next))


@pytest.mark.parametrize("size", [1, 2, 4])
async def test_pages_of_queries_that_are_made_of_others(size: int) -> None:
    boss = Person.alias("boss")
    glad = Person.query().where(c.mood == Mood.GLAD)
    union = glad.where(c.age > 20).union(glad.where(c.age < 40)).order_by("name DESC")
    ages = glad.select("age").union(Person.query().select("age")).order_by("age DESC")
    adults = glad.where(c.age > 20).as_cte("adults")
    table = Person.query().select("mood", F.count().as_("n")).group_by("mood").as_table("t")
    joined = Pet.query().left_join(table, on=table.c.n == 4).distinct().order_by("name")

    assert "FEA" == names(await walked(union, size))
    assert by_nulls([45, 30, 20, 5, None], [None, 45, 30, 20, 5], falls=True) == [
        row.age for row in await walked(ages, size)
    ]
    assert "EA" == names(await walked(Person.query().from_(adults).distinct().order_by("name DESC"), size))
    assert ["E", "A"] == [row.name[0] for row in await walked(adults.query().distinct().order_by("name DESC"), size)]
    assert [4, 2] == [row.n for row in await walked(table.query().distinct().order_by("n DESC"), size)]
    assert "KRRST" == names(await walked(joined, size))
    assert "FEDCBA" == names(await walked(boss.query().order_by(boss.c.name.desc()), size))
    pairs = Person.query().join(boss, on=boss.c.age > c.age).select("name", boss.c.name.as_("over")).order_by("over")
    assert await pairs.order_by(c.id, boss.c.id).aall() == await walked(pairs, size)


@pytest.mark.needs("supports_full_join")
@pytest.mark.parametrize("size", [1, 2, 4])
async def test_pages_of_rows_that_outer_joins_fill_up(size: int, shop: StorageBackend) -> None:
    if not shop.dialect.supports_outer_joins:
        pytest.skip("SQLite has FULL JOIN since 3.39")
    full = Person.query().full_join(Pet, on=Pet.c.owner == c.id).select("name", Pet.c.name.as_("pet")).order_by("name")

    assert await full.order_by(c.id, Pet.c.id).aall() == await walked(full, size)
    assert (None, "Stray") == (await walked(full, size))[by_nulls(0, -1)]
    with pytest.raises(QueryError, match="a FULL JOIN gives rows that hold no Person"):
        await Person.query().full_join(Pet, on=Pet.c.owner == c.id).apage(2)


async def test_rows_that_may_come_twice_need_distinct() -> None:
    glad = Person.query().where(c.mood == Mood.GLAD)
    refused: list[tuple[Any, str]] = [
        (glad.union(glad, all=True), "the rows of UNION ALL cannot be told apart: leave out all=True"),
        (Person.query().from_(glad.as_cte("some")), "the rows of some have no key to tell them apart: add distinct"),
        (glad.as_table("t").query(), "the rows of t have no key to tell them apart: add distinct"),
        (Pet.query().join(glad.as_table("t"), on=Pet.c.owner > 1), "the rows of t have no key"),
    ]
    for query, message in refused:
        with pytest.raises(QueryError, match=message):
            await query.apage(2)
