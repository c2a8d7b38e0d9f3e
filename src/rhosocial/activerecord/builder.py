"""The clauses of a question: each call gives a new, narrower one and leaves the old one as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

from .backend.errors import ColumnNotFound, QueryError
from .backend.expression import (
    Aliased,
    Between,
    ColumnRef,
    Condition,
    Expression,
    In,
    IsNull,
    Junction,
    Operand,
    Ordering,
    Raw,
)
from .backend.function import Star
from .backend.names import Term, parse_order, parse_term, shown
from .backend.statement import Join, Select, and_
from .backend.subquery import Subquery
from .table import Table, nearest

_IS_JOIN_CLAUSE = re.compile(r"\bJOIN\b", re.IGNORECASE)

# The suffixes of dict conditions, ``{"age__gte": 18}``, and what each makes of a column and a value.
_SUFFIXES: dict[str, Callable[[Operand, Any], Condition]] = {
    "eq": lambda column, value: column == value,
    "ne": lambda column, value: column != value,
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
    "like": lambda column, value: column.like(value),
    "not_like": lambda column, value: column.not_like(value),
    "in": lambda column, value: column.in_(value),
    "not_in": lambda column, value: column.not_in(value),
    "contains": lambda column, value: column.contains(value),
    "startswith": lambda column, value: column.startswith(value),
    "endswith": lambda column, value: column.endswith(value),
    "between": lambda column, value: column.between(*_pair(value)),
    "is_null": lambda column, value: column.is_null() if _flag(value) else column.is_not_null(),
}


def _pair(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise QueryError(f"between takes a pair of values, got {type(value).__name__}")
    return value[0], value[1]


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise QueryError(f"is_null takes True or False, got {type(value).__name__}")
    return value


class Builder:
    """A table and the clauses asked of it; immutable, so that it may be shared between threads and kept.

    A condition is an expression (``User.c.age > 18``) or SQL text with a ``?`` for each of its values; the two mix.
    """

    __slots__ = ("_compiled", "_groups", "_loads", "_select", "_table")

    def __init__(self, table: Table, select: Select | None = None, groups: tuple[Expression | None, ...] = ()) -> None:
        self._table = table
        self._select = select or Select(table.select_list, table.source())
        self._groups = groups  # The conditions that stood when each open group was started.
        self._compiled: Any = None
        self._loads: Any = None  # What is loaded along with the records, or None.

    def _with(self, **clauses: Any) -> Self:
        return self._over(self._select.replace(**clauses))

    def _over(self, select: Select, groups: tuple[Expression | None, ...] | None = None) -> Self:
        made = type(self)(self._table, select, self._groups if groups is None else groups)
        made._loads = self._loads
        return made

    # 1 - Conditions

    def where(self, condition: Expression | str, params: Any = (), /, *more: Expression) -> Self:
        """Keep the rows that meet the condition too: ``where(User.c.age > 18)``, ``where("age > ?", (18,))``."""
        if isinstance(params, Expression):
            more, params = (params, *more), ()
        return self._with(where=and_(self._select.where, as_condition(condition, params), *more))

    def or_where(self, condition: Expression | str, params: Any = ()) -> Self:
        """Keep also the rows that meet this condition: (all that came before) OR this."""
        given = as_condition(condition, params)
        before = self._select.where
        return self._with(where=given if before is None else Junction("OR", (before, given)))

    def start_or_group(self) -> Self:
        """Open parentheses: what follows, up to `end_or_group`, is one condition, joined to the rest by AND."""
        return self._over(self._select.replace(where=None), (*self._groups, self._select.where))

    def end_or_group(self) -> Self:
        """Close what `start_or_group` opened."""
        if not self._groups:
            raise QueryError("end_or_group without start_or_group")
        joined = and_(self._groups[-1], self._select.where)
        return self._over(self._select.replace(where=joined), self._groups[:-1])

    def query(self, conditions: Mapping[str, Any]) -> Self:
        """Keep the rows that meet all conditions of a dict: ``{"name": "Ann", "age__gte": 18, "id": [1, 2]}``.

        None means IS NULL, a list IN; suffixes are ``__gt __gte __lt __lte __ne __in __not_in __like __not_like
        __contains __startswith __endswith __between __is_null``.
        """
        return self._with(where=and_(self._select.where, *(self._dict_condition(k, v) for k, v in conditions.items())))

    def _dict_condition(self, key: str, value: Any) -> Condition:
        if not isinstance(key, str) or key.startswith("_"):
            raise QueryError(f"{shown(key)} cannot be a condition: write a column's name, with a suffix such as __gte")
        name, separator, suffix = key.rpartition("__")
        if not separator or key in self._table.by_field or key in self._table.by_name:
            column = self._ref(key)
            many = isinstance(value, (list, tuple, set, frozenset)) or hasattr(value, "as_subquery")
            return column.in_(value) if many else column == value
        if suffix not in _SUFFIXES:
            raise QueryError(f"condition {shown(key)} has an unknown suffix{nearest(suffix, _SUFFIXES)}")
        return _SUFFIXES[suffix](self._ref(name), value)

    def in_list(self, column: str | Operand, values: Any, empty_result: bool = True) -> Self:
        """Keep the rows whose column is one of `values`; an empty list keeps none, all if `empty_result` is False."""
        condition = In(self._ref(column), values)
        return self if condition.is_empty and not empty_result else self.where(condition)

    def not_in(self, column: str | Operand, values: Any, empty_result: bool = False) -> Self:
        """Keep the rows whose column is none of `values`; an empty list keeps all, none if `empty_result` is True."""
        condition = In(self._ref(column), values, negated=True)
        return self.where(In(condition.item, ()) if condition.is_empty and empty_result else condition)

    def between(self, column: str | Operand, low: Any, high: Any) -> Self:
        """Keep the rows with ``low <= column <= high``."""
        return self.where(Between(self._ref(column), low, high))

    def not_between(self, column: str | Operand, low: Any, high: Any) -> Self:
        """Keep the rows whose column is below `low` or above `high`."""
        return self.where(Between(self._ref(column), low, high, negated=True))

    def like(self, column: str | Operand, pattern: str) -> Self:
        """Keep the rows whose column matches SQL's LIKE pattern."""
        return self.where(self._ref(column).like(pattern))

    def not_like(self, column: str | Operand, pattern: str) -> Self:
        """Keep the rows whose column does not match the pattern."""
        return self.where(self._ref(column).not_like(pattern))

    def is_null(self, column: str | Operand) -> Self:
        """Keep the rows whose column is NULL."""
        return self.where(IsNull(self._ref(column)))

    def is_not_null(self, column: str | Operand) -> Self:
        """Keep the rows whose column is not NULL."""
        return self.where(IsNull(self._ref(column), negated=True))

    def with_keys(self, keys: Iterable[Any]) -> Self:
        """Keep the rows with one of these keys; composite keys are given as tuples."""
        columns = [self._table.ref(column.field) for column in self._table.key]
        if isinstance(keys, (str, bytes)):
            raise QueryError(f"expected a list of keys, got {type(keys).__name__}")
        if len(columns) == 1:
            return self.where(columns[0].in_(keys))
        given = [self._key_condition(columns, key) for key in keys]
        return self.where(Junction("OR", given) if given else Raw("1 = 0"))

    def _key_condition(self, columns: Sequence[ColumnRef], key: Any) -> Expression:
        if not isinstance(key, (tuple, list)) or len(key) != len(columns):
            raise QueryError(f"the key of {self._table.model.__name__} is a tuple of {len(columns)} values")
        return Junction("AND", [column == part for column, part in zip(columns, key, strict=True)])

    # 2 - Order and extent

    def order_by(self, *items: str | Expression) -> Self:
        """Order by columns: ``order_by("name", "age DESC NULLS LAST", User.c.id.desc())``; calls add up."""
        return self._with(order_by=self._select.order_by + tuple(self._ordering(item) for item in items))

    def _ordering(self, item: str | Expression) -> Expression:
        if isinstance(item, Ordering):
            return item
        if isinstance(item, Expression):
            return Ordering(self._by_alias(item), descending=False)
        term, descending, nulls = parse_order(item)
        return Ordering(self._term(term), descending=descending, nulls=nulls)

    def limit(self, count: int | None) -> Self:
        """At most so many rows; None lifts the limit."""
        return self._with(limit=_checked_count("limit", count))

    def offset(self, count: int | None) -> Self:
        """Leave out so many rows at the beginning."""
        return self._with(offset=_checked_count("offset", count))

    def distinct(self) -> Self:
        """Equal rows once."""
        return self._with(distinct=True)

    # 3 - Groups and joins

    def group_by(self, *items: str | Expression) -> Self:
        """One row for each group of equal values, for a query with `select`."""
        return self._with(group_by=self._select.group_by + tuple(self._item(item) for item in items))

    def having(self, condition: Expression | str, params: Any = ()) -> Self:
        """Keep the groups that meet the condition."""
        return self._with(having=and_(self._select.having, as_condition(condition, params)))

    def join(self, target: Any, on: Expression | str | None = None) -> Self:
        """Join another model's table on a condition: ``join(Post, on=Post.c.user_id == User.c.id)``.

        A raw clause, ``join("JOIN posts ON posts.user_id = users.id")``, stands in the SQL as it is.
        """
        if isinstance(target, str):
            return self._joined_raw(target, on)
        return self._joined("JOIN", target, on)

    def left_join(self, target: Any, on: Expression | str | None = None) -> Self:
        """Like `join` of a model, keeping the rows that have no partner; a raw clause goes through `join`."""
        return self._joined("LEFT JOIN", target, on)

    def _joined_raw(self, clause: str, on: Any) -> Self:
        if not _IS_JOIN_CLAUSE.search(clause):
            name = self._table.model.__name__
            raise QueryError(f"{name} has no relation {shown(clause)} to join; pass a model or a JOIN clause")
        if on is not None:
            raise QueryError("a raw JOIN clause has its condition in it: leave out on")
        return self._with(joins=(*self._select.joins, Join("", _Clause(clause))))

    def _joined(self, kind: str, target: Any, on: Expression | str | None) -> Self:
        table = getattr(target, "__table__", None)
        if not isinstance(table, Table):
            got = shown(target) if isinstance(target, str) else type(target).__name__
            raise QueryError(f"{kind} expects a model, got {got}; a raw clause goes through join")
        if on is None:
            raise QueryError(f"joining {table.name} needs a condition: join({target.__name__}, on=…)")
        if table.name in self._tables():
            raise QueryError(f"{table.name} is in the query already: join it once more by a raw clause, under an alias")
        return self._with(joins=(*self._select.joins, ModelJoin(kind, table, as_condition(on))))

    def _tables(self) -> dict[str, Table]:
        """The tables of models in the query by name."""
        joined = {join.table.name: join.table for join in self._select.joins if isinstance(join, ModelJoin)}
        return {self._table.name: self._table, **joined}

    # 4 - Names

    def _ref(self, column: str | Operand) -> Operand:
        if isinstance(column, Operand):
            return column
        if not isinstance(column, str):
            raise QueryError(f"expected a column, got {type(column).__name__}")
        table, dot, name = column.rpartition(".")
        return self._column(table if dot else None, name)

    def _column(self, table: str | None, name: str) -> Operand:
        if table is None or table == self._table.name:
            return self._table.ref(name)
        known = self._tables()
        if table in known:
            return known[table].ref(name)
        if len(known) == len(self._select.joins) + 1:
            raise ColumnNotFound(
                f"the query of {self._table.name} has no table {shown(table)}{nearest(table, known)}; join it first"
            )
        return ColumnRef(table, name)  # Only the engine knows what a raw clause has joined.

    def _item(self, item: str | Expression) -> Expression:
        return self._by_alias(item) if isinstance(item, Expression) else self._term(parse_term(item))

    def _by_alias(self, item: Expression) -> Expression:
        if not isinstance(item, Aliased):
            return item
        return ColumnRef(None, item.name) if item.name in self._aliases() else item.item

    def _term(self, term: Term) -> Expression:
        if term.function is not None or term.alias is not None or term.name == "*":
            raise QueryError(f"{term.column!r} cannot stand here so: name a column or an alias of select")
        if term.table is None and term.name in self._aliases():
            return ColumnRef(None, term.name)
        return self._column(term.table, term.name)

    def _aliases(self) -> Iterable[str]:
        return ()

    def as_subquery(self) -> Operand:
        """This query in parentheses, for use inside another's condition."""
        return Subquery(self._closed())

    def _closed(self) -> Select:
        if self._groups:
            raise QueryError("start_or_group was not closed: call end_or_group")
        return self._select

    def write(self, out: Any) -> None:
        """Write the query in parentheses, as ``IN (…)`` and ``EXISTS (…)`` want it."""
        self.as_subquery().write(out)


class ModelJoin(Join):
    """A join of a model's table, which the names in strings are checked against."""

    __slots__ = ("table",)

    def __init__(self, kind: str, table: Table, on: Expression) -> None:
        super().__init__(kind, table.source(), on)
        self.table = table


class _Clause(Raw):
    """A whole clause of SQL text, written without parentheses."""

    __slots__ = ()
    precedence = 9


def as_condition(condition: Any, params: Any = ()) -> Expression:
    """SQL text with its values, or an expression, as a condition; anything else is a QueryError."""
    if isinstance(condition, str):
        return Raw(condition, params)
    if not isinstance(condition, Expression) or isinstance(condition, (Aliased, Ordering, Star)):
        kind = type(condition).__name__
        raise QueryError(f"expected a condition or SQL text, got {kind}: User.c.age > 18, or 'age > ?', (18,)")
    if not isinstance(params, (tuple, list)) or params:
        raise QueryError("values go with SQL text; a condition such as User.c.age > 18 has its own: join several by &")
    return condition


def _checked_count(what: str, count: Any) -> int | None:
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
        raise QueryError(f"{what} must be a whole number of at least 0, got {count!r}")
    return count
