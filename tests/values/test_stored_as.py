"""Types of the caller's own, each stored by a pair of functions; enums by value and by name."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rhosocial.activerecord import ActiveRecord, Column, StoredAs, register_type
from rhosocial.activerecord.backend import ConfigurationError, DatabaseType, DataError


class Money:
    """An amount in cents."""

    def __init__(self, cents: int, currency: str = "EUR") -> None:
        self.cents = cents
        self.currency = currency

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and (self.cents, self.currency) == (other.cents, other.currency)

    __hash__ = object.__hash__

    @classmethod
    def parse(cls, text: str) -> Money:
        cents, _, currency = text.partition(" ")
        return cls(int(cents), currency)


class Temperature:
    """Kelvin, without a comparison of its own."""

    def __init__(self, kelvin: Decimal) -> None:
        self.kelvin = kelvin


class Broken(Money):
    pass


def money_text(money: Money) -> str:
    return f"{money.cents} {money.currency}"


register_type(Money, DatabaseType.TEXT, dump=money_text, load=Money.parse)
AsNumber = StoredAs(DatabaseType.DECIMAL, precision=9, scale=2, dump=lambda t: t.kelvin, load=Temperature)


class Color(Enum):
    RED = 1
    BLUE = "b"


class Size(IntEnum):
    S = 1
    L = 2


class Fruit(StrEnum):
    APPLE = "apple"
    PEAR = "pear"


class Access(IntFlag):
    READ = 1
    WRITE = 2


class Thing(ActiveRecord):
    __table_name__ = "things"

    id: int
    price: Money | None = None
    heat: Annotated[Temperature, AsNumber] | None = None
    color: Color = Color.RED
    by_name: Annotated[Color | None, Column(by_name=True)] = None
    size: Size = Size.S
    fruit: Fruit = Fruit.APPLE
    access: Access = Access.READ


c = Thing.c


@pytest.fixture
def things(home: Callable[..., Any]) -> Any:
    return home(Thing)


async def test_a_registered_type_is_a_column_like_any_other(things: Any, backend: Any) -> None:
    thing = await Thing.acreate(price=Money(250), heat=Temperature(Decimal("273.15")))
    found = await Thing.afind_one_or_fail(thing.id)
    assert found.price == Money(250) and found.heat is not None and found.heat.kelvin == Decimal("273.15")
    assert backend.fetch_one("SELECT price, heat FROM things") in (
        {"price": "250 EUR", "heat": 273.15},
        {"price": "250 EUR", "heat": Decimal("273.15")},
    )

    assert not found.is_dirty and await found.asave() == 0
    found.price.cents = 300
    assert found.dirty_fields == {"price"} and await found.asave() == 1

    assert await Thing.query().where(c.price == Money(300)).acount() == 1
    assert await Thing.query().where(c.price == "300 EUR").acount() == 1
    assert await Thing.query().where(c.price.in_([Money(1), Money(300)])).acount() == 1
    assert await Thing.query().aupdate(price=Money(7, "USD")) == 1
    assert await Thing.query().select(c.price, c.price.is_null().as_("none")).aone() == (Money(7, "USD"), False)


async def test_many_records_hold_it_too(things: Any) -> None:
    await Thing.abulk_create([Thing(price=Money(n)) for n in range(5)])
    found = await Thing.query().order_by("id").aall()
    assert [thing.price for thing in found] == [Money(n) for n in range(5)]


def test_json_has_what_dump_makes() -> None:
    thing = Thing(price="5 USD", heat=Temperature(Decimal(1)))  # As a form would give it.
    assert thing.price == Money(5, "USD")
    assert '"price":"5 USD"' in thing.model_dump_json() and '"heat":"1"' in thing.model_dump_json()


@given(
    cents=st.integers(-(2**70), 2**70),
    currency=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_comes_back_or_is_refused(things: Any, cents: int, currency: str) -> None:
    thing = Thing.create(price=Money(cents, currency))
    assert Thing.find_one_or_fail(thing.id).price == Money(cents, currency)
    assert Thing.query().where(c.price == Money(cents, currency), c.id == thing.id).count() == 1


class Lossy(ActiveRecord):
    __table_name__ = "lossy"

    id: int
    price: Annotated[
        Money, StoredAs(DatabaseType.BIGINT, dump=lambda m: m.cents, load=lambda n: Money(n) if n != 13 else no(n))
    ]


def no(number: int) -> Any:
    raise ValueError(f"{number} is not lucky")


async def test_a_value_that_would_come_back_as_another_is_not_written(home: Any, backend: Any) -> None:
    home(Lossy)
    with pytest.raises(DataError, match=r"Lossy\.price: .*come back as another"):
        await Lossy(price=Money(5, "USD")).asave()
    with pytest.raises(DataError, match=r"Lossy\.price: .*has no form") as caught:
        await Lossy(price=Money(13)).asave()
    assert "lucky" not in str(caught.value)
    backend.execute("INSERT INTO lossy (price) VALUES (13)")
    with pytest.raises(DataError, match=r"Lossy\.price of the row with id 1: .*none that the type's load accepts"):
        await Lossy.query().aall()


def test_wrong_registrations_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="Money is registered already"):
        register_type(Money, DatabaseType.TEXT, dump=money_text, load=Money.parse)
    with pytest.raises(ConfigurationError, match="takes a class"):
        register_type(Annotated[Money, 1], DatabaseType.TEXT, dump=str, load=str)
    with pytest.raises(ConfigurationError, match="two functions"):
        StoredAs(DatabaseType.TEXT, dump=str, load=None)
    with pytest.raises(ConfigurationError, match="CUSTOM"):
        StoredAs(DatabaseType.CUSTOM, dump=str, load=str)


async def test_enums_are_stored_by_value_and_by_name_where_that_is_asked_for(things: Any, backend: Any) -> None:
    given_values = {"color": Color.BLUE, "size": Size.L, "fruit": Fruit.PEAR, "access": Access.READ | Access.WRITE}
    thing = await Thing.acreate(by_name=Color.BLUE, **given_values)
    row = backend.fetch_one("SELECT color, by_name, size, fruit, access FROM things")
    assert row == {"color": '"b"', "by_name": "BLUE", "size": 2, "fruit": "pear", "access": 3}
    found = await Thing.afind_one_or_fail(thing.id)
    assert found.model_dump() == thing.model_dump() and type(found.size) is Size
    for name, value in {**given_values, "by_name": Color.BLUE}.items():
        assert await Thing.query().query({name: value}).acount() == 1, name
        assert await Thing.query().query({name: value.value}).acount() == 1, name
    assert not found.is_dirty
    backend.execute("UPDATE things SET by_name = 'PINK'")
    with pytest.raises(DataError, match=r"Thing\.by_name of the row with id 1"):
        await Thing.afind_one(thing.id)


def test_by_name_is_for_enums() -> None:
    class Wrong(ActiveRecord):
        __table_name__ = "wrong"

        id: int
        name: Annotated[str, Column(by_name=True)] = ""

    with pytest.raises(ConfigurationError, match=r"Wrong\.name: by_name is for an Enum"):
        _ = Wrong.__table__
