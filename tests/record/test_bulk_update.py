"""bulk_update: what differs on many records, in few statements, all or none."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import AwareDatetime, Field, model_validator

from rhosocial.activerecord import AUTO, ActiveRecord, Column
from rhosocial.activerecord.backend import (
    ColumnNotFound,
    DatabaseError,
    DataError,
    QueryError,
    StaleRecord,
    UniqueViolation,
    ValidationError,
)
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend, SQLiteDialect

MANY = 10_000
MOMENT = datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)


class State(Enum):
    NEW = "new"
    OLD = "old"


class User(ActiveRecord):
    __table_name__ = "users"
    id: int = AUTO
    name: Annotated[str, Field(min_length=1), Column(name="called", unique=True)]
    age: int | None = 0
    price: Annotated[Decimal, Field(max_digits=12, decimal_places=3)] = Decimal(0)
    at: AwareDatetime = MOMENT
    day: date | None = None
    state: State = State.NEW
    mark: UUID = UUID(int=7)
    ratio: float = 0.5
    done: bool = False
    raw: bytes = b""
    tags: list[str] = Field(default_factory=list)
    more: dict[str, Any] | None = None

    @model_validator(mode="after")
    def sober(self) -> User:
        assert self.name != "drunk", "no drunkards"
        return self


class Line(ActiveRecord):
    __table_name__ = "lines"
    __primary_key__ = ("order_id", "day")
    order_id: int
    day: date
    text: str = ""


class Box(ActiveRecord):
    __table_name__ = "boxes"
    id: int
    width: int
    note: str = ""
    area: Annotated[int, Column(generated="width * 2")]


async def made(count: int = 3) -> list[User]:
    return await User.abulk_create([User(name=f"n{n}") for n in range(count)])


def changed(sent: list[str]) -> int:
    return len([sql for sql in sent if sql.startswith("UPDATE")])


async def test_each_record_gets_its_own_values(home: Any, sent: list[str]) -> None:
    home(User)
    users = await made()
    for number, user in enumerate(users):
        user.name, user.age = f"new {number}", number if number else None
        user.price, user.at, user.day = (
            Decimal(number) / 8,
            MOMENT + timedelta(number, number),
            date(2024, 1, 1 + number),
        )
        user.state, user.mark, user.ratio, user.done = State.OLD, UUID(int=number), number / 3, True
        user.raw, user.more = bytes([number, 0]), {"n": [number, None, {"x": "ü"}]}
        user.tags.append(str(number))
    sent.clear()

    assert await User.abulk_update(users) == 3
    assert changed(sent) <= 2  # The first one's age, price, … are what they were.
    assert not any(user.is_dirty for user in users)
    assert await User.query().order_by("id").aall() == users
    sent.clear()
    assert await User.abulk_update(users) == 0 and sent == []


async def test_only_the_fields_that_are_named_are_written(home: Any, sent: list[str]) -> None:
    home(User)
    users = await made()
    for user in users:
        user.age, user.ratio, user.name = 5, 9.0, ""
    users[1].age = 0
    sent.clear()

    assert await User.abulk_update(iter(users), ["age", "ratio"]) == 3
    assert [user.dirty_fields for user in users] == [{"name"}] * 3
    assert await User.query().order_by("id").select("age", "ratio").atuples() == [(5, 9.0), (0, 9.0), (5, 9.0)]
    with pytest.raises(ValidationError, match="row 0: User is not valid: name: String should have at least 1"):
        await User.abulk_update(users, ["called"])


async def test_composite_keys_and_computed_columns(home: Any) -> None:
    home(Line, Box)
    lines = await Line.abulk_create([Line(order_id=n % 2, day=date(2024, 1, 1 + n)) for n in range(6)])
    boxes = await Box.abulk_create([Box(width=n) for n in range(3)])
    for number, line in enumerate(lines):
        line.text = str(number)
    for box in boxes:
        box.width += 10

    assert await Line.abulk_update(lines) == 6
    assert await Line.query().order_by("day").aall() == lines
    assert await Box.abulk_update(boxes) == 3
    assert [box.area for box in boxes] == [20, 22, 24]
    boxes[0].width, boxes[0].note = 5, "unsaved"
    assert await Box.abulk_update(boxes, ["width"]) == 1
    assert (boxes[0].area, boxes[0].dirty_fields) == (10, {"note"})


async def test_ten_thousand_records_take_few_statements(home: Any, sent: list[str]) -> None:
    home(User)
    users = await made(MANY)
    for user in users:
        user.age, user.price = user.id, Decimal(user.id) / 8
    sent.clear()

    assert await User.abulk_update(users, ["age", "price"]) == MANY
    assert changed(sent) <= MANY / 100
    assert await User.query().asum("age") == sum(user.id for user in users)
    assert await User.query().order_by("id").aall() == users


@pytest.mark.parametrize(
    ("field", "value", "error", "complaint"),
    [
        ("name", "", ValidationError, "row 700: User is not valid: name: String should have at least 1"),
        ("age", "x", ValidationError, "row 700: User is not valid: age: Input should be a valid integer"),
        ("name", "drunk", ValidationError, "row 700: User is not valid: .*no drunkards"),
        ("age", 2**63, DataError, r"row 700: User\.age: "),
        ("id", 5_000, QueryError, r"row 700: bulk_update cannot change User\.id, its key: save the record"),
    ],
)
async def test_the_bad_row_of_many_is_named(home: Any, field: str, value: Any, error: Any, complaint: str) -> None:
    home(User)
    users = await made(1_000)
    for user in users:
        user.ratio = 2.0
    setattr(users[700], field, value)
    with pytest.raises(error, match=complaint) as caught:
        await User.abulk_update(users)

    assert caught.value.row == 700
    assert all("ratio" in user.dirty_fields for user in users)
    assert await User.query().where(User.c.ratio == 2.0).acount() == 0
    setattr(users[700], field, users[700].get_old_attribute(field))
    assert await User.abulk_update(users) == 1_000


async def test_a_row_that_has_gone_is_named_and_nothing_written(home: Any) -> None:
    home(User, Line, Box)
    users, boxes = await made(300), await Box.abulk_create([Box(width=n) for n in range(3)])
    await User.query().where(User.c.id == users[250].id).adelete()
    await Box.query().where(Box.c.id == boxes[2].id).adelete()
    for user in users:
        user.age = 9
    with pytest.raises(StaleRecord, match="row 250: this User was not saved: its row is no longer there") as caught:
        await User.abulk_update(users, batch_size=50)

    assert caught.value.row == 250
    assert await User.query().where(User.c.age == 9).acount() == 0
    assert all(user.dirty_fields == {"age"} for user in users)
    for box in boxes:
        box.width = 50
    with pytest.raises(StaleRecord, match="row 2: this Box"):
        await Box.abulk_update(boxes)
    assert await Box.query().where(Box.c.width == 50).acount() == 0
    lines = await Line.abulk_create([Line(order_id=n, day=date(2024, 1, 1)) for n in range(3)])
    await lines[1].__class__.query().where(Line.c.order_id == 1).adelete()
    for line in lines:
        line.text = "x"
    with pytest.raises(StaleRecord, match="row 1: this Line"):
        await Line.abulk_update(lines)


async def test_a_broken_constraint_undoes_all(home: Any) -> None:
    home(User)
    users = await made()
    users[0].age, users[1].name = 5, "n2"
    with pytest.raises(UniqueViolation, match=r"^row 1: ") as caught:
        await User.abulk_update(users)
    assert caught.value.row == 1
    assert users[0].dirty_fields == {"age"} and (await User.afind_one_or_fail(users[0].id)).age == 0

    users[1].name = "fine"
    with pytest.raises(ZeroDivisionError):
        async with User.transaction():
            assert await User.abulk_update(users) == 2
            assert not users[0].is_dirty
            raise ZeroDivisionError
    assert users[0].dirty_fields == {"age"} and users[1].dirty_fields == {"name"}
    assert await User.abulk_update(users) == 2


async def test_wrong_calls_are_refused_before_anything_is_sent(home: Any, sent: list[str]) -> None:
    home(User, Line, Box)
    users = await made()
    same = await User.afind_one_or_fail(users[0].id)
    box = await Box.acreate(width=1)
    users[0].age = 9
    sent.clear()
    for records, fields, error, complaint in [
        ([users[0], User(name="x")], None, DatabaseError, "row 1: bulk_update takes stored records"),
        ([users[0], users[0]], None, DatabaseError, "takes each record once"),
        (
            [users[0], same],
            None,
            DatabaseError,
            "row 1: bulk_update takes each row once, and this one is that of row 0",
        ),
        ([users[0], box], None, DatabaseError, "row 1: bulk_update takes User records, got Box"),
        ([{"id": 1}], None, DatabaseError, "row 0: bulk_update takes User records, got dict"),
        (users[0], None, DatabaseError, "takes a list of User records, got User"),
        (users, ["agee"], ColumnNotFound, "did you mean 'age'"),
        (users, ["id"], QueryError, r"bulk_update cannot change User\.id, the rows' key"),
        (users, "age", QueryError, "takes a list of names"),
        (users, [], QueryError, "takes a list of names"),
    ]:
        with pytest.raises(error, match=complaint):
            await User.abulk_update(records, fields)
    with pytest.raises(DataError, match=r"Box\.area is computed by the database"):
        await Box.abulk_update([box], ["area"])
    with pytest.raises(DatabaseError, match="batch_size must be a whole number"):
        await User.abulk_update(users, batch_size=0)
    assert sent == []


async def test_other_dialects_write_cases(tmp_path: Any) -> None:
    class Cases(SQLiteDialect):
        update_many_form = "case"
        update_many_rows = 2

    class Other(User):
        __table_name__ = "others"

    class Pair(Line):
        __table_name__ = "pairs"

    place = type("Place", (SQLiteBackend,), {"dialect_class": Cases})(database=str(tmp_path / "x.db"))
    Other.__backend__ = Pair.__backend__ = place
    await Other.acreate_table()
    await Pair.acreate_table()
    others = await Other.abulk_create([Other(name=f"n{n}") for n in range(3)])
    pairs = await Pair.abulk_create([Pair(order_id=n, day=date(2024, 1, 1)) for n in range(3)])
    for other, pair in zip(others, pairs, strict=True):
        other.price, other.tags, pair.text = Decimal(other.id) / 8, ["x"], str(pair.order_id)
    texts: list[str] = []
    place.on_execute.append(lambda sql, types, duration: texts.append(sql))

    assert await Other.abulk_update(others) == await Pair.abulk_update(pairs) == 3
    assert "CASE WHEN" in texts[1] and len(texts) == 8
    assert await Other.query().order_by("id").aall() == others
    assert await Pair.query().order_by("order_id").aall() == pairs
    await place.aclose()
