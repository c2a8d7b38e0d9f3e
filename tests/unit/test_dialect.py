"""How databases spell what they spell differently."""

from __future__ import annotations

from typing import Any

import pytest

from rhosocial.activerecord.backend import Dialect, Expression, IsolationLevel, QueryError, SQLWriter
from rhosocial.activerecord.backend.errors import IsolationLevelError
from rhosocial.activerecord.backend.expression import ColumnRef, Raw, Value
from rhosocial.activerecord.backend.impl.sqlite.dialect import SQLiteDialect
from rhosocial.activerecord.backend.statement import Select, TableName

standard, sqlite = Dialect(), SQLiteDialect()
u = ColumnRef("u", "id")
users = Select((u,), TableName("u"))


class Backticks(Dialect):
    quote_open = quote_close = "`"


class Brackets(Dialect):
    quote_open, quote_close = "[", "]"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("name", '"name"'),
        ("select", '"select"'),
        ("a b", '"a b"'),
        ('a"b', '"a""b"'),
        ('"', '""""'),
        ("a.b", '"a.b"'),
        ("100%", '"100%"'),
        ("a`b]", '"a`b]"'),
        ("x; DROP TABLE y", '"x; DROP TABLE y"'),
        ("🐍", '"🐍"'),
    ],
)
def test_names_are_quoted_whatever_they_hold(name: str, expected: str) -> None:
    assert expected == standard.quote(name)


def test_quotes_are_the_dialects() -> None:
    assert '`a``b"`' == Backticks().quote('a`b"')
    assert "[a]]b[]" == Brackets().quote("a]b[")
    assert "SELECT `id` FROM `u`" == Backticks().compile(users)[0]


@pytest.mark.parametrize("name", ["", "\0", "a\0b"])
def test_what_no_quote_can_make_a_name_is_refused(name: str) -> None:
    with pytest.raises(QueryError, match="cannot be a name in SQL"):
        standard.quote(name)


@pytest.mark.parametrize(
    ("limit", "offset", "expected", "on_sqlite"),
    [
        (None, None, "", ""),
        (2, None, " LIMIT ?", " LIMIT ?"),
        (2, 3, " LIMIT ? OFFSET ?", " LIMIT ? OFFSET ?"),
        (None, 3, " OFFSET ?", " LIMIT ? OFFSET ?"),
        (0, 0, " LIMIT ? OFFSET ?", " LIMIT ? OFFSET ?"),
    ],
)
def test_limit_and_offset(limit: int | None, offset: int | None, expected: str, on_sqlite: str) -> None:
    select = users.replace(limit=limit, offset=offset)

    assert ('SELECT "id" FROM "u"' + expected, tuple(n for n in (limit, offset) if n is not None)) == standard.compile(
        select
    )
    text, values = sqlite.compile(select)
    assert 'SELECT "id" FROM "u"' + on_sqlite == text
    assert (-1, 3) == values if (limit, offset) == (None, 3) else values == standard.compile(select)[1]


def test_how_a_query_is_explained() -> None:
    assert "EXPLAIN SELECT 1" == standard.explain("SELECT 1")
    assert "EXPLAIN QUERY PLAN SELECT 1" == sqlite.explain("SELECT 1")


@pytest.mark.parametrize(
    ("level", "read_only", "expected"),
    [
        (None, False, ["START TRANSACTION"]),
        (None, True, ["START TRANSACTION READ ONLY"]),
        (IsolationLevel.SERIALIZABLE, False, ["START TRANSACTION ISOLATION LEVEL SERIALIZABLE"]),
        (IsolationLevel.READ_COMMITTED, True, ["START TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY"]),
    ],
)
def test_how_standard_transactions_begin(level: IsolationLevel | None, read_only: bool, expected: list[str]) -> None:
    assert expected == standard.begin_statements(level, read_only)
    assert [] == standard.end_statements(level, read_only)


@pytest.mark.parametrize(
    ("level", "read_only", "begin", "end"),
    [
        (None, False, ["BEGIN IMMEDIATE"], []),
        (IsolationLevel.SERIALIZABLE, False, ["BEGIN IMMEDIATE"], []),
        (None, True, ["PRAGMA query_only = 1", "BEGIN DEFERRED"], ["PRAGMA query_only = 0"]),
        (
            IsolationLevel.READ_UNCOMMITTED, False,
            ["PRAGMA read_uncommitted = 1", "BEGIN DEFERRED"], ["PRAGMA read_uncommitted = 0"],
        ),
    ],
)  # fmt: skip
def test_how_sqlites_transactions_begin(level: IsolationLevel | None, read_only: bool, begin: Any, end: Any) -> None:
    assert begin == sqlite.begin_statements(level, read_only)
    assert end == sqlite.end_statements(level, read_only)


@pytest.mark.parametrize("level", [IsolationLevel.READ_COMMITTED, IsolationLevel.REPEATABLE_READ])
def test_a_level_that_sqlite_does_not_have_is_refused(level: IsolationLevel) -> None:
    with pytest.raises(
        IsolationLevelError, match=rf"SQLite has no isolation level {level.name}; it has READ_UNCOMMITTED, SER"
    ):
        sqlite.begin_statements(level, False)


def test_savepoints_are_quoted() -> None:
    assert ['SAVEPOINT "a""b"', 'RELEASE SAVEPOINT "a""b"', 'ROLLBACK TO SAVEPOINT "a""b"'] == [
        standard.savepoint('a"b'), standard.release_savepoint('a"b'), standard.rollback_savepoint('a"b')
    ]  # fmt: skip


def test_values_are_dumped_once_each_with_their_column_and_none_is_not() -> None:
    dumped: list[Any] = []

    def dump(value: Any, column: Any) -> str:
        dumped.append((value, column))
        return f"<{value}>"

    node = Raw("a = ? AND b = ? AND c = ?", (1, None, Value("x")))
    assert ("a = ? AND b = ? AND c = ?", ("<1>", None, "<x>")) == standard.compile(node, dump)
    assert [(1, None), ("x", None)] == dumped


def test_conditions_that_are_nested_too_deeply_are_refused() -> None:
    node: Any = u == 1
    for _ in range(2000):
        node = ~node

    with pytest.raises(QueryError, match="nested too deeply"):
        standard.compile(node)


def test_the_guides_names() -> None:
    assert "?" == standard.get_placeholder()
    assert "NOW()" == standard.format_expression(standard.create_expression("NOW()"))
    assert isinstance(standard.create_expression("NOW()"), Expression)


def test_a_subclass_may_change_the_order_of_clauses_and_one_of_them() -> None:
    class Top(Dialect):
        select_clauses = ("columns", "source", "where")

        def write_select_columns(self, out: SQLWriter, select: Select) -> None:
            out.sql(f"SELECT TOP {select.limit} ")
            out.nodes(select.columns)

    assert ('SELECT TOP 3 "id" FROM "u" WHERE "id" > ?', (1,)) == Top().compile(users.replace(limit=3, where=u > 1))
