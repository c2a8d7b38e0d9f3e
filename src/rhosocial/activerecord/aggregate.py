"""Numbers about a model's rows, by the names of the guide's era."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .backend import functions as F
from .backend.errors import QueryError
from .backend.expression import Expression
from .blocking import blocking
from .query import Query

Groups = str | Expression | Sequence[str | Expression]


class Aggregate:
    """Sums, means and counts over a model's rows; made by ``Model.aggregate()``.

    The first five give one number, of the rows that meet the condition, if there is one; the others a dict for each
    group.  The same is to be had of every query: ``User.query().where(…).sum("age")``.
    """

    __slots__ = ("_query",)

    def __init__(self, query: Query[Any]) -> None:
        self._query = query

    async def acount(self, condition: Any = None, params: Sequence[Any] = ()) -> int:
        """The number of rows."""
        return await self._meeting(condition, params).acount()

    count = blocking(acount)

    async def asum(self, column: str | Expression, condition: Any = None, params: Sequence[Any] = ()) -> Any:
        """The sum of a column; None over no rows."""
        return await self._meeting(condition, params).asum(column)

    sum = blocking(asum)

    async def aavg(self, column: str | Expression, condition: Any = None, params: Sequence[Any] = ()) -> Any:
        """The mean of a column; None over no rows."""
        return await self._meeting(condition, params).aavg(column)

    avg = blocking(aavg)

    async def amax(self, column: str | Expression, condition: Any = None, params: Sequence[Any] = ()) -> Any:
        """The largest value of a column; None over no rows."""
        return await self._meeting(condition, params).amax(column)

    max = blocking(amax)

    async def amin(self, column: str | Expression, condition: Any = None, params: Sequence[Any] = ()) -> Any:
        """The smallest value of a column; None over no rows."""
        return await self._meeting(condition, params).amin(column)

    min = blocking(amin)

    async def acount_by(self, columns: Groups) -> list[dict[str, Any]]:
        """The number of rows for each value of the columns: ``{"carrier": "AA", "count": 3}``."""
        return await self._aby(columns, F.count().as_("count"))

    count_by = blocking(acount_by)

    async def asum_by(self, column: str | Expression, by: Groups) -> list[dict[str, Any]]:
        """The sum of a column for each value of the columns `by`: ``{"carrier": "AA", "sum": 12}``."""
        return await self._aby(by, self._of(F.sum, column).as_("sum"))

    sum_by = blocking(asum_by)

    async def aavg_by(self, column: str | Expression, by: Groups) -> list[dict[str, Any]]:
        """The mean of a column for each value of the columns `by`: ``{"carrier": "AA", "avg": 4.0}``."""
        return await self._aby(by, self._of(F.avg, column).as_("avg"))

    avg_by = blocking(aavg_by)

    def _meeting(self, condition: Any, params: Sequence[Any]) -> Query[Any]:
        if condition is None:
            if params:
                raise QueryError("values go with a condition: aggregate().sum('age', 'age > ?', (18,))")
            return self._query
        return self._query.where(condition, params)

    def _of(self, function: Callable[[Any], Expression], column: str | Expression) -> Expression:
        return function(column if isinstance(column, Expression) else self._query._ref(column))

    async def _aby(self, columns: Groups, value: Expression) -> list[dict[str, Any]]:
        items: list[Any] = [columns] if isinstance(columns, (str, Expression)) else _listed(columns)
        groups = [item if isinstance(item, Expression) else self._query._ref(item) for item in items]
        # The groups come in their own order, which is the same on every engine.
        return await self._query.select(*items, value).group_by(*groups).order_by(*groups).adicts()


def _listed(columns: Any) -> list[Any]:
    if not isinstance(columns, Iterable):
        raise QueryError(f"expected columns to group by, got {type(columns).__name__}")
    listed = list(columns)
    if not listed:
        raise QueryError("groups need at least one column")
    return listed
