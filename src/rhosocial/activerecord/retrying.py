"""A whole block of work done again where the database says that another attempt may succeed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from random import uniform
from typing import Any

from .backend.base import StorageBackend
from .backend.errors import CommitOutcomeUnknown, DatabaseError
from .blocking import asleep
from .events import acall

# Seconds before the second attempt, at most; twice as many before each further one, up to the limit.
FIRST_WAIT, LONGEST_WAIT = 0.02, 1.0


async def arun_block(backend: StorageBackend, work: Callable[..., Any], retries: int, *settings: Any) -> Any:
    """What `work` gives, done in a block of its own; again, up to `retries` times, after an error that calls for it.

    Inside an open block nothing is done again: what failed there is the whole of it.
    """
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        raise ValueError(f"retries must be a whole number from 0 on, got {retries!r}")
    takes_block = _takes_argument(work)
    left = 0 if backend.in_transaction else retries
    wait = FIRST_WAIT
    while True:
        try:
            async with backend.transaction(*settings) as block:
                return await acall(work, *([block] if takes_block else []))
        except DatabaseError as error:
            # Of a commit that may have arrived the work must not be done a second time.
            if left == 0 or isinstance(error, CommitOutcomeUnknown) or not backend.is_retryable(error):
                raise
        left -= 1
        # Callers that were in each other's way shall not meet again.
        await asleep(uniform(0, wait))
        wait = min(2 * wait, LONGEST_WAIT)


def _takes_argument(work: Any) -> bool:
    if not callable(work):
        raise TypeError(f"run_in_transaction takes a function, got {type(work).__name__}")
    try:
        parameters = inspect.signature(work).parameters.values()
    except ValueError:  # Some of C's functions do not tell.
        return False
    return any(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
