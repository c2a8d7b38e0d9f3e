from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engines import Engine, standard
from rhosocial.activerecord import ActiveRecord
from rhosocial.activerecord.backend import StorageBackend

Home = Callable[..., Any]


@pytest.fixture
def backend(engine: Engine) -> Iterator[StorageBackend]:
    with engine.place() as place:
        made = place.open()
        yield made
        made.close()


@pytest.fixture
def home(backend: StorageBackend) -> Iterator[Home]:
    """`home(Model, …)`: the models are stored on the test's backend, their tables are there; the first comes back."""
    placed: list[type[ActiveRecord]] = []

    def place(*models: type[ActiveRecord]) -> Any:
        for model in models:
            model.__backend__ = backend
            placed.append(model)
            model.create_table()
        return models[0]

    yield place
    for model in placed:
        del model.__backend__


@pytest.fixture
def sent(backend: StorageBackend) -> list[str]:
    """The statements that were sent so far; a test clears the list to count from there."""
    texts: list[str] = []
    backend.on_execute.append(lambda sql, types, duration: texts.append(standard(sql)))
    return texts
