"""Conditions that every query of a model carries, wherever its rows are read, and how they are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest
from pydantic import BaseModel

from engines import standard
from rhosocial.activerecord import ActiveRecord, BelongsTo, Column, F, HasMany, HasOne, ManyToMany
from rhosocial.activerecord.backend import StorageBackend
from rhosocial.activerecord.backend.errors import ConfigurationError, QueryError
from rhosocial.activerecord.scope import Fixed

tenant: ContextVar[str] = ContextVar("tenant", default="a")


class Writer(ActiveRecord):
    __table_name__ = "writers"
    __default_scopes__ = {"known": Fixed(lambda c: c.is_known == True)}  # noqa: E712  # SQL, not Python.

    id: int
    name: str
    is_known: bool = True

    essays = HasMany["Essay"](foreign_key="writer_id", inverse_of="writer")
    latest = HasOne["Essay"](foreign_key="writer_id", order_by="id DESC")
    remarks = HasMany["Remark"](through="essays.remarks")


class Essay(ActiveRecord):
    __table_name__ = "essays"
    __default_scopes__ = {"published": lambda c: c.draft == False, "short": lambda c: c.words < 1000}  # noqa: E712  # SQL, not Python.

    id: int
    writer_id: int
    title: str
    words: int = 10
    draft: bool = False

    writer = BelongsTo["Writer | None"](foreign_key="writer_id")
    remarks = HasMany["Remark"](foreign_key="essay_id")
    topics = ManyToMany["Topic"](through="EssayTopic")


class Remark(ActiveRecord):
    __table_name__ = "remarks"

    id: int
    essay_id: int

    essay = BelongsTo["Essay | None"](foreign_key="essay_id")


class Topic(ActiveRecord):
    __table_name__ = "topics"

    id: int
    name: str


class EssayTopic(ActiveRecord):
    __table_name__ = "essay_topics"
    __primary_key__ = ("essay_id", "topic_id")
    __default_scopes__ = {"shown": lambda c: c.shown == True}  # noqa: E712  # SQL, not Python.

    essay_id: int
    topic_id: int
    shown: bool = True


class Invoice(ActiveRecord):
    __table_name__ = "invoices"
    __default_scopes__ = {"tenant": lambda c: c.tenant == tenant.get()}

    id: int
    tenant: str


MODELS = (Writer, Essay, Remark, Topic, EssayTopic, Invoice)


@pytest.fixture(autouse=True)
def library(engine: Any) -> Iterator[StorageBackend]:
    """Writer 1 with essays 1 (published), 2 (a draft), 3 (long); writer 2, unknown, with essay 4.  A remark on each."""
    with engine.place(in_memory=False) as place:
        made = place.configure(Writer, MODELS)
        for model in MODELS:
            model.create_table()
        Writer.bulk_create([Writer(name="Ann"), Writer(name="Bob", is_known=False)])
        Essay.bulk_create(
            [
                Essay(writer_id=1, title="On tea"),
                Essay(writer_id=1, title="On rain", draft=True),
                Essay(writer_id=1, title="On time", words=5000),
                Essay(writer_id=2, title="On salt"),
            ]
        )
        Remark.bulk_create([Remark(essay_id=n) for n in (1, 2, 3, 4)])
        Topic.bulk_create([Topic(name="drinks"), Topic(name="weather")])
        EssayTopic.bulk_create([EssayTopic(essay_id=1, topic_id=1), EssayTopic(essay_id=1, topic_id=2, shown=False)])
        Invoice.bulk_create([Invoice(tenant="a"), Invoice(tenant="b")])
        yield made
        made.close()


def ids(records: Any) -> list[int]:
    return sorted(record.id for record in records)


# 1 - Queries


QUERIES: list[Callable[[Any], Any]] = [
    lambda q: q,
    lambda q: q.where(Essay.c.id > 0).or_where("id < ?", (9,)),
    lambda q: q.start_or_group().where("id = 1").or_where("id > 1").end_or_group(),
    lambda q: q.with_keys([1, 2, 3, 4]),
    lambda q: q.union(Essay.query()),
    lambda q: q.from_(Essay.query().unscoped().as_cte("every")),
    lambda q: Essay.alias("e").query(),
]


@pytest.mark.parametrize("narrow", QUERIES)
async def test_every_query_carries_the_scopes(narrow):
    asked = narrow(Essay.query())

    assert ids(await asked.aall()) == [1, 4]
    assert await asked.acount() == 2
    assert await asked.aexists()
    assert sorted([row["id"] for row in await asked.adicts()]) == [1, 4]


async def test_all_ways_of_asking_the_class():
    class Card(BaseModel):
        title: str

    assert await Essay.afind_one(1) is not None
    assert await Essay.afind_one(2) is None
    assert await Writer.afind_one(1) is not None
    assert await Writer.afind_one(2) is None
    assert await Essay.afind_one({"title": "On rain"}) is None
    assert ids(await Essay.afind_all()) == ids(await Essay.afind_all([1, 2, 3, 4])) == [1, 4]
    assert await Essay.aggregate().asum("words") == await Essay.query().asum("words") == 20
    assert [card.title for card in await Essay.query().into(Card).aall()] == ["On tea", "On salt"]
    page = await Essay.query().order_by("id").apage(1)
    assert ids([*page, *await Essay.query().order_by("id").apage(9, after=page.next)]) == [1, 4]
    assert ids([record async for record in Essay.query().iterator()]) == [1, 4]
    assert await Essay.query().select(F.count().as_("n")).ascalars() == [2]
    assert ids(await Remark.query().where(Remark.c.essay_id.in_(Essay.query().select("id"))).aall()) == [1, 4]
    assert (await Essay.query().select("id", "title").order_by("id").as_table("t").query().atuples())[1][0] == 4


async def test_the_key_is_found_in_one_statement_that_has_the_fixed_scope_in_it(library):
    sent: list[str] = []
    library.on_execute.append(lambda sql, types, duration: sent.append(standard(sql)))
    await Writer.afind_one(2)

    assert len(sent) == 1
    assert "is_known" in sent[0]


@pytest.mark.parametrize(
    ("names", "found"), [((), [1, 2, 3, 4]), (("published",), [1, 2, 4]), (("published", "short"), [1, 2, 3, 4])]
)
async def test_scopes_are_left_out_all_or_by_name(names, found):
    assert ids(await Essay.query().unscoped(*names).aall()) == found
    assert ids(await Essay.query().where("id > 0").unscoped(*names).where("id < 9").aall()) == found
    assert ids(await Essay.alias("e").unscoped(*names).query().aall()) == found
    assert len(await Essay.query().unscoped(*names).select("id").aall()) == len(found)
    assert len(await Essay.query().select("id").unscoped(*names).aall()) == len(found)


async def test_an_unknown_scope_is_refused():
    with pytest.raises(QueryError, match="did you mean 'published'"):
        Essay.query().unscoped("publishd")
    with pytest.raises(QueryError, match="it has none"):
        Remark.query().unscoped("published")
    with pytest.raises(QueryError, match="on a part"):
        Essay.query().union(Essay.query()).unscoped()


async def test_changes_by_query_leave_other_rows_alone():
    assert await Essay.query().aupdate(words=11) == 2
    assert await Essay.query().adelete() == 2
    assert ids(await Essay.query().unscoped().aall()) == [2, 3]
    assert await Essay.query().unscoped("short").where("id = 3").adelete() == 1


async def test_a_record_out_of_scope_is_its_row_still():
    essay = await Essay.query().unscoped().with_keys([2]).aone_or_fail()
    essay.title = "On snow"
    await essay.asave()
    await essay.arefresh()

    assert essay.title == "On snow"
    assert await essay.adelete() == 1
    assert await Essay.query().unscoped().acount() == 3


async def test_sql_of_the_callers_own_is_left_as_it_is():
    assert len(await Essay.query().raw_sql("SELECT * FROM essays").aall()) == 4


# 2 - Other tables


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        (lambda: Remark.query().join("essay"), [1, 4]),
        (lambda: Remark.query().join(Essay, on=Essay.c.id == Remark.c.essay_id), [1, 4]),
        (lambda: Remark.query().left_join(Essay, on=Essay.c.id == Remark.c.essay_id), [1, 2, 3, 4]),
        (lambda: Remark.query().cross_join(Essay).distinct(), [1, 2, 3, 4]),
        (lambda: Remark.query().join("essay.writer"), [1]),
        (lambda: Remark.query().where(Remark.essay.has()), [1, 4]),
        (lambda: Remark.query().where(Remark.essay.has(Essay.writer.has(of=Essay.__table__))), [1]),
        (lambda: Remark.query().where(Remark.essay.has({"draft": True})), []),
        (
            lambda: Remark.query().join(e := Essay.alias("e").unscoped("short"), on=e.c.id == Remark.c.essay_id),
            [1, 3, 4],
        ),
        (lambda: Writer.query().join("remarks"), [1]),
        (lambda: Writer.query().where(Writer.remarks.count() == 1), [1]),
        (lambda: Writer.query().where(Writer.essays.count() == 1), [1]),
        (lambda: Essay.query().join("topics"), [1]),
    ],
)
async def test_conditions_of_joined_and_related_tables(asked, rows):
    assert ids(await asked().aall()) == rows


async def test_a_left_join_keeps_rows_whose_partner_is_out_of_scope():
    found = await Remark.query().left_join("essay").select("remarks.id", Essay.c.title).order_by("remarks.id").atuples()

    assert found == [(1, "On tea"), (2, None), (3, None), (4, "On salt")]


async def test_outer_joins_from_the_other_side():
    def by(query: Any) -> Any:
        return query.select(Writer.c.name, Essay.c.title).order_by(Essay.c.id)

    on = Essay.c.writer_id == Writer.c.id

    # Bob is out of scope: his essay is there and he is not.
    assert await by(Writer.query().right_join(Essay, on=on)).atuples() == [("Ann", "On tea"), (None, "On salt")]
    if Writer.backend().dialect.supports_full_join:
        assert await by(Writer.query().full_join(Essay, on=on)).atuples() == [("Ann", "On tea"), (None, "On salt")]


async def test_relations_load_what_is_in_scope():
    ann = await Writer.afind_one_or_fail(1)
    essays = await Essay.query().order_by("id").with_("writer").aall()
    joined = await Essay.query().order_by("id").with_("writer", join=True).aall()

    assert ids(await ann.aload("essays")) == ids(await ann.essays_query().aall()) == [1]
    assert (await ann.aload("latest")).id == 1
    assert ids(await ann.aload("remarks")) == ids(await ann.remarks_query().aall()) == [1]
    assert [essay.writer and essay.writer.name for essay in essays] == ["Ann", None]
    assert [essay.writer and essay.writer.name for essay in joined] == ["Ann", None]
    assert ids(await essays[0].aload("topics")) == ids(await essays[0].topics_query().aall()) == [1]
    assert [await w.acount_of("essays") for w in await Writer.query().with_count("essays").aall()] == [1]


async def test_a_relations_own_query_may_leave_scopes_out():
    ann = await Writer.query().with_("essays", lambda q: q.unscoped("published")).aone_or_fail()
    several = await Writer.query().with_("essays", lambda q: q.unscoped().order_by("id").limit(2)).aone_or_fail()

    assert ids(ann.essays) == [1, 2]
    assert ids(several.essays) == [1, 2]
    assert ids(await ann.essays_query().unscoped().aall()) == [1, 2, 3]


# 3 - What a scope may be


async def test_a_scope_is_asked_each_time():
    asked = Invoice.query()
    found = []
    for name in ("a", "b", "a"):
        tenant.set(name)
        found.append([(await Invoice.afind_one(1)) is not None, *[record.tenant for record in await asked.aall()]])
    tenant.set("a")

    assert found == [[True, "a"], [False, "b"], [True, "a"]]


async def test_joined_scopes_are_asked_when_the_query_runs():
    asked = Topic.query().join(Invoice, on=Invoice.c.id == Topic.c.id)
    tenant.set("b")
    found = ids(await asked.aall())
    tenant.set("a")

    assert found == [2]
    assert ids(await asked.aall()) == [1]


async def test_a_scope_may_ask_nothing():
    class Anything(ActiveRecord):
        __table_name__ = "invoices"
        __default_scopes__ = {"none": lambda c: None}

        id: int
        tenant: str

    Anything.__backend__ = Invoice.backend()

    assert standard(Anything.query().to_sql()[0]) == 'SELECT "id", "tenant" FROM "invoices"'
    assert await Anything.query().acount() == 2


async def test_scopes_are_inherited_added_to_and_taken_back():
    class Short(Essay):
        __default_scopes__ = {"published": None, "tea": lambda c: c.title.like("%tea%")}

    assert Short.query().to_sql()[1] == (1000, "%tea%")
    assert ids(await Short.query().aall()) == [1]


async def test_setting_scopes_later_makes_the_table_anew():
    class Late(Essay):
        pass

    assert ids(await Late.query().aall()) == [1, 4]
    Late.__default_scopes__ = {"published": None, "short": None}

    assert ids(await Late.query().aall()) == [1, 2, 3, 4]


@pytest.mark.parametrize("wrong", [["published"], {"published": "draft = 0"}, {1: lambda c: None}])
def test_what_is_no_scope_is_refused(wrong):
    class Wrong(ActiveRecord):
        __table_name__ = "wrong"
        __default_scopes__ = wrong

        id: int

    with pytest.raises(ConfigurationError, match="functions of the columns"):
        Wrong.query()


def test_a_scope_that_gives_no_condition_is_refused():
    class Wrong(Essay):
        __default_scopes__ = {"published": lambda c: "draft = 0"}

    with pytest.raises(QueryError, match="'published' must give a condition"):
        Wrong.query().to_sql()


def test_names_of_columns_are_the_fields_or_the_columns():
    from typing import Annotated

    class Renamed(ActiveRecord):
        __table_name__ = "renamed"
        __default_scopes__ = {"on": lambda c: c.is_on == True}  # noqa: E712  # SQL, not Python.

        id: int
        is_on: Annotated[bool, Column(name="on_flag")] = True

    Renamed.configure("sqlite:///:memory:")
    assert '"on_flag" = ?' in standard(Renamed.query().to_sql()[0])
