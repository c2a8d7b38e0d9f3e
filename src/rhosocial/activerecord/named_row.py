"""Rows by their keys in errors, and loaders that say which row and column they could not load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .backend.errors import ConfigurationError, DataError
from .hydrate import FEW, Load
from .table import Table, TableColumn

Row = tuple[Any, ...]


def naming(
    table: Table, columns: Sequence[TableColumn], loaders: Sequence[Any], load_few: Load, load_many: Load
) -> Load:
    """The two as one, with the column named where a value of a row does not convert."""

    def load_named(rows: Any) -> list[Any]:
        try:
            return load_few(rows) if len(rows) < FEW else load_many(rows)
        except ConfigurationError:
            raise
        except (DataError, ValueError, TypeError) as error:
            named = _named_failure(table, columns, loaders, rows)
            if named is None:
                raise
            raise named from error

    return load_named


def telling(load: Load, model: Any) -> Load:
    """`load`, which then tells the model's handlers of what it has loaded."""

    def load_and_tell(rows: Any) -> list[Any]:
        records = load(rows)
        model.__tell_loaded__(records)
        return records

    return load_and_tell


def _named_failure(table: Table, columns: Sequence[TableColumn], loaders: Sequence[Any], rows: Any) -> DataError | None:
    for row in rows:
        for column, loader, value in zip(columns, loaders, row, strict=False):
            try:
                if loader is not None and value is not None:
                    loader(value)
            except (DataError, ValueError, TypeError) as failure:
                which = key_named(table, columns, row)
                where = f"{table.model.__name__}.{column.field}" + (f" of the row with {which}" if which else "")
                return DataError(f"{where}: {failure}", table=table.name, columns=(column.name,))
    return None


def key_named(table: Table, columns: Sequence[TableColumn], row: Row) -> str:
    """The row's key in words, where it is a number: ``id 7``; other keys may say more than a message should."""
    key = table.key[0] if len(table.key) == 1 else None
    number = row[columns.index(key)] if row and key in columns else None
    return f"{key.field} {number}" if key is not None and isinstance(number, int) else ""
