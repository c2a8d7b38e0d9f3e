"""SQL as data: each node knows how to write itself to a writer.

A node holds no model, no connection and no converted value: a `Value` keeps the column it is compared with, and the
writer converts it once, when the statement is compiled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from .codec import refuse_comparison
from .column_type import JSON_TYPES
from .errors import QueryError
from .lexer import pieces
from .node import ADD, AND, ATOM, COMPARE, MULTIPLY, NOT, OR, SIGN, Aliased, Expression, Ordering, made, makes
from .number import BOOLEAN, compared_as
from .writer import Writer

if TYPE_CHECKING:
    from .column_type import ColumnType

__all__ = [
    "ADD",
    "AND",
    "ATOM",
    "COMPARE",
    "MULTIPLY",
    "NOT",
    "OR",
    "SIGN",
    "Aliased",
    "Between",
    "ColumnRef",
    "Comparison",
    "Condition",
    "Expression",
    "In",
    "IsNull",
    "Junction",
    "Negation",
    "Operand",
    "Ordering",
    "ParameterCountError",
    "Raw",
    "SQLExpressionBase",
    "Value",
    "as_operand",
    "makes",
    "type_of",
]

_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


class Operand(Expression):
    """An expression that has Python's operators: ``==`` compares, ``&`` and ``|`` join conditions, ``~`` negates."""

    __slots__ = ()
    precedence = ATOM
    compares_itself: ClassVar[bool] = False  # Does a comparison take its meaning from this side, wherever it stands?

    def __init__(self) -> None: ...

    @property
    def type(self) -> ColumnType | None:
        """What a value compared with this is converted as; None where that is not known."""
        return None

    @property
    def text_form(self) -> Operand:
        """What stands for it where text is asked for."""
        return self

    def __bool__(self) -> bool:
        raise TypeError("a SQL condition has no truth value in Python: join conditions with & | ~, not and, or, not")

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]  # A comparison is SQL here, not a bool.
        return self.is_null() if other is None else self._compared("=", other)

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]  # SQL, not Python.
        return self.is_not_null() if other is None else self._compared("<>", other)

    __hash__ = object.__hash__

    def _compared(self, operator: str, other: Any) -> Condition:
        if isinstance(other, Operand) and other.compares_itself:
            return other._compared(_TURNED.get(operator, operator), self)
        return Comparison(self, operator, other)

    def __lt__(self, other: Any) -> Condition:
        return self._compared("<", other)

    def __le__(self, other: Any) -> Condition:
        return self._compared("<=", other)

    def __gt__(self, other: Any) -> Condition:
        return self._compared(">", other)

    def __ge__(self, other: Any) -> Condition:
        return self._compared(">=", other)

    def __and__(self, other: Expression) -> Condition:
        return Junction("AND", (_truth(self), other))

    def __or__(self, other: Expression) -> Condition:
        return Junction("OR", (_truth(self), other))

    def __invert__(self) -> Condition:
        return Negation(_truth(self))

    def __add__(self, other: Any) -> Operand:
        return _operand("arithmetic", self, "+", other, ADD)

    def __radd__(self, other: Any) -> Operand:
        return _operand("arithmetic", other, "+", self, ADD)

    def __sub__(self, other: Any) -> Operand:
        return _operand("arithmetic", self, "-", other, ADD)

    def __rsub__(self, other: Any) -> Operand:
        return _operand("arithmetic", other, "-", self, ADD)

    def __mul__(self, other: Any) -> Operand:
        return _operand("arithmetic", self, "*", other, MULTIPLY)

    def __rmul__(self, other: Any) -> Operand:
        return _operand("arithmetic", other, "*", self, MULTIPLY)

    def __truediv__(self, other: Any) -> Operand:
        return _operand("arithmetic", self, "/", other, MULTIPLY)

    def __rtruediv__(self, other: Any) -> Operand:
        return _operand("arithmetic", other, "/", self, MULTIPLY)

    def __mod__(self, other: Any) -> Operand:
        return _operand("arithmetic", self, "%", other, MULTIPLY)

    def __rmod__(self, other: Any) -> Operand:
        return _operand("arithmetic", other, "%", self, MULTIPLY)

    def __neg__(self) -> Operand:
        return _operand("arithmetic", 0, "-", self, ADD)

    def in_(self, values: Any) -> Condition:
        """True where this is one of `values`, a list or a query of one column; an empty list matches no row."""
        return In(self, values)

    def not_in(self, values: Any) -> Condition:
        """True where this is none of `values`; an empty list matches every row, a query that gives a NULL none."""
        return In(self, values, negated=True)

    def between(self, low: Any, high: Any) -> Condition:
        """True where ``low <= this <= high``."""
        return Between(self, low, high)

    def not_between(self, low: Any, high: Any) -> Condition:
        """True where this is below `low` or above `high`."""
        return Between(self, low, high, negated=True)

    def like(self, pattern: str) -> Condition:
        """SQL's LIKE with `pattern` as it is; whether case counts is the engine's choice."""
        return _condition("like", self, pattern)

    def not_like(self, pattern: str) -> Condition:
        """The opposite of `like`."""
        return _condition("like", self, pattern, negated=True)

    def ilike(self, pattern: str) -> Condition:
        """LIKE without regard to case, on every engine (SQLite: of ASCII letters)."""
        return _condition("like", self, pattern, ignore_case=True)

    def not_ilike(self, pattern: str) -> Condition:
        """The opposite of `ilike`."""
        return _condition("like", self, pattern, ignore_case=True, negated=True)

    def contains(self, text: str) -> Condition:
        """True where `text` stands somewhere in this; case counts on every engine, ``%`` and ``_`` are plain."""
        return _condition("match", self, "contains", text)

    def startswith(self, text: str) -> Condition:
        """True where this begins with `text`; case counts on every engine."""
        return _condition("match", self, "startswith", text)

    def endswith(self, text: str) -> Condition:
        """True where this ends with `text`; case counts on every engine."""
        return _condition("match", self, "endswith", text)

    def regexp(self, pattern: str | Expression, ignore_case: bool = False) -> Condition:
        """True where the regular expression fits somewhere in this; SQLite reads it as Python's `re` does."""
        return _condition("regexp", self, pattern, ignore_case=ignore_case)

    def not_regexp(self, pattern: str | Expression, ignore_case: bool = False) -> Condition:
        """The opposite of `regexp`."""
        return _condition("regexp", self, pattern, ignore_case=ignore_case, negated=True)

    def matches(self, words: str) -> Condition:
        """True where a full-text search finds all of the words in this, a column of a full-text index."""
        return _condition("full_text", self, words)

    def is_null(self) -> Condition:
        """True where this is NULL."""
        return IsNull(self)

    def is_not_null(self) -> Condition:
        """True where this is not NULL."""
        return IsNull(self, negated=True)

    def is_distinct_from(self, other: Any) -> Condition:
        """Like ``!=``, with NULL as a value: NULL is distinct from all values, and not from NULL."""
        return self._compared("IS DISTINCT FROM", other)

    def is_not_distinct_from(self, other: Any) -> Condition:
        """Like ``==``, with NULL as a value: true where both are NULL."""
        return self._compared("IS NOT DISTINCT FROM", other)

    def cast(self, to: Any) -> Operand:
        """This as another type, a Python type or a `DatabaseType`: ``CAST(this AS type)``."""
        return _operand("cast", self, to)

    def collate(self, collation: str) -> Operand:
        """This under a collation of the database: ``this COLLATE "name"``."""
        return _operand("collate", self, collation)

    def __getitem__(self, part: str | int) -> Operand:
        """The member of that name, or the element at that place (from the end where negative), of a JSON value."""
        return _operand("json_path", self, part)

    # Or Python would take anything that can be indexed for a sequence without an end.
    __iter__ = None
    __contains__ = None

    def json_contains(self, value: Any) -> Condition:
        """True where the JSON value contains `value`: its members and elements, at any depth, are in this one."""
        return _condition("json_contains", self, value)

    def has_key(self, name: str) -> Condition:
        """True where the JSON value is an object with a member of that name, be it null."""
        return _condition("json_has_key", self, name)

    def json_set(self, values: Mapping[str, Any] | None = None, /, **more: Any) -> Operand:
        """The column's JSON with members set, for an update: the others stay as they are in the database."""
        return _operand("json_set", self, {**(values or {}), **more})

    def json_remove(self, *names: str) -> Operand:
        """The column's JSON, a dict, without the members of these names, for an update."""
        return _operand("json_remove", self, names)

    def json_length(self) -> Operand:
        """The number of elements of a JSON array, or of members of an object; NULL for anything else."""
        return _operand("json_length", self)

    def as_text(self) -> Operand:
        """The JSON value as text: a string without its quotes, anything else as JSON; NULL for null."""
        return _operand("json_text", self)

    def asc(self) -> Ordering:
        """Ascending, for `order_by`."""
        return Ordering(self, descending=False)

    def desc(self) -> Ordering:
        """Descending, for `order_by`."""
        return Ordering(self, descending=True)


def _operand(kind: str, *args: Any) -> Operand:
    made_above: Operand = made(kind, *args)
    return made_above


def _condition(kind: str, *args: Any, **options: Any) -> Condition:
    made_above: Condition = made(kind, *args, **options)
    return made_above


class Nested(Operand):
    """An operand that may hold JSON, whose declared fields are attributes of it: ``User.c.address.city``."""

    __slots__ = ()

    if TYPE_CHECKING:  # Checkers cannot know the fields.

        def __getattr__(self, name: str) -> Nested: ...
        def __getitem__(self, part: str | int) -> Nested: ...

    else:

        def __getattr__(self, name):
            return made("json_member", self, name)


class ColumnRef(Nested):
    """A column of a table: ``User.c.age``."""

    __slots__ = ("_type", "name", "table")

    def __init__(self, table: str | None, name: str, type: ColumnType | None = None) -> None:
        self.table = table
        self.name = name
        self._type = type

    @property
    def type(self) -> ColumnType | None:
        """The column's type, which says how values are converted."""
        return self._type

    @property
    def label(self) -> str:
        """The column's name."""
        return self.name

    @property
    def sort_key(self) -> Expression:
        """Itself; QueryError where the column's values have no order in the database."""
        refuse_comparison(self._type)
        return self

    @property
    def text_form(self) -> Operand:
        """Itself; QueryError where the column's values cannot be searched."""
        refuse_comparison(self._type)
        return self

    def _compared(self, operator: str, other: Any) -> Condition:
        refuse_comparison(self._type)
        return super()._compared(operator, other)

    def write(self, out: Writer) -> None:
        quote, table = out.dialect.quote, self.table
        if table is not None and out.scope is not None:
            # Also where the table is not written: a column of another could be taken for one of this.
            table = out.scope.known_as(table, self.name)
        out.sql(quote(self.name) if table is None or not out.qualify else f"{quote(table)}.{quote(self.name)}")


class Value(Operand):
    """A bound value; `column` says as what it is converted."""

    __slots__ = ("column", "value")

    def __init__(self, value: Any, column: ColumnType | None = None) -> None:
        self.value = value
        self.column = column

    def write(self, out: Writer) -> None:
        out.bind(self.value, self.column)

    def __repr__(self) -> str:
        return f"Value({type(self.value).__name__})"  # The value itself may be a secret.


class Condition(Operand):
    """An expression that is true, false or NULL."""

    __slots__ = ()
    precedence = COMPARE

    @property
    def type(self) -> ColumnType | None:
        """A boolean, unless it is SQL text, which may be anything."""
        return BOOLEAN


class Raw(Condition):
    """SQL text with a ``?`` for each of `params`: the text is the caller's, the values are bound."""

    __slots__ = ("params", "parts")
    precedence = 0  # Inside other conditions the text stands in parentheses.

    def __init__(self, sql: str, params: Sequence[Any] = ()) -> None:
        if not isinstance(sql, str):
            raise QueryError(f"expected SQL text or an expression, got {type(sql).__name__}")
        # The end of a line ends a comment, which would swallow what comes after the text.
        self.parts = pieces(sql if "--" not in sql else sql + "\n")
        self.params = tuple(params) if isinstance(params, (tuple, list)) else (params,)
        if len(self.parts) - 1 != len(self.params):
            raise ParameterCountError(len(self.parts) - 1, len(self.params), sql)

    @property
    def type(self) -> None:
        """Not known."""

    def write(self, out: Writer) -> None:
        out.sql(self.parts[0])
        for part, value in zip(self.parts[1:], self.params, strict=True):
            out.node(as_operand(value), ATOM)
            out.sql(part)


class ParameterCountError(QueryError, ValueError):
    """A statement has another number of placeholders than values."""

    def __init__(self, expected: int, got: int, sql: str) -> None:
        message = f"expected {expected} parameters, one for each ? of the statement, but got {got}"
        super().__init__(message, statement=sql)


class Comparison(Condition):
    """Two operands compared."""

    __slots__ = ("left", "operator", "right")

    def __init__(self, left: Any, operator: str, right: Any) -> None:
        self.left = as_operand(left, right)
        self.right = as_operand(right, left)
        self.operator = operator

    def write(self, out: Writer) -> None:
        out.dialect.write_comparison(out, self)


class Junction(Condition):
    """Conditions joined by AND or OR."""

    __slots__ = ("items", "operator", "precedence")

    def __init__(self, operator: str, items: Iterable[Expression]) -> None:
        self.operator = operator
        self.precedence = AND if operator == "AND" else OR
        self.items: tuple[Expression, ...] = ()
        flat: list[Expression] = []
        for item in items:
            if not isinstance(item, Expression):
                kind = type(item).__name__
                raise QueryError(f"expected a condition, got {kind}: compare columns, as in User.c.age > 18")
            flat.extend(item.items if isinstance(item, Junction) and item.operator == operator else (item,))
        self.items = tuple(flat)

    def write(self, out: Writer) -> None:
        self._write_items(out, self.items)

    def _write_items(self, out: Writer, items: tuple[Expression, ...]) -> None:
        separator = f" {self.operator} "
        if len(items) <= _WIDEST:
            out.nodes(items, separator, self.precedence)
            return
        size = -(-len(items) // _WIDEST)
        for start in range(0, len(items), size):
            out.sql(separator + "(" if start else "(")
            self._write_items(out, items[start : start + size])
            out.sql(")")


# SQLite takes a chain of conditions for a tree as deep as the chain is long, and allows a depth of 1,000.
_WIDEST = 100


class Negation(Condition):
    """NOT a condition."""

    __slots__ = ("item",)
    precedence = NOT

    def __init__(self, item: Expression) -> None:
        self.item = item

    def write(self, out: Writer) -> None:
        out.sql("NOT ")
        out.node(self.item, NOT + 1)


class In(Condition):
    """Membership in a list of values or in the rows of a query."""

    __slots__ = ("item", "negated", "values")

    def __init__(self, item: Operand, values: Any, *, negated: bool = False) -> None:
        refuse_comparison(item.type)
        self.item = item
        self.values = _listed(as_operand(values) if hasattr(values, "as_subquery") else values)
        self.negated = negated

    @property
    def is_empty(self) -> bool:
        """Whether it is a list without any value."""
        return isinstance(self.values, tuple) and not self.values

    def write(self, out: Writer) -> None:
        if self.is_empty:
            out.sql("1 = 1" if self.negated else "1 = 0")
        elif isinstance(self.values, tuple) and self.item.type is not None and self.item.type.db_type in JSON_TYPES:
            # JSON is compared by what it says, which an engine's IN may not know.
            same = [self.item != value if self.negated else self.item == value for value in self.values]
            out.node(Junction("AND" if self.negated else "OR", same), COMPARE)
        elif isinstance(self.values, tuple) and any(value is None for value in self.values):
            self._write_with_null(out, self.values)
        else:
            out.node(self.item, COMPARE + 1)
            out.sql(" NOT IN " if self.negated else " IN ")
            self._write_values(out)

    def _write_values(self, out: Writer) -> None:
        if not isinstance(self.values, tuple):
            out.dialect.write_listed_query(out, self.values)
            return
        out.sql("(")
        out.nodes([as_operand(value, self.item) for value in self.values])
        out.sql(")")

    def _write_with_null(self, out: Writer, values: tuple[Any, ...]) -> None:
        # `x IN (1, NULL)` never finds a NULL and `x NOT IN (1, NULL)` finds nothing: both surprise, so NULL is asked
        # apart.
        rest = In(self.item, [v for v in values if v is not None], negated=self.negated)
        null = IsNull(self.item, negated=self.negated)
        out.sql("(")
        Junction("AND" if self.negated else "OR", (rest, null)).write(out)
        out.sql(")")


class Between(Condition):
    """A range, both ends included."""

    __slots__ = ("high", "item", "low", "negated")

    def __init__(self, item: Operand, low: Any, high: Any, *, negated: bool = False) -> None:
        self.item = item
        self.low = as_operand(low, item)
        self.high = as_operand(high, item)
        self.negated = negated

    def write(self, out: Writer) -> None:
        out.node(self.item, COMPARE + 1)
        out.sql(" NOT BETWEEN " if self.negated else " BETWEEN ")
        out.node(self.low, COMPARE + 1)
        out.sql(" AND ")
        out.node(self.high, COMPARE + 1)


class IsNull(Condition):
    """A test for NULL."""

    __slots__ = ("item", "negated")

    def __init__(self, item: Operand, *, negated: bool = False) -> None:
        self.item = item
        self.negated = negated

    def write(self, out: Writer) -> None:
        out.node(self.item, COMPARE + 1)
        out.sql(" IS NOT NULL" if self.negated else " IS NULL")


# Most values are of these; nothing else has to be asked of them.
_PLAIN = frozenset({int, str, float, bool, bytes, type(None)})


def as_operand(value: Any, like: Any = None) -> Any:
    """`value` as a node: a node stays, a query becomes a subquery, anything else a value converted as `like` is."""
    if type(value) not in _PLAIN:
        if isinstance(value, Expression):
            return value
        if hasattr(value, "as_subquery"):
            return _of_one_column(value.as_subquery())
    column = type_of(like)
    if column is not None and (type(value) is not column.python or column.python is Decimal or column.codec):
        column = compared_as(column, value)
    return Value(value, column)


def _of_one_column(subquery: Any) -> Any:
    if subquery.width != 1:
        raise QueryError(f"a query among values must give one column, not {subquery.width}: add .select('id')")
    return subquery


def _listed(values: Any) -> Expression | tuple[Any, ...]:
    if isinstance(values, Expression):
        # Other operands would be read as the name of a table, or as one value where many are meant.
        if values.precedence == 0 or hasattr(values, "select"):
            return values
    elif isinstance(values, Iterable) and not isinstance(values, (str, bytes, bytearray, Mapping)):
        return tuple(values)
    raise QueryError(f"expected a list of values or a query, got {type(values).__name__}")


def _truth(operand: Operand) -> Operand:
    column = operand.type
    if not isinstance(operand, Condition) and column is not None and column.python is not bool:
        raise TypeError("& | and ~ join conditions: put each comparison in parentheses, (User.c.age > 18) & …")
    return operand


def type_of(node: Any) -> ColumnType | None:
    """The column type that a node has, or None."""
    return node.type if isinstance(node, (Operand, Aliased)) else None


# The guide era's name of the class.
SQLExpressionBase = Expression
