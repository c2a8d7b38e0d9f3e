"""How many statements a backend ran, how long they took, and which were slow."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SlowQuery:
    """A statement that took longer than the profiler's threshold; `duration` is in seconds."""

    sql: str
    duration: float


class QueryProfiler:
    """Counts and times statements: ``backend.set_profiler(QueryProfiler())``.

    Statements that take longer than `slow_threshold` seconds are kept in `slow_queries`, the newest `keep` of them.
    May be shared by several backends and threads.
    """

    def __init__(self, slow_threshold: float = 0.1, keep: int = 100) -> None:
        self.slow_threshold = slow_threshold
        self.query_count = 0
        self.total_time = 0.0
        self.slow_queries: list[SlowQuery] = []
        self._keep = keep
        self._lock = threading.Lock()

    def record(self, sql: str, param_types: tuple[str, ...], duration: float) -> None:
        """Take note of one statement; backends call this after each."""
        with self._lock:
            self.query_count += 1
            self.total_time += duration
            if duration > self.slow_threshold:
                self.slow_queries = [*self.slow_queries, SlowQuery(sql, duration)][-self._keep :]

    def summary(self) -> dict[str, Any]:
        """`query_count`, `total_time` and `average_time` in seconds, and the number of slow queries."""
        with self._lock:
            return {
                "query_count": self.query_count,
                "total_time": self.total_time,
                "average_time": self.total_time / self.query_count if self.query_count else 0.0,
                "slow_queries": len(self.slow_queries),
            }

    def reset(self) -> None:
        """Begin again at zero."""
        with self._lock:
            self.query_count, self.total_time, self.slow_queries = 0, 0.0, []
