"""The text of functions, windows, casts, dates and JSON, on the standard dialect and on SQLite."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from rhosocial.activerecord.backend import Constructs, DatabaseType, Dialect, QueryError, UnsupportedFeature
from rhosocial.activerecord.backend import functions as F
from rhosocial.activerecord.backend.column_type import ColumnType
from rhosocial.activerecord.backend.expression import ColumnRef, Expression, Raw, Value
from rhosocial.activerecord.backend.function import Function
from rhosocial.activerecord.backend.impl.sqlite.dialect import SQLiteDialect
from rhosocial.activerecord.backend.statement import Select, TableName
from rhosocial.activerecord.backend.subquery import Subquery

T = DatabaseType


def column(name: str, python: Any, db_type: DatabaseType, **sizes: Any) -> ColumnRef:
    return ColumnRef("t", name, ColumnType(python, db_type, **sizes))


a, b = column("a", int, T.BIGINT), column("b", int, T.BIGINT)
f, name, flag = column("f", float, T.DOUBLE), column("name", str, T.TEXT), column("flag", bool, T.BOOLEAN)
day, at, clock = (
    column("day", dt.date, T.DATE),
    column("at", dt.datetime, T.TIMESTAMP),
    column("clock", dt.time, T.TIME),
)
span = column("span", dt.timedelta, T.INTERVAL)
price = column("price", Decimal, T.DECIMAL, precision=10, scale=2)
fortune = column("fortune", Decimal, T.DECIMAL, precision=30, scale=6)
data, tags = column("data", object, T.JSON), column("tags", list[str], T.JSON)
plain = ColumnRef("t", "plain")
query = Subquery(Select((a,), TableName("t")))


class Capable(Dialect):
    """Standard SQL with all that a flag may switch on."""

    supports_distinct_windows = supports_regexp = True


class Bare(Dialect):
    """Standard SQL without what a flag may switch off."""

    supports_filter = supports_groups_frame = supports_grouping_sets = False


class Arrowless(SQLiteDialect):
    """SQLite before 3.38."""

    has_json_arrows = False


standard, capable, bare, sqlite = Dialect(), Capable(), Bare(), SQLiteDialect()


def sql(node: Any, dialect: Dialect = standard) -> Any:
    """The text and the values; the text alone where there are none."""
    text, values = dialect.compile(node)
    return (text, *values) if values else text


@pytest.mark.parametrize(
    ("node", "expected", "on_sqlite"),
    [
        (
            F.case((a > 1, "x"), (a < 0, name), else_="z"),
            ('CASE WHEN "a" > ? THEN ? WHEN "a" < ? THEN "name" ELSE ? END', 1, "x", 0, "z"),
            ...,
        ),
        (F.case((flag, 1)), ('CASE WHEN "flag" THEN ? END', 1), ...),
        (F.case((a > 1, 1), else_=0) + 1, ('CASE WHEN "a" > ? THEN ? ELSE ? END + ?', 1, 1, 0, 1), ...),
        (a.is_distinct_from(1), ('"a" IS DISTINCT FROM ?', 1), ('"a" IS NOT ?', 1)),
        (a.is_not_distinct_from(None), ('"a" IS NOT DISTINCT FROM ?', None), ('"a" IS ?', None)),
        (~(a.is_distinct_from(b)), 'NOT "a" IS DISTINCT FROM "b"', 'NOT "a" IS NOT "b"'),
        (name.not_ilike("a%"), ('LOWER("name") NOT LIKE LOWER(?)', "a%"), ...),
        (name.collate("C") < "x", ('"name" COLLATE "C" < ?', "x"), ...),
        ((name + "x").collate('a"b'), ('("name" || ?) COLLATE "a""b"', "x"), ...),
        (name.collate("C").desc(), '"name" COLLATE "C" DESC', ...),
        (a.cast(str), 'CAST("a" AS TEXT)', ...),
        (a.cast(float), 'CAST("a" AS DOUBLE PRECISION)', 'CAST("a" AS REAL)'),
        (name.cast(int) + 1, ('CAST("name" AS BIGINT) + ?', 1), ('CAST("name" AS INTEGER) + ?', 1)),
        (a.cast(Decimal), 'CAST("a" AS DECIMAL)', 'CAST("a" AS NUMERIC)'),
        (F.cast(a, T.SMALLINT), 'CAST("a" AS SMALLINT)', 'CAST("a" AS INTEGER)'),
        (F.cast("1", int), ("CAST(? AS BIGINT)", "1"), ("CAST(? AS INTEGER)", "1")),
        (name.cast(dt.date), 'CAST("name" AS DATE)', 'DATE("name")'),
        (day.cast(dt.datetime), 'CAST("day" AS TIMESTAMP)', "moment_cast('datetime', \"day\")"),
        (at.cast(dt.time), 'CAST("at" AS TIME)', "moment_cast('time', \"at\")"),
        (a.cast(bool), 'CAST("a" AS BOOLEAN)', '(CAST("a" AS NUMERIC) <> 0)'),
        (flag.cast(str), 'CAST("flag" AS TEXT)', "CASE \"flag\" WHEN 0 THEN 'false' WHEN 1 THEN 'true' END"),
        (F.exists(query), 'EXISTS (SELECT "a" FROM "t")', ...),
        (F.not_exists(query) & (a > 1), ('NOT EXISTS (SELECT "a" FROM "t") AND "a" > ?', 1), ...),
    ],
)
def test_operators_and_choices(node: Any, expected: Any, on_sqlite: Any) -> None:
    assert expected == sql(node)
    assert (expected if on_sqlite is ... else on_sqlite) == sql(node, sqlite)


@pytest.mark.parametrize(
    ("node", "expected", "on_sqlite"),
    [
        (F.nullif(a, 0), ('NULLIF("a", ?)', 0), ...),
        (F.greatest(a, b, 1), ('GREATEST("a", "b", ?)', 1), ('MAX("a", "b", ?)', 1)),
        (F.least(fortune, 1), ('LEAST("fortune", ?)', 1), ('MIN("fortune", ?) COLLATE DECIMAL', 1)),
        (F.trim(name), 'TRIM("name")', ...),
        (F.ltrim(name, "0"), ('LTRIM("name", ?)', "0"), ...),
        (F.rtrim(name), 'RTRIM("name")', ...),
        (F.replace(name, "a", b), ('REPLACE("name", ?, "b")', "a"), ...),
        (F.substring(name, 2, 3), ('SUBSTRING("name", ?, ?)', 2, 3), ('SUBSTR("name", ?, ?)', 2, 3)),
        (F.concat(name, "-", a), ('("name" || ? || CAST("a" AS TEXT))', "-"), ...),
        (F.concat(name + "x", plain), ('(("name" || ?) || "plain")', "x"), ...),
        (F.ceil(f), 'CEIL("f")', ...),
        (F.floor(price), 'FLOOR("price")', ...),
        (F.mod(a, 3), ('MOD("a", ?)', 3), ('("a" % ?)', 3)),
        (F.mod(a + b, 3), ('MOD("a" + "b", ?)', 3), ('(("a" + "b") % ?)', 3)),
        (F.mod(f, 3), ('MOD("f", ?)', 3), ...),
        (f % 2, ('"f" % ?', 2), ('MOD("f", ?)', 2)),
        (F.power(a, 2), ('POWER("a", ?)', 2), ...),
        (F.sqrt(f), 'SQRT("f")', ...),
        (F.sign(f), 'SIGN("f")', ...),
        (F.current_date(), "CURRENT_DATE", ...),
        (F.now(), "CURRENT_TIMESTAMP", "STRFTIME('%Y-%m-%d %H:%M:%f000', 'now')"),
        (F.call("soundex", name), 'SOUNDEX("name")', ...),
    ],
)  # fmt: skip
def test_functions(node: Any, expected: Any, on_sqlite: Any) -> None:
    assert expected == sql(node)
    assert (expected if on_sqlite is ... else on_sqlite) == sql(node, sqlite)


@pytest.mark.parametrize(
    ("node", "expected", "on_sqlite"),
    [
        (F.count().filter(a > 1), ('COUNT(*) FILTER (WHERE "a" > ?)', 1), ...),
        (F.sum(a, distinct=True).filter(flag), 'SUM(DISTINCT "a") FILTER (WHERE "flag")', ...),
        (F.count().filter(a > 1).filter(b < 2), ('COUNT(*) FILTER (WHERE "a" > ? AND "b" < ?)', 1, 2), ...),
        (
            F.sum(fortune).filter(flag) > 1,
            ('SUM("fortune") FILTER (WHERE "flag") > ?', 1),
            ('decimal_sum("fortune") FILTER (WHERE "flag") COLLATE DECIMAL > ?', 1),
        ),
        (F.string_agg(name, "; "), ('STRING_AGG("name", ?)', "; "), ('GROUP_CONCAT("name", ?)', "; ")),
        (F.string_agg(a), ('STRING_AGG(CAST("a" AS TEXT), ?)', ","), ('GROUP_CONCAT(CAST("a" AS TEXT), ?)', ",")),
        (
            F.string_agg(name, distinct=True, order_by=(b.desc().nulls_last(), name)),
            ('STRING_AGG(DISTINCT "name", ? ORDER BY "b" DESC NULLS LAST, "name" ASC)', ","),
            ('text_agg(\'distinct;desc LAST,asc \', "name", ?, "b", "name")', ","),
        ),
        (F.json_agg(name), 'JSON_ARRAYAGG("name")', 'JSON_GROUP_ARRAY("name")'),
        (F.json_agg(data), 'JSON_ARRAYAGG("data")', 'JSON_GROUP_ARRAY(JSON("data"))'),
        (
            F.json_agg(flag),
            'JSON_ARRAYAGG("flag")',
            "JSON_GROUP_ARRAY(JSON(CASE \"flag\" WHEN 0 THEN 'false' WHEN 1 THEN 'true' END))",
        ),
    ],
)
def test_aggregates(node: Any, expected: Any, on_sqlite: Any) -> None:
    assert expected == sql(node)
    assert (expected if on_sqlite is ... else on_sqlite) == sql(node, sqlite)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (F.row_number().over(), "ROW_NUMBER() OVER ()"),
        (F.rank().over(order_by=a.desc()), 'RANK() OVER (ORDER BY "a" DESC)'),
        (
            F.ntile(4).over(partition_by=(a, b), order_by=name),
            ('NTILE(?) OVER (PARTITION BY "a", "b" ORDER BY "name" ASC)', 4),
        ),
        (F.sum(a).over(rows=(None, 0)), 'SUM("a") OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)'),
        (
            F.sum(a).over(order_by=b, rows=(-2, 3)),
            ('SUM("a") OVER (ORDER BY "b" ASC ROWS BETWEEN ? PRECEDING AND ? FOLLOWING)', 2, 3),
        ),
        (
            F.sum(a).over(order_by=b, range=(-0.5, None)),
            ('SUM("a") OVER (ORDER BY "b" ASC RANGE BETWEEN ? PRECEDING AND UNBOUNDED FOLLOWING)', 0.5),
        ),
        (
            F.avg(a).over(partition_by=b, order_by=a, groups=(0, 1), exclude="ties"),
            (
                'AVG("a") OVER (PARTITION BY "b" ORDER BY "a" ASC '
                "GROUPS BETWEEN CURRENT ROW AND ? FOLLOWING EXCLUDE TIES)",
                1,
            ),
        ),
        (F.lag(day, 2, "2024-01-01").over(order_by=a), ('LAG("day", ?, ?) OVER (ORDER BY "a" ASC)', 2, "2024-01-01")),
        (F.lead(a).over(F.window(order_by=a)), ('LEAD("a", ?) OVER (ORDER BY "a" ASC)', 1)),
        (F.nth_value(a, 2).over(order_by=a), ('NTH_VALUE("a", ?) OVER (ORDER BY "a" ASC)', 2)),
        (
            F.count().filter(flag).over(partition_by=a) > 1,
            ('COUNT(*) FILTER (WHERE "flag") OVER (PARTITION BY "a") > ?', 1),
        ),
        (F.call("median", a).over(partition_by=a), 'MEDIAN("a") OVER (PARTITION BY "a")'),
    ],
)
def test_windows(node: Any, expected: Any) -> None:
    assert expected == sql(node)
    assert expected == sql(node, sqlite)


def test_what_the_frame_of_a_window_is_without() -> None:
    node = F.count(a, distinct=True).over(partition_by=b)

    assert 'COUNT(DISTINCT "a") OVER (PARTITION BY "b")' == sql(node, capable)
    with pytest.raises(UnsupportedFeature, match="SQLite has no DISTINCT over a window"):
        sql(node, sqlite)
    with pytest.raises(UnsupportedFeature, match="sql has no frames of GROUPS"):
        sql(F.count().over(order_by=a, groups=(0, 0)), bare)
    with pytest.raises(UnsupportedFeature, match="sql has no EXCLUDE in frames"):
        sql(F.count().over(order_by=a, rows=(0, 0), exclude="group"), bare)


def test_a_filter_is_a_case_where_there_is_none() -> None:
    assert ('COUNT(CASE WHEN "a" > ? THEN ? END)', 1, 1) == sql(F.count().filter(a > 1), bare)
    assert 'SUM(DISTINCT CASE WHEN "flag" THEN "a" END)' == sql(F.sum(a, distinct=True).filter(flag), bare)
    assert ('STRING_AGG(CASE WHEN "flag" THEN "name" END, ? ORDER BY "a" ASC)', ",") == sql(
        F.string_agg(name, order_by=a).filter(flag), bare
    )
    with pytest.raises(UnsupportedFeature, match="sql has no FILTER for JSON_AGG"):
        sql(F.json_agg(a).filter(flag), bare)


@pytest.mark.parametrize(
    ("node", "expected", "on_sqlite"),
    [
        (
            at + dt.timedelta(days=3),
            ("\"at\" + ? * INTERVAL '0.000001' SECOND", dt.timedelta(days=3)),
            ('moment_shift("at", ?)', dt.timedelta(days=3)),
        ),
        (
            dt.timedelta(days=3) + at,
            ("\"at\" + ? * INTERVAL '0.000001' SECOND", dt.timedelta(days=3)),
            ('moment_shift("at", ?)', dt.timedelta(days=3)),
        ),
        (day - span, 'CAST("day" - "span" * INTERVAL \'0.000001\' SECOND AS DATE)', 'moment_shift("day", -"span")'),
        (F.extract("year", day), 'EXTRACT(YEAR FROM "day")', "CAST(STRFTIME('%Y', \"day\") AS INTEGER)"),
        (F.extract("minute", clock), 'EXTRACT(MINUTE FROM "clock")', "CAST(STRFTIME('%M', \"clock\") AS INTEGER)"),
        (F.extract("week", at), 'EXTRACT(WEEK FROM "at")', "moment_part('week', \"at\")"),
        (F.date_trunc("month", at), "DATE_TRUNC('month', \"at\")", "moment_trunc('month', \"at\")"),
    ],
)
def test_dates(node: Any, expected: Any, on_sqlite: Any) -> None:
    assert expected == sql(node)
    assert on_sqlite == sql(node, sqlite)


def test_a_difference_of_dates_is_a_feature() -> None:
    assert 'moment_difference("at", "at")' == sql(at - at, sqlite)
    with pytest.raises(UnsupportedFeature, match="sql has no differences of dates"):
        sql(day - dt.date(2024, 1, 1))


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (F.rollup(a, b), 'ROLLUP ("a", "b")'),
        (F.cube(a, (a, b)), 'CUBE ("a", ("a", "b"))'),
        (F.grouping_sets((a, b), a, ()), 'GROUPING SETS (("a", "b"), "a", ())'),
        (F.grouping(a) == 1, ('GROUPING("a") = ?', 1)),
    ],
)
def test_grouping_sets(node: Any, expected: Any) -> None:
    assert expected == sql(node)
    for dialect in (bare, sqlite):
        with pytest.raises(UnsupportedFeature, match=f"{dialect.name} has no (ROLLUP|CUBE|GROUPING)"):
            sql(node, dialect)


@pytest.mark.parametrize(
    ("node", "expected", "on_sqlite"),
    [
        (name.regexp("^a"), ('REGEXP_LIKE("name", ?)', "^a"), ('REGEXP(?, "name")', "^a")),
        (
            name.regexp("^a", ignore_case=True),
            ("REGEXP_LIKE(\"name\", ?, 'i')", "^a"),
            ("REGEXP(?, \"name\", 'i')", "^a"),
        ),
        (
            name.not_regexp("a") == flag,
            ('(NOT REGEXP_LIKE("name", ?)) = "flag"', "a"),
            ('(NOT REGEXP(?, "name")) = "flag"', "a"),
        ),
        (name.regexp(plain), 'REGEXP_LIKE("name", "plain")', 'REGEXP("plain", "name")'),
    ],
)
def test_regular_expressions(node: Any, expected: Any, on_sqlite: Any) -> None:
    assert expected == sql(node, capable)
    assert on_sqlite == sql(node, sqlite)
    with pytest.raises(UnsupportedFeature, match="sql has no regular expressions"):
        sql(node)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("storm sea", ('"name" MATCH ?', '"storm" "sea"')),
        ('a"b OR NEAR(x) -c*', ('"name" MATCH ?', '"a""b" "OR" "NEAR(x)" "-c*"')),
        (" - !", "1 = 0"),
        ("", "1 = 0"),
    ],
)
def test_words_are_never_operators_of_a_search(words: str, expected: Any) -> None:
    assert expected == sql(name.matches(words), sqlite)
    if words.strip(" -!"):
        with pytest.raises(UnsupportedFeature, match="sql has no full-text search"):
            sql(name.matches(words))


KIND = "NULLIF(JSON_TYPE(\"data\", ?), 'null')"
NUMBER, TEXT = "IN ('integer', 'real')", "IN ('text')"
BESIDE = f'(CASE WHEN "b" IS NOT NULL THEN JSON_EXTRACT("data", ?) > "b" AND {KIND} {NUMBER} END)'
AT_HOSTILE = 'json_at("data", ?), ?)'


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (data["a"]["b"][0], ("NULLIF(\"data\" -> ?, 'null')", '$."a"."b"[0]')),
        (data["a"][-1], ("NULLIF(\"data\" -> ?, 'null')", '$."a"[#-1]')),
        (data['a"b'], ('json_at("data", ?)', '["a\\"b"]')),
        (data["é"], ('json_at("data", ?)', '["é"]')),
        (data[""], ('json_at("data", ?)', '[""]')),
        (data["a"] == 1, (f'(JSON_EXTRACT("data", ?) = ? AND {KIND} {NUMBER})', '$."a"', 1, '$."a"')),
        (data["a"] != "1", (f'(JSON_EXTRACT("data", ?) <> ? OR {KIND} NOT {TEXT})', '$."a"', "1", '$."a"')),
        (data["a"] == True, (f"({KIND} = CASE ? WHEN 0 THEN 'false' ELSE 'true' END)", '$."a"', True)),  # noqa: E712  # SQL, not Python.
        (data["a"] == [1], ('(json_same("data", ?, ?))', '["a"]', "[1]")),
        (data["a"] != {"b": 1}, ('(NOT json_same("data", ?, ?))', '["a"]', '{"b":1}')),
        (data["a"].is_null(), ("NULLIF(\"data\" -> ?, 'null') IS NULL", '$."a"')),
        (data["a"] > b, (BESIDE, '$."a"', '$."a"')),
        (b < data["a"], (BESIDE, '$."a"', '$."a"')),
        (
            data["q\\"] == "x",
            (
                f"(JSON_EXTRACT({AT_HOSTILE} = ? AND NULLIF(JSON_TYPE({AT_HOSTILE}, 'null') {TEXT})",
                '["q\\\\"]',
                "$",
                "x",
                '["q\\\\"]',
                "$",
            ),
        ),
        (data["a"].desc(), ('JSON_EXTRACT("data", ?) DESC', '$."a"')),
        (data["a"].cast(int), ('CAST(JSON_EXTRACT("data", ?) AS INTEGER)', '$."a"')),
        (data.json_contains({"a": [1]}), ('json_contains("data", ?, ?)', "[]", '{"a":[1]}')),
        (data["a"].json_contains(None), ('json_contains("data", ?, ?)', '["a"]', "null")),
        (data["a"].has_key("b"), ('JSON_TYPE("data", ?) IS NOT NULL', '$."a"."b"')),
        (data['"'].has_key("b"), ('json_has("data", ?)', '["\\"","b"]')),
        (data.json_length(), ('json_length("data", ?)', "[]")),
        (tags == ["x"], ('(json_same("tags", ?, ?))', "[]", ["x"])),
        (tags == name, '"tags" = "name"'),
        (name != tags, '"name" <> "tags"'),
        (tags != data, ('(NOT json_same("tags", ?, "data"))', "[]")),
        (tags.in_([["x"], None]), ('((json_same("tags", ?, ?)) OR "tags" IS NULL)', "[]", ["x"])),
        (
            ~tags.not_in([["x"], []]),
            ('NOT ((NOT json_same("tags", ?, ?)) AND (NOT json_same("tags", ?, ?)))', "[]", ["x"], "[]", []),
        ),
        (F.case((flag, fortune)) > 1, ('CASE WHEN "flag" THEN "fortune" END COLLATE DECIMAL > ?', 1)),
        (data["a"].in_([]), "1 = 0"),
        (data["a"].not_in([]), "1 = 1"),
    ],
)
def test_json_on_sqlite(node: Any, expected: Any) -> None:
    assert expected == sql(node, sqlite)


@pytest.mark.parametrize(
    "node",
    [
        data["a"], data["a"] == 1, data["a"].as_text(), data["a"].desc(), data.json_contains(1), data.has_key("a"),
        data.json_length(), data["a"].cast(int), data["a"].like("x"),
    ],
)  # fmt: skip
def test_json_is_a_feature(node: Any) -> None:
    with pytest.raises(UnsupportedFeature, match=r"sql has no .*JSON"):
        sql(node)


def test_an_older_sqlite_reads_json_by_a_function() -> None:
    assert ('json_at("data", ?)', '["a"]') == sql(data["a"], Arrowless())


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (F.case((a > 1, "x")), str),
        (F.case((a > 1, 1), else_=0.5), float),
        (F.case((a > 1, True), else_=False), bool),
        (F.case((a > 1, day), else_="2024-01-01"), dt.date),
        (F.case((a > 1, dt.date(2024, 1, 1))), dt.date),
        (F.case((a > 1, {"a": 1})), object),
        (F.case((a > 1, a), else_=name), None),
        (F.coalesce(a, 0.5), float),
        (F.coalesce(price, 0), Decimal),
        (F.nullif(day, "2024-01-01"), dt.date),
        (F.greatest(a, f), float),
        (F.least(1, 2), int),
        (F.concat("a", a), str),
        (F.ceil(price), Decimal),
        (F.floor(a), int),
        (F.mod(price, 2), Decimal),
        (F.power(a, 2), float),
        (F.sign(price), int),
        (F.current_date(), dt.date),
        (F.now(), dt.datetime),
        (F.extract("year", at), int),
        (F.date_trunc("year", day), dt.date),
        (at + span, dt.datetime),
        (day - 1 * dt.timedelta(1), dt.date),
        (at - at, dt.timedelta),
        (a.cast(str), str),
        (a.cast(int | None), int),
        (a.cast(T.VARCHAR), str),
        (name.collate("C"), str),
        (F.row_number().over(), int),
        (F.cume_dist().over(), float),
        (F.lag(day).over(), dt.date),
        (F.sum(price).filter(flag).over(), Decimal),
        (F.string_agg(a), str),
        (F.json_agg(a), list),
        (F.grouping(a), int),
        (data["a"], object),
        (data["a"].as_text(), str),
        (data.json_length(), int),
        (data.has_key("a"), bool),
        (a.in_([1]), bool),
        (F.exists(query), bool),
    ],
)
def test_the_python_type_of_a_result(node: Any, expected: Any) -> None:
    assert expected == (None if node.type is None else node.type.python)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: F.case(), "at least one pair"),
        (lambda: F.case(a > 1), "case takes pairs"),
        (lambda: F.case(("a > 1", 1)), "first of a pair is a condition, got str"),
        (lambda: F.case((True, 1)), "first of a pair is a condition, got bool"),
        (lambda: a.cast("int; DROP"), "cannot cast to 'int; DROP'"),
        (lambda: a.cast(T.CUSTOM), "nothing can be cast to CUSTOM"),
        (lambda: a.collate(""), "named by text"),
        (lambda: a.collate(1), "named by text, got int"),
        (lambda: F.greatest(a), "max is the aggregate"),
        (lambda: F.substring(name, 0), "counts characters from 1"),
        (lambda: F.concat(), "at least one item"),
        (lambda: F.abs(name), "abs takes numbers, but 'name' holds str"),
        (lambda: F.sum(data["a"]), "sum takes numbers, but 'the expression' holds JSON"),
        (lambda: F.max(data["a"]), "max takes what has an order, not JSON"),
        (lambda: F.count(distinct=True), "name a column"),
        (lambda: F.count("name"), "count takes an expression: .*not 'name'"),
        (lambda: F.sum("a"), "sum takes numbers, but 'the expression' holds str"),
        (lambda: F.max("a"), "max takes an expression"),
        (lambda: F.json_agg("a"), "json_agg takes an expression"),
        (lambda: F.string_agg("a"), "string_agg takes an expression"),
        (lambda: F.lag("a"), "lag takes an expression"),
        (lambda: F.string_agg(name, 1), "a separator is text, got int"),
        (lambda: F.string_agg(name, order_by="name"), "order_by takes expressions: .*not 'name'"),
        (lambda: F.lower(name).filter(flag), "lower takes no filter"),
        (lambda: F.rank().filter(flag), "rank takes no filter"),
        (lambda: F.count().filter("a > 1"), "filter takes a condition, got str"),
        (lambda: F.lower(name).over(), "lower is reckoned for each row"),
        (lambda: F.rank().over("w"), "over takes a window, got str"),
        (lambda: F.rank().over(F.window(), order_by=a), "a window or its parts, not both"),
        (lambda: F.rank().over(partition_by="a; DROP"), "partition_by takes expressions"),
        (lambda: F.rank().over(order_by=1), "order_by takes expressions, got int"),
        (lambda: F.sum(a).over(rows=(0, 1), range=(0, 1)), "one frame: give rows or range"),
        (lambda: F.sum(a).over(rows=1), "rows takes a pair"),
        (lambda: F.sum(a).over(rows=("1; DROP", 0)), "a number or None, got str"),
        (lambda: F.sum(a).over(rows=(0.5, 1)), "a number or None, got float"),
        (lambda: F.sum(a).over(rows=(True, 1)), "a number or None, got bool"),
        (lambda: F.sum(a).over(rows=(2, 1)), "ends before it begins"),
        (lambda: F.sum(a).over(groups=(0, 1)), "groups needs an order"),
        (lambda: F.sum(a).over(range=(-1, 1), order_by=(a, b)), "needs order_by with one expression"),
        (lambda: F.sum(a).over(exclude="group"), "exclude needs a frame"),
        (lambda: F.sum(a).over(rows=(0, 1), exclude="x"), "exclude is 'current row'"),
        (lambda: F.ntile(0), "ntile takes a whole number of at least 1"),
        (lambda: F.lag(a, "1"), "lag takes a whole number"),
        (lambda: F.extract("year; DROP", at), "extract knows no part 'year; DROP'"),
        (lambda: F.extract("hour", day), "extract finds no hour in values of date"),
        (lambda: F.extract("year", clock), "extract finds no year in values of time"),
        (lambda: F.extract("year", name), "extract finds no year in values of str"),
        (lambda: F.date_trunc("hour", day), "date_trunc finds no hour in values of date"),
        (lambda: F.date_trunc("hour", clock), "date_trunc finds no hour in values of time"),
        (lambda: F.date_trunc("microsecond", at), "date_trunc knows no part"),
        (lambda: F.rollup(), "rollup needs at least one"),
        (lambda: F.rollup("a"), "rollup takes expressions"),
        (lambda: F.cube(a.as_("x")), "cube takes expressions, got Aliased"),
        (lambda: F.exists(1), "expected a query, got int"),
        (lambda: name.regexp(1), "a regular expression is text, got int"),
        (lambda: name.matches(None), "matches expects words, got NoneType"),
        (lambda: name["a"], "'name' holds str, no JSON that has parts"),
        (lambda: a.has_key("a"), "'a' holds int, no JSON"),
        (lambda: data[1.5], "a name or a whole number, got float"),
        (lambda: data[True], "a name or a whole number, got bool"),
        (lambda: data[a], "a name or a whole number, got ColumnRef"),
        (lambda: data["a"][None], "a name or a whole number, got NoneType"),
        (lambda: data["a"] == object(), "type object has no form in JSON"),
        (lambda: data["a"] < True, "< compares JSON with numbers and text, not with boolean"),
        (lambda: data["a"] >= [1], "not with json"),
        (lambda: data["a"] == plain, "cast one of the two"),
        (lambda: data["a"] == day, "cast one of the two"),
        (lambda: data["a"].in_(query), "cast it first"),
        (lambda: data["a"].in_("abc"), "expected a list of values"),
        (lambda: data.has_key(1), "expects the name of a member, got int"),
        (lambda: data.json_contains(a), "takes a value, not an expression"),
        (lambda: data.json_contains(object()), "type object has no form in JSON"),
        (lambda: sql(F.rank()), "rank needs a window"),
        (lambda: sql(F.rank() > 1), "rank needs a window"),
        (lambda: sql(name.regexp("(a"), sqlite), "no regular expression: missing \\)"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(build: Callable[[], Any], says: str) -> None:
    with pytest.raises(QueryError, match=says):
        build()


@pytest.mark.parametrize(
    "node",
    [F.ceil(fortune), F.mod(fortune, 2), fortune.cast(Decimal) + fortune, F.cast(a, T.DECIMAL) * fortune,
     F.string_agg(name, order_by=fortune)],
)  # fmt: skip
def test_sqlite_does_not_reckon_with_long_decimals(node: Any) -> None:
    with pytest.raises(UnsupportedFeature, match="15 digits"):
        sql(node, sqlite)


def test_an_operand_is_no_sequence() -> None:
    with pytest.raises(TypeError):
        list(data)
    with pytest.raises(TypeError):
        _ = 1 in data


def test_no_value_is_shown() -> None:
    nodes: list[Expression] = [
        data["a"] == "secret", data.json_contains("secret"), name.matches("secret"), name.regexp("secret"),
        F.case((a > 1, "secret")), F.string_agg(name, "secret"),
    ]  # fmt: skip
    assert ["secret" in repr(node) for node in nodes] == [False] * len(nodes)


def test_a_function_can_have_another_form_in_a_dialect() -> None:
    class Own(Dialect):
        function_names: ClassVar[dict[str, str]] = {**Constructs.function_names, "LOWER": "LCASE"}

        def call_trim(self, out: Any, function: Function) -> None:
            out.sql("STRIP ")
            out.nodes(function.args)

    assert ('LCASE("name") = STRIP ?', "x") == sql(F.lower(name) == F.trim(Value("x")), Own())
    assert 'JSON_ARRAYAGG("a")' == sql(F.json_agg(a), Own())


def test_raw_text_is_an_operand_of_functions() -> None:
    assert ("CASE WHEN p > ? THEN ? END", 1, 2) == sql(F.case((Raw("p > ?", (1,)), 2)))
