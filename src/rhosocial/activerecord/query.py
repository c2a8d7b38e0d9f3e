"""Questions and the calls that answer them.  Every call has an awaitable twin whose name begins with ``a``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

from .backend import functions as F
from .backend.base import StorageBackend
from .backend.errors import QueryError, RecordNotFound
from .backend.expression import ColumnRef, Expression, Ordering, Raw, type_of
from .backend.function import Function
from .backend.statement import Compound, Delete, Select, Update
from .backend.subquery import CommonTable, DerivedTable
from .backend.typing import QueryResult
from .blocking import blocking, renew_faces
from .builder import Builder
from .change import changes_to, given_values, rows_to_change
from .cursor import Cursors
from .dict_query import DictQuery
from .events import acall
from .hydrate import tuple_loader
from .page import Keyset, Page, Paging, keyset_of
from .plan import Plan, plan_for
from .raw_query import RawQuery
from .relation.policy import Policy, checked
from .relation.preload import Loads
from .returning import Returning
from .rows import Row, row_class
from .selection import as_named, selected
from .shape import CardQuery
from .source import CTE, Derived, GivenColumn, checked_name, closed_select, compound_of, ctes_of
from .stream import RecordStream, checked_size

M = TypeVar("M", covariant=True)
C = TypeVar("C")


class Query(Builder, Generic[M]):
    """A question about the rows of a model, answered in records.

    Queries are values: ``q.where(…)`` returns a new one and changes nothing in ``q``.
    """

    __slots__ = ()
    _is_of_rows: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        renew_faces(cls)

    # 1 - Records

    async def aall(self) -> list[M]:
        """All records that answer the question."""
        if self._select.joins:
            self._refuse_half_records()
        backend, plan = self._home()
        sql, params = self._compile(plan)
        if self._loads is not None:
            return await self._aloaded(plan, (await backend.asend(sql, params, True)).rows or [])
        records: list[M] = plan.load_result(await backend.asend(sql, params, True))
        return records

    all = blocking(aall)

    async def aone(self) -> M | None:
        """The first record, or None."""
        found = await self._cut_to_one().aall()
        return found[0] if found else None

    one = blocking(aone)

    def _refuse_half_records(self) -> None:
        kind = next((join.kind for join in self._select.joins if join.kind in ("RIGHT JOIN", "FULL JOIN")), None)
        if kind is not None:
            name = self._table.model.__name__
            raise QueryError(f"a {kind} gives rows that hold no {name}: ask for columns, with select")

    def _cut_to_one(self) -> Self:
        return self if self._select.limit in (0, 1) else self.limit(1)

    async def aone_or_fail(self) -> M:
        """The first record; RecordNotFound where there is none."""
        found = await self.aone()
        if found is None:
            raise RecordNotFound(f"no {self._table.model.__name__} answers the query", table=self._table.name)
        return found

    one_or_fail = blocking(aone_or_fail)

    async def afirst(self) -> M | None:
        """The first record in the query's order, by key where it has none; None where there is no record."""
        return await self._ordered().aone()

    first = blocking(afirst)

    def _ordered(self) -> Self:
        if self._select.order_by:
            return self
        # What DISTINCT ON names must come first.
        return self.order_by(*self._select.distinct_on, *(self._table.ref(column.field) for column in self._table.key))

    async def afind_one(self, key: Any) -> M | None:
        """The record with that key among those that the query asks for."""
        return await self.with_keys([key]).aone()

    find_one = blocking(afind_one)

    async def afind_all(self, keys: Iterable[Any]) -> list[M]:
        """The records with these keys among those that the query asks for, each once.

        More keys than one statement takes are asked for in several.
        """
        if isinstance(keys, (str, bytes, Mapping)):
            raise QueryError(f"expected a list of keys, got {type(keys).__name__}")
        given, size = list(keys), max(1, self._home()[1].dialect.max_params // max(1, len(self._table.key)) // 2)
        if len(given) <= size:
            return await self.with_keys(given).aall()
        if self._select.limit is not None or self._select.offset is not None:
            raise QueryError(f"a query with limit or offset takes at most {size} keys, got {len(given)}")
        given = list(dict.fromkeys(tuple(key) if isinstance(key, list) else key for key in given))
        chunks = [given[start : start + size] for start in range(0, len(given), size)]
        return [record for chunk in chunks for record in await self.with_keys(chunk).aall()]

    find_all = blocking(afind_all)

    def iterator(self, chunk_size: int = 1000) -> RecordStream[M]:
        """The records one by one, `chunk_size` read at a time, for ``for`` and ``async for``.

        Outside a transaction it holds a connection until it is exhausted or closed; use it as a context manager where
        it may be left early.
        """
        checked_size("chunk_size", chunk_size)
        self._refuse_half_records()
        backend, plan = self._home()
        return RecordStream(backend, plan, self._compile(plan), chunk_size, self._loads)

    async def apage(self, size: int, after: str | None = None, before: str | None = None) -> Page[M]:
        """The first `size` records in the query's order, or those after or before the place that a cursor says.

        The key completes the order where rows could tie.  Cursors come from `Page.next` and `Page.previous`; one that
        was not made for this query, its conditions and its order, or with another `secret_key`, is an InvalidCursor.
        """
        backend, plan = self._home()
        keyset = self._keyset(plan)
        cursors = Cursors(backend.signing_key, plan.compile(keyset.question()))
        paging = Paging(keyset, cursors, size, after, before)
        sql, params = plan.compile(paging.select())
        rows = paging.cut(plan.tuples(await backend.asend(sql, params, True), keyset.names))
        return paging.page(await self._aloaded(plan, keyset.asked_for(rows)), rows)

    page = blocking(apage)

    async def abatch(self, size: int, callback: Callable[[list[M]], Any]) -> int:
        """Call `callback` with lists of at most `size` records until all have been given; gives their number.

        The callback may be async in the awaiting face.  Like `iterator` it holds a connection outside a transaction.
        """
        checked_size("size", size)
        if not callable(callback):
            raise TypeError(f"callback must be callable, got {type(callback).__name__}")
        count = 0
        async with self.iterator(size) as stream:
            while records := await stream.afetch_chunk():
                count += len(records)
                await acall(callback, records)
        return count

    batch = blocking(abatch)

    def raw_sql(self, sql: str, params: Sequence[Any] = ()) -> RawQuery[M]:
        """Ask by SQL text of your own, ``?`` for each of its values, and get records or values by `RawQuery`.

        The text is the whole question: QueryError where the query has clauses already.
        """
        select, plain = self._unscoped(), Select(self._table.select_list, self._table.source())
        if select.columns is not plain.columns or any(
            getattr(select, clause) is not getattr(plain, clause) for clause in Select.__slots__ if clause != "source"
        ):
            raise QueryError("raw_sql asks by its text alone: begin with query(), and put all clauses into the text")
        if self._loads is not None and self._loads.joins:
            raise QueryError("raw_sql cannot load relations by a join: leave out join=True")
        return RawQuery(self, Raw(sql, params))

    def _keyset(self, plan: Plan) -> Keyset:
        self._refuse_half_records()
        loads = self._loads
        if loads is None or not loads.joins:
            return keyset_of(self._closed(), self._sources(), plan.dialect)
        extended = partial(loads.extended, plan, source=self._table)
        return keyset_of(self._closed(), self._sources(), plan.dialect, extended)

    async def _aloaded(self, plan: Plan, rows: list[tuple[Any, ...]]) -> list[M]:
        """The records of rows that have the query's columns, with what is loaded along."""
        if self._loads is None:
            plain: list[M] = plan.load(rows)
            return plain
        records: list[M] = self._loads.load(plan, rows)
        await self._loads.aapply(records)
        return records

    # 2 - Values instead of records

    async def adicts(self) -> list[dict[str, Any]]:
        """All rows as dicts by field name."""
        self._refuse_half_records()
        backend, plan = self._home()
        sql, params = self._compile(plan)
        return plan.load_dicts(plan.rows_of(await backend.asend(sql, params, True)))

    dicts = blocking(adicts)

    async def atuples(self) -> list[tuple[Any, ...]]:
        """All rows as tuples, in the order of the model's fields."""
        return [tuple(row.values()) for row in await self.adicts()]

    tuples = blocking(atuples)

    def select(self, *columns: str | Expression) -> RowQuery:
        """Ask for columns instead of records: ``select("carrier", F.count().as_("flights"))``.

        A string is a column, or ``FUNCTION(column) AS alias``.
        """
        return self._in_rows(self._select, self._groups, self._scopes).select(*columns)

    def _in_rows(self, select: Select, groups: tuple[Any, ...], scopes: Any, items: tuple[Any, ...] = ()) -> RowQuery:
        made = RowQuery(self._table, select, groups, items)
        made._scopes = scopes
        return made

    def with_(self, *paths: str | tuple[str, Callable[[Any], Any]] | Callable[[Any], Any], join: bool = False) -> Self:
        """Load relations along with the records, one statement for each: ``with_("posts.comments", "team")``.

        A function after a path makes of the relation's query what it returns, whose limit holds for each record:
        ``with_("posts", lambda q: q.order_by("at DESC").limit(3))``.  With ``join=True`` relations to one record come
        in the query's own statement.  QueryError for an unknown name.
        """
        loads, model = self._loads or Loads(), self._table.model
        return self._loading(loads.joining(model, paths) if join else loads.adding(model, paths))

    def with_count(self, *names: str) -> Self:
        """Count related records along, one statement for each relation; `count_of` of a record gives the number."""
        return self._loading((self._loads or Loads()).counting(self._table.model, names))

    def loading(self, policy: Policy) -> Self:
        """Have these records load relations on reading by a policy: "batch", "one", "warn" or "raise"."""
        return self._loading((self._loads or Loads()).by_policy(checked(policy)))

    def _loading(self, loads: Loads) -> Self:
        made = self._with()
        made._loads = loads
        return made

    def into(self, card: type[C]) -> CardQuery[C]:
        """The same rows as objects of a Pydantic class of the caller's: ``into(UserCard).all()``.

        Its fields say what is selected; a field named as a relation, ``posts: list[PostCard]``, is loaded along, by the
        query that `with_` has given for it.  ConfigurationError for a required field that the model does not have.
        """
        return CardQuery(self, card)

    def to_dict(self, include: Iterable[str] | None = None, exclude: Iterable[str] = ()) -> DictQuery:
        """The same rows as dicts of some fields; `all` and `one` answer."""
        table = self._table
        given = [table.by_name[table.ref(name).name].field for name in (table.by_field if include is None else include)]
        left_out = {table.by_name[table.ref(name).name].field for name in exclude}
        return DictQuery(self.select(*(name for name in given if name not in left_out)))

    # 3 - Numbers

    async def acount(self) -> int:
        """The number of rows."""
        select = self._closed().replace(lock=None)
        if self._is_shaped() or select.limit is not None or select.offset is not None:
            counted = Select((F.count(),), DerivedTable(select, "counted"))
        else:
            counted = select.replace(columns=(F.count(),), order_by=())
        return int(await self._ascalar(counted))

    count = blocking(acount)

    async def aexists(self) -> bool:
        """Whether there is any row."""
        select = self._cut_to_one()._closed().replace(lock=None)
        if not self._is_shaped():
            select = select.replace(columns=(Raw("1"),), order_by=())
        return bool(await self._arows(select))

    exists = blocking(aexists)

    def _is_shaped(self) -> bool:
        """Whether the rows are others than those that the conditions let through."""
        select = self._select
        return bool(
            select.distinct
            or select.distinct_on
            or select.group_by
            or select.having is not None
            or isinstance(select, Compound)
        )

    async def asum(self, column: str | Expression) -> Any:
        """The sum of a column over the rows, of the column's type; None over no rows."""
        return await self._aaggregate(F.sum, column)

    sum = blocking(asum)

    async def aavg(self, column: str | Expression) -> Any:
        """The mean of a column over the rows; None over no rows."""
        return await self._aaggregate(F.avg, column)

    avg = blocking(aavg)

    async def amin(self, column: str | Expression) -> Any:
        """The smallest value of a column; None over no rows."""
        return await self._aaggregate(F.min, column)

    min = blocking(amin)

    async def amax(self, column: str | Expression) -> Any:
        """The largest value of a column; None over no rows."""
        return await self._aaggregate(F.max, column)

    max = blocking(amax)

    async def _aaggregate(self, function: Callable[[Any], Function], column: str | Expression) -> Any:
        if self._is_shaped() or self._select.limit is not None or self._select.offset is not None:
            raise QueryError(
                "sum, avg, min and max take all rows of a query: drop its limit, offset, distinct and groups, "
                "or ask for them on as_table('t').query()"
            )
        item = column if isinstance(column, Expression) else self._ref(column)
        asked = self._in_rows(self._closed(), (), None).select(function(item).as_("value"))
        return (await asked._with(order_by=(), lock=None).ascalars())[0]

    async def _ascalar(self, select: Select) -> Any:
        return (await self._arows(select))[0][0]

    async def _arows(self, select: Select) -> list[Any]:
        backend, plan = self._home()
        sql, params = plan.compile(select)
        return (await backend.asend(sql, params, True)).rows or []

    # 4 - Queries as tables, and several as one

    def as_table(self, name: str, *, lateral: bool = False) -> Derived[RowQuery]:
        """This query as a table, to be joined or asked: ``t = query.as_table("t")``, ``t.c.total``, ``t.query()``.

        A lateral one may name the columns of the tables that stand before it.
        """
        select = self._closed()
        node = DerivedTable(select, checked_name(name), lateral=lateral)
        return Derived(name, self._given_columns(), node, self._table.origin, _rows_of)

    def as_cte(self, name: str, *, materialized: bool | None = None) -> CTE[RowQuery]:
        """This query as a named one of WITH, where it is joined or asked; `recursive` lets it go on from its rows.

        `materialized` says whether the engine is to keep its rows or to merge it; None leaves that to the engine.
        """
        columns = list(self._given_columns())
        node = CommonTable(checked_name(name), tuple([column.name for column in columns]), materialized=materialized)
        node.body = self._closed()
        return CTE(node, columns, self._table.origin, _rows_of)

    def _given_columns(self) -> Iterable[Any]:
        columns: Iterable[Any] = self._table.by_field.values()
        return columns

    def union(self, other: Query[M], *, all: bool = False) -> Self:
        """The rows of both queries, equal ones once, or with ``all=True`` as often as they are there.

        What follows, order, limit, count and the rest, is meant for the whole.
        """
        return self._compound("UNION", other, all)

    def intersect(self, other: Query[M], *, all: bool = False) -> Self:
        """The rows that both queries give, equal ones once."""
        return self._compound("INTERSECT", other, all)

    def except_(self, other: Query[M], *, all: bool = False) -> Self:
        """The rows of this query that the other does not give, equal ones once."""
        return self._compound("EXCEPT", other, all)

    def _compound(self, operator: str, other: Any, is_all: bool) -> Self:
        if not isinstance(other, Query) or other._is_of_rows != self._is_of_rows:
            raise QueryError(f"{operator} joins two queries of records, or two with select, got {type(other).__name__}")
        if not self._is_of_rows and other._table.origin is not self._table.origin:
            names = f"{self._table.model.__name__} and {other._table.model.__name__}"
            raise QueryError(f"{operator} of records of {names}: ask both for columns, with select")
        if not self._is_of_rows:
            self._refuse_half_records()
            other._refuse_half_records()
        made = self._over(compound_of(self._closed(), operator, closed_select(other), is_all=is_all))
        made._scopes = None  # Both parts have theirs.
        return made

    # 5 - Changing rows by query

    async def aupdate(self, values: dict[str, Any] | None = None, /, **more: Any) -> int:
        """Set columns of all rows that the query asks for, all rows of the table if it has no condition.

        Gives the number of rows.  Values are validated as the model's fields are; an expression,
        ``update(pages=Book.c.pages + 1)``, or a query is reckoned for each row.  A limit is kept by choosing the rows
        in a subquery.  No handlers are called, and loaded records stay as they are.
        """
        backend, plan = self._home()
        rows = rows_to_change("update", self._closed(), self._table, plan.dialect)
        changes = changes_to(plan, given_values(values, more))
        sql, params = plan.compile(Update(self._table.source(), changes, rows))
        return (await backend.asend(sql, params, False)).affected_rows

    update = blocking(aupdate)

    async def adelete(self) -> int:
        """Delete all rows that the query asks for, all rows of the table if it has no condition; gives their number.

        A limit is kept by choosing the rows in a subquery.  No handlers are called, and loaded records stay as they
        are.
        """
        backend, plan = self._home()
        rows = rows_to_change("delete", self._closed(), self._table, plan.dialect)
        sql, params = plan.compile(Delete(self._table.source(), rows))
        return (await backend.asend(sql, params, False)).affected_rows

    delete = blocking(adelete)

    def _marking(self) -> tuple[Query[M], dict[str, Any]] | None:
        """What `delete` writes where it leaves the rows: the query for them, and the values; None where they go."""
        return None

    @overload
    def returning(self) -> Returning[M]: ...
    @overload
    def returning(self, column: str | Expression, /, *columns: str | Expression) -> Returning[Row]: ...
    def returning(self, *columns: str | Expression) -> Any:
        """Have `update` and `delete` give records, or rows of these columns: ``query.returning("id").delete()``."""
        return Returning(self, self.select(*columns) if columns else None)

    # 6 - Looking at the question

    def to_sql(self) -> tuple[str, tuple[Any, ...]]:
        """The SQL text, ``?`` for each value, and the values as the driver gets them.  No I/O."""
        return self._compile(self._home()[1])

    build = to_sql

    async def aexplain(self) -> str:
        """How the engine would run the query, in its own words, a line for each step."""
        backend, plan = self._home()
        sql, params = self._compile(plan)
        result = await backend.asend(plan.dialect.explain(sql), params, True)
        return "\n".join(str(row[-1]) for row in result.rows or [])

    explain = blocking(aexplain)

    def _home(self) -> tuple[StorageBackend, Plan]:
        home: tuple[StorageBackend, Plan] = self._table.model.__home__
        if home[1].table is self._table:
            return home
        table = self._table.origin
        return home if home[1].table is table else (home[0], plan_for(table, home[0]))

    def _is_fixed(self) -> bool:
        loads = self._loads
        return super()._is_fixed() and (loads is None or not loads.joins or loads.is_fixed(self._table.model))

    def _compile(self, plan: Plan) -> tuple[str, tuple[Any, ...]]:
        # A query never changes, so its text is made once; a plan of another backend makes its own.
        kept = self._compiled
        if kept is None or kept[0] is not plan or not self._is_fixed():
            select = self._closed()
            if self._loads is not None:
                select = self._loads.extended(plan, select, self._table)
            kept = self._compiled = (plan, plan.compile(select))
        compiled: tuple[str, tuple[Any, ...]] = kept[1]
        return compiled

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._table.name})"


class RowQuery(Query[Row]):
    """A question for some columns, answered in rows: see `Row`."""

    __slots__ = ("_items",)
    _is_of_rows = True

    def __init__(self, table: Any, select: Select, groups: tuple[Any, ...], items: tuple[Any, ...] = ()) -> None:
        super().__init__(table, select, groups)
        self._items = items  # Pairs of a name and what is selected under it.

    def _over(self, select: Select, groups: tuple[Any, ...] | None = None) -> Self:
        made = type(self)(self._table, select, self._groups if groups is None else groups, self._items)
        made._loads, made._scopes = self._loads, self._scopes
        return made

    def _given_columns(self) -> Iterable[Any]:
        return [GivenColumn(name, name, type_of(item)) for name, item in self._items]

    def _aliases(self) -> Iterable[str]:
        fields = self._table.by_field
        return [name for name, item in self._items if not isinstance(item, ColumnRef) or name not in fields]

    def _ordering(self, item: str | Expression) -> Expression:
        ordering = super()._ordering(item)
        if not isinstance(ordering, Ordering) or not isinstance(ordering.item, ColumnRef) or ordering.item.table:
            return ordering
        selected = next((found for name, found in self._items if name == ordering.item.name), None)
        if selected is None or selected.sort_key is selected:
            return ordering
        if isinstance(self._select, Compound):
            raise QueryError(
                f"{ordering.item.name!r} is JSON, and a {self._select.operator} could order it by its text only: "
                "select it with as_text() or cast(…)"
            )
        # Under its alias it would be ordered as it is read: JSON as text.
        return Ordering(selected, descending=ordering.descending, nulls=ordering.nulls)

    def _is_shaped(self) -> bool:
        return super()._is_shaped() or not all(isinstance(item, ColumnRef) for _, item in self._items)

    def _ordered(self) -> Self:
        # The rows of groups and aggregates have no key to go by.
        return self if self._is_shaped() else super()._ordered()

    def select(self, *columns: str | Expression) -> RowQuery:
        """Ask for further columns."""
        if isinstance(self._select, Compound):
            self._refuse_compound("select")
        items = self._items + tuple(pair for column in columns for pair in selected(self, column))
        names = [name for name, _ in items]
        if not names:
            raise QueryError("select needs at least one column")
        double = next((name for name in names if names.count(name) > 1), None)
        if double is not None:
            raise QueryError(f"select would give two columns the name {double!r}: name one with .as_(…)")
        select = self._select.replace(columns=tuple(as_named(name, item) for name, item in items))
        return self._in_rows(select, self._groups, self._scopes, items)

    async def aall(self) -> list[Row]:
        """All rows."""
        return self._rows(await self.atuples())

    def _rows(self, tuples: list[tuple[Any, ...]]) -> list[Row]:
        return list(map(row_class(tuple(name for name, _ in self._items)), tuples))

    async def atuples(self) -> list[tuple[Any, ...]]:
        """All rows as plain tuples, in the order of `select`."""
        backend, plan = self._home()
        sql, params = self._compile(plan)
        return self._tuples(plan, await backend.asend(sql, params, True))

    def _tuples(self, plan: Plan, result: QueryResult) -> list[tuple[Any, ...]]:
        return self._converted(plan, plan.tuples(result, [name for name, _ in self._items]))

    def _converted(self, plan: Plan, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return tuple_loader([_loader_of(plan, item) for _, item in self._items])(rows)

    def _refuse_half_records(self) -> None:
        pass  # Rows may be of either side.

    async def _aloaded(self, plan: Plan, rows: list[tuple[Any, ...]]) -> list[Row]:
        return self._rows(self._converted(plan, rows))

    async def adicts(self) -> list[dict[str, Any]]:
        """All rows as dicts by the names of `select`."""
        names = [name for name, _ in self._items]
        return [dict(zip(names, row, strict=True)) for row in await self.atuples()]

    async def ascalars(self) -> list[Any]:
        """The values of the one selected column."""
        if len(self._items) != 1:
            raise QueryError(f"scalars needs a select of one column, this one has {len(self._items)}")
        return [row[0] for row in await self.atuples()]

    scalars = blocking(ascalars)

    async def aaggregate(self) -> list[dict[str, Any]]:
        """All rows as dicts; the name that grouped queries had in the guide's era."""
        return await self.adicts()

    aggregate = blocking(aaggregate)

    def iterator(self, chunk_size: int = 1000) -> RecordStream[Row]:
        """Not for rows: QueryError; read them with `all`, `dicts` or `tuples`."""
        raise QueryError("iterator gives records: leave out select, or read the rows with all(), dicts() or tuples()")


class WholeRows(RowQuery):
    """The rows of a derived table or CTE with all their columns, until `select` chooses some."""

    __slots__ = ()

    def select(self, *columns: str | Expression) -> RowQuery:
        """Ask for these columns only."""
        return RowQuery(self._table, self._select, self._groups).select(*columns)


def _rows_of(source: Any) -> RowQuery:
    items = tuple([(name, source.ref(name)) for name in source.by_field])
    select = Select([as_named(name, ref) for name, ref in items], source.source()).replace(ctes=ctes_of(source))
    return WholeRows(source, select, (), items)


def _loader_of(plan: Plan, item: Expression) -> Callable[[Any], Any] | None:
    column = type_of(item)
    return None if column is None else plan.loader(column)
