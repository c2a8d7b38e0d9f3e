"""What all tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import engines
from rhosocial.activerecord import ActiveRecord
from rhosocial.activerecord.backend import StorageBackend

Home = Callable[..., Any]

pytest_plugins = ["pytester", "rhosocial.activerecord.testing.plugin"]

# No deadline: a first example pays for imports and compiled plans, and CI's machine is shared.
settings.register_profile("ci", max_examples=25, deadline=None, derandomize=True)
settings.register_profile(
    "fuzz", max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("ci")

pytest_addoption = engines.add_option
pytest_collection_modifyitems = engines.select


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "engine(*names): a test that is about these engines alone")
    config.addinivalue_line("markers", "needs(*flags): a test of what these flags of the dialect say that it can")


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[engines.Engine]:
    """The engine that the tests of behaviour run on: ``--engine``."""
    with engines.started(request.config, tmp_path_factory.mktemp("engine")) as started:
        yield started


@pytest.fixture
def backend(engine: engines.Engine) -> Iterator[StorageBackend]:
    """A backend on an empty database of the test's own."""
    with engine.place() as place:
        made = place.open()
        yield made
        made.close()


@pytest.fixture
def home(backend: StorageBackend) -> Iterator[Home]:
    """`home(Model, …)`: the models are stored on the test's backend, their tables are there; the first comes back."""
    placed: list[type[ActiveRecord]] = []

    def place(*models: type[ActiveRecord], tables: bool = True) -> Any:
        for model in models:
            model.__backend__ = backend
            placed.append(model)
            if tables:
                model.create_table()
        return models[0]

    yield place
    for model in placed:
        del model.__backend__


@pytest.fixture
def sent(backend: StorageBackend) -> list[str]:
    """The statements that were sent so far; a test clears the list to count from there."""
    texts: list[str] = []
    backend.on_execute.append(lambda sql, types, duration: texts.append(engines.standard(sql)))
    return texts
