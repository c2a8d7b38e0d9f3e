"""What saving gives fields by itself: timestamps, functions of the model's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import pydantic
import pytest
from pydantic import AwareDatetime

from engines import Engine
from rhosocial.activerecord import (
    AUTO,
    ActiveRecord,
    BelongsTo,
    Column,
    HasMany,
    IntegerPKMixin,
    OptimisticLockMixin,
    SoftDeleteMixin,
    TimestampMixin,
    ULIDMixin,
)
from rhosocial.activerecord.backend import ConfigurationError, NotNullViolation, StaleRecord, UniqueViolation

EARLIER = datetime(2001, 2, 3, 4, 5, 6, 789, tzinfo=UTC)


class Note(TimestampMixin, ActiveRecord):
    __table_name__ = "notes"
    id: int = AUTO
    text: Annotated[str, Column(unique=True)] = ""


class Whole(ULIDMixin, TimestampMixin, OptimisticLockMixin):
    """All of them together."""

    __table_name__ = "wholes"
    text: str = ""


class Everything(SoftDeleteMixin, TimestampMixin, OptimisticLockMixin, IntegerPKMixin):
    __table_name__ = "everythings"
    parent_id: int | None = None
    text: str = ""

    parent = BelongsTo["Everything"](foreign_key="parent_id")
    children = HasMany["Everything"](foreign_key="parent_id", inverse_of="parent")


class Logged(IntegerPKMixin, ActiveRecord):
    __table_name__ = "loggeds"
    text: str = ""
    edited_at: Annotated[AwareDatetime | None, Column(at_update=lambda: EARLIER)] = None
    made_by: Annotated[str, Column(at_insert=lambda: "me")] = AUTO


class Undo(Exception):
    """Leaves a block."""


@pytest.mark.parametrize("model", [Note, Whole])
async def test_both_moments_are_one_at_the_insert_and_then_only_one_moves(home: Any, model: Any) -> None:
    home(model)
    record = model(text="a")
    assert record.created_at is None and record.updated_at is None and not record.is_dirty
    before = datetime.now(UTC)
    await record.asave()
    created = record.created_at

    assert before <= created <= datetime.now(UTC)
    assert created == record.updated_at and created.utcoffset() == timedelta(0)
    assert not record.is_dirty and await model.afind_one(record.id) == record
    record.text = "b"
    assert await record.asave() == 1
    assert record.created_at == created < record.updated_at
    assert not record.is_dirty and await model.afind_one(record.id) == record


async def test_stamps_pass_where_writes_are_read_back(engine: Engine) -> None:
    with engine.place() as place:
        backend = place.open(verify_writes=True)
        Whole.__backend__ = backend
        await Whole.acreate_table()
        record = await Whole.acreate(text="a")
        await record.aupdate(text="b")
        (second,) = await Whole.abulk_create([Whole(text="c")])
        assert (record.version, record.is_dirty, second.created_at == second.updated_at) == (2, False, True)
        assert await Whole.afind_one(record.id) == record
        await backend.aclose()
        del Whole.__backend__


async def test_nothing_changed_moves_nothing(home: Any, sent: list[str]) -> None:
    home(Note)
    note = await Note.acreate(text="a")
    moment = note.updated_at
    sent.clear()

    assert await note.asave() == 0
    assert (sent, note.updated_at) == ([], moment)


async def test_moments_that_were_given_are_kept(home: Any) -> None:
    home(Note)
    note = await Note.acreate(text="a", created_at=EARLIER)
    assert note.created_at == EARLIER < note.updated_at
    both = await Note.acreate(text="b", created_at=EARLIER, updated_at=EARLIER)
    assert (both.created_at, both.updated_at) == (EARLIER, EARLIER)

    both.text, both.updated_at = "c", EARLIER + timedelta(1)
    await both.asave()
    assert (await Note.afind_one_or_fail(both.id)).updated_at == EARLIER + timedelta(1)
    both.text, both.updated_at = "d", None
    await both.asave()
    assert both.updated_at > EARLIER + timedelta(1)


async def test_a_bulk_insertion_stamps_too(home: Any) -> None:
    home(Note, Whole)
    notes = await Note.abulk_create([Note(text="a"), Note(text="b", created_at=EARLIER), Note(id=9, text="c")])

    assert notes[0].created_at == notes[0].updated_at == notes[1].updated_at
    assert notes[1].created_at == EARLIER
    assert all(not note.is_dirty for note in notes)
    assert await Note.query().order_by("id").aall() == notes
    with pytest.raises(Undo):
        async with Whole.transaction():
            wholes = await Whole.abulk_create([Whole(), Whole()])
            raise Undo
    assert [(whole.created_at, whole.version, whole.is_new_record) for whole in wholes] == [(None, 1, True)] * 2
    await Whole.abulk_create(wholes)
    assert wholes[0].created_at is not None


async def test_a_failed_statement_leaves_the_record_as_it_was(home: Any) -> None:
    home(Note)
    await Note.acreate(text="a")
    second = Note(text="a")
    with pytest.raises(UniqueViolation):
        await second.asave()
    assert (second.created_at, second.updated_at) == (None, None)

    second.text = "b"
    await second.asave()
    moment = second.updated_at
    second.text = "a"
    with pytest.raises(UniqueViolation):
        await second.asave()
    assert (second.updated_at, second.dirty_fields) == (moment, {"text"})


async def test_a_rollback_puts_the_moments_back(home: Any) -> None:
    home(Note)
    fresh, stored = Note(text="a"), await Note.acreate(text="b")
    moment = stored.updated_at
    with pytest.raises(Undo):
        async with Note.transaction():
            await fresh.asave()
            await stored.aupdate(text="c")
            raise Undo

    assert (fresh.created_at, fresh.updated_at) == (None, None)
    assert (stored.updated_at, stored.dirty_fields) == (moment, {"text"})
    assert await fresh.asave() + await stored.asave() == 2


async def test_a_copy_and_a_deleted_record_are_stamped_anew(home: Any) -> None:
    home(Note)
    note = await Note.acreate(text="a", created_at=EARLIER)
    copied = note.dup()
    assert (copied.created_at, copied.updated_at, copied.is_dirty) == (None, None, False)
    with pytest.raises(Undo):
        async with Note.transaction():
            await note.adelete()
            raise Undo
    assert (note.created_at, note.is_dirty, note.is_new_record) == (EARLIER, False, False)

    await note.adelete()
    await note.asave()
    assert note.created_at > EARLIER


async def test_all_mixins_combine_with_each_other_and_with_relations(home: Any) -> None:
    home(Everything)
    parent = await Everything.acreate(text="a")
    child = Everything(text="b", parent=parent)
    await child.asave()
    await child.aupdate(text="c")
    assert (child.version, child.parent, await parent.aload("children")) == (2, parent, [child])

    key = child.id
    assert await child.adelete() == 1
    assert (child.id, child.version, child.is_new_record, child.is_dirty) == (key, 2, False, False)
    assert await Everything.afind_one(key) is None
    await child.arestore()
    await child.aupdate(text="d")
    assert (child.version, await Everything.afind_one(key)) == (3, child)
    stale = await Everything.afind_one_or_fail(key)
    await child.aupdate(text="e")
    with pytest.raises(StaleRecord):
        await stale.ahard_delete()
    assert await child.ahard_delete() == 1


async def test_functions_of_the_models_own_stamp(home: Any) -> None:
    home(Logged)
    record = await Logged.acreate(text="a")
    assert (record.made_by, record.edited_at) == ("me", None)
    record.text = "b"
    await record.asave()
    assert (record.made_by, record.edited_at) == ("me", EARLIER)
    assert (await Logged.acreate(made_by="you")).made_by == "you"


def test_a_stamp_must_be_a_function() -> None:
    with pytest.raises(ConfigurationError, match="at_insert and at_update take functions, got str"):
        Column(at_insert="now")


@pytest.mark.parametrize("model", [Note, Whole])
async def test_the_columns_take_no_null(home: Any, model: Any) -> None:
    home(model)
    record = await model.acreate(text="a")

    for column in ("created_at", "updated_at"):
        with pytest.raises(NotNullViolation):
            await model.backend().aexecute(f"UPDATE {model.table_name()} SET {column} = NULL")
        assert not model.__table__.column(column).nullable
    assert model.read_schema().model_validate(record).created_at == record.created_at
    with pytest.raises(pydantic.ValidationError):
        model.read_schema().model_validate(model(text="unsaved"))


def test_what_saving_sets_is_not_for_clients_to_send() -> None:
    assert set(Whole.create_schema().model_fields) == {"text"}
    assert set(Whole.patch_schema(include={"version"}).model_fields) == {"text", "version"}
