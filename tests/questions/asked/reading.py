"""Questions about first ones, numbers, and rows read one by one."""

from __future__ import annotations

from asking import Places, Rows
from baseball import Manager, Park, Pitching, Team

from rhosocial.activerecord import F

from .registry import BASEBALL

T, M = Team.c, Manager.c


@BASEBALL(
    """
    SELECT playerID, yearID, stint, ERA, BAOpp FROM Pitching WHERE yearID > 2012
    ORDER BY yearID, ERA, playerID, stint
    """,
    *(str, int, int, Places(2), Places(3)),
)
async def pitchers_one_by_one() -> Rows:
    found = Pitching.query().where(Pitching.c.year > 2012).order_by("year", "era", "player_id", "stint")
    rows: list[tuple[object, ...]] = []
    async with found.iterator(chunk_size=700) as records:
        async for p in records:
            rows.append((p.player_id, p.year, p.stint, p.era, p.opponents_average))
    return rows


@BASEBALL(
    """
    SELECT (SELECT playerID FROM Managers ORDER BY G DESC, yearID LIMIT 1),
           (SELECT "park.name" FROM Parks ORDER BY "park.key" LIMIT 1), (SELECT count(*) FROM Managers WHERE G > 162)
    """,
    *(str, str, int),
)
async def first_ones() -> Rows:
    most = await Manager.query().order_by("games DESC", "year").aone()
    first = await Park.query().afirst()
    assert most is not None and first is not None
    return [(most.player_id, first.name, await Manager.query().where(M.games > 162).acount())]


@BASEBALL(
    """
    SELECT count(*) FROM Teams WHERE WSWin = 'Y'
    UNION ALL SELECT count(DISTINCT franchID) FROM Teams WHERE WSWin = 'Y'
    UNION ALL SELECT count(*) FROM (SELECT DISTINCT franchID, name FROM Teams)
    """,
    int,
)
async def counts_of_three_kinds() -> Rows:
    champions = Team.query().where(T.won_series == "Y")
    franchises = await champions.select(F.count(T.franchise_id, distinct=True).as_("n")).ascalars()
    names = await Team.query().distinct().select("franchise_id", "name").acount()
    return [(await champions.acount(),), (franchises[0],), (names,)]
