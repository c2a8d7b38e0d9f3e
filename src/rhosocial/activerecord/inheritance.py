"""Single-table inheritance: classes whose records share one table, and the column that tells them apart."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any
from weakref import WeakSet

from pydantic_core import PydanticUndefined, core_schema

from .backend.base import StorageBackend
from .backend.errors import ConfigurationError, DataError
from .backend.expression import ColumnRef
from .plan import Plan, Row, plan_for
from .scope import Condition, Fixed
from .table import Table, TableColumn

# 1 - The classes


def root_of(model: Any) -> Any:
    """The class whose table the model shares with others, itself where it begins it; None where nothing is shared."""
    if model.__discriminator__ is None:
        return None
    return next((base for base in model.__mro__ if vars(base).get("__table_name__") is not None), None)


def family_of(model: Any) -> list[Any]:
    """The model and the classes below it that share its table; ConfigurationError where two are of one kind."""
    root, found = root_of(model), dict[Any, Any]()
    for member in (model, *_below(model)):
        if root_of(member) is not root:
            continue
        other = found.setdefault(member.__kind__, member)
        if other is not member:
            # A class that is defined once more, as in a notebook, takes the place of the one before.
            if (other.__module__, other.__qualname__) != (member.__module__, member.__qualname__):
                raise ConfigurationError(
                    f"{other.__name__} and {member.__name__} are both of the kind {member.__kind__!r}: "
                    "give one another __discriminator_value__"
                )
            found[member.__kind__] = member
    return list(found.values())


def _below(model: Any) -> Iterable[Any]:
    for derived in model.__subclasses__():
        yield derived
        yield from _below(derived)


class Kind:
    """In the metadata of the field that says of which class a record is: the one value that it may have."""

    __slots__ = ("label", "value")

    def __init__(self, label: str, value: Any) -> None:
        self.label = label
        self.value = value

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def _checked(self, value: Any) -> Any:
        if value != self.value:
            raise ValueError(f"a {self.label} is of the kind {self.value!r} and cannot become another")
        return value


def take_kind(cls: Any) -> bool:
    """Give a class that shares a table its kind, which is the default of the discriminator; whether it does share one.

    TypeError where the discriminator is no field, or is declared below the class that has the table.
    """
    root, name = root_of(cls), cls.__discriminator__
    if root is None:
        return False
    if root.__discriminator__ != name:
        raise TypeError(
            f"{cls.__name__}.__discriminator__: declare it in {root.__name__}, whose table {cls.__name__} shares"
        )
    field = cls.__pydantic_fields__.get(name)
    if field is None:
        raise TypeError(f"{cls.__name__}.__discriminator__ names no field of the class: {name!r}")
    cls.__kind__ = kind = _kind_of(cls, field)
    changed = copy.copy(field)
    changed.default, changed.default_factory = kind, None
    changed.metadata = [*(mark for mark in field.metadata if not isinstance(mark, Kind)), Kind(cls.__name__, kind)]
    cls.__pydantic_fields__[name] = changed
    if cls.__pydantic_fields_complete__:
        cls.model_rebuild(force=True, raise_errors=False, _parent_namespace_depth=0)
    return True


def _kind_of(cls: Any, field: Any) -> Any:
    declared = vars(cls).get("__discriminator_value__")
    if declared is not None:
        return declared
    is_own = cls.__discriminator__ in vars(cls).get("__annotations__", {})
    if is_own and field.default is not PydanticUndefined and field.default is not None and field.default != "":
        return field.default
    return cls.__name__


def kind_scope(model: Any) -> tuple[Condition, ...]:
    """What every question about a subclass asks for: the rows of its kind and of those below it."""
    root = root_of(model)
    if root is None or root is model:
        return ()
    name, kinds = model.__discriminator__, [member.__kind__ for member in family_of(model)]
    return (Fixed(lambda c: c[name] == kinds[0] if len(kinds) == 1 else c[name].in_(kinds)),)


# 2 - The table


def whole_table(model: Any) -> Table:
    """The table as `create_table` makes it: with the columns of all classes that share it."""
    root = root_of(model)
    table: Table = (model if root is None else root).__table__
    return table.reading


def read_as_family(table: Table) -> None:
    """Have questions about the table of a class read the columns of the classes below it too."""
    if root_of(table.model) is None:
        return
    others = family_of(table.model)[1:]
    if others:
        table.reading = FamilyTable(table, [member.__table__ for member in others])


class FamilyTable(Table):
    """The table of a class as questions see it: with the columns of the classes below it, which any row may lack."""

    __slots__ = ("members",)

    def __init__(self, own: Table, others: Sequence[Table]) -> None:
        for name in Table.__slots__:
            setattr(self, name, getattr(own, name))
        self.plans = WeakSet()
        self.members = (own, *others)
        self.by_field, self.by_name = dict(own.by_field), dict(own.by_name)
        for table in others:
            for column in table.columns:
                self._add(column, table)
        self.columns = tuple(self.by_name.values())
        self.select_list = tuple(ColumnRef(self.name, column.name, column.type) for column in self.columns)
        self._refs = dict(zip(self.by_field, self.select_list, strict=True))
        self.constraints = _each_once(c for table in self.members for c in table.constraints)
        self.indexes = _each_once(index for table in self.members for index in table.indexes)
        self.reading = self

    def _add(self, column: TableColumn, table: Table) -> None:
        known, same_field = self.by_name.get(column.name), self.by_field.get(column.field)
        if known is None and same_field is None:
            self.by_name[column.name] = self.by_field[column.field] = dataclasses.replace(column, nullable=True)
        elif known is None or known.field != column.field or known.type.db_type != column.type.db_type:
            raise ConfigurationError(
                f"{table.model.__name__}.{column.field} does not go with the column that another class has in the "
                f"table {self.name}: give them other names, or one type"
            )

    @property
    def plan_class(self) -> type[Plan]:
        """The kind of plan that its rows need."""
        return FamilyPlan

    def check_values(self, given: dict[str, Any]) -> dict[str, Any]:
        groups: dict[Table, dict[str, Any]] = {}
        for name, value in given.items():
            owner = next(table for table in self.members if name in table.by_field)
            groups.setdefault(owner, {})[name] = value
        return {name: value for owner, part in groups.items() for name, value in owner.check_values(part).items()}


def _each_once(items: Iterable[Any]) -> tuple[Any, ...]:
    found: dict[Any, Any] = {}
    for item in items:
        slots = [slot for base in type(item).__mro__ for slot in getattr(base, "__slots__", ())]
        found.setdefault((type(item), *(getattr(item, slot) for slot in slots)), item)
    return tuple(found.values())


# 3 - Its rows


class FamilyPlan(Plan):
    """The plan of a `FamilyTable`: each row becomes a record of the class that its discriminator says."""

    table: FamilyTable

    def __init__(self, table: FamilyTable, backend: StorageBackend) -> None:
        super().__init__(table, backend)
        name = table.model.__discriminator__
        self._place = self.fields.index(name)
        self._by_kind = {member.model.__kind__: self._reader(member, backend) for member in table.members}
        dump = self.dumpers[self._place]
        self._by_value: dict[Any, Reader] = {
            kind if dump is None else dump(kind): reader for kind, reader in self._by_kind.items()
        }

    def hear(self) -> None:
        super().hear()
        self.load = self.load_untold = self._load_each  # The plans of the classes tell their own handlers.

    def _reader(self, member: Table, backend: StorageBackend) -> Reader:
        places = [self.names.index(column.name) for column in member.columns]
        is_whole = places == list(range(len(self.names)))
        return plan_for(member, backend), None if is_whole else itemgetter(*places)

    def _load_each(self, rows: Any) -> list[Any]:
        """The records of the rows, in their order; those of one class are loaded together."""
        place = self._place
        groups: dict[Any, list[int]] = {}
        for number, row in enumerate(rows):
            groups.setdefault(row[place], []).append(number)
        if len(groups) == 1:
            return self._loaded(next(iter(groups)), rows)
        records: list[Any] = [None] * len(rows)
        for value, numbers in groups.items():
            loaded = self._loaded(value, [rows[number] for number in numbers])
            for number, record in zip(numbers, loaded, strict=True):
                records[number] = record
        return records

    def _loaded(self, value: Any, rows: list[Row]) -> list[Any]:
        plan, pick = self._by_value.get(value) or self._found(value)
        return plan.load(rows if pick is None else list(map(pick, rows)))

    def _found(self, value: Any) -> Reader:
        """What reads rows of a kind that the driver spells in another way than we do, or that no class is known for."""
        load, model = self.loaders[self._place], self.table.model
        try:
            found = self._by_kind.get(value if load is None or value is None else load(value))
        except (ValueError, TypeError):
            found = None
        if found is None and model.__unknown_kinds__ == "base":
            found = self._by_kind[model.__kind__]
        if found is None:
            raise DataError(
                f"a row of {self.table.name} is of a kind that {model.__name__} does not know: import the module of "
                f"its class; known are {', '.join(map(repr, self._by_kind))}",
                table=self.table.name,
                columns=(self.names[self._place],),
            )
        self._by_value[value] = found
        return found


# A plan that loads rows of one class, and what takes its columns out of a row; None for all of them.
Reader = tuple[Plan, Callable[[Row], Row] | None]
