"""The settings of a PostgreSQL backend: which options there are, and what psycopg is handed for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from rhosocial.activerecord.backend import ConfigurationError, ConnectionConfig, did_you_mean

# libpq's parameters that a program may set (https://www.postgresql.org/docs/current/libpq-connect.html).
_LIBPQ = frozenset(
    {
        "application_name",
        "channel_binding",
        "client_certificate_mode",
        "gssencmode",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "krbsrvname",
        "load_balance_hosts",
        "require_auth",
        "requirepeer",
        "ssl_max_protocol_version",
        "ssl_min_protocol_version",
        "sslcertmode",
        "sslcompression",
        "sslcrl",
        "sslcrldir",
        "sslmode",
        "sslnegotiation",
        "sslsni",
        "target_session_attrs",
        "tcp_user_timeout",
    }
)
# What each session is set to with its first statement, by option.
_SETTINGS = ("idle_in_transaction_session_timeout", "lock_timeout", "search_path")
_OWN = ("prepare_threshold",)
_REFUSED = {
    "dbname": "database",
    "hostaddr": "host",
    "passfile": "password",
    "service": "host, port, database and username",
    "sslcert": "ssl_cert",
    "sslkey": "ssl_key",
    "sslpassword": "an unencrypted ssl_key that only the program can read",
    "sslrootcert": "ssl_ca",
    "statement_timeout": "query_timeout",
    "client_encoding": "charset",
    "autocommit": "transaction()",
    "timezone": "timezone",
}
_CHARSETS = frozenset({"utf8mb4", "utf8", "utf-8", "unicode"})
_NEVER = ("", "0", "none", "off", "never")
_SEVERAL = re.compile(r"^(?P<head>[a-z][a-z0-9+.-]*://(?:[^/?#]*@)?)(?P<hosts>[^/?#@]*,[^/?#@]*)", re.IGNORECASE)

DEFAULT_THRESHOLD = 5


@dataclass(kw_only=True)
class PostgreSQLConfig(ConnectionConfig):
    """How to reach a PostgreSQL database.

    `host` may name several, ``"one,two:5433"``: they are tried in turn, and the option `target_session_attrs` says
    which of them will do (``read-write``, ``prefer-standby``, …).  A host that begins with ``/`` is the folder of a
    Unix socket.
    """

    @classmethod
    def from_url(cls, url: str) -> Self:
        """As the base's; a URL may name several hosts, ``postgresql://user@one:5432,two:5433/database``."""
        found = _SEVERAL.match(url)
        if found is None:
            return super().from_url(url)
        made = super().from_url(f"{found['head']}several{url[found.end() :]}")
        made.host = found["hosts"]
        return made


@dataclass(frozen=True, slots=True)
class PostgreSQLOptions:
    """What psycopg's `connect` is given, and what each session is set to."""

    connect: dict[str, Any]
    settings: dict[str, str]
    prepare_threshold: int | None


def read_options(config: Any) -> PostgreSQLOptions:
    """The options of a configuration, checked; ConfigurationError for one that nobody knows or that overrides another.

    No I/O.
    """
    given: Mapping[str, Any] = config.options or {}
    known = (*_LIBPQ, *_SETTINGS, *_OWN)
    for name in given:
        if name in _REFUSED:
            raise ConfigurationError(f"the option {name!r} is not taken: set {_REFUSED[name]}")
        if name not in known:
            raise ConfigurationError(
                f"unknown PostgreSQL option {name!r}{did_you_mean([name], known)}; known: {', '.join(sorted(known))}"
            )
    if str(config.charset).lower() not in _CHARSETS:
        raise ConfigurationError(f"PostgreSQL sessions speak UTF-8 here: leave out charset={config.charset!r}")
    settings = {"TimeZone": "UTC", "IntervalStyle": "postgres", "DateStyle": "ISO, MDY"}
    settings |= {"standard_conforming_strings": "on"}
    settings |= {name: _setting(name, given[name]) for name in _SETTINGS if name in given}
    if config.query_timeout is not None:
        settings["statement_timeout"] = f"{max(1, round(_seconds(config.query_timeout) * 1000))}"
    return PostgreSQLOptions(
        connect=_connect_params(config) | {name: str(given[name]) for name in given if name in _LIBPQ},
        settings=settings,
        prepare_threshold=_threshold(given.get("prepare_threshold", DEFAULT_THRESHOLD)),
    )


def _connect_params(config: Any) -> dict[str, Any]:
    hosts, ports = _hosts(config)
    values = {
        "host": hosts,
        "port": ports,
        "dbname": config.database,
        "user": config.username,
        "password": config.password,
        "sslmode": config.ssl_mode,
        "sslrootcert": config.ssl_ca,
        "sslcert": config.ssl_cert,
        "sslkey": config.ssl_key,
        "connect_timeout": None if config.connect_timeout is None else max(2, round(config.connect_timeout)),
        "client_encoding": "utf8",
    }
    return {name: value for name, value in values.items() if value is not None}


def _hosts(config: Any) -> tuple[str | None, str | None]:
    """Hosts and ports as libpq has them: two lists of one length."""
    default = str(config.port or 5432)
    hosts, ports = [], []
    for host in (config.host or "").split(","):
        name, colon, port = host.strip().rpartition(":")
        # A Unix socket's folder and a bare IPv6 address hold no port.
        plain = not colon or host.startswith("/") or (":" in name and not name.endswith("]"))
        name, port = (host.strip(), default) if plain else (name, port)
        if not port.isdigit():
            raise ConfigurationError(f"the port of the host {name!r} is no number")
        hosts.append(name.strip("[]"))
        ports.append(port)
    return (",".join(hosts) or None), ",".join(ports)


def _seconds(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
        return float(value)
    raise ConfigurationError(f"query_timeout is a number of seconds above 0, got {value!r}")


def _setting(name: str, value: Any) -> str:
    if not name.endswith("timeout"):
        return str(value)
    try:
        return str(round(float(value) * 1000))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"the option {name} is a number of seconds, got {value!r}") from error


def _threshold(value: Any) -> int | None:
    if value is None or str(value).lower() in _NEVER:
        return None
    try:
        threshold = int(value)
    except (TypeError, ValueError):
        threshold = 0
    if threshold < 1:
        raise ConfigurationError(
            "prepare_threshold is the number of runs after which a statement is prepared, or 'none' where a pooler "
            f"hands each transaction another session; got {value!r}"
        )
    return threshold
