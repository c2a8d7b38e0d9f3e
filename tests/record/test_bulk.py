"""bulk_create: few statements, all rows or none, keys on the objects."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any

import pytest
from pydantic import AwareDatetime, Field

from rhosocial.activerecord import AUTO, ActiveRecord, Column
from rhosocial.activerecord.backend import ColumnNotFound, DatabaseError, DataError, UniqueViolation, ValidationError


class User(ActiveRecord):
    __table_name__ = "users"
    id: int = AUTO
    name: Annotated[str, Field(min_length=1), Column(unique=True)]
    tags: list[str] = Field(default_factory=list)


class Line(ActiveRecord):
    __table_name__ = "lines"
    __primary_key__ = ("order_id", "number")
    order_id: int
    number: int


class Box(ActiveRecord):
    __table_name__ = "boxes"
    id: int
    width: int
    height: Annotated[int, Column(default_sql="7")]
    area: Annotated[int, Column(generated="width * height")]


class Note(ActiveRecord):
    __table_name__ = "notes"
    id: int = AUTO
    at: AwareDatetime | None
    day: date | None


async def test_the_rows_are_stored_and_the_keys_set_in_order(home: Any, sent: list[str]) -> None:
    home(User)
    users = [User(name=f"n{n}", tags=[str(n)]) for n in range(50)]
    sent.clear()

    assert await User.abulk_create(users) == users
    assert len([sql for sql in sent if sql.startswith("INSERT")]) == 1
    assert [user.id for user in users] == list(range(1, 51))
    assert all(not user.is_new_record and not user.is_dirty for user in users)
    assert await User.query().order_by("id").aall() == users
    users[3].tags.append("x")
    assert await users[3].asave() == 1
    assert await users[4].asave() == 0


async def test_given_keys_and_missing_keys_mix(home: Any) -> None:
    home(User)
    users = [User(name="a"), User(id=100, name="b"), User(name="c"), User(id=50, name="d")]
    await User.abulk_create(users)

    assert (users[1].id, users[3].id) == (100, 50)
    assert {user.name: user.id for user in await User.afind_all()} == {user.name: user.id for user in users}


async def test_a_batch_size_limits_the_rows_of_a_statement(home: Any, sent: list[str]) -> None:
    home(User)
    sent.clear()
    await User.abulk_create([User(name=str(n)) for n in range(7)], batch_size=3)

    assert len([sql for sql in sent if sql.startswith("INSERT")]) == 3
    assert await User.query().acount() == 7


async def test_more_parameters_than_a_statement_takes_are_split(home: Any) -> None:
    home(Line)
    lines = [Line(order_id=n, number=n) for n in range(20_000)]
    await Line.abulk_create(lines, batch_size=20_000)

    assert await Line.query().acount() == 20_000


async def test_composite_keys_and_databases_values(home: Any) -> None:
    home(Line, Box)
    lines = await Line.abulk_create([Line(order_id=1, number=n) for n in range(3)])
    boxes = await Box.abulk_create([Box(width=2), Box(width=3, height=1), Box(id=9, width=1)])

    assert await Line.afind_all() == lines
    assert [(box.id, box.height, box.area) for box in boxes] == [(1, 7, 14), (2, 1, 3), (9, 7, 7)]


async def test_rows_of_nothing_but_a_key(home: Any) -> None:
    class Ticket(ActiveRecord):
        __table_name__ = "tickets"
        id: int

    home(Ticket)

    assert [ticket.id for ticket in await Ticket.abulk_create([Ticket() for _ in range(3)])] == [1, 2, 3]


async def test_one_moment_for_many_rows_is_stored_in_each(home: Any) -> None:
    home(Note)
    first, zoned = datetime(2024, 5, 1, 9, tzinfo=UTC), datetime(2024, 5, 1, 11, tzinfo=timezone(timedelta(hours=2)))
    moments = [first, first, None, None, zoned, zoned, first, datetime(2024, 5, 1, 9, 0, 1, tzinfo=UTC)]
    days = [None, first.date(), first.date(), date(2024, 5, 2), None, None, first.date(), first.date()]
    notes = [Note(at=at, day=day) for at, day in zip(moments, days, strict=True)]
    await Note.abulk_create(notes)

    assert await Note.query().order_by("id").select("at", "day").atuples() == list(zip(moments, days, strict=True))
    assert all(not note.is_dirty for note in notes)


async def test_nothing_to_create_sends_nothing(home: Any, sent: list[str]) -> None:
    home(User)
    sent.clear()

    assert await User.abulk_create([]) == []
    assert sent == []


async def test_an_iterator_may_be_given(home: Any) -> None:
    home(User)

    assert len(await User.abulk_create(User(name=str(n)) for n in range(3))) == 3


async def test_what_changed_is_validated_before_anything_is_written(home: Any, sent: list[str]) -> None:
    home(User)
    users = [User(name=str(n)) for n in range(3)]
    users[2].name = ""
    sent.clear()

    with pytest.raises(ValidationError, match="at least 1 character"):
        await User.abulk_create(users)
    assert sent == []
    assert all(user.is_new_record for user in users)
    users[2].name = 5
    with pytest.raises(ValidationError):
        await User.abulk_create(users)


async def test_a_value_that_cannot_be_stored_leaves_nothing(home: Any) -> None:
    home(Line)

    with pytest.raises(DataError, match=r"Line.number"):
        await Line.abulk_create([Line(order_id=1, number=1), Line(order_id=1, number=2**63)])
    assert await Line.query().acount() == 0


async def test_a_duplicate_leaves_nothing_and_can_be_mended(home: Any) -> None:
    home(User)
    users = [User(name="a"), User(name="b"), User(name="a")]

    with pytest.raises(UniqueViolation):
        await User.abulk_create(users)
    assert await User.query().acount() == 0
    assert [user.id for user in users] == [None] * 3
    users[2].name = "c"
    await User.abulk_create(users)
    assert await User.query().acount() == 3


async def test_what_is_no_new_record_of_the_class_is_refused(home: Any, sent: list[str]) -> None:
    class Sub(User):
        extra: int = 0

    home(User, Line)
    stored, new = await User.acreate(name="a"), User(name="b")
    sent.clear()

    for records, complaint in [
        ([new, stored], "row 1: bulk_create takes new records, but this User is stored already"),
        ([new, new], "takes each record once"),
        ([new, Line(order_id=1, number=1)], "row 1: bulk_create takes User records or dicts, got Line"),
        ([Sub(name="c")], "takes User records or dicts, got Sub"),
        (["x"], "takes User records or dicts, got str"),
    ]:
        with pytest.raises(DatabaseError, match=complaint):
            await User.abulk_create(records)
    assert sent == []


@pytest.mark.parametrize("size", [0, -1, True, 2.5, "3"])
async def test_a_batch_size_that_is_none_is_refused(home: Any, size: Any) -> None:
    home(User)

    with pytest.raises(DatabaseError, match="batch_size must be a whole number of at least 1, got"):
        await User.abulk_create([User(name="a")], batch_size=size)


async def test_dicts_are_made_records_of(home: Any) -> None:
    home(User)
    users = await User.abulk_create([{"name": "a", "tags": ["x"]}, User(name="b"), {"id": 9, "name": "c"}])

    assert [(user.id, user.name, user.tags) for user in users] == [(1, "a", ["x"]), (2, "b", []), (9, "c", [])]
    assert await User.query().order_by("id").aall() == users


@pytest.mark.parametrize(
    ("bad", "error", "complaint", "place"),
    [
        ({"name": ""}, ValidationError, "row 7000: User is not valid: name: String should have at least 1", "name"),
        ({"tags": []}, ValidationError, "row 7000: User is not valid: name: Field required", "name"),
        ({"name": "x", "nmae": "y"}, ColumnNotFound, "row 7000: User has no column 'nmae'; did you mean 'name'", None),
        ({"name": "x", "_name": "y"}, ColumnNotFound, "row 7000: User has no column '_name'", None),
        ({"id": 2**63, "name": "x"}, DataError, r"row 7000: User\.id: ", None),
        (["name"], DatabaseError, "row 7000: bulk_create takes User records or dicts, got list", None),
    ],
)
async def test_the_bad_row_of_many_is_named(
    home: Any, bad: Any, error: type[DatabaseError], complaint: str, place: str | None
) -> None:
    home(User)
    rows: list[Any] = [{"name": f"n{n}"} for n in range(10_000)]
    rows[7_000] = bad
    with pytest.raises(error, match=complaint) as caught:
        await User.abulk_create(rows)

    assert caught.value.row == 7_000
    if isinstance(caught.value, ValidationError):
        assert caught.value.errors()[0]["loc"] == (7_000, place)
    assert await User.query().acount() == 0


@pytest.mark.parametrize("inside", [False, pytest.param(True, marks=pytest.mark.needs("supports_savepoints"))])
async def test_the_row_that_breaks_a_constraint_is_named(home: Any, inside: bool) -> None:
    home(User)
    await User.acreate(name="n1234")
    users = [User(name=f"n{n}") for n in range(3_000)]
    async with User.transaction() if inside else nullcontext():
        with pytest.raises(UniqueViolation) as caught:
            await User.abulk_create(users)
        if User.backend().dialect.supports_savepoints:  # By which the row is looked for.
            assert caught.value.row == 1234 and str(caught.value).startswith("row 1234: ")
        assert caught.value.fields == ("name",)
        assert await User.query().acount() == 1

    assert all(user.is_new_record and user.id is None for user in users)
    users[1234].name = "fine"
    await User.abulk_create(users)


async def test_ten_thousand_records_have_their_keys(home: Any, sent: list[str]) -> None:
    home(User)
    users = [User(name=f"n{n}") for n in range(10_000)]
    sent.clear()
    await User.abulk_create(users)

    assert len(sent) <= 13  # A block of ten INSERTs, before which keys may be reserved.
    assert {user.id: user.name for user in users} == dict(await User.query().select("id", "name").atuples())


@pytest.mark.engine("postgresql", "mariadb", reason="many transactions write at one time")
def test_keys_of_bulk_inserts_at_one_time_are_not_mixed(home: Any) -> None:
    home(User)
    start = threading.Barrier(4)

    def insert(worker: int) -> list[User]:
        start.wait()
        return [
            user
            for turn in range(10)
            for user in User.bulk_create([User(name=f"{worker}.{turn}.{n}") for n in range(40)], batch_size=7)
        ]

    with ThreadPoolExecutor(4) as pool:
        users = [user for made in pool.map(insert, range(4)) for user in made]

    assert len({user.id for user in users}) == 1_600
    assert {user.id: user.name for user in users} == dict(User.query().select("id", "name").tuples())


@pytest.mark.needs("supports_savepoints")
async def test_a_bulk_create_inside_a_block_is_a_savepoint(home: Any) -> None:
    home(User)
    async with User.transaction():
        await User.acreate(name="a")
        with pytest.raises(UniqueViolation):
            await User.abulk_create([User(name="b"), User(name="a")])
        await User.abulk_create([User(name="b")])

    assert {user.name for user in await User.afind_all()} == {"a", "b"}
