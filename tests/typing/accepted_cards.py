"""Answers in classes of the caller's own, as checkers see them."""

from __future__ import annotations

from typing import assert_type

from pydantic import BaseModel

from rhosocial.activerecord import AUTO, ActiveRecord, HasMany
from rhosocial.activerecord.page import Page
from rhosocial.activerecord.shape import CardQuery


class User(ActiveRecord):
    __table_name__ = "users"

    id: int = AUTO
    name: str

    posts = HasMany["Post"](foreign_key="user_id")


class Post(ActiveRecord):
    __table_name__ = "posts"

    id: int = AUTO
    user_id: int
    title: str


class PostCard(BaseModel):
    title: str


class UserCard(BaseModel):
    name: str
    posts: list[PostCard]


assert_type(User.query().into(UserCard), CardQuery[UserCard])
assert_type(User.query().into(UserCard).all(), list[UserCard])
assert_type(User.query().into(UserCard).one(), UserCard | None)
assert_type(User.query().into(UserCard).one_or_fail().posts[0].title, str)


async def awaiting() -> None:
    assert_type(await User.query().into(UserCard).aall(), list[UserCard])
    assert_type(await User.query().into(UserCard).afirst(), UserCard | None)
    assert_type(await User.query().into(UserCard).apage(20), Page[UserCard])
