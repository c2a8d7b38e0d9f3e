"""UNION, INTERSECT and EXCEPT: what is asked of the whole, and the order in which values are bound."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from shop import Person, Pet, Seat, names
from tree import Node

from engines import standard
from rhosocial.activerecord import F
from rhosocial.activerecord.backend import ColumnNotFound, Dialect, QueryError, UnsupportedFeature

c, p, n = Person.c, Pet.c, Node.c

FIRST = Person.query().where(c.id < 4)
LAST = Person.query().where(c.id > 2)


@pytest.mark.parametrize(
    ("whole", "expected"),
    [
        (FIRST.union(LAST), "ABCDEF"),
        (FIRST.union(LAST, all=True), "ABCCDEF"),
        (FIRST.intersect(LAST), "C"),
        (FIRST.except_(LAST), "AB"),
        (FIRST.union(FIRST, all=True).union(FIRST), "ABC"),
        (FIRST.union(FIRST).union(FIRST, all=True), "AABBCC"),
        (FIRST.except_(FIRST.where(c.id == 2)).union(LAST.where(c.id == 6)), "ACF"),
    ],
)
async def test_queries_are_joined_to_one(whole: Any, expected: str) -> None:
    assert expected == names(await whole.order_by("id").aall())
    assert len(expected) == await whole.acount()
    assert await whole.aexists()


async def test_order_and_extent_are_those_of_the_whole() -> None:
    whole = FIRST.union(LAST)

    assert "ED" == names(await whole.order_by("id DESC").limit(2).offset(1).aall())
    assert "E" == names([await whole.order_by("age DESC NULLS LAST").aone()])
    assert "A" == names([await whole.afirst()])
    assert "CA" == names(await whole.order_by(c.nick.desc().nulls_last()).limit(2).aall())
    assert "AC" == names(await whole.order_by("nick NULLS FIRST", "id").offset(4).aall())
    assert "ADCF" == names(await whole.order_by("fortune DESC").limit(4).aall())
    assert (2, 1, 0) == (await whole.limit(2).acount(), await whole.offset(5).acount(), await whole.offset(6).acount())
    assert (True, False) == (await whole.offset(5).aexists(), await whole.offset(6).aexists())
    sql, params = FIRST.select("id").union(LAST.select("id")).order_by("id DESC").limit(2).to_sql()
    sql = standard(sql)
    assert sql == (
        'SELECT "id" FROM "people" WHERE "id" < ? UNION SELECT "id" FROM "people" WHERE "id" > ? '
        'ORDER BY "id" DESC LIMIT ?'
    )
    assert (4, 2, 2) == params


async def test_the_whole_is_read_in_every_shape() -> None:
    whole = FIRST.union(LAST).order_by("id")

    assert ["A", None, "C"] == [row["nick"] for row in await whole.limit(3).adicts()]
    assert [1, 2] == [row[0] for row in await whole.limit(2).atuples()]
    async with whole.iterator(chunk_size=2) as people:
        assert "ABCDEF" == names([person async for person in people])
    days = FIRST.select("born").union(LAST.select("born")).order_by("born DESC NULLS LAST").limit(1)
    assert [dt.date(2000, 1, 5)] == await days.ascalars()


async def test_rows_of_two_models_are_joined() -> None:
    both = Person.query().select("name").union(Pet.query().select("name"))

    assert ["Tom", "Stray", "Rex"] == await both.order_by("name DESC").limit(3).ascalars()
    assert 10 == await both.acount()
    lower = Person.query().select(F.lower(c.name).as_("low")).union(Pet.query().select(F.upper(p.name)))
    assert ["fay", "eve"] == await lower.order_by("low DESC").limit(2).ascalars()


async def test_relations_are_loaded_for_the_whole() -> None:
    whole = Node.query().where(n.id == 2).union(Node.query().where(n.id == 4)).order_by("id")

    assert ["root", "a"] == [node.parent.name for node in await whole.with_("parent").aall()]
    with pytest.raises(QueryError, match="a UNION cannot load by joins: leave out join=True"):
        await whole.with_("parent", join=True).aall()


async def test_the_whole_is_asked_further_as_a_table() -> None:
    table = FIRST.union(LAST).as_table("whole")

    assert Decimal(120) == await table.query().asum("age")
    assert "EF" == names(await Person.query().from_(table).where(c.id > 4).order_by("id").aall())
    owned = Person.query().select("id").where(c.id == 1).union(Pet.query().select("owner"))
    assert "ACE" == names(await Person.query().where(c.id.in_(owned)).order_by("id").aall())
    assert 4 == await owned.as_cte("owned").query().acount()


async def test_a_correlated_whole_names_the_row_outside() -> None:
    theirs = Pet.query().where(p.owner == c.id)
    query = Person.query().where_exists(theirs.where(p.name == "Tom").union(theirs.where(p.name == "Kit")))

    assert "AC" == names(await query.order_by("id").aall())


async def test_a_part_keeps_its_own_order_and_extent() -> None:
    youngest = Person.query().order_by("age").where(c.age.is_not_null()).limit(1)
    oldest = Person.query().order_by(c.age.desc().nulls_last()).limit(1)

    assert "EF" == names(await youngest.union(oldest).order_by("id").aall())
    assert 'FROM (SELECT "people"."id"' in standard(youngest.union(oldest).to_sql()[0])


async def test_parts_are_taken_as_they_were_put_together_on_every_engine() -> None:
    one, two, three = (Person.query().where(c.id == number) for number in (1, 2, 3))

    assert "B" == names(await one.union(two).intersect(two).aall())
    assert "A" == names(await one.union(two.intersect(three)).aall())
    assert "ABC" == names(await FIRST.except_(two.except_(two)).order_by("id").aall())
    text = standard(one.select("id").union(two.select("id")).intersect(two.select("id")).to_sql()[0])
    assert text.startswith('SELECT "id" FROM (SELECT "people"."id" FROM "people" WHERE "people"."id" = ? UNION')


@pytest.mark.engine("sqlite")
def test_all_of_intersect_and_except_is_standard_sql() -> None:
    whole = FIRST.select("id").except_(LAST.select("id"), all=True)

    assert " EXCEPT ALL SELECT " in Dialect().compile(whole.as_subquery().select)[0]
    with pytest.raises(UnsupportedFeature, match="SQLite has no EXCEPT ALL: leave out all=True"):
        whole.to_sql()


async def test_values_are_bound_in_the_order_of_the_text() -> None:
    cte = Pet.query().where(p.name != "cte").select("owner").as_cte("cte")
    joined = (
        Pet.query()
        .where(p.name != "from")
        .select("owner", F.count().as_("n"))
        .group_by("owner")
        .having(F.count() < 90)
        .as_table("joined")
    )
    first = (
        Person.query()
        .limit(97)
        .having(F.count() < 94)
        .where(c.id < 92, c.id.in_(Pet.query().where(p.name != "in").select("owner")))
        .join(cte, on=(cte.c.owner == c.id) & (cte.c.owner < 91))
        .left_join(joined, on=(joined.c.owner == c.id) & (joined.c.n < 93))
        .select((c.id + 7).as_("x"), F.count().as_("n"))
        .group_by(c.id)
    )
    whole = first.union(Person.query().select((c.id + 8).as_("x"), (c.id + 9).as_("n")).where(c.id == 6)).order_by("x")

    sql, params = whole.limit(98).offset(1).to_sql()
    sql = standard(sql)
    assert sql.count("?") == len(params)
    assert params == ("cte", 7, 91, "from", 90, 93, 92, "in", 94, 97, 8, 9, 6, 98, 1)
    assert [(10, 1), (12, 1), (14, 15)] == await whole.limit(98).offset(1).atuples()
    assert 4 == await whole.acount()


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (lambda q: q.where(c.id > 1), QueryError, r"where asked of a UNION is not clear: put it on a part, or on as_t"),
        (lambda q: q.query({"id": 1}), QueryError, "where asked of a UNION"),
        (lambda q: q.or_where("id = 1"), QueryError, "where asked of a UNION"),
        (lambda q: q.start_or_group(), QueryError, "where asked of a UNION"),
        (lambda q: q.group_by("id"), QueryError, "group_by asked of a UNION"),
        (lambda q: q.having("id = 1"), QueryError, "having asked of a UNION"),
        (lambda q: q.distinct(), QueryError, "distinct asked of a UNION"),
        (lambda q: q.distinct_on("id"), QueryError, "distinct_on asked of a UNION"),
        (lambda q: q.select("id"), QueryError, "select asked of a UNION"),
        (lambda q: q.join(Pet, on=p.owner == c.id), QueryError, "a join asked of a UNION"),
        (lambda q: q.for_update(), QueryError, "a lock asked of a UNION"),
        (lambda q: q.use_index("i"), QueryError, "an index hint asked of a UNION"),
        (lambda q: q.from_(Person.query().as_table("t")), QueryError, "from_ asked of a UNION"),
        (lambda q: q.union(Pet.query()), QueryError, "UNION of records of Person and Pet: ask both for columns"),
        (lambda q: q.union(q.as_table("t").query()), QueryError, "UNION joins two queries of records, or two with sel"),
        (lambda q: q.intersect(5), QueryError, "INTERSECT joins two queries of .*, got int"),
        (lambda q: Seat.query().select("row").union(Seat.query().select("row", "number")), QueryError, "1 and 2"),
        (lambda q: q.union(Person.query().start_or_group()), QueryError, "start_or_group was not closed"),
        (lambda q: q.order_by(c.age + 1), QueryError, "Arithmetic cannot order a UNION: order by a column that it g"),
        (lambda q: q.order_by("agee"), ColumnNotFound, "the UNION gives no column 'agee'; did you mean 'age'"),
        (lambda q: q.order_by("people.age"), ColumnNotFound, "the UNION gives no column 'people.age'"),
        (
            lambda q: Node.query().select(n.data["n"].as_("n")).union(Node.query().select("id")).order_by("n"),
            QueryError,
            r"'n' is JSON, and a UNION could order it by its text only: select it with as_text\(\) or cast",
        ),
    ],
)
def test_what_is_not_clear_of_the_whole_is_refused(ask: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        ask(FIRST.union(LAST))


async def test_numbers_over_the_whole_are_asked_of_a_table() -> None:
    with pytest.raises(QueryError, match=r"drop its limit, .* or ask for them on as_table\('t'\)\.query\(\)"):
        await FIRST.union(LAST).asum("age")
