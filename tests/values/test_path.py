"""Paths into columns whose annotation says what stands there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from people import Address, Cat, Dog, Geo, Item, Kind, Level, Loud, Mixed, Person, Prices, Size

from rhosocial.activerecord.backend import ColumnNotFound, DataError, QueryError

pytestmark = pytest.mark.needs("supports_json")

c = Person.c
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
OWNER = UUID(int=7)


@pytest.fixture
def people(home: Callable[..., Any]) -> type[Person]:
    home(Person)
    rome = Address(
        city="Rome", zip_code="00100", rent=Decimal("9.50"), seen=NOON, local=datetime(2024, 1, 1), geo=Geo(lat=41.9)
    )
    oslo = Address(city="Oslo", kind=Kind.HOUSE, level=Level.HIGH, mixed=Mixed.TWO, since=date(2021, 1, 1), owner=OWNER)
    oslo.rent, oslo.stay, oslo.geo = Decimal("12345678901234567.89"), timedelta(hours=1), Geo(lat=59.9)
    oslo.seen, oslo.shared = NOON + timedelta(microseconds=500), True
    Person(
        address=rome,
        items=[Item(price=Decimal(2)), Item(price=Decimal(10))],
        tags=["a", "b"],
        pet=Cat(lives=9, toy="ball"),
        city="Rome",
    ).save()
    Person(
        address=oslo,
        items=[Item(price=Decimal("3.5"))],
        prices=Prices({"e.u'r\"": Decimal("1.10")}),
        size=Size(3, "x"),
        pet=Dog(barks=True, toy="bone"),
    ).save()
    Person(
        note={"text": "hi", "at": date(2024, 1, 1)},
        pair=(1, "x"),
        loud=Loud(word="HEY"),
        anything={"v": 1},
        city="Bern",
    ).save()
    return Person


async def ids(*conditions: Any, order: Any = "id") -> list[int]:
    found: list[int] = await Person.query().where(*conditions).order_by(order).select("id").ascalars()
    return found


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (c.address.city == "Rome", [1]),
        (c.address.city != "Rome", [2]),
        (c.address.city.in_(["Rome", "Bern"]), [1]),
        (c.address.city.startswith("Os"), [2]),
        (c.address.city == c.city, [1]),
        (c.address["zipCode"] == "00100", [1]),
        (c.address.kind == Kind.HOUSE, [2]),
        (c.address.kind == "house", [2]),
        (c.address.level > Level.LOW, [2]),
        (c.address.level > 1.5, [2]),
        (c.address.mixed == Mixed.TWO, [2]),
        (c.address.mixed == Mixed.ONE, [1]),
        (c.address.since > date(2020, 6, 1), [2]),
        (c.address.since == "2021-01-01", [2]),
        (c.address.seen > NOON, [2]),
        (c.address.seen == NOON.astimezone(timezone(timedelta(hours=5))), [1]),
        (c.address.local < datetime(2024, 1, 1, 0, 0, 1), [1]),
        (c.address.stay == timedelta(minutes=60), [2]),
        (c.address.rent == Decimal("9.5"), [1]),
        (c.address.rent > 9, [1, 2]),
        (c.address.rent == Decimal("12345678901234567.890"), [2]),
        (c.address.rent < Decimal("12345678901234567.9"), [1, 2]),
        (c.address.rent.between(9, 10), [1]),
        (c.address.owner == OWNER, [2]),
        (c.address.shared == True, [2]),  # noqa: E712  # SQL, not Python.
        (c.address.geo.lat > 50, [2]),
        (c.address.geo == Geo(lat=41.9), [1]),
        (c.address.geo.is_null(), [3]),
        (c["items"][0].price > 3, [2]),
        (c["items"][-1].price == 10, [1]),
        (c.tags[1] == "b", [1]),
        (c.prices["e.u'r\""] == Decimal("1.1"), [2]),
        (c.size.width == 3, [2]),
        (c.note.at == date(2024, 1, 1), [3]),
        (c.pet.toy == "bone", [2]),
        (c.pet.lives >= 9, [1]),
        (c.pair[1] == "x", [3]),
        (c.loud.word == "HEY", [3]),
        (c.anything["v"] == 1, [3]),
    ],
)  # fmt: skip
async def test_values_are_compared_as_the_field_stores_them(people: Any, condition: Any, expected: list[int]) -> None:
    assert await ids(condition) == expected


@pytest.mark.engine("sqlite")
async def test_an_index_on_the_expression_is_used(people: Any, backend: Any) -> None:
    backend.execute("""CREATE INDEX by_city ON people (JSON_EXTRACT(address, '$."city"'))""")
    for query in (Person.query().where(c.address.city == "Oslo"), Person.query().order_by(c.address.city)):
        assert "by_city" in str(await query.aexplain())
    assert await ids(c.prices["city' OR 1=1 --"] == 1) == []


async def test_an_alias_has_paths_too(people: Any) -> None:
    other = Person.alias("other")
    assert await other.query().where(other.c.address.city == "Oslo").select("id").ascalars() == [2]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (c.address.rent.desc(), [2, 1]),
        (c.address.seen.desc(), [2, 1]),
        ("address.city", [2, 1]),
        ("address.rent DESC", [2, 1]),
    ],
)
async def test_numbers_and_moments_in_text_have_their_own_order(people: Any, order: Any, expected: list[int]) -> None:
    assert await ids(c.address.is_not_null(), order=order) == expected


async def test_what_is_selected_has_the_declared_type(people: Any) -> None:
    row = await Person.query().where(c.id == 2).select(c.address.rent, c.address.kind, c.address.geo, c.pet).aone()
    assert row == (Decimal("12345678901234567.89"), Kind.HOUSE, Geo(lat=59.9), Dog(barks=True, toy="bone"))
    assert type(row.kind) is Kind


async def test_names_in_strings_reach_into_a_column(people: Any) -> None:
    found = Person.query().query({"address.city": ["Rome", "Oslo"], "address.geo.lat__gt": 50, "items.0.price__lt": 4})
    assert [person.id for person in await found.aall()] == [2]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: c.address.citty, ColumnNotFound, "address, a Address, has no field 'citty'; did you mean 'city'"),
        (lambda: c.address["geo"].lad, ColumnNotFound, "address.geo.*did you mean 'lat'"),
        (lambda: c["items"][0].prize, ColumnNotFound, r"items\[0\].*did you mean 'price'"),
        (lambda: c.tags["x"], ColumnNotFound, "tags.*has no member 'x'"),
        (lambda: c.address[0], ColumnNotFound, "no list"),
        (lambda: c.pair[2], ColumnNotFound, "2 elements"),
        (lambda: c.address.city.name, AttributeError, "'name'"),
        (lambda: c.anything.v, AttributeError, r"\['v'\]"),
        (lambda: c.id.nothing, AttributeError, "nothing"),
        (lambda: c.address.rent == "dear", DataError, "address.rent, a Decimal"),
        (lambda: c.address.stay > timedelta(0), QueryError, "does not sort"),
        (lambda: Person.query().query({"address.cty": "Rome"}), ColumnNotFound, "did you mean 'city'"),
        (lambda: Person.query().order_by("adress.city"), ColumnNotFound, "no table 'adress'"),
    ],
)
def test_what_the_annotation_does_not_declare_is_refused(
    make: Callable[[], Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        make()
    assert "dear" not in str(caught.value)
