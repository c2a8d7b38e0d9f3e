"""The blog by awaiting endpoints: all of them in one event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from .models import Comment, Model, Post, PostCreate, PostPage, PostRead, User, UserCreate, UserPatch, UserRead

router = APIRouter()


async def transaction() -> AsyncIterator[None]:
    """A transaction around the endpoint, undone where it raises."""
    async with Model.transaction():
        yield


# By its scope it ends before the answer is sent: a client must not be told of what is not yet kept.
in_transaction = Depends(transaction, scope="function")


@router.post("/users", status_code=201, response_model=UserRead)
async def create_user(body: UserCreate) -> Any:
    """Make a user; 409 where the address is taken."""
    return await User.acreate(**body.model_dump(exclude_unset=True))


@router.get("/users/{key}", response_model=UserRead)
async def read_user(key: int) -> Any:
    """One user."""
    return await User.afind_one_or_fail(key)


@router.patch("/users/{key}", response_model=UserRead, dependencies=[in_transaction])
async def change_user(key: int, patch: UserPatch) -> Any:
    """Change what is given, and nothing else."""
    user = await User.afind_one_or_fail(key)
    await user.aupdate(patch.model_dump(exclude_unset=True))
    return user


@router.delete("/users/{key}", status_code=204, dependencies=[in_transaction])
async def delete_user(key: int) -> None:
    """Remove a user; 409 while there are posts."""
    user = await User.afind_one_or_fail(key)
    await user.adelete()


@router.post("/posts", status_code=201, response_model=PostRead, dependencies=[in_transaction])
async def create_post(body: PostCreate) -> Any:
    """Make a post, and count it: both or neither."""
    await User.query().where(User.c.id == body.author_id).aupdate(posts_left=User.c.posts_left - 1)
    post = await Post.acreate(**body.model_dump(exclude_unset=True))
    return await Post.query().where(Post.c.id == post.id).into(PostRead).aone_or_fail()


@router.post("/posts/{key}/comments", status_code=201)
async def comment(key: int, text: Annotated[str, Query(min_length=1)]) -> int:
    """Say something of a post."""
    made = await Comment.acreate(post_id=key, text=text)
    return made.id


@router.get("/posts", response_model=PostPage)
async def list_posts(size: Annotated[int, Query(ge=1, le=100)] = 20, after: str | None = None) -> Any:
    """A page of posts, newest first, with authors and comments: three statements, however many posts."""
    return await Post.query().order_by("id DESC").into(PostRead).apage(size, after)
