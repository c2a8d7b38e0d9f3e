"""Which backends a tool of tests is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..backend import StorageBackend
from ..record import ActiveRecord


def backends_of(where: Iterable[StorageBackend | type[ActiveRecord]]) -> list[StorageBackend]:
    """The backends that are given, or of the models that are given, each once; with none given, those of all models."""
    named = [item if isinstance(item, StorageBackend) else item.backend() for item in where]
    found = named or [made for model in _models(ActiveRecord) if (made := vars(model).get("__backend__")) is not None]
    return list({id(backend): backend for backend in found}.values())


def _models(model: type[ActiveRecord]) -> Iterator[type[ActiveRecord]]:
    yield model
    for derived in model.__subclasses__():
        yield from _models(derived)
