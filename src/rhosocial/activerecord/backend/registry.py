"""One backend for each configuration, and the classes that URLs name."""

from __future__ import annotations

import os
import threading
import weakref
from importlib.metadata import entry_points
from typing import Any

from ..blocking import run
from .base import StorageBackend
from .errors import ConfigurationError
from .typing import ConnectionConfig

ENTRY_POINTS = "rhosocial.activerecord.backends"

_lock = threading.Lock()
_classes: dict[str, type[StorageBackend]] = {}
_backends: weakref.WeakValueDictionary[tuple[Any, ...], StorageBackend] = weakref.WeakValueDictionary()


def _after_fork() -> None:
    # A thread that stayed behind in the parent may have held it.
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def register_backend(scheme: str, backend_class: type[StorageBackend]) -> None:
    """Have URLs that begin with ``scheme://`` open `backend_class`; goes before entry points of that name."""
    _classes[scheme.lower()] = backend_class


def backend_class_for(scheme: str) -> type[StorageBackend]:
    """The class that a URL's scheme names: registered, or from the entry points ``rhosocial.activerecord.backends``.

    ConfigurationError for an unknown scheme, and for an entry point whose driver is not installed.
    """
    scheme = scheme.lower()
    if scheme not in _classes:
        points = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
        if scheme not in points:
            known = ", ".join(sorted({*_classes, *points})) or "none"
            raise ConfigurationError(f"unknown database scheme {scheme!r}; known: {known}")
        try:
            _classes[scheme] = points[scheme].load()
        except ImportError as error:
            raise ConfigurationError(f"the backend of {scheme!r} cannot be imported: {error}") from error
    return _classes[scheme]


def backend_for(config: Any, backend_class: type[StorageBackend] | None = None) -> StorageBackend:
    """The backend of a configuration: the same one for the same class and the same config object or URL.

    `config` is a URL, a `ConnectionConfig`, or any object with its attributes; without a URL `backend_class` must be
    given.  Backends are kept weakly: one that nobody holds is gone.  No I/O.
    """
    key: tuple[Any, ...]
    if isinstance(config, str):
        scheme, separator, _ = config.partition("://")
        if not separator:
            raise ConfigurationError("a database URL begins with a scheme, as in sqlite:///path")
        backend_class = backend_class or backend_class_for(scheme)
        key = (backend_class, config)
    elif backend_class is None:
        raise ConfigurationError("a config object says nothing about the engine: pass backend_class too, or a URL")
    else:
        key = (backend_class, id(config))
    with _lock:
        backend = _backends.get(key)
        # An object's id is used again once it is gone; the backend keeps the object, so a living one settles it.
        if backend is None or backend.is_closed or not (isinstance(config, str) or backend.given_config is config):
            given = _config_of(backend_class, config) if isinstance(config, str) else config
            backend = _backends[key] = backend_class(given)
            _backends[backend_class, id(given)] = backend  # Whoever passes on `backend.config` means this one.
        return backend


async def aclose_backends() -> None:
    """Close every backend that is still held somewhere."""
    for key, backend in list(_backends.items()):
        await backend.aclose()
        if backend.is_closed:  # One that a test's sandbox keeps open stays known by its URL.
            _backends.pop(key, None)


def close_backends() -> None:
    """Close every backend that is still held somewhere."""
    run(aclose_backends())


def _config_of(backend_class: type[StorageBackend], url: str) -> ConnectionConfig:
    return backend_class.config_class.from_url(url)
