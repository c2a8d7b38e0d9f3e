"""Models whose tables occur twice in one query: a tree of nodes, with tags linked to them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from pydantic import Field

from rhosocial.activerecord import ActiveRecord, BelongsTo, Column, HasMany, ManyToMany


class Node(ActiveRecord):
    __table_name__ = "nodes"

    id: int
    parent_id: Annotated[int | None, Column(references="nodes.id")] = None
    name: str
    data: dict[str, Any] = Field(default_factory=dict)
    day: dt.date | None = None

    parent = BelongsTo["Node | None"](foreign_key="parent_id")
    children = HasMany["Node"](foreign_key="parent_id")
    tags = ManyToMany["Tag"](through="node_tags")


class Tag(ActiveRecord):
    __table_name__ = "tags"

    id: int
    name: str


class NodeTag(ActiveRecord):
    __table_name__ = "node_tags"
    __primary_key__ = ("node_id", "tag_id")

    node_id: Annotated[int, Column(references="nodes.id")]
    tag_id: Annotated[int, Column(references="tags.id")]

    node = BelongsTo["Node"]()


class Swap(ActiveRecord):
    """Linked to nodes twice, by a foreign key each and by a relation each."""

    __table_name__ = "swaps"

    id: int
    old_id: Annotated[int, Column(references="nodes.id")]
    new_id: Annotated[int, Column(references="nodes.id")]

    old = BelongsTo["Node"](foreign_key="old_id")
    new = BelongsTo["Node"](foreign_key="new_id")


MODELS: list[type[ActiveRecord]] = [Node, Tag, NodeTag, Swap]

# root has a and b, a has aa, aa has aaa.
NODES = [(None, "root"), (1, "a"), (1, "b"), (2, "aa"), (4, "aaa")]


def fill() -> None:
    """Make the tables and put the rows in."""
    for model in MODELS:
        model.create_table()
    for number, (parent, name) in enumerate(NODES, 1):
        Node.create(parent_id=parent, name=name, data={"key": name, "n": number}, day=dt.date(2024, 1, number))
    Tag.bulk_create([Tag(name="x"), Tag(name="y")])
    NodeTag.bulk_create([NodeTag(node_id=node, tag_id=tag) for node, tag in [(1, 1), (2, 1), (2, 2), (4, 2)]])
    Swap.create(old_id=5, new_id=3)
