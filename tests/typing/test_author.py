"""What type checkers say to a backend that is written the guide's way."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = Path(__file__).with_name("author.py")


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed; make types installs it")
def test_mypy_takes_the_guides_signatures_of_execute_and_refuses_wrong_ones(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml")]
    found = _lines([*command, "--cache-dir", str(tmp_path), str(EXAMPLE)], r"author\.py:(\d+): error: ")

    assert _marked("", " to mypy") == found


@pytest.mark.skipif(
    importlib.util.find_spec("pyright") is None, reason="pyright is not installed; make types installs it"
)
def test_pyright_takes_the_guides_signatures_of_execute_and_refuses_wrong_ones(tmp_path: Path) -> None:
    (tmp_path / "pyrightconfig.json").write_text(f'{{"extraPaths": ["{ROOT / "src"}"]}}')
    copy = shutil.copy(EXAMPLE, tmp_path)
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, copy]
    found = _lines(command, r"author\.py:(\d+):\d+ - error: ", tmp_path)

    assert _marked("") == found


def _marked(*ends: str) -> set[int]:
    lines = enumerate(EXAMPLE.read_text(encoding="utf-8").splitlines(), 1)
    return {number for number, line in lines if line.endswith(tuple("# wrong" + end for end in ends))}


def _lines(command: list[str], pattern: str, folder: Path = ROOT) -> set[int]:
    """The numbers of the lines that the checker complains about."""
    settings = os.environ | {"MYPYPATH": str(ROOT / "src")}
    told = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, check=False, timeout=110)
    assert told.returncode in (0, 1), told.stdout + told.stderr
    return {int(number) for number in re.findall(pattern, told.stdout)}
