"""Questions about a row's place among others: ranks, running totals, neighbours."""

from __future__ import annotations

from asking import Places, Rows
from baseball import Batting, Pitching, Salary, Team

from rhosocial.activerecord import F

from .registry import BASEBALL

B, T, S, H = Batting.c, Team.c, Salary.c, Pitching.c


@BASEBALL(
    """
    SELECT yearID, place, playerID, HR FROM (
        SELECT yearID, playerID, HR, row_number() OVER (PARTITION BY yearID ORDER BY HR DESC, playerID) AS place
        FROM Batting WHERE yearID >= 2005 AND lgID = 'AL')
    WHERE place <= 3 ORDER BY yearID, place
    """,
    *(int, int, str, int),
)
async def three_best_home_run_hitters_of_each_year() -> Rows:
    place = F.row_number().over(partition_by=B.year, order_by=[B.home_runs.desc(), B.player_id])
    ranked = (
        Batting.query()
        .where(B.year >= 2005, B.league == "AL")
        .select("year", "player_id", "home_runs", place.as_("place"))
        .as_table("ranked")
    )
    return await (
        ranked.query()
        .where(ranked.c.place <= 3)
        .order_by("year", "place")
        .select("year", "place", "player_id", "home_runs")
        .atuples()
    )


@BASEBALL(
    """
    SELECT yearID, HR, sum(HR) OVER (ORDER BY yearID, stint) FROM Batting WHERE playerID = 'aaronha01'
    ORDER BY yearID, stint
    """,
    *(int, int, int),
)
async def home_runs_of_hank_aaron_so_far() -> Rows:
    so_far = F.sum(B.home_runs).over(order_by=[B.year, B.stint])
    aaron = Batting.query().where(B.player_id == "aaronha01").order_by("year", "stint")
    return await aaron.select("year", "home_runs", so_far.as_("so_far")).atuples()


@BASEBALL(
    """
    SELECT yearID, attendance, lag(attendance) OVER w, attendance - lag(attendance, 1, 0) OVER w,
           lead(name, 2, 'no more') OVER w
    FROM Teams WHERE teamID = 'BOS' AND yearID > 1990 WINDOW w AS (ORDER BY yearID) ORDER BY yearID
    """,
    *(int, int, int, int, str),
)
async def attendance_at_boston_against_the_year_before() -> Rows:
    window = F.window(order_by=T.year)
    before = F.lag(T.attendance).over(window)
    change = T.attendance - F.lag(T.attendance, 1, 0).over(window)
    later = F.lead(T.name, 2, "no more").over(window)
    return await (
        Team.query()
        .where(T.team_id == "BOS", T.year > 1990)
        .order_by("year")
        .select("year", "attendance", before.as_("before"), change.as_("change"), later.as_("later"))
        .atuples()
    )


@BASEBALL(
    """
    SELECT franchID, yearID, avg(W) OVER (w ROWS BETWEEN 2 PRECEDING AND CURRENT ROW),
           max(W) OVER (w ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING),
           sum(W) OVER (w ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
    FROM Teams WHERE yearID >= 2010 AND divID = 'C' WINDOW w AS (PARTITION BY franchID ORDER BY yearID)
    ORDER BY franchID, yearID
    """,
    *(str, int, float, int, int),
)
async def wins_in_moving_frames() -> Rows:
    window = {"partition_by": T.franchise_id, "order_by": T.year}
    return await (
        Team.query()
        .where(T.year >= 2010, T.division == "C")
        .order_by("franchise_id", "year")
        .select("franchise_id", "year", F.avg(T.wins).over(**window, rows=(-2, 0)).as_("mean"))
        .select(F.max(T.wins).over(**window, rows=(-1, 1)).as_("most"))
        .select(F.sum(T.wins).over(**window, rows=(0, None)).as_("to_come"))
        .atuples()
    )


@BASEBALL(
    """
    SELECT quarter, count(*), min(salary), max(salary) FROM (
        SELECT salary, ntile(4) OVER (ORDER BY salary, playerID) AS quarter FROM Salaries WHERE yearID = 2016)
    GROUP BY quarter ORDER BY quarter
    """,
    *(int, int, int, int),
)
async def salaries_in_quarters() -> Rows:
    quarter = F.ntile(4).over(order_by=[S.salary, S.player_id])
    paid = Salary.query().where(S.year == 2016).select("salary", quarter.as_("quarter")).as_table("paid")
    return await (
        paid.query()
        .group_by("quarter")
        .select("quarter", F.count().as_("n"), F.min(paid.c.salary).as_("least"), F.max(paid.c.salary).as_("most"))
        .order_by("quarter")
        .atuples()
    )


@BASEBALL(
    """
    SELECT teamID, W, rank() OVER w, dense_rank() OVER w, percent_rank() OVER w, cume_dist() OVER w FROM Teams
    WHERE yearID = 2019 WINDOW w AS (ORDER BY W DESC) ORDER BY W DESC, teamID
    """,
    *(str, int, int, int, float, float),
)
async def standings_of_2019_with_ties() -> Rows:
    window = F.window(order_by=T.wins.desc())
    return await (
        Team.query()
        .where(T.year == 2019)
        .order_by("wins DESC", "team_id")
        .select("team_id", "wins", F.rank().over(window).as_("rank"), F.dense_rank().over(window).as_("dense"))
        .select(F.percent_rank().over(window).as_("percent"), F.cume_dist().over(window).as_("share"))
        .atuples()
    )


@BASEBALL(
    """
    SELECT yearID, teamID, ERA, first_value(teamID) OVER w, last_value(ERA) OVER w, nth_value(ERA, 2) OVER w
    FROM Teams WHERE yearID IN (1968, 2000) AND lgID = 'NL'
    WINDOW w AS (PARTITION BY yearID ORDER BY ERA, teamID ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    ORDER BY yearID, ERA, teamID
    """,
    *(int, str, Places(2), str, Places(2), Places(2)),
)
async def best_and_worst_pitching_beside_each_team() -> Rows:
    window = F.window(partition_by=T.year, order_by=[T.era, T.team_id], rows=(None, None))
    return await (
        Team.query()
        .where(T.year.in_([1968, 2000]), T.league == "NL")
        .order_by("year", "era", "team_id")
        .select("year", "team_id", "era", F.first_value(T.team_id).over(window).as_("best"))
        .select(F.last_value(T.era).over(window).as_("worst"), F.nth_value(T.era, 2).over(window).as_("second"))
        .atuples()
    )


@BASEBALL(
    """
    SELECT playerID, sum(SO) AS total, rank() OVER (ORDER BY sum(SO) DESC), sum(sum(SO)) OVER (ORDER BY sum(SO) DESC)
    FROM Pitching GROUP BY playerID HAVING total > 3000 ORDER BY total DESC
    """,
    *(str, int, int, int),
)
async def ranks_of_groups() -> Rows:
    total = F.sum(H.strikeouts)
    return await (
        Pitching.query()
        .group_by("player_id")
        .having(total > 3000)
        .select("player_id", total.as_("total"), F.rank().over(order_by=total.desc()).as_("place"))
        .select(F.sum(total).over(order_by=total.desc()).as_("so_far"))
        .order_by("total DESC")
        .atuples()
    )


@BASEBALL(
    """
    SELECT yearID, lgID, salary, count(*) OVER w, count(*) FILTER (WHERE lgID = 'NL') OVER w FROM Salaries
    WHERE teamID IN ('BOS', 'CHN') AND yearID = 2016
    WINDOW w AS (ORDER BY salary RANGE BETWEEN 1000000 PRECEDING AND CURRENT ROW) ORDER BY salary, teamID, playerID
    """,
    *(int, str, int, int, int),
)
async def players_paid_up_to_a_million_less() -> Rows:
    window = F.window(order_by=S.salary, range=(-1_000_000, 0))
    return await (
        Salary.query()
        .where(S.team_id.in_(["BOS", "CHN"]), S.year == 2016)
        .order_by("salary", "team_id", "player_id")
        .select("year", "league", "salary", F.count().over(window).as_("near"))
        .select(F.count().filter(S.league == "NL").over(window).as_("national"))
        .atuples()
    )
