from __future__ import annotations

from shop import Person

from rhosocial.activerecord import F


async def test_a_table_of_a_query_gives_all_its_columns_until_select_chooses() -> None:
    ages = Person.query().where(Person.c.age > 19).select("name", "age").as_table("ages")

    whole = await ages.query().order_by("name").atuples()
    chosen = await ages.query().where(ages.c.age < 40).order_by("name").select("name").ascalars()
    further = await ages.query().select("age").select(F.count().as_("n")).group_by("age").order_by("age").atuples()

    assert [("Ann", 30), ("Cid", 20), ("Dee", 20), ("Eve", 45)] == whole
    assert ["Ann", "Cid", "Dee"] == chosen
    assert [(20, 2), (30, 1), (45, 1)] == further


async def test_a_table_of_a_query_is_a_scalar_where_one_column_is_chosen() -> None:
    ages = Person.query().select("age").as_cte("ages")
    oldest = ages.query().select(F.max(ages.c.age).as_("oldest"))

    assert ["Eve"] == await Person.query().where(Person.c.age == oldest.as_subquery()).select("name").ascalars()
