"""The kinds of joins, the condition that a foreign key gives, and what SQLite cannot do."""

from __future__ import annotations

from typing import Any

import pytest
from shop import Person, Pet, Seat, names
from tree import Node, NodeTag, Swap, Tag

from engines import standard
from rhosocial.activerecord import F
from rhosocial.activerecord.backend import QueryError, UnsupportedFeature
from rhosocial.activerecord.backend.impl.sqlite import SQLiteDialect

c, p, n = Person.c, Pet.c, Node.c
OWNED = p.owner == c.id
FULL = pytest.mark.needs("supports_full_join")
needs_outer_joins = pytest.mark.skipif(not SQLiteDialect.supports_outer_joins, reason="SQLite before 3.39")


@needs_outer_joins
@pytest.mark.parametrize(
    ("kind", "without_pet", "without_owner"),
    [("join", 0, 0), ("left_join", 3, 0), ("right_join", 0, 1), pytest.param("full_join", 3, 1, marks=FULL)],
)
async def test_a_kind_of_join_keeps_the_rows_of_its_sides(kind: str, without_pet: int, without_owner: int) -> None:
    query = getattr(Person.query(), kind)(Pet, on=OWNED)
    rows = await query.select(c.name, p.name.as_("pet")).atuples()

    assert (without_pet, without_owner) == (sum(pet is None for _, pet in rows), sum(name is None for name, _ in rows))
    assert 4 + without_pet + without_owner == len(rows) == await query.acount()
    assert f'FROM "people" {kind.replace("_", " ").upper()} "pets" ON ' in standard(query.to_sql()[0])


async def test_every_row_is_paired_with_every_row() -> None:
    query = Person.query().cross_join(Seat)

    assert 36 == await query.acount()
    assert standard(query.to_sql()[0]).endswith('FROM "people" CROSS JOIN "seats"')


async def test_a_natural_join_compares_the_columns_of_one_name() -> None:
    two = Pet.query().where(p.id < 3).select("name").as_table("two")
    query = Pet.query().natural_join(two).order_by("id")

    assert ["Rex", "Tom", "Rex"] == [pet.name for pet in await query.aall()]
    assert 'FROM "pets" NATURAL JOIN (SELECT "pets"."name" FROM "pets" WHERE "pets"."id" < ?) AS "two"' in standard(
        query.to_sql()[0]
    )


@needs_outer_joins
@pytest.mark.parametrize("kind", ["right_join", "full_join"])
async def test_rows_without_the_model_are_no_records(kind: str) -> None:
    query = getattr(Person.query(), kind)(Pet, on=OWNED)

    for ask in (query.aall, query.aone, query.afirst, query.adicts, query.atuples):
        with pytest.raises(QueryError, match=r"JOIN gives rows that hold no Person: ask for columns, with select"):
            await ask()
    with pytest.raises(QueryError, match="hold no Person"):
        query.iterator()
    with pytest.raises(QueryError, match="hold no Person"):
        Person.query().union(query)


@pytest.mark.engine("sqlite")
@pytest.mark.parametrize("kind", ["right_join", "full_join"])
def test_an_older_sqlite_has_no_outer_joins(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SQLiteDialect, "supports_outer_joins", False)

    with pytest.raises(UnsupportedFeature, match=r"SQLite has no (RIGHT|FULL) JOIN: begin with the other table"):
        getattr(Person.query(), kind)(Pet, on=OWNED).select(c.name).to_sql()


async def test_the_one_foreign_key_joins_from_both_sides() -> None:
    linked = NodeTag.query().join(Node).join(Tag)
    rows = [("root", "x"), ("a", "x"), ("a", "y"), ("aa", "y")]
    names_of = n.name, Tag.c.name.as_("tag")

    assert rows == await linked.select(*names_of).order_by(n.id, Tag.c.id).atuples()
    assert rows == await Node.query().join(NodeTag).join(Tag).select(*names_of).order_by(n.id, Tag.c.id).atuples()
    assert standard(linked.to_sql()[0]).endswith(
        'JOIN "nodes" ON "node_tags"."node_id" = "nodes"."id" JOIN "tags" ON "node_tags"."tag_id" = "tags"."id"'
    )
    under = Tag.alias("under")
    assert 2 == await NodeTag.query().left_join(under).where(under.c.name == "y").acount()


async def test_a_linking_table_keeps_no_other_table_from_being_joined() -> None:
    other = NodeTag.alias("other")

    assert 8 == await Node.query().join("tags").join(other, on=other.c.tag_id == Tag.c.id).acount()
    with pytest.raises(QueryError, match="there are several foreign keys between other and nodes, node_tags, tags"):
        Node.query().join("tags").join(other)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: Person.query().join(Node), "there is no foreign key between nodes and people: say on what to join"),
        (lambda: Swap.query().join(Node), "there are several foreign keys between nodes and swaps: say on what"),
        (lambda: Node.query().join(Node.alias("up")), "there are several foreign keys between up and nodes"),
        (lambda: Node.query().join(NodeTag.query().as_table("t")), "there is no foreign key between t and nodes"),
        (lambda: Node.query().cross_join("tags"), "CROSS JOIN expects a model, an alias, a CTE or .*, got 'tags'"),
        (lambda: Node.query().natural_join(5), "NATURAL JOIN expects a model, an alias, a CTE or .*, got int"),
        (lambda: Node.query().right_join(Node.query(), on=n.id == 1), "RIGHT JOIN expects a model, .*, got Query"),
    ],
)
def test_a_join_without_a_way_is_refused(ask: Any, says: str) -> None:
    with pytest.raises(QueryError, match=says):
        ask()


async def test_counting_and_asking_for_any_look_at_the_joined_rows() -> None:
    query = Person.query().join(Pet, on=OWNED)

    assert "AACE" == names(await query.order_by("id").aall())
    assert 4 == await query.acount()
    assert 3 == await query.distinct().acount()
    assert 3 == await query.limit(3).acount()
    assert 1 == await query.offset(3).acount()
    assert 4 == await query.select(c.name, p.name.as_("pet")).distinct().acount()
    assert 3 == await query.select(c.name, F.count().as_("pets")).group_by(c.name).acount()
    assert 1 == await query.select(c.name).group_by(c.name).having(F.count() > 1).acount()
    assert await query.where(p.name == "Kit").aexists()
    assert not await query.where(p.name == "Kit").offset(1).aexists()
    assert not await query.where(p.name == "none").aexists()
    assert not await query.limit(0).aexists()
    assert not await query.select(c.name).group_by(c.name).having(F.count() > 2).aexists()
