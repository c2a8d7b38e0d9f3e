"""Pages: some rows of a query's answer after or before a place in its order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from .backend.errors import QueryError
from .backend.expression import (
    Aliased,
    ColumnRef,
    Comparison,
    Expression,
    IsNull,
    Junction,
    Ordering,
    Raw,
)
from .backend.function import Function
from .backend.grouping import Grouping
from .backend.row_value import RowValue, Sent
from .backend.statement import Compound, Select, and_
from .backend.subquery import DerivedTable
from .cursor import Cursors
from .stream import checked_size
from .table import TableColumn

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a query's answer: `items`, and the cursors of the pages around it, None where there is no such page.

    ``query.page(20, after=page.next)`` goes on, ``query.page(20, before=page.previous)`` goes back.
    """

    items: tuple[T, ...]
    next: str | None = None
    previous: str | None = None

    @property
    def has_next(self) -> bool:
        """Whether there is a page after this one."""
        return self.next is not None

    @property
    def has_previous(self) -> bool:
        """Whether there is a page before this one."""
        return self.previous is not None

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class Step:
    """One part of an order without ties: what is compared, which way, and where a row has its value for it."""

    item: Any
    place: int
    descending: bool = False
    is_nullable: bool = False
    nulls_first: bool = False

    def reversed(self) -> Step:
        """The same in the opposite direction."""
        return replace(self, descending=not self.descending, nulls_first=not self.nulls_first)

    def moved(self, places: int) -> Step:
        """The same in rows that have more columns before its own."""
        return replace(self, place=self.place + places)

    def ordering(self) -> Ordering:
        """The part as it stands in ORDER BY; where NULLs go is said, since the condition relies on it."""
        nulls = ("FIRST" if self.nulls_first else "LAST") if self.is_nullable else None
        return Ordering(self.item, descending=self.descending, nulls=nulls)

    def after(self, value: Any, rest: Expression | None) -> Expression:
        """The condition for the rows after that value, or at it and meeting `rest`, if there is one."""
        if value is None:
            return self._after_null(rest)
        sent = Sent(value)
        beyond: Expression = Comparison(self.item, self._operator, sent)
        if self.is_nullable and not self.nulls_first:
            at = None if rest is None else Junction("AND", (Comparison(self.item, "=", sent), rest))
            return _any_of(beyond, IsNull(self.item), at)
        if rest is None:
            return beyond
        # The first half alone is what an index can be searched by.
        return Junction("AND", (Comparison(self.item, f"{self._operator}=", sent), _any_of(beyond, rest)))

    @property
    def _operator(self) -> str:
        return "<" if self.descending else ">"

    def _after_null(self, rest: Expression | None) -> Expression:
        if self.nulls_first:
            return _any_of(IsNull(self.item, negated=True), rest)
        return Raw("1 = 0") if rest is None else Junction("AND", (IsNull(self.item), rest))


def _any_of(*conditions: Expression | None) -> Expression:
    given = [condition for condition in conditions if condition is not None]
    return given[0] if len(given) == 1 else Junction("OR", given)


class Keyset:
    """A SELECT with an order in which no two rows stand at one place.

    `names` are the names of the columns that it gives; the first `width` of them were asked for, the others are there
    for the order.
    """

    __slots__ = ("_compares_rows", "_select", "_steps", "names", "width")

    def __init__(self, select: Select, steps: Sequence[Step], width: int, compares_rows: bool) -> None:
        self._select = select
        self._steps = steps
        self._compares_rows = compares_rows
        self.names = [_output(column)[0] for column in select.columns]
        self.width = width

    def question(self) -> Select:
        """What a cursor of it is bound to: the tables, the conditions and the order, whatever columns are selected."""
        order = tuple([step.ordering() for step in self._steps])
        return self._select.replace(columns=(Raw("1"),), order_by=order)

    def page(self, size: int, place: Sequence[Any] | None, *, backwards: bool) -> Select:
        """The rows after a place, or before it in the opposite order, and one more, which tells whether there is."""
        steps = [step.reversed() for step in self._steps] if backwards else self._steps
        beyond = None if place is None else self._beyond(steps, place)
        return self._select.replace(
            where=and_(self._select.where, beyond),
            order_by=tuple([step.ordering() for step in steps]),
            limit=size + 1,
        )

    def asked_for(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """The rows without what is there for the order only."""
        return rows if self.width == len(self.names) else [row[: self.width] for row in rows]

    def place_of(self, row: Sequence[Any]) -> list[Any]:
        """The place of a row in the order."""
        return [row[step.place] for step in self._steps]

    def _beyond(self, steps: Sequence[Step], place: Sequence[Any]) -> Expression:
        is_uniform = len({step.descending for step in steps}) == 1 and not any(step.is_nullable for step in steps)
        if self._compares_rows and is_uniform and len(steps) > 1 and None not in place:
            items, values = RowValue([step.item for step in steps]), RowValue(map(Sent, place))
            return Comparison(items, steps[0]._operator, values)
        condition: Expression | None = None
        for step, value in zip(reversed(steps), reversed(place), strict=True):
            condition = step.after(value, condition)
        assert condition is not None
        return condition


class Paging:
    """One page being asked for: after or before the place of a cursor, or the first one."""

    __slots__ = ("_cursors", "_is_after", "_is_before", "_keyset", "_place", "_size", "_was_cut")

    def __init__(self, keyset: Keyset, cursors: Cursors, size: int, after: str | None, before: str | None) -> None:
        if after is not None and before is not None:
            raise QueryError("a page is after one cursor or before one: pass only one of them")
        self._size = checked_size("size", size)
        self._keyset = keyset
        self._cursors = cursors
        self._is_after, self._is_before = after is not None, before is not None
        given = before if after is None else after
        self._place = None if given is None else cursors.place_of(given)
        self._was_cut = False

    def select(self) -> Select:
        """The SELECT of the page's rows and one more."""
        return self._keyset.page(self._size, self._place, backwards=self._is_before)

    def cut(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """The rows that were found, in the query's order and without the one that only shows that there are more."""
        self._was_cut = len(rows) > self._size
        shown = rows[: self._size]
        return shown[::-1] if self._is_before else shown

    def page(self, items: Iterable[T], rows: list[tuple[Any, ...]]) -> Page[T]:
        """The page of these items, which were made of the rows that `cut` gave."""
        if not rows:
            return Page(())
        # Where the page was reached from, there is a row at least: the one whose place the cursor says.
        has_next = self._is_before or self._was_cut
        has_previous = self._is_after or (self._is_before and self._was_cut)
        return Page(
            tuple(items),
            self._cursor_of(rows[-1]) if has_next else None,
            self._cursor_of(rows[0]) if has_previous else None,
        )

    def _cursor_of(self, row: tuple[Any, ...]) -> str:
        return self._cursors.cursor_of(self._keyset.place_of(row))


def keyset_of(
    select: Select,
    sources: Mapping[str, Any],
    dialect: Any,
    extended: Callable[[Select], Select] | None = None,
) -> Keyset:
    """The SELECT, which reads from `sources` (the first is the query's own table), as one that pages can be cut of.

    `extended` joins what is loaded along and puts its columns behind those of the SELECT.
    QueryError where its rows cannot be told apart, so that pages could lose some.
    """
    if select.limit is not None or select.offset is not None:
        raise QueryError("page cuts the answer by itself: leave out limit and offset")
    order = _Order(select, sources, dialect)
    for ordering in select.order_by:
        given = ordering if isinstance(ordering, Ordering) else Ordering(ordering, descending=False)
        order.add(given.item, given.descending, given.nulls)
    for item in _identity(select, list(sources.values())):
        order.add(item)
    if not _is_shaped(select) and all(isinstance(item, ColumnRef) for _, item in order.outputs):
        return order.within(select if extended is None else extended(select))
    if extended is not None:
        raise QueryError("a page of distinct records cannot load relations by a join: leave out join=True")
    return order.around()


class _Order:
    """The order of a SELECT while it is being completed."""

    def __init__(self, select: Select, sources: Mapping[str, Any], dialect: Any) -> None:
        self.outputs = [_output(column) for column in select.columns]
        self._select = select
        self._sources = sources
        self._dialect = dialect
        self._items = [item for _, item in self.outputs]  # The order's own items follow.
        self._steps: dict[int, Step] = {}

    def add(self, item: Expression, descending: bool = False, nulls: str | None = None) -> None:
        """Order by an item too, unless it is one already."""
        place = self._place_of(item)
        if place in self._steps:
            return
        found = self._items[place].sort_key
        nulls_first = nulls == "FIRST" if nulls is not None else self._nulls_first(descending)
        self._steps[place] = Step(found, place, descending, self._is_nullable(found), nulls_first)

    def within(self, select: Select) -> Keyset:
        """The SELECT itself, with the condition among its own; it may have got more columns and joins."""
        given, more = len(self.outputs), len(select.columns) - len(self.outputs)
        steps = [step if step.place < given else step.moved(more) for step in self._steps.values()]
        return self._keyset(select.replace(columns=(*select.columns, *self._extra())), steps, given + more)

    def around(self) -> Keyset:
        """A SELECT from this one, whose rows are not there before its groups, windows and the like are reckoned."""
        columns = (*self._select.columns, *self._extra())
        # Of the rows of DISTINCT ON the order chooses the one that stays.
        order_by = self._select.order_by if self._select.distinct_on else ()
        inner = self._select.replace(columns=columns, order_by=order_by)
        refs = [ColumnRef(None, _output(column)[0]) for column in columns]
        steps = [replace(step, item=refs[step.place]) for step in self._steps.values()]
        return self._keyset(Select(refs, DerivedTable(inner, "page")), steps, len(self.outputs))

    def _keyset(self, select: Select, steps: list[Step], width: int) -> Keyset:
        return Keyset(select, steps, width, self._dialect.supports_row_values)

    def _extra(self) -> list[Aliased]:
        taken = {name for name, _ in self.outputs}
        prefix = next(name for name in ("page", "page_", "page__", "page___") if f"{name}1" not in taken)
        return [Aliased(item, f"{prefix}{n}") for n, item in enumerate(self._items[len(self.outputs) :], 1)]

    def _place_of(self, item: Expression) -> int:
        for place, (name, _) in enumerate(self.outputs):
            if isinstance(item, ColumnRef) and item.table is None and item.name == name:
                return place
        for place, known in enumerate(self._items):
            if _is_same(known, item):
                return place
        if self._select.distinct or isinstance(self._select, Compound):
            raise QueryError("a page of distinct rows is ordered by what is selected: select what it is ordered by too")
        self._items.append(item)
        return len(self._items) - 1

    def _nulls_first(self, descending: bool) -> bool:
        return self._dialect.nulls_sort in ("first", "high" if descending else "low")

    def _is_nullable(self, item: Expression) -> bool:
        if isinstance(item, Function):
            return item.name != "COUNT"
        source = self._sources.get(item.table) if isinstance(item, ColumnRef) and item.table is not None else None
        column: TableColumn | None = None if source is None else source.by_name.get(item.name)  # type: ignore[attr-defined]  # A ColumnRef.
        if column is None or column.nullable:
            return True
        is_own = source is next(iter(self._sources.values()))
        always_there = (*_INNER, "LEFT JOIN") if is_own else _INNER
        return not all(join.kind in always_there for join in self._select.joins)


# The joins that give no row without both sides.
_INNER = ("JOIN", "CROSS JOIN", "NATURAL JOIN")


def _identity(select: Select, sources: list[Any]) -> list[Expression]:
    """What no two rows of the SELECT have in common."""
    root = sources[0]
    # A query in FROM may give a row of the table more than once, or with other values.
    key = [] if root.stands_for is not None else [root.ref(column.field) for column in root.key]
    if select.distinct or isinstance(select, Compound):
        return _of_distinct(select, root, key)
    if select.distinct_on:
        return list(select.distinct_on)
    if select.group_by or select.having is not None:
        if any(isinstance(item, Grouping) for item in select.group_by):
            raise QueryError("the rows of ROLLUP, CUBE and GROUPING SETS cannot be told apart: page each by itself")
        return list(select.group_by)
    if len(sources) <= len(select.joins):
        raise QueryError("the rows of a raw JOIN cannot be told apart: join the model, or add distinct()")
    without = next((source.name for source in sources[1:] if not source.key), None if key else root.name)
    if without is not None:
        raise QueryError(f"the rows of {without} have no key to tell them apart: add distinct(), or group them")
    return key + [source.ref(column.field) for source in sources[1:] for column in source.key]


def _of_distinct(select: Select, root: Any, key: list[Expression]) -> list[Expression]:
    if isinstance(select, Compound) and select.is_all:
        raise QueryError(f"the rows of {select.operator} ALL cannot be told apart: leave out all=True")
    outputs = [_output(column) for column in select.columns]
    of_root = [any(_is_same(item, root.ref(field)) for field in root.by_field) for _, item in outputs]
    if key and all(of_root) and all(any(_is_same(item, part) for _, item in outputs) for part in key):
        return key
    return [ColumnRef(None, name) for name, _ in outputs]


def _is_shaped(select: Select) -> bool:
    clauses = select.distinct, select.distinct_on, select.group_by, select.having is not None
    return isinstance(select, Compound) or any(clauses)


def _output(column: Any) -> tuple[str, Any]:
    """The name that a selected column has in the result, and what it is."""
    return column.name, column.item if isinstance(column, Aliased) else column


def _is_same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    both = isinstance(one, ColumnRef) and isinstance(other, ColumnRef)
    return both and (one.table, one.name) == (other.table, other.name)
