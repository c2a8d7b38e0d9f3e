"""Changes of all rows that a query asks for, by one statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .backend.errors import DataError, QueryError
from .backend.expression import Aliased, ColumnRef, Expression, In, Ordering, as_operand
from .backend.function import Star
from .backend.row_value import RowValue, Sent
from .backend.statement import Compound, Select, TableName
from .backend.subquery import DerivedTable, Subquery
from .plan import Plan

# The clauses that give other rows than those of the table.
_SHAPING = ("joins", "group_by", "having", "distinct", "distinct_on", "ctes")


def given_values(values: Any, more: dict[str, Any]) -> dict[str, Any]:
    """The values of a call of `update` in one dict; TypeError for what is none."""
    if values is not None and not isinstance(values, dict):
        raise TypeError(f"update takes a dict or keywords, got {type(values).__name__}")
    given: dict[str, Any] = (values or {}) | more
    return given


def changes_to(plan: Plan, given: Mapping[Any, Any]) -> list[tuple[str, Expression]]:
    """The columns to set and what to; plain values are validated as the fields are, and dumped."""
    if not given:
        raise QueryError("update needs at least one value: update(name='Ann')")
    table = plan.table
    model = table.model.__name__
    values: dict[str, Any] = {}
    for name, value in given.items():
        if not isinstance(name, str):
            raise QueryError(f"expected the name of a column, got {type(name).__name__}")
        column = table.column(name)
        if column.generated_sql is not None:
            raise DataError(f"{model}.{column.field} is computed by the database and cannot be set")
        if _is_expression(value) and (codec := column.type.codec) is not None and codec.no_comparison is not None:
            raise QueryError(f"{model}.{column.field} is encrypted here, in Python: give it a value, no expression")
        if column.field in values:
            raise QueryError(f"{model}.{column.field} is given two values")
        if column.field == table.model.__discriminator__:
            raise DataError(f"{model}.{column.field} says of which class a record is, and cannot be set")
        values[column.field] = value
    plain = {field: value for field, value in values.items() if not _is_expression(value)}
    checked = table.check_values(plain)
    sent = dict(zip(plain, map(Sent, plan.dump_of(tuple(plain))(checked)), strict=True)) if plain else {}
    return [(table.by_field[f].name, sent[f] if f in sent else as_operand(value)) for f, value in values.items()]


def _is_expression(value: Any) -> bool:
    if isinstance(value, (Aliased, Ordering, Star)):
        raise QueryError(f"{type(value).__name__} is no value to set a column to")
    return isinstance(value, Expression) or hasattr(value, "as_subquery")


def rows_to_change(call: str, select: Select, table: Any, dialect: Any) -> Expression | None:
    """The condition for the rows of a query, to `call` update or delete on; None for all rows of the table.

    QueryError for a query whose rows are no rows of the table.
    """
    if (found := _shape_of(select)) is not None:
        model, key = table.model.__name__, table.origin.key[0].field
        raise QueryError(
            f"{call} takes no {found}: choose the rows by their key, where({model}.c.{key}.in_(query.select({key!r})))"
        )
    if select.columns is not table.select_list:
        raise QueryError(f"{call} changes whole rows: leave out select")
    if select.limit is None and select.offset is None:
        return select.where
    keys = [table.ref(column.field) for column in table.key]
    chosen = select.replace(columns=tuple(keys))
    if not dialect.supports_limited_subqueries:
        # Through a table of its own, which is complete before anything is changed.
        chosen = Select([ColumnRef(None, key.name) for key in keys], DerivedTable(chosen, "chosen"))
    return In(keys[0] if len(keys) == 1 else RowValue(keys), Subquery(chosen))


def _shape_of(select: Select) -> str | None:
    if isinstance(select, Compound):
        return select.operator
    if not isinstance(select.source, TableName):
        return "query in FROM"
    plain = Select(select.columns, select.source)
    return next((clause for clause in _SHAPING if getattr(select, clause) is not getattr(plain, clause)), None)
