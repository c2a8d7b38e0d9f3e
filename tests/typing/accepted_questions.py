"""Aliases, joins, queries in FROM, several queries as one, and cards, as checkers see them."""

from __future__ import annotations

from typing import Any, assert_type

from pydantic import BaseModel

from rhosocial.activerecord import AUTO, ActiveRecord, F, HasMany, Query
from rhosocial.activerecord.backend import ColumnRef
from rhosocial.activerecord.rows import Row
from rhosocial.activerecord.shape import CardQuery


class User(ActiveRecord):
    __table_name__ = "users"

    id: int = AUTO
    name: str
    boss_id: int | None = None

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


boss = User.alias("boss")
assert_type(boss.c.name, ColumnRef)
assert_type(boss.query(), Query[User])
assert_type(User.query().join(boss, on=boss.c.id == User.c.boss_id).all(), list[User])
assert_type(User.query().left_join(Post).where(Post.c.title == "x").order_by(boss.c.name), Query[User])
assert_type(User.query().union(User.query()), Query[User])
assert_type(User.query().intersect(User.query()).except_(User.query(), all=True).all(), list[User])

counted = Post.query().group_by("user_id").select("user_id", F.count().as_("n"))
assert_type(counted.all(), list[Row])
assert_type(counted.as_table("counted").c.n, ColumnRef)
assert_type(counted.as_cte("counted").query().all(), list[Row])
assert_type(User.query().with_cte(counted.as_cte("counted")).all(), list[User])

assert_type(User.query().into(UserCard), CardQuery[UserCard])
assert_type(User.query().into(UserCard).all(), list[UserCard])
assert_type(User.query().into(UserCard).one(), UserCard | None)
assert_type(User.query().into(UserCard).one_or_fail().posts[0].title, str)


async def awaiting() -> None:
    assert_type(await User.query().into(UserCard).aall(), list[UserCard])
    assert_type(await User.query().into(UserCard).afirst(), UserCard | None)
    assert_type(await counted.as_cte("counted").query().adicts(), list[dict[str, Any]])
