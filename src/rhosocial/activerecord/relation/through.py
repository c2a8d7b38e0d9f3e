"""The ways through other tables: along relations of the models in between, or over a table that only links."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..backend.errors import ConfigurationError
from ..backend.names import shown
from ..table import Table, nearest
from .relation import Relation
from .route import LinkTable, Step, checked_columns, key_fields
from .target import find_model, is_model_named

Through = str | Sequence[str] | type[Any]


def steps_through(relation: Relation[Any], through: Through, own: Table, target: Any, table: Table) -> list[Step]:
    """The steps of a relation that is declared with `through`.

    A name that is a relation of the model begins a path of relations; else it is a model's, else a table's.
    """
    if isinstance(through, type):
        steps = _over_model(relation, find_model(through, relation._home, relation.label), own, target, table)
    else:
        names = through.split(".") if isinstance(through, str) else list(through)
        if names[0] in relation.model.get_relations():
            steps = _along(relation, names, target)
        elif len(names) == 1 and is_model_named(names[0], relation._home):
            model = find_model(names[0], relation._home, relation.label)
            steps = _over_model(relation, model, own, target, table)
        elif isinstance(through, str):
            steps = _over_table(relation, through, own, target, table)
        else:
            known = relation.model.get_relations()
            raise ConfigurationError(
                f"{relation.label}: {own.model.__name__} has no relation {shown(names[0])}{nearest(names[0], known)}"
            )
    condition = relation._condition(table)
    if condition is None:
        return steps
    return [*steps[:-1], steps[-1].narrowed(condition)]


def _along(relation: Relation[Any], names: list[str], target: Any) -> list[Step]:
    model: Any = relation.model
    steps: list[Step] = []
    for place, name in enumerate(names, 1):
        hop = _relation_of(relation, model, name)
        if place == len(names) and target in hop.targets():  # It may lead to others too.
            return steps + list(hop.route_to(target).steps)
        steps += hop.route.steps
        model = hop.target
    if issubclass(model, target) or issubclass(target, model):
        return steps
    leading = [r for r in model.get_relations().values() if r is not relation and target in r.targets()]
    if len(leading) != 1:
        path, ways = ".".join(names), ", ".join(r.name for r in leading) or "no relation"
        raise ConfigurationError(
            f"{relation.label}: from {model.__name__} {ways} leads to {target.__name__}: write the whole path, "
            f"through='{path}.…'"
        )
    return steps + list(leading[0].route_to(target).steps)


def _relation_of(relation: Relation[Any], model: Any, name: str) -> Relation[Any]:
    known: dict[str, Relation[Any]] = model.get_relations()
    if name not in known or known[name] is relation:
        others = [other for other in known if known[other] is not relation]
        raise ConfigurationError(
            f"{relation.label}: {model.__name__} has no relation {shown(name)} to go through{nearest(name, others)}"
        )
    return known[name]


def _over_model(relation: Relation[Any], link: Any, own: Table, target: Any, table: Table) -> list[Step]:
    linking: Table = link.__table__
    here = checked_columns(own, key_fields(own), relation.label)
    there = checked_columns(table, key_fields(table), relation.label)
    to_own = relation.foreign_key or _key_to(link, relation.named_after, relation, "foreign_key")
    to_target = relation.target_key or _key_to(link, target, relation, "target_key")
    first = checked_columns(linking, to_own, relation.label)
    second = checked_columns(linking, to_target, relation.label)
    return _two_steps(relation, linking, here, first, second, table, there)


def _over_table(relation: Relation[Any], name: str, own: Table, target: Any, table: Table) -> list[Step]:
    here, there = key_fields(own), key_fields(table)
    first = _as_tuple(relation.foreign_key or guessed_name(relation.named_after))
    second = _as_tuple(relation.target_key or guessed_name(target))
    if set(first) & set(second):
        raise ConfigurationError(f"{relation.label} links {name} by {', '.join(first)} twice: give target_key too")
    types = {column: own.ref(key).type for column, key in zip(first, here, strict=False)}
    types |= {column: table.ref(key).type for column, key in zip(second, there, strict=False)}
    return _two_steps(relation, LinkTable(name, types), here, first, second, table, there)


def _two_steps(
    relation: Relation[Any],
    link: Table | LinkTable,
    here: tuple[str, ...],
    first: tuple[str, ...],
    second: tuple[str, ...],
    table: Table,
    there: tuple[str, ...],
) -> list[Step]:
    if len(here) != len(first) or len(second) != len(there):
        raise ConfigurationError(
            f"{relation.label}: {link.name} must point at all columns of both keys: give foreign_key and target_key as "
            f"tuples of {len(here)} and {len(there)}"
        )
    return [Step(here, link, first), Step(second, table, there)]


def _key_to(link: Any, model: Any, relation: Relation[Any], option: str) -> str | Sequence[str]:
    """The foreign key of the linking model that points at `model`, as its own relations say."""
    leading = [r for r in link.get_relations().values() if r.points_away and model in r.targets()]
    if len(leading) > 1:
        names = ", ".join(r.name for r in leading)
        raise ConfigurationError(f"{relation.label}: {names} of {link.__name__} lead there: give {option}")
    if leading:
        return leading[0].foreign_key or f"{leading[0].name}_id"
    return guessed_name(model)


def guessed_name(model: Any) -> str:
    """What a foreign key to the model is called where nothing else is said: ``blog_post_id``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", model.__name__)
    return f"{words.lower()}_id"


def _as_tuple(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
