"""The benchmarks run, and no wrong answer gets past them; how fast anything was is not asked here."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import product
from operator import eq
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from benchmarks.__main__ import main, show
from benchmarks.measure import WrongAnswer, check, measure
from benchmarks.report import Figure, exit_code, figures, table
from benchmarks.workloads import WORKLOADS, Driver, Library, Material, Side, create_tables, fill

LETTERS = [workload.letter for workload in WORKLOADS]
B = WORKLOADS[0]


@pytest.fixture
def material() -> Material:
    return Material.of(12)


@pytest.fixture
def sides(tmp_path: Path, material: Material) -> Iterator[list[Side]]:
    by_library, by_driver = tmp_path / "library.db", tmp_path / "driver.db"
    create_tables(by_library, by_driver)
    made: list[Side] = [Driver(by_driver, material), Library(by_library, material)]
    yield made
    for side in made:
        side.close()


def figure(ratio: float, limit: float | None = 3.5) -> Figure:
    return Figure("B", "insert", "library", driver_us=2.0, side_us=2.0 * ratio, ratio=ratio, limit=limit)


# The run


def test_a_run_prints_a_line_for_each_workload_and_writes_the_same_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "figures.json"

    assert main(["--rows", "20", "--rounds", "2", "--tries", "1", "--json", str(file)]) in (0, 1)

    printed = capsys.readouterr().out.splitlines()
    written = json.loads(file.read_text(encoding="utf-8"))

    assert printed[0].startswith("20 rows, 2 rounds, µs per row; Python ")
    assert printed[1].split() == ["test", "side", "driver", "µs", "side", "µs", "ratio", "limit"]
    assert LETTERS == [line.split()[0] for line in printed[2:]]
    assert LETTERS == [found["letter"] for found in written["figures"]]
    assert (20, 2) == (written["rows"], written["rounds"])
    for line, found in zip(printed[2:], written["figures"], strict=True):
        assert re.search(rf" {found['ratio']:.2f} +{found['limit']:g} +{found['verdict']}$", line)


def test_the_awaiting_face_is_measured_too_and_has_no_limit(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--rows", "5", "--rounds", "1", "--tries", "1", "--awaiting"])
    awaited = [line for line in capsys.readouterr().out.splitlines() if " awaiting " in line]

    assert LETTERS == [line.split()[0] for line in awaited]
    assert not any(line.endswith(("ok", "over")) for line in awaited)


def test_some_of_the_tests_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--rows", "5", "--rounds", "1", "--tries", "1", "--tests", "df"])

    assert ["D", "F"] == [line.split()[0] for line in capsys.readouterr().out.splitlines()[2:]]


def test_a_letter_that_is_no_test_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--tests", "x"]) == 2
    assert "no test among 'x'; there are B, C, D, F, I" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--rows", "--rounds", "--tries"])
@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_counts_are_whole_numbers_of_at_least_one(option: str, count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([option, count])

    assert exit_.value.code == 2
    assert option in capsys.readouterr().err


# What is measured


def test_both_sides_have_the_same_table_and_the_same_settings(sides: list[Side]) -> None:
    driver, library = sides
    assert isinstance(driver, Driver)
    assert isinstance(library, Library)

    assert library.backend.fetch_all("SELECT sql FROM sqlite_master ORDER BY name") == [
        {"sql": sql} for (sql,) in driver.connection.execute("SELECT sql FROM sqlite_master ORDER BY name")
    ]
    for name in ("journal_mode", "synchronous", "foreign_keys", "cache_size", "page_size", "wal_autocheckpoint"):
        (of_driver,) = driver.connection.execute(f"PRAGMA {name}").fetchone()

        assert {name: of_driver} == library.backend.fetch_one(f"PRAGMA {name}")


def test_rows_of_both_seeds_differ_in_every_column() -> None:
    material = Material.of(500)
    pairs = zip(material.old, material.new, strict=True)

    assert not [(old, new) for old, new in pairs if any(map(eq, old, new))]


def test_each_workload_of_each_side_gives_the_right_answer(sides: list[Side], material: Material) -> None:
    for side, letter in product(sides, LETTERS):
        check(side, letter, side.prepare(letter)(), material)


def test_the_sides_take_turns_and_the_first_round_is_not_counted(
    sides: list[Side], material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def prepare(side: Side, letter: str) -> Callable[[], list[Any]]:
        calls.append(side.name)
        return prepare_really(side, letter)

    prepare_really = Side.prepare
    monkeypatch.setattr(Side, "prepare", prepare)
    times = measure(sides, WORKLOADS[2:3], material, rounds=2, tries=2)

    assert ["driver", "library"] * (1 + 2 * 2) == calls
    assert {("D", "driver"): 2, ("D", "library"): 2} == {key: len(seconds) for key, seconds in times.items()}


# Wrong answers


def text_for_datetime(records: list[Any]) -> list[Any]:
    object.__setattr__(records[0], "at", str(records[0].at))
    return records


def bool_for_int(records: list[Any]) -> list[Any]:
    object.__setattr__(records[0], "id", True)  # Equal to 1, but of another type.
    return records


def other_value(records: list[Any]) -> list[Any]:
    object.__setattr__(records[-1], "level", -1)
    return records


def other_class(records: list[Any]) -> list[Any]:
    last = records[-1]
    return [*records[:-1], SimpleNamespace(id=last.id, at=last.at, level=last.level, text=last.text)]


def in_another_order(records: list[Any]) -> list[Any]:
    return records[::-1]


def without_the_last(records: list[Any]) -> list[Any]:
    return records[:-1]


@pytest.mark.parametrize("spoil", [other_value, other_class, in_another_order, without_the_last])
def test_a_wrong_answer_is_noticed(
    spoil: Callable[[list[Any]], list[Any]], sides: list[Side], material: Material
) -> None:
    for side, letter in product(sides, LETTERS):
        answer = spoil(list(side.prepare(letter)()))

        with pytest.raises(WrongAnswer, match=f"test {letter}, {side.name}: expected "):
            check(side, letter, answer, material)


@pytest.mark.parametrize("spoil", [text_for_datetime, bool_for_int])
def test_a_value_of_another_type_is_noticed(
    spoil: Callable[[list[Any]], list[Any]], sides: list[Side], material: Material
) -> None:
    for side in sides:
        answer = spoil(side.prepare("D")())

        with pytest.raises(WrongAnswer, match=f"test D, {side.name}: expected "):
            check(side, "D", answer, material)


def test_a_wrong_table_is_noticed_behind_a_right_answer(sides: list[Side], material: Material) -> None:
    other = (datetime(1999, 1, 1), *material.new[0][1:])
    for side, letter in product(sides, LETTERS):
        answer = side.prepare(letter)()
        fill(side.path, [other, *material.new[1:]])

        with pytest.raises(WrongAnswer, match=f"test {letter}, {side.name}, table: expected "):
            check(side, letter, answer, material)


def test_a_wrong_answer_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    find_each = Library.find_each
    monkeypatch.setattr(Library, "find_each", lambda self: other_value(find_each(self)))

    with pytest.raises(WrongAnswer, match="test F, library: expected "):
        main(["--rows", "5", "--rounds", "1", "--tries", "1"])


# The verdict


def test_the_ratio_is_the_median_of_the_rounds_ratios() -> None:
    times = {("B", "driver"): [1.0, 2.0, 10.0], ("B", "library"): [3.0, 4.0, 90.0]}
    [found] = figures(times, [B], ["library"], rows=1_000_000)

    assert (2.0, 4.0, 3.0, 3.5) == (found.driver_us, found.side_us, found.ratio, found.limit)


@pytest.mark.parametrize(("ratio", "verdict", "code"), [(3.4, "ok", 0), (3.5, "ok", 0), (3.51, "over", 1)])
def test_a_ratio_over_its_limit_gives_exit_code_1(
    ratio: float, verdict: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [figure(1.0), figure(ratio)]

    assert code == exit_code(found)
    assert code == show(found, argparse.Namespace(rows=1, rounds=1, json=None))
    assert capsys.readouterr().out.rstrip().endswith(f"3.5  {verdict}")


def test_a_figure_without_limit_is_never_over() -> None:
    assert exit_code([figure(1000.0, limit=None)]) == 0


def test_the_limits_are_those_that_were_agreed() -> None:
    assert {"B": 3.5, "C": 2, "D": 2, "F": 3, "I": 3.5} == {w.letter: w.limit for w in WORKLOADS}


def test_the_columns_of_the_table_are_aligned() -> None:
    lines = table([figure(1.0), figure(100.0)]).splitlines()

    assert ["  1.00", "100.00"] == [re.sub(r" +3\.5.*", "", line)[-6:] for line in lines[1:]]
