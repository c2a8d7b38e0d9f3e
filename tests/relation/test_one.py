"""Giving a record another one of what it has one of: the one before is released, in the same transaction."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from blog import Author, Profile

from rhosocial.activerecord import AUTO, ActiveRecord, BelongsTo, Column, HasMany, HasOne
from rhosocial.activerecord.backend.errors import QueryError, UniqueViolation
from rhosocial.activerecord.testing import assert_queries


class Driver(ActiveRecord):
    __table_name__ = "drivers"

    id: int
    name: str = ""

    car = HasOne["Car | None"](foreign_key="driver_id")
    permit = HasOne["Permit | None"](foreign_key="driver_id", dependent="delete")
    best_trip = HasOne["Trip | None"](foreign_key="driver_id", order_by="miles DESC")
    trips = HasMany["Trip"](foreign_key="driver_id", order_by="id")
    photo = HasOne["Photo | None"](as_="subject")
    badges = HasMany["Badge"](as_="subject")


class Car(ActiveRecord):
    __table_name__ = "cars"

    id: int
    plate: str
    driver_id: Annotated[int | None, Column(unique=True)] = None

    driver = BelongsTo["Driver | None"]()


class Permit(ActiveRecord):
    __table_name__ = "permits"

    id: int
    number: str
    driver_id: int = AUTO


class Trip(ActiveRecord):
    __table_name__ = "trips"

    id: int
    miles: int
    driver_id: int | None = None


class Badge(ActiveRecord):
    __table_name__ = "badges"

    id: int
    subject_type: str = ""
    subject_id: int | None = None

    subject = BelongsTo["Driver | Car | None"](type_key="subject_type")


class Photo(ActiveRecord):
    __table_name__ = "photos"

    id: int
    subject_type: str | None = None
    subject_id: int | None = None

    subject = BelongsTo["Driver | Car | None"](type_key="subject_type")


MODELS = (Driver, Car, Permit, Trip, Badge, Photo)


class Stop(Exception):
    """Ends a block."""


@pytest.fixture(autouse=True)
def garage(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Driver 1 with car 1, permit 1, trips of 5 and 9 miles and photo 1; driver 2 with car 2; photo 2 is of car 1."""
    for model in MODELS:
        monkeypatch.setattr(model, "__backend__", backend)
        model.create_table()
    Driver.bulk_create([Driver(name="Di"), Driver(name="Dot")])
    Car.bulk_create([Car(plate="A1", driver_id=1), Car(plate="B2", driver_id=2)])
    Permit.bulk_create([Permit(number="P1", driver_id=1)])
    Trip.bulk_create([Trip(miles=miles, driver_id=1) for miles in (5, 9)])
    Photo.bulk_create([Photo(subject_type=name, subject_id=1) for name in ("Driver", "Car")])


async def owners(model: Any) -> list[tuple[int, int | None]]:
    """The key and the driver of each stored row."""
    return await model.query().order_by("id").select("id", "driver_id").atuples()


async def test_saving_an_assigned_record_releases_the_one_before() -> None:
    di = await Driver.query().with_("car").afind_one(1)
    old, di.car = di.car, Car(plate="C3")
    assert [(1, 1), (2, 2)] == await owners(Car)  # Nothing is written before.
    with assert_queries(3):  # What is stored, its release, the new one; the key is unique: in this order.
        await di.asave(related=True)

    assert [(1, None), (2, 2), (3, 1)] == await owners(Car)
    assert old.driver_id is None and old.driver is None and di.car.driver is di
    with assert_queries(0):
        await di.asave(related=True)


async def test_what_is_not_loaded_is_released_too_and_none_releases() -> None:
    di, dot = await Driver.query().order_by("id").aall()
    di.car = Car(plate="C3")
    dot.car = None
    await di.asave(related=True)
    await dot.asave(related=True)

    assert [(1, None), (2, None), (3, 1)] == await owners(Car)


async def test_the_one_that_is_stored_stays_however_it_is_assigned() -> None:
    di = await Driver.afind_one(1)
    di.car = await Car.afind_one(1)
    await di.asave(related=True)
    di.car = Car(plate="never saved")
    di.car = await Car.afind_one(1)
    await di.asave(related=True)

    assert [(1, 1), (2, 2)] == await owners(Car)


async def test_another_one_s_record_may_be_taken_over() -> None:
    di, dot = await Driver.query().order_by("id").with_("car").aall()
    taken, di.car = di.car, dot.car
    await di.asave(related=True)

    assert [(1, None), (2, 1)] == await owners(Car)
    assert taken.driver_id is None
    with pytest.raises(UniqueViolation):  # Saving the record alone releases nothing.
        await taken.aupdate(driver_id=1)


async def test_dependent_delete_deletes_it_and_a_key_that_cannot_be_null_is_refused() -> None:
    di = await Driver.query().with_("permit").afind_one(1)
    old, di.permit = di.permit, Permit(number="P2")
    await di.asave(related=True)
    assert [(2, 1)] == await owners(Permit)
    assert old.is_new_record

    ann = await Author.afind_one(1)
    ann.name, ann.profile = "Anna", Profile(text="new")
    with pytest.raises(QueryError, match=r"Profile.author_id cannot be None, .* declare dependent='delete'"):
        await ann.asave(related=True)
    assert ["likes tea", "likes rain"] == [profile.text for profile in await Profile.query().order_by("id").aall()]
    assert "Ann" == (await Author.afind_one(1)).name


async def test_of_several_rows_the_one_that_is_read_is_released() -> None:
    di = await Driver.afind_one(1)
    di.best_trip = Trip(miles=12)
    await di.asave(related=True)

    assert [(1, 1), (2, None), (3, 1)] == await owners(Trip)


async def test_of_a_relation_by_type_the_type_goes_too() -> None:
    di = await Driver.afind_one(1)
    di.photo = Photo()
    await di.asave(related=True)
    rows = await Photo.query().order_by("id").select("subject_type", "subject_id").atuples()

    assert [(None, None), ("Car", 1), ("Driver", 1)] == rows


async def test_a_type_that_cannot_be_null_is_refused_too() -> None:
    di = await Driver.query().with_("badges").afind_one(1)
    badge = await di.badges.acreate()
    with pytest.raises(QueryError, match=r"Badge.subject_type cannot be None, as removing from Driver.badges makes it"):
        await di.badges.aremove(badge)

    assert [badge] == di.badges


async def test_a_rollback_puts_the_assignment_back_so_that_the_next_save_releases() -> None:
    di = await Driver.query().with_("car").afind_one(1)
    old, new = di.car, Car(plate="C3")
    di.car = new
    with pytest.raises(Stop):
        async with Driver.transaction():
            await di.asave(related=True)
            raise Stop
    assert [(1, 1), (2, 2)] == await owners(Car)
    assert 1 == old.driver_id and new.is_new_record

    await di.asave(related=True)
    assert [(1, None), (2, 2), (new.id, 1)] == await owners(Car)  # A sequence has gone on.


async def test_what_was_loaded_anew_since_is_not_taken_for_assigned() -> None:
    di = await Driver.afind_one(1)
    di.car = Car(plate="C3")
    di.clear_relation_cache("car")
    await di.aload("car")
    await di.asave(related=True)

    assert [(1, 1), (2, 2)] == await owners(Car)


async def test_replace_saves_and_releases_at_once() -> None:
    di, dot = await Driver.query().order_by("id").with_("car").aall()
    old, new = di.car, Car(plate="C3")
    await Driver.car.areplace(di, new)
    assert [(1, None), (2, 2), (3, 1)] == await owners(Car)
    assert (new, di, None) == (di.car, new.driver, old.driver_id)

    await Driver.car.areplace(dot, None)
    assert dot.car is None
    assert [(1, None), (2, None), (3, 1)] == await owners(Car)

    fresh = Driver(name="Dee")
    with assert_queries(0):
        await Driver.car.areplace(fresh, old)
    await fresh.asave(related=True)
    assert [(1, 3), (2, None), (3, 1)] == await owners(Car)


async def test_a_rollback_undoes_a_replacement() -> None:
    di = await Driver.query().with_("car").afind_one(1)
    old, new = di.car, Car(plate="C3")
    with pytest.raises(Stop):
        async with Driver.transaction():
            await Driver.car.areplace(di, new)
            raise Stop

    assert di.car is old and 1 == old.driver_id and new.driver_id is None and new.is_new_record
    assert [(1, 1), (2, 2)] == await owners(Car)


async def test_what_is_no_such_record_is_refused() -> None:
    di: Any = await Driver.afind_one(1)
    with pytest.raises(TypeError, match=r"Driver\.car takes Car or None, got Permit"):
        await Driver.car.areplace(di, Permit(number="P2"))
