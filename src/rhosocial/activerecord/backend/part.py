"""What is kept as a whole inside a block that cannot nest."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from .hook import Hook
from .transaction import Transaction


class Part:
    """A part of an open block, used by ``async with`` where another engine gets a savepoint.

    What it has written cannot be undone alone: if it ends by an error, the whole block can only be rolled back.
    """

    def __init__(self, block: Transaction) -> None:
        self._block = block

    async def __aenter__(self) -> Self:
        self._block.check_statement()
        return self

    def undo(self, put_back: Hook) -> None:
        """Have `put_back()` called when the block is rolled back."""
        self._block.undo(put_back)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._block.fail(error)
