"""Handlers of a class: who inherits them, in which order all are called, what loading tells, what fires nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from rhosocial.activerecord import AUTO, ActiveRecord, BelongsTo, HasMany, ModelEvent
from rhosocial.activerecord.backend import UniqueViolation

Order = list[str]


class Animal(ActiveRecord):
    id: int = AUTO
    name: str = ""
    age: int = 0


class Cat(Animal):
    __table_name__ = "cats"

    kittens = HasMany["Kitten"](foreign_key="cat_id", dependent="delete", inverse_of="cat")


class Kitten(Animal):
    __table_name__ = "kittens"
    cat_id: int | None = None

    cat = BelongsTo["Cat"](foreign_key="cat_id")


class Pet(Animal):
    __table_name__ = "pets"
    __discriminator__ = "kind"
    kind: str = ""


class Dog(Pet):
    pass


class Siamese(Cat):
    __table_name__ = "siameses"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """No handler of a class outlives its test."""
    yield
    for model in (Animal, Cat, Kitten, Siamese, Pet, Dog):
        for event in ModelEvent:
            for handler in vars(model)["__own_handlers__"].get(event, ()):
                model.off(event, handler)


async def test_all_are_called_base_first_then_the_records_own_in_the_order_added(home: Any) -> None:
    home(Siamese, Cat)
    order: Order = []
    cat, other = Siamese(name="Mia"), Cat(name="Tom")
    cat.on(ModelEvent.BEFORE_SAVE, lambda record, **details: order.append("record 1"))

    @Siamese.on(ModelEvent.BEFORE_SAVE)
    def late(record: Siamese, **details: Any) -> None:
        order.append("Siamese 1")

    @Animal.on(ModelEvent.BEFORE_SAVE)
    async def early(record: Animal, **details: Any) -> None:
        order.append(f"Animal {record.name}")

    Cat.on(ModelEvent.BEFORE_SAVE, lambda record, **details: order.append("Cat"))
    Siamese.on(ModelEvent.BEFORE_SAVE, lambda record, **details: order.append("Siamese 2"))
    cat.on(ModelEvent.BEFORE_SAVE, lambda record, **details: order.append("record 2"))
    await cat.asave()
    assert order == ["Animal Mia", "Cat", "Siamese 1", "Siamese 2", "record 1", "record 2"]

    order.clear()
    await other.asave()
    assert order == ["Animal Tom", "Cat"]
    Animal.off(ModelEvent.BEFORE_SAVE, early)
    Siamese.off(ModelEvent.BEFORE_SAVE, early)
    order.clear()
    await other.aupdate(name="Kit")
    assert order == ["Cat"]


async def test_a_class_made_afterwards_inherits_handlers(home: Any) -> None:
    order: Order = []
    Cat.on("before_insert", lambda record, **details: order.append(type(record).__name__))

    class Persian(Cat):
        __table_name__ = "persians"

    home(Persian)
    await Persian.acreate()
    assert order == ["Persian"]


async def test_the_root_of_all_models_tells_of_all(home: Any) -> None:
    home(Cat, Kitten)
    order: Order = []

    def told(record: ActiveRecord, **details: Any) -> None:
        order.append(type(record).__name__)

    async with Cat.transaction():
        for event in (ModelEvent.AFTER_INSERT, ModelEvent.AFTER_LOAD):
            await Cat.acreate()  # What is decided for the class is decided again.
            ActiveRecord.on(event, told)
            try:
                await Cat.acreate()
                await Kitten.acreate()
                await Cat.afind_one(1)
            finally:
                ActiveRecord.off(event, told)
        await Cat.acreate()
    assert order == ["Cat", "Kitten", "Cat"]


async def test_handlers_added_and_removed_between_saves_count(home: Any) -> None:
    """The way a save takes is decided once for a class, and again when its handlers change."""
    home(Cat)
    order: Order = []
    cat = await Cat.acreate(name="Mia")

    def told(record: Cat, **details: Any) -> None:
        order.append(record.name)

    async with Cat.transaction():
        await cat.aupdate(name="a")
        Cat.on(ModelEvent.AFTER_UPDATE, told)
        await cat.aupdate(name="b")
        Cat.off(ModelEvent.AFTER_UPDATE, told)
        await cat.aupdate(name="c")
    assert order == ["b"]
    assert Cat.__home__[1].is_short


def test_the_decorator_gives_the_handler_back_and_refuses_what_is_none() -> None:
    def handler(record: Cat, **details: Any) -> None: ...

    assert Cat.on(ModelEvent.AFTER_SAVE)(handler) is handler
    assert Cat().on(ModelEvent.AFTER_SAVE, handler) is handler
    with pytest.raises(TypeError, match="a handler must be callable, got str"):
        Cat.on(ModelEvent.AFTER_SAVE, "told")
    with pytest.raises(ValueError, match="after_sve"):
        Cat.on("after_sve")


@pytest.mark.parametrize("event", [ModelEvent.BEFORE_SAVE, ModelEvent.BEFORE_INSERT, ModelEvent.BEFORE_VALIDATE])
async def test_a_veto_of_a_class_leaves_save_as_it_is(home: Any, sent: list[str], event: ModelEvent) -> None:
    home(Cat)
    order: Order = []
    error = KeyError("no cats")

    @Cat.on(event)
    def veto(record: Cat, **details: Any) -> None:
        raise error

    Cat.on(event, lambda record, **details: order.append("not reached"))
    cat = Cat(name="Mia")
    before = vars(cat).copy()
    sent.clear()
    with pytest.raises(KeyError) as caught:
        await cat.asave()
    assert caught.value is error
    assert (sent, order, vars(cat), cat.is_new_record, cat.is_dirty) == ([], [], before, True, False)


async def test_a_veto_of_an_update_and_a_delete_keeps_the_row(home: Any) -> None:
    home(Cat, Kitten)
    cat = await Cat.acreate(name="Mia")

    @Cat.on(ModelEvent.BEFORE_UPDATE)
    @Cat.on(ModelEvent.BEFORE_DELETE)
    def veto(record: Cat, **details: Any) -> None:
        raise PermissionError

    with pytest.raises(PermissionError):
        await cat.aupdate(name="Tom")
    assert (cat.name, cat.dirty_fields) == ("Tom", {"name"})
    with pytest.raises(PermissionError):
        await cat.adelete()
    assert not cat.is_new_record
    assert (await Cat.afind_one_or_fail(cat.id)).name == "Mia"


async def test_before_insert_and_before_update_may_change_the_record(home: Any, sent: list[str]) -> None:
    home(Cat)
    Cat.on(ModelEvent.BEFORE_INSERT, lambda record, **details: setattr(record, "age", "1"))
    Cat.on(ModelEvent.BEFORE_UPDATE, lambda record, **details: setattr(record, "age", record.age + 1))
    cat = await Cat.acreate(name="Mia")
    assert cat.age == 1
    sent.clear()
    await cat.aupdate(name="Tom")

    assert sent == ['UPDATE "cats" SET "name" = ?, "age" = ? WHERE "id" = ?']
    assert (await Cat.afind_one_or_fail(cat.id)).age == 2


async def test_an_update_is_told_only_where_there_is_one(home: Any) -> None:
    home(Cat)
    order: Order = []
    for event in (ModelEvent.BEFORE_SAVE, ModelEvent.BEFORE_UPDATE, ModelEvent.AFTER_UPDATE, ModelEvent.AFTER_COMMIT):
        Cat.on(event, lambda record, event=event, **details: order.append(event.value))
    cat = await Cat.acreate(name="Mia")
    order.clear()
    await cat.asave()
    assert order == ["before_save"]

    Cat.on(ModelEvent.BEFORE_UPDATE, lambda record, **details: setattr(record, "name", "Mia"))
    order.clear()
    assert await cat.aupdate(name="Tom") == 0
    assert order == ["before_save", "before_update"]


async def test_deleting_tells_of_dependent_records_too(home: Any) -> None:
    home(Cat, Kitten)
    order: Order = []
    Kitten.on(ModelEvent.AFTER_DELETE, lambda record, **details: order.append(record.name))
    cat = await Cat.acreate(name="Mia")
    await Kitten.abulk_create([Kitten(name=name, cat_id=cat.id) for name in "ab"])
    await cat.adelete()

    assert sorted(order) == ["a", "b"]
    assert await Kitten.query().acount() == 0


async def test_a_model_without_handlers_is_saved_the_short_way(home: Any) -> None:
    home(Cat)
    await Cat.acreate()
    assert Cat.__home__[1].is_short and Cat.__home__[1].load is Cat.__home__[1].load_untold


# Loading


async def test_every_way_of_loading_tells(home: Any) -> None:
    home(Cat, Kitten)
    mia = await Cat.acreate(name="Mia")
    await Kitten.abulk_create([Kitten(name=f"k{n}", cat_id=mia.id) for n in range(10)])
    loaded: Order = []
    asked = Cat.query().order_by("id")  # Made before the handlers, and told of all the same.
    await asked.aall()
    for model in (Cat, Kitten):
        model.on(ModelEvent.AFTER_LOAD, lambda record, **details: loaded.append(record.name))

    async def names(call: Any) -> Order:
        loaded.clear()
        await call
        return loaded

    assert await names(asked.aall()) == ["Mia"]
    assert await names(Cat.afind_one(mia.id)) == ["Mia"]
    assert await names(mia.aload("kittens")) == [f"k{n}" for n in range(10)]
    assert await names(Cat.query().with_("kittens").aall()) == ["Mia", *[f"k{n}" for n in range(10)]]
    assert await names(Kitten.query().limit(1).adicts()) == []
    assert await names(mia.arefresh()) == ["Mia"]
    assert await names(mia.aupdate(name="Tom")) == []


async def test_rows_of_one_table_tell_the_handlers_of_their_own_class(home: Any) -> None:
    home(Pet)
    await Pet.acreate(name="pet")
    await Dog.acreate(name="dog")
    await Pet.query().aall()
    loaded: Order = []
    Dog.on(ModelEvent.AFTER_LOAD, lambda record: loaded.append(record.name))
    await Pet.query().aall()
    assert loaded == ["dog"]
    Pet.on(ModelEvent.AFTER_LOAD, lambda record: loaded.append(f"{record.name} of Pet"))
    loaded.clear()
    await Pet.query().order_by("id").aall()

    assert sorted(loaded) == ["dog", "dog of Pet", "pet of Pet"]


async def test_a_refresh_tells_the_record_itself(home: Any) -> None:
    home(Cat)
    cat = await Cat.acreate(name="Mia")
    seen: list[Any] = []
    Cat.on(ModelEvent.AFTER_LOAD, lambda record, **details: seen.append(record))
    cat.on(ModelEvent.AFTER_LOAD, lambda record, **details: seen.append("own"))
    await cat.arefresh()

    assert seen[0] is cat and seen[1:] == ["own"]


async def test_what_a_load_handler_changes_is_dirty(home: Any) -> None:
    home(Cat)
    await Cat.acreate(name="Mia")
    Cat.on(ModelEvent.AFTER_LOAD, lambda record, **details: setattr(record, "age", 9))
    cat = await Cat.afind_one_or_fail(1)

    assert cat.dirty_fields == {"age"}


async def test_an_async_load_handler_is_refused(home: Any) -> None:
    home(Cat)
    await Cat.acreate(name="Mia")

    async def slow(record: Cat, **details: Any) -> None: ...

    with pytest.raises(TypeError, match=r"a handler of AFTER_LOAD cannot be async: .*slow would have each row wait"):
        Cat.on(ModelEvent.AFTER_LOAD, slow)
    Cat.on(ModelEvent.AFTER_LOAD, lambda record: slow(record))
    with pytest.raises(TypeError, match="gave an awaitable"):
        await Cat.afind_one(1)


# The ends of transactions


class Undo(Exception):
    """Leaves a block."""


@pytest.fixture
def ends(home: Any) -> Order:
    """How the blocks ended in which cats were changed."""
    home(Cat, Kitten)
    told: Order = []

    @Cat.on(ModelEvent.AFTER_COMMIT)
    def committed(record: Cat, *, action: str, key: int) -> None:
        told.append(f"{action} {key} kept")

    @Cat.on(ModelEvent.AFTER_ROLLBACK)
    async def undone(record: Cat, *, action: str, key: int) -> None:
        told.append(f"{action} {key} undone, new: {record.is_new_record}")

    return told


@pytest.mark.needs("supports_savepoints")
async def test_a_block_tells_of_each_record_once_when_it_is_over(ends: Order) -> None:
    async with Cat.transaction():
        mia, tom = await Cat.acreate(name="Mia"), await Cat.acreate(name="Tom")
        await mia.aupdate(age=1)
        await mia.aupdate(age=2)
        assert await mia.asave() == 0
        await tom.adelete()
        assert ends == []
    assert ends == ["insert 1 kept", "delete 2 kept"]


async def test_outside_a_block_a_save_tells_at_once(ends: Order) -> None:
    mia = await Cat.acreate(name="Mia")
    await mia.aupdate(age=1)
    await mia.asave()
    await mia.adelete()

    assert ends == ["insert 1 kept", "update 1 kept", "delete 1 kept"]


async def test_a_rollback_tells_after_the_record_is_put_back(ends: Order) -> None:
    with pytest.raises(Undo):
        async with Cat.transaction():
            await Cat.acreate(name="Mia")
            raise Undo
    assert ends == ["insert 1 undone, new: True"]


@pytest.mark.needs("supports_savepoints")
async def test_each_savepoint_tells_of_what_it_undoes(ends: Order) -> None:
    tom = await Cat.acreate(name="Tom")
    ends.clear()
    async with Cat.transaction() as tx:
        await Cat.acreate(name="Mia")
        with pytest.raises(Undo):
            async with Cat.transaction():
                await tom.aupdate(age=1)
                await Cat.acreate(name="Kit")
                raise Undo
        assert ends == ["update 1 undone, new: False", "insert 3 undone, new: True"]
        ends.clear()
        point = await tx.acreate_savepoint()
        await tom.aupdate(age=2)
        await tx.arollback_savepoint(point)
        assert ends == ["update 1 undone, new: False"]
        ends.clear()
        async with Cat.transaction():
            await tom.aupdate(age=3)
    assert ends == ["insert 2 kept", "update 1 kept"]


async def test_a_failed_statement_tells_of_no_end(ends: Order) -> None:
    await Cat.acreate(id=1)
    ends.clear()
    with pytest.raises(UniqueViolation):
        await Cat.acreate(id=1)
    with pytest.raises(UniqueViolation):
        async with Cat.transaction():
            await Cat.acreate(id=1)
    assert ends == []


async def test_a_record_that_nobody_holds_is_told_of(home: Any) -> None:
    home(Cat)
    names: Order = []
    Cat.on(ModelEvent.AFTER_COMMIT, lambda record, **details: names.append(record.name))
    async with Cat.transaction():
        for name in "abc":
            await Cat.acreate(name=name)
    assert names == ["a", "b", "c"]


async def test_the_connection_is_back_when_the_commit_is_told(home: Any) -> None:
    home(Cat)
    seen: list[Any] = []

    @Cat.on(ModelEvent.AFTER_COMMIT)
    async def told(record: Cat, **details: Any) -> None:
        seen.append((Cat.backend().in_transaction, await Cat.query().acount()))
        if record.name == "Mia":
            await Cat.acreate(name="Tom")

    async with Cat.transaction():
        await Cat.acreate(name="Mia")
    assert seen == [(False, 1), (False, 2)]


@pytest.mark.parametrize("in_block", [True, False])
async def test_errors_of_commit_handlers_come_together_and_the_commit_stands(home: Any, in_block: bool) -> None:
    home(Cat)
    told: Order = []
    cat = Cat(name="Mia")

    @Cat.on(ModelEvent.AFTER_COMMIT)
    def first(record: Cat, **details: Any) -> None:
        raise KeyError(1)

    cat.on(ModelEvent.AFTER_COMMIT, lambda record, **details: told.append("second"))
    Cat.on(ModelEvent.AFTER_COMMIT, first)
    with pytest.raises(ExceptionGroup, match="is committed, but 2 of its hooks failed") as caught:
        if in_block:
            async with Cat.transaction():
                await cat.asave()
        else:
            await cat.asave()
    assert list(map(type, caught.value.exceptions)) == [KeyError, KeyError]
    assert told == ["second"]
    assert not cat.is_new_record and await Cat.query().acount() == 1


async def test_an_error_after_the_save_outside_a_block_still_tells_of_the_commit(ends: Order) -> None:
    @Cat.on(ModelEvent.AFTER_SAVE)
    def fail(record: Cat, **details: Any) -> None:
        raise Undo

    with pytest.raises(Undo):
        await Cat.acreate(name="Mia")
    assert ends == ["insert 1 kept"]


@pytest.mark.face("awaiting", reason="the blocking face cannot wait for a loop")
async def test_an_async_commit_handler_may_wait(home: Any) -> None:
    home(Cat)
    told: Order = []

    @Cat.on(ModelEvent.AFTER_COMMIT)
    async def slow(record: Cat, **details: Any) -> None:
        await asyncio.sleep(0)
        told.append(record.name)

    async with Cat.transaction():
        await Cat.acreate(name="Mia")
    assert told == ["Mia"]


# What fires nothing


async def test_calls_for_many_rows_fire_nothing(home: Any) -> None:
    home(Cat)
    fired: Order = []
    for event in ModelEvent:
        if event is not ModelEvent.AFTER_LOAD:
            Cat.on(event, lambda record, event=event, **details: fired.append(event.value))
    await Cat.abulk_create([Cat(name="a"), Cat(name="b")])
    await Cat.query().where(Cat.c.name == "a").aupdate(name="c")
    await Cat.query().adelete()

    assert fired == []
