"""Classes that share a table: which class a row becomes, and what each class sees."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, TypeAdapter
from pydantic import ValidationError as PydanticValidationError

from rhosocial.activerecord import (
    AUTO,
    ActiveRecord,
    BelongsTo,
    HasMany,
    Index,
    ManyToMany,
    SoftDeleteMixin,
)
from rhosocial.activerecord.backend import StorageBackend
from rhosocial.activerecord.backend.errors import (
    ColumnNotFound,
    ConfigurationError,
    DataError,
    QueryError,
    RecordNotFound,
    RelationNotLoaded,
    UniqueViolation,
    ValidationError,
)
from rhosocial.activerecord.testing import assert_queries


class Vehicle(ActiveRecord):
    __table_name__ = "vehicles"
    __discriminator__ = "kind"

    id: int
    kind: str = AUTO
    name: str
    owner_id: int | None = None

    owner = BelongsTo["Person | None"](foreign_key="owner_id")
    trips = HasMany["Trip"](dependent="delete")
    tags = ManyToMany["Tag"](through="vehicle_tags")
    notes = HasMany["Remark"](as_="about")


class Car(Vehicle):
    __discriminator_value__ = "car"

    doors: int = 5


class Taxi(Car):
    __table_args__ = (Index("licence", unique=True),)

    licence: str


class Boat(Vehicle):
    kind: Literal["boat"] = "boat"
    draught: float
    berths: list[int] = []

    crew = HasMany["Person"](foreign_key="boat_id")


class Person(ActiveRecord):
    __table_name__ = "persons"

    id: int
    name: str
    boat_id: int | None = None

    vehicles = HasMany["Vehicle"](foreign_key="owner_id", order_by="id")
    cars = HasMany["Car"](foreign_key="owner_id", order_by="id")
    boat = BelongsTo["Boat | None"](foreign_key="boat_id")


class Trip(ActiveRecord):
    __table_name__ = "trips"

    id: int
    vehicle_id: int

    vehicle = BelongsTo["Vehicle | None"](foreign_key="vehicle_id", inverse_of="trips")


class Tag(ActiveRecord):
    __table_name__ = "tags"

    id: int


class VehicleTag(ActiveRecord):
    __table_name__ = "vehicle_tags"
    __primary_key__ = ("vehicle_id", "tag_id")

    vehicle_id: int
    tag_id: int


class Remark(ActiveRecord):
    __table_name__ = "remarks"

    id: int
    about_type: str | None = None
    about_id: int | None = None

    about = BelongsTo["Vehicle | Person"](type_key="about_type")


MODELS = (Vehicle, Person, Trip, Tag, VehicleTag, Remark)


@pytest.fixture(autouse=True)
def harbour(engine: Any) -> Iterator[StorageBackend]:
    """Car 1, boat 2, taxi 3 and plain vehicle 4, the first three of person 1; two trips each of 1 and 2."""
    with engine.place(in_memory=False) as place:
        made = place.configure(Vehicle, MODELS)
        for model in MODELS:
            model.create_table()
        Person.create(name="Ann")
        Car.create(name="Beetle", owner_id=1)
        Boat.create(name="Dory", draught=0.5, owner_id=1, berths=[1, 2])
        Taxi.create(name="Checker", licence="T1", owner_id=1)
        Vehicle.create(name="Sledge")
        Trip.bulk_create([Trip(vehicle_id=n) for n in (1, 1, 2, 2)])
        Tag.create()
        VehicleTag.create(vehicle_id=2, tag_id=1)
        Person.create(name="Bob", boat_id=2)
        yield made
        made.close()


def kinds(records: Any) -> list[type]:
    return [type(record) for record in records]


ALL = [Car, Boat, Taxi, Vehicle]


# 1 - Reading


async def test_each_row_becomes_a_record_of_its_class_in_the_querys_order():
    found = await Vehicle.query().order_by("id").aall()

    assert kinds(found) == ALL
    assert kinds(await Vehicle.query().order_by("id DESC").aall()) == ALL[::-1]
    assert found[1] == Boat(id=2, kind="boat", name="Dory", draught=0.5, owner_id=1, berths=[1, 2])
    assert found[2] == Taxi(id=3, name="Checker", licence="T1", owner_id=1)
    assert [vehicle.kind for vehicle in found] == ["car", "boat", "Taxi", "Vehicle"]
    assert not any(vehicle.is_dirty or vehicle.is_new_record for vehicle in found)


async def test_many_rows_of_many_classes():
    await Boat.abulk_create([Boat(name=f"b{n}", draught=n) for n in range(50)])
    await Car.abulk_create([Car(name=f"c{n}", doors=n) for n in range(50)])
    found = await Vehicle.query().order_by("name", "id").aall()

    assert [v.draught for v in found if type(v) is Boat and v.name != "Dory"] == [
        float(v.name[1:]) for v in found if type(v) is Boat and v.name != "Dory"
    ]
    assert [v.name for v in found] == sorted(v.name for v in found)
    assert len(found) == 104


@pytest.mark.parametrize(("model", "ids"), [(Vehicle, [1, 2, 3, 4]), (Car, [1, 3]), (Taxi, [3]), (Boat, [2])])
async def test_a_class_sees_its_own_rows_and_those_of_classes_below_it(model, ids):
    asked = model.query().order_by("id")

    assert [record.id for record in await asked.aall()] == ids
    assert [record.id for record in await asked.unscoped().aall()] == ids
    assert [record.id for record in await model.alias("v").query().order_by("id").aall()] == ids
    assert [row["id"] for row in await asked.adicts()] == ids
    assert [record.id async for record in asked.iterator(2)] == ids
    assert [record.id for record in await asked.apage(9)] == ids
    assert [record.id for record in await model.afind_all([1, 2, 3, 4])] == ids
    assert await asked.acount() == len(ids)
    for n in (1, 2, 3, 4):
        found = await model.afind_one(n)
        assert (found is not None and type(found) is ALL[n - 1]) == (n in ids)
        assert (await asked.afind_one(n) is not None) == (n in ids)


async def test_keys_of_a_lowest_class_are_found_in_one_statement():
    with assert_queries(1):
        assert await Boat.afind_one(1) is None
    with pytest.raises(RecordNotFound):
        await Taxi.afind_one_or_fail(1)


async def test_columns_of_classes_below_can_be_asked_for():
    asked = Vehicle.query().where(Boat.c.draught < 1)

    assert kinds(await asked.aall()) == [Boat]
    assert kinds(await Vehicle.query().query({"doors__gte": 5}).order_by("id").aall()) == [Car, Taxi]
    assert await Vehicle.query().select("name", "licence").where("licence IS NOT NULL").atuples() == [("Checker", "T1")]
    assert kinds(await Vehicle.query().union(Vehicle.query()).order_by("id").aall()) == ALL
    assert kinds(await Vehicle.query().from_(asked.as_cte("low")).aall()) == [Boat]
    assert kinds(await Vehicle.query().raw_sql("SELECT * FROM vehicles ORDER BY id").aall()) == ALL
    with pytest.raises(ColumnNotFound):
        Vehicle.c.draught  # noqa: B018  # Reading it is what is tested.
    with pytest.raises(ColumnNotFound):
        Boat.query().where(Boat.c.doors == 5)


async def test_answers_in_a_class_of_ones_own():
    class Card(BaseModel):
        name: str
        draught: float | None

    found = await Vehicle.query().order_by("id").limit(2).into(Card).aall()

    assert found == [Card(name="Beetle", draught=None), Card(name="Dory", draught=0.5)]


async def test_rows_that_are_dicts():
    row = {"id": 9, "kind": "boat", "name": "x", "owner_id": None, "draught": 1.0, "berths": "[3]"}

    found = Vehicle.create_from_database({**row, "doors": None, "licence": None})

    assert type(found) is Boat
    assert found.berths == [3]
    assert Boat.create_from_database(row) == found


# 2 - Writing


async def test_a_record_is_saved_refreshed_and_deleted_as_one_of_its_class():
    boat = next(record for record in await Vehicle.query().aall() if isinstance(record, Boat))
    boat.draught = 0.7
    boat.berths.append(3)
    assert boat.dirty_fields == {"draught", "berths"}
    assert await boat.asave() == 1
    await boat.arefresh()

    assert (boat.draught, boat.berths) == (0.7, [1, 2, 3])
    assert await boat.adelete() == 1
    assert await Vehicle.afind_one(2) is None


async def test_construction_sets_the_kind():
    assert [Car(name="a").kind, Taxi(name="a", licence="b").kind, Vehicle(name="a").kind] == ["car", "Taxi", "Vehicle"]
    assert Car(name="a", kind="car").kind == "car"
    with pytest.raises(PydanticValidationError, match="cannot become another"):
        Car(name="a", kind="Taxi")
    with pytest.raises(PydanticValidationError, match="literal_error"):
        Boat(name="a", draught=1, kind="car")


async def test_a_record_cannot_change_its_class():
    car = await Vehicle.afind_one_or_fail(1)
    car.kind = "boat"
    with pytest.raises(ValidationError, match="cannot become another"):
        await car.asave()
    with pytest.raises(DataError, match="cannot be set"):
        await Car.query().aupdate(kind="boat")

    assert await Boat.query().acount() == 1


async def test_changes_by_query_keep_to_the_class():
    assert await Car.query().aupdate(doors=3) == 2
    assert await Vehicle.query().where(Boat.c.id == 2).aupdate(draught="0.9") == 1
    with pytest.raises(ValidationError):
        await Vehicle.query().aupdate(draught="deep")
    assert await Taxi.query().adelete() == 1

    assert kinds(await Vehicle.query().order_by("id").aall()) == [Car, Boat, Vehicle]
    assert [v.draught for v in await Boat.query().aall()] == [0.9]


async def test_the_table_has_the_columns_and_indexes_of_all_classes(harbour):
    with pytest.raises(UniqueViolation):
        await Taxi.acreate(name="Twin", licence="T1")
    await Vehicle.adrop_table()
    await Taxi.acreate_table()

    assert (await Boat.acreate(name="x", draught=1)).id == 1
    assert kinds(await Vehicle.query().aall()) == [Boat]


async def test_rollback_copies_and_pickles():
    with pytest.raises(ZeroDivisionError):
        async with Vehicle.transaction():
            boat = await Boat.acreate(name="x", draught=1)
            1 / 0  # noqa: B018  # It is to raise.
    found = await Vehicle.afind_one_or_fail(2)
    twin = pickle.loads(pickle.dumps(found))

    assert boat.is_new_record
    assert (type(twin), twin, twin.is_new_record) == (Boat, found, False)


# 3 - Relations


async def test_relations_lead_to_records_of_the_right_classes():
    ann = await Person.query().with_("vehicles.trips").order_by("id").afirst()
    lazily = await Person.afind_one_or_fail(1)
    trips = await Trip.query().order_by("id").with_("vehicle").aall()
    joined = await Trip.query().order_by("id").with_("vehicle", join=True).aall()

    assert ann is not None
    assert kinds(ann.vehicles) == kinds(await lazily.aload("vehicles")) == [Car, Boat, Taxi]
    assert [len(vehicle.trips) for vehicle in ann.vehicles] == [2, 2, 0]
    assert kinds(await lazily.aload("cars")) == kinds(await lazily.cars_query().aall()) == [Car, Taxi]
    assert kinds(trip.vehicle for trip in trips) == kinds(trip.vehicle for trip in joined) == [Car, Car, Boat, Boat]
    assert joined[2].vehicle == await Boat.afind_one(2)
    assert await Person.query().where(Person.cars.count() == 2).acount() == 1
    assert await Person.query().join("cars").acount() == 2
    assert await Person.query().left_join(Car, on=Car.c.owner_id == Person.c.id).where("persons.id = 1").acount() == 2


async def test_relations_of_a_class_hold_for_those_below():
    found = await Vehicle.query().order_by("id").with_("trips", "tags").with_count("trips").aall()

    assert [len(vehicle.trips) for vehicle in found] == [2, 2, 0, 0]
    assert [len(vehicle.tags) for vehicle in found] == [0, 1, 0, 0]
    assert [vehicle.count_of("trips") for vehicle in found] == [2, 2, 0, 0]
    assert [person.name for person in await found[1].aload("crew")] == ["Bob"]
    assert (await Person.afind_one_or_fail(2)).boat_id == 2
    assert type(await (await Person.afind_one_or_fail(2)).aload("boat")) is Boat
    assert kinds(await Vehicle.query().where(Vehicle.trips.any()).order_by("id").aall()) == [Car, Boat]
    assert kinds(await Car.query().where(Car.trips.any()).order_by("id").aall()) == [Car]


async def test_lazy_reading_is_batched_for_each_class():
    await Car.acreate(name="Second")
    found = await Vehicle.query().order_by("id").aall()
    with assert_queries(2):
        for vehicle in found:
            if isinstance(vehicle, (Car, Boat)) and not isinstance(vehicle, Taxi):
                await vehicle.aload("trips")


async def test_a_policy_holds_for_all_classes():
    for vehicle in await Vehicle.query().loading("raise").aall():
        with pytest.raises(RelationNotLoaded, match="trips"):
            vehicle.trips  # noqa: B018  # Reading it is what is tested.


async def test_relations_to_several_models_know_the_class_that_has_the_table():
    boat = await Boat.afind_one_or_fail(2)
    remark = Remark(about=boat)
    await remark.asave()
    again = await Remark.query().with_("about").aone_or_fail()

    assert remark.about_type == "Vehicle"
    assert again.about == boat
    assert type(again.about) is Boat
    assert [r.id for r in await boat.aload("notes")] == [remark.id]


async def test_dependents_of_every_class_go_along():
    for vehicle in await Vehicle.query().aall():
        await vehicle.adelete()

    assert await Trip.query().acount() == 0


# 4 - Kinds


class Level(Enum):
    LOW = 1
    HIGH = 2


async def test_kinds_may_be_members_of_an_enum(harbour):
    class Alarm(ActiveRecord):
        __table_name__ = "alarms"
        __discriminator__ = "level"
        __discriminator_value__ = Level.LOW

        id: int
        level: Level = AUTO

    class Loud(Alarm):
        level: Level = Level.HIGH
        volume: int = 11

    Alarm.__backend__ = harbour
    await Alarm.acreate_table()
    await Alarm.acreate()
    await Loud.acreate()

    assert kinds(await Alarm.query().order_by("id").aall()) == [Alarm, Loud]
    assert [alarm.level for alarm in await Loud.query().aall()] == [Level.HIGH]


async def test_literal_kinds_make_a_union_of_pydantics():
    adapter: TypeAdapter[Any] = TypeAdapter(Boat | Car)

    assert type(adapter.validate_python({"kind": "boat", "name": "a", "draught": 1})) is Boat
    assert type(adapter.validate_python({"kind": "car", "name": "a"})) is Car


async def test_a_kind_that_no_class_has_is_refused_or_of_the_class_that_was_asked(harbour):
    await harbour.aexecute("INSERT INTO vehicles (kind, name) VALUES ('kite', 'Red')")
    with pytest.raises(DataError, match="import the module") as refused:
        await Vehicle.query().aall()
    assert "kite" not in str(refused.value)
    assert kinds(await Car.query().order_by("id").aall()) == [Car, Taxi]

    class Thing(ActiveRecord):
        __table_name__ = "vehicles"
        __discriminator__ = "kind"
        __unknown_kinds__ = "base"

        id: int
        kind: str
        name: str

    class Dinghy(Thing):
        __discriminator_value__ = "boat"

    Thing.__backend__ = harbour
    found = await Thing.query().order_by("id").aall()
    found[-1].name = "Blue"
    await found[-1].asave()

    assert kinds(found) == [Thing, Dinghy, Thing, Thing, Thing]
    assert (await Thing.afind_one_or_fail(5)).name == "Blue"


async def test_a_class_that_is_defined_later_is_known_from_then_on(harbour):
    class Tool(ActiveRecord):
        __table_name__ = "tools"
        __discriminator__ = "kind"

        id: int
        kind: str

    class Box(ActiveRecord):
        __table_name__ = "boxes"

        id: int
        tool_id: int
        tool = BelongsTo[Tool]()

    for model in (Tool, Box):
        model.__backend__ = harbour
        await model.acreate_table()
    await Tool.acreate()
    await Box.acreate(tool_id=1)
    assert kinds([box.tool for box in await Box.query().with_("tool").aall()]) == [Tool]
    await harbour.aexecute("ALTER TABLE tools ADD COLUMN teeth BIGINT")

    class Saw(Tool):
        teeth: int = 90

    await Saw.acreate()
    await Box.acreate(tool_id=2)
    assert kinds(await Tool.query().order_by("id").aall()) == [Tool, Saw]
    assert kinds([box.tool for box in await Box.query().order_by("id").with_("tool").aall()]) == [Tool, Saw]
    before = Saw

    class Saw(Tool):  # Once more, as in a notebook.
        teeth: int = 80

    assert kinds(await Tool.query().order_by("id").aall()) == [Tool, Saw]
    assert Saw is not before


def test_what_cannot_share_a_table_is_refused():
    class Animal(ActiveRecord):
        __table_name__ = "animals"
        __discriminator__ = "kind"

        id: int
        kind: str

    class Cat(Animal):
        size: int = 1

    with pytest.raises(TypeError, match="names no field"):

        class NoField(ActiveRecord):
            __table_name__ = "nothing"
            __discriminator__ = "kind"

            id: int

    class Plain(ActiveRecord):
        __table_name__ = "plain"

        id: int
        kind: str

    with pytest.raises(TypeError, match="declare it in Plain"):

        class Below(Plain):
            __discriminator__ = "kind"

    class Twin(Animal):
        __discriminator_value__ = "Cat"

    with pytest.raises(ConfigurationError, match="both of the kind 'Cat'"):
        Animal.query()
    Twin.__kind__ = "Twin"

    class Dog(Animal):
        size: str = "big"

    with pytest.raises(ConfigurationError, match="other names, or one type"):
        Animal.query()


# 5 - Beside other things


async def test_tables_of_their_own_stay_what_they_were(harbour):
    class Named(ActiveRecord):
        id: int
        name: str

    class Town(Named):
        __table_name__ = "towns"

    class City(Town):
        __table_name__ = "cities"
        mayor: str = "?"

    class Hamlet(Town):
        pass

    for model in (Town, City, Hamlet):
        model.__backend__ = harbour
        await model.acreate_table()
    await City.acreate(name="Rome")
    await Town.acreate(name="Nemi")

    assert kinds(await Town.query().aall()) == [Town]
    assert kinds(await City.query().aall()) == [City]
    assert kinds(await Hamlet.query().aall()) == [Hamlet]
    assert Town.__table__.reading is Town.__table__


async def test_a_class_with_a_table_of_its_own_leaves_the_family(harbour):
    class Plane(Vehicle):
        __table_name__ = "planes"
        wings: int = 2

    Plane.__backend__ = harbour
    await Plane.acreate_table()
    await Plane.acreate(name="Spad")

    assert kinds(await Plane.query().aall()) == [Plane]
    assert kinds(await Vehicle.query().order_by("id").aall()) == ALL
    with pytest.raises(QueryError):
        Vehicle.query().select("wings")


async def test_soft_deletion_goes_with_it(harbour):
    class Paper(SoftDeleteMixin, ActiveRecord):
        __table_name__ = "papers"
        __discriminator__ = "kind"

        id: int
        kind: str = AUTO

    class Letter(Paper):
        to: str = "you"

    Paper.__backend__ = harbour
    await Letter.acreate_table()
    letter = await Letter.acreate()
    await Paper.acreate()
    await letter.adelete()

    assert kinds(await Paper.query().aall()) == [Paper]
    assert kinds(await Paper.query_with_deleted().order_by("id").aall()) == [Letter, Paper]
    assert await Letter.afind_one(1) is None
    assert await Letter.query_only_deleted().arestore() == 1
    assert kinds(await Letter.query().unscoped().aall()) == [Letter]
