"""Row locks, index hints, the first row of each group, and rows that another query has or has not."""

from __future__ import annotations

from typing import Any

import pytest
from shop import Note, Person, Pet, names
from tree import Node

from engines import standard
from rhosocial.activerecord import F
from rhosocial.activerecord.backend import ColumnNotFound, Dialect, QueryError, UnsupportedFeature
from rhosocial.activerecord.backend.expression import Raw

c, p, n = Person.c, Pet.c, Node.c


class Server(Dialect):
    """An engine that has all of it."""

    supports_row_locks = True
    supports_index_hints = True
    supports_distinct_on = True


def text_of(query: Any) -> str:
    return Server().compile(query.as_subquery().select)[0]


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda q: q.for_update(), "FOR UPDATE"),
        (lambda q: q.for_share(), "FOR SHARE"),
        (lambda q: q.for_update(nowait=True), "FOR UPDATE NOWAIT"),
        (lambda q: q.for_share(skip_locked=True), "FOR SHARE SKIP LOCKED"),
        (lambda q: q.for_update(of="people"), 'FOR UPDATE OF "people"'),
        (lambda q: q.for_update(of=(Person, "pets"), skip_locked=True), 'FOR UPDATE OF "people", "pets" SKIP LOCKED'),
        (lambda q: q.for_update().for_share(of=[Pet]), 'FOR SHARE OF "pets"'),
        (lambda q: q.limit(1).for_update(), "LIMIT ? FOR UPDATE"),
    ],
)
def test_a_lock_is_written_last(ask: Any, text: str) -> None:
    query = ask(Person.query().join(Pet, on=p.owner == c.id).order_by("id"))

    assert text_of(query).removesuffix(text).endswith(' ORDER BY "people"."id" ASC ')


def test_a_lock_names_the_tables_as_the_query_does() -> None:
    boss = Node.alias("boss")

    assert text_of(Node.query().join("parent").for_update(of="parent")).endswith('FOR UPDATE OF "parent"')
    assert text_of(Node.query().join(boss, on=n.id == 1).for_update(of=boss)).endswith('FOR UPDATE OF "boss"')
    assert text_of(boss.query().for_update(of=boss)).endswith('FROM "nodes" AS "boss" FOR UPDATE OF "boss"')


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (lambda q: q.for_update(nowait=True, skip_locked=True), QueryError, "a lock takes nowait or skip_locked"),
        (lambda q: q.for_update(of="pets"), ColumnNotFound, "has no table 'pets'"),
        (lambda q: q.for_share(of=Pet), QueryError, "of takes tables of the query, people; got pets"),
        (lambda q: q.for_share(of=5), QueryError, "of takes tables of the query, people; got int"),
        (lambda q: q.use_index(), QueryError, "use_index needs the name of an index"),
        (lambda q: q.ignore_index(""), QueryError, "expected a name, got ''"),
        (lambda q: q.use_index(5), QueryError, "expected a name, got 5"),
        (lambda q: q.distinct_on(), QueryError, r"distinct_on needs at least one column; .* write distinct\(\)"),
        (lambda q: q.distinct_on("nam"), ColumnNotFound, "has no column 'nam'"),
        (lambda q: q.where_exists(5), QueryError, "expected a query, got int"),
    ],
)
def test_a_wrong_lock_or_hint_is_refused(ask: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        ask(Person.query())


@pytest.mark.engine("sqlite")
@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda q: q.for_update(), "SQLite has no row locks: leave out for_update and for_share"),
        (lambda q: q.for_share(), "SQLite has no row locks"),
        (lambda q: q.distinct_on("mood"), "SQLite has no DISTINCT ON: group the rows, or number them by a window"),
        (lambda q: q.ignore_index("i"), "SQLite has no index hint but use_index with one name"),
        (lambda q: q.use_index("i", "j"), "SQLite has no index hint but use_index with one name"),
        (lambda q: q.use_index("i").use_index("j"), "SQLite has no index hint but use_index with one name"),
        (lambda q: q.select("mood").group_by(F.rollup(c.mood)), "SQLite has no ROLLUP"),
    ],
)
async def test_what_sqlite_has_not_is_refused_before_any_sql(ask: Any, says: str) -> None:
    with pytest.raises(UnsupportedFeature, match=says):
        await ask(Person.query()).aall()


async def test_counting_locks_nothing() -> None:
    query = Person.query().for_update()

    assert 6 == await query.acount()
    assert 2 == await query.limit(2).acount()
    assert await query.aexists()
    assert 45 == await query.amax("age")


@pytest.mark.engine("sqlite")
async def test_an_index_is_used_as_told(notes: type[Note]) -> None:
    backend = notes.backend()
    await backend.aexecute('CREATE INDEX IF NOT EXISTS "by ""size" ON notes (size)')
    query = notes.query().where(notes.c.size > 1, notes.c.id > 0)

    assert 'USING INDEX by "size' in await query.use_index('by "size').aexplain()
    assert "by" not in await query.order_by("id").aexplain()
    assert 'FROM "notes" INDEXED BY "by ""size" WHERE' in query.use_index('by "size').to_sql()[0]
    with pytest.raises(QueryError, match="no such index: nope"):
        await query.use_index("nope").aall()


def test_hints_stand_behind_the_querys_own_table() -> None:
    query = Person.query().join(Pet, on=p.owner == c.id).use_index("a", 'b"c').ignore_index("d")

    assert ' FROM "people" USE INDEX ("a", "b""c") IGNORE INDEX ("d") JOIN "pets" ON ' in text_of(query)


def test_the_first_of_each_group_is_standard_elsewhere() -> None:
    query = Person.query().distinct_on("mood").order_by("mood", "age DESC")

    assert text_of(query).startswith('SELECT DISTINCT ON ("mood") "id", "name"')
    assert text_of(query.select("name").distinct_on(F.lower(c.name))).startswith(
        'SELECT DISTINCT ON ("mood", LOWER("name")) "name" FROM'
    )


async def test_rows_are_kept_for_what_another_query_has() -> None:
    theirs = Pet.query().where(p.owner == c.id)
    query = Person.query().order_by("id")

    assert "ACE" == names(await query.where_exists(theirs).aall())
    assert "BDF" == names(await query.where_not_exists(theirs).aall())
    assert "CE" == names(await query.where_exists(theirs).where(c.id > 1).aall())
    assert "E" == names(await query.where_exists(theirs).where_not_exists(theirs.where(p.got.is_not_null())).aall())
    assert "AC" == names(
        await query.where_exists(Raw("SELECT 1 FROM pets WHERE owner_id = people.id AND id < ?", (4,))).aall()
    )
    assert 'WHERE EXISTS (SELECT "pets"."id"' in standard(query.where_exists(theirs).to_sql()[0])
