"""The calls that answer: records, values, numbers, and the text of the question."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from shop import Mood, Person, Pet, Seat, by_nulls, names

from rhosocial.activerecord import F
from rhosocial.activerecord.backend import ColumnNotFound, QueryError, RecordNotFound

c = Person.c
nobody = Person.query().where(c.id < 0)


async def test_all_gives_records() -> None:
    people = await Person.query().order_by("id").aall()

    assert "ABCDEF" == names(people)
    assert not people[0].is_new_record and not people[0].is_dirty
    assert Person(
        id=3, name="Cid", age=20, score=0.25, balance="-5.00", fortune="9.500000", born=dt.date(2000, 1, 3),
        mood="grim", nick="C"
    ) == people[2]  # fmt: skip
    assert [] == await nobody.aall()


async def test_one_and_first_give_a_record_or_none() -> None:
    assert "F" == names([await Person.query().order_by("age").where(c.age > 0).aone()])
    assert "A" == names([await Person.query().afirst()])
    assert by_nulls("E", "B", falls=True) == names([await Person.query().order_by(c.age.desc()).afirst()])
    assert "C" == names([await Person.query().offset(2).afirst()])
    assert None is await nobody.aone()
    assert None is await nobody.afirst()
    assert None is await Person.query().limit(0).aone()
    assert None is await Person.query().limit(0).afirst()
    assert "A1" == (await Seat.query().afirst()).label


async def test_one_or_fail_says_what_is_missing() -> None:
    assert "A" == names([await Person.query().order_by("id").aone_or_fail()])
    with pytest.raises(RecordNotFound, match="no Person answers the query") as caught:
        await nobody.aone_or_fail()
    assert "people" == caught.value.table


async def test_find_one_looks_among_what_is_asked_for() -> None:
    assert "B" == names([await Person.query().afind_one(2)])
    assert None is await Person.query().where(c.active).afind_one(2)
    assert "A2" == (await Seat.query().afind_one(("A", 2))).label


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (("age", "id"), ("BFCDAE", "FCDAEB")),
        (("age DESC", "id DESC"), ("EADCFB", "BEADCF")),
        (("age desc nulls first", "id"), "BEACDF"),
        (("age ASC NULLS LAST", "id"), "FCDAEB"),
        (("people.age asc", "people.id"), ("BFCDAE", "FCDAEB")),
        ((c.age.desc().nulls_last(), c.id.desc()), "EADCFB"),
        ((c.age.asc().nulls_last(), c.id), "FCDAEB"),
        ((c.age.asc().nulls_last().reversed(), c.id), "BEACDF"),
        ((c.score + c.age * 0,), ("BFCAED", "FCAEDB")),
        ((F.abs(c.score), "id"), "FCABED"),
        ((c.fortune,), "EBFCDA"),
        ((c.fortune.desc(),), "ADCFBE"),
        (("nick DESC NULLS LAST", "id"), "CABDEF"),
    ],
)
async def test_order(items: Any, expected: Any) -> None:
    falls = "DESC" in str(items[0]) or "desc" in str(items[0])
    wanted = by_nulls(*expected, falls=falls) if isinstance(expected, tuple) else expected
    assert wanted == names(await Person.query().order_by(*items).aall())


async def test_calls_of_order_by_add_up() -> None:
    assert by_nulls("BFDCAE", "FDCAEB") == names(await Person.query().order_by("age").order_by("id DESC").aall())


@pytest.mark.parametrize(
    ("limit", "offset", "expected"),
    [(2, None, "AB"), (2, 1, "BC"), (None, 4, "EF"), (0, None, ""), (9, 5, "F"), (None, 9, ""), (None, None, "ABCDEF")],
)
async def test_limit_and_offset(limit: int | None, offset: int | None, expected: str) -> None:
    query = Person.query().order_by("id").limit(limit).offset(offset)

    assert expected == names(await query.aall())
    assert len(expected) == await query.acount()
    assert bool(expected) is await query.aexists()
    assert len(expected) == len(await query.adicts())


@pytest.mark.parametrize(
    "count", [-1, True, False, 1.0, "1", "1; DROP TABLE people", b"1", [1], 1j, Decimal(1)], ids=repr
)
def test_limit_and_offset_take_whole_numbers_only(count: Any) -> None:
    with pytest.raises(QueryError, match="limit must be a whole number of at least 0, got "):
        Person.query().limit(count)
    with pytest.raises(QueryError, match="offset must be a whole number of at least 0, got "):
        Person.query().offset(count)


async def test_count_and_exists() -> None:
    assert (6, True) == (await Person.query().acount(), await Person.query().aexists())
    assert (0, False) == (await nobody.acount(), await nobody.aexists())
    assert 6 == await Person.query().order_by("id").acount()
    joined = Person.query().join(Pet, on=Pet.c.owner == c.id)
    assert (4, 3) == (await joined.acount(), await joined.distinct().acount())


async def test_count_and_exists_see_distinct_limits_and_groups() -> None:
    ages = Person.query().select("age").distinct()
    moods = Person.query().select("mood", "COUNT(*) AS n").group_by("mood")

    assert (5, 3, 1) == (await ages.acount(), await ages.limit(3).acount(), await ages.offset(4).acount())
    assert (True, False) == (await ages.offset(4).aexists(), await ages.offset(5).aexists())
    assert (2, 1) == (await moods.acount(), await moods.having(F.count() > 2).acount())
    assert (True, True, False) == (
        await moods.aexists(),
        await moods.having("COUNT(*) > 3").aexists(),
        await moods.having("COUNT(*) > 4").aexists(),
    )
    assert (1, True) == (
        await Person.query().select(F.max(c.age)).acount(), await nobody.select(F.max(c.age)).aexists()
    )  # fmt: skip
    assert (False, False) == (await Person.query().limit(0).aexists(), await moods.limit(0).aexists())


@pytest.mark.parametrize(
    ("column", "total", "mean", "least", "most"),
    [
        ("age", 120, 24.0, 5, 45),
        ("people.age", 120, 24.0, 5, 45),
        (c.age, 120, 24.0, 5, 45),
        ("score", 10.75, 10.75 / 6, -2.0, 8.0),
        ("balance", Decimal("112.99"), Decimal("18.83"), Decimal("-5.00"), Decimal("99.99")),
        (
            "fortune",
            Decimal("12345678901234567910.873457"),
            Decimal("2057613150205761318.478910"),
            Decimal("-1.000000"),
            Decimal("12345678901234567890.123456"),
        ),
        (c.age * 2, 240, 48.0, 10, 90),
        (c.balance * 2, Decimal("225.98"), Decimal("37.66"), Decimal("-10.00"), Decimal("199.98")),
        ("active", 4, 4 / 6, False, True),
    ],
)  # fmt: skip
async def test_sum_avg_min_and_max(column: Any, total: Any, mean: Any, least: Any, most: Any) -> None:
    query = Person.query()
    found = await query.asum(column), await query.aavg(column), await query.amin(column), await query.amax(column)

    assert (total, mean, least, most) == found
    assert [type(value) for value in (total, mean, least, most)] == [type(value) for value in found]
    assert [None] * 4 == [
        await nobody.asum(column), await nobody.aavg(column), await nobody.amin(column), await nobody.amax(column)
    ]  # fmt: skip


async def test_min_and_max_of_other_types() -> None:
    query = Person.query()

    assert (dt.date(2000, 1, 1), dt.date(2000, 1, 5)) == (await query.amin("born"), await query.amax("born"))
    assert ("Ann", "Fay") == (await query.amin("name"), await query.amax("name"))
    assert (Mood.GLAD, Mood.GRIM) == (await query.amin("mood"), await query.amax("mood"))
    assert ("A", "C") == (await query.amin("nick"), await query.amax("select"))


async def test_sums_of_decimals_are_exact() -> None:
    some = Person.query().where(c.name.in_(["Ann", "Bob", "Eve"]))

    assert Decimal("11.00") == await some.asum("balance")
    assert Decimal("12345678901234567889.123457") == await some.asum("fortune")
    assert Decimal("0.30") == await some.where(c.name == "Bob").asum(c.balance + Decimal("0.10"))


@pytest.mark.parametrize("column", ["name", "born", "mood", "tags", c.nick])
async def test_only_numbers_are_summed(column: Any) -> None:
    with pytest.raises(QueryError, match="sum takes numbers, but"):
        await Person.query().asum(column)
    with pytest.raises(QueryError, match="avg takes numbers, but"):
        await Person.query().aavg(column)


async def test_aggregates_take_all_rows() -> None:
    query = Person.query()

    for cut in (query.limit(1), query.offset(1), query.distinct(), query.group_by("age"), query.select(F.max(c.age))):
        with pytest.raises(QueryError, match="take all rows of a query"):
            await cut.asum("age")
    assert 120 == await query.order_by("name").select("name").asum("age")
    with pytest.raises(ColumnNotFound, match="did you mean 'age'"):
        await query.asum("agee")
    with pytest.raises(QueryError, match="expected a column, got int"):
        await query.asum(5)


async def test_dicts_and_tuples_have_all_fields() -> None:
    query = Person.query().where(c.id == 1)
    values = {
        "id": 1, "name": "Ann", "age": 30, "score": 1.5, "balance": Decimal("10.10"),
        "fortune": Decimal("12345678901234567890.123456"), "active": True, "born": dt.date(2000, 1, 1),
        "mood": Mood.GLAD,
        "tags": [], "nick": "A",
    }  # fmt: skip

    assert [values] == await query.adicts()
    assert [tuple(values.values())] == await query.atuples()
    assert ([], []) == (await nobody.adicts(), await nobody.atuples())


async def test_to_dict_gives_chosen_fields() -> None:
    query = Person.query().where(c.id == 1)

    assert [{"name": "Ann", "age": 30}] == await query.to_dict(include=["name", "age"]).aall()
    assert {"id", "name"} == set((await query.to_dict(exclude=set(Person.model_fields) - {"id", "name"}).aall())[0])
    assert {"nick": "A"} == await query.to_dict(include=["nick", "age"], exclude=["age"]).aone()
    assert {"nick": "A"} == await query.to_dict(include=["select"]).aone()
    assert None is await nobody.to_dict().aone()
    assert await query.adicts() == await query.to_dict().aall()
    assert None is await query.limit(0).to_dict().aone()


@pytest.mark.parametrize("fields", [{"include": ["nam"]}, {"exclude": ["nam"]}])
def test_to_dict_knows_its_fields(fields: Any) -> None:
    with pytest.raises(ColumnNotFound, match="did you mean 'name'"):
        Person.query().to_dict(**fields)


def test_to_dict_needs_a_field() -> None:
    with pytest.raises(QueryError, match="at least one column"):
        Person.query().to_dict(include=[])


def test_to_sql_shows_text_and_values() -> None:
    query = Seat.query().where(Seat.c.number > 1).where("row = ?", ("A",)).order_by("label DESC").limit(3).offset(1)

    assert (
        'SELECT "row", "number", "label" FROM "seats" WHERE "number" > ? AND (row = ?)'
        ' ORDER BY "label" DESC LIMIT ? OFFSET ?',
        (1, "A", 3, 1),
    ) == query.to_sql()
    assert query.to_sql() == query.build()
    assert "Query(seats)" == repr(query)


@pytest.mark.engine("sqlite")
def test_to_sql_shows_the_values_as_the_driver_gets_them() -> None:
    query = Person.query().where(c.born == dt.date(2000, 1, 1), c.active == True, c.mood == Mood.GRIM, c.balance < 5)  # noqa: E712  # SQL, not Python.

    assert ("2000-01-01", 1, "grim", 5.0) == query.to_sql()[1]


@pytest.mark.engine("sqlite")
async def test_explain_shows_how_the_engine_goes_about_it() -> None:
    assert "SEARCH people USING INTEGER PRIMARY KEY (rowid=?)" == await Person.query().where(c.id == 1).aexplain()
    plan = await Person.query().where(c.name == "x").order_by("age").aexplain()
    assert ["SCAN people", "USE TEMP B-TREE FOR ORDER BY"] == plan.splitlines()
    assert "USING INDEX sqlite_autoindex_seats_1 (row=?)" in await Seat.query().where(Seat.c.row == "A").aexplain()
