"""Columns of every kind, the values that are tried on them, and a table of one such column."""

from __future__ import annotations

import sqlite3
import string
from collections import deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from fractions import Fraction
from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, NamedTuple, NewType
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from pydantic import AnyUrl, AwareDatetime, BaseModel, ByteSize, EmailStr, Field, NaiveDatetime, SecretBytes, SecretStr
from typing_extensions import TypedDict

from rhosocial.activerecord.backend.impl.sqlite.function import register_functions
from rhosocial.activerecord.backend.impl.sqlite.mapping import (
    SQLiteTypeMapper,
    SQLiteValueMapper,
)
from rhosocial.activerecord.backend.mapping import ColumnType, column_type
from rhosocial.activerecord.backend.typing import ConnectionConfig

BERLIN = ZoneInfo("Europe/Berlin")
LARGE = 2**63


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


class Plain(Enum):
    FIRST = "1"
    SECOND = "2"


class Level(IntEnum):
    LOW = 1
    HIGH = 2**62


class Access(IntFlag):
    READ = 1
    WRITE = 2


class Mixed(Enum):
    TEXT = "1"
    NUMBER = 1


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


@dataclass
class Pair:
    left: int
    right: date


class Move(NamedTuple):
    by: int
    to: Decimal


class Settings(TypedDict):
    theme: str
    size: int


UserId = NewType("UserId", int)

# Strategies

text = st.text(st.characters(exclude_categories=()), max_size=30)  # Lone surrogates and NUL are in it.
clean_text = st.text(max_size=20)
integers = st.one_of(st.integers(), st.sampled_from([LARGE - 1, LARGE, -LARGE, -LARGE - 1, 0, -1]))
small_integers = st.integers(-LARGE, LARGE - 1)
floats = st.floats(allow_nan=True, allow_infinity=True)
finite = st.floats(allow_nan=False, allow_infinity=False)
decimals = st.one_of(st.decimals(), st.decimals(places=2, min_value=-(10**8), max_value=10**8))
naive = st.datetimes()
aware = st.datetimes(
    timezones=st.sampled_from([UTC, BERLIN, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("America/St_Johns")])
)
json_values = st.recursive(
    st.none() | st.booleans() | small_integers | st.floats() | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text | st.integers(), inner, max_size=4),
    max_leaves=10,
)
# What JSON would change, beside what it keeps.
loose_values = st.one_of(
    json_values, st.tuples(st.integers()), st.sets(st.integers()), decimals, naive, st.uuids(), st.binary(max_size=5)
)
points = st.builds(Point, x=floats, label=st.none() | clean_text, reNamed=small_integers)

COLUMNS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "int": (int, integers),
    "bool": (bool, st.booleans()),
    "float": (float, floats),
    "str": (str, text),
    "short str": (Annotated[str, Field(max_length=30)], text),
    "bytes": (bytes, st.binary(max_size=30)),
    "Decimal": (Decimal, decimals),
    "Decimal(10, 2)": (Annotated[Decimal, Field(max_digits=10, decimal_places=2)], decimals),
    "Decimal(15)": (Annotated[Decimal, Field(max_digits=15)], decimals),
    "Decimal(?, 4)": (Annotated[Decimal, Field(decimal_places=4)], decimals),
    "Decimal(38, 10)": (Annotated[Decimal, Field(max_digits=38, decimal_places=10)], decimals),
    "Decimal(50)": (Annotated[Decimal, Field(max_digits=50)], decimals),
    "datetime": (datetime, naive),
    "naive": (NaiveDatetime, naive),
    "aware": (AwareDatetime, aware),
    "date": (date, st.dates()),
    "time": (time, st.times()),
    "timedelta": (timedelta, st.timedeltas()),
    "UUID": (UUID, st.uuids()),
    "StrEnum": (Color, st.sampled_from(Color)),
    "Enum": (Plain, st.sampled_from(Plain)),
    "IntEnum": (Level, st.sampled_from(Level)),
    "IntFlag": (Access, st.integers(0, 3).map(Access)),
    "mixed Enum": (Mixed, st.sampled_from(Mixed)),
    "Enum of dates": (Since, st.sampled_from(Since)),
    "Literal": (Literal["a", "b"], st.sampled_from(["a", "b"])),
    "mixed Literal": (Literal["1", 1], st.sampled_from(["1", 1])),
    "NewType": (UserId, integers),
    "optional": (int | None, integers),
    "str subclass": (Slug, clean_text.map(Slug)),
    "int subclass": (ByteSize, st.integers(0, LARGE - 1).map(ByteSize)),
    "e-mail": (EmailStr, st.emails()),
    "URL": (AnyUrl, st.sampled_from(["https://example.org/a?b=c", "http://a.b/%20"]).map(AnyUrl)),
    "IP": (IPv4Address | IPv6Address, st.ip_addresses()),
    "IPv4": (IPv4Address, st.ip_addresses(v=4)),
    "path": (PurePosixPath, st.text(string.ascii_letters + "/. ", max_size=20).map(PurePosixPath)),
    "fraction": (Fraction, st.fractions()),
    "SecretStr": (SecretStr, text.map(SecretStr)),
    "SecretBytes": (SecretBytes, st.binary(max_size=10).map(SecretBytes)),
    "dict": (dict, st.dictionaries(text | st.integers(), loose_values, max_size=4)),
    "list": (list, st.lists(loose_values, max_size=4)),
    "Any": (Any, loose_values.filter(lambda value: value is not None)),
    "dict[str, Any]": (dict[str, Any], st.dictionaries(clean_text, loose_values, max_size=3)),
    "list[int]": (list[int], st.lists(st.integers() | st.booleans() | clean_text, max_size=4)),
    "list[Decimal]": (list[Decimal], st.lists(decimals, max_size=4)),
    "dict[str, Decimal]": (
        dict[str, Decimal],
        st.dictionaries(clean_text, st.decimals(allow_nan=False, places=3), max_size=3),
    ),
    "dict[int, date]": (dict[int, date], st.dictionaries(st.integers(), st.dates(), max_size=3)),
    "list[datetime]": (list[datetime], st.lists(naive, max_size=3)),
    "list[time]": (list[time], st.lists(st.times(), max_size=3)),
    "list[timedelta]": (list[timedelta], st.lists(st.timedeltas(), max_size=3)),
    "list[bytes]": (list[bytes], st.lists(st.binary(max_size=4), max_size=3)),
    "list[UUID]": (list[UUID], st.lists(st.uuids(), max_size=3)),
    "set[str]": (set[str], st.sets(clean_text, max_size=6)),
    "frozenset[int]": (frozenset[int], st.frozensets(st.integers(), max_size=6)),
    "set": (set, st.sets(st.integers() | clean_text, max_size=6)),
    "tuple": (tuple[int, str], st.tuples(st.integers(), text)),
    "bare tuple": (tuple, st.tuples(st.integers(), clean_text)),
    "deque[int]": (deque[int], st.lists(st.integers(), max_size=4).map(deque)),
    "TypedDict": (Settings, st.fixed_dictionaries({"theme": clean_text, "size": st.integers()})),
    "NamedTuple": (Move, st.builds(Move, st.integers(), decimals)),
    "dataclass": (Pair, st.builds(Pair, st.integers(), st.dates())),
    "model": (Point, points),
    "list of models": (list[Point], st.lists(points, max_size=3)),
    "union": (int | str, st.integers() | text),
    "union of numbers": (int | float, st.integers() | floats),
    "union of models": (Point | Color, points | st.sampled_from(Color)),
}


class Store:
    """One table of one column, made as `create_table` would."""

    def __init__(
        self, annotation: Any, timezone: str | None = None, type: str | None = None, strict: bool = False
    ) -> None:
        self.column = annotation if isinstance(annotation, ColumnType) else column_type(annotation)
        mapper = SQLiteValueMapper(ConnectionConfig(timezone=timezone))
        self.dump, self.load = mapper.dumper(self.column), mapper.loader(self.column)
        kind = self.column
        sizes = {"length": kind.length, "precision": kind.precision, "scale": kind.scale}
        self.type = type or SQLiteTypeMapper().definition(mapper.database_type(kind), **sizes)
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        register_functions(self.connection)
        self.connection.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, v {self.type}){' STRICT' * strict}")

    def dumped(self, value: Any) -> Any:
        return value if self.dump is None else self.dump(value)

    def loaded(self, raw: Any) -> Any:
        return raw if self.load is None or raw is None else self.load(raw)

    def add(self, *values: Any) -> None:
        for value in values:
            self.connection.execute("INSERT INTO t (v) VALUES (?)", (self.dumped(value),))

    def read(self, sql: str = "SELECT v FROM t ORDER BY id", *values: Any) -> list[Any]:
        return [self.loaded(raw) for (raw,) in self.connection.execute(sql, values)]

    def find(self, value: Any) -> list[Any]:
        return self.read("SELECT v FROM t WHERE v = ?", self.dumped(value))


def same(left: Any, right: Any) -> bool:
    """Equal and of one type; moments are compared as such, since Python has them unequal where clocks are set back."""
    if isinstance(left, datetime) and left.tzinfo is not None:
        left, right = left.astimezone(UTC), right.astimezone(UTC)
    return type(left) is type(right) and left == right
