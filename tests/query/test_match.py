"""A text within a text, whatever characters either holds: as Python has it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from shop import Note

from engines import Engine
from rhosocial.activerecord import ActiveRecord
from rhosocial.activerecord.backend import DataError, StorageBackend

# Few letters, so that matches are common: wildcards and escapes of LIKE and GLOB, quotes, NUL, case, beyond ASCII.
texts = st.text(alphabet="aAbé%_*?[]!^-\\'\"\0🐍\U0010ffff ", max_size=5)


class Text(ActiveRecord):
    __table_name__ = "texts"

    id: int
    text: str | None


STORED = [
    "", "a", "A", "aa", "ab", "ba", "%", "_", "a%b", "a_b", "*", "?", "[", "]", "[a]", "a*b", "!", "!!", "^", "a-b",
    "\\",
    "'", '"', "\0", "a\0", "\0a", "a\0b", "\0\0", "a\0A", "é", "éa", "🐍", "a🐍", "🐍a", "\U0010ffff", " ", "a b",
    "é\0🐍", None
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def stored(engine: Engine, shop: StorageBackend) -> list[str | None]:
    texts = [text for text in STORED if engine.keeps_nul or "\0" not in (text or "")]
    Text.__backend__ = shop
    Text.create_table()
    Text.bulk_create([Text(text=text) for text in texts])
    return texts


@given(texts)
@example("")
@example("\0")
@example("a\0")
@example("\0b")
@example("[a]")
async def test_matching_is_pythons(engine: Engine, stored: list[str | None], sought: str) -> None:
    column, query = Text.c.text, Text.query().order_by("id").select("text")
    known = [text for text in stored if text is not None]
    if not engine.keeps_nul and "\0" in sought:
        with pytest.raises(DataError):
            await query.where(column.contains(sought)).ascalars()
        return

    assert [t for t in known if sought in t] == await query.where(column.contains(sought)).ascalars()
    assert [t for t in known if t.startswith(sought)] == await query.where(column.startswith(sought)).ascalars()
    assert [t for t in known if t.endswith(sought)] == await query.where(column.endswith(sought)).ascalars()
    assert [t for t in known if sought not in t] == await query.where(~column.contains(sought)).ascalars()
    assert [t for t in known if not t.endswith(sought)] == await query.where(~column.endswith(sought)).ascalars()
    assert [t for t in known if t == sought] == await query.where(column == sought).ascalars()


@pytest.mark.parametrize("text", ["a" * 60_000, "*" * 60_000, "é" * 60_000, "a\0" * 60_000], ids=lambda t: repr(t[:3]))
async def test_long_texts_match_too(engine: Engine, notes: type[Note], text: str) -> None:
    text = text if engine.keeps_nul else text.replace("\0", "b")
    await notes.acreate(text=text + "!")
    column = notes.c.text

    for condition in (
        column.startswith(text),
        column.contains(text),
        column.endswith(text + "!"),
        column == text + "!",
    ):
        assert 1 == await notes.query().where(condition).acount()
    for condition in (column.startswith(text + "?"), column.contains(text + "?"), column.endswith(text)):
        assert 0 == await notes.query().where(condition).acount()


@pytest.mark.engine("sqlite")
async def test_a_beginning_is_found_through_an_index(shop: StorageBackend) -> None:
    shop.execute("CREATE INDEX IF NOT EXISTS ix_texts ON texts (text)")

    assert "INDEX ix_texts (text>? AND text<?)" in await Text.query().where(Text.c.text.startswith("ab")).aexplain()


async def test_like_takes_patterns_and_ilike_ignores_case() -> None:
    query = Text.query().order_by("id").select("text")

    # What LIKE makes of the character NUL is the engine's.
    for condition, texts in (
        (Text.c.text.ilike("A"), ["a", "A"]),
        (Text.c.text.like("a_b"), ["a%b", "a_b", "a*b", "a-b", "a b"]),
    ):
        assert texts == [text for text in await query.where(condition).ascalars() if "\0" not in text]


async def test_text_is_matched_in_joined_texts_and_functions_too() -> None:
    query = Text.query().select("text")

    assert ["a%b"] == await query.where((Text.c.text + "%").endswith("%b%")).ascalars()
    assert ["a%b"] == await query.where(Text.c.text.contains("%b") & Text.c.text.startswith("a")).ascalars()
