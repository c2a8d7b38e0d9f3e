"""Text forms of values: JSON, arrays, dates and times, type parameters; and a stopwatch for statements."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import time as clock
from collections.abc import Callable, Coroutine, Mapping, Sequence, Set
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import singledispatch, wraps
from math import isfinite
from typing import Any, NoReturn, ParamSpec, TypeVar, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from pydantic_core import from_json

from .errors import ConfigurationError, TypeConversionError
from .typing import QueryResult

P = ParamSpec("P")
R = TypeVar("R")


# ---- JSON


def safe_json_dumps(value: Any) -> str:
    """The value as strict JSON text, non-ASCII characters left readable.

    Beside what JSON knows: Decimal, UUID, date, time and datetime become their usual text, timedelta an ISO 8601
    duration, an Enum its value, a set a list in a stable order, bytes the UTF-8 text they hold, a dataclass an object,
    and a Pydantic model what its own JSON mode gives (by alias, computed fields left out).  Keys become text.
    Raises TypeConversionError for what would not survive: NaN, infinities, lone surrogates, bytes that are no UTF-8,
    keys that become equal, other types, and nesting without end.
    """
    try:
        text = _encoder.encode(_plain(value))
        if not text.isascii():
            text.encode("utf-8")
    except TypeConversionError:
        raise
    except (ValueError, OverflowError, RecursionError) as error:
        raise TypeConversionError(f"{_kind(value)} cannot be written as JSON: {error}") from error
    return text


def safe_json_loads(value: Any) -> Any:
    """What the JSON text says; bytes are read as UTF-8, and anything that is neither comes back unchanged.

    Raises TypeConversionError for text that is no strict JSON, NaN and Infinity among it.
    """
    if not isinstance(value, (str, bytes, bytearray, memoryview)):
        return value
    try:
        text = value if isinstance(value, str) else str(value, "utf-8")
        return _loads(text)
    except (ValueError, RecursionError) as error:
        raise TypeConversionError(f"{_kind(value)} is not JSON text: {error}") from error


def array_converter(value: Any) -> str:
    """A list or tuple as JSON text; TypeConversionError for anything else."""
    if not isinstance(value, (list, tuple)):
        raise TypeConversionError(f"expected a list or tuple as an array, got {_kind(value)}")
    return safe_json_dumps(value)


def _loads(text: str) -> Any:
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError:
        # It stops at 200 levels and at escaped lone surrogates, which other programs may have stored.
        return _decoder.decode(text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")


# Spaced as the guide's era wrote it, so that texts stored then still compare equal.
_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False)
_decoder = json.JSONDecoder(parse_constant=_refuse_constant)


def _plain(value: Any) -> Any:
    """The value made of str, int, finite float, bool, None, list and dict with str keys only."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None or (kind is float and isfinite(value)):
        return value
    if kind is dict:
        return _object(value)
    if kind is list or kind is tuple:
        return [_plain(item) for item in value]
    # An Enum that is also a str or int still means its value, which may be another one.
    return _plain(value.value) if isinstance(value, Enum) else _convert(value)


def _object(value: Mapping[Any, Any]) -> dict[str, Any]:
    plain = {key if type(key) is str else _key(key): _plain(item) for key, item in value.items()}
    if len(plain) != len(value):
        raise TypeConversionError("two keys of one dict become the same JSON text; make them all strings")
    return plain


def _key(key: Any) -> str:
    plain = _plain(key)
    if isinstance(plain, (list, dict)):
        raise TypeConversionError(f"{_kind(key)} cannot be the key of a JSON object; use text, a number or a date")
    return plain if isinstance(plain, str) else json.dumps(plain)


@singledispatch
def _convert(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeConversionError(f"{_kind(value)} has no JSON form; convert it to text, numbers, lists or dicts first")


@_convert.register(float)
@_convert.register(Decimal)
def _(value: float | Decimal) -> float | str:
    if not (value.is_finite() if isinstance(value, Decimal) else isfinite(value)):
        raise TypeConversionError("JSON has neither NaN nor infinity; store None or text instead")
    return str(value) if isinstance(value, Decimal) else float(value)


@_convert.register(str)
@_convert.register(UUID)
def _(value: Any) -> str:
    return str.__str__(value) if isinstance(value, str) else str(value)


@_convert.register
def _(value: int) -> int:
    return int(value)


@_convert.register(date)
@_convert.register(time)
def _(value: date | time) -> str:
    if isinstance(value, datetime) and (value.utcoffset() or timedelta()) % timedelta(minutes=1):
        # RFC 3339 has no seconds in an offset, so most readers, Pydantic among them, would refuse the text.
        value = value.astimezone(UTC)
    return value.isoformat()


@_convert.register
def _(value: timedelta) -> str:
    size = abs(value)
    return f"{'-' if value < timedelta() else ''}P{size.days}DT{size.seconds}.{size.microseconds:06d}S"


@_convert.register(bytes)
@_convert.register(bytearray)
@_convert.register(memoryview)
def _(value: bytes) -> str:
    return str(value, "utf-8")


@_convert.register(Set)
def _(value: Set[Any]) -> list[Any]:
    # A set's own order changes between processes, and equal values must give equal text.
    return sorted((_plain(item) for item in value), key=json.dumps)


@_convert.register(list)
@_convert.register(tuple)
def _(value: Sequence[Any]) -> list[Any]:
    return [_plain(item) for item in value]


@_convert.register(Mapping)
def _(value: Mapping[Any, Any]) -> dict[str, Any]:
    return _object(value)


@_convert.register
def _(value: BaseModel) -> Any:
    return _plain(value.model_dump(mode="json", by_alias=True, round_trip=True))


# ---- Dates and times

_DAY = r"\d{4}-\d\d-\d\d"
_CLOCK = r"\d\d:\d\d(?::\d\d(?:[.,]\d{1,6})?)?(?:Z|[+-]\d\d(?:\d\d|:\d\d(?::\d\d)?)?)?"
_date_form = re.compile(_DAY, re.ASCII)
_time_form = re.compile(_CLOCK, re.ASCII)
_datetime_form = re.compile(f"{_DAY}(?:[T ]{_CLOCK})?", re.ASCII)


def parse_datetime(text: str | date, format: str | None = None, timezone: str | None = None) -> datetime:
    """The moment that ISO text names, with `T` or a space, up to 6 digits of a second's fraction, `Z` or an offset.

    A bare date means its midnight; date and datetime objects are taken as they are.  `format` (as `strptime` has it)
    replaces the ISO forms.  `timezone`, an IANA name, is given to naive values, and aware ones are moved to it;
    without it naive stays naive.  Raises TypeConversionError for anything else, a finer fraction among it, and
    ConfigurationError for an unknown zone.
    """
    moment = _moment(text, format)
    return moment if timezone is None else _in_zone(moment, timezone)


def parse_date(text: str | date) -> date:
    """The day that ISO text or a date names; a datetime gives its day at midnight only, else TypeConversionError."""
    if isinstance(text, date) and not isinstance(text, datetime):
        return text
    moment = _moment(text, None)
    if moment.time() != time():
        raise TypeConversionError("expected a date, got a moment later than midnight; a date would lose its time")
    return moment.date()


def parse_time(text: str | time | timedelta) -> time:
    """The time of day that ISO text names; TypeConversionError for anything else.

    A timedelta counts from midnight, as MySQL's drivers hand over TIME; it must be within one day.
    """
    if isinstance(text, time):
        return text
    if isinstance(text, timedelta):
        if not timedelta() <= text < timedelta(days=1):
            raise TypeConversionError("expected a time of day, got a timedelta outside of 0 to 24 hours")
        return (datetime.min + text).time()
    if not isinstance(text, str):
        raise TypeConversionError(f"expected text or a time, got {_kind(text)}")
    return cast(time, _iso(text, _time_form, time.fromisoformat, "time"))


def convert_datetime(value: str | date | time, format: str | None = None, timezone: str | None = None) -> str:
    """ISO text of a datetime, date or time, or of text that names one; microseconds are kept.

    `format` (as `strftime` has it) replaces the ISO form.  With `timezone`, an IANA name, datetimes are moved to it and
    naive ones taken as being in it; dates and times have no zone and stay.  Raises TypeConversionError (a ValueError)
    for text that names none of them, TypeError for None and other types, ConfigurationError for an unknown zone.
    """
    if isinstance(value, str):
        value = _read(value)
    if not isinstance(value, (date, time)):
        raise TypeError(f"expected a datetime, date, time or text, got {_kind(value)}")
    if isinstance(value, datetime) and timezone is not None:
        value = _in_zone(value, timezone)
    return value.isoformat() if format is None else value.strftime(format)


def _read(text: str) -> date | time:
    if _date_form.fullmatch(text):
        return parse_date(text)
    return parse_time(text) if _time_form.fullmatch(text) else parse_datetime(text)


def _moment(text: Any, format: str | None) -> datetime:
    if isinstance(text, datetime):
        return text
    if isinstance(text, date):
        return datetime.combine(text, time())
    if not isinstance(text, str):
        raise TypeConversionError(f"expected text, a date or a datetime, got {_kind(text)}")
    if format is None:
        return cast(datetime, _iso(text, _datetime_form, datetime.fromisoformat, "date and time"))
    try:
        return datetime.strptime(text, format)
    except ValueError:
        # The cause is left out: its message repeats the value, which may be a user's data.
        raise TypeConversionError(f"the text is no date and time in the format {format!r}") from None


def _iso(text: str, form: re.Pattern[str], read: Callable[[str], Any], noun: str) -> Any:
    if form.fullmatch(text) is None:
        if re.search(r":\d\d[.,]\d{7}", text):
            raise TypeConversionError(f"the {noun} is finer than a microsecond; Python would cut it, so round it first")
        raise TypeConversionError(f"expected the ISO text of a {noun}, got other text of {len(text)} characters")
    try:
        return read(text)
    except ValueError as error:
        raise TypeConversionError(f"there is no such {noun}: {error}") from error


def _in_zone(moment: datetime, timezone: str) -> datetime:
    zone = _zone(timezone)
    if moment.utcoffset() is None:
        return moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(zone)
    except OverflowError as error:
        raise TypeConversionError("the moment lies outside of the years 1 to 9999 in the time zone") from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, TypeError, OSError) as error:
        raise ConfigurationError(
            f"unknown time zone {name!r}: use an IANA name such as 'Europe/Berlin'; "
            "where the system has no zone data, install tzdata"
        ) from error


# ---- Type parameters


def format_with_length(name: str, params: Mapping[str, Any]) -> str:
    """A column type with its length, ``VARCHAR(50)``, or the bare name where `params` holds no length.

    ConfigurationError where the length is no whole number of at least 1.
    """
    length = params.get("length")
    return name if length is None else f"{name}({_whole('length', length, 1)})"


def format_decimal(name: str, params: Mapping[str, Any]) -> str:
    """A column type with precision and scale, ``DECIMAL(10,2)``, or the bare name where `params` holds neither.

    ConfigurationError where only one of them is given, or one is no whole number.
    """
    precision, scale = params.get("precision"), params.get("scale")
    if precision is None and scale is None:
        return name
    return f"{name}({_whole('precision', precision, 1)},{_whole('scale', scale, 0)})"


def _whole(name: str, value: Any, least: int) -> int:
    # Whatever passes here is written into SQL text.
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(
            f"a column type needs a {name} that is a whole number of at least {least}, got {value!r}"
        )
    return int(value)


# ---- Stopwatch


def measure_time(function: Callable[P, R]) -> Callable[P, R]:
    """The function, plain or ``async def``; a QueryResult that it returns holds in `duration` the seconds it took."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        start = clock.perf_counter()
        return _timed(function(*args, **kwargs), start)

    @wraps(function)
    async def acall(*args: P.args, **kwargs: P.kwargs) -> Any:
        start = clock.perf_counter()
        return _timed(await cast(Coroutine[Any, Any, Any], function(*args, **kwargs)), start)

    return cast(Callable[P, R], acall) if inspect.iscoroutinefunction(function) else call


def _timed(result: R, start: float) -> R:
    if isinstance(result, QueryResult):
        result.duration = clock.perf_counter() - start
    return result


def _kind(value: Any) -> str:
    return f"a value of type {type(value).__name__}"
