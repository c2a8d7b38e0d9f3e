"""Changing which records are related, and what a rollback makes of it."""

from __future__ import annotations

import pytest
from blog import Author, Comment, Leg, Note, Post, PostTag, Profile, Tag

from rhosocial.activerecord.backend.errors import DatabaseError, IntegrityError, QueryError, ValidationError
from rhosocial.activerecord.testing import assert_queries


class Stop(Exception):
    """Ends a block."""


async def titles(author: Author) -> list[str]:
    """What the database says of an author's posts."""
    return [post.title for post in await author.posts_query().aall()]


async def test_add_saves_new_and_stored_records_with_their_foreign_key() -> None:
    ann = await Author.query().with_("posts").afind_one(1)
    rain, new = await Post.afind_one(4), Post(title="new")
    await ann.posts.aadd(rain, new)

    assert ["tea", "more tea", "cake", "rain", "new"] == [p.title for p in ann.posts] == await titles(ann)
    assert 1 == rain.author_id == new.author_id and not new.is_new_record
    assert rain.author is ann


async def test_add_of_what_is_there_already_changes_nothing() -> None:
    ann = await Author.query().with_("posts").afind_one(1)
    same_row = await Post.afind_one(1)
    with assert_queries(0):
        await ann.posts.aadd(ann.posts[0], same_row)

    assert 3 == len(ann.posts)


async def test_remove_clears_the_foreign_key() -> None:
    ann = await Author.query().with_("posts").afind_one(1)
    tea = ann.posts[0]
    await ann.posts.aremove(await Post.afind_one(1), ann.posts[1])

    assert ["cake"] == [p.title for p in ann.posts] == await titles(ann)
    assert tea.author_id is None and tea.author is None
    with pytest.raises(ValueError, match=r"this Post is not among the records of Author.posts"):
        await ann.posts.aremove(tea)


async def test_remove_refuses_a_foreign_key_that_cannot_be_null() -> None:
    post = await Post.query().with_("comments").afind_one(1)

    with pytest.raises(QueryError, match=r"Comment.post_id cannot be None, .*: delete the record, or declare"):
        await post.comments.aremove(post.comments[0])
    assert 2 == len(post.comments)


async def test_replace_leaves_exactly_the_given_records() -> None:
    ann = await Author.query().with_("posts").afind_one(1)
    kept, new = ann.posts[2], Post(title="new")
    await ann.posts.areplace([kept, new])

    assert ["cake", "new"] == [p.title for p in ann.posts] == await titles(ann)


async def test_replace_of_a_part_minds_the_rest() -> None:
    ann = await Author.query().with_("posts", lambda q: q.limit(1)).afind_one(1)
    await ann.posts.areplace([Post(title="new")])

    assert ["new"] == await titles(ann)


async def test_a_record_that_is_given_to_another_leaves_the_first_one_s_list() -> None:
    ann, bob = await Author.query().order_by("id").limit(2).with_("posts").aall()
    tea = ann.posts[0]
    with pytest.raises(Stop):
        async with Author.transaction():
            await bob.posts.aadd(tea)
            assert ["more tea", "cake"] == [post.title for post in ann.posts]
            raise Stop
    assert ann.posts[0] is tea and tea.author is ann

    await bob.posts.aadd(tea)
    assert ["more tea", "cake"] == [post.title for post in ann.posts] == await titles(ann)


async def test_a_member_that_another_object_gave_away_is_neither_removed_nor_taken_for_linked() -> None:
    ann = await Author.query().with_("posts").afind_one(1)
    tea, more_tea, _ = ann.posts
    tea.author_id = more_tea.author_id = 2
    await tea.asave()
    await more_tea.asave()
    await ann.posts.aremove(tea)
    assert 2 == (await Post.afind_one(1)).author_id

    await ann.posts.areplace([more_tea])
    assert ["more tea"] == await titles(ann)


async def test_create_makes_a_related_record() -> None:
    ann = await Author.query().with_("posts", "notes").afind_one(1)
    post = await ann.posts.acreate(title="made")
    note = await ann.notes.acreate(text="made")

    assert ann.posts[-1] is post and post.author is ann
    assert ("Author", 1, ann) == (note.owner_type, note.owner_id, note.owner)
    assert "made" == (await titles(ann))[-1]


async def test_members_of_a_new_record_are_kept_in_memory() -> None:
    author = Author(name="New")
    with assert_queries(0):
        await author.posts.aadd(Post(title="a"), Post(title="b"))
        await author.posts.aremove(author.posts[0])
    with pytest.raises(QueryError, match=r"Author.posts can create records once this Author is saved"):
        await author.posts.acreate(title="c")

    assert ["b"] == [post.title for post in author.posts]


async def test_linked_records_come_and_go_by_rows_of_the_table_between() -> None:
    post = await Post.query().with_("tags").afind_one(1)
    food = await Tag.afind_one(2)
    await post.tags.aadd(food, Tag(name="sweet"))
    assert ["drink", "food", "sweet"] == [t.name for t in post.tags]
    assert ["drink", "food", "sweet"] == [t.name for t in await post.tags_query().aall()]

    await post.tags.aremove(food)
    assert ["drink", "sweet"] == [t.name for t in await post.tags_query().aall()]

    await post.tags.areplace([food])
    assert ["food"] == [t.name for t in await post.tags_query().aall()] == [t.name for t in post.tags]

    made = await post.tags.acreate(name="made")
    assert post.tags[-1] is made and 2 == await post.tags_query().acount()
    assert 4 == await PostTag.query().where(PostTag.c.post_id != 1).acount()


async def test_links_over_a_model_are_records_of_it() -> None:
    drink = await Tag.query().with_("posts").afind_one(1)
    rain = await Post.afind_one(4)
    await drink.posts.aadd(rain)

    assert await PostTag.afind_one((4, 1)) is not None
    await drink.posts.aremove(rain)
    assert await PostTag.afind_one((4, 1)) is None


async def test_what_is_reached_through_others_cannot_be_changed() -> None:
    ann = await Author.query().with_("comments").afind_one(1)

    with pytest.raises(QueryError, match=r"Author.comments goes through other records: change those"):
        await ann.comments.aadd(Comment(text="x"))


async def test_a_record_of_another_model_is_refused() -> None:
    ann = await Author.query().with_("posts").afind_one(1)

    with pytest.raises(TypeError, match=r"Author.posts takes Post, got Tag"):
        await ann.posts.aadd(Tag(name="x"))
    with pytest.raises(TypeError, match=r"Post.author takes Author or None, got Tag"):
        Post().author = Tag(name="x")
    with pytest.raises(TypeError, match=r"Note.owner takes Author or Post or None, got Tag"):
        Note(owner=Tag(name="x"))


async def test_assignment_sets_the_foreign_key_in_memory() -> None:
    bob, post = await Author.afind_one(2), await Post.afind_one(1)
    with assert_queries(0):
        post.author = bob
    assert 2 == post.author_id and post.author is bob and post.is_dirty
    await post.asave()
    assert "tea" in await titles(bob)

    post.author = None
    assert post.author_id is None and post.author is None
    note = Note()
    note.owner = post
    assert ("Post", 1) == (note.owner_type, note.owner_id)


async def test_a_composite_foreign_key_is_assigned_whole() -> None:
    leg, first = Leg(), await Leg.query().with_("flight").afind_one(1)
    leg.flight = first.flight

    assert ("AA", 1) == (leg.flight_carrier, leg.flight_number)


async def test_construction_takes_related_records() -> None:
    ann = await Author.afind_one(1)
    profile = Profile(author=ann, text="x")
    author = Author(name="New", posts=[Post(title="a")], boss=ann)

    assert 1 == profile.author_id and profile.author is ann
    assert (["a"], 1) == ([post.title for post in author.posts], author.boss_id)


async def test_save_with_related_saves_a_graph_of_new_records_in_order() -> None:
    author = Author(
        name="New",
        boss=Author(name="Boss"),
        profile=Profile(text="p"),
        posts=[Post(title="a", comments=[Comment(text="c")], tags=[Tag(name="t")]), Post(title="b")],
    )
    written = await author.asave(related=True)

    assert 7 == written
    stored = await Author.query().with_("boss", "profile", "posts.comments", "posts.tags").afind_one(author.id)
    assert ("Boss", "p") == (stored.boss.name, stored.profile.text)
    assert [("a", ["c"], ["t"]), ("b", [], [])] == [
        (post.title, [c.text for c in post.comments], [t.name for t in post.tags]) for post in stored.posts
    ]


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (lambda author: author.posts[1].comments[0], ("posts", 1, "comments", 0)),
        (lambda author: author.posts[0].tags[1], ("posts", 0, "tags", 1)),
        (lambda author: author.boss, ("boss",)),
        (lambda author: author.profile, ("profile",)),
        (lambda author: author, ()),
    ],
)
async def test_an_error_of_a_record_in_a_graph_says_where_it_is(spoil, place) -> None:
    author = Author(
        name="New",
        boss=Author(name="Boss"),
        profile=Profile(text="p"),
        posts=[Post(tags=[Tag(name="a"), Tag(name="b")]), Post(comments=[Comment(text="c")])],
    )
    wrong = spoil(author)
    field = "text" if hasattr(wrong, "text") else "name"
    setattr(wrong, field, 7)
    with pytest.raises(ValidationError) as caught:
        await author.asave(related=True)

    assert [(*place, field)] == [error["loc"] for error in caught.value.errors()]
    assert author.is_new_record and not await Author.query().where(Author.c.name == "Boss").aexists()


async def test_save_with_related_may_begin_at_any_record() -> None:
    comment = Comment(text="c", post=Post(title="a", author=Author(name="New")))
    await comment.asave(related=True)

    stored = await Comment.query().with_("post.author").afind_one(comment.id)
    assert "New" == stored.post.author.name


async def test_records_that_wait_for_each_other_are_saved_all_the_same() -> None:
    one, other = Author(name="One"), Author(name="Other")
    one.boss, other.boss = other, one
    await one.asave(related=True)

    assert (other.id, one.id) == (one.boss_id, other.boss_id)
    assert not one.is_dirty and not other.is_dirty
    assert one.id == (await Author.afind_one(other.id)).boss_id


async def test_an_assigned_list_replaces_what_is_stored_when_it_is_saved() -> None:
    ann = await Author.afind_one(1)
    cake = await Post.afind_one(3)
    with assert_queries(0):
        ann.posts = [cake, Post(title="new")]
    await ann.asave(related=True)
    assert ["cake", "new"] == await titles(ann)

    cake.tags = []
    await cake.asave(related=True)
    assert [] == await cake.tags_query().aall()


async def test_appended_records_are_saved_with_their_parent() -> None:
    ann = await Author.query().with_("posts").afind_one(1)
    ann.posts.append(Post(title="new"))
    ann.posts[0].title = "changed"
    with assert_queries(2):
        assert 2 == await ann.asave(related=True)

    assert ["changed", "more tea", "cake", "new"] == await titles(ann)


async def test_a_record_assigned_while_new_gives_its_key_when_it_has_one() -> None:
    author, post = Author(name="New"), Post(title="a")
    post.author = author
    with pytest.raises(DatabaseError, match=r"Post.author is a new Author: save that first, or .* related=True"):
        await post.asave()
    await author.asave()
    await post.asave()

    assert author.id == post.author_id and post.author is author
    assert ["a"] == await titles(author)


async def test_a_rollback_puts_lists_foreign_keys_and_loaded_records_back() -> None:
    ann = await Author.query().with_("posts").afind_one(1)
    bob, rain = await Author.afind_one(2), await Post.query().with_("author").afind_one(4)
    before, owner, new = list(ann.posts), rain.author, Post(title="new")
    with pytest.raises(Stop):
        async with Author.transaction():
            await ann.posts.aadd(rain, new)
            await ann.posts.aremove(before[0])
            raise Stop

    assert before == ann.posts and ann.posts[0] is before[0]
    assert (2, owner) == (rain.author_id, rain.author) and not rain.is_dirty
    assert new.author_id is None and new.is_new_record and new.id is None
    assert 1 == before[0].author_id and not before[0].is_dirty
    assert ["rain"] == await titles(bob)


async def test_a_rolled_back_graph_can_be_saved_again() -> None:
    author = Author(name="New", posts=[Post(title="a")], boss=Author(name="Boss"))
    with pytest.raises(Stop):
        async with Author.transaction():
            await author.asave(related=True)
            raise Stop
    assert author.is_new_record and author.id is None and author.boss_id is None
    assert ["a"] == [post.title for post in author.posts] and author.posts[0].author_id is None

    await author.asave(related=True)
    assert ["a"] == await titles(author) and author.boss.id == author.boss_id


async def test_a_graph_that_cannot_be_saved_whole_is_not_saved_at_all(backend) -> None:
    await backend.aexecute("CREATE UNIQUE INDEX one_title ON posts (title)")
    author = Author(name="New", posts=[Post(title="fresh"), Post(title="tea")])
    with pytest.raises(IntegrityError):
        await author.asave(related=True)

    assert author.is_new_record and author.posts[0].is_new_record
    assert 3 == await Author.query().acount()


async def test_a_failing_add_changes_neither_list_nor_record(backend) -> None:
    await backend.aexecute("CREATE UNIQUE INDEX one_title ON posts (title)")
    bob = await Author.query().with_("posts").afind_one(2)
    good, bad = Post(title="fresh"), Post(title="tea")
    with pytest.raises(IntegrityError):
        await bob.posts.aadd(good, bad)

    assert ["rain"] == [post.title for post in bob.posts] == await titles(bob)
    assert good.is_new_record and (None, None) == (good.author_id, bad.author_id)


@pytest.mark.needs("supports_savepoints")
async def test_an_inner_block_puts_back_only_what_it_did() -> None:
    ann = await Author.query().with_("posts").afind_one(1)
    async with Author.transaction():
        await ann.posts.acreate(title="kept")
        with pytest.raises(Stop):
            async with Author.transaction():
                await ann.posts.acreate(title="lost")
                raise Stop

    assert ["tea", "more tea", "cake", "kept"] == [p.title for p in ann.posts] == await titles(ann)


@pytest.mark.face("blocking", reason="the blocking names")
async def test_members_have_blocking_names() -> None:
    ann = Author.find_one(1)
    post = ann.posts.create(title="made")
    ann.posts.remove(post)
    ann.posts.add(post)
    ann.posts.replace([post])

    assert [post] == ann.posts
