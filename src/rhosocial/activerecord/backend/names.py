"""Names in strings — ``"name DESC"``, ``"COUNT(*) AS n"`` — taken apart, so that they can be checked before any SQL."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import QueryError

_NAME = r"[^\W\d]\w*"
_TERM = re.compile(
    rf"""\s*(?:
        (?P<function>{_NAME})\s*\(\s*(?P<distinct>DISTINCT\s+)?(?P<argument>\*|(?:{_NAME}\.)?{_NAME})\s*\)
        | (?P<name>(?:{_NAME}\.)?(?:{_NAME}|\*)|\*)
    )(?:\s+AS\s+(?P<alias>{_NAME}))?\s*""",
    re.IGNORECASE | re.VERBOSE,
)
_ORDER = re.compile(
    r"(?P<item>.*?)(?:\s+(?P<direction>ASC|DESC))?(?:\s+NULLS\s+(?P<nulls>FIRST|LAST))?\s*",
    re.IGNORECASE | re.DOTALL,
)
# Longer ones are no names in any database, and would only keep the patterns busy.
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Term:
    """One item of a select list: a column (``name``, ``table.name``, ``*``), or a function of one, and its alias."""

    column: str
    function: str | None = None
    distinct: bool = False
    alias: str | None = None

    @property
    def table(self) -> str | None:
        """The table that the column is written with, or None."""
        return self.column.rpartition(".")[0] or None

    @property
    def name(self) -> str:
        """The column without its table."""
        return self.column.rpartition(".")[2]


def parse_term(text: str) -> Term:
    """What ``"table.name"``, ``"COUNT(DISTINCT name) AS n"`` or ``"*"`` says; QueryError for anything else."""
    match = _TERM.fullmatch(text) if isinstance(text, str) and len(text) <= _LONGEST else None
    if match is None:
        raise QueryError(
            f"{shown(text)} is no column: write a name, 'FUNCTION(name) AS alias', or pass an expression, User.c.name"
        )
    column = match["argument"] or match["name"]
    return Term(column, match["function"], match["distinct"] is not None, match["alias"])


def parse_order(text: str) -> tuple[Term, bool, str | None]:
    """What ``"name DESC NULLS LAST"`` says: the column, whether it descends, where NULLs go (None: anywhere)."""
    match = _ORDER.fullmatch(text) if isinstance(text, str) and len(text) <= _LONGEST else None
    if match is None:
        raise QueryError(f"{shown(text)} is no order: write 'name', 'name DESC', or pass User.c.name.desc()")
    direction, nulls = match["direction"] or "", match["nulls"]
    return parse_term(match["item"]), direction.upper() == "DESC", None if nulls is None else nulls.upper()


def shown(name: object) -> str:
    """A name for a message: quoted, and cut where it is very long."""
    text = repr(name)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
