"""What is called when a transaction ends."""

from __future__ import annotations

import inspect
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from ..blocking import is_blocking, run

log = logging.getLogger("activerecord")
Hook = Callable[[], Any]


class SubjectHook(ABC):
    """A hook that stands for an object: of several for one, the last is called, in the place of the first."""

    __slots__ = ("subject",)
    subject: Any

    @abstractmethod
    def following(self, earlier: Any) -> SubjectHook:
        """The hook to call in the place of `earlier`, of the same object, and of this one."""

    @abstractmethod
    def calls(self) -> list[Hook]:
        """What is called in the end."""

    def __call__(self) -> None:
        """A hook can be called; what calls it asks for `calls` instead."""
        raise NotImplementedError


def undo_all(undo: list[Hook], start: int = 0) -> None:
    """Call the hooks from `start` on, last first, and drop them."""
    while len(undo) > start:
        undo.pop()()


async def arun_hooks(hooks: list[Hook], error: BaseException | None, what: str) -> None:
    """Run all of them, whatever one raises; their errors come together, or, after an `error`, into the log."""
    errors: list[Exception] = []
    for hook in _settled(hooks):
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


def _settled(hooks: list[Hook]) -> list[Hook]:
    """The hooks to call, one for each subject."""
    found: list[Any] = []
    places: dict[int, int] = {}
    for hook in hooks:
        if isinstance(hook, SubjectHook) and (place := places.setdefault(id(hook.subject), len(found))) < len(found):
            found[place] = hook.following(found[place])
        else:
            found.append(hook)
    return [call for hook in found for call in (hook.calls() if isinstance(hook, SubjectHook) else (hook,))]


async def _awaited(result: Awaitable[Any]) -> Any:
    if is_blocking() and isinstance(result, Coroutine):
        # Stepped on its own, so that an error about waiting names the hook and not the call around it.
        return run(result)
    return await result
