"""One loan of a pooled connection, as a proxy that is dead once the connection has gone back."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable
from typing import Any, Self

from .errors import ConnectionError
from .stock import Stock
from .worker import WorkerThread

logger = logging.getLogger(__name__)


class PooledConnection:
    """One loan of a pool's connection: everything but `close` and `with` is the connection's own.

    `close` rolls back what was not committed and gives the connection back; from then on every use raises
    ConnectionError.  Leaving a `with` block commits first, unless an exception leaves it.  The thread that took the
    loan owns it: when it ends, the loan ends.
    """

    __slots__ = ("__weakref__", "_loan")

    _loan: Loan

    def __init__(self, loan: Loan) -> None:
        object.__setattr__(self, "_loan", loan)

    def close(self) -> None:
        """Roll back what is open and give the connection back; nothing happens the second time."""
        self._loan.end(broken=False)

    def _end(self) -> None:
        """End the loan of a connection that must not be lent again."""
        self._loan.end(broken=True)

    def __enter__(self) -> Self:
        self._loan.connection()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: Any) -> None:
        try:
            if kind is None and self._loan.is_open:
                _commit(self._loan.connection())
        finally:
            self.close()

    def __getattr__(self, name: str) -> Any:
        if name == "_loan":
            # A copy made without `__init__`.
            raise AttributeError(name)
        return getattr(self._loan.connection(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._loan.connection(), name, value)

    def __repr__(self) -> str:
        loan = self._loan
        return f"<PooledConnection: {type(loan.connection()).__name__ if loan.is_open else 'closed'}>"

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        if self._loan.is_open and self._loan.end(broken=True):
            _warn("a pooled connection was dropped without close(); it was discarded", ResourceWarning, 2, self)


class Loan:
    """What a proxy and its thread know of the connection, until one of them ends the loan."""

    __slots__ = ("_give_back", "_held", "_pid", "_register")

    def __init__(self, connection: Any, give_back: Callable[[Any, bool], None], register: Register | None) -> None:
        self._give_back = give_back
        # Taken out by one atomic pop, so that exactly one caller ends the loan.
        self._held = [connection]
        self._pid = Stock.process
        self._register = register
        if register is not None:
            register[id(self)] = self

    @property
    def is_open(self) -> bool:
        """Whether the connection can still be used here."""
        return bool(self._held) and self._pid == Stock.process

    def connection(self) -> Any:
        """The connection itself; ConnectionError once the loan is over, and in a forked child."""
        if self._pid != Stock.process:
            raise ConnectionError("the connection belongs to the parent of this process; get one with get_connection()")
        try:
            return self._held[0]
        except IndexError:
            raise ConnectionError("the connection is closed: it has gone back to its pool") from None

    def end(self, broken: bool) -> bool:
        """Give the connection back, rolled back unless it is thrown away as `broken`; whether this call did it."""
        try:
            raw = self._held.pop()
        except IndexError:
            return False
        if self._register is not None:
            self._register.pop(id(self), None)
        if self._pid != Stock.process:
            # The parent's: its pool keeps it from being freed here.
            return False
        self._give_back(raw, broken or not _is_rolled_back(raw))
        return True


Register = dict[int, Loan]


class Keepers(threading.local):
    """The open loans of each thread, which end with the thread."""

    def __init__(self) -> None:
        self._keeper = _Keeper()

    def register(self) -> Register | None:
        """Where a loan of the running thread is written down; None in a worker's thread, whose loans are its tasks'."""
        return None if type(threading.current_thread()) is WorkerThread else self._keeper.loans


class _Keeper:
    """Dies with its thread."""

    __slots__ = ("loans",)

    def __init__(self) -> None:
        self.loans: Register = {}

    def __del__(self) -> None:
        for loan in list(self.loans.values()):
            # What the thread left half done cannot be known.
            loan.end(broken=True)


def _is_rolled_back(raw: Any) -> bool:
    """Undo what is open on a connection; False where that fails, so that it cannot be lent again."""
    if getattr(raw, "in_transaction", True) is False or not hasattr(raw, "rollback"):
        return True
    try:
        raw.rollback()
    except Exception as error:  # noqa: BLE001  # However it fails, the connection is of no use.
        logger.debug("rolling a pooled connection back failed: %s", type(error).__name__)
        return False
    return True


def _commit(raw: Any) -> None:
    if getattr(raw, "in_transaction", True) is not False and hasattr(raw, "commit"):
        raw.commit()
