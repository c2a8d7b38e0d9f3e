"""Questions that compute: casts, texts, dates and their parts."""

from __future__ import annotations

import datetime as dt

from asking import Places, Rows
from baseball import Batting, HomeGames, Person, Team

from rhosocial.activerecord import F

from .registry import BASEBALL

B, P, T = Batting.c, Person.c, Team.c


@BASEBALL(
    """
    SELECT playerID, coalesce(nameFirst, '?') || ' ' || upper(nameLast), length(nameGiven), substr(nameLast, 2, 3),
           replace(nameLast, 'aa', 'A'), nullif(bats, 'R') FROM People
    WHERE nameLast LIKE 'aa%' OR nameFirst IS NULL AND birthYear > 1855 ORDER BY playerID
    """,
    *(str, str, int, str, str, str),
)
async def names_taken_apart() -> Rows:
    full = F.coalesce(P.first_name, "?") + " " + F.upper(P.last_name)
    return await (
        Person.query()
        .where(P.last_name.ilike("aa%") | P.first_name.is_null() & (P.birth_year > 1855))
        .order_by("player_id")
        .select("player_id", full.as_("full"), F.length(P.given_name).as_("n"))
        .select(F.substring(P.last_name, 2, 3).as_("middle"), F.replace(P.last_name, "aa", "A").as_("shorter"))
        .select(F.cast(F.nullif(P.bats, "R"), str).as_("unusual"))
        .atuples()
    )


@BASEBALL(
    """
    SELECT CAST(strftime('%Y', debut) AS INTEGER), CAST(strftime('%m', debut) AS INTEGER) AS month, count(*) FROM People
    WHERE debut >= '2017-01-01' AND finalGame <= date(debut, '+30 days') GROUP BY 1, 2 ORDER BY 1, 2
    """,
    *(int, int, int),
)
async def careers_of_a_month_by_month() -> Rows:
    year, month = F.extract("year", P.debut), F.extract("month", P.debut)
    return await (
        Person.query()
        .where(P.debut >= dt.date(2017, 1, 1), P.final_game <= P.debut + dt.timedelta(days=30))
        .group_by(year, month)
        .select(year.as_("year"), month.as_("month"), F.count().as_("careers"))
        .order_by("year", "month")
        .atuples()
    )


@BASEBALL(
    """
    SELECT date("span.first", 'start of month') AS month, count(*), min("span.last") FROM HomeGames
    WHERE "year.key" = 1995 GROUP BY month ORDER BY month
    """,
    *(dt.date, int, dt.date),
)
async def seasons_by_the_month_they_began_in() -> Rows:
    h = HomeGames.c
    month = F.date_trunc("month", h.first)
    return await (
        HomeGames.query()
        .where(h.year == 1995)
        .group_by(month)
        .select(month.as_("month"), F.count().as_("n"), F.min(h.last).as_("earliest_end"))
        .order_by("month")
        .atuples()
    )


@BASEBALL(
    """
    SELECT teamID, CAST(W AS REAL) / G, round(CAST(W AS REAL) / G, 3), abs(W - L), max(W, L), min(RA, R),
           ERA * 9, CAST(round(ERA) AS INTEGER) FROM Teams WHERE yearID = 2001 AND divID = 'W' ORDER BY W DESC
    """,
    *(str, float, float, int, int, int, Places(2), int),
)
async def numbers_of_the_western_divisions() -> Rows:
    share = F.cast(T.wins, float) / T.games
    return await (
        Team.query()
        .where(T.year == 2001, T.division == "W")
        .order_by("wins DESC")
        .select("team_id", share.as_("share"), F.round(share, 3).as_("rounded"), F.abs(T.wins - T.losses).as_("apart"))
        .select(F.greatest(T.wins, T.losses).as_("more"), F.least(T.runs_against, T.runs).as_("fewer"))
        .select((T.era * 9).as_("in_nine"), F.cast(F.round(T.era), int).as_("whole"))
        .atuples()
    )


@BASEBALL(
    """
    SELECT playerID, yearID, sum(H) + 0.0, sum("2B" + 2 * "3B" + 3 * HR + H) * 1.0 / sum(AB) AS slugging FROM Batting
    WHERE yearID > 1919 GROUP BY playerID, yearID HAVING sum(AB) > 400 AND slugging > 0.75 ORDER BY slugging DESC
    """,
    *(str, int, float, float),
)
async def greatest_slugging_of_a_season() -> Rows:
    bases = B.doubles + 2 * B.triples + 3 * B.home_runs + B.hits
    slugging = F.sum(bases) * 1.0 / F.sum(B.at_bats)
    return await (
        Batting.query()
        .where(B.year > 1919)
        .group_by("player_id", "year")
        .having((F.sum(B.at_bats) > 400) & (slugging > 0.75))
        .select("player_id", "year", F.cast(F.sum(B.hits), float).as_("hits"), slugging.as_("slugging"))
        .order_by("slugging DESC")
        .atuples()
    )
