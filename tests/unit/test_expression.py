"""The text that each node writes, and the values it binds."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from rhosocial.activerecord.backend import DataError, Dialect, ParameterCountError, QueryError, UnsupportedFeature
from rhosocial.activerecord.backend import functions as F
from rhosocial.activerecord.backend.column_type import ColumnType
from rhosocial.activerecord.backend.expression import Aliased, ColumnRef, Expression, Junction, Raw, Value
from rhosocial.activerecord.backend.function import Function, Star
from rhosocial.activerecord.backend.impl.sqlite.dialect import SQLiteDialect
from rhosocial.activerecord.backend.statement import Select, TableName
from rhosocial.activerecord.backend.subquery import Exists, Subquery
from rhosocial.activerecord.backend.typing import DatabaseType as T

INT = ColumnType(int, T.BIGINT)
TEXT = ColumnType(str, T.TEXT)
FLAG = ColumnType(bool, T.BOOLEAN)
DAY = ColumnType(dt.date, T.DATE)
SPAN = ColumnType(dt.timedelta, T.INTERVAL)
MONEY = ColumnType(Decimal, T.DECIMAL, precision=10, scale=2)
FORTUNE = ColumnType(Decimal, T.DECIMAL, precision=30, scale=6)

a, b = ColumnRef("t", "a", INT), ColumnRef("t", "b", INT)
name, flag, day, span = (
    ColumnRef("t", n, k) for n, k in (("name", TEXT), ("flag", FLAG), ("day", DAY), ("span", SPAN))
)
price, fortune, plain = ColumnRef("t", "price", MONEY), ColumnRef("t", "fortune", FORTUNE), ColumnRef("t", "plain")
standard, sqlite = Dialect(), SQLiteDialect()


def sql(node: Any, dialect: Dialect = standard) -> Any:
    """The text and the values; the text alone where there are none."""
    text, values = dialect.compile(node)
    return (text, *values) if values else text


def bound(node: Any) -> list[tuple[Any, Any]]:
    """The values with the types as which they would be converted."""
    found: list[tuple[Any, Any]] = []
    standard.compile(node, lambda value, column: found.append((value, column)))
    return found


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (a == 1, ('"a" = ?', 1)),
        (a != 1, ('"a" <> ?', 1)),
        (a < b, '"a" < "b"'),
        (a <= b, '"a" <= "b"'),
        (a > b, '"a" > "b"'),
        (1 <= a, ('"a" >= ?', 1)),
        (a == None, '"a" IS NULL'),  # noqa: E711  # SQL, not Python.
        (a != None, '"a" IS NOT NULL'),  # noqa: E711  # SQL, not Python.
        (a.is_null(), '"a" IS NULL'),
        ((a + 1).is_not_null(), ('"a" + ? IS NOT NULL', 1)),
        ((a == b).is_null(), '("a" = "b") IS NULL'),
        ((a == b) == (a < b), '("a" = "b") = ("a" < "b")'),
        (a.between(1, b), ('"a" BETWEEN ? AND "b"', 1)),
        (a.not_between(1, 2), ('"a" NOT BETWEEN ? AND ?', 1, 2)),
        (a.in_([1, 2]), ('"a" IN (?, ?)', 1, 2)),
        (a.not_in((1, b)), ('"a" NOT IN (?, "b")', 1)),
        (a.in_([]), "1 = 0"),
        (a.not_in([]), "1 = 1"),
        (a.in_([None]), '(1 = 0 OR "a" IS NULL)'),
        (a.in_([1, None]), ('("a" IN (?) OR "a" IS NULL)', 1)),
        (a.not_in([1, None]), ('("a" NOT IN (?) AND "a" IS NOT NULL)', 1)),
        (a.in_(Raw("SELECT 1")), '"a" IN (SELECT 1)'),
        (name.like("x%"), ('"name" LIKE ?', "x%")),
        (name.not_like("x%"), ('"name" NOT LIKE ?', "x%")),
        (name.ilike("x%"), ('LOWER("name") LIKE LOWER(?)', "x%")),
        (name.like(plain), '"name" LIKE "plain"'),
        (name.contains("a%_!b"), ("\"name\" LIKE ? ESCAPE '!'", "%a!%!_!!b%")),
        (name.startswith("a"), ("\"name\" LIKE ? ESCAPE '!'", "a%")),
        (name.endswith("a"), ("\"name\" LIKE ? ESCAPE '!'", "%a")),
    ],
)
def test_comparisons(node: Any, expected: Any) -> None:
    assert expected == sql(node)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (a + b + 1, ('"a" + "b" + ?', 1)),
        (a + (b + 1), ('"a" + ("b" + ?)', 1)),
        (a - (b - a), '"a" - ("b" - "a")'),
        (a * (b + a), '"a" * ("b" + "a")'),
        (a * b + a, '"a" * "b" + "a"'),
        (a / (b * a), '"a" / ("b" * "a")'),
        (a % b, '"a" % "b"'),
        (1 + a, ('? + "a"', 1)),
        (1 - a, ('? - "a"', 1)),
        (2 * a, ('? * "a"', 2)),
        (2 / a, ('? / "a"', 2)),
        (2 % a, ('? % "a"', 2)),
        (-a, ('? - "a"', 0)),
        (-(a + b) * 2, ('(? - ("a" + "b")) * ?', 0, 2)),
        (a - -1, ('"a" - ?', -1)),
        (name + "x", ('"name" || ?', "x")),
        ("x" + name + "y", ('(? || "name") || ?', "x", "y")),
        (name + "x" == "y", ('("name" || ?) = ?', "x", "y")),
        (plain + "x", ('"plain" || ?', "x")),
        ((a == 1) == flag, ('("a" = ?) = "flag"', 1)),
        (a + 1 > b * 2, ('"a" + ? > "b" * ?', 1, 2)),
        (span + dt.timedelta(1) > span, ('"span" + ? > "span"', dt.timedelta(1))),
    ],
)
def test_arithmetic(node: Any, expected: Any) -> None:
    assert expected == sql(node)


x, y, z = a == 1, b == 2, flag


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (x & y & z, ('"a" = ? AND "b" = ? AND "flag"', 1, 2)),
        (x | y | z, ('"a" = ? OR "b" = ? OR "flag"', 1, 2)),
        (x & y | z, ('"a" = ? AND "b" = ? OR "flag"', 1, 2)),
        (x & (y | z), ('"a" = ? AND ("b" = ? OR "flag")', 1, 2)),
        ((x & y) & (z & x), ('"a" = ? AND "b" = ? AND "flag" AND "a" = ?', 1, 2, 1)),
        (~x, ('NOT "a" = ?', 1)),
        (~~x, ('NOT (NOT "a" = ?)', 1)),
        (~(x & y), ('NOT ("a" = ? AND "b" = ?)', 1, 2)),
        (~x & y, ('NOT "a" = ? AND "b" = ?', 1, 2)),
        (~z | z & x, ('NOT "flag" OR "flag" AND "a" = ?', 1)),
        (Raw("p OR q") & z, '(p OR q) AND "flag"'),
        (Raw("p") | z, '(p) OR "flag"'),
        (~Raw("p OR q"), "NOT (p OR q)"),
        (Raw("p") & Expression("q OR r"), "(p) AND (q OR r)"),
        ((x | y) == z, ('("a" = ? OR "b" = ?) = "flag"', 1, 2)),
        (plain & x, ('"plain" AND "a" = ?', 1)),
        (F.call("f", a) | x, ('F("a") OR "a" = ?', 1)),
    ],
)
def test_junctions(node: Any, expected: Any) -> None:
    assert expected == sql(node)


def test_a_long_junction_is_no_deep_tree() -> None:
    text, *values = sql(Junction("OR", [a == number for number in range(10_000)]))
    depth = deepest = run = longest = 0
    for piece in text.replace("(", " ( ").replace(")", " ) ").split():
        depth += {"(": 1, ")": -1}.get(piece, 0)
        deepest = max(deepest, depth)
        run = 0 if piece in "()" else run + (piece == "OR")
        longest = max(longest, run)

    assert list(range(10_000)) == values
    assert (0, 1) == (depth, deepest)
    assert 99 == longest


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (Raw("p = ?", (1,)), ("p = ?", 1)),
        (Raw("p = ? AND q = ?", [1, "?"]), ("p = ? AND q = ?", 1, "?")),
        (Raw("p = '?' AND \"?\" = ?", 1), ("p = '?' AND \"?\" = ?", 1)),
        (Raw("p ?? 'x'"), "p ?? 'x'"),
        (Raw("p * ?", (a + b,)), 'p * ("a" + "b")'),
        (Raw("p > ?", (Expression("CURRENT_DATE"),)), "p > (CURRENT_DATE)"),
        (Raw("p = ?", (None,)), ("p = ?", None)),
        (Raw("p -- q"), "p -- q\n"),
        (Raw("p -- q") & z, '(p -- q\n) AND "flag"'),
    ],
)
def test_text_with_values(node: Any, expected: Any) -> None:
    assert expected == sql(node)


@pytest.mark.parametrize(("text", "values"), [("?", ()), ("? ?", (1,)), ("p", (1,)), ("'?'", (1,)), ("?", (1, 2))])
def test_each_placeholder_needs_a_value(text: str, values: Any) -> None:
    with pytest.raises(ParameterCountError, match=r"expected \d parameters, one for each \? of the statement, but got"):
        Raw(text, values)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (F.count(), "COUNT(*)"),
        (F.count(a), 'COUNT("a")'),
        (F.count(a, distinct=True), 'COUNT(DISTINCT "a")'),
        (F.sum(a, distinct=True), 'SUM(DISTINCT "a")'),
        (F.coalesce(a, b, 0), ('COALESCE("a", "b", ?)', 0)),
        (F.round(price, 1), ('ROUND("price", ?)', 1)),
        (F.call("json_extract", name, "$.a"), ('JSON_EXTRACT("name", ?)', "$.a")),
        (F.lower(name) == "x", ('LOWER("name") = ?', "x")),
        (F.sum(a * b) / F.count(), 'SUM("a" * "b") / COUNT(*)'),
        (F.max(a).as_("m"), 'MAX("a") AS "m"'),
        (Aliased(a + 1, 'a "b"'), ('"a" + ? AS "a ""b"""', 1)),
        (Star(), "*"),
        (a.asc(), '"a" ASC'),
        (a.desc().nulls_last(), '"a" DESC NULLS LAST'),
        ((a + b).desc().nulls_first(), '("a" + "b") DESC NULLS FIRST'),
        (a.asc().nulls_first().reversed(), '"a" DESC NULLS LAST'),
        (a.desc().reversed(), '"a" ASC'),
    ],
)
def test_functions_aliases_and_orderings(node: Any, expected: Any) -> None:
    assert expected == sql(node)


def asked(*columns: Expression) -> Subquery:
    return Subquery(Select(columns, TableName("u")).replace(where=ColumnRef("u", "id") == a))


class Question:
    """What a query looks like from here."""

    def __init__(self, *columns: Expression) -> None:
        self.columns = columns

    def as_subquery(self) -> Subquery:
        return asked(*self.columns)


INNER = 'SELECT "u"."n" FROM "u" WHERE "u"."id" = "t"."a"'


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (Exists(Question(ColumnRef("u", "n"))), f"EXISTS ({INNER})"),
        (~Exists(Question(ColumnRef("u", "n"))), f"NOT (EXISTS ({INNER}))"),
        (Exists(asked(ColumnRef("u", "n")), negated=True), f"NOT EXISTS ({INNER})"),
        (Exists(Raw("SELECT 1")), "EXISTS (SELECT 1)"),
        (a.in_(Question(ColumnRef("u", "n"))), f'"t"."a" IN ({INNER})'),
        (a > Question(ColumnRef("u", "n")), f'"t"."a" > ({INNER})'),
        (a + Question(ColumnRef("u", "n")), f'"t"."a" + ({INNER})'),
    ],
)
def test_queries_in_expressions(node: Any, expected: str) -> None:
    outer = Select((a,), TableName("t")).replace(where=node, joins=(Raw("JOIN v"),))

    assert f'SELECT "t"."a" FROM "t" JOIN v WHERE {expected}' == sql(outer)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (a == 1, [(1, INT)]),
        (a == "1", [("1", INT)]),
        (a > 1.5, [(1.5, None)]),
        (a > Decimal("1.5"), [(Decimal("1.5"), None)]),
        (a == True, [(True, INT)]),  # noqa: E712  # SQL, not Python.
        (day.between("2024-01-01", dt.date(2024, 2, 1)), [("2024-01-01", DAY), (dt.date(2024, 2, 1), DAY)]),
        (flag.in_([1, 0]), [(1, FLAG), (0, FLAG)]),
        (price > Decimal("1.2345"), [(Decimal("1.2345"), ColumnType(Decimal, T.DECIMAL))]),
        (price > 1, [(1, ColumnType(Decimal, T.DECIMAL))]),
        (price > 1.5, [(1.5, None)]),
        (fortune > 1.5, [(1.5, ColumnType(Decimal, T.DECIMAL, precision=1000))]),
        (a * 1.5 > 2, [(1.5, None), (2, ColumnType(float, T.DOUBLE))]),
        (plain == 1, [(1, None)]),
        (name.like("x"), [("x", None)]),
        (F.coalesce(day, "2024-01-01"), [("2024-01-01", DAY)]),
        (F.sum(price) > 1, [(1, ColumnType(Decimal, T.DECIMAL))]),
        (F.avg(a) > 1, [(1, ColumnType(float, T.DOUBLE))]),
        (F.count() > 1, [(1, INT)]),
        (F.length(name) == 1, [(1, INT)]),
        (Raw("p = ?", (1,)), [(1, None)]),
        (Value(1, INT), [(1, INT)]),
    ],
)
def test_values_keep_the_type_of_what_they_stand_beside(node: Any, expected: Any) -> None:
    assert expected == bound(node)


def decimal(scale: int | None, long: bool = False) -> ColumnType:
    return ColumnType(Decimal, T.DECIMAL, precision=1000 if long else None, scale=scale)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (a + 1, INT),
        (a * b - 1, INT),
        (a / b, INT),
        (a % 2, INT),
        (a + 1.5, ColumnType(float, T.DOUBLE)),
        (a + Decimal("1.50"), decimal(2)),
        (price + 1, decimal(2)),
        (price * 3, decimal(2)),
        (price * price, decimal(4)),
        (price * Decimal("0.125"), decimal(5)),
        (price - Decimal("1E+2"), decimal(2)),
        (price / 3, decimal(None)),
        (price * 1.5, ColumnType(float, T.DOUBLE)),
        (price + plain, decimal(None)),
        (fortune * 2, decimal(6, long=True)),
        (plain + 1, None),
        (name + "x", TEXT),
        (span + span, SPAN),
        (F.sum(a), INT),
        (F.sum(flag), INT),
        (F.avg(a), ColumnType(float, T.DOUBLE)),
        (F.avg(price), MONEY),
        (F.max(day), DAY),
        (F.coalesce(1, day), DAY),
        (F.round(price, 1), decimal(1)),
        (F.round(a, 1), INT),
        (F.lower(name), TEXT),
        (F.call("f", a), None),
        ((a + 1).as_("x"), INT),
        (asked(ColumnRef("u", "n", DAY)), DAY),
        (a == 1, FLAG),
        (Raw("1"), None),
    ],
)
def test_the_type_of_a_result_is_known_where_it_can_be(node: Any, expected: Any) -> None:
    assert expected == node.type


@pytest.mark.parametrize(
    ("build", "error", "says"),
    [
        (lambda: bool(a == 1), TypeError, "no truth value in Python: join conditions with & | ~"),
        (lambda: 1 < a < 5, TypeError, "no truth value"),
        (lambda: a in [b], TypeError, "no truth value"),
        (lambda: (a == 1) and (b == 2), TypeError, "no truth value"),
        (lambda: not a, TypeError, "no truth value"),
        (lambda: a & (b == 1), TypeError, "put each comparison in parentheses"),
        (lambda: a | b, TypeError, "put each comparison in parentheses"),
        (lambda: ~name, TypeError, "put each comparison in parentheses"),
        (lambda: (a == 1) & 5, QueryError, "expected a condition, got int"),
        (lambda: (a == 1) | None, QueryError, "expected a condition, got NoneType"),
        (lambda: name - 1, QueryError, "'-' does not go with number and text"),
        (lambda: name + 1 - a, QueryError, "does not go with number and text"),
        (lambda: day + 1, QueryError, r"'\+' does not go with date and number"),
        (lambda: day * dt.timedelta(1), QueryError, "does not go with date and span"),
        (lambda: dt.timedelta(1) - day, QueryError, "does not go with date and span"),
        (lambda: day - dt.datetime(2024, 1, 1), QueryError, "does not go with date and datetime"),
        (lambda: day + day, QueryError, "does not go with date"),
        (lambda: span * 2, QueryError, "does not go with number and span"),
        (lambda: a - [1], QueryError, "does not go with list and number"),
        (lambda: F.sum(name), QueryError, "sum takes numbers, but 'name' holds str"),
        (lambda: F.avg(name + name), QueryError, "avg takes numbers, but 'the expression' holds str"),
        (lambda: Function("a b"), QueryError, "'a b' is no function name"),
        (lambda: Function(5), QueryError, "5 is no function name"),
        (lambda: Exists(5), QueryError, "expected a query, got int"),
        (lambda: a == Question(a, b), QueryError, "must give one column, not 2"),
        (lambda: a.in_(Question(a, b)), QueryError, "must give one column, not 2"),
        (lambda: a.in_(a), QueryError, "got ColumnRef"),
        (lambda: a.in_(F.count()), QueryError, "got Function"),
        (lambda: a.as_(""), QueryError, "expected a name, got ''"),
        (lambda: name.like(5), QueryError, "a pattern is text, got int"),
        (lambda: name.contains(name), QueryError, "contains expects text, got ColumnRef"),
        (lambda: Raw(5), QueryError, "expected SQL text or an expression, got int"),
        (lambda: a.nosuch, AttributeError, "nosuch"),
    ],
)
def test_what_makes_no_sense_is_refused(build: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        build()


def test_nodes_are_never_equal_but_can_be_kept_in_sets() -> None:
    assert 2 == len({a, b, a})
    assert {a: 1}[a] == 1


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (name.startswith("a*b?[c]"), ('"name" GLOB ?', "a[*]b[?][[]c]*")),
        (name.startswith(""), ('"name" GLOB ?', "*")),
        (name.startswith("a\0"), ("SUBSTR(CAST(X'FF' || \"name\" AS BLOB), 2, 2) = ?", b"a\0")),
        (name.endswith("é"), ("SUBSTR(CAST(X'FF' || \"name\" AS BLOB), -2) = ?", "é".encode())),
        (name.endswith(""), ('INSTR("name", ?) > 0', "")),
        (name.contains("%"), ('INSTR("name", ?) > 0', "%")),
        ((name + "x").endswith("x"), ("SUBSTR(CAST(X'FF' || (\"name\" || ?) AS BLOB), -1) = ?", "x", b"x")),
        (F.sum(price), 'SUM("price")'),
        (F.sum(fortune), 'decimal_sum("fortune") COLLATE DECIMAL'),
        (F.avg(fortune) > 1, ('decimal_avg("fortune") COLLATE DECIMAL > ?', 1)),
        (F.max(fortune), 'MAX("fortune") COLLATE DECIMAL'),
        (F.coalesce(fortune, 0), ('COALESCE("fortune", ?) COLLATE DECIMAL', 0)),
        (fortune > 1, ('"fortune" > ?', 1)),
    ],
)
def test_how_sqlite_writes_it(node: Any, expected: Any) -> None:
    assert expected == sql(node, sqlite)


@pytest.mark.parametrize("node", [fortune * 2, price + fortune, -fortune, F.abs(fortune), F.round(fortune, 2)])
def test_sqlite_refuses_to_reckon_with_long_decimals(node: Any) -> None:
    with pytest.raises(UnsupportedFeature, match="decimals of more than 15 digits"):
        sql(node, sqlite)


def test_text_without_a_form_in_utf8_is_refused() -> None:
    with pytest.raises(DataError, match="lone surrogate"):
        sql(name.endswith("\udc00"), sqlite)


def test_a_node_shows_its_parts_and_no_values() -> None:
    assert "Comparison(left=ColumnRef" in repr(a == "secret")
    for node in (
        a == "secret",
        a.in_(["secret"]),
        name.contains("secret"),
        Raw("p = ?", ("secret",)),
        ~(a == "secret"),
    ):
        assert "secret" not in repr(node)


class Old(Expression):
    """As authors of the guide's era wrote them."""

    def format(self, dialect: Any) -> str:
        return f"{dialect.quote(self.expression)}::int"


def test_an_expression_may_be_text_or_have_a_format_of_its_own() -> None:
    assert "CURRENT_DATE" == sql(Expression.raw("CURRENT_DATE"))
    assert '"a"::int' == sql(Old("a"))
    assert '"a" = ("b"::int)' == sql(a == Old("b"))
    assert "Old(expression='a')" == repr(Old("a"))
