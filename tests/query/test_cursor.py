"""Cursors: signed, bound to their query, and checked before any SQL."""

from __future__ import annotations

import base64
import datetime as dt
import re
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import Note, Person, Pet

from rhosocial.activerecord import F
from rhosocial.activerecord.backend import (
    ConfigurationError,
    ConnectionConfig,
    InvalidCursor,
    QueryError,
    backend_for,
)
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend
from rhosocial.activerecord.cursor import Cursors

c = Person.c
people = Person.query().where(c.id > 0).order_by("name")


@pytest.fixture
def silent(shop: SQLiteBackend) -> Iterator[list[str]]:
    """The statements that are sent; a test that uses it must send none."""
    sent: list[str] = []
    watch = lambda sql, kinds, duration: sent.append(sql)  # noqa: E731  # A name is needed, to take it off again.
    yield sent
    if watch in shop.on_execute:
        shop.on_execute.remove(watch)


async def a_cursor() -> str:
    cursor = (await people.apage(1)).next
    assert cursor is not None
    return cursor


async def test_a_cursor_is_text_for_addresses() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{22,}", await a_cursor())


@pytest.mark.parametrize(
    "other",
    [
        Person.query().order_by("name"),
        Person.query().where(c.id > 1).order_by("name"),
        Person.query().where(c.id >= 0).order_by("name"),
        people.where(c.active),
        Person.query().where(c.id > 0).order_by("name DESC"),
        Person.query().where(c.id > 0).order_by("nick"),
        people.order_by("age"),
        Person.query().where(c.id > 0),
        people.join(Pet, on=Pet.c.owner == c.id),
        people.distinct(),
        people.select("name", F.count().as_("n")).group_by("name"),
        Pet.query().order_by("name"),
    ],
)
async def test_the_cursor_of_another_query_is_refused(shop: SQLiteBackend, silent: list[str], other: Any) -> None:
    cursor = await a_cursor()
    shop.on_execute.append(lambda sql, kinds, duration: silent.append(sql))
    with pytest.raises(InvalidCursor, match="not one of this query"):
        await other.apage(2, after=cursor)
    with pytest.raises(InvalidCursor, match="not one of this query"):
        await other.apage(2, before=cursor)
    shop.on_execute.pop()

    assert [] == silent


async def test_what_does_not_change_the_question_keeps_its_cursors() -> None:
    cursor = await a_cursor()

    assert ["Bob", "Cid"] == [person.name for person in await people.apage(2, after=cursor)]
    assert [("Bob", None)] == [tuple(row) for row in await people.select("name", "age").apage(1, after=cursor)]


async def test_a_changed_cursor_is_refused(shop: SQLiteBackend, silent: list[str]) -> None:
    cursor = await a_cursor()
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    forged = [
        raw[:-1] + b"0",
        bytes([raw[0] ^ 1]) + raw[1:],
        raw[:16] + b'["Zoe",9]',
        raw[:16],
        raw[:7],
        raw + b" ",
        b"",
    ]
    texts = [base64.urlsafe_b64encode(text).rstrip(b"=").decode() for text in forged]
    shop.on_execute.append(lambda sql, kinds, duration: silent.append(sql))
    for text in [
        *texts,
        "",
        "x",
        "ü",
        "%",
        "' OR 1=1 --",
        cursor + "A",
        cursor[:-4],
        cursor.swapcase(),
        "A" * 100_000,
        "\0",
    ]:
        with pytest.raises(InvalidCursor, match="not one of this query"):
            await people.apage(2, after=text)
    for wrong in (1, b"x", cursor.encode(), ["x"], True):
        with pytest.raises(InvalidCursor, match="a cursor is the text that a page gave, got "):
            await people.apage(2, after=wrong)
    shop.on_execute.pop()

    assert [] == silent
    assert issubclass(InvalidCursor, QueryError)


@given(st.text() | st.binary().map(lambda sent: base64.urlsafe_b64encode(sent).decode()))
async def test_no_text_passes_for_a_cursor(text: str) -> None:
    with pytest.raises(InvalidCursor):
        await people.apage(2, after=text)


values = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
    | st.decimals(allow_nan=False) | st.datetimes() | st.datetimes(timezones=st.just(dt.UTC)) | st.dates() | st.times()
    | st.timedeltas() | st.uuids()
)  # fmt: skip


@given(place=st.lists(values), key=st.binary(min_size=1), sql=st.text(), params=st.lists(values).map(tuple))
def test_a_place_is_read_back_as_it_was(place: list[Any], key: bytes, sql: str, params: Any) -> None:
    cursors = Cursors(key, (sql, params))
    found = cursors.place_of(cursors.cursor_of(place))

    assert place == list(found)
    assert [type(value) for value in place] == [type(value) for value in found]
    with pytest.raises(InvalidCursor):
        Cursors(key + b"x", (sql, params)).place_of(cursors.cursor_of(place))
    with pytest.raises(InvalidCursor):
        Cursors(key, (sql + " ", params)).place_of(cursors.cursor_of(place))
    with pytest.raises(InvalidCursor):
        Cursors(key, (sql, (*params, 1))).place_of(cursors.cursor_of(place))


def test_other_values_of_drivers_are_named() -> None:
    cursors = Cursors(b"k", ("", ()))

    assert (b"ab", b"cd", uuid.UUID(int=1), Decimal("1.50")) == cursors.place_of(
        cursors.cursor_of([bytearray(b"ab"), memoryview(b"cd"), uuid.UUID(int=1), Decimal("1.50")])
    )
    with pytest.raises(QueryError, match="cannot go on from a value of type complex: order by something else"):
        cursors.cursor_of([1j])


# The secret key


async def paged(config: Any, after: str | None = None) -> Any:
    """A page of notes on a backend of that configuration."""
    backend = backend_for(config, None if isinstance(config, str) else SQLiteBackend)

    class Word(Note):
        __table_name__ = "words"

    Word.__backend__ = backend
    await Word.acreate_table()
    if not await Word.query().aexists():
        await Word.abulk_create([Word(text=text) for text in "abc"])
    try:
        return await Word.query().apage(1, after=after)
    finally:
        await backend.aclose()


async def test_cursors_of_one_secret_key_are_good_in_every_process(tmp_path: Any) -> None:
    path = f"{tmp_path}/x.db"
    config = ConnectionConfig(database=path, secret_key="s3cr3t-of-ours-alone")
    first = await paged(config)

    assert "b" == (await paged(config.clone(), first.next)).items[0].text
    assert "b" == (await paged(f"sqlite:///{path}?secret_key=s3cr3t-of-ours-alone", first.next)).items[0].text
    for other in (config.clone(secret_key="another-secret-key"), config.clone(secret_key=None), f"sqlite:///{path}"):
        with pytest.raises(InvalidCursor):
            await paged(other, first.next)


async def test_without_a_secret_key_each_backend_has_its_own(tmp_path: Any) -> None:
    config = ConnectionConfig(database=f"{tmp_path}/x.db")
    first = await paged(config)

    with pytest.raises(InvalidCursor):
        await paged(config.clone(), first.next)


@pytest.mark.parametrize("key", ["", "too short", b"bytes", 5, False])
def test_a_secret_key_is_a_text(key: Any) -> None:
    with pytest.raises(ConfigurationError, match="secret_key must be a text"):
        ConnectionConfig(secret_key=key)


def test_a_secret_key_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_SECRET_KEY", "c4n4ry-in-the-mine")
    for config in (
        ConnectionConfig(database="x.db", secret_key="c4n4ry-in-the-mine"),
        ConnectionConfig.from_url("sqlite:///x.db?secret_key=c4n4ry-in-the-mine"),
        ConnectionConfig.from_env().clone(database="x.db"),
    ):
        backend = SQLiteBackend(config)
        assert "c4n4ry-in-the-mine" == config.secret_key == config.clone(port=1).secret_key
        assert b"c4n4ry-in-the-mine" == backend.signing_key
        for text in (repr(config), str(config.to_dict()), str(config.get_connection_params()), repr(backend)):
            assert "c4n4ry-in-the-mine" not in text
        assert "***" in repr(config)
