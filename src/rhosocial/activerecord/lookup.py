"""Records looked for by the values of some columns, many at once, past every scope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .backend.base import StorageBackend
from .backend.expression import Expression, In, Junction, Raw
from .backend.statement import Lock, Select, and_
from .plan import Plan
from .table import TableColumn

# Conditions on several columns are joined by OR, and engines limit how long such a condition may be.
MAX_CONDITIONS = 200


async def aread_by(
    backend: StorageBackend,
    plan: Plan,
    columns: Sequence[TableColumn],
    wanted: Sequence[tuple[Any, ...]],
    where: str | None = None,
    *,
    lock: bool = True,
) -> list[Any]:
    """The records with these values in the columns, which meet `where` (SQL text).

    Where a block reads a snapshot, they are locked, so as to be seen as they are now.
    """
    size = plan.dialect.max_params // 2 if len(columns) == 1 else MAX_CONDITIONS
    refs = [plan.table.ref(column.field) for column in columns]
    found: list[Any] = []
    for start in range(0, len(wanted), size):
        condition = _one_of(refs, wanted[start : start + size])
        if where is not None:
            condition = and_(Raw(where), condition)
        select = Select(plan.table.select_list, plan.table.source()).replace(where=condition)
        if lock and plan.dialect.rereads_by_lock:
            select = select.replace(lock=Lock("UPDATE"))
        result = await backend.asend(*plan.compile(select), True)
        found += plan.load_untold(plan.rows_of(result))  # Only looked at: nobody is told.
    return found


def _one_of(refs: Sequence[Any], wanted: Sequence[tuple[Any, ...]]) -> Expression | None:
    if len(refs) == 1:
        return In(refs[0], [values[0] for values in wanted])
    return Junction("OR", [_same(refs, values) for values in wanted])


def _same(refs: Sequence[Any], values: tuple[Any, ...]) -> Expression:
    return Junction("AND", [ref == value for ref, value in zip(refs, values, strict=True)])
