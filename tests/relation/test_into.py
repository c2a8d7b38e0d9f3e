"""`into`: a caller's own Pydantic class says what is read."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from blog import Author, Comment, Flight, Leg, Note, Post
from pydantic import BaseModel, Field, computed_field

from engines import standard
from rhosocial.activerecord.backend import ConfigurationError, QueryError, RecordNotFound, ValidationError
from rhosocial.activerecord.testing import assert_queries


@pytest.fixture
def sent(backend: Any) -> list[str]:
    """The texts of all statements from now on."""
    texts: list[str] = []
    backend.on_execute.append(lambda sql, types, duration: texts.append(standard(sql)))
    return texts


class CommentCard(BaseModel):
    text: str


class PostCard(BaseModel):
    title: str
    comments: list[CommentCard]


class AuthorCard(BaseModel):
    name: str
    posts: list[PostCard]


class NameCard(BaseModel):
    name: str


class BossCard(BaseModel):
    name: str
    boss: NameCard | None


class TagCard(BaseModel):
    name: str


async def test_only_the_columns_of_the_class_are_selected(sent: list[str]) -> None:
    cards = await Author.query().order_by("id").into(NameCard).aall()

    assert [NameCard(name="Ann"), NameCard(name="Bob"), NameCard(name="Cy")] == cards
    assert ['SELECT "name" FROM "authors" ORDER BY "id" ASC'] == sent


async def test_nested_classes_are_loaded_by_one_statement_for_each_relation(sent: list[str]) -> None:
    cards = await Author.query().order_by("id").into(AuthorCard).aall()

    assert 3 == len(sent)
    assert [
        ("Ann", [("tea", ["on 1", "on 1"]), ("more tea", []), ("cake", [])]),
        ("Bob", [("rain", ["on 4"])]),
        ("Cy", []),
    ] == [(a.name, [(p.title, [c.text for c in p.comments]) for p in a.posts]) for a in cards]
    assert '"likes"' not in "".join(sent)


async def test_a_relation_to_one_is_a_card_or_none() -> None:
    cards = await Author.query().order_by("id").into(BossCard).aall()

    assert [None, "Ann", "Ann"] == [card.boss and card.boss.name for card in cards]


async def test_relations_through_other_tables_are_nested_too() -> None:
    class Tagged(BaseModel):
        title: str
        tags: list[TagCard]

    class Author_(BaseModel):
        comments: list[CommentCard]
        tags: list[TagCard]

    posts = await Post.query().order_by("id").into(Tagged).aall()
    (ann, *_) = await Author.query().order_by("id").into(Author_).aall()

    assert [["drink"], ["drink"], ["drink", "food"], ["weather"], []] == [[t.name for t in p.tags] for p in posts]
    assert (["on 1", "on 1"], ["drink", "food"]) == ([c.text for c in ann.comments], [t.name for t in ann.tags])


async def test_composite_keys_lead_to_nested_classes() -> None:
    class LegCard(BaseModel):
        id: int

    class FlightCard(BaseModel):
        number: int
        legs: tuple[LegCard, ...]

    class Back(BaseModel):
        id: int
        flight: Annotated[FlightCard | None, "any mark"]

    flights = await Flight.query().order_by("number").into(FlightCard).aall()
    legs = await Leg.query().order_by("id").into(Back).aall()

    assert [(1, [1, 2]), (2, [3])] == [(f.number, [leg.id for leg in f.legs]) for f in flights]
    assert [1, 1, 2, None] == [leg.flight and leg.flight.number for leg in legs]


async def test_the_way_back_of_a_relation_to_several_models_is_nested() -> None:
    class Noted(BaseModel):
        notes: list[CommentCard]

    assert [["of Ann"], [], []] == [
        [note.text for note in card.notes] for card in await Author.query().order_by("id").into(Noted).aall()
    ]


async def test_with_narrows_what_is_nested_for_each_parent() -> None:
    query = Author.query().order_by("id").with_("posts", lambda q: q.order_by("likes DESC").limit(1))

    assert [["more tea"], ["rain"], []] == [[p.title for p in a.posts] for a in await query.into(AuthorCard).aall()]


async def test_nothing_is_read_when_the_cards_are_dumped() -> None:
    cards = await Author.query().into(AuthorCard).aall()

    with assert_queries(0):
        dumped = [card.model_dump() for card in cards]
    assert {"name", "posts"} == set(dumped[0])


async def test_aliases_defaults_and_computed_fields_are_the_classes_own() -> None:
    class Shown(BaseModel):
        label: str = Field(alias="title")
        likes: str
        colour: str = "green"

        @computed_field
        def shout(self) -> str:
            return self.label.upper()

    with pytest.raises(ValidationError, match="does not fit Shown: likes: Input should be a valid string"):
        await Post.query().into(Shown).aall()

    class Fitting(Shown):
        likes: float

    (card,) = await Post.query().where(Post.c.title == "cake").into(Fitting).aall()
    assert ("cake", 5.0, "green", "CAKE") == (card.label, card.likes, card.colour, card.shout)


async def test_one_first_and_one_or_fail_give_a_card_at_most() -> None:
    named = Author.query().where(Author.c.name == "Bob").into(NameCard)
    nobody = Author.query().where(Author.c.name == "Zoe").into(NameCard)

    assert "Bob" == (await named.aone_or_fail()).name
    assert "Ann" == (await Author.query().into(NameCard).afirst()).name
    assert await nobody.aone() is None and await nobody.afirst() is None
    with pytest.raises(RecordNotFound, match="no NameCard answers"):
        await nobody.aone_or_fail()


async def test_an_empty_answer_costs_one_statement(sent: list[str]) -> None:
    assert [] == await Author.query().where(Author.c.id < 0).into(AuthorCard).aall()
    assert 1 == len(sent)


async def test_equal_cards_of_different_records_stay_apart_in_a_distinct_query() -> None:
    await Author(name="Ann").asave()

    assert 4 == len(await Author.query().distinct().into(NameCard).aall())


async def test_a_class_of_defaults_alone_gives_one_card_for_each_record() -> None:
    class Empty(BaseModel):
        colour: str = "green"

    assert 3 == len(await Author.query().into(Empty).aall())


async def test_cards_come_in_pages_with_the_querys_own_cursors() -> None:
    query = Author.query().order_by("name DESC")
    first = await query.into(AuthorCard).apage(2)
    second = await query.into(AuthorCard).apage(2, after=first.next)

    assert ["Cy", "Bob"] == [card.name for card in first]
    assert [("Ann", 3)] == [(card.name, len(card.posts)) for card in second] and not second.has_next
    assert ["Ann"] == [author.name for author in await query.apage(2, after=first.next)]
    assert first == await query.into(AuthorCard).apage(2, before=second.previous)


class Wrong(BaseModel):
    nmae: str


class WrongNested(BaseModel):
    posts: list[int]


class OneForMany(BaseModel):
    posts: CommentCard


class ManyForOne(BaseModel):
    boss: list[NameCard]


class Endless(BaseModel):
    boss: Endless | None


class OfNote(BaseModel):
    owner: NameCard


@pytest.mark.parametrize(
    ("model", "card", "message"),
    [
        (Author, Wrong, r"Wrong.nmae: Author has no such field; did you mean 'name'\?"),
        (Author, WrongNested, "WrongNested.posts is the relation Author.posts: it takes a Pydantic class"),
        (Author, OneForMany, r"OneForMany.posts: Author.posts gives list\[CommentCard\]"),
        (Author, ManyForOne, r"ManyForOne.boss: Author.boss gives NameCard \| None"),
        (Author, Endless, "Endless holds itself"),
        (Note, OfNote, "NameCard.name: Post has no such field"),
    ],
)
def test_a_class_that_the_model_cannot_fill_is_refused_before_anything_is_sent(
    sent: list[str], model: Any, card: Any, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        model.query().into(card)
    assert [] == sent


@pytest.mark.parametrize("given", [int, "NameCard", Post, NameCard(name="x"), None])
def test_what_is_no_pydantic_class_of_the_callers_is_refused(given: Any) -> None:
    with pytest.raises(QueryError, match="into takes a Pydantic class"):
        Author.query().into(given)


def test_into_and_select_do_not_go_together() -> None:
    with pytest.raises(QueryError, match="leave out select"):
        Comment.query().select("id").into(CommentCard)
