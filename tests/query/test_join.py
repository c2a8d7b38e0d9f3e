"""Joins, subqueries, and whose column a name means."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from shop import Note, Person, Pet, names

from engines import standard
from rhosocial.activerecord import F
from rhosocial.activerecord.backend import ColumnNotFound, ParameterCountError, QueryError
from rhosocial.activerecord.backend.expression import Raw
from rhosocial.activerecord.backend.subquery import Exists

c, p = Person.c, Pet.c


async def test_a_model_is_joined_on_a_condition() -> None:
    query = Person.query().join(Pet, on=p.owner == c.id).order_by(c.id, p.id)

    assert "AACE" == names(await query.aall())
    assert "AE" == names(await query.where(p.name == "Rex").aall())
    assert "A" == names(await query.where(p.name == "Rex", c.name == "Ann").aall())
    assert 'FROM "people" JOIN "pets" ON "pets"."owner_id" = "people"."id"' in standard(query.to_sql()[0])


async def test_the_condition_of_a_join_may_be_text() -> None:
    query = Person.query().join(Pet, on="pets.owner_id = people.id").order_by("people.id", "pets.id DESC")

    assert [("Ann", "Tom"), ("Ann", "Rex")] == (await query.select("name", p.name.as_("pet")).atuples())[:2]


async def test_left_join_keeps_rows_without_a_partner() -> None:
    query = Person.query().left_join(Pet, on=p.owner == c.id).order_by("id", p.id)

    assert [("Bob", None), ("Cid", "Kit")] == (await query.select(c.name, p.name.as_("pet")).atuples())[2:4]
    assert "BDF" == names(await query.where(p.id.is_null()).aall())
    assert 7 == await query.acount()


async def test_a_raw_clause_is_joined_as_it_is() -> None:
    query = Person.query().join("JOIN pets AS x ON x.owner_id = people.id AND x.name = 'Rex'")

    assert "AE" == names(await query.order_by("id").aall())
    assert ["Rex", "Rex"] == await query.select("x.name AS pet").ascalars()
    assert "E" == names(await query.query({"x.got": None}).aall())
    older = Person.query().join("INNER JOIN people other ON other.age > people.age").where("other.name = ?", ("Ann",))
    assert "CDF" == names(await older.order_by("id").aall())


async def test_columns_of_one_name_in_two_tables_are_told_apart() -> None:
    query = Person.query().join(Pet, on=p.owner == c.id).order_by("pets.name", "name").where(p.id > 0, c.id > 0)

    assert [("Cid", "Kit"), ("Ann", "Rex"), ("Eve", "Rex"), ("Ann", "Tom")] == await query.select(
        "name", "pets.name AS pet"
    ).atuples()
    assert 2 == await query.query({"pets.name": "Rex"}).acount()
    with pytest.raises(QueryError, match="two columns the name 'name': name one with"):
        query.select(c.name, p.name)


async def test_strings_name_the_columns_of_joined_models_by_field_or_column() -> None:
    query = Person.query().join(Pet, on=p.owner == c.id).order_by("pets.owner", "pets.got DESC")

    assert [dt.date(2020, 2, 2), dt.date(2020, 2, 1), dt.date(2020, 2, 3), None] == await query.select(
        "pets.got"
    ).ascalars()
    assert {"owner": 1} == (await query.select("pets.owner_id").adicts())[0]
    assert "C" == names(await query.query({"pets.got__gt": "2020-02-02"}).aall())
    counts = Person.query().join(Pet, on=p.owner == c.id).select("pets.owner", F.count().as_("n"))
    assert [(1, 2), (3, 1), (5, 1)] == await counts.group_by("pets.owner").order_by("pets.owner_id").atuples()


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (lambda q: q.join("pets"), QueryError, "Person has no relation 'pets' to join; pass a model or a JOIN clause"),
        (lambda q: q.left_join("pets"), QueryError, "Person has no relation 'pets' to join"),
        (lambda q: q.join("pets", on=p.id == 1), QueryError, "has its own condition: leave out on"),
        (lambda q: q.cross_join("pets"), QueryError, "expects a model, an alias, a CTE or a query's as_table, got 'p"),
        (lambda q: q.left_join("JOIN pets ON 1"), QueryError, "a raw clause goes through join"),
        (lambda q: q.join("JOIN pets ON 1", on=c.id == 1), QueryError, "has its condition in it"),
        (lambda q: q.join("JOIN pets ON pets.id = ?"), ParameterCountError, "expected 1 parameters"),
        (lambda q: q.join(Pet), QueryError, "no foreign key between pets and people: say on what to join, on=…"),
        (lambda q: q.join(Pet, on=p.id == 1, alias="x"), QueryError, r"for a model, join Model.alias\(…\)"),
        (lambda q: q.join(Pet, on=True), QueryError, "expected a condition or SQL text, got bool"),
        (lambda q: q.join(5), QueryError, "expects a model, .* got int"),
        (lambda q: q.join(Person, on=c.id == c.age), QueryError, "people is in the query already"),
        (lambda q: q.join(Pet, on=p.id == 1).join(Pet, on=p.id == 1), QueryError, "pets is in the query already"),
        (lambda q: q.order_by("pets.name"), ColumnNotFound, "has no table 'pets'; it has people; join it first"),
        (lambda q: q.join(Pet, on=p.id == 1).order_by("pet.name"), ColumnNotFound,
        "no table 'pet'; did you mean 'pets'"),
        (lambda q: q.join(Pet, on=p.id == 1).order_by("pets.nam"), ColumnNotFound,
        "Pet has no column 'nam'; did you mean 'n"),
        (lambda q: q.join(Pet, on=p.id == 1).select("pets.*"), QueryError,
        "name the columns of joined tables one by one"),
        (lambda q: q.join(Pet, on=p.id == 1).query({"pets.nam": 1}), ColumnNotFound, "Pet has no column 'nam'"),
    ],
)  # fmt: skip
def test_a_wrong_join_is_refused_before_any_sql(ask: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        ask(Person.query())


async def test_a_column_of_a_table_that_was_not_joined_is_not_taken_for_one_of_the_same_name() -> None:
    for query in (
        Person.query().where(p.name == "Rex"),
        Person.query().order_by(p.name),
        Person.query().select(p.name),
        Person.query().where(c.id.in_(Pet.query().select(c.id))).where(p.id == 1),
    ):
        with pytest.raises(ColumnNotFound, match=r"pets\.\w+ is no column of people: join pets first"):
            await query.atuples()


async def test_a_query_may_stand_among_values() -> None:
    owners = Pet.query().select("owner")

    assert "ACE" == names(await Person.query().where(c.id.in_(owners)).order_by("id").aall())
    assert "BDF" == names(await Person.query().where(c.id.not_in(owners)).order_by("id").aall())
    oldest = Person.query().select(F.max(c.age))
    assert "E" == names(await Person.query().where(c.age == oldest).aall())
    assert "CE" == names(await Person.query().where(c.id.in_(owners.where(p.name == "Kit")) | (c.age == oldest)).aall())


async def test_a_subquery_may_ask_about_the_row_outside_it() -> None:
    theirs = Pet.query().where(p.owner == c.id)
    query = Person.query().order_by("id")

    assert "ACE" == names(await query.where(Exists(theirs)).aall())
    assert "BDF" == names(await query.where(Exists(theirs, negated=True)).aall())
    assert "BDF" == names(await query.where(~Exists(theirs)).aall())
    assert "CE" == names(await query.where(Exists(theirs) & (c.name > "Ann")).aall())
    counts = query.select("name", theirs.select(F.count()).as_subquery().as_("pets"))
    assert [("Ann", 2), ("Bob", 0), ("Cid", 1)] == await counts.limit(3).atuples()
    first_got = theirs.select(F.min(p.got)).as_subquery()
    assert [dt.date(2020, 2, 1), None] == await query.select(first_got.as_("day")).limit(2).ascalars()


async def test_columns_of_one_name_inside_and_outside_a_subquery_are_told_apart() -> None:
    same = Pet.query().where(p.id == c.id, p.name != c.name)

    assert "ABCDE" == names(await Person.query().where(Exists(same)).order_by("id").aall())
    sql, _ = Person.query().where(Exists(same)).to_sql()
    sql = standard(sql)
    assert 'WHERE "pets"."id" = "people"."id" AND "pets"."name" <> "people"."name")' in sql


async def test_subqueries_nest() -> None:
    inner = Pet.query().where(p.name == "Rex").select("owner")
    outer = Person.query().where(c.id.in_(inner)).select("id")

    assert ["Rex", "Tom", "Rex"] == await Pet.query().where(p.owner.in_(outer)).order_by("id").select("name").ascalars()


async def test_text_may_stand_where_a_list_may() -> None:
    query = Person.query().order_by("id")

    assert "AC" == names(await query.where(c.id.in_(Raw("SELECT owner_id FROM pets WHERE owner_id < ?", (4,)))).aall())
    assert "AC" == names(await query.where("id IN ?", (Pet.query().select("owner").where(p.owner < 4),)).aall())


async def test_a_condition_may_hold_a_query_of_the_same_table(notes: type[Note]) -> None:
    await notes.abulk_create([notes(text="a", size=1), notes(text="b", size=2)])

    smaller = notes.query().select("size").where(notes.c.text == "a")
    assert ["b"] == await notes.query().where(notes.c.size > smaller).select("text").ascalars()
