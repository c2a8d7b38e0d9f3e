"""Rows sort, and minima, maxima, sums and means come out, as Python's do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

import pytest
import strategies as s
from field_kinds import KINDS, Level
from field_models import same, saved, some_saved
from hypothesis import given
from hypothesis import strategies as st


def decimals(places: int, size: int) -> s.Values:
    """Decimals of so many places below ten to the power of `size`."""
    return st.decimals(places=places, min_value=1 - 10**size, max_value=10**size - 1)


ORDERED: dict[str, s.Values] = {
    "int": s.small_integers | st.sampled_from(s.INTEGERS),
    "float": s.finite | st.sampled_from(s.FLOATS),
    "Decimal": decimals(3, 9) | st.sampled_from(s.DECIMALS),
    "Decimal(10, 2)": decimals(2, 8),
    "Decimal(16, 4)": decimals(4, 12),
    "Decimal(38, 10)": decimals(10, 28),
    "Decimal(50)": decimals(20, 30) | decimals(0, 50),
    "datetime": s.naive,
    "AwareDatetime": s.aware.filter(lambda moment: 1 < moment.year < 9999),
    "datetime in Berlin": s.aware.filter(lambda moment: 1 < moment.year < 9999),
    "date": st.dates() | st.sampled_from(s.DATES),
    "time": st.times(),
    "timedelta": st.timedeltas(timedelta(days=-(10**6)), timedelta(days=10**6)),
    "IntEnum": st.sampled_from(Level),
}


def place(value: Any) -> Any:
    """What Python sorts a value by: moments as such."""
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo is not None else value


@pytest.mark.parametrize("name", ORDERED)
@given(data=st.data())
async def test_rows_sort_and_compare_as_their_values_do(name: str, table: Any, data: Any) -> None:
    model = table(KINDS[name])
    records = await some_saved(model, data.draw(st.lists(ORDERED[name], min_size=1, max_size=6)))
    values = sorted((place(record.value) for record in records), key=place)
    column, query, pivot = model.c.value, model.query(), records[0].value

    assert values == list(map(place, await query.order_by("value").select("value").ascalars()))
    assert values[::-1] == [place(row.value) for row in await query.order_by(column.desc()).aall()]
    assert values[0] == place(await query.amin("value"))
    assert values[-1] == place(await query.amax(column))
    assert len([v for v in values if v > place(pivot)]) == await query.where(column > pivot).acount()
    assert len([v for v in values if v <= place(pivot)]) == await query.where(column <= pivot).acount()
    assert len(values) == await query.where(column.between(values[0], values[-1])).acount()
    assert type(await query.amax("value")) is type(records[0].value)


SCALED = {
    "Decimal(10, 2)": (decimals(2, 8), 2),
    "Decimal(?, 4)": (decimals(4, 10), 4),
    "Decimal(16, 4)": (decimals(4, 12), 4),
    "Decimal(38, 10)": (decimals(10, 28), 10),
}


@pytest.mark.parametrize("name", SCALED)
@given(data=st.data())
async def test_sums_and_means_of_decimals_have_the_declared_places(name: str, table: Any, data: Any) -> None:
    values, scale = SCALED[name]
    model = table(KINDS[name])
    records = await some_saved(model, data.draw(st.lists(values, min_size=1, max_size=6)))
    total = sum(Fraction(record.value) for record in records)
    query = model.query()
    found, mean = await query.asum("value"), await query.aavg(model.c.value)

    assert total == Fraction(found)
    assert (-scale, -scale) == (found.as_tuple().exponent, mean.as_tuple().exponent)
    # Where the mean lies in the middle between two such numbers, either will do.
    assert abs(Fraction(mean) - total / len(records)) <= Fraction(1001, 2000) / 10**scale


@pytest.mark.engine("sqlite")
@given(values=st.lists(decimals(20, 30) | decimals(0, 50), min_size=1, max_size=6))
async def test_sums_of_long_decimals_are_exact(values: list[Decimal], table: Any) -> None:
    model = table(KINDS["Decimal(50)"])
    records = await some_saved(model, values)
    total = await model.query().asum("value")

    assert sum(Fraction(record.value) for record in records) == Fraction(total)
    assert Context(prec=50).divide(total, Decimal(len(records))) == await model.query().aavg("value")


@given(values=st.lists(st.integers(-(2**60), 2**60), min_size=1, max_size=6))
async def test_sums_of_integers_are_exact_and_their_means_are_floats(values: list[int], table: Any) -> None:
    model = table(KINDS["int"])
    await some_saved(model, values)
    mean = await model.query().aavg("value")

    assert same(sum(values), await model.query().asum("value"))
    assert type(mean) is float
    assert mean == pytest.approx(sum(values) / len(values), rel=1e-12, abs=2.0**9)


@given(values=st.lists(st.timedeltas(timedelta(days=-(10**4)), timedelta(days=10**4)), min_size=1, max_size=6))
async def test_spans_of_time_are_summed(values: list[timedelta], table: Any) -> None:
    model = table(KINDS["timedelta"])
    await some_saved(model, values)

    assert sum(values, timedelta()) == await model.query().asum("value")


@pytest.mark.parametrize("name", ORDERED)
async def test_over_no_rows_minimum_and_maximum_are_none(name: str, table: Any) -> None:
    model = table(KINDS[name])
    await some_saved(model, [])

    assert [None, None] == [await model.query().amin("value"), await model.query().amax("value")]


async def test_none_counts_for_nothing_in_sums_and_order(table: Any) -> None:
    model = table(KINDS["Decimal(38, 10)"])
    await some_saved(model, [Decimal("1E+20"), Decimal("0.0000000001")])
    lone = await saved(model, Decimal(5), is_kept=True)
    assert lone is not None
    lone.maybe = None
    await lone.asave()

    assert Decimal("100000000000000000000.0000000001") == await model.query().asum("maybe")
    assert Decimal("1E+20") == await model.query().amax("maybe")
