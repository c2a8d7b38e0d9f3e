"""JSON columns: paths, comparisons that keep kinds apart, containment."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from engines import Engine
from rhosocial.activerecord import ActiveRecord, F, Query
from rhosocial.activerecord.backend import DataError, QueryError
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend
from rhosocial.activerecord.backend.impl.sqlite.dialect import SQLiteDialect

pytestmark = pytest.mark.needs("supports_json")


class Address(BaseModel):
    city: str
    since: dt.date


class Document(ActiveRecord):
    __table_name__ = "documents"

    id: int
    data: Any = None
    home: Address | None = None
    size: int | None = None
    label: str | None = None
    flag: bool | None = None


DATA: list[Any] = [
    {"v": 1, "deep": {"list": [10, 20, {"x": "end"}]}},
    {"v": "1", "deep": {"list": []}},
    {"v": True},
    {"v": 1.0},
    {"v": None},
    {},
    [1, "a", None],
    None,
    {"v": False, 'q"uote': "hit", "größe": {"a\\b": 5}, "": 0, "0": "zero"},
    {"v": {"x": 1, "y": [1, 2]}},
    {"v": "apple"},
    {"v": [1, 2, [3]]},
    "text",
]

c = Document.c


@pytest.fixture(scope="module", autouse=True)
def documents(shop: SQLiteBackend) -> None:
    Document.__backend__ = shop
    Document.create_table()
    for number, data in enumerate(DATA, 1):
        Document.create(data=data, size=number, label=str(number), flag=number % 2 == 1)


async def found(condition: Any) -> list[int]:
    ids: list[int] = await Document.query().where(condition).order_by("id").select("id").ascalars()
    return ids


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (c.data["v"] == 1, [1, 4]),
        (c.data["v"] == 1.0, [1, 4]),
        (c.data["v"] == "1", [2]),
        (c.data["v"] == True, [3]),  # noqa: E712  # SQL, not Python.
        (c.data["v"] == False, [9]),  # noqa: E712  # SQL, not Python.
        (c.data["v"] != 1, [2, 3, 9, 10, 11, 12]),
        (c.data["v"] != True, [1, 2, 4, 9, 10, 11, 12]),  # noqa: E712  # SQL, not Python.
        (~(c.data["v"] == 1), [2, 3, 9, 10, 11, 12]),
        (~(c.data["v"] != 1), [1, 4]),
        (c.data["v"] == {"y": [1.0, 2], "x": 1}, [10]),
        (c.data["v"] == [1, 2, [3]], [12]),
        (c.data["v"] != [1, 2, [3]], [1, 2, 3, 4, 9, 10, 11]),
        (c.data["v"] == None, [5, 6, 7, 8, 13]),  # noqa: E711  # SQL, not Python.
        (c.data["v"].is_null(), [5, 6, 7, 8, 13]),
        (c.data["v"].is_not_null(), [1, 2, 3, 4, 9, 10, 11, 12]),
        (c.data["v"] > 0, [1, 4]),
        (c.data["v"] >= "1", [2, 11]),
        (c.data["v"].between(1, 2), [1, 4]),
        (c.data["v"].not_between(1, 2), []),
        (c.data["v"].in_([1, "apple", None]), [1, 4, 5, 6, 7, 8, 11, 13]),
        (c.data["v"].not_in([1, "apple"]), [2, 3, 9, 10, 12]),
        (c.data["v"].in_([]), []),
        (c.data["v"].is_distinct_from(1), [2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13]),
        (c.data["v"].is_not_distinct_from(1), [1, 4]),
        (c.data["v"].is_not_distinct_from(None), [5, 6, 7, 8, 13]),
        (c.data["v"] == c.size, [1]),
        (c.size == c.data["v"], [1]),
        (c.data["v"] < c.size, [4]),
        (c.data["v"] != c.size, [2, 3, 4, 9, 10, 11, 12]),
        (c.data["v"] == c.label, []),
        (c.data["v"] == c.flag, [3]),
        (c.data["v"] == c.data["v"], [1, 2, 3, 4, 9, 10, 11, 12]),
        (c.data["v"]["y"] == c.data["v"]["y"], [10]),
        (c.data["deep"]["list"][0] == 10, [1]),
        (c.data["deep"]["list"][-1]["x"] == "end", [1]),
        (c.data["deep"]["list"][9] == 10, []),
        (c.data[0] == 1, [7]),
        (c.data["0"] == "zero", [9]),
        (c.data[1] == "a", [7]),
        (c.data['q"uote'] == "hit", [9]),
        (c.data["größe"]["a\\b"] == 5, [9]),
        (c.data[""] == 0, [9]),
        (c.data["v'; DROP TABLE documents; --"] == 1, []),
        (c.data["v"].startswith("app"), [11]),
        pytest.param(c.data["v"].like("APP%"), [11], marks=pytest.mark.engine("sqlite")),
        (c.data["v"].regexp("p{2}"), [11]),
        (c.data["v"].as_text() == "true", [3]),
        (F.upper(c.data["v"]) == "APPLE", [11]),
        pytest.param(c.data["v"].cast(int) == 1, [1, 2, 3, 4], marks=pytest.mark.engine("sqlite")),
    ],
)  # fmt: skip
async def test_values_at_a_path_are_compared_with_their_kind(condition: Any, expected: list[int]) -> None:
    assert expected == await found(condition)


async def test_a_null_beside_a_path_is_unknown_either_way() -> None:
    nothing = F.nullif(c.size, c.size)

    for condition in (c.data["v"] == nothing, c.data["v"] != nothing, c.data["v"] < nothing):
        assert [] == await found(condition)
        assert [] == await found(~condition)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (c.data == {"v": 1.0}, [4]),
        (c.data == {"v": True}, [3]),
        (c.data == [1, "a", None], [7]),
        (c.data != [1, "a", None], [1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13]),
        (c.data == "text", [13]),
        (c.data == None, [8]),  # noqa: E711  # SQL, not Python.
        (c.data.in_([{"v": 1}, [1.0, "a", None], None]), [4, 7, 8]),
        (c.data.not_in([{}, "text"]), [1, 2, 3, 4, 5, 7, 9, 10, 11, 12]),
        (c.data.is_distinct_from({}), [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13]),
        (c.data.is_not_distinct_from({}), [6]),
    ],
)
async def test_a_whole_column_is_compared_by_what_it_says(condition: Any, expected: list[int]) -> None:
    assert expected == await found(condition)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (c.data.json_contains({"v": 1}), [1, 4]),
        (c.data.json_contains({"v": None}), [5]),
        (c.data.json_contains({}), [1, 2, 3, 4, 5, 6, 9, 10, 11, 12]),
        (c.data.json_contains({"deep": {"list": [{"x": "end"}, 10]}}), [1]),
        (c.data.json_contains("a"), [7]),
        (c.data.json_contains("text"), [13]),
        (c.data.json_contains([None]), [7]),
        (c.data["v"].json_contains({"y": [2]}), [10]),
        (c.data["v"].json_contains([3]), []),
        (c.data["v"].json_contains([[3]]), [12]),
        (c.data["v"].json_contains([1, 1]), [12]),
        (c.data["v"].json_contains("apple"), [11]),
        (~c.data["v"].json_contains(True), [1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13]),
        (c.data.has_key("v"), [1, 2, 3, 4, 5, 9, 10, 11, 12]),
        (~c.data.has_key("v"), [6, 7, 8, 13]),
        (c.data.has_key('q"uote'), [9]),
        (c.data["v"].has_key("x"), [10]),
        (c.data.json_length() == 3, [7]),
        (c.data["v"].json_length() == 2, [10]),
        (c.data["v"].json_length().is_null(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13]),
    ],
)
async def test_what_json_contains(condition: Any, expected: list[int]) -> None:
    assert expected == await found(condition)


async def test_paths_are_selected_as_python_values() -> None:
    asked = Document.query().order_by("id").where(c.id.in_([1, 3, 9, 10, 12]))

    assert [1, True, False, {"x": 1, "y": [1, 2]}, [1, 2, [3]]] == await asked.select(c.data["v"]).ascalars()
    texts = await asked.select(c.data["v"].as_text()).ascalars()
    assert ["1", "true", "false", '{"x":1,"y":[1,2]}', "[1,2,[3]]"] == [text.replace(" ", "") for text in texts]
    row = (await asked.select(c.data["deep"]["list"], c.data.json_length().as_("n")).aall())[0]
    assert ([10, 20, {"x": "end"}], 2) == row
    assert [None, 5] == await Document.query().where(c.id.in_([8, 9])).select(c.data["größe"]["a\\b"]).ascalars()


async def test_paths_order_and_group_rows() -> None:
    numbers = Document.query().where(c.id.in_([1, 4, 8])).order_by(c.data["v"].cast(int).desc().nulls_first(), "id")
    assert [8, 1, 4] == await numbers.select("id").ascalars()

    grouped = Document.query().select(c.data["v"].json_length().as_("kind"), F.count().as_("n")).group_by("kind")
    assert {(None, 11), (2, 1), (3, 1)} == set(await grouped.atuples())


@pytest.mark.engine("sqlite")
async def test_an_alias_of_a_path_orders_as_the_path_does(shop: SQLiteBackend) -> None:
    class Score(ActiveRecord):
        __table_name__ = "json_scores"

        id: int
        data: dict[str, int]

    Score.__backend__ = shop
    await Score.acreate_table(if_not_exists=True)
    if not await Score.query().aexists():
        for points in (9, 10, 100):
            await Score.acreate(data={"points": points})

    points = Score.query().select(Score.c.data["points"].as_("data"))
    assert [100, 10, 9] == await points.order_by("data DESC").ascalars()
    assert [10, 100, 9] == await points.order_by(Score.c.data).ascalars()


async def test_values_are_compared_as_pydantic_writes_them() -> None:
    record = await Document.acreate(home=Address(city="Rome", since=dt.date(2020, 5, 17)), label="home")
    try:
        assert [record.id] == await found(c.home["since"] == dt.date(2020, 5, 17))
        assert [record.id] == await found(c.home == Address(city="Rome", since=dt.date(2020, 5, 17)))
        assert [record.id] == await found(c.home.json_contains({"city": "Rome"}))
        assert ["Rome"] == await Document.query().where(c.home.is_not_null()).select(c.home["city"]).ascalars()
    finally:
        await record.adelete()


@pytest.mark.needs("reads_escaped_json")
async def test_what_another_program_wrote_is_read_alike(shop: SQLiteBackend) -> None:
    text = '{ "gr\\u00f6\\u00dfe" : [ 1e0 , "\\u0041" ], "v":  1 }'
    await shop.aexecute("INSERT INTO documents (data, label) VALUES (?, 'foreign')", (text,))
    try:
        mine = c.label == "foreign"
        for condition in (
            c.data["größe"][0] == 1,
            c.data["größe"][1] == "A",
            c.data["größe"] == [1, "A"],
            c.data == {"v": 1, "größe": [1, "A"]},
            c.data.json_contains({"größe": ["A"]}),
        ):
            assert 1 == len(await found(mine & condition))
    finally:
        await shop.aexecute("DELETE FROM documents WHERE label = 'foreign'")


async def test_an_unknown_value_is_refused_before_any_sql() -> None:
    with pytest.raises(QueryError, match="no form in JSON"):
        await found(c.data["v"] == object())
    with pytest.raises(DataError, match="lone surrogate"):
        await found(c.data["v"] == "\ud800")
    with pytest.raises((QueryError, DataError)):
        await found(c.data["\ud800"] == 1)
    with pytest.raises(QueryError, match="holds int, no JSON"):
        _ = c.size["v"]


@pytest.mark.engine("sqlite")
async def test_sqlite_before_its_json_operators_answers_the_same(
    shop: SQLiteBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked() -> Query[Document]:
        return Document.query().order_by("id")

    expected = await asked().select(c.data["v"], c.data["deep"]["list"].as_("list")).atuples()
    monkeypatch.setattr(SQLiteDialect, "has_json_arrows", False)

    query = asked().select(c.data["v"], c.data["deep"]["list"].as_("list"))
    assert "json_at(" in query.to_sql()[0]
    assert expected == await query.atuples()


# Whatever is stored and whatever is asked for, the answer is Python's.

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 0.5]) | st.sampled_from("ab1")
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", 'q"']), inner, max_size=3),
    max_leaves=6,
)


def same(left: Any, right: Any) -> bool:
    if type(left) in (int, float) and type(right) in (int, float):
        return bool(left == right)
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    return bool(left == right)


def within(part: Any, whole: Any) -> bool:
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(k in whole and within(part[k], whole[k]) for k in part)
    if isinstance(part, list) and isinstance(whole, list):
        return all(any(within(p, w) for w in whole) for p in part)
    return same(part, whole)


@given(values, values)
async def test_comparison_and_containment_are_pythons(stored: Any, asked: Any) -> None:
    record = await Document.acreate(data={"a": stored}, label="any")
    try:
        path, only = c.data["a"], c.id == record.id
        if asked is None:
            assert (stored is None) is bool(await found(only & (path == None)))  # noqa: E711  # SQL, not Python.
        else:
            assert same(stored, asked) is bool(await found(only & (path == asked)))
            different = stored is not None and not same(stored, asked)
            assert different is bool(await found(only & (path != asked)))
            assert different is bool(await found(only & ~(path == asked)))
        contained = within(asked, stored) or (
            isinstance(stored, list) and not isinstance(asked, (list, dict)) and any(same(s, asked) for s in stored)
        )
        assert contained is bool(await found(only & path.json_contains(asked)))
        assert [stored] == await Document.query().where(only).select(path).ascalars()
    finally:
        await record.adelete()


@given(st.text(st.characters(codec="utf-8")), scalars)
async def test_any_text_is_the_name_of_a_member(engine: Engine, name: str, member: Any) -> None:
    if not engine.keeps_nul:
        name, member = name.replace("\0", ""), member.replace("\0", "") if isinstance(member, str) else member
    record = await Document.acreate(data={name: member, name + "x": "other"}, label="named")
    try:
        only = c.id == record.id
        assert await found(only & c.data.has_key(name))
        assert [member] == await Document.query().where(only).select(c.data[name].as_("v")).ascalars()
        assert await found(only & (c.data[name] == member))
        assert await found(only & c.data.json_contains({name: member}))
        assert not await found(only & c.data[name].has_key(name))
    finally:
        await record.adelete()
