"""Where a SQLite database is: a file, memory, or what a URI says (https://www.sqlite.org/uri.html)."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from rhosocial.activerecord.backend import ConfigurationError

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Location:
    """`target` is the URI for `sqlite3.connect`; `path` the file's real path, empty for a memory database."""

    target: str
    path: str
    read_only: bool = False

    @property
    def is_memory(self) -> bool:
        """Whether the database is gone when its last connection is closed."""
        return not self.path


def locate(database: Any, uri: bool) -> Location:
    """Where `database` is: ``":memory:"``, a path, or, with `uri` or as ``file:…``, a URI.  No I/O."""
    if not database:
        raise ConfigurationError("a SQLite backend needs database=…: a path, ':memory:' or a file: URI")
    text = os.fspath(database)
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    if "\0" in text:
        raise ConfigurationError("a path cannot hold a NUL character")
    if text == ":memory:":
        return _memory(f"{os.getpid()}-{next(_numbers)}")
    if uri or text.startswith("file:"):
        return _from_uri(text)
    path = os.path.realpath(text)
    return Location("file:" + quote(os.fsencode(path)), path)


def _from_uri(text: str) -> Location:
    head, _, query = text.partition("?")
    options = dict(parse_qsl(query.partition("#")[0], keep_blank_values=True))
    path = unquote(head.removeprefix("file:"))
    if path.startswith("//"):
        path = "/" + path[2:].partition("/")[2]
    if options.get("vfs") == "memdb":
        return Location(text, "")
    if options.get("mode") == "memory" or path in ("", ":memory:"):
        # A shared cache locks whole tables and fails at once where memdb waits; the name is kept, so that backends
        # with the same URI share one database.
        shared = options.get("cache") == "shared"
        return _memory(f"named-{quote(path, '')}" if shared else f"{os.getpid()}-{next(_numbers)}")
    real = os.path.realpath(path)
    target = "file:" + quote(os.fsencode(real)) + (f"?{urlencode(options)}" if options else "")
    return Location(target, real, options.get("mode") == "ro" or options.get("immutable") == "1")


def _memory(name: str) -> Location:
    return Location(f"file:/activerecord-{name}?vfs=memdb", "")
