"""Differing values for many stored rows, in few statements."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from .backend.base import StorageBackend
from .backend.errors import DatabaseError, DataError, IntegrityError, QueryError, StaleRecord
from .backend.statement import UpdateMany
from .bulk import check_size
from .counter import awrite_only
from .given import acheck_record, at_row, checked_rows
from .hooks import aupdate_with
from .locate import aname_row
from .lookup import aread_by
from .partial import partial_update
from .plan import Plan, Row, Write
from .state import get_stored, put_all_back, set_stored, stored_of
from .table import TableColumn
from .violation import aexplain

# A class with one of these has each record asked what its UPDATE is to be.
_HOOKS = {"get_update_conditions", "get_update_expressions"}


async def aupdate_all(model: Any, records: Any, fields: Sequence[str] | None, batch_size: int | None) -> int:
    """Check all records, then write what has changed of these fields, or of all; gives the number of rows."""
    backend, plan = model.__home__
    check_size(batch_size)
    chosen = _chosen(plan, fields)
    given = checked_rows("bulk_update", model, records, dicts=False)
    _refuse_double(plan, given)
    bits_of: dict[int, int] = {}
    for place, record in enumerate(given):
        await acheck_record(record, plan, place, chosen)
        if bits := _bits(plan, record, place, chosen):
            bits_of[id(record)] = bits
    changed = [record for record in given if id(record) in bits_of]

    async def write(some: list[Any]) -> None:
        await _awrite_all(backend, plan, some, bits_of, batch_size, given)

    try:
        async with backend.together():
            await write(changed)
    except IntegrityError as error:
        named = await aname_row(backend, error, changed, write, given)
        raise named from error
    return len(changed)


async def _awrite_all(
    backend: StorageBackend,
    plan: Plan,
    records: Sequence[Any],
    bits_of: dict[int, int],
    batch_size: int | None,
    given: Sequence[Any],
) -> None:
    groups: dict[int, list[Any]] = {}
    hooks = plan.table.model.__hooks__.keys()
    for record in records:
        groups.setdefault(bits_of[id(record)], []).append(record)
    for bits, group in groups.items():
        write = plan.update(bits)
        assert write is not None
        if bits & plan.partial_bits or plan.verifies or plan.has_computed or not hooks.isdisjoint(_HOOKS):
            for record in group:
                await _awrite_one(backend, plan, bits, record, given)
            continue
        size = _size(plan, write, batch_size)
        for start in range(0, len(group), size):
            await _awrite(backend, plan, write, group[start : start + size], given)


def _chosen(plan: Plan, fields: Any) -> frozenset[str]:
    if fields is None:
        return frozenset(plan.fields)
    if isinstance(fields, (str, bytes)) or not isinstance(fields, Collection) or not fields:
        raise QueryError(f"bulk_update takes a list of names of fields, got {fields!r}")
    columns = [plan.table.column(name) for name in fields]
    model = plan.table.model.__name__
    for column in columns:
        if column in plan.table.key:
            raise QueryError(f"bulk_update cannot change {model}.{column.field}, the rows' key: save the record")
        if column.generated_sql is not None:
            raise DataError(f"{model}.{column.field} is computed by the database and cannot be set")
    return frozenset([column.field for column in columns])


def _refuse_double(plan: Plan, records: Sequence[Any]) -> None:
    places: dict[Row, int] = {}
    for place, record in enumerate(records):
        row = stored_of(record)
        if row.__class__ is not tuple:
            raise at_row(DatabaseError("bulk_update takes stored records: create new ones by bulk_create"), place)
        first = places.setdefault(plan.key_of_row(row), place)
        if first != place:
            raise at_row(DatabaseError(f"bulk_update takes each row once, and this one is that of row {first}"), place)


def _bits(plan: Plan, record: Any, place: int, chosen: frozenset[str]) -> int:
    bits = 0
    for field in plan.fields_of(plan.differences(vars(record), get_stored(record))):
        if field in chosen:
            if plan.fields.index(field) in plan.key_positions:
                error = QueryError(
                    f"bulk_update cannot change {type(record).__name__}.{field}, its key: save the record"
                )
                raise at_row(error, place)
            bits |= 1 << plan.fields.index(field)
    return bits


def _size(plan: Plan, write: Write, batch_size: int | None) -> int:
    dialect, keys = plan.dialect, len(_asked(plan))
    most = min(batch_size or dialect.update_many_rows, dialect.update_many_rows)
    return max(1, min(most, dialect.max_params // dialect.params_of_update(len(write.fields), keys)))


async def _awrite_one(backend: StorageBackend, plan: Plan, bits: int, record: Any, given: Sequence[Any]) -> None:
    row = get_stored(record)
    try:
        write = partial_update(plan, bits, vars(record), row) if bits & plan.partial_bits else plan.update(bits)
        if write is not None:
            await awrite_only(record, backend, plan, await aupdate_with(record, plan, write, row))
    except (DataError, StaleRecord) as error:
        raise at_row(error, _place(record, given)) from error


async def _awrite(backend: StorageBackend, plan: Plan, write: Write, group: list[Any], given: Sequence[Any]) -> None:
    rows = [_dumped(write, record, given) for record in group]
    table = plan.table
    update = UpdateMany(
        table.source(),
        [(column.name, column.type) for column in _asked(plan)],
        [(table.by_field[field].name, table.by_field[field].type) for field in write.fields],
        rows,
    )
    try:
        result = await backend.asend(*plan.compile(update), False)
    except IntegrityError as error:
        await aexplain(error, backend, plan, group, given)
        raise
    if result.affected_rows != len(group):
        await _arefuse_stale(backend, plan, write, group, given)
    if (transaction := backend.current_transaction) is not None:
        transaction.undo(put_all_back(group, plan))
    for record, row in zip(group, rows, strict=True):
        set_stored(record, write.take(vars(record), row, get_stored(record)))
        record._put_aside("accepted", None)


def _dumped(write: Write, record: Any, given: Sequence[Any]) -> Row:
    try:
        return write.dump(vars(record), get_stored(record))
    except DataError as error:
        raise at_row(error, _place(record, given)) from error


async def _arefuse_stale(
    backend: StorageBackend, plan: Plan, write: Write, group: list[Any], given: Sequence[Any]
) -> None:
    """StaleRecord for a record without a row; an engine may just not have counted rows that were so already."""
    key, version = plan.table.key, plan.table.version
    wanted = {plan.key_of_row(get_stored(record)): record for record in group}
    loads = [plan.loader(column.type) for column in key]
    keys = [tuple([v if load is None else load(v) for v, load in zip(row, loads, strict=True)]) for row in wanted]
    there = {plan.key_of_row(get_stored(record)): record for record in await aread_by(backend, plan, key, keys)}
    for row, record in wanted.items():
        found = there.get(row)
        if found is None or (version is not None and not _holds(plan, write, record, found)):
            raise at_row(plan.stale("saved", get_stored(record)), _place(record, given))
    if version is not None:
        raise plan.stale("saved", ())  # A row with a new version has changed: one that is not counted was another's.


def _holds(plan: Plan, write: Write, record: Any, found: Any) -> bool:
    """Whether a row is as this update leaves it; another's may have given it the same version."""
    version = plan.table.version
    assert version is not None
    asked = vars(record)[version.field] + version.spec.version_step
    stamped = set(plan.stamped_fields)
    others = [field for field in write.fields if field not in stamped]
    changed = plan.changed(vars(record), get_stored(found))
    return vars(found)[version.field] == asked and not set(changed).intersection(others)


def _asked(plan: Plan) -> tuple[TableColumn, ...]:
    """What an UPDATE finds its row by: the key, and the version that the record has."""
    return plan.table.key if plan.table.version is None else (*plan.table.key, plan.table.version)


def _place(record: Any, given: Sequence[Any]) -> int:
    return next(place for place, other in enumerate(given) if other is record)
