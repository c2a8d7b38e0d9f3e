"""Facts that every layer shares: column types, connection settings, results, isolation levels."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from .errors import ConfigurationError

DatabaseValue = Any
PythonValue = Any


class DatabaseType(Enum):
    """The column types that every backend maps to its own."""

    TINYINT = "TINYINT"
    SMALLINT = "SMALLINT"
    INTEGER = "INTEGER"
    BIGINT = "BIGINT"
    FLOAT = "FLOAT"
    DOUBLE = "DOUBLE"
    DECIMAL = "DECIMAL"
    CHAR = "CHAR"
    VARCHAR = "VARCHAR"
    TEXT = "TEXT"
    DATE = "DATE"
    TIME = "TIME"
    DATETIME = "DATETIME"
    TIMESTAMP = "TIMESTAMP"
    TIMESTAMPTZ = "TIMESTAMPTZ"
    INTERVAL = "INTERVAL"
    BOOLEAN = "BOOLEAN"
    BLOB = "BLOB"
    JSON = "JSON"
    JSONB = "JSONB"
    ARRAY = "ARRAY"
    UUID = "UUID"
    ENUM = "ENUM"
    INET = "INET"
    VECTOR = "VECTOR"
    CUSTOM = "CUSTOM"

    __hash__ = object.__hash__  # Enum's own is written in Python, and mappers look a type up for each value.


ColumnTypes = Mapping[str, DatabaseType]


@dataclass(frozen=True, slots=True)
class TypeMapping:
    """How one `DatabaseType` is written in a column definition: a type name and what formats its parameters."""

    db_type: str
    format_func: Callable[[str, dict[str, Any]], str] | None = None


class IsolationLevel(Enum):
    """The isolation levels of SQL:2023; `sql` is their text."""

    READ_UNCOMMITTED = "READ UNCOMMITTED"
    READ_COMMITTED = "READ COMMITTED"
    REPEATABLE_READ = "REPEATABLE READ"
    SERIALIZABLE = "SERIALIZABLE"

    @property
    def sql(self) -> str:
        """The level as SQL spells it, ``READ COMMITTED`` for instance."""
        return self.value


class QueryResult:
    """What one statement gave.

    `columns` (names, or the description of a PEP 249 cursor) and `rows` (tuples) hold what the driver returned, `data`
    is the same as a list of dicts, built when first read, and None for a statement that returns no rows.
    `tuples` are the rows as they arrived, None where they arrived as dicts or there are none.
    `affected_rows` is -1 where the engine has no count (DDL).  `last_insert_id` is the driver's, None where it has
    none.  `duration` is in seconds where measured.
    """

    __slots__ = ("_columns", "_data", "affected_rows", "duration", "last_insert_id", "tuples")

    def __init__(
        self,
        data: list[Any] | None = None,
        affected_rows: int = 0,
        last_insert_id: Any = None,
        duration: float | None = None,
        *,
        columns: Sequence[Any] | None = None,
        rows: list[tuple[Any, ...]] | None = None,
    ) -> None:
        self._data = data
        self._columns = columns
        self.tuples = rows
        self.affected_rows = affected_rows
        self.last_insert_id = last_insert_id
        self.duration = duration

    @property
    def data(self) -> list[Any] | None:
        """The rows as dicts, or None where the statement returned no rows."""
        if self._data is None and self.tuples is not None:
            columns = self.columns
            self._data = [dict(zip(columns, row, strict=True)) for row in self.tuples]
        return self._data

    @data.setter
    def data(self, value: list[Any] | None) -> None:
        self._data, self.tuples = value, None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the statement's order; empty where there are no rows to name them."""
        if self._columns is None:
            first = self._data[0] if self._data else {}
            self._columns = tuple(first) if isinstance(first, Mapping) else ()
        elif self._columns and not isinstance(self._columns[0], str):
            self._columns = tuple([column[0] for column in self._columns])
        return tuple(self._columns)

    @property
    def rows(self) -> list[tuple[Any, ...]] | None:
        """The rows as tuples in the order of `columns`, or None where the statement returned no rows."""
        if self.tuples is None and self._data is not None:
            columns = self.columns
            self.tuples = [
                tuple(row[c] for c in columns) if isinstance(row, Mapping) else tuple(row) for row in self._data
            ]
        return self.tuples

    @property
    def has_dicts(self) -> bool:
        """Whether the rows arrived as dicts, as an `execute` written in the guide's way returns them."""
        return self.tuples is None and self._data is not None

    def scalar(self) -> Any:
        """The first value of the first row, or None where there is no row."""
        rows = self.rows
        return rows[0][0] if rows else None

    def __iter__(self) -> Iterator[Any]:
        return iter(self.data or ())

    def __len__(self) -> int:
        return len(self.tuples if self.tuples is not None else self._data or ())

    def __bool__(self) -> bool:
        # A result is an answer even when no row matched.
        return True

    def __repr__(self) -> str:
        return (
            f"QueryResult(rows={len(self)}, affected_rows={self.affected_rows}, last_insert_id={self.last_insert_id!r})"
        )


_SECRET = re.compile(r"pass|secret|token|key|credential", re.IGNORECASE)
_SECRET_FIELDS = frozenset({"password", "secret_key", "encryption_keys"})
# What no driver is to be handed: `options` are merged in, `user` is `username`, the keys are the library's own.
_NOT_IN_DICT = frozenset({"options", "user", "secret_key", "encryption_keys"})


@dataclass(kw_only=True)
class ConnectionConfig:
    """How to reach one database.

    `user` and `username` are one setting under two names.  Times are seconds.  `options` go to the driver; one that
    names a field of this class is refused.  `timezone` (an IANA name) makes plain `datetime` fields zone-aware.
    `secret_key` signs the cursors of pages; unset, each backend signs with a random key, so that its cursors are worth
    nothing to another process.  `encryption_keys` are those of encrypted columns: the first one encrypts, all decrypt;
    a text holds them with commas between.
    `verify_writes` has each row that a record writes read back, and the write undone where it is another one.
    Secrets stay out of `repr`.
    """

    host: str | None = "localhost"
    port: int | None = None
    database: str | None = None
    username: str | None = None
    user: str | None = field(default=None, compare=False)
    password: str | None = field(default=None, repr=False)  # A subclass may generate a repr of its own.
    charset: str = "utf8mb4"
    timezone: str | None = None
    pool_size: int = 5
    pool_timeout: float = 30
    pool_recycle: float | None = None
    pool_min_size: int = 0
    connect_timeout: float = 10
    query_timeout: float | None = None
    use_native_json: bool = True
    use_native_uuid: bool = True
    ssl_ca: str | None = None
    ssl_cert: str | None = None
    ssl_key: str | None = None
    ssl_mode: str | None = None
    delete_on_close: bool = False
    verify_writes: bool = False
    secret_key: str | None = field(default=None, repr=False)
    encryption_keys: str | Sequence[str | bytes] | None = field(default=None, repr=False)
    options: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.user is not None and self.username is not None and self.user != self.username:
            raise ConfigurationError(
                f"user {self.user!r} and username {self.username!r} name one setting; give one of them"
            )
        self.user = self.username = self.username if self.username is not None else self.user
        clash = sorted(set(self.options) & {f.name for f in fields(self)})
        if clash:
            raise ConfigurationError(f"options {clash} are settings of their own: pass {clash[0]}=… instead")
        if self.secret_key is not None and (not isinstance(self.secret_key, str) or len(self.secret_key) < 16):
            raise ConfigurationError("secret_key must be a text of 16 characters or more, which nobody can guess")
        if isinstance(self.encryption_keys, str):
            self.encryption_keys = [key.strip() for key in self.encryption_keys.split(",")]
        elif isinstance(self.encryption_keys, bytes):
            self.encryption_keys = [self.encryption_keys]
        if not isinstance(self.pool_size, int) or self.pool_size < 1:
            raise ConfigurationError(f"pool_size must be a whole number of at least 1, got {self.pool_size!r}")

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The settings that ``scheme://user:password@host:port/database?option=…`` spells.

        Parts may be percent-encoded.  A query parameter that names a field sets it, save for those that the URL has a
        place for; any other becomes an option, as text.  No I/O.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            # What it says may repeat the password.
            raise ConfigurationError(
                "the URL cannot be read: it begins as scheme://user:password@host:port/, a port is a number from 0 to "
                "65535, and other characters than letters and digits are percent-encoded"
            ) from None
        known = _annotations(cls)
        values: dict[str, Any] = {}
        options: dict[str, Any] = {}
        for name, text in parse_qsl(parts.query, keep_blank_values=True):
            if name in ("host", "port", "database", "user", "username", "password", "options"):
                raise ConfigurationError(f"the URL option {name!r} has a place of its own in the URL")
            if name in known:
                values[name] = _parse_setting(name, text, known[name])
            else:
                options[name] = text
        return cls(
            host=unquote(parts.hostname) if parts.hostname else "localhost",
            port=port,
            database=unquote(parts.path[1:]) or None,
            username=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            options=options,
            **values,
        )

    @classmethod
    def from_env(cls, prefix: str = "DB_") -> Self:
        """The settings that environment variables give: ``{prefix}HOST``, ``{prefix}POOL_SIZE`` and so on.

        A number that does not parse is a `ConfigurationError` (a ValueError) that names the variable.
        """
        values: dict[str, Any] = {}
        for f in fields(cls):
            text = os.environ.get(prefix + f.name.upper())
            if text is not None and f.name != "options":
                values[f.name] = _parse_setting(prefix + f.name.upper(), text, _annotations(cls)[f.name])
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """All settings that are not None, options merged in; the password is among them, the library's keys are not."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _NOT_IN_DICT}
        return {name: value for name, value in values.items() if value is not None} | self.options

    def clone(self, **updates: Any) -> Self:
        """The same settings with some changed."""
        if "username" in updates or "user" in updates:
            updates = {"user": updates.get("username"), "username": updates.get("user")} | updates
        copied = {"options": dict(self.options)} | updates
        return replace(self, **copied)

    def get_connection_params(self) -> dict[str, Any]:
        """What a driver's connect usually takes: host, port, database, user, password, and the options."""
        values = {
            "host": self.host,
            "port": self.port,
            "database": self.database,
            "user": self.username,
            "password": self.password,
        }
        return {name: value for name, value in values.items() if value is not None} | self.options

    def __repr__(self) -> str:
        shown = []
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name == "user" or value is None or value == {}:
                continue
            if f.name == "options":
                value = {k: "***" if _SECRET.search(k) else v for k, v in value.items()}
            shown.append(f"{f.name}={'***' if f.name in _SECRET_FIELDS else repr(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"


def _annotations(cls: Any) -> dict[str, str]:
    """The annotations as text, which they are or are not depending on the module's future imports."""
    return {f.name: f.type.__name__ if isinstance(f.type, type) else str(f.type) for f in fields(cls)}


def _parse_setting(name: str, text: str, annotation: str) -> Any:
    kind = annotation.split(" | ")[0]
    try:
        if kind == "bool":
            return {
                "1": True,
                "true": True,
                "yes": True,
                "on": True,
                "0": False,
                "false": False,
                "no": False,
                "off": False,
            }[text.lower()]
        return {"int": int, "float": float}.get(kind, str)(text)
    except (ValueError, KeyError) as error:
        raise ConfigurationError(f"{name} must be a {kind}, got {text!r}") from error
