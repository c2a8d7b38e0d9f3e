"""Writes that are read back: what `ConnectionConfig.verify_writes` asks for (design R16)."""

from __future__ import annotations

from typing import Any

from .backend.errors import DataError
from .plan import Plan, Write
from .state import get_stored


def refuse_other(record: Any, plan: Plan, write: Write, found: list[Any]) -> None:
    """DataError, naming table and column, unless the row that was read back holds what the record has written.

    RETURNING would not do: it gives the row as the statement left it, not what a trigger makes of it afterwards.
    """
    model, table = type(record).__name__, plan.table.name
    if not found:
        keys = ", ".join(column.name for column in plan.table.key)
        raise DataError(
            f"{model} was not stored as it is: there is no row of {table} with the key ({keys}) that was written",
            table=table,
            columns=tuple(column.name for column in plan.table.key),
        )
    row = get_stored(found[0])
    differing = set(plan.changed(vars(record), row))
    wrong = [place for place, field in enumerate(plan.fields) if field in differing and field in write.fields]
    if not wrong:
        return
    field, raw = plan.fields[wrong[0]], row[wrong[0]]
    raise DataError(
        f"{model}.{field} was not stored as it is: of a value of type {type(vars(record)[field]).__name__} the column "
        f"{plan.names[wrong[0]]!r} of {table} has made another one, of type {type(raw).__name__}; nothing was written",
        table=table,
        columns=tuple(plan.names[place] for place in wrong),
    )
