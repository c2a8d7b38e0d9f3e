"""The list that a relation to many gives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

T = TypeVar("T")


class Members(list[T]):
    """The related records of one record: a list that also knows how to change what is stored."""

    __slots__ = ("_owner", "_relation")

    def __init__(self, relation: Any, owner: Any, records: Iterable[T] = ()) -> None:
        super().__init__(records)
        self._relation = relation
        self._owner = owner
