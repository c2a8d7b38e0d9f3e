"""Several ways to group in one question."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .errors import QueryError
from .expression import Expression
from .window import expressions
from .writer import Writer


class Grouping(Expression):
    """``ROLLUP (a, b)``, ``CUBE (a, b)`` or ``GROUPING SETS ((a, b), (a), ())`` in GROUP BY."""

    __slots__ = ("kind", "sets")
    precedence = 9

    def __init__(self, kind: str, sets: Iterable[Any]) -> None:
        self.kind = kind
        self.sets = tuple(expressions(kind.lower(), item) for item in sets)
        if not self.sets:
            raise QueryError(f"{kind.lower()} needs at least one expression")

    def write(self, out: Writer) -> None:
        out.dialect.write_grouping(out, self)
