"""Mappers that override the guide's pair, first of all the guide's own, as printed there."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Optional
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AnyUrl,
    AwareDatetime,
    BaseModel,
    SecretStr,
)

from rhosocial.activerecord.backend import helpers
from rhosocial.activerecord.backend.errors import ConfigurationError, DataError
from rhosocial.activerecord.backend.mapping import TypeMapper, ValueMapper, column_type
from rhosocial.activerecord.backend.typing import ConnectionConfig, DatabaseType

BERLIN = ZoneInfo("Europe/Berlin")
GUIDE = Path(__file__).parents[1] / "guide" / "custom_backends.md"
D = DatabaseType


class Color(StrEnum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Price(Enum):
    LOW = Decimal("1.50")


class Slug(str):
    __slots__ = ()


class Doc(BaseModel):
    name: str


@dataclass
class Data:
    name: str


def both(mapper: ValueMapper, annotation: Any, **given: Any) -> tuple[Any, Any]:
    column = column_type(annotation, **given)
    return mapper.dumper(column), mapper.loader(column)


# The guide's mappers


def guide_class(name: str, **names: Any) -> Any:
    """The class of that name, made of its listing in the guide."""
    text = GUIDE.read_text(encoding="utf-8")
    start = text.index(f"class {name}(")
    scope = {
        "Any": Any,
        "ConnectionConfig": ConnectionConfig,
        "DatabaseType": DatabaseType,
        "Decimal": Decimal,
        "Optional": Optional,
        "TypeMapper": TypeMapper,
        "ValueMapper": ValueMapper,
        "date": date,
        "datetime": datetime,
        "pytz": SimpleNamespace(timezone=ZoneInfo),
        "time": time,
        "uuid": uuid,
        **{name: getattr(helpers, name) for name in helpers.__dict__ if not name.startswith("_")},
    }
    exec(text[start : text.index("```", start)], scope)
    return scope[name]


@pytest.fixture(scope="module")
def author() -> ValueMapper:
    made: ValueMapper = guide_class("CustomValueMapper")(ConnectionConfig())
    return made


def test_the_guides_type_mapper_names_what_it_knows_and_refuses_the_rest() -> None:
    mapper = guide_class("CustomTypeMapper")()

    assert mapper.get_column_type(D.VARCHAR, length=50) == "VARCHAR(50)"
    assert mapper.get_column_type(D.DECIMAL) == "DECIMAL(10,2)"
    assert mapper.get_placeholder(D.TEXT) == "%s"
    with pytest.raises(ValueError, match="Unsupported type"):
        mapper.get_column_type(D.BLOB)


def test_the_guides_type_mapper_is_completed_for_new_tables() -> None:
    mapper = guide_class("CustomTypeMapper")()

    assert mapper.definition(D.JSON) == "JSONB"
    assert mapper.definition(D.TIMESTAMP) == "TIMESTAMP"
    assert mapper.definition(D.CHAR, length=3) == "VARCHAR(3)"
    assert mapper.definition(D.BIGINT) == "BIGINT"
    assert mapper.definition(D.TIMESTAMPTZ) == "TIMESTAMP WITH TIME ZONE"
    assert mapper.definition(D.DECIMAL, precision=12, scale=3) == "DECIMAL(12,3)"
    assert all(mapper.definition(db_type) for db_type in DatabaseType)
    with pytest.raises(ConfigurationError, match="length"):
        mapper.definition(D.VARCHAR, length="1) --")


AUTHORED: list[tuple[Any, Any]] = [
    (int, 5),
    (bool, True),
    (float, 1.5),
    (str, "ü"),
    (bytes, b"\xff"),
    (Decimal, Decimal("1.50")),
    (UUID, UUID(int=1)),
    (date, date(2024, 1, 1)),
    (time, time(1, 2, 3, 4)),
    (datetime, datetime(2024, 1, 1, 1, 2, 3)),
    (AwareDatetime, datetime(2024, 1, 1, 1, 2, 3, tzinfo=UTC)),
    (Color, Color.RED),
    (Level, Level.LOW),
    (Price, Price.LOW),
    (Slug, Slug("a")),
    (SecretStr, SecretStr("a")),
    (AnyUrl, AnyUrl("https://example.org/")),
    (dict, {"a": [1, None]}),
    (list, [1, "a"]),
    (list[Decimal], [Decimal("1.50")]),
    (set[int], {1, 2}),
    (dict[int, date], {1: date(2024, 1, 1)}),
    (Doc, Doc(name="a")),
    (Data, Data("a")),
    (Any, "text"),
    (Any, 5),
    (int | str, "5"),
]


@pytest.mark.parametrize(("annotation", "value"), AUTHORED)
def test_values_survive_the_guides_value_mapper(annotation: Any, value: Any, author: ValueMapper) -> None:
    dump, load = both(author, annotation)
    raw = dump(value)
    back = load(raw)

    assert type(raw) in (int, float, str, bytes, bool)
    assert (type(back), back) == (type(value), value)


def test_microseconds_that_the_guides_value_mapper_cuts_raise_an_error_that_names_it(author: ValueMapper) -> None:
    dump, _ = both(author, datetime)

    with pytest.raises(DataError, match="CustomValueMapper does not keep a value of type datetime"):
        dump(datetime(2024, 1, 1, 1, 2, 3, 4))


@pytest.mark.parametrize(
    ("annotation", "value"), [(int, 2**63), (int, True), (float, float("nan")), (dict, {1: 2}), (str, 5)]
)
def test_the_usual_checks_stand_before_an_authors_conversion(annotation: Any, value: Any, author: ValueMapper) -> None:
    with pytest.raises(DataError):
        both(author, annotation)[0](value)


def test_the_guides_value_mapper_follows_the_connections_zone() -> None:
    mapper = guide_class("CustomValueMapper")(ConnectionConfig(timezone="Europe/Berlin"))
    dump, load = both(mapper, datetime)
    moment = datetime(2024, 7, 1, 12, tzinfo=BERLIN)

    assert dump(moment) == "2024-07-01 12:00:00+02:00"
    assert load(dump(moment)) == moment
    assert load(dump(moment)).tzinfo is BERLIN
    with pytest.raises(DataError, match="NaiveDatetime"):
        dump(datetime(2024, 7, 1))


@pytest.mark.parametrize(("annotation", "value"), AUTHORED)
def test_dumped_values_pass_the_guides_own_conversion_unchanged(
    annotation: Any, value: Any, author: ValueMapper
) -> None:
    for mapper in (author, ValueMapper()):
        raw = both(mapper, annotation)[0](value)

        assert author.to_database(raw, None) == raw


def test_the_guides_value_mapper_may_get_its_configuration_later() -> None:
    mapper = guide_class("CustomValueMapper")()
    assert mapper.config is None
    mapper.config = ConnectionConfig(timezone="Europe/Berlin")

    assert both(mapper, datetime)[0](datetime(2024, 7, 1, 10, tzinfo=UTC)) == "2024-07-01 12:00:00+02:00"


class Lossy(ValueMapper):
    """Loses what it can: text is cut, decimals go through float, everything else becomes text for good."""

    def to_database(self, value: Any, db_type: DatabaseType | None = None) -> Any:
        if isinstance(value, str):
            return value[:3]
        return float(value) if isinstance(value, Decimal) else value

    def from_database(self, value: Any, db_type: DatabaseType | None) -> Any:
        return value


def test_an_author_who_changes_only_the_type_is_named() -> None:
    class Truthful(ValueMapper):
        def from_database(self, value: Any, db_type: DatabaseType | None) -> Any:
            found = super().from_database(value, db_type)
            return True if found == 1 else found

    dump, _ = both(Truthful(), Any)

    assert dump(2) == "2"
    with pytest.raises(DataError, match=r"Truthful does not keep a value of type int as it is.*another bool"):
        dump(1)


class Moody(ValueMapper):
    """Keeps what it is told to keep, and counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.suffix = 0, ""
        self.read: list[Any] = []

    def to_database(self, value: Any, db_type: DatabaseType | None = None) -> Any:
        self.written += 1
        return f"{value}{self.suffix}" if isinstance(value, str) else str(value)

    def from_database(self, value: Any, db_type: DatabaseType | None) -> Any:
        self.read.append(value)
        return value.lower() if db_type is D.TEXT else int(value)


def test_an_authors_pair_is_asked_for_every_value_and_read_back_once_for_equal_ones() -> None:
    mapper = Moody()
    dump, _ = both(mapper, int)

    assert [dump(n) for n in (7, 7, 8, 7)] == ["7", "7", "8", "7"]
    assert (mapper.written, mapper.read) == (4, ["7", "8"])


def test_a_value_that_came_back_once_is_refused_when_it_is_written_otherwise_later() -> None:
    mapper = Moody()
    dump, _ = both(mapper, str)
    assert dump("a") == "a"
    mapper.suffix = "!"

    for _ in range(2):  # What was refused is not taken for proven.
        with pytest.raises(DataError, match="Moody does not keep a value of type str"):
            dump("a")
    with pytest.raises(DataError, match="Moody does not keep a value of type str"):
        dump("A")


def test_what_is_remembered_of_an_authors_values_is_bounded() -> None:
    mapper = Moody()
    dump, _ = both(mapper, str)
    for _ in range(2):
        dump("x" * 65)  # Long texts are not kept.
    assert len(mapper.read) == 2
    for n in range(5_000):
        dump(str(n))
    mapper.read.clear()
    dump("0")
    assert mapper.read == ["0"]


SOME = st.one_of(
    st.text(max_size=6), st.decimals(allow_nan=False, allow_infinity=False), st.integers(-9, 9), st.booleans()
)


@given(SOME)
def test_an_author_who_loses_values_is_named(value: Any) -> None:
    dump, load = both(Lossy(), type(value))
    try:
        raw = dump(value)
    except DataError as error:
        message = str(error)
    else:
        message = "Lossy does not keep"
        assert load(raw) == value
        assert type(load(raw)) is type(value)

    assert "Lossy does not keep" in message
