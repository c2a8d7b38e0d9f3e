"""How one database spells column types, and how values pass between Python and its driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from functools import cached_property
from types import FunctionType
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from . import converter, document
from .column_type import DATETIME_TYPES, INTEGER_TYPES, JSON_TYPES, SCALARS, TEXT_TYPES, ColumnType, column_type
from .converter import Convert, chain
from .errors import ConfigurationError, DataError, UnsupportedFeature
from .helpers import parse_date, parse_datetime, parse_time
from .typing import DatabaseType

__all__ = ["ColumnType", "TypeMapper", "ValueMapper", "column_type"]


class TypeMapper:
    """The names of column types in one database.

    A subclass sets `names`: a text for each `DatabaseType`, with ``{length}``, ``{precision}`` and ``{scale}`` where
    parameters go; the parentheses around them fall away when a parameter is neither given nor among `defaults`.
    """

    names: ClassVar[Mapping[DatabaseType, str]] = {
        DatabaseType.TINYINT: "SMALLINT",
        DatabaseType.SMALLINT: "SMALLINT",
        DatabaseType.INTEGER: "INTEGER",
        DatabaseType.BIGINT: "BIGINT",
        DatabaseType.FLOAT: "FLOAT",
        DatabaseType.DOUBLE: "DOUBLE PRECISION",
        DatabaseType.DECIMAL: "DECIMAL({precision},{scale})",
        DatabaseType.CHAR: "CHAR({length})",
        DatabaseType.VARCHAR: "VARCHAR({length})",
        DatabaseType.TEXT: "TEXT",
        DatabaseType.DATE: "DATE",
        DatabaseType.TIME: "TIME",
        DatabaseType.DATETIME: "TIMESTAMP",
        DatabaseType.TIMESTAMP: "TIMESTAMP",
        DatabaseType.TIMESTAMPTZ: "TIMESTAMP WITH TIME ZONE",
        DatabaseType.INTERVAL: "BIGINT",  # The base's value mapper counts microseconds.
        DatabaseType.BOOLEAN: "BOOLEAN",
        DatabaseType.BLOB: "BLOB",
        DatabaseType.JSON: "JSON",
        DatabaseType.JSONB: "JSONB",
        DatabaseType.ARRAY: "JSON",
        DatabaseType.UUID: "UUID",
        DatabaseType.ENUM: "VARCHAR({length})",
        DatabaseType.INET: "VARCHAR(45)",
        DatabaseType.VECTOR: "JSON",
        DatabaseType.CUSTOM: "TEXT",
    }
    defaults: ClassVar[Mapping[DatabaseType, Mapping[str, int]]] = {}
    # How many digits a DECIMAL has at most; None where more are kept in another way.
    max_digits: ClassVar[int | None] = None
    # The texts for columns in a key, a constraint or an index, where the database cannot have others there.
    keyed_names: ClassVar[Mapping[DatabaseType, str]] = {}

    def get_column_type(self, db_type: DatabaseType, **params: Any) -> str:
        """The column type's text, ``VARCHAR(50)`` for instance; parameters that the type does not take are ignored.

        ConfigurationError (a ValueError) for a type without a name, and for a parameter that is no whole number.
        """
        name = self.names.get(db_type)
        if name is None:
            raise ConfigurationError(
                f"{type(self).__name__} has no column type for {db_type!r}: add it to `names`, or use another type"
            )
        bare, _, parameters = name.partition("({")
        if not parameters:
            return name
        sizes = {**self.defaults.get(db_type, {}), **{key: size for key, size in params.items() if size is not None}}
        wanted = [key for key in _SIZES if "{" + key + "}" in name]
        checked = {key: _whole(key, sizes[key]) for key in wanted if key in sizes}
        return name.format(**checked) if len(checked) == len(wanted) else bare

    def definition(self, db_type: DatabaseType, **params: Any) -> str:
        """The text for a new column: as `get_column_type`, also where an override of it does not know the type.

        Such a type gets the name of a relative that the override does know and that holds the same values, or else
        the name in `names`.
        """
        given = {key: _whole(key, size) for key, size in params.items() if key in _SIZES and size is not None}
        digits = given.get("precision") if db_type is DatabaseType.DECIMAL else None
        if self.max_digits is not None and (digits or 0) > self.max_digits:
            raise UnsupportedFeature(f"a DECIMAL has at most {self.max_digits} digits here, and not {digits}")
        for candidate in (db_type, *_RELATIVES.get(db_type, ())):
            try:
                return self.get_column_type(candidate, **given)
            except (ValueError, KeyError):
                continue
        return TypeMapper.get_column_type(self, db_type, **given)

    def get_placeholder(self, db_type: DatabaseType | None = None) -> str:
        """``?``: statements have one spelling of placeholders, and the dialect knows the driver's."""
        return "?"

    def get_pydantic_model_field_type(self, field_info: Any) -> DatabaseType:
        """The column type that a Pydantic field needs."""
        return column_type(field_info.annotation, field_info.metadata).db_type


class ValueMapper:
    """What a driver is handed for a Python value, and what Python gets for a driver's.

    `dumper` and `loader` are asked once per column.  A subclass for a driver sets `native`, the plain types that the
    driver takes and gives itself, and for other types a function in `encode` and one in `decode`; type, range and
    kind are checked around them.  `config` is any object with a `timezone`, or None.

    A subclass may instead override `to_database` and `from_database`: each value is then read back before it is
    handed over, and DataError raised where it would come back as another one.
    """

    native: ClassVar[frozenset[type]] = frozenset({int, float, str, bytes})
    encode: ClassVar[Mapping[type, Convert]] = {
        Decimal: str,
        datetime: converter.datetime_text,
        date: date.isoformat,
        time: time.isoformat,
        timedelta: converter.microseconds,
        UUID: str,
    }
    decode: ClassVar[Mapping[type, Convert]] = {
        bool: converter.load_bool,
        int: converter.load_int,
        float: converter.load_float,
        str: converter.load_text,
        bytes: converter.load_bytes,
        date: converter.load_date,
        time: converter.load_time,
        timedelta: converter.load_timedelta,
        UUID: converter.load_uuid,
    }
    # Do columns for moments hold UTC without an offset?
    zoneless_utc: ClassVar[bool] = False
    # Does CHAR fill text with spaces?
    pads_char: ClassVar[bool] = True
    # Does the database have these floats?
    stores_nan: ClassVar[bool] = False
    stores_infinity: ClassVar[bool] = True
    # Precision and scale of a DECIMAL column that does not declare both; None: the column has no limits then.
    decimal_default: ClassVar[tuple[int, int] | None] = None
    # Where DECIMAL is a binary double: how many digits it keeps exactly.
    decimal_digits: ClassVar[int | None] = None

    config: Any = None

    def __init__(self, config: Any = None) -> None:
        self.config = config

    def __init_subclass__(cls, **options: Any) -> None:
        """A subclass whose own constructor asks for the config can be built without; its backend supplies it then."""
        super().__init_subclass__(**options)
        init = vars(cls).get("__init__")
        if isinstance(init, FunctionType) and not init.__defaults__ and init.__code__.co_argcount == 2:
            init.__defaults__ = (None,)

    # 1 - By column

    def dumper(self, column: ColumnType) -> Convert | None:
        """What turns a value of the column into the driver's, or None where nothing is to do; it must not get None."""
        if column.db_type is DatabaseType.CUSTOM:
            return None
        kind = column.kind
        if kind is object:
            return self._document_dumper(column)
        encode = self._author_encoder(kind, column) if self._is_authored else self._own_encoder(kind, column)
        return document.shaped_dumper(column.python, kind, self._scalar_dumper(kind, column, encode))

    def loader(self, column: ColumnType) -> Convert | None:
        """What turns a driver's value into one of the column, or None where nothing is to do; it must not get None."""
        if column.db_type is DatabaseType.CUSTOM:
            return None
        kind = column.kind
        if kind is object:
            first = self._author_decoder(column) if self._is_authored else self.decode.get(object)
            return chain(first, document.document_loader(column.python, self._parses_json(column)))
        return document.shaped_loader(column.python, kind, self._scalar_loader(kind, column))

    def database_type(self, column: ColumnType) -> DatabaseType:
        """The type that the column gets here: a plain datetime is a moment where `config.timezone` is set."""
        if column.db_type is DatabaseType.TIMESTAMP and self.is_aware(column):
            return DatabaseType.TIMESTAMPTZ
        return column.db_type

    def is_aware(self, column: ColumnType) -> bool:
        """Whether the column's datetimes have a time zone (design R17)."""
        if column.aware is None:
            return column.db_type is DatabaseType.TIMESTAMPTZ or bool(self._timezone)
        return column.aware

    def zone(self, column: ColumnType) -> tzinfo:
        """The zone that aware datetimes are loaded into: the connection's for plain `datetime` fields, else UTC."""
        return zone_of(self._timezone) if column.aware is None and self._timezone else UTC

    # 2 - Hooks of a driver's mapper

    def encoder(self, kind: type, column: ColumnType) -> Convert | None:
        """What makes the driver's value of a checked `kind`; None where the driver takes it as it is."""
        return None if kind in self.native else self.encode.get(kind)

    def decoder(self, kind: type, column: ColumnType) -> Convert | None:
        """What makes a `kind` of the driver's value; None where the driver gives it as it is."""
        return None if kind in self.native else self._lenient_decoder(kind, column)

    def fitter(self, column: ColumnType) -> converter.Fit:
        """What lets through, unchanged in value, the Decimals that the column keeps exactly; it raises for others."""
        precision, scale = column.precision, column.scale
        if self.decimal_default is not None and (precision is None or scale is None):
            precision, scale = self.decimal_default
        if precision is not None and scale is None:
            return converter.fitter(precision, None, -precision, precision - 1)
        if precision is None and self.decimal_digits is not None:
            return converter.fitter(self.decimal_digits, scale, *_DOUBLE_EXPONENTS)
        return converter.fitter(precision, scale)

    # 3 - Scalars

    def _scalar_dumper(self, kind: type, column: ColumnType, encode: Convert | None) -> Convert:
        """The check of a plain value with its encoder behind it."""
        if kind is Decimal:
            return converter.decimal_dumper(self.fitter(column), encode)
        if kind is datetime:
            return converter.datetime_dumper(self.is_aware(column), encode, self.zone(column))
        if kind is float:
            return chain(converter.float_dumper(self.stores_nan, self.stores_infinity), encode)
        if kind is str and column.db_type is DatabaseType.CHAR and column.length and self.pads_char:
            return chain(converter.padded_dumper(column.length), encode)
        check = None if column.db_type is DatabaseType.DECIMAL else _CHECKS.get(kind)
        return chain(check, encode) if check is not None else converter.plain_dumper(kind, encode)

    def _own_encoder(self, kind: type, column: ColumnType) -> Convert | None:
        """What the type of column forces, or else what the driver wants."""
        forced = _forced_encoder(kind, column)
        if forced is not None:
            return forced
        if kind is int and column.db_type is DatabaseType.DECIMAL:
            return chain(Decimal, self._scalar_dumper(Decimal, column, self.encoder(Decimal, column)))
        encode = self.encoder(kind, column)
        if kind is not datetime or not self.zoneless_utc or not self.is_aware(column):
            return encode
        return converter.utc_text if encode is converter.datetime_text else chain(converter.without_zone, encode)

    def _scalar_loader(self, kind: type, column: ColumnType) -> Convert | None:
        if self._is_authored:
            return chain(self._author_decoder(column), self._lenient_decoder(kind, column))
        if kind is datetime or _forced_encoder(kind, column) is not None:
            return self._lenient_decoder(kind, column)  # Drivers that have datetimes may still give the other kind.
        if kind is int and column.db_type is DatabaseType.DECIMAL:
            return converter.load_int
        return self.decoder(kind, column)

    def _lenient_decoder(self, kind: type, column: ColumnType) -> Convert:
        """What makes a `kind` of anything that drivers are known to give for one."""
        found = self.decode.get(kind)
        if found is not None:
            return found
        if kind is Decimal:
            return converter.decimal_loader(column.scale)
        if self.is_aware(column):
            return converter.aware_loader(self.zone(column), self.zoneless_utc)
        return converter.naive_loader()

    def _document_dumper(self, column: ColumnType) -> Convert:
        dump = document.document_dumper(column.python)
        if not self._is_authored:
            return chain(dump, self.encode.get(object))
        parts, checked = document.document_parts(column.python), self._author_encoder(object, column)

        def dump_parts(value: Any) -> Any:
            dump(value)
            return checked(parts(value))

        return dump_parts

    # 4 - A pair that an author overrode

    @property
    def _is_authored(self) -> bool:
        own, base = type(self), ValueMapper
        if any(getattr(own, name) is not getattr(base, name) for name in _PAIR):
            return True
        # A mapper that never converted by hand has not made the table yet.
        return "_base_converters" in vars(self) and self._base_converters != self._default_converters()

    def _parses_json(self, column: ColumnType) -> bool:
        """Whether the author's `from_database` reads JSON: then text that it gives is a value."""
        return self._is_authored and self._author_decoder(column)("{}") == {}

    def _author_decoder(self, column: ColumnType) -> Convert:
        db_type = _GUIDE_NAMES.get(column.db_type, column.db_type)
        return lambda value: self.from_database(value, db_type)

    def _author_encoder(self, kind: type, column: ColumnType) -> Convert:
        """The author's `to_database`, with each value read back before it is handed over (design R20)."""
        db_type = _GUIDE_NAMES.get(column.db_type, column.db_type)
        if kind is object:
            last = document.document_loader(Any, self._parses_json(column))
        else:
            last = self._lenient_decoder(kind, column)
        load = chain(self._author_decoder(column), last)
        dump, read, is_scalar = self.to_database, self.from_database, kind is not object
        # Columns repeat themselves: what a value became, and came back from, need not be read back again.
        proven: dict[Any, Any] = {}
        remembers = kind in _REMEMBERED

        def encode(value: Any) -> Any:
            raw = dump(value, db_type)
            if remembers and value in proven and (raw is value or proven[value] == raw):
                return raw
            if raw is not value or not is_scalar or read(raw, db_type) is not value:
                back = None if raw is None else load(raw)
                if back != value or type(back) is not type(value):
                    raise self._not_kept(value, back)
            if remembers and (kind is not str or len(value) <= _MEMORABLE):
                if len(proven) >= _MOST_PROVEN:
                    proven.clear()
                proven[value] = raw
            return raw

        return encode

    def _not_kept(self, value: Any, back: Any) -> DataError:
        return DataError(
            f"{type(self).__name__} does not keep a value of type {type(value).__name__} as it is: what its "
            f"to_database makes of it comes back from from_database as another {type(back).__name__}"
        )

    # 5 - The guide's pair: values without a column

    def to_database(self, value: Any, db_type: DatabaseType | None = None) -> Any:
        """The driver's value for any Python value; `db_type`, where given, decides, otherwise the value's type does.

        None stays None, and what has no converter is left alone.  TypeConversionError, a DataError, for a value that
        `db_type` cannot hold.
        """
        if value is None:
            return None
        if isinstance(value, Enum):
            value = value.value
        convert = None if db_type is None else self._type_converters.get(db_type)
        return self._convert_by_type(value) if convert is None else convert(value)

    def from_database(self, value: Any, db_type: DatabaseType | None) -> Any:
        """The Python value for a driver's; None stays None, and a type without a loader leaves the value alone."""
        if value is None or db_type is None:
            return value
        load = self._type_loaders.get(db_type)
        return value if load is None else load(value)

    @cached_property
    def _base_converters(self) -> dict[type, Callable[[Any], Any]]:
        return self._default_converters()

    def _default_converters(self) -> dict[type, Callable[[Any], Any]]:
        return {
            **dict.fromkeys(SCALARS, self._convert_plain),
            **_CHECKS,
            **dict.fromkeys((dict, list, tuple, set, frozenset, BaseModel), document.json_text),
            bool: self._convert_boolean,
            date: self._convert_date,
            time: self._convert_time,
            datetime: self._convert_datetime,
        }

    def _convert_by_type(self, value: Any) -> Any:
        converters = self._base_converters
        for base in type(value).__mro__:
            if base in converters:
                return converters[base](value)
        return value

    @cached_property
    def _type_converters(self) -> dict[DatabaseType, Callable[[Any], Any]]:
        numbers = {int: converter.load_int, float: converter.load_float, Decimal: converter.decimal_loader(None)}
        return {
            **{t: self._number_converter(numbers[kind]) for t, kind in _NUMBER_TYPES.items()},
            **dict.fromkeys(DATETIME_TYPES, lambda value: self._convert_datetime(parse_datetime(value))),
            **dict.fromkeys((DatabaseType.JSON, DatabaseType.JSONB), document.json_text),
            **dict.fromkeys((DatabaseType.ARRAY, DatabaseType.VECTOR), document.array_text),
            DatabaseType.BOOLEAN: self._convert_boolean,
            DatabaseType.DATE: lambda value: self._convert_date(parse_date(value)),
            DatabaseType.TIME: lambda value: self._convert_time(parse_time(value)),
            DatabaseType.UUID: lambda value: self._convert_plain(converter.load_uuid(value)),
            DatabaseType.BLOB: lambda value: self._convert_plain(converter.load_bytes(value)),
        }

    def _number_converter(self, read: Convert) -> Convert:
        def convert(value: Any) -> Any:
            is_number = isinstance(value, (int, float, Decimal, str)) and not isinstance(value, bool)
            return self._convert_plain(read(value)) if is_number else self._convert_by_type(value)

        return convert

    @cached_property
    def _type_loaders(self) -> dict[DatabaseType, Callable[[Any], Any]]:
        # Made when first asked: the backend hands a mapper its config after the author's constructor.
        kinds = {db_type: kind for kind, db_type in SCALARS.items() if kind not in (int, str)}
        kinds |= {DatabaseType.FLOAT: float, **dict.fromkeys(DATETIME_TYPES, datetime)}
        loaders = {db_type: self._lenient_decoder(kind, ColumnType(kind, db_type)) for db_type, kind in kinds.items()}
        return loaders | dict.fromkeys(JSON_TYPES, document.document_loader(Any))

    def _convert_boolean(self, value: Any) -> Any:
        """The driver's boolean for True, False, 1, 0 and the words for them; TypeConversionError for anything else."""
        if isinstance(value, str):
            value = _WORDS.get(value.lower(), value)
        elif isinstance(value, float) and value in (0.0, 1.0):
            value = int(value)
        return self._convert_plain(converter.load_bool(value))

    def _convert_date(self, value: date) -> Any:
        return self._convert_plain(value)

    def _convert_time(self, value: time) -> Any:
        return self._convert_plain(value)

    def _convert_datetime(self, value: datetime) -> Any:
        return self._convert_plain(value)

    def _convert_plain(self, value: Any) -> Any:
        """The driver's value for one that no column limits."""
        dumpers, kind = self._plain_dumpers, type(value)
        if kind not in dumpers:
            kind = next(known for known in SCALARS if isinstance(value, known))
        if kind is datetime and value.tzinfo is not None:
            return self._dump_moment(value)
        return dumpers[kind](value)

    @cached_property
    def _plain_dumpers(self) -> dict[type, Convert]:
        columns = {kind: ColumnType(kind, db_type, aware=False) for kind, db_type in SCALARS.items()}
        dumpers = {kind: self._scalar_dumper(kind, c, self._own_encoder(kind, c)) for kind, c in columns.items()}
        encode = self._own_encoder(Decimal, columns[Decimal])
        return dumpers | {Decimal: converter.decimal_dumper(converter.fitter(None, None), encode)}

    @cached_property
    def _dump_moment(self) -> Convert:
        column = ColumnType(datetime, DatabaseType.TIMESTAMPTZ, aware=True)
        return self._scalar_dumper(datetime, column, self._own_encoder(datetime, column))

    @property
    def _timezone(self) -> Any:
        return getattr(self.config, "timezone", None)


_PAIR = (
    "to_database",
    "from_database",
    "_convert_boolean",
    "_convert_date",
    "_convert_time",
    "_convert_datetime",
)

# Types of small values, of which equal ones are stored as the same.
_REMEMBERED = frozenset({bool, int, str, date, datetime, time, UUID})
_MEMORABLE = 64  # Letters of text.
_MOST_PROVEN = 4_096

# What the guide calls the types that it knows no finer name for.
_GUIDE_NAMES = {
    DatabaseType.BIGINT: DatabaseType.INTEGER,
    DatabaseType.DOUBLE: DatabaseType.FLOAT,
    DatabaseType.TIMESTAMP: DatabaseType.DATETIME,
    DatabaseType.TIMESTAMPTZ: DatabaseType.DATETIME,
}

# Types that hold every value of another one.
_RELATIVES: dict[DatabaseType, tuple[DatabaseType, ...]] = {
    DatabaseType.TINYINT: (DatabaseType.SMALLINT, DatabaseType.INTEGER),
    DatabaseType.SMALLINT: (DatabaseType.INTEGER,),
    DatabaseType.CHAR: (DatabaseType.VARCHAR,),
    DatabaseType.ENUM: (DatabaseType.VARCHAR,),
    DatabaseType.DATETIME: (DatabaseType.TIMESTAMP,),
    DatabaseType.TIMESTAMP: (DatabaseType.DATETIME,),
    DatabaseType.JSONB: (DatabaseType.JSON,),
}

# Between these powers of ten a double keeps the same number of digits everywhere.
_DOUBLE_EXPONENTS = (-307, 307)

_SIZES = ("length", "precision", "scale")

_CHECKS: dict[type, Convert] = {int: converter.dump_int, str: converter.dump_text, time: converter.dump_time}

_NUMBER_TYPES: dict[DatabaseType, type] = {
    **dict.fromkeys(INTEGER_TYPES, int),
    DatabaseType.FLOAT: float,
    DatabaseType.DOUBLE: float,
    DatabaseType.DECIMAL: Decimal,
}

_WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}

_AS_TEXT: dict[type, Convert] = {
    int: str,
    Decimal: str,
    datetime: converter.datetime_text,
    date: date.isoformat,
    time: time.isoformat,
    UUID: str,
}

_AS_INTEGER: dict[type, Convert] = {bool: int, timedelta: converter.microseconds}


def _forced_encoder(kind: type, column: ColumnType) -> Convert | None:
    """The encoder that a column of another type than the kind's own needs on every driver."""
    if column.db_type in TEXT_TYPES:
        return _AS_TEXT.get(kind)
    if column.db_type in INTEGER_TYPES:
        return _AS_INTEGER.get(kind)
    return converter.uuid_bytes if column.db_type is DatabaseType.BLOB and kind is UUID else None


def zone_of(timezone: Any) -> tzinfo:
    """The zone that an IANA name (or a tzinfo) stands for; ConfigurationError for an unknown one."""
    if isinstance(timezone, tzinfo):
        return timezone
    try:
        return ZoneInfo(timezone)
    except (LookupError, ValueError, TypeError, OSError) as error:
        raise ConfigurationError(
            f"unknown timezone {timezone!r}: use an IANA name such as 'Europe/Berlin'; where the system has no zone "
            "data, install tzdata"
        ) from error


def _whole(name: str, size: Any) -> int:
    # Whatever passes here is written into SQL text.
    if type(size) is not int or size < (0 if name == "scale" else 1):
        raise ConfigurationError(f"the {name} of a column type must be a whole number, got {size!r}")
    return size
