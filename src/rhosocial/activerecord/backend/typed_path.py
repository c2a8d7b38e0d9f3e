"""Paths into a JSON column whose annotation says what stands there: ``User.c.address.city``.

Values are compared as the field at the end of the path would store them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from .cast import Cast
from .column_type import JSON_TYPES, ColumnType, label_of
from .errors import QueryError
from .expression import Comparison, Condition, Expression, Operand, Value, makes
from .json_path import JsonComparison, JsonPath, JsonScalar, JsonText
from .member import Member, Part, member_of_column
from .number import JSON, MOMENT
from .typing import DatabaseType
from .writer import Writer

# As many digits as any column, so that no dumper rounds or refuses what JSON holds as text.
_DECIMAL = ColumnType(Decimal, DatabaseType.DECIMAL, precision=1_000)
_ORDERS = ("<", "<=", ">", ">=")
_NUMBERS = (int, float, Decimal)
# Kinds whose text in JSON does not sort as the values do.
_WITHOUT_ORDER = (timedelta, bytes)


class TypedPath(JsonPath):
    """A path whose end has a declared type.

    `is_declared` says that its names are those of fields, and no data: an engine may write them into its SQL, by which
    an index over the same expression is found.
    """

    __slots__ = ("is_declared", "member")

    def __init__(self, item: Operand, parts: tuple[Part, ...], member: Member, is_declared: bool) -> None:
        super().__init__(item, *parts)
        self.member = member
        self.is_declared = is_declared

    @property
    def type(self) -> ColumnType:
        """JSON, of values of the declared type."""
        if self.member.is_loose:
            return JSON
        return ColumnType(self.member.column.python, DatabaseType.JSON)

    @property
    def sort_key(self) -> Expression:
        """Numbers and moments in their own order, also where JSON holds them as text."""
        column = self.member.column
        if column.kind is Decimal:
            return JsonTyped(self, _DECIMAL)
        return JsonTyped(self, MOMENT) if column.aware else JsonScalar(self)

    def _compared(self, operator: str, other: Any) -> Condition:
        column = self.member.column
        is_sql = isinstance(other, Expression) or hasattr(other, "as_subquery")
        if self.member.is_loose or is_sql or "DISTINCT" in operator:
            return super()._compared(operator, other)
        if type(other) in _NUMBERS and column.kind in _NUMBERS:
            value: Any = other  # Numbers of one kind may be compared with numbers of another.
        else:
            value = self.member.written(other, path_name(self))
        if column.kind is Decimal:
            return Comparison(JsonTyped(self, _DECIMAL), operator, Value(Decimal(str(value)), _DECIMAL))
        moment = datetime.fromisoformat(value) if column.kind is datetime and isinstance(value, str) else None
        if moment is not None and moment.tzinfo is not None:
            return Comparison(JsonTyped(self, MOMENT), operator, Value(moment, MOMENT))
        if operator in _ORDERS and column.kind in _WITHOUT_ORDER:
            label = label_of(column.python)
            raise QueryError(f"{operator} has no meaning for {path_name(self)}: the text of a {label} does not sort")
        return JsonComparison(self, operator, value)


class JsonTyped(Operand):
    """The decimal or the moment that the text at a path spells, JSON having neither."""

    __slots__ = ("_type", "path")

    def __init__(self, path: JsonPath, type: ColumnType) -> None:
        self.path = path
        self._type = type

    @property
    def type(self) -> ColumnType:
        """The type of the decimal or the moment."""
        return self._type

    @property
    def label(self) -> str | None:
        """The path's."""
        return self.path.label

    @property
    def as_cast(self) -> Cast:
        """The same as a cast of the text, for engines whose own cast reads it."""
        return Cast(JsonText(self.path), Decimal if self._type.kind is Decimal else self._type)

    def write(self, out: Writer) -> None:
        out.dialect.write_json_typed(out, self)


@makes("json_path")
def path_at(item: Operand, part: Part) -> JsonPath:
    """The path one part further, typed as far as the column's annotation goes.

    MemberNotFound, a ColumnNotFound, where the annotation declares no such member.
    """
    plain = JsonPath(item, part)  # Which refuses what is no part, and columns that hold no JSON.
    member = _member_of(item)
    if member is None:
        return plain
    part, further = member.at(plain.parts[-1], path_name(item))
    before = not isinstance(item, TypedPath) or item.is_declared
    is_field = isinstance(part, int) or (member.has_fields and part.isascii() and part.isidentifier())
    return TypedPath(plain.item, (*plain.parts[:-1], part), further, before and is_field)


@makes("json_member")
def member_at(item: Operand, name: str) -> JsonPath:
    """`path_at` for what Python asks an operand for as an attribute: AttributeError for all that declares no fields."""
    column = None if name.startswith("_") else item.type
    member = _member_of(item) if column is not None and column.db_type in JSON_TYPES else None
    if member is None or not member.has_fields:
        hint = "" if member is None else f"; a member of JSON is [{name!r}]"
        raise AttributeError(f"{type(item).__name__!r} object has no attribute {name!r}{hint}")
    return path_at(item, name)


def _member_of(item: Operand) -> Member | None:
    """What is known of the JSON that an operand holds; None for nothing."""
    if isinstance(item, TypedPath):
        return item.member
    return None if type(item) is JsonPath or item.type is None else member_of_column(item.type.python)


def path_by_name(item: Operand, text: str) -> Operand:
    """The path that ``"geo.lat"`` or ``"0.price"`` means inside a column."""
    for part in text.split("."):
        item = path_at(item, int(part) if part.isdecimal() else part)
    return item


def path_name(item: Operand) -> str:
    """The path as messages name it: ``address.city``."""
    parts = item.parts if isinstance(item, JsonPath) else ()
    root = item.item.label if isinstance(item, JsonPath) else item.label
    return f"{root or 'JSON'}{''.join(f'[{part}]' if isinstance(part, int) else f'.{part}' for part in parts)}"
