"""Calls for many rows, and those that find or create, as checkers see them."""

from __future__ import annotations

from typing import Any, assert_type

from rhosocial.activerecord import AUTO, ActiveRecord
from rhosocial.activerecord.rows import Row
from rhosocial.activerecord.upsert import Upserted


class Page(ActiveRecord):
    __table_name__ = "pages"

    id: int = AUTO
    url: str
    hits: int = 0


p = Page.c
page = Page.find_or_create({"hits": 1}, url="/")
assert_type(page, Page)
assert_type(page.was_created, bool)
assert_type(Page.update_or_create({"hits": 1}, url="/"), Page)
assert_type(Page.bulk_create([page, {"url": "/"}]), list[Page])
assert_type(Page.bulk_update([page], ["hits"]), int)

assert_type(Page.upsert([{"url": "/"}], on="url"), Upserted[Page])
done = Page.upsert([page, {"url": "/"}], on=("url",), update=["hits"], returning=True)
assert_type(done.records, list[Page])
assert_type(done.inserted, int | None)
Page.upsert([page], update=lambda new: {"hits": p.hits + new.hits}, where=lambda new: p.hits < new.hits)
Page.upsert([page], update={"hits": p.hits + 1}, where=p.hits < 5)

assert_type(page.increment("hits"), Any)
assert_type(page.touch("seen"), None)
assert_type(Page.query().returning().update(hits=1), list[Page])
assert_type(Page.query().returning("id", p.hits).delete(), list[Row])


async def awaited() -> None:
    assert_type(await Page.afind_or_create(url="/"), Page)
    assert_type(await Page.aupsert([page]), Upserted[Page])
    assert_type(await Page.abulk_update([page]), int)
    assert_type(await Page.query().returning().adelete(), list[Page])
