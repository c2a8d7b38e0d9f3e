"""What a record remembers beside its values: the row behind it, and the little that few records need."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pydantic import BaseModel

from .backend.errors import DatabaseError, TransactionError

if TYPE_CHECKING:
    from .plan import Plan

S = TypeVar("S", bound="RecordState")


class RecordState(BaseModel):
    """The slots of a record, which copies and pickles of it carry.

    `_stored` is the row as it was loaded or last saved (a tuple), or, while the record is new, a copy of the values
    that construction validated (a dict).  `_others` is None or a dict: "handlers"; "accepted", the values that have
    passed validation but are not stored (`Plan.snapshot`); "doubtful", set after a commit of unknown outcome.
    """

    __slots__ = ("__weakref__", "_others", "_stored")

    def __copy__(self) -> Self:
        return _with_state(super().__copy__(), self)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return _with_state(super().__deepcopy__(memo), self)

    def __getstate__(self) -> dict[Any, Any]:
        return super().__getstate__() | {"_stored": stored_of(self), "_doubtful": self._aside("doubtful")}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        given = dict(state)
        set_stored(self, given.pop("_stored", None))
        set_aside(self, None)
        self._put_aside("doubtful", given.pop("_doubtful", None))
        super().__setstate__(given)

    @property
    def model_fields_set(self) -> set[str]:
        """The names of the fields that were given; a loaded record was given all of its row."""
        own = set(self.__pydantic_fields_set__)
        object.__setattr__(self, "__pydantic_fields_set__", own)  # Loaded records share one set until it is asked for.
        return own

    @property
    def is_new_record(self) -> bool:
        """Whether no row stands behind this record yet, or any more."""
        return stored_of(self).__class__ is not tuple

    @property
    def is_from_db(self) -> bool:
        """Whether a row stands behind this record."""
        return not self.is_new_record

    def _aside(self, name: str) -> Any:
        aside = aside_of(self)
        return None if aside is None else aside.get(name)

    def _put_aside(self, name: str, value: Any) -> None:
        aside = aside_of(self)
        if value is not None:
            set_aside(self, (aside or {}) | {name: value})
        elif aside is not None and name in aside:
            set_aside(self, {n: v for n, v in aside.items() if n != name} or None)

    def _refuse_doubtful(self) -> None:
        if self._aside("doubtful") is not None:
            raise TransactionError(f"nobody knows whether this {type(self).__name__} was committed: refresh it first")


set_stored = RecordState.__dict__["_stored"].__set__
set_aside = RecordState.__dict__["_others"].__set__
get_stored: Callable[[Any], Any] = RecordState.__dict__["_stored"].__get__
get_aside: Callable[[Any], Any] = RecordState.__dict__["_others"].__get__


def stored_of(record: Any) -> Any:
    """The row or the baseline of a record; None for one that `model_construct` made, of which nothing is validated."""
    try:
        return get_stored(record)
    except AttributeError:  # The slots were never set.
        return None


def aside_of(record: Any) -> dict[str, Any] | None:
    """The dict of `_others`, or None."""
    try:
        aside: dict[str, Any] | None = get_aside(record)
        return aside
    except AttributeError:
        return None


def _with_state(copied: S, original: RecordState) -> S:
    # Handlers were added to the original alone, and stay there.
    set_stored(copied, stored_of(original))
    set_aside(copied, None)
    copied._put_aside("doubtful", original._aside("doubtful"))
    return copied


class PutBack:
    """Puts one record back as it was, when the transaction that changed it is rolled back; holds it weakly."""

    __slots__ = ("_doubtful", "_key", "_plan", "_record", "_stored")

    def __init__(self, record: Any, plan: Plan) -> None:
        self._record = weakref.ref(record)
        self._plan = plan
        self._key = None if plan.auto_key_field is None else vars(record).get(plan.auto_key_field)
        self._stored = stored_of(record)
        self._doubtful = record._aside("doubtful")

    def __call__(self) -> None:
        """Give the record its key, newness and row of before; its other values stay, as validated ones."""
        record = self._record()
        if record is not None:
            self._remember_accepted(record)
            self._restore(record)

    def doubt(self) -> None:
        """Called instead where nobody knows whether the commit arrived: the record may not be saved until refreshed."""
        record = self._record()
        if record is None:
            return
        if self._stored.__class__ is tuple and stored_of(record).__class__ is not tuple:
            self._restore(record)  # Deleted, perhaps: with its key again it can be looked for.
        record._put_aside("doubtful", True)

    def _restore(self, record: Any) -> None:
        if self._plan.auto_key_field is not None:
            vars(record)[self._plan.auto_key_field] = self._key
        set_stored(record, self._stored)
        record._put_aside("doubtful", self._doubtful)

    def _remember_accepted(self, record: Any) -> None:
        row, values = stored_of(record), vars(record)
        if row.__class__ is not tuple:
            return
        try:
            changed = self._plan.changed(values, row)
            record._put_aside("accepted", self._plan.snapshot(values, set(self._plan.fields).difference(changed)))
        except (DatabaseError, ValueError, TypeError, LookupError):
            return  # A value that cannot be compared has to pass validation again.
