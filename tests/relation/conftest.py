from __future__ import annotations

from collections.abc import Iterator

import pytest
from blog import MODELS, Author, fill

from engines import Engine
from rhosocial.activerecord.backend import StorageBackend


@pytest.fixture
def backend(engine: Engine) -> Iterator[StorageBackend]:
    """A database of the test's own with the rows of `blog`."""
    with engine.place(in_memory=False) as place:
        made = place.configure(Author, models=MODELS)
        for model in MODELS:
            model.create_table()
        fill()
        yield made
        made.close()


@pytest.fixture(autouse=True)
def ready(backend: StorageBackend) -> StorageBackend:
    return backend
