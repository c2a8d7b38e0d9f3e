"""Queries of WITH, recursive ones among them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from shop import Person, Pet, names
from tree import Node, NodeTag

from engines import standard
from rhosocial.activerecord import F
from rhosocial.activerecord.backend import QueryError, UnsupportedFeature
from rhosocial.activerecord.backend.expression import Raw
from rhosocial.activerecord.backend.impl.sqlite import SQLiteDialect

c, p, n = Person.c, Pet.c, Node.c


def below(name: str) -> Any:
    """The node and all under it."""
    start = Node.query().where(n.name == name)
    return start.as_cte("tree").recursive(lambda tree: Node.query().join(tree, on=n.parent_id == tree.c.id))


async def test_what_is_joined_puts_itself_into_with() -> None:
    owned = Pet.query().where(p.id < 4).select("owner", F.count().as_("n")).group_by("owner").as_cte("owned")
    query = Person.query().join(owned, on=owned.c.owner == c.id).where(owned.c.n > 1)

    assert "A" == names(await query.aall())
    sql, params = query.select("name", "owned.n").to_sql()
    sql = standard(sql)
    assert sql == (
        'WITH "owned" AS (SELECT "pets"."owner_id" AS "owner", COUNT(*) AS "n" FROM "pets" WHERE "pets"."id" < ? '
        'GROUP BY "pets"."owner_id") SELECT "people"."name", "owned"."n" FROM "people" '
        'JOIN "owned" ON "owned"."owner" = "people"."id" WHERE "owned"."n" > ?'
    )
    assert (4, 1) == params


async def test_a_cte_may_read_from_another_whose_fields_and_columns_have_different_names() -> None:
    rex = Pet.query().where(p.name == "Rex").as_cte("rex")
    owners = rex.query().as_cte("owners")
    query = Person.query().join(owners, on=owners.c.owner == c.id).order_by("name")

    assert "AE" == names(await query.aall())
    assert "AE" == names(await query.join(rex, on=rex.c.id == owners.c.id).aall())


async def test_a_cte_stands_in_the_condition_of_a_relation_to_the_same_table() -> None:
    under_a = below("a")
    query = Node.query().where(Node.children.any(n.id.in_(under_a.query().select("id"))))

    assert ["a", "aa", "root"] == [node.name for node in await query.order_by("name").aall()]
    assert 1 == query.to_sql()[0].count("WITH RECURSIVE")


async def test_a_cte_is_asked_by_itself() -> None:
    ages = Person.query().select("name", "age").where(c.age.is_not_null()).as_cte("ages")

    assert ["Eve", "Ann"] == await ages.query().where(ages.c.age > 20).order_by("age DESC").select("name").ascalars()
    assert 5 == await ages.query().acount()
    assert 2 == await ages.query().limit(2).acount()
    assert await ages.query().aexists()
    assert 45 == await ages.query().amax(ages.c.age)


async def test_a_cte_is_read_twice_under_two_names() -> None:
    ages = Person.query().select("name", "age").as_cte("ages")
    older = ages.alias("older")
    query = ages.query().join(older, on=older.c.age > ages.c.age).select("name", older.c.name.as_("older"))

    assert [("Ann", "Eve"), ("Cid", "Ann")] == await query.order_by(ages.c.name, older.c.name).limit(2).atuples()
    assert 1 == standard(query.to_sql()[0]).count('AS (SELECT "people"')
    assert 'FROM "ages" JOIN "ages" AS "older" ON' in standard(query.to_sql()[0])


async def test_a_cte_may_stand_on_others() -> None:
    first = Pet.query().where(p.id < 5).select("id", "owner").as_cte("first")
    second = first.query().where(first.c.owner < 4).as_cte("second")
    query = Person.query().where(c.id.in_(second.query().select("owner"))).order_by("id")

    assert "AC" == names(await query.aall())
    assert "AC" == names(await query.join(first, on=first.c.id == c.id).aall())
    sql, params = second.query().where(second.c.id > 1).to_sql()
    sql = standard(sql)
    assert sql == (
        'WITH "first" AS (SELECT "pets"."id", "pets"."owner_id" AS "owner" FROM "pets" WHERE "pets"."id" < ?), '
        '"second" AS (SELECT "first"."id", "first"."owner" FROM "first" WHERE "first"."owner" < ?) '
        'SELECT "id", "owner" FROM "second" WHERE "id" > ?'
    )
    assert (5, 4, 1) == params


async def test_a_cte_that_a_query_and_its_subquery_read_is_given_once() -> None:
    owned = Pet.query().select("owner").as_cte("owned")
    query = Person.query().join(owned, on=owned.c.owner == c.id).where(c.id.in_(owned.query().where(owned.c.owner > 1)))

    assert "CE" == names(await query.order_by("id").aall())
    assert 1 == query.to_sql()[0].count("WITH ")
    assert "ACE" == names(await Person.query().where_exists(owned.query().where(owned.c.owner == c.id)).aall())


async def test_text_reads_from_a_query_that_was_put_into_with() -> None:
    owned = Pet.query().where(p.name == "Rex").select("owner").as_cte("owned")
    query = Person.query().with_cte(owned).where("id IN (SELECT owner FROM owned WHERE owner > ?)", (0,))

    assert "AE" == names(await query.order_by("id").aall())
    assert 2 == await query.acount()
    assert 1 == await query.limit(1).acount()
    assert await query.aexists()
    assert ("Rex", 0) == query.to_sql()[1]


@pytest.mark.needs("supports_json")
async def test_a_tree_is_walked_down() -> None:
    tree = below("a")
    query = Node.query().from_(tree).order_by("id")

    found = await query.aall()
    assert [("a", Node), ("aa", Node), ("aaa", Node)] == [(node.name, type(node)) for node in found]
    assert dt.date(2024, 1, 2) == found[0].day
    assert {"key": "aa", "n": 4} == found[1].data
    assert ["aa", "aaa"] == [node.name for node in await query.where(n.id > 2).aall()]
    assert (3, True) == (await query.acount(), await query.aexists())
    assert "aa" == (await query.afind_one(4)).name
    assert [5] == [node.id for node in await query.where(tree.c.data["n"] == 5).aall()]
    sql, params = query.where(n.id > 2).to_sql()
    assert (standard(sql), params) == (
        'WITH RECURSIVE "tree" ("id", "parent_id", "name", "data", "day") AS ('
        'SELECT "nodes"."id", "nodes"."parent_id", "nodes"."name", "nodes"."data", "nodes"."day" FROM "nodes" '
        'WHERE "nodes"."name" = ? UNION ALL '
        'SELECT "nodes"."id", "nodes"."parent_id", "nodes"."name", "nodes"."data", "nodes"."day" FROM "nodes" '
        'JOIN "tree" ON "nodes"."parent_id" = "tree"."id") '
        'SELECT "id", "parent_id", "name", "data", "day" FROM "tree" WHERE "id" > ? ORDER BY "id" ASC',
        ("a", 2),
    )


async def test_a_tree_is_walked_up_and_its_levels_counted() -> None:
    start = Node.query().where(n.name == "aaa").select("id", "parent_id", Raw("0").as_("depth"))
    up = start.as_cte("up").recursive(
        lambda up: (
            Node.query().join(up, on=n.id == up.c.parent_id).select(n.id, n.parent_id, (up.c.depth + 1).as_("depth"))
        )
    )

    assert [(5, 4, 0), (4, 2, 1), (2, 1, 2), (1, None, 3)] == await up.query().order_by("depth").atuples()
    assert ["root", "a"] == await Node.query().join(up, on=up.c.id == n.id).where(up.c.depth > 1).order_by(
        "up.depth DESC"
    ).select("name").ascalars()
    assert [(1, "a"), (2, "a"), (2, "aa")] == await NodeTag.query().join(
        tree := below("a"), on=NodeTag.c.node_id == tree.c.id
    ).select("tag_id", tree.c.name).order_by("tag_id", tree.c.id).atuples()


async def test_a_search_that_goes_in_circles_ends_where_rows_come_once() -> None:
    near = Node.query().where(n.id == 4).select("id", "parent_id").as_cte("near")
    step = near.recursive(
        lambda near: (
            Node.query()
            .join(near, on=(n.parent_id == near.c.id) | (n.id == near.c.parent_id))
            .select(n.id, n.parent_id)
        ),
        all=False,
    )

    assert [1, 2, 3, 4, 5] == await step.query().select("id").order_by("id").ascalars()
    assert " UNION SELECT " in standard(step.query().to_sql()[0])


@pytest.mark.engine("sqlite")
async def test_a_cte_says_whether_its_rows_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    for materialized, text in ((True, " AS MATERIALIZED ("), (False, " AS NOT MATERIALIZED ("), (None, " AS (")):
        asked = Person.query().select("id").as_cte("kept", materialized=materialized).query()
        assert f'WITH "kept"{text}SELECT' in standard(asked.to_sql()[0])
        assert 6 == len(await asked.aall())
    monkeypatch.setattr(SQLiteDialect, "supports_materialized_cte", False)
    with pytest.raises(UnsupportedFeature, match="SQLite has no say in whether a CTE is materialized"):
        Person.query().as_cte("kept", materialized=True).query().to_sql()


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda one: one.query().join(Person.query().as_cte("ONE"), on="1 = 1"), "ONE is in the query already"),
        (lambda one: one.query().join(Pet.query().as_cte("ONE").alias("o"), on="1 = 1"), "two CTEs .* named 'ONE'"),
        (lambda one: Pet.query().join(one.alias("x"), on="1 = 1").with_cte(Pet.query().as_cte("one")), "two CTEs"),
        (lambda one: Person.query().with_cte(Person.query()), "with_cte expects what as_cte gives, got Query"),
        (lambda one: Person.query().with_cte(Person.query().as_table("t")), "with_cte expects what as_cte gives"),
        (lambda one: one.recursive(lambda one: 5), "expected a query, got int"),
        (lambda one: one.recursive(lambda one: Person.query().select("id")), "UNION joins queries of equal width"),
        (
            lambda one: Pet.query().with_cte(Person.query().as_cte("pets")).to_sql(),
            "'pets' is a table and a CTE in one query: give the CTE another name",
        ),
    ],
)
def test_a_wrong_cte_is_refused(ask: Any, says: str) -> None:
    with pytest.raises(QueryError, match=says):
        ask(Person.query().as_cte("one"))
