"""What `select` is given, as names and what is selected under them."""

from __future__ import annotations

from typing import Any

from .backend import functions as F
from .backend.errors import QueryError
from .backend.expression import Aliased, ColumnRef, Expression
from .backend.function import Function, Star
from .backend.names import Term, parse_term

# The functions that strings may name whose results have a type.
_TYPED = frozenset({"count", "sum", "avg", "min", "max", "lower", "upper", "length", "abs"})

# A name and what is selected under it.
Item = tuple[str, Expression]


def selected(query: Any, column: str | Expression) -> list[Item]:
    """The items that a string, such as ``SUM(column) AS alias``, or an expression means in a query's `select`.

    QueryError where it has no name, or is nothing that can be selected.
    """
    if isinstance(column, str):
        return _parsed(query, column)
    if isinstance(column, Aliased):
        return [(column.name, column.item)]
    if isinstance(column, ColumnRef):
        return [(_field_name(query, column), column)]
    if isinstance(column, Expression):
        if column.label:
            return [(column.label, column)]
        raise QueryError(f"{type(column).__name__} in select needs a name: add .as_('name')")
    raise QueryError(f"expected a column or an expression, got {type(column).__name__}")


def as_named(name: str, item: Expression) -> Expression:
    """The item as it stands in SELECT: under its name, where it has not got that already."""
    return item if isinstance(item, ColumnRef) and item.name == name else Aliased(item, name)


def _parsed(query: Any, text: str) -> list[Item]:
    term = parse_term(text)
    if term.function is None and term.name == "*":
        return _all_columns(query, term)
    if term.function is None:
        item: Expression = query._column(term.table, term.name)
        return [(term.alias or _field_name(query, item), item)]
    name = term.function.lower()
    argument: Expression = Star() if term.name == "*" else query._column(term.table, term.name)
    if name in _TYPED and argument.precedence and not isinstance(argument, Star):
        item = getattr(F, name)(argument, distinct=True) if term.distinct else getattr(F, name)(argument)
    else:
        item = Function(name, argument, distinct=term.distinct)
    return [(term.alias or name, item)]


def _all_columns(query: Any, term: Term) -> list[Item]:
    if term.alias is not None or term.table not in (None, query._table.name):
        raise QueryError(f"{term.column!r} cannot be selected so: name the columns of joined tables one by one")
    return [(name, query._table.ref(name)) for name in query._table.by_field]


def _field_name(query: Any, column: Any) -> str:
    sources = {query._table.stands_for: query._table, **query._sources()}
    # Tables that only link two others know no columns.
    found = None if column.table is None else getattr(sources.get(column.table), "by_name", {}).get(column.name)
    return str(column.name if found is None else found.field)
