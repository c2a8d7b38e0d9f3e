"""How MySQL and MariaDB spell column types, and what their driver is handed for values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Context, Decimal
from typing import Any, ClassVar

from rhosocial.activerecord.backend import ColumnType, DatabaseType, DataError, TypeMapper, ValueMapper

MOST_DIGITS = 65  # https://mariadb.com/kb/en/decimal/
_DEEPEST = 31  # JSON_VALID of MariaDB says no to more levels than that.


class MySQLTypeMapper(TypeMapper):
    """Column types of both servers: microseconds everywhere, text and bytes without a limit unless one is declared.

    JSON is text that is checked, as it is in MariaDB: MySQL's own JSON type changes numbers beyond 64 bits.
    """

    names: ClassVar[Mapping[DatabaseType, str]] = {
        **TypeMapper.names,
        DatabaseType.TINYINT: "TINYINT",
        DatabaseType.INTEGER: "INT",
        DatabaseType.FLOAT: "DOUBLE",  # Their FLOAT has single precision, and prints six digits of it.
        DatabaseType.DOUBLE: "DOUBLE",
        DatabaseType.TEXT: "LONGTEXT",
        DatabaseType.DATETIME: "DATETIME(6)",
        DatabaseType.TIMESTAMP: "DATETIME(6)",
        DatabaseType.TIMESTAMPTZ: "DATETIME(6)",
        DatabaseType.TIME: "TIME(6)",
        DatabaseType.BOOLEAN: "TINYINT(1)",
        DatabaseType.BLOB: "LONGBLOB",
        **dict.fromkeys((DatabaseType.JSON, DatabaseType.JSONB), "JSON"),  # The dialect makes checked text of it.
        **dict.fromkeys((DatabaseType.ARRAY, DatabaseType.VECTOR), "JSON"),
        DatabaseType.UUID: "CHAR(36)",
        DatabaseType.CUSTOM: "LONGBLOB",
    }
    defaults: ClassVar[Mapping[DatabaseType, Mapping[str, int]]] = {
        DatabaseType.CHAR: {"length": 255},
        DatabaseType.VARCHAR: {"length": 255},
        DatabaseType.ENUM: {"length": 255},
        DatabaseType.DECIMAL: {"precision": 65, "scale": 30},
    }

    def get_column_type(self, db_type: DatabaseType, **params: Any) -> str:
        """The column type's text; a decimal that does not declare both its sizes has the largest ones."""
        if db_type is DatabaseType.DECIMAL and (params.get("precision") is None or params.get("scale") is None):
            params = {}
        return super().get_column_type(db_type, **params)

    keyed_names: ClassVar[Mapping[DatabaseType, str]] = {
        DatabaseType.TEXT: "VARCHAR(255)",
        DatabaseType.BLOB: "VARBINARY(255)",
    }


class CastTypes(MySQLTypeMapper):
    """What CAST calls the types."""

    names: ClassVar[Mapping[DatabaseType, str]] = {
        **dict.fromkeys(DatabaseType, "CHAR"),
        **dict.fromkeys((DatabaseType.TINYINT, DatabaseType.SMALLINT, DatabaseType.INTEGER), "SIGNED"),
        **dict.fromkeys((DatabaseType.BIGINT, DatabaseType.BOOLEAN, DatabaseType.INTERVAL), "SIGNED"),
        **dict.fromkeys((DatabaseType.FLOAT, DatabaseType.DOUBLE), "DOUBLE"),
        **dict.fromkeys((DatabaseType.DATETIME, DatabaseType.TIMESTAMP, DatabaseType.TIMESTAMPTZ), "DATETIME(6)"),
        DatabaseType.DECIMAL: "DECIMAL({precision},{scale})",
        DatabaseType.DATE: "DATE",
        DatabaseType.TIME: "TIME(6)",
        DatabaseType.BLOB: "BINARY",
        DatabaseType.CUSTOM: "BINARY",
    }


def _checked_json(text: str) -> str:
    """JSON text that the servers' functions can read; DataError for any other."""
    if "NaN" in text or "Infinity" in text:
        json.loads(text, parse_constant=_refuse_constant)
    if text.count("[") + text.count("{") > _DEEPEST and _depth(text) > _DEEPEST:
        raise DataError(f"JSON of more than {_DEEPEST} levels is none to MariaDB: keep it as text, or flatter")
    return text


def _refuse_constant(name: str) -> Any:
    raise DataError(f"{name} has no form in JSON: use None instead")


def _depth(text: str) -> int:
    deepest = depth = 0
    for mark in re.findall(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(mark, 0)
        deepest = max(deepest, depth)
    return deepest


def _fits(value: Decimal, digits: int) -> bool:
    """Whether so many digits say all of a number, be they left or right of the point."""
    return len(value.normalize(Context(prec=200)).as_tuple().digits) <= digits


class MySQLValueMapper(ValueMapper):
    """Values as literals: numbers, text, bytes, dates and times are the driver's own, spans whole microseconds."""

    native: ClassVar[frozenset[type]] = frozenset({int, float, str, bytes, Decimal, datetime, date, time})
    encode: ClassVar[Mapping[type, Callable[[Any], Any]]] = {**ValueMapper.encode, bool: int, object: _checked_json}
    zoneless_utc = True
    stores_infinity = False
    decimal_default = (MOST_DIGITS, 30)

    def dumper(self, column: ColumnType) -> Callable[[Any], Any] | None:
        """As the base's; a CUSTOM column takes bytes, as anything else would come back changed."""
        if column.db_type is not DatabaseType.CUSTOM:
            return super().dumper(column)
        return super().dumper(ColumnType(bytes, DatabaseType.BLOB))

    def fitter(self, column: ColumnType) -> Callable[[Decimal], Decimal]:
        """Decimals that declare their digits alone have no more of them, wherever the point is."""
        fit, digits = super().fitter(column), column.precision
        if digits is None or column.scale is not None:
            return fit

        def fit_digits(value: Decimal) -> Decimal:
            fitted = fit(value)
            if not _fits(fitted, digits):
                raise DataError(f"a Decimal does not fit a column of {digits} digits: round it, or declare more")
            return fitted

        return fit_digits

    def decoder(self, kind: type, column: ColumnType) -> Callable[[Any], Any] | None:
        """Decimals have the places that their column declares: sums and means come with others, or with none."""
        return self._lenient_decoder(kind, column) if kind is Decimal else super().decoder(kind, column)
