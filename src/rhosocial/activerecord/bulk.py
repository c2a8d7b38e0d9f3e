"""Many records in few statements."""

from __future__ import annotations

from typing import Any

from .backend.base import StorageBackend
from .backend.errors import DatabaseError
from .plan import Plan
from .state import put_all_back, set_stored, stored_of


def check_batch(cls: type[Any], records: list[Any], batch_size: Any) -> None:
    """Refuse what is no list of new records of the class, each given once; DatabaseError before anything is sent."""
    if batch_size is not None and (isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1):
        raise DatabaseError(f"batch_size must be a whole number of at least 1, got {batch_size!r}")
    for record in records:
        if type(record) is not cls:
            raise DatabaseError(f"{cls.__name__}.bulk_create takes {cls.__name__} records, got {type(record).__name__}")
        if stored_of(record).__class__ is tuple:
            raise DatabaseError(f"bulk_create takes new records, but one {cls.__name__} is stored already")
    if len(set(map(id, records))) < len(records):
        raise DatabaseError(f"bulk_create takes each record once, but was given one {cls.__name__} twice")


async def insert_group(plan: Plan, backend: StorageBackend, fields: tuple[str, ...], records: list[Any]) -> None:
    """Insert records that give the same `fields` with one statement, and put keys and rows on them."""
    sql, sent = plan.bulk_insertion(fields, records)
    result = await backend.asend(sql, sent, plan.simple_key is not None and plan.simple_key not in fields)
    if (transaction := backend.current_transaction) is not None:
        transaction.undo(put_all_back(records, plan))
    for record, row in plan.bulk_rows(fields, records, sent, result):
        set_stored(record, row)
