"""Questions over real data are answered through the library as SQL written by hand answers them, in both faces."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from decimal import Decimal
from typing import Any

import asked
import asking
import loading
import pytest
from asking import Places, Question

_ANSWERS: dict[str, list[tuple[Any, ...]]] = {}


def _answer(question: Question, connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    # The two faces of a question are compared with one answer.
    if question.name not in _ANSWERS:
        _ANSWERS[question.name] = question.answer(connection)
    return _ANSWERS[question.name]


@pytest.mark.parametrize("question", asked.BASEBALL, ids=asked.BASEBALL.names)
async def test_baseball_is_answered_as_by_hand(question: Question, baseball_sql: sqlite3.Connection) -> None:
    expected = _answer(question, baseball_sql)

    got = await question.ask()

    assert [] == asking.differences(expected, got)
    assert expected, "a question without an answer proves nothing"


@pytest.mark.parametrize("question", asked.TPCH, ids=asked.TPCH.names)
async def test_tpch_is_answered_as_by_hand_and_as_stored(question: Question, tpch_sql: sqlite3.Connection) -> None:
    expected = _answer(question, tpch_sql)

    got = await question.ask()

    assert [] == asking.differences(expected, got)
    assert [] == asking.differences(_stored(question), got, digits=12)
    assert expected


def _stored(question: Question) -> list[tuple[Any, ...]]:
    """The answer that the benchmark's authors have stored: lines of values between bars, under a line of names."""
    number = int(question.name[1:3])
    answers = json.loads((loading.TPCH / "answers.json").read_text(encoding="utf-8"))
    _, *lines = answers[str(number)].removesuffix("\n").split("\n")
    return [
        tuple(_value(text, kind) for text, kind in zip(line.split("|"), question.kinds, strict=True)) for line in lines
    ]


def _value(text: str, kind: asking.Kind) -> Any:
    if text == "":
        return None
    if isinstance(kind, Places):
        return Decimal(text).quantize(Decimal(1).scaleb(-kind.count))
    return dt.date.fromisoformat(text) if kind is dt.date else kind(text)


def test_there_are_at_least_sixty_questions_and_all_22_of_tpch() -> None:
    assert [f"q{number:02}" for number in range(1, 23)] == [name[:3] for name in asked.TPCH.names]
    assert len(asked.BASEBALL) >= 60


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ([(1, "a")], []),
        ([(1, "a")], [(1, "a"), (1, "a")]),
        ([(1,), (2,)], [(2,), (1,)]),
        ([(1,)], [(1.0,)]),
        ([(1,)], [(True,)]),
        ([(1,)], [("1",)]),
        ([(1, 2)], [(1,)]),
        ([(None,)], [(0,)]),
        ([(1.0,)], [(1.00000000001,)]),
        ([(Decimal("1.50"),)], [(Decimal("1.5"),)]),
        ([(Decimal("1.50"),)], [(1.5,)]),
        ([(dt.date(2020, 1, 1),)], [("2020-01-01",)]),
    ],
)
def test_answers_that_differ_in_anything_are_told_apart(wanted: asking.Rows, given: asking.Rows) -> None:
    assert asking.differences(wanted, given)


def test_sums_in_another_order_agree() -> None:
    assert [] == asking.differences([(0.1 + 0.2 + 0.3, None)], [(0.3 + 0.2 + 0.1, None)])


@pytest.mark.parametrize(
    ("value", "kind"), [(1.0, int), (1, float), ("1", int), (1, str), ("1", Places(2)), (2, dt.date)]
)
def test_the_driver_must_give_what_the_question_says(value: Any, kind: asking.Kind) -> None:
    with pytest.raises(TypeError, match="where the question says"):
        asking.read(value, kind)
