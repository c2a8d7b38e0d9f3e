"""Some columns of one stored row, written apart from the rest."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from .backend import functions as F
from .backend.base import StorageBackend
from .backend.errors import DatabaseError, DataError, QueryError, StaleRecord
from .backend.expression import Expression, Junction
from .backend.row_value import Sent
from .backend.statement import Select, Update
from .plan import Plan
from .state import aside_of, get_stored, put_back, set_stored
from .table import TableColumn


async def aincrement(record: Any, name: str, by: Any, sign: int = 1) -> Any:
    """Add to a column in the database, put what is stored then on the record, and give it."""
    backend, plan = _home_of(record, "increment" if sign > 0 else "decrement")
    column = _counted(plan, name, by)
    ref: Any = plan.table.ref(column.field)
    before = F.coalesce(ref, 0) if column.nullable else ref
    change = (column.name, before + by if sign > 0 else before - by)
    where = _at_key(plan, record)
    raw = await _achange(backend, plan, Update(plan.table.source(), [change], where), ref)
    if raw is None:
        what = f"this {type(record).__name__} was not changed: its row is no longer there"
        raise StaleRecord(what, table=plan.table.name)
    return _take(record, backend, plan, column, raw[0])


async def atouch(record: Any, names: tuple[str, ...]) -> None:
    """Set the columns to now, by default those that saving sets by itself."""
    backend, plan = _home_of(record, "touch")
    table, values = plan.table, vars(record)
    columns = [table.column(name) for name in names] or [column for column in table.columns if _is_stamped(column)]
    if not columns:
        model = type(record).__name__
        raise QueryError(f"{model} has no field that saving sets to now: name fields, touch('seen_at')")
    now = datetime.now(UTC)
    moments = {column.field: _moment_for(plan, column, now) for column in columns}
    before = {field: values.get(field) for field in moments}
    values.update(moments)
    try:
        await awrite_only(record, backend, plan, plan.update(sum(1 << plan.fields.index(field) for field in moments)))
    except BaseException:
        values.update(before)  # Also for a cancelled task: what is not stored must not look as if it were.
        raise


async def awrite_only(record: Any, backend: StorageBackend, plan: Plan, write: Any) -> None:
    """Write what the statement is for; other changes of the record stay unsaved, also where the row is read again."""
    values = vars(record)
    changed = plan.changed(values, get_stored(record)) if write.is_incomplete else ()
    unsaved = {field: values[field] for field in changed if field not in write.fields}
    await record._awrite(backend, plan, write)
    values.update(unsaved)


def _moment_for(plan: Plan, column: TableColumn, now: datetime) -> datetime | date:
    """A moment in UTC as a value of the column, which may have no zone; QueryError for one that holds no time."""
    if column.type.kind is datetime:
        return now if plan.is_moment(column.type) else now.replace(tzinfo=None)
    if column.type.kind is date:
        return now.date()
    raise QueryError(f"{plan.table.model.__name__}.{column.field} is no date or datetime")


def _is_stamped(column: TableColumn) -> bool:
    return column.spec.at_update is not None


def _home_of(record: Any, call: str) -> tuple[StorageBackend, Plan]:
    if record.is_new_record:
        raise DatabaseError(f"{call} needs a stored {type(record).__name__}: save this one first")
    record._refuse_doubtful()
    home: tuple[StorageBackend, Plan] = type(record).__home__
    return home


def _counted(plan: Plan, name: str, by: Any) -> TableColumn:
    column = plan.table.column(name)
    label = f"{plan.table.model.__name__}.{column.field}"
    if column.generated_sql is not None:
        raise DataError(f"{label} is computed by the database and cannot be set")
    if column in plan.table.key:
        raise QueryError(f"{label} is the row's key, which is no counter")
    kind = column.type.python
    if kind not in (int, float, Decimal):
        raise QueryError(f"{label} holds no numbers to add to")
    fits: Any = {int: int, float: (int, float), Decimal: (int, Decimal)}[kind]
    if isinstance(by, bool) or not isinstance(by, fits):
        raise DataError(f"{label} can be changed by a number of its own kind, got {type(by).__name__}")
    return column


def _at_key(plan: Plan, record: Any) -> Expression:
    row = plan.key_of_row(get_stored(record))
    parts: list[Any] = [plan.table.ref(c.field) == Sent(value) for c, value in zip(plan.table.key, row, strict=True)]
    return parts[0] if len(parts) == 1 else Junction("AND", parts)


async def _achange(backend: StorageBackend, plan: Plan, update: Update, ref: Any) -> Any:
    """What the row has in the column after the update, as the driver gives it, in a tuple; None where it has gone."""
    if plan.returns and plan.dialect.supports_update_returning:
        sql, params = plan.compile(update.replace(returning=(ref,)))
        rows = plan.tuples(await backend.asend(sql, params, True), [ref.name])
        return rows[0] if rows else None
    async with backend.together():
        # What the row has must be read before anybody else can change it again.
        if not (await backend.asend(*plan.compile(update), False)).affected_rows:
            return None
        select = Select((ref,), update.table).replace(where=update.where)
        rows = plan.tuples(await backend.asend(*plan.compile(select), True), [ref.name])
    return rows[0] if rows else None


def _take(record: Any, backend: StorageBackend, plan: Plan, column: TableColumn, raw: Any) -> Any:
    values, row, load = vars(record), get_stored(record), plan.loader(column.type)
    if (transaction := backend.current_transaction) is not None:
        transaction.undo(put_back(record, plan, values, row, aside_of(record)))
        transaction.undo(_value_back(record, column.field, values.get(column.field)))
    place = plan.fields.index(column.field)
    set_stored(record, (*row[:place], raw, *row[place + 1 :]))
    values[column.field] = raw if load is None or raw is None else load(raw)
    return values[column.field]


def _value_back(record: Any, field: str, value: Any) -> Callable[[], None]:
    """What puts a value back that came from the database, and not, as others do, from the caller."""
    reference = weakref.ref(record)

    def back() -> None:
        living = reference()
        if living is not None:
            vars(living)[field] = value

    return back
