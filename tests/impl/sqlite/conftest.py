"""What the tests of SQLite share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlite_columns import Store


@pytest.fixture
def store() -> Iterator[Any]:
    """Makes tables of one column, closed after the test."""
    stores: list[Store] = []

    def make(*args: Any, **more: Any) -> Store:
        stores.append(Store(*args, **more))
        return stores[-1]

    yield make
    for made in stores:
        made.connection.close()
