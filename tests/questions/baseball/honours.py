"""Votes, awards, the All-Star Games and the Hall of Fame."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from rhosocial.activerecord import AUTO, ActiveRecord, BelongsTo, Column, Index

from .people import League, PlayerID, TeamID, Year
from .seasons import TO_PERSON, Player


class AllStar(ActiveRecord):
    """A place in an All-Star team; players are listed twice in some years, and of one the year is not known."""

    __table_name__ = "AllstarFull"
    __table_args__ = (Index("player_id"),)

    id: int = AUTO
    player_id: PlayerID
    year: Annotated[int | None, Column(name="yearID")]
    game_number: Annotated[int | None, Column(name="gameNum")]
    game_id: Annotated[str | None, Column(name="gameID")]
    team_id: TeamID
    league: League
    played: Annotated[int, Column(name="GP")]
    position: Annotated[int | None, Column(name="startingPos")]


class PlayerAward(ActiveRecord):
    __table_name__ = "AwardsPlayers"
    __table_args__ = (Index("player_id"),)

    id: int = AUTO
    player_id: PlayerID
    award: Annotated[str, Column(name="awardID")]
    year: Year
    league: Annotated[str | None, Column(name="lgID")]
    tie: str | None
    notes: str | None

    person = BelongsTo["Person"](foreign_key="player_id", inverse_of="awards")


class ManagerAward(ActiveRecord):
    __table_name__ = "AwardsManagers"
    __primary_key__ = ("player_id", "award", "year", "league")
    __table_args__ = (TO_PERSON,)

    player_id: Player
    award: Annotated[str, Column(name="awardID")]
    year: Year
    league: League
    tie: str | None
    notes: str | None


class PlayerVote(ActiveRecord):
    """The points that a player won in the vote on an award; old votes halved them."""

    __table_name__ = "AwardsSharePlayers"
    __primary_key__ = ("award", "year", "league", "player_id")
    __table_args__ = (TO_PERSON,)

    award: Annotated[str, Column(name="awardID")]
    year: Year
    league: League
    player_id: Player
    points: Annotated[Decimal, Field(max_digits=6, decimal_places=1), Column(name="pointsWon")]
    possible: Annotated[int, Column(name="pointsMax")]
    first_votes: Annotated[Decimal | None, Field(max_digits=4, decimal_places=1), Column(name="votesFirst")]


class ManagerVote(ActiveRecord):
    __table_name__ = "AwardsShareManagers"
    __primary_key__ = ("award", "year", "league", "player_id")
    __table_args__ = (TO_PERSON,)

    award: Annotated[str, Column(name="awardID")]
    year: Year
    league: League
    player_id: Player
    points: Annotated[int, Column(name="pointsWon")]
    possible: Annotated[int | None, Column(name="pointsMax")]
    first_votes: Annotated[int, Column(name="votesFirst")]


class HallOfFame(ActiveRecord):
    """What one electorate decided about one candidate in one year."""

    __table_name__ = "HallOfFame"
    __primary_key__ = ("player_id", "year", "voted_by")
    __table_args__ = (TO_PERSON,)

    player_id: Player
    year: Year
    voted_by: Annotated[str, Column(name="votedBy")]
    ballots: int | None
    needed: int | None
    votes: int | None
    inducted: str
    category: str
    needed_note: str | None
