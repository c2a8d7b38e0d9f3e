"""What the demo prints: progress bars, SQL, tables.  Where nobody watches, in CI say, it is plain text."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from .load import Loaded
from .survey import Asked

_LISTS = re.compile(r'(?:"\w+"|\?)(?:, (?:"\w+"|\?))+')


class Show:
    """Prints the demo's parts to one console."""

    def __init__(self) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # A terminal of another encoding shows a ? for what it lacks.
        self.console = Console(highlight=False)
        if not self.console.is_terminal:
            # Without a terminal there is no width to ask for, and 80 characters would break every table.
            self.console = Console(highlight=False, width=130)

    def heading(self, text: str) -> None:
        """The beginning of a part."""
        self.console.print()
        self.console.rule(Text(text, style="bold cyan"), align="left")

    def say(self, text: str) -> None:
        """One remark."""
        self.console.print(text, markup=False)

    @contextmanager
    def progress(self, counts: dict[str, int]) -> Iterator[Callable[[str, int], None]]:
        """A bar for each name that has so many steps; the function that is given moves one of them on."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description:<26}"),
            BarColumn(bar_width=50),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console) as bars:
            tasks = {name: bars.add_task(name, total=count, start=False) for name, count in counts.items()}

            def advance(name: str, steps: int) -> None:
                bars.start_task(tasks[name])
                bars.advance(tasks[name], steps)

            yield advance

    def loaded(self, name: str, tables: Sequence[Loaded]) -> None:
        """How fast a database was loaded."""
        rows, seconds = sum(t.rows for t in tables), sum(t.seconds for t in tables)
        slowest = max(tables, key=lambda t: t.seconds)
        self.say(
            f"{name}: {rows:,} validated records in {seconds:.1f} s: {rows / seconds:,.0f} rows/s "
            f"({slowest.table}: {slowest.rows:,} in {slowest.seconds:.1f} s)"
        )

    def asked(self, number: int, asked: Asked) -> None:
        """One question: its words, its SQL, its answer, and what each face took."""
        self.console.print()
        self.console.print(Text(f"{number}. {asked.title}", style="bold"))
        for sql in _shortened(asked.answer.sql):
            syntax = Syntax(sql, "sql", theme="ansi_dark", background_color="default", word_wrap=True)
            self.console.print(Padding(syntax, (0, 0, 0, 3)))
        self.console.print(Padding(_table(asked), (0, 0, 0, 3)))
        for note in asked.answer.notes:
            self.console.print(Padding(Text(note, style="dim"), (0, 0, 0, 3)))
        times = ", ".join(f"{face} {seconds * 1000:,.0f} ms" for face, seconds in asked.seconds.items())
        style, verdict = ("green", "equal") if asked.is_same_in_both_faces else ("bold red", "DIFFERENT")
        compared = f"; {verdict} answers" if len(asked.answers) > 1 else ""
        self.console.print(Padding(Text(times + compared, style=style), (0, 0, 0, 3)))

    def compared(self, engine: str, rows: Sequence[tuple[Asked, bool | None]]) -> None:
        """The same questions over another engine: times, and whether the answers are those of the first."""
        table = Table(box=box.SIMPLE_HEAD)
        faces = list(rows[0][0].seconds)
        table.add_column("question")
        for face in faces:
            table.add_column(f"{face}, ms", justify="right")
        table.add_column(f"{engine} answers as the built-in backend")
        for asked, is_same in rows:
            times = [f"{asked.seconds[face] * 1000:,.0f}" for face in faces]
            table.add_row(asked.name.replace("_", " "), *times, _verdict(asked, is_same))
        self.console.print(table)

    def summary(self, rows: Sequence[tuple[str, str, str, str]]) -> None:
        """The last table: what was done, how much of it, how long it took, and what came out."""
        table = Table(box=box.SIMPLE_HEAD)
        for name, justify in (("part", "left"), ("amount", "right"), ("seconds", "right"), ("outcome", "left")):
            table.add_column(name, justify=justify)  # One of rich's literals.
        for row in rows:
            table.add_row(*row)
        self.console.print(table)


def _verdict(asked: Asked, is_same: bool | None) -> Text:
    if not asked.is_same_in_both_faces:
        return Text("NO: the faces differ", style="bold red")
    if is_same is None:
        return Text("refused, as it must: " + asked.answer.notes[0], style="yellow")
    return Text("yes", style="green") if is_same else Text(f"NO: {asked.answer.rows}", style="bold red")


def _table(asked: Asked) -> Table:
    answer = asked.answer
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(answer.columns):
        numbers = all(isinstance(row[place], (int, float, type(None))) for row in answer.rows)
        table.add_column(name.replace("_", " "), justify="right" if numbers else "left")
    for row in answer.rows:
        table.add_row(*map(_text, row))
    return table


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _shortened(statements: Sequence[str]) -> list[str]:
    """The statements with long lists of names and placeholders cut."""
    return [_LISTS.sub(_cut, sql) for sql in statements]


def _cut(found: re.Match[str]) -> str:
    items = found[0].split(", ")
    return found[0] if len(items) < 8 else f"{items[0]}, {items[1]}, … {len(items) - 3} more …, {items[-1]}"
