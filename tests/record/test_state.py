"""What a record knows of itself: newness, what changed, what it was loaded as, and what the class asks of loading."""

from __future__ import annotations

import functools
from typing import Annotated, Any

import pytest
from pydantic import ConfigDict, Field, PrivateAttr

from rhosocial.activerecord import AUTO, ActiveRecord, Column, ModelEvent
from rhosocial.activerecord.backend import ColumnNotFound, DatabaseType


class User(ActiveRecord):
    __table_name__ = "users"
    id: int = AUTO
    name: str
    age: Annotated[int | None, Column(name="years")] = None
    tags: list[str] = Field(default_factory=list)


async def test_a_new_object_is_clean_and_later_assignment_makes_it_dirty(home: Any) -> None:
    home(User)
    user = User(name="Ann")
    assert (user.is_new_record, user.is_from_db, user.is_dirty) == (True, False, False)

    user.name = "Bob"
    assert user.dirty_fields == {"name"}
    assert user.get_old_attribute("name") == "Ann"
    user.name = "Ann"
    assert not user.is_dirty
    user.name = "Bob"
    await user.asave()

    assert (user.is_new_record, user.is_dirty, user.get_old_attribute("name")) == (False, False, "Bob")


async def test_old_attributes_are_those_of_the_row(home: Any) -> None:
    home(User)
    user = await User.acreate(name="Ann", age=3, tags=["a"])
    user.name, user.age = "Bob", 4
    user.tags.append("b")

    old = {name: user.get_old_attribute(name) for name in ("name", "age", "years", "tags")}
    assert old == {"name": "Ann", "age": 3, "years": 3, "tags": ["a"]}
    assert user.dirty_fields == {"name", "age", "tags"}
    with pytest.raises(ColumnNotFound, match="did you mean 'name'"):
        user.get_old_attribute("nmae")


async def test_reset_tracking_takes_the_values_for_the_stored_ones(home: Any, sent: list[str]) -> None:
    home(User)
    new, stored = User(name="Ann"), await User.acreate(name="Ann")
    sent.clear()
    for user in (new, stored):
        user.name = "Bob"
        user.reset_tracking()
        assert not user.is_dirty

    assert await stored.asave() == 0
    assert sent == []


async def test_attributes_that_are_no_fields_do_not_count(home: Any, sent: list[str]) -> None:
    class Cached(ActiveRecord):
        __table_name__ = "cached"
        id: int
        name: str

        @functools.cached_property
        def upper(self) -> str:
            return self.name.upper()

    home(Cached)
    record = Cached(name="a")
    assert record.upper == "A"
    record._mark = 1
    assert not record.is_dirty
    await record.asave()
    loaded = await Cached.afind_one_or_fail(1)
    assert loaded.upper == "A"
    assert not loaded.is_dirty
    sent.clear()

    assert await loaded.asave() == 0
    await loaded.adelete()
    assert not loaded.is_dirty
    assert await loaded.asave() == 1


async def test_a_record_without_validation_is_dirty_as_a_whole(home: Any) -> None:
    home(User)
    user = User.model_construct(name="Ann")

    assert user.is_new_record
    assert user.dirty_fields == {"id", "name", "age", "tags"}
    assert user.get_old_attribute("name") is None
    await user.asave()
    assert not user.is_dirty


async def test_model_fields_set_is_each_records_own(home: Any) -> None:
    home(User)
    for number in range(20):  # Few rows and many are loaded in different ways.
        await User.acreate(name=str(number))
    for records in (await User.query().aall(), await User.query().limit(3).aall()):
        first, second = records[0], records[1]
        assert first.model_fields_set == {"id", "name", "age", "tags"}
        first.model_fields_set.discard("name")
        assert first.model_dump(exclude_unset=True) == {"id": first.id, "age": None, "tags": []}
        assert "name" in second.model_fields_set
        assert "name" in second.model_dump(exclude_unset=True)
        first.name = "x"
        assert "name" in first.model_fields_set


async def test_a_loaded_record_is_the_same_as_a_validated_one(home: Any) -> None:
    home(User)
    await User.abulk_create([User(name=str(n), tags=["x"]) for n in range(12)])
    for loaded in [*(await User.query().aall())[:2], await User.afind_one_or_fail(1)]:
        made = User(**loaded.model_dump())

        assert made == loaded
        assert repr(made) == repr(loaded)
        assert made.model_dump_json() == loaded.model_dump_json()
        assert made.__pydantic_extra__ == loaded.__pydantic_extra__
        assert made.__pydantic_private__ == loaded.__pydantic_private__


class Rich(ActiveRecord):
    model_config = ConfigDict(extra="allow")
    __table_name__ = "rich"
    id: int
    name: str
    _private: list[int] = PrivateAttr(default_factory=list)
    _seen: str = PrivateAttr(default="")

    def model_post_init(self, context: Any, /) -> None:
        self._seen = self.name


async def test_private_attributes_post_init_and_extras_are_honoured_at_loading(home: Any) -> None:
    home(Rich)
    for number in range(10):
        await Rich.acreate(name=f"n{number}", more=1)
    for records in (await Rich.query().aall(), await Rich.afind_all([1, 2])):
        first, second = records[0], records[1]
        assert (first._seen, second._seen) == ("n0", "n1")
        first._private.append(1)
        first.other = 5
        assert second._private == []
        assert (first.model_extra, second.model_extra) == ({"other": 5}, {})
        assert not first.is_dirty
        assert await first.asave() == 0


async def test_extras_are_not_stored(home: Any, backend: Any) -> None:
    home(Rich)
    record = await Rich.acreate(name="x", more=1)
    assert record.model_extra == {"more": 1}

    result = await backend.aexecute("SELECT * FROM rich")
    assert result.data == [{"id": 1, "name": "x"}]


class Initial(ActiveRecord):
    __table_name__ = "initial"
    id: int
    name: str

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)
        self._calls = [*getattr(self, "_calls", []), data]


async def test_an_overridden_constructor_is_called_with_the_loaded_values(home: Any, backend: Any) -> None:
    home(Initial)
    made = Initial(name="Ann")
    await made.asave()
    await backend.aexecute("INSERT INTO initial (name) VALUES (5)")
    first, second = await Initial.query().aall()

    assert made._calls == [{"name": "Ann"}]
    assert first._calls == [{"id": 1, "name": "Ann"}]
    assert (second.name, second.is_new_record, second.is_dirty) == ("5", False, False)
    assert await second.asave() == 0
    second.name = "Bob"
    assert await second.asave() == 1


async def test_handlers_added_while_a_record_is_made_stay(home: Any) -> None:
    fired: list[str] = []

    class Watched(ActiveRecord):
        __table_name__ = "watched"
        id: int

        def model_post_init(self, context: Any, /) -> None:
            self.on(ModelEvent.AFTER_SAVE, lambda record, **kw: fired.append("saved"))

    class Constructed(ActiveRecord):
        __table_name__ = "constructed"
        id: int
        name: str = ""

        def __init__(self, **data: Any) -> None:
            super().__init__(**data)
            self.on(ModelEvent.AFTER_SAVE, lambda record, **kw: fired.append("made"))

    home(Watched, Constructed)
    await Watched.acreate()
    await Constructed.acreate()
    assert fired == ["saved", "made"]
    await (await Watched.afind_one_or_fail(1)).asave()
    await (await Constructed.afind_one_or_fail(1)).asave()
    assert fired == ["saved", "made"] * 2


async def test_records_come_from_rows_that_are_dicts(home: Any) -> None:
    home(User, tables=False)
    row = {"id": 5, "name": "Ann", "years": 3, "tags": '["a"]', "other": 1}

    user = User.create_from_database(row)

    assert user == User(id=5, name="Ann", age=3, tags=["a"])
    assert (user.is_new_record, user.is_dirty) == (False, False)
    assert User.create_collection_from_database([]) == []


def test_column_types_are_told() -> None:
    expected = {
        "id": DatabaseType.BIGINT,
        "name": DatabaseType.TEXT,
        "age": DatabaseType.BIGINT,
        "tags": DatabaseType.JSON,
    }

    assert User.column_types() == expected
