"""Connections that are lent and given back, to threads and tasks, within one limit."""

from __future__ import annotations

import logging
import math
import os
import warnings
import weakref
from collections.abc import Callable, Coroutine
from functools import partial
from time import monotonic, sleep
from typing import Any

from ..blocking import blocking, is_blocking, running_loop
from .closer import Closer, call_all
from .errors import ConfigurationError, ConnectionError, PoolTimeout
from .gate import Gate
from .loan import Keepers, Loan, PooledConnection
from .stock import Holder, Member, Stock, holder_of_now
from .worker import Workers

Act = Callable[[Any], Any]

__all__ = ["ConnectionPool", "PooledConnection", "create_connection_pool"]

logger = logging.getLogger(__name__)

# Seconds of idleness up to which a connection is lent again without a look at its process and its health. A fork by
# `os.fork` is seen at once; one that bypasses Python, as some application servers do, is no faster than this.
NAP = 0.001
# How many holders a PoolTimeout names.
NAMED_HOLDERS = 10


class ConnectionPool:
    """Lends at most `size` connections at a time, to threads and tasks alike, in the order in which they ask.

    `connect(**params)` makes a connection that serves both faces (awaiting callers use it in worker threads, so it must
    not insist on the thread that made it); `aconnect(**params)` makes one that belongs to the running event loop.  With
    both, each face has its own kind and `size` limits their sum.  `close` and `aclose` end a connection (without them
    its own `close` is called), `drop` ends one whose loop is closed and must do no I/O.  `ping` and `aping` raise, or
    return False, for a dead connection: they are asked before one is lent that was idle for more than `check_after`
    seconds, or while another broke, and a dead one is replaced.  One older than `recycle` seconds is not lent again.
    Errors of `connect` pass through as they are.  No I/O happens before a connection is asked for.

    A forked child starts empty: what it inherited stays the parent's, and the child never closes it.
    """

    check_after = 0.5

    def __init__(
        self,
        connect: Callable[..., Any] | None = None,
        size: int = 5,
        pool_timeout: float | None = 30,
        *,
        close: Act | None = None,
        aconnect: Callable[..., Any] | None = None,
        aclose: Act | None = None,
        ping: Act | None = None,
        aping: Act | None = None,
        drop: Act | None = None,
        recycle: float | None = None,
        **params: Any,
    ) -> None:
        if not callable(connect) and not callable(aconnect):
            raise TypeError(
                "a pool needs connect=…, a callable that makes one connection from the other parameters "
                f"as sqlite3.connect does; got {type(connect).__name__}"
            )
        if not isinstance(size, int) or size < 1:
            raise ConfigurationError(f"a pool's size must be a whole number of at least 1, got {size!r}")
        self.size = size
        self.pool_timeout = pool_timeout
        self.workers = Workers(size)
        self._connect = connect
        self._aconnect = aconnect
        self._closer = Closer(self.workers, close, aclose, drop)
        self._pings = {False: ping, True: aping}
        self._lifetime = math.inf if recycle is None else recycle
        self._params = params
        self._closed = False
        self._keepers = Keepers()
        self._stock = Stock(size, None)
        _pools.add(self)

    # Lending

    async def aacquire(self) -> Any:
        """A connection of the caller's kind, the caller's alone until it is released.

        PoolTimeout, which names the holders, when none was free within `pool_timeout` seconds (None: no limit);
        ConnectionError when the pool is closed.
        """
        connection = self.try_acquire()
        if connection is not None:
            return connection
        self._refuse_if_closed()
        stock = self._own_stock()
        self._reap(stock)
        await self._await_permit(stock)
        loan = Member(self._caller_loop(), stock, holder_of_now())
        loan.expires = loan.since + self._lifetime
        stock.lent[id(loan)] = loan
        try:
            self._refuse_if_closed()
            member = await self._idle_or_new(stock, loan)
        except BaseException:
            if stock.lent.pop(id(loan), None) is not None:
                self._give_back(stock, loan)
            raise
        member.lend(loan.holder)
        stock.lent[id(member.raw)] = member
        stock.lent.pop(id(loan), None)
        return member.raw

    acquire = blocking(aacquire)

    def try_acquire(self, holder: Holder | None = None) -> Any:
        """An idle connection that can be lent as it is, or None; never waits and does no I/O.

        Who gets None asks `aacquire`, which waits, checks or connects.  `holder` saves asking who the caller is.
        """
        stock = self._stock
        shelf = stock.shared if self._aconnect is None else stock.shelves.get(self._caller_loop())
        if not shelf or not stock.gate.try_acquire():
            return None
        try:
            member = shelf.pop()
        except IndexError:
            stock.gate.release()
            return None
        now = monotonic()
        if now >= member.expires or (now - member.since > NAP and self._needs_look(stock, member, now)):
            shelf.append(member)
            stock.gate.release()
            return None
        member.holder = holder or holder_of_now()
        member.since = now
        raw = member.raw
        stock.lent[id(raw)] = member
        return raw

    def get_connection(self) -> PooledConnection:
        """A connection behind a proxy whose `close` gives it back; waits and raises as `acquire` does.

        The thread that asked owns the loan: when it ends without closing, the loan ends too.
        """
        # Without a kind for awaiting callers there is only one way to look.
        raw = self.try_acquire() if self._aconnect is None else None
        if raw is None:
            raw = self.acquire()
        return PooledConnection(Loan(raw, self.release, self._keepers.register()))

    # Taking back

    def release(self, connection: Any, broken: bool = False) -> None:
        """Take back a lent connection, from any thread; one that is `broken` is closed and not lent again.

        The connection must not be inside a transaction.  One that belongs to an event loop and has to be closed is
        closed there, without waiting for it; any other is closed before the call returns.
        """
        member = self._take_back(connection, broken)
        if member is not None:
            self._closer.close(member, self._hold_permit(member))

    async def arelease(self, connection: Any, broken: bool = False) -> None:
        """Take back a lent connection as `release` does, and wait for the closing of one that has to be closed.

        A cancelled caller stops waiting; the closing goes on, and the place in the pool is free when it is done.
        """
        member = self._take_back(connection, broken)
        if member is not None:
            await self._closer.aclose(member, self._hold_permit(member))

    # The end

    def close_idle(self) -> None:
        """Close the connections that nobody has; the next loan opens another."""
        self._clear(self._own_stock())

    async def aclose(self) -> None:
        """Close the idle connections; lent ones are closed when they come back, and waiting callers get an error."""
        self._closed = True
        stock = self._own_stock()
        while (member := stock.take_any()) is not None:
            await self._closer.aclose(member)
        # One permit too many wakes the first that waits, who finds the pool closed and passes it on to the next.
        stock.gate.release()
        self.workers.close()

    close = blocking(aclose)

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        stock: Stock | None = getattr(self, "_stock", None)
        if stock is None:
            return
        if stock.pid != os.getpid():
            stock.leave_to_parent(self._closer.forget())
            return
        count = 0
        while (member := stock.take_any()) is not None:
            count += 1
            self._closer.abandon(member)
        self.workers.close()
        if count:
            _warn(f"a pool was dropped with {count} open connections; close it first", ResourceWarning, 2, self)

    # What is known of it

    @property
    def closed(self) -> bool:
        """Whether `close` or `aclose` was called."""
        return self._closed

    @property
    def idle(self) -> int:
        """How many open connections wait to be lent."""
        return self._own_stock().idle_count()

    @property
    def lent(self) -> int:
        """How many are out, those included that are just being opened or closed."""
        return len(self._own_stock().lent)

    @property
    def waiting(self) -> int:
        """How many threads and tasks wait for one."""
        return self._own_stock().gate.waiting

    def __repr__(self) -> str:
        state = " closed" if self._closed else ""
        return f"<ConnectionPool size={self.size} lent={self.lent} idle={self.idle} waiting={self.waiting}{state}>"

    # Core: permits. Whoever has one holds at most one connection, and every other open connection is idle.

    async def _await_permit(self, stock: Stock) -> None:
        try:
            await stock.gate.aacquire(self.pool_timeout)
        except TimeoutError as error:
            # Holders may have gone with their loop while we waited.
            self._reap(stock)
            if stock.gate.try_acquire():
                return
            raise PoolTimeout(self._exhausted(stock)) from error

    def _take_back(self, connection: Any, broken: bool) -> Member | None:
        """End a loan: None where the connection is idle now, or not of this process; else it has to be closed."""
        stock = self._stock
        member = stock.lent.pop(id(connection), None)
        if member is None:
            self._refuse_stranger(stock, connection)
            return None
        if broken:
            stock.alarm = monotonic()
        elif not self._closed and (member.loop is None or not member.loop.is_closed()):
            member.since = monotonic()
            member.shelf.append(member)
            stock.gate.release()
            if self._closed:
                self._clear(stock)
            return None
        return member if stock is self._own_stock() else None

    def _hold_permit(self, member: Member) -> Callable[[], None]:
        """Keep a connection's place until it is closed; what is returned frees the place, once."""
        stock = self._stock
        member.lend(member.holder, "closing")
        stock.lent[id(member)] = member
        return partial(stock.free, id(member))

    def _give_back(self, stock: Stock, loan: Member) -> None:
        """End a loan that came to nothing, and keep the connection if it was opened before that."""
        if loan.raw is None or id(loan.raw) in stock.lent:
            stock.gate.release()
        else:
            loan.stage = ""
            stock.lent[id(loan.raw)] = loan
            self.release(loan.raw)

    def _reap(self, stock: Stock) -> None:
        """Drop what belongs to closed event loops, and free its places."""
        for loop in [loop for loop in list(stock.shelves) if _is_gone(loop)]:
            for member in stock.shelves.pop(loop, ()):
                self._closer.close(member)
        for key, member in list(stock.lent.items()):
            # One that is being closed keeps its place until its closer has given it up.
            if _is_gone(member.loop) and member.stage != "closing" and stock.lent.pop(key, None) is not None:
                if key == id(member.raw):
                    stock.lost.add(key)
                self._closer.close(member, stock.gate.release)
        self._closer.reap()

    def _clear(self, stock: Stock) -> None:
        while (member := stock.take_any()) is not None:
            self._closer.close(member)

    # Core: finding a connection

    async def _idle_or_new(self, stock: Stock, loan: Member) -> Member:
        while True:
            member = stock.take(loan.loop)
            if member is not None:
                if await self._is_fit(stock, loan, member):
                    return member
            elif stock.has_room():
                await self._open(stock, loan)
                return loan
            elif (member := stock.take_any()) is not None:
                # All places are taken, some by idle connections of the other face or of another loop.
                await self._aremove(stock, loan, member)
            else:
                # Another thread is between two steps of giving one back.
                sleep(0)

    async def _open(self, stock: Stock, loan: Member) -> None:
        if loan.loop is not None and self._aconnect is not None:
            loan.raw = await self._aconnect(**self._params)
        elif self._connect is not None:
            # The worker sets `raw`, so that a cancelled caller does not lose a connection made meanwhile.
            await self.workers.reach(_connect_for, loan, self._connect, self._params)
        else:
            raise ConfigurationError("the pool has aconnect=… only: use it in an event loop, or give it connect=… too")
        raw = loan.raw
        if raw is None or isinstance(raw, Coroutine) or id(raw) in stock.lent:
            loan.raw = None
            raise TypeError(_why_unfit(raw))
        stock.lost.discard(id(raw))

    async def _is_fit(self, stock: Stock, loan: Member, member: Member) -> bool:
        """Whether an idle connection can be lent; one that cannot is closed."""
        now = monotonic()
        ping = self._pings[member.loop is not None] if self._is_due(stock, member, now) else None
        try:
            fit = now < member.expires and (ping is None or await self._answers(member, ping))
        except BaseException:
            # Cancelled in the middle of the check.
            self._closer.close(member, self._hold_permit(member) if stock.lent.pop(id(loan), None) else None)
            raise
        if not fit:
            await self._aremove(stock, loan, member)
        return fit

    async def _answers(self, member: Member, ping: Act) -> bool:
        try:
            if member.loop is None:
                answer = await self.workers.reach(ping, member.raw)
            else:
                answer = await ping(member.raw)
        except Exception as error:  # noqa: BLE001  # However a check fails, the connection is of no use.
            logger.debug("a pooled connection is dead: %s", type(error).__name__)
            return False
        return answer is not False

    async def _aremove(self, stock: Stock, loan: Member, member: Member) -> None:
        """Close an idle connection, to open the loan's in its place; one who is cancelled leaves the place to it."""
        over = Gate(0)
        free = partial(stock.free, id(member))
        try:
            await self._closer.aclose(member, lambda: call_all(over.release, free))
        except BaseException:
            if stock.lent.pop(id(loan), None) is not None:
                self._hold_permit(member)
                if over.free:
                    free()
            raise

    def _caller_loop(self) -> Any:
        """The event loop whose connections the caller wants; None for those that serve both faces."""
        return None if self._aconnect is None or is_blocking() else running_loop()

    def _needs_look(self, stock: Stock, member: Member, now: float) -> bool:
        has_ping = self._pings[member.loop is not None] is not None
        return (has_ping and self._is_due(stock, member, now)) or stock.pid != os.getpid()

    def _is_due(self, stock: Stock, member: Member, now: float) -> bool:
        return now - member.since > self.check_after or member.since <= stock.alarm

    # Core: the rest

    def _own_stock(self) -> Stock:
        """This process's stock; in a forked child a new and empty one."""
        stock = self._stock
        pid = os.getpid()
        if stock.pid != pid:
            stock.leave_to_parent(self._closer.forget())
            # Threads of the child that come here together get the same one.
            stock = self._stock = stock.heirs.setdefault(pid, Stock(self.size, stock))
        return stock

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise ConnectionError("the connection pool is closed; make a new one")

    def _refuse_stranger(self, stock: Stock, connection: Any) -> None:
        if id(connection) in stock.lost:
            stock.lost.discard(id(connection))
        elif not stock.inherited(connection):
            raise ConnectionError("the pool has not lent this connection, or has been given it back before")

    def _exhausted(self, stock: Stock) -> str:
        now = monotonic()
        held = sorted(stock.lent.values(), key=lambda member: member.since)
        names = [member.described(now) for member in held[:NAMED_HOLDERS]]
        if len(held) > NAMED_HOLDERS:
            names.append(f"{len(held) - NAMED_HOLDERS} more")
        return (
            f"no connection became free within {self.pool_timeout:g} s; the pool's {self.size} are held by "
            f"{', '.join(names) or 'nobody any more'}; release connections sooner or make the pool larger"
        )


_pools: weakref.WeakSet[ConnectionPool] = weakref.WeakSet()


def _after_fork() -> None:
    Stock.process = os.getpid()
    for pool in list(_pools):
        pool._own_stock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def create_connection_pool(
    connect: Callable[..., Any] | None = None, size: int = 5, pool_timeout: float | None = 30, **params: Any
) -> ConnectionPool:
    """A pool whose connections `connect(**params)` makes, when they are first asked for.

    `connect` is any callable that gives a connection, a driver's own for instance.  The keywords of `ConnectionPool`
    (`close`, `ping`, `recycle`, …) are taken from `params`.
    """
    if connect is None and "aconnect" not in params:
        raise TypeError(
            "create_connection_pool needs connect=…, a callable that makes one connection from the other parameters: "
            "create_connection_pool(connect=sqlite3.connect, size=5, database='app.db', check_same_thread=False)"
        )
    return ConnectionPool(connect, size, pool_timeout, **params)


def _is_gone(loop: Any) -> bool:
    return loop is not None and loop.is_closed()


def _connect_for(loan: Member, connect: Callable[..., Any], params: dict[str, Any]) -> None:
    loan.raw = connect(**params)


def _why_unfit(raw: Any) -> str:
    if raw is None:
        return "connect returned None; it must return a connection"
    if isinstance(raw, Coroutine):
        raw.close()
        return "connect returned a coroutine; pass an awaitable connect as aconnect=…"
    return "connect returned a connection that is lent already; it must make a new one each time"
