"""What the tests of MySQL and MariaDB share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engines import Engine, Place

SCHEMA = """
    CREATE TABLE owners (id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) NOT NULL);
    CREATE TABLE pets (
        id BIGINT AUTO_INCREMENT PRIMARY KEY, owner BIGINT, name VARCHAR(5), kind VARCHAR(20), age INT,
        CONSTRAINT living CHECK (age < 100), CONSTRAINT by_name UNIQUE (name, kind),
        CONSTRAINT owned FOREIGN KEY (owner) REFERENCES owners (id))
"""


@pytest.fixture
def place(engine: Engine) -> Iterator[Place]:
    """An empty database."""
    with engine.place() as found:
        yield found


@pytest.fixture
def backend(place: Place) -> Iterator[Any]:
    """A database with owners and pets."""
    made = place.open()
    for text in SCHEMA.split(";"):
        made.execute(text)
    yield made
    made.close()
