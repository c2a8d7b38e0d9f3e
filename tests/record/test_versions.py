"""The optimistic lock: a record whose row was changed meanwhile is neither saved nor deleted."""

from __future__ import annotations

import threading
from typing import Annotated, Any

import pytest

from rhosocial.activerecord import AUTO, ActiveRecord, IntegerPKMixin, OptimisticLockMixin, Version
from rhosocial.activerecord.backend import ConfigurationError, DatabaseError, StaleRecord


class Page(OptimisticLockMixin, IntegerPKMixin, ActiveRecord):
    __table_name__ = "pages"
    text: str = ""


class Renamed(IntegerPKMixin):
    __table_name__ = "renamed"
    text: str = ""
    revision: Annotated[int, Version(10, increment_by=5, db_column="rev")] = AUTO


class Undo(Exception):
    """Leaves a block."""


async def test_the_version_begins_at_1_and_grows_by_1(home: Any, sent: list[str]) -> None:
    home(Page)
    page = await Page.acreate(text="a")
    assert page.version == 1
    sent.clear()
    assert await page.aupdate(text="b") == 1
    assert sent == ['UPDATE "pages" SET "text" = ?, "version" = ? WHERE "id" = ? AND "version" = ?']
    assert (page.version, page.is_dirty) == (2, False)

    assert await page.asave() == 0
    assert page.version == 2
    assert await Page.afind_one(page.id) == page


async def test_a_stale_record_is_neither_saved_nor_deleted(home: Any) -> None:
    home(Page)
    page = await Page.acreate(text="a")
    other = await Page.afind_one_or_fail(page.id)
    await other.aupdate(text="theirs")
    page.text = "mine"
    with pytest.raises(StaleRecord, match="the record was updated by another process") as caught:
        await page.asave()
    assert isinstance(caught.value, DatabaseError) and caught.value.table == "pages"
    assert str(caught.value).endswith(f"its row is no longer there with this version (id {page.id})")
    with pytest.raises(StaleRecord, match="this Page was not deleted: the record was updated by another process"):
        await page.adelete()

    assert (page.text, page.version, page.is_new_record, page.dirty_fields) == ("mine", 1, False, {"text"})
    assert (await Page.afind_one_or_fail(page.id)).text == "theirs"
    await page.arefresh()
    await page.aupdate(text="mine")
    assert page.version == 3
    await page.adelete()
    assert await Page.query().acount() == 0


async def test_a_version_from_outside_is_compared(home: Any) -> None:
    """As a form does that was filled in while somebody else saved."""
    home(Page)
    page = await Page.acreate(text="a")
    await page.aupdate(text="b")

    with pytest.raises(StaleRecord):
        await page.aupdate(text="from the form", version=1)
    await page.arefresh()
    assert await page.aupdate(text="from the form", version=2) == 1
    assert (page.version, page.text) == (3, "from the form")


@pytest.mark.needs("supports_savepoints")
async def test_a_rollback_puts_the_version_back(home: Any) -> None:
    home(Page)
    page = await Page.acreate(text="a")
    with pytest.raises(Undo):
        async with Page.transaction():
            await page.aupdate(text="b")
            with pytest.raises(Undo):
                async with Page.transaction():
                    await page.aupdate(text="c")
                    assert page.version == 3
                    raise Undo
            assert page.version == 2
            raise Undo
    assert (page.version, page.dirty_fields) == (1, {"text"})

    assert await page.asave() == 1
    assert page.version == 2


async def test_a_version_may_have_another_name_beginning_and_step(home: Any, sent: list[str]) -> None:
    home(Renamed)
    record = Renamed(text="a")
    assert record.revision is None
    await record.asave()
    assert record.revision == 10
    sent.clear()
    await record.aupdate(text="b")
    assert record.revision == 15
    assert sent == ['UPDATE "renamed" SET "text" = ?, "rev" = ? WHERE "id" = ? AND "rev" = ?']
    copied = record.dup()
    await copied.asave()
    assert copied.revision == 10


def test_of_two_threads_exactly_one_wins(home: Any) -> None:
    home(Page)
    key = Page.create(text="").id
    start, outcomes = threading.Barrier(2), []

    def change(name: str) -> None:
        for turn in range(20):
            page = Page.find_one_or_fail(key)
            start.wait(10)
            try:
                page.update(text=f"{name} {turn}")
                outcomes.append((turn, page.text))
            except StaleRecord:
                pass
            start.wait(10)

    threads = [threading.Thread(target=change, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    page = Page.find_one_or_fail(key)

    assert [turn for turn, _ in outcomes] == list(range(20))
    assert (page.version, page.text) == (21, outcomes[-1][1])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [({"value": "1"}, "value must be a whole number"), ({"increment_by": 0}, "increment_by must be at least 1")],
)
def test_a_version_that_would_not_grow_is_refused(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        Version(**arguments)


def test_a_version_is_one_int_field_outside_the_key() -> None:
    class Text(IntegerPKMixin):
        __table_name__ = "texts"
        version: Annotated[str, Version()] = "1"

    class Twice(OptimisticLockMixin, IntegerPKMixin):
        __table_name__ = "twice"
        other: Annotated[int, Version()] = 1

    for model in (Text, Twice):
        with pytest.raises(ConfigurationError, match="cannot be the version: that is one int field outside the key"):
            model.c.version  # noqa: B018  # Reading it is what is tested.


async def test_none_is_no_version(home: Any) -> None:
    home(Renamed)
    record = await Renamed.acreate(text="a")
    with pytest.raises(DatabaseError, match="revision"):
        await record.aupdate(text="b", revision=None)
    assert (await Renamed.afind_one_or_fail(record.id)).text == "a"
