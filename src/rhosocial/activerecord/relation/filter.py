"""Relations inside conditions: whether related rows exist, and how many."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

from ..backend import functions as F
from ..backend.errors import QueryError
from ..backend.expression import Condition, Expression, In, Junction, Operand, Raw
from ..backend.statement import Join, Select, and_
from ..backend.subquery import Exists, Subquery
from ..join import as_condition
from ..scope import scope_of
from ..table import Columns
from .fetch import among, asked
from .renaming import names_in, renamed, tables_of
from .route import Route, Side, free_name, has_null


def any_related(relation: Any, condition: Any, params: Any, of: Any, to: Any) -> Condition:
    """True for the rows to which the relation gives a row that meets the condition."""
    routes = _routes_meant(relation, condition, to)
    found = [Exists(Subquery(_related(route, condition, params, of, Raw("1")))) for route in routes]
    return found[0] if len(found) == 1 else Junction("OR", found)


def count_related(relation: Any, condition: Any, params: Any, of: Any, to: Any) -> Operand:
    """The number of the related rows that meet the condition, as a value of a row."""
    routes = _routes_meant(relation, condition, to)
    numbers: list[Operand] = [Subquery(_related(route, condition, params, of, F.count())) for route in routes]
    return reduce(add, numbers)


def _routes_meant(relation: Any, condition: Any, to: Any) -> Sequence[Route]:
    """The ways to the models that are asked about: those of `to`, else the one whose columns the condition names."""
    if to is not None:
        models = tuple(to) if isinstance(to, (tuple, list)) else (to,)
        if not models or not all(model in relation.targets() for model in models):
            names = " or ".join(model.__name__ for model in relation.targets())
            given = ", ".join(getattr(model, "__name__", type(model).__name__) for model in models) or "nothing"
            raise QueryError(f"{relation.label} leads to {names}: to= is one or several of these, got {given}")
        return [relation.route_to(model) for model in dict.fromkeys(models)]
    routes: Sequence[Route] = relation.routes()
    if len(routes) == 1 or not isinstance(condition, Expression):
        return routes
    named = tables_of(condition)
    found = [route for route in routes if route.table.name in named]
    if len({route.table.name for route in found}) > 1:
        names = " and ".join(route.target.__name__ for route in found)
        raise QueryError(f"a condition of {relation.label} names columns of {names}: ask for each, and join them by |")
    return found or routes


def _related(route: Route, condition: Any, params: Any, of: Any, item: Expression) -> Select:
    """SELECT of the related rows of one row of the query around it; `of` is another name of its table there."""
    given = _condition(route, condition, params)
    source = route.own if of is None else of
    joined = route.joined(source, taken={source.name, *names_in(given)})
    (first, link), *rest = joined
    last = joined[-1][0]
    inner = and_(given, route.target.query()._closed().where)
    if inner is not None and last.name != route.table.name:
        inner = renamed(inner, route.table.name, last.name)
    select = Select((item,), first.source())
    joins = tuple(Join("JOIN", side.source(), on) for side, on in rest)
    between = [scope_of(side) for side, _ in joined[:-1]]
    return select.replace(joins=joins, where=and_(link, inner, *between))


def _condition(route: Route, condition: Any, params: Any) -> Expression | None:
    if condition is None:
        return None
    if isinstance(condition, dict):
        where: Expression | None = route.target.query().query(condition)._unscoped().where
        return where
    if callable(condition) and not isinstance(condition, Expression):
        condition = condition(Columns(route.table))
    return as_condition(condition, params)


def query_of(relation: Any, record: Any) -> Any:
    """The query for the related rows of one record, to be narrowed."""
    route = relation.route_of(record.__dict__)
    if route is None:
        raise QueryError(f"{relation.label} leads nowhere: the record's {relation.type_key} is None")
    query = asked(route, relation.order_by, None)
    key = route.get_key(record.__dict__)
    if relation.is_new(record) or has_null(key):
        return query.where(In(query._table.ref(query._table.key[0].field), ()))
    if route.is_direct:
        return query.where(among(route.key_refs, [key]))
    return query.where(Exists(Subquery(_leading(route, key))))


def _leading(route: Route, key: Any) -> Select:
    """SELECT of the rows that lead from the key to a row of the target in the query around it."""
    taken, sides = {route.table.name}, []
    for step in route.steps[:-1]:
        name = free_name(step.table.name, taken)
        taken.add(name)
        sides.append(step.table if name == step.table.name else Side(step.table, name))
    joins = tuple(
        Join("JOIN", here.source(), and_(*step.pairs(before, here), *step.own(here), scope_of(here)))
        for step, before, here in zip(route.steps[1:-1], sides, sides[1:], strict=False)
    )
    first, last = route.steps[0], route.steps[-1]
    refs = [sides[0].ref(name) for name in first.columns]
    near = and_(*first.own(sides[0]), scope_of(sides[0]))
    where = and_(among(refs, [key]), near, *last.pairs(sides[-1], route.table))
    return Select((Raw("1"),), sides[0].source()).replace(joins=joins, where=where)
