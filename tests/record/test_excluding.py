"""`Exclude` keeps rows apart where the engine can, and is refused where it cannot."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from rhosocial.activerecord import AUTO, ActiveRecord, Column, Exclude
from rhosocial.activerecord.backend import ConfigurationError, ExclusionViolation, UnsupportedFeature


class Booking(ActiveRecord):
    __table_name__ = "bookings"
    __table_args__ = (
        Exclude("int8range(from_day, until) WITH &&", where="NOT cancelled", name="one_at_a_time"),
        Exclude("int8range(seat, seat + 1) WITH &&", name="one_to_a_seat"),
    )

    id: int = AUTO
    start: Annotated[int, Column(name="from_day")]
    until: int
    seat: int
    cancelled: bool = False


async def test_rows_are_kept_apart(home: Any, backend: Any, sent: list[str]) -> None:
    home(Booking, tables=False)
    if not backend.dialect.supports_exclusion:
        with pytest.raises(UnsupportedFeature, match="EXCLUDE constraints"):
            await Booking.acreate_table()
        assert sent == []
        return
    await Booking.acreate_table()
    await Booking.acreate(start=1, until=4, seat=1)
    await Booking.acreate(start=4, until=6, seat=2)
    await Booking.acreate(start=1, until=4, seat=3, cancelled=True)

    with pytest.raises(ExclusionViolation) as caught:
        await Booking.acreate(start=3, until=5, seat=4)
    assert (caught.value.constraint, caught.value.fields) == ("one_at_a_time", ("start", "until"))
    assert {detail["type"] for detail in caught.value.errors()} == {"exclusion"}
    with pytest.raises(ExclusionViolation) as caught:
        await Booking.abulk_create([Booking(start=8, until=9, seat=5), Booking(start=9, until=9, seat=2)])
    assert caught.value.fields == ("seat",) and await Booking.query().acount() == 3


def test_a_kind_of_index_is_a_name() -> None:
    with pytest.raises(ConfigurationError, match="must be the name of a kind of index"):
        Exclude("seat WITH =", using="gist (seat WITH =); --")
