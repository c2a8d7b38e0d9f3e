"""upsert: rows inserted, or changing the one that is there; all or none, and the records hold what is stored."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import AwareDatetime, Field

from rhosocial.activerecord import AUTO, ActiveRecord, Check, Column, F, HasMany, Index, Unique
from rhosocial.activerecord.backend import (
    CheckViolation,
    ColumnNotFound,
    DatabaseError,
    DataError,
    QueryError,
    UniqueViolation,
    UnsupportedFeature,
    ValidationError,
)
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend, SQLiteDialect

THREADS, TASKS, MANY = 16, 100, 10_000
DAY = datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)


class Page(ActiveRecord):
    __table_name__ = "pages"
    __table_args__ = (Unique("site", "path"), Check("hits >= 0"))
    id: int = AUTO
    url: Annotated[str, Column(name="address", unique=True), Field(min_length=1)]
    hits: int = 0
    price: Annotated[Decimal, Field(max_digits=9, decimal_places=2)] = Decimal(0)
    seen: AwareDatetime = DAY
    tags: list[str] = Field(default_factory=list)
    site: str | None = None
    path: str | None = None


class Line(ActiveRecord):
    __table_name__ = "lines"
    __primary_key__ = ("order_id", "number")
    order_id: int
    number: int
    text: str = ""
    links = HasMany["Page"](foreign_key="id")


class Box(ActiveRecord):
    __table_name__ = "boxes"
    id: int
    width: int
    height: Annotated[int, Column(default_sql="7")]
    area: Annotated[int, Column(generated="width * height")]


async def rows(*fields: str) -> Any:
    return await Page.query().order_by("id").select(*fields).atuples()


async def test_rows_are_inserted_or_change_the_one_that_is_there(home: Any, sent: list[str]) -> None:
    home(Page)
    old = await Page.acreate(url="a", hits=5, tags=["old"])
    new, met = Page(url="b", tags=["new"]), Page(url="a", hits=9)
    sent.clear()
    done = await Page.aupsert([new, met], on="url", update=["hits"])

    assert done.affected == 2
    assert done.records == [new, met] and done.records[0] is new
    assert met.id == old.id and new.id not in (None, old.id)
    assert (met.hits, met.tags) == (9, ["old"])  # What is stored, not what was proposed.
    assert not any(record.is_new_record or record.is_dirty for record in (new, met))
    assert await Page.query().order_by("id").aall() == [met, new]
    met.tags.append("x")
    assert await met.asave() == 1


async def test_dicts_give_the_columns_that_they_change(home: Any) -> None:
    home(Page)
    await Page.acreate(url="a", hits=5, tags=["old"], price=1)
    done = await Page.aupsert([{"address": "a", "price": "2.50"}, {"url": "b", "hits": 3}, {"url": "c"}], on="url")

    assert (done.affected, done.records) == (3, [])
    assert await rows("url", "hits", "price", "tags") == [
        ("a", 5, Decimal("2.50"), ["old"]),
        ("b", 3, Decimal("0.00"), []),
        ("c", 0, Decimal("0.00"), []),
    ]
    again = await Page.aupsert([{"url": "a"}, {"url": "d"}], on=["address"], returning=True)
    assert again.affected == 1 and again.inserted == 1 and again.updated == 0
    assert [(page.url, page.hits, page.is_new_record) for page in again.records] == [("a", 5, False), ("d", 0, False)]
    assert [page.id for page in again.records] == await Page.query().order_by("url").where(
        Page.c.url.in_(["a", "d"])
    ).select("id").ascalars()


async def test_nothing_is_done_for_no_columns(home: Any) -> None:
    home(Page)
    old = await Page.acreate(url="a", hits=5)
    for update in ([], {}, lambda new: []):
        page = Page(url="a", hits=9)
        done = await Page.aupsert([page], on="url", update=update)
        assert (done.affected, done.inserted, done.updated) == (0, 0, 0)
        assert page == old and page.hits == 5


async def test_expressions_see_the_row_and_the_new_one(home: Any) -> None:
    home(Page)
    c = Page.c
    await Page.acreate(url="a", hits=5, seen=DAY)
    await Page.aupsert(
        [Page(url="a", hits=2), Page(url="b", hits=2)],
        on="url",
        update=lambda new: {"hits": c.hits + new.hits, "price": 3, "site": F.upper(new.url)},
    )
    assert await rows("url", "hits", "price", "site") == [("a", 7, Decimal(3), "A"), ("b", 2, Decimal(0), None)]
    await Page.aupsert([Page(url="a")], on="url", update={"hits": c.hits * 2, "tags": ["x"]})
    assert await rows("hits", "tags") == [(14, ["x"]), (2, [])]


async def test_a_condition_spares_rows(home: Any, backend: Any) -> None:
    home(Page)
    if backend.dialect.upsert_form == "on_duplicate_key":
        with pytest.raises(UnsupportedFeature, match="has no condition of an upsert"):
            await Page.aupsert([Page(url="a")], on="url", where=Page.c.hits > 5)
        return
    await Page.abulk_create([Page(url="a", seen=DAY), Page(url="b", seen=DAY + timedelta(1))])
    given = [Page(url=url, hits=1, seen=DAY + timedelta(hours=5)) for url in "abc"]
    done = await Page.aupsert(given, on="url", where=lambda new: Page.c.seen < new.seen)

    assert done.affected == 2
    assert [page.hits for page in given] == [1, 0, 1]
    assert given[1].seen == DAY + timedelta(1)
    assert (await Page.aupsert([Page(url="a", hits=7)], on="url", where=Page.c.hits > 5)).affected == 0
    assert (await Page.aupsert([Page(url="a", hits=7)], on="url", where=F.length(Page.c.url) == 1)).affected == 1


async def test_the_key_is_the_default_target(home: Any) -> None:
    home(Page, Line)
    await Line.acreate(order_id=1, number=1, text="old")
    lines = [Line(order_id=1, number=1, text="new"), Line(order_id=1, number=2)]
    await Line.aupsert(lines)
    assert await Line.query().order_by("number").select("number", "text").atuples() == [(1, "new"), (2, "")]

    spared = [Line(order_id=1, number=n, text="x") for n in range(1, 4)]
    await Line.aupsert(spared, on=("number", "order_id"), update=[])
    assert [line.text for line in spared] == ["new", "", "x"]
    page = await Page.acreate(url="a")
    page.hits = 4
    assert (await Page.aupsert([page], on="id")).affected == 1
    assert await rows("hits") == [(4,)] and not page.is_dirty


async def test_what_the_database_sets_comes_back(home: Any) -> None:
    home(Box)
    boxes = [Box(id=1, width=2), Box(id=2, width=3, height=1)]
    await Box.aupsert(boxes)
    assert [(box.height, box.area) for box in boxes] == [(7, 14), (1, 3)]
    boxes[0].width = 5
    await Box.aupsert([boxes[0]])
    assert boxes[0].area == 35
    with pytest.raises(DataError, match=r"Box\.area is computed by the database"):
        await Box.aupsert([Box(id=1, width=2)], update=["area"])


async def test_unique_constraints_are_targets(home: Any) -> None:
    home(Page)
    await Page.aupsert([{"url": "a", "site": "s", "path": "p"}], on=("path", "site"))
    await Page.aupsert([{"url": "b", "site": "s", "path": "p"}], on=("path", "site"))
    assert await rows("url") == [("b",)]


@pytest.mark.engine("sqlite", "postgresql")
async def test_partial_indexes_are_targets(home: Any) -> None:
    class Handle(ActiveRecord):
        __table_name__ = "handles"
        __table_args__ = (Index("name", unique=True, where="gone = 0"), Index("code", "gone", unique=True))
        id: int = AUTO
        name: str
        gone: int = 0
        code: str = ""

    home(Handle)
    await Handle.abulk_create([Handle(name="a", gone=1, code="1"), Handle(name="a", code="2")])
    handle = Handle(name="a", code="3")
    await Handle.aupsert([handle], on="name")
    assert await Handle.query().order_by("id").select("id", "code").atuples() == [(1, "1"), (2, "3")]
    await Handle.aupsert([handle], on="name", update=[])
    assert handle.id == 2


@pytest.mark.parametrize("on", ["hits", ("site", "url"), ("site",), ()])
async def test_a_target_without_a_unique_index_is_refused(home: Any, sent: list[str], on: Any) -> None:
    home(Page)
    sent.clear()
    with pytest.raises(QueryError, match=r"needs a unique constraint, a unique index or the key of exactly these"):
        await Page.aupsert([Page(url="a")], on=on)

    assert sent == []


@pytest.mark.parametrize(
    ("bad", "error", "complaint"),
    [
        ({"url": ""}, ValidationError, "row 7000: Page is not valid: url: String should have at least 1"),
        (Page.model_construct(url=""), ValidationError, "row 7000: Page is not valid"),
        ({"hits": 1}, ValidationError, "row 7000: Page is not valid: url: Field required"),
        ({"url": "x", "hist": 1}, ColumnNotFound, "row 7000: Page has no column 'hist'; did you mean 'hits'"),
        ({"url": "x", "_hits": 1}, ColumnNotFound, "row 7000: Page has no column '_hits'"),
        ({"url": "x", "hits": 2**63}, DataError, r"row 7000: Page\.hits: "),
        ({"url": "u3"}, DataError, "row 7000: Page has the same url as row 3"),
        ("u3", DatabaseError, "row 7000: upsert takes Page records or dicts, got str"),
    ],
)
async def test_the_bad_row_of_many_is_named(home: Any, bad: Any, error: Any, complaint: str) -> None:
    home(Page)
    given: list[Any] = [{"url": f"u{n}", "hits": 1} for n in range(MANY)]
    given[7_000] = bad
    with pytest.raises(error, match=complaint) as caught:
        await Page.aupsert(given, on="url")

    assert caught.value.row == 7_000
    assert await Page.query().acount() == 0


async def test_wrong_calls_are_refused_before_anything_is_sent(home: Any, sent: list[str]) -> None:
    home(Page, Line)
    sent.clear()
    one = Page(url="a")
    for given, more, error, complaint in [
        ([{"id": None, "url": "a"}], {}, DataError, "row 0: Page has no id, which upsert goes by"),
        ([one], {"on": ("site", "path")}, DataError, "row 0: Page has no site"),
        ([one, one], {"on": "url"}, DatabaseError, "takes each record once"),
        ({"url": "a"}, {"on": "url"}, DatabaseError, "takes a list of Page records or dicts, got dict"),
        (one, {"on": "url"}, DatabaseError, "takes a list of Page records or dicts, got Page"),
        ([Line(order_id=1, number=1)], {"on": "url"}, DatabaseError, "row 0: upsert takes Page records or dicts"),
        ([one], {"on": "urls"}, ColumnNotFound, "did you mean 'url'"),
        ([one], {"on": "url", "update": ["hist"]}, ColumnNotFound, "did you mean 'hits'"),
        ([one], {"on": "url", "update": {"hist": 1}}, ColumnNotFound, "did you mean 'hits'"),
        ([one], {"on": "url", "update": {"hits": "x"}}, ValidationError, "valid integer"),
        ([one], {"on": "url", "update": {"hits": Line.c.number}}, ColumnNotFound, "is no column of pages"),
        ([one], {"on": "url", "update": 5}, QueryError, "update takes names of columns, a dict or a function"),
        ([one], {"on": "url", "where": 5}, QueryError, "expected a condition"),
        ([one], {"on": "url", "batch_size": 0}, DatabaseError, "batch_size must be a whole number"),
        ([{"url": "a"}], {"on": "url", "update": ["hits"]}, QueryError, "row 0: gives no 'hits', which update names"),
    ]:
        with pytest.raises(error, match=complaint):
            await Page.aupsert(given, **more)
    assert sent == []


async def test_all_or_none_and_records_are_put_back(home: Any) -> None:
    home(Page)
    await Page.acreate(url="taken", site="s", path="p")
    pages = [Page(url=f"u{n}") for n in range(3)] + [Page(url="x", site="s", path="p")]
    with pytest.raises(UniqueViolation, match=r"^row 3: "):
        await Page.aupsert(pages, on="url", batch_size=1)
    with pytest.raises(UniqueViolation, match=r"^row 3: ") as caught:
        await Page.aupsert(pages, on="url")
    assert caught.value.row == 3
    assert await Page.query().acount() == 1
    assert [(page.id, page.is_new_record) for page in pages] == [(None, True)] * 4
    with pytest.raises(CheckViolation):
        await Page.aupsert([Page(url="taken", hits=1)], on="url", update={"hits": Page.c.hits - 1})
    for update in (["hits"], []):  # The row that it meets by another constraint is not the one to change.
        with pytest.raises(UniqueViolation):
            await Page.aupsert([Page(url="x", site="s", path="p", hits=9)], on="url", update=update)
    assert await rows("url", "hits") == [("taken", 0)]

    with pytest.raises(ZeroDivisionError):
        async with Page.transaction():
            await Page.aupsert(pages[:3], on="url")
            assert [page.id is None for page in pages] == [False, False, False, True]
            raise ZeroDivisionError
    assert [(page.id, page.is_new_record) for page in pages] == [(None, True)] * 4
    await Page.aupsert(pages[:3], on="url")
    assert await Page.query().acount() == 4


async def test_nothing_to_upsert_sends_nothing(home: Any, sent: list[str]) -> None:
    home(Page)
    sent.clear()
    done = await Page.aupsert([], on="url")

    assert (done.affected, done.records, sent) == (0, [], [])


async def test_ten_thousand_records_have_their_keys(home: Any, sent: list[str]) -> None:
    home(Page)
    await Page.abulk_create([Page(url=f"u{n}") for n in range(0, MANY, 2)])
    pages = [Page(url=f"u{n}", hits=n) for n in range(MANY)]
    sent.clear()
    done = await Page.aupsert(pages, on="url")

    assert done.affected == MANY and len(sent) <= 40
    assert dict(await Page.query().select("url", "id").atuples()) == {page.url: page.id for page in pages}
    assert await Page.query().asum("hits") == sum(range(MANY))
    more = [Line(order_id=n, number=n) for n in range(MANY)]
    home(Line)
    await Line.aupsert(more)
    assert (await Line.aupsert(more)).affected == MANY and await Line.query().acount() == MANY


def test_threads_that_race_write_one_row(home: Any) -> None:
    home(Page)
    start = threading.Barrier(THREADS)

    def work(worker: int) -> Any:
        start.wait()
        page = Page(url="a", hits=1)
        Page.upsert([page], on="url", update=lambda new: {"hits": Page.c.hits + new.hits})
        return page

    with ThreadPoolExecutor(THREADS) as pool:
        pages = [future.result() for future in [pool.submit(work, worker) for worker in range(THREADS)]]
    assert len({page.id for page in pages}) == 1
    assert sorted(page.hits for page in pages) == list(range(1, THREADS + 1))
    assert Page.query().select("hits").scalars() == [THREADS]


@pytest.mark.face("awaiting", reason="tasks")
async def test_tasks_that_race_write_one_row(home: Any) -> None:
    home(Page)

    async def work() -> None:
        await Page.aupsert([{"url": "a", "hits": 1}], on="url", update={"hits": Page.c.hits + 1})

    await asyncio.gather(*(work() for _ in range(TASKS)))

    assert await rows("hits") == [(TASKS,)]


async def test_an_engine_without_returning_is_asked(tmp_path: Any) -> None:
    class Silent(SQLiteBackend):
        supports_returning = False

    class Note(Page):
        __table_name__ = "notes"
        __table_args__ = ()

    place = Note.__backend__ = Silent(database=str(tmp_path / "x.db"))
    await Note.acreate_table()
    old = await Note.acreate(url="a", hits=5)
    texts: list[str] = []
    place.on_execute.append(lambda sql, types, duration: texts.append(sql))
    notes = [Note(url="b"), Note(url="a", hits=1)]
    assert (await Note.aupsert(notes, on="url", update=["hits"])).affected == 2
    assert not any("RETURNING" in sql for sql in texts)
    assert notes[1].id == old.id and notes[0].id not in (None, old.id)
    assert [note.hits for note in notes] == [0, 1]
    await place.aclose()


async def test_an_engine_without_upsert_refuses(tmp_path: Any) -> None:
    class Poor(SQLiteDialect):
        upsert_form = None

    class Note(Page):
        __table_name__ = "notes"

    place = Note.__backend__ = type("Place", (SQLiteBackend,), {"dialect_class": Poor})(database=str(tmp_path / "x.db"))
    with pytest.raises(UnsupportedFeature, match="SQLite has no upsert: use update_or_create for each row"):
        await Note.aupsert([Note(url="b")], on="url")
    await place.aclose()
