"""What the demo's own backends do beyond the questions: many rows in one statement of few values."""

from __future__ import annotations

import datetime
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import AwareDatetime

from rhosocial.activerecord import AUTO, ActiveRecord, Check, Column
from rhosocial.activerecord.backend import ConnectionConfig, DataError, IntegrityError, TransactionError

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("duckdb") is None, reason="this part of the demo needs duckdb; make test installs it"
)


class Reading(ActiveRecord):
    __table_name__ = "readings"
    __table_args__ = (Check("level >= 0"),)
    id: int = AUTO
    at: AwareDatetime
    day: datetime.date
    level: int
    depth: float | None
    note: Annotated[str | None, Column(unique=True)]
    remark: str | None


@pytest.fixture
def duck(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    from demo.duckdb_backend import DuckDBBackend

    settings = getattr(request, "param", {})
    backend = DuckDBBackend(connection_config=ConnectionConfig(database=str(tmp_path / "x.duckdb"), **settings))
    Reading.__backend__ = backend
    Reading.create_table()
    yield backend
    del Reading.__backend__
    backend.close()


def readings(count: int) -> list[Reading]:
    start = datetime.datetime(2024, 1, 31, 23, 30, tzinfo=datetime.UTC)
    return [
        Reading(
            at=start + datetime.timedelta(minutes=n),
            day=start.date(),
            level=n if n % 2 else 2**62 + n,
            depth=n / 7 if n % 3 else None,
            note=None if n % 5 else f"'; {n} é",
            remark=None,
        )
        for n in range(count)
    ]


async def test_rows_bound_by_column_are_stored_in_order_with_their_keys(duck: Any) -> None:
    sent: list[tuple[str, tuple[str, ...]]] = []
    duck.on_execute.append(lambda sql, types, seconds: sent.append((sql, types)))
    records = readings(2_500)
    await Reading.abulk_create(records)

    inserts = [found for found in sent if found[0].startswith("INSERT")]
    assert inserts[0] == (
        'INSERT INTO "readings" ("at", "day", "level", "depth", "note", "remark") '
        'SELECT unnest(?), unnest(?), unnest(?), unnest(?), unnest(?), unnest(?) RETURNING "id"',
        ("list",) * 6,
    )
    assert len(inserts) == 3
    assert [record.id for record in records] == list(range(1, 2_501))
    assert await Reading.query().order_by("id").aall() == records
    records[7].remark = "seen"
    assert [await record.asave() for record in records[6:8]] == [0, 1]


async def test_a_row_that_breaks_a_rule_leaves_none_of_those_bound_with_it(duck: Any) -> None:
    records = readings(12)
    records[11].note = records[0].note
    with pytest.raises(IntegrityError):
        await Reading.abulk_create(records, batch_size=4)

    assert await Reading.query().acount() == 0
    assert all(record.is_new_record and record.id is None for record in records)
    records[11].note = "another"
    await Reading.abulk_create(records, batch_size=4)
    assert await Reading.query().order_by("level").aall() == sorted(records, key=lambda record: record.level)


async def test_a_bulk_insertion_joins_a_block_that_cannot_nest(duck: Any) -> None:
    records = readings(6)
    async with Reading.transaction():
        await records[5].asave()
        await Reading.abulk_create(records[:5], batch_size=2)
        await duck.aexecute_many("UPDATE readings SET remark = ? WHERE id = ?", [("a", 1), ("b", 2)])

    assert await Reading.query().acount() == 6
    assert await Reading.query().order_by("id").limit(2).select("remark").ascalars() == ["a", "b"]


async def test_a_block_is_lost_with_a_bulk_insertion_that_failed_half_way(duck: Any) -> None:
    records = readings(4)
    records[3].level = 2**70  # Found when it is dumped: the engine has two rows by then, and sees no error.
    with pytest.raises(TransactionError, match=r"an earlier statement of this block failed.*beyond 64 bits"):
        async with Reading.transaction():
            with pytest.raises(DataError, match="beyond 64 bits"):
                await Reading.abulk_create(records, batch_size=2)
            assert records[0].id is not None
            with pytest.raises(TransactionError, match="an earlier statement of this block failed"):
                await Reading.abulk_create([])

    assert await Reading.query().acount() == 0
    assert all(record.is_new_record and record.id is None for record in records)


@pytest.mark.parametrize("duck", [{"verify_writes": True}], indirect=True)
async def test_a_column_that_rounds_is_found_out_where_writes_are_verified(duck: Any) -> None:
    await duck.aexecute("ALTER TABLE readings ALTER depth TYPE FLOAT")  # Half as many digits as Python's.
    right, wrong = readings(3)[1:]
    right.depth, wrong.depth = 0.5, 0.1
    assert await right.asave() == 1
    with pytest.raises(DataError, match=r"Reading\.depth was not stored as it is"):
        await wrong.asave()
    right.depth = 0.7
    with pytest.raises(DataError, match=r"Reading\.depth was not stored as it is"):
        await right.asave()
    assert await Reading.query().select("depth").ascalars() == [0.5]

    with pytest.raises(TransactionError, match=r"an earlier statement of this block failed.*not stored as it is"):
        async with Reading.transaction():
            with pytest.raises(DataError, match="not stored as it is"):
                await Reading.abulk_create([wrong])
    assert await Reading.query().select("depth").ascalars() == [0.5]
    assert wrong.is_new_record


@pytest.mark.parametrize("order", ["depth", "depth DESC", "note", "at DESC", "level", "depth NULLS FIRST"])
async def test_pages_follow_the_order_of_an_engine_that_puts_nulls_last(duck: Any, order: str) -> None:
    await Reading.abulk_create(readings(20))
    query = Reading.query().order_by(order)
    page = await query.apage(7)
    found = list(page)
    while page.has_next:
        page = await query.apage(7, after=page.next)
        found += page
    back = [*page]
    while page.has_previous:
        page = await query.apage(7, before=page.previous)
        back = [*page, *back]

    assert await query.order_by("id").aall() == found == back


async def test_pages_take_the_first_of_each_group(duck: Any) -> None:
    await Reading.abulk_create(readings(20))
    query = Reading.query().distinct_on("depth").order_by("depth DESC", "level DESC")
    page = await query.apage(4)
    found = list(page)
    while page.has_next:
        page = await query.apage(4, after=page.next)
        found += page

    assert await query.aall() == found
    assert 14 == len(found)
