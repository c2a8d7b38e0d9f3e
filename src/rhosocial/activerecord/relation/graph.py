"""Saving a record together with those at its hand: what others point at first, what points at it afterwards."""

from __future__ import annotations

from typing import Any

from ..backend.errors import DatabaseError, DataError, ValidationError
from ..state import links_of, stored_of
from .kind import BelongsTo, HasMany, HasOne, ManyToMany
from .members import Members
from .undo import PutKeysBack, PutListBack
from .writing import KeyWriter, LinkWriter, adopt, asettle_assigned


async def asave_related(record: Any) -> int:
    """Save the record and all records that can be reached over loaded relations, in one transaction.

    Gives the number of rows that were written for records; relations that are not loaded are not loaded for it.
    """
    backend = type(record).__home__[0]
    async with backend.together():
        graph = _Graph()
        await graph.asave(record)
        await graph.aclose_circles()
    return graph.written


def take_pending_keys(record: Any, names: Any) -> None:
    """Put the keys of records that were new when they were assigned into the foreign keys; DatabaseError if still new.

    `names` are the relations that were assigned so.
    """
    for name in names:
        relation = type(record).get_relations()[name]
        value = relation.loaded(record) if relation.is_loaded(record) else None
        if value is None:
            continue
        if _is_new(value):
            raise DatabaseError(
                f"{relation.label} is a new {type(value).__name__}: save that first, or save this one with related=True"
            )
        relation.take_key(record, value)
        relation.put(record, value)
    record._put_aside("pending", None)


class _Graph:
    """One walk over records; each is saved once."""

    def __init__(self) -> None:
        self.written = 0
        self._seen: dict[int, Any] = {}
        self._circles: list[tuple[Any, Any, Any]] = []

    async def asave(self, record: Any) -> None:
        if id(record) in self._seen:
            return
        self._seen[id(record)] = record
        related = _at_hand(record)
        for relation, value in related:
            if isinstance(relation, BelongsTo) and value is not None:
                await self._apoint(record, relation, value)
        record._put_aside("pending", None)
        was_new = _is_new(record)
        self.written += await record.asave()
        for relation, value in related:
            if isinstance(relation, HasOne) and relation.through is None:
                await self._asave_one(record, relation, value, was_new)
            elif isinstance(value, Members) and isinstance(relation, HasMany) and relation.through is None:
                await self._asave_children(record, relation, value, was_new)
            elif isinstance(value, Members) and isinstance(relation, ManyToMany):
                await self._asave_linked(record, value, was_new)

    async def _asave_at(self, record: Any, *place: str | int) -> None:
        """Save a record; an error says by which way it was reached."""
        try:
            await self.asave(record)
        except ValidationError as error:
            raise error.under(*place) from error

    async def aclose_circles(self) -> None:
        """Set the foreign keys that had to wait for a record that was itself waiting."""
        for record, relation, value in self._circles:
            _point(record, relation, value)
            self.written += await record.asave()

    async def _apoint(self, record: Any, relation: Any, value: Any) -> None:
        await self._asave_at(value, relation.name)
        if _is_new(value):  # It waits for this one: a circle.
            _refuse_unbreakable(relation)
            self._circles.append((record, relation, value))
        else:
            _point(record, relation, value)

    async def _asave_child(self, record: Any, relation: Any, child: Any, *place: str | int) -> None:
        back = relation.inverse()
        # A child that was given another parent goes where it was told to.
        if back is None or not back.is_loaded(child) or back.loaded(child) is record or back.loaded(child) is None:
            adopt(relation, record, child, type(record).__home__[0])
        await self._asave_at(child, relation.name, *place)

    async def _asave_one(self, record: Any, relation: Any, child: Any, is_first: bool) -> None:
        if not is_first:
            await asettle_assigned(relation, record, child)
        if child is not None:
            await self._asave_child(record, relation, child)

    async def _asave_children(self, record: Any, relation: Any, members: Members[Any], is_first: bool) -> None:
        if members.is_assigned and not is_first:
            await KeyWriter(members).areplace(list(members))
        _settle(record, members)
        for number, child in enumerate(list(members)):
            await self._asave_child(record, relation, child, number)

    async def _asave_linked(self, record: Any, members: Members[Any], is_first: bool) -> None:
        for number, member in enumerate(list(members)):
            await self._asave_at(member, members.relation.name, number)
        writer = LinkWriter(members)
        if members.is_assigned and not is_first:
            await writer.areplace(list(members))
        else:
            await writer.alink_missing(list(members), is_first)
        _settle(record, members)


def _settle(record: Any, members: Members[Any]) -> None:
    """Take note that an assigned list is stored now, until the block is rolled back."""
    if members.is_assigned:
        if (block := type(record).__home__[0].current_transaction) is not None:
            block.undo(PutListBack(members))
        members.is_assigned = False


def _point(record: Any, relation: Any, value: Any) -> None:
    own = relation.model.__table__
    fields = [own.column(name).field for name in relation.own_columns()]
    undo = PutKeysBack(record, fields, relation.name)
    if (block := type(record).__home__[0].current_transaction) is not None:
        block.undo(undo)
    relation.take_key(record, value)
    relation.put(record, value)
    undo.note()


def _refuse_unbreakable(relation: Any) -> None:
    own = relation.model.__table__
    columns = [own.column(name) for name in relation.own_columns()]
    if needed := [column for column in columns if not column.nullable]:
        raise DataError(
            f"{relation.label} leads in a circle of new records, none of which can be saved first: let"
            f" {needed[0].field} be None, or save one of them by itself",
            table=own.name,
            columns=[column.name for column in needed],
        )


def _at_hand(record: Any) -> list[tuple[Any, Any]]:
    links = links_of(record)
    relations = type(record).get_relations()
    found = [relations[name] for name in list(links or ()) if name in relations]
    return [(relation, relation.loaded(record)) for relation in found if relation.is_loaded(record)]


def _is_new(record: Any) -> bool:
    return stored_of(record).__class__ is not tuple
