"""UPDATE and DELETE of the rows that a query asks for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

import pytest
from pydantic import AwareDatetime, Field, ValidationInfo, field_validator, model_validator

from engines import Engine, standard
from rhosocial.activerecord import ActiveRecord, Column, F
from rhosocial.activerecord.backend import (
    CheckViolation,
    ColumnNotFound,
    DataError,
    NotNullViolation,
    QueryError,
    StorageBackend,
    UniqueViolation,
    UnsupportedFeature,
    ValidationError,
)
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend, SQLiteDialect


class State(Enum):
    NEW = "new"
    OLD = "old"


class Book(ActiveRecord):
    __table_name__ = "books"

    id: int
    title: Annotated[str, Field(max_length=20)]
    pages: Annotated[int, Field(ge=0)] = 0
    price: Annotated[Decimal, Field(max_digits=6, decimal_places=2)] = Decimal(0)
    printed: dt.date | None = None
    at: AwareDatetime | None = None
    state: State = State.NEW
    tags: list[str] = Field(default_factory=list)
    shelf: Annotated[str | None, Column(name="order", unique=True)] = None
    twice: Annotated[int | None, Column(generated="pages * 2")] = None

    @field_validator("title")
    @classmethod
    def tidy(cls, title: str, info: ValidationInfo) -> str:
        if title == "forbidden":
            raise ValueError("not this one")
        return title.strip()

    @model_validator(mode="after")
    def never(self) -> Book:
        assert self.title != "whole"
        return self


class Loan(ActiveRecord):
    __table_name__ = "loans"
    __primary_key__ = ("book", "day")

    book: int
    day: int
    fee: int = 0


b = Book.c
TITLES = ["Ant", "Bee", "Cow", "Dog", "Elk"]


@pytest.fixture(scope="module")
def library(engine: Engine) -> Iterator[StorageBackend]:
    with engine.place() as place:
        backend = place.configure(Book, models=[Loan])
        Book.create_table()
        Loan.create_table()
        yield backend
        backend.close()


@pytest.fixture(autouse=True)
def filled(library: StorageBackend) -> None:
    library.execute("DELETE FROM books")
    library.execute("DELETE FROM loans")
    for n, title in enumerate(TITLES, 1):
        Book.create(id=n, title=title, pages=n * 100)
    Loan.bulk_create([Loan(book=book, day=day, fee=day) for book in (1, 2) for day in (1, 2, 3)])


@pytest.fixture
def sent(library: StorageBackend) -> Iterator[list[str]]:
    texts: list[str] = []

    def watch(sql: str, *rest: Any) -> None:
        texts.append(standard(sql))

    library.on_execute.append(watch)
    yield texts
    library.on_execute.remove(watch)


async def pages() -> list[int]:
    found: list[int] = await Book.query().order_by("id").select("pages").ascalars()
    return found


async def test_an_update_sets_columns_of_the_rows_asked_for(sent: list[str]) -> None:
    assert 2 == await Book.query().where(b.pages > 300).aupdate(pages=7, title="X")
    assert [100, 200, 300, 7, 7] == await pages()
    assert 'UPDATE "books" SET "pages" = ?, "title" = ? WHERE "pages" > ?' == sent[0]
    assert 1 == await Book.query().where("title = ?", ("Ant",)).aupdate({"pages": 1}, title="Y")
    assert 'UPDATE "books" SET "pages" = ?, "title" = ? WHERE title = ?' == sent[2]
    assert 0 == await Book.query().where(b.id > 99).aupdate(pages=1)


async def test_without_a_condition_all_rows_are_meant(sent: list[str]) -> None:
    assert 5 == await Book.query().aupdate(pages=1)
    assert 5 == await Book.query().order_by("title").adelete()
    assert ['UPDATE "books" SET "pages" = ?', 'DELETE FROM "books"'] == sent
    assert 0 == await Book.query().acount()


async def test_a_delete_takes_the_rows_asked_for(sent: list[str]) -> None:
    assert 2 == await Book.query().where(b.pages >= 200, b.pages < 400).adelete()
    assert 'DELETE FROM "books" WHERE "pages" >= ? AND "pages" < ?' == sent[0]
    assert [1, 4, 5] == await Book.query().order_by("id").select("id").ascalars()
    assert 0 == await Book.query().where(b.id > 99).adelete()


async def test_values_are_converted_as_saved_ones_are() -> None:
    moment = dt.datetime(2024, 5, 6, 7, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    values: dict[str, Any] = {
        "price": "12.50", "printed": "2024-02-03", "at": moment, "state": "old", "tags": ["a"], "order": "A1",
    }  # fmt: skip
    await Book.query().where(b.id == 1).aupdate(values)
    book = await Book.afind_one_or_fail(1)

    assert (Decimal("12.50"), dt.date(2024, 2, 3), moment, State.OLD, ["a"], "A1") == (
        book.price, book.printed, book.at, book.state, book.tags, book.shelf
    )  # fmt: skip
    assert 1 == await Book.query().where(b.printed == dt.date(2024, 2, 3), b.tags == ["a"]).aupdate(
        printed=None, shelf=None
    )
    assert (None, None) == (lambda book: (book.printed, book.shelf))(await Book.afind_one_or_fail(1))


async def test_values_pass_the_validators_of_their_fields(sent: list[str]) -> None:
    with pytest.raises(
        ValidationError, match=r"Book is not valid: title: .*not this one; pages: .*; price: "
    ) as caught:
        await Book.query().aupdate(title="forbidden", pages=-1, price="x", printed=None)

    assert ["title", "pages", "price"] == [error["loc"][0] for error in caught.value.errors()]
    for wrong in (
        {"title": "x" * 21},
        {"title": None},
        {"pages": "many"},
        {"state": "odd"},
        {"tags": "x"},
        {"at": "?"},
    ):
        with pytest.raises(ValidationError):
            await Book.query().aupdate(wrong)
    with pytest.raises(ValidationError):
        await Book.query().aupdate(price="1.234")
    assert [] == sent
    assert 5 == await Book.query().aupdate(title="  tidy ")
    assert {"tidy"} == set(await Book.query().select("title").ascalars())


async def test_validators_of_the_whole_model_do_not_run() -> None:
    assert 1 == await Book.query().where(b.id == 1).aupdate(title="whole")


async def test_a_value_that_cannot_be_stored_is_named_with_its_column(sent: list[str]) -> None:
    with pytest.raises(DataError, match=r"Book\.pages"):
        await Book.query().aupdate(pages=2**70)

    assert [] == sent


async def test_expressions_and_queries_are_values(sent: list[str]) -> None:
    fees = Loan.query().where(Loan.c.book == b.id)
    most = fees.select(F.max(Loan.c.fee).as_("most"))
    assert 5 == await Book.query().aupdate(pages=b.pages + 1, title=F.upper(b.title))
    assert ['UPDATE "books" SET "pages" = "pages" + ?, "title" = UPPER("title")'] == sent
    assert [101, 201, 301, 401, 501] == await pages()
    assert ["ANT", "BEE", "COW", "DOG", "ELK"] == await Book.query().order_by("id").select("title").ascalars()
    assert 5 == await Book.query().aupdate(pages=F.coalesce(most, 0))
    assert [3, 3, 0, 0, 0] == await pages()
    assert 2 == await Book.query().where(b.id.in_(Loan.query().select("book"))).aupdate(
        pages=Loan.query().select(F.count())
    )
    assert [6, 6, 0, 0, 0] == await pages()


@pytest.mark.parametrize("wrong", [b.pages.as_("x"), b.pages.desc()])
async def test_what_is_no_value_is_refused(sent: list[str], wrong: Any) -> None:
    with pytest.raises(QueryError, match="is no value to set a column to"):
        await Book.query().aupdate(pages=wrong)

    assert [] == sent


async def test_names_are_checked(sent: list[str]) -> None:
    with pytest.raises(ColumnNotFound, match="Book has no column 'pagse'; did you mean 'pages'"):
        await Book.query().aupdate(pagse=1)
    with pytest.raises(ColumnNotFound, match="has no column"):
        await Book.query().aupdate({'pages" = 1; --': 1})
    with pytest.raises(ColumnNotFound):
        await Book.query().where(b.id == 1).where(Loan.c.fee > 1).aupdate(pages=1)
    with pytest.raises(ColumnNotFound):
        await Book.query().aupdate(pages=Loan.c.fee)
    with pytest.raises(ColumnNotFound):
        await Book.query().where(Loan.c.fee > 1).adelete()
    with pytest.raises(QueryError, match="expected the name of a column, got int"):
        await Book.query().aupdate({1: 1})
    with pytest.raises(QueryError, match=r"Book\.shelf is given two values"):
        await Book.query().aupdate({"order": "a", "shelf": "b"})
    with pytest.raises(DataError, match=r"Book\.twice is computed by the database and cannot be set"):
        await Book.query().aupdate(twice=4)
    with pytest.raises(QueryError, match="update needs at least one value"):
        await Book.query().aupdate()
    with pytest.raises(TypeError, match="update takes a dict or keywords, got list"):
        await Book.query().aupdate(["pages"])

    assert [] == sent


async def test_the_engine_keeps_its_constraints() -> None:
    with pytest.raises(UniqueViolation):
        await Book.query().aupdate(shelf="same")
    with pytest.raises(NotNullViolation):
        await Book.query().aupdate(pages=F.nullif(b.pages, b.pages))
    assert not issubclass(CheckViolation, UniqueViolation)
    assert [100, 200, 300, 400, 500] == await pages()


REFUSED = {
    "joins": Book.query().join(Loan, on=Loan.c.book == b.id),
    "group_by": Book.query().group_by("title"),
    "having": Book.query().having(F.count() > 1),
    "distinct": Book.query().distinct(),
}


@pytest.mark.parametrize("clause", REFUSED)
async def test_queries_of_other_rows_are_refused(sent: list[str], clause: str) -> None:
    hint = rf"takes no {clause}: choose the rows by their key, where\(Book\.c\.id\.in_\(query\.select\('id'\)\)\)"
    with pytest.raises(QueryError, match="update " + hint):
        await REFUSED[clause].aupdate(pages=1)
    with pytest.raises(QueryError, match="delete " + hint):
        await REFUSED[clause].adelete()

    assert [] == sent


async def test_open_groups_and_selected_columns_are_refused(sent: list[str]) -> None:
    for query, message in (
        (Book.query().select("id"), "changes whole rows: leave out select"),
        (Book.query().start_or_group().where(b.id == 1), "call end_or_group"),
    ):
        with pytest.raises(QueryError, match=message):
            await query.aupdate(pages=1)
        with pytest.raises(QueryError, match=message):
            await query.adelete()

    assert [] == sent


async def test_what_the_hint_says_works() -> None:
    joined = Book.query().join(Loan, on=Loan.c.book == b.id).where(Loan.c.fee == 3)

    assert 2 == await Book.query().where(b.id.in_(joined.select("id"))).aupdate(pages=0)
    assert [0, 0, 300, 400, 500] == await pages()


async def test_a_limit_chooses_the_rows_by_key(sent: list[str]) -> None:
    query = Book.query().where(b.pages > 100).order_by("title DESC")
    assert 2 == await query.limit(2).aupdate(pages=1)
    assert (
        'UPDATE "books" SET "pages" = ? WHERE "id" IN (SELECT "books"."id" FROM "books" WHERE "books"."pages" > ?'
        ' ORDER BY "books"."title" DESC LIMIT ?)'
    ) == sent[0]
    assert [100, 200, 300, 1, 1] == await pages()
    assert 1 == await query.limit(1).offset(1).adelete()
    assert [100, 300, 1, 1] == await pages()
    assert 3 == await Book.query().order_by("id").offset(1).adelete()
    assert 0 == await Book.query().limit(0).adelete()
    assert [100] == await pages()


async def test_a_limit_works_with_keys_of_several_columns(sent: list[str]) -> None:
    query = Loan.query().order_by("day DESC", "book").limit(3)
    assert 3 == await query.aupdate(fee=9)
    assert sent[0].startswith(
        'UPDATE "loans" SET "fee" = ? WHERE ("book", "day") IN (SELECT "loans"."book", "loans"."day" FROM "loans" ORDER'
    )
    assert [(1, 2), (1, 3), (2, 3)] == [
        (loan.book, loan.day) for loan in await Loan.query().where(Loan.c.fee == 9).order_by("book", "day").aall()
    ]
    assert 3 == await query.adelete()
    assert [(1, 1), (2, 1), (2, 2)] == await Loan.query().order_by("book", "day").select("book", "day").atuples()


@pytest.mark.engine("sqlite")
async def test_other_dialects_choose_otherwise_or_refuse(tmp_path: Any) -> None:
    class Limited(SQLiteDialect):
        supports_limited_subqueries = False
        supports_row_values = False

    class Other(Book):
        __table_name__ = "others"

    class Pair(Loan):
        __table_name__ = "pairs"

    kind = type("Limiting", (SQLiteBackend,), {"dialect_class": Limited})
    backend = Other.__backend__ = Pair.__backend__ = kind(database=str(tmp_path / "x.db"))
    texts: list[str] = []
    await Other.acreate_table()
    await Other.abulk_create([Other(title=title) for title in TITLES])
    backend.on_execute.append(lambda sql, types, duration: texts.append(standard(sql)))

    assert 2 == await Other.query().order_by("title").limit(2).adelete()
    assert [
        'DELETE FROM "others" WHERE "id" IN (SELECT "id" FROM (SELECT "others"."id" FROM "others"'
        ' ORDER BY "others"."title" ASC LIMIT ?) AS "chosen")'
    ] == texts
    with pytest.raises(UnsupportedFeature, match="SQLite has no comparisons of rows of values"):
        await Pair.query().limit(1).adelete()
    assert 1 == len(texts)
    await backend.aclose()


async def test_loaded_records_are_left_as_they_are() -> None:
    book = await Book.afind_one_or_fail(1)
    await Book.query().aupdate(pages=7)

    assert 100 == book.pages and not book.is_dirty
    await book.aupdate(title="still saved")
    assert [7, 7, 7, 7, 7] == await pages()


async def test_a_block_undoes_both() -> None:
    with pytest.raises(ZeroDivisionError):
        async with Book.transaction():
            assert 5 == await Book.query().aupdate(pages=1)
            assert 1 == await Book.query().where(b.id == 1).adelete()
            raise ZeroDivisionError

    assert [100, 200, 300, 400, 500] == await pages()


async def test_hostile_values_stay_values() -> None:
    text = "'; DELETE --"

    assert 5 == await Book.query().aupdate(title=text)
    assert 5 == await Book.query().where(b.title == text).acount()
    assert 0 == await Book.query().where(b.title == "' OR 1=1 --").adelete()


async def test_an_alias_can_be_changed(sent: list[str]) -> None:
    other = Book.alias("other")

    assert 2 == await other.query().where(other.c.pages > 300).aupdate(pages=other.c.pages - 1)
    assert 1 == await other.query().order_by(other.c.id).limit(1).adelete()
    assert [
        'UPDATE "books" AS "other" SET "pages" = "pages" - ? WHERE "pages" > ?',
        'DELETE FROM "books" AS "other" WHERE "id" IN (SELECT "other"."id" FROM "books" AS "other"'
        ' ORDER BY "other"."id" ASC LIMIT ?)',
    ] == sent
    assert [200, 300, 399, 499] == await pages()


async def test_queries_of_several_parts_are_refused(sent: list[str]) -> None:
    some = Book.query().where(b.id < 3)
    cte = some.as_cte("some")
    for query, what in (
        (some.union(Book.query()), "UNION"),
        (Book.query().from_(cte), "query in FROM"),
        (cte.query(), "query in FROM"),
        (some.as_table("t").query(), "query in FROM"),
        (some.with_cte(cte), "ctes"),
        (some.distinct_on("title"), "distinct_on"),
        (some.cross_join(Loan), "joins"),
    ):
        with pytest.raises(QueryError, match=f"update takes no {what}: choose the rows by their key, where"):
            await query.aupdate(pages=1)
        with pytest.raises(QueryError, match=f"delete takes no {what}: choose the rows by their key, where"):
            await query.adelete()

    assert [] == sent
