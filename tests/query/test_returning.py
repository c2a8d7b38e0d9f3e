"""UPDATE and DELETE of a query that give the rows back."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import Field

from rhosocial.activerecord import ActiveRecord, Column, F
from rhosocial.activerecord.backend import ColumnNotFound, QueryError, UnsupportedFeature, ValidationError
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend, SQLiteDialect


class Book(ActiveRecord):
    __table_name__ = "books"

    id: int
    title: str
    pages: Annotated[int, Field(ge=0)] = 0
    price: Annotated[Decimal, Field(max_digits=6, decimal_places=2)] = Decimal(0)
    shelf: Annotated[str | None, Column(name="order")] = None
    tags: list[str] = Field(default_factory=list)


b = Book.c


@pytest.fixture(autouse=True)
def books() -> Iterator[SQLiteBackend]:
    backend = Book.configure("sqlite:///:memory:")
    Book.create_table()
    Book.bulk_create(
        [Book(title=title, pages=n * 100, tags=[title]) for n, title in enumerate(["Ant", "Bee", "Cow"], 1)]
    )
    assert isinstance(backend, SQLiteBackend)
    yield backend
    Book.drop_table()
    backend.close()


async def test_changed_rows_come_back_as_records() -> None:
    changed = await Book.query().where(b.pages > 100).returning().aupdate(pages=b.pages + 1, price="1.50")

    assert sorted(book.title for book in changed) == ["Bee", "Cow"]
    assert {(book.pages, book.price, book.tags[0]) for book in changed} == {
        (201, Decimal("1.50"), "Bee"),
        (301, Decimal("1.50"), "Cow"),
    }
    assert sorted(changed, key=lambda book: book.id) == await Book.query().where(b.pages > 100).order_by("id").aall()
    changed[0].title = "new"
    assert changed[0].dirty_fields == {"title"} and await changed[0].asave() == 1


async def test_deleted_rows_come_back() -> None:
    (gone,) = await Book.query().order_by("pages DESC").limit(1).returning().adelete()

    assert (gone.title, gone.tags) == ("Cow", ["Cow"])
    assert await Book.query().acount() == 2
    assert await Book.query().where(b.id == 99).returning().adelete() == []


async def test_chosen_columns_come_back_as_rows() -> None:
    changed = (
        await Book.query()
        .where(b.id == 2)
        .returning("id", "shelf", F.upper(b.title).as_("loud"), "tags")
        .aupdate({"order": "x"})
    )

    assert [tuple(row) for row in changed] == [(2, "x", "BEE", ["Bee"])]
    assert changed[0].loud == "BEE"
    assert [row.price for row in await Book.query().returning("price").adelete()] == [Decimal("0.00")] * 3


async def test_mistakes_are_told_before_anything_is_changed() -> None:
    for query, change, error, complaint in [
        (Book.query(), {"pages": -1}, ValidationError, "greater than or equal"),
        (Book.query(), {"pagse": 1}, ColumnNotFound, "did you mean 'pages'"),
        (Book.query().group_by("title"), {"pages": 1}, QueryError, "update takes no group_by"),
        (Book.query().select("id"), {"pages": 1}, QueryError, "leave out select"),
    ]:
        with pytest.raises(error, match=complaint):
            await query.returning().aupdate(change)
    with pytest.raises(ColumnNotFound, match="did you mean 'title'"):
        Book.query().returning("titel")
    assert await Book.query().order_by("id").select("pages").ascalars() == [100, 200, 300]


@pytest.mark.parametrize(("whole", "refused"), [(False, "update delete"), (True, "update")])
async def test_an_engine_without_it_refuses(tmp_path: Any, whole: bool, refused: str) -> None:
    class Silent(SQLiteBackend):
        supports_returning = whole
        dialect_class = type("Poor", (SQLiteDialect,), {"supports_update_returning": False})

    class Other(Book):
        __table_name__ = "others"

    place = Other.__backend__ = Silent(database=str(tmp_path / "x.db"))
    await Other.acreate_table()
    await Other.acreate(title="a")
    for call in refused.split():
        ask = Other.query().returning()
        with pytest.raises(UnsupportedFeature, match=f"SQLite has no {call} that gives rows back: read them before"):
            await (ask.aupdate(pages=5) if call == "update" else ask.adelete())
    assert await Other.query().select("pages").ascalars() == [0]
    if whole:
        assert [book.title for book in await Other.query().returning().adelete()] == ["a"]
    await place.aclose()
