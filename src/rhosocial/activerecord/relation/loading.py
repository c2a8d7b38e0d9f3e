"""Loading a relation: for one record that is read, with its peers, or for many records that are given."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from ..backend.errors import RelationNotLoaded
from ..blocking import is_blocking, run, running_loop
from ..peers import Peers, is_awaiting
from ..state import link_all, peers_of
from .counting import acount, kept_count, slot
from .fetch import Modifier, afetch
from .policy import policy_for
from .route import Route, has_null

_LIBRARY = __name__.partition(".relation.")[0] + "."


def read(relation: Any, record: Any) -> Any:
    """The value of a relation as an attribute: what is at hand, else it is loaded as face and policy have it."""
    try:
        return relation.loaded(record)
    except KeyError:
        pass
    if relation.is_new(record) or has_null(relation.key_of(record)):
        relation.put(record, relation.nothing(record))
        return relation.loaded(record)
    peers = peers_of(record)
    policy = _policy_of_reading(relation, record, peers, "load")
    run(aload(relation, record, alone=policy == "one"))
    return relation.loaded(record)


def read_count(relation: Any, record: Any) -> int:
    """The number of related records: what is at hand, else it is counted as face and policy have it."""
    number = kept_count(relation, record)
    if number is not None:
        return number
    policy = _policy_of_reading(relation, record, peers_of(record), "count_of")
    return run(acount_for(relation, record, alone=policy == "one"))


async def acount_for(relation: Any, record: Any, alone: bool = False) -> int:
    """The number of related records, counted with that of the peers unless `alone` or it is at hand."""
    number = kept_count(relation, record)
    if number is not None:
        return number
    peers = peers_of(record)
    if alone or peers is None:
        await acount(relation, [record])
    else:
        name = slot(relation.name)
        group, place = peers.group(name, record, lambda peer: kept_count(relation, peer) is None)
        await acount(relation, group)
        peers.go_on(name, place)
    return kept_count(relation, record) or 0


def _policy_of_reading(relation: Any, record: Any, peers: Peers | None, call: str) -> str:
    """The policy for loading what is read; RelationNotLoaded where nothing may be loaded."""
    policy = policy_for(relation, record, None if peers is None else peers.policy)
    if policy == "raise":
        raise RelationNotLoaded(
            f"{relation.label} is not loaded, and the policy is to raise: load it with with_({relation.name!r}) in the "
            f"query, or by record.load({relation.name!r})"
        )
    if is_awaiting() if peers is None else peers.is_awaiting:
        raise RelationNotLoaded(
            f"{relation.label} is not loaded, and reading it cannot wait, as the awaiting call that gave the record "
            f"did: write await record.a{call}({relation.name!r}) first, or with_({relation.name!r}) in the query"
        )
    if policy == "warn":
        message = f"{relation.label} is loaded by reading it: with_({relation.name!r}) in the query loads it along"
        warnings.warn(message, stacklevel=_lines_up())
    return policy


def _lines_up() -> int:
    """How many calls above its caller the first one of other code is."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).startswith(_LIBRARY):
        frame, level = frame.f_back, level + 1
    return level


async def aload(relation: Any, record: Any, alone: bool = False) -> None:
    """Have the relation of `record` loaded, and with it that of its peers unless it is to be loaded `alone`.

    Callers that want the same of the same peers at once wait for the first of them, who loads for all.
    """
    if relation.is_loaded(record):
        return
    peers = peers_of(record)
    if alone or peers is None:
        await aload_many(relation, [record])
        return
    gate = peers.gate(relation.name)
    is_held = True
    if _may_wait(relation):
        await gate.aacquire()
    else:
        is_held = gate.try_acquire()
    try:
        if not relation.is_loaded(record):
            await _aload_group(relation, record, peers)
    finally:
        if is_held:
            gate.release()


async def _aload_group(relation: Any, record: Any, peers: Peers) -> None:
    def is_waiting(peer: Any) -> bool:
        return not relation.is_loaded(peer)

    group, place = peers.group(relation.name, record, is_waiting)
    await aload_many(relation, group)
    peers.go_on(relation.name, place)


def _may_wait(relation: Any) -> bool:
    """Whether it is safe to wait for another caller's load.

    Inside a transaction the connection is held that the other may be waiting for; and a blocking call inside an event
    loop would keep the task from running that it waits for.
    """
    if is_blocking() and running_loop() is not None:
        return False
    return all(model.__home__[0].contexts.current().transaction is None for model in relation.targets())


async def aload_many(relation: Any, records: Iterable[Any], modifier: Modifier | None = None) -> None:
    """Load the relation of these records in one statement for each table that it leads to.

    What a record has at hand stays, unless a `modifier` asks for something else.
    """
    waiting: dict[Route, dict[Any, list[tuple[Any, Any]]]] = {}
    nothing = []
    for record in records:
        if modifier is None and relation.is_loaded(record):
            continue
        route = None if relation.is_new(record) else relation.route_of(record.__dict__)
        key = None if route is None else route.get_key(record.__dict__)
        if route is None or has_null(key):
            nothing.append((record, relation.nothing(record), relation.key_of(record)))
        else:
            # The key of now: a foreign key that is changed while the load is under way outdates what it gives.
            waiting.setdefault(route, {}).setdefault(key, []).append((record, relation.key_of(record)))
    link_all(relation.name, nothing, again=modifier is not None)
    for route, owners in waiting.items():
        found = await afetch(route, list(owners), relation.order_by, modifier)
        give(relation, [(*owner, found.get(key, [])) for key, group in owners.items() for owner in group], modifier)


def give(relation: Any, found: Sequence[tuple[Any, Any, list[Any]]], modifier: Modifier | None = None) -> None:
    """Put at the hand of records what was found for them, and at theirs the record where a relation leads back to one.

    `found` are a record, its key, and what was found.
    """
    is_part, is_many = modifier is not None, relation.is_many
    entries = [(record, relation.one_of(record, related, is_part), key) for record, key, related in found]
    link_all(relation.name, entries, again=is_part)
    back = relation.inverse()
    if back is None or back.is_many:
        return
    pairs = [
        (other, record, back.key_of(other))
        for record, _, related in found
        for other in (related if is_many else related[:1])
    ]
    link_all(back.name, pairs)
