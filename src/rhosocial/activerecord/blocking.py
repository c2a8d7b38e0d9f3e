"""The blocking face of an awaitable core.

Every call that may touch a database is written once, as ``async def a…``.  A blocking caller gets the same code:
``run`` steps the coroutine with a single ``send``, and because every wait below asks ``is_blocking`` first and then
waits in the blocking way, the coroutine never suspends.
"""

from __future__ import annotations

import functools
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from types import FunctionType
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


_IDLE = object()


class _Face:
    """The event loop (None: no loop) under which `run` steps a coroutine in a thread; `_IDLE` while it does not."""

    __slots__ = ("loop",)

    def __init__(self) -> None:
        self.loop: Any = _IDLE


class _Thread(threading.local):
    def __init__(self) -> None:
        self.face = _Face()


_thread = _Thread()
_modules = sys.modules


def running_loop() -> Any:
    """The event loop that runs in this thread, or None; asyncio is not imported for the question."""
    events = _modules.get("asyncio.events")
    return None if events is None else events._get_running_loop()


def is_blocking() -> bool:
    """Whether the code that asks is being stepped by `run`, so that it must wait in the blocking way.

    A loop that was started below `run` (a hook that calls ``asyncio.run``) is awaiting code again, which is why the
    loop is kept and not only a mark.
    """
    return _thread.face.loop is running_loop()


async def asleep(seconds: float) -> None:
    """Wait for so long; other tasks go on meanwhile, where there are some."""
    if is_blocking():
        time.sleep(seconds)
    else:
        await _modules["asyncio"].sleep(seconds)  # Somebody runs the loop, so it is imported.


def run(coroutine: Coroutine[Any, Any, R]) -> R:
    """The coroutine's result, reached without suspending.

    Raises RuntimeError where the coroutine did suspend: something below it awaited what only an event loop can give,
    an async hook for instance.
    """
    face = _thread.face
    before = face.loop
    face.loop = running_loop()
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: R = stop.value
        return result
    finally:
        face.loop = before
    raise _suspended(coroutine)


def _suspended(coroutine: Coroutine[Any, Any, Any]) -> RuntimeError:
    coroutine.close()
    return RuntimeError(
        f"{getattr(coroutine, '__qualname__', coroutine)} waited for an event loop inside a blocking call; "
        "use the awaitable twin of the call (its name begins with 'a')"
    )


def blocking(
    core: Callable[Concatenate[S, P], Coroutine[Any, Any, R]],
    at_once: Callable[Concatenate[S, P], R | None] | None = None,
) -> Callable[Concatenate[S, P], R]:
    """The blocking face of an awaitable method: ``save = blocking(asave)``.

    `at_once` does in plain calls what `core` does where nobody has to wait; where it gives None, `core` is run.
    """

    @functools.wraps(core)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if at_once is not None and (done := at_once(self, *args, **kwargs)) is not None:
            return done
        # `run`, written out: every blocking call comes through here, and one call less is a tenth of its cost.
        coroutine = core(self, *args, **kwargs)
        face = _thread.face
        before = face.loop
        face.loop = running_loop()
        try:
            coroutine.send(None)
        except StopIteration as stop:
            result: R = stop.value
            return result
        finally:
            face.loop = before
        raise _suspended(coroutine)

    name = core.__name__
    call.__name__ = plain_name(name)
    call.__qualname__ = core.__qualname__.replace(name, call.__name__)
    call.__blocking_of__ = name  # type: ignore[attr-defined]  # read by renew_faces
    return call


def plain_name(name: str) -> str:
    """The blocking name of an awaitable one: ``asave`` gives ``save``, ``__aenter__`` gives ``__enter__``."""
    return "__" + name[3:] if name.startswith("__a") else name.removeprefix("a")


def renew_faces(cls: type) -> None:
    """Give a class the blocking face of each awaitable core that it, or a mixin of it, overrides.

    `blocking` captures the function it is given, so without this ``save`` would go on calling the base's ``asave``.
    Raises TypeError where a blocking name is overridden: the awaitable callers would not see that override.
    """
    nearest: dict[str, Any] = {}
    for base in cls.__mro__:
        for name, value in vars(base).items():
            nearest.setdefault(name, value)
            core_name = _core_name(value)
            if core_name is None:
                continue
            if not hasattr(nearest[name], "__blocking_of__"):
                raise TypeError(
                    f"{cls.__name__}.{name} overrides a blocking face: override {core_name}; {name} follows"
                )
    for name, face in nearest.items():
        core = nearest.get(_core_name(face) or "")
        if core is not None and core is not face.__wrapped__:
            setattr(cls, name, blocking(core))


def _core_name(value: Any) -> str | None:
    # Functions alone are asked: what else a class holds may answer any question, or begin to work when asked.
    return getattr(value, "__blocking_of__", None) if isinstance(value, FunctionType) else None
