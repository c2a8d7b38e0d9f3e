"""Attributes that lead to related records, loaded for all records of a result at once."""

from __future__ import annotations

import warnings

import pytest
from blog import Author, Comment, Flight, Leg, Note, Post, Profile, Tag

from engines import standard
from rhosocial.activerecord import loading
from rhosocial.activerecord.backend.errors import ConfigurationError, QueryError, RelationNotLoaded, TableNotFound
from rhosocial.activerecord.testing import assert_queries


async def test_a_relation_is_loaded_for_all_records_of_the_query_in_one_statement(backend) -> None:
    with assert_queries(2) as sent:
        authors = await Author.query().order_by("id").aall()
        await authors[0].aload("posts")

    assert [["tea", "more tea", "cake"], ["rain"], []] == [[post.title for post in a.posts] for a in authors]
    assert (
        'SELECT "id", "author_id", "title", "likes" FROM "posts" WHERE "author_id" IN (?, ?, ?) ORDER BY "id" ASC'
        == standard(sent[-1])
    )


@pytest.mark.face("blocking", reason="only blocking code loads by reading")
async def test_reading_an_attribute_loads_it_for_all() -> None:
    with assert_queries(2):
        titles = [[post.title for post in author.posts] for author in Author.query().order_by("id").all()]

    assert [["tea", "more tea", "cake"], ["rain"], []] == titles


@pytest.mark.face("blocking", reason="only blocking code loads by reading")
async def test_three_levels_cost_one_statement_each() -> None:
    with assert_queries(3):
        texts = [c.text for author in Author.query().all() for post in author.posts for c in post.comments]

    assert ["on 1", "on 1", "on 4"] == texts


@pytest.mark.face("awaiting", reason="blocking code would load it")
async def test_reading_what_is_not_loaded_says_what_to_await() -> None:
    author = await Author.afind_one(1)

    with pytest.raises(RelationNotLoaded, match=r"Author.posts .* await record.aload\('posts'\)") as caught:
        _ = author.posts
    assert not isinstance(caught.value, AttributeError)


@pytest.mark.face("awaiting", reason="blocking calls are made inside a running loop, as notebooks do")
async def test_a_record_of_a_blocking_call_loads_also_inside_a_running_loop() -> None:
    author = Author.find_one(1)

    assert 3 == len(author.posts)


async def test_load_gives_what_the_relation_holds() -> None:
    author = await Author.afind_one(1)

    posts = await author.aload("posts")
    assert posts is author.posts
    profile, again = await author.aload("profile", "posts")
    assert ("likes tea", posts) == (profile.text, again)


async def test_belongs_to_gives_one_object_to_all_that_point_at_it() -> None:
    posts = await Post.query().order_by("id").aall()
    with assert_queries(1):
        await posts[0].aload("author")

    assert ["Ann", "Ann", "Ann", "Bob", None] == [post.author and post.author.name for post in posts]
    assert posts[0].author is posts[1].author


async def test_has_one_gives_a_record_or_none() -> None:
    authors = await Author.query().order_by("id").with_("profile").aall()

    assert ["likes tea", "likes rain", None] == [a.profile and a.profile.text for a in authors]


async def test_the_way_back_is_kept_in_memory() -> None:
    authors = await Author.query().with_("posts", "profile").aall()

    with assert_queries(0):
        assert all(post.author is author for author in authors for post in author.posts)
        assert authors[0].profile is not None and authors[0].profile.author is authors[0]


async def test_conditions_and_order_narrow_a_relation() -> None:
    ann = await Author.afind_one(1)

    assert [9, 5] == [post.likes for post in await ann.aload("good_posts")]


async def test_many_to_many_goes_over_a_table_or_a_model_in_one_statement() -> None:
    posts = await Post.query().order_by("id").aall()
    with assert_queries(1):
        await posts[0].aload("tags")
    tags = await Tag.query().order_by("id").with_("posts").aall()

    assert [["drink"], ["drink"], ["drink", "food"], ["weather"], []] == [[t.name for t in p.tags] for p in posts]
    assert posts[0].tags[0] is posts[1].tags[0]
    assert [[1, 2, 3], [3], [4]] == [[post.id for post in tag.posts] for tag in tags]


async def test_a_relation_may_go_through_several_others() -> None:
    with assert_queries(3):
        authors = await Author.query().order_by("id").with_("comments", "tags").aall()

    assert [["on 1", "on 1"], ["on 4"], []] == [[c.text for c in a.comments] for a in authors]
    # Three posts of Ann are tagged "drink", which is one tag all the same.
    assert [["drink", "food"], ["weather"], []] == [[t.name for t in a.tags] for a in authors]


async def test_composite_keys_link_by_all_their_columns() -> None:
    flights = await Flight.query().order_by("number").with_("legs").aall()
    legs = await Leg.query().order_by("id").with_("flight").aall()

    assert [[1, 2], [3]] == [[leg.id for leg in flight.legs] for flight in flights]
    assert [1, 1, 2, None] == [leg.flight and leg.flight.number for leg in legs]


async def test_a_table_may_lead_to_itself() -> None:
    with assert_queries(3):
        authors = await Author.query().order_by("id").with_("boss", "reports").aall()

    assert [None, "Ann", "Ann"] == [a.boss and a.boss.name for a in authors]
    assert [["Bob", "Cy"], [], []] == [[r.name for r in a.reports] for a in authors]


async def test_a_relation_may_lead_to_one_of_several_models() -> None:
    notes = await Note.query().order_by("id").aall()
    with assert_queries(2):
        await notes[0].aload("owner")

    owners = [note.owner for note in notes]
    assert [Author, Post, Post, type(None)] == [type(owner) for owner in owners]
    assert ["Ann", "tea", "rain"] == [getattr(o, "name", None) or o.title for o in owners[:3]]


async def test_the_way_back_of_several_models_minds_the_type() -> None:
    ann = await Author.query().with_("notes").afind_one(1)
    tea = await Post.query().with_("notes").afind_one(1)

    assert ["of Ann"] == [note.text for note in ann.notes]
    assert ["of tea"] == [note.text for note in tea.notes]
    with assert_queries(0):
        assert ann.notes[0].owner is ann


async def test_a_type_that_names_no_model_is_an_error_that_shows_no_value(backend) -> None:
    await backend.aexecute("UPDATE notes SET owner_type = 'Hidden'")
    note = await Note.afind_one(1)

    with pytest.raises(QueryError, match=r"Note.owner: a row's owner_type is none of .*: Author, Post") as caught:
        await note.aload("owner")
    assert "Hidden" not in str(caught.value)


async def test_keys_that_are_null_cost_no_statement() -> None:
    post = await Post.afind_one(5)
    leg = await Leg.afind_one(4)

    with assert_queries(0):
        assert (None, None) == (post.author, leg.flight)


async def test_an_empty_result_loads_nothing() -> None:
    with assert_queries(1):
        assert [] == await Author.query().where(Author.c.id > 99).with_("posts.comments").aall()


async def test_two_records_of_one_row_have_lists_of_their_own() -> None:
    twice = await Author.afind_all([1]) + await Author.afind_all([1])
    await twice[0].aload("posts")
    await twice[1].aload("posts")

    assert twice[0].posts is not twice[1].posts
    assert [p.id for p in twice[0].posts] == [p.id for p in twice[1].posts]


async def test_duplicate_parents_in_one_list_are_all_served() -> None:
    query = Comment.query().join(Post, on=Post.c.id == Comment.c.post_id)
    comments = await query.where(Post.c.id == 1).aall()
    query = Post.query().join(Comment, on=Post.c.id == Comment.c.post_id)
    posts = await query.where(Post.c.id == 1).with_("tags").aall()

    assert 2 == len(comments) == len(posts)
    assert [["drink"], ["drink"]] == [[tag.name for tag in post.tags] for post in posts]


async def test_a_changed_foreign_key_outdates_what_was_loaded() -> None:
    post = await Post.query().with_("author").afind_one(1)
    post.author_id = 2
    await post.aload("author")

    assert "Bob" == post.author.name


async def test_what_is_loaded_is_not_loaded_again_until_it_is_cleared(backend) -> None:
    author = await Author.afind_one(1)
    posts = await author.aload("posts")
    await backend.aexecute("DELETE FROM posts WHERE id = 1")

    with assert_queries(0):
        assert posts is await author.aload("posts")
    author.clear_relation_cache("posts")
    assert 2 == len(await author.aload("posts"))
    author.clear_relation_cache()
    with pytest.raises(QueryError, match="Author has no relation 'post'; did you mean 'posts'"):
        author.clear_relation_cache("post")


async def test_refreshing_a_record_forgets_what_it_had_loaded(backend) -> None:
    author = await Author.query().with_("posts").afind_one(1)
    await backend.aexecute("DELETE FROM posts WHERE id = 1")
    await author.arefresh()

    assert 2 == len(await author.aload("posts"))


async def test_a_new_record_has_nothing_related_and_asks_nobody() -> None:
    author = Author(name="New")

    with assert_queries(0):
        assert ([], None, None, []) == (author.posts, author.profile, author.boss, author.tags)
    assert author.posts is author.posts


async def test_a_saved_record_loads_in_the_face_that_saved_it() -> None:
    author = await Author.acreate(name="New")

    assert [] == await author.aload("posts")
    (many,) = await Author.abulk_create([Author(name="Newer")])
    assert [] == await many.aload("posts")


@pytest.mark.face("awaiting", reason="the face is what is asked about")
async def test_a_record_saved_by_an_awaiting_call_does_not_load_on_reading() -> None:
    author = await Author.acreate(name="New")

    with pytest.raises(RelationNotLoaded):
        _ = author.posts


async def test_a_relation_whose_column_does_not_exist_says_so() -> None:
    from rhosocial.activerecord import HasMany

    Author.register_relation("wrong", HasMany("Post", foreign_key="writer_id"))
    try:
        author = await Author.afind_one(1)
        with pytest.raises(ConfigurationError, match=r"Author.wrong: Post has no column 'writer_id'"):
            await author.aload("wrong")
    finally:
        del Author.__relations__["wrong"]


async def test_a_load_that_fails_leaves_everything_as_it_was(backend) -> None:
    authors = await Author.query().order_by("id").aall()
    await backend.aexecute("ALTER TABLE posts RENAME TO hidden")
    with pytest.raises(TableNotFound):
        await authors[0].aload("posts")
    await backend.aexecute("ALTER TABLE hidden RENAME TO posts")
    with assert_queries(1):
        await authors[0].aload("posts")

    assert [3, 1, 0] == [len(author.posts) for author in authors]


async def test_the_policy_raise_holds_for_a_model_a_query_and_a_block() -> None:
    for author in (
        await Author.query().loading("raise").afind_one(1),
        await Author.afind_one(1),
    ):
        with loading("raise"), pytest.raises(RelationNotLoaded, match="the policy is to raise"):
            _ = author.posts
    author = await Author.query().loading("raise").afind_one(1)
    with pytest.raises(RelationNotLoaded, match="the policy is to raise"):
        _ = author.posts
    assert 3 == len(await author.aload("posts"))
    with pytest.raises(ConfigurationError, match="one of batch, one, warn, raise, got 'lazy'"):
        Author.query().loading("lazy")


async def test_the_policy_of_a_model_is_a_class_attribute(monkeypatch) -> None:
    monkeypatch.setattr(Post, "__load__", "raise")
    post = await Post.afind_one(1)

    with pytest.raises(RelationNotLoaded, match="the policy is to raise"):
        _ = post.author


@pytest.mark.face("blocking", reason="only blocking code loads by reading")
async def test_the_policy_one_loads_for_the_record_alone() -> None:
    authors = Author.query().order_by("id").loading("one").all()

    with assert_queries(2):
        assert [3, 1] == [len(author.posts) for author in authors[:2]]
    with assert_queries(1), loading("batch"):
        assert [[], [], []] == [a.reports[2:] for a in authors]


@pytest.mark.face("blocking", reason="only blocking code loads by reading")
async def test_the_policy_warn_loads_for_all_and_names_the_line_that_read() -> None:
    authors = Author.query().order_by("id").loading("warn").all()
    with assert_queries(1), pytest.warns(UserWarning, match="Author.posts is loaded by reading it: with_") as told:
        assert [3, 1, 0] == [len(author.posts) for author in authors]
    assert [__file__] == [warning.filename for warning in told]

    with pytest.warns(UserWarning, match="Author.notes is loaded by reading it") as told:
        authors[0].count_of("notes")
    assert [__file__] == [warning.filename for warning in told]
    with warnings.catch_warnings(action="error"):
        authors[0].load("profile")


async def test_a_name_that_is_no_relation_names_the_nearest() -> None:
    with pytest.raises(QueryError, match="Author has no relation 'postz'; did you mean 'posts'"):
        Author.query().with_("postz")
    with pytest.raises(QueryError, match=r"Post has no relation 'coments' of the path 'posts.coments'; did you mean"):
        Author.query().with_("posts.coments")
    author = await Author.afind_one(1)
    with pytest.raises(QueryError, match="did you mean 'posts'"):
        await author.aload("postz")


async def test_relations_stay_out_of_what_pydantic_sees() -> None:
    loaded = await Profile.query().with_("author").afind_one(1)
    plain = await Profile.afind_one(1)

    assert loaded == plain
    assert dict(plain) == dict(loaded) == loaded.model_dump()
    assert repr(plain) == repr(loaded) and "Author" not in repr(loaded)
    assert {"id", "author_id", "text"} == set(Profile.model_fields)
    assert not loaded.is_dirty


async def test_the_registry_of_relations_can_be_asked() -> None:
    assert Author.get_relation("posts") is Author.posts
    assert Author.get_relation("nothing") is None
    assert ["author"] == list(Profile.get_relations())
    assert Author.posts is Author.__table__.relations["posts"]
