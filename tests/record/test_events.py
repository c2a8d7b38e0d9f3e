"""Handlers around saving and deleting: order, both kinds, changes, failures; overridden calls."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rhosocial.activerecord import AUTO, ActiveRecord, ModelEvent
from rhosocial.activerecord.backend import UniqueViolation, ValidationError


class User(ActiveRecord):
    __table_name__ = "users"
    id: int = AUTO
    name: str
    age: int = 0


class Note(ActiveRecord):
    __table_name__ = "notes"
    id: int = AUTO
    text: str


def recorded(user: User) -> list[tuple[str, dict[str, Any]]]:
    """What happens to the user from now on."""
    fired: list[tuple[str, dict[str, Any]]] = []
    for event in ModelEvent:

        def handler(record: User, event: ModelEvent = event, **details: Any) -> None:
            assert record is user
            fired.append((event.name, details))

        user.on(event, handler)
    return fired


async def test_the_events_of_a_save_come_in_order(home: Any) -> None:
    home(User)
    user = User(name="Ann")
    fired = recorded(user)

    await user.asave()
    assert fired == [
        ("BEFORE_VALIDATE", {}),
        ("AFTER_VALIDATE", {}),
        ("BEFORE_SAVE", {"is_new": True}),
        ("BEFORE_INSERT", {}),
        ("AFTER_INSERT", {"result": 1}),
        ("AFTER_SAVE", {"is_new": True, "result": 1}),
        ("AFTER_COMMIT", {"action": "insert", "key": 1}),
    ]
    fired.clear()
    user.age = 1
    await user.asave()
    assert fired[2:] == [
        ("BEFORE_SAVE", {"is_new": False}),
        ("BEFORE_UPDATE", {}),
        ("AFTER_UPDATE", {"result": 1}),
        ("AFTER_SAVE", {"is_new": False, "result": 1}),
        ("AFTER_COMMIT", {"action": "update", "key": 1}),
    ]
    fired.clear()
    await user.asave()
    assert fired[2:] == [("BEFORE_SAVE", {"is_new": False}), ("AFTER_SAVE", {"is_new": False, "result": 0})]


async def test_the_events_of_a_delete_come_in_order(home: Any) -> None:
    home(User)
    user = await User.acreate(name="Ann")
    fired = recorded(user)

    await user.adelete()

    assert fired == [
        ("BEFORE_DELETE", {}),
        ("AFTER_DELETE", {"result": 1}),
        ("AFTER_COMMIT", {"action": "delete", "key": 1}),
    ]


async def test_handlers_are_called_in_the_order_they_were_added_plain_and_async(home: Any) -> None:
    home(User)
    user, order = User(name="Ann"), []

    async def second(record: User, **details: Any) -> None:
        order.append(2)

    user.on(ModelEvent.BEFORE_SAVE, lambda record, **details: order.append(1))
    user.on(ModelEvent.BEFORE_SAVE, second)
    user.on(ModelEvent.BEFORE_SAVE, lambda record, **details: order.append(3))
    user.on(ModelEvent.BEFORE_SAVE, second)
    await user.asave()
    assert order == [1, 2, 3, 2]

    user.off(ModelEvent.BEFORE_SAVE, second)
    user.off(ModelEvent.AFTER_SAVE, second)
    order.clear()
    await user.asave()
    assert order == [1, 3]


async def test_an_async_handler_may_save_other_records(home: Any) -> None:
    home(User, Note)

    async def noted(record: User, **details: Any) -> None:
        await Note.acreate(text=f"{record.name} {details['result']}")

    user = User(name="Ann")
    user.on(ModelEvent.AFTER_SAVE, noted)
    await user.asave()

    assert [note.text for note in await Note.afind_all()] == ["Ann 1"]


@pytest.mark.face("blocking", reason="a plain handler in awaiting code would block the loop")
async def test_a_plain_handler_may_save_other_records(home: Any) -> None:
    home(User, Note)
    user = User(name="Ann")
    user.on(ModelEvent.BEFORE_SAVE, lambda record, **details: Note(text=record.name).save())
    with User.transaction():
        user.save()

    assert [note.text for note in Note.find_all()] == ["Ann"]


@pytest.mark.face("awaiting", reason="the blocking face cannot wait for a loop")
async def test_an_async_handler_may_wait(home: Any) -> None:
    home(User)
    user = User(name="Ann")

    async def slow(record: User, **details: Any) -> None:
        await asyncio.sleep(0)
        record.age = 5

    user.on(ModelEvent.BEFORE_SAVE, slow)
    await user.asave()

    assert (await User.afind_one_or_fail(1)).age == 5


def test_an_async_handler_that_waits_for_a_loop_is_named_in_the_blocking_face(home: Any) -> None:
    home(User)
    user = User(name="Ann")

    async def slow(record: User, **details: Any) -> None:
        await asyncio.sleep(0)

    user.on(ModelEvent.BEFORE_SAVE, slow)
    with pytest.raises(RuntimeError, match=r"async hook .*slow waited for an event loop"):
        user.save()
    assert User.query().count() == 0


async def test_dirty_state_is_visible_and_changes_are_kept(home: Any, sent: list[str]) -> None:
    home(User)
    user = await User.acreate(name="Ann")
    seen = []

    def handler(record: User, **details: Any) -> None:
        seen.append(record.dirty_fields)
        record.age += 1

    user.on(ModelEvent.BEFORE_SAVE, handler)
    user.name = "Bob"
    sent.clear()
    await user.asave()
    assert sent == ['UPDATE "users" SET "name" = ?, "age" = ? WHERE "id" = ?']
    await user.asave()

    assert seen == [{"name"}, set()]
    assert (await User.afind_one_or_fail(1)).age == 2


async def test_what_a_handler_changes_is_validated(home: Any, sent: list[str]) -> None:
    home(User)
    for event in (ModelEvent.BEFORE_VALIDATE, ModelEvent.AFTER_VALIDATE, ModelEvent.BEFORE_SAVE):
        user = User(name="Ann")
        user.on(event, lambda record, **details: setattr(record, "age", "old"))
        sent.clear()

        with pytest.raises(ValidationError, match="age"):
            await user.asave()
        assert sent == []


async def test_what_a_handler_changes_is_converted(home: Any) -> None:
    home(User)
    user = User(name="Ann")
    user.on(ModelEvent.BEFORE_SAVE, lambda record, **details: setattr(record, "age", "7"))
    await user.asave()

    assert user.age == 7


@pytest.mark.parametrize("event", [ModelEvent.BEFORE_VALIDATE, ModelEvent.AFTER_VALIDATE, ModelEvent.BEFORE_SAVE])
async def test_a_handlers_error_leaves_save_as_it_is_and_nothing_is_written(home: Any, event: ModelEvent) -> None:
    home(User)
    user, error = User(name="Ann"), KeyError("mine")

    def handler(record: User, **details: Any) -> None:
        raise error

    user.on(event, handler)
    with pytest.raises(KeyError) as caught:
        await user.asave()
    assert caught.value is error
    assert (user.is_new_record, user.id, await User.query().acount()) == (True, None, 0)
    user.off(event, handler)
    assert await user.asave() == 1


async def test_an_error_after_the_save_leaves_it_stored(home: Any) -> None:
    home(User)
    user = User(name="Ann")

    def handler(record: User, **details: Any) -> None:
        raise KeyError

    user.on(ModelEvent.AFTER_SAVE, handler)
    with pytest.raises(KeyError):
        await user.asave()
    assert (user.is_new_record, user.id) == (False, 1)
    with pytest.raises(KeyError):
        async with User.transaction():
            await user.aupdate(name="Bob")
    await user.arefresh()
    assert user.name == "Ann"


async def test_a_handlers_error_before_a_delete_keeps_the_row(home: Any) -> None:
    home(User)
    user = await User.acreate(name="Ann")

    def handler(record: User, **details: Any) -> None:
        raise KeyError

    user.on(ModelEvent.BEFORE_DELETE, handler)
    with pytest.raises(KeyError):
        await user.adelete()
    assert not user.is_new_record
    assert await User.query().acount() == 1


async def test_a_handler_may_save_its_own_record(home: Any) -> None:
    home(User)
    user = User(name="Ann")

    async def handler(record: User, **details: Any) -> None:
        record.off(ModelEvent.BEFORE_SAVE, handler)
        await record.asave()
        record.age = 3

    user.on(ModelEvent.BEFORE_SAVE, handler)

    assert await user.asave() == 1
    assert [found.age for found in await User.afind_all()] == [3]


async def test_handlers_belong_to_one_record(home: Any) -> None:
    home(User)
    first, second = User(name="Ann"), User(name="Bob")
    fired: list[str] = []
    first.on(ModelEvent.AFTER_SAVE, lambda record, **details: fired.append(record.name))
    await first.asave()
    await second.asave()
    await (await User.afind_one_or_fail(1)).asave()

    assert fired == ["Ann"]


def test_events_may_be_named_by_their_value_and_an_unknown_one_is_refused() -> None:
    user = User(name="Ann")
    user.on("before_save", print)
    user.off("before_save", print)
    with pytest.raises(ValueError, match="before_sve"):
        user.on("before_sve", print)
    with pytest.raises(TypeError, match="a handler must be callable, got str"):
        user.on(ModelEvent.BEFORE_SAVE, "print")


async def test_the_validate_events_fire_when_validating_by_hand(home: Any) -> None:
    home(User)
    user = User(name="Ann")
    fired = recorded(user)
    await user.avalidate_fields()

    assert [name for name, _ in fired] == ["BEFORE_VALIDATE", "AFTER_VALIDATE"]


async def test_the_class_hook_stands_between_validation_and_after_validate(home: Any) -> None:
    order: list[str] = []

    class Hooked(ActiveRecord):
        __table_name__ = "hooked"
        id: int
        age: int = 0

        @classmethod
        async def validate_record(cls, instance: Hooked) -> None:
            order.append(f"hook {instance.age!r}")

    home(Hooked)
    record = Hooked()
    record.age = "5"
    record.on(ModelEvent.BEFORE_VALIDATE, lambda record, **details: order.append("before"))
    record.on(ModelEvent.AFTER_VALIDATE, lambda record, **details: order.append("after"))
    await record.asave()

    assert order == ["before", "hook 5", "after"]


# Overriding


async def test_an_overridden_asave_serves_both_faces_and_super_works(home: Any) -> None:
    order: list[str] = []

    class Mixin:
        async def asave(self) -> int:
            order.append("mixin")
            return await super().asave()

    class Loud(Mixin, ActiveRecord):
        __table_name__ = "louds"
        id: int
        name: str = ""

        async def asave(self) -> int:
            order.append("loud")
            return await super().asave()

    class Louder(Loud):
        __table_name__ = "louders"

        async def asave(self) -> int:
            order.append("louder")
            return await super().asave()

    home(Loud, Louder)
    assert await Louder().asave() == 1
    await Louder.acreate(name="x")
    assert order == ["louder", "loud", "mixin"] * 2


def test_an_overridden_asave_is_reached_by_save_update_and_create(home: Any) -> None:
    order: list[str] = []

    class Loud(ActiveRecord):
        __table_name__ = "louds"
        id: int
        name: str = ""

        async def asave(self) -> int:
            order.append("asave")
            return await super().asave()

    home(Loud)
    record = Loud()
    assert record.save() == 1
    record.update(name="x")
    Loud.create()
    assert order == ["asave"] * 3


@pytest.mark.parametrize("name", ["save", "delete", "refresh", "update", "validate_fields"])
def test_overriding_only_the_blocking_name_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=f"override a{name}; {name} follows"):
        type(ActiveRecord)("Wrong", (ActiveRecord,), {name: lambda self: 0})


@pytest.mark.parametrize("name", ["create", "find_one", "find_all", "create_table", "bulk_create"])
def test_overriding_only_the_blocking_class_method_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=f"override a{name}; {name} follows"):
        type(ActiveRecord)("Wrong", (ActiveRecord,), {name: classmethod(lambda cls: 0)})


async def test_an_overridden_class_method_serves_both_faces(home: Any) -> None:
    class Counted(ActiveRecord):
        __table_name__ = "counted"
        id: int
        name: str = ""

        @classmethod
        async def acreate(cls, /, **values: Any) -> Counted:
            return await super().acreate(name="made", **values)

    home(Counted)

    assert (await Counted.acreate()).name == "made"


def test_an_overridden_class_method_serves_the_blocking_name(home: Any) -> None:
    class Counted(ActiveRecord):
        __table_name__ = "counted"
        id: int
        name: str = ""

        @classmethod
        async def acreate(cls, /, **values: Any) -> Counted:
            return await super().acreate(name="made", **values)

    home(Counted)

    assert Counted.create().name == "made"


async def test_a_failed_statement_fires_no_after_save(home: Any) -> None:
    home(User)
    await User.acreate(id=1, name="Ann")
    user = User(id=1, name="Bob")
    fired = recorded(user)
    with pytest.raises(UniqueViolation):
        await user.asave()

    assert [name for name, _ in fired] == ["BEFORE_VALIDATE", "AFTER_VALIDATE", "BEFORE_SAVE", "BEFORE_INSERT"]
