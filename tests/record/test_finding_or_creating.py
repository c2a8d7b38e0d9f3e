"""find_or_create and update_or_create: one row, whoever else makes it at the same time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Annotated, Any, ClassVar

import pytest
from pydantic import Field, field_validator

from rhosocial.activerecord import AUTO, ActiveRecord, BelongsTo, Column, ModelEvent, Query, Unique
from rhosocial.activerecord.backend import (
    ColumnNotFound,
    QueryError,
    UniqueViolation,
    UnsupportedFeature,
    ValidationError,
)
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend, SQLiteDialect

THREADS, TASKS = 16, 100


class Team(ActiveRecord):
    __table_name__ = "teams"
    id: int = AUTO
    name: Annotated[str, Column(unique=True)]


class User(ActiveRecord):
    __table_name__ = "users"
    __table_args__ = (Unique("team_id", "name"),)
    id: int = AUTO
    email: Annotated[str, Column(name="mail", unique=True), Field(min_length=1)]
    name: str = ""
    age: Annotated[int, Field(ge=0)] = 0
    tags: list[str] = Field(default_factory=list)
    team_id: Annotated[int | None, Column(references="teams.id")] = None

    team = BelongsTo["Team"](foreign_key="team_id")

    @field_validator("email")
    @classmethod
    def tidy(cls, email: str) -> str:
        return email.strip().lower()


async def test_what_is_there_is_found_and_what_is_not_is_made(home: Any, sent: list[str]) -> None:
    home(Team, User)
    ann = await User.afind_or_create({"age": 30, "tags": ["x"]}, email="ann")
    assert ann.was_created and not ann.is_new_record
    assert (ann.email, ann.age, ann.tags) == ("ann", 30, ["x"])
    sent.clear()

    again = await User.afind_or_create({"age": 50}, email="ann")
    assert again == ann and not again.was_created
    assert len(sent) == 1
    assert not (await User.afind_one_or_fail(ann.id)).was_created


async def test_values_match_as_they_are_stored(home: Any) -> None:
    home(Team, User)
    ann = await User.afind_or_create(email=" Ann ")

    assert ann.email == "ann"
    assert await User.afind_or_create(email="ANN") == ann
    assert await User.afind_or_create(mail="ann") == ann  # The column's name.
    assert (await User.afind_or_create({"tags": []}, email="ann", team_id=None)) == ann
    bob = await User.afind_or_create(email="bob", tags=["a", "b"])
    assert await User.afind_or_create({"email": "x"}, tags=["a", "b"]) == bob  # A list is a value, not a choice.


async def test_a_record_may_stand_for_its_key(home: Any) -> None:
    home(Team, User)
    team = await Team.afind_or_create(name="red")
    user = await User.afind_or_create({"email": "a"}, team=team, name="Ann")

    assert user.team_id == team.id
    assert await User.afind_or_create({"email": "b"}, team=team, name="Ann") == user
    assert await User.query().acount() == 1


async def test_what_is_there_is_updated(home: Any, sent: list[str]) -> None:
    home(Team, User)
    made = await User.aupdate_or_create({"age": 30}, email="ann")
    changed = await User.aupdate_or_create({"age": 31}, email="ann")
    assert made.was_created and not changed.was_created
    assert (changed.id, changed.age) == (made.id, 31)
    sent.clear()

    assert (await User.aupdate_or_create({"age": 31}, email="ann")).age == 31
    assert len(sent) == 1  # Nothing changed: nothing to write.
    assert await User.aupdate_or_create({}, email="ann") == changed
    await User.aupdate_or_create({"email": "new"}, email="ann")
    assert await User.query().select("email", "age").atuples() == [("new", 31)]
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        await User.aupdate_or_create({"age": -1}, email="new")


async def test_wrong_names_are_refused_before_anything_is_sent(home: Any, sent: list[str]) -> None:
    home(Team, User)
    sent.clear()
    for defaults, match, error, complaint in [
        ({}, {"emial": "a"}, ColumnNotFound, "User has no column 'emial'; did you mean 'email'"),
        ({}, {"_email": "a"}, ColumnNotFound, "User has no column '_email'"),
        ({}, {"email__gte": "a"}, ColumnNotFound, "User has no column"),
        ({"agee": 1}, {"email": "a"}, ColumnNotFound, "did you mean 'age'"),
        ({1: 1}, {"email": "a"}, QueryError, "expected the name of a column, got int"),
        ({}, {"email": "a", "mail": "b"}, QueryError, r"User\.email is given two values"),
        ({}, {}, QueryError, "what should be found"),
        ({}, {"email": ""}, ValidationError, "at least 1 character"),
        ("age", {"email": "a"}, TypeError, "expected a dict of values, got str"),
    ]:
        for call in (User.afind_or_create, User.aupdate_or_create):
            with pytest.raises(error, match=complaint):
                await call(defaults, **match)
    assert sent == []


@pytest.mark.needs("supports_savepoints")
async def test_a_conflict_with_another_row_is_told(home: Any) -> None:
    home(Team, User)
    await User.acreate(email="ann")

    with pytest.raises(UniqueViolation):
        await User.afind_or_create({"email": "ann"}, name="Ann")
    async with User.transaction():
        with pytest.raises(UniqueViolation):
            await User.afind_or_create({"email": "ann"}, name="Ann")
        await User.acreate(email="bob")
    assert await User.query().acount() == 2


class Outrun(Query[Any]):
    """A query that finds nothing; but then somebody else is quick, before the caller can insert."""

    __slots__ = ()
    quick: ClassVar[list[Callable[[], Any]]] = []

    async def afirst(self) -> Any:
        found = await super().afirst()
        if found is None and self.quick:
            await self.quick.pop()()
        return found


@pytest.mark.parametrize("inside", [False, pytest.param(True, marks=pytest.mark.needs("supports_savepoints"))])
async def test_a_row_that_comes_in_between_is_found(home: Any, inside: bool) -> None:
    class Slow(User):
        __query_class__ = Outrun

    home(Team, User)
    home(Slow, tables=False)
    async with User.transaction() if inside else nullcontext():
        Outrun.quick.append(lambda: User.acreate(email="a", age=7))
        found = await Slow.afind_or_create({"age": 1}, email="a")
        assert (found.age, found.was_created) == (7, False)
        Outrun.quick.append(lambda: User.acreate(email="b", age=7))
        updated = await Slow.aupdate_or_create({"age": 2}, email="b")
        assert (updated.age, updated.was_created) == (2, False)
        await User.acreate(email="c")  # A block works still.

    assert await User.query().order_by("id").select("email", "age").atuples() == [("a", 7), ("b", 2), ("c", 0)]


async def test_a_block_undoes_what_was_made(home: Any) -> None:
    home(Team, User)
    with pytest.raises(ZeroDivisionError):
        async with User.transaction():
            user = await User.afind_or_create(email="ann")
            raise ZeroDivisionError

    assert user.is_new_record and user.id is None
    assert await User.query().acount() == 0


async def test_without_savepoints_nothing_nests(tmp_path: Any) -> None:
    class Flat(SQLiteDialect):
        supports_savepoints = False

    class Place(SQLiteBackend):
        dialect_class = Flat

    class Thing(Team):
        __table_name__ = "things"

    backend = Thing.__backend__ = Place(database=str(tmp_path / "x.db"))
    await Thing.acreate_table()
    async with Thing.transaction():
        assert (await Thing.afind_or_create(name="a")).was_created
        assert not (await Thing.afind_or_create(name="a")).was_created
        with pytest.raises(UnsupportedFeature):
            async with Thing.transaction():
                pass
    await backend.aclose()


async def test_a_snapshot_is_read_again_by_locking(tmp_path: Any) -> None:
    locks: list[Any] = []

    class Snapshot(SQLiteDialect):
        rereads_by_lock = True

        def write_select_lock(self, out: Any, select: Any) -> None:
            locks.append(select.lock)

    class Thing(Team):
        __table_name__ = "things"
        __query_class__ = Outrun

    place = type("Place", (SQLiteBackend,), {"dialect_class": Snapshot})(database=str(tmp_path / "x.db"))
    Thing.__backend__ = place
    await Thing.acreate_table()
    async with Thing.transaction():
        Outrun.quick.append(lambda: Thing.acreate(name="a"))
        await Thing.afind_or_create(name="a")
    await place.aclose()

    assert [lock is not None for lock in locks] == [False, True]


def test_events_of_a_made_record_are_told(home: Any) -> None:
    home(Team, User)
    user = User.find_or_create(email="a")
    told: list[bool] = []
    user.on(ModelEvent.AFTER_SAVE, lambda record, **details: told.append(details["is_new"]))
    user.update(age=4)

    assert told == [False] and user.was_created


def test_threads_that_race_make_one_row(home: Any) -> None:
    home(Team, User)
    for number in range(4):
        start = threading.Barrier(THREADS)

        def work(worker: int, number: int = number, start: threading.Barrier = start) -> Any:
            start.wait()
            if worker % 2:
                return User.update_or_create({"age": worker}, email=f"e{number}")
            return User.find_or_create({"age": worker}, email=f"e{number}")

        with ThreadPoolExecutor(THREADS) as pool:
            users = [future.result() for future in [pool.submit(work, worker) for worker in range(THREADS)]]
        assert len({user.id for user in users}) == 1
        assert sum(user.was_created for user in users) == 1
    assert User.query().count() == 4


@pytest.mark.face("awaiting", reason="tasks")
async def test_tasks_that_race_make_one_row(home: Any) -> None:
    home(Team, User)

    async def work(worker: int, inside: bool) -> Any:
        if not inside:
            return await User.afind_or_create({"age": worker}, email="e")
        async with User.transaction():
            return await User.afind_or_create({"age": worker}, email="e")

    users = await asyncio.gather(*(work(worker, worker % 3 == 0) for worker in range(TASKS)))

    assert len({user.id for user in users}) == 1 and sum(user.was_created for user in users) == 1
    assert await User.query().acount() == 1
