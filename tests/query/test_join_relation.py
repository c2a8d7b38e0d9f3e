"""Joins by the names of relations, and by paths of them."""

from __future__ import annotations

from typing import Any

import pytest
from tree import Node, NodeTag, Swap, Tag

from engines import standard
from rhosocial.activerecord.backend import ColumnNotFound, QueryError

n = Node.c


async def test_a_relation_is_joined_by_its_name() -> None:
    query = NodeTag.query().join("node").order_by("node.id", "tag_id")

    assert ["root", "a", "a", "aa"] == await query.select("node.name").ascalars()
    assert ["root", "a", "a", "aa"] == await query.select(n.name).ascalars()
    assert 'JOIN "nodes" ON "nodes"."id" = "node_tags"."node_id"' in standard(query.to_sql()[0])


async def test_a_table_that_is_there_already_goes_by_the_relations_name() -> None:
    query = Node.query().join("parent").order_by("id")

    assert ["a", "b", "aa", "aaa"] == [node.name for node in await query.aall()]
    assert ["root", "root", "a", "aa"] == await query.select("parent.name").ascalars()
    assert 'FROM "nodes" JOIN "nodes" AS "parent" ON "parent"."id" = "nodes"."parent_id"' in standard(query.to_sql()[0])
    assert ["aaa"] == await query.query({"parent.name": "aa"}).select("nodes.name").ascalars()


async def test_a_path_joins_each_relation_on_the_way() -> None:
    query = Node.query().left_join("parent.parent").order_by("id")

    assert [
        ("root", None, None),
        ("a", "root", None),
        ("b", "root", None),
        ("aa", "a", "root"),
        ("aaa", "aa", "a"),
    ] == (await query.select("name", "parent.name AS up", "parent_parent.name AS top").atuples())
    assert [("root", "a", "x"), ("root", "a", "y"), ("a", "aa", "y")] == await Node.query().join(
        "children.tags"
    ).select("name", "children.name AS child", "tags.name AS tag").order_by("id", "tags.id").atuples()


async def test_a_relation_that_is_joined_already_is_gone_on_from() -> None:
    once, twice = Node.query().join("parent"), Node.query().join("parent").join("parent")

    assert once.to_sql() == twice.to_sql()
    assert Node.query().join("parent.parent").to_sql() == once.join("parent.parent").to_sql()
    assert 'JOIN "nodes" AS "parent" ON' in standard(once.left_join("parent.parent").to_sql()[0])
    assert 'LEFT JOIN "nodes" AS "parent_parent" ON' in standard(once.left_join("parent.parent").to_sql()[0])


async def test_a_linking_table_may_be_passed_twice() -> None:
    query = Node.query().join("tags", alias="own").join("children.tags", alias="theirs")

    assert [("root", "x", "x"), ("root", "x", "y"), ("a", "x", "y"), ("a", "y", "y")] == await query.select(
        "name", "own.name AS own", "theirs.name AS theirs"
    ).order_by("id", "own.id", "theirs.id").atuples()
    assert 'JOIN "node_tags" AS "node_tags_2" ON' in standard(query.to_sql()[0])
    assert [1] == await Node.query().join("tags").where(n.id == 1).select("node_tags.tag_id").ascalars()


async def test_the_last_table_of_a_path_takes_an_alias() -> None:
    top = Node.alias("top")
    query = Node.query().join("parent.parent", alias="top")

    assert ["a"] == await query.where(top.c.name == "root").select("parent.name").ascalars()
    assert [("aa", "root"), ("aaa", "a")] == await query.select("name", "top.name AS top").order_by("id").atuples()


async def test_an_alias_leads_on_by_the_models_relations() -> None:
    other = Node.alias("other")
    query = other.query().join("parent").order_by("id")

    assert [("a", "root"), ("b", "root"), ("aa", "a"), ("aaa", "aa")] == await query.select(
        "name", "parent.name AS up"
    ).atuples()


async def test_two_relations_to_one_table_are_told_apart() -> None:
    query = Swap.query().join("old").join("new")

    assert [("aaa", "b")] == await query.select("old.name AS a", "new.name AS b").atuples()
    assert ["aa"] == await query.join("old.parent").select("parent.name").ascalars()
    both = query.join("old.parent").join("new.parent")
    with pytest.raises(QueryError, match="'parent' may mean parent or new_parent: give the last join of the name"):
        both.select("parent.name")
    assert [("aa", "root")] == await query.join("old.parent", alias="a").join("new.parent", alias="b").select(
        "a.name", "b.name AS b"
    ).atuples()


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (lambda q: q.join("paren"), QueryError, "Node has no relation 'paren' to join; did you mean 'parent'"),
        (lambda q: q.join("parent.nope"), QueryError, "Node has no relation 'nope' to join"),
        (lambda q: q.join("parent."), QueryError, "Node has no relation '' to join"),
        (lambda q: q.join("tags.nodes"), QueryError, "Tag has no relation 'nodes' to join; pass a model"),
        (lambda q: q.join("parent", on=n.id == 1), QueryError, "the relation 'parent' has its own condition"),
        (lambda q: q.join("parent; DROP TABLE nodes"), QueryError, "Node has no relation 'parent; DROP TABLE nodes'"),
        (lambda q: q.join("parent", alias=""), QueryError, "expected a name, got ''"),
        (lambda q: q.join("parent", alias="nodes"), QueryError, "nodes is in the query already"),
        (lambda q: q.join("parent").order_by("parnt.name"), ColumnNotFound, "no table 'parnt'; did you mean 'parent'"),
        (lambda q: q.join("parent").order_by("parent.nam"), ColumnNotFound, "has no column 'nam'; did you mean 'name'"),
    ],
)
def test_a_wrong_relation_is_refused_before_any_sql(ask: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        ask(Node.query())


async def test_relations_are_joined_onto_rows_of_a_query() -> None:
    late = Node.query().where(n.id > 1).as_cte("late")

    assert [("a", "aa"), ("aa", "aaa")] == await Node.query().from_(late).join("children").select(
        "name", "children.name AS child"
    ).order_by("id").atuples()
    assert 2 == await Tag.query().where(Tag.c.id.in_(Node.query().join("tags").select(Tag.c.id))).acount()
