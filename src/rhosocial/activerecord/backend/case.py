"""The value of the first condition that is met."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import QueryError
from .expression import Aliased, Expression, Operand, Ordering, Value, as_operand
from .function import Star
from .result import common_result, like_of
from .writer import Writer

if TYPE_CHECKING:
    from .column_type import ColumnType


class Case(Operand):
    """``CASE WHEN condition THEN value … ELSE other END``; values are converted like the first typed one."""

    __slots__ = ("_type", "otherwise", "whens")

    def __init__(self, whens: tuple[tuple[Expression, Any], ...], otherwise: Any = None) -> None:
        if not whens:
            raise QueryError("a case needs at least one pair of a condition and a value")
        values = [value for _, value in map(_checked_pair, whens)]
        like = like_of([*values, otherwise])
        self.whens = tuple((condition, as_operand(value, like)) for condition, value in whens)
        self.otherwise = None if otherwise is None else as_operand(otherwise, like)
        self._type = common_result([*values, otherwise])

    @property
    def type(self) -> ColumnType | None:
        """The type that its values have in common, where it is known."""
        return self._type

    @property
    def label(self) -> str:
        """``case``."""
        return "case"

    def write(self, out: Writer) -> None:
        out.dialect.write_case(out, self)


def _checked_pair(pair: Any) -> tuple[Expression, Any]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise QueryError("case takes pairs: F.case((User.c.age > 18, 'grown'), else_='young')")
    condition = pair[0]
    if not isinstance(condition, Expression) or isinstance(condition, (Aliased, Ordering, Star, Value)):
        raise QueryError(f"the first of a pair is a condition, got {type(condition).__name__}")
    return condition, pair[1]
