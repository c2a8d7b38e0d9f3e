"""What a record remembers beside its values: the row behind it, and the little that few records need."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from pydantic import BaseModel

from .backend.errors import DatabaseError, TransactionError

if TYPE_CHECKING:
    from .plan import Plan

S = TypeVar("S", bound="RecordState")

_weakly = weakref.ref


class RecordState(BaseModel):
    """The slots of a record, which copies and pickles of it carry.

    `_stored` is the row as it was loaded or last saved (a tuple), or, while the record is new, a copy of the values
    that construction validated (a dict).  `_others` is None or a dict: "handlers"; "accepted", the values that have
    passed validation but are not stored (`Plan.snapshot`); "doubtful", set after a commit of unknown outcome.
    """

    __slots__ = ("__weakref__", "_others", "_stored")

    if TYPE_CHECKING:  # To Pydantic an annotation is a private attribute, to checkers any but a ClassVar is a field.
        _others: ClassVar[Any]
        _stored: ClassVar[Any]

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


def put_back(record: Any, plan: Plan, values: dict[str, Any], stored: Any, aside: dict[str, Any] | None) -> PutBack:
    """What puts a record's key, newness, row and doubt back as they are now; the other arguments are its own."""
    field = plan.auto_key_field
    return PutBack((_weakly(record), plan, None if field is None else values.get(field), stored, aside))


def put_all_back(records: list[Any], plan: Plan) -> PutBackAll:
    """`put_back` for many records at once."""
    field, references = plan.auto_key_field, list(map(weakref.ref, records))
    keys = [None] * len(records) if field is None else [record.__dict__.get(field) for record in records]
    try:
        return PutBackAll(references, plan, keys, list(map(get_stored, records)), map(get_aside, records))
    except AttributeError:  # The slots of one of them were never set.
        return PutBackAll(references, plan, keys, list(map(stored_of, records)), map(aside_of, records))


class PutBack(tuple[Any, ...]):
    """Puts a record back as it was before a transaction changed it; holds it weakly.

    A tuple of reference, plan, key, row and the record's aside: a block that saves many records makes one for each.
    """

    __slots__ = ()

    def __call__(self) -> None:
        """Give the record key, newness and row of before; its other values stay, as validated ones."""
        record = self[0]()
        if record is not None:
            self._remember_accepted(record)
            self._restore(record)

    def doubt(self) -> None:
        """Called instead where nobody knows whether the commit arrived: the record may not be saved until refreshed."""
        record, stored = self[0](), self[3]
        if record is None:
            return
        if stored.__class__ is tuple and stored_of(record).__class__ is not tuple:
            self._restore(record)  # Deleted, perhaps: with its key again it can be looked for.
        record._put_aside("doubtful", True)

    def _restore(self, record: Any) -> None:
        _, plan, key, stored, aside = self
        if plan.auto_key_field is not None:
            vars(record)[plan.auto_key_field] = key
        set_stored(record, stored)
        record._put_aside("doubtful", None if aside is None else aside.get("doubtful"))

    def _remember_accepted(self, record: Any) -> None:
        plan, row, values = self[1], stored_of(record), vars(record)
        if row.__class__ is not tuple:
            return
        try:
            changed = plan.changed(values, row)
            record._put_aside("accepted", plan.snapshot(values, set(plan.fields).difference(changed)))
        except (DatabaseError, ValueError, TypeError, LookupError):
            return  # A value that cannot be compared has to pass validation again.


class PutBackAll:
    """`PutBack` for many records: what it needs is kept in columns, which are a fraction of as many objects."""

    __slots__ = ("_asides", "_keys", "_plan", "_references", "_stored")

    def __init__(
        self, references: list[Any], plan: Plan, keys: list[Any], stored: list[Any], asides: Iterable[Any]
    ) -> None:
        self._references = references
        self._plan = plan
        self._keys = keys
        self._stored = stored
        self._asides = list(asides)

    def __call__(self) -> None:
        """Put all of them back."""
        for one in self._each():
            one()

    def doubt(self) -> None:
        """Doubt all of them."""
        for one in self._each():
            one.doubt()

    def _each(self) -> Iterator[PutBack]:
        for reference, key, stored, aside in zip(self._references, self._keys, self._stored, self._asides, strict=True):
            yield PutBack((reference, self._plan, key, stored, aside))
