"""Keys of encrypted columns: making one, and changing to another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .backend.base import StorageBackend
from .backend.encryption import Encrypted, EncryptedAs, Keyring, generate_key, keyring_of
from .backend.errors import ConfigurationError
from .blocking import blocking
from .plan import Plan, Row
from .query import Query
from .record import ActiveRecord
from .table import TableColumn

__all__ = ["Encrypted", "EncryptedAs", "areencrypt", "generate_key", "reencrypt"]


async def areencrypt(model: type[ActiveRecord], *, batch_size: int = 500) -> int:
    """Encrypt anew, under the first of `encryption_keys`, what another key has encrypted; gives the rows changed.

    Each batch is a transaction of its own, so the call may be broken off and made again, beside programs that write: a
    value that changed meanwhile is left alone.  No hooks run, and no other column is touched.  DataError, naming the
    field, for a value that no key opens; ConfigurationError where there is nothing encrypted, or no key.
    """
    backend, plan = model.__home__
    columns = [column for column in plan.table.columns if isinstance(column.type.codec, EncryptedAs)]
    if not columns:
        raise ConfigurationError(f"{model.__name__} has no encrypted field")
    keyring = keyring_of(backend.config)
    changed = 0
    for keys in _batches(await _akeys(backend, plan), batch_size):
        async with backend.transaction():
            for row in await _arows(backend, plan, [*plan.table.key, *columns], keys):
                changed += await _achange(backend, plan, keyring, columns, row)
    return changed


reencrypt = blocking(areencrypt)


async def _akeys(backend: StorageBackend, plan: Plan) -> list[Row]:
    names = [column.field for column in plan.table.key]
    asked: Any = Query(plan.table)
    return await _aselect(backend, plan, asked.select(*names).order_by(*names), plan.table.key)


async def _arows(backend: StorageBackend, plan: Plan, columns: Sequence[TableColumn], keys: list[Any]) -> list[Row]:
    asked: Any = Query(plan.table)
    return await _aselect(backend, plan, asked.with_keys(keys).select(*[column.field for column in columns]), columns)


async def _aselect(backend: StorageBackend, plan: Plan, asked: Any, columns: Sequence[TableColumn]) -> list[Row]:
    """The rows as the driver gives them."""
    sql, values = plan.compile(asked._closed())
    result = await backend.asend(sql, values, True)
    return plan.tuples(result, [column.field for column in columns])


def _batches(rows: list[Row], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(rows), size):
        yield [row[0] if len(row) == 1 else row for row in rows[start : start + size]]


async def _achange(
    backend: StorageBackend, plan: Plan, keyring: Keyring, columns: Sequence[TableColumn], row: Row
) -> int:
    """Write those of the row's sealed values that the first key has not sealed; gives 1 where there were any."""
    count = len(plan.table.key)
    old = {column.field: sealed for column, sealed in zip(columns, row[count:], strict=True) if sealed is not None}
    stale = {field: sealed for field, sealed in old.items() if not keyring.is_current(bytes(sealed))}
    if not stale:
        return 0
    load, dump = plan.dicts_of(tuple(stale)), plan.dump_of(tuple(stale))
    values = dump(load([tuple(stale.values())])[0])
    names = [plan.dialect.quote(plan.table.by_field[field].name) for field in stale]
    keys = [plan.dialect.quote(column.name) for column in plan.table.key]
    changes = ", ".join(f"{name} = ?" for name in names)
    where = " AND ".join(f"{name} = ?" for name in [*keys, *names])
    sql = f"UPDATE {plan.source} SET {changes} WHERE {where}"
    result = await backend.asend(sql, (*values, *row[:count], *stale.values()), False)
    return min(result.affected_rows, 1)
