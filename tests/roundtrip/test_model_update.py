"""Values that replace others: by one save, by many at once, and by a transaction that is rolled back."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pydantic
import pytest
from field_kinds import FAMILIES, KINDS, Kind
from field_models import REFUSALS, Model, empty, holds_nul, same, saved
from hypothesis import given
from hypothesis import strategies as st
from strategies import BERLIN

from engines import Engine

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family[0].name)


class Undo(Exception):
    """Leaves a transaction without keeping what was done in it."""


async def check_update(model: type[Model], old: Any, new: Any) -> bool:
    """A record whose value is replaced by one save keeps the new value, or raises and keeps the old one."""
    await empty(model)
    record = await saved(model, old)
    if record is None:
        return False
    record.value = new
    try:
        await record.asave()
    except REFUSALS:
        [row] = await model.query().aall()

        assert same(row.value, (await model.afind_one_or_fail({"id": record.id})).maybe)
        assert "value" in record.dirty_fields
        return False
    [row] = await model.query().aall()

    assert not record.is_dirty
    assert same(row.value, record.value)
    assert (row.id, row.note) == (record.id, "untouched")
    return True


async def check_rollback(model: type[Model]) -> None:
    """What a transaction wrote is gone when it is left by an error, and the record knows."""
    [record] = await model.query().aall()
    before = record.value
    with suppress(Undo):
        async with model.transaction():
            record.value, record.maybe = record.maybe, None
            await record.asave()

            assert not record.is_dirty
            raise Undo
    [row] = await model.query().aall()

    assert same(row.value, before)
    assert same(record.get_old_attribute("value"), before)
    assert "maybe" in record.dirty_fields


@every_kind
async def test_each_value_of_a_kind_replaces_the_one_before(engine: Engine, kind: Kind, table: Any) -> None:
    model = table(kind)
    kept = [value for value in kind.kept if engine.keeps_nul or not holds_nul(value)]
    for old, new in zip(kept, (*kept[1:], kept[0]), strict=True):
        assert await check_update(model, old, new)
    await check_rollback(model)
    for value in kind.kept:
        if not engine.keeps_nul and holds_nul(value):
            assert not await check_update(model, kept[0], value)


@every_family
@given(data=st.data())
async def test_a_changed_value_replaces_the_old_one_or_the_save_raises(
    family: list[Kind], table: Any, data: Any
) -> None:
    kind = data.draw(st.sampled_from(family))
    model = table(kind)
    if await check_update(model, data.draw(kind.values), data.draw(kind.values)):
        await check_rollback(model)


async def check_bulk(model: type[Model], values: list[Any]) -> bool:
    """Many records written at once have their keys, and their rows their values; or none is written."""
    await empty(model)
    try:
        records = [model(value=value, maybe=None if i % 2 else value) for i, value in enumerate(values)]
    except pydantic.ValidationError:
        return False
    try:
        await model.abulk_create(records, batch_size=2)
    except REFUSALS:
        assert await model.query().acount() == 0
        assert [None] * len(records) == [record.id for record in records]
        return False
    rows = await model.query().order_by("id").aall()

    assert [row.id for row in rows] == [record.id for record in records]
    assert all(map(same, [row.value for row in rows], [record.value for record in records]))
    assert all(map(same, [row.maybe for row in rows], [record.maybe for record in records]))
    assert not any(record.is_dirty for record in (*records, *rows))
    return True


@every_kind
async def test_all_values_of_a_kind_can_be_written_at_once(engine: Engine, kind: Kind, table: Any) -> None:
    model = table(kind)

    kept = [value for value in kind.kept if engine.name == "sqlite" or await saved(model, value) is not None]
    refused = [value for value in kind.refused if engine.name == "sqlite" or await saved(model, value) is None]

    assert await check_bulk(model, kept)
    for value in refused:
        assert not await check_bulk(model, [kept[0], value])


@every_family
@given(data=st.data())
async def test_values_written_at_once_are_all_kept_or_none(family: list[Kind], table: Any, data: Any) -> None:
    kind = data.draw(st.sampled_from(family))
    kept = st.sampled_from(kind.kept)
    await check_bulk(table(kind), [*data.draw(st.lists(kept, max_size=3)), data.draw(kind.values)])


@pytest.mark.parametrize("name", ["AwareDatetime", "datetime in Berlin"])
async def test_a_moment_an_hour_later_is_saved_although_python_has_both_equal(name: str, table: Any) -> None:
    model = table(KINDS[name])
    first, second = (datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=fold) for fold in (0, 1))
    assert first == second

    assert await check_update(model, first, second)
    [row] = await model.query().aall()
    row.value = second

    assert not row.is_dirty
    assert timedelta(hours=1) == row.value.astimezone(UTC) - row.maybe.astimezone(UTC)


@pytest.mark.parametrize("name", ["Decimal", "Decimal(10, 2)", "Decimal(50)"])
async def test_a_signalling_nan_that_was_assigned_is_refused_by_save_alone(name: str, table: Any) -> None:
    model = table(KINDS[name])
    new, stored = model(value=Decimal(1)), await model.acreate(value=Decimal(1))
    for record in (new, stored):
        record.value = Decimal("sNaN")

        assert {"value"} == record.dirty_fields
        with pytest.raises(REFUSALS):
            await record.asave()
