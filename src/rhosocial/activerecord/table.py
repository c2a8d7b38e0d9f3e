"""A Pydantic class seen as a table: its columns, its key, its constraints."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, NewType, Union, get_args, get_origin
from weakref import WeakSet

from pydantic.fields import FieldInfo

from .backend.column_type import JSON_TYPES, ColumnType, bare_type, column_type
from .backend.errors import ColumnNotFound, ConfigurationError
from .backend.expression import ColumnRef
from .backend.names import shown
from .backend.schema import Check, Column, ForeignKey, Index, Unique
from .backend.statement import TableName
from .backend.stored_as import by_name


@dataclass(frozen=True, slots=True, eq=False)
class TableColumn:
    """One column: the model's `field`, the column's `name`, its type, and what the model declares about it."""

    field: str
    name: str
    type: ColumnType
    nullable: bool
    auto_key: bool
    spec: Column

    @property
    def generated_sql(self) -> str | None:
        """The expression that the database computes the column from, or None."""
        return self.spec.generated if isinstance(self.spec.generated, str) else None

    @property
    def server_set(self) -> bool:
        """Whether the database gives the column a value when none is sent."""
        return self.auto_key or self.spec.default_sql is not None or self.generated_sql is not None

    @property
    def is_stamped(self) -> bool:
        """Whether saving a record gives the column its value: a moment, a version."""
        return self.spec.at_insert is not None or self.spec.at_update is not None


class Table:
    """The table of one model class; made once, when first needed.  Knows no backend."""

    # The name of the table that an alias's source stands for; a table stands for none but itself.
    stands_for: ClassVar[None] = None

    __slots__ = (
        "_refs",
        "auto_key",
        "by_field",
        "by_name",
        "columns",
        "constraints",
        "declared_key",
        "indexes",
        "key",
        "model",
        "name",
        "plans",
        "reading",
        "relations",
        "schema",
        "scopes",
        "select_list",
        "stamped",
        "version",
    )

    def __init__(
        self,
        model: Any,
        name: str,
        key: Sequence[str],
        relations: Mapping[str, Any] = MappingProxyType({}),
        scopes: Any = None,
    ) -> None:
        self.model = model
        # The table as questions see it: another one where classes below the model share it.
        self.reading: Table = self
        # What every question about the table asks of its rows beside its own conditions, or None.
        self.scopes = scopes
        # The model's relations by name, given by the model layer; joins find their way by them.
        self.relations = relations
        # What is compiled for it, each for one backend.
        self.plans: WeakSet[Any] = WeakSet()
        self.schema, self.name = split_name(model, name)
        args = _table_args(model)
        linked = {column for arg in args if isinstance(arg, ForeignKey) for column in arg.columns}
        self.declared_key = tuple(key)
        self.columns = tuple(_read_columns(model, self.name, tuple(key), linked))
        self.by_field = {column.field: column for column in self.columns}
        self.by_name = {column.name: column for column in self.columns}
        for column in self.columns:
            if self.by_name[column.name] is not column:
                raise ConfigurationError(f"{model.__name__} gives the column {column.name!r} to two fields")
        self.key = tuple(self._key_column(name) for name in key)
        self.auto_key = next((column for column in self.key if column.auto_key), None)
        self.stamped = tuple(column for column in self.columns if column.is_stamped)
        self.version = self._version_column()
        self.constraints, self.indexes = self._read_args(args)
        self.select_list = tuple(ColumnRef(self.name, column.name, column.type) for column in self.columns)
        self._refs = dict(zip(self.by_field, self.select_list, strict=True))

    def is_keyed(self, column: TableColumn) -> bool:
        """Whether the column is part of a key, a constraint over columns, or an index."""
        named = [*self.constraints, *self.indexes]
        return (
            column in self.key
            or column.spec.unique
            or any(column.name in getattr(thing, "columns", ()) for thing in named)
        )

    def _key_column(self, name: str) -> TableColumn:
        if name not in self.by_field and name not in self.by_name:
            raise ConfigurationError(
                f"{self.model.__name__} has no field {name!r} for its key: add the field or set __primary_key__"
            )
        return self.column(name)

    def _version_column(self) -> TableColumn | None:
        versions = [column for column in self.columns if column.spec.version_step]
        wrong = next((c for c in versions if c.type.kind is not int or c in self.key or len(versions) > 1), None)
        if wrong is not None:
            raise ConfigurationError(
                f"{self.model.__name__}.{wrong.field} cannot be the version: that is one int field outside the key"
            )
        return versions[0] if versions else None

    def _read_args(self, args: Sequence[Any]) -> tuple[tuple[Any, ...], tuple[Index, ...]]:
        constraints = [self._with_column_names(arg) for arg in args if isinstance(arg, (Unique, ForeignKey, Check))]
        indexes = [self._with_column_names(arg) for arg in args if isinstance(arg, Index)]
        for column in self.columns:
            spec = column.spec
            if spec.references is not None:
                on = {"on_delete": spec.on_delete, "on_update": spec.on_update}
                constraints.append(ForeignKey(column.name, references=spec.references, **on))
            if spec.index:
                indexes.append(Index(column.name))
        return tuple(constraints), tuple(indexes)

    def _with_column_names(self, arg: Any) -> Any:
        if isinstance(arg, Check):
            return arg
        copied = arg.__class__.__new__(arg.__class__)
        for base in type(arg).__mro__:
            for slot in getattr(base, "__slots__", ()):
                setattr(copied, slot, getattr(arg, slot))
        copied.columns = tuple(self.column(name).name for name in arg.columns)
        return copied

    def column(self, name: str) -> TableColumn:
        """The column of that field name or column name; ColumnNotFound names the nearest."""
        found = self.by_field.get(name) or self.by_name.get(name)
        if found is None:
            raise ColumnNotFound(
                f"{self.model.__name__} has no column {shown(name)}{nearest(name, self.by_field)}", table=self.name
            )
        return found

    @property
    def plan_class(self) -> Any:
        """The kind of plan that its rows need; None for the usual one."""
        return None

    def check_values(self, given: dict[str, Any]) -> dict[str, Any]:
        """Values of some fields of many rows as the model's own validation leaves them."""
        checked: dict[str, Any] = self.model.__checks__.check_values(given)
        return checked

    @property
    def origin(self) -> Table:
        """The table itself; an alias has the table that it stands for."""
        return self

    @property
    def foreign_keys(self) -> tuple[ForeignKey, ...]:
        """The foreign keys, in the order of their declaration."""
        return tuple([constraint for constraint in self.constraints if isinstance(constraint, ForeignKey)])

    def unique_sets(self) -> Iterator[tuple[frozenset[str], str | None]]:
        """The sets of columns that are unique, each with the condition of a partial index; whole ones come last."""
        for index in self.indexes:
            if index.unique and index.where is not None:
                yield frozenset(index.columns), index.where
        yield frozenset(column.name for column in self.key), None
        for column in self.columns:
            if column.spec.unique:
                yield frozenset([column.name]), None
        whole = [index for index in self.indexes if index.unique and index.where is None]
        for constraint in (*whole, *(c for c in self.constraints if isinstance(c, Unique))):
            yield frozenset(constraint.columns), None

    def ref(self, name: str) -> ColumnRef:
        """The column as an expression."""
        ref = self._refs.get(name)
        return ref if ref is not None else self._refs[self.column(name).field]

    def source(self) -> TableName:
        """The table as it stands in FROM."""
        return TableName(self.name, schema=self.schema)

    def index_name(self, index: Index) -> str:
        """The index's own name, or one made of the table and its columns, of a length that all engines have."""
        name = index.name or "_".join(("ux" if index.unique else "ix", self.name, *index.columns))
        if index.name or len(name.encode(errors="replace")) <= _LONGEST_NAME:
            return name
        digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:12]
        return f"{name.encode(errors='replace')[: _LONGEST_NAME - 13].decode(errors='ignore')}_{digest}"

    def __repr__(self) -> str:
        return f"Table({self.name!r}, {[column.name for column in self.columns]})"


class Columns:
    """The columns of a model as expressions: ``User.c.age``; an unknown name is a `ColumnNotFound`."""

    __slots__ = ("_table",)

    def __init__(self, table: Any) -> None:
        self._table = table  # Or whatever else has columns by name: an alias, a query in FROM.

    def __getattr__(self, name: str) -> ColumnRef:
        if name.startswith("__"):
            raise AttributeError(name)  # Python asks objects for its own protocols; those are no columns.
        ref: ColumnRef = self._table.ref(name)
        return ref

    def __getitem__(self, name: str) -> ColumnRef:
        ref: ColumnRef = self._table.ref(name)
        return ref

    def __dir__(self) -> Iterable[str]:
        return list(self._table.by_field)


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'name'?`` where a known name is near, otherwise the list of known names."""
    names = list(known)
    close = difflib.get_close_matches(name, names, 1)
    return f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(names)}"


def column_spec(field: FieldInfo) -> Column:
    """What the field's annotation says with `Column(…)`, also inside ``… | None``, or the empty description."""
    marks = [*field.metadata, *_peeled(field.annotation)[1]]
    return next((mark for mark in marks if isinstance(mark, Column)), _PLAIN)


_PLAIN = Column()
_LONGEST_NAME = 63  # PostgreSQL's, in bytes; MySQL has 64 characters.


def is_generated_key(name: str, field: FieldInfo, key: Sequence[str], linked: Iterable[str]) -> bool:
    """Whether the database counts the column up: a key of one int column, with no default, that is no foreign key."""
    spec = column_spec(field)
    if spec.generated is not None:
        return spec.generated is True
    names = {name, spec.name or name}
    if len(key) != 1 or key[0] not in names or spec.references is not None or names & set(linked):
        return False
    has_default = not field.is_required() and field.default is not None
    return not has_default and _peeled(field.annotation)[0] is int


def without_none(annotation: Any) -> Any:
    """The annotation without ``| None``."""
    if get_origin(annotation) in (Union, UnionType):
        rest = tuple(arg for arg in get_args(annotation) if arg is not NoneType)
        return rest[0] if len(rest) == 1 else Union[rest]  # noqa: UP007  # Built at run time from a tuple.
    return annotation


def accepts_none(annotation: Any) -> bool:
    """Whether None is a value of the annotation."""
    bare, _, took_none = _peeled(annotation)
    return took_none or bare in (Any, object, NoneType) or (get_origin(bare) is Literal and None in get_args(bare))


def _peeled(annotation: Any) -> tuple[Any, list[Any], bool]:
    """The annotation without Annotated, NewType, aliases and None; what Annotated held; whether None was there."""
    marks: list[Any] = []
    took_none = False
    while True:
        if get_origin(annotation) is Annotated:
            marks += annotation.__metadata__
            annotation = annotation.__origin__
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        elif (bare := without_none(annotation)) is not annotation:
            took_none = took_none or NoneType in get_args(annotation)
            if bare == annotation:
                return annotation, marks, took_none
            annotation = bare
        else:
            return annotation, marks, took_none


def key_of(model: Any) -> tuple[str, ...]:
    """The names of the key's fields, as `primary_key()`, `Column(primary_key=True)` or the default say."""
    marked = tuple(name for name, f in model.__pydantic_fields__.items() if column_spec(f).primary_key)
    declared = model.primary_key()
    if marked and "__primary_key__" not in _own_names(model):
        return marked
    names = (declared,) if isinstance(declared, str) else declared
    if not isinstance(names, (tuple, list)) or not names or not all(isinstance(name, str) and name for name in names):
        raise ConfigurationError(
            f"{model.__name__} has no key: __primary_key__ must be the name of a field, or a tuple of names, "
            f"got {declared!r}"
        )
    if len(set(names)) < len(names):
        raise ConfigurationError(f"{model.__name__} names a field twice in its key {declared!r}")
    return tuple(names)


def _own_names(model: Any) -> set[str]:
    from_library = ("rhosocial.activerecord.", "pydantic.")
    return {name for base in model.__mro__ if not base.__module__.startswith(from_library) for name in vars(base)}


def linked_columns(model: Any) -> set[str]:
    """The columns that a ForeignKey of `__table_args__` names."""
    return {column for arg in _table_args(model) if isinstance(arg, ForeignKey) for column in arg.columns}


def _table_args(model: Any) -> tuple[Any, ...]:
    args = getattr(model, "__table_args__", ())
    wrong = next((arg for arg in args if not isinstance(arg, (Unique, Index, Check, ForeignKey))), None)
    if wrong is not None:
        raise ConfigurationError(
            f"{model.__name__}.__table_args__ takes Unique, Index, Check, Exclude and ForeignKey,"
            f" got {type(wrong).__name__}"
        )
    return tuple(args)


def _read_columns(model: Any, table: str, key: tuple[str, ...], linked: set[str]) -> Iterable[TableColumn]:
    for name, field in model.__pydantic_fields__.items():
        spec = column_spec(field)
        auto_key = is_generated_key(name, field, key, linked)
        in_key = name in key or spec.name in key
        made_optional = model.__made_optional__.get(name)
        took_none = accepts_none(field.annotation) if made_optional is None else made_optional[0]
        try:
            kind = column_type(
                field.annotation,
                (*field.metadata, by_name(bare_type(field.annotation))) if spec.by_name else field.metadata,
                db_type=spec.type,
                length=spec.length,
                precision=spec.precision,
                scale=spec.scale,
                use_enum_values=bool(model.model_config.get("use_enum_values")),
                place=f"{table}.{spec.name or name}",
            )
        except ConfigurationError as error:
            raise ConfigurationError(f"{model.__name__}.{name}: {error}") from error
        if spec.partial and (kind.db_type not in JSON_TYPES or kind.codec is not None):
            raise ConfigurationError(f"{model.__name__}.{name}: partial is for a column of JSON that has members")
        yield TableColumn(name, spec.name or name, kind, took_none and not in_key, auto_key, spec)


def split_name(model: Any, name: Any) -> tuple[str | None, str]:
    """``"schema.table"`` as schema (None where there is none) and table."""
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"{model.__name__} has no table: set __table_name__ = '…' in the class")
    schema, _, table = name.rpartition(".")
    return schema or None, table
