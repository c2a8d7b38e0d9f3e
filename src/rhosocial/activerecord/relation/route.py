"""The way of a relation from one table to another: which columns link them, table by table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from ..backend.errors import ConfigurationError
from ..backend.expression import ColumnRef, Expression, Value
from ..backend.statement import TableName, and_
from ..table import Table
from .renaming import renamed


class LinkTable:
    """A table that only links two others and has no model; its columns are of the types of what they point at."""

    __slots__ = ("_types", "name", "schema")

    # What joins ask of tables, and a table without a model does not tell.
    model = None
    key: tuple[Any, ...] = ()
    foreign_keys: tuple[Any, ...] = ()
    stands_for: str | None = None
    scopes: None = None
    relations: Mapping[str, Any] = MappingProxyType({})
    by_field: Mapping[str, Any] = MappingProxyType({})
    by_name: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, name: str, types: dict[str, Any]) -> None:
        schema, _, self.name = name.rpartition(".")
        self.schema = schema or None
        self._types = types

    def ref(self, name: str) -> ColumnRef:
        """The column as an expression."""
        return ColumnRef(self.name, name, self._types.get(name))

    def value(self, name: str, value: Any) -> Value:
        """A value for the column."""
        return Value(value, self._types.get(name))

    def source(self) -> TableName:
        """The table as it stands in FROM."""
        return TableName(self.name, schema=self.schema)


class Side:
    """A table in a statement under a name of its own."""

    __slots__ = ("name", "table")

    def __init__(self, table: Any, name: str) -> None:
        self.table = table
        self.name = name

    def __getattr__(self, name: str) -> Any:
        # Whatever else joins ask of a table: its model, relations, columns.
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.table, name)

    def ref(self, name: str) -> ColumnRef:
        """The column under this side's name."""
        column = self.table.ref(name)
        return ColumnRef(self.name, column.name, column.type)

    def source(self) -> TableName:
        """The table with its name here, as it stands in FROM."""
        return TableName(self.table.name, self.name, self.table.schema)


class Step:
    """One table further: to the rows of `table` whose `columns` hold what the side before has in `origin`.

    `condition` is what those rows must meet too, written for the table under its own name; `only` are values that
    columns of the side before must hold for its rows to go this way at all.
    """

    __slots__ = ("columns", "condition", "only", "origin", "table")

    def __init__(
        self,
        origin: Sequence[str],
        table: Table | LinkTable,
        columns: Sequence[str],
        condition: Expression | None = None,
        only: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.origin = tuple(origin)
        self.table = table
        self.columns = tuple(columns)
        self.condition = condition
        self.only = only

    def narrowed(self, condition: Expression | None) -> Step:
        """This step to those of its rows that meet the condition too."""
        return Step(self.origin, self.table, self.columns, and_(self.condition, condition), self.only)

    def link(self, before: Any, here: Any) -> Expression:
        """The condition that joins a row of `here` to one of `before`."""
        return _all_of(self.pairs(before, here) + self.own(here))

    def pairs(self, before: Any, here: Any) -> list[Expression]:
        """The columns of both sides compared, and those of `before` that say whether the way is this one."""
        linked = [here.ref(there) == before.ref(own) for own, there in zip(self.origin, self.columns, strict=True)]
        return linked + [before.ref(name) == value for name, value in self.only.items()]

    def own(self, here: Any) -> list[Expression]:
        """What the rows of `here` must meet by themselves."""
        if self.condition is None:
            return []
        own_name = here.name == self.table.name
        return [self.condition if own_name else renamed(self.condition, self.table.name, here.name)]


class Route:
    """All steps from one model's table to another's, and what both ends are called in records."""

    __slots__ = ("_convert", "_is_dynamic", "get_key", "own", "steps", "table", "target", "width")

    def __init__(self, own: Table, target: Any, table: Table, steps: Sequence[Step]) -> None:
        self.own = own
        self.target = target
        self.table = table
        self.steps = tuple(steps)
        fields = [own.column(name).field for name in steps[0].origin]
        self.width = len(fields)
        # One value for one column, a tuple for several.
        self.get_key: Callable[[dict[str, Any]], Any] = itemgetter(*fields)
        self._convert = self._makes_alike()
        self._is_dynamic = own.model.__is_dynamic__ or target.__is_dynamic__

    def is_between(self, model: Any) -> bool:
        """Whether it leads from the table that the model has now to the one that the target has now."""
        if self._is_dynamic:
            return self.own is model.__table__ and self.table is self.target.__table__
        return self.own is model.__table_made__ and self.table is self.target.__table_made__

    @property
    def is_direct(self) -> bool:
        """Whether the target's own columns hold the key."""
        return len(self.steps) == 1

    @property
    def key_refs(self) -> list[ColumnRef]:
        """The columns in which the first table of the way holds the key of the record that it starts from."""
        first = self.steps[0]
        return [first.table.ref(name) for name in first.columns]

    def _makes_alike(self) -> list[Any]:
        """For each column of the key its type on the other side, None where both sides have one Python type."""
        own = [self.own.ref(name).type for name in self.steps[0].origin]
        other = [ref.type for ref in self.key_refs]
        pairs = zip(own, other, strict=True)
        return [b if a is not None and b is not None and a.python is not b.python else None for a, b in pairs]

    def match(self, key: Any, plan: Any) -> Any:
        """The key as the other side's records hold it: two columns that are linked need not be of one type."""
        if not any(self._convert):
            return key
        parts = key if self.width > 1 else (key,)
        alike = tuple(
            part if kind is None else plan.as_type(part, kind) for part, kind in zip(parts, self._convert, strict=True)
        )
        return alike if self.width > 1 else alike[0]

    def joined(self, before: Any, alias: str | None = None, taken: Iterable[str] = ()) -> list[tuple[Any, Expression]]:
        """What to join to get from `before` to the target, which is then called `alias`: sides and conditions.

        Tables whose name is `taken` get another one.
        """
        out: list[tuple[Any, Expression]] = []
        taken = {before.name, *taken}
        for step in self.steps:
            name = alias if alias is not None and step is self.steps[-1] else free_name(step.table.name, taken)
            here = step.table if name == step.table.name else Side(step.table, name)
            taken.add(name)
            out.append((here, step.link(before, here)))
            before = here
        return out


def free_name(name: str, taken: set[str]) -> str:
    """The name, or the name with the first number that makes it another than those taken."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    return found


def has_null(key: Any) -> bool:
    """Whether a key has a part that is None, so that no row is linked by it."""
    return key is None or (key.__class__ is tuple and None in key)


def checked_columns(table: Table, names: Any, what: str) -> tuple[str, ...]:
    """Names of columns, given as one or as a tuple; ConfigurationError where the table does not have one."""
    given = (names,) if isinstance(names, str) else tuple(names)
    for name in given:
        if name not in table.by_field and name not in table.by_name:
            known = ", ".join(table.by_field)
            raise ConfigurationError(f"{what}: {table.model.__name__} has no column {name!r}; it has {known}")
    return given


def _all_of(conditions: Sequence[Expression]) -> Expression:
    joined = and_(*conditions)
    assert joined is not None
    return joined


def key_fields(table: Table) -> tuple[str, ...]:
    """The fields of a table's key."""
    return tuple(column.field for column in table.key)


def one_or_all(parts: Sequence[Any]) -> Any:
    """A key as it is compared: the value of one column, a tuple of the values of several."""
    return parts[0] if len(parts) == 1 else tuple(parts)
