"""Pages, chunks, SQL of the caller's own and changes by query, where there are relations."""

from __future__ import annotations

from typing import Any

import pytest
from blog import Author, Comment, Post

from rhosocial.activerecord.backend import QueryError
from rhosocial.activerecord.testing import assert_queries


async def paged(query: Any, size: int) -> list[Any]:
    page = await query.apage(size)
    found = list(page)
    while page.has_next:
        page = await query.apage(size, after=page.next)
        found += page
    return found


async def test_a_page_loads_along() -> None:
    query = Post.query().order_by("likes DESC").with_("author", "comments").with_count("tags")
    with assert_queries(4):
        page = await query.apage(2)

    with assert_queries(0):
        assert [("Ann", 0, 1), ("Bob", 1, 1)] == [
            (post.author.name, len(post.comments), post.count_of("tags")) for post in page
        ]
    assert (await query.order_by("id").aall()) == await paged(query, 2)


async def test_a_page_loads_along_by_joins() -> None:
    query = Comment.query().order_by(Comment.c.text.desc(), Comment.c.post_id + 1).with_("post.author", join=True)
    with assert_queries(1):
        page = await query.apage(2)
    with assert_queries(0):
        assert [comment.post_id for comment in page] == [comment.post.id for comment in page]
        assert [comment.post.author_id for comment in page] == [comment.post.author.id for comment in page]
    for size in (1, 2, 3):
        found = await paged(query, size)
        assert (await query.order_by("id").aall()) == found
        with assert_queries(0):
            assert all(comment.post.id == comment.post_id for comment in found)
    with pytest.raises(QueryError, match="cannot load relations by a join: leave out join=True"):
        await Comment.query().with_("post", join=True).distinct().apage(2)


async def test_records_of_a_page_are_peers() -> None:
    page = await Author.query().order_by("id").apage(3)
    await page.items[0].aload("posts")

    with assert_queries(0):
        assert [3, 1, 0] == [len(author.posts) for author in page]


async def test_chunks_and_sql_text_load_along() -> None:
    got: list[int] = []
    await Author.query().order_by("id").with_("posts").abatch(2, lambda found: got.extend(len(a.posts) for a in found))
    assert [3, 1, 0] == got[:3]

    raw = Author.query().with_("posts").raw_sql("SELECT boss_id, name, id FROM authors ORDER BY id")
    found = await raw.aall()
    async with raw.iterator(10) as stream:
        chunk = await stream.afetch_chunk()
    with assert_queries(0):
        assert [3, 1, 0] == [len(author.posts) for author in found][:3] == [len(author.posts) for author in chunk][:3]
    with pytest.raises(QueryError, match="leave out join=True"):
        Author.query().with_("boss", join=True).raw_sql("SELECT * FROM authors")


async def test_joins_by_relations_choose_what_to_change() -> None:
    of_ann = Post.query().join("author").where(Author.c.name == "Ann")

    with pytest.raises(QueryError, match="update takes no joins"):
        await of_ann.aupdate(likes=0)
    assert 3 == await Post.query().where(Post.c.id.in_(of_ann.select("id"))).aupdate(likes=99)
    assert [1, 2, 3] == await Post.query().where(Post.c.likes == 99).order_by("id").select("id").ascalars()
    assert 2 == await Comment.query().where(Comment.c.post_id.in_(of_ann.select("id"))).adelete()
