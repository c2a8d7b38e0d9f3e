"""The text of whole statements, clause by clause."""

from __future__ import annotations

from typing import Any

import pytest

from rhosocial.activerecord.backend import ColumnNotFound, Dialect, UnsupportedFeature
from rhosocial.activerecord.backend import functions as F
from rhosocial.activerecord.backend.expression import Aliased, ColumnRef, Expression, Raw, Value
from rhosocial.activerecord.backend.impl.sqlite.dialect import SQLiteDialect
from rhosocial.activerecord.backend.schema import Check, ColumnDefinition, ForeignKey, Index, PrimaryKey, Unique
from rhosocial.activerecord.backend.statement import (
    CreateIndex,
    CreateTable,
    Delete,
    DropTable,
    Insert,
    Join,
    Lock,
    Select,
    TableName,
    Update,
    and_,
)
from rhosocial.activerecord.backend.subquery import Exists, Subquery

standard, sqlite = Dialect(), SQLiteDialect()
users, posts = TableName("users"), TableName("posts")
uid, name, age = (ColumnRef("users", column) for column in ("id", "name", "age"))
pid, author = ColumnRef("posts", "id"), ColumnRef("posts", "author_id")


def sql(statement: Any, dialect: Dialect = standard) -> Any:
    text, values = dialect.compile(statement)
    return (text, *values) if values else text


class Asked:
    """A query, as the layers above make them."""

    def __init__(self, select: Select) -> None:
        self.select = select

    def as_subquery(self) -> Subquery:
        return Subquery(self.select)


ALL = Select((uid, name), users)


@pytest.mark.parametrize(
    ("clauses", "expected"),
    [
        ({}, 'SELECT "id", "name" FROM "users"'),
        ({"distinct": True}, 'SELECT DISTINCT "id", "name" FROM "users"'),
        ({"where": age > 18}, ('SELECT "id", "name" FROM "users" WHERE "age" > ?', 18)),
        ({"where": Raw("a OR b")}, 'SELECT "id", "name" FROM "users" WHERE a OR b'),
        ({"group_by": (name, age)}, 'SELECT "id", "name" FROM "users" GROUP BY "name", "age"'),
        ({"having": F.count() > 1}, ('SELECT "id", "name" FROM "users" HAVING COUNT(*) > ?', 1)),
        ({"order_by": (age.desc(), name.asc())}, 'SELECT "id", "name" FROM "users" ORDER BY "age" DESC, "name" ASC'),
        ({"limit": 1, "offset": 2}, ('SELECT "id", "name" FROM "users" LIMIT ? OFFSET ?', 1, 2)),
        ({"source": TableName("users", schema="app")}, 'SELECT "id", "name" FROM "app"."users"'),
        (
            {"source": TableName("users", alias="u"), "columns": (ColumnRef("u", "id"),)},
            'SELECT "id" FROM "users" AS "u"',
        ),
        ({"columns": (F.count().as_("n"),)}, 'SELECT COUNT(*) AS "n" FROM "users"'),
    ],
)
def test_a_clause(clauses: Any, expected: Any) -> None:
    assert expected == sql(ALL.replace(**clauses))


def test_all_clauses_stand_in_their_order() -> None:
    select = ALL.replace(
        lock=Lock("UPDATE"), offset=5, limit=4, order_by=(name.asc(),), having=F.count() > 3, group_by=(name,),
        where=age > 2, joins=(Join("JOIN", posts, author == 1),), distinct=True,
    )  # fmt: skip

    assert (
        'SELECT DISTINCT "users"."id", "users"."name" FROM "users" JOIN "posts" ON "posts"."author_id" = ? '
        'WHERE "users"."age" > ? GROUP BY "users"."name" HAVING COUNT(*) > ? ORDER BY "users"."name" ASC '
        "LIMIT ? OFFSET ? FOR UPDATE",
        1, 2, 3, 4, 5,
    ) == sql(select, Locking())  # fmt: skip


class Locking(Dialect):
    """A database with everything that the standard leaves to it."""

    name = "Locking"
    supports_row_locks = supports_index_hints = supports_distinct_on = supports_materialized_cte = True


def test_joins_make_columns_carry_their_table() -> None:
    on = author == uid

    assert (
        'SELECT "users"."id", "users"."name" FROM "users" LEFT JOIN "posts" ON "posts"."author_id" = "users"."id"'
    ) == sql(ALL.replace(joins=(Join("LEFT JOIN", posts, on),)))
    assert 'SELECT "users"."id", "users"."name" FROM "users" CROSS JOIN "posts"' == sql(
        ALL.replace(joins=(Join("CROSS JOIN", posts),))
    )
    assert 'SELECT "users"."id", "users"."name" FROM "users" NATURAL JOIN x' == sql(
        ALL.replace(joins=(Join("", Expression("NATURAL JOIN x")),))
    )


def test_columns_inside_a_subquery_carry_their_table_and_those_outside_do_not() -> None:
    theirs = Asked(Select((pid,), posts).replace(where=and_(author == uid, pid > 3)))
    inner = 'SELECT "posts"."id" FROM "posts" WHERE "posts"."author_id" = "users"."id" AND "posts"."id" > ?'

    assert (f'SELECT "id", "name" FROM "users" WHERE "age" > ? AND EXISTS ({inner}) AND "name" = ?', 2, 3, "x") == sql(
        ALL.replace(where=and_(age > 2, Exists(theirs), name == "x"))
    )
    assert (f'SELECT ({inner}) AS "n", "id" FROM "users"', 3) == sql(
        ALL.replace(columns=(theirs.as_subquery().as_("n"), uid))
    )
    assert (f'SELECT COUNT(*) FROM ({inner}) AS "counted"', 3) == sql(
        Select((F.count(),), Aliased(theirs.as_subquery(), "counted"))
    )
    assert (f'DELETE FROM "users" WHERE "id" IN ({inner})', 3) == sql(Delete(users, uid.in_(theirs)))


@pytest.mark.parametrize(
    "statement",
    [
        ALL.replace(where=pid == 1),
        ALL.replace(columns=(pid,)),
        ALL.replace(order_by=(pid.asc(),)),
        Delete(users, pid == 1),
    ],
)
def test_a_column_of_a_table_that_is_not_there_is_not_taken_for_one_of_another(statement: Any) -> None:
    with pytest.raises(ColumnNotFound, match=r"posts\.id is no column of users: join posts first"):
        sql(statement)


def test_a_copy_with_other_clauses_leaves_the_first_as_it_was() -> None:
    changed = ALL.replace(where=age > 1, limit=1)

    assert 'SELECT "id", "name" FROM "users"' == sql(ALL)
    assert ('SELECT "id", "name" FROM "users" WHERE "age" > ? LIMIT ?', 1, 1) == sql(changed)
    assert ('SELECT "id", "name" FROM "users" WHERE "age" > ?', 1) == sql(changed.replace(limit=None))
    with pytest.raises(AttributeError):
        ALL.replace(wher=1)


def test_and_leaves_out_what_is_none() -> None:
    assert None is and_() is and_(None, None)
    assert "a" == sql(and_(None, Raw("a"), None))
    assert "(a) AND (b)" == sql(and_(Raw("a"), None, Raw("b")))


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (Insert(users, ("name", "age"), [(Value("x"), Value(1))]),
        ('INSERT INTO "users" ("name", "age") VALUES (?, ?)', "x", 1)),
        (
            Insert(users, ("name",), [(Value("x"),), (Expression("DEFAULT"),)], (uid, age)),
            ('INSERT INTO "users" ("name") VALUES (?), (DEFAULT) RETURNING "id", "age"', "x"),
        ),
        (Insert(users, (), []), 'INSERT INTO "users" DEFAULT VALUES'),
        (Insert(users, (), [], (uid,)), 'INSERT INTO "users" DEFAULT VALUES RETURNING "id"'),
        (Update(users, [("name", Value("x"))]), ('UPDATE "users" SET "name" = ?', "x")),
        (
            Update(users, [("age", age + 1), ("name", Value(None))], uid == 5, (age,)),
            ('UPDATE "users" SET "age" = "age" + ?, "name" = ? WHERE "id" = ? RETURNING "age"', 1, None, 5),
        ),
        (Delete(users), 'DELETE FROM "users"'),
        (Delete(users, uid == 5, (name,)), ('DELETE FROM "users" WHERE "id" = ? RETURNING "name"', 5)),
        (DropTable(users), 'DROP TABLE "users"'),
        (DropTable(TableName("users", schema="app"), if_exists=True), 'DROP TABLE IF EXISTS "app"."users"'),
        (CreateIndex(users, Index("name"), "ix"), 'CREATE INDEX "ix" ON "users" ("name")'),
        (
            CreateIndex(users, Index("name", "age", unique=True), 'i"x', if_not_exists=True),
            'CREATE UNIQUE INDEX IF NOT EXISTS "i""x" ON "users" ("name", "age")',
        ),
    ],
)  # fmt: skip
def test_other_statements(statement: Any, expected: Any) -> None:
    assert expected == sql(statement)


def test_a_partial_index_where_there_are_such() -> None:
    partial = CreateIndex(users, Index("name", where="age > 1"), "ix")

    assert sql(partial, SQLiteDialect()) == 'CREATE INDEX "ix" ON "users" ("name") WHERE age > 1'
    with pytest.raises(UnsupportedFeature, match="partial indexes"):
        sql(partial)


def column(name: str, type: str = "TEXT", **more: Any) -> ColumnDefinition:
    given = {"nullable": True, "auto_key": False, "unique": False} | more
    return ColumnDefinition(name=name, type=type, **given)


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (column("a"), '"a" TEXT'),
        (column("a", nullable=False), '"a" TEXT NOT NULL'),
        (column("a", unique=True, nullable=False), '"a" TEXT NOT NULL UNIQUE'),
        (column("a", default_sql="now()"), '"a" TEXT DEFAULT (now())'),
        (column("a", generated_sql="b + 1"), '"a" TEXT GENERATED ALWAYS AS (b + 1) STORED'),
        (column("a", collation="NOCASE"), '"a" TEXT COLLATE "NOCASE"'),
        (column("a", "BIGINT", auto_key=True), '"a" BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY'),
    ],
)
def test_a_column(definition: ColumnDefinition, expected: str) -> None:
    assert f'CREATE TABLE "t" (\n  {expected}\n)' == sql(CreateTable(TableName("t"), [definition]))


def test_sqlites_keys_are_not_handed_out_again() -> None:
    create = CreateTable(TableName("t"), [column("id", "INTEGER", auto_key=True)], if_not_exists=True)

    assert 'CREATE TABLE IF NOT EXISTS "t" (\n  "id" INTEGER PRIMARY KEY AUTOINCREMENT\n)' == sql(create, sqlite)


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        (PrimaryKey("a", "b"), 'PRIMARY KEY ("a", "b")'),
        (Unique("a", 'b"c'), 'UNIQUE ("a", "b""c")'),
        (Unique("a", name="u"), 'CONSTRAINT "u" UNIQUE ("a")'),
        (Check("a > 1", name="positive"), 'CONSTRAINT "positive" CHECK (a > 1)'),
        (ForeignKey("a", references="b.id"), 'FOREIGN KEY ("a") REFERENCES "b" ("id")'),
        (
            ForeignKey("a", references="b.id", on_delete="set null", on_update="CASCADE"),
            'FOREIGN KEY ("a") REFERENCES "b" ("id") ON DELETE SET NULL ON UPDATE CASCADE',
        ),
    ],
)
def test_a_constraint(constraint: Any, expected: str) -> None:
    create = CreateTable(TableName("t"), [column("a")], [constraint])

    assert f'CREATE TABLE "t" (\n  "a" TEXT,\n  {expected}\n)' == sql(create)
