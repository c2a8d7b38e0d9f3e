"""What outsiders may send: values match literally or are refused, names are checked, and the table stays as it is."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from shop import Note, Person

from engines import Engine
from rhosocial.activerecord import F, Query
from rhosocial.activerecord.backend import ColumnNotFound, DatabaseError, DataError, QueryError, StorageBackend

TEXTS = [
    "'", '"', "`", "''", "\\", "\\'", "';--", "' OR '1'='1", '" OR ""="', "x'; DROP TABLE notes; --",
    "1; DROP TABLE notes",
    "?", "??", "%s", "%(id)s", "%", "%%", "_", ":id", ":1", "$1", "$$", "@a", "{0}", "{id}", "{{}}", "--", "/*",
    "*/", "#",
    "\0", "a\0b", "\n", "\r\n", "\t", "\x1a", "\u2028", "ÿ", "\xbf'", "¿' OR 1=1", "🐍", "\U0010ffff", "ſ", "İ", "",
    " ", "NULL", "None", "0", "1e1000", "nan", "x" * 100_000, "_connector", "__class__", "[a]", "*", "(SELECT 1)",
]  # fmt: skip


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Choice(enum.StrEnum):
    QUOTE = "it's"


ODD_VALUES = [
    2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 10**400, -1, 0, -0.0, float("inf"), float("nan"), 1e308, 5e-324,
    decimal.Decimal("1E+30"), decimal.Decimal("NaN"), decimal.Decimal("-Infinity"), Text("it's"), Number(7),
    Choice.QUOTE,
    True, None, b"\xff", b"a\0b", bytearray(b"x"), memoryview(b"x"), {}, {"a": 1}, {"name": "x"}, [], [1], ["a"], (),
    (1,), set(),
    object(), 1j, type, lambda: 1, dt.date.min, dt.date.max, dt.datetime.max, dt.datetime.now(dt.UTC), dt.timedelta.max,
    "\ud800", "a\udfff", range(3), ..., NotImplemented,
]  # fmt: skip


SCHEMAS = {
    "sqlite": "SELECT name, sql FROM sqlite_master ORDER BY name",
    "duckdb": "SELECT table_name, column_names FROM (SELECT table_name, list(column_name ORDER BY column_index)"
    " AS column_names FROM duckdb_columns() GROUP BY table_name) ORDER BY table_name",
    "mariadb": "SELECT table_name, column_name, data_type FROM information_schema.columns"
    " WHERE table_schema = DATABASE() ORDER BY table_name, column_name",
    "postgresql": "SELECT relname, relkind, relnatts FROM pg_class ORDER BY oid",
}
SCHEMAS["mysql"] = SCHEMAS["mariadb"]


@pytest.fixture(autouse=True)
def unharmed(engine: Engine, shop: StorageBackend, notes: type[Note]) -> Iterator[None]:
    """Neither the schema nor any row has changed after a test."""

    def state() -> Any:
        tables = ["people", "pets", "seats", "notes"]
        rows = {table: shop.fetch_all(f"SELECT * FROM {table}") for table in tables}
        return rows, shop.fetch_all(SCHEMAS[engine.name])

    notes.bulk_create([notes(text="canary", size=1), notes(text="dove", size=2)])
    before = state()
    yield
    assert before == state()


VALUE_SINKS: dict[str, Callable[[Query[Note], Any], Query[Note]]] = {
    "where": lambda q, v: q.where("text = ?", (v,)),
    "==": lambda q, v: q.where(Note.c.text == v),
    "in_": lambda q, v: q.where(Note.c.text.in_([v])),
    "between": lambda q, v: q.between("text", v, v),
    "dict": lambda q, v: q.query({"text__eq": v}),
    "dict in": lambda q, v: q.query({"text__in": [v]}),
    "having": lambda q, v: q.select("text", F.count().as_("n")).group_by("text").having("MAX(text) = ?", (v,)),
    "join": lambda q, v: q.left_join(Person, on=Person.c.name == v).where(Note.c.text == v),
    "concat": lambda q, v: q.where(Note.c.text + "" == v),
    "subquery": lambda q, v: q.where(Note.c.id.in_(Note.query().where(Note.c.text == v).select("id"))),
    "function": lambda q, v: q.where(F.coalesce(Note.c.text, v) == v),
    "contains": lambda q, v: q.where(Note.c.text.contains(v), Note.c.text == v),
    "startswith": lambda q, v: q.query({"text__startswith": v, "text__eq": v}),
    "endswith": lambda q, v: q.query({"text__endswith": v, "text__eq": v}),
    "select": lambda q, v: q.where(Note.c.text == v).select("text", (Note.c.text + v).as_("twice")),
}


@pytest.mark.parametrize("sink", VALUE_SINKS.values(), ids=list(VALUE_SINKS))
async def test_text_is_matched_literally_and_never_becomes_sql(
    sink: Callable[..., Query[Note]], notes: type[Note], engine: Engine
) -> None:
    plain = sink(notes.query(), "abc").to_sql()[0]
    for text in TEXTS:
        query = sink(notes.query(), text)
        if "\0" in text and not engine.keeps_nul:
            with pytest.raises(DataError):
                await query.atuples()
            continue
        assert 0 == len(await query.atuples())
        sql, values = query.to_sql()
        assert sql.count("?") == plain.count("?") == len(values)
        assert len(text) < 3 or text not in sql


async def test_any_text_is_found_again(notes: type[Note], engine: Engine) -> None:
    texts = [text for text in TEXTS if engine.keeps_nul or "\0" not in text]
    async with notes.transaction() as block:
        await notes.abulk_create([notes(text=text, size=100 + number) for number, text in enumerate(texts)])
        for number, text in enumerate(texts):
            for sink in VALUE_SINKS.values():
                assert 1 == await sink(notes.query().where(notes.c.size == 100 + number), text).acount()
        await block.arollback()


@pytest.mark.parametrize("sink", VALUE_SINKS.values(), ids=list(VALUE_SINKS))
async def test_any_other_value_matches_or_is_refused_by_type(
    sink: Callable[..., Query[Note]], notes: type[Note]
) -> None:
    for value in ODD_VALUES:
        try:
            query = sink(notes.query(), value)
            rows = await query.atuples()
        except DatabaseError:
            continue
        assert [] == rows
        assert repr(value) not in query.to_sql()[0] or repr(value) in {"0", "1", "7", "-1"}


@pytest.mark.parametrize("sink", ["limit", "offset", "iterator"])
def test_counts_are_whole_numbers(sink: str, notes: type[Note]) -> None:
    for value in [*TEXTS, *(v for v in ODD_VALUES if type(v) not in (int, Number, type(None)))]:
        with pytest.raises(DatabaseError):
            getattr(notes.query(), sink)(value)


NAMES = [
    "name; DROP TABLE notes", "text; --", "text DESC; DROP TABLE notes", "text, (SELECT 1)", "*, (SELECT 1)",
    "(SELECT 1)",
    "1", "1=1", "text)", "(text", "text'", 'text"', "`text`", '"text"', "[text]", "text--", "text/**/", "text/*",
    "text\0",
    "text\n; DROP TABLE notes", "text OR 1=1", "text COLLATE NOCASE", "text AS a, 1", 'text AS "a"', "text AS 'a'",
    "COUNT(*)) --", "COUNT(*); --", "load_extension('x')", "COUNT(text, 1)", "f(g(text))", "COUNT(DISTINCT text, size)",
    "notes.text.x", "main.notes.text", "sqlite_master.sql", "rowid", "oid", "_rowid_", "text DESC ASC", "text NULLS",
    "",
    " ", ".", "notes.", ".text", "__class__", "_private", "text__gt", "%s", "?", "🐍", "TEXT;", "text\ud800",
    "t" * 100_000, "a " * 50_000, " " * 100_000, "text" + " " * 100_000 + "x", "CASE WHEN 1 THEN text END",
    "text desc limit 1",
]  # fmt: skip
NAME_SINKS: dict[str, Callable[[Query[Note], Any], Any]] = {
    "order_by": lambda q, n: q.order_by(n),
    "group_by": lambda q, n: q.group_by(n),
    "select": lambda q, n: q.select(n),
    "in_list": lambda q, n: q.in_list(n, [1]),
    "between": lambda q, n: q.between(n, 1, 2),
    "is_null": lambda q, n: q.is_null(n),
    "like": lambda q, n: q.like(n, "%"),
    "query": lambda q, n: q.query({n: 1}),
    "query suffix": lambda q, n: q.query({f"{n}__gt": 1}),
    "suffix": lambda q, n: q.query({f"text__{n}": 1}),
    "sum": lambda q, n: q.sum(n),
    "max": lambda q, n: q.max(n),
    "to_dict": lambda q, n: q.to_dict(include=[n]),
    "exclude": lambda q, n: q.to_dict(exclude=[n]),
    "c": lambda q, n: Note.c[n],
    "join": lambda q, n: q.join(n),
    "left_join": lambda q, n: q.left_join(n),
    "function": lambda q, n: F.call(n, 1),
}


@pytest.mark.parametrize("sink", NAME_SINKS.values(), ids=list(NAME_SINKS))
def test_a_hostile_name_is_refused_before_any_sql(
    sink: Callable[..., Any], notes: type[Note], shop: StorageBackend
) -> None:
    sent: list[str] = []
    shop.on_execute.append(lambda *details: sent.append(str(details)))
    try:
        for name in NAMES:
            if sink is NAME_SINKS["query"] and name == "text__gt":
                continue
            if sink is NAME_SINKS["function"] and name.isidentifier():
                continue
            with pytest.raises(QueryError) as caught:
                sink(notes.query(), name)
            assert isinstance(caught.value, ColumnNotFound) or len(str(caught.value)) < 2000
    finally:
        shop.on_execute.clear()

    assert [] == sent


@pytest.mark.parametrize(
    "name", [5, None, True, b"text", ["text"], {"text": 1}, object(), 1.5], ids=lambda name: type(name).__name__
)
@pytest.mark.parametrize("sink", [sink for name, sink in NAME_SINKS.items() if "suffix" not in name])
def test_a_name_that_is_no_text_is_refused(sink: Callable[..., Any], name: Any, notes: type[Note]) -> None:
    with pytest.raises((QueryError, TypeError)):
        sink(notes.query(), name)


async def test_an_alias_is_quoted_whatever_it_holds(engine: Engine, notes: type[Note]) -> None:
    for alias in NAMES + TEXTS:
        query = notes.query().order_by("id")
        is_long = engine.name == "postgresql" and len(alias.encode(errors="replace")) > 63
        if not alias or is_long or "\0" in alias or "\ud800" in alias:
            with pytest.raises(DatabaseError):
                await query.select(notes.c.text.as_(alias), "size").aall()
            continue
        rows = await query.select(notes.c.text.as_(alias), notes.c.size.as_("how many")).aall()
        assert [("canary", 1), ("dove", 2)] == rows
        assert "canary" == rows[0][alias]


async def test_two_statements_are_never_one(notes: type[Note]) -> None:
    for attack in ("1 = 1; DELETE FROM notes", "1 = 1; DROP TABLE notes; --", "1 = 1 -- ?"):
        try:
            await notes.query().where(attack).where(notes.c.id < 0).aall()
        except DatabaseError:
            continue
        assert [] == await notes.query().where(attack).where(notes.c.id < 0).aall()


def test_no_message_and_no_repr_shows_a_bound_value(notes: type[Note]) -> None:
    secret = "s3cret"
    conditions = [
        notes.c.text == secret,
        notes.c.text.in_([secret]),
        notes.c.text.contains(secret),
        notes.c.text.between(secret, secret),
        notes.c.text.like(secret),
        (notes.c.text + secret == secret) & ~(notes.c.text != secret),
        F.coalesce(notes.c.text, secret) == secret,
    ]
    query = notes.query().where("text = ?", (secret,))
    for condition in conditions:
        query = query.where(condition)
        assert secret not in repr(condition)

    assert secret not in repr(query) + repr(query._select.where)
    for wrong in (notes.c.size == secret, notes.c.size.in_([secret]), notes.c.size.between(secret, 1)):
        with pytest.raises(DatabaseError) as caught:
            notes.query().where(wrong).to_sql()
        assert secret not in str(caught.value)
