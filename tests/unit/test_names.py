"""Names in strings, taken apart or refused."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhosocial.activerecord.backend import QueryError
from rhosocial.activerecord.backend.names import Term, parse_order, parse_term, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name", Term("name")),
        ("  name\t", Term("name")),
        ("users.name", Term("users.name")),
        ("größe", Term("größe")),
        ("x_1", Term("x_1")),
        ("*", Term("*")),
        ("users.*", Term("users.*")),
        ("name AS n", Term("name", alias="n")),
        ("name as n", Term("name", alias="n")),
        ("COUNT(*)", Term("*", "COUNT")),
        ("count ( * )  AS n", Term("*", "count", alias="n")),
        ("COUNT(DISTINCT users.name) AS n", Term("users.name", "COUNT", True, "n")),
        ("max(age)", Term("age", "max")),
        ("distinct", Term("distinct")),
        ("select", Term("select")),
    ],
)
def test_a_term_is_a_column_or_a_function_of_one(text: str, expected: Term) -> None:
    assert expected == parse_term(text)


def test_a_term_knows_its_table() -> None:
    assert ("users", "name") == (parse_term("users.name").table, parse_term("users.name").name)
    assert (None, "name") == (parse_term("name").table, parse_term("name").name)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "1", "1a", "a b", "a, b", "a;", "a--", "a/*", 'a"', "a'", "`a`", "[a]", "a.b.c", "a.", ".a",
        "a.*.b", "(a)", "a()",
        "COUNT()", "COUNT(a, b)", "COUNT(a))", "f(g(a))", "COUNT(*) n", "a AS", "a AS b c", 'a AS "b"', "a AS 1",
        "* , 1", "a\0",
        "COUNT(DISTINCTa b)", "*, (select 1)", "a COLLATE x", "a::int", "a->b", "a+1", "?", "%s", ":a", "$1",
        "a" * 501, None, 5, b"a", ["a"], True,
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: Any) -> None:
    with pytest.raises(QueryError, match="is no column: write a name"):
        parse_term(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name", (Term("name"), False, None)),
        ("name ASC", (Term("name"), False, None)),
        ("name desc", (Term("name"), True, None)),
        ("users.name DESC NULLS LAST", (Term("users.name"), True, "LAST")),
        (" name  nulls  first ", (Term("name"), False, "FIRST")),
        ("desc desc", (Term("desc"), True, None)),
        ("nulls", (Term("nulls"), False, None)),
    ],
)
def test_an_order_has_a_direction_and_a_place_for_nulls(text: str, expected: Any) -> None:
    assert expected == parse_order(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "name DESCENDING", "name DESC ASC", "name NULLS", "name NULLS LAST DESC", "name, id",
        "name; DROP TABLE x", "name DESC --",
        "1", "a b", "name\0 DESC", " " * 501, None, 5, ("name", "DESC"),
    ],
)  # fmt: skip
def test_any_other_order_is_refused(text: Any) -> None:
    with pytest.raises(QueryError, match=r"is no (order|column)"):
        parse_order(text)


@given(st.text(max_size=30))
def test_whatever_passes_holds_nothing_but_names(text: str) -> None:
    try:
        term, _, nulls = parse_order(text)
    except QueryError:
        return
    parts = [*term.column.split("."), term.function or "f", term.alias or "a"]

    assert all(part == "*" or re.fullmatch(r"\w+", part) for part in parts)
    assert nulls in (None, "FIRST", "LAST")


@pytest.mark.parametrize("text", [" " * 10**6, "a " * 10**6, "a" + " " * 10**6 + "b", "a." * 10**6, "COUNT(" * 10**6])
def test_long_texts_are_refused_at_once_and_not_repeated(text: str) -> None:
    start = time.perf_counter()
    for parse in (parse_term, parse_order):
        with pytest.raises(QueryError) as caught:
            parse(text)
        assert len(str(caught.value)) < 1000

    assert time.perf_counter() - start < 0.5


def test_shown_quotes_and_cuts() -> None:
    assert "'a'" == shown("a")
    assert "'" + "a" * 499 + "…" == shown("a" * 1000)
