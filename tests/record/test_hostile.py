"""Hostile names and values: stored literally, or refused before anything is written."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines import Engine
from rhosocial.activerecord import AUTO, ActiveRecord, Column, Index, Unique
from rhosocial.activerecord.backend import ColumnNotFound, DatabaseError, DataError, QueryError, ValidationError
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend

NAMES = [
    "select",
    "a b",
    'a"b',
    "a`b",
    "a'b",
    "a]b",
    "[a",
    "100%",
    "%s",
    "%(x)s",
    "?",
    "??",
    ":x",
    "$1",
    "{0}",
    "a--b",
    "/*x*/",
    "a;DROP TABLE canary",
    "ünïcödé🦀",
    "a\nb",
    " ",
    "rowid",
    "A",
    "\\",
    "x" * 200,
]

TEXTS = [
    *NAMES,
    "",
    "'); DROP TABLE canary; --",
    '" OR "1"="1',
    "' OR '1'='1",
    "\0",
    "a\0b",
    "%_",
    "NULL",
    "0",
    "1e5",
    "2024-01-01",
    "x" * 100_000,
    "\u202e\u0301\ufeff",
    "\r\n\t",
]


class Canary(ActiveRecord):
    __table_name__ = "canary"
    id: int = AUTO
    text: str = "sings"


class Store(ActiveRecord):
    __table_name__ = "store"
    id: int = AUTO
    text: str | None = None
    number: int | None = None
    real: float | None = None
    exact: Decimal | None = None
    raw: bytes | None = None
    data: Any = None


@pytest.fixture
def canary(home: Any, backend: Any) -> Iterator[None]:
    home(Canary)
    Canary.create()
    yield
    assert [record.text for record in Canary.find_all()] == ["sings"]


@pytest.mark.parametrize("name", NAMES)
async def test_tables_and_columns_may_have_any_name(engine: Engine, home: Any, canary: None, name: str) -> None:
    name = name if engine.name == "sqlite" else name[:50]  # As long as names are there.

    class Odd(ActiveRecord):
        __table_name__ = name
        __table_args__ = (Unique("first", "second"), Index("second"))
        id: Annotated[int, Column(name=f"{name}_id")]
        first: Annotated[str, Column(name=name)]
        second: Annotated[int | None, Column(name=f"{name}2", index=False)] = None
        made: Annotated[str, Column(name=f"made {name}", default_sql="'x'")]

    if engine.name in ("mariadb", "mysql") and (name.endswith(" ") or max(name) > "\uffff"):
        with pytest.raises((QueryError, DataError)):  # The servers have no such names.
            home(Odd)
        return
    home(Odd)
    record = await Odd.acreate(first="a")
    assert record.made == "x"
    await record.aupdate(first="b", second=1)
    assert await Odd.afind_one(1) == record
    assert await Odd.afind_one({name: "b"}) == record
    assert await Odd.afind_one(Odd.c[name] == "b") == record
    assert await Odd.afind_all([1, 2]) == [record]
    await Odd.abulk_create([Odd(first="c"), Odd(first="d")])
    assert await Odd.query().where(Odd.c.second.is_null()).acount() == 2
    await record.arefresh()
    assert await record.adelete() == 1
    await Odd.adrop_table()


async def test_texts_are_stored_and_found_literally(engine: Engine, home: Any, canary: None) -> None:
    home(Store)
    texts = [text for text in TEXTS if engine.keeps_nul or "\0" not in text]
    for text in texts:
        record = await Store.acreate(text=text, raw=text.encode(), data={text: [text]})
        found = await Store.afind_one_or_fail(record.id)
        assert (found.text, found.raw, found.data) == (text, text.encode(), {text: [text]})
        assert [other.id for other in await Store.afind_all({"text": text})] == [record.id]
        assert (await Store.query().where("text = ?", (text,)).aone_or_fail()).id == record.id
    await Store.abulk_create([Store(text=text) for text in texts])
    assert {record.text for record in await Store.afind_all()} == set(texts)


UNSTORABLE = [
    {"text": "\ud800"},
    {"text": "a\udcffb"},
    {"number": 2**63},
    {"number": -(2**63) - 1},
    {"real": math.nan},
    {"exact": Decimal("NaN")},
    {"exact": Decimal("Infinity")},
    pytest.param({"exact": Decimal("1.23456789012345678901")}, marks=pytest.mark.engine("sqlite")),
    {"data": {"x": math.nan}},
    {"data": {1: "x"}},
    {"data": "\ud800"},
    {"data": object()},
    {"data": {"a", "b"}},
    {"data": (1, 2)},
]


@pytest.mark.parametrize("values", UNSTORABLE, ids=[str(n) for n in range(len(UNSTORABLE))])
async def test_what_cannot_be_stored_unchanged_is_refused_and_named(
    home: Any, canary: None, sent: list[str], values: dict[str, Any]
) -> None:
    home(Store)
    (name,) = values
    stored = await Store.acreate()
    sent.clear()

    with pytest.raises((DataError, ValidationError), match=name) as caught:
        await Store.model_construct(**values).asave()
    assert repr(values[name]) not in str(caught.value)
    setattr(stored, name, values[name])
    with pytest.raises((DataError, ValidationError), match=name):
        await stored.asave()
    with pytest.raises((DataError, ValidationError)):
        await Store.abulk_create([Store(), Store.model_construct(**values)])
    assert [sql for sql in sent if not sql.startswith(("BEGIN", "ROLLBACK"))] == []
    assert await Store.query().acount() == 1
    await stored.arefresh()
    assert getattr(stored, name) is None


# MySQL and MariaDB have no infinity, and refuse it.
INFINITE = [
    pytest.param(value, marks=pytest.mark.engine("sqlite", "postgresql", "duckdb")) for value in (math.inf, -math.inf)
]


@pytest.mark.parametrize("value", [-0.0, 0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1.0, *INFINITE])
async def test_floats_at_the_edges(home: Any, value: float) -> None:
    home(Store)
    record = await Store.acreate(real=value)

    found = await Store.afind_one_or_fail(record.id)
    assert type(found.real) is float
    assert found.real == value
    assert await found.asave() == 0


@pytest.mark.parametrize("value", [0, -1, 2**63 - 1, -(2**63)])
async def test_integers_at_the_edges(home: Any, value: int) -> None:
    home(Store)
    record = await Store.acreate(number=value)

    assert (await Store.afind_one_or_fail({"number": value})).id == record.id


async def test_text_is_not_a_number_and_a_number_is_not_text(home: Any) -> None:
    home(Store)
    await Store.abulk_create([Store(text="abc", number=0), Store(text="0", number=1)])

    assert [record.text for record in await Store.afind_all({"text": "0"})] == ["0"]
    for wrong in (0, True, {"a": 1}, object()):
        with pytest.raises(DataError, match="cannot be compared with a column of str"):
            await Store.afind_all({"text": wrong})
    for wrong in ("abc", {"a": 1}, b"\0"):
        with pytest.raises(DataError, match="cannot be compared with a column of int"):
            await Store.afind_all({"number": wrong})


async def test_subclasses_of_plain_types_are_stored_as_plain_ones(home: Any) -> None:
    class Text(str):
        __slots__ = ()

    class Number(int):
        pass

    home(Store)
    record = await Store.acreate(text=Text("x"), number=Number(3))
    record.text = Text("y")
    record.number = Number(4)
    await record.asave()

    found = await Store.afind_one_or_fail(record.id)
    assert (found.text, found.number) == ("y", 4)
    assert await record.asave() == 0


@pytest.mark.parametrize(
    "key",
    [
        "id; DROP TABLE canary",
        "text) OR (1=1",
        '"text"',
        "_connector",
        "__class__",
        "text__regex",
        "",
        "nmae",
        "text__",
        "*",
    ],
)
async def test_hostile_names_in_conditions_are_refused_before_any_statement(
    home: Any, canary: None, sent: list[str], key: str
) -> None:
    home(Store)
    sent.clear()

    for call in (Store.afind_one, Store.afind_all):
        with pytest.raises((QueryError, ColumnNotFound)):
            await call({key: 1})
    with pytest.raises(ColumnNotFound):
        await Store().aupdate({key: 1})
    with pytest.raises(ColumnNotFound):
        _ = Store.c[key]
    assert sent == []


async def test_mass_assignment_reaches_fields_only(home: Any, canary: None) -> None:
    home(Store)
    record = await Store.acreate()
    for name in ("__class__", "__dict__", "_stored", "_others", "model_config", "__backend__", "backend", "save"):
        with pytest.raises(ColumnNotFound):
            await record.aupdate({name: "x"})
        with pytest.raises(ValueError, match=name):
            Store(**{name: "x"})


@given(text=st.text(), number=st.integers(), real=st.floats(), raw=st.binary())
def test_any_value_comes_back_equal_or_is_refused(text: str, number: int, real: float, raw: bytes) -> None:
    Store.__backend__ = _shared()
    try:
        record = Store(text=text, number=number, real=real, raw=raw)
        try:
            record.save()
        except DatabaseError:
            refused = not -(2**63) <= number < 2**63 or math.isnan(real)
            assert refused or any(0xD800 <= ord(c) < 0xE000 for c in text)
            return
        found = Store.find_one_or_fail(record.id)
        assert (found.text, found.number, found.real, found.raw) == (text, number, real, raw)
        record.delete()
    finally:
        del Store.__backend__


_made: list[SQLiteBackend] = []


def _shared() -> SQLiteBackend:
    if not _made:
        backend = SQLiteBackend(database=":memory:")
        _made.append(backend)
        Store.__backend__ = backend
        Store.create_table()
    return _made[0]


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _made:
        _made.pop().close()
