"""JSON on SQLite: how a path is spelled, and the functions that SQLite itself does not have."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pydantic_core import from_json, to_json

# SQLite compares the names in a path with the JSON text as it stands, escapes and all, and knows no escape for a quote.
_PLAIN = re.compile(r"[ !#-\[\]-~]+")


def path_text(parts: Sequence[str | int]) -> str | None:
    """SQLite's spelling of a path, ``$."a"[0]``; None where a name is such that SQLite might not find it."""
    text = ["$"]
    for part in parts:
        if isinstance(part, int):
            text.append(f"[{part}]" if part >= 0 else f"[#{part}]")
        elif _PLAIN.fullmatch(part):
            text.append(f'."{part}"')
        else:
            return None
    return "".join(text)


def json_at(document: Any, path: str) -> str | None:
    """The JSON text of the value at a path, a JSON array of names and places; None for null and for nothing."""
    found = _found(document, path)
    return None if found is None else to_json(found, inf_nan_mode="constants").decode()


def json_has(document: Any, path: str) -> bool:
    """Whether there is a value at a path, be it null."""
    return document is not None and _at(_read(document), _parts(path)) is not _NOTHING


def json_same(document: Any, path: str, other: Any) -> bool | None:
    """Whether the value at a path and other JSON are of one kind and equal; None where one of them is null."""
    found, wanted = _found(document, path), _read(other)
    return None if found is None or wanted is None else is_same(found, wanted)


def json_contains(document: Any, path: str, other: str) -> bool | None:
    """Whether the value at a path contains other JSON; None where there is no document."""
    if document is None:
        return None
    found, wanted = _at(_read(document), _parts(path)), _read(other)
    if isinstance(found, list) and not isinstance(wanted, (list, dict)):
        return any(is_same(item, wanted) for item in found)
    return found is not _NOTHING and is_within(wanted, found)


def json_length(document: Any, path: str) -> int | None:
    """The number of elements or members of the value at a path; None for what has none."""
    found = _found(document, path)
    return len(found) if isinstance(found, (list, dict)) else None


def json_changed(document: str, members: str, removed: str) -> str:
    """A JSON object with the members of another set, and those of some names removed."""
    changed = {**from_json(document), **from_json(members)}
    for name in from_json(removed):
        changed.pop(name, None)
    return to_json(changed, inf_nan_mode="constants").decode()


def is_same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal and of one kind: true is not 1; 1 is 1.0."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(is_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(is_same(left[key], right[key]) for key in left)
    return bool(left == right)


def is_within(part: Any, whole: Any) -> bool:
    """Whether `whole` has all members and elements of `part`, at any depth."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and is_within(part[key], whole[key]) for key in part)
    if isinstance(part, list) and isinstance(whole, list):
        return all(any(is_within(item, other) for other in whole) for item in part)
    return is_same(part, whole)


_NOTHING = object()


def _found(document: Any, path: str) -> Any:
    if document is None:
        return None
    found = _at(_read(document), _parts(path))
    return None if found is _NOTHING else found


def _at(value: Any, parts: Sequence[str | int]) -> Any:
    for part in parts:
        has_part = isinstance(value, dict if isinstance(part, str) else list)
        if not has_part:
            return _NOTHING
        try:
            value = value[part]
        except LookupError:
            return _NOTHING
    return value


def _read(text: Any) -> Any:
    return None if text is None else from_json(text if isinstance(text, (str, bytes)) else str(text))


@lru_cache(maxsize=256)
def _parts(path: str) -> tuple[str | int, ...]:
    return tuple(from_json(path))


def register_json(connection: sqlite3.Connection) -> None:
    """Make the functions known to a connection."""
    functions = (json_at, 2), (json_has, 2), (json_same, 3), (json_contains, 3), (json_length, 2), (json_changed, 3)
    for function, count in functions:
        connection.create_function(function.__name__, count, function, deterministic=True)
