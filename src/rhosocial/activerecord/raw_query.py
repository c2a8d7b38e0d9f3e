"""Questions whose SQL the caller writes, answered in records or values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from .backend.errors import QueryError, RecordNotFound
from .backend.expression import Raw
from .backend.typing import QueryResult
from .blocking import blocking
from .hydrate import tuple_loader
from .plan import Plan
from .stream import RecordStream, checked_size

M = TypeVar("M")
Rows = list[tuple[Any, ...]]


class RawQuery(Generic[M]):
    """The answer of a statement that the caller has written; made by `Query.raw_sql`.

    Its columns are taken by name.  What has the name of one of the model's columns or fields is converted as that one,
    in records and elsewhere; anything else is as the driver gives it.
    """

    __slots__ = ("_query", "_raw")

    def __init__(self, query: Any, raw: Raw) -> None:
        self._query = query
        self._raw = raw

    # 1 - Records

    async def aall(self) -> list[M]:
        """All records; columns that the model does not have are ignored, QueryError names those that are missing."""
        plan, result = await self._asent()
        records: list[M] = await self._query._aloaded(plan, for_records(plan, result.columns, result.rows or []))
        return records

    all = blocking(aall)

    async def aone(self) -> M | None:
        """The first record, or None; all rows are read, unless the text has its own LIMIT."""
        found = await self.aall()
        return found[0] if found else None

    one = blocking(aone)

    async def aone_or_fail(self) -> M:
        """The first record; RecordNotFound where there is none."""
        found = await self.aone()
        if found is None:
            table = self._query._table
            raise RecordNotFound(f"no {table.model.__name__} answers the query", table=table.name)
        return found

    one_or_fail = blocking(aone_or_fail)

    async def afirst(self) -> M | None:
        """The first record in the order that the text asks for; None where there is none."""
        return await self.aone()

    first = blocking(afirst)

    def iterator(self, chunk_size: int = 1000) -> RecordStream[M]:
        """The records one by one, `chunk_size` read at a time; see `Query.iterator`."""
        checked_size("chunk_size", chunk_size)
        backend, plan = self._query._home()
        return _RawStream(backend, plan, plan.compile(self._raw), chunk_size, self._query._loads)

    # 2 - Values

    async def adicts(self) -> list[dict[str, Any]]:
        """All rows as dicts by the names of the result's columns."""
        plan, result = await self._asent()
        double = next((name for name in result.columns if result.columns.count(name) > 1), None)
        if double is not None:
            raise QueryError(f"the result has two columns named {double!r}: give one another name, with AS")
        return [dict(zip(result.columns, row, strict=True)) for row in _converted(plan, result)]

    dicts = blocking(adicts)

    async def atuples(self) -> list[tuple[Any, ...]]:
        """All rows as tuples, in the order of the result's columns."""
        return _converted(*await self._asent())

    tuples = blocking(atuples)

    async def ascalars(self) -> list[Any]:
        """The values of the one column."""
        plan, result = await self._asent()
        if len(result.columns) != 1 and result.rows:
            raise QueryError(f"scalars needs a result of one column, this one has {len(result.columns)}")
        return [row[0] for row in _converted(plan, result)]

    scalars = blocking(ascalars)

    def to_sql(self) -> tuple[str, tuple[Any, ...]]:
        """The SQL text and the values as the driver gets them.  No I/O."""
        compiled: tuple[str, tuple[Any, ...]] = self._query._home()[1].compile(self._raw)
        return compiled

    async def _asent(self) -> tuple[Plan, QueryResult]:
        backend, plan = self._query._home()
        return plan, await backend.asend(*plan.compile(self._raw), True)


class _RawStream(RecordStream[M]):
    """Records of a statement whose columns come in an order of their own."""

    async def _aload(self, rows: Rows) -> list[M]:
        return await super()._aload(for_records(self._plan, self._stream.columns, rows))


def for_records(plan: Plan, columns: Sequence[str], rows: Rows) -> Rows:
    """The rows with the table's columns in its order; QueryError where one is missing, or there are two of a name."""
    if not columns and not rows:
        return []  # Rows that are dicts have no names where there are none.
    places = [_place_of(column, columns) for column in plan.table.columns]
    missing = [column.name for column, place in zip(plan.table.columns, places, strict=True) if place < 0]
    if missing:
        name = plan.table.model.__name__
        raise QueryError(
            f"the result has no {', '.join(missing)}, which {name} needs; it has {', '.join(columns)}: "
            "select them, or ask for dicts"
        )
    if places == list(range(len(columns))):
        return rows
    return [tuple([row[place] for place in places]) for row in rows]


def _place_of(column: Any, names: Sequence[str]) -> int:
    name = column.name if column.name in names else column.field
    if names.count(name) > 1:
        raise QueryError(f"the result has two columns named {name!r}: select those of one table, or name them with AS")
    return names.index(name) if name in names else -1


def _converted(plan: Plan, result: QueryResult) -> Rows:
    table = plan.table
    known = [table.by_name.get(name) or table.by_field.get(name) for name in result.columns]
    return tuple_loader([None if column is None else plan.loader(column.type) for column in known])(result.rows or [])
