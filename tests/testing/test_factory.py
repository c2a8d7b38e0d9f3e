"""Factories make valid records out of the types and constraints of fields."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel, EmailStr, Field

from rhosocial.activerecord import AUTO, ActiveRecord, BelongsTo, Column, HasMany, Unique
from rhosocial.activerecord.backend import ConfigurationError
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend
from rhosocial.activerecord.testing.factory import factory


class Level(enum.Enum):
    LOW = "low"
    HIGH = "high"


class Address(BaseModel):
    city: Annotated[str, Field(min_length=3, max_length=5)]


class User(ActiveRecord):
    __table_name__ = "users"
    __table_args__ = (Unique("badge"),)

    id: int
    name: Annotated[str, Field(min_length=2, max_length=9)]
    email: Annotated[EmailStr, Column(unique=True)]
    badge: Annotated[int, Field(ge=1, le=40)]
    code: Annotated[str, Field(pattern=r"^[A-Z]{3}-\d{2}$")]
    level: Level
    address: Address
    balance: Annotated[Decimal, Field(ge=0, max_digits=8, decimal_places=2)]
    born: date
    token: UUID
    tags: Annotated[list[str], Field(min_length=2)]
    nick: str | None
    about: str = "nothing"
    made: Annotated[str, Column(default_sql="'now'")]

    posts = HasMany["Post"](foreign_key="user_id", inverse_of="author")


class Post(ActiveRecord):
    __table_name__ = "posts"

    id: int
    user_id: Annotated[int, Column(references="users.id")]
    editor_id: Annotated[int | None, Column(references="users.id")] = None
    title: str

    author = BelongsTo["User"](foreign_key="user_id", inverse_of="posts")
    editor = BelongsTo["User"](foreign_key="editor_id")


class Comment(ActiveRecord):
    __table_name__ = "comments"

    id: int
    post_id: Annotated[int, Column(references="posts.id")] = AUTO
    text: str

    post = BelongsTo["Post"](foreign_key="post_id")


class Node(ActiveRecord):
    __table_name__ = "nodes"

    id: int
    parent_id: int

    parent = BelongsTo["Node"](foreign_key="parent_id")


@pytest.fixture
def backend() -> Iterator[SQLiteBackend]:
    made = SQLiteBackend(database=":memory:")
    for model in (User, Post, Comment):
        model.__backend__ = made
        model.create_table()
    yield made
    for model in (User, Post, Comment):
        del model.__backend__
    made.close()


def test_values_meet_types_and_constraints() -> None:
    users = factory(User).build_batch(40)  # Each has been validated by its construction.

    assert [None] * 40 == [user.id for user in users] == [user.made for user in users]
    assert {"nothing"} == {user.about for user in users}
    assert {Level.LOW, Level.HIGH} == {user.level for user in users}
    assert {None} < {user.nick for user in users}
    assert list(range(1, 41)) == sorted(user.badge for user in users)
    assert 40 == len({user.email for user in users})
    assert all(user.is_new_record and 3 <= len(user.address.city) <= 5 for user in users)


def test_the_same_seed_makes_the_same_values() -> None:
    def made(seed: int) -> list[dict[str, Any]]:
        return [user.model_dump() for user in factory(User, seed=seed).build_batch(3)]

    first = made(1)
    factory(User, seed=5).build()
    assert first == made(1) != made(2)

    one, other = factory(User, seed=1), factory(User, seed=5)
    together = [(one.build().model_dump(), other.build()) for _ in range(3)]
    assert first == [values for values, _ in together]


def test_values_that_are_given_go_before() -> None:
    users = factory(User, name="Ann", email=lambda n: f"user{n}@example.org")

    assert ["user1@example.org", "user2@example.org"] == [user.email for user in users.build_batch(2)]
    third = users.build(name="Bo", about="nobody")
    assert ("Bo", "nobody", "user3@example.org") == (third.name, third.about, third.email)


async def test_records_are_stored_with_what_they_belong_to(backend: SQLiteBackend) -> None:
    comment = await factory(Comment).acreate()

    assert (1, 1, 1) == (await User.query().acount(), await Post.query().acount(), await Comment.query().acount())
    assert comment.post.author.id == comment.post.user_id
    assert (None, comment.post_id) == (comment.post.editor_id, comment.post.id)

    posts = await factory(Post).acreate_batch(3, author=comment.post.author, title=lambda n: f"post {n}")
    assert ["post 1", "post 2", "post 3"] == [post.title for post in posts]
    assert {comment.post.user_id} == {post.user_id for post in posts} and 1 == await User.query().acount()


async def test_a_relation_is_made_by_the_factory_that_is_given(backend: SQLiteBackend) -> None:
    writers = factory(User, name="Writer", level=Level.HIGH)

    post = await factory(Post, author=writers, editor=writers).acreate()

    assert ("Writer", "Writer") == (post.author.name, post.editor.name) and post.user_id != post.editor_id
    author = await factory(User).acreate(posts=[Post(user_id=0, title="a"), Post(user_id=0, title="b")])
    assert 2 == await Post.query().where(Post.c.user_id == author.id).acount()


def test_what_is_built_is_stored_nowhere() -> None:
    post = factory(Post).build()

    assert post.is_new_record and post.author.is_new_record
    assert post.user_id == post.author.id


async def test_a_record_by_half_is_not_kept(backend: SQLiteBackend) -> None:
    with pytest.raises(ValueError, match="title"):
        await factory(Post).acreate(title=None)

    assert 0 == await User.query().acount()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: factory(User, nmae="Ann"), "User has no field 'nmae'; did you mean 'name'?"),
        (lambda: factory(User).build(nmae="Ann"), "did you mean 'name'?"),
        (lambda: factory(User).build_batch(41), "User.badge is unique, and no new value was found"),
        (lambda: factory(Node).build(), "Node.parent never ends"),
        (lambda: factory(User, posts=factory(Post)).build(), "takes records"),
    ],
)
def test_what_cannot_be_made_is_refused(call: Any, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        call()

    assert words in str(caught.value)
