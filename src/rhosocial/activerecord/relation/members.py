"""The list that a relation to many gives, and the calls that change what is stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from ..blocking import blocking, run

T = TypeVar("T")


class Members(list[T], Generic[T]):
    """The related records of one record.

    As a list it is changed in memory only, which ``save(related=True)`` of the record then stores.  `add`, `remove`,
    `replace` and `create` change rows and list at once, in one transaction; while the record itself is new they change
    the list alone.
    """

    __slots__ = ("__weakref__", "is_assigned", "is_part", "owner", "relation")

    def __init__(
        self,
        relation: Any,
        owner: Any,
        records: Iterable[T] = (),
        *,
        is_assigned: bool = False,
        is_part: bool = False,
    ) -> None:
        list.__init__(self, records)
        self.relation = relation
        self.owner = owner
        self.is_assigned = is_assigned  # Whether saving is to make the rows be these, whatever they are now.
        self.is_part = is_part  # Whether a modified query gave them, so that there may be more.

    async def aadd(self, *records: T) -> None:
        """Relate these records too, and save them; those that are in the list already stay once."""
        await self.relation.aadd(self, self.relation.checked_members(records))

    add = blocking(aadd)

    async def aremove(self, *records: T) -> None:
        """Relate these records no longer; ValueError, and nothing changed, where one is not in the list.

        Their foreign key becomes NULL, rows that only link go; with ``dependent="delete"`` the records are deleted.
        """
        await self.relation.aremove(self, [self._same(record) for record in records])

    def remove(self, *records: T) -> None:
        """Relate these records no longer, as `aremove` does."""
        run(self.aremove(*records))  # Written out: checkers compare it with the `remove` of lists.

    async def areplace(self, records: Iterable[T]) -> None:
        """Relate these records and no others: as `remove` and `add` would, one after the other, or not at all."""
        await self.relation.areplace(self, self.relation.checked_members(records))

    replace = blocking(areplace)

    async def acreate(self, /, **values: Any) -> T:
        """Construct a related record, save it, and give it."""
        created: T = await self.relation.acreate(self, values)
        return created

    create = blocking(acreate)

    def position(self, record: Any) -> int | None:
        """Where the record is in the list, or another object of its row; None where it is not."""
        key = row_key(record)
        for place, member in enumerate(self):
            if member is record or (key is not None and key == row_key(member)):
                return place
        return None

    def _same(self, record: Any) -> Any:
        place = self.position(record)
        if place is None:
            raise ValueError(f"this {type(record).__name__} is not among the records of {self.relation.label}")
        return self[place]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return list, (list(self),)  # Copied or pickled it is a plain list: the owner stays behind.


def row_key(record: Any) -> Any:
    """What tells whether two objects are of one row: class and key; None for a new record."""
    table = type(record).__table__
    if record.is_new_record:
        return None
    return type(record), tuple(record.__dict__.get(column.field) for column in table.key)
