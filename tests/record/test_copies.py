"""Copies and pickles of a record are the record; a dup is a new one."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import Field

from rhosocial.activerecord import AUTO, ActiveRecord, ModelEvent
from rhosocial.activerecord.backend import ValidationError


class User(ActiveRecord):
    __table_name__ = "users"
    id: int = AUTO
    name: str
    tags: list[str] = Field(default_factory=list)


def pickled(record: User) -> User:
    found: User = pickle.loads(pickle.dumps(record))
    return found


COPIES: list[Callable[[User], User]] = [
    copy.copy,
    copy.deepcopy,
    User.model_copy,
    lambda user: user.model_copy(deep=True),
    pickled,
]


@pytest.mark.parametrize("copied", COPIES, ids=["copy", "deepcopy", "model_copy", "model_copy deep", "pickle"])
async def test_a_copy_of_a_stored_record_is_stored(home: Any, sent: list[str], copied: Callable[[User], User]) -> None:
    home(User)
    user = await User.acreate(name="Ann", tags=["a"])
    user.name = "Bob"
    sent.clear()

    other = copied(user)

    assert other == user
    assert other is not user
    assert (other.is_new_record, other.dirty_fields) == (False, {"name"})
    assert await other.asave() == 1
    assert sent == ['UPDATE "users" SET "name" = ? WHERE "id" = ?']
    assert user.is_dirty
    assert await User.query().acount() == 1


@pytest.mark.parametrize("copied", COPIES, ids=["copy", "deepcopy", "model_copy", "model_copy deep", "pickle"])
async def test_a_copy_of_a_new_record_is_new(home: Any, copied: Callable[[User], User]) -> None:
    home(User)
    user = User(name="Ann")
    user.name = "Bob"

    other = copied(user)

    assert (other.is_new_record, other.dirty_fields) == (True, {"name"})
    await other.asave()
    assert user.is_new_record
    assert await User.query().acount() == 1


async def test_copies_of_loaded_records_are_saved_as_such(home: Any) -> None:
    home(User)
    await User.abulk_create([User(name=str(n), tags=["a"]) for n in range(10)])
    for user in await User.query().aall():
        for copied in COPIES:
            other = copied(user)
            assert other.model_fields_set == {"id", "name", "tags"}
            assert not other.is_dirty
            assert await other.asave() == 0
    assert await User.query().acount() == 10


async def test_a_deep_copy_shares_no_list(home: Any) -> None:
    home(User)
    user = await User.acreate(name="Ann", tags=["a"])
    other = copy.deepcopy(user)
    other.tags.append("b")

    assert (user.is_dirty, other.is_dirty) == (False, True)


async def test_model_copy_with_an_update_is_dirty(home: Any) -> None:
    home(User)
    user = await User.acreate(name="Ann")

    other = user.model_copy(update={"name": "Bob"})

    assert other.dirty_fields == {"name"}
    assert await other.asave() == 1


async def test_a_copy_of_a_deleted_record_is_new(home: Any) -> None:
    home(User)
    user = await User.acreate(name="Ann")
    await user.adelete()

    assert copy.copy(user).is_new_record
    assert pickled(user).is_new_record


async def test_a_dup_is_new_and_has_no_key(home: Any) -> None:
    home(User)
    for user in (await User.acreate(name="Ann"), await User.afind_one_or_fail(1)):
        other = user.dup()

        assert (other.id, other.name, other.is_new_record, other.is_dirty) == (None, "Ann", True, False)
        assert (user.id, user.is_new_record) == (1, False)
        await other.asave()
        assert other.id != user.id
    assert await User.query().acount() == 3


async def test_what_was_not_saved_is_validated_when_a_dup_is_saved(home: Any) -> None:
    home(User)
    user = await User.acreate(name="Ann")
    user.name = 5
    other = user.dup()

    assert other.dirty_fields == {"name"}
    with pytest.raises(ValidationError, match="name"):
        await other.asave()


def test_a_dup_of_a_new_record_needs_no_backend() -> None:
    user = User(id=5, name="Ann")

    other = user.dup()

    assert (other.id, other.name, other.is_new_record) == (None, "Ann", True)


async def test_a_dup_of_a_key_that_is_not_generated_keeps_it(home: Any) -> None:
    class Country(ActiveRecord):
        __table_name__ = "countries"
        __primary_key__ = "code"
        code: str

    home(Country)
    country = await Country.acreate(code="DE")

    assert country.dup().code == "DE"
    assert country.dup().is_new_record


async def test_handlers_stay_with_the_original(home: Any) -> None:
    home(User)
    fired: list[User] = []
    user = await User.acreate(name="Ann")
    user.on(ModelEvent.AFTER_SAVE, lambda record, **kw: fired.append(record))

    for copied in COPIES:
        await copied(user).asave()
    assert fired == []
    assert not user.dup().is_dirty


async def test_copies_without_validation_stay_unvalidated(home: Any) -> None:
    home(User)
    user = User.model_construct(name=5)

    for other in (copy.copy(user), pickled(user), user.dup()):
        with pytest.raises(ValidationError):
            await other.asave()


async def test_a_pickle_holds_neither_backend_nor_password(home: Any) -> None:
    home(User)
    user = await User.acreate(name="Ann")

    assert b"Backend" not in pickle.dumps(user)
