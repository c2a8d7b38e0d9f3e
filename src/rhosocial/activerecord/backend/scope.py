"""What the names in a statement may mean: its tables, those of the statements around it, and the queries of WITH."""

from __future__ import annotations

from typing import Any

from .errors import ColumnNotFound, QueryError


class Scope:
    """The tables that one statement names, by the name their columns are written with, inside those of `outer`.

    `ctes` are the named queries that may be read here, by name without regard to case, as most engines compare names.
    """

    __slots__ = ("_is_open", "_names", "ctes", "outer")

    def __init__(self, sources: list[Any], outer: Scope | None = None, stands_for: str | None = None) -> None:
        self._names: dict[str, str] = {}
        # Only the engine knows what a raw clause has brought in.
        self._is_open = False
        for source in sources:
            name = getattr(source, "known_as", None)
            if name is None:
                self._is_open = True
            else:
                self._names[name] = name
        if stands_for is not None and sources:
            self._names.setdefault(stands_for, sources[0].known_as)
        self.outer = outer
        self.ctes: dict[str, Any] = {} if outer is None else dict(outer.ctes)

    def known_as(self, table: str, column: str) -> str:
        """The name that a column of the table is written with; ColumnNotFound for a table that is not there."""
        scope: Scope | None = self
        while scope is not None:
            name = scope._names.get(table)
            if name is not None or scope._is_open:
                return name or table
            scope = scope.outer
        own = ", ".join(self._names) or "the query"
        raise ColumnNotFound(f"{table}.{column} is no column of {own}: join {table} first", table=table)

    def behind(self) -> Scope:
        """What a query in FROM may name: the queries of WITH and the statements around, but not its neighbours."""
        scope = Scope([], self.outer)
        scope.ctes = self.ctes
        return scope

    def refuse_hidden(self, table: str) -> None:
        """Refuse a table that a CTE of the same name would be read instead of."""
        if table.casefold() in self.ctes:
            raise QueryError(f"{table!r} is a table and a CTE in one query: give the CTE another name")
