from __future__ import annotations

from collections.abc import Iterator

import pytest
import tree
from shop import MODELS, Note, Person, fill

from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SQLiteBackend]:
    """A database file with the rows of `shop` and `tree`; the tests only read them."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    backend = Person.configure(f"sqlite:///{path}", models=[*MODELS, *tree.MODELS])
    fill()
    tree.fill()
    assert isinstance(backend, SQLiteBackend)
    yield backend
    backend.close()


@pytest.fixture(autouse=True)
def ready(shop: SQLiteBackend) -> SQLiteBackend:
    return shop


@pytest.fixture
def notes(shop: SQLiteBackend) -> type[Note]:
    """The one table that tests write to, empty."""
    shop.execute("DELETE FROM notes")
    return Note
