"""Parameters that are SQL themselves: an expression stands in the statement in place of its `?`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .dialect import Dialect
from .errors import QueryError
from .expression import Expression, ParameterCountError
from .lexer import pieces
from .mapping import ValueMapper
from .typing import ColumnTypes, QueryResult
from .writer import SQLWriter

_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})


def is_expression(value: Any) -> bool:
    """Whether a parameter is SQL and not a value: an `Expression`, or an object with `format(dialect)` or `write`."""
    kind = type(value)
    if kind in _PLAIN or isinstance(value, (str, bytes, bytearray, memoryview)):
        return False
    return isinstance(value, Expression) or (callable(getattr(kind, "format", None)) and hasattr(value, "expression"))


def as_values(params: Sequence[Any] | None) -> tuple[Any, ...]:
    """The parameters as a tuple; QueryError for a dict, a text, or anything else that has no order of its own."""
    if params is None:
        return ()
    if isinstance(params, (str, bytes, Mapping)) or not isinstance(params, Sequence):
        raise QueryError(f"parameters must be a list or tuple with one value for each ?, got {type(params).__name__}")
    return tuple(params)


def has_expression(values: Sequence[Any]) -> bool:
    """Whether one of the parameters is SQL."""
    if _PLAIN.issuperset(map(type, values)):
        return False
    return any(type(value) not in _PLAIN and is_expression(value) for value in values)


def merge_expressions(sql: str, values: Sequence[Any], dialect: Dialect) -> tuple[str, tuple[Any, ...]]:
    """The canonical text with each expression written in place of its `?`, and the values that are left."""
    parts = pieces(sql)
    if len(parts) - 1 != len(values):
        raise ParameterCountError(len(parts) - 1, len(values), sql)
    out = SQLWriter(dialect)
    out.sql(parts[0])
    for value, part in zip(values, parts[1:], strict=True):
        if isinstance(value, Expression):
            value.write(out)
        elif is_expression(value):
            out.sql(_text(value, dialect))
        else:
            out.bind(value)
        out.sql(part)
    return out.text(), tuple(out.params)


class SQLBuilder:
    """Puts expressions among the parameters into the SQL; `StorageBackend.build_sql` does it for a backend."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def build(self, sql: str, params: Sequence[Any] | None = None) -> tuple[str, tuple[Any, ...]]:
        """The canonical text and the values that are left to bind; ParameterCountError for a wrong number of them."""
        return merge_expressions(sql, as_values(params), self.dialect)


def _text(value: Any, dialect: Dialect) -> str:
    text = value.format(dialect)
    if not isinstance(text, str):
        raise QueryError(f"{type(value).__name__}.format must return SQL text, got {type(text).__name__}")
    return text


def convert_columns(mapper: ValueMapper, result: QueryResult, types: ColumnTypes) -> QueryResult:
    """The result with the columns that `types` names converted by `mapper`."""
    if result.rows is None:
        return result
    convert = mapper.from_database
    kinds = [types.get(name) for name in result.columns]
    rows = [
        tuple([v if kind is None else convert(v, kind) for v, kind in zip(row, kinds, strict=True)])
        for row in result.rows
    ]
    return QueryResult(
        None, result.affected_rows, result.last_insert_id, result.duration, columns=result.columns, rows=rows
    )
