"""A save and a delete of which somebody is told: handlers, hooks of the class, who waits for a transaction's end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from .backend.base import StorageBackend
from .events import Ends, ModelEvent, atell
from .hooks import aafter_save, aprepare_data, aprepare_delete, aupdate_with
from .plan import Plan
from .state import stored_of


async def asave_told(record: Any, backend: StorageBackend, plan: Plan) -> int:
    """`asave` of a record that has handlers or hooks; gives the number of rows written."""
    is_new = _is_new(record)
    async with Ends(record, backend) as ends:
        await record.avalidate_fields()
        await atell(record, ModelEvent.BEFORE_SAVE, is_new=is_new)
        written = await _awrite_told(record, backend, plan, ends)
        await atell(record, ModelEvent.AFTER_SAVE, is_new=is_new, result=written)
    return written


async def _awrite_told(record: Any, backend: StorageBackend, plan: Plan, ends: Ends) -> int:
    """The statement, if there is one to send, and what is told right around it."""
    is_new = _is_new(record)
    if not is_new and not record._changed(plan, stored_of(record)):
        return 0
    await atell(record, ModelEvent.BEFORE_INSERT if is_new else ModelEvent.BEFORE_UPDATE)
    fields = plan.fields if is_new else record._changed(plan, stored_of(record))
    await aprepare_data(record, fields, is_new=is_new)
    written: int = await _awrite(record, backend, plan)
    if written:
        ends.note("insert" if is_new else "update", _key(record, plan))
        await aafter_save(record, is_new=is_new)
        await atell(record, ModelEvent.AFTER_INSERT if is_new else ModelEvent.AFTER_UPDATE, result=written)
    return written


async def _awrite(record: Any, backend: StorageBackend, plan: Plan) -> int:
    stored, hooks = stored_of(record), record.__hooks__
    write = None
    if stored.__class__ is tuple and ("get_update_conditions" in hooks or "get_update_expressions" in hooks):
        write = record._to_write(plan, stored)
        if write is None:
            return 0
        record._remember_accepted(plan)
        write = await aupdate_with(record, plan, write, stored)
    written: int = await record._awrite(backend, plan, write)
    return written


async def adelete_told(
    record: Any, backend: StorageBackend, plan: Plan, remove: Callable[[], Awaitable[int]] | None = None
) -> int:
    """`adelete` of a record that has handlers or hooks; gives the number of rows deleted.

    `remove` deletes it in a way of its own, of which `prepare_delete` is not asked.
    """
    async with Ends(record, backend) as ends:
        await atell(record, ModelEvent.BEFORE_DELETE)
        key = _key(record, plan)
        deleted = await (remove() if remove is not None else _adelete_prepared(record, backend, plan))
        if deleted:
            ends.note("delete", key)
        await atell(record, ModelEvent.AFTER_DELETE, result=deleted)
    return deleted


async def _adelete_prepared(record: Any, backend: StorageBackend, plan: Plan) -> int:
    instead = await aprepare_delete(record)
    return await (awrite_only(record, backend, plan, instead) if instead else record._aremove())


async def awrite_only(record: Any, backend: StorageBackend, plan: Plan, given: dict[str, Any]) -> int:
    """Write these values, validated, and leave the record's other changes unsaved; it is as before if that fails."""
    values, before = vars(record), vars(record).copy()
    values.update(type(record).__checks__.check_values(given))
    try:
        written: int = await record._awrite(backend, plan, plan.update(plan.bits_of(given)))
    except BaseException:  # Also for a cancelled task: nothing says that the row has what the record would say.
        values.update({field: before[field] for field in given})
        raise
    return written


def _is_new(record: Any) -> bool:
    return stored_of(record).__class__ is not tuple


def _key(record: Any, plan: Plan) -> Any:
    """The key's value, or the values of a composite key, as the record has them."""
    values = tuple([vars(record).get(column.field) for column in plan.table.key])
    return values[0] if len(values) == 1 else values
