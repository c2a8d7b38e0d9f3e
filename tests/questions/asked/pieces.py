"""Questions about whole tables, read page by page and in batches, and in SQL of one's own."""

from __future__ import annotations

from asking import Rows
from baseball import Person, Salary, Team

from rhosocial.activerecord import Query

from .registry import BASEBALL

T = Team.c


async def _pages(query: Query[Team], size: int) -> list[Team]:
    """All records, page by page."""
    found: list[Team] = []
    page = await query.apage(size)
    while page.has_next:
        found += page.items
        page = await query.apage(size, after=page.next)
    return found + list(page.items)


async def _pages_backward(query: Query[Team], size: int) -> list[Team]:
    """The same, from the last page that `after` reaches back to the first."""
    page = await query.apage(size)
    while page.has_next:
        page = await query.apage(size, after=page.next)
    found = list(page.items)
    while page.has_previous:
        page = await query.apage(size, before=page.previous)
        found = list(page.items) + found
    return found


ALL_TEAMS = (
    "SELECT yearID, lgID, teamID, attendance FROM Teams ORDER BY attendance DESC NULLS LAST, Rank, yearID, lgID, teamID"
)


@BASEBALL(ALL_TEAMS, *(int, str, str, int))
async def all_teams_by_pages() -> Rows:
    teams = await _pages(Team.query().order_by(T.attendance.desc().nulls_last(), "place"), 400)
    return [(team.year, team.league, team.team_id, team.attendance) for team in teams]


@BASEBALL(ALL_TEAMS, *(int, str, str, int))
async def all_teams_by_pages_backward() -> Rows:
    teams = await _pages_backward(Team.query().order_by(T.attendance.desc().nulls_last(), "place"), 700)
    return [(team.year, team.league, team.team_id, team.attendance) for team in teams]


@BASEBALL(
    "SELECT playerID, max(salary), count(*) FROM Salaries GROUP BY playerID HAVING count(*) > 21 ORDER BY playerID",
    *(str, int, int),
)
async def salaries_in_batches() -> Rows:
    paid: dict[str, list[int]] = {}

    def note(records: list[Salary]) -> None:
        for record in records:
            paid.setdefault(record.player_id, []).append(record.salary)

    await Salary.query().abatch(5_000, note)
    return [(name, max(sums), len(sums)) for name, sums in sorted(paid.items()) if len(sums) > 21]


@BASEBALL(
    """
    SELECT nameLast, count(*) AS n FROM People GROUP BY nameLast HAVING n > 75 ORDER BY n DESC, nameLast
    """,
    *(str, int),
)
async def frequent_names_by_raw_sql() -> Rows:
    sql = "SELECT nameLast AS name, count(*) AS n FROM People GROUP BY 1 HAVING n > ? ORDER BY n DESC, 1"
    return [(row["name"], row["n"]) for row in await Person.query().raw_sql(sql, (75,)).adicts()]


@BASEBALL(
    "SELECT playerID, nameLast, throws FROM People WHERE throws = 'S' OR height < 55 ORDER BY playerID",
    *(str, str, str),
)
async def records_by_raw_sql() -> Rows:
    sql = "SELECT * FROM People WHERE throws = ? OR height < ? ORDER BY playerID"
    people = await Person.query().raw_sql(sql, ("S", 55)).aall()
    return [(p.player_id, p.last_name, None if p.throws is None else p.throws.value) for p in people]
