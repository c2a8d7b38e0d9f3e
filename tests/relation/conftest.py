from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blog import MODELS, Author, fill

from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[SQLiteBackend]:
    """A database of the test's own with the rows of `blog`."""
    made = Author.configure(f"sqlite:///{tmp_path}/blog.db", models=MODELS)
    assert isinstance(made, SQLiteBackend)
    for model in MODELS:
        model.create_table()
    fill()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def ready(backend: SQLiteBackend) -> SQLiteBackend:
    return backend
