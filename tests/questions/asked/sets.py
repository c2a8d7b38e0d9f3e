"""Questions about what two answers have together, apart and in common."""

from __future__ import annotations

from asking import Rows
from baseball import Batting, BattingPost, Pitching, PlayerAward

from rhosocial.activerecord import F

from .registry import BASEBALL

B, H, W, X = Batting.c, Pitching.c, PlayerAward.c, BattingPost.c


@BASEBALL(
    """
    SELECT playerID, yearID FROM AwardsPlayers WHERE awardID = 'Cy Young Award'
    INTERSECT SELECT playerID, yearID FROM AwardsPlayers WHERE awardID = 'Most Valuable Player' ORDER BY yearID
    """,
    *(str, int),
)
async def best_pitcher_and_most_valuable_at_once() -> Rows:
    best = PlayerAward.query().where(W.award == "Cy Young Award").select("player_id", "year")
    valuable = PlayerAward.query().where(W.award == "Most Valuable Player").select("player_id", "year")
    return await best.intersect(valuable).order_by("year").atuples()


@BASEBALL(
    """
    SELECT playerID FROM Batting WHERE HR >= 30 AND SB >= 40
    EXCEPT SELECT playerID FROM AwardsPlayers WHERE awardID = 'Silver Slugger' ORDER BY playerID
    """,
    str,
)
async def fast_sluggers_without_the_prize() -> Rows:
    fast = Batting.query().where(B.home_runs >= 30, B.stolen >= 40).select("player_id")
    prized = PlayerAward.query().where(W.award == "Silver Slugger").select("player_id")
    return [(name,) for name in await fast.except_(prized).order_by("player_id").ascalars()]


@BASEBALL(
    """
    SELECT playerID, yearID, HR FROM Batting WHERE HR > 58
    UNION ALL SELECT playerID, yearID, HR FROM BattingPost WHERE HR > 5
    ORDER BY HR DESC, yearID, playerID LIMIT 12 OFFSET 2
    """,
    *(str, int, int),
)
async def home_runs_in_and_after_the_season() -> Rows:
    season = Batting.query().where(B.home_runs > 58).select("player_id", "year", "home_runs")
    after = BattingPost.query().where(X.home_runs > 5).select("player_id", "year", "home_runs")
    both = season.union(after, all=True).order_by("home_runs DESC", "year", "player_id")
    return await both.limit(12).offset(2).atuples()


@BASEBALL(
    """
    SELECT count(*), min(playerID), max(playerID) FROM (
        SELECT playerID FROM Batting WHERE HR > 45 UNION SELECT playerID FROM Pitching WHERE SO > 280)
    """,
    *(int, str, str),
)
async def sluggers_and_strikeout_pitchers_counted_once() -> Rows:
    sluggers = Batting.query().where(B.home_runs > 45).select("player_id")
    pitchers = Pitching.query().where(H.strikeouts > 280).select("player_id")
    both = sluggers.union(pitchers)
    people = both.as_table("people")
    limits = people.query().select(F.min(people.c.player_id).as_("first"), F.max(people.c.player_id).as_("last"))
    return [(await both.acount(), *(await limits.atuples())[0])]
