"""Text on SQLite: regular expressions, and an aggregate that orders what it joins."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from functools import lru_cache
from typing import Any


def regexp(pattern: Any, text: Any, flags: str = "") -> bool | None:
    """Whether Python's `re` finds the pattern in a text; it also answers SQLite's operator REGEXP."""
    if pattern is None or text is None:
        return None
    return _compiled(str(pattern), flags).search(text if isinstance(text, str) else str(text)) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str, flags: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE if flags == "i" else 0)


class TextAggregate:
    """The texts of a group joined in an order: ``text_agg('distinct;asc FIRST,desc', text, separator, key, …)``."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.options = ""
        self.separator = ""

    def step(self, options: str, text: Any, separator: str, *keys: Any) -> None:
        """Take one text and the keys that it is ordered by."""
        if text is not None:
            self.options, self.separator = options, separator
            self.rows.append((text, *keys))

    def finalize(self) -> str | None:
        """The texts, joined; None where there is none."""
        if not self.rows:
            return None
        mode, _, orders = self.options.partition(";")
        for place, order in reversed(list(enumerate(orders.split(",") if orders else (), start=1))):
            direction, _, nulls = order.partition(" ")
            self.rows.sort(key=_key(place, direction == "desc", nulls), reverse=direction == "desc")
        texts = [str(row[0]) for row in self.rows]
        return self.separator.join(dict.fromkeys(texts) if mode == "distinct" else texts)


def _key(place: int, descending: bool, nulls: str) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    # NULL is SQLite's smallest value; FIRST and LAST put it where the direction would not.
    null = -1 if not nulls or (nulls == "FIRST") != descending else 9
    return lambda row: (null,) if row[place] is None else (_STORAGE[type(row[place])], row[place])


_STORAGE = {int: 0, float: 0, str: 1, bytes: 2}


def register_texts(connection: sqlite3.Connection) -> None:
    """Make the functions known to a connection."""
    for count in (2, 3):
        connection.create_function("regexp", count, regexp, deterministic=True)
    connection.create_aggregate("text_agg", -1, TextAggregate)  # type: ignore[arg-type]
