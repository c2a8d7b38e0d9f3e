"""Cursors on the server, for results that are read a chunk at a time: they live in a transaction of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from .parameter import needs_sharing, shared

_NAME = "ar_stream"


class _Cursor(psycopg.RawServerCursor[Any]):
    def __del__(self, *_: Any) -> None:
        """Psycopg would warn of a cursor that is dropped; the stream that dropped it does so itself."""


class _AsyncCursor(psycopg.AsyncRawServerCursor[Any]):
    def __del__(self, *_: Any) -> None:
        """As above."""


def _ready(sql: Any, params: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
    return shared(sql, params) if len(params) > 1 and needs_sharing(sql) else (sql, params)


class ServerCursor:
    """A cursor of a blocking connection that nobody else uses."""

    def __init__(self, connection: psycopg.Connection[Any], sql: Any, params: Sequence[Any]) -> None:
        self._connection = connection
        connection.execute("BEGIN READ ONLY")
        self._cursor = _Cursor(connection, _NAME)
        try:
            self._cursor.execute(*_ready(sql, params))
        except psycopg.Error:
            self.close()
            raise
        self.description = self._cursor.description

    def fetchmany(self, size: int) -> list[Any]:
        """The next rows."""
        return self._cursor.fetchmany(size)

    def close(self) -> None:
        """End the cursor and its transaction."""
        self._cursor.close()
        self._connection.execute("COMMIT")


class AsyncServerCursor:
    """A cursor of an awaitable connection that nobody else uses."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._cursor = _AsyncCursor(connection, _NAME)
        self.description: Any = None

    async def open(self, sql: Any, params: Sequence[Any]) -> None:
        """Run the statement."""
        await self._connection.execute("BEGIN READ ONLY")
        try:
            await self._cursor.execute(*_ready(sql, params))
        except psycopg.Error:
            await self.close()
            raise
        self.description = self._cursor.description

    async def fetchmany(self, size: int) -> list[Any]:
        """The next rows."""
        return await self._cursor.fetchmany(size)

    async def close(self) -> None:
        """End the cursor and its transaction."""
        await self._cursor.close()
        await self._connection.execute("COMMIT")
