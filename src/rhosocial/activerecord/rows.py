"""Rows that are no records: tuples whose values can also be reached by name."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, ClassVar


class Row(tuple[Any, ...]):
    """One row of a query with `select`: ``row.total``, ``row["total"]`` and ``row[0]`` are the same value.

    A column hides what tuples have under its name (``row.count``); a name that begins with an underscore is reached as
    ``row["_name"]`` only.
    """

    __slots__ = ()
    _places: ClassVar[dict[str, int]] = {}

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the row has no column {name!r}; it has {', '.join(self._places)}")

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return tuple.__getitem__(self, key)
        try:
            return tuple.__getitem__(self, self._places[key])
        except KeyError:
            raise KeyError(f"the row has no column {key!r}; it has {', '.join(self._places)}") from None

    def as_dict(self) -> dict[str, Any]:
        """The row as a dict by column name."""
        return dict(zip(self._places, self, strict=True))

    def __reduce__(self) -> tuple[Callable[..., Row], tuple[Any, ...]]:
        return _restored, (tuple(self._places), tuple(self))

    def __repr__(self) -> str:
        return f"Row({', '.join(f'{name}={value!r}' for name, value in Row.as_dict(self).items())})"


@functools.lru_cache(maxsize=1024)
def row_class(names: tuple[str, ...]) -> type[Row]:
    """The class of rows with these columns; one for each set of names."""
    places = {name: place for place, name in enumerate(names)}
    columns = {name: property(itemgetter(place)) for name, place in places.items() if not name.startswith("_")}
    return type("Row", (Row,), {"__slots__": (), "__module__": __name__, **columns, "_places": places})


def _restored(names: tuple[str, ...], values: Iterable[Any]) -> Row:
    return row_class(names)(values)
