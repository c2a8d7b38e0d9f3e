"""What a player did in a season: batting, pitching, fielding, where he stood, and what he was paid."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from rhosocial.activerecord import ActiveRecord, BelongsTo, Column, ForeignKey, HasMany, HasOne, Index

from .clubs import OF_TEAM, TEAM
from .people import League, TeamID, Year

Player = Annotated[str, Column(name="playerID")]

STINT = ("player_id", "year", "stint")

TO_PERSON = ForeignKey("player_id", references="People.playerID")
TO_TEAM = ForeignKey(*OF_TEAM, references=TEAM)
TO_BATTING = ForeignKey(*STINT, references="Batting(playerID, yearID, stint)")


class BattingCounts(ActiveRecord):
    """What is counted of a batter, in a season and in a round of the postseason alike."""

    games: Annotated[int, Column(name="G")]
    at_bats: Annotated[int, Column(name="AB")]
    runs: Annotated[int, Column(name="R")]
    hits: Annotated[int, Column(name="H")]
    doubles: Annotated[int, Column(name="2B")]
    triples: Annotated[int, Column(name="3B")]
    home_runs: Annotated[int, Column(name="HR")]
    batted_in: Annotated[int | None, Column(name="RBI")]
    stolen: Annotated[int | None, Column(name="SB")]
    caught: Annotated[int | None, Column(name="CS")]
    walks: Annotated[int, Column(name="BB")]
    strikeouts: Annotated[int | None, Column(name="SO")]
    intentional_walks: Annotated[int | None, Column(name="IBB")]
    hit_by_pitch: Annotated[int | None, Column(name="HBP")]
    sacrifices: Annotated[int | None, Column(name="SH")]
    sacrifice_flies: Annotated[int | None, Column(name="SF")]
    double_plays: Annotated[int | None, Column(name="GIDP")]


class PitchingCounts(ActiveRecord):
    """What is counted of a pitcher."""

    wins: Annotated[int, Column(name="W")]
    losses: Annotated[int, Column(name="L")]
    games: Annotated[int, Column(name="G")]
    started: Annotated[int, Column(name="GS")]
    complete: Annotated[int, Column(name="CG")]
    shutouts: Annotated[int, Column(name="SHO")]
    saves: Annotated[int, Column(name="SV")]
    outs: Annotated[int, Column(name="IPouts")]
    hits: Annotated[int, Column(name="H")]
    earned_runs: Annotated[int, Column(name="ER")]
    home_runs: Annotated[int, Column(name="HR")]
    walks: Annotated[int, Column(name="BB")]
    strikeouts: Annotated[int, Column(name="SO")]
    intentional_walks: Annotated[int | None, Column(name="IBB")]
    wild_pitches: Annotated[int | None, Column(name="WP")]
    hit_batters: Annotated[int | None, Column(name="HBP")]
    balks: Annotated[int | None, Column(name="BK")]
    faced: Annotated[int | None, Column(name="BFP")]
    finished: Annotated[int, Column(name="GF")]
    runs: Annotated[int, Column(name="R")]
    sacrifices: Annotated[int | None, Column(name="SH")]
    sacrifice_flies: Annotated[int | None, Column(name="SF")]
    double_plays: Annotated[int | None, Column(name="GIDP")]
    opponents_average: Annotated[Decimal | None, Field(max_digits=4, decimal_places=3), Column(name="BAOpp")]


class FieldingCounts(ActiveRecord):
    """What is counted of a fielder at one position."""

    position: Annotated[str, Column(name="POS")]
    games: Annotated[int, Column(name="G")]
    started: Annotated[int | None, Column(name="GS")]
    outs: Annotated[int | None, Column(name="InnOuts")]
    putouts: Annotated[int, Column(name="PO")]
    assists: Annotated[int, Column(name="A")]
    errors: Annotated[int | None, Column(name="E")]
    double_plays: Annotated[int, Column(name="DP")]
    passed_balls: Annotated[int | None, Column(name="PB")]
    stolen_against: Annotated[int | None, Column(name="SB")]
    caught: Annotated[int | None, Column(name="CS")]


class Stint(ActiveRecord):
    """One time that a player belonged to a team in a year; the first is 1."""

    player_id: Player
    year: Year
    stint: int
    team_id: TeamID
    league: League


class Batting(BattingCounts, Stint):
    __table_name__ = "Batting"
    __primary_key__ = STINT
    __table_args__ = (TO_PERSON, TO_TEAM, Index(*OF_TEAM))

    person = BelongsTo["Person"](foreign_key="player_id", inverse_of="batting")
    team = BelongsTo["Team"](foreign_key=OF_TEAM, inverse_of="batting")
    pitching = HasOne["Pitching | None"](foreign_key=STINT, inverse_of="batting")
    fielding = HasMany["Fielding"](foreign_key=STINT)


class Pitching(PitchingCounts, Stint):
    __table_name__ = "Pitching"
    __primary_key__ = STINT
    __table_args__ = (TO_PERSON, TO_TEAM, TO_BATTING, Index(*OF_TEAM))

    era: Annotated[Decimal | None, Field(max_digits=6, decimal_places=2), Column(name="ERA")]

    person = BelongsTo["Person"](foreign_key="player_id", inverse_of="pitching")
    team = BelongsTo["Team"](foreign_key=OF_TEAM)
    batting = BelongsTo["Batting"](foreign_key=STINT, inverse_of="pitching")


class Fielding(FieldingCounts, Stint):
    __table_name__ = "Fielding"
    __primary_key__ = (*STINT, "position")
    __table_args__ = (TO_BATTING,)

    wild_pitches: Annotated[int | None, Column(name="WP")]
    zone_rating: Annotated[int | None, Column(name="ZR")]


class OutfieldSplit(FieldingCounts, Stint):
    """Fielding in left, centre and right field apart, since 1954."""

    __table_name__ = "FieldingOFsplit"
    __primary_key__ = (*STINT, "position")
    __table_args__ = (TO_BATTING,)

    wild_pitches: Annotated[int | None, Column(name="WP")]
    zone_rating: Annotated[int | None, Column(name="ZR")]


class Outfield(ActiveRecord):
    """Games in left, centre and right field, until 1955; one row is of a player whom the list of people lacks."""

    __table_name__ = "FieldingOF"
    __primary_key__ = STINT

    player_id: Player
    year: Year
    stint: int
    left: Annotated[int | None, Column(name="Glf")]
    centre: Annotated[int | None, Column(name="Gcf")]
    right: Annotated[int | None, Column(name="Grf")]


class Appearances(ActiveRecord):
    """How many games a player was in for a team, by position; one row is of a player unknown to the list of people."""

    __table_name__ = "Appearances"
    __primary_key__ = ("year", "team_id", "player_id")
    __table_args__ = (TO_TEAM, Index("player_id"))

    year: Year
    team_id: TeamID
    league: League
    player_id: Player
    games: Annotated[int, Column(name="G_all")]
    started: Annotated[int | None, Column(name="GS")]
    batted: Annotated[int, Column(name="G_batting")]
    fielded: Annotated[int | None, Column(name="G_defense")]
    pitcher: Annotated[int, Column(name="G_p")]
    catcher: Annotated[int, Column(name="G_c")]
    first_base: Annotated[int, Column(name="G_1b")]
    second_base: Annotated[int, Column(name="G_2b")]
    third_base: Annotated[int, Column(name="G_3b")]
    shortstop: Annotated[int, Column(name="G_ss")]
    left_field: Annotated[int, Column(name="G_lf")]
    centre_field: Annotated[int, Column(name="G_cf")]
    right_field: Annotated[int, Column(name="G_rf")]
    outfield: Annotated[int, Column(name="G_of")]
    designated: Annotated[int | None, Column(name="G_dh")]
    pinch_hitter: Annotated[int | None, Column(name="G_ph")]
    pinch_runner: Annotated[int | None, Column(name="G_pr")]


class Salary(ActiveRecord):
    __table_name__ = "Salaries"
    __primary_key__ = ("year", "team_id", "league", "player_id")
    __table_args__ = (TO_TEAM, TO_PERSON, Index("player_id"))

    year: Year
    team_id: TeamID
    league: League
    player_id: Player
    salary: int

    person = BelongsTo["Person"](foreign_key="player_id")
    team = BelongsTo["Team"](foreign_key=OF_TEAM)
