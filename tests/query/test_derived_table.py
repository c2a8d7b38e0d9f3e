"""Queries that stand in FROM, and records read out of them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from shop import Mood, Person, Pet, names
from tree import Node

from engines import standard
from rhosocial.activerecord import F
from rhosocial.activerecord.backend import ColumnNotFound, Dialect, QueryError, UnsupportedFeature

c, p, n = Person.c, Pet.c, Node.c


async def test_a_query_is_joined_as_a_table() -> None:
    owned = Pet.query().select("owner", F.count().as_("pets")).group_by("owner").as_table("owned")
    query = Person.query().left_join(owned, on=owned.c.owner == c.id).order_by("owned.pets DESC NULLS LAST", "id")

    assert "ACEBDF" == names(await query.aall())
    assert [("Ann", 2), ("Cid", 1)] == await query.select("name", "owned.pets").limit(2).atuples()
    assert "A" == names(await query.where(owned.c.pets > 1).aall())
    assert 'LEFT JOIN (SELECT "pets"."owner_id" AS "owner", COUNT(*) AS "pets" FROM "pets" GROUP BY' in standard(
        query.to_sql()[0]
    )


async def test_the_rows_of_a_query_are_asked_again() -> None:
    moods = Person.query().select("mood", F.max(c.age).as_("oldest")).group_by("mood").as_table("moods")

    assert [(Mood.GLAD, 45), (Mood.GRIM, 20)] == await moods.query().order_by("oldest DESC").atuples()
    assert [(Mood.GLAD, 45)] == await moods.query().where(moods.c.oldest > 20).atuples()
    assert 2 == await moods.query().acount()
    assert 45 == await moods.query().amax("oldest")
    assert Decimal(65) == await moods.query().asum("oldest")
    assert {"mood": Mood.GRIM, "oldest": 20} == (await moods.query().order_by("oldest").afirst()).as_dict()
    assert [{"oldest": 20}] == await moods.query().where("oldest = ?", (20,)).to_dict(["oldest"]).aall()


@pytest.mark.needs("supports_json")
async def test_columns_of_a_query_carry_their_type() -> None:
    days = Node.query().select("id", n.data.as_("data"), n.data["key"].as_("key"), n.day.as_("day")).as_table("days")
    query = days.query().order_by("id")

    assert [4, 5] == await query.where(days.c.data["n"] > 3).select("id").ascalars()
    assert ["a", "b"] == await query.where(days.c.id.in_((2, 3))).select(days.c.data["key"].as_("key")).ascalars()
    assert [4] == await query.where(days.c.key == "aa").select("id").ascalars()
    assert [dt.date(2024, 1, 5)] == await query.where(days.c.day > "2024-01-04").select("day").ascalars()
    assert [5] == await query.where(days.c.day + dt.timedelta(days=1) > dt.date(2024, 1, 5)).select("id").ascalars()


async def test_long_decimals_of_a_query_keep_their_order_and_sum() -> None:
    rich = Person.query().select("name", "fortune").as_table("rich")
    best = Person.query().select("mood", F.max(c.fortune).as_("most")).group_by("mood").as_table("best")

    assert ["Eve", "Bob", "Fay", "Cid", "Dee", "Ann"] == await rich.query().order_by("fortune").select(
        "name"
    ).ascalars()
    assert ["Ann", "Cid", "Dee"] == await rich.query().where(rich.c.fortune > 9).select("name").ascalars()
    assert await Person.query().asum("fortune") == await rich.query().asum("fortune")
    assert [Mood.GLAD] == await best.query().where(best.c.most > Decimal(11)).select("mood").ascalars()


async def test_records_are_read_out_of_a_query() -> None:
    late = Person.query().where(c.id > 2).order_by("id").limit(3).as_table("late")
    query = Person.query().from_(late)

    assert "EDC" == names(await query.order_by("id DESC").aall())
    assert "DE" == names(await query.where(c.id > 3).order_by(late.c.id).aall())
    assert 3 == await query.acount()
    assert "C" == names([await query.afirst()])
    assert [3] == [person.id for person in await query.afind_all([1, 3])]
    assert 2 == await query.join(Pet, on=p.owner == c.id).acount()
    sql, params = query.where(c.id > 3).to_sql()
    sql = standard(sql)
    assert sql.endswith('ORDER BY "people"."id" ASC LIMIT ?) AS "late" WHERE "id" > ?')
    assert (2, 3, 3) == params


async def test_what_is_read_out_of_a_query_may_have_the_tables_name() -> None:
    late = Person.query().where(c.id > 4).as_table("people")

    assert "EF" == names(await Person.query().from_(late).order_by("id").aall())


async def test_records_out_of_a_query_lead_to_others() -> None:
    query = Node.query().from_(Node.query().where(n.id > 3).as_table("late")).order_by("id")

    assert ["a", "aa"] == [node.parent.name for node in await query.with_("parent").aall()]
    assert ["a", "aa"] == [node.parent.name for node in await query.with_("parent", join=True).aall()]


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: Person.query().from_(Pet), "from_ expects a CTE or a query's as_table, got "),
        (lambda: Person.query().from_(Person.query()), "from_ expects a CTE or a query's as_table, got Query"),
        (lambda: Person.query().from_(Pet.query().as_table("t")), "t gives no age, score, .*, which Person needs"),
        (lambda: Person.query().from_(Person.query().as_table("t", lateral=True)), "t is lateral, and nothing stands"),
        (
            lambda: Person.query().join(Pet, on=p.owner == c.id).from_(Person.query().as_table("pets")),
            "pets is in the query already",
        ),
        (lambda: Person.query().start_or_group().as_table("t"), "start_or_group was not closed"),
        (lambda: Person.query().as_table("t").query().afind_one(1).send(None), "the rows of t have no key"),
    ],
)
def test_what_cannot_be_read_from_is_refused(ask: Any, says: str) -> None:
    with pytest.raises(QueryError, match=says):
        ask()


async def test_a_query_in_from_does_not_see_the_tables_beside_it() -> None:
    theirs = Pet.query().where(p.owner == c.id).as_table("theirs")

    with pytest.raises(ColumnNotFound, match=r"people\.id is no column of pets: join people first"):
        await Person.query().join(theirs, on="1 = 1").aall()
    with pytest.raises(ColumnNotFound, match="t has no column 'nam'; did you mean 'name'"):
        _ = Person.query().as_table("t").c.nam


@pytest.mark.engine("sqlite")
async def test_a_lateral_query_names_the_tables_before_it() -> None:
    last = Pet.query().where(p.owner == c.id).order_by(p.id.desc()).limit(1).as_table("last", lateral=True)
    query = Person.query().select("name").left_join(last).where(last.c.name == "Tom")

    sql, params = Dialect().compile(query.as_subquery().select)
    assert (1, "Tom") == params
    assert sql == (
        'SELECT "people"."name" FROM "people" LEFT JOIN LATERAL (SELECT "pets"."id", "pets"."owner_id", "pets"."name", '
        '"pets"."got" FROM "pets" WHERE "pets"."owner_id" = "people"."id" ORDER BY "pets"."id" DESC LIMIT ?) AS "last" '
        'ON 1 = 1 WHERE "last"."name" = ?'
    )
    with pytest.raises(UnsupportedFeature, match="SQLite has no lateral queries: join one that does not name"):
        await query.atuples()
