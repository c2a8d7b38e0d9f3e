"""What is called when a transaction ends."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from ..blocking import is_blocking, run

log = logging.getLogger("activerecord")
Hook = Callable[[], Any]


def undo_all(undo: list[Hook], start: int = 0) -> None:
    """Call the hooks from `start` on, last first, and drop them."""
    while len(undo) > start:
        undo.pop()()


async def arun_hooks(hooks: list[Hook], error: BaseException | None, what: str) -> None:
    """Run all of them, whatever one raises; their errors come together, or, after an `error`, into the log."""
    errors: list[Exception] = []
    for hook in hooks:
        try:
            result = hook()
            if inspect.isawaitable(result):
                await _awaited(result)
        except Exception as raised:  # noqa: BLE001  # All hooks run, whatever one of them raises.
            errors.append(raised)
    if errors and error is None:
        raise ExceptionGroup(f"the transaction {what}, but {len(errors)} of its hooks failed", errors)
    for failure in errors:
        log.error("a hook failed after a transaction %s", what, exc_info=failure)


async def _awaited(result: Awaitable[Any]) -> Any:
    if is_blocking() and isinstance(result, Coroutine):
        # Stepped on its own, so that an error about waiting names the hook and not the call around it.
        return run(result)
    return await result
