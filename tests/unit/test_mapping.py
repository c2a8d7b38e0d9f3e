"""Names of column types, and values that pass through the mappers of drivers and authors."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
)

from rhosocial.activerecord.backend.errors import ConfigurationError, DataError, TypeConversionError
from rhosocial.activerecord.backend.mapping import TypeMapper, ValueMapper, column_type
from rhosocial.activerecord.backend.typing import ConnectionConfig, DatabaseType

BERLIN = ZoneInfo("Europe/Berlin")
D = DatabaseType


class Color(StrEnum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Slug(str):
    __slots__ = ()


class Doc(BaseModel):
    name: str


class Money:
    """A type with neither a schema nor a scalar base."""


# Names of types


def test_every_type_has_a_name() -> None:
    names = {db_type: TypeMapper().get_column_type(db_type) for db_type in DatabaseType}

    assert names[D.VARCHAR] == "VARCHAR"
    assert names[D.DATETIME] == "TIMESTAMP"
    assert all(name and "{" not in name for name in names.values())


def test_parameters_stand_in_the_name() -> None:
    mapper = TypeMapper()

    assert mapper.get_column_type(D.VARCHAR, length=50) == "VARCHAR(50)"
    assert mapper.get_column_type(D.DECIMAL, precision=10, scale=2) == "DECIMAL(10,2)"
    assert mapper.get_column_type(D.DECIMAL, precision=10) == "DECIMAL"
    assert mapper.get_column_type(D.TEXT, length=50) == "TEXT"
    assert mapper.get_column_type(D.VARCHAR, length=None) == "VARCHAR"
    assert mapper.get_placeholder(D.TEXT) == "?"


def test_a_subclass_sets_names_and_defaults() -> None:
    class Mapper(TypeMapper):
        names: ClassVar = {**TypeMapper.names, D.JSON: "LONGTEXT", D.DATETIME: "DATETIME({precision})"}
        defaults: ClassVar = {D.VARCHAR: {"length": 255}, D.DATETIME: {"precision": 6}}

    assert Mapper().get_column_type(D.JSON) == "LONGTEXT"
    assert Mapper().get_column_type(D.VARCHAR) == "VARCHAR(255)"
    assert Mapper().get_column_type(D.VARCHAR, length=3) == "VARCHAR(3)"
    assert Mapper().get_column_type(D.DATETIME) == "DATETIME(6)"


@pytest.mark.parametrize("length", ["5) NOT NULL; DROP TABLE users; --", "5", 5.0, True, 0, -1, b"5"])
def test_a_length_that_is_no_number_is_refused(length: Any) -> None:
    with pytest.raises(ConfigurationError, match="length of a column type must be a whole number"):
        TypeMapper().get_column_type(D.VARCHAR, length=length)


def test_a_type_without_a_name_is_a_value_error() -> None:
    class Small(TypeMapper):
        names: ClassVar = {D.TEXT: "TEXT"}

    for unknown in (D.JSON, "TEXT", None):
        with pytest.raises(ValueError, match="no column type"):
            Small().get_column_type(unknown)


def test_a_pydantic_field_names_its_type() -> None:
    class Model(BaseModel):
        tags: list[str] | None = None
        name: str = Field(max_length=3)

    fields = {name: TypeMapper().get_pydantic_model_field_type(info) for name, info in Model.model_fields.items()}

    assert fields == {"tags": D.JSON, "name": D.VARCHAR}


# A driver's mapper


class Native(ValueMapper):
    """As PostgreSQL's driver: it has all of Python's types."""

    native = ValueMapper.native | {bool, Decimal, datetime, date, time, timedelta, UUID}
    stores_nan = True


class Zoneless(ValueMapper):
    """As MySQL's drivers: datetimes without zone, times as timedeltas, decimals of a fixed default size."""

    native = ValueMapper.native | {Decimal, datetime, date}
    encode: ClassVar = {**ValueMapper.encode, UUID: lambda value: value.bytes}
    zoneless_utc = True
    stores_infinity = False
    decimal_default = (38, 12)


def both(mapper: ValueMapper, annotation: Any, **given: Any) -> tuple[Any, Any]:
    column = column_type(annotation, **given)
    return mapper.dumper(column), mapper.loader(column)


@pytest.mark.parametrize("annotation", [int, float, str, bytes, Decimal, date, time, timedelta, UUID, bool])
def test_what_a_driver_gives_itself_is_not_converted(annotation: Any) -> None:
    assert both(Native(), annotation)[1] is None


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Decimal, Decimal("1.5")),
        (datetime, datetime(2024, 1, 1)),
        (date, date(2024, 1, 1)),
        (UUID, UUID(int=1)),
        (timedelta, timedelta.max),
        (float, float("inf")),
    ],
)
def test_native_values_are_checked_and_handed_over_as_they_are(annotation: Any, value: Any) -> None:
    dump, _ = both(Native(), annotation)

    assert dump(value) == value
    assert type(dump(value)) is type(value)
    with pytest.raises(DataError):
        dump("text")


def test_moments_are_handed_over_in_utc_and_given_back_in_utc() -> None:
    dump, load = both(Native(), AwareDatetime)
    moment = datetime(2024, 7, 1, 12, tzinfo=BERLIN)

    assert dump(moment).tzinfo is UTC
    assert load(moment) == moment
    assert load(moment).tzinfo is UTC
    with pytest.raises(DataError, match="NaiveDatetime"):
        load(datetime(2024, 7, 1))


def test_a_zoneless_column_holds_the_moment_in_utc() -> None:
    dump, load = both(Zoneless(), AwareDatetime)

    assert dump(datetime(2024, 7, 1, 12, tzinfo=BERLIN)) == datetime(2024, 7, 1, 10)
    assert load(datetime(2024, 7, 1, 10)) == datetime(2024, 7, 1, 10, tzinfo=UTC)


def test_a_mapper_names_what_its_database_lacks() -> None:
    assert both(Native(), float)[0](float("nan")) != 0
    with pytest.raises(DataError, match="infinite float"):
        both(Zoneless(), float)[0](float("inf"))
    with pytest.raises(DataError, match="38 digits, 12 of them"):
        both(Zoneless(), Decimal)[0](Decimal("0.0000000000001"))
    assert both(Zoneless(), Annotated[Decimal, Field(max_digits=20, decimal_places=15)])[0](
        Decimal("1E-15")
    ) == Decimal("1E-15")


def test_other_forms_that_drivers_give_are_read() -> None:
    mapper = Zoneless()

    assert both(mapper, time)[1](timedelta(hours=1, microseconds=2)) == time(1, 0, 0, 2)
    assert both(mapper, UUID)[0](UUID(int=1)) == UUID(int=1).bytes
    assert both(mapper, UUID)[1](UUID(int=1).bytes) == UUID(int=1)
    assert both(mapper, UUID)[1](str(UUID(int=1))) == UUID(int=1)
    assert both(mapper, bool)[1](1) is True
    assert both(mapper, timedelta)[1](timedelta(1)) == timedelta(1)
    assert both(mapper, dict)[1]({"a": 1}) == {"a": 1}
    assert both(mapper, dict)[1](b'{"a":1}') == {"a": 1}
    assert both(mapper, set[int])[1]([1, 2]) == {1, 2}


def test_what_a_driver_parsed_is_copied_for_each_record() -> None:
    shared = {"a": [1]}
    load = both(ValueMapper(), dict)[1]
    load(shared)["a"].append(2)

    assert shared == {"a": [1]}


def test_char_columns_take_only_what_they_give_back() -> None:
    dump, _ = both(ValueMapper(), str, db_type=D.CHAR, length=2)

    assert dump("ab") == "ab"
    for text in ("a", "a ", "abc"):
        with pytest.raises(DataError, match="pads text"):
            dump(text)


def test_large_integers_fit_a_decimal_column() -> None:
    dump, load = both(ValueMapper(), int, db_type=D.DECIMAL)

    assert load(dump(2**80)) == 2**80
    assert type(load(Decimal(5))) is int
    with pytest.raises(TypeConversionError):
        load(Decimal("5.5"))


def test_a_custom_column_takes_types_that_only_the_driver_knows() -> None:
    assert both(ValueMapper(), Money, db_type=D.CUSTOM) == (None, None)


def test_an_unknown_zone_is_named_before_any_value_passes() -> None:
    with pytest.raises(ConfigurationError, match="unknown timezone 'Mars/Base'"):
        ValueMapper(ConnectionConfig(timezone="Mars/Base")).dumper(column_type(datetime))


def test_the_configuration_may_come_after_construction() -> None:
    mapper = ValueMapper()
    mapper.config = SimpleNamespace(timezone="Europe/Berlin")
    dump, load = both(mapper, datetime)

    assert dump(datetime(2024, 7, 1, 12, tzinfo=BERLIN)) == "2024-07-01 10:00:00+00:00"
    assert load("2024-07-01 10:00:00+00:00").tzinfo is BERLIN


def test_a_subclass_without_a_schema_is_revived_by_its_constructor() -> None:
    dump, load = both(ValueMapper(), Slug)

    assert type(dump(Slug("a"))) is str
    assert type(load("a")) is Slug


def test_subclasses_of_plain_types_lose_only_their_class() -> None:
    class Stamp(datetime):
        pass

    class Exact(Decimal):
        pass

    mapper = ValueMapper()
    for annotation, value in [(str, Slug("a")), (str, Color.RED), (int, Level.LOW), (Decimal, Exact("1.5"))]:
        dumped = both(mapper, annotation)[0](value)
        assert type(dumped) in (str, int)

    assert both(mapper, datetime)[0](Stamp(2024, 1, 1)) == "2024-01-01 00:00:00"
    assert both(mapper, bytes)[0](bytearray(b"a")) == b"a"


def test_a_strict_model_in_a_column_is_read_from_its_json() -> None:
    class Strict(BaseModel):
        model_config = ConfigDict(strict=True)
        at: date
        key: UUID
        price: Decimal
        tags: set[str]

    dump, load = both(ValueMapper(), Strict)
    value = Strict(at=date(2024, 1, 1), key=UUID(int=1), price=Decimal("1.50"), tags={"a"})

    assert load(dump(value)) == value


def test_stored_json_may_use_names_or_aliases() -> None:
    class Aliased(BaseModel):
        name: str = Field(alias="Name")

    load = both(ValueMapper(), Aliased)[1]

    assert load('{"name":"a"}') == load('{"Name":"a"}') == Aliased(Name="a")


def test_equal_sets_give_equal_text() -> None:
    dump, load = both(ValueMapper(), set[int])
    grown = {9, 1, 17, 33}
    for number in range(1000):
        grown.add(number + 100)
    for number in range(1000):
        grown.discard(number + 100)

    assert dump(grown) == dump({1, 9, 17, 33}) == dump(load(dump(grown)))


# The guide's pair


@pytest.mark.parametrize(
    ("value", "db_type", "driver"),
    [
        (None, D.TEXT, None),
        (True, None, True),
        (5, None, 5),
        (Level.LOW, None, 1),
        (Color.RED, D.VARCHAR, "red"),
        (Decimal("1.50"), None, "1.50"),
        (UUID(int=1), None, str(UUID(int=1))),
        (date(2024, 1, 1), None, "2024-01-01"),
        (time(1, 2, 3, 4), None, "01:02:03.000004"),
        (datetime(2024, 1, 1, 1, 2, 3, 4), None, "2024-01-01 01:02:03.000004"),
        (datetime(2024, 7, 1, 12, tzinfo=BERLIN), None, "2024-07-01 10:00:00+00:00"),
        (timedelta(seconds=1), None, 1_000_000),
        ({"a": 1}, None, '{"a":1}'),
        ((1, 2), None, "[1,2]"),
        (Doc(name="a"), None, '{"name":"a"}'),
        ("text", D.JSON, '"text"'),
        ([1], D.ARRAY, "[1]"),
        ("on", D.BOOLEAN, True),
        (0, D.BOOLEAN, False),
        ("2024-01-01", D.DATE, "2024-01-01"),
        ("2024-01-01T01:02:03.000004", D.DATETIME, "2024-01-01 01:02:03.000004"),
        (5, D.DECIMAL, "5"),
        (5, D.FLOAT, 5.0),
        (5.0, D.INTEGER, 5),
        (str(UUID(int=1)), D.UUID, str(UUID(int=1))),
        (memoryview(b"a"), D.BLOB, b"a"),
        (Money, None, Money),
    ],
)
def test_to_database_goes_by_the_type_that_is_given_or_else_by_the_values_own(
    value: Any, db_type: Any, driver: Any
) -> None:
    got = ValueMapper().to_database(value, db_type)

    assert (type(got), got) == (type(driver), driver)


@pytest.mark.parametrize(
    ("value", "db_type"),
    [
        ("maybe", D.BOOLEAN),
        (2, D.BOOLEAN),
        ("text", D.ARRAY),
        ("tomorrow", D.DATE),
        ("noon", D.TIME),
        ("canary", D.UUID),
        (5.5, D.INTEGER),
        ("x", D.DECIMAL),
    ],
)
def test_to_database_refuses_what_the_type_cannot_hold(value: Any, db_type: DatabaseType) -> None:
    with pytest.raises(TypeConversionError):
        ValueMapper().to_database(value, db_type)


@pytest.mark.parametrize(
    "value", [2**63, float("nan"), "\ud800", Decimal("NaN"), {"a": float("nan")}, time(1, tzinfo=UTC)]
)
def test_hostile_values_without_a_column_are_data_errors(value: Any) -> None:
    with pytest.raises(DataError):
        ValueMapper().to_database(value)


@pytest.mark.parametrize(
    ("value", "db_type", "python"),
    [
        (None, D.JSON, None),
        ("anything", None, "anything"),
        ("5", D.INTEGER, "5"),
        (1, D.BOOLEAN, True),
        ('{"a": 1}', D.JSON, {"a": 1}),
        ("[1]", D.ARRAY, [1]),
        ("2024-01-01", D.DATE, date(2024, 1, 1)),
        ("01:02:03.000004", D.TIME, time(1, 2, 3, 4)),
        ("2024-01-01 01:02:03.000004", D.DATETIME, datetime(2024, 1, 1, 1, 2, 3, 4)),
        ("2024-01-01 01:02:03", D.TIMESTAMP, datetime(2024, 1, 1, 1, 2, 3)),
        ("2024-01-01 01:02:03+01:00", D.TIMESTAMPTZ, datetime(2024, 1, 1, 0, 2, 3, tzinfo=UTC)),
        (str(UUID(int=1)), D.UUID, UUID(int=1)),
        ("1.50", D.DECIMAL, Decimal("1.50")),
        (1.5, D.DECIMAL, Decimal("1.5")),
        (5, D.FLOAT, 5.0),
        (memoryview(b"a"), D.BLOB, b"a"),
        (1_000_000, D.INTERVAL, timedelta(seconds=1)),
    ],
)
def test_from_database_gives_the_types_own_value(value: Any, db_type: Any, python: Any) -> None:
    got = ValueMapper().from_database(value, db_type)

    assert (type(got), got) == (type(python), python)


@pytest.mark.parametrize("raw", ["0", "false", 2, 0.5, b"1"])
def test_from_database_reads_only_0_and_1_as_booleans(raw: Any) -> None:
    with pytest.raises(TypeConversionError):
        ValueMapper().from_database(raw, D.BOOLEAN)


def test_one_converter_can_be_replaced() -> None:
    class Yes(ValueMapper):
        def _convert_boolean(self, value: Any) -> Any:
            return "Y" if value else "N"

        def from_database(self, value: Any, db_type: DatabaseType | None) -> Any:
            return value == "Y" if db_type is D.BOOLEAN else super().from_database(value, db_type)

    mapper = Yes()

    assert (mapper.to_database(True), mapper.to_database(0, D.BOOLEAN)) == ("Y", "N")
    dump, load = both(mapper, bool)
    assert (dump(True), load("N")) == ("Y", False)
    assert both(mapper, date)[0](date(2024, 1, 1)) == "2024-01-01"


def test_a_type_can_be_added_to_the_table_of_converters() -> None:
    mapper = ValueMapper()
    mapper._base_converters[Money] = lambda value: "money"

    assert mapper.to_database(Money()) == "money"
    assert both(mapper, int)[0](5) == 5
