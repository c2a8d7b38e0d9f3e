"""What a query loads along with its records: relations by dotted paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..backend.errors import QueryError
from ..backend.names import shown
from ..backend.statement import Select
from ..plan import Plan
from ..state import peers_of
from ..table import nearest
from .counting import acount
from .fetch import Modifier
from .joining import Joined, check_joins
from .loading import aload, aload_many
from .relation import Relation


class Branch:
    """One relation of a path: how its query is modified, and what is loaded of the related records in turn."""

    __slots__ = ("children", "modifier")

    def __init__(self, modifier: Modifier | None = None, children: dict[str, Branch] | None = None) -> None:
        self.modifier = modifier
        self.children = children or {}


class Loads:
    """What a query loads along with its records, and the policy for what it does not.  Never changed in place."""

    __slots__ = ("branches", "counts", "joins", "policy")

    def __init__(
        self,
        branches: dict[str, Branch] | None = None,
        joins: tuple[tuple[str, ...], ...] = (),
        counts: tuple[str, ...] = (),
        policy: str | None = None,
    ) -> None:
        self.branches = branches or {}
        self.joins = joins
        self.counts = counts
        self.policy = policy

    def adding(self, model: Any, given: Iterable[Any]) -> Loads:
        """These and those of further paths; QueryError where a path names no relation."""
        branches = self.branches
        for path, modifier in _paths(given):
            names = path.split(".")
            check_path((model,), names, path)
            branches = _grown(branches, names, modifier)
        return Loads(branches, self.joins, self.counts, self.policy)

    def joining(self, model: Any, given: Iterable[Any]) -> Loads:
        """These and those of further paths that a join can follow; QueryError where it cannot."""
        joins = list(self.joins)
        for path, modifier in _paths(given):
            names = tuple(path.split("."))
            check_path((model,), list(names), path)
            if modifier is not None:
                raise QueryError(
                    f"{shown(path)} is loaded by a join, which has no query of its own: leave out join=True"
                )
            check_joins(model, names)
            joins += [names[:end] for end in range(1, len(names) + 1) if names[:end] not in joins]
        return Loads(self.branches, tuple(joins), self.counts, self.policy)

    def counting(self, model: Any, names: Iterable[str]) -> Loads:
        """These and the numbers of related records."""
        for name in names:
            check_path((model,), [name], name)
        return Loads(self.branches, self.joins, tuple(dict.fromkeys((*self.counts, *names))), self.policy)

    def by_policy(self, policy: str) -> Loads:
        """These, with another policy."""
        return Loads(self.branches, self.joins, self.counts, policy)

    def load(self, plan: Plan, rows: list[tuple[Any, ...]]) -> list[Any]:
        """The records of the query's rows, with what joins have brought."""
        return Joined(self.joins, plan).load(rows) if self.joins else plan.load(rows)

    def is_fixed(self, model: Any) -> bool:
        """Whether the default scopes of what the joins lead to are always the same."""
        scopes = [table.scopes for path in self.joins for table in _tables_of(model, path)]
        return all(scope is None or scope.is_fixed for scope in scopes)

    def extended(self, plan: Plan, select: Select, source: Any) -> Select:
        """The SELECT of a query of `source`, the plan's table or another name of it, with the joins."""
        return Joined(self.joins, plan).extended(select, source) if self.joins else select

    async def aapply(self, records: list[Any]) -> None:
        """Load for all records together, and tell them the policy."""
        if not records:
            return
        for group in by_class(records) if self.policy is not None else ():
            if (peers := peers_of(group[0])) is not None:
                peers.policy = self.policy
        await apreload(records, self.branches)
        for name in self.counts:
            for group in by_class(records):
                await acount(type(group[0]).get_relations()[name], group)


def _paths(given: Iterable[Any]) -> list[tuple[str, Modifier | None]]:
    """Pairs of path and modifier, which may be given as pairs or one after the other."""
    out: list[tuple[str, Modifier | None]] = []
    for item in given:
        if isinstance(item, str):
            out.append((item, None))
        elif isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str) and callable(item[1]):
            out.append((item[0], item[1]))
        elif callable(item) and out and out[-1][1] is None:
            out[-1] = (out[-1][0], item)
        else:
            raise QueryError(
                f"with_ takes names of relations and functions of their queries, got {type(item).__name__}"
            )
    return out


def _tables_of(model: Any, path: Iterable[str]) -> Iterator[Any]:
    for name in path:
        model = model.get_relations()[name].target
        yield model.__table__


def check_path(models: Iterable[Any], names: list[str], path: str) -> None:
    """Refuse a path that names no relation, with the nearest name."""
    if not names:
        return
    known = {name: relation for model in models for name, relation in model.get_relations().items()}
    if names[0] not in known:
        owners = " and ".join(model.__name__ for model in models)
        of_path = "" if names[0] == path else f" of the path {shown(path)}"
        raise QueryError(f"{owners} has no relation {shown(names[0])}{of_path}{_nearest(names[0], known)}")
    following = [model.get_relations()[names[0]] for model in models if names[0] in model.get_relations()]
    check_path([target for relation in following for target in relation.targets()], names[1:], path)


def _nearest(name: str, known: dict[str, Any]) -> str:
    return nearest(name, known) if known else "; it has none"


def _grown(branches: dict[str, Branch], names: list[str], modifier: Modifier | None) -> dict[str, Branch]:
    first, rest = names[0], names[1:]
    old = branches.get(first, Branch())
    if rest:
        return branches | {first: Branch(old.modifier, _grown(old.children, rest, modifier))}
    return branches | {first: Branch(modifier or old.modifier, old.children)}


async def apreload(records: Iterable[Any], branches: dict[str, Branch]) -> None:
    """Load the relations of these records, one statement for each, and in turn those of what they lead to."""
    for group in by_class(records):
        for name, branch in branches.items():
            relation: Relation[Any] | None = type(group[0]).get_relations().get(name)
            if relation is None:  # One of the classes of a relation to several.
                continue
            await aload_many(relation, group, branch.modifier)
            if branch.children:
                await apreload(related_to(relation, group), branch.children)


def by_class(records: Iterable[Any]) -> list[list[Any]]:
    """The records in groups of one class."""
    groups: dict[type[Any], list[Any]] = {}
    for record in records:
        groups.setdefault(type(record), []).append(record)
    return list(groups.values())


def related_to(relation: Relation[Any], records: Iterable[Any]) -> list[Any]:
    """All records that these have at hand, each once."""
    found: dict[int, Any] = {}
    for record in records:
        value = relation.loaded(record)
        for other in value if relation.is_many else (value,):
            if other is not None:
                found[id(other)] = other
    return list(found.values())


async def aload_path(record: Any, names: list[str]) -> None:
    """Load a path for one record, at each step with the peers of the records that are reached."""
    relation = type(record).get_relations()[names[0]]
    await aload(relation, record)
    if len(names) > 1:
        for other in related_to(relation, [record]):
            if names[1] in type(other).get_relations():
                await aload_path(other, names[1:])
