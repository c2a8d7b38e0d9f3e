"""A password is nowhere to be read: not in errors and their chains, not in representations, not in the log."""

from __future__ import annotations

import logging
import pickle
import sqlite3
import traceback

import pytest

from rhosocial.activerecord.backend import (
    ConfigurationError,
    ConnectionConfig,
    ConnectionError,
    DatabaseError,
    QueryResult,
    StorageBackend,
    backend_for,
    create_connection_pool,
    register_backend,
)
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend

CANARY = "c4n4ry-0f-s3cr3cy"


class Short(StorageBackend):
    driver_errors = (sqlite3.Error,)

    def _open(self):
        if self.config.database == "absent":
            raise sqlite3.OperationalError(f"cannot reach {self.config.host}")
        return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)

    def _perform(self, connection, sql, params):
        cursor = connection.execute(sql, params)
        return QueryResult(columns=cursor.description, rows=cursor.fetchall())


class Guide(StorageBackend):
    def connect(self):
        self._pool = create_connection_pool(connect=self.refuse, size=1, **self.config.get_connection_params())
        self._connection = self._pool.get_connection()

    def refuse(self, **params):
        assert CANARY == params["password"]
        raise OSError("refused")

    def execute(self, sql, params=None):
        self.connect()
        return QueryResult()


class Foreign:
    """A config object of somebody else's, with a `repr` that tells all."""

    database = "absent"
    password = CANARY

    def __init__(self):
        self.options = {"token": CANARY}

    def __repr__(self):
        return f"Foreign({self.password})"


def told(error):
    """All that an error may be printed as, its chain included."""
    texts = [*traceback.format_exception(error), repr(error), str(error), repr(vars(error))]
    return "\n".join(texts)


OPTIONS = {"api_key": CANARY, "sslpassword": CANARY, "auth_token": CANARY, "my_secret": CANARY, "credentials": CANARY}


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.DEBUG)
    yield caplog
    assert CANARY not in caplog.text


@pytest.mark.parametrize(
    "make",
    [
        lambda: ConnectionConfig(password=CANARY, options=dict(OPTIONS)),
        lambda: ConnectionConfig.from_url(f"x://user:{CANARY}@host/db?api_key={CANARY}"),
        lambda: Short(ConnectionConfig(password=CANARY, options=dict(OPTIONS))),
        lambda: Short(password=CANARY),
        lambda: Short(Foreign()),
        lambda: Short(Foreign()).config,
        lambda: Short(password=CANARY).transaction(),
        lambda: Short(password=CANARY)._leases,
        lambda: create_connection_pool(connect=sqlite3.connect, password=CANARY),
    ],
    ids=range(9),
)
def test_no_representation_shows_it(make, log):
    made = make()
    for text in (repr(made), str(made), f"{made}", f"{[made]}"):
        assert CANARY not in text


@pytest.mark.parametrize(
    "url",
    [
        f"nosuch://user:{CANARY}@host/db",
        f"user:{CANARY}@host/db",
        f"short://user:{CANARY}@host:port/db",
        f"short://user:{CANARY}@host:99999/db",
        f"short://host:{CANARY}/db",
        f"short://user:{CANARY}@[host/db",
        f"short://user:{CANARY}@h\u2100st/db",
        f"short://user:{CANARY}@host/db?pool_size=many",
        f"short://user:{CANARY}@host/db?password={CANARY}",
        f"short://user:{CANARY}@host/db?user={CANARY}",
        f"sqlite://user:{CANARY}@host/db?nosuch=1",
    ],
)
def test_no_url_that_is_refused_is_repeated_with_its_password(url, log):
    register_backend("short", Short)
    register_backend("sqlite", SQLiteBackend)
    with pytest.raises(ConfigurationError) as caught:
        backend_for(url)
    text = "\n".join(line for line in told(caught.value).splitlines() if not line.startswith("  File"))
    # The lines of this file have the URL in them only by its name.
    assert CANARY not in text


@pytest.mark.parametrize(
    "make",
    [
        lambda: Short(password=CANARY, nosuch=1),
        lambda: Short(password=CANARY, username="a", user="b"),
        lambda: Short(password=CANARY, pool_size=0),
        lambda: ConnectionConfig(password=CANARY, options={"password": CANARY}),
        lambda: Short(pasword=CANARY),
        lambda: Short(ConnectionConfig(password=CANARY), host="x"),
        lambda: SQLiteBackend(database="x", password=CANARY, options={"api_key": CANARY}),
        lambda: backend_for(ConnectionConfig(password=CANARY)),
    ],
    ids=range(8),
)
def test_no_settings_that_are_refused_are_repeated_with_their_secrets(make, log):
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert CANARY not in told(caught.value)


@pytest.mark.parametrize("backend_class", [Short, Guide, SQLiteBackend])
async def test_no_failure_tells_it(backend_class, log):
    config = ConnectionConfig(
        database="/absent/x.db" if backend_class is SQLiteBackend else "absent",
        username="user",
        password=CANARY,
        options={} if backend_class is SQLiteBackend else {"api_key": CANARY},
    )
    backend = backend_class(config)
    with pytest.raises(ConnectionError) as caught:
        await backend.aexecute("SELECT 1")
    assert CANARY not in told(caught.value)
    await backend.aclose()
    with pytest.raises(DatabaseError) as caught:
        await backend.aexecute("SELECT 1")
    assert CANARY not in told(caught.value)


async def test_bound_values_are_neither_logged_nor_told(log):
    backend = Short(password=CANARY)
    seen = []
    backend.on_execute.append(lambda *args: seen.append(repr(args)))
    await backend.aexecute("SELECT ?", (CANARY,))
    with pytest.raises(DatabaseError) as caught:
        await backend.aexecute("SELECT absent, ?", (CANARY,))
    with pytest.raises(DatabaseError) as more:
        async with backend.transaction():
            with pytest.raises(DatabaseError):
                await backend.aexecute("SELECT absent, ?", (CANARY,))
            await backend.aexecute("SELECT ?", (CANARY,))
    own = [line for error in (caught, more) for line in told(error.value).splitlines() if "CANARY" not in line]
    assert CANARY not in "\n".join([*own, *seen])
    assert CANARY.encode() not in pickle.dumps(vars(caught.value))
    await backend.aclose()
