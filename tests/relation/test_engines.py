"""Relations on other engines: DuckDB, and APSW behind a backend in the guide's way, with tuples and with dicts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rhosocial.activerecord import ActiveRecord, BelongsTo, HasMany, HasOne, ManyToMany
from rhosocial.activerecord.backend import ConnectionConfig, QueryResult, StorageBackend
from rhosocial.activerecord.testing import assert_queries

pytest.importorskip("duckdb", reason="make test installs it")
pytest.importorskip("apsw", reason="make test installs it")
sys.path.insert(0, str(Path(__file__).parents[2]))

from demo.duckdb_backend import DuckDBBackend
from demo.guide_backend import ApswBackend


class DictBackend(ApswBackend):
    """Gives dicts alone, as the guide's own listing does."""

    def execute(self, sql: str, params: Any = None, returning: bool = False) -> QueryResult:
        done = super().execute(sql, params, returning)
        return QueryResult(data=done.data, affected_rows=done.affected_rows, last_insert_id=done.last_insert_id)


class Person(ActiveRecord):
    __table_name__ = "people"

    id: int
    name: str
    boss_id: int | None = None

    boss = BelongsTo["Person | None"](foreign_key="boss_id")
    reports = HasMany["Person"](foreign_key="boss_id", order_by="name")
    desk = HasOne["Desk | None"](foreign_key="person_id")
    skills = ManyToMany["Skill"](through="person_skills", order_by="name")
    shared = HasMany["Skill"](through="reports.skills", order_by="name")


class Desk(ActiveRecord):
    __table_name__ = "desks"

    id: int
    person_id: int


class Skill(ActiveRecord):
    __table_name__ = "skills"

    id: int
    name: str


class PersonSkill(ActiveRecord):
    __table_name__ = "person_skills"
    __primary_key__ = ("person_id", "skill_id")

    person_id: int
    skill_id: int


MODELS = (Person, Desk, Skill, PersonSkill)


@pytest.fixture(params=[DuckDBBackend, ApswBackend, DictBackend], ids=["duckdb", "tuples", "dicts"], autouse=True)
def other_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorageBackend]:
    made = Person.configure(ConnectionConfig(database=str(tmp_path / "x.db")), request.param, models=MODELS)
    for model in MODELS:
        model.create_table()
    python, sql = Skill(name="Python"), Skill(name="SQL")
    bob, cy = Person(name="Bob", skills=[python, sql]), Person(name="Cy", skills=[python])
    Person(name="Ann", reports=[bob, cy]).save(related=True)
    Desk.create(person_id=bob.id)
    yield made
    made.close()


async def test_every_way_of_loading_works_on_every_engine() -> None:
    query = Person.query().order_by("name").with_("reports.skills", "shared", lambda q: q.limit(1))
    with assert_queries(6):
        people = await query.with_("boss", "desk", join=True).with_count("skills", "shared").aall()

    ann, bob, cy = people
    assert [["Python", "SQL"], ["Python"]] == [[s.name for s in p.skills] for p in ann.reports]
    assert (["Python"], 2, 0) == ([s.name for s in ann.shared], ann.count_of("shared"), ann.count_of("skills"))
    assert [None, "Ann", "Ann"] == [p.boss and p.boss.name for p in people]
    assert bob.desk is not None and cy.desk is None


async def test_conditions_and_changes_work_on_every_engine() -> None:
    bob = await Person.query().where(Person.desk.has() & Person.boss.has(Person.c.name == "Ann")).aone_or_fail()
    skills = await bob.aload("skills")
    await skills.aremove(skills[0])
    await skills.acreate(name="Tea")

    assert ["SQL", "Tea"] == [skill.name for skill in await bob.skills_query().aall()]
    names = await Person.query().where(Person.skills.count() == 1).select("name").ascalars()
    assert ["Cy"] == names
