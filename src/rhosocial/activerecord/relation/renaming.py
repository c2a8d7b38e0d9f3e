"""An expression about one name of a table, said of another: what self-joins and correlated subqueries need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..backend.expression import ColumnRef, Expression
from ..backend.statement import Statement, TableName
from ..backend.subquery import CommonTable


def renamed(node: Any, old: str, new: str) -> Any:
    """The same expression with the columns of `old` taken from `new`; SQL text stays as it is.

    A subquery that selects from `old` itself means its own rows, and stays too; so does a query of WITH, which
    statements know by its identity.
    """
    if isinstance(node, ColumnRef):
        return ColumnRef(new, node.name, node.type) if node.table == old else node
    if isinstance(node, (tuple, list)):
        return type(node)(renamed(item, old, new) for item in node)
    if not isinstance(node, (Expression, Statement)) or isinstance(node, CommonTable) or _brings(node, old):
        return node
    copied = object.__new__(type(node))
    for name, value in _parts(node):
        setattr(copied, name, renamed(value, old, new))
    return copied


def names_in(node: Any) -> set[str]:
    """The names that tables go by in the subqueries of an expression."""
    if isinstance(node, TableName):
        return {node.alias or node.name}
    if isinstance(node, (tuple, list)):
        return {name for item in node for name in names_in(item)}
    if isinstance(node, CommonTable):
        return {node.name}  # Its own tables are nobody else's, and a recursive one holds itself.
    if not isinstance(node, (Expression, Statement)):
        return set()
    return {name for _, value in _parts(node) for name in names_in(value)}


def tables_of(node: Any) -> set[str]:
    """The names of the tables whose columns an expression names, but for what its subqueries select from."""
    if isinstance(node, ColumnRef):
        return set() if node.table is None else {node.table}
    if isinstance(node, (tuple, list)):
        return {name for item in node for name in tables_of(item)}
    if not isinstance(node, (Expression, Statement)) or isinstance(node, CommonTable):
        return set()
    return {name for _, part in _parts(node) for name in tables_of(part) if not _brings(node, name)}


def _parts(node: Any) -> Iterator[tuple[str, Any]]:
    yield from getattr(node, "__dict__", {}).items()
    for base in type(node).__mro__:
        for slot in vars(base).get("__slots__", ()):
            if hasattr(node, slot):
                yield slot, getattr(node, slot)


def _brings(node: Any, name: str) -> bool:
    sources = [getattr(node, "source", None), *(getattr(join, "target", None) for join in getattr(node, "joins", ()))]
    return any(getattr(source, "known_as", None) == name for source in sources)
