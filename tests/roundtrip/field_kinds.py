"""Fields of every kind, each with the values that are tried on it."""

from __future__ import annotations

import string
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from fractions import Fraction
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired
from uuid import UUID

import strategies as s
from hypothesis import strategies as st
from pydantic import (
    AnyUrl,
    AwareDatetime,
    BaseModel,
    ByteSize,
    ConfigDict,
    EmailStr,
    Field,
    NaiveDatetime,
    PositiveInt,
    SecretBytes,
    SecretStr,
    StringConstraints,
    conint,
)
from typing_extensions import TypedDict


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


class Plain(Enum):
    FIRST = "1"
    SECOND = "2"


class Number(Enum):
    ONE = 1
    LARGEST = 2**63 - 1


class Level(IntEnum):
    LOW = 1
    HIGH = 2**62


class Access(IntFlag):
    READ = 1
    WRITE = 2


class Mixed(Enum):
    TEXT = "1"
    NUMBER = 1
    NOTHING = None


class Since(Enum):
    START = date(2020, 1, 1)
    END = date(2030, 12, 31)


class Slug(str):
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())


class Point(BaseModel):
    x: float
    label: str | None = None
    renamed: int = Field(default=0, alias="reNamed", serialization_alias="other")


class Route(BaseModel):
    model_config = ConfigDict(alias_generator=str.upper, populate_by_name=True)
    start: Point
    stops: list[Point] = []
    prices: dict[str, Decimal] = {}
    when: datetime | None = None


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    name: str


@dataclass
class Pair:
    left: int
    right: date


class Move(NamedTuple):
    by: int
    to: Decimal


class Settings(TypedDict):
    theme: str
    size: NotRequired[int]


UserId = NewType("UserId", int)
Email = NewType("Email", str)


@dataclass(frozen=True, eq=False)
class Kind:
    """A field's annotation and what is tried on it.

    The `kept` come back; the `refused` must raise; the `values` do one or the other.  `timezone` is the connection's.
    """

    name: str
    annotation: Any
    values: s.Values
    kept: tuple[Any, ...]
    refused: tuple[Any, ...] = ()
    timezone: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return self.name

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.name)  # Hypothesis would print all values.


def _kind(
    name: str, annotation: Any, values: s.Values | None, kept: Iterable[Any], refused: Iterable[Any] = (), **more: Any
) -> Kind:
    kept = tuple(kept)
    return Kind(name, annotation, st.sampled_from(kept) if values is None else values, kept, tuple(refused), **more)


def fitting(digits: int | None, places: int | None) -> Any:
    """A Decimal with such limits."""
    return Annotated[Decimal, Field(max_digits=digits, decimal_places=places)]


def _words(*words: str) -> list[Decimal]:
    return list(map(Decimal, words))


points = st.builds(Point, x=s.floats, label=st.none() | s.clean_text, reNamed=st.integers())
routes = st.builds(
    Route,
    start=points,
    stops=st.lists(points, max_size=2),
    prices=st.dictionaries(s.clean_text, st.decimals(allow_nan=False, allow_infinity=False, places=3), max_size=2),
    when=st.none() | st.datetimes(),
)
POINTS = (Point(x=1.5), Point(x=-0.0, label="ä\0", reNamed=-1))
ROUTE = Route(start=POINTS[0], stops=list(POINTS), prices={"": Decimal("1.10")}, when=datetime(2024, 1, 1))
ZONED = [m for m in s.AWARE if 1 < m.year < 9999]

NUMBERS = [
    _kind("int", int, s.integers, s.INTEGERS, s.TOO_LARGE),
    _kind("NewType of int", UserId, s.integers, s.INTEGERS, s.TOO_LARGE),
    _kind("small int", Annotated[int, Field(ge=-5, lt=5)], st.integers(-9, 9), (-5, 0, 4)),
    _kind("conint", conint(gt=0, multiple_of=5), st.integers(0, 30), (5, 10)),
    _kind("PositiveInt", PositiveInt, s.integers, (1, s.LARGE - 1), (s.LARGE,)),
    _kind("bool", bool, st.booleans(), (True, False)),
    _kind("float", float, s.floats, s.FLOATS, (s.NAN,)),
]

DECIMALS = [
    _kind("Decimal", Decimal, s.decimals, s.DECIMALS, _words("9" * 16, "1E+400", "1E-400", "0." + "1" * 38)),
    _kind("Decimal(10, 2)", fitting(10, 2), s.decimals, s.DECIMALS),
    _kind("Decimal(15)", fitting(15, None), s.decimals, _words("0", "-0", "1E+2", "9" * 15, "1E-14")),
    _kind("Decimal(?, 4)", fitting(None, 4), s.decimals, _words("0", "1E+5", "-0.0001", "12345678901.2345")),
    _kind("Decimal(16, 4)", fitting(16, 4), s.decimals, _words("0", "123456789012.3456", "-999999999999.9999")),
    _kind("Decimal(38, 10)", fitting(38, 10), s.decimals, _words("-0", "1E+20", "0.0000000001", "-" + "9" * 28)),
    _kind("Decimal(50)", fitting(50, None), s.decimals, _words("9" * 50, "1E-49", "0." + "1" * 38, "-0")),
]

TEXTS = [
    _kind("str", str, s.text, s.TEXTS, s.BROKEN_TEXTS),
    _kind("NewType of str", Email, s.text, s.TEXTS[:-1], s.BROKEN_TEXTS),
    _kind("short str", Annotated[str, Field(max_length=30)], s.text, ("", "a\0b", "ä" * 30, "😀" * 30), s.BROKEN_TEXTS),
    _kind("code", Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")], st.text("ABC", max_size=3), ("AB", "ZZ")),
    _kind("stripped", Annotated[str, StringConstraints(strip_whitespace=True)], s.clean_text, (" a ", "\n")),
    _kind("str subclass", Slug, s.clean_text.map(Slug), (Slug(""), Slug("a\0"))),
    _kind("bytes", bytes, s.binary, s.blobs),
]

TIMES = [
    _kind("datetime", datetime, s.moments, s.NAIVE, ZONED),
    _kind("NaiveDatetime", NaiveDatetime, s.moments, s.NAIVE),
    _kind("AwareDatetime", AwareDatetime, s.moments, s.AWARE, s.BEYOND),
    _kind("datetime in UTC", datetime, s.moments, s.AWARE, (*s.BEYOND, *s.NAIVE), timezone="UTC"),
    _kind("datetime in Berlin", datetime, s.moments, ZONED, s.NAIVE, timezone="Europe/Berlin"),
    _kind("AwareDatetime, Berlin", AwareDatetime, s.moments, s.AWARE, s.BEYOND, timezone="Europe/Berlin"),
    _kind("NaiveDatetime, Berlin", NaiveDatetime, s.moments, s.NAIVE, timezone="Europe/Berlin"),
    _kind("date", date, st.dates() | st.sampled_from(s.DATES), s.DATES),
    _kind("time", time, s.times, s.TIMES, (time(1, tzinfo=UTC),)),
    _kind("timedelta", timedelta, s.spans, s.SPANS, (timedelta.min, timedelta.max)),
]

OTHERS = [
    _kind("UUID", UUID, st.uuids(), (UUID(int=0), UUID(int=2**128 - 1))),
    _kind("StrEnum", Color, None, Color),
    _kind("Enum of text", Plain, None, Plain),
    _kind("Enum of numbers", Number, None, Number),
    _kind("Enum of dates", Since, None, Since),
    _kind("IntEnum", Level, None, Level),
    _kind("IntFlag", Access, None, map(Access, range(4))),
    _kind("values of an Enum", Number, None, Number, settings={"use_enum_values": True}),
    _kind("Literal of text", Literal["a", "b", ""], None, ("a", "b", "")),
    _kind("Literal of numbers", Literal[1, 2], None, (1, 2)),
    _kind("Literal of members", Literal[Color.RED, Color.BLUE], None, Color),
    _kind("EmailStr", EmailStr, st.emails(), ("ann@example.org",)),
    _kind("AnyUrl", AnyUrl, None, map(AnyUrl, ("https://example.org/a?b=c#d", "http://a.b/%20", "http://ä.de"))),
    _kind("IPv4Address", IPv4Address, st.ip_addresses(v=4), (IPv4Address("0.0.0.0"), IPv4Address("255.255.255.255"))),
    _kind("IPv6Address", IPv6Address, st.ip_addresses(v=6), (IPv6Address("::"), IPv6Address("fe80::1%eth0"))),
    _kind("Path", Path, st.text(string.ascii_letters + "/. ", max_size=20).map(Path), (Path(), Path("/a/b c"))),
    _kind("PurePosixPath", PurePosixPath, s.clean_text.map(PurePosixPath), (PurePosixPath("/"), PurePosixPath("ä\0"))),
    _kind("Fraction", Fraction, st.fractions(), (Fraction(1, 3), Fraction(0), Fraction(-7, 10**30))),
    _kind("SecretStr", SecretStr, s.text.map(SecretStr), map(SecretStr, s.TEXTS[:-1]), map(SecretStr, s.BROKEN_TEXTS)),
    _kind("SecretBytes", SecretBytes, s.binary.map(SecretBytes), map(SecretBytes, s.blobs)),
    _kind("ByteSize", ByteSize, st.integers(0, s.LARGE).map(ByteSize), (ByteSize(0), ByteSize(s.LARGE - 1))),
]

LOOSE = [
    _kind("dict", dict, st.dictionaries(s.text | st.integers(), s.loose_values, max_size=4), s.DICTS, [{1: 2}]),
    _kind("list", list, st.lists(s.loose_values, max_size=4), s.LISTS, [[value] for value in s.CHANGED_BY_JSON]),
    _kind(
        "Any",
        Any,
        s.loose_values.filter(lambda value: value is not None),
        (*s.DICTS, *s.LISTS, *s.TEXTS[:-1], *s.INTEGERS, True, False, 1.5, "\0"),
        s.CHANGED_BY_JSON,
    ),
    _kind(
        "dict[str, Any]",
        dict[str, Any],
        st.dictionaries(s.clean_text, s.loose_values, max_size=3),
        s.DICTS,
        [{"a": value} for value in s.CHANGED_BY_JSON],
    ),
    _kind("list[Any]", list[Any], st.lists(s.json_values, max_size=3), s.LISTS),
]

CONTAINERS = [
    _kind("list[int]", list[int], st.lists(st.integers(), max_size=4), ([], [2**63, -(2**70)], [1] * 1_000)),
    _kind("list[float]", list[float], st.lists(s.floats, max_size=4), ([], [1.0, 5e-324, 1e308]), ([s.NAN],)),
    _kind("list[Decimal]", list[Decimal], st.lists(s.decimals, max_size=3), ([], list(s.DECIMALS + s.HUGE_DECIMALS))),
    _kind(
        "dict[str, Decimal]",
        dict[str, Decimal],
        st.dictionaries(s.clean_text, s.decimals, max_size=3),
        ({}, {"": Decimal("1E+20"), "\0": Decimal("-0")}),
    ),
    _kind(
        "dict[int, date]", dict[int, date], st.dictionaries(st.integers(), st.dates(), max_size=3), ({}, {1: date.min})
    ),
    _kind("list[datetime]", list[datetime], st.lists(s.moments, max_size=3), ([], list(s.NAIVE))),
    _kind("list[time]", list[time], st.lists(s.times, max_size=3), ([], [time.max])),
    _kind("list[timedelta]", list[timedelta], st.lists(s.spans, max_size=3), ([], list(s.SPANS[:2]))),
    _kind("list[bytes]", list[bytes], st.lists(s.binary, max_size=3), ([], [b"ab"])),
    _kind("list[UUID]", list[UUID], st.lists(st.uuids(), max_size=3), ([], [UUID(int=0)])),
    _kind("list[int | None]", list[int | None], st.lists(st.none() | st.integers(), max_size=3), ([], [None, 1])),
    _kind("set[str]", set[str], st.sets(s.clean_text, max_size=6), (set(), {"a", "", "\0"}, set(map(str, range(99))))),
    _kind(
        "frozenset[int]", frozenset[int], st.frozensets(st.integers(), max_size=6), (frozenset(), frozenset({1, 2**70}))
    ),
    _kind("set", set, st.sets(st.integers() | s.clean_text, max_size=6), (set(), {"a", 1})),
    _kind(
        "tuple[int, str]", tuple[int, str], st.tuples(st.integers(), s.text), ((0, ""), (-1, "\0")), ((0, "\ud800"),)
    ),
    _kind("tuple[int, ...]", tuple[int, ...], st.lists(st.integers()).map(tuple), ((), (1, 2, 3))),
    _kind("tuple", tuple, st.tuples(st.integers(), s.clean_text), ((), (1, "a"))),
    _kind("deque[int]", deque[int], st.lists(st.integers(), max_size=4).map(deque), (deque(), deque([1]))),
]

STRUCTURES = [
    _kind(
        "TypedDict",
        Settings,
        st.fixed_dictionaries({"theme": s.text}, optional={"size": st.integers()}),
        ({"theme": ""}, {"theme": "\0", "size": 2**70}),
        ({"theme": "\ud800"},),
    ),
    _kind("NamedTuple", Move, st.builds(Move, st.integers(), s.decimals), (Move(1, Decimal("1.50")),)),
    _kind("dataclass", Pair, st.builds(Pair, st.integers(), st.dates()), (Pair(1, date.max), Pair(-(2**64), date.min))),
    _kind("model", Point, points, POINTS, (Point(x=s.NAN), Point(x=1, label="\ud800"))),
    _kind(
        "nested model",
        Route,
        routes,
        (Route(start=POINTS[0]), Route(start=POINTS[1]), ROUTE),
        (Route(start=Point(x=s.NAN)),),
    ),
    _kind("list of models", list[Point], st.lists(points, max_size=3), ([], list(POINTS))),
    _kind("dict of models", dict[str, Route], st.dictionaries(s.clean_text, routes, max_size=2), ({}, {"a": ROUTE})),
    _kind(
        "tagged union",
        Annotated[Cat | Dog, Field(discriminator="kind")],
        st.builds(Cat, lives=st.integers()) | st.builds(Dog, name=s.text),
        (Cat(lives=9), Dog(name="\0")),
    ),
]

UNIONS = [
    _kind("mixed Enum", Mixed, None, (Mixed.TEXT, Mixed.NUMBER)),
    _kind("mixed Literal", Literal["1", 1], None, ("1", 1)),
    _kind("int | str", int | str, st.integers() | s.text, (1, "1", 2**70, "")),
    _kind("int | float", int | float, st.integers() | s.floats, (1, 1.5, 1.0, 2**70)),
    _kind("date | datetime", date | datetime, st.dates() | s.naive, (date(2024, 1, 1), datetime(2024, 1, 1, 1))),
    _kind("model | Enum", Point | Color, points | st.sampled_from(Color), (*POINTS, *Color)),
    _kind("address", IPv4Address | IPv6Address, st.ip_addresses(), (IPv4Address("1.2.3.4"), IPv6Address("::1"))),
    _kind("list[Color]", list[Color], st.lists(st.sampled_from(Color), max_size=3), ([], list(Color))),
    _kind("list[str | None]", list[str | None], st.lists(st.none() | s.text, max_size=3), ([], ["", None])),
]
DOCUMENTS = [*LOOSE, *CONTAINERS, *STRUCTURES, *UNIONS]
FAMILIES = [NUMBERS, DECIMALS, TEXTS, TIMES, OTHERS, LOOSE, CONTAINERS, STRUCTURES, UNIONS]
KINDS = {kind.name: kind for family in FAMILIES for kind in family}
