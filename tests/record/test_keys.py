"""The mixins' keys: what they hold before and after saving, and how those that sort are made."""

from __future__ import annotations

import multiprocessing
import threading
import time
from typing import Any
from uuid import UUID

import pydantic
import pytest

from rhosocial.activerecord import ActiveRecord, HasMany, IntegerPKMixin, ULIDMixin, UUID7Mixin, UUIDMixin, fields
from rhosocial.activerecord import BelongsTo as Belongs
from rhosocial.activerecord.field import sortable, ulid, uuid7


class Numbered(IntegerPKMixin, ActiveRecord):
    __table_name__ = "numbered"
    name: str = ""


class Random(UUIDMixin, ActiveRecord):
    __table_name__ = "randoms"
    name: str = ""

    sorted_ones = HasMany["Sorted"](foreign_key="random_id")


class Sorted(UUID7Mixin, ActiveRecord):
    __table_name__ = "sorteds"
    name: str = ""
    random_id: UUID | None = None

    random = Belongs["Random"](foreign_key="random_id")


class Lettered(ULIDMixin):
    __table_name__ = "lettereds"
    name: str = ""


async def test_an_integer_key_is_none_until_it_is_saved(home: Any) -> None:
    home(Numbered)
    record = Numbered(name="a")
    assert record.id is None

    await record.asave()
    assert record.id == 1
    assert (await Numbered.acreate(id=7)).id == 7


@pytest.mark.parametrize(("model", "kind"), [(Random, UUID), (Sorted, UUID), (Lettered, str)])
async def test_a_key_of_the_program_is_there_from_the_beginning(home: Any, model: Any, kind: type) -> None:
    home(model)
    first, second = model(name="a"), model(name="b")
    assert type(first.id) is kind and first.id != second.id
    key = first.id

    await first.asave()
    await model.abulk_create([second])
    assert first.id == key
    assert await model.afind_one(key) == first
    assert {record.id for record in await model.afind_all()} == {key, second.id}
    given = await model.acreate(id=model().id, name="given")
    assert await model.afind_one_or_fail(given.id) == given


async def test_a_copy_and_a_deleted_record_keep_a_key_that_no_database_made(home: Any) -> None:
    home(Random)
    record = await Random.acreate(name="a")
    key = record.id
    await record.adelete()

    assert record.id == key
    assert await record.asave() == 1


async def test_keys_of_the_program_carry_relations(home: Any) -> None:
    home(Random, Sorted)
    parent = await Random.acreate()
    child = await Sorted.acreate(random_id=parent.id)
    again = await Random.afind_one_or_fail(parent.id)

    assert await again.aload("sorted_ones") == [child]
    assert await child.aload("random") == parent


@pytest.mark.parametrize(
    "wrong", ["", "01ARZ3NDEKTSV4RRFFQ69G5FA", "81ARZ3NDEKTSV4RRFFQ69G5FAV", "01arz3ndektsv4rrffq69g5fav"]
)
def test_what_is_no_ulid_is_refused(wrong: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        Lettered(id=wrong)


def test_a_uuid_of_version_7_has_the_layout_of_rfc_9562() -> None:
    # The example of its appendix A.6.
    number = 0xCC3 << 62 | 0x18C4DC0C0C07398F & (1 << 62) - 1
    assert str(sortable.uuid7_of(0x017F22E279B0, number)) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"

    made = uuid7()
    assert made.version == 7 and made.variant == "specified in RFC 4122"
    assert 0 <= time.time_ns() // 1_000_000 - (made.int >> 80) < 60_000


def test_a_ulid_spells_the_moment_and_the_number() -> None:
    # The example of the specification's own page.
    assert sortable.ulid_of(1469918176385, 0) == "01ARYZ6S41" + 16 * "0"
    assert sortable.ulid_of((1 << 48) - 1, (1 << 80) - 1) == "7" + 25 * "Z"


@pytest.mark.parametrize("make", [uuid7, ulid])
def test_sortable_keys_grow_within_a_process(make: Any) -> None:
    made = [make() for _ in range(5_000)]
    assert made == sorted(made) and len(set(made)) == 5_000

    many: list[Any] = []
    threads = [threading.Thread(target=lambda: many.extend([make() for _ in range(1_000)])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(many)) == 8_000 and min(many) > made[-1]


def test_they_grow_while_the_clock_stands_still_or_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    growing = sortable._Growing(40)
    moments = iter([5_000_000, 5_000_000, 3_000_000, 6_000_000])
    monkeypatch.setattr(sortable.time, "time_ns", lambda: next(moments, 6_000_000))
    made = [growing.next() for _ in range(2_000)]

    assert made == sorted(made) and len(set(made)) == 2_000
    assert [pair[0] for pair in made[:4]] == [5, 5, 5, 6]
    assert made[-1][0] > 6  # 40 bits were used up: the milliseconds run ahead.
    assert all(number < 1 << 40 for _, number in made)


def _first_in_child(queue: Any) -> None:
    queue.put(ulid())


def test_a_forked_child_does_not_go_on_with_its_parents_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = time.time_ns() // 1_000_000 + 3_600_000  # As where the clock was put back: the numbers of both would go on.
    monkeypatch.setattr(sortable._ulids, "_millisecond", ahead)
    context = multiprocessing.get_context("fork")
    queue: Any = context.Queue()
    before = ulid()
    children = [context.Process(target=_first_in_child, args=(queue,)) for _ in range(2)]
    for child in children:
        child.start()
    made = {queue.get(timeout=20) for _ in children}
    for child in children:
        child.join()

    assert len(made | {before, ulid()}) == 4
    assert all(text < before for text in made)


def test_the_old_path_gives_the_same_classes() -> None:
    assert fields.UUIDMixin is UUIDMixin
