"""A table under a second name: joined with itself, asked under it, and told apart from the first."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from shop import Person, Pet, names
from tree import Node

from engines import standard
from rhosocial.activerecord import F
from rhosocial.activerecord.backend import ColumnNotFound, QueryError

c, p, n = Person.c, Pet.c, Node.c
HOSTILE = ['we"ird', "a.b", "x; DROP TABLE people--", "select", "it's", "naïve", " ", "?", "%s"]


async def test_a_table_is_joined_with_itself() -> None:
    boss = Node.alias("boss")
    query = Node.query().join(boss, on=n.parent_id == boss.c.id).order_by(n.id)

    assert [("a", "root"), ("b", "root"), ("aa", "a"), ("aaa", "aa")] == await query.select(
        n.name, boss.c.name.as_("boss")
    ).atuples()
    assert ["a", "b", "aa", "aaa"] == [node.name for node in await query.aall()]
    assert 'FROM "nodes" JOIN "nodes" AS "boss" ON "nodes"."parent_id" = "boss"."id"' in standard(query.to_sql()[0])


async def test_strings_name_the_columns_of_an_alias() -> None:
    boss = Node.alias("boss")
    query = Node.query().left_join(boss, on="boss.id = nodes.parent_id").order_by("boss.name DESC NULLS LAST", "id")

    assert [("a", "root"), ("b", "root"), ("aaa", "aa"), ("aa", "a"), ("root", None)] == await query.select(
        "name", "boss.name AS boss"
    ).atuples()
    assert ["aaa"] == await query.query({"boss.name__startswith": "aa"}).select("nodes.name").ascalars()
    assert [("root", 2), ("aa", 1), ("a", 1), (None, 1)] == await Node.query().left_join(
        boss, on=boss.c.id == n.parent_id
    ).select("boss.name AS boss", F.count().as_("n")).group_by("boss.name").order_by(
        boss.c.name.desc().nulls_last()
    ).atuples()


async def test_an_alias_is_asked_for_records() -> None:
    other = Node.alias("other")
    query = other.query().where(other.c.day > "2024-01-03").order_by("id")

    found = await query.aall()
    assert [(Node, "aa", {"key": "aa", "n": 4}), (Node, "aaa", {"key": "aaa", "n": 5})] == [
        (type(node), node.name, node.data) for node in found
    ]
    assert 'FROM "nodes" AS "other" WHERE "day" > ?' in standard(query.to_sql()[0])
    assert [4] == [node.id for node in await other.query().afind_all([4, 99])]
    assert 5 == await other.query().acount()
    assert "root" == (await other.query().afirst()).name
    assert [{"id": 1, "name": "root"}] == await other.query().limit(1).to_dict(include=["id", "name"]).aall()


async def test_relations_are_loaded_for_an_alias_too() -> None:
    other = Node.alias("other")
    query = other.query().where(other.c.id > 3).order_by("id")

    assert ["a", "aa"] == [node.parent.name for node in await query.with_("parent").aall()]
    assert ["a", "aa"] == [node.parent.name for node in await query.with_("parent", join=True).aall()]


@pytest.mark.needs("supports_json")
async def test_columns_of_an_alias_carry_their_type() -> None:
    other = Node.alias("other")
    query = Node.query().join(other, on=other.c.id == n.parent_id).order_by("id")

    assert ["aaa"] == await query.where(other.c.data["n"] > 2).select("name").ascalars()
    assert [dt.date(2024, 1, 1), dt.date(2024, 1, 1)] == await query.limit(2).select("other.day").ascalars()
    assert 2 == await query.where(other.c.day + dt.timedelta(days=1) == dt.date(2024, 1, 2)).acount()


async def test_a_subquery_of_the_same_table_names_both_rows() -> None:
    other = Person.alias("other")
    same_mood = other.query().where(other.c.mood == c.mood)
    query = Person.query().order_by("id")

    assert "BE" == names(await query.where_not_exists(other.query().where(other.c.age > c.age)).aall())
    assert [45, 45, 20, 20, 45, 45] == await query.select(
        same_mood.select(F.max(other.c.age)).as_subquery().as_("oldest")
    ).ascalars()
    first_of_mood = same_mood.select(F.min(other.c.id).as_("first"))
    assert "ACE" == names(await query.where(c.id.in_(first_of_mood) | (c.age == 45)).aall())


@pytest.mark.parametrize("name", HOSTILE)
async def test_any_text_may_be_a_name(name: str) -> None:
    other = Person.alias(name)
    joined = Pet.query().join(other, on=p.owner == other.c.id).where(other.c.name == "Ann")

    assert 2 == await joined.acount()
    assert ["Ann", "Ann"] == await joined.select(other.c.name.as_("owner")).ascalars()
    assert "F" == names(await other.query().order_by(other.c.id.desc()).limit(1).aall())
    assert 6 == await Person.query().as_table(name).query().acount()
    assert 6 == await Person.query().as_cte(name).query().acount()
    assert 6 == await Person.query().from_(Person.query().as_cte(name)).acount()
    assert 4 == await Node.query().join("parent", alias=name).acount()


@pytest.mark.parametrize("name", ["", "nul\0byte", 5, None])
def test_what_is_no_name_is_refused(name: Any) -> None:
    for ask in (Person.alias, Person.query().as_table, Person.query().as_cte, Person.query().as_cte("t").alias):
        with pytest.raises(QueryError, match="expected a name, got"):
            ask(name)


def test_a_name_stands_for_one_table() -> None:
    query = Person.query()

    for name in ("people", "PEOPLE"):
        with pytest.raises(QueryError, match=f"{name} is in the query already: join it once more under an alias"):
            query.join(Person.alias(name), on=c.id == 1)
    with pytest.raises(ColumnNotFound, match=r"people\.name is no column of other: join people first"):
        Person.alias("other").query().where(c.name == "Ann").to_sql()
    with pytest.raises(ColumnNotFound, match="Person has no column 'nam'; did you mean 'name'"):
        _ = Person.alias("other").c.nam
    with pytest.raises(QueryError, match="alias goes with a relation's name"):
        query.join(Pet, on=p.owner == c.id, alias="x")
