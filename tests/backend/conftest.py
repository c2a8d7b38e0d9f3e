from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend


@pytest.fixture
def backend(tmp_path: pathlib.Path) -> Iterator[SQLiteBackend]:
    made = SQLiteBackend(database=str(tmp_path / "test.db"))
    made.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, age INTEGER CHECK (age > 0))")
    yield made
    made.close()
