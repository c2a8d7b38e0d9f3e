"""A broken constraint is told in the model's words, whichever call met it."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any

import pytest

from rhosocial.activerecord import ActiveRecord, Check, Column, ForeignKey, Index, Unique
from rhosocial.activerecord.backend import (
    CheckViolation,
    ForeignKeyViolation,
    IntegrityError,
    NotNullViolation,
    UniqueViolation,
)


class Team(ActiveRecord):
    __table_name__ = "teams"

    id: int
    name: str = "A"


class Player(ActiveRecord):
    __table_name__ = "players"
    __table_args__ = (
        Unique("team", "shirt", name="one_shirt_each"),
        Index("nick", unique=True),
        Check("height > 0 AND weight < 900 AND 'shirt' <> 'id'"),
        Check("LENGTH(nick) < 9", name="short_nick"),
    )

    id: int
    email: Annotated[str, Column(name="email_address", unique=True)] = "a@example.org"
    team: Annotated[int | None, Column(name="team_id", references="teams.id")] = None
    former: Annotated[int | None, Column(references="teams.id")] = None
    shirt: int | None = None
    nick: str | None = None
    height: int | None = None
    weight: int | None = None


class Goalkeeper(Player):
    """A second model over the same table."""


@pytest.fixture(autouse=True)
def tables(home: Any) -> None:
    home(Team, Player)
    Goalkeeper.__table__  # noqa: B018  # Both are known to the backend.


CASES = [
    ({"email": "ann@example.org"}, UniqueViolation, ("email",), None),
    ({"team": 1, "shirt": 7}, UniqueViolation, ("team", "shirt"), "one_shirt_each"),
    ({"nick": "ann"}, UniqueViolation, ("nick",), "ux_players_nick"),
    ({"id": 101}, UniqueViolation, ("id",), None),
    ({"team": 9}, ForeignKeyViolation, ("team",), None),
    ({"former": 9}, ForeignKeyViolation, ("former",), None),
    ({"height": -1}, CheckViolation, ("height", "weight"), None),
    ({"nick": "a very long one"}, CheckViolation, ("nick",), "short_nick"),
]


async def seed() -> None:
    await Team(id=1).asave()
    await Player(id=101, email="ann@example.org", team=1, shirt=7, nick="ann").asave()


@pytest.mark.parametrize(("values", "kind", "fields", "constraint"), CASES)
@pytest.mark.parametrize("way", ["save", "save in a block", "update", "bulk", "by query"])
async def test_the_error_names_the_fields(
    way: str, values: dict[str, Any], kind: type[IntegrityError], fields: tuple[str, ...], constraint: str | None
) -> None:
    await seed()
    if way != "bulk":
        await Player(id=102, email="bob@example.org").asave()

    with pytest.raises(kind) as caught:
        if way.startswith("save"):
            async with contextlib.AsyncExitStack() if way == "save" else Player.transaction():
                await Player(**{"email": "c@example.org", **values}).asave()
        elif way == "bulk":
            await Player.abulk_create([Player(**{"email": "c@example.org", **values})])
        elif way == "update":
            player = await Player.afind_one(102)
            await player.aupdate(values)
        else:
            await Player.query().where(Player.c.id == 102).aupdate(values)

    error = caught.value
    assert (Player, fields, "players") == (error.model, error.fields, error.table)
    assert constraint in (None, error.constraint)  # One without a name has another on each engine.
    place = (0,) if way == "bulk" else ()
    assert [(*place, field) for field in fields] == [entry["loc"] for entry in error.errors()]
    assert {kind.kind} == {entry["type"] for entry in error.errors()}


async def test_a_key_that_others_refer_to_is_told_apart() -> None:
    await seed()
    team = await Team.afind_one(1)

    for deletion in (team.adelete, Team.query().adelete):
        with pytest.raises(ForeignKeyViolation) as caught:
            await deletion()

        assert Team is caught.value.model and caught.value.fields == ()
        (entry,) = caught.value.errors()
        assert ("foreign_key", (), "Other rows refer to this one") == (entry["type"], entry["loc"], entry["msg"])


async def test_of_models_that_share_a_table_the_one_that_was_saved_is_named() -> None:
    await seed()

    with pytest.raises(UniqueViolation) as caught:
        await Goalkeeper(email="ann@example.org").asave()

    assert Goalkeeper is caught.value.model


async def test_of_several_keys_the_one_that_is_set_is_named() -> None:
    await seed()

    for in_block in (False, True):
        with pytest.raises(ForeignKeyViolation) as caught:
            async with Player.transaction() if in_block else contextlib.AsyncExitStack():
                await Player(team=1, former=9).asave()

        # SQLite does not say which of the two it was: it is asked which rows there are.
        assert (Player, ("former",)) == (caught.value.model, caught.value.fields)
        assert "Value refers to no existing row" == caught.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("rows", "kind", "row"),
    [
        ([{"shirt": 1}, {"nick": "x"}, {"nick": "x"}], UniqueViolation, 2),
        ([{"shirt": 1}, {"nick": "ann"}], UniqueViolation, 1),  # It meets a row that was there.
        ([{"team": 1}, {"team": 1, "shirt": 7}], UniqueViolation, 1),
        ([{"team": 1, "former": 1}, {"team": 1, "former": 9}, {"team": 9}], ForeignKeyViolation, 2),
        ([{"height": 3}, {"height": -3}], CheckViolation, 1),
        (
            [{"id": None}, {"id": None, "nick": "x"}, {"id": 4, "nick": "x"}],
            UniqueViolation,
            2,
        ),  # A statement of its own.
    ],
)
async def test_the_record_of_a_batch_is_named(rows: list[dict[str, Any]], kind: type[IntegrityError], row: int) -> None:
    await seed()
    players = [Player(email=f"{n}@example.org", **values) for n, values in enumerate(rows)]

    with pytest.raises(kind) as caught:
        await Player.abulk_create(players)

    error = caught.value
    # Of two orphans either may be named: which one, depends on what the engine tells.
    assert error.row == row or (kind is ForeignKeyViolation and error.row == 1)
    assert [(error.row, field) for field in error.fields] == [entry["loc"] for entry in error.errors()]
    assert set(error.fields) <= {field for values in rows for field in values} | {"weight"}
    assert 1 == await Player.query().acount()


async def test_a_missing_value_names_row_and_field(home: Any, backend: Any) -> None:
    class Strict(ActiveRecord):
        __table_name__ = "strict"

        id: int
        word: str | None = None

    Strict.__backend__ = backend
    await backend.aexecute("CREATE TABLE strict (id INTEGER PRIMARY KEY, word TEXT NOT NULL)")

    with pytest.raises(NotNullViolation) as caught:
        await Strict.abulk_create([Strict(id=1, word="a"), Strict(id=2), Strict(id=3, word="b")])

    assert (Strict, ("word",), 1) == (caught.value.model, caught.value.fields, caught.value.row)
    (entry,) = caught.value.errors({"word": None})
    assert {"type": "not_null", "loc": (1, "word"), "msg": "Value must not be null", "input": None} == entry


async def test_values_stand_in_no_error_unless_the_caller_gives_them() -> None:
    await seed()

    with pytest.raises(UniqueViolation) as caught:
        await Player(email="ann@example.org").asave()

    error = caught.value
    assert "ann@" not in f"{error} {error!r} {vars(error)} {error.errors()}"
    assert "ann@example.org" == error.errors({"email": "ann@example.org"})[0]["input"]


async def test_several_fields_are_named_together() -> None:
    await seed()

    with pytest.raises(UniqueViolation) as caught:
        await Player(team=1, shirt=7).asave()

    assert [{"constraint": "one_shirt_each", "fields": ["team", "shirt"]}] * 2 == [
        entry["ctx"] for entry in caught.value.errors()
    ]


async def test_sql_of_ones_own_is_explained_by_what_the_engine_says(backend: Any) -> None:
    await seed()

    with pytest.raises(UniqueViolation) as caught:
        await backend.aexecute("INSERT INTO players (email_address) VALUES ('ann@example.org')")
    assert (Player, ("email",)) == (caught.value.model, caught.value.fields)

    await backend.aexecute("CREATE TABLE stray (a INTEGER UNIQUE)")
    with pytest.raises(UniqueViolation) as caught:
        await backend.aexecute("INSERT INTO stray VALUES (1), (1)")
    assert (None, (), "stray") == (caught.value.model, caught.value.fields, caught.value.table)


@pytest.mark.engine("sqlite")  # It stands for an engine that names constraints otherwise.
async def test_constraints_without_names_are_known_by_those_that_the_engine_makes(backend: Any) -> None:
    class Dialect(type(backend.dialect)):  # Known at run time only.
        def implied_name(self, kind: str, table: str, columns: tuple[str, ...], number: int) -> str | None:
            return f"{table}_{'_'.join(columns)}_{kind}{number}"

    backend._dialect = Dialect()
    details = {"table": "orders", "constraint": ""}
    backend._error_details = lambda error: details

    class Order(ActiveRecord):
        __table_name__ = "orders"
        __table_args__ = (ForeignKey("team_id", references="teams.id"), Unique("a", "b"), Check("a > 0"))

        id: int
        team: Annotated[int, Column(name="team_id")] = 9
        a: int = 0
        b: Annotated[int, Column(unique=True)] = 0

    Order.__backend__ = backend
    await Order.acreate_table()

    for name, fields in {
        "orders_id_primary_key1": ("id",),
        "orders_b_unique1": ("b",),
        "orders_a_b_unique2": ("a", "b"),
        "orders_team_id_foreign_key1": ("team",),
        "orders_a_check1": ("a",),
    }.items():
        details["constraint"] = name
        with pytest.raises(IntegrityError) as caught:
            await Order().asave()
        assert (Order, fields) == (caught.value.model, caught.value.fields)
