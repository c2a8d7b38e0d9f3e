"""The two data sets are there, whole and as their models say."""

from __future__ import annotations

import sqlite3
from functools import cache
from pathlib import Path
from typing import Any

import baseball
import loading
import pytest
import tpch
from pydantic import TypeAdapter

from rhosocial.activerecord import ActiveRecord

ROWS = {
    "AllstarFull": 5375,
    "Appearances": 108717,
    "AwardsManagers": 179,
    "AwardsPlayers": 6236,
    "AwardsShareManagers": 425,
    "AwardsSharePlayers": 6879,
    "Batting": 108789,
    "BattingPost": 15460,
    "CollegePlaying": 17350,
    "Fielding": 144768,
    "FieldingOF": 12028,
    "FieldingOFsplit": 33801,
    "FieldingPost": 14647,
    "HallOfFame": 4191,
    "HomeGames": 3108,
    "Managers": 3567,
    "ManagersHalf": 93,
    "Parks": 255,
    "People": 20093,
    "Pitching": 48399,
    "PitchingPost": 6120,
    "Salaries": 26428,
    "Schools": 1207,
    "SeriesPost": 358,
    "Teams": 2955,
    "TeamsFranchises": 120,
    "TeamsHalf": 52,
}

TPCH_ROWS = {
    "customer": 1500,
    "lineitem": 60175,
    "nation": 25,
    "orders": 15000,
    "part": 2000,
    "partsupp": 8000,
    "region": 5,
    "supplier": 100,
}


async def test_the_27_tables_hold_all_591_600_rows(baseball_file: Path) -> None:
    counts = {model.table_name(): await model.query().acount() for model in baseball.MODELS}

    assert counts == ROWS
    assert (27, 591_600) == (len(counts), sum(counts.values()))


async def test_the_eight_tables_hold_all_rows_of_their_scale(tpch_file: Path) -> None:
    counts = {model.table_name(): await model.query().acount() for model in tpch.MODELS}

    assert counts == TPCH_ROWS


@pytest.mark.parametrize("name", ["baseball_sql", "tpch_sql"])
def test_every_foreign_key_finds_its_row(name: str, request: pytest.FixtureRequest) -> None:
    connection: sqlite3.Connection = request.getfixturevalue(name)

    assert [] == connection.execute("PRAGMA foreign_key_check").fetchall()


@pytest.mark.parametrize("model", [baseball.Person, baseball.Team, baseball.HomeGames, baseball.PitchingPost])
async def test_records_are_what_the_files_say(model: type[ActiveRecord], baseball_file: Path) -> None:
    def key(row: dict[str, Any]) -> list[Any]:
        return [row[column.field] for column in model.__table__.key]

    found = sorted(map(vars, await model.query().aall()), key=key)

    assert sorted(_file(model), key=key) == found


@cache  # Both faces compare with it.
def _file(model: type[ActiveRecord]) -> list[dict[str, Any]]:
    """The rows of one file, each text made a value of its field's type by Pydantic."""
    fields = {name: column.field for name, column in model.__table__.by_name.items()}
    types = {name: TypeAdapter(field.rebuild_annotation()) for name, field in model.model_fields.items()}
    columns, rows = loading.archived(model.table_name())
    names = [fields[column] for column in columns]
    return [
        {name: types[name].validate_python(text or None) for name, text in zip(names, row, strict=True)} for row in rows
    ]
