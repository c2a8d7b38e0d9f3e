from __future__ import annotations

from collections.abc import Iterator

import pytest
import tree
from shop import MODELS, Note, Person, fill

from engines import Engine
from rhosocial.activerecord.backend import StorageBackend


@pytest.fixture(scope="session")
def shop(engine: Engine) -> Iterator[StorageBackend]:
    """A database with the rows of `shop` and `tree`; the tests only read them."""
    with engine.place(in_memory=False) as place:
        backend = place.configure(Person, models=[*MODELS, *tree.MODELS])
        fill()
        tree.fill()
        yield backend
        backend.close()


@pytest.fixture(autouse=True)
def ready(shop: StorageBackend) -> StorageBackend:
    return shop


@pytest.fixture
def notes(shop: StorageBackend) -> type[Note]:
    """The one table that tests write to, empty."""
    shop.execute("DELETE FROM notes")
    return Note
