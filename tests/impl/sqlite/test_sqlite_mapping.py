"""What forms values take in SQLite, which values are refused, what is read from tables made elsewhere."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic import AnyUrl, AwareDatetime, BaseModel, Field, NaiveDatetime, SecretStr
from sqlite_columns import BERLIN, LARGE, Access, Color, Level, Mixed, Move, Plain, Point, Since, Slug, same

from rhosocial.activerecord.backend.errors import ConfigurationError, DataError, TypeConversionError
from rhosocial.activerecord.backend.expression import Expression
from rhosocial.activerecord.backend.impl.sqlite.mapping import (
    SQLITE_TYPE_MAPPINGS,
    SQLiteColumnType,
    SQLiteTypeMapper,
    SQLiteTypes,
    SQLiteValueMapper,
)
from rhosocial.activerecord.backend.mapping import column_type
from rhosocial.activerecord.backend.typing import DatabaseType

KEPT: list[tuple[Any, Any, Any]] = [
    (int, LARGE - 1, LARGE - 1),
    (int, -LARGE, -LARGE),
    (bool, True, 1),
    (bool, False, 0),
    (float, float("inf"), float("inf")),
    (float, 5e-324, 5e-324),
    (str, "a\0b", "a\0b"),
    (str, "\U0001f600", "\U0001f600"),
    (bytes, b"", b""),
    (Decimal, Decimal("1E+20"), 1e20),
    (Decimal, Decimal("1E-20"), 1e-20),
    (Decimal, Decimal("123456789012345"), 123456789012345.0),
    (Decimal, Decimal("-0.00000123456789012345"), -1.23456789012345e-06),
    (Annotated[Decimal, Field(max_digits=10, decimal_places=2)], Decimal("99999999.99"), 99999999.99),
    (
        Annotated[Decimal, Field(max_digits=20, decimal_places=2)],
        Decimal("123456789012345678.9"),
        "123456789012345678.90",
    ),
    (Annotated[Decimal, Field(max_digits=40, decimal_places=20)], Decimal("1E-20"), "0.00000000000000000001"),
    (datetime, datetime(1, 1, 1), "0001-01-01 00:00:00"),
    (datetime, datetime.max, "9999-12-31 23:59:59.999999"),
    (AwareDatetime, datetime(2024, 7, 1, 12, tzinfo=BERLIN), "2024-07-01 10:00:00"),
    (AwareDatetime, datetime.max.replace(tzinfo=UTC), "9999-12-31 23:59:59.999999"),
    (date, date(1, 1, 1), "0001-01-01"),
    (time, time(23, 59, 59, 999999), "23:59:59.999999"),
    (timedelta, timedelta(days=-40, microseconds=1), -40 * 86_400_000_000 + 1),
    (UUID, UUID(int=0), "00000000-0000-0000-0000-000000000000"),
    (Color, Color.RED, "red"),
    (Level, Level.HIGH, 2**62),
    (Access, Access.READ | Access.WRITE, 3),
    (Mixed, Mixed.TEXT, '"1"'),
    (Mixed, Mixed.NUMBER, "1"),
    (Since, Since.START, "2020-01-01"),
    (Slug, Slug("a-b"), "a-b"),
    (SecretStr, SecretStr("hunter2"), "hunter2"),
    (IPv4Address, IPv4Address("10.0.0.1"), "10.0.0.1"),
    (AnyUrl, AnyUrl("https://example.org"), "https://example.org/"),
    (dict, {"a": [1, 2.5, None, True, "ü\0"]}, '{"a":[1,2.5,null,true,"ü\\u0000"]}'),
    (Any, 5, "5"),
    (Any, "5", '"5"'),
    (Any, 2**70, str(2**70)),
    (list[Decimal], [Decimal("0.10")], '["0.10"]'),
    (set[str], {"b", "a", "c"}, '["a","b","c"]'),
    (dict[int, date], {1: date(2024, 1, 2)}, '{"1":"2024-01-02"}'),
    (Point, Point(x=1, reNamed=3), '{"x":1.0,"label":null,"renamed":3}'),
    (Move, Move(1, Decimal("2.50")), '[1,"2.50"]'),
]


@pytest.mark.parametrize(
    ("annotation", "value", "stored"), KEPT, ids=lambda part: "set" if isinstance(part, set) else repr(part)[:40]
)
def test_a_value_is_stored_in_its_plainest_form(annotation: Any, value: Any, stored: Any, store: Any) -> None:
    made = store(annotation)
    made.add(value)
    (raw,) = made.connection.execute("SELECT v FROM t").fetchone()

    assert (type(made.dumped(value)), made.dumped(value)) == (type(stored), stored)
    assert raw == stored
    assert same(made.read()[0], value)


class Unknown:
    """A value that no schema describes."""

    def __repr__(self) -> str:
        return "Unknown()"  # A test's name must not hold an address.


REFUSED: list[tuple[Any, Any, str]] = [
    (int, LARGE, "64 bits"),
    (int, -LARGE - 1, "64 bits"),
    (int, True, "expected a value of type int, got a value of type bool"),
    (int, 1.0, "got a value of type float"),
    (int, "1", "got a value of type str"),
    (bool, 1, "expected a value of type bool, got a value of type int"),
    (float, float("nan"), "NaN"),
    (float, 2**53 + 1, "holds more than a float"),
    (float, 10**400, "beyond the range of float"),
    (float, "1", "got a value of type str"),
    (str, "\ud800", "surrogate"),
    (str, 0, "got a value of type int"),
    (str, b"a", "got a value of type bytes"),
    (str, ["a"], "got a value of type list"),
    (bytes, "a", "got a value of type str"),
    (Decimal, Decimal("NaN"), "no finite number"),
    (Decimal, Decimal("sNaN"), "no finite number"),
    (Decimal, Decimal("-Infinity"), "no finite number"),
    (Decimal, Decimal("1234567890.123456"), "15 digits"),
    (Decimal, Decimal("1E+400"), "15 digits"),
    (Decimal, Decimal("1E-400"), "15 digits"),
    (Decimal, 1.5, "got a value of type float"),
    (
        Annotated[Decimal, Field(max_digits=4, decimal_places=2)],
        Decimal("1.001"),
        "4 digits, 2 of them after the point",
    ),
    (Annotated[Decimal, Field(max_digits=4, decimal_places=2)], Decimal("100"), "4 digits"),
    (Annotated[Decimal, Field(max_digits=4)], Decimal("10000"), "4 digits"),
    (Annotated[Decimal, Field(decimal_places=2)], Decimal("0.001"), "2 of them"),
    (Annotated[Decimal, Field(max_digits=30, decimal_places=2)], Decimal("1E+28"), "30 digits"),
    (datetime, datetime(2024, 1, 1, tzinfo=UTC), "AwareDatetime"),
    (NaiveDatetime, datetime(2024, 1, 1, tzinfo=UTC), "AwareDatetime"),
    (AwareDatetime, datetime(2024, 1, 1), "NaiveDatetime"),
    (AwareDatetime, datetime.min.replace(tzinfo=BERLIN), "years 1 to 9999"),
    (AwareDatetime, datetime.max.replace(tzinfo=ZoneInfo("America/New_York")), "years 1 to 9999"),
    (datetime, date(2024, 1, 1), "got a value of type date"),
    (datetime, "2024-01-01", "got a value of type str"),
    (date, datetime(2024, 1, 1), "got a value of type datetime"),
    (time, time(1, tzinfo=UTC), "time zone"),
    (timedelta, timedelta.max, "64 bits"),
    (UUID, str(UUID(int=1)), "got a value of type str"),
    (Plain, "nothing", "no member"),
    (Access, 2**70, "64 bits"),
    (SecretStr, "bare", "SecretStr"),
    (IPv4Address, "10.0.0.1", "IPv4Address"),
    (dict, {1: "a"}, "come back changed"),
    (dict, {"a": (1,)}, "come back changed"),
    (dict, {"a": {1}}, "come back changed"),
    (dict, {"a": Decimal("1.5")}, "come back changed"),
    (dict, {"a": date(2024, 1, 1)}, "come back changed"),
    (dict, {"a": b"x"}, "come back changed"),
    (dict, {"a": float("nan")}, "NaN"),
    (dict, {"a": float("inf")}, "NaN"),
    (dict, {"a": "\ud800"}, "surrogate"),
    (dict, {"a": Unknown()}, "JSON"),
    (dict, [1], "expected a dict"),
    (list, (1,), "expected a list"),
    (Any, (1,), "come back changed"),
    (Any, Decimal(1), "come back changed"),
    (list[int], ["1"], "another type than the field declares"),
    (list[int], (1,), "another type than the field declares"),
    (list[float], [float("inf")], "JSON"),
    (list[bytes], [b"\xff"], "UTF-8"),
    (dict[str, Any], {"a": Decimal(1)}, "come back changed"),
    (Point, {"x": 1.0}, "another type than the field declares"),
    (Point, Point(x=float("nan")), "JSON"),
]


@pytest.mark.parametrize(("annotation", "value", "message"), REFUSED, ids=lambda part: repr(part)[:40])
def test_what_would_not_come_back_is_refused_before_it_is_sent(
    annotation: Any, value: Any, message: str, store: Any
) -> None:
    made = store(annotation)

    with pytest.raises(DataError, match=message):
        made.dumped(value)


def test_a_cycle_is_refused(store: Any) -> None:
    value: dict[str, Any] = {}
    value["self"] = value

    with pytest.raises(DataError):
        store(dict).dumped(value)


def test_a_model_that_json_does_not_show_completely_is_refused(store: Any) -> None:
    class Hiding(BaseModel):
        shown: int
        hidden: int = Field(default=0, exclude=True)

    made = store(Hiding)
    made.add(Hiding(shown=1))

    with pytest.raises(DataError, match="come back changed"):
        made.add(Hiding(shown=1, hidden=2))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, 10**30),
        (str, "canary\ud800"),
        (Decimal, Decimal("3.14159265358979323846")),
        (dict, {"canary": (1,)}),
        (list[int], ["canary"]),
        (Color, "canary"),
        (UUID, "canary"),
        (Point, {"canary": 1}),
        (IPv4Address, "canary"),
        (SecretStr, "canary"),
    ],
)
def test_no_error_shows_the_value_that_was_refused(annotation: Any, value: Any, store: Any) -> None:
    with pytest.raises(DataError) as caught:
        store(annotation).dumped(value)

    assert "canary" not in str(caught.value)
    assert "14159" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_filter_takes_whole_numbers_for_decimals_and_floats(store: Any) -> None:
    for annotation in (Decimal, float, Annotated[Decimal, Field(max_digits=30, decimal_places=2)]):
        made = store(annotation)
        made.add(5)

        assert made.find(5) == [5]
        assert type(made.find(5)[0]) is not int


def test_a_decimal_divided_by_a_whole_number_is_no_integer_division(store: Any) -> None:
    made = store(Decimal)
    made.add(Decimal(3))

    assert made.read("SELECT v / ? FROM t", made.dumped(2)) == [Decimal("1.5")]


def test_equal_decimals_are_found_however_they_are_spelled(store: Any) -> None:
    made = store(Annotated[Decimal, Field(max_digits=30, decimal_places=5)])
    made.add(Decimal("1.5"))

    assert made.find(Decimal("1.50000")) == [Decimal("1.5")]
    assert made.read("SELECT v FROM t WHERE v = '1.5'") == [Decimal("1.5")]
    assert [str(value) for value in made.read()] == ["1.50000"]


@pytest.mark.parametrize(
    "text", ["x' OR '1'='1", "'; DROP TABLE t; --", '"', "\\", "%", "_", "?", ":a", "$1", "{0}", "\0", "/*"]
)
@pytest.mark.parametrize("annotation", [str, Slug, Any, dict[str, str]])
def test_hostile_text_is_stored_and_found_literally(annotation: Any, text: str, store: Any) -> None:
    made = store(annotation)
    value = {"text": text, text: "key"} if annotation == dict[str, str] else Slug(text) if annotation is Slug else text
    made.add("other" if annotation in (str, Slug, Any) else {}, value)

    assert made.find(value) == [value]
    assert len(made.read()) == 2


# Time zones


def test_a_plain_datetime_with_a_zone_configured_refuses_naive_values(store: Any) -> None:
    with pytest.raises(DataError, match="NaiveDatetime"):
        store(datetime, timezone="Europe/Berlin").dumped(datetime(2024, 1, 1))


@pytest.mark.parametrize("edge", [datetime.max, datetime.min])
def test_a_moment_that_the_connections_zone_cannot_name_is_refused(edge: datetime, store: Any) -> None:
    zone = "Europe/Berlin" if edge == datetime.max else "America/New_York"

    with pytest.raises(DataError, match="years 1 to 9999"):
        store(datetime, timezone=zone).dumped(edge.replace(tzinfo=UTC))


def test_declared_kinds_do_not_follow_the_connections_zone(store: Any) -> None:
    fixed, moment = store(NaiveDatetime, timezone="Europe/Berlin"), store(AwareDatetime, timezone="Europe/Berlin")
    fixed.add(datetime(2024, 1, 1, 12))
    moment.add(datetime(2024, 1, 1, 12, tzinfo=BERLIN))

    assert fixed.read() == [datetime(2024, 1, 1, 12)]
    assert moment.read()[0].tzinfo is UTC


def test_the_hour_that_a_clock_repeats_keeps_its_two_moments_apart(store: Any) -> None:
    made = store(AwareDatetime)
    early = datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN)
    made.add(early, early.replace(fold=1))

    assert made.read() == [datetime(2024, 10, 27, 0, 30, tzinfo=UTC), datetime(2024, 10, 27, 1, 30, tzinfo=UTC)]


def test_a_column_that_gives_the_other_kind_of_datetime_names_the_right_annotation(store: Any) -> None:
    made = store(datetime)
    made.connection.execute("INSERT INTO t (v) VALUES ('2024-01-01 00:00:00+01:00')")

    with pytest.raises(DataError, match="AwareDatetime"):
        made.read()


def test_moments_that_another_program_stored_with_an_offset_are_read(store: Any) -> None:
    made = store(AwareDatetime)
    made.connection.execute(
        "INSERT INTO t (v) VALUES ('2024-01-01T00:00:00+01:00'), ('2024-01-01'), ('2024-01-01 10:00:00Z')"
    )

    assert made.read() == [
        datetime(2023, 12, 31, 23, tzinfo=UTC),
        datetime(2024, 1, 1, tzinfo=UTC),
        datetime(2024, 1, 1, 10, tzinfo=UTC),
    ]


@pytest.mark.parametrize("raw", [2, -1, 1.0, "0", "true", b"1"])
def test_only_0_and_1_are_read_as_booleans(raw: Any, store: Any) -> None:
    with pytest.raises(TypeConversionError, match="boolean"):
        store(bool).loaded(raw)


@pytest.mark.parametrize(
    ("annotation", "raw"),
    [
        (Decimal, "canary"),
        (Decimal, b"canary"),
        (Annotated[Decimal, Field(decimal_places=2)], float("inf")),
        (Annotated[Decimal, Field(decimal_places=2)], "NaN"),
        (datetime, "canary"),
        (datetime, 5),
        (AwareDatetime, "canary"),
        (AwareDatetime, 5),
        (date, "canary"),
        (date, "2024-01-01 10:00:00"),
        (time, "canary"),
        (time, "10:00+01:00"),
        (timedelta, "canary"),
        (UUID, "canary"),
        (UUID, b"canary"),
        (UUID, "00"),
        (Color, "canary"),
        (Level, 5),
        (IPv4Address, "canary"),
        (dict, "{canary"),
        (list[int], '["canary"]'),
        (list[int], '{"canary": 1}'),
        (Point, "{}"),
    ],
)
def test_a_stored_value_that_does_not_fit_is_a_data_error(annotation: Any, raw: Any, store: Any) -> None:
    with pytest.raises(DataError) as caught:
        store(annotation).loaded(raw)

    assert "canary" not in str(caught.value)


def test_values_of_tables_made_elsewhere_are_read(store: Any) -> None:
    assert store(Decimal).loaded(0.1) == Decimal("0.1")
    assert store(Annotated[Decimal, Field(decimal_places=2)]).loaded(0.1 + 0.2) == Decimal("0.30")
    assert store(dict).loaded('{"a" : 1 }') == {"a": 1}
    assert store(Any).loaded(5) == 5
    assert store(UUID).loaded(bytes(16)) == UUID(int=0)
    assert store(date).loaded("2024-01-01 00:00:00") == date(2024, 1, 1)


# Types that the model names


@pytest.mark.parametrize(
    ("python", "db_type", "value", "stored"),
    [
        (int, DatabaseType.TEXT, 2**60, str(2**60)),
        (int, DatabaseType.DECIMAL, 12, 12.0),
        (bool, DatabaseType.INTEGER, True, 1),
        (Decimal, DatabaseType.TEXT, Decimal("1.50"), "1.50"),
        (datetime, DatabaseType.TEXT, datetime(2024, 1, 1), "2024-01-01 00:00:00"),
        (AwareDatetime, DatabaseType.TEXT, datetime(2024, 1, 1, tzinfo=UTC), "2024-01-01 00:00:00+00:00"),
        (datetime, DatabaseType.TIMESTAMPTZ, datetime(2024, 1, 1, tzinfo=UTC), "2024-01-01 00:00:00"),
        (UUID, DatabaseType.BLOB, UUID(int=1), bytes(15) + b"\1"),
        (UUID, DatabaseType.TEXT, UUID(int=1), str(UUID(int=1))),
        (timedelta, DatabaseType.BIGINT, timedelta(seconds=1), 1_000_000),
        (str, DatabaseType.JSON, "a", '"a"'),
        (date, DatabaseType.JSON, date(2024, 1, 1), '"2024-01-01"'),
        (dict, DatabaseType.TEXT, {"a": 1}, '{"a":1}'),
        (str, DatabaseType.CHAR, "ab", "ab"),
    ],
)
def test_another_column_type_changes_the_form_and_not_the_value(
    python: Any, db_type: DatabaseType, value: Any, stored: Any, store: Any
) -> None:
    made = store(column_type(python, db_type=db_type))
    made.add(value)

    assert made.connection.execute("SELECT v FROM t").fetchone() == (stored,)
    assert same(made.read()[0], value)


def test_a_custom_column_hands_values_to_the_driver_as_they_are(store: Any) -> None:
    made = store(column_type(object, db_type=DatabaseType.CUSTOM))

    for value in (5, 1.5, "5", b"5"):
        made.add(value)

    assert made.load is None
    assert made.read() == [5, 1.5, "5", b"5"]


@pytest.mark.parametrize("value", [True, Decimal(1), date(2024, 1, 1), [], 2**63, float("nan"), "\ud800"])
def test_a_custom_column_refuses_what_sqlite_would_not_give_back(value: Any, store: Any) -> None:
    made = store(column_type(object, db_type=DatabaseType.CUSTOM))
    with pytest.raises(DataError):
        made.add(value)


def test_every_type_has_a_name_that_keeps_text_as_it_is() -> None:
    mapper = SQLiteTypeMapper()
    names = {db_type: mapper.get_column_type(db_type) for db_type in DatabaseType}

    assert set(names.values()) == {"INTEGER", "REAL", "TEXT", "BLOB", "NUMERIC"}
    assert names[DatabaseType.JSON] == names[DatabaseType.DATE] == "TEXT"
    assert mapper.get_column_type(DatabaseType.VARCHAR, length=50) == "TEXT"
    assert mapper.get_column_type(DatabaseType.DECIMAL, precision=10, scale=2) == "NUMERIC(10,2)"
    assert mapper.get_column_type(DatabaseType.DECIMAL, precision=16, scale=2) == "TEXT COLLATE DECIMAL"
    assert mapper.get_placeholder() == "?"


@pytest.mark.parametrize("size", ["2); DROP TABLE t; --", 2.0, True, -1, 0])
def test_a_size_that_is_no_number_never_becomes_sql(size: Any) -> None:
    mapper = SQLiteTypeMapper()

    with pytest.raises(ConfigurationError, match="precision"):
        mapper.get_column_type(DatabaseType.DECIMAL, precision=size, scale=0)
    with pytest.raises(ValueError, match="length"):
        mapper.definition(DatabaseType.VARCHAR, length=size)


# The guide's era


def test_values_without_a_column_are_converted_by_their_type() -> None:
    mapper = SQLiteValueMapper()

    assert mapper.to_database(True) == 1
    assert type(mapper.to_database(True)) is int
    assert mapper.to_database(Color.RED) == "red"
    assert mapper.to_database(Decimal("1.5")) == 1.5
    assert mapper.to_database(Decimal("12345678901234567.89")) == "12345678901234567.89"
    assert mapper.to_database(datetime(2024, 1, 1, tzinfo=BERLIN)) == "2023-12-31 23:00:00"
    assert mapper.to_database({"a": (Decimal("1.5"), date(2024, 1, 1))}) == '{"a":["1.5","2024-01-01"]}'
    assert mapper.to_database(Point(x=1)) == '{"x":1.0,"label":null,"other":0}'
    assert mapper.to_database(None) is None


def test_values_with_a_type_are_converted_by_it() -> None:
    mapper = SQLiteValueMapper()

    assert mapper.to_database("yes", DatabaseType.BOOLEAN) == 1
    assert mapper.to_database(False, DatabaseType.BOOLEAN) == 0
    assert mapper.to_database(datetime(2024, 1, 1, 1, 2, 3, 4), DatabaseType.DATETIME) == "2024-01-01 01:02:03.000004"
    assert mapper.to_database([1, 2], DatabaseType.ARRAY) == "[1,2]"
    with pytest.raises(TypeConversionError):
        mapper.to_database("ab", DatabaseType.ARRAY)
    assert mapper.from_database(1, DatabaseType.BOOLEAN) is True
    assert mapper.from_database("2024-01-01 01:02:03", DatabaseType.DATETIME) == datetime(2024, 1, 1, 1, 2, 3)
    assert mapper.from_database("[1]", DatabaseType.ARRAY) == [1]


def test_the_names_of_the_guides_era_are_there() -> None:
    mapper = SQLiteValueMapper()

    assert SQLITE_TYPE_MAPPINGS[DatabaseType.VARCHAR].db_type == SQLiteTypes.TEXT
    assert SQLITE_TYPE_MAPPINGS[DatabaseType.DECIMAL].db_type == SQLiteTypes.NUMERIC
    assert SQLiteColumnType.get_type(DatabaseType.BOOLEAN) == SQLiteTypes.INTEGER
    assert mapper.is_expression(Expression("CURRENT_DATE"))
    assert not mapper.is_expression("CURRENT_DATE")
    assert mapper.format_param(Expression("CURRENT_DATE")) == "CURRENT_DATE"
    assert mapper.format_param("CURRENT_DATE") == "?"


def test_any_object_with_a_timezone_is_a_configuration() -> None:
    mapper = SQLiteValueMapper(SimpleNamespace(timezone="Europe/Berlin"))

    assert mapper.database_type(column_type(datetime)) is DatabaseType.TIMESTAMPTZ
    assert SQLiteValueMapper().database_type(column_type(datetime)) is DatabaseType.TIMESTAMP
