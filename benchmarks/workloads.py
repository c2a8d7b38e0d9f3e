"""The workloads, done by hand over the driver and by the library."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .models import Content, Entry, PlainEntry, contents

# The pragmas and the statement cache of the library's SQLite backend, which also switches on WAL.
_PRAGMAS = ("journal_mode = WAL", "synchronous = normal", "foreign_keys = on")
_CACHED_STATEMENTS = 512

_INSERT = "INSERT INTO entry (at, level, text) VALUES (?, ?, ?)"
_SELECT = "SELECT id, at, level, text FROM entry"
_FIND = "SELECT id, at, level, text FROM entry WHERE id = ?"
_UPDATE = "UPDATE entry SET at = ?, level = ?, text = ? WHERE id = ?"


@dataclass(frozen=True, slots=True)
class Workload:
    """One test: its letter, what it does, how many times the driver's time it may take."""

    letter: str
    title: str
    limit: float


WORKLOADS = (
    Workload("B", "insert one by one in one transaction", 3.5),
    Workload("C", "bulk insert", 2),
    Workload("D", "read everything as records", 2),
    Workload("F", "find by key", 3),
    Workload("I", "update the whole record, in one transaction", 3.5),
)


@dataclass(frozen=True, slots=True)
class Material:
    """What the workloads are given: `old` rows are in the table before D, F and I; `new` ones are written."""

    old: Sequence[Content]
    new: Sequence[Content]
    keys: Sequence[int]

    @classmethod
    def of(cls, count: int) -> Material:
        """Material for so many rows."""
        keys = list(range(1, count + 1))
        random.Random(3).shuffle(keys)
        return cls(contents(count, 1), contents(count, 2), keys)


class Side:
    """One way to do the workloads, on a database file of its own."""

    name = ""
    kind: type[Any]

    def __init__(self, path: Path, material: Material) -> None:
        self.path = path
        self.material = material
        self._by_letter: dict[str, Callable[[], list[Any]]] = {
            "B": self.insert_each,
            "C": self.insert_bulk,
            "D": self.read_all,
            "F": self.find_each,
            "I": self.update_each,
        }
        self.loaded: list[Any] = []

    def prepare(self, letter: str) -> Callable[[], list[Any]]:
        """Put the table and the objects into the state that the test starts from; what is returned is timed."""
        starts_empty = letter in "BC"
        fill(self.path, [] if starts_empty else self.material.old)
        self.loaded = self.read_all() if letter == "I" else []
        return self._by_letter[letter]

    def insert_each(self) -> list[Any]:
        """Test B; gives the records, with their keys."""
        raise NotImplementedError

    def insert_bulk(self) -> list[Any]:
        """Test C; gives the records, with their keys."""
        raise NotImplementedError

    def read_all(self) -> list[Any]:
        """Test D; gives the records."""
        raise NotImplementedError

    def find_each(self) -> list[Any]:
        """Test F; gives the records in the order in which they were asked for."""
        raise NotImplementedError

    def update_each(self) -> list[Any]:
        """Test I; gives the records that were loaded and changed."""
        raise NotImplementedError

    def close(self) -> None:
        """Close all connections."""
        raise NotImplementedError


class Driver(Side):
    """Hand-written SQL, datetimes converted, an object for each row: the fair floor."""

    name = "driver"
    kind = PlainEntry

    def __init__(self, path: Path, material: Material) -> None:
        super().__init__(path, material)
        self.connection = connect(path)

    def insert_each(self) -> list[Any]:
        execute, records = self.connection.execute, []
        execute("BEGIN IMMEDIATE")
        for at, level, text in self.material.new:
            record = PlainEntry(id=None, at=at, level=level, text=text)
            record.id = execute(_INSERT, (record.at.isoformat(" "), record.level, record.text)).lastrowid
            records.append(record)
        execute("COMMIT")
        return records

    def insert_bulk(self) -> list[Any]:
        records = [PlainEntry(id=None, at=at, level=level, text=text) for at, level, text in self.material.new]
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        self.connection.executemany(_INSERT, [(r.at.isoformat(" "), r.level, r.text) for r in records])
        (last,) = execute("SELECT last_insert_rowid()").fetchone()
        execute("COMMIT")
        # The keys of one transaction follow one another: nobody else can write meanwhile.
        for key, record in enumerate(records, last - len(records) + 1):
            record.id = key
        return records

    def read_all(self) -> list[Any]:
        read = datetime.fromisoformat
        rows = self.connection.execute(_SELECT).fetchall()
        return [PlainEntry(key, read(at), level, text) for key, at, level, text in rows]

    def find_each(self) -> list[Any]:
        execute, read, records = self.connection.execute, datetime.fromisoformat, []
        for wanted in self.material.keys:
            key, at, level, text = execute(_FIND, (wanted,)).fetchone()
            records.append(PlainEntry(key, read(at), level, text))
        return records

    def update_each(self) -> list[Any]:
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        for record, (at, level, text) in zip(self.loaded, self.material.new, strict=True):
            record.at, record.level, record.text = at, level, text
            execute(_UPDATE, (record.at.isoformat(" "), record.level, record.text, record.id))
        execute("COMMIT")
        return self.loaded

    def close(self) -> None:
        self.connection.close()


class Library(Side):
    """The same with the library's blocking calls."""

    name = "library"
    kind = Entry

    def __init__(self, path: Path, material: Material) -> None:
        super().__init__(path, material)
        self.backend = Entry.configure(f"sqlite:///{path}")

    def insert_each(self) -> list[Any]:
        records = []
        with Entry.transaction():
            for at, level, text in self.material.new:
                record = Entry(at=at, level=level, text=text)
                record.save()
                records.append(record)
        return records

    def insert_bulk(self) -> list[Any]:
        return Entry.bulk_create([Entry(at=at, level=level, text=text) for at, level, text in self.material.new])

    def read_all(self) -> list[Any]:
        return Entry.query().all()

    def find_each(self) -> list[Any]:
        return [Entry.find_one(key) for key in self.material.keys]

    def update_each(self) -> list[Any]:
        with Entry.transaction():
            for record, (at, level, text) in zip(self.loaded, self.material.new, strict=True):
                record.at, record.level, record.text = at, level, text
                record.save()
        return self.loaded

    def close(self) -> None:
        self.backend.close()


class AwaitingLibrary(Library):
    """The same with the library's awaitable calls, one after another in one task."""

    name = "awaiting"

    def __init__(self, path: Path, material: Material) -> None:
        super().__init__(path, material)
        import asyncio  # Where it is loaded, blocking calls have to ask it for a running loop.

        self.runner = asyncio.Runner()

    def insert_each(self) -> list[Any]:
        return self.runner.run(self._ainsert_each())

    def insert_bulk(self) -> list[Any]:
        records = [Entry(at=at, level=level, text=text) for at, level, text in self.material.new]
        return self.runner.run(Entry.abulk_create(records))

    def read_all(self) -> list[Any]:
        return self.runner.run(Entry.query().aall())

    def find_each(self) -> list[Any]:
        return self.runner.run(self._afind_each())

    def update_each(self) -> list[Any]:
        return self.runner.run(self._aupdate_each())

    def close(self) -> None:
        self.runner.run(self.backend.aclose())
        self.runner.close()

    async def _ainsert_each(self) -> list[Any]:
        records = []
        async with Entry.transaction():
            for at, level, text in self.material.new:
                record = Entry(at=at, level=level, text=text)
                await record.asave()
                records.append(record)
        return records

    async def _afind_each(self) -> list[Any]:
        return [await Entry.afind_one(key) for key in self.material.keys]

    async def _aupdate_each(self) -> list[Any]:
        async with Entry.transaction():
            for record, (at, level, text) in zip(self.loaded, self.material.new, strict=True):
                record.at, record.level, record.text = at, level, text
                await record.asave()
        return self.loaded


def connect(path: Path) -> sqlite3.Connection:
    """A connection of the driver that is set up as the library sets up its own."""
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=_CACHED_STATEMENTS)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()
    return connection


def create_tables(library: Path, driver: Path) -> None:
    """The model's table as the library creates it, in both files."""
    Entry.configure(f"sqlite:///{library}")
    Entry.create_table()
    with closing(connect(library)) as made, closing(connect(driver)) as other:
        for (sql,) in made.execute("SELECT sql FROM sqlite_master WHERE name = ?", (Entry.table_name(),)):
            other.execute(sql)


def fill(path: Path, rows: Sequence[Content]) -> None:
    """Replace what is in the table, its counter of keys included, and leave no work for the next writer."""
    with closing(connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM entry")
        connection.execute("DELETE FROM sqlite_sequence")
        connection.executemany(_INSERT, [(at.isoformat(" "), level, text) for at, level, text in rows])
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def stored(path: Path) -> list[tuple[Any, ...]]:
    """All rows as SQLite keeps them, by key."""
    with closing(connect(path)) as connection:
        return connection.execute(f"{_SELECT} ORDER BY id").fetchall()
