"""Relations under threads, tasks, cancellation, dropped records, transactions, copies and great numbers."""

from __future__ import annotations

import asyncio
import copy
import gc
import math
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from blog import Author, Comment, Note, Post

from engines import standard
from rhosocial.activerecord import HasMany
from rhosocial.activerecord.backend.errors import RelationNotLoaded
from rhosocial.activerecord.testing import assert_queries


def slow(backend, seconds: float, entered: threading.Event | None = None):
    """Make every statement on posts take so long; gives the list of those that ran."""
    sent: list[str] = []

    def hook(sql, types, duration) -> None:
        if '"posts"' in standard(sql) and sql.startswith("SELECT"):
            sent.append(sql)
            if entered is not None:
                entered.set()
            time.sleep(seconds)

    backend.on_execute.append(hook)
    return sent


@pytest.mark.face("blocking", reason="threads")
async def test_threads_that_read_one_relation_load_it_once(backend) -> None:
    authors = Author.query().order_by("id").all()
    sent = slow(backend, 0.05)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: authors[n % 3].posts, range(24)))

    assert 1 == len(sent)
    assert [3, 1, 0] == [len(posts) for posts in found[:3]]
    assert all(found[n] is authors[n % 3].posts for n in range(24))


@pytest.mark.face("awaiting", reason="tasks")
async def test_tasks_that_load_one_relation_share_one_statement() -> None:
    authors = await Author.query().order_by("id").aall()
    with assert_queries(1):
        found = await asyncio.gather(*(authors[n % 3].aload("posts") for n in range(30)))

    assert [3, 1, 0] == [len(posts) for posts in found[:3]]


# Takes some tenths of a second, once for each statement; some engines end a recursion after a thousand steps.
SLOW = (
    "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) "
    "SELECT count(*) FROM n AS one, n AS two, n AS few WHERE few.i < 9 AND one.i * two.i > few.i) > 0"
)


class Reader(Author):
    __table_name__ = "authors"

    slow_posts = HasMany[Post](foreign_key="author_id", conditions=SLOW)


@pytest.mark.face("awaiting", reason="only tasks are cancelled")
async def test_a_cancelled_load_leaves_the_others_to_load() -> None:
    readers = await Reader.query().order_by("id").aall()
    first = asyncio.create_task(readers[0].aload("slow_posts"))
    others = [asyncio.create_task(reader.aload("slow_posts")) for reader in readers]
    await asyncio.sleep(0.02)
    first.cancel()

    with pytest.raises(asyncio.CancelledError):
        await first
    assert [3, 1, 0] == [len(posts) for posts in await asyncio.gather(*others)]


@pytest.mark.face("awaiting", reason="only tasks are cancelled")
async def test_one_who_gives_up_waiting_disturbs_nobody() -> None:
    readers = await Reader.query().order_by("id").aall()
    with assert_queries(1):
        loading = asyncio.create_task(readers[0].aload("slow_posts"))
        await asyncio.sleep(0.02)
        waiting = asyncio.create_task(readers[1].aload("slow_posts"))
        await asyncio.sleep(0.02)
        waiting.cancel()
        assert 3 == len(await loading)

    assert 1 == len(readers[1].slow_posts)
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.face("awaiting", reason="something else happens meanwhile")
async def test_what_changes_while_a_load_is_under_way_is_not_overwritten() -> None:
    readers = await Reader.query().order_by("id").aall()
    mine = Post(title="mine")
    loading = asyncio.create_task(readers[0].aload("slow_posts"))
    await asyncio.sleep(0.02)
    readers[1].slow_posts = [mine]
    await loading

    assert [mine] == readers[1].slow_posts


@pytest.mark.face("awaiting", reason="a blocking call inside a loop")
async def test_a_blocking_load_inside_a_loop_does_not_wait_for_a_task_of_it(backend) -> None:
    authors = await Author.query().order_by("id").aall()
    task = asyncio.create_task(authors[0].aload("posts"))
    await asyncio.sleep(0)

    assert 1 == len(authors[1].load("posts"))
    assert 3 == len(await task)


@pytest.mark.face("blocking", reason="threads")
async def test_inside_a_transaction_nobody_waits_for_another_thread_s_load(backend) -> None:
    authors = Author.query().order_by("id").all()
    entered = threading.Event()
    slow(backend, 0.3, entered)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(lambda: authors[0].posts)
        entered.wait(5)
        with Author.transaction(read_only=True):
            start = time.perf_counter()
            backend.on_execute.clear()
            assert 1 == len(authors[1].posts)
            assert time.perf_counter() - start < 0.25
        assert 3 == len(other.result())


async def test_records_that_nobody_holds_are_neither_kept_nor_loaded_for() -> None:
    authors = await Author.query().order_by("id").aall()
    kept = authors[1]
    del authors
    gc.collect()
    with assert_queries(1) as sent:
        await kept.aload("posts")

    assert "IN (?)" in sent[0]


@pytest.mark.face("awaiting", reason="the other face reads attributes, below")
async def test_a_thousand_awaited_records_cost_two_statements_and_a_tree_one_more_for_each_level() -> None:
    await _plant_a_thousand()
    with assert_queries(2):
        for author in await Author.query().order_by("id").limit(1000).aall():
            await author.aload("posts")
    with assert_queries(3):
        authors = await Author.query().order_by("id").limit(1000).aall()
        counted = [len(post.comments) for author in authors for post in await author.aload("posts.comments")]

    assert 1000 == len(counted)


@pytest.mark.face("blocking", reason="the other face loads by calls, above")
async def test_a_thousand_read_records_cost_two_statements_and_a_tree_one_more_for_each_level() -> None:
    await _plant_a_thousand()
    with assert_queries(2):
        assert 1000 == sum(len(a.posts) for a in Author.query().order_by("id").limit(1000).all())
    with assert_queries(3):
        authors = Author.query().order_by("id").limit(1000).all()
        assert 3 == len([comment for author in authors for post in author.posts for comment in post.comments])


async def _plant_a_thousand() -> None:
    await Author.abulk_create([Author(name="x") for _ in range(997)])
    await Post.abulk_create([Post(author_id=n) for n in range(5, 1001)])


async def test_a_read_serves_at_most_a_thousand_records_and_goes_on_from_there() -> None:
    await Author.abulk_create([Author(name="x") for _ in range(2500)])
    authors = await Author.query().order_by("id").aall()
    with assert_queries(3) as sent:
        for author in authors:
            await author.aload("profile")

    assert [1000, 1000, 503] == [sql.count("?") for sql in sent]


@pytest.mark.face("blocking", reason="it takes long, and reading is the shorter way")
async def test_a_hundred_thousand_records(backend) -> None:
    Author.bulk_create([Author(name="x") for _ in range(20_000)])
    Post.bulk_create([Post(author_id=n) for n in range(1, 20_001) for _ in range(4)])
    start = time.perf_counter()
    # Half of what a statement takes is used: 32,766 values on SQLite.
    with assert_queries(1 + math.ceil(20_001 / (backend.dialect.max_params // 2))):
        authors = Author.query().with_("posts").all()

    assert 80_004 == sum(len(author.posts) for author in authors)
    assert time.perf_counter() - start < 30
    posts = [post for author in authors for post in author.posts]
    with assert_queries(81):
        assert 2 == sum(len(post.notes) for post in posts)


async def test_copies_and_pickles_keep_the_face_and_leave_the_rest_behind() -> None:
    author = await Author.query().with_("posts").afind_one(1)
    others = [
        copy.copy(author),
        copy.deepcopy(author),
        author.model_copy(),
        pickle.loads(pickle.dumps(author)),
    ]

    for other in others:
        assert author == other
        with assert_queries(1):
            assert 3 == len(await other.aload("posts"))
        assert other.posts is not author.posts
    assert [] == author.dup().posts


@pytest.mark.face("awaiting", reason="the face is what is asked about")
async def test_a_copy_of_an_awaited_record_does_not_load_on_reading() -> None:
    author = await Author.afind_one(1)

    for other in (copy.copy(author), copy.deepcopy(author), pickle.loads(pickle.dumps(author))):
        with pytest.raises(RelationNotLoaded):
            _ = other.posts


async def test_a_list_of_members_is_copied_and_pickled_as_a_plain_list() -> None:
    author = await Author.query().with_("posts").afind_one(1)

    assert list is type(pickle.loads(pickle.dumps(author.posts)))
    assert author.posts == copy.copy(author.posts) == copy.deepcopy(author.posts)


async def test_more_keys_than_a_statement_takes_are_asked_for_in_several(backend, monkeypatch) -> None:
    monkeypatch.setattr(type(backend.dialect), "max_params", 4)
    with assert_queries(3):
        authors = await Author.query().order_by("id").with_("posts").aall()

    assert [3, 1, 0] == [len(author.posts) for author in authors]
    # They are peers all the same.
    with assert_queries(1) as sent:
        monkeypatch.setattr(type(backend.dialect), "max_params", 1000)
        await authors[0].posts[0].aload("comments")
    assert 4 == sent[0].count("?")


async def test_deleted_records_have_nothing_any_more() -> None:
    note = await Note.query().with_("owner").afind_one(1)
    author = await Author.query().with_("posts").afind_one(3)
    await author.adelete()
    await note.adelete()

    assert [] == author.posts


async def test_loads_see_what_the_open_transaction_wrote() -> None:
    author = await Author.afind_one(3)
    with pytest.raises(ZeroDivisionError):
        async with Author.transaction():
            await Post.acreate(author_id=3, title="inside")
            assert ["inside"] == [post.title for post in await author.aload("posts")]
            raise ZeroDivisionError


async def test_a_comment_of_a_post_needs_no_peers_to_be_read() -> None:
    comment = Comment.create_from_database({"id": 1, "post_id": 1, "text": "x"})

    assert "tea" == (await comment.aload("post")).title
