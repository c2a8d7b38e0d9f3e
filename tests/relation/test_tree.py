"""Relations of a model to itself, followed to their ends."""

from __future__ import annotations

import pytest
from blog import Author, Post

from rhosocial.activerecord import ActiveRecord, BelongsTo, HasMany
from rhosocial.activerecord.backend import QueryError
from rhosocial.activerecord.testing import assert_queries


@pytest.fixture
def family(backend: object) -> None:
    """Below Ann (1) are Bob (2) and Cy (3), below Bob Dee (4), below Dee Eve (5)."""
    Author.create(name="Dee", boss_id=2)
    Author.create(name="Eve", boss_id=4)


async def test_descendants_are_all_records_below_in_one_statement(family: None) -> None:
    ann = await Author.afind_one_or_fail(1)
    with assert_queries(1):
        below = await Author.reports.descendants(ann).order_by("name").aall()

    assert ["Bob", "Cy", "Dee", "Eve"] == [author.name for author in below]


async def test_ancestors_are_all_records_above(family: None) -> None:
    eve = await Author.afind_one_or_fail(5)

    assert ["Ann", "Bob", "Dee"] == [a.name for a in await Author.boss.ancestors(eve).order_by("name").aall()]
    assert [] == await Author.boss.ancestors(await Author.afind_one_or_fail(1)).aall()


async def test_the_query_can_be_narrowed_and_counted(family: None) -> None:
    ann = await Author.afind_one_or_fail(1)
    below = Author.reports.descendants(ann)

    assert 4 == await below.acount()
    assert ["Dee"] == [author.name for author in await below.where(Author.c.name.startswith("D")).aall()]


async def test_a_circle_is_followed_once(family: None) -> None:
    ann = await Author.afind_one_or_fail(1)
    ann.boss_id = 5
    await ann.asave()

    assert [1, 2, 3, 4, 5] == await Author.reports.descendants(ann).order_by("id").select("id").ascalars()


async def test_declared_conditions_hold_at_every_step(family: None) -> None:
    class Person(ActiveRecord):
        __table_name__ = "authors"

        id: int
        name: str
        boss_id: int | None = None

        without_bob = HasMany["Person"](foreign_key="boss_id", conditions={"name__ne": "Bob"})

    Person.__backend__ = Author.backend()
    ann = await Person.afind_one_or_fail(1)

    assert ["Cy"] == await Person.without_bob.descendants(ann).select("name").ascalars()


async def test_composite_keys_make_trees_too(backend: object) -> None:
    class Part(ActiveRecord):
        __table_name__ = "parts"
        __primary_key__ = ("shop", "number")

        shop: int
        number: int
        above_shop: int | None = None
        above: int | None = None

        parts = HasMany["Part"](foreign_key=("above_shop", "above"))
        whole = BelongsTo["Part | None"](foreign_key=("above_shop", "above"))

    Part.__backend__ = Author.backend()
    Part.create_table()
    Part.bulk_create(
        [
            Part(shop=1, number=1),
            Part(shop=1, number=2, above_shop=1, above=1),
            Part(shop=2, number=1, above_shop=1, above=2),
            Part(shop=2, number=2, above_shop=2, above=2),
        ]
    )
    top, last = await Part.afind_one_or_fail((1, 1)), await Part.afind_one_or_fail((2, 1))

    assert [(1, 2), (2, 1)] == await Part.parts.descendants(top).order_by("shop").select("shop", "number").atuples()
    assert [(1, 1), (1, 2)] == await Part.whole.ancestors(last).order_by("number").select("shop", "number").atuples()


async def test_a_relation_that_leads_elsewhere_is_no_tree() -> None:
    ann, post = await Author.afind_one_or_fail(1), await Post.afind_one_or_fail(1)

    with pytest.raises(QueryError, match=r"Author.posts is no tree"):
        Author.posts.descendants(ann)
    with pytest.raises(QueryError, match=r"Post.author is no tree"):
        Post.author.ancestors(post)
