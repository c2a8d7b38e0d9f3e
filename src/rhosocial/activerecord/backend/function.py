"""A call of a SQL function as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from .errors import QueryError
from .expression import ATOM, Aliased, Expression, Operand, Ordering, as_operand
from .names import shown
from .window import Bounds, Over, Window
from .writer import Writer

if TYPE_CHECKING:
    from .column_type import ColumnType

Kind = Literal["any", "scalar", "aggregate", "window"]


class Function(Operand):
    """A function call: ``COUNT(DISTINCT "name")``.

    `name` must be an identifier.  `type` is the type of the result where it is known, for conversion; values among
    `args` are converted as `like` is.  `kind` is what the function is known to be: a ``"window"`` function needs
    `over`, and a ``"scalar"`` one takes neither `over` nor `filter`.  `order_by` is the order in which an aggregate
    takes its values.
    """

    __slots__ = ("_type", "args", "condition", "distinct", "kind", "name", "order_by")

    def __init__(
        self,
        name: str,
        *args: Any,
        distinct: bool = False,
        type: ColumnType | None = None,
        like: Any = None,
        kind: Kind = "any",
        order_by: tuple[Ordering, ...] = (),
    ) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            raise QueryError(f"{shown(name)} is no function name")
        self.name = name.upper()
        self.args = tuple(as_operand(arg, like) for arg in args)
        self.distinct = distinct
        self.kind = kind
        self.order_by = order_by
        self.condition: Expression | None = None
        self._type = type

    @property
    def type(self) -> ColumnType | None:
        """The type of the result, where it is known."""
        return self._type

    @property
    def label(self) -> str:
        """The function's name in lower case."""
        return self.name.lower()

    def filter(self, condition: Expression) -> Function:
        """The aggregate of those rows alone that meet the condition: ``COUNT(*) FILTER (WHERE condition)``."""
        if self.kind in ("scalar", "window"):
            raise QueryError(f"{self.label} takes no filter: it is no aggregate")
        if not isinstance(condition, Expression) or isinstance(condition, (Aliased, Ordering, Star)):
            raise QueryError(f"filter takes a condition, got {type_name(condition)}: F.count().filter(User.c.age > 18)")
        found = self._copy()
        found.condition = condition if self.condition is None else as_operand(self.condition) & condition
        return found

    def _copy(self) -> Function:
        found = object.__new__(Function)
        for slot in Function.__slots__:
            setattr(found, slot, getattr(self, slot))
        return found

    def over(
        self,
        window: Window | None = None,
        /,
        *,
        partition_by: Any = (),
        order_by: Any = (),
        rows: Bounds | None = None,
        range: Bounds | None = None,
        groups: Bounds | None = None,
        exclude: str | None = None,
    ) -> Over:
        """The function over the rows around each row: those of its partition, in that order, within the frame.

        Bounds of a frame are None (without bound), 0 (the current row), -n (n before it) and n (n after it):
        ``F.sum(c.paid).over(partition_by=c.user, order_by=c.at, rows=(None, 0))`` is a running total.  `exclude` is
        ``"current row"``, ``"group"`` or ``"ties"``.
        """
        if self.kind == "scalar":
            raise QueryError(f"{self.label} is reckoned for each row by itself: it takes no window")
        given = (partition_by, order_by, rows, range, groups, exclude)
        if window is None:
            return Over(self, Window(*given))
        if not isinstance(window, Window):
            raise QueryError(f"over takes a window, got {type_name(window)}: F.window(order_by=User.c.age)")
        if any(isinstance(part, Expression) or part for part in given):
            raise QueryError("over takes a window or its parts, not both")
        return Over(self, window)

    def write(self, out: Writer) -> None:
        if self.kind == "window":
            raise QueryError(f"{self.label} needs a window: add .over(order_by=…)")
        out.dialect.write_function(out, self)


class Star(Expression):
    """``*``: all columns."""

    __slots__ = ()
    precedence = ATOM

    def __init__(self) -> None: ...

    def write(self, out: Writer) -> None:
        out.sql("*")


def type_name(value: object) -> str:
    """The name of a value's type, for a message."""
    return type(value).__name__
