"""``python tests/typing/check.py``: what mypy and pyright make of code that uses the library, as its users see it.

Files ``accepted_*.py`` must pass both checkers; their ``assert_type`` calls say which types come out.  In the files
``rejected_*.py`` each line that ends in ``# error`` must be refused by both, one that ends in ``# error: mypy`` by that
one, and no other line may be.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
_MARK = re.compile(r"#\s*error(?::\s*(?P<checker>mypy|pyright))?\s*$")
_MYPY_LINE = re.compile(r"(?P<file>[^:]+\.py):(?P<line>\d+)(?::\d+)?: error: (?P<text>.*)")

# By (file, line), what was said about it.
Found = dict[tuple[str, int], str]


def mypy(files: list[Path]) -> Found:
    """What mypy --strict refuses."""
    done = _run("mypy", "--strict", "--no-error-summary", *map(str, files))
    if done.returncode not in (0, 1):
        raise SystemExit(f"mypy failed:\n{done.stdout}{done.stderr}")
    found = (_MYPY_LINE.match(line) for line in done.stdout.splitlines())
    return {(Path(m["file"]).name, int(m["line"])): m["text"] for m in found if m}


def pyright(files: list[Path]) -> Found:
    """What pyright refuses."""
    done = _run("pyright", "--outputjson", "--pythonpath", sys.executable, *map(str, files))
    try:
        said = json.loads(done.stdout)["generalDiagnostics"]
    except ValueError:
        raise SystemExit(f"pyright failed:\n{done.stdout}{done.stderr}") from None
    errors = [d for d in said if d["severity"] == "error"]
    return {(Path(d["file"]).name, d["range"]["start"]["line"] + 1): d["message"] for d in errors}


def _run(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name(command)
    return subprocess.run([str(program), *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def expected(files: Iterable[Path], checker: str) -> set[tuple[str, int]]:
    """The lines that are marked as wrong for a checker."""
    return {
        (path.name, number)
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (mark := _MARK.search(line)) and mark["checker"] in (None, checker)
    }


def complaints(checker: Callable[[list[Path]], Found], files: list[Path]) -> list[str]:
    """Where a checker sees more, or less, than the marks say."""
    name = checker.__name__
    found, wanted = checker(files), expected(files, name)
    too_much = [f"{f}:{line}: {name}: {found[f, line]}" for f, line in sorted(found.keys() - wanted)]
    too_little = [f"{f}:{line}: {name} accepts this" for f, line in sorted(wanted - found.keys())]
    return too_much + too_little


def main() -> int:
    """Print the complaints; 1 where there are any."""
    accepted, rejected = sorted(HERE.glob("accepted_*.py")), sorted(HERE.glob("rejected_*.py"))
    marked = {path.name for path in rejected} == {name for name, _ in expected(rejected, "mypy")}
    if not accepted or not rejected or not marked:
        raise SystemExit(f"a file without marks, or nothing to check, in {HERE}")
    lines = [line for checker in (mypy, pyright) for line in complaints(checker, accepted + rejected)]
    print("\n".join(lines or [f"{len(accepted)} files accepted, {len(expected(rejected, 'mypy'))} lines rejected"]))
    return int(bool(lines))


if __name__ == "__main__":
    raise SystemExit(main())
