"""Relations as checkers see them."""

from __future__ import annotations

from typing import Any, assert_type

from rhosocial.activerecord import AUTO, ActiveRecord, BelongsTo, HasMany, HasOne, ManyToMany, Query, loading
from rhosocial.activerecord.backend import Condition
from rhosocial.activerecord.backend.expression import Operand
from rhosocial.activerecord.relation import Members
from rhosocial.activerecord.testing import assert_queries


class Author(ActiveRecord):
    __table_name__ = "authors"

    id: int = AUTO
    name: str

    posts = HasMany["Post"](foreign_key="author_id", conditions=lambda c: c.likes > 3, order_by="likes DESC")
    profile = HasOne["Profile | None"](foreign_key="author_id")
    comments = HasMany["Comment"](through="posts.comments")
    # Annotated as what it is, a relation may be given to the constructor.
    notes: HasMany[Note] = HasMany(as_="owner")


class Profile(ActiveRecord):
    id: int = AUTO
    author_id: int = AUTO

    author: BelongsTo[Author] = BelongsTo(foreign_key="author_id")


class Post(ActiveRecord):
    __table_name__ = "posts"

    id: int = AUTO
    author_id: int | None = None
    likes: int = 0

    author = BelongsTo["Author | None"](foreign_key="author_id")
    comments = HasMany["Comment"](foreign_key="post_id")
    tags = ManyToMany["Tag"](through="post_tags")


class Comment(ActiveRecord):
    id: int = AUTO
    post_id: int = AUTO

    post = BelongsTo[Post]()


class Tag(ActiveRecord):
    id: int = AUTO
    name: str


class Note(ActiveRecord):
    id: int = AUTO
    owner_type: str | None = None
    owner_id: int | None = None

    owner = BelongsTo["Author | Post | None"](foreign_key="owner_id", type_key="owner_type")


ann, post, tag = Author(name="Ann"), Post(), Tag(name="x")

# Attributes
assert_type(ann.posts, Members[Post])
assert_type(ann.posts[0], Post)
assert_type(ann.profile, Profile | None)
assert_type(post.author, Author | None)
assert_type(Comment().post, Post)
assert_type(Note().owner, Author | Post | None)
assert_type(ann.comments[0].post.tags, Members[Tag])
assert_type(Profile(author=ann).author, Author)
assert_type(Author(name="Bea", notes=[Note()]).notes, Members[Note])
for one in ann.posts:
    assert_type(one, Post)
plain: list[Post] = ann.posts

# Members
assert_type(ann.posts.add(post, Post()), None)
assert_type(ann.posts.remove(post), None)
assert_type(ann.posts.replace([post]), None)
assert_type(ann.posts.create(likes=3), Post)
ann.posts = [post]
post.author = ann
post.author = None

# Classes and queries
assert_type(Author.posts, HasMany[Post])
assert_type(Author.posts.any(Post.c.likes > 3), Condition)
assert_type(Author.posts.any(lambda c: c.likes > 3), Condition)
assert_type(Author.posts.count({"likes": 3}), Operand)
found: Query[Post] = Author.posts.query(ann)
assert_type(Author.query().with_("posts.comments", "profile").all(), list[Author])
assert_type(Author.query().with_("posts", lambda q: q.limit(3)).one(), Author | None)
assert_type(Post.query().with_("author", join=True).with_count("comments").loading("raise"), Query[Post])
assert_type(ann.count_of("posts"), int)
assert_type(Author.profile.replace(ann, None), None)
assert_type(Author.posts.any({"likes": 3}, to=Post), Condition)
assert_type(ann.save(related=True), int)
assert_type(ann.clear_relation_cache(), None)
assert_type(Author.get_relations()["posts"].name, str)
loaded: Any = ann.load("posts")

with loading("raise"), assert_queries(1, Author) as sent:
    assert_type(sent, list[str])


async def awaiting() -> None:
    await ann.aload("posts", "profile")
    assert_type(await ann.posts.acreate(likes=3), Post)
    assert_type(await ann.posts.aadd(post), None)
    assert_type(await ann.acount_of("posts"), int)
    assert_type(await Author.profile.areplace(ann, None), None)
    assert_type(await ann.asave(related=True), int)
