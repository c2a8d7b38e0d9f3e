"""The guide's listings, run as printed: only the names that they import nowhere are supplied."""

from __future__ import annotations

import pathlib
import re
import sqlite3
import types
import uuid
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, ContextManager, Optional  # noqa: UP035  # The names that the listings use.
from zoneinfo import ZoneInfo

import rhosocial.activerecord.backend as backend

GUIDE = pathlib.Path(__file__).with_name("custom_backends.md")


def listings() -> list[str]:
    """The Python listings in their order; the one that the guide never closes ends at the next heading."""
    text = GUIDE.read_text()
    found = re.findall(r"^```python\n(.*?)(?=^```|^## )", text, re.DOTALL | re.MULTILINE)
    assert len(found) == 8, "the guide has eight listings"
    return found


def listing(marker: str) -> str:
    """The first listing in which `marker` stands."""
    return next(text for text in listings() if marker in text)


class Library(types.ModuleType):
    """`your_db_library`: `sqlite3` in autocommit mode with rows that `dict` takes, and a count of what is open."""

    Error = sqlite3.Error

    def __init__(self, database: str) -> None:
        super().__init__("your_db_library")
        self.database = database
        self.opened: list[sqlite3.Connection] = []

    def connect(self, **params: Any) -> sqlite3.Connection:
        connection = sqlite3.connect(self.database, timeout=20, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        self.opened.append(connection)
        return connection


class CustomDialect(backend.SQLDialectBase):
    """The dialect that the guide names and never shows; SQLite has no START TRANSACTION."""

    name = "custom"

    def begin_statements(self, isolation: backend.IsolationLevel | None, read_only: bool) -> list[str]:
        return ["BEGIN IMMEDIATE"]


def supplied(library: Library) -> dict[str, Any]:
    """The names that the listings use without importing them."""
    names = {name: getattr(backend, name) for name in backend.__all__}
    return names | {
        "Any": Any,
        "ContextManager": ContextManager,
        "CustomDialect": CustomDialect,
        "Decimal": Decimal,
        "Dict": dict,
        "Optional": Optional,
        "Tuple": tuple,
        "date": date,
        "datetime": datetime,
        "pytz": types.SimpleNamespace(timezone=ZoneInfo),
        "time": time,
        "uuid": uuid,
        "your_db_library": library,
    }


def run(text: str, names: dict[str, Any]) -> None:
    """Execute a listing in `names`, as a module would."""
    exec(compile(text, str(GUIDE), "exec"), names)


def guide_names(library: Library) -> dict[str, Any]:
    """Everything the guide defines before its complete example, which redefines `CustomBackend`."""
    names = supplied(library)
    for marker in ("class CustomTypeMapper", "class CustomValueMapper", "class CustomTransactionManager"):
        run(listing(marker), names)
    run(listing("class CustomErrorHandler"), names)
    run(listing("class CustomBackendConfig"), names)
    run(listing('"""Custom database backend implementation."""'), names)
    return names


def complete_example(library: Library) -> str:
    """The final listing without its last part, which needs models."""
    return listing("class CustomBackend(StorageBackend):\n    def __init__(self, config").split("# Usage example")[0]
