"""`validate_unique` names all unique values that another row has, before anything is written."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import field_validator

from rhosocial.activerecord import AUTO, ActiveRecord, Column, Index, SoftDeleteMixin, Unique
from rhosocial.activerecord.backend import ValidationError


class Member(ActiveRecord):
    __table_name__ = "members"
    __table_args__ = (Unique("club", "number"), Index("badge", unique=True))

    id: int = AUTO
    email: Annotated[str, Column(name="email_address", unique=True, length=50)]
    club: Annotated[str, Column(length=50)] = "chess"
    number: int | None = None
    badge: int | None = None

    @field_validator("email")
    @classmethod
    def tidy(cls, value: str) -> str:
        return value.lower()


class Kept(SoftDeleteMixin, ActiveRecord):
    __table_name__ = "kept"
    __table_args__ = (Index("name", unique=True, where="deleted_at IS NULL"),)

    id: int = AUTO
    name: str


class Animal(ActiveRecord):
    __table_name__ = "animals"
    __discriminator__ = "kind"

    id: int = AUTO
    kind: Annotated[str, Column(length=50)] = AUTO
    tag: Annotated[str, Column(unique=True, length=50)]


class Cat(Animal):
    pass


class Dog(Animal):
    licence: Annotated[int | None, Column(unique=True)] = None


async def fields_taken(record: Any) -> list[Any]:
    try:
        await record.avalidate_unique()
    except ValidationError as error:
        return [detail["loc"] for detail in error.errors() if detail["type"] == "unique"]
    return []


async def test_all_values_that_are_taken_are_named(home: Any, sent: list[str]) -> None:
    home(Member)
    first = await Member.acreate(email="a", number=1, badge=7)
    other = await Member.acreate(email="b")

    assert await fields_taken(Member(email="c", club="go", number=1)) == []
    assert await fields_taken(first) == await fields_taken(Member(email="c", club="chess")) == []
    assert await fields_taken(Member(id=first.id, email="c")) == [("id",)]
    sent.clear()
    assert await fields_taken(Member(email="A", number=1, badge=7)) == [("email",), ("badge",), ("club",), ("number",)]
    assert all(text.startswith("SELECT") for text in sent)

    other.email = "A"
    assert await fields_taken(other) == [("email",)]
    other.id = first.id
    other.email = "b"
    assert await fields_taken(other) == [("id",)]


@pytest.mark.needs("supports_partial_indexes")
async def test_deleted_rows_count_where_the_index_counts_them(home: Any) -> None:
    home(Kept)
    one = await Kept.acreate(name="a")
    assert await fields_taken(Kept(name="a")) == [("name",)]
    await one.adelete()
    assert await fields_taken(Kept(name="a")) == []


async def test_classes_that_share_a_table_share_its_values(home: Any) -> None:
    home(Animal)
    Cat.__backend__ = Dog.__backend__ = Animal.backend()
    await Cat.acreate(tag="x")
    await Dog.acreate(tag="y", licence=1)
    assert await fields_taken(Dog(tag="x", licence=1)) == [("tag",), ("licence",)]
    assert await fields_taken(Dog(tag="z", licence=2)) == []
    del Cat.__backend__, Dog.__backend__
