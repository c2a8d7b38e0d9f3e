"""Dates and times on SQLite, which keeps them as text: what its own functions do not know, to the microsecond."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

_DATE_LENGTH = len("2000-01-01")


def moment_shift(text: str | None, microseconds: int | None) -> str | None:
    """The date or datetime so much later; a date by whole days."""
    if text is None or microseconds is None:
        return None
    span = timedelta(microseconds=microseconds)
    return _text(_read(text) + span)


def moment_difference(left: str | None, right: str | None) -> int | None:
    """The microseconds from `right` to `left`, both dates or both datetimes."""
    if left is None or right is None:
        return None
    return (datetime.fromisoformat(left) - datetime.fromisoformat(right)) // timedelta(microseconds=1)


def moment_part(part: str, text: str | None) -> int | None:
    """One part of a date, datetime or time."""
    return None if text is None else _PARTS[part](text)


def moment_trunc(part: str, text: str | None) -> str | None:
    """The date or datetime at which its year, month, … began."""
    if text is None:
        return None
    moment = _read(text)
    if part in _FIELDS:
        fields = {name: least for name, least in _LEAST[_FIELDS.index(part) + 1 :] if hasattr(moment, name)}
        return _text(moment.replace(**fields))
    day = moment_trunc("day", text) or text
    if part == "week":
        return _text(_read(day) - timedelta(days=moment.weekday()))
    return _text(_read(day).replace(month=moment.month - (moment.month - 1) % 3, day=1))


def moment_cast(kind: str, text: str | None) -> str | None:
    """A date, datetime or time as a datetime or time; as a "moment", in the form in which UTC is stored."""
    if text is None:
        return None
    if kind == "moment":
        return _text(datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None))
    if kind == "datetime":
        return _text(datetime.fromisoformat(text))
    return str(_time(text))


_LEAST = (("year", 1), ("month", 1), ("day", 1), ("hour", 0), ("minute", 0), ("second", 0), ("microsecond", 0))
_FIELDS = tuple(name for name, _ in _LEAST)

_PARTS: dict[str, Callable[[str], int]] = {
    "quarter": lambda text: (int(text[5:7]) + 2) // 3,
    "week": lambda text: _read(text).isocalendar().week,
    "isodow": lambda text: _read(text).isoweekday(),
    "microsecond": lambda text: _time(text).microsecond,
}


def _read(text: str) -> Any:
    return date.fromisoformat(text) if len(text) == _DATE_LENGTH else datetime.fromisoformat(text)


def _time(text: str) -> time:
    return datetime.fromisoformat(text).time() if "-" in text else time.fromisoformat(text)


def _text(moment: date) -> str:
    return moment.isoformat(" ") if isinstance(moment, datetime) else moment.isoformat()


def register_moments(connection: sqlite3.Connection) -> None:
    """Make the functions known to a connection."""
    for function in (moment_shift, moment_difference, moment_part, moment_trunc, moment_cast):
        connection.create_function(function.__name__, 2, function, deterministic=True)
