"""Wrong code about pages and changes by query, of which checkers must refuse each marked line."""

from __future__ import annotations

from rhosocial.activerecord import AUTO, ActiveRecord


class Book(ActiveRecord):
    __table_name__ = "books"

    id: int = AUTO
    title: str


def count(chunk: list[int]) -> None: ...


page = Book.query().page(20)
page.next = None  # error
page.items = ()  # error
page.items.append(Book(title="x"))  # error
page.nxet  # error
text: str = page.next  # error
number: int = page.items[0].title  # error
Book.query().page()  # error
Book.query().page("20")  # error
Book.query().page(20, 5)  # error
Book.query().page(20, after=b"x")  # error
Book.query().raw_sql(5)  # error
Book.query().raw_sql("SELECT 1").one().title  # error
titles: list[str] = Book.query().raw_sql("SELECT 1").all()  # error
Book.query().batch(10)  # error
Book.query().batch(10, count)  # error
Book.query().update(["title"])  # error
books: list[Book] = Book.query().delete()  # error
Book.aggregate().sum_by("title")  # error


async def awaiting() -> None:
    (await Book.query().apage(20)).next.upper()  # error
    rows: list[Book] = Book.query().apage(20)  # error
