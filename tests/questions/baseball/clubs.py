"""Franchises, their teams year by year, where they played and who managed them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from rhosocial.activerecord import ActiveRecord, BelongsTo, Column, ForeignKey, HasMany, Index, ManyToMany, Unique

from .people import League, PlayerID, TeamID, Year

TEAM = "Teams(yearID, lgID, teamID)"
OF_TEAM = ("year", "league", "team_id")


class Franchise(ActiveRecord):
    __table_name__ = "TeamsFranchises"
    __primary_key__ = "franchise_id"

    franchise_id: Annotated[str, Column(name="franchID")]
    name: Annotated[str, Column(name="franchName")]
    active: str
    association: Annotated[str | None, Column(name="NAassoc")]

    teams = HasMany["Team"](foreign_key="franchise_id", inverse_of="franchise", order_by="year")
    best_teams = HasMany["Team"](foreign_key="franchise_id", order_by=("wins DESC", "year"))


class Team(ActiveRecord):
    """A team in one year."""

    __table_name__ = "Teams"
    __primary_key__ = ("year", "league", "team_id")
    __table_args__ = (Unique("year", "team_id"), Index("franchise_id"))

    year: Year
    league: League
    team_id: TeamID
    franchise_id: Annotated[str, Column(name="franchID", references="TeamsFranchises.franchID")]
    division: Annotated[str | None, Column(name="divID")]
    place: Annotated[int, Column(name="Rank")]
    games: Annotated[int, Column(name="G")]
    home_games: Annotated[int | None, Column(name="Ghome")]
    wins: Annotated[int, Column(name="W")]
    losses: Annotated[int, Column(name="L")]
    won_division: Annotated[str | None, Column(name="DivWin")]
    won_wild_card: Annotated[str | None, Column(name="WCWin")]
    won_league: Annotated[str | None, Column(name="LgWin")]
    won_series: Annotated[str | None, Column(name="WSWin")]
    runs: Annotated[int, Column(name="R")]
    at_bats: Annotated[int, Column(name="AB")]
    hits: Annotated[int, Column(name="H")]
    doubles: Annotated[int, Column(name="2B")]
    triples: Annotated[int, Column(name="3B")]
    home_runs: Annotated[int, Column(name="HR")]
    walks: Annotated[int | None, Column(name="BB")]
    strikeouts: Annotated[int | None, Column(name="SO")]
    stolen: Annotated[int | None, Column(name="SB")]
    caught: Annotated[int | None, Column(name="CS")]
    hit_by_pitch: Annotated[int | None, Column(name="HBP")]
    sacrifice_flies: Annotated[int | None, Column(name="SF")]
    runs_against: Annotated[int, Column(name="RA")]
    earned_runs: Annotated[int, Column(name="ER")]
    era: Annotated[Decimal, Field(max_digits=6, decimal_places=2), Column(name="ERA")]
    complete_games: Annotated[int, Column(name="CG")]
    shutouts: Annotated[int, Column(name="SHO")]
    saves: Annotated[int, Column(name="SV")]
    outs_pitched: Annotated[int, Column(name="IPouts")]
    hits_allowed: Annotated[int, Column(name="HA")]
    home_runs_allowed: Annotated[int, Column(name="HRA")]
    walks_allowed: Annotated[int, Column(name="BBA")]
    strikeouts_pitched: Annotated[int, Column(name="SOA")]
    errors: Annotated[int, Column(name="E")]
    double_plays: Annotated[int, Column(name="DP")]
    fielding: Annotated[Decimal, Field(max_digits=4, decimal_places=3), Column(name="FP")]
    name: str
    park: str | None
    attendance: int | None
    batting_factor: Annotated[int, Column(name="BPF")]
    pitching_factor: Annotated[int, Column(name="PPF")]
    reference_id: Annotated[str, Column(name="teamIDBR")]
    lahman45_id: Annotated[str, Column(name="teamIDlahman45")]
    retro_id: Annotated[str, Column(name="teamIDretro")]

    franchise = BelongsTo["Franchise"](foreign_key="franchise_id", inverse_of="teams")
    managers = HasMany["Manager"](foreign_key=OF_TEAM, inverse_of="team", order_by="turn")
    home_games_by_park = HasMany["HomeGames"](foreign_key=OF_TEAM, inverse_of="team")
    parks = ManyToMany["Park"](through="home_games_by_park")
    batting = HasMany["Batting"](foreign_key=OF_TEAM, inverse_of="team")
    players = HasMany["Person"](through=("batting", "person"))


class TeamHalf(ActiveRecord):
    """One half of the season that a strike divided, 1981."""

    __table_name__ = "TeamsHalf"
    __primary_key__ = ("year", "league", "team_id", "half")
    __table_args__ = (ForeignKey(*OF_TEAM, references=TEAM),)

    year: Year
    league: League
    team_id: TeamID
    half: Annotated[int, Column(name="Half")]
    division: Annotated[str, Column(name="divID")]
    won_division: Annotated[str, Column(name="DivWin")]
    place: Annotated[int, Column(name="Rank")]
    games: Annotated[int, Column(name="G")]
    wins: Annotated[int, Column(name="W")]
    losses: Annotated[int, Column(name="L")]


class Park(ActiveRecord):
    """A ground; the file has dots in the names of its columns."""

    __table_name__ = "Parks"
    __primary_key__ = "park_id"

    park_id: Annotated[str, Column(name="park.key")]
    name: Annotated[str, Column(name="park.name")]
    alias_names: Annotated[str | None, Column(name="park.alias")]
    city: str
    state: str | None
    country: str


class HomeGames(ActiveRecord):
    """The games that a team played at home in one park in one year."""

    __table_name__ = "HomeGames"
    __primary_key__ = ("year", "league", "team_id", "park_id")
    __table_args__ = (
        ForeignKey(*OF_TEAM, references=TEAM),
        ForeignKey("park_id", references="Parks(park.key)"),
        Index("park_id"),
    )

    year: Annotated[int, Column(name="year.key")]
    league: Annotated[str, Column(name="league.key")]
    team_id: Annotated[str, Column(name="team.key")]
    park_id: Annotated[str, Column(name="park.key")]
    first: Annotated[dt.date, Column(name="span.first")]
    last: Annotated[dt.date, Column(name="span.last")]
    games: int
    openings: int
    attendance: int

    team = BelongsTo["Team"](foreign_key=OF_TEAM, inverse_of="home_games_by_park")
    park = BelongsTo["Park"](foreign_key="park_id")


class Manager(ActiveRecord):
    """One manager's part of a team's year."""

    __table_name__ = "Managers"
    __primary_key__ = ("year", "team_id", "turn")
    __table_args__ = (ForeignKey(*OF_TEAM, references=TEAM), Index("player_id"))

    player_id: PlayerID
    year: Year
    team_id: TeamID
    league: League
    turn: Annotated[int, Column(name="inseason")]
    games: Annotated[int, Column(name="G")]
    wins: Annotated[int, Column(name="W")]
    losses: Annotated[int, Column(name="L")]
    place: Annotated[int | None, Column(name="rank")]
    played: Annotated[str, Column(name="plyrMgr")]

    person = BelongsTo["Person"](foreign_key="player_id", inverse_of="managed")
    team = BelongsTo["Team"](foreign_key=OF_TEAM, inverse_of="managers")


class ManagerHalf(ActiveRecord):
    __table_name__ = "ManagersHalf"
    __primary_key__ = ("year", "team_id", "player_id", "half")
    __table_args__ = (
        ForeignKey(*OF_TEAM, references=TEAM),
        ForeignKey("player_id", references="People.playerID"),
    )

    player_id: Annotated[str, Column(name="playerID")]
    year: Year
    team_id: TeamID
    league: League
    turn: Annotated[int, Column(name="inseason")]
    half: int
    games: Annotated[int, Column(name="G")]
    wins: Annotated[int, Column(name="W")]
    losses: Annotated[int, Column(name="L")]
    place: Annotated[int, Column(name="rank")]
