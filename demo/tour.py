"""The parts of the demo in their order: two data sets, two databases for each, the same questions to all."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
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
        self.show.heading("1  Load all flights of 2013 from New York City into two databases, side by side")
        self.show.say("One by the built-in backend for SQLite, the other by one written the guide's way, over APSW.")
        with self._databases(data, {"SQLite": None, "APSW": ApswBackend}) as models:
            self.show.heading("2  Ask, in blocking and in awaiting code")
            with self._timed("questions to SQLite", len(self.questions)):
                for number, asked in enumerate(self._ask("SQLite", models["SQLite"]), 1):
                    self.show.asked(number, asked)
            self.show.heading("3  The same questions to APSW, and the answers side by side")
            self._compare("APSW", "SQLite", models["APSW"])
        month, name = data.of_month(MONTH), f"SQLite, {MONTH_NAME}"
        self.show.heading(f"4  The same over DuckDB, an engine that stores by column: the flights of {MONTH_NAME}")
        with self._databases(month, {name: None, "DuckDB": DuckDBBackend}) as models:
            with self._timed(f"questions to {name}", len(self.questions)):
                list(self._ask(name, models[name]))
            self._compare("DuckDB", name, models["DuckDB"])

    def _compare(self, name: str, reference: str, models: Models) -> None:
        """Ask another engine, and hold its answers against those of the built-in backend."""
        with self._timed(f"questions to {name}", len(self.questions)):
            answered = list(self._ask(name, models))
            pairs = zip(answered, self.answers[reference], strict=True)
            verdicts = [_is_same(asked, known, models) for asked, known in pairs]
            self.is_good = self.is_good and False not in verdicts
        self.show.compared(name, list(zip(answered, verdicts, strict=True)))

    @contextmanager
    def _databases(
        self, data: DataSet, kinds: Mapping[str, type[StorageBackend] | None]
    ) -> Iterator[dict[str, Models]]:
        """The models over a fresh file for each kind, filled with `data`, a thread for each; closed afterwards."""
        made = {name: self._over_file(name, kind) for name, kind in kinds.items()}
        try:
            rows = {f"{name}: {table}": len(data.rows(table)) for name in made for table in FILES}
            with self._timed(f"loading {' and '.join(made)}", sum(rows.values())):
                with self.show.progress(rows) as advance, ThreadPoolExecutor(len(made)) as threads:
                    filling = [
                        threads.submit(load, models, data, partial(_advanced, advance, name))
                        for name, models in made.items()
                    ]
                for name, filled in zip(made, filling, strict=True):
                    self.show.loaded(name, filled.result())
            yield made
        finally:
            for models in made.values():
                models.backend.close()

    def _over_file(self, name: str, backend_class: type[StorageBackend] | None) -> Models:
        path = self.folder / f"{name.replace(', ', '-').lower()}.db"
        # Room for 64 MiB of pages: with SQLite's own 2 MiB the indexes of a large table are read again and again.
        config: Any = (
            f"sqlite:///{path}?cache_size=-65536" if backend_class is None else ConnectionConfig(database=str(path))
        )
        return Models.over(config, backend_class)

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


def _advanced(advance: Callable[[str, int], None], name: str, table: str, rows: int) -> None:
    advance(f"{name}: {table}", rows)


def _is_same(asked: Asked, known: Asked, models: Models) -> bool | None:
    """Whether two engines agree; None where this one has to refuse what the question needs."""
    if asked.name == "nested_block" and not models.backend.dialect.supports_savepoints:
        return None if asked.answer.rows == [("refused", None)] else False
    return asked.answer == known.answer
