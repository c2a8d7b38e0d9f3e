"""Functions that carry one value between Python and a driver: checked on the way in, strict on the way out.

What makes a dumper or loader is called once per column; what it gives is called once per value, so the usual case
comes first and everything else is a function away.  Messages tell types and shapes, never values: those may be secrets.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import (
    MAX_EMAX,
    MIN_EMIN,
    Context,
    Decimal,
    DecimalException,
    Inexact,
    InvalidOperation,
    Overflow,
    Subnormal,
)
from enum import Enum
from math import isfinite
from typing import Any, overload
from uuid import UUID, SafeUUID

from ..codegen import shortcut, shortcut_of
from .errors import DataError, TypeConversionError
from .helpers import parse_date, parse_time

Convert = Callable[[Any], Any]
Fit = Callable[[Decimal], Decimal]

_MICROSECOND = timedelta(microseconds=1)
_DIGITS = 1_000  # Enough for any column, and a bound on what a hostile exponent can make us write.


def refusal(expected: str, value: Any) -> TypeConversionError:
    """The error that says which type was expected and which one came."""
    return TypeConversionError(f"expected {expected}, got a value of type {type(value).__name__}")


@overload
def chain(first: Convert, second: Convert | None) -> Convert: ...
@overload
def chain(first: Convert | None, second: Convert) -> Convert: ...
@overload
def chain(first: Convert | None, second: Convert | None) -> Convert | None: ...
def chain(first: Convert | None, second: Convert | None) -> Convert | None:
    """Both functions one after the other; None stands for leaving the value alone."""
    if first is None or second is None:
        return first or second

    def both(value: Any) -> Any:
        return second(first(value))

    short = shortcut_of(first)
    if short is not None and short[1] is None:
        converted, _, condition = short[0].partition(" if ")
        shortcut(both, f"{{1}}({converted}) if {condition}", second)
    return both


# ---- Into the database


def plain(value: Any, kind: type) -> Any:
    """The value as exactly a `kind`: subclasses and enum members lose their class, nothing loses anything else.

    Whole numbers pass as float and Decimal where they fit, since filters are written so.  TypeConversionError for
    another type, DataError for a subclass that holds more than its base can.
    """
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, kind) and not _is_disguised(value, kind):
        copy = _COPIES[kind](value)
    elif kind in (float, Decimal) and isinstance(value, int) and not isinstance(value, bool):
        copy = _from_int(value, kind)
    elif kind is bytes and isinstance(value, (bytearray, memoryview)):
        copy = bytes(value)
    else:
        raise refusal(f"a value of type {kind.__name__}", value)
    if copy != value:
        raise DataError(f"a value of type {type(value).__name__} holds more than a {kind.__name__} can keep")
    return copy


def _is_disguised(value: Any, kind: type) -> bool:
    return (kind is int and isinstance(value, bool)) or (kind is date and isinstance(value, datetime))


def _from_int(value: int, kind: type) -> Any:
    try:
        return kind(value)
    except OverflowError:
        raise DataError("an integer beyond the range of float cannot be compared with or kept as one") from None


_COPIES: dict[type, Convert] = {
    bool: bool,
    int: int.__int__,
    float: float.__float__,
    Decimal: lambda v: Decimal(v.as_tuple()),
    str: str.__str__,
    bytes: lambda v: bytes(memoryview(v)),
    datetime: lambda v: datetime.combine(date(v.year, v.month, v.day), _COPIES[time](v), v.tzinfo),
    date: lambda v: date(v.year, v.month, v.day),
    time: lambda v: time(v.hour, v.minute, v.second, v.microsecond, v.tzinfo, fold=v.fold),
    timedelta: lambda v: timedelta(v.days, v.seconds, v.microseconds),
    UUID: lambda v: UUID(int=v.int),
}


def plain_dumper(kind: type, encode: Convert | None) -> Convert:
    """A dumper that lets only values of `kind` through, and encodes them where `encode` is given."""
    if encode is None:

        def check(value: Any) -> Any:
            return value if type(value) is kind else plain(value, kind)

        return check

    def dump(value: Any) -> Any:
        return encode(value if type(value) is kind else plain(value, kind))

    if encode is date.isoformat:
        shortcut(dump, "{0}.isoformat() if type({0}) is date")
    return dump


def dump_int(value: Any) -> Any:
    """An integer of at most 64 bits, sign included; DataError beyond."""
    if type(value) is not int:
        value = plain(value, int)
    if -9223372036854775808 <= value <= 9223372036854775807:
        return value
    raise DataError("an integer beyond 64 bits cannot be stored; use a Decimal or str field for numbers of that size")


# The short range costs a third of the other, since it fits one of the digits that Python keeps integers in.
shortcut(
    dump_int,
    "{0} if type({0}) is int"
    " and (-1073741823 <= {0} <= 1073741823 or -9223372036854775808 <= {0} <= 9223372036854775807)",
)


def float_dumper(nan: bool, infinity: bool) -> Convert:
    """A dumper of floats; `nan` and `infinity` say whether the database has them."""

    def dump(value: Any) -> Any:
        if type(value) is not float:
            value = plain(value, float)
        if isfinite(value) or (nan if value != value else infinity):
            return value
        raise DataError(f"{'NaN' if value != value else 'an infinite float'} cannot be stored; use None instead")

    return dump


def dump_text(value: Any) -> Any:
    """Text that has a UTF-8 form; DataError for lone surrogates."""
    if type(value) is str and value.isascii():
        return value
    value = plain(value, str) if type(value) is not str else value
    try:
        value.encode()
    except UnicodeEncodeError:
        raise DataError("text with a lone surrogate has no UTF-8 form; replace it before it is stored") from None
    return value


shortcut(dump_text, "{0} if type({0}) is str and {0}.isascii()")


def padded_dumper(length: int) -> Convert:
    """A dumper for CHAR columns, which fill shorter text with spaces: DataError for text that would not come back."""

    def dump(value: Any) -> Any:
        value = dump_text(value)
        if len(value) != length or value.endswith(" "):
            raise DataError(f"a CHAR({length}) column pads text with spaces: it takes {length} characters without them")
        return value

    return dump


def fitter(precision: int | None, scale: int | None, emin: int = MIN_EMIN, emax: int = MAX_EMAX) -> Fit:
    """What gives a finite Decimal that a column of that precision and scale keeps exactly; DataError for any other."""
    traps = [Inexact, InvalidOperation, Overflow, Subnormal]
    context = Context(prec=precision or _DIGITS, Emin=emin, Emax=emax, traps=traps)
    exponent = None if scale is None else Decimal((0, (1,), -scale))
    limits = f"{precision or 'any number of'} digits" + ("" if scale is None else f", {scale} of them after the point")

    def fit(value: Decimal) -> Decimal:
        if not value.is_finite():
            raise DataError("a Decimal that is no finite number cannot be stored; use None instead")
        try:
            return context.plus(value) if exponent is None else value.quantize(exponent, None, context)
        except DecimalException:
            raise DataError(
                f"a Decimal does not fit a column of {limits}: round it, or declare more (max_digits, decimal_places)"
            ) from None

    return fit


def decimal_dumper(fit: Fit, encode: Convert | None) -> Convert:
    """A dumper of Decimals that `fit` has passed."""

    def dump(value: Any) -> Any:
        fitted = fit(value if type(value) is Decimal else plain(value, Decimal))
        return fitted if encode is None else encode(fitted)

    return dump


def dump_time(value: Any) -> time:
    """A time of day without time zone; DataError for one that has it."""
    if type(value) is not time:
        value = plain(value, time)
    if value.tzinfo is None:
        return value  # type: ignore[no-any-return]
    raise DataError("a time with a time zone cannot be stored: its offset depends on the day; use a datetime")


def datetime_dumper(aware: bool, encode: Convert | None, zone: tzinfo = UTC) -> Convert:
    """A dumper of datetimes: aware ones in UTC, or naive ones; DataError for the other kind (design R17).

    `zone` is where they will be loaded into, which the moment must exist in.
    """

    def dump_aware(value: Any) -> Any:
        if type(value) is not datetime:
            value = plain(value, datetime)
        if value.tzinfo is not UTC or (zone is not UTC and value.year in (1, 9999)):
            value = to_utc(value, zone)
        return value if encode is None else encode(value)

    def dump_naive(value: Any) -> Any:
        if type(value) is not datetime:
            value = plain(value, datetime)
        if value.tzinfo is not None:
            raise DataError(
                "a datetime with a time zone was given to a column without one; annotate the field as AwareDatetime, "
                "or set the timezone of the connection"
            )
        return value if encode is None else encode(value)

    if encode is datetime_text:
        shortcut(dump_naive, "{0}.isoformat(' ') if type({0}) is datetime and {0}.tzinfo is None")
    if encode is utc_text and zone is UTC:
        # Most moments are in UTC already, though not by Python's own object for it.
        shortcut(dump_aware, "{0}.isoformat(' ')[:-6] if type({0}) is datetime and {0}.utcoffset() == no_offset")
    return dump_aware if aware else dump_naive


def to_utc(value: datetime, zone: tzinfo = UTC) -> datetime:
    """The moment in UTC; DataError for a naive one, and where it does not exist in UTC or `zone` (years 1 to 9999)."""
    if value.utcoffset() is None:
        raise DataError(
            "a datetime without a time zone was given to a column that keeps moments; give it a tzinfo, "
            "or annotate the field as NaiveDatetime"
        )
    try:
        moment = value.astimezone(UTC)
        moment.astimezone(zone)
    except OverflowError:
        raise DataError("the moment lies outside of the years 1 to 9999 in UTC or the connection's zone") from None
    return moment


def datetime_text(value: datetime) -> str:
    """ISO text with a space, which sorts as the datetimes do where all have one offset or none."""
    return value.isoformat(" ")


def utc_text(value: datetime) -> str:
    """A datetime in UTC as ISO text without its offset."""
    return value.isoformat(" ")[:-6]


def without_zone(value: datetime) -> datetime:
    """The datetime's date and time alone."""
    return value.replace(tzinfo=None)


def microseconds(value: timedelta) -> int:
    """The whole length in microseconds, of at most 64 bits; DataError beyond."""
    count = value // _MICROSECOND
    if -9223372036854775808 <= count <= 9223372036854775807:
        return count
    raise DataError("a timedelta of more than 292,271 years does not fit 64 bits of microseconds")


def uuid_bytes(value: UUID) -> bytes:
    """The 16 bytes of a UUID, most significant first."""
    return value.bytes


# ---- Out of the database


def load_bool(value: Any) -> bool:
    """True or False, also as 1 and 0; TypeConversionError for anything else, text among it."""
    if type(value) is bool:
        return value
    if type(value) is int and (value == 0 or value == 1):
        return value == 1
    raise refusal("a boolean, 0 or 1", value)


def load_int(value: Any) -> int:
    """A whole number, however the driver hands it over."""
    if type(value) is int:
        return value
    try:
        if isinstance(value, str) or (isinstance(value, (float, Decimal)) and value == int(value)):
            return int(value)
    except (ValueError, ArithmeticError):
        pass
    raise refusal("a whole number", value)


def load_float(value: Any) -> float:
    """A float, also from an int or a Decimal."""
    if type(value) is float:
        return value
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return float(value)
    raise refusal("a number", value)


def load_text(value: Any) -> str:
    """Text, and nothing else."""
    if isinstance(value, str):
        return value
    raise refusal("text", value)


def load_bytes(value: Any) -> bytes:
    """Bytes, also from a buffer that the driver owns."""
    if type(value) is bytes:
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise refusal("bytes", value)


def decimal_loader(scale: int | None) -> Convert:
    """A loader of Decimals, from text and numbers; with a scale they are rounded to it.

    Values written through a dumper have that scale already: rounding is for sums and averages that the database made.
    """
    if scale is None:
        return _read_decimal
    fixed = f"%.{scale}f"
    exponent = Decimal((0, (1,), -scale))
    context = Context(prec=_DIGITS, traps=[InvalidOperation])

    def load(value: Any) -> Decimal:
        # A float below 10**15 prints all of its digits before the point exactly; an infinity does not get here.
        if type(value) is float and -1e15 < value < 1e15:
            return Decimal(fixed % value)
        try:
            return _read_decimal(value).quantize(exponent, None, context)
        except InvalidOperation:
            raise refusal("a finite number", value) from None

    return load


def _read_decimal(value: Any) -> Decimal:
    if type(value) is Decimal:
        return value
    try:
        # A float's shortest text names what was written; its binary value has more digits.
        found = Decimal(repr(value)) if isinstance(value, float) else _number(value)
    except InvalidOperation:
        raise refusal("a number", value) from None
    if found.is_finite():
        return found
    raise refusal("a finite number", value)


def _number(value: Any) -> Decimal:
    if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool):
        return Decimal(value)
    raise refusal("a number", value)


def load_date(value: Any) -> date:
    """A date, also from ISO text."""
    if type(value) is str:
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    return value if type(value) is date else parse_date(value)


def load_time(value: Any) -> time:
    """A time of day without zone, also from ISO text and from a timedelta since midnight."""
    loaded = value if type(value) is time else _read_time(value)
    if loaded.tzinfo is None:
        return loaded
    raise TypeConversionError("expected a time of day without time zone, got one with it")


def load_timedelta(value: Any) -> timedelta:
    """A timedelta, also from a whole number of microseconds."""
    if type(value) is int:
        return timedelta(microseconds=value)
    if isinstance(value, timedelta):
        return value
    raise refusal("a timedelta or a number of microseconds", value)


def _read_time(value: Any) -> time:
    if type(value) is str:
        try:
            return time.fromisoformat(value)
        except ValueError:
            pass
    return parse_time(value)


_set_int = vars(UUID)["int"].__set__
_set_safe = vars(UUID)["is_safe"].__set__


def load_uuid(value: Any) -> UUID:
    """A UUID, also from its text and from 16 bytes."""
    if isinstance(value, UUID):
        return value
    raw = value
    if type(value) is str:
        try:
            raw = bytes.fromhex(value.replace("-", ""))
        except ValueError:
            raise refusal("the text of a UUID", value) from None
    if isinstance(raw, (bytes, bytearray, memoryview)) and len(raw) == 16:
        # UUID's constructor looks at six ways to spell one, which takes as long as loading the rest of a row.
        loaded = UUID.__new__(UUID)
        _set_int(loaded, int.from_bytes(raw, "big"))
        _set_safe(loaded, SafeUUID.unknown)
        return loaded
    raise refusal("a UUID", value)


def naive_loader() -> Convert:
    """A loader of datetimes without time zone; DataError where the column gives one that has it."""
    read = datetime.fromisoformat

    def load(value: Any) -> datetime:
        if type(value) is str:
            try:
                value = read(value)
            except ValueError:
                raise refusal("the text of a datetime", value) from None
        elif not isinstance(value, datetime):
            raise refusal("a datetime", value)
        if value.tzinfo is None:
            return value  # type: ignore[no-any-return]
        raise DataError("the column gives datetimes with a time zone; annotate the field as AwareDatetime")

    return load


def aware_loader(zone: tzinfo, zoneless: bool) -> Convert:
    """A loader of datetimes into `zone`; `zoneless` columns hold UTC without saying so."""
    read = datetime.fromisoformat
    suffix = "+00:00" if zoneless else ""

    def load(value: Any) -> datetime:
        if type(value) is str:
            try:
                value = read(value + suffix)
            except ValueError:
                value = _read_moment(value)
        elif not isinstance(value, datetime):
            raise refusal("a datetime", value)
        if value.tzinfo is None:
            if not zoneless:
                raise DataError(
                    "the column gives datetimes without a time zone, but the field is an AwareDatetime (or the "
                    "connection has a timezone); annotate it as NaiveDatetime"
                )
            value = value.replace(tzinfo=UTC)
        return value if value.tzinfo is zone else value.astimezone(zone)  # type: ignore[no-any-return]

    return load


def _read_moment(text: str) -> datetime:
    # Another program may have stored the offset.
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise refusal("the text of a datetime", text) from None
