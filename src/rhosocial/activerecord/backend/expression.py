"""SQL as data: each node knows how to write itself to a writer.

A node holds no model, no connection and no converted value: a `Value` keeps the column it is compared with, and the
writer converts it once, when the statement is compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from .errors import ColumnNotFound, QueryError
from .lexer import pieces
from .number import compared_as, result_type, type_of_value
from .writer import Writer

if TYPE_CHECKING:
    from .column_type import ColumnType


class Expression:
    """A piece of SQL.  Built with a text, it stands in a statement as that text: ``Expression("CURRENT_DATE")``.

    A subclass overrides `write`, or `format(dialect)`, which returns SQL text, as authors of the guide's era did.  The
    text is sent as it is: it must never hold outside data.
    """

    __slots__ = ("expression",)
    precedence: int = 0  # A text may be anything, so it is put in parentheses inside other expressions.

    def __init__(self, expression: str = "") -> None:
        self.expression = expression

    @classmethod
    def raw(cls, expression: str) -> Self:
        """The expression that is written as this text."""
        return cls(expression)

    def format(self, dialect: Any) -> str:
        """The SQL text; the default is the text the expression was built with."""
        return self.expression

    def write(self, out: Writer) -> None:
        """Write this piece of SQL, values bound, to `out`."""
        out.sql(self.format(out.dialect))

    def as_(self, name: str) -> Aliased:
        """This under another name: ``SELECT expression AS name``."""
        return Aliased(self, name)

    def __repr__(self) -> str:
        slots = (name for base in reversed(type(self).__mro__) for name in vars(base).get("__slots__", ()))
        parts = (name for name in slots if name not in _MAY_BE_SECRET)
        shown = ", ".join(f"{name.lstrip('_')}={getattr(self, name)!r}" for name in parts if hasattr(self, name))
        return f"{type(self).__name__}({shown})"


# Slots that hold values of rows, which `repr` leaves out.
_MAY_BE_SECRET = frozenset({"params", "text", "values"})

# How strongly an operator binds; an operand that binds less is put in parentheses.
OR, AND, NOT, COMPARE, ADD, MULTIPLY, SIGN, ATOM = range(1, 9)


class Operand(Expression):
    """An expression that has Python's operators: ``==`` compares, ``&`` and ``|`` join conditions, ``~`` negates."""

    __slots__ = ()
    precedence = ATOM

    def __init__(self) -> None: ...

    @property
    def type(self) -> ColumnType | None:
        """What a value compared with this is converted as; None where that is not known."""
        return None

    def __bool__(self) -> bool:
        raise TypeError("a SQL condition has no truth value in Python: join conditions with & | ~, not and, or, not")

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]  # A comparison is SQL here, not a bool.
        return self.is_null() if other is None else Comparison(self, "=", other)

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]
        return self.is_not_null() if other is None else Comparison(self, "<>", other)

    __hash__ = object.__hash__

    def __lt__(self, other: Any) -> Condition:
        return Comparison(self, "<", other)

    def __le__(self, other: Any) -> Condition:
        return Comparison(self, "<=", other)

    def __gt__(self, other: Any) -> Condition:
        return Comparison(self, ">", other)

    def __ge__(self, other: Any) -> Condition:
        return Comparison(self, ">=", other)

    def __and__(self, other: Expression) -> Condition:
        return Junction("AND", (_truth(self), other))

    def __or__(self, other: Expression) -> Condition:
        return Junction("OR", (_truth(self), other))

    def __invert__(self) -> Condition:
        return Negation(_truth(self))

    def __add__(self, other: Any) -> Arithmetic:
        return Arithmetic(self, "+", other, ADD)

    def __radd__(self, other: Any) -> Arithmetic:
        return Arithmetic(other, "+", self, ADD)

    def __sub__(self, other: Any) -> Arithmetic:
        return Arithmetic(self, "-", other, ADD)

    def __rsub__(self, other: Any) -> Arithmetic:
        return Arithmetic(other, "-", self, ADD)

    def __mul__(self, other: Any) -> Arithmetic:
        return Arithmetic(self, "*", other, MULTIPLY)

    def __rmul__(self, other: Any) -> Arithmetic:
        return Arithmetic(other, "*", self, MULTIPLY)

    def __truediv__(self, other: Any) -> Arithmetic:
        return Arithmetic(self, "/", other, MULTIPLY)

    def __rtruediv__(self, other: Any) -> Arithmetic:
        return Arithmetic(other, "/", self, MULTIPLY)

    def __mod__(self, other: Any) -> Arithmetic:
        return Arithmetic(self, "%", other, MULTIPLY)

    def __rmod__(self, other: Any) -> Arithmetic:
        return Arithmetic(other, "%", self, MULTIPLY)

    def __neg__(self) -> Arithmetic:
        return Arithmetic(0, "-", self, ADD)

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
        return Like(self, pattern)

    def not_like(self, pattern: str) -> Condition:
        """The opposite of `like`."""
        return Like(self, pattern, negated=True)

    def ilike(self, pattern: str) -> Condition:
        """LIKE without regard to case, on every engine (SQLite: of ASCII letters)."""
        return Like(self, pattern, ignore_case=True)

    def contains(self, text: str) -> Condition:
        """True where `text` stands somewhere in this; case counts on every engine, ``%`` and ``_`` are plain."""
        return Match(self, "contains", text)

    def startswith(self, text: str) -> Condition:
        """True where this begins with `text`; case counts on every engine."""
        return Match(self, "startswith", text)

    def endswith(self, text: str) -> Condition:
        """True where this ends with `text`; case counts on every engine."""
        return Match(self, "endswith", text)

    def is_null(self) -> Condition:
        """True where this is NULL."""
        return IsNull(self)

    def is_not_null(self) -> Condition:
        """True where this is not NULL."""
        return IsNull(self, negated=True)

    def asc(self) -> Ordering:
        """Ascending, for `order_by`."""
        return Ordering(self, descending=False)

    def desc(self) -> Ordering:
        """Descending, for `order_by`."""
        return Ordering(self, descending=True)


class ColumnRef(Operand):
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

    def write(self, out: Writer) -> None:
        quote, table = out.dialect.quote, self.table
        if table is not None and out.qualify:
            out.sql(f"{quote(table)}.{quote(self.name)}")
            return
        if table is not None and table != out.table is not None:
            # Written without its table, it could be taken for a column of this one.
            raise ColumnNotFound(f"{table}.{self.name} is no column of {out.table}: join {table} first", table=table)
        out.sql(quote(self.name))


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


class Arithmetic(Operand):
    """Two operands and an operator between them; ``+`` joins where one of them is text."""

    __slots__ = ("_type", "left", "operator", "precedence", "right")

    def __init__(self, left: Any, operator: str, right: Any, precedence: int) -> None:
        self.left = as_operand(left, right)
        self.right = as_operand(right, left)
        left_type, right_type = _type_in_arithmetic(self.left), _type_in_arithmetic(self.right)
        if operator == "+" and any(side is not None and side.python is str for side in (left_type, right_type)):
            # Engines differ in how || binds, so it stands in parentheses wherever it could matter.
            operator, precedence = "||", COMPARE
        self.operator = operator
        self.precedence = precedence
        self._type = result_type(operator, left_type, right_type)

    @property
    def type(self) -> ColumnType | None:
        """The type of the result, where it is known."""
        return self._type

    def write(self, out: Writer) -> None:
        out.dialect.write_arithmetic(out, self)


class Comparison(Condition):
    """Two operands compared."""

    __slots__ = ("left", "operator", "right")

    def __init__(self, left: Any, operator: str, right: Any) -> None:
        self.left = as_operand(left, right)
        self.right = as_operand(right, left)
        self.operator = operator

    def write(self, out: Writer) -> None:
        out.node(self.left, COMPARE + 1)
        out.sql(f" {self.operator} ")
        out.node(self.right, COMPARE + 1)


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
        elif isinstance(self.values, tuple) and any(value is None for value in self.values):
            self._write_with_null(out, self.values)
        else:
            out.node(self.item, COMPARE + 1)
            out.sql(" NOT IN " if self.negated else " IN ")
            self._write_values(out)

    def _write_values(self, out: Writer) -> None:
        if not isinstance(self.values, tuple):
            out.node(self.values, ATOM)
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


class Like(Condition):
    """A pattern with ``%`` and ``_``."""

    __slots__ = ("ignore_case", "item", "negated", "pattern")

    def __init__(self, item: Operand, pattern: Any, *, negated: bool = False, ignore_case: bool = False) -> None:
        if not isinstance(pattern, (str, Expression)):
            raise QueryError(f"a pattern is text, got {type(pattern).__name__}")
        self.item = item
        self.pattern = as_operand(pattern)
        self.negated = negated
        self.ignore_case = ignore_case

    def write(self, out: Writer) -> None:
        out.dialect.write_like(out, self)


class Match(Condition):
    """A plain text within a text: `kind` is contains, startswith or endswith; case counts."""

    __slots__ = ("item", "kind", "text")

    def __init__(self, item: Operand, kind: str, text: str) -> None:
        if not isinstance(text, str):
            raise QueryError(f"{kind} expects text, got {type(text).__name__}")
        self.item = item
        self.kind = kind
        self.text = text

    def write(self, out: Writer) -> None:
        out.dialect.write_match(out, self)

    def pattern(self, escape: Callable[[str], str], wildcard: str) -> str:
        """The text as a pattern, its special characters escaped."""
        before = "" if self.kind == "startswith" else wildcard
        after = "" if self.kind == "endswith" else wildcard
        return before + escape(self.text) + after


class Aliased(Expression):
    """An expression under a name of its own, for `select`."""

    __slots__ = ("item", "name")

    def __init__(self, item: Expression, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise QueryError(f"expected a name, got {name!r}")
        self.item = item
        self.name = name

    @property
    def type(self) -> ColumnType | None:
        """The type of what is named."""
        return type_of(self.item)

    def write(self, out: Writer) -> None:
        out.node(self.item)
        out.sql(" AS ")
        out.name(self.name)


class Ordering(Expression):
    """A direction to order by."""

    __slots__ = ("descending", "item", "nulls")

    def __init__(self, item: Expression, *, descending: bool, nulls: str | None = None) -> None:
        self.item = item
        self.descending = descending
        self.nulls = nulls

    def nulls_first(self) -> Ordering:
        """NULL before all other values."""
        return Ordering(self.item, descending=self.descending, nulls="FIRST")

    def nulls_last(self) -> Ordering:
        """NULL after all other values."""
        return Ordering(self.item, descending=self.descending, nulls="LAST")

    def reversed(self) -> Ordering:
        """The opposite direction."""
        nulls = {None: None, "FIRST": "LAST", "LAST": "FIRST"}[self.nulls]
        return Ordering(self.item, descending=not self.descending, nulls=nulls)

    def write(self, out: Writer) -> None:
        out.dialect.write_ordering(out, self)


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
    if column is not None and (type(value) is not column.python or column.python is Decimal):
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


def _type_in_arithmetic(operand: Any) -> ColumnType | None:
    return type_of_value(operand.value) if isinstance(operand, Value) else type_of(operand)


def type_of(node: Any) -> ColumnType | None:
    """The column type that a node has, or None."""
    return node.type if isinstance(node, (Operand, Aliased)) else None


# The guide era's name of the class.
SQLExpressionBase = Expression
