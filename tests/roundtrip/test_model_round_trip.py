"""What is saved through a model comes back equal and of its type by every call, or the save raises."""

from __future__ import annotations

from typing import Any

import pytest
from field_kinds import FAMILIES, KINDS, Kind
from field_models import REFUSALS, Model, empty, same, saved, some_saved
from hypothesis import given
from hypothesis import strategies as st

from engines import Engine

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


async def check_readings(model: type[Model], records: list[Model]) -> None:
    """All calls that read give the records' values, and no record that was read has changed."""
    values = [record.value for record in records]
    query, column = model.query().order_by("id"), model.c.value
    loaded = [*await query.aall(), *[record async for record in query.iterator(2)]]
    loaded += [await model.afind_one_or_fail(record.id) for record in records[:1]]

    assert all(map(same, [record.value for record in loaded], [*values, *values, *values[:1]]))
    assert all(map(same, [record.maybe for record in loaded], [*values, *values, *values[:1]]))
    assert all(record.dirty_fields == set() and not record.is_dirty for record in loaded)
    assert all(map(same, [row["value"] for row in await query.adicts()], values))
    assert all(map(same, [row[1] for row in await query.atuples()], values))
    assert all(map(same, await query.select(column).ascalars(), values))
    assert all(map(same, [row.value for row in await query.select("value", "id").aall()], values))
    assert [0] * len(loaded) == [await record.asave() for record in loaded]


@every_kind
async def test_what_a_kind_of_field_must_keep_is_read_back_by_every_call(kind: Kind, table: Any) -> None:
    model = table(kind)
    await empty(model)
    records = [await saved(model, value, is_kept=True) for value in kind.kept]

    await check_readings(model, [record for record in records if record is not None])


@every_kind
@pytest.mark.face("blocking", reason="the next test does so for awaiting calls, fewer times")
@given(data=st.data())
async def test_a_saved_value_is_read_back_by_every_call_or_the_save_raises(kind: Kind, table: Any, data: Any) -> None:
    model = table(kind)

    await check_readings(model, await some_saved(model, data.draw(st.lists(kind.values, min_size=1, max_size=3))))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family[0].name)
@pytest.mark.face("awaiting", reason="the test before does so for blocking calls")
@given(data=st.data())
async def test_a_saved_value_is_read_back_by_awaiting_calls_too(family: list[Kind], table: Any, data: Any) -> None:
    kind = data.draw(st.sampled_from(family))
    model = table(kind)

    await check_readings(model, await some_saved(model, data.draw(st.lists(kind.values, min_size=1, max_size=3))))


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.refused], ids=repr)
async def test_what_cannot_be_kept_is_refused_before_anything_is_written(
    engine: Engine, kind: Kind, table: Any
) -> None:
    model = table(kind)
    await empty(model)
    kept = await saved(model, kind.kept[0], is_kept=True)
    assert kept is not None
    for value in kind.refused:
        more = await saved(model, value)
        if more is not None and engine.name != "sqlite":  # An engine may keep more than all of them do.
            assert same(value, (await model.afind_one_or_fail(more.id)).value)
            await more.adelete()
            continue
        assert more is None
        kept.value = value
        with pytest.raises(REFUSALS):
            await kept.asave()
        [row] = await model.query().aall()

        assert same(row.value, kind.kept[0])
