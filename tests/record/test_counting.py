"""increment, decrement and touch: one column of one row, changed where it lies."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import AwareDatetime, Field

from rhosocial.activerecord import AUTO, ActiveRecord, Column
from rhosocial.activerecord.backend import ColumnNotFound, DatabaseError, DataError, QueryError, StaleRecord

THREADS, ROUNDS = 8, 10


class Page(ActiveRecord):
    __table_name__ = "pages"
    id: int = AUTO
    title: str = ""
    hits: int = 0
    likes: Annotated[int | None, Column(name="hearts")] = None
    price: Annotated[Decimal, Field(max_digits=9, decimal_places=2)] = Decimal("1.10")
    ratio: float = 0.5
    seen: AwareDatetime | None = None
    plain: datetime | None = None
    day: date | None = None
    twice: Annotated[int | None, Column(generated="hits * 2")] = None


class Line(ActiveRecord):
    __table_name__ = "lines"
    __primary_key__ = ("order_id", "number")
    order_id: int
    number: int
    count: int = 0


@pytest.fixture(params=[True, False], ids=["returning", "reading"])
def returns(request: Any, backend: Any, monkeypatch: Any) -> None:
    if not request.param:
        monkeypatch.setattr(type(backend.dialect), "supports_update_returning", False)


@pytest.mark.usefixtures("returns")
async def test_a_counter_is_counted_in_the_database(home: Any, sent: list[str]) -> None:
    home(Page, Line)
    page = await Page.acreate(title="a")
    other = await Page.afind_one_or_fail(page.id)
    await other.aincrement("hits", 5)
    page.title = "unsaved"
    sent.clear()

    assert await page.aincrement("hits") == 6
    assert (page.hits, page.dirty_fields) == (6, {"title"})
    assert len([sql for sql in sent if sql.startswith("UPDATE")]) == 1
    assert await page.adecrement("hits", 2) == 4
    assert await page.aincrement("hearts") == 1 and page.likes == 1  # NULL counts as 0.
    assert await page.aincrement("price", Decimal("0.20")) == Decimal("1.30")
    assert await page.adecrement("ratio", 1) == -0.5
    found = await Page.afind_one_or_fail(page.id)
    assert (found.title, found.hits, found.likes, found.price, found.ratio) == ("a", 4, 1, Decimal("1.30"), -0.5)
    await page.asave()
    assert (await Page.afind_one_or_fail(page.id)).hits == 4
    line = await Line.acreate(order_id=1, number=2)
    await Line.acreate(order_id=1, number=3)
    assert await line.aincrement("count") == 1
    assert await Line.query().asum("count") == 1


@pytest.mark.usefixtures("returns")
async def test_a_row_that_has_gone_is_told(home: Any) -> None:
    home(Page)
    page = await Page.acreate()
    await Page.query().adelete()

    with pytest.raises(StaleRecord, match="this Page was not changed: its row is no longer there"):
        await page.aincrement("hits")
    assert page.hits == 0
    with pytest.raises(StaleRecord):
        await page.atouch("seen")
    assert page.seen is None


async def test_what_is_no_counter_is_refused(home: Any, sent: list[str]) -> None:
    home(Page)
    page = await Page.acreate()
    sent.clear()
    for field, by, error, complaint in [
        ("hist", 1, ColumnNotFound, "did you mean 'hits'"),
        ("title", 1, QueryError, r"Page\.title holds no numbers"),
        ("seen", 1, QueryError, r"Page\.seen holds no numbers"),
        ("id", 1, QueryError, r"Page\.id is the row's key"),
        ("twice", 1, DataError, r"Page\.twice is computed by the database"),
        ("hits", 1.5, DataError, r"Page\.hits can be changed by a number of its own kind, got float"),
        ("hits", True, DataError, "got bool"),
        ("hits", "1", DataError, "got str"),
        ("price", 0.5, DataError, "got float"),
    ]:
        with pytest.raises(error, match=complaint):
            await page.aincrement(field, by)
    with pytest.raises(DatabaseError, match="decrement needs a stored Page: save this one first"):
        await Page().adecrement("hits")
    assert sent == []


async def test_a_rollback_puts_the_count_back(home: Any) -> None:
    home(Page)
    page = await Page.acreate()
    with pytest.raises(ZeroDivisionError):
        async with Page.transaction():
            assert await page.aincrement("hits") == 1
            assert await page.aincrement("hits") == 2
            raise ZeroDivisionError

    assert page.hits == 0 and not page.is_dirty


def test_threads_count_each_time(home: Any) -> None:
    home(Page)
    page = Page.create()
    start = threading.Barrier(THREADS)

    def work() -> list[int]:
        mine = Page.find_one_or_fail(page.id)
        start.wait()
        return [mine.increment("hits") for _ in range(ROUNDS)]

    with ThreadPoolExecutor(THREADS) as pool:
        seen = [n for future in [pool.submit(work) for _ in range(THREADS)] for n in future.result()]
    assert sorted(seen) == list(range(1, THREADS * ROUNDS + 1))


async def test_touch_sets_moments_and_nothing_else(home: Any) -> None:
    home(Page)
    page = await Page.acreate(title="a")
    page.title = "unsaved"
    before = datetime.now(UTC)
    await page.atouch("seen", "plain", "day")

    assert page.dirty_fields == {"title"}
    assert page.seen is not None and page.plain is not None
    assert before <= page.seen <= before + timedelta(minutes=1)
    assert page.plain == page.seen.replace(tzinfo=None)
    found = await Page.afind_one_or_fail(page.id)
    assert (found.title, found.seen, found.plain) == ("a", page.seen, page.plain)
    assert page.day in (before.date(), page.seen.date())


async def test_touch_needs_something_to_touch(home: Any, sent: list[str]) -> None:
    home(Page)
    page = await Page.acreate()
    sent.clear()
    with pytest.raises(QueryError, match=r"Page has no field that saving sets to now: name fields, touch\('seen_at'\)"):
        await page.atouch()
    with pytest.raises(QueryError, match=r"Page\.hits is no date or datetime"):
        await page.atouch("hits")
    with pytest.raises(ColumnNotFound):
        await page.atouch("sene")
    with pytest.raises(DatabaseError, match="touch needs a stored Page"):
        await Page().atouch("seen")
    assert sent == []
