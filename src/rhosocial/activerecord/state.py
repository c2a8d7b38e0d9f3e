"""What a record remembers beside its values: the row behind it, and the little that few records need."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from pydantic import BaseModel

from .backend.errors import DatabaseError, TransactionError
from .peers import Peers, is_awaiting

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


class LinkedState(RecordState):
    """The slot of a record whose model has relations; the metaclass puts this class among the bases of such a model.

    `_links` is unset while nothing is known, the record's `Peers` once it is stored, or `Links`.  Copies and pickles
    keep the face and leave everything else behind.
    """

    __slots__ = ("_links",)

    def __init__(self, /, **data: Any) -> None:
        relations: dict[str, Any] = type(self).__relations__  # type: ignore[attr-defined]  # Of the model.
        if relations.keys().isdisjoint(data):
            super().__init__(**data)
            return
        given = {name: data.pop(name) for name in relations if name in data}
        for name, value in given.items():
            data = relations[name].completed(data, value)
        super().__init__(**data)
        for name, value in given.items():
            setattr(self, name, value)

    def __copy__(self) -> Self:
        return _with_face(super().__copy__(), self)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return _with_face(super().__deepcopy__(memo), self)

    def __getstate__(self) -> dict[Any, Any]:
        peers = peers_of(self)
        return super().__getstate__() | {"_is_awaiting": None if peers is None else peers.is_awaiting}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        given = dict(state)
        face = given.pop("_is_awaiting", None)
        super().__setstate__(given)
        if face is not None:
            set_links(self, Peers((self,), face))


class Links(dict[str, Any]):
    """The related records that one record has at hand: by the relation's name a pair of value and key.

    The key is what the record's own columns held when the value was put there; another one there now outdates it.
    """

    __slots__ = ("peers",)
    peers: Peers | None


_set_slot = LinkedState.__dict__["_links"].__set__
get_slot: Callable[[Any], Any] = LinkedState.__dict__["_links"].__get__
_linking = threading.RLock()


def _after_fork() -> None:
    # A thread that stayed behind in the parent may have held it.
    global _linking
    _linking = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def set_links(record: Any, links: Links | Peers) -> None:
    """Put `Links` or `Peers` into the record's slot."""
    try:
        _set_slot(record, links)
    except TypeError:  # The model has no slot for them: its relations were registered after its making.
        record._put_aside("links", links)


def _links_or_peers(record: Any) -> Any:
    try:
        return get_slot(record)
    except AttributeError:
        return None
    except TypeError:
        return record._aside("links")


def links_of(record: Any) -> Links | None:
    """What the record has at hand; None where that is nothing."""
    links = _links_or_peers(record)
    return links if links.__class__ is Links else None


def make_links(record: Any) -> Links:
    """What the record has at hand, to be added to."""
    found = links_of(record)
    if found is None:
        with _linking:  # Two threads that each made one would lose what the other puts into it.
            found = _links_made(record)
    return found


def link_all(name: str, entries: Iterable[tuple[Any, Any, Any]], again: bool = False) -> None:
    """Put a value and its key at the hand of many records; what one has by that key stays, unless `again`."""
    with _linking:
        for record, value, key in entries:
            links = _links_made(record)
            if again or name not in links or links[name][1] != key:
                links[name] = value, key


def _links_made(record: Any) -> Links:
    links = _links_or_peers(record)
    if links.__class__ is Links:
        found: Links = links
        return found
    made = Links()
    made.peers = links
    set_links(record, made)
    return made


def peers_of(record: Any) -> Peers | None:
    """The records that came with this one; None for one that was constructed and never saved."""
    links = _links_or_peers(record)
    peers: Peers | None = links.peers if links.__class__ is Links else links
    return peers


def join_peers(records: list[Any]) -> None:
    """Make the records of one result peers, which model has relations."""
    peers = Peers(records, is_awaiting())
    # A deque of length 0 drains the map in C.
    into = _set_slot if records and isinstance(records[0], LinkedState) else set_links
    deque(map(into, records, repeat(peers)), maxlen=0)


def settle(records: list[Any], is_awaiting: bool) -> None:
    """Make records that were constructed peers, once a call of that face has saved them; what is at hand stays."""
    peers = Peers(records, is_awaiting)
    for record in records:
        links = links_of(record)
        if links is None:
            set_links(record, peers)
        else:
            links.peers = peers


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


def _with_face(copied: S, original: Any) -> S:
    peers = peers_of(original)
    if peers is not None:
        set_links(copied, Peers((copied,), peers.is_awaiting))
    return copied


def put_back(record: Any, plan: Plan, values: dict[str, Any], stored: Any, aside: dict[str, Any] | None) -> PutBack:
    """What puts a record's key, newness, row and doubt back as they are now; the other arguments are its own."""
    field = plan.auto_key_field
    key = None if field is None else values.get(field)
    if plan.stamped_fields:
        return PutBack((_weakly(record), plan, key, stored, aside, _stamps_in(values, plan)))
    return PutBack((_weakly(record), plan, key, stored, aside))


def _stamps_in(values: dict[str, Any], plan: Plan) -> dict[str, Any]:
    return {field: values[field] for field in plan.stamped_fields if field in values}


def put_all_back(records: list[Any], plan: Plan) -> PutBackAll:
    """`put_back` for many records at once."""
    field, references = plan.auto_key_field, list(map(weakref.ref, records))
    keys = [None] * len(records) if field is None else [record.__dict__.get(field) for record in records]
    stamps = [_stamps_in(record.__dict__, plan) for record in records] if plan.stamped_fields else []
    try:
        return PutBackAll(references, plan, keys, list(map(get_stored, records)), map(get_aside, records), stamps)
    except AttributeError:  # The slots of one of them were never set.
        return PutBackAll(references, plan, keys, list(map(stored_of, records)), map(aside_of, records), stamps)


class PutBack(tuple[Any, ...]):
    """Puts a record back as it was before a transaction changed it; holds it weakly.

    A tuple of reference, plan, key, row, the record's aside, and, where saving stamps some fields, what they held: a
    block that saves many records makes one for each.
    """

    __slots__ = ()

    def __call__(self) -> None:
        """Give the record key, stamps, newness and row of before; its other values stay, as validated ones."""
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
        _, plan, key, stored, aside, *stamps = self
        for held in stamps:
            vars(record).update(held)
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

    __slots__ = ("_asides", "_keys", "_plan", "_references", "_stamps", "_stored")

    def __init__(
        self,
        references: list[Any],
        plan: Plan,
        keys: list[Any],
        stored: list[Any],
        asides: Iterable[Any],
        stamps: list[dict[str, Any]],
    ) -> None:
        self._references = references
        self._plan = plan
        self._keys = keys
        self._stored = stored
        self._asides = list(asides)
        self._stamps = stamps

    def __call__(self) -> None:
        """Put all of them back."""
        for one in self._each():
            one()

    def doubt(self) -> None:
        """Doubt all of them."""
        for one in self._each():
            one.doubt()

    def _each(self) -> Iterator[PutBack]:
        held: Iterable[dict[str, Any]] = self._stamps or repeat({}, len(self._keys))
        columns = self._references, self._keys, self._stored, self._asides, held
        for reference, key, stored, aside, stamps in zip(*columns, strict=True):
            yield PutBack((reference, self._plan, key, stored, aside, stamps))
