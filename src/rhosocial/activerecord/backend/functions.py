"""SQL functions as builders of nodes, used as ``F.count()``, ``F.coalesce(User.c.nick, User.c.name)``.

A function that is not listed here is ``F.call("name", …)``; the engine decides whether it exists.
"""

from __future__ import annotations

from typing import Any

from .aggregates import avg, count, json_agg, max, min, string_agg, sum
from .case import Case
from .cast import Cast
from .errors import QueryError
from .expression import Condition, Expression, Operand, as_operand
from .function import Function
from .grouping import Grouping
from .moment import Extract, Truncation
from .number import DATE, FLOAT, INT, MOMENT, TEXT, result_type, with_scale
from .ranking import (
    cume_dist,
    dense_rank,
    first_value,
    lag,
    last_value,
    lead,
    nth_value,
    ntile,
    percent_rank,
    rank,
    row_number,
)
from .result import common_result, like_of, number_type, result_type_of
from .subquery import Exists
from .window import Bounds, Window

__all__ = [
    "abs",
    "avg",
    "call",
    "case",
    "cast",
    "ceil",
    "coalesce",
    "concat",
    "count",
    "cube",
    "cume_dist",
    "current_date",
    "current_timestamp",
    "date_trunc",
    "dense_rank",
    "exists",
    "extract",
    "first_value",
    "floor",
    "greatest",
    "grouping",
    "grouping_sets",
    "json_agg",
    "lag",
    "last_value",
    "lead",
    "least",
    "length",
    "lower",
    "ltrim",
    "max",
    "min",
    "mod",
    "not_exists",
    "now",
    "nth_value",
    "ntile",
    "nullif",
    "percent_rank",
    "power",
    "rank",
    "replace",
    "rollup",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "sqrt",
    "string_agg",
    "substring",
    "sum",
    "trim",
    "upper",
    "window",
]


def call(name: str, *args: Any) -> Function:
    """Any function by its name: ``name(args…)``."""
    return Function(name, *args)


def window(
    *,
    partition_by: Any = (),
    order_by: Any = (),
    rows: Bounds | None = None,
    range: Bounds | None = None,
    groups: Bounds | None = None,
    exclude: str | None = None,
) -> Window:
    """A window that several functions share, ``F.rank().over(window)``; it takes what `over` takes."""
    return Window(partition_by, order_by, rows, range, groups, exclude)


# 1 - Choices


def case(*whens: tuple[Expression, Any], else_: Any = None) -> Case:
    """The value of the first pair whose condition is met: ``F.case((c.age > 18, "grown"), else_="young")``."""
    return Case(whens, else_)


def coalesce(*items: Any) -> Function:
    """The first of `items` that is not NULL."""
    return _alike("coalesce", items)


def nullif(item: Any, other: Any) -> Function:
    """NULL where the two are equal, else `item`."""
    return Function("nullif", item, other, type=result_type_of(item), like=like_of([item, other]), kind="scalar")


def greatest(*items: Any) -> Function:
    """The largest of `items`; NULL where one of them is NULL."""
    return _several("greatest", items)


def least(*items: Any) -> Function:
    """The smallest of `items`; NULL where one of them is NULL."""
    return _several("least", items)


def _several(name: str, items: tuple[Any, ...]) -> Function:
    if len(items) < 2:
        raise QueryError(f"{name} compares several values: {'max' if name == 'greatest' else 'min'} is the aggregate")
    return _alike(name, items)


def _alike(name: str, items: tuple[Any, ...]) -> Function:
    """A function of values of one type, which is the result's."""
    return Function(name, *items, type=common_result(items), like=like_of([*items]), kind="scalar")


# 2 - Types and queries


def cast(item: Any, to: Any) -> Operand:
    """`item` as another type, a Python type or a `DatabaseType`: ``CAST(item AS type)``."""
    return Cast(as_operand(item), to)


def exists(query: Any) -> Condition:
    """True where the query has a row; it may name columns of the query around it."""
    return Exists(query)


def not_exists(query: Any) -> Condition:
    """True where the query has no row."""
    return Exists(query, negated=True)


# 3 - Text


def lower(item: Any) -> Function:
    """The text in lower case, as the engine folds case (SQLite: ASCII only)."""
    return _text("lower", item)


def upper(item: Any) -> Function:
    """The text in upper case, as the engine folds case (SQLite: ASCII only)."""
    return _text("upper", item)


def trim(item: Any, characters: str | None = None) -> Function:
    """The text without spaces, or any of `characters`, at both ends."""
    return _text("trim", item, *([] if characters is None else [characters]))


def ltrim(item: Any, characters: str | None = None) -> Function:
    """The text without spaces, or any of `characters`, at its beginning."""
    return _text("ltrim", item, *([] if characters is None else [characters]))


def rtrim(item: Any, characters: str | None = None) -> Function:
    """The text without spaces, or any of `characters`, at its end."""
    return _text("rtrim", item, *([] if characters is None else [characters]))


def length(item: Any) -> Function:
    """The number of characters."""
    return Function("length", _as_text(item), type=INT, kind="scalar")


def replace(item: Any, old: Any, new: Any) -> Function:
    """The text with each `old` replaced by `new`."""
    return _text("replace", item, old, new)


def substring(item: Any, start: Any, count: Any = None) -> Function:
    """The text from the character `start`, the first being 1, `count` characters long or to the end."""
    if (isinstance(start, int) and start < 1) or (isinstance(count, int) and count < 0):
        raise QueryError("substring counts characters from 1, and takes a number of them of at least 0")
    return _text("substring", item, start, *([] if count is None else [count]))


def concat(*items: Any) -> Function:
    """The texts one after the other, as ``+`` joins them; other values as text; NULL where one of them is NULL."""
    if not items:
        raise QueryError("concat needs at least one item")
    return Function("concat", *map(_cast_to_text, items), type=TEXT, kind="scalar")


def _text(name: str, item: Any, *args: Any) -> Function:
    return Function(name, _as_text(item), *args, type=TEXT, kind="scalar")


def _as_text(item: Any) -> Any:
    return item.text_form if isinstance(item, Operand) else item


def _cast_to_text(item: Any) -> Any:
    column = result_type_of(item)
    return _as_text(item) if column is None or column.kind is str else Cast(as_operand(item), str)


# 4 - Numbers


def abs(item: Any) -> Function:
    """The absolute value."""
    return Function("abs", item, type=number_type("abs", item), kind="scalar")


def round(item: Any, digits: int = 0) -> Function:
    """The number rounded to `digits` places, by the engine's rule for halves."""
    column = number_type("round", item)
    column = with_scale(column, digits) if column is not None else None
    return Function("round", item, digits, type=column, kind="scalar")


def ceil(item: Any) -> Function:
    """The least whole number that is not below the number, of the number's own type."""
    return _whole("ceil", item)


def floor(item: Any) -> Function:
    """The greatest whole number that is not above the number, of the number's own type."""
    return _whole("floor", item)


def mod(item: Any, divisor: Any) -> Function:
    """What a division leaves, with the sign of `item`."""
    column = result_type("%", result_type_of(item), result_type_of(divisor))
    return Function("mod", item, divisor, type=column, like=like_of([item, divisor]), kind="scalar")


def power(item: Any, exponent: Any) -> Function:
    """The number raised to a power, as a float."""
    number_type("power", item)
    return Function("power", item, exponent, type=FLOAT, kind="scalar")


def sqrt(item: Any) -> Function:
    """The square root, as a float."""
    number_type("sqrt", item)
    return Function("sqrt", item, type=FLOAT, kind="scalar")


def sign(item: Any) -> Function:
    """-1, 0 or 1."""
    number_type("sign", item)
    return Function("sign", item, type=INT, kind="scalar")


def _whole(name: str, item: Any) -> Function:
    column = number_type(name, item)
    column = column if column is None else with_scale(column, 0)
    return Function(name, item, type=column, kind="scalar")


# 5 - Dates and times


def now() -> Function:
    """The moment at which the statement began, in UTC."""
    return current_timestamp()


def current_date() -> Function:
    """Today's date, in UTC."""
    return Function("current_date", type=DATE, kind="scalar")


def current_timestamp() -> Function:
    """The moment at which the statement began, in UTC."""
    return Function("current_timestamp", type=MOMENT, kind="scalar")


def extract(part: str, item: Any) -> Extract:
    """One part of a date or time as a whole number.

    Parts are year, quarter, month, week (ISO 8601), day, isodow (1 Monday to 7 Sunday), doy (day of the year), hour,
    minute, second and microsecond (of the second).
    """
    return Extract(part, item)


def date_trunc(part: str, item: Any) -> Truncation:
    """The date or datetime at which its year, quarter, month, week, day, hour, minute or second began."""
    return Truncation(part, item)


# 6 - Groups


def rollup(*items: Any) -> Grouping:
    """For `group_by`: groups by all items, by all but the last, and so on, down to one group of all rows."""
    return Grouping("ROLLUP", items)


def cube(*items: Any) -> Grouping:
    """For `group_by`: groups by each choice of the items."""
    return Grouping("CUBE", items)


def grouping_sets(*sets: Any) -> Grouping:
    """For `group_by`: groups by each of the sets, an expression or a tuple of several: ``((c.a, c.b), c.a, ())``."""
    return Grouping("GROUPING SETS", sets)


def grouping(item: Any) -> Function:
    """1 in the rows of groups that the item is no part of, whose value there is NULL, else 0."""
    return Function("grouping", item, type=INT, kind="scalar")
