"""The options of a SQLite backend: which there are, and the pragmas they become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rhosocial.activerecord.backend import ConfigurationError, did_you_mean

_JOURNAL = ("delete", "truncate", "persist", "memory", "wal", "off")
_SYNCHRONOUS = ("off", "normal", "full", "extra")
_WORDS: Mapping[str, tuple[str, ...]] = {
    "journal_mode": _JOURNAL,
    "synchronous": _SYNCHRONOUS,
    "temp_store": ("default", "file", "memory"),
    "locking_mode": ("normal", "exclusive"),
}
_NUMBERS = ("cache_size", "wal_autocheckpoint", "mmap_size")
_OTHERS = ("timeout", "busy_timeout", "foreign_keys", "uri", "cached_statements")
_REFUSED = {
    "debug": "use the logger 'activerecord' at level DEBUG",
    "trace": "use the logger 'activerecord' at level DEBUG",
    "isolation_level": "the library begins transactions itself",
    "check_same_thread": "the library sees to it that one thread at a time uses a connection",
    "detect_types": "the library converts values itself",
}
_TRUE = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class SQLiteOptions:
    """The options as given, checked; `busy_timeout` is in seconds."""

    busy_timeout: float
    uri: bool
    cached_statements: int
    foreign_keys: bool
    settings: dict[str, str]

    @property
    def has_journal_mode(self) -> bool:
        """Whether a journal mode was asked for, so that WAL is not switched on."""
        return "journal_mode" in self.settings

    def pragmas(self) -> list[str]:
        """The statements that put a new connection into this state."""
        settings = {"synchronous": "normal", **self.settings, "foreign_keys": "on" if self.foreign_keys else "off"}
        return [f"PRAGMA {name} = {value}" for name, value in settings.items()]


def read_options(config: Any) -> SQLiteOptions:
    """The options of a configuration; ConfigurationError for one SQLite does not have, or a value it cannot take."""
    given: Mapping[str, Any] = config.options or {}
    known = (*_WORDS, *_NUMBERS, *_OTHERS)
    for name in given:
        if name in _REFUSED:
            raise ConfigurationError(f"the SQLite option {name!r} is not taken: {_REFUSED[name]}")
        if name not in known:
            raise ConfigurationError(
                f"unknown SQLite option {name!r}{did_you_mean([name], known)}; known: {', '.join(sorted(known))}"
            )
    if "timeout" in given and "busy_timeout" in given:
        raise ConfigurationError("timeout (seconds) and busy_timeout (milliseconds) are one setting; give one")
    seconds = (
        _number(given, "timeout", 5.0) if "busy_timeout" not in given else _number(given, "busy_timeout", 0) / 1000
    )
    settings = {name: _word(name, given[name]) for name in _WORDS if name in given}
    settings |= {name: str(int(_number(given, name, 0))) for name in _NUMBERS if name in given}
    return SQLiteOptions(
        busy_timeout=seconds,
        uri=_flag(given, "uri", False),
        cached_statements=int(_number(given, "cached_statements", 512)),
        foreign_keys=_flag(given, "foreign_keys", True),
        settings=settings,
    )


def _word(name: str, value: Any) -> str:
    allowed = _WORDS[name]
    word = str(value).lower()
    if word not in allowed:
        raise ConfigurationError(f"the SQLite option {name} must be one of {', '.join(allowed)}, got {value!r}")
    return word


def _number(given: Mapping[str, Any], name: str, default: float) -> float:
    value = given.get(name, default)
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"the SQLite option {name} must be a number, got {value!r}") from error


def _flag(given: Mapping[str, Any], name: str, default: bool) -> bool:
    value = given.get(name, default)
    flag = _TRUE.get(str(value).lower())
    if flag is None:
        raise ConfigurationError(f"the SQLite option {name} must be true or false, got {value!r}")
    return flag
