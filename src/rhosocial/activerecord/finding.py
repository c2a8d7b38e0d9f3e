"""Finding a record or making it, so that of any number of callers at once one makes it and all get it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .backend.base import StorageBackend
from .backend.errors import QueryError, StaleRecord, UniqueViolation
from .backend.expression import Expression
from .backend.statement import and_
from .given import constructed, fields_given

# The row that was in the way may be gone when it is looked for.
ATTEMPTS = 2


async def afind_or_make(model: Any, defaults: Any, match: Mapping[str, Any]) -> Any:
    """The first record that matches, or a new one, saved; whether it is new is left on it."""
    backend: StorageBackend = model.__home__[0]
    given = fields_given(model, match)
    values = given | fields_given(model, _checked_values(defaults))
    if not given:
        raise QueryError(f"what should be found? name fields: {model.__name__}.find_or_create(name='Ann')")
    # As saving would leave them: a validator may have changed what is stored.
    wanted = model.__checks__.check_values(given)
    query = model.query().where(_equal(model, wanted))
    for attempt in range(ATTEMPTS):
        if (found := await _after_conflict(backend, query, attempt).afirst()) is not None:
            found._put_aside("created", None)
            return found
        record = constructed(model, values)
        try:
            await _ainsert(backend, record)
        except UniqueViolation:
            block = backend.current_transaction
            if attempt == ATTEMPTS - 1 or (block is not None and not block.is_active):
                raise
            continue
        record._put_aside("created", True)
        return record
    raise AssertionError("the last attempt returns or raises")


async def aupdate_or_make(model: Any, values: Any, match: Mapping[str, Any]) -> Any:
    """The first record that matches, with these values saved, or a new one of both."""
    given = fields_given(model, _checked_values(values))
    for attempt in range(ATTEMPTS):
        record = await afind_or_make(model, values, match)
        if record._aside("created") or not given:
            return record
        try:
            await record.aupdate(given)
        except StaleRecord:
            if attempt == ATTEMPTS - 1:
                raise
            continue
        return record
    raise AssertionError("the last attempt returns or raises")


def _checked_values(values: Any) -> Mapping[Any, Any]:
    if values is not None and not isinstance(values, Mapping):
        raise TypeError(f"expected a dict of values, got {type(values).__name__}")
    return values or {}


def _equal(model: Any, wanted: Mapping[str, Any]) -> Expression:
    # Not `query(wanted)`, to which a list is a choice of values.
    condition = and_(*(model.c[field] == value for field, value in wanted.items()))
    assert condition is not None
    return condition


def _after_conflict(backend: StorageBackend, query: Any, attempt: int) -> Any:
    """The query as it finds a row that has just been in the way of ours."""
    in_snapshot = attempt > 0 and backend.in_transaction and backend.dialect.rereads_by_lock
    return query.for_update() if in_snapshot else query


async def _ainsert(backend: StorageBackend, record: Any) -> None:
    block = backend.current_transaction
    if block is None or not block.can_nest:
        await record.asave()
        return
    # Where an error makes the whole block fail, it shall be only this part.
    async with backend.transaction():
        await record.asave()
