"""Clauses that SQLite has not, as the base dialect writes them, run by DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest

from rhosocial.activerecord import ActiveRecord, Column, F
from rhosocial.activerecord.backend import StorageBackend

pytest.importorskip("duckdb")

ROOT = Path(__file__).parents[2]


class Team(ActiveRecord):
    __table_name__ = "teams"

    id: Annotated[int, Column(primary_key=True)]
    name: str
    parent_id: int | None = None


class Score(ActiveRecord):
    __table_name__ = "scores"

    id: Annotated[int, Column(primary_key=True)]
    team_id: int
    points: int


t, s = Team.c, Score.c


@pytest.fixture(scope="module", autouse=True)
def duckdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageBackend]:
    """A DuckDB file with the rows, behind the demo's backend."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        from demo.duckdb_backend import DuckDBBackend

        backend = DuckDBBackend(database=str(tmp_path_factory.mktemp("duckdb") / "teams.duckdb"))
    before = Team.__backend__, Score.__backend__
    Team.__backend__ = Score.__backend__ = backend
    Team.create_table()
    Score.create_table()
    for number, (name, parent) in enumerate([("all", None), ("east", 1), ("west", 1), ("far", 3)], 1):
        Team.create(id=number, name=name, parent_id=parent)
    for number, (team, points) in enumerate([(2, 5), (2, 7), (3, 1), (3, 1), (9, 4)], 1):
        Score.create(id=number, team_id=team, points=points)
    yield backend
    Team.__backend__, Score.__backend__ = before
    backend.close()


async def test_a_lateral_query_names_the_tables_before_it() -> None:
    best = Score.query().where(s.team_id == t.id).order_by(s.points.desc()).limit(1).as_table("best", lateral=True)
    query = Team.query().order_by("id").select("name", best.c.points)

    assert [("east", 7), ("west", 1)] == await query.join(best).atuples()
    assert [("all", None), ("east", 7), ("west", 1), ("far", None)] == await query.left_join(best).atuples()


async def test_the_first_of_each_group_is_kept() -> None:
    query = Score.query().distinct_on("team_id")

    assert [(2, 7), (3, 1), (9, 4)] == [
        (score.team_id, score.points) for score in await query.order_by("team_id", "points DESC", "id").aall()
    ]
    assert 3 == await query.acount()
    assert 1 == (await query.afirst()).id
    assert await query.where(s.points > 6).aexists()


async def test_all_of_intersect_and_except_keep_double_rows() -> None:
    points = Score.query().select("points")

    assert [1, 4, 5, 7] == await points.except_(points.where(s.id == 3), all=True).order_by("points").ascalars()
    assert [1, 1] == await points.intersect(points.where(s.points < 4), all=True).ascalars()


async def test_outer_joins_keep_the_rows_of_their_sides() -> None:
    named = [t.name, s.points]

    assert [("east", 5), ("east", 7), ("west", 1), ("west", 1), (None, 4)] == await Team.query().right_join(
        Score, on=s.team_id == t.id
    ).select(*named).order_by(s.id).atuples()
    assert 7 == await Team.query().full_join(Score, on=s.team_id == t.id).select(*named).acount()


async def test_queries_of_with_are_understood() -> None:
    start = Team.query().where(t.name == "all")
    tree = start.as_cte("tree").recursive(lambda tree: Team.query().join(tree, on=t.parent_id == tree.c.id))
    sums = Score.query().select("team_id", F.sum(s.points).as_("total")).group_by("team_id")
    kept = sums.as_cte("kept", materialized=True)

    assert ["west", "far", "east", "all"] == [
        team.name for team in await Team.query().from_(tree).order_by("name DESC").aall()
    ]
    assert [("east", 12), ("west", 2)] == await Team.query().join(kept, on=kept.c.team_id == t.id).select(
        "name", "kept.total"
    ).order_by("name").atuples()
    union = Team.query().where(t.id < 2).union(Team.query().where(t.id > 3)).order_by("name DESC")
    assert ["far", "all"] == [team.name for team in await union.aall()]
    assert (2, 1) == (await union.acount(), await union.limit(1).acount())
