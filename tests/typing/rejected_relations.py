"""Wrong uses of relations, of which checkers must refuse each marked line."""

from __future__ import annotations

from rhosocial.activerecord import AUTO, ActiveRecord, BelongsTo, HasMany, HasOne, loading


class Author(ActiveRecord):
    id: int = AUTO
    name: str
    posts = HasMany["Post"](foreign_key="author_id")
    best = HasOne["Post"](foreign_key="author_id")


class Post(ActiveRecord):
    id: int = AUTO
    author_id: int | None = None
    author = BelongsTo["Author | None"](foreign_key="author_id")


ann, post = Author(name="Ann"), Post()
post.author.name  # error
ann.posts.title  # error
ann.posts[0].titel  # error
ann.posts.add(ann)  # error
ann.posts = [ann]  # error
post.author = post  # error
loading("lazy")  # error
Author.query().loading("lazy")  # error
Author.query().with_(3)  # error
Author.posts.any(3)  # error
Author.posts.any(to="Post")  # error
Author.best.replace(ann, ann)  # error
HasMany["Post"](colour="red")  # error
