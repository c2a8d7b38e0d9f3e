"""All questions, by data set."""

from __future__ import annotations

from . import (  # noqa: F401  # Each module puts its questions in when it is imported.
    conditions,
    ctes,
    functions,
    groups,
    joins,
    pieces,
    reading,
    related,
    sets,
    subqueries,
    tpch_1_to_8,
    tpch_9_to_15,
    tpch_16_to_22,
    windows,
)
from .registry import BASEBALL, TPCH

__all__ = ["BASEBALL", "TPCH"]
