"""The models and rows that the tests of queries ask about."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

from pydantic import Field

from rhosocial.activerecord import ActiveRecord, Column


class Mood(Enum):
    GLAD = "glad"
    GRIM = "grim"


class Person(ActiveRecord):
    __table_name__ = "people"

    id: int
    name: str
    age: int | None = None
    score: float = 0.0
    balance: Annotated[Decimal, Field(max_digits=10, decimal_places=2)] = Decimal(0)
    fortune: Annotated[Decimal, Field(max_digits=30, decimal_places=6)] = Decimal(0)
    active: bool = True
    born: dt.date | None = None
    mood: Mood = Mood.GLAD
    tags: list[str] = Field(default_factory=list)
    nick: Annotated[str | None, Column(name="select")] = None


class Pet(ActiveRecord):
    __table_name__ = "pets"

    id: int
    owner: Annotated[int, Column(name="owner_id")]
    name: str
    got: dt.date | None = None


class Seat(ActiveRecord):
    __table_name__ = "seats"
    __primary_key__ = ("row", "number")

    row: str
    number: int
    label: str = ""


class Note(ActiveRecord):
    """Written by tests; everything else is only read."""

    __table_name__ = "notes"

    id: int
    text: str
    size: int = 0
    day: dt.date | None = None


MODELS: list[type[ActiveRecord]] = [Person, Pet, Seat, Note]

PEOPLE: list[dict[str, Any]] = [
    {"name": "Ann", "age": 30, "score": 1.5, "balance": "10.10", "fortune": "12345678901234567890.123456", "nick": "A"},
    {"name": "Bob", "age": None, "score": -2.0, "balance": "0.20", "fortune": "0.000001", "active": False},
    {"name": "Cid", "age": 20, "score": 0.25, "balance": "-5.00", "fortune": "9.5", "mood": "grim", "nick": "C"},
    {"name": "Dee", "age": 20, "score": 8.0, "balance": "99.99", "fortune": "10", "active": False, "mood": "grim"},
    {"name": "Eve", "age": 45, "score": 3.0, "balance": "0.70", "fortune": "-1", "tags": ["x", "y"]},
    {"name": "Fay", "age": 5, "score": 0.0, "balance": "7.00", "fortune": "2.25"},
]
PETS = [(1, "Rex", 1), (1, "Tom", 2), (3, "Kit", 3), (5, "Rex", None), (99, "Stray", 4)]


def fill() -> None:
    """Make the tables and put the rows in."""
    for model in MODELS:
        model.create_table()
    for number, values in enumerate(PEOPLE):
        Person.create(**values, born=None if number == 5 else dt.date(2000, 1, number + 1))
    for owner, name, day in PETS:
        Pet.create(owner=owner, name=name, got=None if day is None else dt.date(2020, 2, day))
    Seat.bulk_create([Seat(row=row, number=number, label=f"{row}{number}") for row in "AB" for number in (1, 2, 3)])


def by_nulls(low: Any, high: Any, falls: bool = False) -> Any:
    """What is expected where NULL comes before all values, or after them; `falls` says that the order is DESC."""
    where = Person.backend().dialect.nulls_sort
    return low if where == "low" or where == ("last" if falls else "first") else high


def names(records: list[Any]) -> str:
    """The initials of people, in order: most answers are told apart by them."""
    return "".join(record.name[0] for record in records)
