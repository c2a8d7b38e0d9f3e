"""A caller's own Pydantic class as the plan of a query: which columns it asks for, and what of which relations."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel, TypeAdapter
from pydantic import ValidationError as PydanticValidationError
from pydantic.fields import FieldInfo

from .backend.errors import ConfigurationError, QueryError, RecordNotFound, ValidationError
from .blocking import blocking
from .page import Page
from .relation.fetch import afetch
from .relation.preload import Branch
from .relation.relation import Relation
from .relation.route import Route, has_null
from .rows import Row
from .table import nearest

C = TypeVar("C")
Values = dict[str, Any]

# What a card may hold several related ones in.
_MANY = (list, tuple, set, frozenset, Sequence, Iterable)


class Shape:
    """What one card class asks of one model.

    `columns` and `nested` go by the name under which Pydantic takes the value.
    """

    __slots__ = ("card", "columns", "nested")

    def __init__(self, card: Any, model: Any, outer: tuple[Any, ...] = ()) -> None:
        self.card = card
        if (card, model) in outer:
            raise ConfigurationError(f"{card.__name__} holds itself: a query cannot follow it without an end")
        self.columns: dict[str, str] = {}
        self.nested: dict[str, Nested] = {}
        relations, fields = model.get_relations(), model.__table__.reading.by_field
        for name, field in card.model_fields.items():
            taken = _taken_as(card, name, field)
            asked = name if name in relations or name in fields else taken
            if asked in relations:
                self.nested[taken] = Nested(card, name, field, relations[asked], (*outer, (card, model)))
            elif asked in fields:
                self.columns[taken] = asked
            elif field.is_required():
                known = nearest(name, (*fields, *relations))
                raise ConfigurationError(f"{card.__name__}.{name}: {model.__name__} has no such field{known}")

    def fields(self) -> list[str]:
        """The model's fields that are to be read: those of the card, and those that lead to what it nests."""
        linking = [field for nested in self.nested.values() for field in nested.linking()]
        return list(dict.fromkeys((*self.columns.values(), *linking)))

    async def acomplete(self, rows: Iterable[Values], branches: Mapping[str, Branch]) -> list[Values]:
        """What Pydantic makes cards of, out of rows by field: with what is nested, one statement for each relation."""
        given = list(rows)
        cards = [{taken: row[field] for taken, field in self.columns.items()} for row in given]
        for taken, nested in self.nested.items():
            branch = branches.get(nested.relation.name) or Branch()
            for card, value in zip(cards, await nested.aread(given, branch), strict=True):
                card[taken] = value
        return cards


class Nested:
    """A relation that a card class has a field for, and what is asked of its target, or of each of several."""

    __slots__ = ("_cards", "_shapes", "relation")

    def __init__(self, card: Any, name: str, field: FieldInfo, relation: Relation[Any], outer: tuple[Any, ...]) -> None:
        self.relation = relation
        cards, is_many = _cards_in(field.annotation)
        if not cards:
            raise ConfigurationError(
                f"{card.__name__}.{name} is the relation {relation.label}: it takes a Pydantic class"
            )
        if is_many is not relation.is_many:
            shown = " | ".join(inner.__name__ for inner in cards)
            wanted = f"list[{shown}]" if relation.is_many else f"{shown} | None"
            raise ConfigurationError(f"{card.__name__}.{name}: {relation.label} gives {wanted}")
        chosen = _chosen(cards, relation.targets(), f"{card.__name__}.{name}", outer)
        self._shapes = {model: shape for model, (_, shape) in chosen.items()}
        # Of several classes Pydantic would take the one that fits best; here the model says which it is.
        self._cards: dict[Any, TypeAdapter[list[Any]]] = {
            model: TypeAdapter(list[inner])  # type: ignore[valid-type]  # Built at run time.
            for model, (inner, _) in chosen.items()
            if len(cards) > 1
        }

    def linking(self) -> list[str]:
        """The fields of the record that the relation starts from."""
        own = self.relation.model.__table__
        return [own.column(name).field for name in self.relation.own_columns()]

    async def aread(self, rows: list[Values], branch: Branch) -> list[Any]:
        """For each row what its card is to hold, read for all rows in one statement for each model."""
        ways: list[tuple[Route | None, Any]] = []
        wanted: dict[Route, dict[Any, None]] = {}
        for row in rows:
            route = self.relation.route_of(row)
            key = None if route is None else route.get_key(row)
            ways.append((route, key))
            if route is not None and not has_null(key):
                wanted.setdefault(route, {})[key] = None
        found = {route: await self._aread_way(route, list(keys), branch) for route, keys in wanted.items()}
        groups = [found[route].get(key, []) if route in found else [] for route, key in ways]
        return groups if self.relation.is_many else [group[0] if group else None for group in groups]

    async def _aread_way(self, route: Route, keys: list[Any], branch: Branch) -> dict[Any, list[Any]]:
        shape = self._shapes[route.target]
        found = await afetch(route, keys, self.relation.order_by, branch.modifier, shape.fields())
        # Each related row becomes one card, however many rows it belongs to.
        related = [row for rows in found.values() for row in rows]
        completed: list[Any] = await shape.acomplete(related, branch.children)
        if route.target in self._cards:
            completed = _made(self._cards[route.target], shape.card, completed)
        made = iter(completed)
        return {key: [next(made) for _ in group] for key, group in found.items()}


class CardQuery(Generic[C]):
    """A question answered in objects of a caller's own Pydantic class; made by `Query.into`.

    The class says what is read: the columns that it has fields for, and for its nested classes the relations of their
    names, one statement for each.  Nothing is read later, and nothing else.
    """

    __slots__ = ("_adapter", "_card", "_query", "_shape")

    def __init__(self, query: Any, card: type[C]) -> None:
        if not _is_card(card):
            raise QueryError(f"into takes a Pydantic class that is no model, got {getattr(card, '__name__', card)!r}")
        if query._is_of_rows:
            raise QueryError("into says which columns are selected: leave out select")
        self._query = query
        self._card = card
        self._shape = Shape(card, query._table.model)
        self._adapter: TypeAdapter[list[C]] = TypeAdapter(list[card])  # type: ignore[valid-type]  # Built at run time.

    async def aall(self) -> list[C]:
        """All that answer the question; ValidationError where what is stored does not fit the class."""
        return await self._aread(self._query)

    all = blocking(aall)

    async def aone(self) -> C | None:
        """The first, or None."""
        found = await self._aread(self._query._cut_to_one())
        return found[0] if found else None

    one = blocking(aone)

    async def aone_or_fail(self) -> C:
        """The first; RecordNotFound where there is none."""
        found = await self.aone()
        if found is None:
            raise RecordNotFound(f"no {self._card.__name__} answers the query", table=self._query._table.name)
        return found

    one_or_fail = blocking(aone_or_fail)

    async def afirst(self) -> C | None:
        """The first in the query's order, by key where it has none; None where there is none."""
        found = await self._aread(self._query._ordered()._cut_to_one())
        return found[0] if found else None

    first = blocking(afirst)

    async def apage(self, size: int, after: str | None = None, before: str | None = None) -> Page[C]:
        """A page as `Query.page` gives it; the cursors are those of the query, whatever it is answered in."""
        page = await self._rows_of(self._query).apage(size, after, before)
        return Page(tuple(await self._amade([Row.as_dict(row) for row in page])), page.next, page.previous)

    page = blocking(apage)

    async def _aread(self, query: Any) -> list[C]:
        return await self._amade(await self._rows_of(query).adicts())

    def _rows_of(self, query: Any) -> Any:
        """The query for the columns that are needed."""
        fields = self._shape.fields()
        if query._select.distinct:  # Two rows are equal if their records would be.
            fields = list(query._table.by_field)
        if not fields:  # A class of nothing but defaults: one for each row.
            fields = [column.field for column in query._table.key]
        return query.select(*map(query._table.ref, fields))

    async def _amade(self, rows: list[Values]) -> list[C]:
        branches = {} if self._query._loads is None else self._query._loads.branches
        return _made(self._adapter, self._card, await self._shape.acomplete(rows, branches))

    def __repr__(self) -> str:
        return f"CardQuery({self._query!r}, {self._card.__name__})"


def _made(adapter: TypeAdapter[list[C]], card: Any, values: list[Values]) -> list[C]:
    try:
        return adapter.validate_python(values, from_attributes=True)
    except PydanticValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        lines = "; ".join(f"{'.'.join(map(str, detail['loc'][1:]))}: {detail['msg']}" for detail in details[:5])
        raise ValidationError(f"what is stored does not fit {card.__name__}: {lines}", errors=details) from error


def _chosen(cards: list[Any], models: Any, place: str, outer: tuple[Any, ...]) -> dict[Any, tuple[Any, Shape]]:
    """For each model the class that is meant for it, and what that asks: named after it, or the one that fits."""
    chosen = {}
    for model in models:
        meant = [card for card in cards if len(cards) > 1 and _named_after(card, models) is model]
        found, refused = [], None
        for card in meant or [card for card in cards if len(cards) == 1 or _named_after(card, models) is None]:
            try:
                found.append((card, Shape(card, model, outer)))
            except ConfigurationError as error:
                refused = refused or error
        if len(found) == 1:
            chosen[model] = found[0]
        elif found:
            names = " and ".join(card.__name__ for card, _ in found)
            raise ConfigurationError(
                f"{place}: {names} may both be meant for {model.__name__}: leave one out, or name it after its model"
            )
        else:
            raise refused or ConfigurationError(f"{place}: there is no class for {model.__name__}")
    unused = next((card for card in cards if all(card is not other for other, _ in chosen.values())), None)
    if unused is not None:
        raise ConfigurationError(f"{place}: {unused.__name__} is meant for no model that the relation leads to")
    return chosen


def _named_after(card: Any, models: Any) -> Any:
    """The model with whose name the class's begins, the longest of several; None where there is none."""
    found = [model for model in models if card.__name__.startswith(model.__name__)]
    return max(found, key=lambda model: len(model.__name__), default=None)


def _is_card(given: Any) -> bool:
    return isinstance(given, type) and issubclass(given, BaseModel) and not hasattr(given, "__table_name__")


def _taken_as(card: Any, name: str, field: FieldInfo) -> str:
    """The key under which Pydantic takes a field's value out of a dict."""
    config = card.model_config
    by_name = config.get("populate_by_name") or config.get("validate_by_name")
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        alias = next((choice for choice in alias.choices if isinstance(choice, str)), None)
    if alias is None or by_name:
        return name
    if not isinstance(alias, str):
        raise ConfigurationError(f"{card.__name__}.{name} has a path for an alias, which no column is: leave it out")
    return alias


def _cards_in(annotation: Any) -> tuple[list[Any], bool]:
    """The Pydantic classes in ``list[PostCard]`` or ``UserCard | OrgCard | None``, and whether it holds many."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _cards_in(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        inner = [_cards_in(arg) for arg in get_args(annotation) if arg is not types.NoneType]
        many = {is_many for _, is_many in inner}
        if len(many) > 1 or not all(cards for cards, _ in inner):
            return [], False
        return [card for cards, _ in inner for card in cards], many.pop()
    if origin in _MANY:
        return _cards_in(get_args(annotation)[0])[0], True
    return ([annotation], False) if _is_card(annotation) else ([], False)
