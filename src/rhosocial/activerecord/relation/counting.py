"""How many related records each of many records has, without reading them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..backend import functions as F
from ..backend.expression import Aliased, ColumnRef
from ..backend.statement import Select
from ..backend.subquery import Subquery
from ..hydrate import tuple_loader
from ..state import links_of, make_links
from .fetch import aread, asked, reader_of
from .route import Route, has_null


def slot(name: str) -> str:
    """The name under which a record keeps the count of a relation."""
    return f"{name}()"


def kept_count(relation: Any, record: Any) -> int | None:
    """The number that the record has at hand, counted or by the related records themselves; None where it has none."""
    links = links_of(record)
    if links is not None and slot(relation.name) in links:
        number, key = links[slot(relation.name)]
        if key == relation.key_of(record):
            return int(number)
    if relation.is_new(record) or relation.is_whole(record):
        value = relation.loaded(record) if relation.is_loaded(record) else None
        return len(value) if isinstance(value, list) else int(value is not None)
    return None


async def acount(relation: Any, records: Iterable[Any]) -> None:
    """Count the related records of all these records in one statement for each table that the relation leads to."""
    waiting: dict[Route, dict[Any, list[Any]]] = {}
    for record in records:
        route = None if relation.is_new(record) else relation.route_of(record.__dict__)
        key = None if route is None else route.get_key(record.__dict__)
        if route is None or has_null(key):
            put_count(relation, record, 0)
        else:
            waiting.setdefault(route, {}).setdefault(key, []).append(record)
    for route, owners in waiting.items():
        numbers = await _anumbers(route, list(owners))
        for key, group in owners.items():
            for record in group:
                put_count(relation, record, numbers.get(key, 0))


def put_count(relation: Any, record: Any, number: int) -> None:
    """Have the record remember how many related ones it has."""
    make_links(record)[slot(relation.name)] = number, relation.key_of(record)


async def _anumbers(route: Route, keys: list[Any]) -> dict[Any, int]:
    query = asked(route, (), None)
    backend, plan = query._home()
    reader = reader_of(route, plan, query._closed())
    refs = reader.refs
    loaders = [None if ref.type is None else plan.loader(ref.type) for ref in refs]
    wanted = {route.match(key, plan): key for key in keys}

    def part(some: Sequence[Any]) -> Select:
        return _grouped(reader.select(query._closed(), some), route, refs)

    rows = await aread(route, list(wanted), backend, plan, part)
    numbers = {}
    for key, row in zip(tuple_loader(loaders)([row[:-1] for row in rows]), rows, strict=True):
        found = key[0] if len(key) == 1 else key
        if found in wanted:
            numbers[wanted[found]] = int(row[-1])
    return numbers


def _grouped(select: Select, route: Route, refs: Any) -> Select:
    """The number of rows of a select for each value of `refs`; a row that is linked twice counts once."""
    keys = tuple(Aliased(ref, f"_key_{i}") for i, ref in enumerate(refs))
    if route.is_direct:
        return select.replace(columns=(*keys, Aliased(F.count(), "_number")), group_by=tuple(refs), order_by=())
    own = tuple(Aliased(route.table.ref(column.field), f"_own_{i}") for i, column in enumerate(route.table.key))
    inner = select.replace(columns=(*keys, *own), distinct=True, order_by=())
    outer = [ColumnRef("linked", f"_key_{i}") for i in range(len(keys))]
    columns = (*(Aliased(ref, f"_key_{i}") for i, ref in enumerate(outer)), Aliased(F.count(), "_number"))
    return Select(columns, Aliased(Subquery(inner), "linked")).replace(group_by=tuple(outer))
