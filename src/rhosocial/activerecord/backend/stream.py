"""The rows of one statement, a chunk at a time."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ..blocking import blocking, is_blocking
from .pool import ConnectionPool
from .typing import QueryResult
from .worker import Worker, Workers

Row = tuple[Any, ...]


class Stream:
    """Rows that arrive in chunks: `fetch` gives the next ones, an empty list at the end.

    It holds a connection until its end or `close`.  Dropped before that, it warns, and the connection is discarded.
    """

    def __init__(
        self,
        chunk_size: int,
        workers: Workers | None = None,
        interrupt: Callable[[Any], Any] | None = None,
        connection: Any = None,
        leases: ConnectionPool | None = None,
    ) -> None:
        self.columns: tuple[str, ...] = ()
        self._chunk_size = chunk_size
        self._rows: list[Row] = []
        self._position = 0
        self._cursor: Any = None
        self._workers = workers
        self._worker: Worker | None = None
        self._interrupt = interrupt
        self._connection = connection
        self._leases = leases
        self.name_error: Callable[[BaseException], Any] | None = None

    @classmethod
    def of(cls, result: QueryResult, chunk_size: int) -> Stream:
        """The rows of a result that has been read as a whole."""
        stream = cls(chunk_size)
        stream.columns = result.columns
        stream._rows = result.rows or []
        return stream

    async def aopen(self, cursor: Callable[..., Any], sql: str, values: Any) -> None:
        """Run the statement."""
        self._cursor = await self._acall(cursor, self._connection, sql, values)
        self.columns = tuple([column[0] for column in self._cursor.description or ()])

    async def afetch(self) -> list[Row]:
        """The next rows, at most as many as the chunk size; an empty list at the end."""
        if self._cursor is None:
            start, self._position = self._position, self._position + self._chunk_size
            return self._rows[start : self._position]
        try:
            rows: list[Row] = await self._acall(self._cursor.fetchmany, self._chunk_size)
        except BaseException as error:
            # Also for KeyboardInterrupt: the connection is in the middle of an answer.
            await self.aclose()
            if self.name_error is not None:
                self.name_error(error)
            raise
        if not rows:
            await self._aend(broken=False)
        return rows

    fetch = blocking(afetch)

    async def aclose(self) -> None:
        """Give up the rows that are left, and the connection."""
        self._rows = []
        await self._aend(broken=True)

    close = blocking(aclose)

    async def _aend(self, broken: bool) -> None:
        connection, self._connection = self._connection, None
        cursor, self._cursor = self._cursor, None
        if connection is None:
            return
        try:
            if cursor is not None:
                await self._acall(cursor.close)
                # A cursor may end what it cannot read to its end, and the connection with it.
                broken = bool(getattr(cursor, "is_cut_off", False))
        finally:
            if self._worker is not None and self._workers is not None:
                self._workers.give_back(self._worker)
                self._worker = None
            if self._leases is not None:
                await self._leases.arelease(connection, broken)

    async def _acall(self, function: Callable[..., Any], *args: Any) -> Any:
        if is_blocking():
            return function(*args)
        if self._workers is None:  # The cursor is awaitable itself, or there is none.
            return await function(*args)
        if self._worker is None:
            self._worker = self._workers.take()
        connection = self._connection
        interrupt = self._interrupt
        stop = None if interrupt is None or connection is None else (lambda: interrupt(connection))
        return await self._worker.call(function, *args, interrupt=stop)

    def __del__(self) -> None:
        if self._connection is None or self._leases is None:
            return
        warnings.warn("a stream of rows was dropped before its end: close it", ResourceWarning, stacklevel=2)
        self._leases.release(self._connection, broken=True)
