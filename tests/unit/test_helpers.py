"""The helpers that the guide names: JSON, dates, type parameters, and the stopwatch."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, computed_field

from rhosocial.activerecord.backend.errors import ConfigurationError, DatabaseError, TypeConversionError
from rhosocial.activerecord.backend.helpers import (
    array_converter,
    convert_datetime,
    format_decimal,
    format_with_length,
    measure_time,
    parse_date,
    parse_datetime,
    parse_time,
    safe_json_dumps,
    safe_json_loads,
)
from rhosocial.activerecord.backend.typing import QueryResult
from rhosocial.activerecord.blocking import run

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2024, 5, 6, 12, 0, 0)


class Colour(Enum):
    RED = "red"
    DAY = date(2024, 5, 6)


class Level(IntEnum):
    LOW = 1


class Word(StrEnum):
    YES = "yes"


class Coded(int, Enum):
    """An int to the interpreter, a word to its author."""

    ONE = 1, "one"

    def __new__(cls, number: int, word: str) -> Coded:
        member = int.__new__(cls, number)
        member._value_ = word
        return member


class Name(str):
    """A str that shows itself otherwise."""

    def __str__(self) -> str:
        return "Name"


class Point(NamedTuple):
    x: int
    y: int


@dataclass(frozen=True)
class Pair:
    left: Decimal
    right: Any


class Address(BaseModel):
    model_config = ConfigDict(extra="forbid")

    street: str = Field(alias="Street")
    price: Decimal = Decimal("1.10")
    since: date = date(2024, 5, 6)

    @computed_field
    @property
    def shout(self) -> str:
        return self.street.upper()


class Measured(BaseModel):
    value: float


class Raw(BaseModel):
    value: bytes


def kind(value: object) -> str:
    return type(value).__name__


# ---- Writing JSON


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (7, "7"),
        (-0.0, "-0.0"),
        (2**70, "1180591620717411303424"),
        ("é ☃ 😀", '"é ☃ 😀"'),
        ('"\\\n\x00', '"\\"\\\\\\n\\u0000"'),
        ({"a": [1, 2.5, None]}, '{"a": [1, 2.5, null]}'),
        ({"b": 1, "a": 2}, '{"b": 1, "a": 2}'),
        ((1, (2,)), "[1, [2]]"),
        (Point(1, 2), "[1, 2]"),
        (OrderedDict(a=1), '{"a": 1}'),
        (MappingProxyType({"a": Decimal("1")}), '{"a": "1"}'),
        (Decimal("1.10"), '"1.10"'),
        (Decimal("1E+3"), '"1E+3"'),
        (datetime(2024, 5, 6, 7, 8, 9, 10), '"2024-05-06T07:08:09.000010"'),
        (datetime(2024, 5, 6, 7, 8, tzinfo=UTC), '"2024-05-06T07:08:00+00:00"'),
        (date(2024, 5, 6), '"2024-05-06"'),
        (time(7, 8, 9, 10), '"07:08:09.000010"'),
        (timedelta(days=400, seconds=5, microseconds=6), '"P400DT5.000006S"'),
        (timedelta(microseconds=-6), '"-P0DT0.000006S"'),
        (UUID(int=5), '"00000000-0000-0000-0000-000000000005"'),
        (Colour.RED, '"red"'),
        (Colour.DAY, '"2024-05-06"'),
        (Level.LOW, "1"),
        (Word.YES, '"yes"'),
        (Coded.ONE, '"one"'),
        (Name("x"), '"x"'),
        ({3, 1, 2}, "[1, 2, 3]"),
        (frozenset({Colour.RED}), '["red"]'),
        (b"caf\xc3\xa9", '"café"'),
        (bytearray(b"ab"), '"ab"'),
        (memoryview(b"ab"), '"ab"'),
        (Pair(Decimal("1.10"), {1}), '{"left": "1.10", "right": [1]}'),
        (Measured(value=1.5), '{"value": 1.5}'),
        ({1: "a", 2.5: "b", None: "c"}, '{"1": "a", "2.5": "b", "null": "c"}'),
        ({True: 1, False: 2}, '{"true": 1, "false": 2}'),
        (
            {UUID(int=5): 1, Colour.RED: 2, date(2024, 5, 6): 3},
            '{"00000000-0000-0000-0000-000000000005": 1, "red": 2, "2024-05-06": 3}',
        ),
    ],
    ids=kind,
)
def test_values_are_written_as_readable_json(value: Any, text: str) -> None:
    assert text == safe_json_dumps(value)
    assert text == safe_json_dumps([value])[1:-1]


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("-Infinity"),
        {"a": [math.nan]},
        {math.inf: 1},
        {math.nan},
        Measured(value=math.nan),
        "\ud800",
        {"\udfff": 1},
        Name("\ud800"),
        b"\xff",
        Raw(value=b"\xff"),
        {"1": "a", 1: "b"},
        {Word.YES: 1, b"yes": 2},
        {(1, 2): 3},
        {frozenset(): 1},
        {Pair(Decimal(1), 2): 3},
        10**5000,
        datetime(1, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo")),
        object(),
        1 + 2j,
        Pair,
        Address,
        (n for n in range(3)),
        {"a": object()},
    ],
    ids=kind,
)
def test_what_would_not_survive_as_json_is_refused(value: Any) -> None:
    with pytest.raises(TypeConversionError):
        safe_json_dumps(value)


def test_a_value_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append({"again": loop})

    with pytest.raises(TypeConversionError, match="list cannot be written as JSON"):
        safe_json_dumps(loop)


@pytest.mark.parametrize("value", ["hunter2\ud800", {"hunter2": object()}, {"hunter2": math.nan}, {(1, "hunter2"): 1}])
def test_a_refused_value_is_not_repeated_in_the_message(value: Any) -> None:
    with pytest.raises(TypeConversionError) as refused:
        safe_json_dumps(value)

    assert "hunter2" not in str(refused.value)


def test_a_model_is_written_so_that_it_can_be_read_again() -> None:
    address = Address(Street="Am Bach 1")
    text = safe_json_dumps({"home": address})

    assert text == '{"home": {"Street": "Am Bach 1", "price": "1.10", "since": "2024-05-06"}}'
    assert address == Address.model_validate(safe_json_loads(text)["home"])


def test_a_set_is_written_alike_by_every_process() -> None:
    code = (
        "from rhosocial.activerecord.backend.helpers import safe_json_dumps as dumps;"
        "print(dumps({'one', 'two', 'three', 4, None, ('a', 5.0)}))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert 1 == len(texts)


def test_an_offset_with_seconds_keeps_its_moment_in_a_form_that_pydantic_reads() -> None:
    before_zones = datetime(1800, 1, 1, tzinfo=BERLIN)

    text = safe_json_dumps(before_zones)

    assert timedelta(minutes=53, seconds=28) == before_zones.utcoffset()
    assert before_zones == TypeAdapter(datetime).validate_json(text)


def test_writing_leaves_the_value_as_it_was() -> None:
    value = {"a": {1}, "b": [Decimal("1")]}
    safe_json_dumps(value)

    assert {"a": {1}, "b": [Decimal("1")]} == value


# ---- Reading JSON


@pytest.mark.parametrize(
    "convert", [str, str.encode, lambda t: bytearray(t.encode()), lambda t: memoryview(t.encode())]
)
def test_json_is_read_from_text_and_from_bytes(convert: Callable[[str], Any]) -> None:
    assert {"é": [1, 2.5, None, True]} == safe_json_loads(convert('{"é": [1, 2.5, null, true]}'))


@pytest.mark.parametrize("value", [None, 5, 1.5, True, {"a": 1}, [1], object()], ids=kind)
def test_what_is_no_text_comes_back_unchanged(value: Any) -> None:
    assert safe_json_loads(value) is value


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "nope",
        "'a'",
        "[1,]",
        "01",
        "NaN",
        "[Infinity]",
        "-Infinity",
        "1 2",
        '"\x01"',
        "\ufeff1",
        b"\xff",
        b'"\xff"',
    ],
    ids=repr,
)
def test_text_that_is_no_strict_json_is_refused(text: Any) -> None:
    with pytest.raises(TypeConversionError):
        safe_json_loads(text)


def test_text_without_end_of_nesting_is_refused() -> None:
    with pytest.raises(TypeConversionError):
        safe_json_loads("[" * 100_000)


def test_refused_text_is_not_repeated_in_the_message() -> None:
    with pytest.raises(TypeConversionError) as refused:
        safe_json_loads("hunter2 {")

    assert "hunter2" not in str(refused.value)


def test_whatever_nesting_can_be_written_can_be_read() -> None:
    value: list[Any] = []
    for _ in range(300):
        value = [value]

    assert value == safe_json_loads(safe_json_dumps(value))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values)
def test_json_values_are_read_back_equal_and_of_the_same_types(value: Any) -> None:
    assert repr(value) == repr(safe_json_loads(safe_json_dumps(value)))


@given(json_values)
def test_the_text_is_strict_json_to_other_readers(value: Any) -> None:
    assert value == json.loads(safe_json_dumps(value))


@pytest.mark.parametrize(
    ("annotation", "values"),
    [
        (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
        (datetime, st.datetimes()),
        (
            datetime,
            st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29), timezones=st.timezones()),
        ),
        (date, st.dates()),
        (time, st.times()),
        (timedelta, st.timedeltas()),
        (UUID, st.uuids()),
        (Colour, st.just(Colour.RED)),
        (Coded, st.sampled_from(Coded)),
        (bytes, st.text().map(str.encode)),
        (set[int], st.sets(st.integers())),
        (dict[UUID, frozenset[Word]], st.dictionaries(st.uuids(), st.frozensets(st.sampled_from(Word)))),
        (dict[date, Decimal], st.dictionaries(st.dates(), st.decimals(allow_nan=False, allow_infinity=False))),
    ],
    ids=[
        "Decimal",
        "naive",
        "aware",
        "date",
        "time",
        "timedelta",
        "UUID",
        "Enum",
        "Coded",
        "bytes",
        "set",
        "keys",
        "dates",
    ],
)
def test_typed_values_are_read_back_equal_by_pydantic(annotation: Any, values: st.SearchStrategy[Any]) -> None:
    adapter = TypeAdapter(annotation)

    @given(values)
    def check(value: Any) -> None:
        assert comparable(value) == comparable(adapter.validate_json(safe_json_dumps(value)))

    check()


def comparable(value: Any) -> Any:
    # Python finds an hour that a clock change repeats or skips unequal to the same moment in any other zone.
    aware = isinstance(value, datetime) and value.tzinfo is not None
    return value.astimezone(UTC) if aware else value


# ---- Arrays


def test_lists_and_tuples_become_array_text() -> None:
    assert "[1, 2, 3]" == array_converter([1, 2, 3]) == array_converter((1, 2, 3))
    assert '["1.10", null]' == array_converter([Decimal("1.10"), None])


@pytest.mark.parametrize("value", ["ab", {1}, {"a": 1}, None, 5, b"ab"], ids=repr)
def test_anything_else_is_no_array(value: Any) -> None:
    with pytest.raises(TypeConversionError, match=f"list or tuple.*{type(value).__name__}"):
        array_converter(value)


# ---- Moments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-06T12:00:00", NOON),
        ("2024-05-06 12:00:00", NOON),
        ("2024-05-06 12:00", NOON),
        ("2024-05-06", datetime(2024, 5, 6)),
        ("2024-05-06 12:00:00.1", NOON.replace(microsecond=100_000)),
        ("2024-05-06 12:00:00.12", NOON.replace(microsecond=120_000)),
        ("2024-05-06 12:00:00,123", NOON.replace(microsecond=123_000)),
        ("2024-05-06 12:00:00.1234", NOON.replace(microsecond=123_400)),
        ("2024-05-06 12:00:00.12345", NOON.replace(microsecond=123_450)),
        ("2024-05-06T12:00:00.123456", NOON.replace(microsecond=123_456)),
        ("2024-05-06T12:00:00Z", NOON.replace(tzinfo=UTC)),
        ("2024-05-06 12:00:00+00", NOON.replace(tzinfo=UTC)),
        ("2024-05-06T12:00:00.5+05:30", datetime(2024, 5, 6, 6, 30, 0, 500_000, UTC)),
        ("2024-05-06 12:00:00-0800", datetime(2024, 5, 6, 20, 0, tzinfo=UTC)),
        ("2024-05-06 12:00:00+00:53:28", datetime(2024, 5, 6, 11, 6, 32, tzinfo=UTC)),
        ("0001-01-01 00:00:00", datetime.min),
        ("9999-12-31 23:59:59.999999", datetime.max),
    ],
)
def test_moments_are_read_from_iso_text(text: str, expected: datetime) -> None:
    got = parse_datetime(text)

    assert expected == got
    assert (expected.tzinfo is None) == (got.tzinfo is None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "infinity",
        "2024",
        "2024-05",
        "2024-13-06",
        "2024-02-30",
        "0000-01-01",
        "2024-05-06 25:00:00",
        "2024-05-06 12:61:00",
        "2024-05-06 12:00:60",
        "2024-05-06x12:00:00",
        "2024-05-06T",
        "2024-05-06 12",
        "2024-05-06 12:00:00.",
        "2024-05-06 12:00:00+5",
        "2024-05-06 12:00:00+24:00",
        "2024-05-06 12:00:00 ",
        " 2024-05-06",
        "2024-05-06\n",
        "-2024-05-06",
        "２０２４-05-06",
        "12:00:00",
        "2024-05-06 12:00:00\x00",
    ],
)
def test_text_that_names_no_moment_is_refused(text: str) -> None:
    with pytest.raises(TypeConversionError):
        parse_datetime(text)


@pytest.mark.parametrize("text", ["2024-05-06 12:00:00.1234567", "2024-05-06T12:00:00.123456000Z"])
def test_a_fraction_finer_than_python_holds_is_refused_rather_than_cut(text: str) -> None:
    with pytest.raises(TypeConversionError, match="microsecond"):
        parse_datetime(text)
    with pytest.raises(TypeConversionError, match="microsecond"):
        parse_time(text[11:])


@pytest.mark.parametrize("value", [None, 5, 1.5, b"2024-05-06", time(12), ["2024-05-06"]], ids=repr)
def test_other_types_are_no_moment(value: Any) -> None:
    with pytest.raises(TypeConversionError, match=type(value).__name__):
        parse_datetime(value)


def test_moment_objects_are_taken_as_they_are() -> None:
    aware = NOON.replace(tzinfo=BERLIN)

    assert parse_datetime(NOON) is NOON
    assert parse_datetime(aware) is aware
    assert datetime(2024, 5, 6) == parse_datetime(date(2024, 5, 6))


@pytest.mark.parametrize("value", ["2024-05-06 12:00:00", NOON])
def test_naive_values_are_given_the_zone(value: str | datetime) -> None:
    got = parse_datetime(value, timezone="Europe/Berlin")

    assert BERLIN is got.tzinfo
    assert NOON == got.replace(tzinfo=None)
    assert timedelta(hours=2) == got.utcoffset()


def test_aware_values_are_moved_to_the_zone() -> None:
    got = parse_datetime("2024-05-06T12:00:00Z", timezone="Europe/Berlin")

    assert BERLIN is got.tzinfo
    assert datetime(2024, 5, 6, 14) == got.replace(tzinfo=None)


def test_a_zone_cannot_move_a_moment_out_of_the_calendar() -> None:
    with pytest.raises(TypeConversionError, match="years 1 to 9999"):
        parse_datetime("9999-12-31 23:59:59Z", timezone="Europe/Berlin")


@pytest.mark.parametrize("name", ["Mars/Base", "", "America", "../UTC", "/etc/passwd", "UTC\0", "a" * 5000, 5, UTC])
def test_an_unknown_zone_is_a_configuration_error(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="time zone") as refused:
        parse_datetime("2024-05-06 12:00:00", timezone=name)

    assert isinstance(refused.value, ValueError)
    assert isinstance(refused.value, DatabaseError)


def test_a_format_replaces_the_iso_forms() -> None:
    assert NOON == parse_datetime("06.05.2024 12:00", "%d.%m.%Y %H:%M")
    assert NOON.replace(tzinfo=BERLIN) == parse_datetime("6/5/2024 12", format="%d/%m/%Y %H", timezone="Europe/Berlin")


def test_text_that_is_not_in_the_format_is_refused_without_repeating_it() -> None:
    with pytest.raises(TypeConversionError, match=r"%d\.%m\.%Y") as refused:
        parse_datetime("hunter2", "%d.%m.%Y")

    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None and refused.value.__suppress_context__


@given(st.datetimes(timezones=st.none() | st.timezones()))
def test_moments_are_read_back_equal_from_their_iso_text(value: datetime) -> None:
    for text in (value.isoformat(), value.isoformat(" ")):
        got = parse_datetime(text)
        assert value.replace(tzinfo=None) == got.replace(tzinfo=None)
        assert value.utcoffset() == got.utcoffset()


@given(st.datetimes(), st.sampled_from(sorted(available_timezones())))
def test_wall_clocks_are_kept_when_a_zone_is_given(value: datetime, name: str) -> None:
    got = parse_datetime(value.isoformat(" "), timezone=name)

    assert value == got.replace(tzinfo=None)
    assert ZoneInfo(name) is got.tzinfo


# ---- Days and times of day


@pytest.mark.parametrize(
    "value",
    [
        "2024-05-06",
        "2024-05-06 00:00:00",
        "2024-05-06T00:00:00.000Z",
        date(2024, 5, 6),
        datetime(2024, 5, 6),
        datetime(2024, 5, 6, tzinfo=BERLIN),
    ],
    ids=repr,
)
def test_days_are_read(value: str | date) -> None:
    got = parse_date(value)

    assert date(2024, 5, 6) == got
    assert date is type(got)


@pytest.mark.parametrize(
    "value",
    [
        "2024-05-06 00:00:01",
        NOON,
        datetime(2024, 5, 6, microsecond=1),
        "2024-02-30",
        "soon",
        "",
        None,
        20240506,
        time(),
    ],
    ids=repr,
)
def test_a_day_is_never_cut_out_of_something_else(value: Any) -> None:
    with pytest.raises(TypeConversionError):
        parse_date(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("12:30", time(12, 30)),
        ("12:30:15", time(12, 30, 15)),
        ("12:30:15.25", time(12, 30, 15, 250_000)),
        ("12:30:15.000001", time(12, 30, 15, 1)),
        ("12:30:15Z", time(12, 30, 15, tzinfo=UTC)),
        ("12:30:15+02", time(12, 30, 15, tzinfo=timezone(timedelta(hours=2)))),
        (time(12, 30), time(12, 30)),
        (timedelta(hours=12, minutes=30, microseconds=7), time(12, 30, 0, 7)),
        (timedelta(), time()),
        (timedelta(days=1, microseconds=-1), time.max),
    ],
)
def test_times_of_day_are_read(value: Any, expected: time) -> None:
    got = parse_time(value)

    assert expected == got
    assert expected.utcoffset() == got.utcoffset()


@pytest.mark.parametrize(
    "value",
    ["", "noon", "25:00", "12:60", "12", "1:30", "2024-05-06 12:30", timedelta(days=1), timedelta(-1), NOON, None, 12],
    ids=repr,
)
def test_what_is_no_time_of_day_is_refused(value: Any) -> None:
    with pytest.raises(TypeConversionError):
        parse_time(value)


@given(st.dates(), st.times())
def test_days_and_times_are_read_back_equal_from_their_iso_text(day: date, moment: time) -> None:
    assert day == parse_date(day.isoformat())
    assert moment == parse_time(moment.isoformat())


# ---- Writing moments


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2024, 5, 6, 7, 8, 9, 10), "2024-05-06T07:08:09.000010"),
        (NOON.replace(tzinfo=UTC), "2024-05-06T12:00:00+00:00"),
        (date(2024, 5, 6), "2024-05-06"),
        (time(7, 8, 9, 10), "07:08:09.000010"),
        ("2024-05-06 07:08:09.00001", "2024-05-06T07:08:09.000010"),
        ("2024-05-06T12:00:00Z", "2024-05-06T12:00:00+00:00"),
        ("2024-05-06", "2024-05-06"),
        ("07:08", "07:08:00"),
    ],
    ids=repr,
)
def test_moments_are_written_as_iso_text(value: Any, text: str) -> None:
    assert text == convert_datetime(value)


def test_moments_are_written_in_a_format() -> None:
    assert "06.05.2024" == convert_datetime(NOON, "%d.%m.%Y") == convert_datetime("2024-05-06", format="%d.%m.%Y")


def test_moments_are_written_in_a_zone() -> None:
    assert "2024-05-06T12:00:00+02:00" == convert_datetime(NOON, timezone="Europe/Berlin")
    assert "2024-05-06T14:00:00+02:00" == convert_datetime("2024-05-06 12:00:00Z", timezone="Europe/Berlin")
    assert "2024-05-06" == convert_datetime(date(2024, 5, 6), timezone="Europe/Berlin")
    assert "12:00:00" == convert_datetime(time(12), timezone="Europe/Berlin")


@pytest.mark.parametrize("text", ["soon", "", "2024-02-30", "25:00", "2024-05-06 12:00:00.1234567"])
def test_writing_bad_text_is_a_value_error_and_ours(text: str) -> None:
    with pytest.raises(TypeConversionError) as refused:
        convert_datetime(text)

    assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize("value", [None, 5, b"2024-05-06", timedelta(1)], ids=repr)
def test_writing_another_type_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError, match=type(value).__name__):
        convert_datetime(value)


def test_writing_in_an_unknown_zone_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError):
        convert_datetime(NOON, timezone="Mars/Base")


@given(st.datetimes() | st.dates())
def test_what_is_written_is_read_back_equal(value: date) -> None:
    read = parse_datetime if isinstance(value, datetime) else parse_date

    assert value == read(convert_datetime(value))


# ---- Type parameters


def test_types_are_written_with_their_parameters() -> None:
    assert "VARCHAR(50)" == format_with_length("VARCHAR", {"length": 50})
    assert "VARCHAR" == format_with_length("VARCHAR", {}) == format_with_length("VARCHAR", {"length": None})
    assert "DECIMAL(10,2)" == format_decimal("DECIMAL", {"precision": 10, "scale": 2})
    assert "DECIMAL(10,0)" == format_decimal("DECIMAL", {"precision": 10, "scale": 0})
    assert "DECIMAL" == format_decimal("DECIMAL", {}) == format_decimal("DECIMAL", {"length": 5})


@pytest.mark.parametrize("length", [0, -1, True, 1.5, "5", "5); DROP TABLE t; --"])
def test_a_length_that_is_no_whole_number_never_reaches_the_sql(length: Any) -> None:
    with pytest.raises(ConfigurationError, match="length"):
        format_with_length("VARCHAR", {"length": length})


@pytest.mark.parametrize(
    ("params", "missing"),
    [
        ({"precision": 10}, "scale"),
        ({"scale": 2}, "precision"),
        ({"precision": 10, "scale": None}, "scale"),
        ({"precision": "10", "scale": 2}, "precision"),
        ({"precision": 10, "scale": -1}, "scale"),
        ({"precision": 0, "scale": 0}, "precision"),
        ({"precision": 10, "scale": "2) --"}, "scale"),
    ],
)
def test_a_decimal_needs_precision_and_scale_as_whole_numbers(params: dict[str, Any], missing: str) -> None:
    with pytest.raises(ConfigurationError, match=f"needs a {missing}"):
        format_decimal("DECIMAL", params)


# ---- Stopwatch


def test_a_measured_call_tells_how_long_it_took() -> None:
    @measure_time
    def execute(rows: int, *, extra: int = 0) -> QueryResult:
        """Runs."""
        return QueryResult(affected_rows=rows + extra)

    result = execute(2, extra=1)

    assert 3 == result.affected_rows
    assert result.duration is not None and 0 <= result.duration < 60
    assert ("execute", "Runs.") == (execute.__name__, execute.__doc__)


def test_a_measured_awaitable_call_tells_how_long_it_took() -> None:
    class Backend:
        @measure_time
        async def aexecute(self) -> QueryResult:
            return QueryResult()

    result = run(Backend().aexecute())

    assert result.duration is not None and 0 <= result.duration < 60


@pytest.mark.parametrize("value", [None, 5, [QueryResult()]], ids=["None", "int", "list"])
def test_other_results_pass_a_measured_call_unchanged(value: Any) -> None:
    assert measure_time(lambda: value)() is value


def test_errors_pass_a_measured_call_unchanged() -> None:
    error = KeyError("gone")

    @measure_time
    def fail() -> None:
        raise error

    with pytest.raises(KeyError) as caught:
        fail()

    assert caught.value is error
