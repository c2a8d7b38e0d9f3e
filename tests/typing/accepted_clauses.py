"""Joins, aliases, queries in FROM and WITH, and several queries as one, as checkers see them."""

from __future__ import annotations

from typing import Any, assert_type

from rhosocial.activerecord import AUTO, ActiveRecord, F, HasMany, Query
from rhosocial.activerecord.backend import ColumnRef
from rhosocial.activerecord.query import RowQuery
from rhosocial.activerecord.rows import Row
from rhosocial.activerecord.source import CTE, Alias, Derived


class User(ActiveRecord):
    __table_name__ = "users"

    id: int = AUTO
    name: str
    age: int = 0
    boss_id: int | None = None

    posts = HasMany["Post"](foreign_key="user_id")


class Post(ActiveRecord):
    __table_name__ = "posts"

    id: int = AUTO
    user_id: int = 0
    title: str


boss = User.alias("boss")
assert_type(boss, Alias[Query[User]])
assert_type(boss.c.name, ColumnRef)
assert_type(boss.query(), Query[User])
assert_type(boss.query().all(), list[User])

users = User.query()
assert_type(users.join(Post).join(boss, on=boss.c.id == User.c.boss_id), Query[User])
assert_type(users.join("posts", alias="p").left_join("posts.comments"), Query[User])
assert_type(users.join("JOIN posts ON posts.user_id = users.id"), Query[User])
assert_type(users.right_join(Post, on="posts.user_id = users.id").full_join(boss), Query[User])
assert_type(users.cross_join(Post).natural_join(boss), Query[User])
assert_type(users.distinct_on("age", User.c.name), Query[User])
assert_type(users.for_update(nowait=True, of=("users", Post, boss)).for_share(of="users"), Query[User])
assert_type(users.use_index("ix").ignore_index("iy", "iz"), Query[User])
assert_type(users.where_exists(Post.query()).where_not_exists(Post.query().select("id")), Query[User])

counts = Post.query().select("user_id", F.count().as_("n")).group_by("user_id")
table = counts.as_table("counts", lateral=True)
assert_type(table, Derived[RowQuery])
assert_type(table.c.n, ColumnRef)
assert_type(table.query().all(), list[Row])
assert_type(users.join(table).all(), list[User])

cte = users.as_cte("tree", materialized=True)
tree = cte.recursive(lambda tree: User.query().join(tree, on=tree.c.id == User.c.boss_id), all=False)
assert_type(tree, CTE[RowQuery])
assert_type(tree.query().dicts(), list[dict[str, Any]])
assert_type(users.from_(tree).all(), list[User])
assert_type(users.from_(table).with_cte(cte, tree), Query[User])
assert_type(tree.alias("twig"), Derived[RowQuery])

whole = users.union(users, all=True).intersect(users).except_(users)
assert_type(whole, Query[User])
assert_type(whole.order_by("name").limit(3).all(), list[User])
assert_type(counts.union(counts).all(), list[Row])
assert_type(counts.union(counts).scalars(), list[Any])


async def awaiting() -> None:
    assert_type(await tree.query().adicts(), list[dict[str, Any]])
    assert_type(await whole.aall(), list[User])
