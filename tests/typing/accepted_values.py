"""Columns of models, encrypted ones, and types of one's own, as checkers see them."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, assert_type

from pydantic import BaseModel, Field

from rhosocial.activerecord import AUTO, ActiveRecord, Column, Encrypted, EncryptedAs, StoredAs, register_type
from rhosocial.activerecord.backend import Condition, DatabaseType, Operand
from rhosocial.activerecord.crypto import areencrypt, generate_key, reencrypt


class Address(BaseModel):
    city: str


class User(ActiveRecord):
    __table_name__ = "users"

    id: int = AUTO
    address: Annotated[Address | None, Column(partial=True)] = None
    tags: list[str] = Field(default_factory=list)
    ssn: Encrypted[str] | None = None
    note: Annotated[str, EncryptedAs("note")] = ""
    share: Annotated[Fraction, StoredAs(DatabaseType.TEXT, dump=str, load=Fraction)] = Fraction(1)


register_type(Fraction, DatabaseType.TEXT, dump=str, load=Fraction)
user = User(address=Address(city="Rome"), ssn="1")
assert_type(user.ssn, str | None)
assert_type(user.share, Fraction)
assert_type(user.address, Address | None)
assert_type(User.c.address.city == "Rome", Condition)
assert_type(User.c.tags[0] == "a", Condition)
assert_type(User.c.address.json_set(city="Oslo"), Operand)
assert_type(generate_key(), str)
assert_type(reencrypt(User, batch_size=3), int)


async def rotate() -> None:
    assert_type(await areencrypt(User), int)
