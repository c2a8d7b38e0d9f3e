"""Records for tests, made up from the types and constraints of a model's fields."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from itertools import count
from typing import Any, Generic, TypeVar
from zlib import crc32

try:
    from faker import Faker
    from polyfactory.factories.pydantic_factory import ModelFactory
except ImportError as error:
    raise ImportError("factories need polyfactory: pip install 'rhosocial-activerecord[testing]'") from error

from ..backend import ConfigurationError
from ..backend.schema import Unique
from ..blocking import run
from ..record import ActiveRecord
from ..relation import BelongsTo
from ..table import TableColumn, nearest

M = TypeVar("M", bound=ActiveRecord)

# So many values are made up until one is new that must be.
_TRIES = 1_000


class Factory(Generic[M]):
    """Makes valid records of one model; made by `factory`.

    Values are made up for the fields that need one, from the field's type and constraints; what has a default, or is
    set by the database, is left to that.  The same definition with the same seed makes the same values; another one
    makes others, so that two factories of a model do not meet in its unique fields.
    """

    def __init__(self, model: type[M], values: dict[str, Any], seed: int, label: str = "") -> None:
        self.model = model
        self._values = values
        self._seed = seed
        self._label = f"{label}{model.__name__}({', '.join(map(_told, sorted(values.items())))})"
        self._numbers = count(1)
        self._parents: dict[str, Factory[Any]] = {}
        self._source: Any = None
        self._metas: dict[str, Any] = {}
        self._used: dict[str, set[Any]] = {}
        self._refuse_unknown(values)

    def build(self, **values: Any) -> M:
        """A new record, not stored.  What it must belong to is built too, and has a made-up key."""
        given = self._given(values)
        for relation, parents in self._parents_of(given):
            given[relation.name] = parents.build(**parents._key_if_missing(relation))
        return self._constructed(given)

    def build_batch(self, size: int, **values: Any) -> list[M]:
        """So many of them."""
        return [self.build(**values) for _ in range(size)]

    async def acreate(self, **values: Any) -> M:
        """A stored record; what it must belong to, and what it was given for its relations, is stored with it."""
        given = self._given(values)
        async with self.model.transaction():
            for relation, parents in self._parents_of(given):
                given[relation.name] = await parents.acreate()
            record = self._constructed(given)
            await record.asave(related=not given.keys().isdisjoint(self.model.get_relations()))
        return record

    def create(self, **values: Any) -> M:
        """A stored record; what it must belong to, and what it was given for its relations, is stored with it."""
        return run(self.acreate(**values))

    async def acreate_batch(self, size: int, **values: Any) -> list[M]:
        """So many of them, in one transaction."""
        async with self.model.transaction():
            return [await self.acreate(**values) for _ in range(size)]

    def create_batch(self, size: int, **values: Any) -> list[M]:
        """So many of them, in one transaction."""
        return run(self.acreate_batch(size, **values))

    # 1 - What is given

    def _given(self, values: dict[str, Any]) -> dict[str, Any]:
        """The caller's values before the factory's; functions are called with the number of the record."""
        self._refuse_unknown(values)
        number = next(self._numbers)
        given = {**self._values, **values}
        return {
            name: value(number) if callable(value) and not isinstance(value, Factory) else value
            for name, value in given.items()
        }

    def _refuse_unknown(self, values: dict[str, Any]) -> None:
        known = [*self.model.__pydantic_fields__, *self.model.get_relations()]
        for name in values:
            if name not in known:
                raise ConfigurationError(f"{self.model.__name__} has no field {name!r}{nearest(name, known)}")

    def _parents_of(self, given: dict[str, Any]) -> Iterator[tuple[Any, Factory[Any]]]:
        """The relations whose foreign keys need a value and have none, with what makes the parent."""
        by_name = self.model.__table__.by_name
        for name, relation in self.model.get_relations().items():
            if isinstance(given.get(name), Factory):
                if not isinstance(relation, BelongsTo):
                    raise ConfigurationError(f"{relation.label} takes records: make them with this one as their own")
                yield relation, given[name]
            elif isinstance(relation, BelongsTo) and name not in given and len(relation.targets()) == 1:
                columns = [by_name[column] for column in relation.route.steps[0].origin]
                if not any(column.nullable or column.field in given for column in columns):
                    yield relation, self._parent_factory(name, relation.target)

    def _parent_factory(self, name: str, target: type[Any]) -> Factory[Any]:
        if name not in self._parents:
            if target is self.model:
                raise ConfigurationError(f"{target.__name__}.{name} never ends: give it, or let it be None")
            self._parents[name] = Factory(target, {}, self._seed, f"{self._label}.{name}: ")
        return self._parents[name]

    def _key_if_missing(self, relation: Any) -> dict[str, Any]:
        """A made-up key for a parent that is not stored: its child must hold one."""
        key = self.model.__table__.auto_key
        return {} if key is None or key.field in self._values else {key.field: 1 + len(self._seen(key.field))}

    # 2 - What is made up

    def _constructed(self, given: dict[str, Any]) -> M:
        table, fields = self.model.__table__, self.model.__pydantic_fields__
        linked = {
            table.by_name[column].field
            for name, relation in self.model.get_relations().items()
            if name in given and isinstance(relation, BelongsTo) and len(relation.targets()) == 1
            for column in relation.route.steps[0].origin
        }
        made = {
            column.field: self._made_up(column)
            for column in table.columns
            if fields[column.field].is_required() and column.field not in given and column.field not in linked
        }
        for name, value in given.items():
            if name in table.by_field and self._is_unique(table.by_field[name]):
                self._seen(name).add(_comparable(value))
        return self.model(**given, **made)

    def _made_up(self, column: TableColumn) -> Any:
        if self._source is None:
            # Each has a faker of its own: seeding the one that they share would reach into the others.
            seed = crc32(f"{self._seed} {self._label}".encode())
            settings = {"__random_seed__": seed, "__faker__": Faker(), "__by_name__": True}
            make_source: Any = ModelFactory.create_factory
            self._source = make_source(self.model, **settings)
            self._metas = {meta.name: meta for meta in self._source.get_model_fields()}

        def make() -> Any:
            return self._source.get_field_value(self._metas[column.field])

        if not self._is_unique(column):
            return make()
        seen = self._seen(column.field)
        for _ in range(_TRIES):
            value = make()
            if _comparable(value) not in seen:
                seen.add(_comparable(value))
                return value
        name = f"{self.model.__name__}.{column.field}"
        raise ConfigurationError(f"{name} is unique, and no new value was found for it: give one")

    def _seen(self, field: str) -> set[Any]:
        return self._used.setdefault(field, set())

    def _is_unique(self, column: TableColumn) -> bool:
        table = self.model.__table__
        alone = [a.columns for a in table.constraints if isinstance(a, Unique)]
        alone += [index.columns for index in table.indexes if index.unique]
        return column.spec.unique or table.key == (column,) or (column.name,) in alone


def factory(model: type[M], *, seed: int = 0, **values: Any) -> Factory[M]:
    """What makes valid records of a model: ``users = factory(User, name="Ann")``, then ``users.create(age=3)``.

    A value may be a function of the record's number, ``email=lambda n: f"user{n}@example.org"``, and for a relation
    another factory.
    """
    return Factory(model, values, seed)


def _told(item: tuple[str, Any]) -> str:
    name, value = item
    # What has no text of its own would be told by its address, which is another one each time.
    return f"{name}={value!r}" if isinstance(value, (str, int, float, Enum)) else name


def _comparable(value: Any) -> Any:
    return value if getattr(value, "__hash__", None) else repr(value)
