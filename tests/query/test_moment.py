"""Dates and times: arithmetic with spans, parts, beginnings, held against Python's own."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime

from rhosocial.activerecord import ActiveRecord, F
from rhosocial.activerecord.backend import DataError, QueryError
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend


class Event(ActiveRecord):
    __table_name__ = "events"

    id: int
    at: dt.datetime | None = None
    moment: AwareDatetime | None = None
    day: dt.date | None = None
    clock: dt.time | None = None
    takes: dt.timedelta | None = None


AT = dt.datetime(2024, 2, 29, 22, 15, 30, 123456)
MOMENT = dt.datetime(2023, 12, 31, 23, 30, tzinfo=dt.timezone(dt.timedelta(hours=-2)))
DAY = dt.date(2021, 1, 3)
CLOCK = dt.time(23, 59, 58, 7)
TAKES = dt.timedelta(days=1, hours=2, microseconds=1)

c = Event.c


@pytest.fixture(scope="module", autouse=True)
def events(shop: SQLiteBackend) -> None:
    Event.__backend__ = shop
    Event.create_table()
    Event.create(at=AT, moment=MOMENT, day=DAY, clock=CLOCK, takes=TAKES)
    Event.create()


async def value(item: Any) -> Any:
    return (await Event.query().order_by("id").select(item.as_("value")).ascalars())[0]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (c.at + dt.timedelta(days=1, microseconds=1), AT + dt.timedelta(days=1, microseconds=1)),
        (dt.timedelta(hours=-3) + c.at, AT - dt.timedelta(hours=3)),
        (c.at - c.takes, AT - TAKES),
        (c.at + c.takes + c.takes, AT + TAKES + TAKES),
        (c.at + (c.takes + c.takes), AT + TAKES + TAKES),
        (c.moment + dt.timedelta(hours=2), MOMENT + dt.timedelta(hours=2)),
        (c.day + dt.timedelta(days=30), DAY + dt.timedelta(days=30)),
        (c.day - dt.timedelta(hours=1), DAY - dt.timedelta(days=1)),
        (c.day + dt.timedelta(hours=23), DAY),
        (c.day + c.takes, DAY + TAKES),
        (c.at - dt.datetime(2024, 1, 1), AT - dt.datetime(2024, 1, 1)),
        (dt.datetime(2024, 1, 1) - c.at, dt.datetime(2024, 1, 1) - AT),
        (dt.datetime(2024, 1, 1) + c.takes, dt.datetime(2024, 1, 1) + TAKES),
        (c.moment - MOMENT, dt.timedelta(0)),
        (c.day - dt.date(2020, 12, 25), dt.timedelta(days=9)),
        (F.extract("year", c.at), 2024),
        (F.extract("quarter", c.at), 1),
        (F.extract("month", c.at), 2),
        (F.extract("week", c.at), 9),
        (F.extract("day", c.at), 29),
        (F.extract("isodow", c.at), 4),
        (F.extract("doy", c.at), 60),
        (F.extract("hour", c.at), 22),
        (F.extract("minute", c.at), 15),
        (F.extract("second", c.at), 30),
        (F.extract("microsecond", c.at), 123456),
        (F.extract("week", c.day), 53),
        (F.extract("isodow", c.day), 7),
        (F.extract("hour", c.clock), 23),
        (F.extract("second", c.clock), 58),
        (F.extract("microsecond", c.clock), 7),
        (F.extract("year", c.moment), 2024),
        (F.date_trunc("year", c.at), dt.datetime(2024, 1, 1)),
        (F.date_trunc("quarter", c.at), dt.datetime(2024, 1, 1)),
        (F.date_trunc("month", c.at), dt.datetime(2024, 2, 1)),
        (F.date_trunc("week", c.at), dt.datetime(2024, 2, 26)),
        (F.date_trunc("day", c.at), dt.datetime(2024, 2, 29)),
        (F.date_trunc("hour", c.at), dt.datetime(2024, 2, 29, 22)),
        (F.date_trunc("minute", c.at), dt.datetime(2024, 2, 29, 22, 15)),
        (F.date_trunc("second", c.at), dt.datetime(2024, 2, 29, 22, 15, 30)),
        (F.date_trunc("quarter", c.day), dt.date(2021, 1, 1)),
        (F.date_trunc("week", c.day), dt.date(2020, 12, 28)),
        (F.date_trunc("day", c.day), DAY),
        (F.date_trunc("month", c.moment), dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
    ],
)
async def test_a_moment(item: Any, expected: Any) -> None:
    got = await value(item)

    assert expected == got and type(expected) is type(got)


async def test_spans_are_summed() -> None:
    assert TAKES == await Event.query().asum("takes")


@pytest.mark.parametrize(
    "condition",
    [
        c.at + dt.timedelta(seconds=1) == AT + dt.timedelta(seconds=1),
        c.at - c.takes < AT,
        c.at - dt.datetime(2024, 1, 1) > dt.timedelta(days=59),
        c.day - dt.timedelta(days=2) == "2021-01-01",
        F.date_trunc("month", c.at) == dt.datetime(2024, 2, 1),
        F.date_trunc("day", c.at).between("2024-02-29", dt.datetime(2024, 2, 29)),
        c.moment < F.now(),
        c.moment + dt.timedelta(days=1) > dt.datetime(2024, 1, 2, 1, tzinfo=dt.UTC),
        c.day < F.current_date() - dt.timedelta(days=365),
    ],
)
async def test_moments_are_compared(condition: Any) -> None:
    assert [1] == await Event.query().where(condition).select("id").ascalars()
    assert [] == await Event.query().where(~condition).select("id").ascalars()


async def test_rows_are_grouped_by_month() -> None:
    by_month = Event.query().select(F.date_trunc("month", c.at).as_("month"), F.count()).group_by("month")

    assert [(dt.datetime(2024, 2, 1), 1), (None, 1)] == await by_month.order_by("month NULLS LAST").atuples()


@pytest.mark.needs("refuses_impossible_dates")
async def test_a_day_beyond_all_dates_is_refused() -> None:
    with pytest.raises(DataError):
        await value(c.day + dt.timedelta(days=4_000_000))


async def test_what_has_no_date_is_refused() -> None:
    for wrong in (lambda: c.clock + dt.timedelta(1), lambda: c.at - c.day, lambda: c.at + 1, lambda: c.at + "1 day"):
        with pytest.raises(QueryError, match="does not go with"):
            wrong()
    with pytest.raises(DataError, match="cannot be compared with a column of timedelta"):
        await Event.query().where(c.at - AT > "soon").aall()


spans = st.timedeltas(dt.timedelta(days=-100_000), dt.timedelta(days=100_000))
moments = st.datetimes(dt.datetime(1000, 1, 1), dt.datetime(3000, 1, 1))
PARTS = ("year", "month", "day", "hour", "minute", "second", "microsecond")


@given(moments, spans)
async def test_every_moment_is_reckoned_as_python_does(moment: dt.datetime, span: dt.timedelta) -> None:
    record = await Event.acreate(at=moment, day=moment.date(), takes=span)
    try:
        row = await (
            Event.query()
            .where(c.id == record.id)
            .select(
                (c.at + c.takes).as_("later"),
                (c.day + c.takes).as_("date"),
                (c.at - AT).as_("since"),
                *(F.extract(part, c.at) for part in PARTS),
                F.extract("week", c.at),
                F.extract("doy", c.day),
            )
            .aone()
        )
        assert row is not None
        assert (moment + span, moment.date() + span, moment - AT) == row[:3]
        assert tuple(getattr(moment, part) for part in PARTS) == row[3:-2]
        assert (moment.isocalendar().week, moment.timetuple().tm_yday) == row[-2:]
    finally:
        await record.adelete()
