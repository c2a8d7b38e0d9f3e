"""The records that came from one query know of each other, so that a relation is loaded for all of them at once."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

from .backend.gate import Gate
from .blocking import is_blocking, running_loop

# So many records are served by one read of a relation: more would hold the first of them up for the last.
MOST = 1_000


class Peers:
    """The records of one result, held weakly; `is_awaiting` says that an awaiting call loaded them.

    `policy` is what the query said about loading relations on reading, or None.
    """

    __slots__ = ("__weakref__", "_gates", "_places", "_references", "is_awaiting", "policy")

    def __init__(self, records: Iterable[Any], is_awaiting: bool, policy: str | None = None) -> None:
        self._references: list[weakref.ref[Any]] = list(map(weakref.ref, records))
        self.is_awaiting = is_awaiting
        self.policy = policy
        self._gates: dict[str, Gate] | None = None
        self._places: dict[str, int] | None = None

    def gate(self, name: str) -> Gate:
        """What lets one load of the relation `name` run at a time."""
        gates = self._gates
        if gates is None:
            gates = self._gates = self._gates or {}
        return gates.setdefault(name, Gate(1))

    def group(self, name: str, record: Any, is_waiting: Callable[[Any], bool]) -> tuple[list[Any], int]:
        """`record` and the living peers that are to be served with it, and the place to go on from.

        A list is mostly read in its order, so that each record is looked at once, however many reads it takes.
        """
        references = self._references
        place = (self._places or {}).get(name, 0)
        found = [record]
        while place < len(references) and len(found) < MOST:
            peer = references[place]()
            if peer is not None and peer is not record and is_waiting(peer):
                found.append(peer)
            place += 1
        return found, place

    def go_on(self, name: str, place: int) -> None:
        """Take note that all before `place` have been served."""
        if self._places is None:
            self._places = {}
        self._places[name] = place


def is_awaiting() -> bool:
    """Whether the code that asks was reached by an awaiting call."""
    return not is_blocking() and running_loop() is not None
