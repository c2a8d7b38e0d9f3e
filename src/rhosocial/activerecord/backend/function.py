"""A call of a SQL function as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import QueryError
from .expression import ATOM, Expression, Operand, as_operand
from .names import shown
from .writer import Writer

if TYPE_CHECKING:
    from .column_type import ColumnType


class Function(Operand):
    """A function call: ``COUNT(DISTINCT "name")``.

    `name` must be an identifier.  `type` is the type of the result where it is known, for conversion; values among
    `args` are converted as `like` is.
    """

    __slots__ = ("_type", "args", "distinct", "name")

    def __init__(
        self, name: str, *args: Any, distinct: bool = False, type: ColumnType | None = None, like: Any = None
    ) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            raise QueryError(f"{shown(name)} is no function name")
        self.name = name.upper()
        self.args = tuple(as_operand(arg, like) for arg in args)
        self.distinct = distinct
        self._type = type

    @property
    def type(self) -> ColumnType | None:
        """The type of the result, where it is known."""
        return self._type

    def write(self, out: Writer) -> None:
        out.dialect.write_function(out, self)


class Star(Expression):
    """``*``: all columns."""

    __slots__ = ()
    precedence = ATOM

    def __init__(self) -> None: ...

    def write(self, out: Writer) -> None:
        out.sql("*")
