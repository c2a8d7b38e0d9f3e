"""What happens to related records when a record is deleted: ``dependent="delete"``, ``"nullify"``, ``"restrict"``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..backend.errors import ConfigurationError, ForeignKeyViolation
from ..backend.expression import Value
from ..backend.statement import Delete, Update, and_
from ..state import aside_of, put_back, stored_of
from .fetch import Modifier, afetch, among
from .kind import HasMany, HasOne, ManyToMany
from .members import row_key
from .route import Route, has_null, one_or_all

RULES = ("delete", "nullify", "restrict")


def dependents(model: Any) -> list[Any]:
    """The relations of a model that declare what deleting does; ConfigurationError where one cannot."""
    found = [relation for relation in model.get_relations().values() if relation.dependent is not None]
    for relation in found:
        if relation.dependent not in RULES:
            raise ConfigurationError(f"{relation.label}: dependent is one of {', '.join(RULES)}")
        is_link = isinstance(relation, ManyToMany)
        reaches = isinstance(relation, (HasOne, HasMany)) and relation.through is None
        if not reaches and not (is_link and relation.dependent != "nullify"):
            raise ConfigurationError(
                f"{relation.label} cannot be dependent={relation.dependent!r}: nothing points here"
            )
    return found


async def adelete_dependents(records: Sequence[Any], seen: set[Any] | None = None) -> None:
    """Do what the relations of these records, all of one class, say about their deletion; in an open transaction."""
    seen = set() if seen is None else seen
    seen.update(map(row_key, records))
    for relation in dependents(type(records[0])):
        await _RULES[relation.dependent](relation, records, seen)


async def arelated(
    relation: Any, records: Sequence[Any], seen: set[Any], modifier: Modifier | None = None
) -> list[Any]:
    """The records that a relation of these leads to, but for those `seen`; the very ones that are at hand of these."""
    keys = _keys(relation, records)
    found = await afetch(relation.route, keys, modifier=modifier) if keys else {}
    at_hand = {row_key(other): other for record in records for other in _loaded(relation, record)}
    related = [at_hand.get(row_key(other), other) for others in found.values() for other in others]
    return [other for other in related if row_key(other) not in seen]


async def arestrict(relation: Any, records: Sequence[Any], seen: set[Any], modifier: Modifier | None = None) -> None:
    """ForeignKeyViolation where the relation leads to records that are not among those `seen`."""
    route = relation.route
    if await arelated(relation, records, seen, modifier):
        raise ForeignKeyViolation(
            f"{relation.label} restricts deleting: there are {route.target.__name__} records", table=route.own.name
        )


async def _arestrict(relation: Any, records: Sequence[Any], seen: set[Any]) -> None:
    await arestrict(relation, records, seen, _unscoped)


def _unscoped(query: Any) -> Any:
    """All rows: what default scopes hide points at the deleted row as well."""
    return query.unscoped()


async def _anullify(relation: Any, records: Sequence[Any], seen: set[Any]) -> None:
    route, keys = relation.route, _keys(relation, records)
    backend, plan = route.target.__home__
    names = [route.table.column(field).name for field in relation.linking_fields()]
    for part in _parts(keys, plan, route):
        where = and_(among(route.key_refs, part), route.steps[0].condition)
        sql, params = plan.compile(Update(route.table.source(), [(name, Value(None)) for name in names], where))
        await backend.asend(sql, params, False)


async def _adelete(relation: Any, records: Sequence[Any], seen: set[Any]) -> None:
    route = relation.route
    if isinstance(relation, ManyToMany):
        await _aunlink(relation, route, _keys(relation, records))
        return
    related = await arelated(relation, records, seen, _unscoped)
    if not related:
        return
    if _is_plain(route.target):
        await adelete_dependents(related, seen)
        await _adelete_rows(route, related)
    else:
        seen.update(map(row_key, related))
        for other in related:
            await other._adelete_for_good()


async def _adelete_rows(route: Route, records: Sequence[Any]) -> None:
    backend, plan = route.target.__home__
    columns = [route.table.ref(column.field) for column in route.table.key]
    keys = [tuple(record.__dict__[column.field] for column in route.table.key) for record in records]
    for part in _parts([one_or_all(key) for key in keys], plan, route):
        sql, params = plan.compile(Delete(route.table.source(), among(columns, part)))
        await backend.asend(sql, params, False)
    block = backend.current_transaction
    for record in records:
        if block is not None:
            block.undo(put_back(record, type(record).__home__[1], vars(record), stored_of(record), aside_of(record)))
        record._become_new(record._baseline())


async def _aunlink(relation: Any, route: Route, keys: Sequence[Any]) -> None:
    backend, plan = relation.model.__home__
    for part in _parts(keys, plan, route):
        sql, params = plan.compile(Delete(route.steps[0].table.source(), among(route.key_refs, part)))
        await backend.asend(sql, params, False)


_RULES = {"delete": _adelete, "nullify": _anullify, "restrict": _arestrict}


def _is_plain(model: Any) -> bool:
    """Whether nobody asked to be told of each deletion, so that all may go in one statement."""
    if model.__hooked__:
        return False
    plain = next(base for base in reversed(model.__mro__) if "adelete" in vars(base))
    return model.adelete is plain.adelete


def _keys(relation: Any, records: Sequence[Any]) -> list[Any]:
    keys = (relation.key_of(record) for record in records)
    return list(dict.fromkeys(key for key in keys if not has_null(key)))


def _loaded(relation: Any, record: Any) -> list[Any]:
    if not relation.is_loaded(record):
        return []
    value = relation.loaded(record)
    return list(value) if relation.is_many else [value] * (value is not None)


def _parts(keys: Sequence[Any], plan: Any, route: Route) -> list[Sequence[Any]]:
    size = max(1, plan.dialect.max_params // max(route.width, len(route.table.key)) // 2)
    return [keys[start : start + size] for start in range(0, len(keys), size)]
