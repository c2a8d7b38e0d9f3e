"""Pages, chunks, SQL text and changes by query: what comes out is what the annotations say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, assert_type

from rhosocial.activerecord import AUTO, ActiveRecord, F, Page
from rhosocial.activerecord.aggregate import Aggregate
from rhosocial.activerecord.backend import InvalidCursor, QueryError
from rhosocial.activerecord.raw_query import RawQuery
from rhosocial.activerecord.rows import Row


class Book(ActiveRecord):
    __table_name__ = "books"

    id: int = AUTO
    title: str
    pages: int = 0
    price: Decimal = Decimal(0)


books = Book.query().order_by("title")

# Pages
page = books.page(20)
assert_type(page, Page[Book])
assert_type(page.items, tuple[Book, ...])
assert_type(page.next, str | None)
assert_type(page.previous, str | None)
assert_type(page.has_next, bool)
assert_type(page.has_previous, bool)
assert_type(len(page), int)
for book in page:
    assert_type(book, Book)
assert_type(books.page(20, after=page.next), Page[Book])
assert_type(books.page(size=20, before=page.previous), Page[Book])
assert_type(books.select("title", F.count().as_("n")).group_by("title").page(5), Page[Row])
error: type[QueryError] = InvalidCursor

# SQL text
raw = books.raw_sql("SELECT * FROM books WHERE pages > ?", (100,))
assert_type(raw, RawQuery[Book])
assert_type(raw.all(), list[Book])
assert_type(raw.one(), Book | None)
assert_type(raw.first(), Book | None)
assert_type(raw.one_or_fail(), Book)
assert_type(raw.dicts(), list[dict[str, Any]])
assert_type(raw.tuples(), list[tuple[Any, ...]])
assert_type(raw.scalars(), list[Any])
for book in raw.iterator(100):
    assert_type(book, Book)


# Chunks
def work_off(chunk: list[Book]) -> None: ...


async def awork_off(chunk: list[Book]) -> None: ...


assert_type(books.batch(100, work_off), int)

# Changes
assert_type(Book.query().where(Book.c.pages < 1).update(pages=Book.c.pages + 1, title="x"), int)
assert_type(Book.query().update({"pages": 3}), int)
assert_type(Book.query().where(Book.c.pages < 1).delete(), int)

# Aggregates
assert_type(Book.aggregate(), Aggregate)
assert_type(Book.aggregate().count_by("title"), list[dict[str, Any]])
assert_type(Book.aggregate().sum_by("pages", ["title", Book.c.price]), list[dict[str, Any]])


async def awaiting() -> None:
    assert_type(await books.apage(20, after=page.next), Page[Book])
    assert_type(await books.select("title").apage(20), Page[Row])
    assert_type(await raw.aall(), list[Book])
    assert_type(await raw.aone(), Book | None)
    assert_type(await books.abatch(100, awork_off), int)
    assert_type(await Book.query().aupdate(pages=1), int)
    assert_type(await Book.query().adelete(), int)
    assert_type(await Book.aggregate().aavg_by("pages", "title"), list[dict[str, Any]])
