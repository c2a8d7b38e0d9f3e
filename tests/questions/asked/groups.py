"""Questions about groups: sums, counts and means, and which of them count."""

from __future__ import annotations

from asking import Places, Rows
from baseball import AllStar, Batting, CollegeYear, Franchise, HallOfFame, HomeGames, Person, Pitching, Salary, Team

from rhosocial.activerecord import F

from .registry import BASEBALL

B, P, T, S = Batting.c, Person.c, Team.c, Salary.c


@BASEBALL(
    """
    SELECT nameFirst, nameLast, sum(HR) AS home_runs FROM Batting JOIN People USING (playerID)
    GROUP BY playerID, nameFirst, nameLast HAVING home_runs >= 500 ORDER BY home_runs DESC, nameLast
    """,
    *(str, str, int),
)
async def careers_with_five_hundred_home_runs() -> Rows:
    total = F.sum(B.home_runs)
    return await (
        Batting.query()
        .join(Person)
        .group_by(P.player_id, P.first_name, P.last_name)
        .having(total >= 500)
        .select(P.first_name, P.last_name, total.as_("home_runs"))
        .order_by("home_runs DESC", P.last_name)
        .atuples()
    )


@BASEBALL(
    """
    SELECT yearID - yearID % 10, lgID, CAST(sum(H) AS REAL) / sum(AB), sum(HR) * 1.0 / sum(G) FROM Batting
    WHERE lgID IN ('AL', 'NL') GROUP BY 1, 2 HAVING sum(AB) > 100000 ORDER BY 1, 2
    """,
    *(int, str, float, float),
)
async def batting_by_decade_and_league() -> Rows:
    decade = B.year - F.mod(B.year, 10)
    average = F.cast(F.sum(B.hits), float) / F.sum(B.at_bats)
    return await (
        Batting.query()
        .where(B.league.in_(["AL", "NL"]))
        .group_by(decade, B.league)
        .having("SUM(AB) > ?", (100_000,))
        .select(decade.as_("decade"), B.league, average.as_("average"))
        .select((F.sum(B.home_runs) * 1.0 / F.sum(B.games)).as_("home_runs"))
        .order_by("decade", B.league)
        .atuples()
    )


@BASEBALL(
    """
    SELECT f.franchName, sum(t.W), sum(t.L), count(DISTINCT t.name), count(DISTINCT t.park) FROM Teams t
    JOIN TeamsFranchises f ON f.franchID = t.franchID WHERE f.active = 'Y' GROUP BY f.franchID
    HAVING count(DISTINCT t.name) > 1 ORDER BY 2 DESC
    """,
    *(str, int, int, int, int),
)
async def franchises_that_changed_their_name() -> Rows:
    names = F.count(T.name, distinct=True)
    return await (
        Team.query()
        .join(Franchise)
        .where(Franchise.c.active == "Y")
        .group_by(Franchise.c.franchise_id)
        .having(names > 1)
        .select(Franchise.c.name, "SUM(wins) AS won", "SUM(losses) AS lost", names.as_("names"))
        .select("COUNT(DISTINCT park) AS parks")
        .order_by("won DESC")
        .atuples()
    )


@BASEBALL(
    """
    SELECT (birthYear / 10) * 10 AS decade, count(*), count(*) FILTER (WHERE throws = 'L'),
           avg(height) FILTER (WHERE bats = 'B'), max(weight) FILTER (WHERE birthCountry <> 'USA')
    FROM People WHERE birthYear >= 1850 GROUP BY decade ORDER BY decade
    """,
    *(int, int, int, float, int),
)
async def people_by_decade_of_birth() -> Rows:
    decade = P.birth_year - F.mod(P.birth_year, 10)
    return await (
        Person.query()
        .where(P.birth_year >= 1850)
        .group_by(decade)
        .select(decade.as_("decade"), F.count().as_("people"))
        .select(F.count().filter(P.throws == "L").as_("left_handed"))
        .select(F.avg(P.height).filter(P.bats == "B").as_("height_of_switch_hitters"))
        .select(F.max(P.weight).filter(P.birth_country != "USA").as_("heaviest_from_abroad"))
        .order_by("decade")
        .atuples()
    )


@BASEBALL(
    """
    SELECT franchID, min(ERA), max(ERA), round(avg(ERA), 2), sum(ERA) FROM Teams WHERE yearID >= 1969 AND lgID = 'NL'
    GROUP BY franchID ORDER BY 2, 1
    """,
    *(str, Places(2), Places(2), Places(2), Places(2)),
)
async def earned_run_averages_stay_decimals() -> Rows:
    return await (
        Team.query()
        .where(T.year >= 1969, T.league == "NL")
        .group_by("franchise_id")
        .select("franchise_id", F.min(T.era).as_("least"), F.max(T.era).as_("most"))
        .select(F.round(F.avg(T.era), 2).as_("mean"), F.sum(T.era).as_("total"))
        .order_by("least", "franchise_id")
        .atuples()
    )


@BASEBALL(
    """
    SELECT CASE WHEN salary < 500000 THEN 'low' WHEN salary < 5000000 THEN 'middle' ELSE 'high' END AS level, lgID,
           count(*), sum(salary) FROM Salaries WHERE yearID >= 2010 GROUP BY level, lgID ORDER BY level, lgID
    """,
    *(str, str, int, int),
)
async def salaries_in_three_levels() -> Rows:
    level = F.case((S.salary < 500_000, "low"), (S.salary < 5_000_000, "middle"), else_="high")
    return await (
        Salary.query()
        .where(S.year >= 2010)
        .group_by(level, S.league)
        .select(level.as_("level"), S.league, F.count().as_("players"), F.sum(S.salary).as_("paid"))
        .order_by("level", S.league)
        .atuples()
    )


@BASEBALL(
    """
    SELECT inducted, category, count(*), count(votes), sum(votes) FROM HallOfFame GROUP BY inducted, category
    ORDER BY inducted DESC, category
    """,
    *(str, str, int, int, int),
)
async def votes_for_the_hall_of_fame() -> Rows:
    rows = await (
        HallOfFame.query()
        .group_by("inducted", "category")
        .select("inducted", "category", "COUNT(*) AS n", "COUNT(votes) AS counted", "SUM(votes) AS total")
        .order_by("inducted DESC", "category")
        .adicts()
    )
    return [tuple(row.values()) for row in rows]


@BASEBALL(
    """
    SELECT teamID, count(*) AS n FROM AllstarFull WHERE yearID IS NOT NULL GROUP BY teamID
    HAVING count(DISTINCT playerID) > 60 AND max(yearID) >= 2015 ORDER BY n DESC, teamID LIMIT 12
    """,
    *(str, int),
)
async def teams_with_most_all_stars() -> Rows:
    a = AllStar.c
    rows = await (
        AllStar.query()
        .where(a.year.is_not_null())
        .group_by("team_id")
        .having((F.count(a.player_id, distinct=True) > 60) & (F.max(a.year) >= 2015))
        .select("team_id", "COUNT(*) AS places")
        .order_by("places DESC", "team_id")
        .limit(12)
        .aall()
    )
    return [(row.team_id, row.places) for row in rows]


@BASEBALL(
    """
    SELECT schoolID, count(DISTINCT playerID) AS players, min(yearID), max(yearID), max(yearID) - min(yearID)
    FROM CollegePlaying GROUP BY schoolID HAVING players >= 60 ORDER BY players DESC, schoolID
    """,
    *(str, int, int, int, int),
)
async def schools_with_sixty_players() -> Rows:
    y = CollegeYear.c
    players = F.count(y.player_id, distinct=True)
    return await (
        CollegeYear.query()
        .group_by("school_id")
        .having(players >= 60)
        .select("school_id", players.as_("players"), F.min(y.year).as_("first"), F.max(y.year).as_("last"))
        .select((F.max(y.year) - F.min(y.year)).as_("span"))
        .order_by("players DESC", "school_id")
        .atuples()
    )


@BASEBALL(
    """
    SELECT "park.key", group_concat(DISTINCT "team.key"), sum(attendance) FROM HomeGames WHERE "year.key" >= 2010
    GROUP BY "park.key" HAVING count(DISTINCT "team.key") = 1 AND sum(attendance) > 30000000 ORDER BY 3 DESC
    """,
    *(str, str, int),
)
async def parks_of_a_single_team() -> Rows:
    h = HomeGames.c
    return await (
        HomeGames.query()
        .where(h.year >= 2010)
        .group_by(h.park_id)
        .having((F.count(h.team_id, distinct=True) == 1) & (F.sum(h.attendance) > 30_000_000))
        .select(h.park_id, F.string_agg(h.team_id, ",", distinct=True).as_("team"))
        .select(F.sum(h.attendance).as_("total"))
        .order_by("total DESC")
        .atuples()
    )


@BASEBALL(
    """
    SELECT yearID, lgID, sum(salary), avg(salary), count(*) FROM Salaries WHERE yearID > 2012 GROUP BY yearID, lgID
    ORDER BY yearID, lgID
    """,
    *(int, str, int, float, int),
)
async def aggregates_of_the_guide() -> Rows:
    recent = Salary.query().where(S.year > 2012).group_by("year", "league").order_by("year", "league")
    rows = await recent.select("year", "league", "SUM(salary) AS s", "AVG(salary) AS a", "COUNT(*) AS n").aaggregate()
    return [(row["year"], row["league"], row["s"], row["a"], row["n"]) for row in rows]


@BASEBALL(
    """
    SELECT playerID, sum(IPouts), sum(ER) * 27.0 / sum(IPouts) AS career, sum(SO) FROM Pitching
    GROUP BY playerID HAVING sum(IPouts) >= 9000 AND career < 2.8 ORDER BY career
    """,
    *(str, int, float, int),
)
async def best_averages_of_long_careers() -> Rows:
    p = Pitching.c
    era = F.sum(p.earned_runs) * 27.0 / F.sum(p.outs)
    return await (
        Pitching.query()
        .group_by("player_id")
        .having((F.sum(p.outs) >= 9000) & (era < 2.8))
        .select("player_id", "SUM(outs) AS outs", era.as_("career"), "SUM(strikeouts) AS strikeouts")
        .order_by("career")
        .atuples()
    )


@BASEBALL(
    """
    SELECT franchID, json_group_array(yearID), json_group_array(attendance) FROM Teams
    WHERE WSWin = 'Y' AND (yearID >= 1997 OR yearID < 1888) GROUP BY franchID ORDER BY franchID
    """,
    *(str, list, list),
)
async def years_of_champions_as_json() -> Rows:
    return await (
        Team.query()
        .where(T.won_series == "Y")
        .where((T.year >= 1997) | (T.year < 1888))
        .group_by("franchise_id")
        .select("franchise_id", F.json_agg(T.year).as_("years"), F.json_agg(T.attendance).as_("attendances"))
        .order_by("franchise_id")
        .atuples()
    )
