"""Questions over several tables, and over one table twice."""

from __future__ import annotations

import datetime as dt

from asking import Places, Rows
from baseball import (
    Batting,
    CollegeYear,
    Franchise,
    HomeGames,
    Manager,
    ManagerHalf,
    Park,
    Person,
    Salary,
    School,
    Series,
    Team,
    TeamHalf,
)

from rhosocial.activerecord import F

from .registry import BASEBALL

B, P, T, S = Batting.c, Person.c, Team.c, Salary.c


@BASEBALL(
    """
    SELECT now.yearID, now.name, before.W, now.W, now.W - before.W AS better FROM Teams now
    JOIN Teams before ON before.franchID = now.franchID AND before.yearID = now.yearID - 1
    WHERE better >= 33 ORDER BY better DESC, now.yearID
    """,
    *(int, str, int, int, int),
)
async def teams_far_better_than_the_year_before() -> Rows:
    before = Team.alias("before")
    better = T.wins - before.c.wins
    return await (
        Team.query()
        .join(before, on=(before.c.franchise_id == T.franchise_id) & (before.c.year == T.year - 1))
        .where(better >= 33)
        .select(T.year, T.name, before.c.wins.as_("before"), T.wins.as_("now"), better.as_("better"))
        .order_by("better DESC", T.year)
        .atuples()
    )


@BASEBALL(
    """
    SELECT t.yearID, t.name, p.nameLast, b.H, b.AB FROM Batting b
    JOIN Teams t ON t.yearID = b.yearID AND t.lgID = b.lgID AND t.teamID = b.teamID
    JOIN People p ON p.playerID = b.playerID
    WHERE t.W >= 111 AND b.H >= 180 ORDER BY t.yearID, b.H DESC
    """,
    *(int, str, str, int, int),
)
async def best_batters_of_the_best_teams() -> Rows:
    return await (
        Batting.query()
        .join(Team)
        .join(Person)
        .where(T.wins >= 111, B.hits >= 180)
        .order_by(T.year, B.hits.desc())
        .select(T.year, T.name, P.last_name, B.hits, B.at_bats)
        .atuples()
    )


@BASEBALL(
    """
    SELECT s.schoolID, s.name_full FROM Schools s LEFT JOIN CollegePlaying c ON c.schoolID = s.schoolID
    WHERE c.playerID IS NULL AND s.state IN ('CA', 'NY') ORDER BY s.schoolID
    """,
    *(str, str),
)
async def schools_that_nobody_came_from() -> Rows:
    y = CollegeYear.c
    found = School.query().left_join(CollegeYear, on=y.school_id == School.c.school_id)
    empty = found.where(y.player_id.is_null(), School.c.state.in_(["CA", "NY"])).order_by(School.c.school_id)
    return [(school.school_id, school.name) for school in await empty.aall()]


@BASEBALL(
    """
    SELECT t.teamID, t.Half, m.playerID, m.W FROM TeamsHalf t
    LEFT JOIN ManagersHalf m ON m.yearID = t.yearID AND m.teamID = t.teamID AND m.half = t.Half
    WHERE t.lgID = 'AL' AND (t.Rank > 4 OR m.W > 30) ORDER BY t.teamID, t.Half, m.inseason
    """,
    *(str, int, str, int),
)
async def halves_of_1981_and_their_managers() -> Rows:
    t, m = TeamHalf.c, ManagerHalf.c
    same = (m.year == t.year) & (m.team_id == t.team_id) & (m.half == t.half)
    return await (
        TeamHalf.query()
        .left_join(ManagerHalf, on=same)
        .where(t.league == "AL")
        .where((t.place > 4) | (m.wins > 30))
        .order_by(t.team_id, t.half, m.turn)
        .select(t.team_id, t.half, m.player_id, m.wins)
        .atuples()
    )


@BASEBALL(
    """
    SELECT h."park.key", p."park.name", count(*), sum(h.attendance), min(h."span.first") FROM HomeGames h
    JOIN Parks p ON p."park.key" = h."park.key" JOIN Teams t
      ON t.yearID = h."year.key" AND t.lgID = h."league.key" AND t.teamID = h."team.key"
    WHERE t.franchID = 'NYY' GROUP BY h."park.key", p."park.name" ORDER BY 3 DESC, 1
    """,
    *(str, str, int, int, dt.date),
)
async def where_the_yankees_played() -> Rows:
    h = HomeGames.c
    return await (
        HomeGames.query()
        .join(Park)
        .join(Team)
        .where(T.franchise_id == "NYY")
        .group_by(h.park_id, Park.c.name)
        .select(h.park_id, Park.c.name, F.count().as_("years"), F.sum(h.attendance).as_("came"))
        .select(F.min(h.first).as_("first"))
        .order_by("years DESC", h.park_id)
        .atuples()
    )


@BASEBALL(
    """
    SELECT w.name, l.name, s.wins, s.losses, w.ERA FROM SeriesPost s
    JOIN Teams w ON w.yearID = s.yearID AND w.lgID = s.lgIDwinner AND w.teamID = s.teamIDwinner
    JOIN Teams l ON l.yearID = s.yearID AND l.lgID = s.lgIDloser AND l.teamID = s.teamIDloser
    WHERE s.round = 'WS' AND w.W < l.W - 12 ORDER BY s.yearID
    """,
    *(str, str, int, int, Places(2)),
)
async def world_series_won_by_the_worse_team() -> Rows:
    s, won, lost = Series.c, Team.alias("won"), Team.alias("lost")
    return await (
        Series.query()
        .join(
            won,
            on=(won.c.year == s.year) & (won.c.league == s.winner_league) & (won.c.team_id == s.winner_id),
        )
        .join(
            lost,
            on=(lost.c.year == s.year) & (lost.c.league == s.loser_league) & (lost.c.team_id == s.loser_id),
        )
        .where(s.round == "WS", won.c.wins < lost.c.wins - 12)
        .order_by(s.year)
        .select(won.c.name.as_("winner"), lost.c.name.as_("loser"), s.wins, s.losses, won.c.era)
        .atuples()
    )


@BASEBALL(
    """
    SELECT b.playerID, b.yearID, b.HR, s.salary FROM Batting b NATURAL JOIN Salaries s
    WHERE b.HR >= 50 ORDER BY b.HR DESC, b.yearID
    """,
    *(str, int, int, int),
)
async def what_fifty_home_runs_earned() -> Rows:
    return await (
        Batting.query()
        .natural_join(Salary)
        .where(B.home_runs >= 50)
        .order_by("home_runs DESC", "year")
        .select("player_id", "year", "home_runs", S.salary)
        .atuples()
    )


@BASEBALL(
    """
    SELECT m.playerID, m.yearID, t.yearID, t.name FROM Managers m
    FULL JOIN (SELECT * FROM Teams WHERE yearID > 2018) t
      ON t.yearID = m.yearID AND t.teamID = m.teamID AND m.W > m.L
    WHERE (m.yearID = 2019 OR m.yearID IS NULL) AND coalesce(t.lgID, m.lgID) = 'NL' AND coalesce(m.L, 100) > 80
    ORDER BY m.playerID NULLS FIRST, t.yearID, t.name
    """,
    *(str, int, int, str),
)
async def managers_and_teams_that_lack_each_other() -> Rows:
    m = Manager.c
    recent = Team.query().where(T.year > 2018).as_table("t")
    won = (recent.c.year == m.year) & (recent.c.team_id == m.team_id) & (m.wins > m.losses)
    return await (
        Manager.query()
        .full_join(recent, on=won)
        .where((m.year == 2019) | m.year.is_null())
        .where(F.coalesce(recent.c.league, m.league) == "NL", F.coalesce(m.losses, 100) > 80)
        .order_by(m.player_id.asc().nulls_first(), recent.c.year, recent.c.name)
        .select(m.player_id, m.year, recent.c.year.as_("team_year"), recent.c.name)
        .atuples()
    )


@BASEBALL(
    """
    SELECT f.franchID, t.yearID FROM Teams t RIGHT JOIN TeamsFranchises f ON f.franchID = t.franchID AND t.W > 110
    WHERE f.active = 'Y' ORDER BY f.franchID, t.yearID
    """,
    *(str, int),
)
async def franchises_and_their_best_years_if_any() -> Rows:
    f = Franchise.c
    return await (
        Team.query()
        .right_join(Franchise, on=(f.franchise_id == T.franchise_id) & (T.wins > 110))
        .where(f.active == "Y")
        .order_by(f.franchise_id, T.year)
        .select(f.franchise_id, T.year)
        .atuples()
    )


@BASEBALL(
    """
    SELECT a.franchID, b.franchID FROM TeamsFranchises a CROSS JOIN TeamsFranchises b
    WHERE a.NAassoc IS NOT NULL AND b.NAassoc IS NOT NULL AND a.franchID < b.franchID AND a.active = 'Y'
    ORDER BY 1, 2
    """,
    *(str, str),
)
async def pairs_of_the_oldest_franchises() -> Rows:
    f, other = Franchise.c, Franchise.alias("other")
    return await (
        Franchise.query()
        .cross_join(other)
        .where(f.association.is_not_null(), other.c.association.is_not_null())
        .where(f.franchise_id < other.c.franchise_id, f.active == "Y")
        .order_by(f.franchise_id, other.c.franchise_id)
        .select(f.franchise_id, other.c.franchise_id.as_("other"))
        .atuples()
    )


@BASEBALL(
    """
    SELECT p.nameLast, m.yearID, s.salary FROM Managers m JOIN People p ON p.playerID = m.playerID
    JOIN Salaries s ON s.playerID = m.playerID AND s.yearID = m.yearID ORDER BY m.yearID, p.nameLast
    """,
    *(str, int, int),
)
async def managers_who_were_paid_as_players() -> Rows:
    return await (
        Manager.query()
        .join(Person)
        .join("JOIN Salaries s ON s.playerID = Managers.playerID AND s.yearID = Managers.yearID")
        .order_by("year", P.last_name)
        .select(P.last_name, Manager.c.year, "s.salary")
        .atuples()
    )
