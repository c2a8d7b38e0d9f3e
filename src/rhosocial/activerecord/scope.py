"""Default scopes: conditions that every question about a model carries until it is told to leave them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from .backend.errors import ConfigurationError, QueryError
from .backend.expression import Expression
from .backend.names import shown
from .backend.statement import Select, and_
from .backend.subquery import DerivedTable
from .table import Columns, nearest

# Given the columns of the table, by whatever name it stands in the statement, what its rows must meet; None: nothing.
Condition = Callable[[Columns], Expression | None]


@dataclass(frozen=True, slots=True)
class Fixed:
    """A condition that is always the same, so that it may be compiled once; any other is asked for each time."""

    ask: Condition

    def __call__(self, columns: Columns) -> Expression | None:
        """The condition for these columns."""
        return self.ask(columns)


@dataclass(frozen=True, slots=True)
class Scopes:
    """The default scopes of one table by name, and those that every query keeps.  Never empty, never changed."""

    by_name: Mapping[str, Condition]
    kept: tuple[Condition, ...] = ()

    @property
    def is_fixed(self) -> bool:
        """Whether the condition is always the same."""
        return all(isinstance(condition, Fixed) for condition in (*self.by_name.values(), *self.kept))

    def condition(self, source: Any) -> Expression | None:
        """What the rows of `source`, the table or another name of it, must meet."""
        columns = Columns(source)
        return and_(*[_asked(name, c, columns) for name, c in self.by_name.items()], *[c(columns) for c in self.kept])

    def replacing(self, name: str, condition: Condition) -> Scopes:
        """The scopes with another condition under that name."""
        return Scopes({**self.by_name, name: condition}, self.kept)

    def without(self, names: Sequence[str]) -> Scopes | None:
        """The scopes without those named, without any that can be left out where none is named; None: no scope."""
        left = {name: c for name, c in self.by_name.items() if names and name not in names}
        return made_scopes(left, self.kept)


def _asked(name: str, condition: Condition, columns: Columns) -> Expression | None:
    asked: Any = condition(columns)
    if asked is not None and not isinstance(asked, Expression):
        raise QueryError(f"the default scope {name!r} must give a condition or None, got {type(asked).__name__}")
    return asked


def made_scopes(by_name: Mapping[str, Condition], kept: tuple[Condition, ...] = ()) -> Scopes | None:
    """These as `Scopes`; None where there are none."""
    return Scopes(by_name, kept) if by_name or kept else None


def default_scopes(model: Any) -> dict[str, Condition]:
    """What the model and the classes before it declare; a subclass takes one back by giving None for it."""
    found: dict[str, Condition | None] = {}
    for base in reversed(model.__mro__):
        declared: Any = vars(base).get("__default_scopes__", {})
        if not isinstance(declared, Mapping):
            raise _wrong(base, declared)
        for name, condition in dict(declared).items():
            if not isinstance(name, str) or not (condition is None or callable(condition)):
                raise _wrong(base, condition)
            found[name] = cast("Condition | None", condition)
    return {name: condition for name, condition in found.items() if condition is not None}


def _wrong(model: Any, given: Any) -> ConfigurationError:
    return ConfigurationError(
        f"{model.__name__}.__default_scopes__ takes functions of the columns by name, "
        f"{{'published': lambda c: c.published == True}}, got {type(given).__name__}"
    )


def scopes_without(source: Any, scopes: Scopes | None, names: Sequence[str]) -> Scopes | None:
    """The `scopes` of a question of `source` without those named, or without all; QueryError for an unknown name."""
    known = () if source.scopes is None else source.scopes.by_name
    for name in names:
        if name not in known:
            model = source.model.__name__
            near = nearest(str(name), known) if known else "; it has none"
            raise QueryError(f"{model} has no default scope {shown(name)}{near}")
    return None if scopes is None else scopes.without(names)


def scope_of(source: Any) -> Expression | None:
    """What the default scopes of a table, or another name of it, ask of its rows; None for nothing."""
    return None if source.scopes is None else source.scopes.condition(source)


def in_scope(select: Select, source: Any, scopes: Scopes | None) -> Select:
    """The SELECT with the scopes of its source, and those of the tables that it joins."""
    joins = tuple([getattr(join, "in_scope", join) for join in select.joins])
    condition = None if scopes is None else scopes.condition(source)
    if condition is None:
        return select.replace(joins=joins) if joins else select
    if any(join.kind in ("RIGHT JOIN", "FULL JOIN") for join in joins):
        # A condition on the whole would take away the rows of the other side that have no partner.
        return select.replace(joins=joins, source=narrowed(source, condition))
    return select.replace(joins=joins, where=and_(condition, select.where))


def narrowed(source: Any, condition: Expression) -> DerivedTable:
    """The rows of `source` that meet a condition, under its name, as they stand in FROM."""
    return DerivedTable(Select(source.select_list, source.source()).replace(where=condition), source.name)
