"""`run_in_transaction` does a block again where that may help, and nowhere else."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rhosocial.activerecord import ActiveRecord
from rhosocial.activerecord.backend import CommitOutcomeUnknown, ErrorRule, IsolationLevel, LockTimeout


class Account(ActiveRecord):
    __table_name__ = "accounts"

    id: int
    balance: int = 0


class Busy(Exception):
    """What a driver raises whose database could not let the block go on."""


@pytest.fixture
def busy(backend: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`busy(cls)` gives an error of that class which says that doing the block again may help."""
    rule, named = ErrorRule(LockTimeout, "open", retry=True), backend._classify
    monkeypatch.setattr(backend, "_classify", lambda error: rule if isinstance(error, Busy) else named(error))

    def make(cls: Any = LockTimeout) -> Exception:
        error: Exception = cls("busy")
        error.__cause__ = Busy()
        return error

    return make


async def test_a_block_is_done_again_from_its_beginning(home: Any, busy: Any) -> None:
    home(Account)
    seen: list[Any] = []

    async def work(block: Any) -> int:
        record = await Account.acreate(balance=len(seen))
        block.on_commit(lambda: seen.append("kept"))
        seen.append(record)
        if len(seen) < 3:
            raise busy()
        return record.balance

    assert await Account.arun_in_transaction(work) == 2

    assert [account.balance for account in await Account.query().aall()] == [2]
    assert seen[0].is_new_record and seen[1].is_new_record and not seen[2].is_new_record
    assert seen[3:] == ["kept"]


@pytest.mark.parametrize(
    ("make", "retries", "attempts"),
    [
        (lambda busy: busy(), 2, 3),
        (lambda busy: busy(), 0, 1),
        (lambda busy: busy(CommitOutcomeUnknown), 3, 1),
        (lambda busy: LockTimeout("of nobody knows what"), 3, 1),
        (lambda busy: ValueError("a mistake"), 3, 1),
    ],
)
async def test_only_what_calls_for_it_is_done_again(
    home: Any, busy: Any, make: Any, retries: int, attempts: int
) -> None:
    home(Account)
    count = 0

    async def work() -> None:
        nonlocal count
        count += 1
        raise make(busy)

    with pytest.raises((LockTimeout, CommitOutcomeUnknown, ValueError)):
        await Account.arun_in_transaction(work, retries)

    assert count == attempts


async def test_inside_an_open_block_the_outermost_one_is_done_again(home: Any, busy: Any) -> None:
    home(Account)
    inner: list[None] = []

    async def part() -> None:
        inner.append(None)
        if len(inner) == 1:
            raise busy()

    async def whole() -> None:
        await Account.acreate()
        if Account.backend().dialect.supports_savepoints:
            await Account.arun_in_transaction(part, 5)
        else:
            await part()

    await Account.arun_in_transaction(whole, 1)

    assert len(inner) == 2 and await Account.query().acount() == 1


async def test_bad_arguments_are_refused_before_anything_is_sent(home: Any, sent: list[str]) -> None:
    home(Account, tables=False)
    for retries in (-1, True, "3"):
        with pytest.raises(ValueError, match="retries"):
            await Account.arun_in_transaction(lambda: 1, retries)
    with pytest.raises(TypeError, match="takes a function"):
        await Account.arun_in_transaction(7)
    assert sent == []


def test_threads_that_change_one_row_all_count(home: Any) -> None:
    home(Account)
    key, start = Account.create().id, threading.Barrier(8)
    levels = Account.backend().dialect.isolation_levels
    level = IsolationLevel.SERIALIZABLE if IsolationLevel.SERIALIZABLE in levels else None

    def work() -> None:
        account = Account.find_one_or_fail(key)
        account.update(balance=account.balance + 1)

    def attempt(_: int) -> None:
        start.wait()
        Account.run_in_transaction(work, 50, isolation_level=level)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(attempt, range(8)))

    assert Account.find_one_or_fail(key).balance == 8


@pytest.mark.face("awaiting", reason="tasks")
async def test_other_tasks_go_on_while_one_waits(home: Any, busy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    home(Account)
    monkeypatch.setattr("rhosocial.activerecord.retrying.uniform", lambda low, high: 0.05)
    others: list[int] = []

    async def other() -> None:
        while True:
            others.append(1)
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    errors = [busy()]

    def work() -> str:
        if errors:
            before.append(len(others))
            raise errors.pop()
        return "done"

    before: list[int] = []
    assert await Account.arun_in_transaction(work) == "done"
    task.cancel()
    assert len(others) > before[0] + 5
