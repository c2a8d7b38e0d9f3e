"""Derived schemas, as checkers see them: Pydantic classes, or, where the program says so, the fields of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

from pydantic import BaseModel

from rhosocial.activerecord import AUTO, ActiveRecord
from rhosocial.activerecord.backend import IntegrityError
from rhosocial.activerecord.testing.factory import factory


class User(ActiveRecord):
    __table_name__ = "users"

    id: int = AUTO
    name: str


assert_type(User.create_schema(), type[BaseModel])
assert_type(User.patch_schema(exclude="name"), type[BaseModel])
assert_type(User.read_schema(include=("posts",), name="UserCard"), type[BaseModel])

if TYPE_CHECKING:
    UserCreate = User
    UserRead = User
else:
    UserCreate = User.create_schema()
    UserRead = User.read_schema()


def create(body: UserCreate) -> UserRead:
    assert_type(body.name, str)
    User.create(**body.model_dump(exclude_unset=True))
    return User.query().into(UserRead).one_or_fail()


def explain(error: IntegrityError) -> None:
    assert_type(error.fields, tuple[str, ...])
    assert_type(error.errors({"name": "Ann"}), list[dict[str, Any]])


users = factory(User, name=lambda n: f"user {n}")
assert_type(users.build(name="Ann"), User)
assert_type(users.create_batch(2), list[User])
