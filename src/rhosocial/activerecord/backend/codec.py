"""Types that columns do not hold by themselves: what stands for their values there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self

from .errors import ConfigurationError, QueryError

Convert = Callable[[Any], Any]


class Codec:
    """How the values of one Python type become those of a column's plain type, and come back.

    A mark in a field's ``Annotated[…]``, or registered for a class.  `stored` is the column's own type, by which the
    backend's mapper converts what the codec makes.
    """

    # Why values are not compared in the database; None where they are.
    no_comparison: ClassVar[str | None] = None

    stored: Any  # A ColumnType, whose module stands on this one.

    def bound(self, python: Any, place: str) -> Self:
        """The codec for a field of that type, which is stored at ``table.column``."""
        return self

    def dumper(self, inner: Convert | None, config: Any) -> Convert:
        """What makes the driver's value of one of the type; `inner` is what the mapper does for `stored`."""
        raise NotImplementedError

    def loader(self, inner: Convert | None, config: Any) -> Convert:
        """The way back."""
        raise NotImplementedError

    def comparer(self, inner: Convert | None, config: Any) -> Convert:
        """What makes of a value something that is equal for equal values, to tell whether one has changed."""
        return self.dumper(inner, config)


# The codecs of classes that were registered.
_REGISTERED: dict[type, Codec] = {}


def keep_codec(python: type, codec: Codec) -> None:
    """Have columns of a class use the codec; ConfigurationError where it has one already."""
    if python in _REGISTERED:
        raise ConfigurationError(f"{python.__name__} is registered already: a type is stored in one way")
    _REGISTERED[python] = codec


def codec_of(python: Any, marks: tuple[Any, ...]) -> Codec | None:
    """The codec that a field's marks name, or else the one that its class, or a base of it, was registered with."""
    marked = next((mark for mark in marks if isinstance(mark, Codec)), None)
    if marked is not None or not _REGISTERED or not isinstance(python, type):
        return marked
    return next((_REGISTERED[base] for base in python.__mro__ if base in _REGISTERED), None)


def refuse_comparison(column: Any) -> None:
    """QueryError where values of that `ColumnType` (or None, for an unknown one) cannot be compared in the database."""
    codec = None if column is None else column.codec
    if codec is not None and codec.no_comparison is not None:
        raise QueryError(codec.no_comparison)
