"""One connection to a MySQL or MariaDB server: opened, set up, verified, and asked what an error has left."""

# Pyright knows PyMySQL by stubs of an older version, which lack what is used here.
# pyright: reportAttributeAccessIssue=false, reportIncompatibleMethodOverride=false

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.constants import CLIENT, CR, FIELD_TYPE, SERVER_STATUS
from pymysql.converters import convert_timedelta
from pymysql.cursors import SSCursor

from rhosocial.activerecord.backend import ConfigurationError, ConnectionError

from .literal import bind

# Strict, and as close to the standard as it goes: quotes quote names, || joins text, a key of 0 is a key.
SQL_MODE = (
    "ANSI_QUOTES",
    "ERROR_FOR_DIVISION_BY_ZERO",
    "NO_AUTO_VALUE_ON_ZERO",
    "NO_BACKSLASH_ESCAPES",
    "NO_ENGINE_SUBSTITUTION",
    "NO_ZERO_DATE",
    "NO_ZERO_IN_DATE",
    "ONLY_FULL_GROUP_BY",
    "PIPES_AS_CONCAT",
    "STRICT_ALL_TABLES",
    "STRICT_TRANS_TABLES",
)
# UPDATE … SET a = b, b = a would give both the same value otherwise.
MORE_MODES = {"MySQL": (), "MariaDB": ("SIMULTANEOUS_ASSIGNMENT",)}
OLDEST = {"MySQL": (8, 0, 17), "MariaDB": (10, 5, 0)}
COLLATIONS = {"MySQL": "utf8mb4_0900_bin", "MariaDB": "utf8mb4_nopad_bin"}

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
# Seconds after which a link that acknowledges nothing is given up.
_SILENCE = 60


class MySQLConnection(Connection):  # type: ignore[misc]  # PyMySQL has no types.
    """PyMySQL's connection with a session of the library's kind."""

    # What the server calls itself, and its version.
    engine = "MySQL"
    version: tuple[int, ...] = (0, 0, 0)
    # By how much the keys of one INSERT differ.
    key_step = 1

    def __init__(self, connect_timeout: float, **settings: Any) -> None:
        super().__init__(
            charset="utf8mb4",
            autocommit=None,
            client_flag=CLIENT.FOUND_ROWS,
            local_infile=False,
            conv=_DECODERS,
            connect_timeout=connect_timeout,
            # A server that takes the connection and says nothing must not be waited for longer either.
            read_timeout=connect_timeout,
            defer_connect=True,
            **settings,
        )
        # Who interrupts a statement must know that it is still running.
        self.lock = threading.Lock()
        self.is_running = False
        self.was_killed = False
        self.number = 0  # Of statements so far.

    def open_session(self, query_timeout: float | None) -> None:
        """Connect, and put the session into the state that everything else relies on.

        A driver's error where that fails; ConfigurationError for a server that is too old or keeps to settings of its
        own.
        """
        self.connect(None if self.unix_socket else self._socket())
        try:
            self._set_up(query_timeout)
        except BaseException:
            # Also for KeyboardInterrupt: nobody else will close it.
            self._force_close()
            raise
        # A statement may take as long as the server lets it; a little more for the answer to arrive.
        self._read_timeout = None if query_timeout is None else query_timeout + 5

    def run(self, sql: str) -> Any:
        """What the server answers to one statement, all rows read."""
        with self.working():
            self.query(sql)
            result = self._result
            while self._result.has_next:  # A procedure gives a result for each of its queries; the first is taken.
                self.next_result()
            return result

    @contextmanager
    def working(self) -> Iterator[None]:
        """The time in which the server is asked something: an interrupt ends it, an error is looked into."""
        with self.lock:
            self.is_running = True
            self.number += 1
        try:
            yield
        except pymysql.MySQLError as error:
            self._learn(error)
            raise
        except BaseException:
            # Also for KeyboardInterrupt: the answer, or part of it, is still to come.
            self._force_close()
            raise
        finally:
            with self.lock:
                self.is_running = False
                was_killed, self.was_killed = self.was_killed, False
            if was_killed and self.open:
                self._absorb()

    def is_in_transaction(self) -> bool:
        """Whether a transaction is open, as the server last said."""
        return bool(self.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS)

    def columns_of_key(self, table: str | None, key: str) -> tuple[str | None, tuple[str, ...]]:
        """The table and the columns of a unique key, where its name and the table's lead to one."""
        if table is None or not self.open:
            return None, ()
        self.query(
            bind(
                "SELECT COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() "
                "AND TABLE_NAME = %s AND INDEX_NAME = %s ORDER BY SEQ_IN_INDEX",
                (table, key),
            )
        )
        columns = tuple([row[0] for row in self._result.rows])
        return (table if columns else None), columns

    def _force_close(self) -> None:
        # Rows that nobody read cannot be read any more.
        if self._result is not None:
            self._result.unbuffered_active = False
        super()._force_close()

    def _learn(self, error: pymysql.MySQLError) -> None:
        """Ask what the error has left: its packet does not say whether the transaction is still open."""
        if self.open and self.is_in_transaction():
            try:
                self.ping()
            except pymysql.MySQLError:
                self._force_close()

    def _absorb(self) -> None:
        # A KILL QUERY that came too late for its statement would end the next one.
        try:
            self.query("DO 0")
        except pymysql.MySQLError as error:
            if error.args[:1] != (_INTERRUPTED,):
                self._force_close()

    def _socket(self) -> socket.socket:
        source = None if self.bind_address is None else (self.bind_address, 0)
        try:
            made = socket.create_connection((self.host, self.port), self.connect_timeout, source)
        except (OSError, UnicodeError) as error:
            raise pymysql.OperationalError(CR.CR_CONN_HOST_ERROR, f"cannot reach {self.host!r}: {error}") from error
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
            if hasattr(socket, name):
                made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENCE * 1000)
        self.host_info = f"socket {self.host}:{self.port}"
        return made

    def _set_up(self, query_timeout: float | None) -> None:
        self._read_version()
        collation = COLLATIONS[self.engine]
        settings = {
            "time_zone": "'+00:00'",
            "sql_mode": f"'{','.join(SQL_MODE + MORE_MODES[self.engine])}'",
            "lc_messages": "'en_US'",
            "autocommit": "1",
            # Joined texts would be cut there, with a warning that nobody sees.
            "group_concat_max_len": "4294967295",
        }
        if query_timeout is not None:
            is_maria = self.engine == "MariaDB"
            name = "max_statement_time" if is_maria else "max_execution_time"
            settings[name] = f"{query_timeout:f}" if is_maria else str(max(1, round(query_timeout * 1000)))
        changes = ", ".join(f"{name} = {value}" for name, value in settings.items())
        self.query(f"SET NAMES utf8mb4 COLLATE {collation}, {changes}")
        self.collation = collation
        self._verify()

    def _read_version(self) -> None:
        text = self.get_server_info()
        self.engine = "MariaDB" if "mariadb" in text.lower() else "MySQL"
        # Old clients would not talk to a server that calls itself 10; so MariaDB says 5.5.5- before.
        found = _VERSION.search(text.removeprefix("5.5.5-"))
        self.version = tuple(map(int, found.groups())) if found else (0, 0, 0)
        oldest = OLDEST[self.engine]
        if self.version < oldest:
            needed, is_there = (".".join(map(str, version)) for version in (oldest, self.version))
            raise ConfigurationError(f"{self.engine} {needed} or later is needed, this server is {is_there}")

    def _verify(self) -> None:
        """Read back what was set: a proxy between may keep sessions to settings of its own, and values would change."""
        self.query(
            "SELECT @@sql_mode, @@character_set_client, @@collation_connection, @@time_zone, @@auto_increment_increment"
        )
        mode, charset, collation, zone, step = self._result.rows[0]
        missing = sorted(set(SQL_MODE) - set(mode.split(",")))
        if missing or charset != "utf8mb4" or zone != "+00:00" or collation != self.collation:
            wrong = f"sql_mode lacks {', '.join(missing)}" if missing else f"{charset}, {collation}, zone {zone}"
            raise ConnectionError(f"the server does not keep the session's settings ({wrong}), so values would change")
        if not self.server_status & SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES:
            raise ConnectionError("the server does not say that it takes a backslash for what it is")
        self.key_step = step


class Rows(SSCursor):  # type: ignore[misc]  # PyMySQL has no types.
    """A result that is read as it arrives.  Closed before its end, it ends its connection: the rest may be long."""

    is_cut_off = False
    connection: Any

    def open(self, sql: str) -> Rows:
        """Send the statement; gives the cursor."""
        with self.connection.working():
            self.execute(sql)
        return self

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """The next rows."""
        with self.connection.working():
            return list(super().fetchmany(size) or ())

    def close(self) -> None:
        """Give up the rows that are left."""
        result = self._result
        if result is not None and result.unbuffered_active:
            self.is_cut_off = True
            self.connection._force_close()
        self.connection = None


_INTERRUPTED = 1317


def _to(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    """A decoder that leaves alone what Python has no value for: zero dates, times beyond a day."""

    def decode(text: str) -> Any:
        try:
            return convert(text)
        except ValueError:
            return text

    return decode


def _decode_time(text: str) -> Any:
    try:
        return time.fromisoformat(text)
    except ValueError:
        return convert_timedelta(text)


def _decode_number(text: str) -> Any:
    # The sum of whole numbers comes as a decimal without places.
    return Decimal(text) if "." in text else int(text)


_DECODERS: dict[Any, Any] = {
    **dict.fromkeys((FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG), int),
    **dict.fromkeys((FIELD_TYPE.INT24, FIELD_TYPE.YEAR), int),
    **dict.fromkeys((FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE), float),
    **dict.fromkeys((FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL), _decode_number),
    **dict.fromkeys((FIELD_TYPE.TIMESTAMP, FIELD_TYPE.DATETIME), _to(datetime.fromisoformat)),
    FIELD_TYPE.DATE: _to(date.fromisoformat),
    FIELD_TYPE.TIME: _decode_time,
}
