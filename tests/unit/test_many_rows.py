"""The SQL of upserts and of updates of differing rows, in each form."""

from __future__ import annotations

from typing import Any

import pytest

from rhosocial.activerecord.backend import Dialect, UnsupportedFeature
from rhosocial.activerecord.backend.column_type import column_type
from rhosocial.activerecord.backend.expression import ColumnRef, Raw, Value
from rhosocial.activerecord.backend.statement import Conflict, Proposed, TableName, UpdateMany


class Conflicts(Dialect):
    upsert_form = "on_conflict"
    update_many_form = "from_values"


class Typed(Conflicts):
    types_values = True
    names_values = False


class Duplicates(Dialect):
    upsert_form = "on_duplicate_key"
    quote_open = quote_close = "`"


users = TableName("users")
HITS = (("hits", ColumnRef("users", "hits") + Proposed("hits")), ("name", Value("x")))
INT, STR = column_type(int), column_type(str)


def sql(node: Any, dialect: type[Dialect]) -> tuple[Any, ...]:
    text, params = dialect().compile(node)
    return (text, *params)


@pytest.mark.parametrize(
    ("conflict", "expected", "duplicate"),
    [
        (
            Conflict(users, ["id"], HITS),
            ' ON CONFLICT ("id") DO UPDATE SET "hits" = "users"."hits" + EXCLUDED."hits", "name" = ?',
            " ON DUPLICATE KEY UPDATE `hits` = `users`.`hits` + VALUES(`hits`), `name` = ?",
        ),
        (
            Conflict(users, ["a", "b"]),
            ' ON CONFLICT ("a", "b") DO NOTHING',
            " ON DUPLICATE KEY UPDATE `a` = `users`.`a`",
        ),
        (
            Conflict(users, ["id"], HITS, ColumnRef("users", "hits") < 5, "gone = 0"),
            ' ON CONFLICT ("id") WHERE gone = 0 DO UPDATE SET "hits" = "users"."hits" + EXCLUDED."hits", "name" = ?'
            ' WHERE "users"."hits" < ?',
            None,
        ),
        (
            Conflict(TableName("users", schema="app"), ["id"], HITS[:1]),
            ' ON CONFLICT ("id") DO UPDATE SET "hits" = "users"."hits" + EXCLUDED."hits"',
            " ON DUPLICATE KEY UPDATE `hits` = `users`.`hits` + VALUES(`hits`)",
        ),
    ],
)
def test_conflicts(conflict: Conflict, expected: str, duplicate: str | None) -> None:
    assert expected == sql(conflict, Conflicts)[0]
    if duplicate is not None:
        assert duplicate == sql(conflict, Duplicates)[0]


def test_what_a_database_cannot_do_is_refused() -> None:
    for dialect, conflict, complaint in (
        (Dialect, Conflict(users, ["id"]), "sql has no upsert"),
        (Duplicates, Conflict(users, ["id"], HITS, Raw("1 = 1")), "sql has no condition of an upsert"),
        (Duplicates, Conflict(users, ["id"], HITS, None, "gone = 0"), "sql has no partial unique indexes"),
    ):
        with pytest.raises(UnsupportedFeature, match=complaint):
            sql(conflict, dialect)


def test_differing_rows() -> None:
    one = UpdateMany(users, [("id", INT)], [("name", STR), ("age", INT)], [("a", 5, 1), ("b", 6, 2)])
    two = UpdateMany(users, [("a", INT), ("b", INT)], [("n", INT)], [(7, 1, 2)], [("v", ColumnRef("users", "v") + 1)])

    assert sql(one, Conflicts) == (
        'UPDATE "users" SET "name" = "_given".column1, "age" = "_given".column2'
        ' FROM (VALUES (?, ?, ?), (?, ?, ?)) AS "_given" (column1, column2, column3)'
        ' WHERE "users"."id" = "_given".column3',
        *("a", 5, 1, "b", 6, 2),
    )
    assert sql(two, Conflicts) == (
        'UPDATE "users" SET "n" = "_given".column1, "v" = "users"."v" + ?'
        ' FROM (VALUES (?, ?, ?)) AS "_given" (column1, column2, column3)'
        ' WHERE "users"."a" = "_given".column2 AND "users"."b" = "_given".column3',
        *(1, 7, 1, 2),
    )
    cast = "(VALUES (CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT)), (?, ?, ?))"
    assert f'{cast} AS "_given" WHERE' in sql(one, Typed)[0]
    assert sql(one, Dialect) == (
        'UPDATE "users" SET "name" = CASE WHEN "id" = ? THEN ? WHEN "id" = ? THEN ? END,'
        ' "age" = CASE WHEN "id" = ? THEN ? WHEN "id" = ? THEN ? END WHERE "id" IN (?, ?)',
        *(1, "a", 2, "b", 1, 5, 2, 6, 1, 2),
    )
    assert sql(two, Dialect) == (
        'UPDATE "users" SET "n" = CASE WHEN "a" = ? AND "b" = ? THEN ? END, "v" = "users"."v" + ?'
        ' WHERE ("a" = ? AND "b" = ?)',
        *(1, 2, 7, 1, 1, 2),
    )
