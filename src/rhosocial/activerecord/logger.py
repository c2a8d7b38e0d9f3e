"""A record of the statements that a backend ran, for looking at in tests and consoles."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueryLogEntry:
    """One statement: `params` are the type names of its bound values, never the values; `duration` is in seconds."""

    sql: str
    params: tuple[str, ...]
    duration: float


class QueryLogger:
    """Keeps the last statements in `entries`: ``backend.set_logger(QueryLogger())``."""

    def __init__(self, keep: int = 1000) -> None:
        self.entries: deque[QueryLogEntry] = deque(maxlen=keep)

    def record(self, sql: str, param_types: tuple[str, ...], duration: float) -> None:
        """Take note of one statement; backends call this after each."""
        self.entries.append(QueryLogEntry(sql, param_types, duration))

    def clear(self) -> None:
        """Forget all entries."""
        self.entries.clear()
