"""Wrong joins and clauses, of which checkers must refuse each marked line."""

from __future__ import annotations

from rhosocial.activerecord import AUTO, ActiveRecord


class User(ActiveRecord):
    __table_name__ = "users"

    id: int = AUTO
    name: str


class Post(ActiveRecord):
    __table_name__ = "posts"

    id: int = AUTO
    user_id: int = 0


users = User.query()
User.alias(3)  # error
User.alias("boss").query().all()[0].nmae  # error
users.join(3)  # error
users.join(Post.query())  # error
users.join(Post, on=3)  # error
users.join(Post, alias=3)  # error
users.cross_join("posts")  # error
users.natural_join("posts")  # error
users.from_(Post)  # error
users.with_cte(Post.query())  # error
users.union(Post.query())  # error
users.union(users).all()[0].nmae  # error
users.except_(users.select("id"))  # error
users.for_update(True)  # error
users.for_share(of=3)  # error
users.use_index(3)  # error
users.where_exists(3)  # error
users.as_table()  # error
users.as_cte("t").recursive(users)  # error
posts: list[Post] = User.alias("u").query().all()  # error
