"""Files that are broken, gone, replaced, full or not ours to write: a typed error, and what was stored stays stored."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from rhosocial.activerecord.backend import (
    ConnectionError,
    DatabaseError,
    LockTimeout,
    OperationalError,
    TableNotFound,
    TransactionError,
)
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "test.db")


def made(path, count=3, **settings):
    backend = SQLiteBackend(database=path, **settings)
    backend.execute("CREATE TABLE t (a, b)")
    backend.execute_many("INSERT INTO t VALUES (?, ?)", [(number, "x" * 300) for number in range(count)])
    return backend


def rows(path):
    """What another process would see, in a file that is whole."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
        return [row[0] for row in connection.execute("SELECT a FROM t ORDER BY rowid")]
    finally:
        connection.close()


async def test_a_page_corrupted_under_an_open_connection_is_an_error_and_the_connection_is_dropped(path):
    backend = made(path, 200)
    await backend.adisconnect()
    with open(path, "r+b") as file:
        for page in range(4096 * 3, os.path.getsize(path), 4096):
            file.seek(page)
            file.write(b"\xff" * 100)
    await backend.aexecute("SELECT 1")
    with pytest.raises(OperationalError, match="malformed") as caught:
        await backend.aexecute("SELECT sum(length(b)) FROM t")
    assert (11, 0, 0) == (caught.value.code & 0xFF, backend._leases.lent, backend._leases.idle)
    # Errors of SQLite that have to do with the file end a block, whoever swallows them.
    with pytest.raises(DatabaseError):
        async with backend.transaction():
            await backend.aexecute("CREATE TABLE other (a)")
            with pytest.raises(OperationalError):
                await backend.aexecute("SELECT sum(length(b)) FROM t")
    assert "other" not in [row[0] for row in (await backend.aexecute("SELECT name FROM sqlite_schema")).rows]
    await backend.aclose()


@pytest.mark.parametrize("change", ["deleted", "replaced"])
async def test_rows_never_go_to_a_file_that_is_no_longer_there(path, change):
    backend = made(path)
    if change == "replaced":
        fresh = path + ".new"
        made(fresh, 1).close()
    for suffix in ("", "-wal", "-shm"):
        os.remove(path + suffix)
    if change == "replaced":
        os.rename(fresh, path)

    with pytest.raises(ConnectionError, match="deleted or replaced") as caught:
        await backend.aexecute("INSERT INTO t VALUES (9, '')")
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    # The next call opens what is there by now.
    if change == "deleted":
        with pytest.raises(TableNotFound):
            await backend.aexecute("INSERT INTO t VALUES (10, '')")
        await backend.aexecute("CREATE TABLE t (a)")
    async with backend.transaction():
        await backend.aexecute("INSERT INTO t (a) VALUES (11)")
    assert "wal" == (await backend.aexecute("PRAGMA journal_mode")).scalar()
    assert 0 == backend._leases.lent
    await backend.aclose()
    assert ([11] if change == "deleted" else [0, 11]) == rows(path)


async def test_a_block_over_a_file_that_is_gone_fails_before_its_first_statement(path):
    backend = made(path)
    os.rename(path, path + ".away")
    with pytest.raises(ConnectionError, match="deleted or replaced"):
        async with backend.transaction():
            await backend.aexecute("INSERT INTO t VALUES (9, '')")
    os.rename(path + ".away", path)
    async with backend.transaction():
        await backend.aexecute("INSERT INTO t VALUES (9, '')")
    await backend.aclose()
    assert [0, 1, 2, 9] == rows(path)


async def test_an_idle_reader_finds_out_that_its_file_was_replaced(path):
    backend = made(path)
    backend._leases.check_after = 0
    made(path + ".new", 1).close()
    for suffix in ("-wal", "-shm"):
        os.remove(path + suffix)
    os.rename(path + ".new", path)
    time.sleep(0.01)
    assert 1 == (await backend.aexecute("SELECT count(*) FROM t")).scalar()
    await backend.aclose()


async def test_a_schema_changed_by_another_process_is_seen_at_once(path):
    backend = made(path)
    assert 3 == len((await backend.aexecute("SELECT * FROM t")).rows)
    other = sqlite3.connect(path)
    other.executescript("ALTER TABLE t ADD COLUMN c DEFAULT 7; CREATE TABLE u (a)")
    other.close()
    assert ("a", "b", "c") == (await backend.aexecute("SELECT * FROM t")).columns
    await backend.aexecute("INSERT INTO u VALUES (1)")
    await backend.aclose()


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
async def test_an_immutable_or_read_only_place_can_be_read_and_refuses_writes(path, mode):
    backend = made(path, options={"journal_mode": mode})
    await backend.aclose()
    # Root may write where the permissions say no, so that the mode says it.
    for target in (f"file:{path}?mode=ro", f"file:{path}?immutable=1"):
        reader = SQLiteBackend(database=target)
        assert 3 == (await reader.aexecute("SELECT count(*) FROM t")).scalar()
        with pytest.raises(OperationalError, match="readonly"):
            async with reader.transaction():
                await reader.aexecute("INSERT INTO t VALUES (1, 2)")
        assert (0, 3) == (reader._leases.lent, (await reader.aexecute("SELECT count(*) FROM t")).scalar())
        await reader.aclose()
    assert [0, 1, 2] == rows(path)


@pytest.mark.skipif(
    not hasattr(os, "seteuid") or os.geteuid() != 0 or not os.path.exists("/etc/passwd"),
    reason="only root can become somebody who must not write",
)
@pytest.mark.parametrize("what", ["the file", "the directory"])
def test_somebody_who_must_not_write_gets_typed_errors_and_changes_nothing(tmp_path, what):
    folder = tmp_path / "shared"
    folder.mkdir()
    path = str(folder / "test.db")
    made(path).close()
    folder.chmod(0o555 if what == "the directory" else 0o777)
    os.chmod(path, 0o444 if what == "the file" else 0o666)
    code = f"""
import os
from rhosocial.activerecord.backend import DatabaseError
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend
os.seteuid(65534)
backend = SQLiteBackend(database={path!r})
for sql in "SELECT count(*) FROM t", "INSERT INTO t VALUES (9, '')", "INSERT INTO t VALUES (9, '')":
    try:
        print("fine", backend.execute(sql).scalar())
    except DatabaseError as error:
        print(type(error).__name__, error.__cause__ is not None)
print(backend._leases.lent)
"""
    for parent in tmp_path.parents:
        if parent.owner() == "root" and len(parent.parts) > 2:
            parent.chmod(parent.stat().st_mode | 0o055)
    tmp_path.chmod(0o755)
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert "0" == told.pop()
    assert told[0] in ("fine 3", "ConnectionError True", "OperationalError True")
    assert told[1] in ("ConnectionError True", "OperationalError True") and told[1] == told[2]
    assert [0, 1, 2] == rows(path)


async def test_a_full_disk_leaves_the_file_whole_and_the_backend_usable(path):
    backend = made(path, pool_size=1)
    pages = (await backend.aexecute("PRAGMA page_count")).scalar()
    await backend.aexecute(f"PRAGMA max_page_count = {pages + 3}")
    with pytest.raises((OperationalError, TransactionError)):
        async with backend.transaction():
            for number in range(1000):
                await backend.aexecute("INSERT INTO t VALUES (?, ?)", (number, "x" * 3000))
    with pytest.raises(OperationalError, match="full"):
        await backend.aexecute("INSERT INTO t VALUES (5, zeroblob(100000))")
    await backend.aexecute("INSERT INTO t VALUES (3, '')")
    assert (0, 1) == (backend._leases.lent, backend._writers.free)
    await backend.aclose()
    assert [0, 1, 2, 3] == rows(path)


WRITER = """
import sys, threading
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend
backend = SQLiteBackend(database=sys.argv[1], options={"timeout": 20})
who, count = sys.argv[2], int(sys.argv[3])
def work(thread):
    for turn in range(count):
        with backend.transaction():
            backend.execute("INSERT INTO t VALUES (?, ?)", (f"{who}-{thread}-{turn}", "x" * 500))
            backend.execute("INSERT INTO t VALUES (?, 'second')", (f"{who}-{thread}-{turn}",))
        # Told only after COMMIT: what is told must be there.
        sys.stdout.write(f"{who}-{thread}-{turn}\\n")
        sys.stdout.flush()
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
backend.close()
"""


def writer(path, who, count):
    command = [sys.executable, "-c", WRITER, path, str(who), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_a_writer_killed_at_any_moment_loses_nothing_that_it_had_told(path):
    backend = made(path, 0)
    told = set()
    for number in range(2):
        process = writer(path, number, 100_000)
        assert process.stdout is not None
        told.add(process.stdout.readline().strip())
        time.sleep(0.05 + 0.03 * number)
        process.send_signal(signal.SIGKILL)
        told |= {line.strip() for line in process.stdout if line.endswith("\n")}
        process.stdout.close()
        process.wait()
        # The survivors go on at once: the kernel has given up the locks of the dead.
        with backend.transaction():
            backend.execute("INSERT INTO t VALUES (?, '')", (f"alive-{number}",))
            backend.execute("INSERT INTO t VALUES (?, 'second')", (f"alive-{number}",))
    backend.close()
    found = rows(path)
    assert len(told) > 10 and told <= set(found)
    # No transaction is there by half.
    assert all(found.count(name) == 2 for name in set(found))


def test_two_processes_with_four_threads_each_lose_no_row(path):
    made(path, 0).close()
    processes = [writer(path, number, 15) for number in range(2)]
    told = set()
    for process in processes:
        output, _ = process.communicate(timeout=60)
        assert 0 == process.returncode
        told |= set(output.split())
    assert 120 == len(told)
    assert sorted([*told, *told]) == sorted(rows(path))


async def test_a_second_process_is_waited_for_and_then_a_lock_timeout_says_so(path):
    backend = made(path, options={"timeout": 0.3})
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            (
                "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
                "c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.readline();"
                "c.execute('COMMIT'); c.close()"
            ),
            path,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin is not None and holder.stdout is not None
    assert "held\n" == holder.stdout.readline()
    for attempt in ("alone", "block"):
        start = time.monotonic()
        with pytest.raises(LockTimeout) as caught:
            if attempt == "alone":
                await backend.aexecute("INSERT INTO t VALUES (9, '')")
            else:
                async with backend.transaction():
                    await backend.aexecute("INSERT INTO t VALUES (9, '')")
        assert 0.25 < time.monotonic() - start < 2
        assert (5, True) == (caught.value.code, backend.is_retryable(caught.value))
    # Readers do not wait for writers.
    assert 3 == (await backend.aexecute("SELECT count(*) FROM t")).scalar()
    holder.communicate("\n", timeout=10)
    await backend.aexecute("INSERT INTO t VALUES (9, '')")
    assert (0, 1) == (backend._leases.lent, backend._writers.free)
    await backend.aclose()
    assert [0, 1, 2, 9] == rows(path)


async def test_a_copy_of_the_files_of_an_open_database_is_read_to_its_last_commit(path, tmp_path):
    backend = made(path)
    for suffix in ("", "-wal", "-shm"):
        shutil.copy(path + suffix, str(tmp_path / "copy.db") + suffix)
    copy = SQLiteBackend(database=str(tmp_path / "copy.db"))
    assert 3 == (await copy.aexecute("SELECT count(*) FROM t")).scalar()
    await copy.aclose()
    await backend.aclose()
