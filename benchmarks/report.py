"""What was measured, as figures with a verdict, as a table and as JSON."""

from __future__ import annotations

import json
import platform
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from .measure import Times
from .workloads import Workload

_HEAD = ("test", "", "side", "driver µs", "side µs", "ratio", "limit", "")


@dataclass(frozen=True, slots=True)
class Figure:
    """One workload of one side beside the driver: microseconds a row (medians), and the median of the rounds' ratios.

    `limit` is None where the figure is given for information.
    """

    letter: str
    title: str
    side: str
    driver_us: float
    side_us: float
    ratio: float
    limit: float | None

    @property
    def verdict(self) -> str:
        """``ok``, ``over``, or nothing where there is no limit."""
        if self.limit is None:
            return ""
        return "over" if self.ratio > self.limit else "ok"


def figures(times: Times, workloads: Sequence[Workload], sides: Iterable[str], rows: int) -> list[Figure]:
    """A figure for each workload of each side; only the blocking library's have a limit."""
    made = []
    for side in sides:
        for workload in workloads:
            floor, taken = times[workload.letter, "driver"], times[workload.letter, side]
            made.append(
                Figure(
                    workload.letter,
                    workload.title,
                    side,
                    driver_us=median(floor) / rows * 1e6,
                    side_us=median(taken) / rows * 1e6,
                    ratio=median(mine / theirs for mine, theirs in zip(taken, floor, strict=True)),
                    limit=workload.limit if side == "library" else None,
                )
            )
    return made


def table(found: Iterable[Figure]) -> str:
    """The figures in aligned columns."""
    lines = [_HEAD, *(_cells(figure) for figure in found)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    # Words to the left, numbers to the right.
    aligned = [
        [cell.ljust(width) if place in (0, 1, 2, 7) else cell.rjust(width) for place, (cell, width) in enumerate(pairs)]
        for pairs in (list(zip(line, widths, strict=True)) for line in lines)
    ]
    return "\n".join("  ".join(line).rstrip() for line in aligned)


def _cells(figure: Figure) -> tuple[str, ...]:
    limit = "" if figure.limit is None else f"{figure.limit:g}"
    numbers = (f"{figure.driver_us:.2f}", f"{figure.side_us:.2f}", f"{figure.ratio:.2f}")
    return (figure.letter, figure.title, figure.side, *numbers, limit, figure.verdict)


def as_json(found: Iterable[Figure], rows: int, rounds: int) -> str:
    """The figures, with what they were measured on."""
    document: dict[str, Any] = {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "rows": rows,
        "rounds": rounds,
        "figures": [asdict(figure) | {"verdict": figure.verdict} for figure in found],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def exit_code(found: Iterable[Figure]) -> int:
    """1 where a figure is over its limit, else 0."""
    return int(any(figure.verdict == "over" for figure in found))
