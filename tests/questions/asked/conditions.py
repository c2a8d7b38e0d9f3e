"""Questions that choose records by conditions, and order and cut them."""

from __future__ import annotations

import datetime as dt
import math

from asking import Places, Rows
from baseball import Hand, HomeGames, Manager, Park, Person, PitchingPost, Salary, Team

from .registry import BASEBALL

P, T, S = Person.c, Team.c, Salary.c


@BASEBALL(
    """
    SELECT nameLast, nameFirst, debut, bats FROM People WHERE birthCountry = 'Japan' AND debut >= '2012-01-01'
    ORDER BY debut DESC, playerID
    """,
    *(str, str, dt.date, Hand),
)
async def newcomers_from_japan() -> Rows:
    found = Person.query().where(P.birth_country == "Japan", P.debut >= dt.date(2012, 1, 1))
    people = await found.order_by(P.debut.desc(), "player_id").aall()
    return [(person.last_name, person.first_name, person.debut, person.bats) for person in people]


@BASEBALL(
    """
    SELECT playerID, height, weight, bats, throws FROM People
    WHERE (bats = 'L' OR bats = 'B') AND throws = 'L' AND height BETWEEN 77 AND 84 AND weight < 215
    ORDER BY height DESC, weight, playerID
    """,
    *(str, int, int, Hand, Hand),
)
async def tall_light_left_handers() -> Rows:
    return await (
        Person.query()
        .start_or_group()
        .where(P.bats == Hand.LEFT)
        .or_where("bats = ?", ("B",))
        .end_or_group()
        .where("throws = ? AND weight < ?", ("L", 215))
        .between("height", 77, 84)
        .order_by("height DESC", "weight", "player_id")
        .select("player_id", "height", "weight", "bats", "throws")
        .atuples()
    )


@BASEBALL(
    """
    SELECT playerID, nameLast FROM People
    WHERE nameLast GLOB 'Mac[A-Z]*' OR nameLast GLOB 'O''[A-M]*' OR nameLast GLOB '*berger' AND nameFirst GLOB '*o*'
    ORDER BY nameLast, playerID
    """,
    *(str, str),
)
async def names_with_two_capitals() -> Rows:
    upper = [chr(letter) for letter in range(ord("A"), ord("Z") + 1)]
    scottish = [f"Mac{letter}" for letter in upper]
    irish = [f"O'{letter}" for letter in upper[:13]]
    begins = P.last_name.startswith(scottish[0])
    for prefix in scottish[1:] + irish:
        begins |= P.last_name.startswith(prefix)
    return await (
        Person.query()
        .where(begins | P.last_name.endswith("berger") & P.first_name.contains("o"))
        .order_by("last_name", "player_id")
        .select("player_id", "last_name")
        .atuples()
    )


@BASEBALL(
    """
    SELECT nameFirst, nameLast, birthYear FROM People
    WHERE deathYear IS NULL AND birthYear < 1926 AND debut IS NOT NULL AND birthCountry <> 'USA'
    ORDER BY birthYear, playerID
    """,
    *(str, str, int),
)
async def old_players_from_abroad_not_known_to_have_died() -> Rows:
    found = Person.query().is_null("death_year").is_not_null("debut").where(P.birth_year < 1926)
    people = await found.where(P.birth_country != "USA").order_by("birth_year", "player_id").aall()
    return [(person.first_name, person.last_name, person.birth_year) for person in people]


@BASEBALL(
    """
    SELECT yearID, name, W, L, ERA, FP FROM Teams
    WHERE yearID BETWEEN 1998 AND 2004 AND W >= 100 AND lgID IN ('AL', 'NL') AND name NOT LIKE '%Yankees'
      AND teamID NOT IN ('ARI', 'SFN')
    ORDER BY W DESC, yearID, teamID
    """,
    *(int, str, int, int, Places(2), Places(3)),
)
async def a_hundred_wins_by_a_dict() -> Rows:
    conditions = {
        "year__between": (1998, 2004),
        "wins__gte": 100,
        "league": ["AL", "NL"],
        "name__not_like": "%Yankees",
        "team_id__not_in": ["ARI", "SFN"],
    }
    found = Team.query().query(conditions).order_by("wins DESC", "year", "team_id")
    return [(team.year, team.name, team.wins, team.losses, team.era, team.fielding) for team in await found.aall()]


@BASEBALL(
    "SELECT playerID, yearID, round, ERA, IPouts FROM PitchingPost WHERE ERA > 1e300 ORDER BY yearID, round, playerID",
    *(str, int, str, float, int),
)
async def pitchers_who_got_nobody_out() -> Rows:
    found = PitchingPost.query().where(PitchingPost.c.era == math.inf).order_by("year", "round", "player_id")
    return [(p.player_id, p.year, p.round, p.era, p.outs) for p in await found.aall()]


@BASEBALL(
    """
    SELECT "park.key", "park.name", "park.alias", city, state FROM Parks
    WHERE "park.name" LIKE 'Polo%' OR "park.alias" LIKE '%Field%' ORDER BY city, "park.key"
    """,
    *(str, str, str, str, str),
)
async def parks_by_columns_with_dots() -> Rows:
    found = Park.query().where('"park.name" LIKE ?', ("Polo%",)).or_where(Park.c.alias_names.like("%Field%"))
    parks = await found.order_by("city", Park.c.park_id).aall()
    return [(park.park_id, park.name, park.alias_names, park.city, park.state) for park in parks]


@BASEBALL(
    """
    SELECT playerID, yearID, teamID, rank FROM Managers
    WHERE rank IS NOT 1 AND W > 2 * L AND W + L > 10 ORDER BY yearID, teamID, inseason
    """,
    *(str, int, str, int),
)
async def managers_who_won_and_did_not_finish_first() -> Rows:
    m = Manager.c
    return await (
        Manager.query()
        .where(m.place.is_distinct_from(1), m.wins > 2 * m.losses, m.wins + m.losses > 10)
        .order_by("year", "team_id", "turn")
        .select("player_id", "year", "team_id", "place")
        .atuples()
    )


@BASEBALL(
    """
    SELECT playerID, nameLast FROM People WHERE nameLast GLOB '*[A-Z][a-z]* [A-Z][a-z]*' AND nameLast GLOB '[D-L]*s'
    ORDER BY playerID
    """,
    *(str, str),
)
async def double_names_by_pattern() -> Rows:
    found = Person.query().where(P.last_name.regexp("[A-Z][a-z].* [A-Z][a-z]"), P.last_name.regexp("^[D-L].*s$"))
    return await found.order_by("player_id").select("player_id", "last_name").atuples()


@BASEBALL(
    """
    SELECT playerID, nameLast FROM People WHERE lower(nameLast) LIKE 'de%' AND lower(nameFirst) LIKE '%jos%'
    ORDER BY nameLast COLLATE NOCASE, playerID
    """,
    *(str, str),
)
async def names_without_regard_to_case() -> Rows:
    found = Person.query().where(P.last_name.ilike("DE%"), P.first_name.ilike("%jos%"))
    ordered = found.order_by(P.last_name.collate("NOCASE"), P.player_id)
    return await ordered.select("player_id", "last_name").atuples()


@BASEBALL(
    """
    SELECT yearID, teamID, attendance FROM Teams WHERE yearID BETWEEN 1885 AND 1895
    ORDER BY attendance DESC NULLS LAST, yearID, teamID LIMIT 40 OFFSET 30
    """,
    *(int, str, int),
)
async def attendances_known_ones_first() -> Rows:
    return await (
        Team.query()
        .between("year", 1885, 1895)
        .order_by(T.attendance.desc().nulls_last(), "year", "team_id")
        .limit(40)
        .offset(30)
        .select("year", "team_id", "attendance")
        .atuples()
    )


@BASEBALL(
    """
    SELECT DISTINCT birthCountry FROM People WHERE debut > '2015-06-01' AND birthCountry IS NOT NULL
    ORDER BY birthCountry
    """,
    str,
)
async def countries_of_newcomers() -> Rows:
    found = Person.query().where(P.debut > dt.date(2015, 6, 1), P.birth_country.is_not_null())
    names = await found.distinct().order_by("birth_country").select("birth_country").ascalars()
    return [(name,) for name in names]


@BASEBALL(
    """
    SELECT "team.key", "park.key", "span.first", "span.last", games FROM HomeGames
    WHERE "year.key" = 2019 AND games < 10 AND "span.first" = "span.last" OR "park.key" = 'TOK01'
    ORDER BY "span.first", "team.key", "park.key"
    """,
    *(str, str, dt.date, dt.date, int),
)
async def home_games_far_from_home() -> Rows:
    h = HomeGames.c
    found = HomeGames.query().where((h.year == 2019) & (h.games < 10) & (h.first == h.last) | (h.park_id == "TOK01"))
    ordered = found.order_by("first", "team_id", "park_id")
    return [
        tuple(row.values()) for row in await ordered.to_dict(["team_id", "park_id", "first", "last", "games"]).aall()
    ]


@BASEBALL(
    """
    SELECT yearID, teamID, lgID, playerID, salary FROM Salaries
    WHERE (yearID, teamID, lgID, playerID) IN (
        VALUES (2016, 'DET', 'AL', 'verlaju01'), (2009, 'NYA', 'AL', 'rodrial01'), (1985, 'ATL', 'NL', 'barkele01'))
    ORDER BY salary
    """,
    *(int, str, str, str, int),
)
async def salaries_by_their_keys() -> Rows:
    keys = [
        (2016, "DET", "AL", "verlaju01"),
        (2009, "NYA", "AL", "rodrial01"),
        (1985, "ATL", "NL", "barkele01"),
        (1985, "ATL", "NL", "nobody"),
    ]
    found = await Salary.query().order_by(S.salary).afind_all(keys)
    return [(row.year, row.team_id, row.league, row.player_id, row.salary) for row in found]


@BASEBALL(
    """
    SELECT count(*), sum(salary), avg(salary), min(salary), max(salary), max(salary) > 30000000 FROM Salaries
    WHERE yearID = 2016
    """,
    *(int, int, float, int, int, bool),
)
async def what_was_paid_in_2016() -> Rows:
    paid = Salary.query().where(S.year == 2016)
    numbers = await paid.acount(), await paid.asum("salary"), await paid.aavg("salary")
    limits = await paid.amin("salary"), await paid.amax("salary")
    return [(*numbers, *limits, await paid.where(S.salary > 30_000_000).aexists())]
