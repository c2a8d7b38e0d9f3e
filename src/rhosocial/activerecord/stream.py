"""Records that arrive a chunk at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Generic, Self, TypeVar

from .backend.base import StorageBackend
from .backend.errors import QueryError
from .blocking import blocking, run
from .plan import Plan
from .relation.preload import Loads

M = TypeVar("M")


def checked_size(what: str, size: Any) -> int:
    """A number of rows, at least one; QueryError for anything else."""
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise QueryError(f"{what} must be a whole number of at least 1, got {size!r}")
    return size


class RecordStream(Generic[M]):
    """Records read a chunk at a time; made by `Query.iterator`, read once, in either face.

    A loop that is left early leaves it where it was: another loop goes on from there.
    """

    def __init__(
        self,
        backend: StorageBackend,
        plan: Plan,
        compiled: tuple[str, tuple[Any, ...]],
        chunk_size: int,
        loads: Loads | None = None,
    ) -> None:
        self._backend = backend
        self._plan = plan
        self._compiled = compiled
        self._chunk_size = chunk_size
        self._loads = loads
        self._records: Iterator[M] = iter(())
        self._stream: Any = None
        self._is_closed = False

    async def afetch_chunk(self) -> list[M]:
        """The next chunk of records; empty at the end, after which the connection is back."""
        if self._is_closed:
            return []
        if self._stream is None:
            self._stream = await self._backend.astream(*self._compiled, self._chunk_size)
        try:
            records: list[M] = await self._aload(await self._stream.afetch())
        except BaseException:
            # Also for KeyboardInterrupt and a cancelled task: nobody would close what a loop has failed on.
            await self.aclose()
            raise
        if not records:
            await self.aclose()
        return records

    fetch_chunk = blocking(afetch_chunk)

    async def _aload(self, rows: list[Any]) -> list[M]:
        if self._loads is None:
            plain: list[M] = self._plan.load(rows)
            return plain
        records: list[M] = self._loads.load(self._plan, rows)
        await self._loads.aapply(records)
        return records

    async def aclose(self) -> None:
        """Give the connection back; reading further gives no records."""
        self._is_closed = True
        self._records = iter(())
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.aclose()

    close = blocking(aclose)

    def __iter__(self) -> Iterator[M]:
        yield from self._records
        while records := run(self.afetch_chunk()):
            self._records = iter(records)
            yield from self._records

    def __aiter__(self) -> AsyncIterator[M]:
        return _Chunks(self)

    async def anext_record(self) -> M:
        """The next record; StopAsyncIteration at the end."""
        for record in self._records:
            return record
        self._records = iter(await self.afetch_chunk())
        for record in self._records:
            return record
        raise StopAsyncIteration

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()


class _Chunks(AsyncIterator[M]):
    """Steps a stream for ``async for``: an async generator could not be closed by whoever leaves the loop early."""

    def __init__(self, stream: RecordStream[M]) -> None:
        self._stream = stream

    async def __anext__(self) -> M:
        for record in self._stream._records:  # Nearly always there is one, and a second coroutine would cost as much.
            return record
        return await self._stream.anext_record()
