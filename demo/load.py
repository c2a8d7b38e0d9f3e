"""Filling the five tables of one database through the library, and how long that took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter

from rhosocial.activerecord import ActiveRecord

from .data import DataSet
from .models import Models, fields_by_column

CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many rows one table was given, in how many seconds."""

    table: str
    rows: int
    seconds: float


def load(models: Models, data: DataSet, advance: Callable[[str, int], None]) -> list[Loaded]:
    """Create the five tables and insert all rows of `data`; ``advance(table, rows)`` is called after each chunk."""
    return [_fill(model, data, advance) for model in models.tables]


def _fill(model: type[ActiveRecord], data: DataSet, advance: Callable[[str, int], None]) -> Loaded:
    start, name, written = time.perf_counter(), model.table_name(), 0
    model.create_table()
    records = _records(model, data)
    while chunk := list(islice(records, CHUNK)):
        model.bulk_create(chunk)  # One transaction: all of these rows or none.
        written += len(chunk)
        advance(name, len(chunk))
    return Loaded(name, written, time.perf_counter() - start)


def _records(model: type[ActiveRecord], data: DataSet) -> Iterator[ActiveRecord]:
    """New records, each validated by its model."""
    columns, wanted = data.columns(model.table_name()), fields_by_column(model)
    names = [name for column, name in wanted.items() if column in columns]
    values = itemgetter(*[columns.index(column) for column in wanted if column in columns])
    for row in data.rows(model.table_name()):
        yield model(**dict(zip(names, values(row), strict=True)))
