"""What the annotation of a field says about its column."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, NewType, Union, cast, get_args, get_origin, is_typeddict
from uuid import UUID

import annotated_types
import pydantic
from pydantic import BaseModel, PydanticUserError, SecretBytes, SecretStr, TypeAdapter

from .codec import Codec, codec_of
from .errors import ConfigurationError
from .typing import DatabaseType

JSON_TYPES = frozenset({DatabaseType.JSON, DatabaseType.JSONB, DatabaseType.ARRAY, DatabaseType.VECTOR})
TEXT_TYPES = frozenset({DatabaseType.TEXT, DatabaseType.VARCHAR, DatabaseType.CHAR})
INTEGER_TYPES = frozenset({DatabaseType.TINYINT, DatabaseType.SMALLINT, DatabaseType.INTEGER, DatabaseType.BIGINT})
DATETIME_TYPES = frozenset({DatabaseType.DATETIME, DatabaseType.TIMESTAMP, DatabaseType.TIMESTAMPTZ})

# The Python types that columns hold, subclasses before their bases, and the type of column that each gets.
SCALARS: dict[type, DatabaseType] = {
    bool: DatabaseType.BOOLEAN,
    int: DatabaseType.BIGINT,
    float: DatabaseType.DOUBLE,
    Decimal: DatabaseType.DECIMAL,
    str: DatabaseType.TEXT,
    bytes: DatabaseType.BLOB,
    datetime: DatabaseType.TIMESTAMP,
    date: DatabaseType.DATE,
    time: DatabaseType.TIME,
    timedelta: DatabaseType.INTERVAL,
    UUID: DatabaseType.UUID,
}

# The Python type of what a column of each type holds.
PYTHON_OF: dict[DatabaseType, Any] = {
    **{db_type: python for python, db_type in SCALARS.items()},
    **dict.fromkeys(JSON_TYPES, object),
    **dict.fromkeys((DatabaseType.TINYINT, DatabaseType.SMALLINT, DatabaseType.INTEGER), int),
    **dict.fromkeys((DatabaseType.CHAR, DatabaseType.VARCHAR, DatabaseType.ENUM, DatabaseType.INET), str),
    **dict.fromkeys((DatabaseType.DATETIME, DatabaseType.TIMESTAMPTZ), datetime),
    DatabaseType.FLOAT: float,
}

# Pydantic's own names that are classes at run time but stand for a plain type; the flag says whether it is aware.
_STANDS_FOR: dict[Any, tuple[type, bool | None]] = {
    pydantic.AwareDatetime: (datetime, True),
    pydantic.NaiveDatetime: (datetime, False),
    pydantic.PastDatetime: (datetime, None),
    pydantic.FutureDatetime: (datetime, None),
    pydantic.PastDate: (date, None),
    pydantic.FutureDate: (date, None),
}

# What beside its own kind a column type can hold without loss.
_HOLDS: dict[DatabaseType, frozenset[type]] = {
    **dict.fromkeys(INTEGER_TYPES, frozenset({int, bool, timedelta})),
    **dict.fromkeys(TEXT_TYPES, frozenset({str, int, Decimal, date, time, datetime, UUID, object})),
    **dict.fromkeys(DATETIME_TYPES, frozenset({datetime})),
    **dict.fromkeys((DatabaseType.FLOAT, DatabaseType.DOUBLE), frozenset({float})),
    **dict.fromkeys((DatabaseType.ENUM, DatabaseType.INET), frozenset({str})),
    **dict.fromkeys(JSON_TYPES | {DatabaseType.CUSTOM}, frozenset({*SCALARS, object})),
    DatabaseType.DECIMAL: frozenset({Decimal, int}),
    DatabaseType.DATE: frozenset({date}),
    DatabaseType.TIME: frozenset({time}),
    DatabaseType.INTERVAL: frozenset({timedelta}),
    DatabaseType.BOOLEAN: frozenset({bool}),
    DatabaseType.BLOB: frozenset({bytes, UUID}),
    DatabaseType.UUID: frozenset({UUID}),
}


@dataclass(frozen=True, slots=True)
class ColumnType:
    """The type of one column, on the Python side and on the database's.

    `python` is the annotation without None, Annotated, NewType and constraints.  `length` counts characters,
    `precision` and `scale` decimal digits; None: not declared.  `aware` is meant for datetimes: True and False say
    that they have, or do not have, a time zone; None that `config.timezone` decides.  `codec` converts between values
    of `python` and those of the type `stored`; None where the column holds them by itself.
    """

    python: Any
    db_type: DatabaseType
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    aware: bool | None = None
    codec: Codec | None = None
    _hash: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Kept, since plans look converters up by column for each bound value; `python` may be unhashable.
        key = (self.db_type, self.length, self.precision, self.scale, self.aware)
        object.__setattr__(self, "_hash", hash(key))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        # Made anew: hashes of text differ between processes.
        key = (self.python, self.db_type, self.length, self.precision, self.scale, self.aware, self.codec)
        return ColumnType, key

    @property
    def kind(self) -> type:
        """The plain type that values take on their way to the driver; `object` for those that travel as JSON."""
        return object if self.db_type in JSON_TYPES else kind_of(self.stored.python)

    @property
    def stored(self) -> ColumnType:
        """The type as the backend's mappers know it: this one, or the one that the codec makes values of."""
        return self if self.codec is None else self.codec.stored

    @property
    def label(self) -> str:
        """The Python type's name, for messages; JSON for what may be anything."""
        return "JSON" if self.python in (object, Any) else label_of(self.python)

    @property
    def is_mutable(self) -> bool:
        """Whether a value may change in place, so that identity and `==` do not tell if it did."""
        return self.db_type in JSON_TYPES or _plain_kind(self.python) in (None, object)


def column_type(
    annotation: Any,
    metadata: Iterable[Any] = (),
    *,
    db_type: DatabaseType | None = None,
    length: int | None = None,
    precision: int | None = None,
    scale: int | None = None,
    use_enum_values: bool = False,
    place: str = "",
) -> ColumnType:
    """The column that a field of this annotation needs; `metadata` is what Pydantic keeps beside the annotation.

    Limits come from Pydantic's constraints (`max_length`, `max_digits`, `decimal_places`) where they are not given.
    `db_type` wins over what the annotation says.  `use_enum_values` is the model's setting of that name: the field then
    holds the enum's values, not its members.  `place` is the ``table.column`` that the field is stored at.
    ConfigurationError where nothing maps, or `db_type` cannot hold the values.
    """
    python, found = bare_parts(annotation)
    marks = tuple(_flatten((*found, *metadata)))
    if (codec := codec_of(python, marks)) is not None:
        kept = codec.stored
        sizes = kept.length, kept.precision, kept.scale, kept.aware
        return ColumnType(python, kept.db_type, *sizes, codec.bound(python, place))
    python, aware = _STANDS_FOR.get(python, (python, None))
    python = _literal_type(_email_type(python))
    if db_type is DatabaseType.CUSTOM:
        return ColumnType(python, db_type, length, precision, scale, aware)
    kind = _plain_kind(python)
    if kind is None:
        # Only with its annotations does a foreign type know how it is written.
        python = Annotated[(python, *marks)] if marks else python
        kind = kind_of(python)
    if use_enum_values and isinstance(python, EnumType) and kind is not object:
        python = kind
    length = _limit(length, "max_length", marks) if kind is str else length
    precision, scale = _limit(precision, "max_digits", marks), _limit(scale, "decimal_places", marks)
    aware = _awareness(aware, marks, db_type) if kind is datetime else None
    db_type = db_type or _default_type(kind, length, aware)
    if kind not in _HOLDS[db_type]:
        raise ConfigurationError(
            f"a {db_type.name} column cannot hold {label_of(python)} without loss; leave its type out or choose another"
        )
    return ColumnType(python, db_type, length, precision, scale, aware)


def kind_of(python: Any) -> type:
    """The plain type that values of `python` become: a key of `SCALARS`, or `object` for what travels as JSON.

    A type that is none of Python's own is asked through its Pydantic schema; ConfigurationError where it has none.
    """
    kind = _plain_kind(python)
    if kind is not None:
        return kind
    try:
        schema = TypeAdapter(python).json_schema(mode="serialization")
    except PydanticUserError as error:
        raise ConfigurationError(
            f"no column type fits {label_of(python)}: give it a Pydantic schema, use another annotation, "
            "or write Annotated[…, Column(type=DatabaseType.CUSTOM)] to hand it to the driver as it is"
        ) from error
    kinds: dict[Any, type] = {"string": str, "integer": int, "number": float, "boolean": bool}
    if schema.get("type") == "null":
        raise ConfigurationError("a field that can only be None has no column type; annotate what it may hold")
    return kinds.get(schema.get("type"), object)


EnumType = type(Enum)


def _plain_kind(python: Any) -> type | None:
    """The kind that is known without a Pydantic schema, or None."""
    origin = get_origin(python) or python
    if python is Any or python is object or origin is Union or origin is UnionType or origin is Literal:
        return object
    if not isinstance(origin, type):
        return object if is_typeddict(origin) else None
    if issubclass(origin, Enum):
        return _shared_type(member.value for member in origin) or object
    if issubclass(origin, (SecretStr, SecretBytes)):
        return str if issubclass(origin, SecretStr) else bytes
    scalar = next((kind for kind in SCALARS if issubclass(origin, kind)), None)
    if scalar is not None:
        return scalar
    structured = is_typeddict(origin) or is_dataclass(origin) or issubclass(origin, (BaseModel, Collection))
    return object if structured else None


def _shared_type(values: Iterable[Any]) -> type | None:
    types = {type(value) for value in values}
    return next((kind for kind in types if kind in SCALARS), None) if len(types) == 1 else None


def _literal_type(python: Any) -> Any:
    """For a Literal the one type of its values, the Enum of its members; else `python`, which then is JSON."""
    if get_origin(python) is not Literal:
        return python
    values = [value for value in get_args(python) if value is not None]
    types = {type(value) for value in values}
    if len(types) == 1 and isinstance(values[0], Enum):
        return types.pop()
    return _shared_type(values) or python


def _email_type(python: Any) -> Any:
    # Asked without importing `pydantic.networks`, which only its users should pay for.  The values are plain text.
    networks = sys.modules.get("pydantic.networks")
    return str if networks is not None and python is networks.EmailStr else python


def bare_parts(annotation: Any) -> tuple[Any, list[Any]]:
    """The annotation without None, Annotated, NewType and aliases, and what Annotated held."""
    metadata: list[Any] = []
    while True:
        if get_origin(annotation) is Annotated:
            metadata += annotation.__metadata__
            annotation = annotation.__origin__
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        elif get_origin(annotation) in (Union, UnionType):
            choices = tuple(choice for choice in get_args(annotation) if choice is not type(None))
            if len(choices) == len(get_args(annotation)):
                return annotation, metadata
            annotation = cast(Any, Union)[choices]
        else:
            return annotation, metadata


def bare_type(annotation: Any) -> Any:
    """The annotation without None, Annotated, NewType and aliases."""
    return bare_parts(annotation)[0]


def _flatten(metadata: Iterable[Any]) -> Iterator[Any]:
    """The metadata, with that of a `Field(…)` inside Annotated in its place."""
    for mark in metadata:
        if hasattr(mark, "metadata") and hasattr(mark, "annotation"):
            yield from _flatten(mark.metadata)
        elif mark is not None:
            yield mark


def _limit(given: int | None, name: str, marks: Iterable[Any]) -> int | None:
    if given is not None:
        return given
    found = [limit for mark in marks if isinstance(limit := getattr(mark, name, None), int)]
    return min(found, default=None)


def _awareness(aware: bool | None, marks: Iterable[Any], db_type: DatabaseType | None) -> bool | None:
    for mark in marks:
        if isinstance(mark, annotated_types.Timezone):
            aware = mark.tz is not None
    if db_type is DatabaseType.TIMESTAMPTZ and aware is False:
        raise ConfigurationError("a datetime without time zone cannot be kept in a TIMESTAMPTZ column")
    if aware is None and db_type in DATETIME_TYPES:
        return db_type is DatabaseType.TIMESTAMPTZ
    return aware


def _default_type(kind: type, length: int | None, aware: bool | None) -> DatabaseType:
    if kind is object:
        return DatabaseType.JSON
    if kind is str and length is not None:
        return DatabaseType.VARCHAR
    return DatabaseType.TIMESTAMPTZ if aware else SCALARS[kind]


def label_of(python: Any) -> str:
    """The name of a Python type, for messages."""
    return python.__name__ if isinstance(python, type) else repr(python)
