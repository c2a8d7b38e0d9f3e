"""Questions in steps: common tables, and tables that refer to themselves."""

from __future__ import annotations

import datetime as dt

from asking import Rows
from baseball import Batting, Manager, Person, Series, Team

from rhosocial.activerecord import F

from .registry import BASEBALL

B, P, T, M = Batting.c, Person.c, Team.c, Manager.c


@BASEBALL(
    """
    WITH league AS (SELECT yearID, lgID, sum(HR) * 1.0 / sum(AB) AS rate FROM Batting GROUP BY yearID, lgID),
         best AS (SELECT yearID, max(rate) AS rate FROM league GROUP BY yearID)
    SELECT league.yearID, league.lgID, league.rate FROM league JOIN best
      ON best.yearID = league.yearID AND best.rate = league.rate WHERE league.yearID >= 1995 ORDER BY 1
    """,
    *(int, str, float),
)
async def league_with_the_most_home_runs() -> Rows:
    rate = F.sum(B.home_runs) * 1.0 / F.sum(B.at_bats)
    league = Batting.query().group_by("year", "league").select("year", "league", rate.as_("rate")).as_cte("league_year")
    best = league.query().group_by("year").select("year", F.max(league.c.rate).as_("rate")).as_cte("best")
    return await (
        league.query()
        .join(best, on=(best.c.year == league.c.year) & (best.c.rate == league.c.rate))
        .where(league.c.year >= 1995)
        .order_by(league.c.year)
        .select(league.c.year, league.c.league, league.c.rate)
        .atuples()
    )


@BASEBALL(
    """
    WITH RECURSIVE years(year) AS (
        SELECT min(yearID) FROM SeriesPost UNION ALL SELECT year + 1 FROM years WHERE year < 2020)
    SELECT year FROM years WHERE NOT EXISTS (SELECT 1 FROM SeriesPost WHERE yearID = year AND round = 'WS')
    ORDER BY year
    """,
    int,
)
async def years_without_a_world_series() -> Rows:
    s = Series.c
    years = (
        Series.query()
        .select(F.min(s.year).as_("year"))
        .as_cte("years")
        .recursive(lambda t: t.query().where(t.c.year < 2020).select((t.c.year + 1).as_("year")))
    )
    played = Series.query().where(s.year == years.c.year, s.round == "WS")
    return await years.query().where(F.not_exists(played)).order_by("year").select("year").atuples()


@BASEBALL(
    """
    WITH RECURSIVE streak(franchID, first, last, length) AS (
        SELECT franchID, yearID, yearID, 1 FROM Teams WHERE LgWin = 'Y'
        UNION ALL
        SELECT t.franchID, s.first, t.yearID, s.length + 1 FROM streak s
        JOIN Teams t ON t.franchID = s.franchID AND t.yearID = s.last + 1 AND t.LgWin = 'Y')
    SELECT franchID, first, last, length FROM streak WHERE length >= 4 ORDER BY length DESC, franchID, first
    """,
    *(str, int, int, int),
)
async def pennants_in_a_row() -> Rows:
    def longer(streak):
        following = (T.franchise_id == streak.c.franchise_id) & (T.year == streak.c.last + 1)
        return (
            streak.query()
            .join(Team, on=following)
            .where(T.won_league == "Y")
            .select(T.franchise_id, streak.c.first, T.year.as_("last"), (streak.c.length + 1).as_("length"))
        )

    one = F.count()
    streak = (
        Team.query()
        .where(T.won_league == "Y")
        .group_by("franchise_id", "year")
        .select("franchise_id", T.year.as_("first"), T.year.as_("last"), one.as_("length"))
        .as_cte("streak")
        .recursive(longer)
    )
    return await (
        streak.query()
        .where(streak.c.length >= 4)
        .order_by("length DESC", "franchise_id", "first")
        .select("franchise_id", "first", "last", "length")
        .atuples()
    )


@BASEBALL(
    """
    WITH young AS (SELECT * FROM People WHERE debut >= '2019-01-01')
    SELECT nameFirst, nameLast, debut FROM young WHERE weight > 250 ORDER BY weight DESC, playerID
    """,
    *(str, str, dt.date),
)
async def records_out_of_a_common_table() -> Rows:
    young = Person.query().where(P.debut >= dt.date(2019, 1, 1)).as_cte("young")
    heavy = Person.query().from_(young).where(P.weight > 250).order_by("weight DESC", "player_id")
    return [(person.first_name, person.last_name, person.debut) for person in await heavy.aall()]


@BASEBALL(
    """
    WITH RECURSIVE taught(playerID, generation) AS (
        SELECT 'mackco01', 0
        UNION
        SELECT later.playerID, taught.generation + 1 FROM taught
        JOIN Managers earlier ON earlier.playerID = taught.playerID
        JOIN Batting b ON b.yearID = earlier.yearID AND b.lgID = earlier.lgID AND b.teamID = earlier.teamID
        JOIN Managers later ON later.playerID = b.playerID AND later.yearID > earlier.yearID
        WHERE taught.generation < 2)
    SELECT generation, count(DISTINCT playerID) FROM taught GROUP BY generation ORDER BY generation
    """,
    *(int, int),
)
async def managers_who_played_for_managers() -> Rows:
    def pupils(taught):
        earlier, later = Manager.alias("earlier"), Manager.alias("later")
        same_team = (B.year == earlier.c.year) & (B.league == earlier.c.league) & (B.team_id == earlier.c.team_id)
        return (
            taught.query()
            .where(taught.c.generation < 2)
            .join(earlier, on=earlier.c.player_id == taught.c.player_id)
            .join(Batting, on=same_team)
            .join(later, on=(later.c.player_id == B.player_id) & (later.c.year > earlier.c.year))
            .select(later.c.player_id, (taught.c.generation + 1).as_("generation"))
        )

    first = Person.query().where(P.player_id == "mackco01").select("player_id", (P.height - P.height).as_("generation"))
    taught = first.as_cte("taught").recursive(pupils, all=False)
    return await (
        taught.query()
        .group_by("generation")
        .select("generation", F.count(taught.c.player_id, distinct=True).as_("managers"))
        .order_by("generation")
        .atuples()
    )
