from __future__ import annotations

import itertools

import pytest

_numbers = itertools.count(1)


@pytest.fixture
def table_name() -> str:
    """A table name that no other test uses."""
    return f"t{next(_numbers)}"
