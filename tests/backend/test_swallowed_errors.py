"""Whatever goes wrong inside a block, and whoever swallows it: a block that ends normally has kept all its rows."""

from __future__ import annotations

import pytest

from rhosocial.activerecord.backend import (
    DatabaseError,
    OperationalError,
    QueryCanceled,
    TransactionError,
    UniqueViolation,
)
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "


@pytest.fixture
def backend():
    made = SQLiteBackend(database=":memory:", pool_size=1)
    made.execute("CREATE TABLE t (a UNIQUE)")
    made.execute("INSERT INTO t VALUES ('there')")
    yield made
    made.close()


def link(backend):
    """The driver's connection of the open block."""
    return backend.contexts.current().connection


async def break_constraint(backend):
    await backend.aexecute("INSERT INTO t VALUES ('there')")


async def fill_disk(backend):
    pages = (await backend.aexecute("PRAGMA page_count")).scalar()
    await backend.aexecute(f"PRAGMA max_page_count = {pages + 2}")
    await backend.aexecute("INSERT INTO t VALUES (zeroblob(1000000))")


async def interrupt_write(backend):
    link(backend).set_progress_handler(lambda: 1, 500)
    await backend.aexecute(ENDLESS + "INSERT INTO t SELECT -i FROM n")


async def interrupt_read(backend):
    link(backend).set_progress_handler(lambda: 1, 500)
    await backend.aexecute(ENDLESS + "SELECT count(*) FROM n")


async def send_rollback(backend):
    await backend.aexecute("ROLLBACK")


async def send_commit(backend):
    await backend.aexecute("/* a comment */ COMMIT TRANSACTION")


async def send_begin(backend):
    await backend.aexecute("BEGIN")


# What it raises, and whether the transaction lives on.
FAULTS = {
    break_constraint: (UniqueViolation, True),
    fill_disk: (OperationalError, None),
    interrupt_write: (QueryCanceled, False),
    interrupt_read: (QueryCanceled, True),
    send_rollback: (TransactionError, True),
    send_commit: (TransactionError, True),
    send_begin: (TransactionError, True),
}


async def nest(backend, levels, fault, swallow):
    """The rows that a block, with `levels` blocks inside it, was told to keep; the fault is in the innermost one."""
    async with backend.transaction():
        kept = [f"before {levels}"]
        await backend.aexecute("INSERT INTO t VALUES (?)", kept)
        if levels:
            try:
                kept += await nest(backend, levels - 1, fault, swallow)
            except DatabaseError:
                if swallow != "around the inner block":
                    raise
        else:
            await strike(backend, fault, swallow == "around the statement")
        link(backend).set_progress_handler(None, 0)
        await backend.aexecute("INSERT INTO t VALUES (?)", (f"after {levels}",))
        return [*kept, f"after {levels}"]


async def strike(backend, fault, swallow):
    with pytest.raises(FAULTS[fault][0]) as caught:
        await fault(backend)
    if not swallow:
        raise caught.value


async def stored(backend):
    return [row[0] for row in (await backend.aexecute("SELECT a FROM t WHERE a <> 'there' ORDER BY rowid")).rows]


@pytest.mark.parametrize("swallow", ["nowhere", "around the statement", "around the inner block"])
@pytest.mark.parametrize("levels", [0, 1, 3])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_a_block_that_ends_normally_has_lost_nothing(backend, fault, levels, swallow):
    try:
        kept = await nest(backend, levels, fault, swallow)
    except DatabaseError:
        kept = []
    await backend.aexecute("PRAGMA max_page_count = 1000000")

    assert kept == await stored(backend)
    lives = FAULTS[fault][1]
    if lives is False:
        assert [] == kept
    elif lives and swallow == "around the statement":
        assert 2 * (levels + 1) == len(kept)
    assert (0, False) == (backend._leases.lent, backend.in_transaction)
    await backend.aexecute("INSERT INTO t VALUES ('next')")
    assert [*kept, "next"] == await stored(backend)


@pytest.mark.parametrize("verb", ["ROLLBACK", "COMMIT"])
@pytest.mark.parametrize("levels", [0, 1, 3])
async def test_a_transaction_ended_by_the_drivers_own_connection_is_noticed(backend, verb, levels):
    async def inside(level):
        async with backend.transaction():
            await backend.aexecute("INSERT INTO t VALUES (?)", (level,))
            await inside(level - 1) if level else link(backend).execute(verb)

    with pytest.raises(TransactionError):
        await inside(levels)
    assert (0, False) == (backend._leases.lent, backend.in_transaction)


@pytest.mark.parametrize(
    "sql",
    [
        "COMMIT",
        "commit;",
        " end transaction",
        "-- so\nROLLBACK",
        "rollback work",
        "Begin Immediate",
        "START TRANSACTION",
    ],
)
async def test_statements_that_would_end_the_block_are_not_sent_and_harm_nothing(backend, sql):
    async with backend.transaction() as tx:
        await backend.aexecute("INSERT INTO t VALUES (1)")
        with pytest.raises(TransactionError, match="was not sent inside a block"):
            await backend.aexecute(sql)
        with pytest.raises(TransactionError, match="was not sent inside a block"):
            await backend.asend(sql)
        assert tx.is_active
    assert [1] == await stored(backend)


async def test_savepoints_by_statement_are_the_callers_own(backend):
    async with backend.transaction():
        await backend.aexecute("SAVEPOINT mine")
        await backend.aexecute("INSERT INTO t VALUES (1)")
        await backend.aexecute("ROLLBACK TO mine")
        await backend.aexecute("INSERT INTO t VALUES (2)")
    assert [2] == await stored(backend)


async def test_a_block_begun_by_statements_outside_is_allowed_on_a_connection_of_ones_own(backend):
    await backend.aconnect()
    await backend.aexecute("BEGIN")
    await backend.aexecute("INSERT INTO t VALUES (1)")
    await backend.aexecute("ROLLBACK")
    await backend.adisconnect()
    assert [] == await stored(backend)
