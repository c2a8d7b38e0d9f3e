"""What happens around a record's saving and deleting, and who wants to know."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterable
from enum import Enum
from functools import partial
from typing import Any, Generic, TypeVar, overload

from .backend.hook import Hook, SubjectHook, arun_hooks
from .blocking import is_blocking


class ModelEvent(Enum):
    """The moments at which handlers are called with ``(record, **details)``."""

    BEFORE_VALIDATE = "before_validate"
    AFTER_VALIDATE = "after_validate"
    BEFORE_SAVE = "before_save"
    AFTER_SAVE = "after_save"
    BEFORE_INSERT = "before_insert"
    AFTER_INSERT = "after_insert"
    BEFORE_UPDATE = "before_update"
    AFTER_UPDATE = "after_update"
    BEFORE_DELETE = "before_delete"
    AFTER_DELETE = "after_delete"
    AFTER_LOAD = "after_load"
    AFTER_COMMIT = "after_commit"
    AFTER_ROLLBACK = "after_rollback"


Handler = Callable[..., Any]
Handlers = dict[ModelEvent, tuple[Handler, ...]]
H = TypeVar("H", bound=Handler)
T = TypeVar("T")

_changing = threading.Lock()


# 1 - Who is told


class OfClassAndRecord(Generic[T]):
    """An attribute that is made for the class where the class is asked, and for the record where a record is."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make

    def __get__(self, record: Any, model: Any = None) -> T:
        return self._make(model if record is None else record)


class On:
    """Adds handlers: ``User.on(event, handler)`` for all records of the class and its subclasses, ``user.on`` for one.

    A handler is called with ``(record, **details)`` and may be async.  Without a handler the call is a decorator:
    ``@User.on(ModelEvent.AFTER_INSERT)``.
    """

    __slots__ = ("_target",)

    def __init__(self, target: Any) -> None:
        self._target = target

    @overload
    def __call__(self, event: ModelEvent | str, handler: H) -> H: ...

    @overload
    def __call__(self, event: ModelEvent | str) -> Callable[[H], H]: ...

    def __call__(self, event: ModelEvent | str, handler: Any = None) -> Any:
        """Add the handler at the end of those of this event, and give it back; TypeError for what cannot be called."""
        event = ModelEvent(event)
        if handler is None:
            return partial(self, event)
        _check(event, handler)
        _change(self._target, lambda given: given | {event: (*given.get(event, ()), handler)})
        return handler


class Off:
    """Removes handlers: ``User.off(event, handler)`` what ``User.on`` added, ``user.off(…)`` what ``user.on`` added."""

    __slots__ = ("_target",)

    def __init__(self, target: Any) -> None:
        self._target = target

    def __call__(self, event: ModelEvent | str, handler: Handler) -> None:
        """Stop calling the handler; one that is not there is no error."""
        event = ModelEvent(event)
        _change(self._target, lambda given: given | {event: tuple(h for h in given.get(event, ()) if h != handler)})


def _check(event: ModelEvent, handler: Any) -> None:
    if not callable(handler):
        raise TypeError(f"a handler must be callable, got {type(handler).__name__}")
    if event is ModelEvent.AFTER_LOAD and inspect.iscoroutinefunction(handler):
        raise TypeError(f"a handler of AFTER_LOAD cannot be async: {_name(handler)} would have each row wait")


def _change(target: Any, change: Callable[[Handlers], Handlers]) -> None:
    """Change the handlers of a record or a class."""
    if not isinstance(target, type):
        target._put_aside("handlers", change(target._aside("handlers") or {}))
        return
    model: Any = target
    with _changing:
        model.__own_handlers__ = change(vars(model).get("__own_handlers__", {}))
        for each in (model, *derived_from(model)):
            inherit_handlers(each)


def inherit_handlers(model: Any) -> None:
    """Gather the handlers of a class, those of its bases first."""
    found: Handlers = {}
    for base in reversed(model.__mro__):
        for event, handlers in vars(base).get("__own_handlers__", {}).items():
            if handlers:
                found[event] = (*found.get(event, ()), *handlers)
    model.__handlers__ = found
    model.__hooked__ = bool(model.__hooks__ or found.keys() - {ModelEvent.AFTER_LOAD})
    model.__tell_loaded__ = tell_loaded if ModelEvent.AFTER_LOAD in found else None
    for table in model.__tables_made__.values():
        for plan in list(table.plans):  # What they decide once for all rows they decide again.
            plan.hear()


def derived_from(model: type[Any]) -> list[type[Any]]:
    """The subclasses of a class, and theirs."""
    return [heir for derived in model.__subclasses__() for heir in (derived, *derived_from(derived))]


def handlers_of(record: Any, event: ModelEvent) -> tuple[Handler, ...]:
    """Who is told of an event of this record: the handlers of its class, then its own, in the order of their adding."""
    own = record._aside("handlers")
    of_class: tuple[Handler, ...] = record.__handlers__.get(event, ())
    return of_class if own is None else of_class + own.get(event, ())


# 2 - Telling


async def atell(record: Any, event: ModelEvent, **details: Any) -> None:
    """Call the handlers one after the other; an exception of one leaves as it is, and the rest are not called."""
    for handler in handlers_of(record, event):
        await acall(handler, record, **details)


def tell_loaded(records: Iterable[Any]) -> None:
    """Call the handlers of AFTER_LOAD for each of these records."""
    for record in records:
        for handler in handlers_of(record, ModelEvent.AFTER_LOAD):
            result = handler(record)
            if inspect.isawaitable(result):
                if inspect.iscoroutine(result):
                    result.close()
                raise TypeError(f"a handler of AFTER_LOAD cannot be async: {_name(handler)} gave an awaitable")


async def acall(hook: Handler, *args: Any, **kwargs: Any) -> Any:
    """Call a plain or async hook and give its result; an exception leaves as it is.

    An async hook works in the blocking face too unless it waits for an event loop: that is a RuntimeError naming it.
    """
    result = hook(*args, **kwargs)
    if not inspect.isawaitable(result):
        return result
    if not is_blocking():
        return await result
    return _stepped(result, _name(hook))


def _name(hook: Handler) -> str:
    return getattr(hook, "__qualname__", repr(hook))


def _stepped(awaitable: Any, name: str) -> Any:
    steps = awaitable.__await__()
    try:
        next(steps)
    except StopIteration as stop:
        return stop.value
    steps.close()
    raise RuntimeError(f"the async hook {name} waited for an event loop inside a blocking call; use the awaitable twin")


# 3 - The ends of transactions


class EndOfChange(SubjectHook):
    """Tells of the end, `event`, of the transaction that has changed a record; `details` are given to the handlers."""

    __slots__ = ("_details", "_event")

    def __init__(self, record: Any, event: ModelEvent, details: dict[str, Any]) -> None:
        self.subject = record
        self._event = event
        self._details = details

    def following(self, earlier: Any) -> EndOfChange:
        """What is told of both: that a row was inserted, although it was updated too."""
        if (earlier._details["action"], self._details["action"]) != ("insert", "update"):
            return self
        return EndOfChange(self.subject, self._event, self._details | {"action": "insert"})

    def calls(self) -> list[Hook]:
        """One call for each handler, so that one that fails does not keep the others from being called."""
        handlers = handlers_of(self.subject, self._event)
        return [partial(acall, handler, self.subject, **self._details) for handler in handlers]


class Ends:
    """``async with Ends(record, backend) as ends``: a change of a record, whose handlers learn how its block ends.

    Outside a block the change is committed as soon as it is made: its handlers are called when this is left.
    """

    def __init__(self, record: Any, backend: Any) -> None:
        self._record = record
        self._backend = backend
        self._at_once: list[Hook] = []

    def note(self, action: str, key: Any) -> None:
        """Take note of what was done, "insert", "update" or "delete", to the row with this key."""
        record, details, block = self._record, {"action": action, "key": key}, self._backend.current_transaction
        if handlers_of(record, ModelEvent.AFTER_COMMIT):
            told = EndOfChange(record, ModelEvent.AFTER_COMMIT, details)
            self._at_once.append(told) if block is None else block.on_commit(told)
        if block is not None and handlers_of(record, ModelEvent.AFTER_ROLLBACK):
            block.on_rollback(EndOfChange(record, ModelEvent.AFTER_ROLLBACK, details))

    async def __aenter__(self) -> Ends:
        return self

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if self._at_once:
            await arun_hooks(self._at_once, error, "is committed")
