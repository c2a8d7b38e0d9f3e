"""The parts of the demo in their order: two data sets, four databases, the same questions to each."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rhosocial.activerecord.backend import ConnectionConfig, StorageBackend

from .answer import Question
from .data import FILES, DataSet
from .duckdb_backend import DuckDBBackend
from .guide_backend import ApswBackend
from .load import load
from .models import Models
from .questions import QUESTIONS
from .show import Show
from .survey import FACES, Asked, survey

MONTH, MONTH_NAME = 1, "January"


@dataclass(slots=True)
class Tour:
    """One run: where it prints and stores, what was answered, and the lines of its summary.

    `is_good` is False once any answer differs from what it should equal.
    """

    show: Show
    folder: Path
    faces: tuple[str, ...] = FACES
    questions: tuple[Question, ...] = QUESTIONS
    answers: dict[str, list[Asked]] = field(default_factory=dict)
    lines: list[tuple[str, str, str, str]] = field(default_factory=list)
    is_good: bool = True

    def run(self, data: DataSet) -> None:
        """All parts, over all of `data` and over one month of it."""
        # The texts of millions of values stay to the end, and hundreds of thousands of records come and go, none of
        # them in a cycle: the collector need not look at the ones again, nor so often at the others.
        before = gc.get_threshold()
        gc.freeze()
        gc.set_threshold(50_000, *before[1:])
        try:
            self._run(data)
        finally:
            gc.set_threshold(*before)
            gc.unfreeze()

    def _run(self, data: DataSet) -> None:
        self.show.heading("1  Load all flights of 2013 from New York City, with the built-in backend for SQLite")
        with self._database("SQLite", data) as models:
            self.show.heading("2  Ask, in blocking and in awaiting code")
            with self._timed("questions to SQLite", len(self.questions)):
                for number, asked in enumerate(self._ask("SQLite", models), 1):
                    self.show.asked(number, asked)
            self.show.heading("3  The same, side by side, with a backend written the guide's way over APSW")
            self._compare("APSW", "SQLite", data, ApswBackend)
        month, name = data.of_month(MONTH), f"SQLite, {MONTH_NAME}"
        self.show.heading(f"4  The same over DuckDB, an engine that stores by column: the flights of {MONTH_NAME}")
        with self._database(name, month) as models:
            with self._timed(f"questions to {name}", len(self.questions)):
                list(self._ask(name, models))
            self._compare("DuckDB", name, month, DuckDBBackend)

    def _compare(self, name: str, reference: str, data: DataSet, backend_class: type[StorageBackend]) -> None:
        """Ask another engine, and hold its answers against those of the built-in backend."""
        with self._database(name, data, backend_class) as models:
            with self._timed(f"questions to {name}", len(self.questions)):
                answered = list(self._ask(name, models))
                pairs = zip(answered, self.answers[reference], strict=True)
                verdicts = [_is_same(asked, known, models) for asked, known in pairs]
                self.is_good = self.is_good and False not in verdicts
            self.show.compared(name, list(zip(answered, verdicts, strict=True)))

    @contextmanager
    def _database(
        self, name: str, data: DataSet, backend_class: type[StorageBackend] | None = None
    ) -> Iterator[Models]:
        """The models over a fresh file, filled with `data`; closed afterwards."""
        path = self.folder / f"{name.replace(', ', '-').lower()}.db"
        # Room for 64 MiB of pages: with SQLite's own 2 MiB the indexes of a large table are read again and again.
        config: Any = (
            f"sqlite:///{path}?cache_size=-65536" if backend_class is None else ConnectionConfig(database=str(path))
        )
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

    def _ask(self, name: str, models: Models) -> Iterator[Asked]:
        known = self.answers[name] = []
        for asked in survey(models, self.questions, self.faces):
            self.is_good = self.is_good and asked.is_same_in_both_faces
            known.append(asked)
            yield asked

    @contextmanager
    def _timed(self, part: str, amount: int) -> Iterator[None]:
        """Note in the summary how long a part took, and whether answers came out different in it."""
        start, was_good = time.perf_counter(), self.is_good
        yield
        outcome = "done" if self.is_good or not was_good else "ANSWERS DIFFER"
        self.lines.append((part, f"{amount:,}", f"{time.perf_counter() - start:.1f}", outcome))


def _is_same(asked: Asked, known: Asked, models: Models) -> bool | None:
    """Whether two engines agree; None where this one has to refuse what the question needs."""
    if asked.name == "nested_block" and not models.backend.dialect.supports_savepoints:
        return None if asked.answer.rows == [("refused", None)] else False
    return asked.answer == known.answer
