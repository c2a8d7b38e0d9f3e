"""The kinds of relations: which side holds the foreign key, and whether one record or many come back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Self, TypeVar, overload

from ..backend.errors import ConfigurationError
from ..table import Table
from .loading import read
from .members import Members
from .relation import Relation
from .route import Step, checked_columns

T = TypeVar("T")


class ToOne(Relation[T]):
    """A relation to one record or none."""

    @overload
    def __get__(self, record: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, record: object, owner: Any = None) -> T: ...
    def __get__(self, record: Any, owner: Any = None) -> Any:
        return self if record is None else read(self, record)

    def __set__(self, record: Any, value: T) -> None:
        self.assign(record, value)

    def assign(self, record: Any, value: Any) -> None:
        """Link the record to another one, in memory."""
        raise NotImplementedError

    def _check(self, value: Any) -> None:
        if value is not None and not isinstance(value, self.targets()):
            names = " or ".join(model.__name__ for model in self.targets())
            raise TypeError(f"{self.label} takes a {names} or None, got {type(value).__name__}")


class BelongsTo(ToOne[T]):
    """To the one record that this one's foreign key points at.

    ``author = BelongsTo["User"](foreign_key="user_id")``; without `foreign_key` it is the relation's name and ``_id``.
    The argument is what checkers take the attribute for: write ``BelongsTo["User | None"]`` where the key may be NULL.
    """

    points_away = True

    def _steps(self, own: Table, target: Any, table: Table) -> list[Step]:
        here = checked_columns(own, self.foreign_key or f"{self.name}_id", self.label)
        there = checked_columns(table, self.target_key or _key(table), self.label)
        return [Step(_paired(self, here, there), table, there, self._condition(table))]

    def _guess_inverse(self, relations: dict[str, Relation[Any]]) -> Relation[Any] | None:
        return _only(
            relation for relation in relations.values() if isinstance(relation, HasOne) and _mirrors(relation, self)
        )

    def assign(self, record: Any, value: Any) -> None:
        """Link the record to `value` and put that one's key into the foreign key; nothing is written before `save`."""
        self._check(value)
        step = self.route.steps[0]
        for here, there in zip(step.origin, step.columns, strict=True):
            key = None if value is None else value.__dict__[self.route.table.column(there).field]
            setattr(record, self.route.own.column(here).field, key)
        self.put(record, value)


class HasOne(ToOne[T]):
    """To the one record whose foreign key points at this one."""

    def _steps(self, own: Table, target: Any, table: Table) -> list[Step]:
        return _steps_to_child(self, own, target, table)

    def _guess_inverse(self, relations: dict[str, Relation[Any]]) -> Relation[Any] | None:
        return _only(r for r in relations.values() if isinstance(r, BelongsTo) and _mirrors(self, r))


class HasMany(Relation[T]):
    """To all records whose foreign key points at this one: ``posts = HasMany["Post"](foreign_key="user_id")``."""

    is_many = True

    @overload
    def __get__(self, record: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, record: object, owner: Any = None) -> Members[T]: ...
    def __get__(self, record: Any, owner: Any = None) -> Any:
        return self if record is None else read(self, record)

    def __set__(self, record: Any, value: Iterable[T]) -> None:
        raise NotImplementedError

    def _steps(self, own: Table, target: Any, table: Table) -> list[Step]:
        return _steps_to_child(self, own, target, table)

    def _guess_inverse(self, relations: dict[str, Relation[Any]]) -> Relation[Any] | None:
        return _only(r for r in relations.values() if isinstance(r, BelongsTo) and _mirrors(self, r))

    def nothing(self, record: Any) -> Any:
        return Members(self, record)

    def one_of(self, record: Any, found: list[Any]) -> Any:
        return Members(self, record, found)


def _steps_to_child(relation: Relation[Any], own: Table, target: Any, table: Table) -> list[Step]:
    foreign = relation.foreign_key
    if foreign is None and relation.inverse_of is not None:
        back = relation.inverse()
        foreign = None if back is None else back.foreign_key
    there = checked_columns(table, foreign or f"{_snake(own.model.__name__)}_id", relation.label)
    here = checked_columns(own, relation.target_key or _key(own), relation.label)
    return [Step(_paired(relation, here, there), table, there, relation._condition(table))]


def _key(table: Table) -> tuple[str, ...]:
    return tuple(column.field for column in table.key)


def _paired(relation: Relation[Any], here: tuple[str, ...], there: tuple[str, ...]) -> tuple[str, ...]:
    if len(here) != len(there):
        raise ConfigurationError(
            f"{relation.label} links {len(here)} column(s), {', '.join(here)}, to {len(there)}, {', '.join(there)}: "
            "give foreign_key and target_key as tuples of one length"
        )
    return here


def _mirrors(child: Relation[Any], parent: Relation[Any]) -> bool:
    """Whether `parent`, a BelongsTo, goes the way of `child` back."""
    if len(parent.targets()) > 1 or not issubclass(child.model, parent.target) or child.conditions is not None:
        return False
    there, back = child.route, parent.route
    if not there.is_direct:
        return False
    names = [there.table.column(name).name for name in there.steps[0].columns]
    keys = [there.own.column(name).name for name in there.steps[0].origin]
    return names == [back.own.column(name).name for name in back.steps[0].origin] and keys == [
        back.table.column(name).name for name in back.steps[0].columns
    ]


def _only(found: Iterable[Relation[Any]]) -> Relation[Any] | None:
    relations = list(found)
    return relations[0] if len(relations) == 1 else None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
