"""One parameter for equal values, where PostgreSQL compares expressions by what they look like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

# A number of a parameter, or what may only look as if it held one.
_TOKEN = re.compile(r"""'[^']*+'|"[^"]*+"|--[^\n]*+|/\*.*?\*/|\$(\d+)""", re.DOTALL)
_COMPARING = re.compile(r"\b(?:GROUP\s+BY|DISTINCT)\b", re.IGNORECASE)


@lru_cache(maxsize=2048)
def needs_sharing(sql: str) -> bool:
    """Whether an expression that stands twice in the statement has to be the same for PostgreSQL.

    ``SELECT f(a, $1) … GROUP BY f(a, $2)`` is refused: the one might be another value than the other.
    """
    return _COMPARING.search(sql) is not None


def shared(sql: str, values: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    """The statement and its values with one parameter for each value that there is; of equal type and equal."""
    first: dict[Any, int] = {}
    try:
        places = tuple([first.setdefault((value.__class__, value), len(first) + 1) for value in values])
    except TypeError:
        return sql, values  # Lists are not compared.
    if len(first) == len(values):
        return sql, values
    return _renumbered(sql, places), [value for _, value in first]


@lru_cache(maxsize=512)
def _renumbered(sql: str, places: tuple[int, ...]) -> str:
    def number(found: re.Match[str]) -> str:
        return found.group() if found[1] is None else f"${places[int(found[1]) - 1]}"

    return _TOKEN.sub(number, sql)
