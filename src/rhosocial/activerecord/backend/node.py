"""What all pieces of SQL share, and the two that stand around others: a name, and a direction to order by."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar

from .errors import QueryError
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

    @property
    def sort_key(self) -> Expression:
        """What stands in ORDER BY for it."""
        return self

    @property
    def label(self) -> str | None:
        """The name that `select` gives it where it has no alias; None where it must be named."""
        return None

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
        return getattr(self.item, "type", None)

    def write(self, out: Writer) -> None:
        out.node(self.item)
        out.sql(" AS ")
        out.name(self.name)


class Ordering(Expression):
    """A direction to order by."""

    __slots__ = ("descending", "item", "nulls")

    def __init__(self, item: Expression, *, descending: bool, nulls: str | None = None) -> None:
        self.item = item.sort_key
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


# Operators make nodes of modules that stand on the operators; those put their classes here.
_MAKERS: dict[str, Callable[..., Any]] = {}

N = TypeVar("N", bound=Callable[..., Any])


def makes(kind: str) -> Callable[[N], N]:
    """A decorator: the class or function makes the nodes of that kind."""

    def keep(maker: N) -> N:
        _MAKERS[kind] = maker
        return maker

    return keep


def made(kind: str, *args: Any, **options: Any) -> Any:
    """A new node of that kind."""
    return _MAKERS[kind](*args, **options)
