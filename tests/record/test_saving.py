"""What save, update, refresh and delete send, store and give back."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from decimal import Decimal
from enum import IntEnum
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, Field

from rhosocial.activerecord import AUTO, ActiveRecord, Column
from rhosocial.activerecord.backend import (
    ColumnNotFound,
    DatabaseError,
    DataError,
    NotNullViolation,
    RecordNotFound,
    StaleRecord,
    UniqueViolation,
)
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend


class Address(BaseModel):
    city: str
    tags: list[str] = []


class User(ActiveRecord):
    __table_name__ = "users"
    id: int = AUTO
    name: Annotated[str, Column(unique=True)]
    age: int | None = None
    score: float | None = None
    is_active: bool = False
    friends: list[str] = Field(default_factory=list)
    extra: dict[str, Any] = Field(default_factory=dict)
    address: Address | None = None


class Line(ActiveRecord):
    __table_name__ = "lines"
    __primary_key__ = ("order_id", "number")
    order_id: int
    number: int
    text: str = ""


class Box(ActiveRecord):
    __table_name__ = "boxes"
    id: int
    width: int
    height: Annotated[int, Column(default_sql="7")]
    area: Annotated[int, Column(generated="width * height")]
    note: Annotated[str | None, Column(default_sql="'new'")]


@pytest.fixture
def users(home: Any) -> type[User]:
    model: type[User] = home(User)
    return model


# 1 - Inserting


async def test_save_inserts_and_fills_the_key(users: type[User]) -> None:
    first, second = User(name="Ann"), User(name="Bob")

    assert (await first.asave(), await second.asave()) == (1, 1)
    assert (first.id, second.id) == (1, 2)
    assert not first.is_new_record
    assert first.is_from_db
    assert await User.afind_one(1) == first


async def test_a_given_key_is_inserted_as_given(users: type[User]) -> None:
    user = User(id=77, name="Ann")

    assert await user.asave() == 1
    assert user.id == 77
    assert await User.afind_one(77) == user
    await User.async_key_sequence()
    assert (await User.acreate(name="Bob")).id == 78
    assert (await User.acreate(name="Cid")).id == 79


async def test_an_insert_sends_one_statement(users: type[User], sent: list[str]) -> None:
    await User.acreate(name="Ann")

    assert len(sent) == 1
    assert sent[0].startswith("INSERT")


async def test_a_duplicate_is_an_error_that_names_the_column_and_changes_nothing(users: type[User]) -> None:
    await User.acreate(name="Ann")
    user = User(name="Ann")

    with pytest.raises(UniqueViolation) as caught:
        await user.asave()
    assert (caught.value.table, caught.value.columns) == ("users", ("name",))
    assert caught.value.__cause__ is not None
    assert (user.id, user.is_new_record, user.is_dirty) == (None, True, False)
    user.name = "Bob"
    assert await user.asave() == 1
    assert await User.query().acount() == 2


async def test_a_duplicate_key_is_an_error(users: type[User]) -> None:
    await User.acreate(id=5, name="Ann")

    with pytest.raises(UniqueViolation):
        await User.acreate(id=5, name="Bob")


async def test_what_the_database_sets_comes_back_after_an_insert(home: Any) -> None:
    home(Box)
    box = Box(width=3)

    await box.asave()

    assert (box.id, box.height, box.area, box.note) == (1, 7, 21, "new")
    assert not box.is_dirty
    assert await Box.afind_one(1) == box


async def test_what_is_given_goes_before_the_databases_default(home: Any) -> None:
    home(Box)
    box = await Box.acreate(width=3, height=2, note=None)

    assert (box.height, box.area, box.note) == (2, 6, None)
    assert await Box.afind_one(1) == box


async def test_computed_columns_come_back_after_an_update(home: Any) -> None:
    home(Box)
    box = await Box.acreate(width=3)

    assert await box.aupdate(width=4) == 1
    assert box.area == 28
    assert not box.is_dirty


async def test_a_computed_column_cannot_be_set(home: Any, sent: list[str]) -> None:
    home(Box)
    box = await Box.acreate(width=3)
    sent.clear()
    box.area = 5

    with pytest.raises(DataError, match=r"Box.area is computed by the database"):
        await box.asave()
    assert sent == []


async def test_a_model_of_nothing_but_a_key_can_be_inserted(home: Any) -> None:
    class Ticket(ActiveRecord):
        __table_name__ = "tickets"
        id: int

    home(Ticket)

    assert [(await Ticket.acreate()).id for _ in range(3)] == [1, 2, 3]


async def test_uuid_and_text_keys_are_sent(home: Any) -> None:
    class Token(ActiveRecord):
        __table_name__ = "tokens"
        id: UUID = Field(default_factory=uuid4)

    class Country(ActiveRecord):
        __table_name__ = "countries"
        __primary_key__ = "code"
        code: str
        name: str

    home(Token, Country)
    token, country = await Token.acreate(), await Country.acreate(code="DE", name="Germany")

    assert await Token.afind_one(token.id) == token
    assert await Country.afind_one("DE") == country


async def test_columns_are_named_as_the_model_says(home: Any, backend: Any) -> None:
    class Named(ActiveRecord):
        __table_name__ = "named"
        id: Annotated[int, Column(name="ID")]
        full_name: Annotated[str, Column(name="Full Name")]
        update_: Annotated[int, Column(name="update")] = 0

    home(Named)
    record = await Named.acreate(full_name="Ann", update_=3)
    record.full_name = "Bob"
    await record.asave()

    result = await backend.aexecute("SELECT * FROM named")
    assert result.data == [{"ID": 1, "Full Name": "Bob", "update": 3}]
    assert await Named.afind_one({"Full Name": "Bob"}) == await Named.afind_one({"full_name": "Bob"}) == record
    assert await record.adelete() == 1


# 2 - Updating


async def test_an_update_sends_the_changed_columns_only(users: type[User], sent: list[str]) -> None:
    user = await User.acreate(name="Ann", age=3)
    sent.clear()
    user.age = 4

    assert await user.asave() == 1
    assert sent == ['UPDATE "users" SET "age" = ? WHERE "id" = ?']
    assert await user.asave() == 0
    assert len(sent) == 1


async def test_nothing_changed_sends_nothing(users: type[User], sent: list[str]) -> None:
    user = await User.acreate(name="Ann")
    found = await User.afind_one_or_fail(user.id)
    sent.clear()
    found.name = "Ann"
    found.friends = []
    found.extra = {}

    assert (await user.asave(), await found.asave(), sent) == (0, 0, [])


async def test_what_was_changed_and_changed_back_is_not_sent(users: type[User], sent: list[str]) -> None:
    user = await User.acreate(name="Ann", age=3)
    user.age = 4
    user.age = 3
    sent.clear()

    assert await user.asave() == 0
    assert sent == []


async def test_lists_dicts_and_models_edited_in_place_are_saved(users: type[User]) -> None:
    user = await User.acreate(name="Ann", address={"city": "Ulm"})
    for record in (user, await User.afind_one_or_fail(user.id)):
        record.friends.append("Bob")
        assert record.dirty_fields == {"friends"}
        record.extra["x"] = {"y": [1, 2]}
        assert record.address is not None
        record.address.tags.append("home")
        assert record.dirty_fields == {"friends", "extra", "address"}
        assert await record.asave() == 1
        assert not record.is_dirty
        assert await User.afind_one(user.id) == record
        record.extra["x"]["y"].clear()
        assert await record.asave() == 1
        await user.arefresh()
        assert user.extra == {"x": {"y": []}}


@pytest.mark.engine("sqlite")
async def test_equal_json_in_another_spelling_is_no_change(users: type[User], backend: Any, sent: list[str]) -> None:
    await backend.aexecute(
        "INSERT INTO users (name, is_active, friends, extra) VALUES ('Ann', 0, '[ \"a\" ]', '{\"b\":1,   \"a\" :2}')"
    )
    user = await User.afind_one_or_fail(1)
    sent.clear()

    assert user.extra == {"b": 1, "a": 2}
    assert await user.asave() == 0
    assert sent == []


async def test_one_is_not_true_and_nan_is_nan(users: type[User], sent: list[str]) -> None:
    user = await User.acreate(name="Ann", age=1, is_active=True)
    sent.clear()
    user.is_active = 1
    assert await user.asave() == 0
    assert user.is_active is True
    user.age = True
    assert await user.asave() == 0
    assert type(user.age) is int
    assert sent == []


async def test_nan_cannot_be_lost_on_the_way(users: type[User]) -> None:
    user = await User.acreate(name="Ann")
    user.score = math.nan

    with pytest.raises(DataError, match=r"User.score"):
        await user.asave()
    assert user.is_dirty
    await user.arefresh()
    assert user.score is None


async def test_a_value_that_validation_makes_equal_again_is_not_sent(users: type[User], sent: list[str]) -> None:
    user = await User.acreate(name="Ann", age=3)
    sent.clear()
    user.age = "3"

    assert await user.asave() == 0
    assert user.age == 3
    assert sent == []


async def test_decimals_and_enums_are_compared_by_value(home: Any, sent: list[str]) -> None:
    class Level(IntEnum):
        LOW = 1
        HIGH = 2

    class Item(ActiveRecord):
        __table_name__ = "items"
        id: int
        price: Annotated[Decimal, Field(max_digits=8, decimal_places=2)]
        level: Level = Level.LOW

    home(Item)
    await Item.acreate(price="1.50")
    item = await Item.afind_one_or_fail(1)
    sent.clear()
    item.price = Decimal("1.5")
    item.level = Level.LOW

    assert await item.asave() == 0
    item.level = 2
    assert await item.asave() == 1
    assert item.level is Level.HIGH
    assert sent == ['UPDATE "items" SET "level" = ? WHERE "id" = ?']


async def test_a_changed_key_updates_the_old_row(users: type[User]) -> None:
    user = await User.acreate(name="Ann")
    user.id = 9

    assert await user.asave() == 1
    assert await User.afind_one(1) is None
    assert await User.afind_one(9) == user
    assert await User.query().acount() == 1


async def test_composite_keys_find_update_delete_and_move(home: Any) -> None:
    home(Line)
    first = await Line.acreate(order_id=1, number=1, text="a")
    await Line.acreate(order_id=1, number=2, text="b")

    assert await Line.afind_one((1, 1)) == first
    assert await Line.afind_one({"order_id": 1, "number": 2}) == Line(order_id=1, number=2, text="b")
    assert await first.aupdate(text="c") == 1
    first.number = 3
    assert await first.asave() == 1
    await first.arefresh()
    assert {line.number for line in await Line.afind_all([(1, 3), (1, 2), (9, 9)])} == {2, 3}
    with pytest.raises(UniqueViolation):
        await Line.acreate(order_id=1, number=2)
    assert await first.adelete() == 1
    assert (first.order_id, first.number) == (1, 3)
    assert await first.asave() == 1
    assert await Line.query().acount() == 2


async def test_a_row_that_has_gone_is_a_stale_record(users: type[User]) -> None:
    user, other = await User.acreate(name="Ann"), await User.afind_one_or_fail(1)
    await other.adelete()
    user.age = 5

    with pytest.raises(StaleRecord, match="its row is no longer there"):
        await user.asave()
    assert user.dirty_fields == {"age"}
    with pytest.raises(RecordNotFound):
        await user.arefresh()
    assert await user.adelete() == 0


async def test_update_assigns_and_saves_a_dict_or_keywords(users: type[User]) -> None:
    user = await User.acreate(name="Ann")

    assert await user.aupdate({"age": 4}, name="Bob") == 1
    assert await User.afind_one(1) == user
    assert await user.aupdate() == 0
    assert await User(name="New").aupdate(age=1) == 1


async def test_update_refuses_an_unknown_name_and_assigns_nothing(users: type[User], sent: list[str]) -> None:
    user = await User.acreate(name="Ann")
    sent.clear()

    for name in ("nmae", "__class__", "_stored", "is_dirty", "save"):
        with pytest.raises(ColumnNotFound, match=name):
            await user.aupdate({"name": "Bob", name: 1})
    with pytest.raises(TypeError, match="update takes a dict or keywords, got str"):
        await user.aupdate("name")
    assert (user.name, user.is_dirty, sent) == ("Ann", False, [])


async def test_null_where_none_may_stand_is_refused_before_the_statement(users: type[User], sent: list[str]) -> None:
    user = await User.acreate(name="Ann")
    sent.clear()

    with pytest.raises(DatabaseError):
        await user.aupdate(name=None)
    assert sent == []


@pytest.mark.engine("sqlite")
async def test_the_engine_has_the_last_word_about_null(home: Any, backend: Any) -> None:
    class Loose(ActiveRecord):
        __table_name__ = "strict_table"
        id: int
        name: str | None = None

    home(Loose, tables=False)
    await backend.aexecute("CREATE TABLE strict_table (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")

    with pytest.raises(NotNullViolation) as caught:
        await Loose.acreate()
    assert caught.value.columns == ("name",)


# 3 - Refreshing and deleting


async def test_refresh_reads_the_row_again_and_drops_changes(users: type[User], backend: Any) -> None:
    user = await User.acreate(name="Ann", age=1)
    await backend.aexecute("UPDATE users SET age = 2")
    user.name = "Bob"
    user.friends.append("x")

    await user.arefresh()

    assert (user.name, user.age, user.friends, user.is_dirty) == ("Ann", 2, [], False)


async def test_a_new_record_can_be_neither_refreshed_nor_deleted(users: type[User], sent: list[str]) -> None:
    sent.clear()

    with pytest.raises(DatabaseError, match="cannot be refreshed: it is not stored"):
        await User(name="Ann").arefresh()
    with pytest.raises(DatabaseError, match="cannot be deleted: it is not stored"):
        await User(id=1, name="Ann").adelete()
    assert sent == []


async def test_delete_makes_the_record_new_and_save_inserts_it_with_a_new_key(users: type[User]) -> None:
    user = await User.acreate(name="Ann")

    assert await user.adelete() == 1
    assert (user.id, user.is_new_record, user.is_dirty) == (None, True, False)
    assert await User.query().acount() == 0
    assert await user.asave() == 1
    assert user.id == 2
    assert await User.afind_all() == [user]


async def test_what_was_not_saved_before_a_delete_is_validated_by_the_next_save(home: Any) -> None:
    class Aged(ActiveRecord):
        __table_name__ = "aged"
        id: int
        age: Annotated[int, Field(ge=0)]

    home(Aged)
    record = await Aged.acreate(age=1)
    record.age = -5
    await record.adelete()

    assert record.dirty_fields == {"age"}
    with pytest.raises(DatabaseError, match="greater than or equal to 0"):
        await record.asave()


async def test_deleting_twice_is_an_error(users: type[User]) -> None:
    user = await User.acreate(name="Ann")
    await user.adelete()

    with pytest.raises(DatabaseError, match="not stored"):
        await user.adelete()


async def test_two_reads_give_two_objects(users: type[User]) -> None:
    await User.acreate(name="Ann")
    first, second = await User.afind_one_or_fail(1), await User.afind_one_or_fail(1)
    first.name = "Bob"

    assert first is not second
    assert second.name == "Ann"


class Slow(SQLiteBackend):
    """Says when an INSERT has reached the driver, and takes its time there."""

    begun: threading.Event

    def _perform(self, connection: Any, sql: str, params: Any) -> Any:
        result = super()._perform(connection, sql, params)
        if sql.startswith("INSERT"):
            self.begun.set()
            time.sleep(0.1)
        return result

    _interrupt = None


@pytest.mark.face("awaiting", reason="only a task can be cancelled")
async def test_a_cancelled_save_whose_row_was_stored_is_not_inserted_again() -> None:
    class Note(ActiveRecord):
        __table_name__ = "notes"
        id: int
        text: str

    backend = Note.__backend__ = Slow(database=":memory:")
    backend.begun = threading.Event()
    await Note.acreate_table()
    note = Note(text="once")
    saving = asyncio.ensure_future(note.asave())
    await asyncio.to_thread(backend.begun.wait)
    saving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saving

    assert (False, 1) == (note.is_new_record, note.id)
    assert 0 == await note.asave()
    assert 1 == await Note.query().acount()
    await backend.aclose()
