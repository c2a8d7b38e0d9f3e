"""A backend without a database: it keeps what it is sent, and answers from a script."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..backend import QueryResult, StorageBackend
from ..plan import plan_for
from ..record import ActiveRecord
from .queries import is_control

_ROW = re.compile(r"[(,]\s*\((?=[?%$:])|VALUES\s*\(", re.IGNORECASE)
_RETURNING = re.compile(r"\sRETURNING\s+(?P<columns>.+)\Z", re.IGNORECASE | re.DOTALL)


class Sent(NamedTuple):
    """One statement as the driver would have been given it: its text and the values that are bound."""

    sql: str
    params: tuple[Any, ...]


class Recorder(StorageBackend):
    """A backend that needs no database: for tests of the SQL that a program sends.

    ``Recorder(SQLiteBackend)`` speaks as that backend does; without one, standard SQL.  `statements` are those that
    were sent, transactions' BEGIN and COMMIT among them.  Each of the others takes the next answer of the `script`;
    where there is none left, a question finds nothing, and a change is told that it changed one row, an INSERT with
    keys that count up.
    """

    def __init__(self, like: type[StorageBackend] | StorageBackend | None = None, **fields: Any) -> None:
        """`fields` are settings, ``timezone="UTC"`` for instance; beside a backend that is there its own hold."""
        spoken: Any = like or StorageBackend
        is_class = isinstance(spoken, type)
        super().__init__(spoken.config_class(**fields) if is_class else spoken.config)
        self._dialect = spoken.dialect_class() if is_class else spoken.dialect
        self._type_mapper = spoken.type_mapper_class() if is_class else spoken.type_mapper
        self._value_mapper = spoken.value_mapper_class(self.config) if is_class else spoken.value_mapper
        self.statements: list[Sent] = []
        self._answers: deque[Any] = deque()
        self._last_key = 0

    def script(self, answers: Iterable[Any]) -> None:
        """Answer the next statements so, in this order, after what was scripted before.

        An answer is a list of records or of rows (dicts by column name, or tuples), a number of changed rows, an
        exception to raise, a `QueryResult`, or a function of the `Sent` statement that gives one of these.
        """
        self._answers.extend(answers)

    @property
    def unasked(self) -> int:
        """How many answers of the script nobody has asked for so far."""
        return len(self._answers)

    def clear(self) -> None:
        """Forget the statements and the rest of the script."""
        self.statements.clear()
        self._answers.clear()

    @contextmanager
    def serving(self, *models: type[ActiveRecord]) -> Iterator[Recorder]:
        """A block in which these models, and their subclasses without a backend of their own, are stored here."""
        before = [(model, vars(model).get("__backend__", self)) for model in models]
        for model in models:
            model.__backend__ = self
        try:
            yield self
        finally:
            for model, backend in before:
                if backend is self:
                    del model.__backend__
                else:
                    model.__backend__ = backend
            self._leases.close_idle()  # So that nobody has to close what holds nothing.

    # Hooks

    def _open(self) -> Any:
        return object()

    def _close(self, connection: Any) -> None:
        pass

    def _perform(self, connection: Any, sql: str, params: Sequence[Any]) -> QueryResult:
        sent = Sent(sql, tuple(params))
        self.statements.append(sent)
        if is_control(sql):
            return QueryResult()
        answer = self._answers.popleft() if self._answers else self._default(sql)
        if isinstance(answer, Callable) and not isinstance(answer, BaseException):  # type: ignore[arg-type]  # mypy does not know it for a class.
            answer = answer(sent)
        if isinstance(answer, BaseException):
            raise answer
        return self._result(answer)

    def _result(self, answer: Any) -> QueryResult:
        if isinstance(answer, QueryResult):
            return answer
        if isinstance(answer, int):
            return QueryResult(affected_rows=answer)
        rows = [self._row(item) for item in answer]
        if rows and isinstance(rows[0], dict):
            return QueryResult(rows, len(rows))
        names = [f"column{place}" for place in range(len(rows[0]))] if rows else []
        return QueryResult(affected_rows=len(rows), columns=names, rows=rows)

    def _row(self, item: Any) -> Any:
        if not isinstance(item, ActiveRecord):
            return item
        plan = plan_for(type(item).__table__, self)
        values: tuple[Any, ...] = plan.dump_of(plan.fields)(vars(item))
        return dict(zip(plan.names, values, strict=True))

    def _default(self, sql: str) -> Any:
        verb = sql.split(None, 1)[0].upper()
        if verb != "INSERT":
            return 1 if verb in ("UPDATE", "DELETE") else []
        returning = _RETURNING.search(sql)
        count = max(1, len(_ROW.findall(sql)))
        first = self._last_key + 1
        self._last_key += count
        if returning is None:
            return QueryResult(affected_rows=count, last_insert_id=self._last_key)
        columns = returning["columns"].split(",")
        if len(columns) > 1:
            raise AssertionError(f"script an answer to what the database is to give back: {sql}")
        rows = [(key,) for key in range(first, self._last_key + 1)]
        return QueryResult(affected_rows=count, columns=[columns[0].strip().strip('"`')], rows=rows)
