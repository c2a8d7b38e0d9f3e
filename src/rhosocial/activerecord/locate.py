"""Which row of a call for many has broken a constraint, where neither the engine nor the rows themselves tell."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from .backend.base import StorageBackend
from .backend.errors import IntegrityError
from .given import at_row


class _Tried(Exception):
    """Ends a block that was for trying only."""


async def aname_row(
    backend: StorageBackend,
    error: IntegrityError,
    records: list[Any],
    write: Callable[[list[Any]], Awaitable[None]],
    among: Sequence[Any] = (),
) -> IntegrityError:
    """The error with the row that it is about, found by writing halves of the rows again and undoing them.

    The row's place is that among the rows of the call, where those are others.  As it is where it cannot be known: the
    engine has no savepoints, or the row passes now.  All has been rolled back before.
    """
    row = error.row
    if row is None:
        block = backend.current_transaction
        usable = backend.dialect.supports_savepoints if block is None else block.is_active and block.can_nest
        row = await _afind(backend, records, write) if usable else None
        if row is not None and among:
            row = next(place for place, other in enumerate(among) if other is records[row])
    named: IntegrityError = error if row is None else at_row(error, row)
    return named


async def _afind(
    backend: StorageBackend, records: list[Any], write: Callable[[list[Any]], Awaitable[None]]
) -> int | None:
    first, end = 0, len(records)
    found: int | None = None
    try:
        async with backend.transaction():
            while first < end:
                middle = max(first + 1, (first + end) // 2)
                if await _apasses(backend, write, records[first:middle]):
                    first = middle
                elif middle - first == 1:
                    found = first
                    break
                else:
                    end = middle
            raise _Tried
    except _Tried:
        return found


async def _apasses(backend: StorageBackend, write: Callable[[list[Any]], Awaitable[None]], records: list[Any]) -> bool:
    try:
        async with backend.transaction():
            await write(records)
    except IntegrityError:
        return False
    return True
