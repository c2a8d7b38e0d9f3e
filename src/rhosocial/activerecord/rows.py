"""Rows that are no records: tuples whose values can also be reached by name."""

from __future__ import annotations

import functools
from typing import Any, ClassVar


class Row(tuple[Any, ...]):
    """One row of a query with `select`: ``row.total``, ``row["total"]`` and ``row[0]`` are the same value."""

    __slots__ = ()
    _places: ClassVar[dict[str, int]] = {}

    def __getattr__(self, name: str) -> Any:
        try:
            return tuple.__getitem__(self, self._places[name])
        except KeyError:
            raise AttributeError(f"the row has no column {name!r}; it has {', '.join(self._places)}") from None

    def __getitem__(self, key: Any) -> Any:
        return getattr(self, key) if isinstance(key, str) else tuple.__getitem__(self, key)

    def as_dict(self) -> dict[str, Any]:
        """The row as a dict by column name."""
        return dict(zip(self._places, self, strict=True))

    def __repr__(self) -> str:
        return f"Row({', '.join(f'{name}={value!r}' for name, value in self.as_dict().items())})"


@functools.lru_cache(maxsize=1024)
def row_class(names: tuple[str, ...]) -> type[Row]:
    """The class of rows with these columns; one for each set of names."""
    return type("Row", (Row,), {"__slots__": (), "_places": {name: place for place, name in enumerate(names)}})
