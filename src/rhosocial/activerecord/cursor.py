"""Cursors: places in the order of a question, as text that nobody else can have written."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from .backend.errors import InvalidCursor, QueryError

# Enough of the signature that nobody finds one by trying; the rest would only make addresses longer.
_SIGNED = 16
_MICROSECOND = timedelta(microseconds=1)
_PLAIN = frozenset({type(None), bool, int, float, str})

# The values that drivers give beside those that JSON has: the name, and the ways to text and back.
_KINDS: dict[type, tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = {
    bytes: ("bytes", lambda value: base64.b64encode(value).decode(), base64.b64decode),
    bytearray: ("bytes", lambda value: base64.b64encode(value).decode(), base64.b64decode),
    memoryview: ("bytes", lambda value: base64.b64encode(value).decode(), base64.b64decode),
    Decimal: ("decimal", str, Decimal),
    datetime: ("datetime", datetime.isoformat, datetime.fromisoformat),
    date: ("date", date.isoformat, date.fromisoformat),
    time: ("time", time.isoformat, time.fromisoformat),
    timedelta: ("span", lambda value: value // _MICROSECOND, lambda count: count * _MICROSECOND),
    UUID: ("uuid", str, UUID),
}
_LOADS = {name: load for name, _, load in _KINDS.values()}


class Cursors:
    """Makes and reads the cursors of one question, given as its SQL and the values bound in it.

    A cursor is URL-safe text: values as the driver gave them, and a signature over them and the question.  It is signed
    and not encrypted: who has it can read the values.
    """

    __slots__ = ("_key", "_question")

    def __init__(self, key: bytes, question: tuple[str, tuple[Any, ...]]) -> None:
        self._key = key
        self._question = hashlib.sha256(repr(question).encode("utf-8", "surrogatepass")).digest()

    def cursor_of(self, place: Sequence[Any]) -> str:
        """The cursor of a place in the order; QueryError where a value of it is of an unknown type."""
        payload = json.dumps([_dumped(value) for value in place], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._signature(payload) + payload).rstrip(b"=").decode()

    def place_of(self, cursor: Any) -> tuple[Any, ...]:
        """The place that a cursor says; InvalidCursor where it was not made here."""
        if not isinstance(cursor, str):
            raise InvalidCursor(f"a cursor is the text that a page gave, got {type(cursor).__name__}")
        try:
            sent = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):  # Not ASCII, for instance.
            sent = b""
        signature, payload = sent[:_SIGNED], sent[_SIGNED:]
        if not hmac.compare_digest(signature, self._signature(payload)):
            raise InvalidCursor(
                "the cursor is not one of this query: its conditions or order have changed since, or the secret key, "
                "or the cursor itself; begin with the first page"
            )
        return tuple([_loaded(value) for value in json.loads(payload)])

    def _signature(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, b"cursor" + self._question + payload, "sha256")[:_SIGNED]


def _dumped(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind not in _KINDS:
        raise QueryError(f"a page cannot go on from a value of type {kind.__name__}: order by something else")
    name, dump, _ = _KINDS[kind]
    return {name: dump(value)}


def _loaded(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((name, text),) = value.items()
    return _LOADS[name](text)
