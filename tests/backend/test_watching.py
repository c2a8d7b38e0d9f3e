"""Profilers and loggers are told of every statement, and never of a value."""

from __future__ import annotations

import contextlib
import logging

import pytest

from rhosocial.activerecord.backend import QueryError
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend
from rhosocial.activerecord.logger import QueryLogger
from rhosocial.activerecord.profiler import QueryProfiler


async def test_a_profiler_counts_and_times_statements_and_keeps_the_slow_ones() -> None:
    backend = SQLiteBackend(database=":memory:")
    profiler = QueryProfiler(slow_threshold=0, keep=2)
    backend.set_profiler(profiler)
    for number in range(3):
        await backend.aexecute("SELECT ?", (number,))

    summary = profiler.summary()

    assert (profiler.query_count, summary["query_count"], summary["slow_queries"]) == (3, 3, 2)
    assert 0 < summary["average_time"] < profiler.total_time < 10
    assert [slow.sql for slow in profiler.slow_queries] == ["SELECT ?", "SELECT ?"]
    profiler.reset()
    assert profiler.summary() == {"query_count": 0, "total_time": 0.0, "average_time": 0.0, "slow_queries": 0}
    await backend.aclose()


async def test_a_query_logger_keeps_statements_and_types_but_no_values() -> None:
    backend = SQLiteBackend(database=":memory:")
    logger = QueryLogger(keep=2)
    backend.set_logger(logger)
    await backend.aexecute("SELECT 1")
    await backend.aexecute("SELECT ?, ?", ("canary", None))
    with pytest.raises(QueryError):
        await backend.aexecute("SELEC 2")

    assert [(entry.sql, entry.params) for entry in logger.entries] == [
        ("SELECT ?, ?", ("str", "NoneType")),
        ("SELEC 2", ()),
    ]
    assert all(entry.duration > 0 for entry in logger.entries)
    assert "canary" not in repr(logger.entries)
    logger.clear()
    assert not logger.entries
    await backend.aclose()


async def test_statements_whose_rows_are_streamed_are_told_too_and_once() -> None:
    for depth in ("outside", "inside"):
        backend = SQLiteBackend(database=":memory:")
        logger = QueryLogger()
        backend.set_logger(logger)
        async with contextlib.nullcontext() if depth == "outside" else backend.transaction():
            stream = await backend.astream("SELECT 1 UNION SELECT ?", (2,), 1)
            assert [[(1,)], [(2,)], []] == [await stream.afetch() for _ in range(3)]
            with pytest.raises(QueryError):
                await backend.astream("SELEC 2")
            told = [(entry.sql, entry.params) for entry in logger.entries if entry.sql.startswith("SELEC")]
            assert [("SELECT 1 UNION SELECT ?", ("int",)), ("SELEC 2", ())] == told
        await backend.aclose()


async def test_statements_go_to_the_log_when_it_is_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    backend = SQLiteBackend(database=":memory:")
    own = logging.getLogger("a.logger.of.its.own")
    backend.set_logger(own)
    backend.enable_query_logging()
    await backend.aexecute("SELECT ?", ("canary",))
    await backend.aclose()

    messages = [record.getMessage() for record in caplog.records if record.name == own.name]
    assert len(messages) == 1
    assert "SELECT ?" in messages[0] and "canary" not in messages[0]
