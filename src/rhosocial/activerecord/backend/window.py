"""Windows: over which rows beside its own a function reckons."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .errors import QueryError
from .expression import Aliased, Expression, Operand, Ordering, type_of
from .names import shown
from .writer import Writer

if TYPE_CHECKING:
    from .column_type import ColumnType

Bound = int | float | Decimal | None
Bounds = tuple[Bound, Bound]
"""Where a frame begins and ends: None is without bound, 0 the current row, -n n before it, n n after it."""

_EXCLUSIONS = {"current row": "CURRENT ROW", "group": "GROUP", "ties": "TIES", "no others": "NO OTHERS"}


class Window(Expression):
    """``PARTITION BY … ORDER BY … ROWS BETWEEN … AND …``: what stands in the parentheses of OVER.

    A window may be kept and given to several functions: ``F.rank().over(window)``.
    """

    __slots__ = ("frame", "order_by", "partition_by")

    def __init__(
        self,
        partition_by: Any = (),
        order_by: Any = (),
        rows: Bounds | None = None,
        range: Bounds | None = None,
        groups: Bounds | None = None,
        exclude: str | None = None,
    ) -> None:
        self.partition_by = expressions("partition_by", partition_by)
        self.order_by = orderings(order_by)
        self.frame = _frame({"rows": rows, "range": range, "groups": groups}, exclude)
        unit = None if self.frame is None else self.frame.unit
        if unit == "GROUPS" and not self.order_by:
            raise QueryError("a frame of groups needs an order: add order_by")
        if unit == "RANGE" and self.frame is not None and self.frame.has_offset and len(self.order_by) != 1:
            raise QueryError("a range between values needs order_by with one expression")

    def write(self, out: Writer) -> None:
        out.dialect.write_window(out, self)


class Frame:
    """The rows around the current one: `unit` is ROWS, RANGE or GROUPS."""

    __slots__ = ("end", "exclude", "start", "unit")

    def __init__(self, unit: str, start: Any, end: Any, exclude: str | None) -> None:
        self.unit = unit
        self.start = start
        self.end = end
        self.exclude = exclude

    @property
    def has_offset(self) -> bool:
        """Whether a bound lies a number of rows or values away."""
        return bool(self.start) or bool(self.end)


class Over(Operand):
    """A function over a window."""

    __slots__ = ("function", "window")

    def __init__(self, function: Any, window: Window) -> None:
        self.function = function
        self.window = window

    @property
    def type(self) -> ColumnType | None:
        """The function's type."""
        return type_of(self.function)

    @property
    def label(self) -> str | None:
        """The function's name."""
        label: str | None = self.function.label
        return label

    def write(self, out: Writer) -> None:
        out.dialect.write_over(out, self)


def expressions(what: str, given: Any) -> tuple[Expression, ...]:
    """One expression or several as a tuple; QueryError for anything else, a name in a string among it."""
    items = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    for item in items:
        if isinstance(item, str):
            raise QueryError(f"{what} takes expressions: write a column, as in User.c.name, not {shown(item)}")
        if not isinstance(item, Expression) or isinstance(item, Aliased):
            raise QueryError(f"{what} takes expressions, got {type(item).__name__}")
    return items


def orderings(given: Any) -> tuple[Ordering, ...]:
    """Expressions to order by, each with its direction."""
    items = expressions("order_by", given)
    return tuple(item if isinstance(item, Ordering) else Ordering(item, descending=False) for item in items)


def _frame(given: dict[str, Bounds | None], exclude: str | None) -> Frame | None:
    units = [unit for unit, bounds in given.items() if bounds is not None]
    if len(units) > 1:
        raise QueryError(f"a window has one frame: give {' or '.join(units)}")
    if exclude is not None and exclude not in _EXCLUSIONS:
        raise QueryError(f"exclude is {', '.join(map(repr, _EXCLUSIONS))}, not {shown(exclude)}")
    if not units:
        if exclude is not None:
            raise QueryError("exclude needs a frame: give rows, range or groups")
        return None
    unit = units[0]
    start, end = _bounds(unit, given[unit])
    return Frame(unit.upper(), start, end, None if exclude is None else _EXCLUSIONS[exclude])


def _bounds(unit: str, given: Any) -> Bounds:
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise QueryError(f"{unit} takes a pair: where the frame begins and where it ends")
    kinds = (int, float, Decimal) if unit == "range" else (int,)
    for bound in given:
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, kinds)):
            raise QueryError(f"a bound of {unit} is a number or None, got {type(bound).__name__}")
    start, end = given
    if start is not None and end is not None and start > end:
        raise QueryError(f"the frame of {unit} ends before it begins")
    return start, end
