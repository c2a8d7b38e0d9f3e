"""Backends with the guide's signatures of `execute`, and two that are wrong: what the type checkers are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Dict, Optional, Tuple  # noqa: UP035  # As the guide spells it.

from rhosocial.activerecord.backend import ColumnTypes, DatabaseType, QueryResult, StorageBackend


class Listing(StorageBackend):
    def execute(
        self,
        sql: str,
        params: Optional[Tuple[Any, ...]] = None,  # noqa: UP006, UP045
        returning: bool = False,
        column_types: Optional[Dict[str, DatabaseType]] = None,  # noqa: UP006, UP045
    ) -> QueryResult:
        return QueryResult()


class Complete(StorageBackend):
    def execute(self, sql: str, params: Optional[Tuple[Any, ...]] = None, returning: bool = False) -> QueryResult:  # noqa: UP006, UP045
        return QueryResult()


class Short(StorageBackend):
    def execute(self, sql: str, params: Optional[Tuple[Any, ...]] = None) -> QueryResult:  # noqa: UP006, UP045
        return QueryResult()


class Ours(StorageBackend):
    def execute(
        self,
        sql: str,
        params: Sequence[Any] | None = None,
        returning: bool | None = None,
        column_types: ColumnTypes | None = None,
    ) -> QueryResult:
        return super().execute(sql, params, returning=returning, column_types=column_types)


class WrongText(StorageBackend):
    def execute(self, sql: int) -> QueryResult:  # error: mypy
        return QueryResult()


class WrongResult(StorageBackend):
    def execute(self, sql: str, params: Any = None) -> int:  # error
        return 0


def affected(backend: Ours | Listing) -> int:
    backend.execute(3)  # error
    return backend.execute("DELETE FROM t WHERE a = ?", (1,)).affected_rows
