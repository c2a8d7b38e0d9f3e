"""Relations that lead to one of several models: conditions, counts, ways through them, classes for each."""

from __future__ import annotations

from typing import Any

import pytest
from blog import Author, Note, Post, Tag
from pydantic import BaseModel

from rhosocial.activerecord import AUTO, ActiveRecord, BelongsTo, HasMany
from rhosocial.activerecord.backend import ConfigurationError, QueryError, ValidationError
from rhosocial.activerecord.backend.errors import ColumnNotFound
from rhosocial.activerecord.testing import assert_queries


class Fan(ActiveRecord):
    __table_name__ = "fans"

    id: int
    name: str

    likes = HasMany["Like"](foreign_key="fan_id")
    liked_posts = HasMany["Post"](through="likes", order_by="id")
    liked_fans = HasMany["Fan"](through="likes.subject", order_by="id")
    likers = HasMany["Like"](as_="subject", order_by="id")


class Like(ActiveRecord):
    __table_name__ = "likes"

    id: int
    fan_id: int = AUTO
    subject_type: str | None = None
    subject_id: int | None = None

    fan = BelongsTo["Fan"]()
    subject = BelongsTo["Fan | Post | None"](foreign_key="subject_id", type_key="subject_type")


@pytest.fixture
def fans(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fan 1 likes posts 1 and 2 and fan 2, fan 2 likes fan 1."""
    for model in (Fan, Like):
        monkeypatch.setattr(model, "__backend__", backend)
    Fan.create_table()
    Like.create_table()
    Fan.bulk_create([Fan(name="Fay"), Fan(name="Flo")])
    liked = [(1, "Post", 1), (1, "Post", 2), (1, "Fan", 2), (2, "Fan", 1)]
    Like.bulk_create([Like(fan_id=fan, subject_type=kind, subject_id=key) for fan, kind, key in liked])


async def texts(condition: Any) -> list[str]:
    """The notes that meet the condition."""
    return [note.text for note in await Note.query().where(condition).order_by("id").aall()]


async def test_rows_are_filtered_by_the_row_of_whichever_model_they_belong_to() -> None:
    assert ["of Ann", "of tea", "of rain"] == await texts(Note.owner.any())
    assert ["of nobody"] == await texts(~Note.owner.has())
    # Author 1 and post 1 have one key.
    assert ["of Ann", "of tea"] == await texts(Note.owner.any({"id": 1}))
    assert ["of Ann", "of tea"] == await texts(Note.owner.any(lambda c: c.id == 1))
    assert ["of Ann", "of tea"] == await texts(Note.owner.any("id = ?", (1,)))
    assert ["of tea", "of rain"] == await texts(Note.owner.any(to=Post))
    assert ["of Ann", "of tea", "of rain"] == await texts(Note.owner.any(to=[Author, Post]))
    assert ["of rain"] == await texts(Note.owner.any({"likes__gt": 3}, to=Post))


async def test_a_condition_means_the_model_whose_columns_it_names() -> None:
    assert ["of tea"] == await texts(Note.owner.any(Post.c.id == 1))
    assert ["of Ann"] == await texts(Note.owner.any(Author.c.id == 1))
    assert ["of Ann"] == await texts(Note.owner.any(Author.posts.any(Post.c.title == "tea")))
    assert ["of Ann", "of rain"] == await texts(
        Note.owner.any(Author.c.name == "Ann") | Note.owner.any(Post.c.title == "rain")
    )
    assert ["of Ann", "of tea"] == await texts(Note.owner.any(Note.c.owner_id == 1))


async def test_related_rows_of_all_models_are_counted() -> None:
    query = Note.query().order_by("id")
    numbers = query.select(Note.owner.count().as_("n"), Note.owner.count(to=Post).as_("posts"))
    assert [(1, 0), (1, 1), (1, 1), (0, 0)] == await numbers.atuples()
    assert ["of rain"] == await texts(Note.owner.count(Post.c.likes > 3) == 1)

    with assert_queries(3):  # One for the notes, one for each model.
        notes = await query.with_count("owner").aall()
    assert [1, 1, 1, 0] == [note.count_of("owner") for note in notes]


async def test_the_way_back_minds_the_model() -> None:
    assert [1] == [author.id for author in await Author.query().where(Author.notes.any()).aall()]
    assert [1, 4] == [post.id for post in await Post.query().where(Post.notes.any()).order_by("id").aall()]
    assert [4] == [post.id for post in await Post.query().where(Post.notes.any({"text": "of rain"})).aall()]
    rows = Post.query().select("id", Post.notes.count().as_("n")).where(Post.c.id < 5).order_by("id")
    assert [(1, 1), (2, 0), (3, 0), (4, 1)] == await rows.atuples()

    with assert_queries(2):
        posts = await Post.query().order_by("id").with_count("notes").aall()
    assert [1, 0, 0, 1, 0] == [post.count_of("notes") for post in posts]


async def test_records_of_a_subclass_are_those_of_the_model_that_is_named() -> None:
    class Writer(Author):
        __table_name__ = "authors"

    ann = await Writer.query().with_("notes").afind_one(1)
    note = await ann.notes.acreate(text="more")

    assert ["of Ann", "more"] == [n.text for n in ann.notes]
    assert ("Author", ann) == (note.owner_type, note.owner)
    assert ["of Ann", "more"] == await texts(Note.owner.any(Author.c.name == "Ann"))
    assert [1] == [author.id for author in await Writer.query().where(Writer.notes.any()).aall()]
    note.owner = Writer(id=7, name="new")
    assert "Author" == note.owner_type


class Story(ActiveRecord):
    __table_name__ = "stories"
    __type_name__ = "blog/story"

    id: int

    remarks = HasMany["Remark"](as_="subject")


class Remark(ActiveRecord):
    __table_name__ = "remarks"

    id: int
    subject_type: str | None = None
    subject_id: int | None = None

    subject = BelongsTo["Story | Post | None"](type_key="subject_type")


async def test_a_model_says_what_the_column_calls_it(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for model in (Story, Remark):
        monkeypatch.setattr(model, "__backend__", backend)
        await model.acreate_table()
    story, remark = Story(), Remark()
    story.remarks = [remark]
    await story.asave(related=True)

    assert "blog/story" == remark.subject_type
    assert 1 == await Remark.query().where(Remark.subject.any(to=Story)).acount()
    assert 1 == await Story.query().where(Story.remarks.any()).acount()
    assert [story] == await (await Remark.afind_one(remark.id)).subject_query().aall()


async def test_another_name_of_the_table_has_its_own_model_too() -> None:
    other = Note.alias("other")
    alike = Note.owner.any(Post.c.title == "rain", of=other)
    rows = Note.query().join(other, on=other.c.id == Note.c.id + 1).where(alike).select("text")

    assert [("of tea",)] == await rows.atuples()


@pytest.mark.usefixtures("fans")
async def test_a_path_leads_on_through_a_relation_to_several_models() -> None:
    with assert_queries(3):
        fay, flo = await Fan.query().order_by("id").with_("liked_posts", "liked_fans").aall()
    assert (["tea", "more tea"], ["Flo"]) == ([p.title for p in fay.liked_posts], [f.name for f in fay.liked_fans])
    assert ([], ["Fay"]) == (flo.liked_posts, [f.name for f in flo.liked_fans])

    assert ["Fay"] == [fan.name for fan in await Fan.query().where(Fan.liked_posts.any()).aall()]
    assert ["more tea"] == [post.title for post in await fay.liked_posts_query().where(Post.c.likes > 3).aall()]
    assert ["Flo"] == [fan.name for fan in await fay.liked_fans_query().aall()]
    query = Fan.query().where(Fan.likers.any(Like.fan.has(Fan.c.name == "Fay")))
    assert ["Flo"] == [fan.name for fan in await query.aall()]


async def test_wrong_questions_about_several_models_are_refused() -> None:
    with pytest.raises(QueryError, match=r"names columns of Author and Post: ask for each, and join them by \|"):
        Note.owner.any((Author.c.name == "Ann") | (Post.c.title == "tea"))
    with pytest.raises(ColumnNotFound):
        Note.owner.any({"title": "tea"})
    wrong: Any
    for wrong, named in ((Tag, "Tag"), ([], "nothing"), ("Post", "str"), ([Post, 3], "Post, int")):
        with pytest.raises(QueryError, match=rf"Note.owner leads to Author or Post: to= is .*, got {named}$"):
            Note.owner.any(to=wrong)
    with pytest.raises(QueryError, match="leads to Post: to="):
        Author.posts.count(to=Author)


class AuthorCard(BaseModel):
    name: str


class TagCard(BaseModel):
    name: str


class PostCard(BaseModel):
    title: str
    tags: list[TagCard]


class KeyCard(BaseModel):
    id: int


class Titled(BaseModel):
    title: str


class NoteCard(BaseModel):
    text: str
    owner: AuthorCard | PostCard | None


async def test_each_row_becomes_the_class_that_is_meant_for_its_model() -> None:
    with assert_queries(4) as sent:  # The notes, the authors, the posts and their tags.
        cards = await Note.query().order_by("id").into(NoteCard).aall()

    assert [
        AuthorCard(name="Ann"),
        PostCard(title="tea", tags=[TagCard(name="drink")]),
        PostCard(title="rain", tags=[TagCard(name="weather")]),
        None,
    ] == [card.owner for card in cards]
    assert '"likes"' not in "".join(sent) and "boss_id" not in "".join(sent)


async def test_one_class_may_do_for_all_models_and_lists_hold_cards() -> None:
    class Owned(BaseModel):
        owner: KeyCard | None

    class Noted(BaseModel):
        notes: list[NoteCard]

    owned = await Note.query().order_by("id").into(Owned).aall()
    assert [KeyCard(id=1), KeyCard(id=1), KeyCard(id=4), None] == [card.owner for card in owned]
    noted = await Post.query().order_by("id").into(Noted).aall()
    assert [["of tea"], [], [], ["of rain"], []] == [[note.text for note in card.notes] for card in noted]
    assert "tea" == noted[0].notes[0].owner.title


async def test_of_two_classes_the_model_decides_even_where_both_would_fit() -> None:
    class PostKey(KeyCard): ...

    class Fitting(BaseModel):  # Only posts have a title; the other one is left for authors.
        owner: Titled | AuthorCard | None

    class ByName(BaseModel):
        owner: KeyCard | PostKey | None

    assert [AuthorCard, Titled, Titled, type(None)] == [
        type(card.owner) for card in await Note.query().order_by("id").into(Fitting).aall()
    ]
    assert [KeyCard, PostKey, PostKey, type(None)] == [
        type(card.owner) for card in await Note.query().order_by("id").into(ByName).aall()
    ]


async def test_classes_that_leave_a_model_out_or_open_are_refused() -> None:
    class Key(KeyCard): ...

    class Coloured(BaseModel):
        colour: str

    def card(owner: Any) -> Any:
        return type("Card", (BaseModel,), {"__annotations__": {"owner": owner}})

    for owner, message in (
        (AuthorCard | None, r"AuthorCard.name: Post has no such field"),
        (AuthorCard | Coloured, r"Coloured.colour: Post has no such field"),
        (KeyCard | Key, r"Card.owner: KeyCard and Key may both be meant for Author"),
        (AuthorCard | PostCard | KeyCard, r"Card.owner: KeyCard is meant for no model"),
        (AuthorCard | int, r"Card.owner is the relation Note.owner: it takes a Pydantic class"),
        (list[AuthorCard | PostCard], r"Note.owner gives AuthorCard \| PostCard \| None"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            Note.query().into(card(owner))


async def test_what_does_not_fit_the_class_of_its_model_is_named() -> None:
    class PostLikes(BaseModel):
        likes: str

    class Card(BaseModel):
        owner: AuthorCard | PostLikes | None

    with pytest.raises(ValidationError, match="does not fit PostLikes: likes: Input should be a valid string"):
        await Note.query().into(Card).aall()
