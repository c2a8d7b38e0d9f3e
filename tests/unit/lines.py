"""Connections that count themselves, and what the tests of the pool do with threads and processes."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, Self

from rhosocial.activerecord.backend.pool import ConnectionPool


class Line:
    """A connection that knows nothing but whether it is open."""

    def __init__(self, exchange: Exchange, loop: asyncio.AbstractEventLoop | None) -> None:
        self.exchange = exchange
        self.loop = loop
        self.is_open = True
        self.is_dead = False
        self.in_use = False

    def close(self) -> None:
        self.is_open = False
        self.exchange.closed.append(self)


class Exchange:
    """Makes lines and counts them, and closes the pools that were made of it."""

    def __init__(self) -> None:
        self.made: list[Line] = []
        self.closed: list[Line] = []
        self.dropped: list[Line] = []
        self.pinged: list[Line] = []
        self.most = 0
        self.fail = 0
        self.delay = 0.0
        self.lock = threading.Lock()
        self.pools: list[ConnectionPool] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pool in self.pools:
            pool.close()

    def connect(self, loop: Any = None) -> Line:
        if self.fail:
            self.fail -= 1
            raise OSError("the exchange is busy")
        time.sleep(self.delay)
        with self.lock:
            line = Line(self, loop)
            self.made.append(line)
            self.most = max(self.most, len(self.open))
        return line

    async def aconnect(self) -> Line:
        await asyncio.sleep(self.delay)
        return self.connect(asyncio.get_running_loop())

    def close(self, line: Line) -> None:
        assert line.loop is None
        line.close()

    async def aclose(self, line: Line) -> None:
        assert line.loop is asyncio.get_running_loop()
        await asyncio.sleep(0)
        line.close()

    def drop(self, line: Line) -> None:
        self.dropped.append(line)

    def ping(self, line: Line) -> None:
        self.pinged.append(line)
        if line.is_dead:
            raise OSError("the line is dead")

    async def aping(self, line: Line) -> bool:
        await asyncio.sleep(0)
        self.pinged.append(line)
        return not line.is_dead

    @property
    def open(self) -> list[Line]:
        return [line for line in self.made if line.is_open and line not in self.dropped]

    def one_kind(self, size: int = 2, timeout: float | None = 5, **options: Any) -> ConnectionPool:
        return self.kept(ConnectionPool(self.connect, size, timeout, close=self.close, **options))

    def kept(self, pool: ConnectionPool) -> ConnectionPool:
        """The pool, which is closed with the exchange."""
        self.pools.append(pool)
        return pool

    def two_kinds(self, size: int = 2, timeout: float | None = 5, **options: Any) -> ConnectionPool:
        return self.one_kind(
            size, timeout, aconnect=self.aconnect, aclose=self.aclose, drop=self.drop, aping=self.aping, **options
        )


def wait_until(condition: Callable[[], bool], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.001)


def forget(things: list[Any]) -> None:
    """Let go of them, and of what only cycles hold."""
    things.clear()
    gc.collect()


def in_thread(work: Callable[[], object], name: str = "other") -> None:
    thread = threading.Thread(target=work, name=name)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


def in_child(work: Callable[[], object]) -> int:
    """What a forked child that does `work` exits with: 0, or 1 where it raised."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001  # Nothing may leave the child but its exit code.
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def run_script(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text)], capture_output=True, text=True, timeout=20, check=False
    )


def use(line: Line, pause: Callable[[], object]) -> None:
    assert line.is_open
    assert not line.in_use
    line.in_use = True
    pause()
    line.in_use = False
