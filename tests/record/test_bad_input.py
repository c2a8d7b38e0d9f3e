"""Bad input: each a typed error that says what, which value and what to do, before anything is written."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import ConfigDict

from rhosocial.activerecord import AUTO, ActiveRecord, BelongsTo, Column
from rhosocial.activerecord.backend import (
    ColumnNotFound,
    ConfigurationError,
    DatabaseError,
    DatabaseType,
    DataError,
    IsolationLevel,
    IsolationLevelError,
    OperationalError,
    QueryError,
    TableNotFound,
)
from rhosocial.activerecord.backend import ConnectionError as NoConnection
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend


class User(ActiveRecord):
    __table_name__ = "users"
    id: int = AUTO
    name: str


async def test_a_model_without_a_table(backend: Any, sent: list[str]) -> None:
    class Tableless(ActiveRecord):
        __backend__ = backend
        id: int

    for use in (Tableless().asave, Tableless.acreate_table, lambda: Tableless.afind_one(1), Tableless.afind_all):
        with pytest.raises(ConfigurationError, match="Tableless has no table: set __table_name__ = '…' in the class"):
            await use()
    assert sent == []


@pytest.mark.parametrize("name", ["", 5, None])
async def test_a_table_name_that_is_none(name: Any) -> None:
    class Tableless(ActiveRecord):
        __table_name__ = name
        id: int

    with pytest.raises(ConfigurationError, match="Tableless has no table"):
        _ = Tableless.__table__


async def test_a_model_without_a_key(backend: Any, sent: list[str]) -> None:
    class Keyless(ActiveRecord):
        __table_name__ = "keyless"
        __backend__ = backend
        name: str

    class Wrong(ActiveRecord):
        __table_name__ = "wrong"
        __backend__ = backend
        __primary_key__ = ("id", "nmae")
        id: int
        name: str

    with pytest.raises(
        ConfigurationError, match="Keyless has no field 'id' for its key: add the field or set __primary"
    ):
        await Keyless(name="x").asave()
    with pytest.raises(ConfigurationError, match="Wrong has no field 'nmae' for its key"):
        await Wrong(id=1, name="x").asave()
    assert sent == []


@pytest.mark.parametrize("key", [(), "", 5, None, ("id", "id")])
async def test_a_key_that_is_none(key: Any) -> None:
    class Keyless(ActiveRecord):
        __table_name__ = "keyless"
        id: int

    Keyless.__primary_key__ = key
    with pytest.raises(ConfigurationError, match="Keyless"):
        _ = Keyless.__table__


async def test_a_model_without_a_backend() -> None:
    user = User(name="Ann")

    for use in (user.asave, User.acreate_table, User.afind_all, lambda: User.abulk_create([user])):
        with pytest.raises(
            DatabaseError, match=r"User has no backend: call User.configure\('sqlite:///app.db'\) first"
        ):
            await use()
    assert user.is_new_record


async def test_a_table_that_is_not_there(home: Any) -> None:
    home(User, tables=False)
    user = User(name="Ann")

    with pytest.raises(TableNotFound) as caught:
        await user.asave()
    assert caught.value.table == "users"
    assert isinstance(caught.value, QueryError)
    assert (user.id, user.is_new_record) == (None, True)


async def test_a_column_that_is_not_there(home: Any, backend: Any) -> None:
    home(User, tables=False)
    await backend.aexecute("CREATE TABLE users (id INTEGER PRIMARY KEY)")

    with pytest.raises(ColumnNotFound) as caught:
        await User.acreate(name="Ann")
    assert caught.value.columns == ("name",)


async def test_an_unknown_column_name_names_the_nearest(home: Any, sent: list[str]) -> None:
    home(User)
    sent.clear()

    for use in (
        lambda: User.c.nmae,
        lambda: User.query().order_by("nmae"),
        lambda: User.query().query({"nmae": 1}),
        lambda: User(name="x").get_old_attribute("nmae"),
    ):
        with pytest.raises(ColumnNotFound, match="User has no column 'nmae'; did you mean 'name'"):
            use()
    with pytest.raises(ColumnNotFound, match="User has no column 'zzz'; it has id, name"):
        _ = User.c.zzz
    assert sent == []


async def test_a_wrong_number_of_parameters(home: Any, sent: list[str]) -> None:
    home(User)
    sent.clear()

    with pytest.raises(ValueError, match=r"expected 1.*got 2"):
        await User.query().where("id = ?", (1, 2)).aall()
    assert sent == []


def test_a_type_with_no_mapping() -> None:
    class Opaque:
        pass

    class Holder(ActiveRecord):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        __table_name__ = "holders"
        id: int
        opaque: Opaque | None = None

    with pytest.raises(ConfigurationError, match=r"Holder.opaque: no column type fits .*Opaque.*: give it a Pydantic"):
        _ = Holder.__table__


def test_a_type_that_cannot_hold_the_values() -> None:
    class Holder(ActiveRecord):
        __table_name__ = "holders"
        id: int
        name: Annotated[str, Column(type=DatabaseType.INTEGER)]

    with pytest.raises(
        ConfigurationError, match=r"Holder.name: a INTEGER column cannot hold str|Holder.name: an? INTEGER"
    ):
        _ = Holder.__table__


def test_an_annotation_that_is_defined_nowhere() -> None:
    class Dangling(ActiveRecord):
        __table_name__ = "dangling"
        id: int
        part: Nowhere  # noqa: F821  # It is to be unknown.

    with pytest.raises(
        ConfigurationError, match="Dangling is annotated with 'Nowhere', which is not defined: define or"
    ):
        _ = Dangling.__table__


@pytest.mark.engine("sqlite")
async def test_an_unsupported_isolation_level(home: Any, sent: list[str]) -> None:
    home(User)
    sent.clear()

    with pytest.raises(IsolationLevelError, match=r"READ_COMMITTED|READ COMMITTED"):
        async with User.transaction(isolation_level=IsolationLevel.READ_COMMITTED):
            await User.acreate(name="Ann")
    assert await User.query().acount() == 0


async def test_a_write_in_a_read_only_block(home: Any) -> None:
    home(User)
    user = User(name="Ann")

    with pytest.raises(DatabaseError):
        async with User.transaction(read_only=True):
            await user.asave()
    assert user.is_new_record
    assert await user.asave() == 1


async def test_a_closed_backend(home: Any, backend: Any) -> None:
    home(User)
    user = await User.acreate(name="Ann")
    await backend.aclose()

    for use in (lambda: user.aupdate(name="Bob"), user.arefresh, user.adelete, User(name="x").asave, User.afind_all):
        with pytest.raises(NoConnection, match="the backend is closed: make another one"):
            await use()
    assert not user.is_new_record
    assert user.dirty_fields == {"name"}


async def test_a_corrupted_file(tmp_path: Any) -> None:
    path = tmp_path / "broken.db"
    path.write_bytes(b"this is no database" * 100)
    User.__backend__ = SQLiteBackend(database=str(path))
    try:
        user = User(name="Ann")
        with pytest.raises(DatabaseError, match="not a database"):
            await user.asave()
        assert (user.id, user.is_new_record) == (None, True)
        assert path.read_bytes() == b"this is no database" * 100
    finally:
        await User.__backend__.aclose()
        del User.__backend__


async def test_a_read_only_database(tmp_path: Any) -> None:
    path = tmp_path / "ro.db"
    with SQLiteBackend(database=str(path)) as writing:
        User.__backend__ = writing
        User.create_table()
        User.create(name="Ann")
    writing.close()
    reading = SQLiteBackend(database=f"file:{path}?mode=ro", options={"uri": True})
    User.__backend__ = reading
    try:
        user = await User.afind_one_or_fail(1)
        for use in (lambda: user.aupdate(name="Bob"), user.adelete, User(name="x").asave):
            with pytest.raises(OperationalError, match=r"readonly|read-only"):
                await use()
        assert (user.id, user.is_new_record) == (1, False)
        assert [found.name for found in await User.afind_all()] == ["Ann"]
    finally:
        await reading.aclose()
        del User.__backend__


async def test_a_path_that_cannot_be_opened(tmp_path: Any) -> None:
    User.__backend__ = SQLiteBackend(database=str(tmp_path / "no" / "such" / "folder.db"))
    try:
        with pytest.raises(NoConnection, match="cannot open"):
            await User.acreate(name="Ann")
    finally:
        await User.__backend__.aclose()
        del User.__backend__


@pytest.mark.parametrize("row", [{}, {"id": 1}, {"ID": 1, "name": "x"}])
async def test_a_row_that_lacks_a_column(home: Any, row: dict[str, Any]) -> None:
    home(User, tables=False)

    with pytest.raises(QueryError, match="the result has no column"):
        User.create_from_database(row)


@pytest.mark.engine("sqlite")
async def test_a_stored_value_that_cannot_be_read_is_named(home: Any, backend: Any) -> None:
    class Holder(ActiveRecord):
        __table_name__ = "holders"
        id: int
        data: dict[str, int]

    home(Holder)
    await backend.aexecute("INSERT INTO holders (data) VALUES ('{broken')")

    with pytest.raises(DatabaseError, match=r"Holder.data") as caught:
        await Holder.afind_one(1)
    assert caught.value.columns == ("data",)


class Free(ActiveRecord):
    __table_name__ = "free"
    id: int = AUTO
    next_id: Annotated[int | None, Column(references="free.id")] = None
    next = BelongsTo["Free | None"](foreign_key="next_id")


class Bound(ActiveRecord):
    __table_name__ = "bound"
    id: int = AUTO
    next_id: Annotated[int, Column(references="bound.id")] = AUTO
    next = BelongsTo["Bound"](foreign_key="next_id")


@pytest.mark.parametrize("length", [1, 3])
async def test_a_circle_of_new_records(home: Any, length: int) -> None:
    home(Free, Bound)
    circle: list[Any] = [Free() for _ in range(length)]
    bound: list[Any] = [Bound() for _ in range(length)]
    for records in (circle, bound):
        for number, record in enumerate(records):
            record.next = records[number - 1]

    await circle[0].asave(related=True)
    with pytest.raises(DataError, match="leads in a circle of new records") as caught:
        await bound[0].asave(related=True)

    assert [record.next_id for record in circle] == [circle[number - 1].id for number in range(length)]
    assert caught.value.columns == ("next_id",) and all(record.is_new_record for record in bound)
    assert await Bound.query().acount() == 0 and await Free.query().acount() == length
