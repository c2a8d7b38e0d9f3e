"""Queries are values: no call changes the query it is called on, and threads may share one."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

import pytest
from shop import Person, Pet, names

from rhosocial.activerecord import F, Query
from rhosocial.activerecord.backend import Dialect

c = Person.c
CALLS: dict[str, Callable[[Query[Any]], Any]] = {
    "where": lambda q: q.where(c.age > 1),
    "where text": lambda q: q.where("age > ?", (1,)),
    "or_where": lambda q: q.or_where(c.age > 1),
    "start_or_group": lambda q: q.start_or_group(),
    "group": lambda q: q.start_or_group().where(c.id == 1).end_or_group(),
    "query": lambda q: q.query({"age": 1}),
    "in_list": lambda q: q.in_list("age", [1]),
    "in_list all": lambda q: q.in_list("age", [], empty_result=False),
    "not_in": lambda q: q.not_in("age", [1]),
    "between": lambda q: q.between("age", 1, 2),
    "not_between": lambda q: q.not_between("age", 1, 2),
    "like": lambda q: q.like("name", "%"),
    "not_like": lambda q: q.not_like("name", "%"),
    "is_null": lambda q: q.is_null("age"),
    "is_not_null": lambda q: q.is_not_null("age"),
    "with_keys": lambda q: q.with_keys([1]),
    "order_by": lambda q: q.order_by("age", c.id),
    "limit": lambda q: q.limit(1),
    "offset": lambda q: q.offset(1),
    "distinct": lambda q: q.distinct(),
    "group_by": lambda q: q.group_by("age"),
    "having": lambda q: q.having(F.count() > 1),
    "join": lambda q: q.join(Pet, on=Pet.c.owner == c.id),
    "join text": lambda q: q.join("JOIN pets ON pets.owner_id = people.id"),
    "left_join": lambda q: q.left_join(Pet, on=Pet.c.owner == c.id),
    "select": lambda q: q.select("name"),
    "to_dict": lambda q: q.to_dict(),
    "iterator": lambda q: q.iterator(),
    "as_subquery": lambda q: q.as_subquery(),
    "to_sql": lambda q: q.to_sql(),
    "explain": lambda q: q.explain(),
    "all": lambda q: q.all(),
    "one": lambda q: q.one(),
    "first": lambda q: q.first(),
    "count": lambda q: q.count(),
    "exists": lambda q: q.exists(),
    "sum": lambda q: q.select("age").sum("age"),
}
STARTS: dict[str, Query[Any]] = {
    "plain": Person.query(),
    "narrowed": Person.query().where(c.age > 3).order_by("id"),
    "joined": Person.query().join(Pet, on=Pet.c.owner == c.id),
}


@pytest.mark.parametrize("start", STARTS.values(), ids=list(STARTS))
@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
def test_no_call_changes_its_query(call: Callable[[Query[Any]], Any], start: Query[Any]) -> None:
    if call is CALLS["join"] or call is CALLS["left_join"]:
        start = STARTS["narrowed"]
    before, again = start.to_sql(), copy.copy(start)
    answer = call(start)

    assert before == start.to_sql()
    assert before == again.to_sql()
    assert call is CALLS["in_list all"] or answer is not start


def test_two_queries_of_one_origin_do_not_know_each_other() -> None:
    origin = Person.query().where(c.age > 3)
    grown, small = origin.where(c.age > 18).order_by("id"), origin.where(c.age < 18)

    assert ("ACDE", "F", 5) == (names(grown.all()), names(small.all()), origin.count())


def test_what_a_query_was_given_can_change_without_changing_the_query() -> None:
    ages, params, conditions = [20], [20], {"age": [20]}
    queries = [
        Person.query().in_list("age", ages),
        Person.query().where("age = ?", params),
        Person.query().query(conditions),
    ]
    ages.append(30)
    params[0] = 30
    conditions["age"].append(30)

    assert [2, 2, 2] == [query.count() for query in queries]


def test_the_text_of_a_query_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    compile_it = Dialect.compile
    monkeypatch.setattr(
        Dialect,
        "compile",
        lambda self, *args: compiled.append(args) or compile_it(self, *args),
    )
    query = Person.query().where(c.age == 20).order_by("id")
    for _ in range(3):
        assert "CD" == names(query.all())
        query.to_sql()

    assert 1 == len(compiled)


def test_eight_threads_share_a_query() -> None:
    query = Person.query().where(c.age > 3).where("name <> ?", ("Eve",))
    wrong: list[Any] = []
    start = threading.Barrier(8)

    def ask(number: int) -> None:
        start.wait()
        for _ in range(15):
            own = query.where(c.id > number).order_by("id")
            answers = names(own.all()), query.count(), query.to_sql()[1]
            expected = "ACDF"[sum(i <= number for i in (1, 3, 4, 6)) :], 4, (3, "Eve")
            if answers != expected:
                wrong.append((number, answers))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [] == wrong
    assert (3, "Eve") == query.to_sql()[1]


async def test_tasks_share_a_query() -> None:
    query = Person.query().where(c.age == 20)
    found = [await query.order_by("id").where(c.id > number).aall() for number in range(5)]

    assert ["CD", "CD", "CD", "D", ""] == [names(people) for people in found]


def test_a_query_of_a_class_of_its_own_stays_one() -> None:
    class Grown(Query[Person]):
        __slots__ = ()

        def grown(self) -> Grown:
            return self.where(c.age > 18)

    query = Grown(Person.__table__).order_by("id").grown().limit(9)

    assert isinstance(query, Grown)
    assert "ACDE" == names(query.all())


def test_a_query_class_may_say_anew_what_an_awaitable_call_does() -> None:
    class Doubled(Query[Person]):
        async def acount(self) -> int:
            return 2 * await super().acount()

    query = Doubled(Person.__table__).where(c.age > 18)
    assert 2 * Person.query().where(c.age > 18).count() == query.count()
    with pytest.raises(TypeError, match="override acount"):
        type("Wrong", (Query,), {"count": lambda self: 0})
