"""The blog by blocking endpoints: FastAPI runs each in a thread of its own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any, ParamSpec, TypeVar

from fastapi import APIRouter, Query

from .models import Comment, Model, Post, PostCreate, PostPage, PostRead, User, UserCreate, UserPatch, UserRead

P = ParamSpec("P")
R = TypeVar("R")

router = APIRouter()


def in_transaction(endpoint: Callable[P, R]) -> Callable[P, R]:
    """The endpoint inside a transaction, which is kept before the answer is sent, or undone where it raises.

    A decorator and no dependency: FastAPI runs the two sides of a blocking dependency in other threads than the
    endpoint, and a transaction belongs to one thread.
    """

    @functools.wraps(endpoint)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with Model.transaction():
            return endpoint(*args, **kwargs)

    return inside


@router.post("/users", status_code=201, response_model=UserRead)
def create_user(body: UserCreate) -> Any:
    """Make a user; 409 where the address is taken."""
    return User.create(**body.model_dump(exclude_unset=True))


@router.get("/users/{key}", response_model=UserRead)
def read_user(key: int) -> Any:
    """One user."""
    return User.find_one_or_fail(key)


@router.patch("/users/{key}", response_model=UserRead)
@in_transaction
def change_user(key: int, patch: UserPatch) -> Any:
    """Change what is given, and nothing else."""
    user = User.find_one_or_fail(key)
    user.update(patch.model_dump(exclude_unset=True))
    return user


@router.delete("/users/{key}", status_code=204)
@in_transaction
def delete_user(key: int) -> None:
    """Remove a user; 409 while there are posts."""
    User.find_one_or_fail(key).delete()


@router.post("/posts", status_code=201, response_model=PostRead)
@in_transaction
def create_post(body: PostCreate) -> Any:
    """Make a post, and count it: both or neither."""
    User.query().where(User.c.id == body.author_id).update(posts_left=User.c.posts_left - 1)
    post = Post.create(**body.model_dump(exclude_unset=True))
    return Post.query().where(Post.c.id == post.id).into(PostRead).one_or_fail()


@router.post("/posts/{key}/comments", status_code=201)
def comment(key: int, text: Annotated[str, Query(min_length=1)]) -> int:
    """Say something of a post."""
    return Comment.create(post_id=key, text=text).id


@router.get("/posts", response_model=PostPage)
def list_posts(size: Annotated[int, Query(ge=1, le=100)] = 20, after: str | None = None) -> Any:
    """A page of posts, newest first, with authors and comments: three statements, however many posts."""
    return Post.query().order_by("id DESC").into(PostRead).page(size, after)
