"""Records whose deletion keeps the row: out of sight, and back when asked."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from rhosocial.activerecord import (
    ActiveRecord,
    BelongsTo,
    HasMany,
    HasOne,
    Index,
    ManyToMany,
    ModelEvent,
    OptimisticLockMixin,
    SoftDeleteMixin,
    SoftDeleteQuery,
    TimestampMixin,
)
from rhosocial.activerecord.backend import StorageBackend
from rhosocial.activerecord.backend.errors import ForeignKeyViolation, StaleRecord, UniqueViolation, UnsupportedFeature
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend
from rhosocial.activerecord.backend.impl.sqlite.dialect import SQLiteDialect
from rhosocial.activerecord.testing import assert_queries


class Shelf(SoftDeleteMixin, ActiveRecord):
    __table_name__ = "shelves"

    id: int
    name: str = "A"

    books = HasMany["Book"](foreign_key="shelf_id", dependent="delete")
    label = HasOne["Sticker"](foreign_key="shelf_id", dependent="delete")
    keys = HasMany["Key"](foreign_key="shelf_id", dependent="restrict")
    rooms = ManyToMany["Room"](through="ShelfRoom", dependent="delete")


class Book(SoftDeleteMixin, ActiveRecord):
    __table_name__ = "books"
    __table_args__ = (Index("isbn", unique=True, where="deleted_at IS NULL"),)

    id: int
    shelf_id: int | None = None
    isbn: str
    title: str = "?"

    shelf = BelongsTo["Shelf | None"](foreign_key="shelf_id")
    pages = HasMany["Leaf"](foreign_key="book_id", dependent="delete")


class Leaf(SoftDeleteMixin, ActiveRecord):
    __table_name__ = "leaves"

    id: int
    book_id: int


class Sticker(ActiveRecord):
    __table_name__ = "stickers"

    id: int
    shelf_id: int


class Key(SoftDeleteMixin, ActiveRecord):
    __table_name__ = "keys"

    id: int
    shelf_id: int


class Room(ActiveRecord):
    __table_name__ = "rooms"

    id: int


class ShelfRoom(ActiveRecord):
    __table_name__ = "shelf_rooms"
    __primary_key__ = ("shelf_id", "room_id")

    shelf_id: int
    room_id: int


class Unindexed(SoftDeleteMixin, ActiveRecord):
    """The table of books where there are no partial indexes."""

    __table_name__ = "books"

    id: int
    shelf_id: int | None = None
    isbn: str
    title: str = "?"


MODELS = (Shelf, Book, Leaf, Sticker, Key, Room, ShelfRoom)


@pytest.fixture(autouse=True)
def library(engine: Any) -> Iterator[StorageBackend]:
    """Shelf 1 with books 1 and 2 of two leaves each, a sticker, a room; shelf 2 with book 3."""
    with engine.place(in_memory=False) as place:
        made = place.configure(Shelf, MODELS)
        for model in MODELS:
            if model is not Book or made.dialect.supports_partial_indexes:
                model.create_table()
            else:
                with pytest.raises(UnsupportedFeature):
                    model.create_table()
                Unindexed.__backend__ = made
                Unindexed.create_table()
        Shelf.bulk_create([Shelf(), Shelf(name="B")])
        Book.bulk_create([Book(shelf_id=1, isbn="1"), Book(shelf_id=1, isbn="2"), Book(shelf_id=2, isbn="3")])
        Leaf.bulk_create([Leaf(book_id=n) for n in (1, 1, 2, 2)])
        Sticker.create(shelf_id=1)
        Room.create()
        ShelfRoom.create(shelf_id=1, room_id=1)
        yield made
        made.close()


async def ids(query: Any) -> list[int]:
    return sorted([record.id for record in await query.aall()])


# 1 - One record


async def test_deleting_marks_the_row_and_keeps_the_record_stored():
    book, before = await Book.afind_one_or_fail(1), datetime.now(UTC)
    book.title = "not to be saved by this"
    assert await book.adelete() == 1

    assert book.is_deleted
    assert book.id == 1
    assert not book.is_new_record
    assert book.deleted_at is not None
    assert before <= book.deleted_at <= datetime.now(UTC)
    assert book.dirty_fields == {"title"}
    assert await Book.afind_one(1) is None
    stored = await Book.query_with_deleted().with_keys([1]).aone_or_fail()
    assert stored == book.model_copy(update={"title": "?"})


async def test_who_asks_for_deleted_rows_sees_them():
    await (await Book.afind_one_or_fail(2)).adelete()

    assert await ids(Book.query()) == [1, 3]
    assert await ids(Book.query_with_deleted()) == await ids(Book.query().with_deleted()) == [1, 2, 3]
    assert await ids(Book.query_only_deleted()) == await ids(Book.query().only_deleted()) == [2]
    assert await ids(Book.query().with_deleted().only_deleted().or_where("id < 9")) == [2]
    assert await ids(Book.query().only_deleted().with_deleted()) == [1, 2, 3]
    assert await ids((await Shelf.afind_one_or_fail(1)).books_query().only_deleted()) == [2]


async def test_deleting_twice_changes_nothing():
    book, same = await Book.afind_one_or_fail(1), await Book.afind_one_or_fail(1)
    assert await book.adelete() == 1
    since = book.deleted_at

    with assert_queries(0):
        assert await book.adelete() == 0
    assert await same.adelete() == 0
    await same.arefresh()
    assert same.deleted_at == since


async def test_a_deleted_record_can_be_saved_and_refreshed():
    book = await Book.afind_one_or_fail(1)
    await book.adelete()
    book.title = "Tea"
    assert await book.asave() == 1
    await book.arefresh()

    assert (book.title, book.is_deleted) == ("Tea", True)


async def test_a_record_comes_back():
    book = await Book.afind_one_or_fail(1)
    await book.adelete()

    assert await book.arestore() == 1
    assert (book.deleted_at, book.is_deleted, book.is_dirty) == (None, False, False)
    assert await Book.afind_one(1) == book
    with assert_queries(0):
        assert await book.arestore() == 0


async def test_deletion_for_good():
    book = await Book.afind_one_or_fail(1)

    assert await book.ahard_delete() == 1
    assert book.is_new_record
    assert await ids(Book.query_with_deleted()) == [2, 3]
    assert await Leaf.query_with_deleted().acount() == 2


async def test_events_of_deleting_and_their_veto():
    told = []
    book = await Book.afind_one_or_fail(1)
    book.on(ModelEvent.BEFORE_DELETE, lambda record: told.append("before"))
    book.on(ModelEvent.AFTER_DELETE, lambda record, result: told.append(result))
    await book.adelete()
    await book.ahard_delete()
    other = await Book.afind_one_or_fail(2)
    other.on(ModelEvent.BEFORE_DELETE, lambda record: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await other.adelete()

    assert told == ["before", 1, "before", 1]
    assert not other.is_deleted
    assert await Book.afind_one(2) is not None


async def test_a_rollback_takes_deletion_and_restoring_back():
    gone, there = await Book.afind_one_or_fail(1), await Book.afind_one_or_fail(2)
    await gone.adelete()
    since = gone.deleted_at
    with pytest.raises(ZeroDivisionError):
        async with Book.transaction():
            await gone.arestore()
            await there.adelete()
            1 / 0  # noqa: B018  # It is to raise.

    assert (gone.deleted_at, there.deleted_at) == (since, None)
    assert not gone.is_dirty
    assert not there.is_dirty
    assert await ids(Book.query()) == [2, 3]
    assert await there.adelete() == 1


async def test_versions_moments_and_hooks_go_with_it():
    class Page(SoftDeleteMixin, OptimisticLockMixin, TimestampMixin, ActiveRecord):
        __table_name__ = "pages"

        id: int
        by: str | None = None

        def prepare_delete(self) -> dict[str, Any]:
            return {"by": "Ann"}

    Page.__backend__ = Shelf.backend()
    await Page.acreate_table()
    page = await Page.acreate()
    stale = await Page.afind_one_or_fail(page.id)
    page.by = "Bob"
    await page.asave()
    with pytest.raises(StaleRecord):
        await stale.adelete()
    told = []
    page.on(ModelEvent.AFTER_COMMIT, lambda record, **details: told.append(details))
    assert await page.adelete() == 1

    assert len(told) == 1
    stored = await Page.query_only_deleted().aone_or_fail()
    assert (stored.by, stored.deleted_at, stored.version) == ("Ann", page.deleted_at, page.version)
    assert await stored.arestore() == 1
    assert await stored.ahard_delete() == 1
    assert await Page.query_with_deleted().acount() == 0


# 2 - Queries


async def test_deleting_by_query_marks_what_is_not_marked():
    first = await Book.afind_one_or_fail(1)
    await first.adelete()

    assert await Book.query().with_deleted().where(Book.c.id < 3).adelete() == 1
    assert await Book.query_only_deleted().adelete() == 0
    assert await ids(Book.query()) == [3]
    assert await first.arefresh() is None
    assert await Book.query_only_deleted().where(Book.c.deleted_at == first.deleted_at).acount() == 1


async def test_deleting_by_query_with_the_rows_given_back():
    assert sorted(await Book.query().where(Book.c.id < 3).returning("id").adelete()) == [(1,), (2,)]
    assert [book.id for book in await Book.query().returning().adelete()] == [3]

    assert await ids(Book.query_with_deleted()) == [1, 2, 3]
    assert await Book.query().acount() == 0


async def test_restoring_and_purging_by_query():
    await Book.query().adelete()
    assert await Book.query().where(Book.c.id == 1).arestore() == 1
    assert await Book.query_only_deleted().where(Book.c.id == 2).ahard_delete() == 1

    assert await ids(Book.query_with_deleted()) == [1, 3]
    assert await ids(Book.query()) == [1]
    assert await Book.query().ahard_delete() == 1


async def test_a_query_class_of_ones_own_keeps_the_calls():
    class ShortQuery(SoftDeleteQuery[Any]):
        def first_two(self) -> Any:
            return self.where("id < 3")

    class Short(Book):
        __query_class__ = ShortQuery

    await Short.query().first_two().adelete()

    assert await ids(Short.query().first_two().with_deleted()) == [1, 2]
    assert await ids(Short.query()) == [3]


def test_a_query_class_that_would_delete_for_good_is_refused():
    from rhosocial.activerecord import Query

    with pytest.raises(TypeError, match="SoftDeleteQuery"):

        class Wrong(Book):
            __query_class__ = Query


# 3 - Related records


async def test_dependents_are_marked_with_the_same_moment():
    shelf = await Shelf.query().with_("books.pages").with_keys([1]).aone_or_fail()
    books = list(shelf.books)
    await shelf.adelete()

    assert await ids(Book.query()) == [3]
    assert await Leaf.query().acount() == 0
    moments = await Leaf.query_only_deleted().select("deleted_at").distinct().ascalars()
    assert moments == [shelf.deleted_at]
    assert {book.deleted_at for book in books} == {shelf.deleted_at}


async def test_what_cannot_be_restored_is_left_alone_when_the_row_stays():
    await (await Shelf.afind_one_or_fail(1)).adelete()

    assert await Sticker.query().acount() == await ShelfRoom.query().acount() == 1


async def test_restoring_brings_back_what_was_deleted_along():
    shelf, early = await Shelf.afind_one_or_fail(1), await Book.afind_one_or_fail(2)
    await early.adelete()
    await shelf.adelete()
    assert await shelf.arestore() == 1
    assert await ids(Book.query()) == [3]
    await shelf.adelete()
    assert await shelf.arestore(related=True) == 1

    assert await ids(Book.query()) == [3]  # Book 1 was deleted with the shelf the first time.

    await Book.query().where(Book.c.id == 1).arestore()
    await shelf.adelete()
    await shelf.arestore(related=True)

    assert await ids(Book.query()) == [1, 3]
    assert await Leaf.query().where(Leaf.c.book_id == 2).acount() == 0


async def test_restrict_counts_what_is_there_to_be_seen():
    shelf, key = await Shelf.afind_one_or_fail(2), await Key.acreate(shelf_id=2)
    with pytest.raises(ForeignKeyViolation, match="restricts"):
        await shelf.adelete()
    assert not shelf.is_deleted
    assert await ids(Book.query()) == [1, 2, 3]
    await key.adelete()

    assert await shelf.adelete() == 1
    await key.arestore()
    with pytest.raises(ForeignKeyViolation, match="restricts"):
        await shelf.ahard_delete()


async def test_removal_for_good_takes_all_dependents_along_hidden_ones_too():
    await (await Book.afind_one_or_fail(1)).adelete()
    await (await Shelf.afind_one_or_fail(1)).ahard_delete()

    assert await ids(Book.query_with_deleted()) == [3]
    assert await Leaf.query_with_deleted().acount() == await Sticker.query().acount() == 0
    assert await ShelfRoom.query().acount() == 0
    assert await Room.query().acount() == 1


async def test_a_failing_cascade_leaves_nothing_marked():
    shelf = await Shelf.query().with_("books.pages").with_keys([1]).aone_or_fail()
    shelf.books[1].on(ModelEvent.BEFORE_DELETE, lambda record: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await shelf.adelete()

    assert await ids(Book.query()) == [1, 2, 3]
    assert [book.is_deleted for book in shelf.books] == [False, False]
    assert not shelf.is_deleted


async def test_relations_do_not_lead_to_deleted_records_unless_asked():
    await (await Shelf.afind_one_or_fail(1)).arefresh()
    await Shelf.query().where(Shelf.c.id == 1).adelete()
    book = await Book.query().with_("shelf").with_keys([1]).aone_or_fail()
    seeing = await Book.query().with_("shelf", lambda q: q.with_deleted()).with_keys([1]).aone_or_fail()

    assert book.shelf is None
    assert seeing.shelf is not None
    assert seeing.shelf.is_deleted
    assert await ids(Book.query().join("shelf")) == [3]
    gc.collect()


async def test_links_are_marked_too_and_made_anew():
    class Seat(SoftDeleteMixin, ActiveRecord):
        __table_name__ = "seats"

        id: int
        hall_id: int
        guest_id: int

    class Guest(ActiveRecord):
        __table_name__ = "guests"

        id: int

    class Hall(ActiveRecord):
        __table_name__ = "halls"

        id: int
        guests = ManyToMany[Guest](through=Seat)

    for model in (Seat, Guest, Hall):
        model.__backend__ = Shelf.backend()
        await model.acreate_table()
    hall, guest = await Hall.acreate(), await Guest.acreate()
    for _ in range(2):
        await (await hall.aload("guests")).aadd(guest)
        await hall.guests.aremove(guest)

    assert await Seat.query().acount() == await Hall.query().join("guests").acount() == 0
    assert await Seat.query_only_deleted().acount() == 2


# 4 - Unique among what is not deleted


@pytest.mark.needs("supports_partial_indexes")
async def test_a_unique_index_may_leave_deleted_rows_out():
    await (await Book.afind_one_or_fail(1)).adelete()
    again = await Book.acreate(isbn="1")
    assert again.id == 4
    with pytest.raises(UniqueViolation):
        await Book.acreate(isbn="1")
    first = await Book.query_only_deleted().aone_or_fail()
    with pytest.raises(UniqueViolation):
        await first.arestore()

    assert first.is_deleted


async def test_an_engine_without_partial_indexes_refuses_them_before_any_sql():
    class Plain(SQLiteDialect):
        supports_partial_indexes = False

    class PlainBackend(SQLiteBackend):
        dialect_class = Plain

    class Pen(ActiveRecord):
        __table_name__ = "pens"
        __table_args__ = (Index("id", where="id > 1"),)

        id: int

    backend = PlainBackend(database=":memory:")
    Pen.__backend__ = backend
    sent: list[str] = []
    backend.on_execute.append(lambda sql, types, duration: sent.append(sql))
    with pytest.raises(UnsupportedFeature, match="partial indexes"):
        await Pen.acreate_table()

    assert sent == []
    backend.close()
