"""The values that are tried: ordinary ones, and those that databases and drivers are known to change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
APIA = ZoneInfo("Pacific/Apia")
LARGE = 2**63

Values = st.SearchStrategy[Any]


def deep(levels: int, is_dict: bool = False) -> Any:
    """A document of so many levels."""
    value: Any = {} if is_dict else []
    for _ in range(levels):
        value = {"a": value} if is_dict else [value]
    return value


def cyclic() -> list[Any]:
    """A list that holds itself."""
    value: list[Any] = []
    value.append(value)
    return value


# Text

TEXTS = (
    "",
    " ",
    "ä€😀👩‍👩‍👧",
    "a\0b",
    "\0",
    "'; DROP TABLE t; --",
    '"\\',
    "%_?",
    "??",
    "$1 :a %s {0}",
    "1e5",
    "0010",
    "NULL",
    "null",
    "e\u0301",
    "\u00e9",
    "\ufeff",
    "\uffff",
    "\U0010ffff",
    "x" * 300_000,
)
BROKEN_TEXTS = ("\ud800", "a\udfffb", "\ud83d", "\ude00\ud83d")
clean_text: Values = st.text(max_size=20)
# Lone surrogates and NUL are in it.
text: Values = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=30), st.sampled_from(TEXTS[:-1] + BROKEN_TEXTS)
)
blobs = (b"", b"\0", b"\xff\xfe", b"abc", bytes(range(256)))
binary: Values = st.binary(max_size=30) | st.sampled_from(blobs)

# Numbers

INTEGERS = (0, 1, -1, 2**31, 2**53 + 1, LARGE - 1, -LARGE)
TOO_LARGE = (LARGE, LARGE + 1, -LARGE - 1, 10**400)
integers: Values = st.one_of(st.integers(), st.sampled_from(INTEGERS + TOO_LARGE))
small_integers: Values = st.integers(-LARGE, LARGE - 1)
FLOATS = (0.0, -0.0, 0.1, 1e308, 5e-324, -2.2250738585072014e-308, float("inf"), float("-inf"), 2.0**63, 1e15, 1e16)
NAN = float("nan")
floats: Values = st.one_of(st.floats(), st.sampled_from((*FLOATS, NAN)))
finite: Values = st.floats(allow_nan=False, allow_infinity=False)
DECIMALS = tuple(
    map(
        Decimal, ("0", "-0", "0.00", "-0.0", "1E+2", "1.10", "0.01", "-9999999.99", "12345678.9", "1E-2", "99999999.99")
    )
)
HUGE_DECIMALS = tuple(
    map(Decimal, ("1E+20", "1E-20", "9" * 15, "9" * 16, "9" * 40, "0." + "1" * 38, "1E+400", "1E-400"))
)
NO_NUMBERS = tuple(map(Decimal, ("NaN", "sNaN", "Infinity", "-Infinity")))
decimals: Values = st.one_of(
    st.decimals(),
    st.decimals(places=2, min_value=-(10**8), max_value=10**8),
    st.decimals(places=10, min_value=-(10**25), max_value=10**25),
    st.sampled_from(DECIMALS + HUGE_DECIMALS + NO_NUMBERS),
)

# Dates and times

NAIVE = (
    datetime.min,
    datetime.max,
    datetime(1969, 12, 31, 23, 59, 59, 999999),
    datetime(2024, 2, 29),
    datetime(2024, 3, 31, 2, 30),
    datetime(2024, 10, 27, 2, 30, fold=1),
    datetime(99, 1, 1, 0, 0, 0, 1),
)
AWARE = (
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
    datetime(2024, 6, 1, 12, 0, 0, 1, UTC),
    *(datetime(2024, 3, 31, 2, 30, tzinfo=BERLIN, fold=fold) for fold in (0, 1)),  # Never shown by a clock.
    *(datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=fold) for fold in (0, 1)),  # Shown twice.
    *(datetime(2024, 4, 7, 1, 45, tzinfo=LORD_HOWE, fold=fold) for fold in (0, 1)),  # Half an hour twice.
    datetime(2011, 12, 30, 12, tzinfo=APIA),  # A day that was left out.
    datetime(1890, 1, 1, tzinfo=BERLIN),  # Local mean time, whose offset has seconds.
    datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=53, seconds=28, microseconds=7))),
    datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=-23, minutes=-59))),
)
BEYOND = (
    datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
    datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
)
naive: Values = st.datetimes() | st.sampled_from(NAIVE)
zones = st.sampled_from(
    [UTC, BERLIN, LORD_HOWE, APIA, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("America/St_Johns"), timezone.max]
)
aware: Values = st.datetimes(timezones=zones, allow_imaginary=True) | st.sampled_from(AWARE + BEYOND)
# Both kinds: one of them is refused.
moments: Values = naive | aware
DATES = (date.min, date.max, date(2024, 2, 29), date(1, 12, 31))
TIMES = (time.min, time.max, time(12, 30), time(2, 30, fold=1), time(0, 0, 0, 1))
times: Values = st.times() | st.sampled_from((*TIMES, time(1, tzinfo=UTC), time(1, tzinfo=BERLIN)))
SPANS = (timedelta(0), timedelta(microseconds=-1), timedelta(days=40), timedelta(days=-106751991))
spans: Values = st.timedeltas() | st.sampled_from((*SPANS, timedelta.min, timedelta.max))

# Documents

DICTS: tuple[dict[Any, Any], ...] = (
    {},
    {"": None},
    {"a": [1, 2.5, True, None, "x"], "b": {"c": {}}, "d": []},
    {"nul": "\0", "\0": "\u0001", "e": "😀"},
    {"n": 1.0, "m": -0.0, "big": 2**70, "small": 5e-324, "e": 1e308},
    {"b": 1, "a": 2},
    {"__class__": "x", "$ref": 1, "a.b": 2, 'q"': "'"},
    deep(40, is_dict=True),
)
LISTS: tuple[list[Any], ...] = ([], [None], [[]], [{}], [1, 1.0, "1", True], ["\0", "😀"], [2**64], deep(40))
CHANGED_BY_JSON: tuple[Any, ...] = (
    float("nan"),
    float("inf"),
    Decimal("1.5"),
    date(2024, 1, 1),
    (1, 2),
    {1},
    b"x",
    "\ud800",
    object(),
    10**5000,
    {1: 2},
    {None: 1},
    {(1, 2): 3},
    deep(5_000),
    deep(5_000, is_dict=True),
    cyclic(),
)
json_values: Values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | clean_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(clean_text, inner, max_size=4),
    max_leaves=10,
)
# What JSON would change is among them.
loose_values: Values = st.one_of(
    json_values,
    json_values,
    text | floats | st.dictionaries(text | st.integers(), json_values, max_size=2),
    st.one_of(st.tuples(st.integers()), st.sets(st.integers()), decimals, naive, st.uuids(), binary),
)
