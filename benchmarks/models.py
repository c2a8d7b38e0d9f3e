"""The small table, twice: as the library's model, and as the object that hand-written code would fill."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rhosocial.activerecord import AUTO, ActiveRecord

# What a row is made of before it has a key.
Content = tuple[datetime, int, str]

_START = datetime(2024, 1, 1)


class Entry(ActiveRecord):
    """A row of the small table."""

    __table_name__ = "entry"

    id: int = AUTO
    at: datetime
    level: int
    text: str


@dataclass(slots=True)
class PlainEntry:
    """The same row without the library: typed values in slots."""

    id: int | None
    at: datetime
    level: int
    text: str


def contents(count: int, seed: int) -> list[Content]:
    """So many rows, the same ones for the same seed; rows of different seeds differ in every column."""
    pick = random.Random(seed)
    return [
        (
            _START + timedelta(minutes=i, seconds=seed % 60, microseconds=pick.randrange(1_000_000)),
            pick.randrange(1_000) * 10 + seed % 10,
            f"entry {i}: " + "lorem ipsum dolor sit amet, "[: pick.randrange(29)] + f"{pick.getrandbits(32):08x}",
        )
        for i in range(count)
    ]


def values_of(record: Any) -> tuple[Any, ...]:
    """A record of either kind as a tuple, in the order of the columns."""
    return record.id, record.at, record.level, record.text
