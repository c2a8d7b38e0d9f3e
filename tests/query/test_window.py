"""Functions over windows, held against what Python makes of the same rows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from shop import Person, Pet

from rhosocial.activerecord import F
from rhosocial.activerecord.backend import QueryError, UnsupportedFeature

c = Person.c
in_order = F.window(order_by=c.id)
GROUPS = pytest.mark.needs("supports_groups_frame")
COLLECTED = pytest.mark.needs("supports_collecting_windows")


def decimals(texts: str) -> list[Decimal]:
    return list(map(Decimal, texts.split()))


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (F.row_number().over(order_by=c.id.desc()), [6, 5, 4, 3, 2, 1]),
        (F.rank().over(order_by=c.age.desc().nulls_last()), [2, 6, 3, 3, 1, 5]),
        (F.dense_rank().over(order_by=c.age.desc().nulls_last()), [2, 5, 3, 3, 1, 4]),
        (F.percent_rank().over(order_by=c.id), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (F.cume_dist().over(order_by=c.active.desc()), [4 / 6, 1.0, 4 / 6, 1.0, 4 / 6, 4 / 6]),
        (F.ntile(4).over(in_order), [1, 1, 2, 2, 3, 4]),
        (F.lag(c.name).over(in_order), [None, "Ann", "Bob", "Cid", "Dee", "Eve"]),
        (F.lead(c.name, 2, "-").over(in_order), ["Cid", "Dee", "Eve", "Fay", "-", "-"]),
        (F.lag(c.balance, 5, 1).over(in_order), [Decimal("1.00")] * 5 + [Decimal("10.10")]),
        (F.first_value(c.name).over(partition_by=c.active, order_by=c.id), ["Ann", "Bob", "Ann", "Bob", "Ann", "Ann"]),
        (F.last_value(c.name).over(order_by=c.id, rows=(None, None)), ["Fay"] * 6),
        (F.nth_value(c.name, 2).over(in_order), [None, "Bob", "Bob", "Bob", "Bob", "Bob"]),
        (F.count().over(), [6] * 6),
        (F.count().filter(c.active).over(in_order), [1, 1, 2, 2, 3, 4]),
        (F.sum(c.id).over(order_by=c.id, rows=(-1, 1)), [3, 6, 9, 12, 15, 11]),
        (F.sum(c.id).over(order_by=c.id, rows=(1, None)), [20, 18, 15, 11, 6, None]),
        (F.sum(c.id).over(F.window(order_by=c.id, rows=(1, None))), [20, 18, 15, 11, 6, None]),
        (F.sum(c.id).over(order_by=c.id, rows=(-2, -1)), [None, 1, 3, 5, 7, 9]),
        (F.sum(c.id).over(order_by=c.score, range=(-1.5, 0)), [1 + 3 + 6, 2, 3 + 6, 4, 1 + 5, 6]),
        pytest.param(
            F.sum(c.id).over(order_by=c.age.asc().nulls_first(), groups=(-1, 0)), [8, 2, 13, 13, 6, 8], marks=GROUPS
        ),
        pytest.param(
            F.sum(c.id).over(order_by=c.id, rows=(None, None), exclude="current row"),
            [20, 19, 18, 17, 16, 15],
            marks=GROUPS,
        ),
        pytest.param(
            F.count().over(order_by=c.age, rows=(None, None), exclude="group"), [5, 5, 4, 4, 5, 5], marks=GROUPS
        ),
        pytest.param(
            F.count().over(order_by=c.age, rows=(None, None), exclude="ties"), [6, 6, 5, 5, 6, 6], marks=GROUPS
        ),
        (F.avg(c.score).over(partition_by=(c.active, c.mood)), [1.5, -2.0, 0.25, 8.0, 1.5, 1.5]),
        (F.sum(c.balance).over(in_order), decimals("10.10 10.30 5.30 105.29 105.99 112.99")),
        (
            F.sum(c.fortune).over(order_by=c.id, rows=(-1, 0)),
            decimals(
                "12345678901234567890.123456 12345678901234567890.123457 9.500001 19.500000 9.000000 1.250000"
            ),
        ),
        (F.row_number().over(order_by=c.fortune), [6, 2, 4, 5, 1, 3]),
        pytest.param(
            F.json_agg(c.id).over(order_by=c.id, rows=(0, 1)),
            [[1, 2], [2, 3], [3, 4], [4, 5], [5, 6], [6]],
            marks=COLLECTED,
        ),
        pytest.param(
            F.string_agg(c.name, "").over(order_by=c.id, rows=(-1, 0)),
            ["Ann", "AnnBob", "BobCid", "CidDee", "DeeEve", "EveFay"],
            marks=COLLECTED,
        ),
        (c.id - F.lag(c.id, 1, 0).over(in_order), [1] * 6),
    ],
)  # fmt: skip
async def test_a_window(item: Any, expected: list[Any]) -> None:
    got = await Person.query().order_by("id").select(item.as_("value")).ascalars()

    assert expected == got
    assert [type(value) for value in expected] == [type(value) for value in got]


async def test_a_window_orders_rows_and_stands_in_a_subquery() -> None:
    ranked = Person.query().select("id", F.row_number().over(partition_by=c.age, order_by=c.id).as_("place"))

    assert [4, 1, 2, 3, 5, 6] == [row.id for row in await ranked.order_by("place DESC", "id").aall()]
    assert 6 == await ranked.acount()
    by_size = Person.query().order_by(F.count().over(partition_by=c.active).desc(), "id")
    assert [1, 3, 5, 6, 2, 4] == await by_size.select("id").ascalars()


async def test_a_window_spans_joined_tables() -> None:
    asked = Person.query().join(Pet, on=Pet.c.owner == c.id).order_by(Pet.c.id)
    first = F.row_number().over(partition_by=c.id, order_by=Pet.c.name)

    assert [1, 2, 1, 1] == await asked.select(first).ascalars()


@pytest.mark.engine("sqlite")
async def test_what_sqlite_cannot_do_over_a_window_is_refused() -> None:
    with pytest.raises(UnsupportedFeature, match="SQLite has no DISTINCT over a window"):
        await Person.query().select(F.count(c.age, distinct=True).over()).aall()
    with pytest.raises(UnsupportedFeature, match="SQLite has no ordered string_agg over a window"):
        await Person.query().select(F.string_agg(c.name, order_by=c.id).over()).aall()
    with pytest.raises(QueryError, match="rank needs a window"):
        await Person.query().select(F.rank()).aall()
