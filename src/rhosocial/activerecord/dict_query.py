"""Rows as dicts, asked as records are."""

from __future__ import annotations

from typing import Any

from .blocking import blocking


class DictQuery:
    """Rows as dicts of chosen fields; made by `Query.to_dict`."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Any) -> None:
        self._rows = rows

    async def aall(self) -> list[dict[str, Any]]:
        """All rows as dicts."""
        found: list[dict[str, Any]] = await self._rows.adicts()
        return found

    all = blocking(aall)

    async def aone(self) -> dict[str, Any] | None:
        """The first row as a dict, or None."""
        found = await self._rows._cut_to_one().adicts()
        return found[0] if found else None

    one = blocking(aone)
