"""Columns of a type that the model names itself keep what they take, for every type that can hold the field's kind."""

from __future__ import annotations

from typing import Any

import pytest
from field_kinds import KINDS, Kind
from field_models import empty, same, saved, some_saved
from hypothesis import given
from hypothesis import strategies as st
from test_model_filter import check_found
from test_model_round_trip import check_readings

from rhosocial.activerecord.backend.column_type import column_type
from rhosocial.activerecord.backend.errors import ConfigurationError
from rhosocial.activerecord.backend.typing import DatabaseType

D = DatabaseType
# SQLite stores these alike: each tries its share of the kinds, so that together they try all.
ALIKE = [
    (D.JSON, D.JSONB, D.ARRAY, D.VECTOR),
    (D.TEXT, D.VARCHAR, D.CHAR),
    (D.BIGINT, D.INTEGER, D.SMALLINT, D.TINYINT),
    (D.TIMESTAMP, D.DATETIME),
    (D.ENUM, D.INET),
]


def holds(db_type: DatabaseType, kind: Kind) -> bool:
    """Whether a column of that type may be declared for the kind."""
    try:
        column_type(kind.annotation, db_type=db_type)
    except ConfigurationError:
        return False
    return True


def holds_nothing(db_type: DatabaseType, kind: Kind) -> bool:
    """Whether all values are refused: those that SQLite does not hold itself, and members that Pydantic cannot read."""
    if db_type is D.CUSTOM:
        return type(kind.kept[0]) not in (int, float, str, bytes)
    return kind.name == "Enum of dates" and db_type in ALIKE[0]


PAIRS = {db_type: [kind for kind in KINDS.values() if holds(db_type, kind)] for db_type in D}
SHARES = PAIRS | {
    db_type: PAIRS[db_type][place :: len(alike)] for alike in ALIKE for place, db_type in enumerate(alike)
}
# Engines differ in what such columns are.
OF_SQLITE = (D.CUSTOM, D.INET)
every_type = pytest.mark.parametrize(
    "db_type",
    [pytest.param(d, marks=pytest.mark.engine("sqlite"), id=d.name) if d in OF_SQLITE else d for d in D],
    ids=lambda db_type: db_type.name,
)


@every_type
@pytest.mark.face("blocking", reason="how values are converted does not depend on the face")
async def test_a_named_type_of_column_keeps_or_refuses_the_values_of_each_kind(
    db_type: DatabaseType, table: Any
) -> None:
    assert SHARES[db_type]
    for kind in SHARES[db_type]:
        model = table(kind, db_type)
        records = await some_saved(model, (*kind.kept, *kind.refused))

        assert records or holds_nothing(db_type, kind)
        await check_readings(model, records)


@every_type
@pytest.mark.face("blocking", reason="how values are converted does not depend on the face")
@given(data=st.data())
async def test_a_named_type_of_column_finds_what_it_keeps(db_type: DatabaseType, table: Any, data: Any) -> None:
    kind = data.draw(st.sampled_from(SHARES[db_type]))
    model = table(kind, db_type)
    records = await some_saved(model, data.draw(st.lists(kind.values, min_size=1, max_size=3)))
    await check_readings(model, records)
    for sought in records[:1]:
        await check_found(kind, model, records, sought)


@pytest.mark.engine("sqlite")
@pytest.mark.parametrize("kind", [KINDS[name] for name in ("int", "float", "str", "bytes")], ids=repr)
async def test_a_custom_column_keeps_what_sqlite_holds_itself(kind: Kind, table: Any) -> None:
    model = table(kind, D.CUSTOM)
    await empty(model)
    records = [record for value in kind.kept if (record := await saved(model, value, is_kept=True)) is not None]

    await check_readings(model, records)


@pytest.mark.parametrize(("precision", "scale"), [(6, 2), (15, 15), (20, 0), (40, 38)])
@given(data=st.data())
async def test_the_digits_that_a_column_declares_are_kept_and_no_more(
    precision: int, scale: int, table: Any, data: Any
) -> None:
    model = table(KINDS["Decimal"], precision=precision, scale=scale)
    limit = 10 ** (precision - scale)
    inside = st.decimals(places=scale, min_value=-limit, max_value=limit).filter(lambda value: abs(value) < limit)
    outside = st.decimals(places=scale + 1, min_value=-limit, max_value=limit).filter(lambda value: value % 1)
    value = data.draw(inside)
    await empty(model)
    record = await saved(model, value, is_kept=True)
    assert record is not None

    assert same(value, (await model.afind_one_or_fail(record.id)).value)
    finer = data.draw(outside.filter(lambda value: value.normalize().as_tuple().exponent == -scale - 1))
    assert await saved(model, finer) is None
