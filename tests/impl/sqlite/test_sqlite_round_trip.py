"""What is written to SQLite comes back equal and of its type, or the write raises; it sorts and sums as it should."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from sqlite_columns import BERLIN, COLUMNS, Level, Store, aware, finite, naive, same, small_integers

from rhosocial.activerecord.backend.errors import DataError
from rhosocial.activerecord.backend.impl.sqlite.mapping import (
    SQLiteValueMapper,
)
from rhosocial.activerecord.backend.mapping import column_type


def check_round_trip(store: Store, value: Any) -> None:
    """Either a typed error, or the value comes back and is found."""
    store.connection.execute("DELETE FROM t")
    try:
        store.add(value)
    except DataError:
        return
    (back,) = store.read()

    assert same(back, value)
    assert len(store.find(value)) == 1


@pytest.mark.parametrize("name", COLUMNS)
def test_a_written_value_comes_back_equal_and_of_its_type_or_the_write_raises(name: str, store: Any) -> None:
    annotation, values = COLUMNS[name]
    made = store(annotation)

    @given(values)
    def check(value: Any) -> None:
        check_round_trip(made, value)

    check()


# Order and filters

ORDERED = {
    "int": small_integers,
    "float": finite,
    "Decimal(10, 2)": st.decimals(places=2, min_value=-(10**7), max_value=10**7),
    "Decimal": st.decimals(places=3, min_value=-(10**9), max_value=10**9),
    "Decimal(38, 10)": st.decimals(places=10, min_value=-(10**20), max_value=10**20),
    "datetime": naive,
    "aware": aware.filter(lambda moment: 1 < moment.year < 9999).map(lambda moment: moment.astimezone(UTC)),
    "date": st.dates(),
    "time": st.times(),
    "timedelta": st.timedeltas(timedelta(days=-(10**6)), timedelta(days=10**6)),
    "IntEnum": st.sampled_from(Level),
}


@pytest.mark.parametrize("name", ORDERED)
def test_rows_sort_and_compare_as_the_values_do(name: str, store: Any) -> None:
    made = store(COLUMNS[name][0])

    @given(st.lists(ORDERED[name], min_size=1, max_size=6))
    def check(values: list[Any]) -> None:
        made.connection.execute("DELETE FROM t")
        made.add(*values)
        pivot = values[0]

        assert made.read("SELECT v FROM t ORDER BY v") == sorted(values)
        assert sorted(made.read("SELECT v FROM t WHERE v > ?", made.dumped(pivot))) == sorted(
            v for v in values if v > pivot
        )
        assert made.read("SELECT max(v) FROM t") == [max(values)]
        assert made.read("SELECT min(v) FROM t") == [min(values)]

    check()


# Sums


@given(st.lists(st.decimals(places=2, min_value=-(10**7), max_value=10**7), min_size=1, max_size=8))
def test_sums_and_averages_have_the_declared_scale(values: list[Decimal]) -> None:
    made = Store(Annotated[Decimal, Field(max_digits=12, decimal_places=2)])
    made.add(*values)
    (total,) = made.read("SELECT sum(v) FROM t")
    (average,) = made.read("SELECT avg(v) FROM t")
    made.connection.close()

    assert total == sum(values)
    assert total.as_tuple().exponent == average.as_tuple().exponent == -2
    assert abs(average - sum(values) / len(values)) <= Decimal("0.00501")


@given(st.lists(st.decimals(places=10, min_value=-(10**20), max_value=10**20), min_size=1, max_size=8))
def test_sums_of_decimals_that_are_text_are_exact(values: list[Decimal]) -> None:
    made = Store(Annotated[Decimal, Field(max_digits=38, decimal_places=10)])
    made.add(*values)
    (total,) = made.read("SELECT decimal_sum(v) FROM t")
    made.connection.close()

    assert Fraction(total) == sum(map(Fraction, values))


# Time zones


@given(aware)
def test_a_plain_datetime_follows_the_connections_zone(moment: datetime) -> None:
    made = Store(datetime, timezone="Europe/Berlin")
    try:
        made.add(moment)
    except DataError:
        assert moment.year in (1, 9999)
    else:
        (back,) = made.read()

        assert same(back, moment)
        assert back.tzinfo is BERLIN
    finally:
        made.connection.close()


# Tables made elsewhere


@pytest.mark.parametrize(
    ("name", "type"),
    [
        *[
            (name, "TEXT")
            for name in ("str", "datetime", "aware", "date", "time", "UUID", "dict", "list[int]", "StrEnum", "URL")
        ],
        *[(name, "INTEGER") for name in ("int", "bool", "timedelta", "IntEnum")],
        *[(name, type) for name in ("Decimal(10, 2)", "Decimal") for type in ("REAL", "TEXT", "ANY")],
        ("Decimal(38, 10)", "TEXT COLLATE DECIMAL"),
        ("float", "REAL"),
        ("bytes", "BLOB"),
    ],
)
def test_strict_tables_keep_values_too(name: str, type: str, store: Any) -> None:
    annotation, values = COLUMNS[name]
    made = store(annotation, type=type, strict=True)

    @given(values)
    def check(value: Any) -> None:
        made.connection.execute("DELETE FROM t")
        try:
            raw = made.dumped(value)
        except DataError:
            return
        made.connection.execute("INSERT INTO t (v) VALUES (?)", (raw,))

        assert same(made.read()[0], value)

    check()


@pytest.mark.parametrize("name", COLUMNS)
def test_what_a_dumper_made_passes_the_guides_conversion_unchanged(name: str) -> None:
    annotation, values = COLUMNS[name]
    mapper = SQLiteValueMapper()
    dump = mapper.dumper(column_type(annotation))
    assert dump is not None

    @given(values)
    def check(value: Any) -> None:
        try:
            raw = dump(value)
        except DataError:
            return
        again = mapper.to_database(raw, None)

        assert (type(again), again) == (type(raw), raw)

    check()
