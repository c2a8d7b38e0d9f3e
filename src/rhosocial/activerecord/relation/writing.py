"""Changing which records are related: foreign keys are set and cleared, rows of linking tables come and go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..backend.errors import QueryError
from ..backend.expression import Expression
from ..backend.statement import Delete, Insert, Select, and_
from ..hydrate import tuple_loader
from ..scope import scope_of
from ..state import links_of, make_links, stored_of
from ..table import Table
from .counting import slot
from .fetch import among, rows_of
from .filter import query_of
from .members import Members, row_key
from .route import one_or_all
from .undo import PutKeysBack, PutListBack


class Writer:
    """How the members of a relation to many are changed; `HasMany` and `ManyToMany` differ in what links them."""

    __slots__ = ("backend", "members", "owner", "plan", "relation")

    def __init__(self, members: Members[Any]) -> None:
        self.members = members
        self.owner = members.owner
        self.relation = members.relation
        self.backend, self.plan = type(self.owner).__home__
        self.relation.check_writable()

    async def aadd(self, records: Sequence[Any]) -> None:
        """Relate further records."""
        if self._is_new():
            self._append(records)
            return
        async with self.backend.together() as block:
            block.undo(PutListBack(self.members))
            await self._alink(records)
            self._append(records)

    async def aremove(self, records: Sequence[Any]) -> None:
        """Relate these members no longer."""
        if self._is_new():
            self._take_out(records)
            return
        async with self.backend.together() as block:
            block.undo(PutListBack(self.members))
            await self._aunlink(records)
            self._take_out(records)

    async def areplace(self, records: Sequence[Any]) -> None:
        """Relate these records and no others."""
        if self._is_new():
            self.members[:] = records
            return
        async with self.backend.together() as block:
            block.undo(PutListBack(self.members))
            known = {row_key(record) for record in records}
            now = await self._aknown()
            await self._aunlink([member for member in now if row_key(member) not in known])
            linked = {row_key(member) for member in now}
            await self._alink([record for record in records if row_key(record) not in linked])
            self.members[:] = records
            self.members.is_assigned = self.members.is_part = False

    async def acreate(self, values: dict[str, Any]) -> Any:
        """Construct, save and relate a record."""
        if self._is_new():
            raise QueryError(f"{self.relation.label} can create records once this {type(self.owner).__name__} is saved")
        record = self.relation.target(**self._given(values))
        await self.aadd([record])
        return record

    def _given(self, values: dict[str, Any]) -> dict[str, Any]:
        return values

    async def _alink(self, records: Sequence[Any]) -> None:
        raise NotImplementedError

    async def _aunlink(self, records: Sequence[Any]) -> None:
        raise NotImplementedError

    async def _aknown(self) -> list[Any]:
        """The records that are related now; those of the list where it is known to be what is stored."""
        if self.members.is_part or self.members.is_assigned:
            found: list[Any] = await query_of(self.relation, self.owner).aall()
            return found
        return [member for member in self.members if row_key(member) is not None]

    def _is_new(self) -> bool:
        return stored_of(self.owner).__class__ is not tuple

    def _append(self, records: Iterable[Any]) -> None:
        for record in records:
            if self.members.position(record) is None:
                self.members.append(record)
        self._forget_count()

    def _take_out(self, records: Iterable[Any]) -> None:
        gone = set(map(id, records))
        self.members[:] = [member for member in self.members if id(member) not in gone]
        self._forget_count()

    def _forget_count(self) -> None:
        links = links_of(self.owner)
        if links is not None:
            links.pop(slot(self.relation.name), None)


class KeyWriter(Writer):
    """Members that hold the foreign key."""

    __slots__ = ()

    def _given(self, values: dict[str, Any]) -> dict[str, Any]:
        linking: dict[str, Any] = self.relation.linking_values(self.owner)
        return linking | values

    async def _alink(self, records: Sequence[Any]) -> None:
        for record in records:
            adopt(self.relation, self.owner, record, self.backend)
            await record.asave()

    async def _aunlink(self, records: Sequence[Any]) -> None:
        # A member that was given to another record meanwhile is that one's.
        own = [record for record in records if self._is_linked(record)]
        if self.relation.dependent == "delete":
            for record in own:
                await record.adelete()
            return
        if own:
            self._check_nullable()
        for record in own:
            adopt(self.relation, None, record, self.backend)
            await record.asave()

    async def _aknown(self) -> list[Any]:
        return [member for member in await super()._aknown() if self._is_linked(member)]

    def _is_linked(self, record: Any) -> bool:
        wanted = self.relation.linking_values(self.owner)
        return all(record.__dict__.get(field) == value for field, value in wanted.items())

    def _check_nullable(self) -> None:
        route = self.relation.route
        for field in self.relation.linking_fields():
            if not route.table.column(field).nullable:
                raise QueryError(
                    f"{route.target.__name__}.{field} cannot be None, as removing from "
                    f"{self.relation.label} makes it: delete the record, or declare dependent='delete'"
                )


def note_assigned(relation: Any, owner: Any, value: Any) -> None:
    """Note that the owner's one record is to be `value` from its next save on, and which one was at hand before."""
    links, name = make_links(owner), _assigned(relation)
    if name in links:
        _, before = links[name]
    else:
        before = relation.loaded(owner) if relation.is_loaded(owner) else None
    links[name] = value, before


async def asettle_assigned(relation: Any, owner: Any, value: Any) -> None:
    """Release the row that `value` was assigned in the place of, where it was assigned; in an open transaction."""
    links, name = make_links(owner), _assigned(relation)
    if name not in links:
        return
    assigned, before = links[name]
    block = type(owner).__home__[0].current_transaction
    if block is not None:
        block.undo(PutKeysBack(owner, [], name))
    del links[name]
    if assigned is value:  # Else it was loaded anew since.
        await _arelease(relation, owner, value, before)


async def areplace_one(relation: Any, owner: Any, value: Any) -> None:
    """Have `value`, or nothing, be the owner's one record: release the row that it was, and save the new one."""
    backend = type(owner).__home__[0]
    async with backend.together() as block:
        block.undo(PutKeysBack(owner, [], relation.name))
        before = relation.loaded(owner) if relation.is_loaded(owner) else None
        await _arelease(relation, owner, value, before)
        if value is not None:
            adopt(relation, owner, value, backend)
            await value.asave()
        relation.put(owner, value)
        make_links(owner).pop(_assigned(relation), None)


def _assigned(relation: Any) -> str:
    return f"{relation.name}="


async def _arelease(relation: Any, owner: Any, kept: Any, at_hand: Any) -> None:
    """Relate the owner's stored one no longer, unless it is `kept`; `at_hand` is perhaps the record of that row."""
    stored = await query_of(relation, owner).aone()
    if stored is None or (kept is not None and row_key(kept) == row_key(stored)):
        return
    gone = at_hand if at_hand is not None and row_key(at_hand) == row_key(stored) else stored
    await KeyWriter(Members(relation, owner, [gone]))._aunlink([gone])


def adopt(relation: Any, owner: Any, record: Any, backend: Any) -> None:
    """Point the foreign key of `record` at `owner`, until the open block is rolled back."""
    back, block = relation.inverse(), backend.current_transaction
    if back is not None and back.is_loaded(record):
        _leave(relation, back.loaded(record), owner, record, block)
    undo = PutKeysBack(record, relation.linking_fields(), None if back is None else back.name)
    if block is not None:
        block.undo(undo)
    relation.adopt(owner, record)
    undo.note()


def _leave(relation: Any, before: Any, owner: Any, record: Any, block: Any) -> None:
    """Take the record out of the list of the one that it belonged to, where that is at hand."""
    if before is None or before is owner or not relation.is_many or not relation.is_loaded(before):
        return
    members = relation.loaded(before)
    if block is not None:
        block.undo(PutListBack(members))
    members[:] = [member for member in members if member is not record]


class LinkWriter(Writer):
    """Members that rows of a third table link."""

    __slots__ = ()

    async def _alink(self, records: Sequence[Any]) -> None:
        for record in records:
            await record.asave()
        await self.alink_missing(records)

    async def alink_missing(self, records: Sequence[Any], is_first: bool = False) -> None:
        """Insert the linking rows of those that have none; `is_first` says that the owner has none yet."""
        keys = list(dict.fromkeys(self._key_of(record) for record in records))
        if keys:
            known = set() if is_first else await self._alinked(keys)
            await self._ainsert([key for key in keys if key not in known])

    async def _alinked(self, keys: Sequence[Any]) -> set[Any]:
        link, step = self._steps[0].table, self._steps[1]
        refs = [link.ref(name) for name in step.origin]
        select = Select(refs, link.source()).replace(where=and_(self._where(keys), scope_of(link)))
        sql, params = self.plan.compile(select)
        rows = rows_of(await self.backend.asend(sql, params, True), select)
        loaders = [None if ref.type is None else self.plan.loader(ref.type) for ref in refs]
        return {row[0] if len(refs) == 1 else row for row in tuple_loader(loaders)(rows)}

    async def _ainsert(self, keys: Sequence[Any]) -> None:
        if not keys:
            return
        first, second = self._steps
        link, own, width = first.table, self._own_key(), len(second.origin)
        names = [*first.columns, *second.origin]
        rows = [(*own, *(key if width > 1 else (key,))) for key in keys]
        if isinstance(link, Table):
            fields = [link.column(name).field for name in names]
            made = [link.model(**dict(zip(fields, row, strict=True))) for row in rows]
            await link.model.abulk_create(made)
            return
        nodes = [[link.value(name, value) for name, value in zip(names, row, strict=True)] for row in rows]
        sql, params = self.plan.compile(Insert(link.source(), names, nodes))
        await self.backend.asend(sql, params, False)

    async def _aunlink(self, records: Sequence[Any]) -> None:
        if not records:
            return
        link, keys = self._steps[0].table, [self._key_of(record) for record in records]
        if isinstance(link, Table):  # A model may delete its rows in a way of its own.
            await link.model.query().where(self._where(keys)).adelete()
            return
        sql, params = self.plan.compile(Delete(link.source(), self._where(keys)))
        await self.backend.asend(sql, params, False)

    @property
    def _steps(self) -> Any:
        return self.relation.route.steps

    def _where(self, keys: Sequence[Any]) -> Expression | None:
        first, second = self._steps
        own = [first.table.ref(n) == part for n, part in zip(first.columns, self._own_key(), strict=True)]
        return and_(*own, among([first.table.ref(name) for name in second.origin], keys))

    def _own_key(self) -> tuple[Any, ...]:
        route = self.relation.route
        return tuple(self.owner.__dict__[route.own.column(name).field] for name in route.steps[0].origin)

    def _key_of(self, record: Any) -> Any:
        route = self.relation.route
        return one_or_all([record.__dict__[route.table.column(name).field] for name in route.steps[1].columns])
