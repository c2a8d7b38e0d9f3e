"""Identifiers that sort by the time they were made: UUIDs of version 7 (RFC 9562) and ULIDs."""

from __future__ import annotations

import os
import threading
import time
from uuid import UUID

# Crockford's alphabet has no I, L, O and U.
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_UUID_BITS, _ULID_BITS = 74, 80


class _Growing:
    """Pairs of milliseconds and a random number of so many bits, each pair greater than the one before.

    RFC 9562, 6.2, method 2: within one millisecond, and while the clock has been put back, the number grows by a random
    step, so that the next one cannot be guessed; where it is used up, the milliseconds run ahead of the clock.
    """

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self.forget()

    def forget(self) -> None:
        """Begin anew, as a forked child must: it would go on with its parent's numbers."""
        self._lock = threading.Lock()
        self._millisecond = self._number = 0

    def next(self) -> tuple[int, int]:
        now = time.time_ns() // 1_000_000
        with self._lock:
            number = self._number + 1 + int.from_bytes(os.urandom(4))
            if now > self._millisecond or number >> self._bits:
                self._millisecond = max(now, self._millisecond + 1)
                number = int.from_bytes(os.urandom(10)) >> 81 - self._bits  # The highest bit is free to grow into.
            self._number = number
            return self._millisecond, number


_uuids, _ulids = _Growing(_UUID_BITS), _Growing(_ULID_BITS)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_uuids.forget)
    os.register_at_fork(after_in_child=_ulids.forget)


def uuid7() -> UUID:
    """A UUID of version 7: it begins with the milliseconds since 1970, and within a process each is greater."""
    return uuid7_of(*_uuids.next())


def uuid7_of(milliseconds: int, number: int) -> UUID:
    """The UUID of version 7 that holds these milliseconds since 1970 (48 bits) and this number (74 bits)."""
    high, low = number >> 62, number & (1 << 62) - 1
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


def ulid() -> str:
    """A ULID, 26 characters in capitals: milliseconds since 1970, then 80 random bits; texts sort as they were made.

    Within a process each is greater than the one before.
    """
    return ulid_of(*_ulids.next())


def ulid_of(milliseconds: int, number: int) -> str:
    """The ULID that holds these milliseconds since 1970 (48 bits) and this number (80 bits)."""
    value = milliseconds << _ULID_BITS | number
    return "".join([_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10)])
