"""Conditions with a value find the rows that hold it, and no others."""

from __future__ import annotations

from typing import Any

import pytest
from field_kinds import DOCUMENTS, FAMILIES, KINDS, Kind
from field_models import REFUSALS, Model, same, some_saved
from hypothesis import given
from hypothesis import strategies as st

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family[0].name)


async def check_found(kind: Kind, model: type[Model], records: list[Model], sought: Model) -> None:
    """Each way to ask for the value of `sought` finds its row, and only rows of that value."""
    value, column, query = sought.value, model.c.value, model.query()
    equal = {record.id for record in records if same(record.value, value)}
    # Documents are compared as their text: what Python has equal (1 and 1.0) need not be.
    alike = {record.id for record in records if record.value == value} if kind in DOCUMENTS else equal
    ways = [
        query.where(column == value),
        query.where(column.in_([value])),
        query.where(model.c.maybe == value),
        query.query({"value": value if kind not in DOCUMENTS else [value]}),
    ]
    for way in ways:
        found = {row.id for row in await way.aall()}

        assert equal <= found <= alike
    others = {row.id for row in await query.where(column != value).aall()}

    assert others == {record.id for record in records} - {row.id for row in await ways[0].aall()}


@every_kind
async def test_each_value_of_a_kind_is_found(kind: Kind, table: Any) -> None:
    model = table(kind)
    records = await some_saved(model, kind.kept)
    for sought in records[:12]:
        await check_found(kind, model, records, sought)


@every_family
@given(data=st.data())
async def test_a_saved_value_is_found_among_others(family: list[Kind], table: Any, data: Any) -> None:
    kind = data.draw(st.sampled_from(family))
    model = table(kind)
    records = await some_saved(model, data.draw(st.lists(kind.values, min_size=1, max_size=4)))
    if records:
        await check_found(kind, model, records, records[0])


@every_kind
async def test_rows_without_a_value_are_found_by_none_and_by_no_value(kind: Kind, table: Any) -> None:
    model = table(kind)
    records = await some_saved(model, kind.kept[:2])
    records[0].maybe = None
    await records[0].asave()
    column, query = model.c.maybe, model.query()
    nothing, something = {records[0].id}, {record.id for record in records[1:]}

    for way in (query.where(column == None), query.query({"maybe": None}), query.is_null("maybe")):  # noqa: E711  # SQL, not Python.
        assert nothing == {row.id for row in await way.aall()}
    assert something == {row.id for row in await query.where(column != None).aall()}  # noqa: E711  # SQL, not Python.
    assert something == {row.id for row in await query.where(column.in_([r.value for r in records])).aall()}
    assert await query.where(column.in_([])).aall() == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.refused], ids=repr)
async def test_what_no_row_can_hold_finds_none_or_raises(kind: Kind, table: Any) -> None:
    model = table(kind)
    await some_saved(model, kind.kept[:3])
    for value in kind.refused:
        try:
            found = await model.query().where(model.c.value == value).aall()
        except REFUSALS:
            continue

        assert found == []
