"""A forked child never touches its parent's connections, and never believes that it holds the parent's locks."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import threading
import traceback

import pytest

from rhosocial.activerecord.backend import ConnectionConfig, QueryResult, StorageBackend
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
    # Python 3.12 warns of any fork beside threads, which is what is tested here.
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]


class Child:
    """Runs `work(wait)` in a forked child; `wait()` returns once the parent has called `go()`."""

    def __init__(self, work):
        read, write = os.pipe()
        held, self._go = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            signal.alarm(20)
            answer = ["never"]
            try:
                answer = ["ok", work(lambda: os.read(held, 1))]
            except BaseException as error:  # noqa: BLE001  # The parent is to hear of it.
                answer = ["error", type(error).__name__, str(error), traceback.format_exc()]
            finally:
                os.write(write, json.dumps(answer).encode())
                os._exit(0)
        os.close(write)
        os.close(held)
        self._read = read

    def go(self):
        os.write(self._go, b"x")

    def answer(self):
        with os.fdopen(self._read, "rb") as pipe:
            told = pipe.read()
        os.close(self._go)
        os.waitpid(self._pid, 0)
        return json.loads(told or b'["died"]')


def rows(path):
    connection = sqlite3.connect(path)
    assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
    found = [row[0] for row in connection.execute("SELECT a FROM t ORDER BY rowid")]
    connection.close()
    return found


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "fork.db")


@pytest.fixture
def backend(path):
    made = SQLiteBackend(database=path, options={"timeout": 2})
    made.execute("CREATE TABLE t (a)")
    made.execute("INSERT INTO t VALUES ('parent')")
    yield made
    made.close()


def test_rows_of_a_child_survive_the_end_of_its_parents_connections(backend, path):
    # SQLite's count of locks is inherited and the locks are not: without care the parent, closing last as it believes,
    # deletes the log that the child goes on writing to.
    def work(wait):
        backend.execute("INSERT INTO t VALUES ('child 1')")
        wait()
        with backend.transaction():
            backend.execute("INSERT INTO t VALUES ('child 2')")
        return backend.execute("SELECT count(*) FROM t").scalar()

    child = Child(work)
    while backend.execute("SELECT count(*) FROM t").scalar() < 2:
        pass
    backend.close()
    child.go()
    assert ["ok", 3] == child.answer()
    assert ["parent", "child 1", "child 2"] == rows(path)


def test_children_and_parent_write_side_by_side_and_lose_no_row(backend, path):
    def work(wait):
        # Each child reads back what it has written itself.
        mine = os.getpid()
        for turn in range(20):
            backend.execute("INSERT INTO t VALUES (?)", (f"{mine}-{turn}",))
            assert f"{mine}-{turn}" == backend.execute("SELECT a FROM t WHERE a = ?", (f"{mine}-{turn}",)).scalar()
        return mine

    children = [Child(work) for _ in range(3)]
    for turn in range(20):
        backend.execute("INSERT INTO t VALUES (?)", (f"p-{turn}",))
    assert ["ok"] * 3 == [child.answer()[0] for child in children]
    assert 81 == len(set(rows(path)))


def test_a_child_born_inside_a_block_is_refused_and_the_block_goes_on(backend, path):
    with backend.transaction() as tx:
        backend.execute("INSERT INTO t VALUES ('a')")

        def work(wait):
            told = []
            for call in (
                lambda: backend.execute("SELECT 1"),
                lambda: backend.execute("INSERT INTO t VALUES ('child')"),
                tx.commit,
                tx.rollback,
                lambda: tx.__exit__(None, None, None),
                backend.connect,
                backend.commit_transaction,
            ):
                try:
                    told.append(repr(call()))
                except Exception as error:  # noqa: BLE001  # The parent compares its class.
                    told.append(type(error).__name__)
            return [*told, backend.in_transaction]

        refused = ["ConnectionError"] * 2 + ["TransactionError"] * 3 + ["ConnectionError", "TransactionError"]
        assert ["ok", [*refused, False]] == Child(work).answer()
        backend.execute("INSERT INTO t VALUES ('b')")
    assert ["parent", "a", "b"] == rows(path)


def test_a_child_born_while_another_thread_writes_is_told_why_it_cannot(backend, path):
    ready, over = threading.Event(), threading.Event()

    def write():
        with backend.transaction():
            backend.execute("INSERT INTO t VALUES ('thread')")
            ready.set()
            over.wait()

    thread = threading.Thread(target=write)
    thread.start()
    ready.wait()
    status, kind, said, _ = Child(lambda wait: backend.execute("SELECT 1").rows).answer()
    over.set()
    thread.join()
    assert ("error", "ConnectionError") == (status, kind)
    assert path in said and "forked" in said and "spawn" in said
    assert ["parent", "thread"] == rows(path)


def test_a_memory_database_is_copied(path):
    memory = SQLiteBackend(database=":memory:")
    memory.execute("CREATE TABLE t (a)")

    def work(wait):
        memory.execute("INSERT INTO t VALUES (1)")
        return memory.execute("SELECT count(*) FROM t").scalar()

    assert ["ok", 1] == Child(work).answer()
    assert 0 == memory.execute("SELECT count(*) FROM t").scalar()
    memory.close()


class Session:
    """A connection that would end the parent's session if a child closed or freed it."""

    closed_by: str

    def __init__(self, path):
        self.path = path
        self.owner = os.getpid()

    def close(self):
        with open(self.path, "a") as file:
            file.write(f"{self.owner == os.getpid()}\n")

    __del__ = close


class ShortBackend(StorageBackend):
    def _open(self):
        return Session(self.config.database)

    def _perform(self, connection, sql, params):
        return QueryResult(columns=["owner"], rows=[(connection.owner,)])


class GuideBackend(StorageBackend):
    def connect(self):
        self._connection = Session(self.config.database)

    def execute(self, sql, params=None):
        if not self._connection:
            self.connect()
        return QueryResult(columns=["owner"], rows=[(self._connection.owner,)])


@pytest.mark.parametrize("kind", [ShortBackend, GuideBackend])
@pytest.mark.parametrize("in_block", [False, True])
def test_a_child_opens_sessions_of_its_own_and_never_closes_or_frees_its_parents(kind, in_block, tmp_path):
    log = tmp_path / "closed.log"
    log.touch()
    backend = kind(ConnectionConfig(database=str(log)))
    ready, over = threading.Event(), threading.Event()

    def hold():
        # A thread whose connection the child inherits without the thread.
        backend.connect()
        ready.set()
        over.wait()
        backend.disconnect()

    thread = threading.Thread(target=hold)
    thread.start()
    ready.wait()
    backend.execute("SELECT 1")
    if in_block:
        backend.begin_transaction()

    def work(wait):
        mine = backend.execute("SELECT 1").scalar() == os.getpid()
        with backend.transaction():
            mine = mine and backend.execute("SELECT 1").scalar() == os.getpid()
        backend.disconnect()
        backend.close()
        return mine

    assert ["ok", True] == Child(work).answer()
    assert "False" not in log.read_text()
    assert os.getpid() == backend.execute("SELECT 1").scalar()
    if in_block:
        backend.commit_transaction()
    over.set()
    thread.join()
    backend.disconnect()
    backend.close()
