"""Wrong calls for many rows, of which checkers must refuse each marked line."""

from __future__ import annotations

from rhosocial.activerecord import AUTO, ActiveRecord


class Page(ActiveRecord):
    __table_name__ = "pages"

    id: int = AUTO
    hits: int = 0


class Other(ActiveRecord):
    __table_name__ = "others"

    id: int = AUTO


Page.find_or_create("hits", url="/")  # error
Page.update_or_create(3, url="/")  # error
Page.bulk_create([Other()])  # error
Page.bulk_update([Other()])  # error
Page.bulk_update([{"id": 1}])  # error
Page.upsert([Other()])  # error
Page.upsert([Page()], on=3)  # error
Page.upsert([Page()], update=3)  # error
Page.upsert([Page()], where=3)  # error
Page.upsert([Page()]).records[0].hist  # error
Page().touch(3)  # error
Page.query().returning(3)  # error
Page.query().returning().all()  # error
