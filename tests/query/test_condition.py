"""Conditions: as text, as expressions, as dicts, and joined."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from shop import Mood, Person, Pet, Seat, names

from engines import standard
from rhosocial.activerecord import Query
from rhosocial.activerecord.backend import ColumnNotFound, DataError, ParameterCountError, QueryError

c = Person.c


def asked() -> Query[Person]:
    return Person.query().order_by("id")


async def found(query: Query[Person]) -> str:
    return names(await query.order_by("id").aall())


@pytest.mark.parametrize(
    ("condition", "params", "expected"),
    [
        ("age > ?", (18,), "ACDE"),
        ("age > ?", [18], "ACDE"),
        ("age > ?", 18, "ACDE"),
        ("name = ?", "Bob", "B"),
        ("age > ? AND name <> ?", (18, "Ann"), "CDE"),
        ("name = 'what?' OR age = ?", (5,), "F"),
        ("age IS NULL", (), "B"),
        ("born = ?", (dt.date(2000, 1, 2),), "B"),
        ("age > ? -- grown up", (18,), "ACDE"),
        ("age = ?", (c.age - 0,), "ACDEF"),
        ("age * ? = 60", (c.age - c.age + 2,), "A"),
        ("? < age", (Person.query().select("MAX(age) AS m").where(c.age < 45),), "E"),
    ],
)
async def test_where_takes_text_with_values(condition: str, params: Any, expected: str) -> None:
    assert expected == await found(Person.query().where(condition, params))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (c.age == 20, "CD"),
        (c.age != 20, "AEF"),
        (c.age == None, "B"),  # noqa: E711  # SQL's NULL, by operator.
        (c.age != None, "ACDEF"),  # noqa: E711  # SQL, not Python.
        (c.age.is_null(), "B"),
        (c.age.is_not_null(), "ACDEF"),
        (c.age < 20, "F"),
        (c.age <= 20, "CDF"),
        (c.age > 30, "E"),
        (c.age >= 30, "AE"),
        (30 <= c.age, "AE"),
        (c.active, "ACEF"),
        (~c.active, "BD"),
        (c.active & (c.age > 20), "AE"),
        ((c.age > 40) | ~c.active, "BDE"),
        (~((c.age > 20) | (c.age == 5)), "CD"),
        (c.mood == Mood.GRIM, "CD"),
        (c.age.in_([20, 45]), "CDE"),
        (c.age.in_({20, 45}), "CDE"),
        (c.age.in_(n for n in (20, 45)), "CDE"),
        (c.age.in_([]), ""),
        (c.age.in_([None]), "B"),
        (c.age.in_([5, None]), "BF"),
        (c.age.not_in([20, 45]), "AF"),
        (c.age.not_in([]), "ABCDEF"),
        (c.age.not_in([None]), "ACDEF"),
        (c.age.not_in([20, None]), "AEF"),
        (~c.age.in_([]), "ABCDEF"),
        (c.age.between(20, 30), "ACD"),
        (c.age.not_between(20, 30), "EF"),
        (c.name.like("%e%"), "DE"),
        (c.name.not_like("%e%"), "ABCF"),
        (c.name.ilike("aN%"), "A"),
        (c.nick == "A", "A"),
        (c["nick"] == "A", "A"),
        (c["select"] == "A", "A"),
        (c.score == c.age - 28.5, "A"),
        (c.name + "!" == "Ann!", "A"),
        ("<" + c.name + c.nick + ">" == "<CidC>", "C"),
        (-c.age < -40, "E"),
        (100 - c.age * 2 == 40, "A"),
        (90 / c.age == 2, "E"),
        (31 % c.age == 1, "AF"),
    ],
)
async def test_where_takes_expressions(condition: Any, expected: str) -> None:
    assert expected == await found(Person.query().where(condition))


async def test_text_and_expressions_mix() -> None:
    query = Person.query().where("age > ? OR age = ?", (20, 5), c.active).where(c.name != "Ann")

    assert "EF" == await found(query)
    assert 'WHERE (age > ? OR age = ?) AND "active" AND "name" <> ?' in standard(query.to_sql()[0])


async def test_several_conditions_in_one_call_are_joined_by_and() -> None:
    assert "D" == await found(Person.query().where(c.age == 20, c.name > "Cid", ~c.active))


async def test_or_where_takes_all_that_came_before_as_its_left_side() -> None:
    query = Person.query().where(c.age > 20).where(c.active).or_where(c.name == "Bob").where("id < ?", (5,))

    assert "AB" == await found(query)


async def test_or_where_alone_is_a_where() -> None:
    assert "B" == await found(Person.query().or_where("name = ?", ("Bob",)))


async def test_a_group_is_joined_to_what_is_around_it_by_and() -> None:
    query = Person.query().where(c.active).start_or_group().where(c.age == 20).or_where(c.age == 45).end_or_group()

    assert "CE" == await found(query)
    assert "C" == await found(query.where(c.mood == Mood.GRIM))
    assert "CDE" == await found(query.or_where(c.name == "Dee"))


async def test_groups_nest() -> None:
    inner = Person.query().where(c.id > 0).start_or_group().where(c.age == 5)
    query = inner.start_or_group().where(c.age == 20).or_where(c.age == 45).end_or_group().or_where(c.name == "Bob")

    # ((age = 5 AND (age = 20 OR age = 45)) OR name = Bob)
    assert "B" == await found(query.end_or_group())


async def test_an_empty_group_says_nothing() -> None:
    assert 6 == await Person.query().start_or_group().end_or_group().acount()


def test_groups_must_be_opened_and_closed() -> None:
    with pytest.raises(QueryError, match="end_or_group without start_or_group"):
        Person.query().end_or_group()
    with pytest.raises(QueryError, match="start_or_group was not closed"):
        Person.query().start_or_group().where(c.id == 1).to_sql()
    with pytest.raises(QueryError, match="start_or_group was not closed"):
        Person.query().where(c.id.in_(Pet.query().select("owner").start_or_group()))


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, "ABCDEF"),
        ({"name": "Ann"}, "A"),
        ({"age": 20, "active": False}, "D"),
        ({"age": None}, "B"),
        ({"age": [20, 5]}, "CDF"),
        ({"age": (20, 5)}, "CDF"),
        ({"age": {20, 5}}, "CDF"),
        ({"age": []}, ""),
        ({"people.age": 5}, "F"),
        ({"nick": "A"}, "A"),
        ({"select": "A"}, "A"),
        ({"age__eq": 20}, "CD"),
        ({"age__ne": 20}, "AEF"),
        ({"age__ne": None}, "ACDEF"),
        ({"age__gt": 30}, "E"),
        ({"age__gte": 30}, "AE"),
        ({"age__lt": 20}, "F"),
        ({"age__lte": 20}, "CDF"),
        ({"age__gt": 5, "age__lt": 30}, "CD"),
        ({"age__in": [20]}, "CD"),
        ({"age__in": []}, ""),
        ({"age__not_in": [20]}, "AEF"),
        ({"age__not_in": []}, "ABCDEF"),
        ({"name__like": "A%"}, "A"),
        ({"name__not_like": "A%"}, "BCDEF"),
        ({"name__contains": "i"}, "C"),
        ({"name__startswith": "E"}, "E"),
        ({"name__endswith": "e"}, "DE"),
        ({"age__between": (6, 20)}, "CD"),
        ({"age__is_null": True}, "B"),
        ({"age__is_null": False}, "ACDEF"),
        ({"nick__is_null": False}, "AC"),
        ({"mood": "grim"}, "CD"),
        ({"born__gte": "2000-01-04"}, "DE"),
    ],
)
async def test_dicts_are_conditions(conditions: dict[str, Any], expected: str) -> None:
    assert expected == await found(Person.query().query(conditions))


async def test_a_dict_may_hold_a_query() -> None:
    assert "ACE" == await found(Person.query().query({"id": Pet.query().select("owner")}))
    assert "BDF" == await found(Person.query().query({"id__not_in": Pet.query().select("owner")}))


@pytest.mark.parametrize("values", [[], (), set(), iter(())], ids=["list", "tuple", "set", "iterator"])
async def test_an_empty_list_gives_what_empty_result_says(values: Any) -> None:
    kept = list(values)

    assert "" == await found(Person.query().in_list("age", kept))
    assert "ABCDEF" == await found(Person.query().in_list("age", values, empty_result=False))
    assert "ABCDEF" == await found(Person.query().not_in("age", kept))
    assert "" == await found(Person.query().not_in("age", kept, empty_result=True))


async def test_empty_result_is_for_empty_lists_only() -> None:
    some = Person.query().select("age").where(c.age == 20)

    assert "CD" == await found(Person.query().in_list(c.age, some, empty_result=False))
    assert "AEF" == await found(Person.query().not_in("people.age", some, empty_result=True))
    assert "CD" == await found(Person.query().in_list("age", [20], empty_result=False))


@pytest.mark.parametrize("name", ["age", "people.age", c.age])
async def test_named_conditions_take_a_column_with_or_without_its_table(name: Any) -> None:
    query = Person.query()

    assert "CD" == await found(query.in_list(name, [20]))
    assert "AEF" == await found(query.not_in(name, [20]))
    assert "ACD" == await found(query.between(name, 20, 30))
    assert "EF" == await found(query.not_between(name, 20, 30))
    assert "ACD" == await found(query.like(name, "%0"))
    assert "EF" == await found(query.not_like(name, "%0"))
    assert "B" == await found(query.is_null(name))
    assert "ACDEF" == await found(query.is_not_null(name))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (c.born == "2000-01-03", "C"),
        (c.born > dt.date(2000, 1, 4), "E"),
        (c.age == "20", "CD"),
        (c.age > 19.5, "ACDE"),
        (c.age > Decimal("29.9"), "AE"),
        (c.age * 1.5 > 44, "AE"),
        (c.active == 1, "ACEF"),
        (c.active == False, "BD"),  # noqa: E712  # The value False, by operator.
        (c.mood == "grim", "CD"),
        (c.mood.in_([Mood.GRIM, "glad"]), "ABCDEF"),
        (c.balance == 7, "F"),
        (c.balance == Decimal("0.2"), "B"),
        (c.balance == "0.70", "E"),
        (c.balance > 7.5, "AD"),
        (c.balance > Decimal("9.999"), "AD"),
        (c.balance < 10**12, "ABCDEF"),
        (c.balance * Decimal("1.075") > 100, "D"),
        (c.fortune > 9, "ACD"),
        (c.fortune > 9.5, "AD"),
        (c.fortune >= Decimal("9.5"), "ACD"),
        (c.fortune == Decimal("12345678901234567890.123456"), "A"),
        (c.fortune < Decimal("12345678901234567890.1234561"), "ABCDEF"),
        (c.fortune.between(-1, 2.25), "BEF"),
        (c.fortune.in_([10, "9.50"]), "CD"),
        (c.tags == ["x", "y"], "E"),
        (c.name == b"Ann", "A"),
    ],
)
async def test_a_value_is_converted_for_the_column_it_is_compared_with(condition: Any, expected: str) -> None:
    assert expected == await found(Person.query().where(condition))


@pytest.mark.parametrize(
    "condition",
    [
        c.age == "many",
        c.age == [1],
        c.age == {"a": 1},
        c.age == object(),
        c.age.in_([1, "x"]),
        c.age.between(1, "x"),
        c.name == 5,
        c.name == {"name": "Ann"},
        c.active == 5,
        c.born == "soon",
        c.born == dt.datetime(2000, 1, 1, 12),
        c.mood == "sad",
        c.balance == "much",
        c.balance == Decimal("NaN"),
        c.id == 2**63,
        c.name == "\ud800",
        c.name.contains("\ud800"),
        c.name.endswith("\ud800"),
    ],
)
async def test_a_value_that_cannot_be_the_columns_is_refused(condition: Any) -> None:
    with pytest.raises(DataError):
        await Person.query().where(condition).aall()


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (lambda q: q.where("age > ?"), ParameterCountError, "expected 1 parameters.* got 0"),
        (lambda q: q.where("age > ?", (1, 2)), ParameterCountError, "expected 1 parameters.* got 2"),
        (lambda q: q.where("age > 1", (1,)), ParameterCountError, "expected 0 parameters.* got 1"),
        (lambda q: q.where(None), QueryError, "expected a condition or SQL text, got NoneType"),
        (lambda q: q.where(True), QueryError, "expected a condition or SQL text, got bool"),
        (lambda q: q.where(c.name.as_("n")), QueryError, "got Aliased"),
        (lambda q: q.where(c.name.desc()), QueryError, "got Ordering"),
        (lambda q: q.where(c.age > 1, (1,)), QueryError, "values go with SQL text"),
        (lambda q: q.where(c.age > 1, "name = 'x'"), QueryError, "values go with SQL text"),
        (lambda q: q.or_where(c.age > 1, (1,)), QueryError, "values go with SQL text"),
        (lambda q: q.where((c.age > 1) & True), QueryError, "expected a condition, got bool"),
        (lambda q: q.in_list("age", "20"), QueryError, "expected a list of values or a query, got str"),
        (lambda q: q.in_list("age", 20), QueryError, "expected a list of values or a query, got int"),
        (lambda q: q.in_list("age", {"a": 1}), QueryError, "expected a list of values or a query, got dict"),
        (lambda q: q.in_list("age", c.id), QueryError, "expected a list of values or a query, got ColumnRef"),
        (lambda q: q.in_list("age", Pet.query()), QueryError, "must give one column, not 4"),
        (lambda q: q.where(c.age > Pet.query()), QueryError, "must give one column, not 4"),
        (lambda q: q.like("name", 5), QueryError, "a pattern is text, got int"),
        (lambda q: q.like("name", None), QueryError, "a pattern is text, got NoneType"),
        (lambda q: q.where(c.name.contains(5)), QueryError, "contains expects text, got int"),
        (lambda q: q.where(c.name.contains(None)), QueryError, "contains expects text, got NoneType"),
        (lambda q: q.query({"age__between": 5}), QueryError, "between takes a pair of values, got int"),
        (lambda q: q.query({"age__between": [1]}), QueryError, "between takes a pair"),
        (lambda q: q.query({"age__between": "ab"}), QueryError, "between takes a pair of values, got str"),
        (lambda q: q.query({"age__is_null": "no"}), QueryError, "is_null takes True or False, got str"),
        (lambda q: q.query({"age__above": 5}), QueryError, "unknown suffix"),
        (lambda q: q.query({"age__gtee": 5}), QueryError, "unknown suffix; did you mean 'gte'"),
        (lambda q: q.query({5: 5}), QueryError, "5 cannot be a condition"),
        (lambda q: q.query({"agee": 5}), ColumnNotFound, "Person has no column 'agee'; did you mean 'age'"),
        (lambda q: q.query({"agee__gt": 5}), ColumnNotFound, "did you mean 'age'"),
        (lambda q: q.query({"pets.name": 5}), ColumnNotFound, "has no table 'pets'.*join it first"),
        (lambda q: q.is_null("agee"), ColumnNotFound, "did you mean 'age'"),
        (lambda q: q.is_null(5), QueryError, "expected a column, got int"),
        (lambda q: q.where(c.agee > 1), ColumnNotFound, "did you mean 'age'"),
        (lambda q: q.where(c.name * 2 > 1), QueryError, "does not go with number and text"),
        (lambda q: q.where(c.born + 1 > c.born), QueryError, "does not go with date and number"),
    ],
)
def test_a_wrong_condition_is_refused_before_any_sql(ask: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        ask(Person.query())


async def test_a_wrong_pattern_type_is_refused_in_dicts_too() -> None:
    with pytest.raises(QueryError, match="a pattern is text"):
        Person.query().query({"name__like": ["%"]})


async def test_keys_are_found_by_find_all() -> None:
    query = Person.query()

    assert "AC" == names(await query.order_by("id").afind_all([3, 1, 1]))
    assert [] == await query.afind_all([])
    assert "C" == names(await query.where(c.mood == Mood.GRIM).afind_all([1, 2, 3]))
    for wrong in ("12", b"12", {"id": 1}):
        with pytest.raises(QueryError, match="expected a list of keys"):
            await query.afind_all(wrong)


async def test_composite_keys_are_tuples() -> None:
    found = await Seat.query().order_by("row", "number").afind_all([("A", 2), ["B", 1], ("C", 9)])

    assert ["A2", "B1"] == [seat.label for seat in found]
    with pytest.raises(QueryError, match="tuple of 2 values"):
        await Seat.query().afind_all(["A"])


async def test_more_keys_than_one_statement_takes_are_asked_for_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    dialect = type(Person.backend().dialect)
    monkeypatch.setattr(dialect, "max_params", 8)

    assert "ABCDEF" == names(await Person.query().order_by("id").afind_all([*range(10), *range(10)]))
    found = await Seat.query().afind_all([(row, number) for row in "AB" for number in range(9)])
    assert ["A1", "A2", "A3", "B1", "B2", "B3"] == sorted(seat.label for seat in found)
    with pytest.raises(QueryError, match="takes at most 4 keys, got 10"):
        await Person.query().limit(1).afind_all(range(10))


async def test_thousands_of_conditions_can_be_joined() -> None:
    some = Person.query()
    for number in range(1500):
        some = some.or_where(c.id == number)

    assert "ABCDEF" == await found(some)
    assert 6 == len(await Seat.query().afind_all([(row, n) for row in "AB" for n in range(1, 2000)]))


async def test_conditions_that_are_nested_too_deeply_are_refused() -> None:
    query = Person.query()
    for number in range(1000):
        query = query.or_where(c.id == number).where(c.id != number + 1)

    with pytest.raises(QueryError, match="nested too deeply"):
        await query.aall()
