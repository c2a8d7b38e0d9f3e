"""How PostgreSQL spells column types, and what psycopg is handed for values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow, Subnormal
from ipaddress import ip_interface
from typing import Any, ClassVar
from uuid import UUID

from rhosocial.activerecord.backend import ColumnType, DatabaseType, DataError, TypeMapper, ValueMapper


class PostgreSQLTypeMapper(TypeMapper):
    """PostgreSQL's types.  JSON is JSONB: JSON has no equality, so that DISTINCT and GROUP BY would refuse it."""

    names: ClassVar[Mapping[DatabaseType, str]] = {
        # CUSTOM has no type of its own: its values are what the driver takes for a column that was made elsewhere.
        **{db_type: name for db_type, name in TypeMapper.names.items() if db_type is not DatabaseType.CUSTOM},
        DatabaseType.FLOAT: "DOUBLE PRECISION",  # A Python float has as many digits.
        DatabaseType.DECIMAL: "NUMERIC({precision},{scale})",
        DatabaseType.TIMESTAMPTZ: "TIMESTAMPTZ",
        DatabaseType.INTERVAL: "INTERVAL",
        DatabaseType.BLOB: "BYTEA",
        DatabaseType.JSON: "JSONB",
        DatabaseType.JSONB: "JSONB",
        DatabaseType.ARRAY: "JSONB",
        DatabaseType.VECTOR: "JSONB",
        DatabaseType.INET: "INET",
        DatabaseType.ENUM: "TEXT",
    }

    def get_column_type(self, db_type: DatabaseType, **params: Any) -> str:
        """As the base's; CHAR without a length would be one character."""
        if db_type is DatabaseType.CHAR and params.get("length") is None:
            return "TEXT"
        return super().get_column_type(db_type, **params)


class PostgreSQLValueMapper(ValueMapper):
    """psycopg takes and gives Python's own types; JSON travels as text."""

    native: ClassVar[frozenset[type]] = frozenset(
        {bool, int, float, str, bytes, Decimal, date, time, datetime, timedelta, UUID}
    )

    def database_type(self, column: ColumnType) -> DatabaseType:
        """As the base's: a moment is kept as one, under whichever name of a datetime it was asked for."""
        if column.db_type is DatabaseType.DATETIME and self.is_aware(column):
            return DatabaseType.TIMESTAMPTZ
        return super().database_type(column)

    def fitter(self, column: ColumnType) -> Callable[[Decimal], Decimal]:
        """As the base's; without a precision the limits are NUMERIC's own."""
        if column.precision is None and column.scale is None:
            return _fit
        return super().fitter(column)

    def decoder(self, kind: type, column: ColumnType) -> Callable[[Any], Any] | None:
        """Numbers that PostgreSQL reckons may be of another kind than the column's; the rest comes as it is."""
        if kind in _AS_THEY_COME:
            return None
        return self._lenient_decoder(kind, column)

    def dumper(self, column: ColumnType) -> Callable[[Any], Any] | None:
        """As the base's; JSON and addresses only where the server gives them back as they were."""
        dump = super().dumper(column)
        if dump is None:
            return None
        if column.db_type is DatabaseType.INET:
            return lambda value: check_address(dump(value))
        return (lambda value: fit_json(dump(value))) if column.kind is object else dump


_AS_THEY_COME = frozenset({bool, str, bytes, date, time, timedelta, UUID})

_NUMERIC = Context(prec=1_000, Emin=-16_000, Emax=130_000, traps=[Inexact, InvalidOperation, Overflow, Subnormal])


def _fit(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise DataError("a Decimal that is no finite number cannot be stored; use None instead")
    try:
        return _NUMERIC.plus(value)
    except DecimalException:
        raise DataError("a Decimal has more digits than a NUMERIC column keeps") from None


# A number with an exponent, or a text that only looks as if it held one.
_EXPONENT = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?[eE][+-]?\d+')
_HINT = re.compile(r"\d[eE][+-]?\d")


# NUL, which stands behind an even number of backslashes.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def fit_json(text: str) -> str:
    """JSON text without exponents: JSONB would make the whole number 100 of the float 1e2.

    DataError for the character NUL, which JSONB does not have.
    """
    if "\\u0000" in text and _NUL.search(text):
        raise DataError("PostgreSQL keeps no text with the character NUL, in JSON neither")
    return _EXPONENT.sub(_plain_number, text) if _HINT.search(text) else text


def check_address(text: str) -> str:
    """The text of an address or a network, if it is the one that INET gives back; DataError otherwise."""
    try:
        found = ip_interface(text)
    except ValueError:
        raise DataError("expected the address of a host or a network") from None
    usual = str(found.ip) if found.network.prefixlen == found.max_prefixlen else str(found)
    if usual != text or (":" in text and "." in text):
        raise DataError(
            f"an INET column would give the address back in another spelling: IPv{found.version}'s usual one"
        )
    return text


def _plain_number(found: re.Match[str]) -> str:
    text = found.group()
    if text.startswith('"'):
        return text
    plain = format(Decimal(text), "f")
    return plain if "." in plain else plain + ".0"
