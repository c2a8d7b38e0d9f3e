"""create_table and drop_table: what the model declares is what SQLite says it has."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import AwareDatetime, BaseModel, Field

from rhosocial.activerecord import ActiveRecord, Check, Column, ForeignKey, Index, Unique
from rhosocial.activerecord.backend import (
    CheckViolation,
    ColumnNotFound,
    ConfigurationError,
    DatabaseType,
    ForeignKeyViolation,
    QueryError,
    TableNotFound,
    UniqueViolation,
)


class Color(Enum):
    RED = "red"


class Part(BaseModel):
    size: int


async def rows(backend: Any, sql: str) -> list[Any]:
    return [tuple(row.values()) for row in (await backend.aexecute(sql)).data]


class Wide(ActiveRecord):
    __table_name__ = "wide"
    id: int
    whole: int
    real: float
    exact: Annotated[Decimal, Field(max_digits=9, decimal_places=2)]
    large: Annotated[Decimal, Field(max_digits=30, decimal_places=4)]
    text: str
    short: Annotated[str, Field(max_length=5)] | None = None
    raw: bytes = b""
    flag: bool = False
    day: date | None = None
    clock: time | None = None
    moment: AwareDatetime | None = None
    local: datetime | None = None
    span: timedelta | None = None
    token: UUID | None = None
    color: Color = Color.RED
    word: Literal["a", "b"] = "a"
    data: dict[str, Any] = Field(default_factory=dict)
    parts: list[Part] = Field(default_factory=list)


@pytest.mark.engine("sqlite")
async def test_types_and_nullability(home: Any, backend: Any) -> None:
    home(Wide)

    found = {
        name: (kind, notnull, pk) for _, name, kind, notnull, _, pk in await rows(backend, "PRAGMA table_info(wide)")
    }
    assert found == {
        "id": ("INTEGER", 0, 1),
        "whole": ("INTEGER", 1, 0),
        "real": ("REAL", 1, 0),
        "exact": ("NUMERIC(9,2)", 1, 0),
        "large": ("TEXT", 1, 0),
        "text": ("TEXT", 1, 0),
        "short": ("TEXT", 0, 0),
        "raw": ("BLOB", 1, 0),
        "flag": ("INTEGER", 1, 0),
        "day": ("TEXT", 0, 0),
        "clock": ("TEXT", 0, 0),
        "moment": ("TEXT", 0, 0),
        "local": ("TEXT", 0, 0),
        "span": ("INTEGER", 0, 0),
        "token": ("TEXT", 0, 0),
        "color": ("TEXT", 1, 0),
        "word": ("TEXT", 1, 0),
        "data": ("TEXT", 1, 0),
        "parts": ("TEXT", 1, 0),
    }


@pytest.mark.engine("sqlite")
async def test_every_type_comes_back_as_it_was_saved(home: Any) -> None:
    home(Wide)
    made = Wide(
        whole=2**63 - 1,
        real=0.1,
        exact="1234567.89",
        large="12345678901234567890123456.7891",
        text="a\0b'\"\\%_?;--🦀",
        short="abcde",
        raw=b"\0\xff",
        flag=True,
        day="2024-02-29",
        clock="23:59:59.999999",
        moment="2024-02-29T12:00:00.000001+02:00",
        local="2024-02-29T12:00:00.000001",
        span=timedelta(days=40, microseconds=1),
        token="12345678-1234-5678-1234-567812345678",
        data={"a": [1, 2.5, None, True, "ü"]},
        parts=[{"size": 3}],
    )
    await made.asave()

    found = await Wide.afind_one_or_fail(made.id)
    assert found == made
    assert {name: type(value) for name, value in found} == {name: type(value) for name, value in made}
    assert await found.asave() == 0


class Account(ActiveRecord):
    __table_name__ = "accounts"
    __table_args__ = (
        Unique("owner", "kind", name="one_of_a_kind"),
        Check("balance >= 0", name="no_debt"),
        Index("kind", "balance"),
        Index("owner", unique=True, where="kind = 'main'", name="one_main"),
    )
    id: int
    owner: str
    kind: Annotated[str, Column(default_sql="'main'")]
    balance: Annotated[int, Column(name="Balance")] = 0
    email: Annotated[str | None, Column(unique=True, collation="NOCASE")] = None
    city: Annotated[str, Column(index=True)] = ""
    made: Annotated[str, Column(default_sql="CURRENT_TIMESTAMP")]
    doubled: Annotated[int, Column(generated='"Balance" * 2')]


@pytest.mark.engine("sqlite")
async def test_defaults_generated_columns_and_collations(home: Any, backend: Any) -> None:
    home(Account)

    columns = {
        name: (notnull, default, hidden)
        for _, name, _, notnull, default, _, hidden in await rows(backend, "PRAGMA table_xinfo(accounts)")
    }
    assert columns["kind"] == (1, "'main'", 0)
    assert columns["made"] == (1, "CURRENT_TIMESTAMP", 0)
    assert columns["Balance"] == (1, None, 0)
    assert columns["doubled"] == (1, None, 3)
    await Account.acreate(owner="a", email="a@B.c")
    assert (await Account.afind_one_or_fail({"email": "A@b.C"})).doubled == 0
    with pytest.raises(UniqueViolation) as caught:
        await Account.acreate(owner="b", email="A@B.C")
    assert caught.value.columns == ("email",)


@pytest.mark.engine("sqlite")
async def test_uniques_checks_and_indexes(home: Any, backend: Any) -> None:
    home(Account)

    found = {
        name: (unique, origin, partial, [row[2] for row in await rows(backend, f'PRAGMA index_info("{name}")')])
        for _, name, unique, origin, partial in await rows(backend, "PRAGMA index_list(accounts)")
    }
    assert found == {
        "sqlite_autoindex_accounts_1": (1, "u", 0, ["email"]),
        "sqlite_autoindex_accounts_2": (1, "u", 0, ["owner", "kind"]),
        "ix_accounts_kind_Balance": (0, "c", 0, ["kind", "Balance"]),
        "one_main": (1, "c", 1, ["owner"]),
        "ix_accounts_city": (0, "c", 0, ["city"]),
    }
    await Account.acreate(owner="a")
    await Account.acreate(owner="a", kind="side")
    with pytest.raises(UniqueViolation) as caught:
        await Account.acreate(owner="a", kind="side")
    assert set(caught.value.columns) == {"owner", "kind"}
    with pytest.raises(CheckViolation) as broken:
        await Account.acreate(owner="b", balance=-1)
    assert broken.value.constraint == "no_debt"


class Order(ActiveRecord):
    __table_name__ = "orders"
    __primary_key__ = ("shop", "number")
    shop: str
    number: int


class Item(ActiveRecord):
    __table_name__ = "order_items"
    __table_args__ = (
        ForeignKey("shop", "order_number", references="orders(shop, number)", on_delete="CASCADE", on_update="CASCADE"),
    )
    id: int
    shop: str
    order_number: int
    parent_id: Annotated[int | None, Column(references="order_items.id", on_delete="SET NULL")] = None


@pytest.mark.engine("sqlite")
async def test_foreign_keys_composite_ones_too(home: Any, backend: Any) -> None:
    home(Item, Order)

    found = await rows(backend, "PRAGMA foreign_key_list(order_items)")
    assert {row[2:7] for row in found} == {
        ("orders", "shop", "shop", "CASCADE", "CASCADE"),
        ("orders", "order_number", "number", "CASCADE", "CASCADE"),
        ("order_items", "parent_id", "id", "NO ACTION", "SET NULL"),
    }
    with pytest.raises(ForeignKeyViolation):
        await Item.acreate(shop="a", order_number=1)
    order = await Order.acreate(shop="a", number=1)
    first = await Item.acreate(shop="a", order_number=1)
    second = await Item.acreate(shop="a", order_number=1, parent_id=first.id)
    await order.aupdate(number=2)
    await second.arefresh()
    assert second.order_number == 2
    await first.adelete()
    await second.arefresh()
    assert second.parent_id is None
    await order.adelete()
    assert await Item.query().acount() == 0


@pytest.mark.engine("sqlite")
async def test_composite_and_text_keys_are_primary_keys(home: Any, backend: Any) -> None:
    home(Order)

    found = {name: (notnull, pk) for _, name, _, notnull, _, pk in await rows(backend, "PRAGMA table_info(orders)")}
    assert found == {"shop": (1, 1), "number": (1, 2)}


@pytest.mark.engine("sqlite")
async def test_keys_are_not_used_again(home: Any, backend: Any) -> None:
    home(Item)

    (sql,) = (await rows(backend, "SELECT sql FROM sqlite_master WHERE name = 'order_items'"))[0]
    assert "AUTOINCREMENT" in sql


@pytest.mark.engine("sqlite")
async def test_an_explicit_type_goes_before_the_annotation(home: Any, backend: Any) -> None:
    class Typed(ActiveRecord):
        __table_name__ = "typed"
        id: int
        amount: Annotated[Decimal, Column(type=DatabaseType.TEXT)]
        code: Annotated[str, Column(length=3)]

    home(Typed)
    await Typed.acreate(amount="1.10", code="abc")

    assert (await rows(backend, "SELECT amount, typeof(amount) FROM typed")) == [("1.10", "text")]
    assert (await Typed.afind_one_or_fail(1)).amount == Decimal("1.10")


@pytest.mark.engine("sqlite")
async def test_create_table_may_be_repeated_unless_told_otherwise(home: Any) -> None:
    home(Account)
    await Account.acreate(owner="a")
    await Account.acreate_table()

    assert await Account.query().acount() == 1
    with pytest.raises(QueryError, match="already exists"):
        await Account.acreate_table(if_not_exists=False)


@pytest.mark.engine("sqlite")
async def test_a_table_whose_index_cannot_be_made_is_not_there(home: Any, backend: Any) -> None:
    class Broken(ActiveRecord):
        __table_name__ = "broken"
        __table_args__ = (Index("name", where="no such thing"),)
        id: int
        name: str

    home(Broken, tables=False)
    with pytest.raises(QueryError):
        await Broken.acreate_table()

    assert await rows(backend, "SELECT * FROM sqlite_master") == []


@pytest.mark.engine("sqlite")
async def test_drop_table(home: Any, backend: Any) -> None:
    home(Account)
    await Account.adrop_table()
    await Account.adrop_table()

    assert await rows(backend, "SELECT name FROM sqlite_master WHERE name LIKE '%accounts%'") == []
    with pytest.raises(TableNotFound) as caught:
        await Account.adrop_table(if_exists=False)
    assert caught.value.table == "accounts"
    with pytest.raises(TableNotFound):
        await Account.acreate(owner="a")


@pytest.mark.engine("sqlite")
async def test_tables_can_be_created_in_a_block_and_rolled_back(home: Any, backend: Any) -> None:
    home(Account, tables=False)
    with pytest.raises(RuntimeError):
        async with backend.transaction():
            await Account.acreate_table()
            await Account.acreate(owner="a")
            raise RuntimeError

    assert await rows(backend, "SELECT * FROM sqlite_master WHERE name = 'accounts'") == []


@pytest.mark.engine("sqlite")
async def test_a_table_may_have_a_schema(home: Any, backend: Any) -> None:
    class Main(ActiveRecord):
        __table_name__ = "main.things"
        id: int
        name: str = ""

    home(Main)
    thing = await Main.acreate()
    await thing.aupdate(name="x")

    assert await Main.afind_all() == [thing]
    assert await thing.adelete() == 1


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        ((Unique("nmae"),), "Bad has no column 'nmae'; did you mean 'name'"),
        ((Index("nmae"),), "Bad has no column 'nmae'"),
        ((ForeignKey("nmae", references="users.id"),), "Bad has no column 'nmae'"),
        (("name",), "takes Unique, Index, Check, Exclude and ForeignKey, got str"),
    ],
)
def test_constraints_over_what_is_not_there_are_refused(args: Any, complaint: str) -> None:
    class Bad(ActiveRecord):
        __table_name__ = "bad"
        id: int
        name: str

    Bad.__table_args__ = args
    with pytest.raises((ColumnNotFound, ConfigurationError), match=complaint):
        _ = Bad.__table__


@pytest.mark.parametrize(
    "make",
    [
        lambda: Unique(),
        lambda: ForeignKey("a", references="users"),
        lambda: ForeignKey("a", "b", references="users.id"),
        lambda: ForeignKey("a", references="users.id", on_delete="EXPLODE"),
        lambda: Column(references="users"),
        lambda: Column(on_update="; DROP TABLE users"),
    ],
)
def test_descriptions_that_cannot_be_are_refused(make: Any) -> None:
    with pytest.raises(ConfigurationError):
        make()


def test_two_fields_cannot_share_a_column() -> None:
    class Double(ActiveRecord):
        __table_name__ = "double"
        id: int
        first: Annotated[int, Column(name="x")]
        second: Annotated[int, Column(name="x")]

    with pytest.raises(ConfigurationError, match="Double gives the column 'x' to two fields"):
        _ = Double.__table__


async def test_an_index_of_a_table_with_a_schema_is_created_there() -> None:
    class Thing(ActiveRecord):
        __table_name__ = "main.things"
        __table_args__ = (Index("name"),)
        id: int
        name: str

    backend = Thing.configure("sqlite:///:memory:")
    await Thing.acreate_table()
    listed = await backend.afetch_all("SELECT name FROM main.sqlite_master WHERE type = 'index'")
    await Thing.acreate(name="a")

    assert listed == [{"name": "ix_things_name"}]
    assert await Thing.query().acount() == 1
    await backend.aclose()
