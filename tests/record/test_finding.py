"""Finding records by key, dict and condition."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest

from rhosocial.activerecord import AUTO, ActiveRecord, Column
from rhosocial.activerecord.backend import ColumnNotFound, DatabaseError, DataError, QueryError, RecordNotFound


class User(ActiveRecord):
    __table_name__ = "users"
    id: int = AUTO
    name: Annotated[str, Column(name="Full Name")]
    age: int | None = None


class Day(ActiveRecord):
    __table_name__ = "days"
    __primary_key__ = ("station", "day")
    station: UUID
    day: date


async def people(home: Any) -> list[User]:
    home(User)
    return await User.abulk_create([User(name="Ann", age=3), User(name="Bob"), User(name="Cid", age=5)])


async def test_find_one_by_key(home: Any) -> None:
    ann, _, cid = await people(home)

    assert await User.afind_one(1) == ann
    assert await User.afind_one("3") == cid
    assert await User.afind_one(99) is None
    assert await User.afind_one(None) is None


async def test_find_one_by_dict_or_condition(home: Any) -> None:
    ann, bob, cid = await people(home)

    assert await User.afind_one({"name": "Ann"}) == ann
    assert await User.afind_one({"age": None}) == bob
    assert await User.afind_one({"age__gte": 4, "Full Name": "Cid"}) == cid
    assert await User.afind_one(User.c.age < 4) == ann
    assert await User.afind_one({"name": "Dan"}) is None


async def test_find_one_or_fail(home: Any) -> None:
    ann, *_ = await people(home)

    assert await User.afind_one_or_fail(1) == ann
    with pytest.raises(RecordNotFound, match="no User with that key") as caught:
        await User.afind_one_or_fail(99)
    assert caught.value.table == "users"
    with pytest.raises(RecordNotFound, match="no User with those name, age") as caught:
        await User.afind_one_or_fail({"name": "secret", "age": 1})
    assert "secret" not in str(caught.value)
    with pytest.raises(RecordNotFound, match="no User meets that condition"):
        await User.afind_one_or_fail(User.c.age > 100)


async def test_find_all(home: Any) -> None:
    ann, bob, cid = await people(home)

    assert await User.afind_all() == [ann, bob, cid]
    assert {user.id for user in await User.afind_all([3, 1, 99, 3])} == {1, 3}
    assert {user.id for user in await User.afind_all((1, 2))} == {1, 2}
    assert {user.id for user in await User.afind_all(user.id for user in (ann, bob))} == {1, 2}
    assert await User.afind_all([]) == []
    assert await User.afind_all({"age": [3, 5]}) == [ann, cid]
    assert await User.afind_all(User.c.age.is_null()) == [bob]


async def test_keys_of_other_types(home: Any) -> None:
    home(Day)
    station = uuid4()
    day = await Day.acreate(station=station, day="2024-02-29")

    assert await Day.afind_one((station, date(2024, 2, 29))) == day
    assert await Day.afind_one((str(station), "2024-02-29")) == day
    assert await Day.afind_all([(station, date(2024, 2, 29))]) == [day]


async def test_a_key_of_the_wrong_kind_is_an_error_before_any_statement(home: Any, sent: list[str]) -> None:
    home(User, Day)
    sent.clear()

    with pytest.raises(DataError, match="str cannot be compared with a column of int"):
        await User.afind_one("abc")
    with pytest.raises(DataError, match="list cannot be compared"):
        await User.afind_one([1])
    with pytest.raises(DatabaseError, match=r"the key of Day is \(station, day\), got 1 value"):
        await Day.afind_one(uuid4())
    with pytest.raises(DatabaseError, match=r"the key of Day is \(station, day\), got 3 value"):
        await Day.afind_one((1, 2, 3))
    with pytest.raises(QueryError, match="tuple of 2 values"):
        await Day.afind_all([1])
    for wrong in (5, "abc", b"abc", 1.5):
        with pytest.raises(QueryError, match="find_all takes a list of keys, a dict or a condition"):
            await User.afind_all(wrong)
    with pytest.raises(ColumnNotFound, match="did you mean 'name'"):
        await User.afind_one({"nmae": "Ann"})
    assert sent == []


async def test_find_one_sends_one_statement_with_the_value_bound(home: Any, sent: list[str]) -> None:
    await people(home)
    sent.clear()

    await User.afind_one(1)

    assert sent == ['SELECT "id", "Full Name", "age" FROM "users" WHERE "id" = ?']


async def test_create_constructs_and_saves(home: Any) -> None:
    home(User)
    user = await User.acreate(name="Ann")

    assert (user.id, user.is_new_record) == (1, False)


async def test_the_queries_of_a_model_are_of_its_query_class(home: Any) -> None:
    from rhosocial.activerecord import Query

    class Adults(Query[Any]):
        def adults(self) -> Any:
            return self.where(Person.c.age >= 18)

    class Person(ActiveRecord):
        __table_name__ = "persons"
        __query_class__ = Adults
        id: int
        age: int

    home(Person)
    await Person.abulk_create([Person(age=17), Person(age=18)])

    assert [person.age for person in await Person.query().adults().aall()] == [18]
