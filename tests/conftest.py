"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

import engines

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
