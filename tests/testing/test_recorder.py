"""A backend without a database keeps what it is sent, and answers from a script."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from pydantic import AwareDatetime

from rhosocial.activerecord import ActiveRecord, Column, HasMany
from rhosocial.activerecord.backend import Dialect, QueryResult, StorageBackend, UniqueViolation
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend
from rhosocial.activerecord.testing import Recorder, Sent


class User(ActiveRecord):
    __table_name__ = "users"

    id: int
    name: Annotated[str, Column(name="full_name", unique=True)]
    born: AwareDatetime | None = None

    posts = HasMany["Post"](foreign_key="user_id")


class Post(ActiveRecord):
    __table_name__ = "posts"

    id: int
    user_id: int
    title: str = ""
    made: Annotated[str, Column(default_sql="'now'")]


@pytest.fixture
def recorder() -> Any:
    with Recorder(SQLiteBackend).serving(User, Post) as made:
        yield made
    made.close()


async def test_what_is_sent_is_kept_and_changes_are_told_that_they_went_well(recorder: Recorder) -> None:
    user = User(name="Ann")
    await user.asave()
    await user.aupdate(name="Bo")
    await user.adelete()

    assert [
        ('INSERT INTO "users" ("full_name", "born") VALUES (?, ?)', ("Ann", None)),
        ('UPDATE "users" SET "full_name" = ? WHERE "id" = ?', ("Bo", 1)),
        ('DELETE FROM "users" WHERE "id" = ?', (1,)),
    ] == recorder.statements
    assert Sent("", ()) == ("", ())


async def test_a_question_without_an_answer_finds_nothing(recorder: Recorder) -> None:
    assert None is await User.afind_one(1)
    assert [] == await User.query().where(User.c.name == "x").aall()
    assert ("x",) == recorder.statements[-1].params


async def test_records_answer_as_a_database_would(recorder: Recorder) -> None:
    born = datetime(1966, 3, 2, tzinfo=UTC)
    recorder.script([[User(id=1, name="Ann", born=born), User(id=2, name="Bo")], [Post(id=7, user_id=1, made="m")]])

    users = await User.query().with_("posts").aall()

    assert [("Ann", born, [7]), ("Bo", None, [])] == [(u.name, u.born, [p.id for p in u.posts]) for u in users]
    assert not users[0].is_dirty and 0 == recorder.unasked


async def test_rows_numbers_functions_and_errors_answer_too(recorder: Recorder) -> None:
    recorder.script(
        [
            [{"id": 1, "full_name": "Ann", "born": None}],
            [(2, "Bo", None)],
            3,
            lambda sent: [(len(sent.params),)],
            QueryResult(columns=["n"], rows=[(4,)]),
            UniqueViolation("taken", table="users", columns=("full_name",)),
        ]
    )

    assert "Ann" == (await User.afind_one_or_fail(1)).name
    assert "Bo" == (await User.afind_one_or_fail(2)).name
    assert 3 == await User.query().aupdate(name="x")
    assert 2 == await User.query().where("id > ? AND id < ?", (1, 2)).acount()
    assert 4 == await User.query().acount()
    with pytest.raises(UniqueViolation) as caught:
        await User(name="Ann").asave()
    assert ("name",) == caught.value.fields
    assert 0 == recorder.unasked


async def test_transactions_are_kept_and_take_no_answer(recorder: Recorder) -> None:
    recorder.script([5])
    with pytest.raises(ZeroDivisionError):
        async with User.transaction():
            assert 5 == await User.query().adelete()
            async with User.transaction():
                await User.query().adelete()
            raise ZeroDivisionError

    words = [statement.sql.split()[0] for statement in recorder.statements]
    assert ["BEGIN", "DELETE", "SAVEPOINT", "DELETE", "RELEASE", "ROLLBACK"] == words
    recorder.clear()
    assert [] == recorder.statements


async def test_keys_count_up_also_for_many(recorder: Recorder) -> None:
    first = await User.acreate(name="a")
    many = await User.abulk_create([User(name="b"), User(name="c")])

    assert [1, 2, 3] == [user.id for user in [first, *many]]
    with pytest.raises(AssertionError, match="script an answer"):
        await Post(user_id=1).asave()
    recorder.script([[(9, "then")]])
    post = await Post.acreate(user_id=1)
    assert (9, "then") == (post.id, post.made)


class Tick(Dialect):
    quote_open = quote_close = "`"
    paramstyle = "format"


@pytest.fixture
def backend() -> Any:
    made = SQLiteBackend(database=":memory:")
    yield made
    made.close()


class Ticked(StorageBackend):
    dialect_class = Tick


async def test_it_speaks_as_another_backend_does(backend: Any) -> None:
    spoken = {Ticked: "SELECT `id` FROM `users` LIMIT %s", backend: 'SELECT "id" FROM "users" LIMIT ?'}
    for like, text in spoken.items():
        recorder = Recorder(like)
        with recorder.serving(User):
            await User.query().select("id").limit(1).adicts()
        assert [(text, (1,))] == recorder.statements
        recorder.close()


def test_models_are_served_in_the_block_alone() -> None:
    with Recorder().serving(User) as outer:
        with Recorder().serving(User) as inner:
            User.find_one(1)
        assert [1, 0] == [len(inner.statements), len(outer.statements)]
        User.find_one(1)
        assert 1 == len(outer.statements)

    assert "__backend__" not in vars(User)
