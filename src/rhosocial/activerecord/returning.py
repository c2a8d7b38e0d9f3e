"""Changes of all rows that a query asks for, which give the rows back."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from .backend.statement import Delete, Update
from .blocking import blocking
from .change import changes_to, given_values, rows_to_change

R = TypeVar("R")


class Returning(Generic[R]):
    """A query whose `update` and `delete` give its rows: records, or rows of the columns that were chosen.

    The order of what comes back is the engine's.
    """

    __slots__ = ("_query", "_rows")

    def __init__(self, query: Any, rows: Any = None) -> None:
        self._query = query
        self._rows = rows  # The query of the chosen columns; None gives records.

    async def aupdate(self, values: dict[str, Any] | None = None, /, **more: Any) -> list[R]:
        """`Query.update` that gives the rows as they are afterwards; UnsupportedFeature where there is no RETURNING."""
        query = self._query
        plan = self._plan("update")
        rows = rows_to_change("update", query._closed(), query._table, plan.dialect)
        changes = changes_to(plan, given_values(values, more))
        return await self._asend(plan, Update(query._table.source(), changes, rows, self._columns()))

    update = blocking(aupdate)

    async def adelete(self) -> list[R]:
        """`Query.delete`, which gives the rows as they were; UnsupportedFeature where there is no RETURNING."""
        query = self._query
        if (marking := query._marking()) is not None:
            return await Returning[R](marking[0], self._rows).aupdate(marking[1])
        plan = self._plan("delete")
        rows = rows_to_change("delete", query._closed(), query._table, plan.dialect)
        return await self._asend(plan, Delete(query._table.source(), rows, self._columns()))

    delete = blocking(adelete)

    def _plan(self, call: str) -> Any:
        plan = self._query._home()[1]
        returns = plan.returns and (call == "delete" or plan.dialect.supports_update_returning)
        plan.dialect.require(returns, f"{call} that gives rows back: read them before, in the same transaction")
        return plan

    def _columns(self) -> Any:
        query = self._query if self._rows is None else self._rows
        return query._select.columns

    async def _asend(self, plan: Any, statement: Update | Delete) -> list[R]:
        sql, params = plan.compile(statement)
        result = await self._query._home()[0].asend(sql, params, True)
        loaded: list[R] = (
            plan.load_result(result) if self._rows is None else self._rows._rows(self._rows._tuples(plan, result))
        )
        return loaded
