"""Functions, CASE, casts and aggregates, answered by SQLite in Python's types."""

from __future__ import annotations

import datetime as dt
import sqlite3
from decimal import Decimal
from typing import Any

import pytest
from shop import Mood, Person, Pet, names

from rhosocial.activerecord import F
from rhosocial.activerecord.backend import DatabaseType, Dialect, QueryError
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend
from rhosocial.activerecord.backend.impl.sqlite import function as sqlite_function

c = Person.c


async def value(item: Any, name: str = "Ann") -> Any:
    """What an expression gives for one person."""
    return (await Person.query().select(item.as_("value")).where(c.name == name).ascalars())[0]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (F.case((c.age > 40, "old"), (c.age > 18, "grown"), else_="young"), "grown"),
        (F.case((c.age > 40, "old")), None),
        (F.case((c.active, 1), else_=0), 1),
        (F.case((c.active, True), else_=False), True),
        (F.case((c.active, c.born), else_="1999-01-01"), dt.date(2000, 1, 1)),
        (F.case((c.active, Mood.GLAD), else_=Mood.GRIM), Mood.GLAD),
        (F.case((c.active, c.balance), else_=0), Decimal("10.10")),
        (F.case((c.active & (c.age > 100), 1), else_=F.case((c.age > 1, 2))), 2),
        (c.active & (c.age > 18), True),
        (c.age.in_([1, 2]), False),
        (c.age.is_distinct_from(30), False),
        (c.nick.is_distinct_from(None), True),
        (F.exists(Pet.query().where(Pet.c.owner == c.id)), True),
        (F.coalesce(c.age * 0.5, 1), 15.0),
        (F.nullif(c.age, 30), None),
        (F.nullif(c.born, "2000-01-02"), dt.date(2000, 1, 1)),
        (F.greatest(c.age, 31, c.id), 31),
        (F.least(c.balance, Decimal("0.5")), Decimal("0.50")),
        (F.greatest(c.age, F.nullif(c.id, c.id)), None),
        (F.greatest(c.fortune, 1), Decimal("12345678901234567890.123456")),
        (F.trim("  a "), "a"),
        (F.trim("xxaxx", "x"), "a"),
        (F.ltrim("xxaxx", "x"), "axx"),
        (F.rtrim("xxaxx", "x"), "xxa"),
        (F.replace(c.name, "n", "na"), "Anana"),
        (F.substring(c.name, 2), "nn"),
        (F.substring(c.name, 2, 1), "n"),
        (F.substring(c.name, 9), ""),
        (F.concat(c.name, "/", c.age, "/", c.active), "Ann/30/true"),
        (F.concat(c.name, F.nullif("a", "a")), None),
        (F.ceil(c.score), 2.0),
        (F.floor(c.score), 1.0),
        (F.ceil(c.balance), Decimal(11)),
        (F.floor(-c.balance), Decimal(-11)),
        (F.mod(c.age, 7), 2),
        (F.mod(c.score, 1), 0.5),
        (c.score % 1, 0.5),
        (F.power(c.age, 2), 900.0),
        (F.sqrt(c.age + 6), 6.0),
        (F.sign(-c.balance), -1),
        (c.age.cast(str) + "!", "30!"),
        (c.age.cast(float), 30.0),
        (c.score.cast(str), "1.5"),
        (c.active.cast(str), "true"),
        (c.age.cast(bool), True),
        (F.cast("17", int) + 1, 18),
        (F.cast("17.5", Decimal), Decimal("17.5")),
        (F.cast("2024-02-29 10:11:12.000013", dt.datetime), dt.datetime(2024, 2, 29, 10, 11, 12, 13)),
        (c.born.cast(dt.datetime), dt.datetime(2000, 1, 1)),
        (F.cast("2024-02-29 10:11:12.000013", dt.date), dt.date(2024, 2, 29)),
        (F.cast("2024-02-29 10:11:12.000013", dt.time), dt.time(10, 11, 12, 13)),
        (F.cast("[1, {}]", DatabaseType.JSON), [1, {}]),
        (c.fortune.cast(float) > 1e19, True),
        pytest.param(F.call("hex", b"\x01"), "01", marks=pytest.mark.engine("sqlite")),
    ],
)  # fmt: skip
async def test_an_expression_gives_a_python_value(item: Any, expected: Any) -> None:
    got = await value(item)

    assert expected == got and type(expected) is type(got)


@pytest.mark.engine("sqlite")
async def test_collations_decide_what_is_equal_and_what_comes_first() -> None:
    assert "A" == names(await Person.query().where(c.name.collate("NOCASE") == "ANN").aall())
    folded = F.replace(c.name, "B", "b")
    ordered = Person.query().select("id")
    assert [1, 3, 4, 5, 6, 2] == await ordered.order_by(folded).ascalars()
    assert [1, 2, 3, 4, 5, 6] == await ordered.order_by(folded.collate("NOCASE").asc()).ascalars()
    with pytest.raises(QueryError, match="no such collation"):
        await ordered.order_by(c.name.collate("nowhere")).aall()


@pytest.mark.needs("supports_json")
async def test_functions_name_their_columns() -> None:
    asked = Person.query().select(
        F.upper(c.name), F.case((c.active, 1)), c.age.cast(str), c.tags[0], F.extract("year", c.born), F.count().over()
    )
    row = await asked.aone()

    assert ["upper", "case", "age", "tags", "year", "count"] == list(row.as_dict() if row else ())
    for item in (c.age + 1, c.age > 1, c.tags.json_length(), F.exists(Pet.query())):
        with pytest.raises(QueryError, match="needs a name"):
            Person.query().select(item)


async def test_now_and_today_are_the_databases_in_utc() -> None:
    before = dt.datetime.now(dt.UTC) - dt.timedelta(milliseconds=2)
    row = await Person.query().select(F.now().as_("now"), F.current_date(), F.current_timestamp()).aone()
    after = dt.datetime.now(dt.UTC)

    assert row is not None
    assert before <= row.now <= after and row.now.tzinfo is dt.UTC
    assert row.now == row.current_timestamp
    assert before.date() <= row.current_date <= after.date()
    assert 6 == await Person.query().where(F.coalesce(c.born, "2000-01-01") < F.current_date()).acount()


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (F.count().filter(c.active), 4),
        (F.count().filter(c.active).filter(c.age > 20), 2),
        (F.count(c.age, distinct=True).filter(c.age >= 20), 3),
        (F.sum(c.balance).filter(c.mood == Mood.GRIM), Decimal("94.99")),
        (F.sum(c.fortune).filter(c.id <= 2), Decimal("12345678901234567890.123457")),
        (F.avg(c.age).filter(c.age > 1_000), None),
        (F.string_agg(c.name, "+", order_by=c.name.desc()), "Fay+Eve+Dee+Cid+Bob+Ann"),
        (F.string_agg(c.name, "", order_by=(c.age.desc().nulls_first(), c.name)), "BobEveAnnCidDeeFay"),
        (F.string_agg(c.name, "", order_by=(c.age.asc().nulls_last(), c.id)), "FayCidDeeAnnEveBob"),
        pytest.param(
            F.string_agg(c.age, ",", distinct=True, order_by=c.age), "5,20,30,45", marks=pytest.mark.engine("sqlite")
        ),
        (F.string_agg(c.name).filter(c.id < 0), None),
        (F.string_agg(c.nick, ";", order_by=c.id).filter(c.active), "A;C"),
        (F.json_agg(c.active), [True, False, True, False, True, True]),
        (F.json_agg(c.tags), [[], [], [], [], ["x", "y"], []]),
        (F.json_agg(c.age), [30, None, 20, 20, 45, 5]),
        (F.json_agg(c.age).filter(c.id < 0), []),
    ],
)  # fmt: skip
async def test_aggregates(item: Any, expected: Any) -> None:
    assert [expected] == await Person.query().select(item.as_("value")).ascalars()


async def test_groups_are_kept_by_what_is_aggregated_in_them() -> None:
    grouped = Person.query().select("age", F.count().filter(c.active).as_("active")).group_by(c.age)

    assert [(20, 1)] == await grouped.having(F.count() > 1).atuples()
    assert [(None, 0)] == await grouped.having(F.string_agg(c.name) == "Bob").atuples()
    by_case = Person.query().select(F.case((c.age > 20, "old"), else_="young").as_("kind"), F.count())
    assert {("old", 2), ("young", 4)} == set(await by_case.group_by("kind").atuples())


async def test_a_filter_written_as_case_answers_the_same(shop: SQLiteBackend) -> None:
    class Bare(Dialect):
        supports_filter = False

    asked = Person.query().select(
        F.count().filter(c.age > 20).as_("n"),
        F.sum(c.age).filter(c.active).as_("sum"),
        F.count(c.age, distinct=True).filter(c.age < 40).as_("ages"),
    )
    text, values = Bare().compile(asked._select)

    assert "FILTER" not in text
    assert [dict(row.as_dict()) for row in await asked.aall()] == await shop.afetch_all(text, values)


async def test_conditions_take_queries() -> None:
    people, owners = Person.query().order_by("id"), Pet.query().select("owner")

    assert "ACE" == names(await people.where(c.id.in_(owners)).aall())
    assert "BDF" == names(await people.where(c.id.not_in(owners)).aall())
    assert "A" == names(
        await people.where(F.exists(Pet.query().where(Pet.c.owner == c.id, Pet.c.name == "Tom"))).aall()
    )
    assert "BDF" == names(await people.where(F.not_exists(Pet.query().where(Pet.c.owner == c.id))).aall())


@pytest.mark.engine("sqlite")
def test_an_sqlite_without_mathematics_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, helped = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
    monkeypatch.setattr(sqlite_function, "_missing", lambda: tuple(sqlite_function._MATHEMATICS))
    sqlite_function.register_functions(helped)

    def asked(connection: sqlite3.Connection, text: str) -> Any:
        return connection.execute(f"SELECT {text}").fetchone()[0]

    for text in (
        "ceil(1.2)", "ceil(-1.2)", "ceil(3)", "floor(1.8)", "floor(-1.2)", "power(2, 3)", "power(2, 0.5)", "sqrt(2)",
        "sqrt(-1)", "mod(7.5, 2)", "mod(-7, 3)", "mod(1, 0)", "sign(-2.5)", "sign(0)", "sqrt(NULL)", "power(NULL, 1)",
    ):  # fmt: skip
        assert asked(plain, text) == asked(helped, text), text
    plain.close()
    helped.close()
