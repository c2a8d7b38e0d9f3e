"""Settings that come as other objects than `ConnectionConfig`, and hints for those that were misspelt."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from .typing import ConnectionConfig

_DEFAULTS = ConnectionConfig()
_ALIASES = {"user": "username", "username": "user"}


class ConfigView:
    """A foreign config object, seen as a `ConnectionConfig`: what it lacks has the default; user is username."""

    def __init__(self, given: Any) -> None:
        self.given = given

    def __getattr__(self, name: str) -> Any:
        for known in (name, _ALIASES.get(name, name)):
            try:
                return getattr(self.given, known)
            except AttributeError:
                continue
        return getattr(_DEFAULTS, name)

    def get_connection_params(self) -> dict[str, Any]:
        """What a driver's connect usually takes; the object's own method is asked where it has one."""
        own = getattr(self.given, "get_connection_params", None)
        if own is not None:
            return dict(own())
        names = {"host": "host", "port": "port", "database": "database", "user": "username", "password": "password"}
        values = {key: getattr(self, name) for key, name in names.items()}
        return {key: value for key, value in values.items() if value is not None} | dict(self.options or {})

    def __repr__(self) -> str:
        # The object's own repr may show its password.
        return f"ConfigView({type(self.given).__name__})"


def nearest(given: Mapping[str, Any], config_class: type[ConnectionConfig]) -> str:
    """``; did you mean …?`` for the first setting that the class does not have; empty where it has them all."""
    return did_you_mean(given, [field.name for field in fields(config_class)])


def did_you_mean(given: Iterable[str], known: Iterable[str]) -> str:
    """``; did you mean …?`` for the first name that is not known; empty where there is nothing like it."""
    known = list(known)
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            return f"; did you mean {close[0]!r}?" if close else ""
    return ""
