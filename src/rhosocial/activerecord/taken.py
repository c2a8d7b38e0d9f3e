"""Unique values that rows of others have already, asked for before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .backend.errors import UniqueViolation, ValidationError
from .backend.statement import and_
from .inheritance import root_of
from .join import as_condition
from .state import stored_of
from .table import Table


async def arefuse_taken(record: Any) -> None:
    """ValidationError, in the shape of a UniqueViolation's `errors`, for all values that another row has."""
    model, table = type(record), type(record).__table__
    everything = (root_of(model) or model).query().unscoped().where(_of_others(record, table))
    errors: list[Any] = []
    for fields, where in dict.fromkeys(_sets(table)):
        values = model.__checks__.check_values({field: vars(record)[field] for field in fields})
        if None in values.values():  # NULL is like no other value, and a key that is not there yet is new.
            continue
        query = everything.where(and_(*(model.c[field] == value for field, value in values.items())))
        if await (query if where is None else query.where(where)).aexists():
            found = UniqueViolation("")
            found.fields = fields
            errors += found.errors()
    if errors:
        names = ", ".join(dict.fromkeys(error["loc"][0] for error in errors))
        raise ValidationError(f"{model.__name__} is not valid: already taken: {names}", errors=errors)


def _sets(table: Table) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """The fields that are unique together, in the order of the model, and the condition of a partial index."""
    for names, where in table.unique_sets():
        yield tuple([column.field for column in table.columns if column.name in names]), where


def _of_others(record: Any, table: Table) -> Any:
    """The condition for all rows but the record's own."""
    stored, plan = stored_of(record), type(record).__home__[1]
    if stored.__class__ is not tuple:
        return as_condition("1 = 1")
    row = dict(zip(plan.fields, stored, strict=False))
    own: Any = and_(*(table.ref(column.field) == row[column.field] for column in table.key))
    return ~own
