"""Models with columns that hold models."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, RootModel, field_serializer
from typing_extensions import TypedDict

from rhosocial.activerecord import ActiveRecord


class Kind(StrEnum):
    FLAT = "flat"
    HOUSE = "house"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Mixed(Enum):
    ONE = 1
    TWO = "two"


class Geo(BaseModel):
    lat: float
    lon: float = 0.0


class Address(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    city: str
    zip_code: str = Field("", alias="zipCode")
    kind: Kind = Kind.FLAT
    level: Level = Level.LOW
    mixed: Mixed = Mixed.ONE
    since: date = date(2020, 1, 1)
    seen: AwareDatetime | None = None
    local: datetime | None = None
    stay: timedelta | None = None
    rent: Decimal = Decimal("0.00")
    owner: UUID | None = None
    shared: bool = False
    geo: Geo | None = None


class Cat(BaseModel):
    lives: int
    toy: str


class Dog(BaseModel):
    barks: bool
    toy: str


class Prices(RootModel[dict[str, Decimal]]):
    pass


class Loud(BaseModel):
    word: str

    @field_serializer("word")
    def upper(self, word: str) -> str:
        return word.upper()


@dataclass
class Size:
    width: int
    name: str = ""


class Note(TypedDict):
    text: str
    at: date


class Item(BaseModel):
    price: Decimal
    tags: list[str] = []


class Person(ActiveRecord):
    __table_name__ = "people"

    id: int
    address: Address | None = None
    items: list[Item] = Field(default_factory=list)
    tags: list[str] = Field(default_factory=list)
    prices: Prices = Prices({})
    size: Size | None = None
    note: Note | None = None
    pet: Cat | Dog | None = None
    pair: tuple[int, str] | None = None
    loud: Loud | None = None
    anything: Any = None
    city: str | None = None
