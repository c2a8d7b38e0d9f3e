"""What a query loads along: paths, modified queries, joins, counts."""

from __future__ import annotations

import pytest
from blog import Author, Comment, Leg, Note, Post, Profile, Tag

from engines import standard
from rhosocial.activerecord.backend.errors import QueryError, RelationNotLoaded
from rhosocial.activerecord.testing import assert_queries


async def test_a_path_costs_one_statement_for_each_of_its_relations() -> None:
    with assert_queries(4):
        authors = await Author.query().order_by("id").with_("posts.comments", "posts.tags").aall()

    with assert_queries(0):
        assert [[2, 0, 0], [1], []] == [[len(p.comments) for p in a.posts] for a in authors]
        assert [[1, 1, 2], [1], []] == [[len(p.tags) for p in a.posts] for a in authors]


async def test_a_path_may_come_back() -> None:
    with assert_queries(3):
        ann = await Author.query().where(Author.c.id == 1).with_("posts.comments.post.author").aone_or_fail()

    assert ann.posts[0].comments[0].post is ann.posts[0]


async def test_a_path_goes_on_from_one_of_several_models_where_it_can() -> None:
    notes = await Note.query().order_by("id").with_("owner.posts", "owner.comments").aall()

    assert 3 == len(notes[0].owner.posts)
    assert ["on 1", "on 1"] == [comment.text for comment in notes[1].owner.comments]


async def test_one_find_one_first_and_the_iterator_load_along() -> None:
    query = Author.query().order_by("id").with_("posts")
    with assert_queries(6):
        found = [await query.aone(), await query.afirst(), await query.afind_one(1)]
    streamed = [author async for author in query.iterator(2)]

    assert [3, 3, 3] == [len(author.posts) for author in found]
    assert [3, 1, 0] == [len(author.posts) for author in streamed]


async def test_the_records_of_a_chunk_are_peers(backend) -> None:
    counted, sent = [], []
    backend.on_execute.append(lambda sql, types, seconds: sent.append(standard(sql)))
    async for author in Author.query().order_by("id").iterator(2):
        counted.append(len(await author.aload("posts")))

    assert [3, 1, 0] == counted
    assert 2 == len([sql for sql in sent if "posts" in sql])


async def test_a_function_narrows_and_orders_the_query_of_a_relation() -> None:
    def liked(query):
        return query.where(Post.c.likes > 4).order_by("likes DESC")

    for query in (Author.query().with_("posts", liked), Author.query().with_(("posts", liked))):
        authors = await query.order_by("id").aall()
        assert [["more tea", "cake"], ["rain"], []] == [[post.title for post in a.posts] for a in authors]


async def test_a_limit_holds_for_each_parent() -> None:
    with assert_queries(2):
        authors = await Author.query().order_by("id").with_("posts", lambda q: q.limit(2)).aall()
    assert [["tea", "more tea"], ["rain"], []] == [[post.title for post in a.posts] for a in authors]

    by_likes = Author.query().order_by("id").with_("posts", lambda q: q.order_by("likes DESC").limit(1).offset(1))
    assert [["cake"], [], []] == [[post.title for post in a.posts] for a in await by_likes.aall()]

    tags = await Tag.query().order_by("id").with_("posts", lambda q: q.order_by("likes DESC").limit(1)).aall()
    assert [[9], [5], [7]] == [[post.likes for post in tag.posts] for tag in tags]


async def test_the_engine_counts_the_rows_of_each_parent() -> None:
    with assert_queries(2) as sent:
        await Author.query().with_("posts", lambda q: q.order_by("likes DESC").limit(2).offset(1)).aall()

    assert (
        'SELECT "id", "author_id", "title", "likes" FROM (SELECT "posts"."id", '
        '"posts"."author_id", "posts"."title", "posts"."likes", DENSE_RANK() OVER (PARTITION BY "posts"."author_id" '
        'ORDER BY "posts"."likes" DESC, "posts"."id" ASC) AS "_place" FROM "posts" WHERE "posts"."author_id" IN '
        '(?, ?, ?)) AS "ranked" WHERE "_place" > ? AND "_place" <= ? ORDER BY "_place" ASC'
    ) == sent[1]


async def test_a_limit_for_each_parent_needs_no_window_functions(backend, monkeypatch) -> None:
    monkeypatch.setattr(type(backend.dialect), "supports_windows", False)
    authors = await Author.query().order_by("id").with_("posts", lambda q: q.order_by("likes DESC").limit(2)).aall()

    assert [[9, 5], [7], []] == [[post.likes for post in author.posts] for author in authors]


async def test_a_limit_counts_what_is_linked_twice_once() -> None:
    authors = await Author.query().order_by("id").with_("tags", lambda q: q.limit(2)).aall()

    assert [["drink", "food"], ["weather"], []] == [[tag.name for tag in author.tags] for author in authors]


async def test_a_function_must_return_the_query_that_it_was_given() -> None:
    for wrong in (lambda q: None, lambda q: Tag.query(), lambda q: q.select("id")):
        with pytest.raises(QueryError, match="must return the query of Post that it was given, narrowed"):
            await Author.query().with_("posts", wrong).aall()
    with pytest.raises(QueryError, match="with_ takes names of relations and functions of their queries, got int"):
        Author.query().with_(3)


async def test_queries_with_loads_are_values_too() -> None:
    plain = Author.query()
    loaded = plain.with_("posts")
    further = loaded.with_("profile").where(Author.c.id == 1)

    with assert_queries(1):
        await plain.aall()
    with assert_queries(2):
        await loaded.aall()
    with assert_queries(3):
        await further.aall()


async def test_a_join_brings_a_related_record_in_the_same_statement() -> None:
    with assert_queries(1) as sent:
        posts = await Post.query().order_by("id").with_("author.boss", "author.profile", join=True).aall()

    assert ["Ann", "Ann", "Ann", "Bob", None] == [post.author and post.author.name for post in posts]
    assert "Ann" == posts[3].author.boss.name and posts[0].author.boss is None
    assert posts[0].author is posts[1].author
    assert "likes rain" == posts[3].author.profile.text
    assert (
        'SELECT "posts"."id", "posts"."author_id", "posts"."title", "posts"."likes", "author"."id" AS "author__id", '
        '"author"."name" AS "author__name", "author"."boss_id" AS "author__boss_id"'
    ) in sent[0]
    assert 'LEFT JOIN "authors" AS "author" ON "author"."id" = "posts"."author_id"' in sent[0]


async def test_joins_go_with_conditions_counts_and_other_loads() -> None:
    query = Post.query().where(Post.c.likes > 4).order_by("id").with_("author", join=True).with_("author.notes", "tags")
    with assert_queries(3):
        posts = await query.limit(2).aall()

    assert [["of Ann"], ["of Ann"]] == [[note.text for note in post.author.notes] for post in posts]
    assert 3 == await query.acount()
    assert [2, 3, 4] == [post.id async for post in query.iterator(1)]


async def test_joins_take_composite_keys() -> None:
    with assert_queries(1):
        legs = await Leg.query().order_by("id").with_("flight", join=True).aall()

    assert [1, 1, 2, None] == [leg.flight and leg.flight.number for leg in legs]


async def test_what_a_join_cannot_load_is_refused() -> None:
    for path in ("posts", "posts.author", "comments"):
        with pytest.raises(QueryError, match="which a join cannot load: leave out join"):
            Author.query().with_(path, join=True)
    with pytest.raises(QueryError, match="leads to many records or models"):
        Note.query().with_("owner", join=True)
    with pytest.raises(QueryError, match="has no query of its own"):
        Profile.query().with_("author", lambda q: q, join=True)


async def test_counts_come_without_the_records() -> None:
    with assert_queries(4) as sent:
        authors = await Author.query().order_by("id").with_count("posts", "tags", "profile").aall()

    with assert_queries(0):
        assert [3, 1, 0] == [author.count_of("posts") for author in authors]
        # Ann's posts bear three tags "drink", which is one tag.
        assert [2, 1, 0] == [author.count_of("tags") for author in authors]
        assert [1, 1, 0] == [author.count_of("profile") for author in authors]
    assert 'SELECT "author_id" AS "_key_0", COUNT(*) AS "_number" FROM "posts"' in standard(sent[1])


async def test_a_count_that_was_not_asked_for_is_counted_for_all_peers() -> None:
    authors = await Author.query().order_by("id").aall()
    with assert_queries(1):
        assert [3, 1, 0] == [await author.acount_of("posts") for author in authors]
    with assert_queries(0):
        assert 0 == await Author(name="New").acount_of("posts")
    with pytest.raises(QueryError, match="did you mean 'posts'"):
        await authors[0].acount_of("post")


async def test_a_loaded_relation_is_counted_in_memory_unless_it_is_a_part() -> None:
    ann = await Author.query().with_("posts").afind_one(1)
    with assert_queries(0):
        assert 3 == await ann.acount_of("posts")

    ann = await Author.query().with_("posts", lambda q: q.limit(1)).afind_one(1)
    with assert_queries(1):
        assert 3 == await ann.acount_of("posts")


@pytest.mark.face("awaiting", reason="blocking code would count")
async def test_a_count_that_would_have_to_wait_is_refused() -> None:
    ann = await Author.afind_one(1)

    with pytest.raises(RelationNotLoaded, match=r"await record.acount_of\('posts'\)"):
        ann.count_of("posts")


@pytest.mark.face("blocking", reason="only blocking code counts by reading")
async def test_a_count_is_read_for_all_peers() -> None:
    authors = Author.query().order_by("id").all()

    with assert_queries(1):
        assert [3, 1, 0] == [author.count_of("posts") for author in authors]


async def test_a_relation_has_a_query_for_each_record() -> None:
    ann = await Author.afind_one(1)

    assert ["more tea"] == [p.title for p in await ann.posts_query().where(Post.c.likes > 5).aall()]
    assert [9, 5] == [p.likes for p in await ann.good_posts_query().aall()]
    assert ["drink", "food"] == [tag.name for tag in await Author.tags.query(ann).aall()]
    assert 2 == await ann.comments_query().acount()
    assert ["Bob", "Cy"] == [a.name for a in await ann.reports_query().aall()]
    post = await Post.afind_one(4)
    assert "Bob" == (await Post.author.query(post).aone()).name
    note = await Note.afind_one(1)
    assert "Ann" == (await note.owner_query().aone()).name
    leg = await Leg.afind_one(1)
    assert 1 == (await leg.flight_query().aone()).number
    assert [] == await Author(name="New").posts_query().aall()


async def test_the_query_of_a_relation_is_one_statement_with_the_key_bound() -> None:
    bob = await Author.afind_one(2)
    sql, params = bob.tags_query().to_sql()

    assert (
        'SELECT "id", "name" FROM "tags" WHERE EXISTS (SELECT 1 FROM "posts" JOIN "post_tags" ON '
        '"post_tags"."post_id" = "posts"."id" WHERE "posts"."author_id" IN (?) AND "tags"."id" = "post_tags"."tag_id") '
        'ORDER BY "id" ASC',
        (2,),
    ) == (standard(sql), params)


async def test_rows_are_filtered_by_their_related_rows() -> None:
    async def names(condition):
        return [a.name for a in await Author.query().where(condition).order_by("id").aall()]

    assert ["Ann", "Bob"] == await names(Author.posts.any())
    assert ["Cy"] == await names(~Author.posts.any())
    assert ["Ann"] == await names(Author.posts.any(Post.c.title == "tea"))
    assert ["Ann"] == await names(Author.posts.any({"title": "tea"}))
    assert ["Ann"] == await names(Author.posts.any("title = ?", ("tea",)))
    assert ["Ann"] == await names(Author.posts.any(lambda c: c.title == "tea"))
    assert ["Bob"] == await names(Author.profile.has(lambda c: c.text.contains("rain")))
    assert ["Bob"] == await names(Author.tags.any(Tag.c.name == "weather"))
    assert ["Ann", "Bob"] == await names(Author.posts.any(Post.comments.any(Comment.c.text.startswith("on"))))
    assert ["Bob"] == await names(Author.good_posts.any() & ~Author.posts.any(Post.c.title == "cake"))


async def test_conditions_on_a_table_related_to_itself_mean_the_related_row() -> None:
    async def names(condition):
        return [a.name for a in await Author.query().where(condition).order_by("id").aall()]

    assert ["Ann"] == await names(Author.reports.any(Author.c.name == "Cy"))
    assert ["Bob", "Cy"] == await names(Author.boss.has(Author.c.name == "Ann"))
    assert ["Bob", "Cy"] == await names(Author.boss.has(Author.reports.any(Author.c.name == "Cy")))
    assert ["Bob", "Cy"] == await names(Author.boss.has(Author.reports.any(Author.boss.has(Author.c.name == "Ann"))))


async def test_related_rows_are_counted_inside_a_query() -> None:
    busy = Author.query().where(Author.posts.count() >= 1).order_by(Author.posts.count().desc(), "id")
    rows = await Author.query().select("name", Author.posts.count(Post.c.likes > 4).as_("n")).order_by("id").aall()

    assert ["Ann", "Bob"] == [author.name for author in await busy.aall()]
    assert [("Ann", 2), ("Bob", 1), ("Cy", 0)] == [tuple(row) for row in rows]


async def test_related_rows_of_another_name_of_the_table_are_counted() -> None:
    boss = Author.alias("boss")
    query = Author.query().join(boss, on=boss.c.id == Author.c.boss_id).order_by("id")
    rows = query.select("name", Author.posts.count().as_("own"), Author.posts.count(of=boss).as_("of_boss"))

    assert [("Bob", 1, 3), ("Cy", 0, 3)] == await rows.atuples()


async def test_the_way_of_a_relation_can_be_joined() -> None:
    (side, condition) = Author.posts.join_onto(Author.__table__)[0]
    joined = await Author.query().join(Post, on=condition).select("name", "posts.title").order_by("posts.id").aall()

    assert Post.__table__ is side
    assert [("Ann", "tea"), ("Ann", "more tea"), ("Ann", "cake"), ("Bob", "rain")] == [tuple(row) for row in joined]
    assert ["post_tags", "t"] == [side.name for side, _ in Post.tags.join_onto(Post.__table__, "t")]
    assert ["authors_2"] == [side.name for side, _ in Author.boss.join_onto(Author.__table__)]
