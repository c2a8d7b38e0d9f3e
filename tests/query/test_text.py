"""Regular expressions, and full-text search in FTS5 tables."""

from __future__ import annotations

import sqlite3
from typing import Annotated, Any

import pytest
from shop import Person, names

from engines import Engine
from rhosocial.activerecord import ActiveRecord, Column, F
from rhosocial.activerecord.backend import DataError, QueryError, StorageBackend

c = Person.c


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (c.name.regexp("^[A-C]"), "ABC"),
        (c.name.regexp("E$"), ""),
        (c.name.regexp("E$", ignore_case=True), "DE"),
        (c.name.not_regexp("[aeiou]"), "A"),
        (~c.name.regexp("[aeiou]"), "A"),
        (c.nick.regexp("."), "AC"),
        (c.nick.not_regexp("."), ""),
        pytest.param(  # A kind of expression that is matched in one pass has no groups to look back at.
            c.name.regexp(r"([en])\1"), "AD", marks=pytest.mark.engine("sqlite", "postgresql", "mariadb", "mysql")
        ),
        (c.name.regexp(c.nick), "AC"),
        (c.age.regexp("0$"), "ACD"),
        (F.lower(c.name).regexp("^a"), "A"),
        (c.name.not_ilike("A%") & c.name.ilike("%E%"), "DE"),
    ],
)
async def test_a_regular_expression(condition: Any, expected: str) -> None:
    assert expected == names(await Person.query().where(condition).order_by("id").aall())


@pytest.mark.engine("sqlite")
async def test_sql_text_has_the_operator_too() -> None:
    assert "A" == names(await Person.query().where("name REGEXP ?", ("^A",)).aall())


@pytest.mark.engine("sqlite")
async def test_what_is_no_regular_expression_is_refused() -> None:
    with pytest.raises(QueryError, match=r"no regular expression: missing \), .* at position 0"):
        await Person.query().where(c.name.regexp("(")).aall()
    with pytest.raises(DataError):
        await Person.query().where(c.name.regexp(F.concat("(", c.name))).aall()


class Article(ActiveRecord):
    __table_name__ = "articles"

    id: Annotated[int, Column(name="rowid")]
    title: str
    body: str


@pytest.fixture
def articles(engine: Engine, shop: StorageBackend) -> type[Article]:
    Article.__backend__ = shop
    try:
        if engine.name == "sqlite":
            shop.execute("CREATE VIRTUAL TABLE IF NOT EXISTS articles USING fts5(title, body)")
        else:
            Article.create_table(if_not_exists=True)
            if engine.name in ("mariadb", "mysql"):
                shop.execute("CREATE OR REPLACE FULLTEXT INDEX words ON articles (body)")
    except QueryError:
        assert "ENABLE_FTS5" not in str(sqlite3.connect(":memory:").execute("PRAGMA compile_options").fetchall())
        pytest.skip("this SQLite has no FTS5")
    shop.execute("DELETE FROM articles")
    Article.create(id=1, title="The storm", body="wind and rain, AND the sea")
    Article.create(id=2, title="Calm", body='no wind; "rain" never')
    return Article


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("wind", [1, 2]),
        ("rain WIND", [1, 2]),
        ("sea wind", [1]),
        ("storm", []),
        ("and", [1]),
        ('"rain', [1, 2]),
        ("rain OR sun", []),
        ("NEAR(wind)", []),
        ("body:wind", []),
        ("win*", []),
        ("'; DROP TABLE articles; --", []),
        ("  ", []),
        ("", []),
    ],
)
@pytest.mark.needs("supports_full_text")
async def test_a_search_finds_all_words_and_takes_none_for_an_operator(
    articles: type[Article], words: str, expected: list[int]
) -> None:
    found = articles.query().where(articles.c.body.matches(words)).order_by("id")

    assert expected == await found.select("id").ascalars()


@pytest.mark.needs("supports_full_text")
async def test_a_search_joins_other_conditions_and_tables(articles: type[Article]) -> None:
    joined = articles.query().join(Person, on=c.id == articles.c.id)
    joined = joined.where(articles.c.body.matches("wind"), c.name == "Bob")

    assert ["Calm"] == [article.title for article in await joined.aall()]
    if articles.backend().dialect.name == "SQLite":  # Which has it for tables of FTS5 alone.
        with pytest.raises(QueryError, match="MATCH"):
            await Person.query().where(c.name.matches("Ann")).aall()
