"""Trees: the records that a relation of a model to itself leads to, in any number of steps."""

from __future__ import annotations

from typing import Any

from ..backend import functions as F
from ..backend.errors import QueryError
from ..backend.statement import and_
from .fetch import asked


def reached(relation: Any, record: Any) -> Any:
    """The query for all records that are reached from one; a circle is followed once.

    Its CTE holds the keys that were found, and the columns that lead on from them.
    """
    route = relation.route
    table, step = route.table, route.steps[0]
    if table is not route.own or not route.is_direct:
        raise QueryError(f"{relation.label} is no tree: that takes a relation of a model to itself by its own columns")
    key = [column.field for column in table.key]
    taken = list(dict.fromkeys((*key, *(table.column(name).field for name in (*step.origin, *step.only)))))

    def further(found: Any) -> Any:
        return asked(route, (), None).join(found, on=and_(*step.pairs(found, table))).select(*map(table.ref, taken))

    first = relation.query(record)._with(order_by=()).select(*taken)
    found = first.as_cte(f"{relation.name}_reached").recursive(further, all=False)
    query = route.target.query()
    if len(key) == 1:
        return query.where(table.ref(key[0]).in_(found.query().select(key[0])))
    # Not every engine compares rows of several columns with those of a query.
    return query.where(F.exists(found.query().where(and_(*(found.c[name] == table.ref(name) for name in key)))))
