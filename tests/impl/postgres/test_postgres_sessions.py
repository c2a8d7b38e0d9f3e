"""Sessions, prepared statements and cursors of PostgreSQL, and the values that only it has."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import pytest
from pydantic import Field

from engines import Place
from rhosocial.activerecord import ActiveRecord, Column, F
from rhosocial.activerecord import backend as db
from rhosocial.activerecord.backend import DatabaseType
from rhosocial.activerecord.backend.impl.postgres import PostgreSQLConfig

pytestmark = pytest.mark.engine("postgresql")


class Host(ActiveRecord):
    __table_name__ = "hosts"

    id: int
    address: Annotated[str | None, Column(type=DatabaseType.INET)] = None
    seen: Annotated[dt.datetime | None, Column(type=DatabaseType.TIMESTAMPTZ)] = None
    up: dt.timedelta | None = None
    facts: dict[str, Any] = Field(default_factory=dict)


@pytest.fixture
def hosts(backend: db.StorageBackend) -> type[Host]:
    Host.__backend__ = backend
    Host.create_table()
    return Host


async def test_sessions_run_in_utc_with_the_settings_that_were_asked_for(place: Place) -> None:
    backend = place.open(query_timeout=2.5, options={"application_name": "me", "lock_timeout": 1.5})
    names = ("TimeZone", "statement_timeout", "lock_timeout", "application_name", "client_encoding")
    shown = [(await backend.aexecute(f"SHOW {name}")).scalar() for name in names]

    assert ["UTC", "2500ms", "1500ms", "me", "UTF8"] == shown
    await backend.aclose()


@pytest.mark.parametrize("threshold", [1, None])
async def test_statements_are_prepared_unless_that_is_switched_off(place: Place, threshold: int | None) -> None:
    backend = place.open(pool_size=1, options={"prepare_threshold": threshold})
    for _ in range(3):
        await backend.aexecute("SELECT ? AS x", (1,))
    prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT $1 AS x'"

    assert (await backend.aexecute(prepared)).scalar() == (0 if threshold is None else 1)
    await backend.aclose()


async def test_a_prepared_statement_survives_another_sessions_ddl(place: Place) -> None:
    backend, other = place.open(pool_size=1, options={"prepare_threshold": 1}), place.open()
    await other.aexecute("CREATE TABLE t (a INTEGER)")
    await other.aexecute("INSERT INTO t VALUES (1)")
    for _ in range(3):
        await backend.aexecute("SELECT * FROM t WHERE a = ?", (1,))
    await other.aexecute("ALTER TABLE t ADD b TEXT")

    assert [{"a": 1, "b": None}] == (await backend.aexecute("SELECT * FROM t WHERE a = ?", (1,))).data
    for _ in range(3):
        await backend.aexecute("SELECT * FROM t WHERE a = ?", (1,))
    await other.aexecute("ALTER TABLE t ADD c TEXT")
    with pytest.raises(db.OperationalError) as caught:
        async with backend.transaction():
            await backend.aexecute("SELECT * FROM t WHERE a = ?", (1,))
    assert backend.is_retryable(caught.value)
    async with backend.transaction():
        assert 3 == len((await backend.aexecute("SELECT * FROM t WHERE a = ?", (1,))).columns)
    await backend.aclose()
    await other.aclose()


async def test_a_large_result_comes_through_a_cursor_on_the_server(hosts: type[Host], place: Place) -> None:
    await hosts.abulk_create([Host() for _ in range(25)])
    reader = place.open(pool_size=2)
    Host.__backend__ = reader
    async with hosts.query().order_by("id").iterator(10) as stream:
        first = await stream.afetch_chunk()
        cursors = await reader.aexecute("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'FETCH%ar_stream%'")
        assert (10, True) == (len(first), cursors.scalar() >= 1)
        assert [10, 5, 0] == [len(await stream.afetch_chunk()) for _ in range(3)]
    assert 25 == await hosts.query().acount()
    with pytest.raises(db.ColumnNotFound):
        await hosts.query().where("nosuch = 1").iterator(10).afetch_chunk()
    assert 25 == await hosts.query().acount()
    await reader.aclose()


async def test_an_address_is_kept_as_it_is_or_refused(hosts: type[Host]) -> None:
    for address in ("10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32"):
        found = await Host.afind_one({"address": (await Host.acreate(address=address)).address})
        assert found is not None and found.address == address
    for address in ("10.0.0.1/32", "::0:1", "10.0.0", "::ffff:1.2.3.4", "nowhere"):
        with pytest.raises(db.DataError, match=r"Host\.address"):
            await Host.acreate(address=address)


async def test_json_keeps_whole_floats_and_has_no_nul(hosts: type[Host]) -> None:
    facts = {"a": 1e20, "b": 5e-324, "c": 10**30, "text 1e5": '"2e7\\u0000"', "path": "\\\\u0000"}
    made = await Host.acreate(facts=facts)
    found = await Host.afind_one_or_fail(made.id)

    assert facts == found.facts and float is type(found.facts["a"]) and int is type(found.facts["c"])
    async with Host.transaction():
        with pytest.raises(db.DataError, match="NUL"):
            await Host.acreate(facts={"x": "\0"})
        await Host.acreate()  # Nothing was sent, so the block goes on.


async def test_spans_are_intervals(hosts: type[Host]) -> None:
    await Host.acreate(seen=dt.datetime(2024, 1, 31, tzinfo=dt.UTC), up=dt.timedelta(days=40, microseconds=1))
    started = (Host.c.seen - Host.c.up).as_("started")

    assert [dt.datetime(2023, 12, 21, 23, 59, 59, 999999, dt.UTC)] == await Host.query().select(started).ascalars()
    assert 1 == await Host.query().where(Host.c.up > dt.timedelta(days=39)).acount()


async def test_equal_values_of_a_grouped_query_are_one_parameter(hosts: type[Host]) -> None:
    await Host.abulk_create([Host(facts={"os": name}) for name in ("a", "b", "a")])
    system = F.coalesce(Host.c.facts["os"].as_text(), "none").as_("system")
    found = Host.query().select(system, F.count().as_("n")).group_by(system).order_by(system)

    assert [("a", 2), ("b", 1)] == await found.atuples()


async def test_rows_are_locked_or_passed_over(hosts: type[Host], place: Place) -> None:
    await Host.abulk_create([Host(), Host()])
    other = place.open()
    first = Host.query().order_by("id").limit(1)
    async with Host.transaction():
        taken = await first.for_update().aone_or_fail()
        Host.__backend__ = other
        async with Host.transaction():
            assert taken.id + 1 == (await first.for_update(skip_locked=True).aone_or_fail()).id
        with pytest.raises(db.LockTimeout):
            await first.for_update(nowait=True).aone()
    await other.aclose()


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("postgresql://me:pw@one:5433,two/db?target_session_attrs=read-write", "one:5433,two"),
        ("postgresql://one,two:1/db", "one,two:1"),
        ("postgresql://me@one/db", "one"),
    ],
)
def test_a_url_may_name_several_hosts(url: str, host: str) -> None:
    config = PostgreSQLConfig.from_url(url)

    assert (host, "db") == (config.host, config.database)
    assert "pw" not in repr(config)


async def test_the_host_that_answers_is_taken(place: Place) -> None:
    base = place.config()
    backend = place.open(host=f"127.0.0.1:1,{base.host}:{base.port}", options={"target_session_attrs": "read-write"})

    assert (await backend.aexecute("SELECT 1")).scalar() == 1
    await backend.aclose()


async def test_a_server_that_is_too_old_is_told_what_is_needed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rhosocial.activerecord.backend.impl.postgres.backend.OLDEST", 99)
    backend = place.open()
    with pytest.raises(db.UnsupportedFeature, match=r"PostgreSQL 99 or later is needed, this is \d\d$"):
        await backend.aexecute("SELECT 1")
    await backend.aclose()
