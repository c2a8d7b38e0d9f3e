"""How SQLite spells column types, and what its driver is handed for values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Context, Decimal, DecimalException, Inexact, Overflow, Subnormal
from typing import Any, ClassVar, Self

from rhosocial.activerecord.backend import (
    ColumnType,
    DatabaseType,
    DataError,
    Expression,
    TypeMapper,
    TypeMapping,
    ValueMapper,
)

# A double keeps 15 decimal digits of any number (C's DBL_DIG); more are text under the collation DECIMAL.
MAX_DIGITS = 15
TEXT_DECIMAL = "TEXT COLLATE DECIMAL"

_AS_DOUBLE = Context(prec=MAX_DIGITS, Emin=-307, Emax=307, traps=[Inexact, Overflow, Subnormal])


class SQLiteTypes:
    """The storage classes and affinities of SQLite (https://www.sqlite.org/datatype3.html)."""

    INTEGER = "INTEGER"
    REAL = "REAL"
    TEXT = "TEXT"
    BLOB = "BLOB"
    NUMERIC = "NUMERIC"


class SQLiteTypeMapper(TypeMapper):
    """Column types by their affinity, which all but NUMERIC may also stand in STRICT tables.

    Types that are stored as text say TEXT: under a name such as DATE or JSON, SQLite would turn text that looks like a
    number into one.
    """

    names: ClassVar[Mapping[DatabaseType, str]] = {
        **dict.fromkeys(DatabaseType, SQLiteTypes.TEXT),
        DatabaseType.TINYINT: SQLiteTypes.INTEGER,
        DatabaseType.SMALLINT: SQLiteTypes.INTEGER,
        DatabaseType.INTEGER: SQLiteTypes.INTEGER,
        DatabaseType.BIGINT: SQLiteTypes.INTEGER,
        DatabaseType.BOOLEAN: SQLiteTypes.INTEGER,
        DatabaseType.INTERVAL: SQLiteTypes.INTEGER,
        DatabaseType.FLOAT: SQLiteTypes.REAL,
        DatabaseType.DOUBLE: SQLiteTypes.REAL,
        DatabaseType.DECIMAL: "NUMERIC({precision},{scale})",
        DatabaseType.BLOB: SQLiteTypes.BLOB,
        DatabaseType.CUSTOM: SQLiteTypes.BLOB,  # The one affinity that stores every value as it comes.
    }

    def get_column_type(self, db_type: DatabaseType, **params: Any) -> str:
        """The column type's text; decimals of more than 15 digits are text in numeric order."""
        text = super().get_column_type(db_type, **params)
        if db_type is DatabaseType.DECIMAL and needs_text(params.get("precision")):
            return TEXT_DECIMAL
        return text


class SQLiteValueMapper(ValueMapper):
    """Values as SQLite's five storage classes hold them.

    Datetimes are text without offset, moments in UTC; timedeltas whole microseconds; booleans 0 and 1; decimals
    doubles, exact to 15 digits, or text where the column declares more.
    """

    encode: ClassVar[Mapping[type, Callable[[Any], Any]]] = {**ValueMapper.encode, bool: int}
    zoneless_utc = True
    pads_char = False
    decimal_digits = MAX_DIGITS

    def dumper(self, column: ColumnType) -> Callable[[Any], Any] | None:
        """As the base's; a CUSTOM column takes what SQLite itself holds, as anything else would come back changed."""
        if column.db_type is not DatabaseType.CUSTOM:
            return super().dumper(column)
        dumpers = {kind: super(SQLiteValueMapper, self).dumper(own) for kind, own in _STORAGE_CLASSES.items()}

        def dump(value: Any) -> Any:
            kind = type(value)
            if kind not in dumpers:
                raise DataError(f"a CUSTOM column of SQLite takes int, float, str and bytes, not {kind.__name__}")
            check = dumpers[kind]
            return value if check is None else check(value)

        return dump

    def encoder(self, kind: type, column: ColumnType) -> Callable[[Any], Any] | None:
        """Decimals as the column declares them; everything else as usual."""
        if kind is not Decimal:
            return super().encoder(kind, column)
        if needs_text(column.precision):
            return _decimal_text
        return _number_or_text if column.precision is None else float

    def is_expression(self, value: Any) -> bool:
        """Whether a parameter is SQL and not a value."""
        return isinstance(value, Expression)

    def format_param(self, value: Any) -> str:
        """What stands in a statement for a parameter: an expression's text, or a placeholder."""
        return str(value.format(None)) if self.is_expression(value) else "?"


class SQLiteColumnType(str):
    """The text of a SQLite column type."""

    __slots__ = ()

    @classmethod
    def get_type(cls, db_type: DatabaseType, **params: Any) -> Self:
        """The type that SQLite has for a `DatabaseType`; a ValueError where it has none."""
        return cls(SQLiteTypeMapper().get_column_type(db_type, **params))


SQLITE_TYPE_MAPPINGS = {
    db_type: TypeMapping(name.partition("(")[0]) for db_type, name in SQLiteTypeMapper.names.items()
}


_STORAGE_CLASSES = {
    int: ColumnType(int, DatabaseType.BIGINT),
    float: ColumnType(float, DatabaseType.DOUBLE),
    str: ColumnType(str, DatabaseType.TEXT),
    bytes: ColumnType(bytes, DatabaseType.BLOB),
}


def needs_text(precision: int | None) -> bool:
    """Whether decimals of that precision have more digits than SQLite's numbers keep."""
    return precision is not None and precision > MAX_DIGITS


def _decimal_text(value: Decimal) -> str:
    return format(value, "f")


def _number_or_text(value: Decimal) -> float | str:
    try:
        _AS_DOUBLE.plus(value)
    except DecimalException:
        return _decimal_text(value)  # A parameter without a column, to be compared with decimals that are text.
    return float(value)
