"""Runs the demo: ``python -m demo``; see ``--help``."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rhosocial.activerecord.backend import ConnectionConfig, StorageBackend

from .data import FILES, DataSet
from .duckdb_backend import DuckDBBackend
from .guide_backend import ApswBackend
from .load import load
from .models import Models
from .questions import QUESTIONS
from .show import Show
from .survey import FACES, Asked, survey

MONTH = 1


@dataclass(slots=True)
class Tour:
    """One run: where it prints and stores, what it has found, and the lines of its summary."""

    show: Show
    folder: Path
    faces: tuple[str, ...]
    answers: dict[str, list[Asked]] = field(default_factory=dict)
    lines: list[tuple[str, str, str, str]] = field(default_factory=list)
    is_good: bool = True

    def run(self, flights: int | None) -> bool:
        """All parts; False where any answer differs from what it should equal."""
        with self._timed("reading the files"):
            year = DataSet.read(flights)
        month = year.of_month(MONTH)
        self._builtin("SQLite", year)
        self._other("APSW", "SQLite", year, ApswBackend)
        self._reference("SQLite, January", month)
        self._other("DuckDB", "SQLite, January", month, DuckDBBackend)
        return self.is_good

    # 1 - Parts

    def _builtin(self, name: str, data: DataSet) -> None:
        self.show.heading("1  Load: all flights of 2013 from New York City into the built-in SQLite backend")
        with self._database(name, data, None) as models:
            self.show.heading("2  Ask: the same questions in blocking and in awaiting code")
            with self._timed(f"questions to {name}", len(QUESTIONS)):
                for number, asked in enumerate(self._asked(name, models), 1):
                    self.show.asked(number, asked)

    def _reference(self, name: str, data: DataSet) -> None:
        self.show.heading("4  The same with DuckDB, which stores by column: the flights of January")
        with self._database(name, data, None) as models, self._timed(f"questions to {name}", len(QUESTIONS)):
            list(self._asked(name, models))

    def _other(self, name: str, reference: str, data: DataSet, backend_class: type[StorageBackend]) -> None:
        if name == "APSW":
            self.show.heading("3  A backend of one's own, written the guide's way, over APSW: all rows again")
        with self._database(name, data, backend_class) as models:
            with self._timed(f"questions to {name}", len(QUESTIONS)):
                answered = list(self._asked(name, models))
            verdicts = [_same(asked, known, models) for asked, known in zip(answered, self.answers[reference], strict=True)]
            self.is_good = self.is_good and False not in verdicts
            self.show.compared(name, list(zip(answered, verdicts, strict=True)))

    # 2 - Steps

    @contextmanager
    def _database(self, name: str, data: DataSet, backend_class: type[StorageBackend] | None) -> Iterator[Models]:
        """The models over a fresh file, filled with `data`; closed afterwards."""
        path = self.folder / f"{name.replace(', ', '-').lower()}.db"
        config: Any = f"sqlite:///{path}" if backend_class is None else ConnectionConfig(database=str(path))
        models = Models.over(config, backend_class)
        try:
            rows = {table: len(data.rows(table)) for table in FILES}
            with self._timed(f"loading {name}", sum(rows.values())):
                with self.show.progress(rows) as advance:
                    loaded = load(models, data, advance)
                self.show.loaded(loaded)
            yield models
        finally:
            models.backend.close()

    def _asked(self, name: str, models: Models) -> Iterator[Asked]:
        known = self.answers[name] = []
        for asked in survey(models, QUESTIONS, self.faces):
            self.is_good = self.is_good and asked.is_same_in_both_faces
            known.append(asked)
            yield asked

    @contextmanager
    def _timed(self, part: str, amount: int | None = None) -> Iterator[None]:
        start, was_good = time.perf_counter(), self.is_good
        yield
        seconds = time.perf_counter() - start
        outcome = "done" if self.is_good else "answers differ" if was_good else "done, after answers that differ"
        self.lines.append((part, "" if amount is None else f"{amount:,}", f"{seconds:.1f}", outcome))


def _same(asked: Asked, known: Asked, models: Models) -> bool | None:
    """Whether two engines agree; None where this one has to refuse what the question needs."""
    if asked.name == "nested_block" and not models.backend.dialect.supports_savepoints:
        return None if asked.answer.rows == [("refused", None)] else False
    return asked.answer == known.answer


def _as_json(answers: dict[str, list[Asked]]) -> str:
    found = {
        database: {
            asked.name: {face: {"columns": a.columns, "rows": a.rows, "notes": a.notes} for face, a in asked.answers.items()}
            for asked in listed
        }
        for database, listed in answers.items()
    }
    return json.dumps(found, indent=1, default=lambda value: value.isoformat())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description="A tour of the library over 336,776 real flights.")
    parser.add_argument("--rows", type=_positive, metavar="N", help="load so many flights, spread over the year, and not all")
    parser.add_argument("--face", choices=FACES, help="ask in one face only, and not in both")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all answers to a file")
    return parser.parse_args()


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def main() -> int:
    """Run the demo; 0 where all answers agree, 1 where any differs, 2 where the data are missing."""
    arguments = _arguments()
    show, start = Show(), time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="activerecord-demo-") as folder:
        tour = Tour(show, Path(folder), (arguments.face,) if arguments.face else FACES)
        try:
            is_good = tour.run(arguments.rows)
        except FileNotFoundError as error:
            show.say(str(error))
            return 2
    if arguments.json is not None:
        arguments.json.write_text(_as_json(tour.answers), encoding="utf-8")
    show.heading("Summary")
    show.summary(tour.lines)
    verdict = "all answers agree" if is_good else "SOME ANSWERS DIFFER"
    show.say(f"{verdict}; {time.perf_counter() - start:.1f} s")
    return 0 if is_good else 1


sys.exit(main())
