from __future__ import annotations

import gc
import weakref

import pytest

from rhosocial.activerecord.backend import (
    ConfigurationError,
    ConnectionConfig,
    backend_class_for,
    backend_for,
    close_backends,
    register_backend,
)
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend


@pytest.fixture(autouse=True)
def _scheme():
    register_backend("sqlite", SQLiteBackend)
    yield
    close_backends()


def test_one_config_object_or_url_has_one_backend(tmp_path):
    config, equal = ConnectionConfig(database=":memory:"), ConnectionConfig(database=":memory:")
    first = backend_for(config, SQLiteBackend)

    assert first is backend_for(config, SQLiteBackend)
    other = backend_for(equal, SQLiteBackend)
    assert other is not first
    url = f"sqlite:///{tmp_path}/a.db"
    by_url = backend_for(url)
    assert by_url is backend_for(url)
    assert f"{tmp_path}/a.db".lstrip("/") == by_url.config.database.lstrip("/")


def test_a_backend_that_nobody_holds_is_gone():
    config = ConnectionConfig(database=":memory:")
    gone = weakref.ref(backend_for(config, SQLiteBackend))
    gc.collect()

    assert gone() is None
    assert not backend_for(config, SQLiteBackend).is_closed


def test_a_closed_backend_is_made_anew():
    config = ConnectionConfig(database=":memory:")
    first = backend_for(config, SQLiteBackend)
    close_backends()

    assert first.is_closed and backend_for(config, SQLiteBackend) is not first


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("nosuch://x", "unknown database scheme 'nosuch'; known: .*sqlite"),
        ("file.db", "begins with a scheme"),
        (ConnectionConfig(), "pass backend_class"),
    ],
)
def test_what_names_no_engine_is_refused(config, said):
    with pytest.raises(ConfigurationError, match=said):
        backend_for(config)


def test_schemes_are_found_whatever_their_case():
    assert backend_class_for("SQLite") is SQLiteBackend
