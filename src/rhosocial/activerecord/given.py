"""Rows as callers give them, dicts or records: their names checked, the bad one named."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydantic import ValidationError as PydanticValidationError

from .backend.errors import ColumnNotFound, DatabaseError, DataError, QueryError, ValidationError
from .hooks import avalidate
from .plan import Plan
from .state import stored_of


def fields_given(model: Any, values: Mapping[Any, Any]) -> dict[str, Any]:
    """Values by field, out of a dict by field, column or alias, or by a relation to one record.

    ColumnNotFound for any other name, QueryError where a field would get two values.
    """
    given: dict[str, Any] = {}
    for name, value in values.items():
        if not isinstance(name, str):
            raise QueryError(f"expected the name of a column, got {type(name).__name__}")
        relation = model.__relations__.get(name)
        found = {_field_named(model, name): value} if relation is None else relation.completed({}, value)
        if not found:
            raise QueryError(f"{model.__name__}.{name} sets no column of {model.__name__}: name columns")
        for field in found:
            if field in given:
                raise QueryError(f"{model.__name__}.{field} is given two values")
        given |= found
    return given


def _field_named(model: Any, name: str) -> str:
    table = model.__table__
    if name not in table.by_field and name not in table.by_name:
        for field, info in model.__pydantic_fields__.items():
            if name in (info.alias, info.validation_alias):
                return str(field)
    field_name: str = table.column(name).field
    return field_name


def constructed(model: Any, values: Mapping[str, Any]) -> Any:
    """A new record of values by field; the library's ValidationError where they do not pass."""
    config, fields = model.model_config, model.__pydantic_fields__
    if config.get("populate_by_name") or config.get("validate_by_name"):
        named = dict(values)
    else:
        named = {_argument(field, fields[field]): value for field, value in values.items()}
    try:
        return model(**named)
    except PydanticValidationError as error:
        details = error.errors(include_url=False)
        lines = "; ".join(f"{'.'.join(map(str, d['loc'])) or model.__name__}: {d['msg']}" for d in details)
        raise ValidationError(f"{model.__name__} is not valid: {lines}", errors=details) from error


def _argument(field: str, info: Any) -> str:
    return info.validation_alias if isinstance(info.validation_alias, str) else field


def checked_rows(call: str, model: Any, rows: Any, *, dicts: bool = True) -> list[Any]:
    """The rows of a call for many, in a list; DatabaseError, with the row's place, for what is no record (or dict)."""
    kinds = f"{model.__name__} records" + " or dicts" * dicts
    if isinstance(rows, (str, bytes, Mapping, model)) or not isinstance(rows, Iterable):
        raise DatabaseError(f"{call} takes a list of {kinds}, got {type(rows).__name__}")
    given = list(rows)
    for place, row in enumerate(given if set(map(type, given)) - {model} else ()):
        if type(row) is not model and not (dicts and isinstance(row, Mapping)):
            raise at_row(DatabaseError(f"{call} takes {kinds}, got {type(row).__name__}"), place)
    if len(set(map(id, given))) < len(given):
        raise DatabaseError(f"{call} takes each record once, but was given one {model.__name__} twice")
    return given


def record_of(model: Any, row: Any, place: int) -> Any:
    """The row at that place as a record, made of it where it is a dict; its error names the row."""
    if not isinstance(row, Mapping):
        return row
    try:
        return constructed(model, fields_given(model, row))
    except (ColumnNotFound, QueryError, DataError, ValidationError) as error:
        raise at_row(error, place) from error


async def acheck_record(record: Any, plan: Plan, place: int, fields: Collection[str] | None = None) -> None:
    """Validate what has changed on the record at that place, of these fields only where they are given."""
    model, stored = type(record), stored_of(record)
    try:
        record._refuse_doubtful()
        if fields is not None:
            changed = [field for field in record._changed(plan, stored) if field in fields]
            if todo := record._unproven(plan, changed, stored):
                vars(record).update(model.__checks__.check(record, todo) or {})
        elif stored is None or stored.__class__ is tuple or not plan.is_untouched(vars(record), stored):
            record._check(plan, stored)
        if model.__hooks__:
            await avalidate(record)
    except DatabaseError as error:
        raise at_row(error, place) from error


def at_row(error: Any, place: int) -> Any:
    """The error as one that says in which row of a call for many it is: `row`, its text, and the places of `errors`."""
    named: Any = error.under(place) if isinstance(error, ValidationError) else copy.copy(error)
    named.args = (f"row {place}: {error}",)
    named.row = place
    return named
