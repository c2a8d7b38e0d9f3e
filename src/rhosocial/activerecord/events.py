"""What happens around a record's saving and deleting, and who wants to know."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Any

from .blocking import is_blocking


class ModelEvent(Enum):
    """The moments at which handlers are called with ``(record, **details)``."""

    BEFORE_VALIDATE = "before_validate"
    AFTER_VALIDATE = "after_validate"
    BEFORE_SAVE = "before_save"
    AFTER_SAVE = "after_save"
    BEFORE_DELETE = "before_delete"
    AFTER_DELETE = "after_delete"


Handler = Callable[..., Any]
Handlers = dict[ModelEvent, tuple[Handler, ...]]


def added(handlers: Handlers | None, event: ModelEvent, handler: Handler) -> Handlers:
    """The handlers with one more at the end of its event; TypeError for what cannot be called."""
    if not callable(handler):
        raise TypeError(f"a handler must be callable, got {type(handler).__name__}")
    given = handlers or {}
    return given | {event: (*given.get(event, ()), handler)}


def removed(handlers: Handlers | None, event: ModelEvent, handler: Handler) -> Handlers:
    """The handlers without that one; one that is not there is no error."""
    given = handlers or {}
    return given | {event: tuple(h for h in given.get(event, ()) if h != handler)}


async def acall(hook: Handler, *args: Any, **kwargs: Any) -> Any:
    """Call a plain or async hook and give its result; an exception leaves as it is.

    An async hook works in the blocking face too unless it waits for an event loop: that is a RuntimeError naming it.
    """
    result = hook(*args, **kwargs)
    if not inspect.isawaitable(result):
        return result
    if not is_blocking():
        return await result
    return _stepped(result, getattr(hook, "__qualname__", repr(hook)))


def _stepped(awaitable: Any, name: str) -> Any:
    steps = awaitable.__await__()
    try:
        next(steps)
    except StopIteration as stop:
        return stop.value
    steps.close()
    raise RuntimeError(f"the async hook {name} waited for an event loop inside a blocking call; use the awaitable twin")
