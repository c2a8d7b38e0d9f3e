"""What a rollback puts back of related records: the foreign keys that were set, and what was at hand."""

from __future__ import annotations

import weakref
from typing import Any

from ..state import links_of


class PutKeysBack:
    """Puts fields and one link of a record back as they were, unless they were changed once more since."""

    __slots__ = ("_after", "_before", "_entry", "_name", "_record")

    def __init__(self, record: Any, fields: list[str], name: str | None) -> None:
        self._record = weakref.ref(record)
        self._before = {field: record.__dict__.get(field) for field in fields}
        self._after: dict[str, Any] = {}
        self._name = name
        links = links_of(record)
        self._entry = None if links is None or name is None else links.get(name)

    def note(self) -> None:
        """Take note of what the fields are now: nothing else is put back later."""
        record = self._record()
        self._after = {} if record is None else {field: record.__dict__.get(field) for field in self._before}

    def __call__(self) -> None:
        """Put them back."""
        record = self._record()
        if record is None:
            return
        for field, value in self._before.items():
            if record.__dict__.get(field) is self._after.get(field):
                record.__dict__[field] = value
        links = links_of(record)
        if links is not None and self._name is not None:
            links.pop(self._name, None)
            if self._entry is not None:
                links[self._name] = self._entry


class PutListBack:
    """Puts a list of related records back as it was."""

    __slots__ = ("_before", "_is_assigned", "_members")

    def __init__(self, members: Any) -> None:
        self._members = weakref.ref(members)
        self._before = list(members)
        self._is_assigned = members.is_assigned

    def __call__(self) -> None:
        """Put it back."""
        members = self._members()
        if members is not None:
            members[:] = self._before
            members.is_assigned = self._is_assigned
