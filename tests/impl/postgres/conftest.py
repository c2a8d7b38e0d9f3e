"""What the tests of PostgreSQL share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engines import Engine, Place
from rhosocial.activerecord.backend import StorageBackend


@pytest.fixture
def place(engine: Engine) -> Iterator[Place]:
    with engine.place() as made:
        yield made


@pytest.fixture
def backend(place: Place) -> Iterator[StorageBackend]:
    """A backend over one connection, so that one that is not given back is a PoolTimeout in the next statement."""
    made = place.open(pool_size=1, pool_timeout=2)
    yield made
    made.close()
