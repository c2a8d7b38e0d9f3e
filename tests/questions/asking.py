"""A question: SQL written by hand, the types of its columns, and the same asked through the library.

The SQL is run by the bare driver, whose numbers, texts and NULLs are then read as the types that the question names.
An answer is right if it has the same rows in the same order, and each value the same type and the same value:

- a Decimal has as many places as its column is said to have, and all of them agree;
- a float agrees to 12 digits, because two plans of one engine may sum the same numbers in another order;
- everything else is equal.

An engine without exact numbers sums decimals as floats: beside another engine's answer, decimals agree to 12 digits.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

Rows = Sequence[Sequence[Any]]
Ask = Callable[[], Coroutine[Any, Any, Rows]]


@dataclass(frozen=True, slots=True)
class Places:
    """The type of a column of decimals with so many places."""

    count: int

    def read(self, value: Any) -> Decimal:
        """The driver's number as such a decimal."""
        return Decimal(repr(value)).quantize(Decimal(1).scaleb(-self.count))


Kind = type[Any] | Places


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; `ask` asks it of the library, in the face that the test runs in."""

    name: str
    sql: str
    kinds: tuple[Kind, ...]
    ask: Ask

    def answer(self, connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
        """What the SQL gives."""
        rows = connection.execute(self.sql).fetchall()
        return [tuple(read(value, kind) for value, kind in zip(row, self.kinds, strict=True)) for row in rows]


class Questions(list[Question]):
    """The questions of one data set, each once; a decorator puts them in."""

    def __call__(self, sql: str, *kinds: Kind) -> Callable[[Ask], Ask]:
        """A decorator: the function asks what `sql` asks, whose columns are of these types."""

        def put(ask: Ask) -> Ask:
            name = ask.__name__
            if name in self.names:
                raise ValueError(f"there are two questions {name}")
            self.append(Question(name, sql, kinds, ask))
            return ask

        return put

    @property
    def names(self) -> list[str]:
        """What the questions are called."""
        return [question.name for question in self]


def read(value: Any, kind: Kind) -> Any:
    """A value of the bare driver as one of that type; TypeError where the driver gave something else."""
    if value is None:
        return None
    if isinstance(kind, Places):
        return kind.read(_checked(value, int, float))
    if kind is dt.date:
        return dt.date.fromisoformat(_checked(value, str))
    if kind is list:
        return json.loads(_checked(value, str))
    if kind is bool:
        return {0: False, 1: True}[_checked(value, int)]
    return kind(value) if issubclass(kind, Enum) else _checked(value, kind)


def _checked(value: Any, *types: type[Any]) -> Any:
    if type(value) not in types:
        raise TypeError(f"the driver gave a {type(value).__name__} where the question says {types[0].__name__}")
    return value


def differences(expected: Rows, got: Rows, digits: int | None = None) -> list[str]:
    """Where two answers differ, in words; none means that they agree.  Decimals agree exactly, or to `digits`."""
    found = [] if len(expected) == len(got) else [f"{len(expected)} rows are expected, but there are {len(got)}"]
    for number, (wanted, given) in enumerate(zip(expected, got, strict=False)):
        agreed = len(wanted) == len(given) and all(agree(*pair, digits) for pair in zip(wanted, given, strict=True))
        if not agreed:
            found.append(f"row {number}: {tuple(wanted)!r} is expected, but it is {tuple(given)!r}")
    return found


def agree(wanted: Any, given: Any, digits: int | None = None) -> bool:
    """Whether two values are of one type and equal, as the module says."""
    if type(wanted) is not type(given):
        return False
    if isinstance(wanted, float):
        return math.isclose(wanted, given, rel_tol=1e-12)
    if isinstance(wanted, Decimal):
        same = wanted == given if digits is None else math.isclose(wanted, given, rel_tol=10.0**-digits)
        return same and wanted.as_tuple().exponent == given.as_tuple().exponent
    return bool(wanted == given)
