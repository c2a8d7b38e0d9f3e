"""Relations of a thousand records cost one statement, and each level of relations one more, on real data."""

from __future__ import annotations

import sqlite3

from baseball import Franchise, Person

from rhosocial.activerecord.testing import assert_queries

BATTING = """
    SELECT playerID, yearID, HR FROM Batting
    WHERE playerID IN (SELECT playerID FROM People ORDER BY playerID LIMIT 1000) ORDER BY playerID, yearID, stint
"""


async def test_a_relation_of_1_000_records_costs_2_statements(baseball_sql: sqlite3.Connection) -> None:
    async with assert_queries(2, Person):
        people = await Person.query().order_by("player_id").limit(1000).aall()
        for person in people:
            await person.aload("batting")

    found = sorted((b.player_id, b.year, b.stint, b.home_runs) for person in people for b in person.batting)
    assert baseball_sql.execute(BATTING).fetchall() == [(player, year, runs) for player, year, _, runs in found]


def test_the_same_by_reading_the_attribute(baseball_sql: sqlite3.Connection) -> None:
    with assert_queries(2, Person):
        people = Person.query().order_by("player_id").limit(1000).all()
        found = sorted((b.player_id, b.year, b.stint, b.home_runs) for person in people for b in person.batting)

    assert baseball_sql.execute(BATTING).fetchall() == [(player, year, runs) for player, year, _, runs in found]


async def test_each_level_of_relations_costs_one_statement_more(baseball_sql: sqlite3.Connection) -> None:
    path = ["teams", "managers", "person"]
    for depth in range(4):
        async with assert_queries(1 + depth, Franchise):
            oldest = Franchise.query().is_not_null("association")
            franchises = await (oldest.with_(".".join(path[:depth])) if depth else oldest).aall()
    names = [m.person.last_name for f in franchises for team in f.teams for m in team.managers]

    sql = """SELECT nameLast FROM TeamsFranchises f JOIN Teams t USING (franchID) JOIN Managers m
             ON m.yearID = t.yearID AND m.teamID = t.teamID JOIN People p ON p.playerID = m.playerID
             WHERE f.NAassoc IS NOT NULL"""
    assert sorted(name for (name,) in baseball_sql.execute(sql)) == sorted(names)
    assert len(names) > 300


def test_each_level_that_is_read_costs_one_statement_more(baseball_sql: sqlite3.Connection) -> None:
    with assert_queries(4, Franchise):
        # A read loads for at most 1,000 records; the two franchises that are left had 290 teams.
        franchises = Franchise.query().where(Franchise.c.active == "Y").is_not_null("association").all()
        born = [m.person.birth_year for f in franchises for team in f.teams for m in team.managers]

    sql = """SELECT birthYear FROM TeamsFranchises f JOIN Teams t USING (franchID) JOIN Managers m
             ON m.yearID = t.yearID AND m.teamID = t.teamID JOIN People p ON p.playerID = m.playerID
             WHERE f.active = 'Y' AND f.NAassoc IS NOT NULL"""
    assert sorted(year for (year,) in baseball_sql.execute(sql)) == sorted(born)
