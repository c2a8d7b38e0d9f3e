"""Single members of a JSON column changed, by `save` and by queries."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from rhosocial.activerecord import ActiveRecord, Column
from rhosocial.activerecord.backend import ColumnNotFound, ConfigurationError, DataError, QueryError, ValidationError


class Geo(BaseModel):
    lat: float = 0.0


class Place(BaseModel):
    city: str = Field("", max_length=20)
    street: str = ""
    rent: Decimal = Decimal(0)
    geo: Geo | None = None
    tags: list[str] = []


class Home(ActiveRecord):
    __table_name__ = "homes"

    id: int
    place: Annotated[Place | None, Column(partial=True)] = None
    prices: Annotated[dict[str, Decimal], Column(partial=True)] = Field(default_factory=dict)
    name: str = ""


c = Home.c


@pytest.fixture
def homes(home: Callable[..., Any]) -> Any:
    return home(Home)


@pytest.mark.needs("supports_json_changes")
async def test_edits_of_different_members_both_survive(homes: Any, sent: list[str]) -> None:
    home = await Home.acreate(place=Place(city="Rome", street="A"), prices={"a": Decimal(1), "b": Decimal(2)})
    one, two = await Home.afind_one_or_fail(home.id), await Home.afind_one_or_fail(home.id)
    sent.clear()
    one.place.city, one.name = "Oslo", "one"
    two.place.rent, two.place.geo = Decimal("9.50"), Geo(lat=1)
    one.prices["ü\"'"] = Decimal(3)
    del two.prices["b"]
    assert await one.asave() == 1 and await two.asave() == 1
    assert len(sent) == 2 and not any("Oslo" in sql for sql in sent)
    found = await Home.afind_one_or_fail(home.id)
    assert found.place == Place(city="Oslo", street="A", rent=Decimal("9.50"), geo=Geo(lat=1)) and found.name == "one"
    assert found.prices == {"a": Decimal(1), "ü\"'": Decimal(3)}
    assert not one.is_dirty and await one.asave() == 0
    one.place.street = "B"
    await one.asave()
    await two.arefresh()
    assert two.place == Place(city="Oslo", street="B", rent=Decimal("9.50"), geo=Geo(lat=1))


async def test_where_no_object_is_left_the_whole_is_written(homes: Any, backend: Any) -> None:
    home = await Home.acreate(place=Place(city="Rome"))
    for other in ("NULL", "'null'", "'[]'"):
        backend.execute(f"UPDATE homes SET place = {other}")
        home.place.street += "x"
        assert await home.asave() == 1
        assert (await Home.afind_one_or_fail(home.id)).place == home.place
    home.place = None
    assert await home.asave() == 1
    home.place = Place(city="Bern")
    assert await home.asave() == 1
    assert (await Home.afind_one_or_fail(home.id)).place == Place(city="Bern")


async def test_what_an_older_program_wrote_is_replaced(homes: Any, backend: Any) -> None:
    home = await Home.acreate(place=Place(city="Rome"))
    backend.execute("""UPDATE homes SET place = '{"city": "Rome", "old": 1, "street": "A"}'""")
    await home.arefresh()
    home.place.street = "B"
    await home.asave()
    assert await Home.query().where(c.place.cast(str).contains("old")).acount() == 0
    assert (await Home.afind_one_or_fail(home.id)).place == home.place


async def test_a_rollback_puts_the_row_back(homes: Any) -> None:
    home = await Home.acreate(place=Place(city="Rome"))
    with pytest.raises(RuntimeError):
        async with Home.transaction():
            home.place.city = "Oslo"
            await home.asave()
            home.place.street = "B"
            await home.asave()
            raise RuntimeError
    assert home.dirty_fields == {"place"} and await home.asave() == 1
    assert (await Home.afind_one_or_fail(home.id)).place == Place(city="Oslo", street="B")


keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)
prices = st.dictionaries(keys, st.decimals(allow_nan=False, allow_infinity=False, places=2), max_size=4)


@pytest.mark.needs("supports_json_changes")
@given(before=prices, after=prices, mine=keys)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_dict_becomes_any_other(homes: Any, before: Any, after: Any, mine: str) -> None:
    home = Home.create(prices=before)
    other = Home.find_one_or_fail(home.id)
    home.prices = after
    home.save()
    assert Home.find_one_or_fail(home.id).prices == after
    if mine not in before and mine not in after:
        other.prices[mine] = Decimal(1)
        other.save()
        assert Home.find_one_or_fail(home.id).prices == {**after, mine: Decimal(1)}


@pytest.mark.needs("supports_json_changes")
async def test_queries_change_members_too(homes: Any) -> None:
    await Home.abulk_create([Home(place=Place(city="Rome")), Home(place=Place(city="Bern")), Home()])
    moved = c.place.json_set(city="Oslo", geo=Geo(lat=3)).json_set({"rent": "1.5"})
    assert await Home.query().where(c.place.city == "Rome").aupdate(place=moved) == 1
    assert await Home.query().aupdate(prices=c.prices.json_set({"x": 1, "y": 2}).json_remove("x", "z")) == 3
    found = await Home.query().order_by("id").aall()
    assert [home.place for home in found] == [
        Place(city="Oslo", geo=Geo(lat=3), rent=Decimal("1.5")),
        Place(city="Bern"),
        None,
    ]
    assert [home.prices for home in found] == [{"y": Decimal(2)}] * 3
    assert await Home.query().aupdate(place=c.place.json_set(city="X")) == 3
    assert await Home.query().where(c.place.city == "X").acount() == 2


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: c.place.json_set(cty="x"), ColumnNotFound, "did you mean 'city'"),
        (lambda: c.place.json_set(city="x" * 21), DataError, "stored as place.city.*at most 20"),
        (lambda: c.place.json_set(rent="dear"), DataError, "place.rent"),
        (lambda: c.place.json_set(), QueryError, "at least one member"),
        (lambda: c.place.geo.json_set(lat=1), QueryError, "column of JSON"),
        (lambda: c.name.json_set(a=1), QueryError, "column of JSON"),
        (lambda: c.place.json_remove("city"), QueryError, "has fields"),
    ],
)
def test_what_cannot_be_stored_is_refused_before_it_is_sent(
    make: Callable[[], Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        make()
    assert "dear" not in str(caught.value)


async def test_save_validates_as_ever(homes: Any) -> None:
    home = await Home.acreate(place=Place(city="Rome"))
    home.place.city = "x" * 21
    with pytest.raises(ValidationError, match=r"place\.city: String should have at most 20"):
        await home.asave()
    assert (await Home.afind_one_or_fail(home.id)).place == Place(city="Rome")


def test_partial_is_for_json() -> None:
    class Wrong(ActiveRecord):
        __table_name__ = "wrong"

        id: int
        name: Annotated[str, Column(partial=True)] = ""

    with pytest.raises(ConfigurationError, match=r"Wrong\.name: partial"):
        _ = Wrong.__table__
