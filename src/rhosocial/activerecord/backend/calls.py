"""The calls that every backend has on top of `execute`: on tables and rows, and blocks of statements."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, cast

from ..blocking import blocking
from .context import Contexts
from .dialect import Dialect
from .errors import QueryError, TransactionError, UnsupportedFeature
from .expression import Expression
from .gate import Gate
from .manager import BackendTransactions, TransactionManager
from .part import Part
from .transaction import Host, Transaction
from .typing import ColumnTypes, IsolationLevel, QueryResult

Params = Sequence[Any] | None


class Watcher(Protocol):
    """What wants to know of every statement: its SQL, the type names of its values, and the seconds it took."""

    def record(self, sql: str, param_types: tuple[str, ...], duration: float) -> None:
        """Take note of one statement."""


class Calls:
    """Statements built from names and values, and blocks of them.

    Names are quoted by the dialect, values are bound.
    """

    contexts: Contexts
    on_execute: list[Callable[[str, tuple[str, ...], float], Any]]
    _logger: logging.Logger

    @property
    def dialect(self) -> Dialect:
        """How the connected database spells SQL."""
        raise NotImplementedError

    async def aexecute(
        self, sql: str, params: Params = None, returning: bool | None = None, column_types: ColumnTypes | None = None
    ) -> QueryResult:
        """Run one statement."""
        raise NotImplementedError

    async def afetch_one(
        self, sql: str, params: Params = None, column_types: ColumnTypes | None = None
    ) -> dict[str, Any] | None:
        """The first row as a dict, or None where there is none."""
        data = (await self.aexecute(sql, params, True, column_types)).data
        return data[0] if data else None

    fetch_one = blocking(afetch_one)

    async def afetch_all(
        self, sql: str, params: Params = None, column_types: ColumnTypes | None = None
    ) -> list[dict[str, Any]]:
        """All rows as dicts."""
        return (await self.aexecute(sql, params, True, column_types)).data or []

    fetch_all = blocking(afetch_all)

    async def ainsert(
        self,
        table: str,
        data: Mapping[str, Any],
        returning: bool = False,
        column_types: ColumnTypes | None = None,
    ) -> QueryResult:
        """Insert one row: ``INSERT INTO "table" ("a", "b") VALUES (?, ?)``; `returning` adds RETURNING *."""
        if data:
            names = ", ".join(map(self.dialect.quote, data))
            sql = f"INSERT INTO {self._table(table)} ({names}) VALUES ({', '.join('?' * len(data))})"
        else:
            sql = f"INSERT INTO {self._table(table)} {self.dialect.default_row}"
        return await self._achange(sql, tuple(data.values()), returning, column_types)

    insert = blocking(ainsert)

    async def aupdate(
        self,
        table: str,
        data: Mapping[str, Any],
        where: str,
        params: Params = None,
        returning: bool = False,
        column_types: ColumnTypes | None = None,
    ) -> QueryResult:
        """Update the rows that `where` (SQL with `?`, bound to `params`) finds."""
        if not data:
            raise QueryError(f"update of {table!r} was given no columns to set")
        changes = ", ".join(f"{self.dialect.quote(name)} = ?" for name in data)
        sql = f"UPDATE {self._table(table)} SET {changes} WHERE {_condition(where)}"
        return await self._achange(sql, (*data.values(), *(params or ())), returning, column_types)

    update = blocking(aupdate)

    async def adelete(
        self,
        table: str,
        where: str,
        params: Params = None,
        returning: bool = False,
        column_types: ColumnTypes | None = None,
    ) -> QueryResult:
        """Delete the rows that `where` (SQL with `?`, bound to `params`) finds."""
        sql = f"DELETE FROM {self._table(table)} WHERE {_condition(where)}"
        return await self._achange(sql, tuple(params or ()), returning, column_types)

    delete = blocking(adelete)

    async def aexecute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> QueryResult:
        """Run one statement for each row of values, all in one transaction; `affected_rows` is their sum."""
        affected = 0
        async with self.together():
            for row in rows:
                affected += max((await self.aexecute(sql, row, False)).affected_rows, 0)
        return QueryResult(affected_rows=affected)

    execute_many = blocking(aexecute_many)

    def create_expression(self, expression: str) -> Expression:
        """SQL text that stands in a statement in place of the `?` it is given for.

        The text is sent as it is: it must never hold outside data.
        """
        return self.dialect.create_expression(expression)

    # Transactions

    def transaction(self, isolation_level: IsolationLevel | str | None = None, read_only: bool = False) -> Transaction:
        """A block for ``with`` or ``async with``: kept when left normally, undone when left by an error.

        ``as tx`` gives its handle.  A block inside a block is a savepoint.  A level that the engine does not have is an
        IsolationLevelError before anything is sent.
        """
        return Transaction(cast(Host, self), isolation_level, read_only)

    def together(self) -> Transaction | Part:
        """For ``async with``: what is kept as a whole or not at all, inside an open block as well.

        That is a block of its own; but inside a block that cannot nest it is a part of that one, which can only be
        rolled back once the part has failed.
        """
        block = self.current_transaction
        return self.transaction() if block is None or block.can_nest else Part(block)

    @property
    def current_transaction(self) -> Transaction | None:
        """The innermost open block of this thread or task, or None."""
        innermost: Transaction | None = self.contexts.current().transaction
        return innermost

    @property
    def in_transaction(self) -> bool:
        """Whether this thread or task is inside a block."""
        return self.contexts.current().transaction is not None

    @property
    def transaction_manager(self) -> TransactionManager:
        """The transactions of this thread or task under the names of `TransactionManager`."""
        return BackendTransactions(self)

    async def abegin_transaction(
        self, isolation_level: IsolationLevel | str | None = None, read_only: bool = False
    ) -> Transaction:
        """Enter a block by hand; inside another one it is a savepoint."""
        return await self.transaction(isolation_level, read_only).__aenter__()

    begin_transaction = blocking(abegin_transaction)

    async def acommit_transaction(self) -> None:
        """Keep the innermost block and leave it."""
        await self._open_block("commit").aleave()

    commit_transaction = blocking(acommit_transaction)

    async def arollback_transaction(self) -> None:
        """Undo the innermost block and leave it."""
        await self._open_block("roll back").aleave(commit=False)

    rollback_transaction = blocking(arollback_transaction)

    @contextmanager
    def adopt(self, transaction: Transaction) -> Iterator[Transaction]:
        """Let this thread or task take part in another's open block, one statement at a time."""
        state = transaction.entered_state()
        if state.shared is None:
            state.shared = Gate(1)
        with self.contexts.joined(state):
            yield transaction

    def _open_block(self, verb: str) -> Transaction:
        transaction: Transaction | None = self.contexts.current().transaction
        if transaction is None:
            raise TransactionError(f"there is no open transaction to {verb}")
        return transaction

    # Helpers

    async def _achange(
        self, sql: str, params: Sequence[Any], returning: bool, column_types: ColumnTypes | None
    ) -> QueryResult:
        if returning:
            if not self.dialect.supports_returning:
                raise UnsupportedFeature(f"{self.dialect.name} has no RETURNING: leave returning out")
            sql += " RETURNING *"
        return await self.aexecute(sql, params, returning, column_types)

    def _table(self, name: str) -> str:
        return ".".join(map(self.dialect.quote, name.split(".")))

    def report(self, sql: str, values: Sequence[Any], duration: float) -> None:
        """Tell the `on_execute` hooks and the log of one statement; `duration` is in seconds."""
        types = tuple([type(value).__name__ for value in values])
        self._logger.debug("%.1f ms  %s  %s", duration * 1000, sql, types)
        for hook in self.on_execute:
            hook(sql, types, duration)

    def set_logger(self, logger: logging.Logger | Watcher) -> None:
        """Log to `logger`: statements at DEBUG, with the types of their values and never the values.

        A `QueryLogger`, or anything with its `record`, keeps them in memory instead.
        """
        if isinstance(logger, logging.Logger):
            self._logger = logger
        else:
            self.on_execute.append(logger.record)

    def set_profiler(self, profiler: Watcher) -> None:
        """Have a `QueryProfiler`, or anything with its `record`, told of every statement."""
        self.on_execute.append(profiler.record)

    def enable_query_logging(self, level: int = logging.DEBUG) -> None:
        """Let this backend's logger pass statements, which are logged at DEBUG."""
        self._logger.setLevel(level)


def _condition(where: str) -> str:
    if not where or not where.strip():
        raise QueryError("an empty condition would change every row: write '1 = 1' if that is meant")
    return where
