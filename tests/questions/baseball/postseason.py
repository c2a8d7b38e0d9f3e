"""The games after the season: who won a series, and what the players did in it."""

from __future__ import annotations

from typing import Annotated

from rhosocial.activerecord import ActiveRecord, BelongsTo, Column, ForeignKey, Index

from .clubs import TEAM
from .people import League, TeamID, Year
from .seasons import TO_PERSON, TO_TEAM, BattingCounts, FieldingCounts, PitchingCounts, Player

WINNER = ("year", "winner_league", "winner_id")
LOSER = ("year", "loser_league", "loser_id")


class Series(ActiveRecord):
    __table_name__ = "SeriesPost"
    __primary_key__ = ("year", "round")
    __table_args__ = (
        ForeignKey(*WINNER, references=TEAM),
        ForeignKey(*LOSER, references=TEAM),
    )

    year: Year
    round: str
    winner_id: Annotated[str, Column(name="teamIDwinner")]
    winner_league: Annotated[str, Column(name="lgIDwinner")]
    loser_id: Annotated[str, Column(name="teamIDloser")]
    loser_league: Annotated[str, Column(name="lgIDloser")]
    wins: int
    losses: int
    ties: int

    winner = BelongsTo["Team"](foreign_key=WINNER)
    loser = BelongsTo["Team"](foreign_key=LOSER)


class Postseason(ActiveRecord):
    """A player in one round of one year."""

    year: Year
    round: str
    player_id: Player
    team_id: TeamID
    league: League


class BattingPost(BattingCounts, Postseason):
    __table_name__ = "BattingPost"
    __primary_key__ = ("year", "round", "player_id")
    __table_args__ = (TO_PERSON, TO_TEAM, Index("player_id"))


class PitchingPost(PitchingCounts, Postseason):
    __table_name__ = "PitchingPost"
    __primary_key__ = ("player_id", "year", "round")
    __table_args__ = (TO_PERSON, TO_TEAM)

    # Who gave up runs and got nobody out has an infinite average, which no decimal holds.
    era: Annotated[float | None, Column(name="ERA")]


class FieldingPost(FieldingCounts, Postseason):
    __table_name__ = "FieldingPost"
    __primary_key__ = ("player_id", "year", "round", "position")
    __table_args__ = (TO_PERSON, TO_TEAM)

    triple_plays: Annotated[int, Column(name="TP")]
