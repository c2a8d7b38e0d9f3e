"""Compile generated functions so that tracebacks and debuggers can show their lines."""

from __future__ import annotations

import itertools
import linecache
import weakref
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
_numbers = itertools.count(1)
_shortcuts: weakref.WeakKeyDictionary[Callable[..., Any], tuple[str, Callable[..., Any] | None]] = (
    weakref.WeakKeyDictionary()
)


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


def shortcut(function: F, text: str, onward: Callable[..., Any] | None = None) -> F:
    """`function`, of which generated code may do the common case by itself: ``{0} if type({0}) is int``.

    The text is an expression up to its ``else``, with ``{0}`` for the argument and ``{1}`` for `onward`, a function
    that it calls; it must give what the function gives.
    """
    _shortcuts[function] = text, onward
    return function


def shortcut_of(function: Callable[..., Any] | None) -> tuple[str, Callable[..., Any] | None] | None:
    """The text and the function given to `shortcut` for the function, or None."""
    return None if function is None else _shortcuts.get(function)
