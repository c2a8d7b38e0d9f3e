"""Questions for columns: select, groups, aggregates, and the rows that answer."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
from decimal import Decimal
from typing import Any

import pytest
from shop import Mood, Person, Pet, by_nulls

from rhosocial.activerecord import F
from rhosocial.activerecord.backend import ColumnNotFound, QueryError
from rhosocial.activerecord.rows import Row

c = Person.c


async def test_a_row_gives_its_values_by_name_key_and_place() -> None:
    row = (await Person.query().select("name", c.age, F.upper(c.name).as_("loud")).order_by("id").aall())[0]

    assert isinstance(row, Row)
    assert ("Ann", 30, "ANN") == row
    assert ("Ann", 30, "ANN") == (row.name, row.age, row.loud)
    assert ("Ann", 30, "ANN") == (row["name"], row["age"], row["loud"])
    assert ("Ann", "ANN", ("Ann", 30)) == (row[0], row[-1], row[:2])
    assert {"name": "Ann", "age": 30, "loud": "ANN"} == row.as_dict()
    assert "Row(name='Ann', age=30, loud='ANN')" == repr(row)


async def test_a_row_names_what_it_has_where_asked_for_something_else() -> None:
    row = await Person.query().select("name", "age").afirst()

    with pytest.raises(AttributeError, match="no column 'nam'; it has name, age"):
        _ = row.nam
    with pytest.raises(KeyError, match="no column 'nam'; it has name, age"):
        _ = row["nam"]
    with pytest.raises(IndexError):
        _ = row[2]
    with pytest.raises(AttributeError):
        row.name = "x"


async def test_a_row_can_be_copied_and_pickled() -> None:
    row = await Person.query().select("name", F.count().as_("n")).group_by("name").order_by("name").afirst()

    for copied in (copy.copy(row), copy.deepcopy(row), pickle.loads(pickle.dumps(row))):
        assert row == copied
        assert ("Ann", 1) == (copied.name, copied.n)


async def test_a_column_may_have_the_name_of_a_method_of_tuples() -> None:
    asked = Person.query().select(F.count(), F.max(c.age).as_("index"), F.min(c.age).as_("as_dict"))
    row = (await asked.aall())[0]

    assert (6, 45, 5) == (row.count, row.index, row.as_dict)
    assert "Row(count=6, index=45, as_dict=5)" == repr(row)


@pytest.mark.parametrize(
    "name", ["__class__", "__len__", "_places", "_private", 'a"b', "a b", "a.b", "a'b", "%s", "é", "?", "1"]
)
async def test_any_other_alias_is_a_name_and_nothing_else(name: str) -> None:
    query = Person.query().select(c.name.as_(name), "age").order_by("id")
    row = (await query.aall())[0]

    assert ("Ann", 30, "Ann") == (*row, row[name])
    assert type(row) is row.__class__ and 2 == len(row)
    assert {name: "Ann", "age": 30} == (await query.adicts())[0]


async def test_values_are_of_the_types_that_the_model_says() -> None:
    query = Person.query().select("id", "name", "score", "balance", "fortune", "active", "born", "mood", "tags", "nick")

    assert (
        5, "Eve", 3.0, Decimal("0.70"), Decimal("-1.000000"), True, dt.date(2000, 1, 5), Mood.GLAD, ["x", "y"], None
    ) == (await query.where(c.name == "Eve").atuples())[0]  # fmt: skip
    row = (await query.where(c.name == "Eve").aall())[0]
    assert isinstance(row.balance, Decimal) and isinstance(row.active, bool) and row.mood is Mood.GLAD


async def test_names_in_strings_may_be_columns_functions_and_aliases() -> None:
    grouped = Person.query().select("mood", "COUNT(*) AS n", "sum(balance) as total", "COUNT(DISTINCT age) AS ages")

    assert [
        {"mood": Mood.GLAD, "n": 4, "total": Decimal("18.00"), "ages": 3},
        {"mood": Mood.GRIM, "n": 2, "total": Decimal("94.99"), "ages": 1},
    ] == await grouped.group_by("mood").order_by("mood").adicts()
    assert [{"n": 6}] == await Person.query().select("count(*) AS n").aaggregate()
    assert [{"max": 45, "sum": 100}] == await Person.query().select("MAX(age)", "SUM(DISTINCT age)").adicts()
    assert [("Ann",), ("Bob",)] == await Person.query().select("people.name AS who").order_by("who").limit(2).atuples()


async def test_a_star_is_all_fields_in_order() -> None:
    rows = await Person.query().select("*").where(c.id == 1).adicts()

    assert await Person.query().where(c.id == 1).adicts() == rows
    assert list(Person.model_fields) == list(rows[0])


async def test_a_field_keeps_its_name_where_its_column_has_another() -> None:
    assert [{"nick": "A"}, {"nick": None}] == await Person.query().select("nick").order_by("id").limit(2).adicts()
    assert ["A"] == await Person.query().select("select").where(c.id == 1).ascalars()
    assert "A" == (await Person.query().select(c.nick).where(c.id == 1).aall())[0].nick


async def test_select_adds_to_what_is_selected() -> None:
    query = Person.query().select("name").select("age", c.score)

    assert [("Ann", 30, 1.5)] == await query.order_by("id").limit(1).atuples()


async def test_groups_may_be_narrowed_by_alias_and_by_expression() -> None:
    grouped = Person.query().select("age", F.count().as_("n")).group_by("age").order_by("age")

    if Person.backend().dialect.name == "SQLite":  # Standard SQL knows no aliases there.
        assert [(20, 2)] == await grouped.having("n > ?", (1,)).atuples()
    assert [(20, 2)] == await grouped.having(F.count() > 1).atuples()
    assert [(30, 1), (45, 1)] == await grouped.having(F.avg(c.age) > 20.5).having("age IS NOT NULL").atuples()
    assert [(20, 2)] == await grouped.having(F.sum(c.balance) > Decimal("50.001")).atuples()
    assert [(30, 1)] == await grouped.having(F.max(c.fortune) > 10).atuples()


async def test_order_and_groups_may_go_by_alias() -> None:
    by_string = Person.query().select("age AS years", "COUNT(*) AS n").group_by("years").order_by("n DESC", "years")
    by_name = Person.query().select(c.age.as_("years"), F.count().as_("n")).group_by(c.age).order_by("n DESC", "years")
    years = c.age.as_("years")
    n = F.count().as_("n")
    by_node = Person.query().select(years, n).group_by(years).order_by(F.count().desc(), years)

    ones = [(5, 1), (30, 1), (45, 1)]
    expected = [(20, 2), *by_nulls([(None, 1), *ones], [*ones, (None, 1)])]
    assert expected == await by_string.atuples()
    assert expected == await by_name.atuples()
    assert expected == await by_node.atuples()


async def test_an_alias_that_is_not_selected_stands_for_what_it_names() -> None:
    assert ["Fay", "Cid"] == await Person.query().select("name").where(c.age > 1).order_by(c.age.as_("x"), "id").limit(
        2
    ).ascalars()


async def test_aggregates_keep_the_type_of_their_column() -> None:
    row = (
        await Person.query()
        .select(
            F.sum(c.age).as_("age"), F.avg(c.age).as_("mean"), F.sum(c.active).as_("active"),
            F.avg(c.active).as_("part"),
            F.min(c.born).as_("born"), F.max(c.mood).as_("mood"), F.sum(c.score).as_("score"), F.count(c.age).as_("n"),
            F.sum(c.fortune).as_("fortune"), F.avg(c.balance).as_("balance"), F.max(c.fortune).as_("most"),
            F.count(c.age, distinct=True).as_("ages"), F.sum(c.age, distinct=True).as_("distinct"),
        )
        .aall()
    )[0]  # fmt: skip

    assert {
        "age": 120, "mean": 24.0, "active": 4, "part": 4 / 6, "born": dt.date(2000, 1, 1), "mood": Mood.GRIM,
        "score": 10.75,
        "n": 5, "fortune": Decimal("12345678901234567910.873457"), "balance": Decimal("18.83"),
        "most": Decimal("12345678901234567890.123456"), "ages": 4, "distinct": 100,
    } == row.as_dict()  # fmt: skip
    assert {
        "age": int, "mean": float, "active": int, "part": float, "born": dt.date, "mood": Mood, "score": float,
        "n": int,
        "fortune": Decimal, "balance": Decimal, "most": Decimal, "ages": int, "distinct": int,
    } == {name: type(value) for name, value in row.as_dict().items()}  # fmt: skip


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (c.age * 2, 60),
        (c.age * 1.5, 45.0),
        (c.age / 4, 7),
        (c.balance * 3, Decimal("30.30")),
        (c.balance * Decimal("0.123"), Decimal("1.24230")),
        (c.balance + Decimal("0.005"), Decimal("10.105")),
        (c.balance - c.age, Decimal("-19.90")),
        (c.balance * c.balance, Decimal("102.0100")),
        (c.name + "/" + c.nick, "Ann/A"),
        (F.length(c.name), 3),
        (F.lower(c.name), "ann"),
        (F.abs(c.balance - 11), Decimal("0.90")),
        (F.round(c.balance * Decimal("1.075"), 2), Decimal("10.86")),
        (F.round(c.score), 2.0),
        (F.coalesce(c.nick, c.name), "A"),
        (F.coalesce(c.age, 0), 30),
        pytest.param(F.call("ifnull", c.nick, "none"), "A", marks=pytest.mark.engine("sqlite")),
        (F.coalesce(c.fortune, 0), Decimal("12345678901234567890.123456")),
        (c.age > 20, True),
    ],
)  # fmt: skip
async def test_a_calculated_value_has_the_type_of_its_parts(item: Any, expected: Any) -> None:
    found = (await Person.query().select(item.as_("value")).where(c.id == 1).ascalars())[0]

    assert expected == found and type(expected) is type(found)


async def test_functions_convert_the_values_beside_a_column() -> None:
    in_order = Person.query().order_by(F.coalesce(c.fortune, "0").desc(), "id").select("name")
    day = Person.query().where(F.coalesce(c.born, dt.date(1999, 1, 1)) == "1999-01-01").select("name")

    assert ["Ann", "Dee", "Cid", "Fay", "Bob", "Eve"] == await in_order.ascalars()
    assert ["Fay"] == await day.ascalars()


async def test_distinct_gives_equal_rows_once() -> None:
    ages = Person.query().select("age").distinct().order_by("age")

    assert by_nulls([None, 5, 20, 30, 45], [5, 20, 30, 45, None]) == await ages.ascalars()
    assert 5 == await ages.acount()
    assert by_nulls(None, 5) == (await ages.afirst())[0]


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (lambda q: q.select(), QueryError, "select needs at least one column"),
        (lambda q: q.select("nam"), ColumnNotFound, "Person has no column 'nam'; did you mean 'name'"),
        (lambda q: q.select("COUNT(nam)"), ColumnNotFound, "did you mean 'name'"),
        (lambda q: q.select("pets.name"), ColumnNotFound, "no table 'pets'"),
        (lambda q: q.select("name", "name"), QueryError, "two columns the name 'name'"),
        (lambda q: q.select("*", "name"), QueryError, "two columns the name 'name'"),
        (lambda q: q.select("* AS x"), QueryError, "cannot be selected so"),
        (lambda q: q.select(c.age + 1), QueryError, r"Arithmetic in select needs a name: add .as_\('name'\)"),
        (lambda q: q.select(5), QueryError, "expected a column or an expression, got int"),
        (lambda q: q.select(Person), QueryError, "expected a column or an expression, got"),
        (lambda q: q.select(c.name.as_("")), QueryError, "expected a name, got ''"),
        (lambda q: q.select(c.name.as_(5)), QueryError, "expected a name, got 5"),
        (lambda q: q.group_by("COUNT(*)"), QueryError, "cannot stand here so"),
        (lambda q: q.group_by("name AS n"), QueryError, "cannot stand here so"),
        (lambda q: q.group_by("nam"), ColumnNotFound, "did you mean 'name'"),
        (lambda q: q.order_by("n"), ColumnNotFound, "no column 'n'"),
        (lambda q: q.having(5), QueryError, "expected a condition or SQL text, got int"),
        (lambda q: q.select(F.call("no name").as_("x")), QueryError, "'no name' is no function name"),
        (lambda q: q.select(F.call("f(); --").as_("x")), QueryError, "is no function name"),
        (lambda q: q.select(F.sum(c.name)), QueryError, "sum takes numbers, but 'name' holds str"),
        (lambda q: q.select("AVG(born)"), QueryError, "avg takes numbers, but 'born' holds date"),
        (lambda q: q.select("name").iterator(), QueryError, "iterator gives records"),
    ],
)
def test_a_wrong_selection_is_refused_before_any_sql(ask: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        ask(Person.query())


async def test_scalars_need_one_column() -> None:
    with pytest.raises(QueryError, match="scalars needs a select of one column, this one has 2"):
        await Person.query().select("name", "age").ascalars()


@pytest.mark.engine("sqlite")
async def test_what_sqlite_cannot_reckon_exactly_is_refused() -> None:
    from rhosocial.activerecord.backend import UnsupportedFeature

    for item in (c.fortune * 2, c.balance + c.fortune, F.abs(c.fortune), F.round(c.fortune, 1)):
        with pytest.raises(UnsupportedFeature, match="more than 15 digits"):
            await Person.query().select(item.as_("x")).aall()


async def test_one_row_can_be_asked_for() -> None:
    ages = Person.query().select("mood", F.max(c.age).as_("age")).group_by("mood")

    assert (Mood.GLAD, 45) == await ages.order_by("mood").aone()
    assert (Mood.GLAD, 45) == await ages.order_by("mood").afirst()
    assert {Mood.GLAD, Mood.GRIM} >= {(await ages.afirst()).mood}
    assert None is await ages.where(c.id > 99).aone()
    assert "Fay" == (await Person.query().select("name").order_by("id DESC").aone_or_fail()).name
    assert "Ann" == (await Person.query().select("name").afirst()).name


async def test_rows_of_joined_tables_are_typed_too() -> None:
    query = (
        Person.query()
        .join(Pet, on=Pet.c.owner == c.id)
        .select(c.balance, Pet.c.got, "pets.name AS pet")
        .order_by("pet")
    )

    assert (Decimal("-5.00"), dt.date(2020, 2, 3), "Kit") == (await query.atuples())[0]
