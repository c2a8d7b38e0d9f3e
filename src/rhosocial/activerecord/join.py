"""The tables of a question: how they are joined, and what names in strings mean among them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Self

from .backend.errors import ColumnNotFound, QueryError
from .backend.expression import Aliased, ColumnRef, Expression, Operand, Ordering, Raw
from .backend.function import Star
from .backend.json_path import is_json
from .backend.names import Term, parse_term, shown
from .backend.schema import ForeignKey
from .backend.statement import Compound, Join, Select, and_
from .backend.typed_path import path_by_name
from .scope import narrowed, scope_of
from .source import Alias, Derived, Source, checked_name, ctes_of, merged_ctes, output_of, source_of
from .table import Table, nearest

_IS_JOIN_CLAUSE = re.compile(r"\bJOIN\b", re.IGNORECASE)
# What can be joined: a model, an alias, a query as a table, a CTE.
Target = type[Any] | Alias[Any] | Derived[Any]

# What may be asked of a UNION as a whole.
_OF_COMPOUND = frozenset({"order_by", "limit", "offset", "ctes"})
# The calls that ask for clauses, where the names differ.
_ASKED_BY = {"joins": "a join", "lock": "a lock", "hints": "an index hint", "source": "from_"}


class JoinBuilder:
    """A table, those joined to it, and the clauses asked of them; immutable."""

    __slots__ = ("_compiled", "_groups", "_loads", "_scopes", "_select", "_table")

    def __init__(self, table: Any, select: Select | None = None, groups: tuple[Expression | None, ...] = ()) -> None:
        self._table: Any = table  # A `Source`.
        self._select = select or Select(table.select_list, table.source())
        self._groups = groups  # The conditions that stood when each open group was started.
        self._compiled: Any = None
        self._loads: Any = None  # What is loaded along with the records, or None.
        self._scopes: Any = self._table.scopes  # The default scopes that hold, or None.

    def _with(self, **clauses: Any) -> Self:
        if isinstance(self._select, Compound) and not clauses.keys() <= _OF_COMPOUND:
            self._refuse_compound(min(clauses.keys() - _OF_COMPOUND))
        return self._over(self._select.replace(**clauses))

    def _refuse_compound(self, clause: str) -> None:
        what = f"{_ASKED_BY.get(clause, clause)} asked of a {self._select.operator}"
        raise QueryError(f"{what} is not clear: put it on a part, or on as_table('t').query()")

    def _over(self, select: Select, groups: tuple[Expression | None, ...] | None = None) -> Self:
        made = type(self)(self._table, select, self._groups if groups is None else groups)
        made._loads, made._scopes = self._loads, self._scopes
        return made

    # 1 - Joins

    def join(self, target: Target | str, on: Expression | str | None = None, *, alias: str | None = None) -> Self:
        """Join a table, and keep the rows that have a partner there: ``join(Post, on=Post.c.user_id == User.c.id)``.

        `target` is a model, an alias, a query as a table or a CTE; without `on`, the one foreign key between it and the
        tables of the query.  A string is a relation or a path of relations, ``join("posts.comments")``, whose last
        table may be given an `alias`; or a raw clause, ``join("JOIN posts ON posts.user_id = users.id")``, which stands
        in the SQL as it is.
        """
        if isinstance(target, str) and _IS_JOIN_CLAUSE.search(target):
            return self._joined_raw(target, on)
        return self._joined("JOIN", target, on, alias)

    def left_join(self, target: Target | str, on: Expression | str | None = None, *, alias: str | None = None) -> Self:
        """Like `join`, keeping the rows that have no partner; a raw clause goes through `join`."""
        return self._joined("LEFT JOIN", target, on, alias)

    def right_join(self, target: Target | str, on: Expression | str | None = None) -> Self:
        """Keep the rows of `target` that have no partner; with `select`, as such rows hold no record of the model."""
        return self._joined("RIGHT JOIN", target, on)

    def full_join(self, target: Target | str, on: Expression | str | None = None) -> Self:
        """Keep the rows of both sides that have no partner; with `select`, as some hold no record of the model."""
        return self._joined("FULL JOIN", target, on)

    def cross_join(self, target: Target) -> Self:
        """Pair every row with every row of `target`."""
        return self._added("CROSS JOIN", self._source_of("CROSS JOIN", target), None)

    def natural_join(self, target: Target) -> Self:
        """Join on equality of all columns that both sides have under one name."""
        return self._added("NATURAL JOIN", self._source_of("NATURAL JOIN", target), None)

    def from_(self, source: Derived[Any]) -> Self:
        """Read the rows out of a CTE or a query that gives the table's columns, in place of the table itself.

        Conditions may name its columns (``tree.c.name``) or the model's (``Node.c.name``).
        """
        given = source
        if not isinstance(given, Derived):
            raise QueryError(f"from_ expects a CTE or a query's as_table, got {type(source).__name__}")
        if given.is_lateral:
            raise QueryError(f"{given.name} is lateral, and nothing stands before it: join it")
        table = self._table.origin
        missing = [column.name for column in table.columns if column.name not in given.by_name]
        if missing:
            raise QueryError(f"{given.name} gives no {', '.join(missing)}, which {table.model.__name__} needs")
        # It may have the name of the table itself, which it takes the place of.
        self._refuse_double(given, self._joined_sources())
        read: Alias[Any] = Alias(table, given.name, given.source())
        changed = self._with(source=read.source(), stands_for=table.name)._needing(ctes_of(given))
        if changed._select.columns is self._table.select_list:
            changed = changed._with(columns=read.select_list)
        changed._table = read
        return changed

    def with_cte(self, *ctes: Derived[Any]) -> Self:
        """Put queries into WITH, for SQL text that reads from them; what is joined puts itself there."""
        changed = self
        for cte in ctes:
            needed = ctes_of(cte) if isinstance(cte, Derived) else ()
            if not needed:
                raise QueryError(f"with_cte expects what as_cte gives, got {type(cte).__name__}")
            changed = changed._needing(needed)
        return changed

    def _needing(self, ctes: Sequence[Any]) -> Self:
        return self._with(ctes=merged_ctes(self._select.ctes, ctes)) if ctes else self

    def _joined_raw(self, clause: str, on: Any) -> Self:
        if on is not None:
            raise QueryError("a raw JOIN clause has its condition in it: leave out on")
        return self._with(joins=(*self._select.joins, Join("", _Clause(clause))))

    def _joined(self, kind: str, target: Any, on: Any, alias: str | None = None) -> Self:
        if isinstance(target, str):
            if _IS_JOIN_CLAUSE.search(target):
                raise QueryError("a raw clause goes through join, and has its kind in it: join('LEFT JOIN …')")
            return self._joined_path(kind, target, on, alias)
        if alias is not None:
            raise QueryError("alias goes with a relation's name; for a model, join Model.alias(…)")
        source = self._source_of(kind, target)
        if on is None:
            on = Raw("1 = 1") if _is_lateral(source) else self._condition_by_key(source)
        return self._added(kind, source, as_condition(on))

    def _source_of(self, kind: str, target: Any) -> Source:
        source = source_of(target)
        if source is None:
            got = shown(target) if isinstance(target, str) else type(target).__name__
            raise QueryError(f"{kind} expects a model, an alias, a CTE or a query's as_table, got {got}")
        return source

    def _added(self, kind: str, source: Source, on: Expression | None, path: str | None = None) -> Self:
        self._refuse_double(source, self._sources().values())
        join = SourceJoin(kind, source, on, path)
        return self._with(joins=(*self._select.joins, join))._needing(ctes_of(source))

    def _refuse_double(self, source: Source, beside: Iterable[Source]) -> None:
        # Engines differ in whether the case of names counts.
        if source.name.casefold() in {other.name.casefold() for other in beside}:
            raise QueryError(f"{source.name} is in the query already: join it once more under an alias")

    def _sources(self) -> dict[str, Source]:
        """What stands in FROM, by the names that columns are written with."""
        return {source.name: source for source in (self._table, *self._joined_sources())}

    def _joined_sources(self) -> list[Source]:
        return [join.source for join in self._select.joins if isinstance(join, SourceJoin)]

    def _table_named(self, name: str) -> Source:
        """The table that a string means: by its name in the query, or by the relation that it was joined by.

        QueryError where it is none or one of several.
        """
        if name in (self._table.name, self._table.stands_for):
            return self._table  # type: ignore[no-any-return]  # Of the query, which is generic.
        joined = [join for join in self._select.joins if isinstance(join, SourceJoin)]
        exact = [join.source for join in joined if join.path == name]
        found = exact or [join.source for join in joined if name in (join.source.name, join.relation)]
        if len(found) == 1:
            return found[0]
        if found:
            names = " or ".join(source.name for source in found)
            raise QueryError(f"{shown(name)} may mean {names}: give the last join of the name an alias=")
        known = [*self._sources(), *(join.relation for join in joined if join.relation)]
        raise ColumnNotFound(
            f"the query of {self._table.name} has no table {shown(name)}{nearest(name, known)}; join it first"
        )

    # 2 - Joins by foreign keys and relations

    def _condition_by_key(self, target: Source) -> Expression:
        # Tables that only link two others have no model, and so no foreign keys that are known.
        known = [source for source in self._sources().values() if source_of(source) is not None]
        found = [link for source in known for link in _links(source, target)]
        if len(found) != 1:
            others = ", ".join(self._sources())
            many = "are several foreign keys" if found else "is no foreign key"
            raise QueryError(f"there {many} between {target.name} and {others}: say on what to join, on=…")
        near, far, key = found[0]
        pairs = zip(key.columns, key.target_columns, strict=True)
        condition = and_(*(near.ref(column) == far.ref(other) for column, other in pairs))
        assert condition is not None  # A foreign key has a column.
        return condition

    def _joined_path(self, kind: str, path: str, on: Any, alias: str | None) -> Self:
        if on is not None:
            raise QueryError(f"the relation {shown(path)} has its own condition: leave out on, or join the model")
        changed, source, names = self, self._table, path.split(".")
        for place, name in enumerate(names):
            walked = ".".join(names[: place + 1])
            is_last = place == len(names) - 1
            known = changed._joined_by(walked)
            if known is None or (is_last and alias is not None):
                changed, source = changed._joined_relation(kind, source, name, walked, alias if is_last else None)
            else:
                source = known
        return changed

    def _joined_by(self, path: str) -> Source | None:
        joins = [join for join in self._select.joins if isinstance(join, SourceJoin)]
        return next((join.source for join in joins if join.path == path), None)

    def _joined_relation(
        self, kind: str, source: Source, name: str, path: str, alias: str | None
    ) -> tuple[Self, Source]:
        relation = source.relations.get(name)
        if relation is None:
            near = nearest(name, source.relations) if source.relations else "; pass a model or a JOIN clause"
            raise QueryError(f"{source.model.__name__} has no relation {shown(name)} to join{near}")
        taken = set(self._sources())
        steps = relation.join_onto(source, None if alias is None else checked_name(alias), taken)
        if alias is None and not isinstance(steps[-1][0], Table):
            # A table that is there already, of a tree for instance, goes by the relation's name.
            steps = relation.join_onto(source, name if name not in taken else path.replace(".", "_"), taken)
        changed = self
        for side, condition in steps[:-1]:
            changed = changed._added(kind, _as_source(side), condition)
        target = _as_source(steps[-1][0])
        return changed._added(kind, target, steps[-1][1], path), target

    # 3 - Names

    def _ref(self, column: str | Operand) -> Operand:
        if isinstance(column, Operand):
            return column
        if not isinstance(column, str):
            raise QueryError(f"expected a column, got {type(column).__name__}")
        table, dot, name = column.rpartition(".")
        return self._column(table if dot else None, name)

    def _column(self, table: str | None, name: str) -> Operand:
        if isinstance(self._select, Compound):
            return self._output(table, name)
        if table is None or table == self._table.name:
            ref: ColumnRef = self._table.ref(name)
            return ref
        try:
            return self._table_named(table).ref(name)
        except ColumnNotFound as error:
            if error.table is None and (path := self._path(table, name)) is not None:
                return path
            if error.table is not None or all(isinstance(join, SourceJoin) for join in self._select.joins):
                raise
        return ColumnRef(table, name)  # Only the engine knows what a raw clause has joined.

    def _path(self, before: str, name: str) -> Operand | None:
        """What ``"address.city"`` means where `address` is a column of JSON; None where there is no such column."""
        column, _, parts = before.partition(".")
        if column not in self._table.by_field and column not in self._table.by_name:
            return None
        ref: ColumnRef = self._table.ref(column)
        return path_by_name(ref, f"{parts}.{name}" if parts else name) if is_json(ref) else None

    def _output(self, table: str | None, name: str) -> Operand:
        """A column of a UNION, by the name that it gives it."""
        outputs = {column.name: column for column in output_of(self._select)}
        if table is None and name not in outputs and name in self._table.by_field:
            name = self._table.by_field[name].name
        if table is not None or name not in outputs:
            given = name if table is None else f"{table}.{name}"
            raise ColumnNotFound(f"the {self._select.operator} gives no column {shown(given)}{nearest(given, outputs)}")
        return outputs[name]

    def _item(self, item: str | Expression) -> Expression:
        return self._by_alias(item) if isinstance(item, Expression) else self._term(parse_term(item))

    def _by_alias(self, item: Expression) -> Expression:
        if isinstance(self._select, Compound):
            return self._output_of(item)
        if not isinstance(item, Aliased):
            return item
        return ColumnRef(None, item.name) if item.name in self._aliases() else item.item

    def _output_of(self, item: Expression) -> Expression:
        if isinstance(item, (ColumnRef, Aliased)):
            return self._output(None, item.name)
        raise QueryError(f"{type(item).__name__} cannot order a UNION: order by a column that it gives")

    def _term(self, term: Term) -> Expression:
        if term.function is not None or term.alias is not None or term.name == "*":
            raise QueryError(f"{term.column!r} cannot stand here so: name a column or an alias of select")
        if term.table is None and term.name in self._aliases():
            return ColumnRef(None, term.name)
        return self._column(term.table, term.name)

    def _aliases(self) -> Iterable[str]:
        return ()


class SourceJoin(Join):
    """A join of something with known columns, which names in strings are checked against.

    `path` is the path of relations that it was joined by.
    """

    __slots__ = ("path", "source")

    def __init__(self, kind: str, source: Source, on: Expression | None, path: str | None = None) -> None:
        super().__init__(kind, source.source(), on)
        self.source = source
        self.path = path

    @property
    def in_scope(self) -> Join:
        """The join as it stands in the statement: of the rows that the default scopes of what is joined let through."""
        condition = scope_of(self.source)
        if condition is None:
            return self
        if self.kind in ("JOIN", "LEFT JOIN"):
            return Join(self.kind, self.target, and_(self.on, condition))
        if self.kind == "CROSS JOIN":
            return Join("JOIN", self.target, condition)
        return Join(self.kind, narrowed(self.source, condition), self.on)

    @property
    def relation(self) -> str | None:
        """The relation that it was joined by, the last one of its path."""
        return None if self.path is None else self.path.rpartition(".")[2]


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


def _as_source(side: Any) -> Source:
    """What a relation joins, as the alias that it is; a table that only links two others has no more than a name."""
    table = getattr(side, "table", None)
    source: Source = Alias(table, side.name) if isinstance(table, Table) else side
    return source


def _is_lateral(source: Source) -> bool:
    return isinstance(source, Derived) and source.is_lateral


def _links(one: Source, other: Source) -> list[tuple[Source, Source, ForeignKey]]:
    """The foreign keys between two tables, each with the side that has it and the side it points at."""
    sides = [(one, other)] if one is other else [(one, other), (other, one)]
    return [
        (near, far, key)
        for near, far in sides
        for key in near.foreign_keys
        if isinstance(far.origin, Table) and not isinstance(far, Derived) and _points_at(key, far.origin)
    ]


def _points_at(key: ForeignKey, table: Table) -> bool:
    return key.target in (table.name, f"{table.schema}.{table.name}")
