"""The clauses of a question: each call gives a new, narrower one and leaves the old one as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

from .backend.errors import QueryError
from .backend.expression import (
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
from .backend.names import parse_order, shown
from .backend.statement import Compound, IndexHint, Lock, Select, and_
from .backend.subquery import Exists, Subquery
from .join import JoinBuilder, Target, as_condition
from .scope import in_scope, scopes_without
from .source import checked_name, source_of
from .table import nearest

Locked = Target | str

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


class Builder(JoinBuilder):
    """The clauses asked of a table; immutable, so that it may be shared between threads and kept.

    A condition is an expression (``User.c.age > 18``) or SQL text with a ``?`` for each of its values; the two mix.
    """

    __slots__ = ()

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
        opened = self._with(where=None)
        return opened._over(opened._select, (*self._groups, self._select.where))

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

    def where_exists(self, query: JoinBuilder | Expression) -> Self:
        """Keep the rows for which `query` has a row; it may name the columns of this one's tables."""
        return self.where(Exists(query))

    def where_not_exists(self, query: JoinBuilder | Expression) -> Self:
        """Keep the rows for which `query` has no row."""
        return self.where(Exists(query, negated=True))

    def with_keys(self, keys: Iterable[Any]) -> Self:
        """Keep the rows with one of these keys; composite keys are given as tuples."""
        columns = [self._table.ref(column.field) for column in self._table.key]
        if not columns:
            raise QueryError(f"the rows of {self._table.name} have no key: ask for them by where")
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

    def unscoped(self, *names: str) -> Self:
        """Ask for the rows too that the model's default scopes leave out; given names, those of these scopes alone.

        QueryError where the model has no scope of a name.
        """
        if isinstance(self._select, Compound):
            self._refuse_compound("unscoped")
        made = self._with()
        made._scopes = scopes_without(self._table, self._scopes, names)
        return made

    # 2 - Order and extent

    def order_by(self, *items: str | Expression) -> Self:
        """Order by columns: ``order_by("name", "age DESC NULLS LAST", User.c.id.desc())``; calls add up."""
        return self._with(order_by=self._select.order_by + tuple(self._ordering(item) for item in items))

    def _ordering(self, item: str | Expression) -> Expression:
        if isinstance(item, Ordering):
            if isinstance(self._select, Compound):
                return Ordering(self._output_of(item.item), descending=item.descending, nulls=item.nulls)
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

    def distinct_on(self, *columns: str | Expression) -> Self:
        """The first row of each group of equal values, first in the query's order; calls add up.

        ``order_by`` must begin with the same columns: ``distinct_on("user_id").order_by("user_id", "at DESC")``.
        """
        if not columns:
            raise QueryError("distinct_on needs at least one column; for equal rows once, write distinct()")
        return self._with(distinct_on=self._select.distinct_on + tuple(self._item(column) for column in columns))

    # 3 - Locks and hints

    def for_update(
        self, *, nowait: bool = False, skip_locked: bool = False, of: Locked | Sequence[Locked] = ()
    ) -> Self:
        """Lock the rows that are read against changes by others until the transaction ends.

        A row that another holds is waited for, unless `nowait` makes that an error or `skip_locked` leaves it out.
        `of` limits the lock to some tables of the query: names, models or aliases.
        """
        return self._locked("UPDATE", nowait, skip_locked, of)

    def for_share(self, *, nowait: bool = False, skip_locked: bool = False, of: Locked | Sequence[Locked] = ()) -> Self:
        """Like `for_update`, but others may lock the same rows with `for_share` too."""
        return self._locked("SHARE", nowait, skip_locked, of)

    def _locked(self, mode: str, nowait: bool, skip_locked: bool, of: Any) -> Self:
        if nowait and skip_locked:
            raise QueryError("a lock takes nowait or skip_locked, not both")
        given = of if isinstance(of, (tuple, list)) else (of,)
        return self._with(lock=Lock(mode, nowait, skip_locked, tuple(map(self._name_of, given))))

    def _name_of(self, table: Any) -> str:
        if isinstance(table, str):
            return self._table_named(table).name
        source = source_of(table)
        if source is None or source.name not in self._sources():
            what = type(table).__name__ if source is None else source.name
            raise QueryError(f"of takes tables of the query, {', '.join(self._sources())}; got {what}")
        return source.name

    def use_index(self, *names: str) -> Self:
        """Have the engine look up the rows of the query's own table by one of these indexes."""
        return self._hinted("USE", names)

    def ignore_index(self, *names: str) -> Self:
        """Have the engine leave these indexes of the query's own table alone."""
        return self._hinted("IGNORE", names)

    def _hinted(self, kind: str, names: Sequence[str]) -> Self:
        if not names:
            raise QueryError(f"{kind.lower()}_index needs the name of an index")
        return self._with(hints=(*self._select.hints, IndexHint(kind, tuple(map(checked_name, names)))))

    # 4 - Groups, and the query inside another

    def group_by(self, *items: str | Expression) -> Self:
        """One row for each group of equal values, for a query with `select`.

        ``F.rollup``, ``F.cube`` and ``F.grouping_sets`` group in several ways at once.
        """
        return self._with(group_by=self._select.group_by + tuple(self._item(item) for item in items))

    def having(self, condition: Expression | str, params: Any = ()) -> Self:
        """Keep the groups that meet the condition."""
        return self._with(having=and_(self._select.having, as_condition(condition, params)))

    def as_subquery(self) -> Operand:
        """This query in parentheses, for use inside another's condition."""
        return Subquery(self._closed())

    def _closed(self) -> Select:
        select = self._unscoped()
        return select if self._scopes is None and not select.joins else in_scope(select, self._table, self._scopes)

    def _unscoped(self) -> Select:
        """What was asked for, without the default scopes."""
        if self._groups:
            raise QueryError("start_or_group was not closed: call end_or_group")
        return self._select

    def _is_fixed(self) -> bool:
        """Whether the default scopes that it carries are always the same."""
        joined = [source.scopes for source in self._joined_sources()]
        return all(scopes is None or scopes.is_fixed for scopes in (self._scopes, *joined))

    def write(self, out: Any) -> None:
        """Write the query in parentheses, as ``IN (…)`` and ``EXISTS (…)`` want it."""
        self.as_subquery().write(out)


def _checked_count(what: str, count: Any) -> int | None:
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
        raise QueryError(f"{what} must be a whole number of at least 0, got {count!r}")
    return count
