"""What is DuckDB's own: its errors, its missing savepoints, its file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pytest

from rhosocial.activerecord import AUTO, ActiveRecord, Check, Column, ForeignKey, Index
from rhosocial.activerecord.backend import (
    CheckViolation,
    ColumnNotFound,
    ConfigurationError,
    ConnectionError,
    DatabaseError,
    DataError,
    ForeignKeyViolation,
    IsolationLevel,
    IsolationLevelError,
    NotNullViolation,
    OperationalError,
    QueryCanceled,
    QueryError,
    SerializationFailure,
    StorageBackend,
    TableNotFound,
    TransactionError,
    UniqueViolation,
    UnsupportedFeature,
    close_backends,
)
from rhosocial.activerecord.testing import assert_queries
from rhosocial.activerecord_duckdb import DuckDBBackend


class Owner(ActiveRecord):
    __table_name__ = "owners"

    id: int = AUTO
    name: Annotated[str, Column(unique=True)]


class Dog(ActiveRecord):
    __table_name__ = "dogs"
    __table_args__ = (Check("weight > 0"), ForeignKey("owner_id", references="owners.id"))

    id: int = AUTO
    owner_id: int
    weight: int = 1


class Document(ActiveRecord):
    __table_name__ = "documents"
    __table_args__ = (Index("id", where="id > 1"),)

    id: int = AUTO
    data: dict[str, int]


class Long(ActiveRecord):
    __table_name__ = "longs"

    id: int = AUTO
    number: Annotated[Decimal, Column(precision=39, scale=2)]


@pytest.fixture
def backend() -> Iterator[StorageBackend]:
    made = DuckDBBackend(database=":memory:")
    for model in (Owner, Dog):
        model.__backend__ = made
        model.create_table()
    Owner(name="Ann").save()
    yield made
    for model in (Owner, Dog):
        del model.__backend__
    made.close()


@pytest.mark.parametrize(
    ("sql", "error", "known"),
    [
        ("INSERT INTO owners (id, name) VALUES (1, 'Bob')", UniqueViolation, {"columns": ("id",)}),
        ("INSERT INTO owners (name) VALUES ('Ann')", UniqueViolation, {"columns": ("name",)}),
        ("INSERT INTO owners (name) VALUES (NULL)", NotNullViolation, {"table": "owners", "columns": ("name",)}),
        ("INSERT INTO dogs (owner_id, weight) VALUES (1, 0)", CheckViolation, {"table": "dogs"}),
        ("INSERT INTO dogs (owner_id, weight) VALUES (9, 1)", ForeignKeyViolation, {}),
        ("SELECT * FROM nowhere", TableNotFound, {"table": "nowhere"}),
        ("SELECT nothing FROM owners", ColumnNotFound, {}),
        ("INSERT INTO owners (nothing) VALUES (1)", ColumnNotFound, {}),
        ("SELECT CAST('x' AS INTEGER)", DataError, {}),
        ("SELECT CAST(300 AS TINYINT)", DataError, {}),
        ("SELEC 1", QueryError, {}),
        ("SELECT nothing(1)", QueryError, {}),
        ("CREATE INDEX i ON dogs (weight) WHERE weight > 1", UnsupportedFeature, {}),
    ],
)
async def test_errors(backend: StorageBackend, sql: str, error: type[DatabaseError], known: dict[str, Any]) -> None:
    with pytest.raises(DatabaseError) as caught:
        await backend.aexecute(sql)
    assert type(caught.value) is error
    assert caught.value.__cause__ is not None
    for name, value in known.items():
        assert getattr(caught.value, name) == value
    with pytest.raises(TransactionError, match="UniqueViolation"):
        async with backend.transaction():  # Its transaction is lost by then, which leaving the block must say.
            await Owner(name="Bob").asave()
            with pytest.raises(UniqueViolation):
                await Owner(name="Ann").asave()
    assert await Owner.query().acount() == 1


async def test_blocks_do_not_nest(backend: StorageBackend) -> None:
    async with Owner.transaction():
        await Owner(name="Bob").asave()
        with pytest.raises(UnsupportedFeature, match="no savepoints"):
            async with Owner.transaction():
                pass
    assert await Owner.query().acount() == 2
    with pytest.raises(IsolationLevelError):
        async with Owner.transaction(IsolationLevel.SERIALIZABLE):
            pass


def test_two_that_change_one_row_conflict(backend: StorageBackend) -> None:
    mine, theirs = Owner.find_one_or_fail(1), Owner.find_one_or_fail(1)
    seen: list[BaseException] = []

    def change() -> None:
        try:
            theirs.update(name="Theirs")
        except SerializationFailure as error:
            seen.append(error)

    with Owner.transaction():
        mine.update(name="Mine")
        thread = threading.Thread(target=change)
        thread.start()
        thread.join()
    assert len(seen) == 1
    assert backend.is_retryable(seen[0])
    assert Owner.find_one_or_fail(1).name == "Mine"


def test_a_statement_can_be_interrupted(backend: StorageBackend) -> None:
    with pytest.raises(QueryCanceled), backend.transaction():
        raw = backend.connection
        threading.Timer(0.05, backend._interrupt, (raw,)).start()
        backend.execute("SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range % 7 = b.range % 11")


def test_a_file_by_its_url(tmp_path: Path) -> None:
    url = f"duckdb:///{tmp_path / 'dogs.duckdb'}"
    for count in (1, 2):
        Owner.configure(url)
        Owner.create_table()
        Owner(name=f"owner {count}").save()
        assert [owner.id for owner in Owner.query().order_by("id").all()] == list(range(1, count + 1))
        close_backends()
    Owner.configure(f"{url}?read_only=true")
    assert Owner.query().count() == 2
    with pytest.raises(OperationalError):
        Owner(name="nobody").save()
    close_backends()
    del Owner.__backend__
    with pytest.raises(ConnectionError):
        DuckDBBackend(database=str(tmp_path / "no" / "folder.duckdb")).connect()
    with pytest.raises(ConfigurationError, match="colour"):
        DuckDBBackend(database=":memory:", options={"colour": "red"})


class Strange(ActiveRecord):
    __table_name__ = 'it\'s "odd"'

    id: int = AUTO
    number: int


async def test_each_table_has_a_sequence_of_its_own(backend: StorageBackend) -> None:
    def sequences() -> list[str]:
        return [row["n"] for row in backend.fetch_all("SELECT sequence_name AS n FROM duckdb_sequences() ORDER BY n")]

    Strange.__backend__ = backend
    await Strange.acreate_table()
    await Strange.acreate_table()
    assert sequences() == ["dogs_id_seq", 'it\'s "odd"_id_seq', "owners_id_seq"]
    records = [Strange(number=number) for number in range(300_000)]
    await Strange.abulk_create(records, batch_size=100_000)
    assert [record.id for record in records] == list(range(1, 300_001))
    assert await Strange.query().where(Strange.c.id != Strange.c.number + 1).acount() == 0
    await Strange(id=400_000, number=0).asave()
    await Strange.async_key_sequence()
    assert (await Strange.acreate(number=1)).id == 400_001
    async with Strange.transaction():
        await Strange.adrop_table()
    assert sequences() == ["dogs_id_seq", "owners_id_seq"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda: Owner.query().for_update().all(),
        lambda: Owner.query().where(Owner.c.name.matches("word")).all(),
        lambda: Owner.query().where(Document.c.data["a"] == 1).all(),
        lambda: Document.create_table(),
        lambda: Long.create_table(),
    ],
)
def test_what_it_cannot_do_is_refused_before_any_sql(backend: StorageBackend, ask: Any) -> None:
    for model in (Document, Long):
        model.__backend__ = backend
    with assert_queries(0), pytest.raises(UnsupportedFeature):
        ask()


@pytest.mark.usefixtures("backend")
async def test_many_rows_are_upserted_and_updated() -> None:
    owners = [Owner(name=f"n{n}") for n in range(3_000)] + [Owner(name="Ann")]
    assert (await Owner.aupsert(owners, on="name", update=[])).affected == 3_000
    assert owners[-1].id == 1 and len({owner.id for owner in owners}) == 3_001
    for owner in owners:
        owner.name += "!"
    assert await Owner.abulk_update(owners) == 3_001
    assert {owner.id: owner.name for owner in owners} == dict(await Owner.query().select("id", "name").atuples())
    assert (await Owner.afind_or_create(name="Ann!")).id == 1
    async with Owner.transaction():
        assert (await Owner.afind_or_create(name="Bob")).was_created
