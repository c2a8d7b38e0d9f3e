"""Placeholders are found in raw SQL, and only there."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhosocial.activerecord.backend import lexer
from rhosocial.activerecord.backend.errors import ConfigurationError
from rhosocial.activerecord.backend.lexer import count, pieces, translate

STYLES = ("qmark", "format", "numeric", "dollar", "named")

# Each of these holds a `?` that is no placeholder.
OPAQUE = (
    "'?'",
    "'a''?'",
    "'''?'''",
    "'?\\'",
    "'-- ?'",
    "'/* ?'",
    "'$$ ?'",
    '"?"',
    '"a""?"',
    '"it\'s ?"',
    "`?`",
    "`a``?`",
    "E'?'",
    "e'\\'?'",
    "E'\\\\\\'?'",
    "E'''?\\''",
    "E'a''b\\'?'",
    "N'?'",
    "-- ?\n",
    "-- it's ? \"\n",
    "--?\n",
    "/* ? */",
    "/*?*/",
    "/* it's ? */",
    "/* -- */",
    "/*/ ? /*/ ? */*/",
    "/* /* ? */ ? */",
    "/* a /* b /* ? */ */ ? */",
    "/***?***/",
    "$$?$$",
    "$$\n?\n$$",
    "E'\\\n?\\'?'",
    "$$ it's ? -- $$",
    "$tag$?$tag$",
    "$tag$ $$ ? $$ $other$ ? $tag$",
    "$_1$?$_1$",
    "$Tag$ $tag$ ? $Tag$",
    "$é$?$é$",
    "$$$ ? $$",
)

# Each of these holds exactly one placeholder.
OPEN = (
    "?",
    "a=?",
    "(?)",
    "'' ?",
    "'a''' ?",
    "'\\' ?",
    '"" ?',
    "`` ?",
    "E'\\\\' ?",
    "fe'\\' ?",
    "1e'\\' ?",
    "$e'\\' ?",
    "ée'\\' ?",
    "-- '\n ?",
    "- - ? ",
    "--\n?",
    "/**/?",
    "/*/*/ */*/?",
    "/* ' */ ?",
    "/ * ? * /",
    "$1 $2 ?",
    "$1$ ?",
    "a$b$ ?",
    "a$$ ?",
    "é$$ ?",
    "1$a$ ?",
    "$a b$ ?",
    "$9a$ ?",
    "$ ?",
    "$$a$$ ?",
    "$a$ $a$ ?",
    "ARRAY[?]",
    "col[?]",
    "[?]",
    "?::int",
    "x::text = ?",
    "# ?",
    "??? ",
    "????? ",
)


@pytest.mark.parametrize("sql", OPAQUE)
def test_a_question_mark_in_a_literal_name_or_comment_is_no_placeholder(sql: str) -> None:
    assert (sql,) == pieces(sql)
    assert 2 == count(f"? {sql} ?")


@pytest.mark.parametrize("sql", OPEN)
def test_a_question_mark_in_code_is_a_placeholder(sql: str) -> None:
    assert 1 == count(sql)


@pytest.mark.parametrize("opening", ["'", '"', "`", "E'", "e'\\'", "--", "/*", "/* /* */", "$$", "$a$ $b$", "$$ $"])
def test_what_is_never_closed_is_literal_to_the_end(opening: str) -> None:
    sql = f"? {opening} ? ??"

    assert ("", sql[1:]) == pieces(sql)
    assert (sql, 1) == translate(sql, "qmark", True)


@pytest.mark.parametrize("sql", ["E'", "E'\\", "E'a\\", "'\\", "?'", "??$", "-", "/", "--", "/*", "$", "$$", "\\", ""])
def test_text_that_breaks_off_anywhere_is_read_without_error(sql: str) -> None:
    assert sql == "?".join(pieces(sql))


def test_pieces_stand_around_the_placeholders() -> None:
    assert ("a = ", " AND b = '?' AND c = ", "") == pieces("a = ? AND b = '?' AND c = ?")
    assert ("",) == pieces("")
    assert ("", "") == pieces("?")


def test_doubled_marks_stay_in_the_pieces() -> None:
    assert ("a ?? ", " ??| b '??'") == pieces("a ?? ? ??| b '??'")


def test_marks_pair_from_the_left() -> None:
    assert ("??", "") == pieces("???")
    assert ("????", "") == pieces("?????")


def test_a_line_comment_ends_with_its_line_only() -> None:
    assert 1 == count("-- ?\r\n?")
    assert 0 == count("-- ?\r?")


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("qmark", "a = ? AND b LIKE '5%' AND c IN (?, ?)"),
        ("format", "a = %s AND b LIKE '5%%' AND c IN (%s, %s)"),
        ("numeric", "a = :1 AND b LIKE '5%' AND c IN (:2, :3)"),
        ("dollar", "a = $1 AND b LIKE '5%' AND c IN ($2, $3)"),
        ("named", "a = :p1 AND b LIKE '5%' AND c IN (:p2, :p3)"),
    ],
)
def test_each_style_has_its_own_placeholders(style: str, expected: str) -> None:
    assert (expected, 3) == translate("a = ? AND b LIKE '5%' AND c IN (?, ?)", style, True)


def test_an_unknown_style_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"'pyformat'.*qmark"):
        translate("SELECT ?", "pyformat", True)


@pytest.mark.parametrize("style", STYLES)
def test_a_doubled_mark_becomes_a_single_one_outside_of_literals_only(style: str) -> None:
    sql = "data ?? 'k??' AND \"c??\" ??| x -- ??\n"

    assert ("data ? 'k??' AND \"c??\" ?| x -- ??\n", 0) == translate(sql, style, True)


def test_percent_signs_double_everywhere_for_format_with_parameters() -> None:
    sql = "a % 2 = ? AND b LIKE '%x%' AND \"100%\" = $$%s$$ /* %% */ -- 5%"

    expected = "a %% 2 = %s AND b LIKE '%%x%%' AND \"100%%\" = $$%%s$$ /* %%%% */ -- 5%%"
    assert (expected, 1) == translate(sql, "format", True)


def test_percent_signs_stay_for_format_without_parameters() -> None:
    assert ("SELECT 'a%' ? '%s'", 0) == translate("SELECT 'a%' ?? '%s'", "format", False)


def test_percent_signs_double_also_where_no_placeholder_is_found() -> None:
    assert ("SELECT 5 %% 2", 0) == translate("SELECT 5 % 2", "format", True)


@pytest.mark.parametrize("style", STYLES[2:])
def test_percent_signs_stay_in_other_styles(style: str) -> None:
    assert translate("SELECT 5 % 2, '%'", style, True) == ("SELECT 5 % 2, '%'", 0)


def test_qmark_text_without_doubled_marks_is_handed_back_as_it_is() -> None:
    sql = "".join(["SELECT ? -- handed ", "back '??'"])

    assert translate(sql, "qmark", True)[0] is sql


@pytest.mark.parametrize(
    ("sql", "dollar", "named"),
    [
        ("a=?AND b=?", "a=$1 AND b=$2", "a=:p1 AND b=:p2"),
        ("LIMIT?", "LIMIT $1", "LIMIT :p1"),
        ("?1", "$1 1", ":p1 1"),
        ("?é", "$1 é", ":p1 é"),
        ("?", "$1", ":p1"),
        ("? x", "$1 x", ":p1 x"),
        ("é?", "é $1", "é :p1"),
        ("a[1:?]", "a[1: $1]", "a[1: :p1]"),
        ("?::int", "$1::int", ":p1::int"),
        ("-?", "-$1", "-:p1"),
        ("???", "?$1", "?:p1"),
    ],
)
def test_placeholders_never_run_into_the_words_beside_them(sql: str, dollar: str, named: str) -> None:
    assert dollar == translate(sql, "dollar", True)[0]
    assert named == translate(sql, "named", True)[0]


def test_long_text_is_not_kept() -> None:
    before = lexer._cached_translate.cache_info().currsize
    rows = ", ".join(["(?, '?')"] * 5000)

    text, number = translate(rows, "dollar", True)

    assert 5000 == number == count(rows)
    assert text.endswith("($5000, '?')")
    assert before == lexer._cached_translate.cache_info().currsize


# ---- Any text at all

CODE = ("a", " ", "= 5 % 2 ", "(", "[", "]", "::", ", ", "\n", "$1 ", "-", "/ ", "\\", "#", ":x ", "é", "100%")


@st.composite
def statements(draw: st.DrawFn) -> tuple[str, str, int]:
    """SQL, the same with literal question marks undoubled, and its number of placeholders."""
    parts: list[tuple[str, str, int]] = []
    for text in draw(st.lists(st.sampled_from((*OPAQUE, *CODE, "?", "??", "??|")), max_size=30)):
        is_mark = text in ("?", "??", "??|")
        parts.append((text, text.replace("??", "?") if is_mark else text, int(text == "?")))
    # A space keeps neighbours from forming a token of their own, `-` and `-` for instance.
    sql = " ".join(part[0] for part in parts)
    plain = " ".join(part[1] for part in parts)
    return sql, plain, sum(part[2] for part in parts)


@given(statements())
def test_the_count_is_right_in_any_mix_of_code_literals_and_comments(statement: tuple[str, str, int]) -> None:
    sql, plain, number = statement

    assert number == count(sql)
    assert (plain, number) == translate(sql, "qmark", True)


@given(statements())
def test_what_a_format_driver_substitutes_gives_the_text_back(statement: tuple[str, str, int]) -> None:
    sql, plain, number = statement
    text, _ = translate(sql, "format", True)

    assert plain == text % (("?",) * number)


NASTY = st.text(alphabet="??''\"`$$--//**\\eEa1_é \n[]:%#", max_size=60)


@given(NASTY)
def test_pieces_join_to_the_text_again(sql: str) -> None:
    assert sql == "?".join(pieces(sql))


@given(NASTY)
def test_any_text_is_split_as_a_plain_state_machine_splits_it(sql: str) -> None:
    text = "".join(token if token == "?" else token.replace("?", "!") for token in read_slowly(sql))

    assert [len(piece) for piece in text.split("?")] == [len(piece) for piece in pieces(sql)]


@given(NASTY, st.sampled_from(STYLES), st.booleans())
def test_any_text_is_translated_token_by_token(sql: str, style: str, has_params: bool) -> None:
    expected, number = "", 0
    for token in read_slowly(sql):
        if token == "?":
            number += 1
            expected += {"qmark": "?", "format": "%s", "numeric": f":{number}", "dollar": f"${number}"}.get(
                style, f":p{number}"
            )
        elif token == "??":
            expected += "?"
        else:
            expected += token.replace("%", "%%") if style == "format" and has_params else token

    text, found = translate(sql, style, has_params)

    assert number == found
    if style == "qmark":
        assert expected == text
    assert expected.replace(" ", "") == text.replace(" ", "")


def read_slowly(sql: str) -> list[str]:
    """The text cut into placeholders, doubled marks, and anything else, found character by character."""
    tokens = []
    at = 0
    while at < len(sql):
        end = at + 2 if sql.startswith("??", at) else at + 1 if sql[at] == "?" else skip(sql, at)
        tokens.append(sql[at:end])
        at = end
    return tokens


def skip(sql: str, at: int) -> int:
    if sql[at] in "\"`'":
        escaping = sql[at] == "'" and at > 0 and sql[at - 1] in "eE" and not in_name(sql, at - 2)
        return skip_quoted(sql, at + 1, sql[at], escaping)
    if sql.startswith("--", at):
        return (sql + "\n").index("\n", at)
    if sql.startswith("/*", at):
        return skip_comment(sql, at + 2)
    if sql[at] == "$" and not in_name(sql, at - 1):
        return skip_dollars(sql, at)
    return at + 1


def in_name(sql: str, at: int) -> bool:
    return at >= 0 and (sql[at].isalnum() or sql[at] in "_$" or ord(sql[at]) > 127)


def skip_quoted(sql: str, at: int, quote: str, escaping: bool) -> int:
    while at < len(sql):
        if sql.startswith(quote * 2, at) or (escaping and sql[at] == "\\"):
            at += 2
        elif sql[at] == quote:
            return at + 1
        else:
            at += 1
    return len(sql)


def skip_comment(sql: str, at: int) -> int:
    depth = 1
    while at < len(sql) and depth:
        step = {"/*": 1, "*/": -1}.get(sql[at : at + 2], 0)
        depth += step
        at += 2 if step else 1
    return at


def skip_dollars(sql: str, at: int) -> int:
    end = at + 1
    while end < len(sql) and sql[end] != "$" and in_name(sql, end):
        end += 1
    if end == len(sql) or sql[end] != "$" or sql[at + 1 : at + 2].isdigit():
        return at + 1
    tag = sql[at : end + 1]
    closing = sql.find(tag, end + 1)
    return len(sql) if closing < 0 else closing + len(tag)


# ---- Real engines


def test_sqlite_binds_what_is_counted() -> None:
    connection = sqlite3.connect(":memory:")
    sql = "SELECT ?, '?', '''?', \"?\", `a?`, '\\', ? /* ? ' */ FROM (SELECT 3 AS \"?\", 4 AS `a?`) -- ?\n WHERE 1 = ?"
    text, number = translate(sql, "qmark", True)

    row = connection.execute(text, (1, 2, 1)).fetchone()

    connection.close()
    assert 3 == number
    assert (1, "?", "'?", 3, 4, "\\", 2) == row


def test_sqlite_takes_named_placeholders() -> None:
    connection = sqlite3.connect(":memory:")
    text, number = translate("SELECT ?AND?, '?', ?", "named", True)

    row = connection.execute(text, {"p1": 1, "p2": 0, "p3": "x"}).fetchone()

    connection.close()
    assert 3 == number
    assert (0, "?", "x") == row


def test_sqlite_refuses_a_literal_question_mark() -> None:
    connection = sqlite3.connect(":memory:")
    text, number = translate("SELECT 1 ?? 2", "qmark", False)

    assert ("SELECT 1 ? 2", 0) == (text, number)
    with pytest.raises(sqlite3.Error):
        connection.execute(text)
    connection.close()


@pytest.mark.parametrize("style", ["qmark", "dollar"])
def test_duckdb_binds_what_is_counted(style: str) -> None:
    duckdb = pytest.importorskip("duckdb")
    sql = "SELECT ?, '?', $$ it's ? $$, $a$?$$?$a$, E'\\'?', [?, ?][?], \"?\" /* ? */ FROM (SELECT 3 AS \"?\") -- ?"
    text, number = translate(sql, style, True)

    with duckdb.connect() as connection:
        row = connection.execute(text, [1, 7, 8, 2]).fetchone()

    assert 4 == number
    assert (1, "?", " it's ? ", "?$$?", "'?", 8, 3) == row
