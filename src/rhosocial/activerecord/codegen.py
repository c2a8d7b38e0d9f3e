"""Compile generated functions so that tracebacks and debuggers can show their lines."""

from __future__ import annotations

import itertools
import linecache
from collections.abc import Callable, Mapping
from typing import Any

_numbers = itertools.count(1)


def compile_function(name: str, lines: list[str], names: Mapping[str, Any]) -> Callable[..., Any]:
    """The function `name` that `lines` define, with `names` as its globals.

    The text must hold no outside values: whatever the function needs arrives through `names`.
    """
    source = "\n".join(lines) + "\n"
    filename = f"<activerecord {name} {next(_numbers)}>"
    scope = dict(names)
    exec(compile(source, filename, "exec"), scope)  # The text comes from our own templates, never from data.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    function: Callable[..., Any] = scope[name]
    return function
