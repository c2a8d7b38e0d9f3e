"""Relations to one record, loaded by joins in the statement of the query itself."""

from __future__ import annotations

from typing import Any

from ..backend.errors import QueryError
from ..backend.expression import Aliased
from ..backend.statement import Compound, Join, Select, and_
from ..plan import Plan, plan_for
from .fetch import name_of_join
from .loading import give
from .renaming import renamed
from .route import Side, free_name

Path = tuple[str, ...]


def check_joins(model: Any, path: Path) -> None:
    """Refuse a path with a relation to many, to one of several models, or through others."""
    for name in path:
        relation = model.get_relations()[name]
        if relation.is_many or len(relation.targets()) > 1 or not relation.route.is_direct:
            raise QueryError(
                f"{relation.label} leads to many records or models, which a join cannot load: leave out join"
            )
        model = relation.target


class Joined:
    """The paths that one query loads by joins: what they add to its SELECT, and the records out of its rows."""

    __slots__ = ("_paths", "_plan")

    def __init__(self, paths: tuple[Path, ...], plan: Plan) -> None:
        self._paths = paths  # Each after those that it goes on from.
        self._plan = plan

    def extended(self, select: Select, source: Any) -> Select:
        """The SELECT of `source` with the joins and the columns of their tables behind its own."""
        if isinstance(select, Compound):
            raise QueryError(f"a {select.operator} cannot load by joins: leave out join=True")
        taken = {source.name, *map(name_of_join, select.joins)}
        columns, joins = list(select.columns), list(select.joins)
        sides: dict[Path, Any] = {(): source}
        for path in self._paths:
            relation = self._relation(path)
            route, name = relation.route, free_name("_".join(path), taken)
            taken.add(name)
            side = sides[path] = Side(route.table.reading, name)
            scope = route.target.query()._closed().where
            scope = None if scope is None else renamed(scope, route.table.name, name)
            joins.append(Join("LEFT JOIN", side.source(), and_(route.steps[0].link(sides[path[:-1]], side), scope)))
            columns += [Aliased(side.ref(c.field), f"{name}__{c.name}") for c in route.table.reading.columns]
        return select.replace(columns=tuple(columns), joins=tuple(joins))

    def load(self, rows: list[tuple[Any, ...]]) -> list[Any]:
        """The records of the query, each with the joined ones at hand."""
        plan = self._plan
        width = len(plan.fields)
        heads = [row[:width] for row in rows]
        at: dict[Path, list[Any]] = {(): plan.load(heads)}
        for path in self._paths:
            relation = self._relation(path)
            other = plan_for(relation.route.table.reading, relation.target.__home__[0])
            end = width + len(other.fields)
            at[path] = _once(other, [row[width:end] for row in rows])
            width = end
            pairs = {id(record): (record, other) for record, other in zip(at[path[:-1]], at[path], strict=True)}
            owners = [(record, other) for record, other in pairs.values() if record is not None]
            give(relation, [(r, relation.key_of(r), [] if other is None else [other]) for r, other in owners])
        return at[()]

    def _relation(self, path: Path) -> Any:
        model, relation = self._plan.table.model, None
        for name in path:
            relation = model.get_relations()[name]
            model = relation.target
        return relation


def _once(plan: Plan, rows: list[tuple[Any, ...]]) -> list[Any]:
    """A record for each row, one for all rows of one key, None where an outer join found nothing."""
    keys = [plan.key_of_row(row) for row in rows]
    single = {key: row for key, row in zip(keys, rows, strict=True) if None not in key}
    records = dict(zip(single, plan.load(list(single.values())), strict=True))
    return [records.get(key) for key in keys]
