"""`assert_queries` fails where more or fewer statements are sent than it was told."""

from __future__ import annotations

import pytest
from blog import Author, Post

from rhosocial.activerecord.testing import assert_queries


@pytest.mark.parametrize("told", [0, 1, 3])
async def test_another_number_of_statements_fails_and_lists_them(told: int) -> None:
    with pytest.raises(AssertionError, match=rf"expected {told} statements, but 2 were sent\n  SELECT .*\n  SELECT "):
        async with assert_queries(told, Author):
            await Author.query().with_("posts").aall()


async def test_what_begins_and_ends_a_block_is_not_counted_and_other_errors_come_out() -> None:
    async with assert_queries(1) as sent, Author.transaction():
        await Post.query().acount()
    assert 1 == len(sent)

    with pytest.raises(ZeroDivisionError):
        async with assert_queries(5):
            raise ZeroDivisionError
    with pytest.raises(AssertionError, match="expected 1 statements, but 0 were sent"), assert_queries(1):
        pass
