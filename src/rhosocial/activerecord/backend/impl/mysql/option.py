"""The options of a MySQL or MariaDB backend, and how its settings are handed to the driver."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from rhosocial.activerecord.backend import ConfigurationError, did_you_mean

_KNOWN = ("unix_socket", "program_name", "server_public_key", "bind_address", "max_allowed_packet")
_REFUSED = {
    "local_infile": "a server could ask for any file of the client",
    "sql_mode": "what it has to be is the library's business, or values would be cut or escaped otherwise",
    "init_command": "the library sets the session up itself",
    "autocommit": "the library begins transactions itself",
    "client_flag": "rows are counted that matched, and one statement is sent at a time",
    "conv": "the library converts values itself",
    "cursorclass": "the library reads rows as tuples",
    "read_timeout": "use query_timeout",
    "write_timeout": "use query_timeout",
    "read_default_file": "settings are given, not looked for",
    "ssl": "use ssl_mode, ssl_ca, ssl_cert and ssl_key",
    "use_unicode": "text is text",
    "collation": "text is compared by code point; a column's collation is Column(collation=…)",
}
_SSL_MODES = ("disabled", "preferred", "required", "verify_ca", "verify_identity")


def driver_settings(config: Any, engine: str) -> dict[str, Any]:
    """What PyMySQL's `Connection` takes; ConfigurationError for an option it is not to have, or a setting it cannot."""
    options: Mapping[str, Any] = config.options or {}
    for name in options:
        if name in _REFUSED:
            raise ConfigurationError(f"the {engine} option {name!r} is not taken: {_REFUSED[name]}")
        if name not in _KNOWN:
            raise ConfigurationError(
                f"unknown {engine} option {name!r}{did_you_mean([name], _KNOWN)}; known: {', '.join(_KNOWN)}"
            )
    if (config.charset or "utf8mb4").lower() != "utf8mb4":
        raise ConfigurationError(f"charset must be utf8mb4, which alone holds all text, got {config.charset!r}")
    settings = {
        "host": config.host or "localhost",
        "port": config.port or 3306,
        "user": config.username,
        # The driver would encode it as Latin-1.
        "password": (config.password or "").encode(),
        "database": config.database,
        **options,
        **_ssl(config, engine),
    }
    if "max_allowed_packet" in settings:
        settings["max_allowed_packet"] = int(settings["max_allowed_packet"])
    return settings


def _ssl(config: Any, engine: str) -> dict[str, Any]:
    given = config.ssl_ca or config.ssl_cert or config.ssl_key
    mode = (config.ssl_mode or ("verify_ca" if config.ssl_ca else "required" if given else "preferred")).lower()
    mode = mode.replace("-", "_")
    if mode not in _SSL_MODES:
        raise ConfigurationError(
            f"ssl_mode of {engine} must be one of {', '.join(_SSL_MODES)}, got {config.ssl_mode!r}"
        )
    if mode == "disabled":
        if given:
            raise ConfigurationError("ssl_mode 'disabled' does not go with ssl_ca, ssl_cert and ssl_key")
        return {"ssl_disabled": True}
    if mode == "preferred" and not given:
        return {}
    return {"ssl": _context(config, mode)}


def _context(config: Any, mode: str) -> ssl.SSLContext:
    verifies = mode in ("verify_ca", "verify_identity")
    try:
        context = ssl.create_default_context(cafile=config.ssl_ca)
        # Certificates that a MySQL server makes for itself lack what Python 3.13 asks for.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.check_hostname = mode == "verify_identity"
        context.verify_mode = ssl.CERT_REQUIRED if verifies else ssl.CERT_NONE
        if config.ssl_cert:
            context.load_cert_chain(config.ssl_cert, config.ssl_key)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the certificate files cannot be used: {type(error).__name__}: {error}") from error
    return context
