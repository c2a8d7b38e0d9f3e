"""Values inside JSON: where they are, how they compare, what they contain.

A JSON null and a member that is not there are both NULL, on every engine.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_core import PydanticSerializationError, to_json, to_jsonable_python

from .column_type import JSON_TYPES
from .errors import QueryError
from .expression import (
    ATOM,
    Condition,
    Expression,
    In,
    Junction,
    Nested,
    Operand,
    Value,
    as_operand,
    makes,
    type_of,
)
from .number import BOOLEAN, INT, JSON, TEXT, is_number
from .writer import Writer

if TYPE_CHECKING:
    from .column_type import ColumnType

Part = str | int


class JsonPath(Nested):
    """The JSON value at a path of member names and places inside `item`."""

    __slots__ = ("item", "parts")
    compares_itself: ClassVar[bool] = True

    def __init__(self, item: Operand, *parts: Part) -> None:
        checked = tuple(map(_checked_part, parts))
        inner = item if isinstance(item, JsonPath) else None
        self.item: Operand = item if inner is None else inner.item
        self.parts: tuple[Part, ...] = checked if inner is None else inner.parts + checked
        _check_is_json(self.item)

    @property
    def type(self) -> ColumnType:
        """JSON."""
        return JSON

    @property
    def label(self) -> str | None:
        """The last name in the path, or that of the column."""
        names = [part for part in self.parts if isinstance(part, str)]
        return names[-1] if names else self.item.label

    @property
    def sort_key(self) -> Expression:
        """Numbers in the order of numbers, strings in that of texts."""
        return JsonScalar(self)

    @property
    def text_form(self) -> Operand:
        """A string without its quotes."""
        return JsonText(self)

    def write(self, out: Writer) -> None:
        out.dialect.write_json(out, self)

    def _compared(self, operator: str, other: Any) -> Condition:
        if operator == "IS NOT DISTINCT FROM":
            return self.is_null() if other is None else Junction("AND", (self == other, self.is_not_null()))
        if operator == "IS DISTINCT FROM":
            return ~self._compared("IS NOT DISTINCT FROM", other)
        return JsonComparison(self, operator, other)

    def between(self, low: Any, high: Any) -> Condition:
        """True where ``low <= this <= high``."""
        return Junction("AND", (self >= low, self <= high))

    def not_between(self, low: Any, high: Any) -> Condition:
        """True where this is below `low` or above `high`."""
        return Junction("OR", (self < low, self > high))

    def in_(self, values: Any) -> Condition:
        """True where this equals one of `values`, a list."""
        found = [self == value for value in self._listed(values)]
        return Junction("OR", found) if found else In(self, ())

    def not_in(self, values: Any) -> Condition:
        """True where this equals none of `values`, a list."""
        found = [self != value for value in self._listed(values)]
        return Junction("AND", found) if found else In(self, (), negated=True)

    def _listed(self, values: Any) -> tuple[Any, ...]:
        listed = In(self, values).values
        if not isinstance(listed, tuple):
            raise QueryError("a JSON value cannot be looked for in a query as it is: cast it first, .cast(int)")
        return listed


class JsonScalar(Operand):
    """The value at a path as SQL's own number or text: what is ordered by and cast."""

    __slots__ = ("path",)

    def __init__(self, path: JsonPath) -> None:
        self.path = path

    def write(self, out: Writer) -> None:
        out.dialect.write_json_scalar(out, self.path)


@makes("json_text")
class JsonText(Operand):
    """The value at a path as text: a string without its quotes, anything else as JSON."""

    __slots__ = ("path",)

    def __init__(self, item: Operand) -> None:
        self.path = path_to(item)

    @property
    def type(self) -> ColumnType:
        """Text."""
        return TEXT

    @property
    def label(self) -> str | None:
        """The path's."""
        return self.path.label

    def write(self, out: Writer) -> None:
        out.dialect.write_json_text(out, self.path)


class JsonComparison(Condition):
    """A JSON value compared with another: equal only in kind and value, so that true is not 1 and 1 is not "1".

    `kind` is what it is compared as: text, number, boolean or json; `operand` holds JSON text where it is json.
    """

    __slots__ = ("kind", "operand", "operator", "path")
    precedence = ATOM

    def __init__(self, path: JsonPath, operator: str, other: Any) -> None:
        self.path = path
        self.operator = operator
        if isinstance(other, Expression) or hasattr(other, "as_subquery"):
            self.operand = as_operand(other)
            self.kind = _kind_of(self.operand)
        else:
            self.operand, self.kind = _compared_value(other)
        if operator not in ("=", "<>") and self.kind not in ("text", "number"):
            raise QueryError(f"{operator} compares JSON with numbers and text, not with {self.kind}")

    def write(self, out: Writer) -> None:
        out.dialect.write_json_comparison(out, self)


@makes("json_contains")
class JsonContains(Condition):
    """Whether a JSON value contains another, given as JSON `text`."""

    __slots__ = ("path", "text")

    def __init__(self, item: Operand, value: Any) -> None:
        if isinstance(value, Expression):
            raise QueryError("json_contains takes a value, not an expression")
        self.path = path_to(item)
        self.text = json_text(value)

    def write(self, out: Writer) -> None:
        out.dialect.write_json_contains(out, self)


@makes("json_has_key")
class JsonHasKey(Condition):
    """Whether a JSON object has a member."""

    __slots__ = ("name", "path")

    def __init__(self, item: Operand, name: str) -> None:
        if not isinstance(name, str):
            raise QueryError(f"has_key expects the name of a member, got {type(name).__name__}")
        self.path = path_to(item)
        self.name = name

    def write(self, out: Writer) -> None:
        out.dialect.write_json_has_key(out, self)


@makes("json_length")
class JsonLength(Operand):
    """The number of elements of an array or members of an object."""

    __slots__ = ("path",)

    def __init__(self, item: Operand) -> None:
        self.path = path_to(item)

    @property
    def type(self) -> ColumnType:
        """A whole number."""
        return INT

    def write(self, out: Writer) -> None:
        out.dialect.write_json_length(out, self.path)


def path_to(item: Operand) -> JsonPath:
    """The operand as a path, an empty one where it is none."""
    return item if isinstance(item, JsonPath) else JsonPath(item)


def is_json(node: Any) -> bool:
    """Whether a node holds JSON."""
    column = type_of(node)
    return column is not None and column.db_type in JSON_TYPES


def json_text(value: Any) -> str:
    """A Python value as JSON text, in the form that Pydantic gives it; QueryError where it has none."""
    try:
        return to_json(to_jsonable_python(value), inf_nan_mode="constants").decode()
    except (PydanticSerializationError, UnicodeError, ValueError) as error:
        raise QueryError(f"a value of type {type(value).__name__} has no form in JSON") from error


def _compared_value(value: Any) -> tuple[Value, str]:
    if isinstance(value, (int, float, Decimal)):  # Pydantic writes a Decimal as text.
        return (Value(value, BOOLEAN), "boolean") if isinstance(value, bool) else (Value(value), "number")
    try:
        plain = to_jsonable_python(value)
    except (PydanticSerializationError, UnicodeError) as error:
        raise QueryError(f"a value of type {type(value).__name__} has no form in JSON") from error
    if isinstance(plain, str):
        return Value(plain), "text"
    return (Value(json_text(plain)), "json") if isinstance(plain, (dict, list)) else _compared_value(plain)


def _kind_of(operand: Any) -> str:
    column = type_of(operand)
    if isinstance(operand, Value) and column is None:
        return _compared_value(operand.value)[1]
    if column is not None:
        if column.db_type in JSON_TYPES:
            return "json"
        if column.python is bool:
            return "boolean"
        if is_number(column):
            return "number"
        if column.kind is str:
            return "text"
    raise QueryError("a JSON value is compared with numbers, text, booleans and JSON: cast one of the two")


def _check_is_json(item: Operand) -> None:
    column = type_of(item)
    if column is not None and column.db_type not in JSON_TYPES:
        raise QueryError(f"{item.label or 'the expression'!r} holds {column.label}, no JSON that has parts")


def _checked_part(part: Any) -> Part:
    if isinstance(part, str):
        return str(part)
    if isinstance(part, int) and not isinstance(part, bool):
        return int(part)
    raise QueryError(f"a part of a JSON path is a name or a whole number, got {type(part).__name__}")
