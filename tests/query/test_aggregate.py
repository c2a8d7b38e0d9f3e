"""Numbers by the names of the guide's era."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from shop import Mood, Person, Pet, names

from rhosocial.activerecord import F
from rhosocial.activerecord.backend import ColumnNotFound, QueryError

c = Person.c


async def test_numbers_over_all_rows_and_over_some() -> None:
    numbers = Person.aggregate()

    assert (120, 24.0, 45, 5) == (
        await numbers.asum("age"), await numbers.aavg(c.age), await numbers.amax("age"), await numbers.amin("age")
    )  # fmt: skip
    assert (75, 40) == (await numbers.asum("age", "age > ?", (20,)), await numbers.asum("age", c.age == 20))
    assert Decimal("-2.40") == await numbers.aavg("balance", c.age.is_null() | (c.name == "Cid"))
    assert 20 == await numbers.amax("age", "mood = ?", ("grim",))
    assert 30 == await numbers.amin("age", c.age.between(21, 40))
    assert None is await numbers.asum("age", "id < 0")
    assert (6, 2, 4) == (
        await numbers.acount(), await numbers.acount("mood = ?", ("grim",)), await numbers.acount(c.active)
    )  # fmt: skip


async def test_groups_are_dicts_in_their_order() -> None:
    numbers = Person.aggregate()

    assert [
        {"active": False, "count": 2}, {"active": True, "count": 4},
    ] == await numbers.acount_by("active")  # fmt: skip
    assert [
        {"mood": Mood.GLAD, "active": False, "count": 1},
        {"mood": Mood.GLAD, "active": True, "count": 3},
        {"mood": Mood.GRIM, "active": False, "count": 1},
        {"mood": Mood.GRIM, "active": True, "count": 1},
    ] == await numbers.acount_by(["mood", "active"])
    assert [{"mood": Mood.GLAD, "sum": Decimal("18.00")}, {"mood": Mood.GRIM, "sum": Decimal("94.99")}] == (
        await numbers.asum_by("balance", "mood")
    )
    assert [{"mood": Mood.GLAD, "avg": 80 / 3}, {"mood": Mood.GRIM, "avg": 20.0}] == await numbers.aavg_by(
        "age", c.mood
    )
    assert [{"initial": "K", "sum": 3}, {"initial": "R", "sum": 5}] == (
        await Pet.aggregate().asum_by(Pet.c.id, [F.substring(Pet.c.name, 1, 1).as_("initial")])
    )[:2]


async def test_wrong_questions_are_refused() -> None:
    numbers = Person.aggregate()

    with pytest.raises(ColumnNotFound, match="did you mean 'age'"):
        await numbers.asum("agee")
    with pytest.raises(ColumnNotFound):
        await numbers.acount_by("agee")
    with pytest.raises(QueryError, match="values go with a condition"):
        await numbers.asum("age", None, (1,))
    with pytest.raises(QueryError, match="groups need at least one column"):
        await numbers.acount_by([])
    with pytest.raises(QueryError, match="sum takes numbers"):
        await numbers.asum_by("name", "mood")
    wrong: Any
    for wrong in (5, None):
        with pytest.raises(QueryError, match="expected columns to group by, got "):
            await numbers.acount_by(wrong)
    with pytest.raises(QueryError, match="expected a column, got int"):
        await numbers.acount_by([5])


# The other rows of the guide's sections 2.4 and 2.5, together with what they had of their own


async def test_grouped_rows_carry_their_aliases() -> None:
    rows = Person.query().select("mood", "COUNT(*) as n").group_by("mood").order_by("mood")

    assert [(Mood.GLAD, 4), (Mood.GRIM, 2)] == [(row.mood, row.n) for row in await rows.aall()]
    assert [{"mood": Mood.GLAD, "n": 4}, {"mood": Mood.GRIM, "n": 2}] == await rows.aaggregate()


def test_the_query_class_has_the_name_of_the_guide() -> None:
    from rhosocial.activerecord import ActiveQuery, Query

    assert ActiveQuery is Query


async def test_scopes_are_class_methods_and_query_classes() -> None:
    from rhosocial.activerecord import Query

    class Shown(Query[Any]):
        def adults(self) -> Any:
            return self.where(c.age >= 18)

    class Scoped(Person):
        __table_name__ = "people"
        __query_class__ = Shown

        @classmethod
        def grim(cls) -> Any:
            return cls.query().where(cls.c.mood == Mood.GRIM)

    Scoped.__backend__ = Person.backend()
    assert "CD" == names(await Scoped.grim().adults().order_by("id").aall())
