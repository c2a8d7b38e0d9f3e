"""The related records of many records, read in one statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

from ..backend import functions as F
from ..backend.errors import QueryError
from ..backend.expression import Aliased, ColumnRef, Expression, In, Junction, type_of
from ..backend.number import INT
from ..backend.statement import Join, Select, and_
from ..backend.subquery import Subquery
from ..hydrate import tuple_loader
from ..plan import Plan, tuples_of
from ..scope import scope_of
from .route import Route, Side, free_name

Modifier = Callable[[Any], Any]
Row = tuple[Any, ...]


async def afetch(
    route: Route,
    keys: Sequence[Any],
    order: Sequence[Any] = (),
    modifier: Modifier | None = None,
    fields: Sequence[str] | None = None,
) -> dict[Any, list[Any]]:
    """The records that `route` leads to from each of `keys`, by key, in order; keys without any are left out.

    One statement, or as many as the engine's limit on parameters asks for.  A limit of the modified query holds for
    each key.  Given `fields`, they are dicts of these fields, of the table's key and of what links them to `keys`.
    """
    query = asked(route, order, modifier)
    backend, plan = query._home()
    select = query._closed()
    reader = reader_of(route, plan, select, fields)
    cuts_itself = (select.limit is None and select.offset is None) or _can_rank(plan, select)
    wanted = {route.match(key, plan): key for key in keys}

    def part(some: Sequence[Any]) -> Select:
        asked_for = reader.select(select.replace(limit=None, offset=None), some)
        return _ranked(asked_for, reader.refs, route, select) if cuts_itself else asked_for

    rows = await aread(route, list(wanted), backend, plan, part)
    out: dict[Any, list[Any]] = {}
    for key, record in reader.pairs(rows):
        if key in wanted:
            out.setdefault(wanted[key], []).append(record)
    return out if cuts_itself else _cut(out, select)


async def aread(
    route: Route, keys: Sequence[Any], backend: Any, plan: Plan, part: Callable[[Sequence[Any]], Select]
) -> list[Row]:
    """The rows of as many statements, made by `part` for some of the keys, as the limit on parameters asks for."""
    rows: list[Row] = []
    size = max(1, plan.dialect.max_params // route.width // 2)
    for start in range(0, len(keys), size):
        select = part(keys[start : start + size])
        sql, params = plan.compile(select)
        rows += rows_of(await backend.asend(sql, params, True), select)
    return rows


def _can_rank(plan: Plan, select: Select) -> bool:
    return plan.dialect.supports_windows and not select.distinct and not select.group_by


def _ranked(part: Select, refs: Sequence[ColumnRef], route: Route, whole: Select) -> Select:
    """The rows of `part` of which each value of `refs` has no more than the limit of `whole`, after its offset."""
    if whole.limit is None and whole.offset is None:
        return part
    key = [route.table.ref(column.field) for column in route.table.key]
    # A row that is linked twice has one place, as rows that are equal in order have in DENSE_RANK.
    place = F.dense_rank().over(partition_by=refs, order_by=(*part.order_by, *key))
    inner = part.replace(columns=(*part.columns, Aliased(place, "_place")), order_by=())
    columns = [ColumnRef("ranked", column.name, type_of(column)) for column in part.columns]  # type: ignore[attr-defined]  # Each has a name.
    at, start = ColumnRef("ranked", "_place", INT), whole.offset or 0
    where = and_(at > start if start else None, None if whole.limit is None else at <= start + whole.limit)
    ranked = Select(columns, Aliased(Subquery(inner), "ranked"))
    return ranked.replace(where=where, order_by=(at.asc(),))


def asked(route: Route, order: Sequence[Any], modifier: Modifier | None) -> Any:
    """The query for the route's target with the relation's condition and order, and what `modifier` makes of it."""
    query = plain = route.target.query()
    condition = route.steps[-1].condition
    if condition is not None:
        query = query.where(condition)
    if modifier is not None:
        query = modifier(query)
        if type(query) is not type(plain) or query._table is not plain._table:
            name = route.target.__name__
            raise QueryError(
                f"the function given for {name} must return the query of {name} that it was given, narrowed"
            )
    if order and not query._select.order_by:
        query = query.order_by(*order)
    return query


def reader_of(route: Route, plan: Plan, select: Select, fields: Sequence[str] | None = None) -> _Direct | _Through:
    """What asks for the rows of many keys and tells which row belongs to which; of some `fields` or of all."""
    if route.is_direct:
        linking = [route.table.column(name).field for name in route.steps[0].columns]
        return _Direct(route, Taken.of(plan, select, fields, linking), linking)
    return _Through(route, plan, select, Taken.of(plan, select, fields))


class Taken:
    """What is read of a table, and what its rows become: whole records, or dicts of some fields."""

    __slots__ = ("columns", "fields", "load", "values")

    def __init__(
        self,
        columns: Sequence[Expression],
        fields: Sequence[str],
        load: Callable[[list[Row]], list[Any]],
        values: Callable[[Any], dict[str, Any]],
    ) -> None:
        self.columns = tuple(columns)
        self.fields = tuple(fields)
        self.load = load
        self.values = values  # Of one that was loaded, by field.

    @classmethod
    def of(cls, plan: Plan, select: Select, fields: Sequence[str] | None, more: Sequence[str] = ()) -> Taken:
        """Whole records, or `fields` with the table's key and `more`."""
        if fields is None:
            return cls(select.columns, plan.fields, plan.load, vars)
        table = plan.table
        given = tuple(dict.fromkeys((*fields, *(column.field for column in table.key), *more)))
        return cls([table.ref(field) for field in given], given, plan.dicts_of(given), _itself)


def _itself(values: dict[str, Any]) -> dict[str, Any]:
    return values


class _Direct:
    """Reads records that hold the key themselves."""

    def __init__(self, route: Route, taken: Taken, linking: Sequence[str]) -> None:
        self.refs = route.key_refs
        self._taken = taken
        self._key = itemgetter(*linking)

    def select(self, select: Select, keys: Sequence[Any]) -> Select:
        where = and_(select.where, among(self.refs, keys))
        return select.replace(columns=self._taken.columns, where=where)

    def pairs(self, rows: list[Row]) -> Iterable[tuple[Any, Any]]:
        key, values = self._key, self._taken.values
        return [(key(values(record)), record) for record in self._taken.load(rows)]


class _Through:
    """Reads records that are linked to the key by other tables, each once however many rows link it."""

    def __init__(self, route: Route, plan: Plan, select: Select, taken: Taken) -> None:
        self._plan = plan
        self._taken = taken
        sides: list[Any] = [route.table]
        names = {route.table.name, *(name_of_join(join) for join in select.joins)}
        joins = []
        for step, before in zip(reversed(route.steps), reversed(route.steps[:-1]), strict=False):
            name = free_name(before.table.name, names)
            names.add(name)
            here, there = sides[-1], before.table if name == before.table.name else Side(before.table, name)
            joins.append(
                Join("JOIN", there.source(), and_(*step.pairs(there, here), *before.own(there), scope_of(there)))
            )
            sides.append(there)
        self._joins = tuple(joins)
        self.refs = [sides[-1].ref(name) for name in route.steps[0].columns]

    def select(self, select: Select, keys: Sequence[Any]) -> Select:
        extra = tuple(Aliased(ref, f"_key_{i}") for i, ref in enumerate(self.refs))
        return select.replace(
            columns=(*self._taken.columns, *extra),
            joins=(*select.joins, *self._joins),
            where=and_(select.where, among(self.refs, keys)),
        )

    def pairs(self, rows: list[Row]) -> Iterable[tuple[Any, Any]]:
        taken, plan = self._taken, self._plan
        width, positions = len(taken.fields), [taken.fields.index(column.field) for column in plan.table.key]
        single: dict[Row, Row] = {}
        for row in rows:
            single.setdefault(tuple([row[position] for position in positions]), row[:width])
        records = dict(zip(single, taken.load(list(single.values())), strict=True))
        loaders = [None if ref.type is None else plan.loader(ref.type) for ref in self.refs]
        keys = tuple_loader(loaders)([row[width:] for row in rows])
        found: dict[Any, Any] = {}
        for key, row in zip(keys, rows, strict=True):
            own = tuple([row[position] for position in positions])
            found.setdefault((key[0] if len(key) == 1 else key, own), records[own])
        return [(key, record) for (key, _), record in found.items()]


def among(refs: Sequence[ColumnRef], keys: Sequence[Any]) -> Expression:
    """True where the columns hold one of the keys: values for one column, tuples for several."""
    if len(refs) == 1:
        return In(refs[0], keys)
    return Junction("OR", [Junction("AND", [r == part for r, part in zip(refs, key, strict=True)]) for key in keys])


def rows_of(result: Any, select: Select) -> list[Row]:
    """The rows of a result as tuples in the order of the select's columns."""
    if not result.has_dicts:
        return result.rows or []
    return tuples_of(result.data or [], [column.name for column in select.columns])  # type: ignore[attr-defined]  # Each has a name.


def _cut(found: dict[Any, list[Any]], select: Select) -> dict[Any, list[Any]]:
    if select.limit is None and select.offset is None:
        return found
    start = select.offset or 0
    end = None if select.limit is None else start + select.limit
    return {key: records[start:end] for key, records in found.items()}


def name_of_join(join: Any) -> Any:
    """What the joined table is called in the statement; None for a raw clause."""
    return getattr(join.target, "known_as", None)
