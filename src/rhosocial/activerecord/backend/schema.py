"""What a table is made of, as data: the column descriptions and constraints that models declare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ConfigurationError
from .typing import DatabaseType

_ACTIONS = ("CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """How a model's field is stored, given in its annotation: ``Annotated[str, Column(unique=True)]``.

    Only what is set overrides what the annotation says.  `default_sql` and a `generated` expression are SQL text of
    the model's author.  `references` is ``"table.column"``.  `generated=True` marks an integer key that the database
    counts up, `generated=False` one that it does not.  `by_name` stores an Enum's names instead of its values.
    `partial` has `save` write only those members of a column of JSON that have changed.
    `read_only` says that the field is not for clients to set: the schemas for what they send leave it out.

    `at_insert` and `at_update` are functions without arguments: what they give is written where a new record's field is
    None, and with each UPDATE that does not itself change the field.  `version_step` is `Version`'s.
    """

    name: str | None = None
    primary_key: bool = False
    unique: bool = False
    index: bool = False
    default_sql: str | None = None
    generated: bool | str | None = None
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    collation: str | None = None
    references: str | None = None
    on_delete: str | None = None
    on_update: str | None = None
    type: DatabaseType | None = None
    by_name: bool = False
    read_only: bool = False
    partial: bool = False
    at_insert: Callable[[], Any] | None = None
    at_update: Callable[[], Any] | None = None
    version_step: int = 0

    def __post_init__(self) -> None:
        for action in (self.on_delete, self.on_update):
            check_action(action)
        if self.references is not None and self.references.count(".") != 1:
            raise ConfigurationError(f"references must be 'table.column', got {self.references!r}")
        for given in (self.at_insert, self.at_update):
            if given is not None and not callable(given):
                raise ConfigurationError(f"at_insert and at_update take functions, got {type(given).__name__}")


def Version(value: int = 1, increment_by: int = 1, db_column: str | None = None) -> Column:
    """Marks an integer field as the version of its row: ``revision: Annotated[int, Version(db_column="rev")] = AUTO``.

    It begins with `value` and grows with each UPDATE, which, like DELETE, asks for the version that was loaded:
    where the row has another one, `StaleRecord`.
    """
    for name, number in (("value", value), ("increment_by", increment_by)):
        if isinstance(number, bool) or not isinstance(number, int):
            raise ConfigurationError(f"Version's {name} must be a whole number, got {number!r}")
    if increment_by < 1:
        raise ConfigurationError(f"Version's increment_by must be at least 1, got {increment_by}")
    return Column(name=db_column, at_insert=lambda: value, version_step=increment_by, read_only=True)


class _Columns:
    """A constraint over columns, named by field or column name."""

    __slots__ = ("columns", "name")

    def __init__(self, *columns: str, name: str | None = None) -> None:
        if not columns or not all(isinstance(c, str) for c in columns):
            raise ConfigurationError(f"{type(self).__name__} needs the names of its columns, got {columns!r}")
        self.columns = columns
        self.name = name


class Unique(_Columns):
    """No two rows have the same values in these columns: ``Unique("author_id", "slug")``."""

    __slots__ = ()


class PrimaryKey(_Columns):
    """The columns that identify a row; models say ``__primary_key__`` instead."""

    __slots__ = ()


class Index(_Columns):
    """An index over these columns; `where` (SQL text) makes it a partial one."""

    __slots__ = ("unique", "where")

    def __init__(self, *columns: str, unique: bool = False, where: str | None = None, name: str | None = None) -> None:
        super().__init__(*columns, name=name)
        self.unique = unique
        self.where = where


class Check:
    """A condition (SQL text) that every row must meet: ``Check("price >= 0")``."""

    __slots__ = ("condition", "name")

    def __init__(self, condition: str, *, name: str | None = None) -> None:
        self.condition = condition
        self.name = name


class Exclude(Check):
    """No two rows meet all of these conditions (SQL text): ``Exclude("room WITH =, during WITH &&")``; PostgreSQL's.

    `using` is the kind of index that watches over it; rows that do not meet `where` (SQL text) are left alone.
    The errors of one with a `name` say the fields.
    """

    __slots__ = ("using", "where")

    def __init__(self, condition: str, *, using: str = "gist", where: str | None = None, name: str | None = None):
        super().__init__(condition, name=name)
        if not using.isidentifier():
            raise ConfigurationError(f"using must be the name of a kind of index, such as 'gist', got {using!r}")
        self.using = using
        self.where = where


class ForeignKey(_Columns):
    """These columns hold the key of a row in another table.

    ``ForeignKey("order_id", "line", references="lines(order_id, number)", on_delete="CASCADE")``; `references` may
    also be ``"table.column"`` for one column.
    """

    __slots__ = ("on_delete", "on_update", "target", "target_columns")

    def __init__(
        self,
        *columns: str,
        references: str,
        on_delete: str | None = None,
        on_update: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(*columns, name=name)
        check_action(on_delete)
        check_action(on_update)
        self.target, self.target_columns = _parse_target(references)
        if len(self.target_columns) != len(columns):
            raise ConfigurationError(f"{len(columns)} columns cannot reference {references!r}: the numbers differ")
        self.on_delete = on_delete
        self.on_update = on_update


@dataclass(frozen=True, slots=True)
class ColumnDefinition:
    """One column of a CREATE TABLE: the type as the engine writes it, and the rest as the model declares it."""

    name: str
    type: str
    nullable: bool = False
    auto_key: bool = False
    unique: bool = False
    default_sql: str | None = None
    generated_sql: str | None = None
    collation: str | None = None


Constraint = PrimaryKey | Unique | Check | ForeignKey


def check_action(action: Any) -> None:
    """Refuse what is no referential action of SQL."""
    if action is not None and (not isinstance(action, str) or action.upper() not in _ACTIONS):
        raise ConfigurationError(f"{action!r} is no referential action: use one of {', '.join(_ACTIONS)}")


def _parse_target(references: str) -> tuple[str, Sequence[str]]:
    if references.endswith(")") and "(" in references:
        table, columns = references[:-1].split("(", 1)
        return table.strip(), tuple(c.strip() for c in columns.split(","))
    if references.count(".") == 1:
        table, column = references.split(".")
        return table, (column,)
    raise ConfigurationError(f"references must be 'table.column' or 'table(column, …)', got {references!r}")
