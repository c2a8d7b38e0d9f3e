"""The models over five tables of 2013's flights from New York City, and how to bind them to another database."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import Enum
from types import new_class
from typing import Annotated, Any, Self, cast

from pydantic import AwareDatetime, Field

from rhosocial.activerecord import AUTO, ActiveRecord, Check, Column, ForeignKey, Index
from rhosocial.activerecord.backend import StorageBackend

AirportCode = Annotated[str, Field(pattern="^[0-9A-Z]{3}$")]


class DaylightSaving(Enum):
    """Which rule for summer time an airport follows."""

    AMERICAN = "A"
    UNKNOWN = "U"
    NONE = "N"


class Airline(ActiveRecord):
    """An airline, by its code of two letters."""

    __table_name__ = "airlines"
    __primary_key__ = "carrier"

    carrier: Annotated[str, Field(min_length=2, max_length=2)]
    name: Annotated[str, Column(unique=True)]


class Airport(ActiveRecord):
    """An airport of the United States; some fields have plainer names than their columns."""

    __table_name__ = "airports"
    __primary_key__ = "code"
    __table_args__ = (Check("lat BETWEEN -90 AND 90"), Check("lon BETWEEN -180 AND 180"))

    code: Annotated[AirportCode, Column(name="faa")]
    name: str
    latitude: Annotated[float, Column(name="lat")]
    longitude: Annotated[float, Column(name="lon")]
    altitude: Annotated[int, Column(name="alt")]
    utc_offset: Annotated[int, Column(name="tz")]
    daylight_saving: Annotated[DaylightSaving, Column(name="dst")]
    time_zone: Annotated[str | None, Column(name="tzone")]


class Plane(ActiveRecord):
    """A plane of the register of 2013."""

    __table_name__ = "planes"
    __primary_key__ = "tail"
    __table_args__ = (Check("seats > 0"), Check("engines BETWEEN 1 AND 4"))

    tail: Annotated[str, Column(name="tailnum")]
    year: int | None
    kind: Annotated[str, Column(name="type")]
    manufacturer: Annotated[str, Column(index=True)]
    model: str
    engines: int
    seats: int
    speed: int | None
    engine: str


class Weather(ActiveRecord):
    """The weather at one of the three airports in one hour.

    `date` and `hour` are local time, which has one hour twice on 3 November: so the point in time is the key.
    """

    __table_name__ = "weather"
    __primary_key__ = ("origin", "time")
    __table_args__ = (ForeignKey("origin", references="airports.faa"), Check("visib >= 0"))

    origin: AirportCode
    time: Annotated[AwareDatetime, Column(name="time_hour")]
    date: datetime.date
    hour: int
    temperature: Annotated[float | None, Column(name="temp")]
    dew_point: Annotated[float | None, Column(name="dewp")]
    humidity: Annotated[float | None, Column(name="humid")]
    wind_direction: Annotated[int | None, Column(name="wind_dir")]
    wind_speed: float | None
    wind_gust: float | None
    rain: Annotated[float, Column(name="precip")]
    pressure: float | None
    visibility: Annotated[float, Column(name="visib")]


class Flight(ActiveRecord):
    """One departure; times of day are local and written as 517 for 5:17, delays and durations are minutes.

    The file's columns hour and minute are left out: they repeat sched_dep_time.

    `tail` and `dest` are no foreign keys: 50,094 flights were flown by planes that the register lacks, and 7,602 went
    to airports that the list of airports lacks.  Nor is (`origin`, `scheduled`): the weather of 1,556 is not known.
    """

    __table_name__ = "flights"
    __table_args__ = (
        ForeignKey("carrier", references="airlines.carrier"),
        ForeignKey("origin", references="airports.faa"),
        Index("tail"),
        Check("origin <> dest"),
    )

    id: int = AUTO
    date: datetime.date
    dep_time: int | None
    sched_dep_time: int
    dep_delay: int | None
    arr_time: int | None
    sched_arr_time: int
    arr_delay: int | None
    carrier: Annotated[str, Field(min_length=2, max_length=2)]
    number: Annotated[int, Column(name="flight")]
    tail: Annotated[str | None, Column(name="tailnum")]
    origin: AirportCode
    dest: AirportCode
    air_time: int | None
    distance: Annotated[int, Field(gt=0)]
    scheduled: Annotated[AwareDatetime, Column(name="time_hour")]


class Leg(ActiveRecord):
    """A flight for those who only count miles: a second model over the same table, with few of its columns."""

    __table_name__ = "flights"

    id: int = AUTO
    distance: int
    arr_delay: int | None


@dataclass(frozen=True, slots=True)
class Models:
    """The models over one database."""

    airline: type[Airline]
    airport: type[Airport]
    plane: type[Plane]
    weather: type[Weather]
    flight: type[Flight]
    leg: type[Leg]

    @classmethod
    def over(cls, config: Any, backend_class: type[StorageBackend] | None = None) -> Self:
        """A second set of the same models, stored where `config` says; both sets can be used side by side."""
        copies = [_copy(model) for model in (Airline, Airport, Plane, Weather, Flight, Leg)]
        copies[0].configure(config, backend_class, models=copies[1:])
        return cls(*cast(Any, copies))

    @property
    def tables(self) -> tuple[type[ActiveRecord], ...]:
        """One model for each table, in an order in which the tables can be filled."""
        return self.airline, self.airport, self.plane, self.weather, self.flight

    @property
    def backend(self) -> StorageBackend:
        """The backend that all of them share."""
        return self.flight.backend()


def _copy(model: type[ActiveRecord]) -> type[ActiveRecord]:
    made: type[ActiveRecord] = new_class(
        model.__name__, (model,), exec_body=lambda names: names.update(__module__=__name__)
    )
    return made


def fields_by_column(model: type[ActiveRecord]) -> dict[str, str]:
    """The fields of a model by the names of their columns."""
    return {model.c[field].name: field for field in model.model_fields}
