"""Run the workloads of all sides in turn, time them, and check every answer."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable, Sequence
from typing import Any

from .models import Content, values_of
from .workloads import Material, Side, Workload, stored

# Seconds by the workload's letter and the side's name, one for each round.
Times = dict[tuple[str, str], list[float]]


class WrongAnswer(Exception):
    """A workload gave other rows, values or types than it should have, or left others in the table."""


def measure(
    sides: Sequence[Side], workloads: Sequence[Workload], material: Material, rounds: int, tries: int = 1
) -> Times:
    """The times of all rounds; a first one, which is not counted, warms everything up.

    In a round the sides take turns at each workload, `tries` times; the best time of a side counts, so that what else
    the machine has to do meanwhile falls away.  WrongAnswer where an answer is not what it should be.
    """
    times: Times = {(workload.letter, side.name): [] for workload in workloads for side in sides}
    for number in range(rounds + 1):
        for workload in workloads:
            tried = [[_timed(side, workload.letter, material) for side in sides] for _ in range(tries if number else 1)]
            for side, seconds in zip(sides, zip(*tried, strict=True), strict=True):
                if number:
                    times[workload.letter, side.name].append(min(seconds))
    return times


def _timed(side: Side, letter: str, material: Material) -> float:
    run = side.prepare(letter)
    gc.collect()
    start = time.perf_counter()
    answer = run()
    seconds = time.perf_counter() - start
    check(side, letter, answer, material)
    return seconds


def check(side: Side, letter: str, answer: Sequence[Any], material: Material) -> None:
    """Compare an answer, and the table as SQLite keeps it, with what they must be, in values and types."""
    where = f"test {letter}, {side.name}"
    content = material.old if letter in "DF" else material.new
    rows = _with_keys(content)
    wanted = [rows[key - 1] for key in material.keys] if letter == "F" else rows
    strange = next((record for record in answer if type(record) is not side.kind), None)
    if strange is not None:
        raise WrongAnswer(f"{where}: expected objects of {side.kind.__name__}, got {type(strange).__name__}")
    _compare(where, wanted, map(values_of, answer))
    # A side may have stored what reads back well through it alone.
    _compare(f"{where}, table", [(key, at.isoformat(" "), *rest) for key, at, *rest in rows], stored(side.path))


def _with_keys(content: Sequence[Content]) -> list[tuple[Any, ...]]:
    return [(key, *values) for key, values in enumerate(content, 1)]


def _compare(where: str, wanted: Sequence[tuple[Any, ...]], found: Iterable[tuple[Any, ...]]) -> None:
    got = list(found)
    if len(got) != len(wanted):
        raise WrongAnswer(f"{where}: expected {len(wanted)} rows, got {len(got)}")
    for right, row in zip(wanted, got, strict=True):
        if row != right or list(map(type, row)) != list(map(type, right)):
            raise WrongAnswer(f"{where}: expected {right!r}, got {row!r}")
