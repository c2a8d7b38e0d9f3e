"""How many statements a block sends: what keeps loops over relations from reading row by row."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from ..backend import StorageBackend
from ..record import ActiveRecord
from .watched import backends_of

# Statements that begin and end transactions read and write nothing.
_CONTROL = frozenset({"BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "END", "SET"})


class assert_queries:
    """A block, for ``with`` or ``async with``, that must send exactly `count` statements, or AssertionError lists them.

    Counted are the statements of the backends that are given, or of the models' that are given, or of all models'; not
    those that begin or end a transaction.  ``with assert_queries(2) as sent:`` gives the list of their texts.
    """

    def __init__(self, count: int, *where: StorageBackend | type[ActiveRecord]) -> None:
        self._count = count
        self._where = where
        self._sent: list[str] = []
        self._watched: list[StorageBackend] = []

    def __enter__(self) -> list[str]:
        self._watched = backends_of(self._where)
        for backend in self._watched:
            backend.on_execute.append(self._note)
        return self._sent

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: TracebackType | None) -> None:
        for backend in self._watched:
            backend.on_execute.remove(self._note)
        if kind is None and len(self._sent) != self._count:
            listed = "".join(f"\n  {sql}" for sql in self._sent)
            raise AssertionError(f"expected {self._count} statements, but {len(self._sent)} were sent{listed}")

    async def __aenter__(self) -> list[str]:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _note(self, sql: str, types: tuple[str, ...], duration: float) -> None:
        if not is_control(sql):
            self._sent.append(sql)


def is_control(sql: str) -> bool:
    """Whether a statement begins or ends a transaction, or a part of one."""
    return sql.split(None, 1)[0].upper() in _CONTROL
