"""Conditions on text: patterns, parts, regular expressions, words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import QueryError
from .expression import ATOM, NOT, Condition, Expression, Operand, as_operand, makes
from .writer import Writer


@makes("like")
class Like(Condition):
    """A pattern with ``%`` and ``_``."""

    __slots__ = ("ignore_case", "item", "negated", "pattern")

    def __init__(self, item: Operand, pattern: Any, *, negated: bool = False, ignore_case: bool = False) -> None:
        if not isinstance(pattern, (str, Expression)):
            raise QueryError(f"a pattern is text, got {type(pattern).__name__}")
        self.item = item.text_form
        self.pattern = as_operand(pattern)
        self.negated = negated
        self.ignore_case = ignore_case

    def write(self, out: Writer) -> None:
        out.dialect.write_like(out, self)


@makes("match")
class Match(Condition):
    """A plain text within a text: `kind` is contains, startswith or endswith; case counts."""

    __slots__ = ("item", "kind", "text")

    def __init__(self, item: Operand, kind: str, text: str) -> None:
        if not isinstance(text, str):
            raise QueryError(f"{kind} expects text, got {type(text).__name__}")
        self.item = item.text_form
        self.kind = kind
        self.text = text

    def write(self, out: Writer) -> None:
        out.dialect.write_match(out, self)

    def pattern(self, escape: Callable[[str], str], wildcard: str) -> str:
        """The text as a pattern, its special characters escaped."""
        before = "" if self.kind == "startswith" else wildcard
        after = "" if self.kind == "endswith" else wildcard
        return before + escape(self.text) + after


@makes("regexp")
class Regexp(Condition):
    """A regular expression that fits somewhere in a text."""

    __slots__ = ("ignore_case", "item", "negated", "pattern", "precedence")

    def __init__(self, item: Operand, pattern: Any, *, negated: bool = False, ignore_case: bool = False) -> None:
        if not isinstance(pattern, (str, Expression)):
            raise QueryError(f"a regular expression is text, got {type(pattern).__name__}")
        self.item = item.text_form
        self.pattern = as_operand(pattern)
        self.negated = negated
        self.ignore_case = ignore_case
        self.precedence = NOT if negated else ATOM

    def write(self, out: Writer) -> None:
        out.dialect.write_regexp(out, self)


@makes("full_text")
class FullText(Condition):
    """Words that a full-text index finds in a text."""

    __slots__ = ("item", "text")

    def __init__(self, item: Operand, words: str) -> None:
        if not isinstance(words, str):
            raise QueryError(f"matches expects words, got {type(words).__name__}")
        self.item = item.text_form
        self.text = words

    @property
    def words(self) -> list[str]:
        """The words, in order; what has neither letter nor digit is none."""
        return [word for word in self.text.split() if any(map(str.isalnum, word))]

    def write(self, out: Writer) -> None:
        if self.words:
            out.dialect.write_full_text(out, self)
        else:
            out.sql("1 = 0")
