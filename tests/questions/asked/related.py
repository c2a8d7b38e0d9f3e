"""Questions answered by following relations: loaded with the records, read from them, or asked about in conditions."""

from __future__ import annotations

import datetime as dt

from asking import Places, Rows
from baseball import Batting, Franchise, Manager, Person, PlayerAward, Salary, School, Series, Team

from .registry import BASEBALL

B, P, T, W = Batting.c, Person.c, Team.c, PlayerAward.c


@BASEBALL(
    """
    SELECT p.nameLast, b.yearID, t.name, b.HR FROM People p JOIN Batting b ON b.playerID = p.playerID
    JOIN Teams t ON t.yearID = b.yearID AND t.lgID = b.lgID AND t.teamID = b.teamID
    WHERE p.birthCountry = 'Cuba' AND p.debut < '1920-01-01' ORDER BY p.playerID, b.yearID, b.stint
    """,
    *(str, int, str, int),
)
async def first_cubans_and_their_teams() -> Rows:
    cubans = Person.query().where(P.birth_country == "Cuba").where("debut < ?", ("1920-01-01",)).order_by("player_id")
    people = await cubans.with_(("batting", lambda q: q.order_by("year", "stint")), "batting.team").aall()
    return [(p.last_name, b.year, b.team.name, b.home_runs) for p in people for b in p.batting]


@BASEBALL(
    """
    SELECT f.franchName, t.yearID, p.nameLast, m.W FROM TeamsFranchises f JOIN Teams t ON t.franchID = f.franchID
    JOIN Managers m ON m.yearID = t.yearID AND m.teamID = t.teamID JOIN People p ON p.playerID = m.playerID
    WHERE f.active = 'Y' AND t.yearID BETWEEN 2018 AND 2020 ORDER BY f.franchID, t.yearID, m.inseason
    """,
    *(str, int, str, int),
)
async def managers_of_franchises_three_levels_down() -> Rows:
    found = Franchise.query().where(Franchise.c.active == "Y").order_by("franchise_id")
    recent = ("teams", lambda q: q.between("year", 2018, 2020))
    franchises = await found.with_(recent, "teams.managers.person").aall()
    return [
        (franchise.name, team.year, manager.person.last_name, manager.wins)
        for franchise in franchises
        for team in franchise.teams
        for manager in team.managers
    ]


@BASEBALL(
    """
    SELECT franchName, yearID, W FROM (
        SELECT f.franchName, f.franchID, t.yearID, t.W,
               row_number() OVER (PARTITION BY f.franchID ORDER BY t.W DESC, t.yearID) AS place
        FROM TeamsFranchises f JOIN Teams t ON t.franchID = f.franchID WHERE f.active = 'Y')
    WHERE place <= 3 ORDER BY franchID, place
    """,
    *(str, int, int),
)
async def three_best_years_of_each_franchise() -> Rows:
    found = Franchise.query().where(Franchise.c.active == "Y").order_by("franchise_id")
    best = ("best_teams", lambda q: q.limit(3))
    return [(f.name, team.year, team.wins) for f in await found.with_(best).aall() for team in f.best_teams]


@BASEBALL(
    """
    SELECT t.yearID, t.name, p.nameLast FROM Teams t JOIN Managers m ON m.yearID = t.yearID AND m.teamID = t.teamID
    JOIN People p ON p.playerID = m.playerID WHERE t.yearID = 1927 ORDER BY t.teamID, m.inseason
    """,
    *(int, str, str),
)
async def managers_of_1927_loaded_when_needed() -> Rows:
    teams = await Team.query().where(T.year == 1927).order_by("team_id").aall()
    rows: list[tuple[int, str, str]] = []
    for team in teams:
        await team.aload("managers")
        for manager in team.managers:
            await manager.aload("person")
            rows.append((team.year, team.name, manager.person.last_name))
    return rows


@BASEBALL(
    """
    SELECT nameFirst, nameLast FROM People p
    WHERE EXISTS (SELECT 1 FROM AwardsPlayers a WHERE a.playerID = p.playerID AND a.awardID = 'Cy Young Award')
      AND NOT EXISTS (SELECT 1 FROM HallOfFame h WHERE h.playerID = p.playerID AND h.inducted = 'Y')
      AND NOT EXISTS (SELECT 1 FROM Salaries s WHERE s.playerID = p.playerID) ORDER BY nameLast, playerID
    """,
    *(str, str),
)
async def best_pitchers_before_salaries_were_known() -> Rows:
    found = (
        Person.query()
        .where(Person.awards.any(W.award == "Cy Young Award"))
        .where(~Person.votes.any({"inducted": "Y"}), ~Person.salaries.any())
        .order_by("last_name", "player_id")
    )
    return [(person.first_name, person.last_name) for person in await found.aall()]


@BASEBALL(
    """
    SELECT b.playerID, b.yearID, b.HR FROM Batting b JOIN Teams t
      ON t.yearID = b.yearID AND t.lgID = b.lgID AND t.teamID = b.teamID
    WHERE t.WSWin = 'Y' AND b.HR > 44 ORDER BY b.yearID, b.playerID
    """,
    *(str, int, int),
)
async def sluggers_of_champions() -> Rows:
    found = Batting.query().where(Batting.team.has(T.won_series == "Y"), B.home_runs > 44)
    return [(b.player_id, b.year, b.home_runs) for b in await found.order_by("year", "player_id").aall()]


@BASEBALL(
    """
    SELECT p.playerID, count(a.id) AS awards, (SELECT count(*) FROM Salaries s WHERE s.playerID = p.playerID)
    FROM People p LEFT JOIN AwardsPlayers a ON a.playerID = p.playerID WHERE p.birthYear = 1973
    GROUP BY p.playerID HAVING awards > 4 ORDER BY awards DESC, p.playerID
    """,
    *(str, int, int),
)
async def awards_counted_without_loading() -> Rows:
    found = Person.query().where(P.birth_year == 1973, Person.awards.count() > 4)
    ordered = found.order_by(Person.awards.count().desc(), P.player_id)
    people = await ordered.with_count("awards").with_count("salaries").aall()
    return [(person.player_id, person.count_of("awards"), person.count_of("salaries")) for person in people]


@BASEBALL(
    """
    SELECT DISTINCT s.schoolID, p.playerID, p.nameLast FROM Schools s
    JOIN CollegePlaying c ON c.schoolID = s.schoolID JOIN People p ON p.playerID = c.playerID
    WHERE s.state = 'HI' ORDER BY s.schoolID, p.playerID
    """,
    *(str, str, str),
)
async def players_of_schools_in_hawaii() -> Rows:
    found = School.query().where(School.c.state == "HI").order_by("school_id")
    schools = await found.with_(("players", lambda q: q.order_by("player_id"))).aall()
    return [(school.school_id, person.player_id, person.last_name) for school in schools for person in school.players]


@BASEBALL(
    """
    SELECT DISTINCT p.playerID, p.debut IS NULL FROM Teams t JOIN Batting b
      ON b.yearID = t.yearID AND b.lgID = t.lgID AND b.teamID = t.teamID JOIN People p ON p.playerID = b.playerID
    WHERE t.name = 'Seattle Pilots' ORDER BY p.playerID
    """,
    *(str, bool),
)
async def players_of_a_team_of_one_year() -> Rows:
    (pilots,) = await Team.query().where(T.name == "Seattle Pilots").aall()
    people = await pilots.players_query().order_by("player_id").aall()
    return [(person.player_id, person.debut is None) for person in people]


@BASEBALL(
    """
    SELECT b.playerID, f.franchName, b.HR FROM Batting b JOIN Teams t
      ON t.yearID = b.yearID AND t.lgID = b.lgID AND t.teamID = b.teamID
    JOIN TeamsFranchises f ON f.franchID = t.franchID WHERE b.HR > 55 ORDER BY b.HR DESC, b.yearID
    """,
    *(str, str, int),
)
async def franchises_of_record_seasons_by_a_path() -> Rows:
    return await (
        Batting.query()
        .join("team.franchise")
        .where(B.home_runs > 55)
        .order_by("home_runs DESC", "year")
        .select("player_id", Franchise.c.name, "home_runs")
        .atuples()
    )


@BASEBALL(
    """
    SELECT s.yearID, w.name, l.name, w.ERA, l.ERA FROM SeriesPost s
    JOIN Teams w ON w.yearID = s.yearID AND w.lgID = s.lgIDwinner AND w.teamID = s.teamIDwinner
    JOIN Teams l ON l.yearID = s.yearID AND l.lgID = s.lgIDloser AND l.teamID = s.teamIDloser
    WHERE s.round = 'WS' AND s.losses = 0 AND s.ties = 0 ORDER BY s.yearID
    """,
    *(int, str, str, Places(2), Places(2)),
)
async def world_series_without_a_loss_by_join() -> Rows:
    swept = Series.query().query({"round": "WS", "losses": 0, "ties": 0}).order_by("year")
    series = await swept.with_("winner", join=True).with_("loser", join=True).aall()
    return [(s.year, s.winner.name, s.loser.name, s.winner.era, s.loser.era) for s in series]


@BASEBALL(
    """
    SELECT p.nameLast, b.yearID, b.HR FROM People p JOIN Batting b ON b.playerID = p.playerID AND b.HR >= 50
    WHERE EXISTS (SELECT 1 FROM Batting x WHERE x.playerID = p.playerID AND x.HR >= 50 AND x.yearID > 1990)
    ORDER BY p.playerID, b.HR DESC, b.yearID
    """,
    *(str, int, int),
)
async def great_years_by_a_scoped_relation() -> Rows:
    found = Person.query().where(Person.great_years.any(B.year > 1990)).order_by("player_id")
    return [(p.last_name, b.year, b.home_runs) for p in await found.with_("great_years").aall() for b in p.great_years]


@BASEBALL(
    """
    SELECT b.playerID, b.yearID, p.ERA, b.HR FROM Batting b LEFT JOIN Pitching p
      ON p.playerID = b.playerID AND p.yearID = b.yearID AND p.stint = b.stint
    WHERE b.playerID = 'ruthba01' ORDER BY b.yearID
    """,
    *(str, int, Places(2), int),
)
async def pitching_of_babe_ruth_where_he_pitched() -> Rows:
    years = await Batting.query().where(B.player_id == "ruthba01").order_by("year").with_("pitching").aall()
    return [(y.player_id, y.year, None if y.pitching is None else y.pitching.era, y.home_runs) for y in years]


@BASEBALL(
    """
    SELECT schoolID, playerID, debut FROM (
        SELECT c.schoolID, p.playerID, p.debut,
               row_number() OVER (PARTITION BY c.schoolID ORDER BY p.debut NULLS LAST, p.playerID) AS place
        FROM (SELECT DISTINCT schoolID, playerID FROM CollegePlaying) c JOIN Schools s ON s.schoolID = c.schoolID
        JOIN People p ON p.playerID = c.playerID WHERE s.state = 'AZ')
    WHERE place <= 2 ORDER BY schoolID, place
    """,
    *(str, str, dt.date),
)
async def two_first_players_of_each_school() -> Rows:
    found = School.query().where(School.c.state == "AZ").order_by("school_id")
    first = ("players", lambda q: q.order_by(P.debut.asc().nulls_last(), "player_id").limit(2))
    schools = await found.with_(first).aall()
    return [(school.school_id, person.player_id, person.debut) for school in schools for person in school.players]


@BASEBALL(
    """
    SELECT p.playerID, (SELECT count(*) FROM Salaries s WHERE s.playerID = p.playerID AND s.salary > 20000000) AS rich,
           EXISTS (SELECT 1 FROM AwardsPlayers a WHERE a.playerID = p.playerID AND a.awardID = 'Gold Glove')
    FROM People p WHERE rich > 5 ORDER BY rich DESC, p.playerID
    """,
    *(str, int, bool),
)
async def rich_for_years() -> Rows:
    rich = Person.salaries.count(Salary.c.salary > 20_000_000)
    people = Person.query().where(rich > 5).order_by(rich.desc(), P.player_id)
    honoured = {p.player_id for p in await people.where(Person.awards.any({"award": "Gold Glove"})).aall()}
    rows = await people.select("player_id", rich.as_("rich")).atuples()
    return [(name, years, name in honoured) for name, years in rows]


@BASEBALL(
    """
    SELECT f.franchID FROM TeamsFranchises f WHERE EXISTS (
        SELECT 1 FROM Teams t WHERE t.franchID = f.franchID AND EXISTS (
            SELECT 1 FROM Managers m JOIN People p ON p.playerID = m.playerID
            WHERE m.yearID = t.yearID AND m.lgID = t.lgID AND m.teamID = t.teamID AND m.plyrMgr = 'Y'
              AND p.birthCountry <> 'USA'))
    ORDER BY f.franchID
    """,
    str,
)
async def franchises_once_led_by_a_player_from_abroad() -> Rows:
    from_abroad = Manager.person.has(P.birth_country != "USA") & (Manager.c.played == "Y")
    found = Franchise.query().where(Franchise.teams.any(Team.managers.any(from_abroad)))
    return [(name,) for name in await found.order_by("franchise_id").select("franchise_id").ascalars()]


@BASEBALL(
    """
    SELECT (SELECT count(*) FROM People), (SELECT count(*) FROM AwardsPlayers),
           (SELECT count(DISTINCT playerID) FROM AwardsPlayers)
    """,
    *(int, int, int),
)
async def everybody_with_awards() -> Rows:
    people = await Person.query().with_("awards").aall()
    return [(len(people), sum(len(p.awards) for p in people), sum(bool(p.awards) for p in people))]
