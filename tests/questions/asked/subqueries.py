"""Questions inside questions: EXISTS, IN, scalars, and rows compared with those of their own group."""

from __future__ import annotations

from asking import Places, Rows
from baseball import AllStar, Batting, HallOfFame, Person, Pitching, PlayerAward, PlayerVote, Salary, Series, Team

from rhosocial.activerecord import F

from .registry import BASEBALL

P, T, W, S = Person.c, Team.c, PlayerAward.c, Salary.c


@BASEBALL(
    """
    SELECT nameFirst, nameLast FROM People p WHERE EXISTS (
        SELECT 1 FROM AwardsPlayers a WHERE a.playerID = p.playerID AND a.awardID = 'Most Valuable Player')
      AND NOT EXISTS (SELECT 1 FROM HallOfFame h WHERE h.playerID = p.playerID AND h.inducted = 'Y')
      AND debut < '1970-01-01' ORDER BY debut, playerID
    """,
    *(str, str),
)
async def most_valuable_but_not_in_the_hall() -> Rows:
    valuable = PlayerAward.query().where(W.player_id == P.player_id, W.award == "Most Valuable Player")
    honoured = HallOfFame.query().where(HallOfFame.c.player_id == P.player_id, HallOfFame.c.inducted == "Y")
    found = Person.query().where_exists(valuable).where_not_exists(honoured).where("debut < ?", ("1970-01-01",))
    people = await found.order_by("debut", "player_id").aall()
    return [(person.first_name, person.last_name) for person in people]


@BASEBALL(
    """
    SELECT playerID, yearID, votes FROM HallOfFame h WHERE inducted = 'Y' AND category = 'Player' AND votedBy = 'BBWAA'
      AND yearID > 1985 AND NOT EXISTS (SELECT 1 FROM AwardsPlayers a WHERE a.playerID = h.playerID)
    ORDER BY yearID, playerID
    """,
    *(str, int, int),
)
async def in_the_hall_without_an_award() -> Rows:
    h = HallOfFame.c
    found = HallOfFame.query().query({"inducted": "Y", "category": "Player", "voted_by": "BBWAA", "year__gt": 1985})
    without = found.where(F.not_exists(PlayerAward.query().where(W.player_id == h.player_id)))
    return await without.order_by("year", "player_id").select("player_id", "year", "votes").atuples()


@BASEBALL(
    """
    SELECT nameLast, (SELECT count(*) FROM AwardsPlayers a WHERE a.playerID = p.playerID) AS awards,
           (SELECT max(yearID) FROM AllstarFull s WHERE s.playerID = p.playerID) FROM People p
    WHERE birthCountry = 'CAN' AND awards > 1 ORDER BY awards DESC, playerID
    """,
    *(str, int, int),
)
async def awards_of_canadians() -> Rows:
    a = AllStar.c
    awards = PlayerAward.query().where(W.player_id == P.player_id).select(F.count().as_("n")).as_subquery()
    last = AllStar.query().where(a.player_id == P.player_id).select(F.max(a.year).as_("year")).as_subquery()
    return await (
        Person.query()
        .where(P.birth_country == "CAN", awards > 1)
        .select("last_name", awards.as_("awards"), last.as_("last_all_star"))
        .order_by("awards DESC", "player_id")
        .atuples()
    )


@BASEBALL(
    """
    SELECT yearID, lgID, playerID, ERA FROM Pitching p WHERE yearID > 1990 AND IPouts >= 540 AND lgID = 'AL'
      AND ERA = (SELECT min(ERA) FROM Pitching q WHERE q.yearID = p.yearID AND q.lgID = p.lgID AND q.IPouts >= 540)
    ORDER BY yearID, playerID
    """,
    *(int, str, str, Places(2)),
)
async def best_earned_run_average_of_each_year() -> Rows:
    p, q = Pitching.c, Pitching.alias("q")
    same = q.query().where(q.c.year == p.year, q.c.league == p.league, q.c.outs >= 540)
    return await (
        Pitching.query()
        .where(p.year > 1990, p.outs >= 540, p.league == "AL")
        .where(p.era == same.select(F.min(q.c.era).as_("least")).as_subquery())
        .order_by("year", "player_id")
        .select("year", "league", "player_id", "era")
        .atuples()
    )


@BASEBALL(
    """
    SELECT DISTINCT t.name FROM Teams t WHERE t.franchID NOT IN (
        SELECT w.franchID FROM SeriesPost s JOIN Teams w ON w.yearID = s.yearID AND w.teamID = s.teamIDwinner
        WHERE s.round = 'WS') AND t.yearID = 2020 ORDER BY t.name
    """,
    str,
)
async def teams_that_never_won_the_world_series() -> Rows:
    s = Series.c
    winners = (
        Series.query()
        .join(Team, on=(T.year == s.year) & (T.team_id == s.winner_id))
        .where(s.round == "WS")
        .select(T.franchise_id)
    )
    teams = Team.query().where(T.franchise_id.not_in(winners), T.year == 2020).order_by("name")
    return [(name,) for name in await teams.distinct().select("name").ascalars()]


@BASEBALL(
    """
    SELECT s.yearID, s.playerID, s.salary, s.salary * 1.0 / m.mean FROM Salaries s
    JOIN (SELECT yearID, avg(salary) AS mean FROM Salaries GROUP BY yearID) m ON m.yearID = s.yearID
    WHERE s.salary > 8.5 * m.mean ORDER BY 4 DESC
    """,
    *(int, str, int, float),
)
async def paid_many_times_the_mean() -> Rows:
    means = Salary.query().group_by("year").select("year", F.avg(S.salary).as_("mean")).as_table("m")
    ratio = S.salary * 1.0 / means.c.mean
    return await (
        Salary.query()
        .join(means, on=means.c.year == S.year)
        .where(S.salary > 8.5 * means.c.mean)
        .select(S.year, S.player_id, S.salary, ratio.as_("ratio"))
        .order_by("ratio DESC")
        .atuples()
    )


@BASEBALL(
    """
    SELECT playerID, awardID, yearID, pointsWon, pointsMax FROM AwardsSharePlayers v
    WHERE awardID = 'MVP' AND pointsWon > 0.98 * pointsMax AND EXISTS (
        SELECT 1 FROM Batting b WHERE b.playerID = v.playerID AND b.yearID = v.yearID AND b.HR > 35)
    ORDER BY yearID, playerID
    """,
    *(str, str, int, Places(1), int),
)
async def nearly_unanimous_votes() -> Rows:
    v, b = PlayerVote.c, Batting.c
    sluggers = Batting.query().where(b.player_id == v.player_id, b.year == v.year, b.home_runs > 35)
    return await (
        PlayerVote.query()
        .where(v.award == "MVP", v.points > 0.98 * v.possible, F.exists(sluggers))
        .order_by("year", "player_id")
        .select("player_id", "award", "year", "points", "possible")
        .atuples()
    )
