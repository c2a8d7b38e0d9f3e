"""Encrypted columns: what is stored, what is refused, and a change of keys."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, SecretStr

from rhosocial.activerecord import ActiveRecord, Encrypted, EncryptedAs, F
from rhosocial.activerecord.backend import ConfigurationError, ConnectionConfig, DataError, QueryError
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend
from rhosocial.activerecord.crypto import areencrypt, generate_key

OLD, NEW = generate_key(), generate_key()


class Card(BaseModel):
    number: str
    until: date


class Patient(ActiveRecord):
    __table_name__ = "patients"

    id: int
    ssn: Encrypted[str] | None = None
    weight: Encrypted[int] | None = None
    owed: Encrypted[Decimal] | None = None
    scan: Encrypted[bytes] | None = None
    password: Encrypted[SecretStr] | None = None
    card: Encrypted[Card] | None = None
    pinned: Annotated[str, EncryptedAs("patient note")] | None = None


c = Patient.c


@pytest.fixture
def backend() -> Iterator[SQLiteBackend]:
    made = SQLiteBackend(config=ConnectionConfig(database=":memory:", encryption_keys=[OLD]))
    yield made
    made.close()


@pytest.fixture
def patients(home: Callable[..., Any]) -> Any:
    return home(Patient)


VALUES: dict[str, Any] = {
    "ssn": "123-ü",
    "weight": 70,
    "owed": Decimal("1.50"),
    "scan": b"\x00\xff",
    "password": SecretStr("hunter2"),
    "card": Card(number="4111", until=date(2030, 1, 1)),
    "pinned": "note",
}


def stored(backend: Any) -> dict[str, bytes]:
    return {name: value for name, value in backend.fetch_one("SELECT * FROM patients").items() if name != "id"}


async def test_values_come_back_and_stand_nowhere_in_the_table(patients: Any, backend: Any) -> None:
    patient = await Patient.acreate(**VALUES)
    found = await Patient.afind_one_or_fail(patient.id)
    assert {name: getattr(found, name) for name in VALUES} == VALUES
    rows = stored(backend)
    assert all(type(value) is bytes for value in rows.values())
    assert not any(word in b"".join(rows.values()) for word in (b"123", b"4111", b"hunter2", b"note"))

    assert not found.is_dirty and await found.asave() == 0
    found.card.number = "4222"
    found.ssn = "9"
    assert found.dirty_fields == {"card", "ssn"} and await found.asave() == 1
    changed = stored(backend)
    assert {name for name in rows if rows[name] != changed[name]} == {"card", "ssn"}
    assert (await Patient.afind_one_or_fail(patient.id)).card == Card(number="4222", until=date(2030, 1, 1))


async def test_other_ways_of_writing_and_reading_do_the_same(patients: Any, backend: Any) -> None:
    await Patient.abulk_create([Patient(ssn=str(n)) for n in range(3)])
    assert await Patient.query().where(c.id == 1).aupdate(ssn="x", weight=5) == 1
    assert await Patient.query().order_by("id").select("ssn", "weight").atuples() == [
        ("x", 5),
        ("1", None),
        ("2", None),
    ]
    assert await Patient.query().where(c.ssn.is_not_null(), c.weight.is_null()).acount() == 2
    assert all(type(row["ssn"]) is bytes for row in backend.fetch_all("SELECT ssn FROM patients"))


@pytest.mark.parametrize(
    "ask",
    [
        lambda: c.ssn == "1",
        lambda: c.ssn != c.pinned,
        lambda: c.weight > 3,
        lambda: c.ssn.in_(["1"]),
        lambda: c.ssn.between("a", "b"),
        lambda: c.ssn.like("1%"),
        lambda: c.ssn.contains("1"),
        lambda: F.lower(c.ssn),
        lambda: c.ssn.cast(int),
        lambda: c.ssn.desc(),
        lambda: c.weight + 1,
        lambda: Patient.query().order_by("ssn"),
        lambda: Patient.query().query({"ssn": "1"}),
        lambda: Patient.query().like("ssn", "1%"),
    ],
)
def test_the_database_is_not_asked_about_what_it_cannot_read(ask: Callable[[], Any]) -> None:
    with pytest.raises(QueryError):
        ask()


async def test_an_expression_cannot_be_encrypted(patients: Any) -> None:
    await Patient.acreate(ssn="1")
    with pytest.raises(QueryError, match=r"Patient\.ssn is encrypted here"):
        await Patient.query().aupdate(ssn=c.id)
    assert (await Patient.afind_one_or_fail(1)).ssn == "1"


async def test_a_value_opens_at_its_own_place_only(patients: Any, backend: Any) -> None:
    patient = await Patient.acreate(**VALUES)
    backend.execute("UPDATE patients SET ssn = pinned")
    with pytest.raises(DataError, match=r"Patient\.ssn of the row with id 1: .*another column"):
        await Patient.afind_one(patient.id)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE patients SET ssn = CAST(substr(ssn, 1, length(ssn) - 1) || x'00' AS BLOB)", "changed|another"),
        ("UPDATE patients SET ssn = x'0102'", "not encrypted by this library"),
        ("UPDATE patients SET ssn = 'plain'", "bytes"),
    ],
)
async def test_what_was_tampered_with_is_refused(patients: Any, backend: Any, damage: str, words: str) -> None:
    await Patient.acreate(**VALUES)
    backend.execute(damage)
    with pytest.raises(DataError, match=words) as caught:
        await Patient.query().aall()
    assert "Patient.ssn" in str(caught.value) and "123" not in str(caught.value)


async def test_keys_are_changed_while_both_are_known(patients: Any, backend: Any) -> None:
    for number in range(5):
        await Patient.acreate(ssn=str(number), pinned="p" if number % 2 else None)
    backend.config.encryption_keys = [NEW, OLD]
    await Patient.acreate(ssn="5")
    assert [patient.ssn for patient in await Patient.query().order_by("id").aall()] == list("012345")
    assert await areencrypt(Patient, batch_size=2) == 5
    assert await areencrypt(Patient) == 0
    backend.config.encryption_keys = [NEW]
    assert [patient.ssn for patient in await Patient.query().order_by("id").aall()] == list("012345")
    backend.config.encryption_keys = [OLD]
    with pytest.raises(DataError, match="under a key that is not among encryption_keys"):
        await Patient.afind_one(1)


@pytest.mark.parametrize("keys", [None, [], ["short"], [b"x" * 31], ["!" * 44], [3]])
async def test_a_missing_or_wrong_key_is_named_without_being_shown(patients: Any, backend: Any, keys: Any) -> None:
    backend.config.encryption_keys = keys
    with pytest.raises(ConfigurationError, match="encryption_keys") as caught:
        await Patient.acreate(ssn="1")
    assert "short" not in str(caught.value) and "!!" not in str(caught.value)
    assert await Patient.query().acount() == 0


def test_keys_are_not_shown() -> None:
    config = ConnectionConfig(database=":memory:", encryption_keys=f"{NEW}, {OLD}")
    assert config.encryption_keys == [NEW, OLD]
    assert NEW not in repr(config) and OLD not in repr(config.to_dict()) and "encryption_keys" not in config.to_dict()


def test_the_package_is_imported_by_the_first_value_only() -> None:
    code = "import rhosocial.activerecord, rhosocial.activerecord.crypto, sys; assert 'cryptography' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


async def test_a_model_without_encrypted_fields_is_refused(home: Any) -> None:
    class Plain(ActiveRecord):
        __table_name__ = "plain"

        id: int

    home(Plain)
    with pytest.raises(ConfigurationError, match="no encrypted field"):
        await areencrypt(Plain)
