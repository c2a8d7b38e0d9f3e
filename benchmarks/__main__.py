"""``python -m benchmarks``: measure, print the table, and end with 1 where a ratio is over its limit."""

from __future__ import annotations

import argparse
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .measure import measure
from .report import Figure, as_json, exit_code, figures, table
from .workloads import WORKLOADS, AwaitingLibrary, Driver, Library, Material, Side, create_tables


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; gives the exit code."""
    options = _options(arguments)
    workloads = [workload for workload in WORKLOADS if workload.letter in options.tests.upper()]
    if not workloads:
        print(f"no test among {options.tests!r}; there are {', '.join(w.letter for w in WORKLOADS)}", file=sys.stderr)
        return 2
    material = Material.of(options.rows)
    with tempfile.TemporaryDirectory() as folder:
        sides = _sides(Path(folder), material, options.awaiting)
        try:
            times = measure(sides, workloads, material, options.rounds, options.tries)
        finally:
            for side in sides:
                side.close()
    return show(figures(times, workloads, [side.name for side in sides[1:]], options.rows), options)


def show(found: list[Figure], options: argparse.Namespace) -> int:
    """Print the figures, write them where asked, and give the exit code they lead to."""
    print(
        f"{options.rows} rows, {options.rounds} rounds, µs per row; "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )
    print(table(found))
    if options.json is not None:
        options.json.write_text(as_json(found, options.rows, options.rounds), encoding="utf-8")
    return exit_code(found)


def _sides(folder: Path, material: Material, awaiting: bool) -> list[Side]:
    by_library, by_driver = folder / "library.db", folder / "driver.db"
    create_tables(by_library, by_driver)
    sides: list[Side] = [Driver(by_driver, material), Library(by_library, material)]
    if awaiting:
        sides.append(AwaitingLibrary(by_library, material))
    return sides


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=_count, default=5_000, help="rows of the table (default: %(default)s)")
    parser.add_argument("--rounds", type=_count, default=7, help="rounds that are counted (default: %(default)s)")
    parser.add_argument(
        "--tries", type=_count, default=3, help="runs of a round, the best counts (default: %(default)s)"
    )
    parser.add_argument("--tests", default="BCDFI", metavar="LETTERS", help="which tests (default: %(default)s)")
    parser.add_argument("--awaiting", action="store_true", help="also the awaitable calls, without a limit")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text}")
    return number


if __name__ == "__main__":
    sys.exit(main())
