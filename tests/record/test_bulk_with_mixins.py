"""What mixins set by themselves is set in bulk too."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import pytest

from rhosocial.activerecord import (
    AUTO,
    ActiveRecord,
    Column,
    IntegerPKMixin,
    OptimisticLockMixin,
    TimestampMixin,
    UUIDMixin,
)
from rhosocial.activerecord.backend import DataError, StaleRecord, UniqueViolation

DAY = timedelta(days=1)


class Page(IntegerPKMixin, TimestampMixin, OptimisticLockMixin, ActiveRecord):
    __table_name__ = "pages"
    url: Annotated[str, Column(unique=True)]
    hits: int = 0


class Token(UUIDMixin, ActiveRecord):
    __table_name__ = "tokens"
    name: Annotated[str, Column(unique=True)]


class Careful(ActiveRecord):
    __table_name__ = "careful"
    id: int
    name: str = ""
    is_open: bool = True
    saves: int = 0

    def get_update_conditions(self) -> list[Any]:
        return [Careful.c.is_open == True]  # noqa: E712  # SQL.

    def get_update_expressions(self) -> dict[str, Any]:
        return {"saves": Careful.c.saves + 1}


class Setting(ActiveRecord):
    __table_name__ = "settings"
    id: int
    data: Annotated[dict[str, int], Column(partial=True)]


class Vehicle(ActiveRecord):
    __table_name__ = "vehicles"
    __discriminator__ = "kind"
    id: int = AUTO
    kind: str = AUTO
    name: Annotated[str, Column(unique=True)]


class Car(Vehicle):
    doors: int | None = 4


class Boat(Vehicle):
    sails: int | None = 1


async def aged() -> list[Page]:
    """Pages of yesterday."""
    pages = await Page.abulk_create([Page(url=url) for url in "abc"])
    yesterday = pages[0].created_at - DAY
    await Page.query().aupdate(created_at=yesterday, updated_at=yesterday)
    return await Page.query().order_by("id").aall()


async def test_an_update_of_many_moves_moments_and_versions(home: Any) -> None:
    home(Page)
    pages = await aged()
    for page in pages[:2]:
        page.hits = page.id
    assert await Page.abulk_update(pages) == 2

    assert [page.version for page in pages] == [2, 2, 1]
    assert pages[0].updated_at - pages[0].created_at > DAY / 2 and pages[2].updated_at == pages[2].created_at
    assert await Page.query().order_by("id").aall() == pages and not any(page.is_dirty for page in pages)


async def test_a_record_of_an_older_version_is_told(home: Any) -> None:
    home(Page)
    pages = await aged()
    other = await Page.afind_one_or_fail(pages[1].id)
    await other.aupdate(hits=50)
    for page in pages:
        page.hits = 7
    with pytest.raises(StaleRecord, match="row 1: this Page was not saved: the record was updated by another process"):
        await Page.abulk_update(pages)

    assert await Page.query().order_by("id").select("hits", "version").atuples() == [(0, 1), (50, 2), (0, 1)]
    assert [page.version for page in pages] == [1, 1, 1]
    assert all(page.dirty_fields == {"hits"} for page in pages)


@pytest.mark.parametrize("as_dicts", [True, False])
async def test_an_upsert_moves_moments_and_versions(home: Any, as_dicts: bool) -> None:
    home(Page)
    old = (await aged())[0]
    rows: list[Any] = [{"url": "a", "hits": 5}, {"url": "z"}] if as_dicts else [Page(url="a", hits=5), Page(url="z")]
    changed, new = (await Page.aupsert(rows, on="url", returning=True)).records
    assert (changed.id, changed.hits, changed.created_at) == (old.id, 5, old.created_at)
    # A dict that gives nothing but what it goes by changes nothing.
    assert changed.updated_at - old.updated_at > DAY / 2 and changed.version == 2
    assert new.version == 1 and new.created_at == new.updated_at

    await Page.aupsert([changed], on="url", update=["hits"])
    assert changed.version == 3
    await changed.aupdate(hits=6)
    assert changed.version == 4


async def test_touch_moves_what_saving_moves(home: Any) -> None:
    home(Page)
    page = (await aged())[0]
    page.hits = 9
    await page.atouch()

    assert page.updated_at - page.created_at > DAY / 2
    assert page.dirty_fields == {"hits"} and page.version == 2
    assert (await Page.afind_one_or_fail(page.id)).updated_at == page.updated_at


async def test_the_key_of_the_row_that_is_there_comes_back(home: Any) -> None:
    home(Token)
    old = await Token.acreate(name="a")
    token = Token(name="a")
    assert token.id != old.id
    await Token.aupsert([token], on="name")

    assert token.id == old.id and await Token.query().acount() == 1
    assert (await Token.afind_or_create(name="a")).id == old.id


async def test_what_a_class_adds_to_its_updates_holds_in_bulk(home: Any) -> None:
    home(Careful)
    rows = await Careful.abulk_create([Careful(name=str(n)) for n in range(3)])
    for row in rows:
        row.name += "!"
    assert await Careful.abulk_update(rows) == 3
    assert [row.saves for row in rows] == [1, 1, 1]
    await Careful.query().where(Careful.c.id == rows[1].id).aupdate(is_open=False)
    for row in rows:
        row.name += "!"
    with pytest.raises(StaleRecord, match="row 1: "):
        await Careful.abulk_update(rows)
    assert await Careful.query().order_by("id").select("name").ascalars() == ["0!", "1!", "2!"]


async def test_single_members_are_written_where_they_are_asked_for(home: Any) -> None:
    home(Setting)
    settings = await Setting.abulk_create([Setting(data={"a": 1, "b": n}) for n in range(3)])
    other = await Setting.afind_one_or_fail(settings[1].id)
    other.data["a"] = 7
    await other.asave()
    for setting in settings:
        setting.data["b"] += 10
    assert await Setting.abulk_update(settings) == 3

    kept = 7 if type(settings[1]).__home__[1].partial_bits else 1
    assert [row.data for row in await Setting.query().order_by("id").aall()] == [
        {"a": 1, "b": 10},
        {"a": kept, "b": 11},
        {"a": 1, "b": 12},
    ]


async def test_classes_that_share_a_table_leave_each_other_alone(home: Any) -> None:
    home(Vehicle)
    home(Car, Boat, tables=False)
    cars = await Car.abulk_create([{"name": "a"}, Car(name="b")])
    await Car.aupsert([{"name": "a", "doors": 2}, {"name": "c"}], on="name")
    for car in cars:
        car.doors = 5
    assert await Car.abulk_update(cars) == 2
    assert [(car.kind, car.doors) for car in await Car.query().order_by("id").aall()] == [("Car", n) for n in (5, 5, 4)]
    for rows in ([{"name": "z"}, {"name": "a", "sails": 3}], [Boat(name="z"), Boat(name="a")]):
        for update in (None, []):
            with pytest.raises(UniqueViolation, match="row 1: the name is that of a row of the kind 'Car'"):
                await Boat.aupsert(rows, on="name", update=update)
    with pytest.raises(DataError, match=r"Boat\.kind is the kind of a row"):
        await Boat.aupsert([Boat(name="a")], on="name", update=["kind"])
    assert await Vehicle.query().acount() == 3
