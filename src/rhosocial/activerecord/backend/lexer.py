r"""Find the `?` placeholders in SQL text, and write them as a driver wants them.

A `?` is a placeholder everywhere but in string literals (``'…'``, PostgreSQL's ``E'…'`` and ``$tag$…$tag$``), quoted
names (``"…"``, `` `…` ``) and comments (``--`` to the end of the line, ``/* */`` nested as standard SQL has it).
``??`` is a literal `?`, so PostgreSQL's operators are written ``??``, ``??|`` and ``??&``.

Four things depend on the database and are decided here once, since the text alone cannot tell:

- Brackets quote nothing.  In PostgreSQL and DuckDB they hold arrays and subscripts, whose `?` are placeholders; SQLite
  and SQL Server users write a name with a `?` in it as ``"a?b"``.
- A backslash is special in ``E'…'`` only, as standard SQL has it: a quote in a literal is written ``''``.  A backend
  for MySQL or MariaDB must therefore run its sessions in NO_BACKSLASH_ESCAPES: where the server takes ``\'`` for a
  quote, a `?` could be found inside a literal, and a driver that escapes at the client would put a value there.
- ``#`` opens no comment: in PostgreSQL it is an operator.
- Comments nest, though SQLite and MySQL end one at its first ``*/``.

Text that its server reads otherwise nearly always has another number of placeholders than parameters then, and is
refused before it is sent.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .errors import ConfigurationError

# What may stand inside a name: after one of these, `E'` and `$tag$` are the end of that name.  PostgreSQL takes every
# character beyond ASCII as a letter.
_NAME = r"A-Za-z0-9_$\u0080-\U0010ffff"
_TAG = r"[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*"

# Every branch begins with a plain character, which lets `re` skip to the next candidate quickly.  An unterminated
# literal runs to the end.  A doubled quote needs no branch: it ends one literal and opens the next.
_TOKEN = re.compile(
    rf"""
      \?\??
    | '(?<=(?<![{_NAME}])[eE]') (?: [^'\\]++ | \\. | '' )*+ '?
    | ' [^']*+ '?
    | " [^"]*+ "?
    | ` [^`]*+ `?
    | -- [^\n]*+
    | /\*
    | \$(?<![{_NAME}]\$) ( (?:{_TAG})? ) \$ .*? (?: \$\1\$ | \Z )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"/\*|\*/")
_RUNS_INTO = re.compile(rf"[{_NAME}:]")
_RUNS_ON = re.compile(rf"[{_NAME}]")
_STYLES = {"qmark": "?", "format": "%s", "numeric": ":{}", "dollar": "${}", "named": ":p{}"}

# Longer texts (an INSERT of many rows) are read anew each time: 2,048 of them would fill the memory.
_CACHED_LENGTH = 16_384


def pieces(sql: str) -> tuple[str, ...]:
    """The text around each placeholder: one piece more than there are placeholders.

    ``"?".join(pieces(sql))`` is `sql` again; ``??`` stays in the pieces as it is.
    """
    return _cached_pieces(sql) if len(sql) <= _CACHED_LENGTH else _cached_pieces.__wrapped__(sql)


def count(sql: str) -> int:
    """The number of placeholders."""
    return len(pieces(sql)) - 1


def translate(sql: str, style: str, has_params: bool) -> tuple[str, int]:
    """The text with its placeholders in the driver's style, and how many there are.

    `style` is "qmark" (``?``), "format" (``%s``), "numeric" (``:1``), "dollar" (``$1``) or "named" (``:p1``);
    ConfigurationError for another.  ``??`` becomes `?`.  For "format" with parameters every other `%` is doubled, in
    literals too, as such drivers undo it everywhere; without parameters they leave the text alone, and so does this.

    In "qmark" nothing else changes, so text without ``??`` comes back as it is.  No driver of that style knows a
    literal `?` outside of quotes, nor has SQLite or DuckDB such an operator: what ``??`` gives there is refused by the
    driver, as a parameter too few.
    """
    if len(sql) <= _CACHED_LENGTH:
        return _cached_translate(sql, style, has_params)
    return _translate_long(sql, style, has_params)


@lru_cache(maxsize=2048)
def _cached_pieces(sql: str) -> tuple[str, ...]:
    found = []
    position = 0
    for start, end in _marks(sql):
        if end - start == 1:
            found.append(sql[position:start])
            position = end
    return (*found, sql[position:])


@lru_cache(maxsize=2048)
def _cached_translate(sql: str, style: str, has_params: bool) -> tuple[str, int]:
    template = _STYLES.get(style)
    if template is None:
        raise ConfigurationError(f"unknown placeholder style {style!r}: use one of {', '.join(_STYLES)}")
    marks = _marks(sql)
    number = sum(end - start == 1 for start, end in marks)
    if style == "qmark" and number == len(marks):
        return sql, number
    doubled = "%%" if style == "format" and has_params else "%"
    out = []
    position = written = 0
    for start, end in marks:
        out.append(sql[position:start].replace("%", doubled))
        position = end
        if end - start == 2:
            out.append("?")
        else:
            written += 1
            out.append(template if style == "qmark" else _spaced(sql, start, template.format(written)))
    out.append(sql[position:].replace("%", doubled))
    return "".join(out), number


# A bulk insertion sends one long text again and again; more than a few such texts would pin memory.
_translate_long = lru_cache(maxsize=8)(_cached_translate.__wrapped__)


def _spaced(sql: str, at: int, placeholder: str) -> str:
    """The placeholder with a space to each side where it would run into a name, a number or a colon.

    ``LIMIT?`` would become the name ``LIMIT$1`` and ``?1`` parameter 11.
    """
    before = " " if _RUNS_INTO.match(sql[at - 1 : at]) else ""
    after = " " if _RUNS_ON.match(sql[at + 1 : at + 2]) else ""
    return before + placeholder + after


def _marks(sql: str) -> list[tuple[int, int]]:
    """Where each `?` (length 1) and `??` (length 2) outside of literals, names and comments begins and ends."""
    marks = []
    position = 0
    while (token := _TOKEN.search(sql, position)) is not None:
        position = token.end()
        opening = sql[token.start()]
        if opening == "?":
            marks.append(token.span())
        elif opening == "/":
            position = _end_of_comment(sql, position)
    return marks


def _end_of_comment(sql: str, position: int) -> int:
    depth = 1
    for mark in _COMMENT.finditer(sql, position):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(sql)
