"""Standard SQL as the base dialect writes it, run by an engine that knows more of it than SQLite: DuckDB."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest

from rhosocial.activerecord import ActiveRecord, Column, F
from rhosocial.activerecord.backend import StorageBackend, UnsupportedFeature

pytest.importorskip("duckdb")

ROOT = Path(__file__).parents[2]


class Sale(ActiveRecord):
    __table_name__ = "sales"

    id: Annotated[int, Column(primary_key=True)]
    region: str
    kind: str
    amount: int
    day: dt.date
    price: float


ROWS = [
    ("north", "tea", 1, dt.date(2024, 1, 31), 1.5),
    ("north", "milk", 2, dt.date(2024, 2, 29), 2.5),
    ("south", "tea", 4, dt.date(2024, 3, 1), -1.25),
    ("south", "tea", 8, dt.date(2023, 12, 31), 0.0),
]

c = Sale.c


@pytest.fixture(scope="module")
def duckdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageBackend]:
    """A DuckDB file with the rows, behind the demo's backend."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        from demo.duckdb_backend import DuckDBBackend

        backend = DuckDBBackend(database=str(tmp_path_factory.mktemp("duckdb") / "sales.duckdb"))
    before, Sale.__backend__ = Sale.__backend__, backend
    Sale.create_table()
    for number, (region, kind, amount, day, price) in enumerate(ROWS, 1):
        Sale.create(id=number, region=region, kind=kind, amount=amount, day=day, price=price)
    yield backend
    Sale.__backend__ = before
    backend.close()


@pytest.mark.usefixtures("duckdb")
@pytest.mark.parametrize(
    ("groups", "columns", "expected"),
    [
        (
            F.rollup(c.region, c.kind),
            (c.region, c.kind),
            [
                ("north", "milk", 2), ("north", "tea", 1), ("north", None, 3),
                ("south", "tea", 12), ("south", None, 12), (None, None, 15),
            ],
        ),
        (F.cube(c.region), (c.region,), [("north", 3), ("south", 12), (None, 15)]),
        (
            F.grouping_sets((c.region, c.kind), ()),
            (c.region, c.kind),
            [("north", "milk", 2), ("north", "tea", 1), ("south", "tea", 12), (None, None, 15)],
        ),
        (
            F.grouping_sets(c.region, c.kind),
            (c.region, c.kind),
            [("north", None, 3), ("south", None, 12), (None, "milk", 2), (None, "tea", 13)],
        ),
    ],
)  # fmt: skip
async def test_rows_are_grouped_in_several_ways_at_once(groups: Any, columns: Any, expected: list[Any]) -> None:
    asked = Sale.query().select(*columns, F.sum(c.amount).as_("total")).group_by(groups)

    assert expected == await asked.order_by(*(column.asc().nulls_last() for column in columns)).atuples()


@pytest.mark.usefixtures("duckdb")
async def test_grouping_tells_a_total_from_a_null() -> None:
    asked = Sale.query().select("region", F.grouping(c.region), F.count()).group_by(F.rollup(c.region))

    assert [("north", 0, 2), ("south", 0, 2), (None, 1, 4)] == await asked.order_by("grouping", "region").atuples()
    assert [("north",), ("south",)] == await (
        Sale.query().select("region").group_by(F.rollup(c.region)).having(F.grouping(c.region) == 0).order_by("region")
    ).atuples()


@pytest.mark.usefixtures("duckdb")
@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (F.case((c.amount > 3, "many"), else_="few"), ["few", "few", "many", "many"]),
        (c.amount.cast(str) + "!", ["1!", "2!", "4!", "8!"]),
        (F.row_number().over(partition_by=c.region, order_by=c.amount.desc()), [2, 1, 2, 1]),
        (F.sum(c.amount).over(order_by=c.id, rows=(-1, 0)), [1, 3, 6, 12]),
        (F.count().filter(c.kind == "tea").over(), [3, 3, 3, 3]),
        (F.sum(c.amount).over(order_by=c.id, groups=(None, None), exclude="current row"), [14, 13, 11, 7]),
        (F.lag(c.day).over(order_by=c.id), [None, ROWS[0][3], ROWS[1][3], ROWS[2][3]]),
        (F.extract("quarter", c.day), [1, 1, 1, 4]),
        (F.extract("isodow", c.day), [3, 4, 5, 7]),
        (
            F.date_trunc("month", c.day),
            [dt.date(2024, 1, 1), dt.date(2024, 2, 1), dt.date(2024, 3, 1), dt.date(2023, 12, 1)],
        ),
        (c.kind.is_distinct_from("tea"), [False, True, False, False]),
        (F.concat(c.region, "/", c.amount), ["north/1", "north/2", "south/4", "south/8"]),
        (F.greatest(c.amount, 3), [3, 3, 4, 8]),
        (F.ceil(c.price), [2.0, 3.0, -1.0, 0.0]),
        (F.mod(c.amount, 3), [1, 2, 1, 2]),
        (F.nullif(c.amount, 4), [1, 2, None, 8]),
        (F.substring(c.kind, 2, 2), ["ea", "il", "ea", "ea"]),
        (c.kind.collate("NOCASE") == "TEA", [True, False, True, True]),
    ],
)  # fmt: skip
async def test_the_base_dialect_is_understood(item: Any, expected: list[Any]) -> None:
    got = await Sale.query().order_by("id").select(item.as_("value")).ascalars()

    assert expected == got
    assert [type(value) for value in expected] == [type(value) for value in got]


@pytest.mark.usefixtures("duckdb")
async def test_aggregates_are_understood() -> None:
    joined = F.string_agg(c.kind, "+", order_by=c.amount.desc())
    asked = Sale.query().select(joined, F.sum(c.amount).filter(c.kind == "tea").as_("tea")).group_by(c.region)

    assert [("milk+tea", 1), ("tea+tea", 12)] == await asked.order_by("tea").atuples()


@pytest.mark.usefixtures("duckdb")
async def test_what_the_dialect_does_not_say_it_has_is_not_sent() -> None:
    for condition in (c.kind.regexp("t"), c.kind.matches("tea"), c.day - c.day == dt.timedelta(0)):
        with pytest.raises(UnsupportedFeature, match="DuckDB has no"):
            await Sale.query().where(condition).aall()
