"""Columns that hold models and typed lists: their whole life."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people import Address, Cat, Dog, Geo, Item, Kind, Level, Mixed, Person, Prices, Size
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator
from pydantic import ValidationError as PydanticValidationError

from rhosocial.activerecord import ActiveRecord
from rhosocial.activerecord.backend import DataError, ValidationError

c = Person.c

text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
cents = st.decimals(-(10**20), 10**20, places=2)
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.just(UTC))
geos = st.builds(Geo, lat=st.floats(-90, 90), lon=st.floats(-180, 180))
addresses = st.builds(
    Address,
    city=text,
    zip_code=text,
    kind=st.sampled_from(Kind),
    level=st.sampled_from(Level),
    mixed=st.sampled_from(Mixed),
    since=st.dates(),
    seen=st.none() | moments,
    local=st.none() | st.datetimes(),
    stay=st.none() | st.timedeltas(timedelta(0), timedelta(days=10_000)),
    rent=cents,
    owner=st.none() | st.uuids(),
    shared=st.booleans(),
    geo=st.none() | geos,
)
pets = st.builds(Cat, lives=st.integers(0, 9), toy=text) | st.builds(Dog, barks=st.booleans(), toy=text)
people = st.fixed_dictionaries(
    {
        "address": st.none() | addresses,
        "items": st.lists(st.builds(Item, price=cents, tags=st.lists(text, max_size=3)), max_size=3),
        "tags": st.lists(text, max_size=3),
        "prices": st.builds(Prices, st.dictionaries(text, cents, max_size=3)),
        "size": st.none() | st.builds(Size, st.integers(0, 99), text),
        "note": st.none() | st.fixed_dictionaries({"text": text, "at": st.dates()}),
        "pet": st.none() | pets,
        "pair": st.none() | st.tuples(st.integers(0, 9), text),
    }
)


@pytest.fixture
def table(home: Callable[..., Any]) -> Any:
    return home(Person)


@given(values=people, others=people)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_value_comes_back_equal_by_every_way(table: Any, values: dict[str, Any], others: dict[str, Any]) -> None:
    person = Person.create(**values)
    found = Person.find_one_or_fail(person.id)
    assert found.model_dump() == person.model_dump() and not found.is_dirty
    assert {name: type(getattr(found, name)) for name in values} == {n: type(v) for n, v in values.items()}
    for name, value in values.items():
        wanted = c[name].is_null() if value is None else c[name] == value
        assert Person.query().where(wanted, c.id == person.id).count() == 1, name

    assert Person.query().where(c.id == person.id).update(**others) == 1
    found.refresh()
    assert {name: getattr(found, name) for name in others} == others

    many = [Person(**values), Person(**others)]
    Person.bulk_create(many)
    assert [p.model_dump() for p in Person.find_all([p.id for p in many])] == [p.model_dump() for p in many]


@pytest.mark.needs("supports_json")
@given(address=addresses)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_member_is_found_by_its_value(table: Any, address: Address) -> None:
    person = Person.create(address=address)
    for name in Address.model_fields:
        value = getattr(address, name)
        wanted = c.address[name].is_null() if value is None else c.address[name] == value
        assert Person.query().where(wanted, c.id == person.id).count() == 1, name
        assert Person.query().where(c.id == person.id).select(c.address[name]).scalars() == [value]


async def test_edits_in_place_are_noticed_at_any_depth(table: Any, sent: list[str]) -> None:
    await Person.acreate(address=Address(city="Rome", geo=Geo(lat=1)), items=[Item(price=Decimal(1))])
    person = await Person.afind_one_or_fail(1)
    edits: list[Callable[[], Any]] = [
        lambda: setattr(person.address.geo, "lat", 2.0),
        lambda: person.items[0].tags.append("new"),
        lambda: person.items.append(Item(price=Decimal(2))),
        lambda: person.prices.root.update(x=Decimal(1)),
    ]
    for edit, field in zip(edits, ("address", "items", "items", "prices"), strict=True):
        edit()
        assert person.dirty_fields == {field}
        sent.clear()
        assert await person.asave() == 1 and len(sent) == 1 and f'"{field}" = ' in sent[0]
    assert (await Person.afind_one_or_fail(1)).model_dump() == person.model_dump()


async def test_who_holds_a_part_goes_on_editing_the_record(table: Any) -> None:
    person = await Person.acreate(address=Address(city="Rome"))
    address, tags = person.address, person.tags
    assert address is not None
    for city in ("Oslo", "Bern"):
        address.city = city
        tags.append(city)
        assert await person.asave() == 1
    found = await Person.afind_one_or_fail(person.id)
    assert found.address is not None and (found.address.city, found.tags) == ("Bern", ["Oslo", "Bern"])


class Street(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=10)]
    number: int = 1

    @field_validator("number")
    @classmethod
    def check(cls, number: int) -> int:
        if number < 0:
            raise ValueError("a number is positive")
        return number


class House(ActiveRecord):
    __table_name__ = "houses"

    id: int
    street: Street
    others: list[Street] = Field(default_factory=list)


@pytest.mark.parametrize(
    ("edit", "place"),
    [
        (lambda h: setattr(h.street, "number", -1), "street.number"),
        (lambda h: setattr(h.street, "name", "x" * 11), "street.name"),
        (lambda h: h.others.append(Street.model_construct(name=3, number=1)), "others.0.name"),
        (lambda h: h.others.append("no street"), "others.0"),
        (lambda h: setattr(h, "street", {"nam": "x"}), "street.name"),
    ],
)
async def test_what_is_edited_in_place_is_validated_before_it_is_written(
    home: Any, sent: list[str], edit: Callable[[Any], None], place: str
) -> None:
    home(House)
    house = await House.acreate(street=Street(name="A"))
    edit(house)
    sent.clear()
    with pytest.raises(ValidationError) as caught:
        await house.asave()
    assert place in [".".join(map(str, detail["loc"])) for detail in caught.value.errors()]
    assert sent == []


async def test_validators_may_change_what_is_edited(home: Any) -> None:
    home(House)
    house = await House.acreate(street=Street(name="A"))
    house.street.name = "  B "
    await house.asave()
    assert house.street.name == "B" == (await House.afind_one_or_fail(house.id)).street.name
    with pytest.raises(PydanticValidationError, match=r"street\.number"):
        House(street={"name": "A", "number": -1})


class Versioned(BaseModel):
    first: str
    last: str = ""

    @model_validator(mode="before")
    @classmethod
    def upcast(cls, data: Any) -> Any:
        if isinstance(data, dict) and "name" in data:
            first, _, last = data.pop("name").partition(" ")
            data = {**data, "first": first, "last": last}
        return data


class Author(ActiveRecord):
    __table_name__ = "authors"

    id: int
    name: Versioned
    notes: dict[str, Geo] = Field(default_factory=dict)


async def test_rows_of_an_older_form_are_read_by_the_models_validator(home: Any, backend: Any) -> None:
    home(Author)
    backend.execute("""INSERT INTO authors (name, notes) VALUES ('{"name": "Ann Lee"}', '{}')""")
    author = await Author.afind_one_or_fail(1)
    assert author.name == Versioned(first="Ann", last="Lee") and not author.is_dirty
    author.name.last = "Low"
    await author.asave()
    assert await Author.query().select(Author.c.name.cast(str)).ascalars() in (
        ['{"first":"Ann","last":"Low"}'],
        ['{"last": "Low", "first": "Ann"}'],
    )


@pytest.mark.parametrize(
    ("name", "notes", "words"),
    [
        ('{"last": "x"}', "{}", r"Author\.name of the row with id 1: .*Versioned accepts: first \(missing\)"),
        ('{"first": "x"}', '{"secret": {"lat": "north"}}', r"Author\.notes .*… \(float_parsing\)"),
        ('"text"', "{}", r"Author\.name of the row .* it \(model_type\)"),
    ],
)
async def test_what_no_longer_validates_is_named_without_its_value(
    home: Any, backend: Any, name: str, notes: str, words: str
) -> None:
    home(Author)
    backend.execute("INSERT INTO authors (name, notes) VALUES (?, ?)", (name, notes))
    with pytest.raises(DataError, match=words) as caught:
        await Author.query().aall()
    assert not any(word in str(caught.value) for word in ("secret", "north", "text"))
    assert caught.value.columns in (("name",), ("notes",))


def test_a_record_is_json_with_its_models() -> None:
    person = Person(address=Address(city="Rome", owner=UUID(int=1)), note={"text": "x", "at": date(2024, 1, 1)})
    again = Person.model_validate_json(person.model_dump_json())
    assert again.model_dump() == person.model_dump()
