"""What a question gives: a table that can be compared, and what is shown beside it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rhosocial.activerecord import Query
from rhosocial.activerecord.backend import StorageBackend

from .models import Models


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows under the names of their columns.

    `sql` are the statements that were asked, `notes` what an engine says in words of its own; neither takes part in a
    comparison, since engines spell both as they like.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    sql: list[str] = field(default_factory=list, compare=False)
    notes: list[str] = field(default_factory=list, compare=False)


Question = Callable[[Models], Coroutine[Any, Any, Answer]]


def spelled(query: Query[Any]) -> str:
    """The SQL of a query, its values behind it."""
    sql, values = query.to_sql()
    return sql if not values else f"{sql}  -- {', '.join(map(repr, values))}"


@contextmanager
def watched(backend: StorageBackend) -> Iterator[list[str]]:
    """A list that takes the text of every statement that is sent inside the block."""
    sent: list[str] = []

    def note(sql: str, types: tuple[str, ...], seconds: float) -> None:
        sent.append(sql)

    backend.on_execute.append(note)
    try:
        yield sent
    finally:
        backend.on_execute.remove(note)
