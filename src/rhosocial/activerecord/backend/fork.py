"""What a forked child leaves to its parent, and makes anew for itself."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Heir(Protocol):
    """What has to be told that it lives in a forked child now."""

    def after_fork(self) -> None:
        """Leave what was open to the parent, and make new locks: threads that held the old ones stayed behind."""


_heirs: weakref.WeakSet[Heir] = weakref.WeakSet()
_left: list[object] = []


def tell_of_forks(heir: Heir) -> None:
    """Have ``heir.after_fork()`` called in every child that `os.fork` makes, for as long as somebody holds it."""
    _heirs.add(heir)


def leave_to_parent(inherited: object) -> None:
    """Keep an object from ever being freed in this process, not even at its exit.

    Freeing a connection may say goodbye to the server, which then ends the parent's session.
    """
    _left.append(inherited)
    try:
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(inherited))
    except (ImportError, AttributeError):
        # Without ctypes it lives until the modules are torn down.
        return


def _after_fork() -> None:
    for heir in list(_heirs):
        heir.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
