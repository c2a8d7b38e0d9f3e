"""A rollback puts records back, level by level; a commit of unknown outcome makes them doubtful."""

from __future__ import annotations

import copy
import gc
import pickle
import sqlite3
from collections.abc import Iterator
from typing import Annotated, Any

import pytest

from rhosocial.activerecord import AUTO, ActiveRecord, Column, ModelEvent
from rhosocial.activerecord.backend import (
    CommitOutcomeUnknown,
    ErrorRule,
    IntegrityError,
    RecordNotFound,
    StaleRecord,
    TransactionError,
    UniqueViolation,
)
from rhosocial.activerecord.backend import ConnectionError as LostConnection
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend


class User(ActiveRecord):
    __table_name__ = "users"
    id: int = AUTO
    name: Annotated[str, Column(unique=True)]
    age: int = 0


class Made(ActiveRecord):
    __table_name__ = "made"
    id: int
    stamp: Annotated[str, Column(default_sql="'now'")]


class Undo(Exception):
    """Leaves a block."""


def state(user: User) -> tuple[Any, ...]:
    return user.id, user.is_new_record, user.dirty_fields


async def test_a_rolled_back_insert_makes_the_record_new_again(home: Any) -> None:
    home(User)
    user = User(name="Ann")
    with pytest.raises(Undo) as caught:
        async with User.transaction():
            await user.asave()
            assert state(user) == (1, False, set())
            raise Undo
    assert type(caught.value) is Undo

    assert state(user) == (None, True, set())
    assert await user.asave() == 1
    assert await User.afind_all() == [user]


async def test_a_rolled_back_update_is_dirty_again(home: Any, sent: list[str]) -> None:
    home(User)
    user = await User.acreate(name="Ann")
    with pytest.raises(Undo):
        async with User.transaction():
            user.age = 1
            await user.asave()
            user.age = 2
            await user.asave()
            raise Undo

    assert (user.age, user.get_old_attribute("age")) == (2, 0)
    assert state(user) == (1, False, {"age"})
    sent.clear()
    assert await user.asave() == 1
    assert (await User.afind_one_or_fail(1)).age == 2


async def test_a_rolled_back_delete_has_its_key_again(home: Any) -> None:
    home(User)
    user = await User.acreate(name="Ann")
    with pytest.raises(Undo):
        async with User.transaction():
            await user.adelete()
            assert state(user) == (None, True, set())
            raise Undo

    assert state(user) == (1, False, set())
    assert await user.asave() == 0
    assert await user.adelete() == 1


async def test_insert_delete_and_insert_in_one_block_are_put_back_together(home: Any) -> None:
    home(User)
    user = User(name="Ann")
    with pytest.raises(Undo):
        async with User.transaction():
            await user.asave()
            await user.adelete()
            await user.asave()
            raise Undo

    assert state(user) == (None, True, set())
    assert await User.query().acount() == 0


async def test_a_key_that_was_given_stays(home: Any) -> None:
    home(User)
    user = User(id=5, name="Ann")
    with pytest.raises(Undo):
        async with User.transaction():
            await user.asave()
            raise Undo

    assert state(user) == (5, True, set())


async def test_a_changed_key_is_dirty_again(home: Any) -> None:
    home(User)
    user = await User.acreate(name="Ann")
    with pytest.raises(Undo):
        async with User.transaction():
            await user.aupdate(id=9)
            raise Undo

    assert state(user) == (9, False, {"id"})
    assert await user.asave() == 1
    assert await User.afind_one(9) == user


@pytest.mark.needs("supports_savepoints")
async def test_each_savepoint_level_puts_back_its_own(home: Any) -> None:
    home(User)
    outer, inner, kept = User(name="outer"), User(name="inner"), User(name="kept")
    async with User.transaction():
        await outer.asave()
        with pytest.raises(Undo):
            async with User.transaction():
                await inner.asave()
                await outer.aupdate(age=5)
                raise Undo
        assert state(inner) == (None, True, set())
        assert state(outer) == (1, False, {"age"})
        async with User.transaction():
            await kept.asave()
    assert state(kept)[1] is False
    assert {user.name: user.age for user in await User.afind_all()} == {"outer": 0, "kept": 0}


@pytest.mark.needs("supports_savepoints")
async def test_a_released_savepoint_is_put_back_with_the_outer_block(home: Any) -> None:
    home(User)
    user = User(name="Ann")
    with pytest.raises(Undo):
        async with User.transaction():
            async with User.transaction():
                await user.asave()
            assert not user.is_new_record
            raise Undo

    assert state(user) == (None, True, set())


@pytest.mark.needs("supports_savepoints")
async def test_a_rollback_to_a_named_savepoint_puts_back_what_came_after(home: Any) -> None:
    home(User)
    before, after = User(name="before"), User(name="after")
    async with User.transaction() as tx:
        await before.asave()
        point = await tx.acreate_savepoint()
        await after.asave()
        await before.aupdate(age=1)
        await tx.arollback_savepoint(point)
        assert state(after) == (None, True, set())
        assert state(before) == (1, False, {"age"})

    assert [user.name for user in await User.afind_all()] == ["before"]


@pytest.mark.engine("sqlite")
async def test_a_failed_save_inside_a_block_leaves_the_block_usable(home: Any) -> None:
    home(User)
    await User.acreate(name="Ann")
    async with User.transaction():
        with pytest.raises(UniqueViolation):
            await User.acreate(name="Ann")
        user = await User.acreate(name="Bob")

    assert await User.query().acount() == 2
    assert not user.is_new_record


async def test_bulk_create_is_put_back(home: Any) -> None:
    home(User)
    users = [User(name=str(n)) for n in range(5)]
    with pytest.raises(Undo):
        async with User.transaction():
            await User.abulk_create(users, batch_size=2)
            assert [user.id for user in users] == [1, 2, 3, 4, 5]
            raise Undo

    assert [state(user) for user in users] == [(None, True, set())] * 5
    await User.abulk_create(users)
    assert await User.query().acount() == 5


async def test_a_bulk_create_that_fails_half_way_is_put_back(home: Any) -> None:
    home(User, Made)
    users = [User(name=str(n)) for n in range(4)] + [User(name="0")]

    with pytest.raises(IntegrityError):
        await User.abulk_create(users, batch_size=2)
    assert [state(user) for user in users] == [(None, True, set())] * 5
    assert await User.query().acount() == 0
    made = [Made(), Made(id=7), Made(id=7)]
    with pytest.raises(IntegrityError):
        await Made.abulk_create(made)
    assert [(record.id, record.is_new_record) for record in made] == [(None, True), (7, True), (7, True)]


async def test_databases_values_stay_as_field_values(home: Any) -> None:
    home(Made)
    made = Made()
    with pytest.raises(Undo):
        async with Made.transaction():
            await made.asave()
            raise Undo

    assert (made.id, made.stamp, made.is_new_record) == (None, "now", True)
    assert await made.asave() == 1


async def test_a_committed_block_keeps_everything(home: Any) -> None:
    home(User)
    async with User.transaction():
        user = await User.acreate(name="Ann")
        await user.aupdate(age=2)

    assert state(user) == (1, False, set())
    await user.arefresh()
    assert user.age == 2


async def test_a_stale_save_in_a_block_is_an_error_and_the_block_can_go_on(home: Any) -> None:
    home(User)
    user = await User.acreate(name="Ann")
    other = await User.afind_one_or_fail(1)
    async with User.transaction():
        await other.adelete()
        with pytest.raises(StaleRecord):
            await user.aupdate(age=1)
        await other.asave()

    assert other.id == 2


def test_enrolled_records_may_die(home: Any) -> None:
    home(User)
    with pytest.raises(Undo), User.transaction():
        for number in range(10):
            User.create(name=str(number))
        gc.collect()
        raise Undo
    assert User.query().count() == 0


async def test_each_record_is_put_back_on_its_own_backend(home: Any, backend: Any) -> None:
    home(User)
    other = SQLiteBackend(database=":memory:")

    class Elsewhere(ActiveRecord):
        __table_name__ = "elsewhere"
        __backend__ = other
        id: int

    await Elsewhere.acreate_table()
    here, there = User(name="Ann"), Elsewhere()
    with pytest.raises(Undo):
        async with User.transaction():
            await here.asave()
            await there.asave()
            raise Undo

    assert (here.is_new_record, there.is_new_record) == (True, False)
    await other.aclose()


# A commit of unknown outcome


class LinkLost(sqlite3.OperationalError):
    """What a driver raises when the server is gone."""


class Shaky(SQLiteBackend):
    """Loses its link during COMMIT: before it arrives, or after."""

    fails: str | None = None

    def _perform(self, connection: Any, sql: str, params: Any) -> Any:
        if sql == "COMMIT" and self.fails is not None:
            if self.fails == "after":
                super()._perform(connection, sql, params)
            self.fails = None
            raise LinkLost("the server has gone")
        return super()._perform(connection, sql, params)

    def _classify(self, error: BaseException) -> ErrorRule | None:
        if isinstance(error, LinkLost):
            return ErrorRule(LostConnection, "gone", "dead")
        return super()._classify(error)


@pytest.fixture
def shaky(tmp_path: Any) -> Iterator[Shaky]:
    made = Shaky(database=str(tmp_path / "shaky.db"))
    User.__backend__ = made
    User.create_table()
    yield made
    del User.__backend__
    made.close()


async def in_doubt(shaky: Shaky, when: str, *steps: Any) -> None:
    shaky.fails = when
    with pytest.raises(CommitOutcomeUnknown):
        async with User.transaction():
            for step in steps:
                await step()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_neither_end_is_told_where_nobody_knows_which_it_was(shaky: Shaky, when: str) -> None:
    user, told = User(name="Ann"), list[str]()
    user.on(ModelEvent.AFTER_COMMIT, lambda record, **details: told.append("kept"))
    user.on(ModelEvent.AFTER_ROLLBACK, lambda record, **details: told.append("undone"))
    await in_doubt(shaky, when, user.asave)

    assert told == []


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_doubtful_record_refuses_save_until_refresh(shaky: Shaky, when: str) -> None:
    user = await User.acreate(name="Ann")
    user.age = 1
    await in_doubt(shaky, when, user.asave)

    user.age = 2
    for attempt in (
        user.asave,
        copy.copy(user).asave,
        copy.deepcopy(user).asave,
        pickle.loads(pickle.dumps(user)).asave,
    ):
        with pytest.raises(TransactionError, match="nobody knows whether this User was committed: refresh it first"):
            await attempt()
    await user.arefresh()
    assert user.age == (1 if when == "after" else 0)
    assert await user.aupdate(age=3) == 1


async def test_a_doubtful_insert_that_arrived_is_found_by_refresh(shaky: Shaky) -> None:
    user = User(name="Ann")
    await in_doubt(shaky, "after", user.asave)

    assert user.id == 1
    await user.arefresh()
    assert await user.aupdate(age=3) == 1
    assert await User.query().acount() == 1


async def test_a_doubtful_insert_that_did_not_arrive_is_new_after_refresh(shaky: Shaky) -> None:
    user = User(name="Ann")
    await in_doubt(shaky, "before", user.asave)

    with pytest.raises(TransactionError):
        await user.asave()
    with pytest.raises(RecordNotFound):
        await user.arefresh()
    assert (user.id, user.is_new_record) == (None, True)
    assert await user.asave() == 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_doubtful_delete_can_be_looked_up(shaky: Shaky, when: str) -> None:
    user = await User.acreate(name="Ann")
    await in_doubt(shaky, when, user.adelete)

    with pytest.raises(TransactionError):
        await user.asave()
    if when == "before":
        await user.arefresh()
        assert state(user) == (1, False, set())
    else:
        with pytest.raises(RecordNotFound):
            await user.arefresh()
        assert await user.asave() == 1


async def test_a_dup_of_a_doubtful_record_is_a_record_of_its_own(shaky: Shaky) -> None:
    user = User(name="Ann")
    await in_doubt(shaky, "before", user.asave)

    assert await user.dup().asave() == 1
