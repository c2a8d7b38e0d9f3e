"""People, and the schools that they went to."""

from __future__ import annotations

import datetime as dt
from enum import Enum
from typing import Annotated

from rhosocial.activerecord import ActiveRecord, BelongsTo, Column, ForeignKey, HasMany, Index, ManyToMany

PlayerID = Annotated[str, Column(name="playerID", references="People.playerID")]
TeamID = Annotated[str, Column(name="teamID")]
League = Annotated[str, Column(name="lgID")]
Year = Annotated[int, Column(name="yearID")]


class Hand(Enum):
    """With which hand a player bats or throws; B is both, S is a pitcher who changes hands."""

    LEFT = "L"
    RIGHT = "R"
    BOTH = "B"
    SWITCH = "S"


class Person(ActiveRecord):
    __table_name__ = "People"
    __primary_key__ = "player_id"
    __table_args__ = (Index("last_name", "first_name"),)

    player_id: Annotated[str, Column(name="playerID")]
    birth_year: Annotated[int | None, Column(name="birthYear")]
    birth_month: Annotated[int | None, Column(name="birthMonth")]
    birth_day: Annotated[int | None, Column(name="birthDay")]
    birth_country: Annotated[str | None, Column(name="birthCountry")]
    birth_state: Annotated[str | None, Column(name="birthState")]
    birth_city: Annotated[str | None, Column(name="birthCity")]
    death_year: Annotated[int | None, Column(name="deathYear")]
    death_month: Annotated[int | None, Column(name="deathMonth")]
    death_day: Annotated[int | None, Column(name="deathDay")]
    death_country: Annotated[str | None, Column(name="deathCountry")]
    death_state: Annotated[str | None, Column(name="deathState")]
    death_city: Annotated[str | None, Column(name="deathCity")]
    first_name: Annotated[str | None, Column(name="nameFirst")]
    last_name: Annotated[str, Column(name="nameLast")]
    given_name: Annotated[str | None, Column(name="nameGiven")]
    weight: int | None
    height: int | None
    bats: Hand | None
    throws: Hand | None
    debut: dt.date | None
    final_game: Annotated[dt.date | None, Column(name="finalGame")]
    retro_id: Annotated[str | None, Column(name="retroID")]
    bbref_id: Annotated[str | None, Column(name="bbrefID")]

    batting = HasMany["Batting"](foreign_key="player_id", inverse_of="person")
    pitching = HasMany["Pitching"](foreign_key="player_id", inverse_of="person")
    salaries = HasMany["Salary"](foreign_key="player_id", order_by="year")
    awards = HasMany["PlayerAward"](foreign_key="player_id")
    votes = HasMany["HallOfFame"](foreign_key="player_id", order_by="year")
    managed = HasMany["Manager"](foreign_key="player_id")
    college_years = HasMany["CollegeYear"](foreign_key="player_id")
    schools = ManyToMany["School"](through="college_years")
    great_years = HasMany["Batting"](
        foreign_key="player_id", conditions=lambda batting: batting.home_runs >= 50, order_by=("home_runs DESC", "year")
    )


class School(ActiveRecord):
    __table_name__ = "Schools"
    __primary_key__ = "school_id"

    school_id: Annotated[str, Column(name="schoolID")]
    name: Annotated[str, Column(name="name_full")]
    city: str
    state: str
    country: str

    college_years = HasMany["CollegeYear"](foreign_key="school_id")
    players = ManyToMany["Person"](through="college_years")


class CollegeYear(ActiveRecord):
    """One year that somebody played for a school; ten rows name schools that the list of schools lacks."""

    __table_name__ = "CollegePlaying"
    __primary_key__ = ("player_id", "school_id", "year")
    __table_args__ = (ForeignKey("player_id", references="People.playerID"), Index("school_id"))

    player_id: Annotated[str, Column(name="playerID")]
    school_id: Annotated[str, Column(name="schoolID")]
    year: Year

    person = BelongsTo["Person"](foreign_key="player_id")
    school = BelongsTo["School | None"](foreign_key="school_id")
