"""The models of the blog, and the schemas of its border."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import AwareDatetime, BaseModel, EmailStr, Field, field_validator

from rhosocial.activerecord import AUTO, ActiveRecord, BelongsTo, Check, Column, HasMany, Unique


class Model(ActiveRecord):
    """What all models of the program share: where they are stored."""


class User(Model):
    """Somebody who writes."""

    __table_name__ = "users"
    __table_args__ = (Check("posts_left >= 0", name="posts_left_counts"),)

    id: int = AUTO
    name: Annotated[str, Field(min_length=2, max_length=50, description="as it stands under posts")]
    email: Annotated[EmailStr, Column(unique=True)]
    about: str | None = None
    posts_left: Annotated[int, Column(read_only=True)] = 100
    joined: Annotated[AwareDatetime, Column(read_only=True)] = Field(default_factory=lambda: datetime.now(UTC))

    posts = HasMany["Post"](foreign_key="author_id", inverse_of="author", order_by="id DESC")

    @field_validator("email")
    @classmethod
    def in_small_letters(cls, value: str) -> str:
        """One address in one spelling, so that it is unique."""
        return value.lower()


class Post(Model):
    """A text of a user."""

    __table_name__ = "posts"
    __table_args__ = (Unique("author_id", "title", name="titles_differ"),)

    id: int = AUTO
    author_id: Annotated[int, Column(references="users.id", index=True)]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    body: str = ""

    author = BelongsTo["User"](foreign_key="author_id", inverse_of="posts")
    comments = HasMany["Comment"](foreign_key="post_id", order_by="id")


class Comment(Model):
    """What somebody says of a post."""

    __table_name__ = "comments"

    id: int = AUTO
    post_id: Annotated[int, Column(references="posts.id", on_delete="cascade", index=True)]
    text: Annotated[str, Field(min_length=1)]


MODELS = (User, Post, Comment)

if TYPE_CHECKING:  # To checkers a schema has the fields of its model.
    UserCreate = User
    UserPatch = User
    UserRead = User
    PostCreate = Post
    PostRead = Post
else:
    UserCreate = User.create_schema()
    UserPatch = User.patch_schema()
    UserRead = User.read_schema()
    PostCreate = Post.create_schema()
    # The author's address is nobody's business.
    PostRead = Post.read_schema(include=("author", "comments"), exclude="author.email", name="PostRead")


class PostPage(BaseModel):
    """Some posts, and the cursors to the pages around them."""

    items: list[PostRead]
    next: str | None
    previous: str | None
