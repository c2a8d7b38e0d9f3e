"""The questions, each written once; the demo asks them in both faces and of every database.

A question is an async function over a set of models: stepped as blocking code or awaited in an event loop, it runs the
same lines.  In blocking code of one's own, `await query.aall()` is `query.all()`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from pydantic import ValidationError as ConstructionError

from rhosocial.activerecord import F
from rhosocial.activerecord.backend import (
    ColumnNotFound,
    DataError,
    IntegrityError,
    QueryError,
    UnsupportedFeature,
    ValidationError,
)

from .answer import Answer, Question, spelled, watched
from .models import Flight, Models

# 1 - Reading


async def busiest_airlines(m: Models) -> Answer:
    """The airlines that flew most, and how late they left."""
    query = (
        m.flight.query()
        .join(m.airline, on=m.flight.c.carrier == m.airline.c.carrier)
        .select(
            m.airline.c.name.as_("airline"),
            F.count().as_("flights"),
            F.avg(m.flight.c.dep_delay).as_("mean_delay"),
            F.max(m.flight.c.dep_delay).as_("worst_delay"),
        )
        .group_by(m.airline.c.name)
        .having("COUNT(*) > ?", (10,))
        .order_by("flights DESC", m.airline.c.name)
        .limit(8)
    )
    return Answer(("airline", "flights", "mean_delay", "worst_delay"), await query.atuples(), [spelled(query)])


async def long_waits(m: Models) -> Answer:
    """The longest waits at JFK before a long journey: SQL text and column expressions in one query."""
    query = (
        m.flight.query()
        .where("dep_delay > ? AND distance >= ?", (20, 1_000))
        .where((m.flight.c.origin == "JFK") & m.flight.c.dest.startswith("S") & ~m.flight.c.dest.in_(["SJU", "STT"]))
        .order_by(m.flight.c.dep_delay.desc(), "scheduled", "number")
        .limit(6)
    )
    found = await query.aall()
    rows = [(f"{f.carrier} {f.number}", f.dest, f.scheduled, f.dep_delay, f.distance) for f in found]
    return Answer(("flight", "to", "scheduled", "minutes_late", "miles"), rows, [spelled(query)])


async def early_birds(m: Models) -> Answer:
    """Far cities that begin with S and were reached early: conditions as a dict."""
    conditions = {
        "origin": ["EWR", "JFK"],
        "distance__gte": 2_000,
        "arr_delay__between": (-90, -1),
        "dest__startswith": "S",
        "air_time__is_null": False,
    }
    query = m.flight.query().query(conditions).select("dest", "COUNT(*) AS flights", "MIN(arr_delay) AS best")
    query = query.group_by("dest").order_by("flights DESC", "dest")
    return Answer(("dest", "flights", "best"), await query.atuples(), [spelled(query)])


async def worst_days(m: Models) -> Answer:
    """The days with most flights cancelled or three hours late: conditions joined by OR."""
    query = (
        m.flight.query()
        .where(m.flight.c.distance > 0)
        .start_or_group()
        .where(m.flight.c.dep_time.is_null())
        .or_where("arr_delay >= ?", (180,))
        .end_or_group()
        .select("date", F.count().as_("flights"))
        .group_by("date")
        .order_by("flights DESC", "date")
        .limit(5)
    )
    return Answer(("date", "flights"), await query.atuples(), [spelled(query)])


async def plane_makers(m: Models) -> Answer:
    """The makers of the planes: a join with the register of planes."""
    query = (
        m.flight.query()
        .join(m.plane, on=m.flight.c.tail == m.plane.c.tail)
        .where(m.plane.c.engines >= 2)
        .select(
            m.plane.c.manufacturer,
            F.count().as_("flights"),
            F.count(m.plane.c.tail, distinct=True).as_("planes"),
            F.sum(m.flight.c.distance).as_("miles"),
            F.max(m.plane.c.seats).as_("most_seats"),
        )
        .group_by(m.plane.c.manufacturer)
        .order_by("miles DESC", m.plane.c.manufacturer)
        .limit(6)
    )
    columns = ("manufacturer", "flights", "planes", "miles", "most_seats")
    return Answer(columns, await query.atuples(), [spelled(query)])


async def missing_links(m: Models) -> Answer:
    """Flights whose plane or airport is not listed: why these columns are no foreign keys."""
    flights = m.flight.query()
    unknown_plane = flights.left_join(m.plane, on=m.flight.c.tail == m.plane.c.tail).where(
        m.plane.c.tail.is_null() & m.flight.c.tail.is_not_null()
    )
    unknown_airport = flights.where(m.flight.c.dest.not_in(m.airport.query().select("code")))
    with watched(m.backend) as sent:
        rows = [
            ("no plane given", await flights.is_null("tail").acount()),
            ("plane not registered", await unknown_plane.acount()),
            ("airport not listed", await unknown_airport.acount()),
        ]
    return Answer(("what", "flights"), rows, sent)


async def destinations(m: Models) -> Answer:
    """Where one can go: distinct values, their number, and whether there is any."""
    dests = m.flight.query().select("dest").distinct()
    farthest = m.flight.query().order_by("distance DESC", "dest").limit(1)
    to_honolulu = m.flight.query().where(m.flight.c.dest == "HNL")
    rows: list[tuple[Any, ...]] = [
        ("destinations", await dests.acount()),
        ("the first three", ", ".join(await dests.order_by("dest").limit(3).ascalars())),
        ("the farthest", (await farthest.aone_or_fail()).dest),
        ("any from JFK to Honolulu", await to_honolulu.where("origin = ?", ("JFK",)).aexists()),
        ("any from La Guardia to Honolulu", await to_honolulu.where("origin = ?", ("LGA",)).aexists()),
    ]
    return Answer(("what", "answer"), rows, [spelled(dests), spelled(farthest)])


async def weather_by_key(m: Models) -> Answer:
    """The weather of an hour: a record by its composite key, the hour given in any time zone."""
    with watched(m.backend) as sent:
        found = await m.weather.afind_one_or_fail(("JFK", datetime(2013, 1, 31, 12, tzinfo=UTC)))
        nothing = await m.weather.afind_one(("JFK", datetime(2012, 1, 31, 12, tzinfo=UTC)))
        windy = await m.weather.query().order_by("wind_speed DESC NULLS LAST", "time", "origin").limit(2).aall()
    rows: list[tuple[Any, ...]] = [
        (w.origin, w.time, w.temperature, w.wind_speed, w.visibility) for w in (found, *windy)
    ]
    rows.append(("none in 2012", None if nothing is None else nothing.time, None, None, None))
    return Answer(("origin", "time", "temperature", "wind_speed", "visibility"), rows, sent)


async def fog(m: Models) -> Answer:
    """What fog does to departures: a join on both columns of a composite key."""
    same_hour = (m.flight.c.origin == m.weather.c.origin) & (m.flight.c.scheduled == m.weather.c.time)
    query = (
        m.flight.query()
        .join(m.weather, on=same_hour)
        .where(m.weather.c.visibility.in_([0.25, 0.5, 1.0, 2.0, 10.0]))
        .select(
            m.weather.c.visibility,
            F.count().as_("flights"),
            F.count(m.flight.c.dep_time).as_("departed"),
            F.avg(m.flight.c.dep_delay).as_("mean_delay"),
        )
        .group_by(m.weather.c.visibility)
        .order_by(m.weather.c.visibility)
    )
    return Answer(("visibility", "flights", "departed", "mean_delay"), await query.atuples(), [spelled(query)])


async def every_flight(m: Models) -> Answer:
    """How far all flights went together: every record, a chunk in memory at a time, and the sum by the database."""
    query = m.leg.query()
    legs = miles = late = 0
    async with query.iterator(chunk_size=5_000) as stream:
        while chunk := await stream.afetch_chunk():
            legs += len(chunk)
            miles += sum(leg.distance for leg in chunk)
            late += sum((leg.arr_delay or 0) > 30 for leg in chunk)
    summed = await query.asum("distance")
    counted = await query.where(m.leg.c.arr_delay > 30).acount()
    rows = [("read one by one", legs, miles, late), ("by the database", await query.acount(), summed, counted)]
    return Answer(("how", "flights", "miles", "late"), rows, [spelled(query)])


async def one_plane(m: Models) -> Answer:
    """The flights of one plane: the engine explains that it uses the index which the model declares."""
    tail = await m.flight.query().amax("tail")
    query = m.flight.query().where(m.flight.c.tail == tail)
    return Answer(("tail", "flights"), [(tail, await query.acount())], [spelled(query)], [await query.aexplain()])


# 2 - Writing, in blocks that are undone: the next face and the next question find the data as they were


class _Undone(Exception):
    """Raised to leave a block without keeping it."""


def _new_flight(m: Models, **values: Any) -> Flight:
    plain = {"date": date(2013, 1, 31), "sched_dep_time": 700, "sched_arr_time": 900}
    unknown = dict.fromkeys(("dep_time", "dep_delay", "arr_time", "arr_delay", "tail", "air_time"))
    named = {"carrier": "UA", "number": 1, "origin": "JFK", "dest": "BOS", "distance": 187}
    scheduled = datetime(2013, 1, 31, 12, tzinfo=UTC)
    return m.flight(**{**plain, **unknown, **named, "scheduled": scheduled, **values})


async def undone_block(m: Models) -> Answer:
    """What is left of a block that fails: nothing, neither the row nor the record's key."""
    before, flight = await m.flight.query().acount(), _new_flight(m)
    rows: list[tuple[Any, ...]] = []

    async def note(when: str) -> None:
        rows.append((when, await m.flight.query().acount() - before, flight.id is not None, flight.is_new_record))

    with watched(m.backend) as sent:
        try:
            async with m.flight.transaction():
                await flight.asave()
                await note("in the block")
                raise _Undone
        except _Undone:
            await note("after the block")
    return Answer(("when", "flights_more", "has_key", "is_new"), rows, sent)


async def nested_block(m: Models) -> Answer:
    """A block inside a block: the inner one is undone alone, by a savepoint."""
    added = m.flight.query().where(m.flight.c.number == 9_999)
    rows: list[tuple[Any, ...]] = []
    with watched(m.backend) as sent:
        try:
            async with m.flight.transaction():
                await _new_flight(m, number=9_999).asave()
                try:
                    async with m.flight.transaction():
                        await _new_flight(m, number=9_999).asave()
                        rows.append(("in the inner block", await added.acount()))
                        raise _Undone
                except _Undone:
                    rows.append(("in the outer block", await added.acount()))
                raise _Undone
        except _Undone:
            rows.append(("after both", await added.acount()))
        except UnsupportedFeature as error:
            return Answer(("when", "flights_more"), [("refused", None)], sent, [f"{type(error).__name__}: {error}"])
    return Answer(("when", "flights_more"), rows, sent)


async def changed_columns(m: Models) -> Answer:
    """What a save writes: only the columns that changed, and the second time nothing."""
    flight = await m.flight.query().order_by("scheduled", "carrier", "number").limit(1).aone_or_fail()
    before, rows = flight.distance, []
    with watched(m.backend) as sent:
        try:
            async with m.flight.transaction():
                flight.distance, flight.tail = before + 1, "N0DEMO"
                for when in ("the first save", "the second save"):
                    rows.append((when, ", ".join(sorted(flight.dirty_fields)), await flight.asave()))
                raise _Undone
        except _Undone:
            await flight.arefresh()
    rows.append(("after the block", "nothing" if flight.distance == before else "distance", 0))
    return Answer(("what", "changed", "rows_written"), rows, sent)


async def refusals(m: Models) -> Answer:
    """What is refused, and how: only what the models cannot know reaches the database."""
    attempts: list[tuple[str, Any]] = [
        ("no distance, at construction", lambda: _saved(_new_flight(m, distance=0))),
        ("no distance, assigned", lambda: _saved_with(_new_flight(m), distance=0)),
        ("an airline nobody knows", lambda: _saved(_new_flight(m, carrier="ZZ"))),
        ("from JFK to JFK", lambda: _saved(_new_flight(m, dest="JFK"))),
        ("a column nobody knows", lambda: m.flight.query().where(m.flight.c.destination == "BOS").acount()),
        ("text where a time belongs", lambda: m.flight.query().where(m.flight.c.scheduled > "soon").acount()),
        ("a value too few", lambda: m.flight.query().where("origin = ? AND dest = ?", ("JFK",)).acount()),
    ]
    rows, notes = [], []
    with watched(m.backend) as sent:
        for what, attempt in attempts:
            error = await _error_of(m, attempt)
            rows.append((what, _family(error)))
            notes.append(f"{what}: {type(error).__name__}: {_shortened(str(error))}")
    return Answer(("attempt", "error"), rows, sent, notes)


async def _saved(flight: Flight) -> int:
    return await flight.asave()


async def _saved_with(flight: Flight, **values: Any) -> int:
    return await flight.aupdate(**values)


async def _error_of(m: Models, attempt: Any) -> Exception | None:
    try:
        async with m.flight.transaction():
            await attempt()
            raise _Undone
    except _Undone:
        return None
    except (ConstructionError, ValidationError, IntegrityError, QueryError, DataError) as error:
        return error


def _shortened(message: str) -> str:
    text = " ".join(message.partition(" [type=")[0].split())
    return text if len(text) <= 100 else f"{text[:100]} …"


def _family(error: Exception | None) -> str:
    """The name of the error's kind on every engine: some tell a broken check from a broken key, some do not."""
    kinds = (ConstructionError, ValidationError, IntegrityError, ColumnNotFound, QueryError, DataError)
    return next((kind.__name__ for kind in kinds if isinstance(error, kind)), "nothing was refused")


QUESTIONS: tuple[Question, ...] = (
    busiest_airlines,
    long_waits,
    early_birds,
    worst_days,
    plane_makers,
    missing_links,
    destinations,
    weather_by_key,
    fog,
    every_flight,
    one_plane,
    undone_block,
    nested_block,
    changed_columns,
    refusals,
)
