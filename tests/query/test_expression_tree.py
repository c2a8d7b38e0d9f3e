"""Whatever Python's operators build, SQLite and Python agree on its value: precedence, parentheses, NULL."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhosocial.activerecord import ActiveRecord, F
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend

ROWS: list[tuple[int | None, int | None, int | None]] = [
    (1, 2, 3), (0, 0, 0), (-3, 2, 7), (5, -5, 1), (None, 1, 2), (3, None, -1), (2, 7, None), (None, None, None)
]  # fmt: skip


class Triple(ActiveRecord):
    __table_name__ = "triples"

    id: int
    x: int | None
    y: int | None
    z: int | None


@pytest.fixture(scope="module", autouse=True)
def triples(shop: SQLiteBackend) -> None:
    Triple.__backend__ = shop
    Triple.create_table()
    Triple.bulk_create([Triple(x=x, y=y, z=z) for x, y, z in ROWS])


class Node:
    """An expression, and what Python makes of it for a row; None is SQL's NULL."""

    def __init__(self, sql: Any, value: Callable[[Any], Any]) -> None:
        self.sql = sql
        self.value = value


def lifted(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: None if None in values else function(*values)


def divided(left: int, right: int) -> int | None:
    return None if right == 0 else abs(left) // abs(right) * (1 if left * right >= 0 else -1)


def remainder(left: int, right: int) -> int | None:
    return None if right == 0 else left - right * (divided(left, right) or 0)


def both(left: bool | None, right: bool | None) -> bool | None:
    return False if left is False or right is False else None if None in (left, right) else True


def either(left: bool | None, right: bool | None) -> bool | None:
    return True if left is True or right is True else None if None in (left, right) else False


ARITHMETIC = [
    (operator.add, lifted(operator.add)),
    (operator.sub, lifted(operator.sub)),
    (operator.mul, lifted(operator.mul)),
    (operator.truediv, lifted(divided)),
    (operator.mod, lifted(remainder)),
]
FUNCTIONS = [
    (F.coalesce, lambda left, right: right if left is None else left),
    (F.nullif, lambda left, right: None if left == right else left),
    (F.greatest, lifted(max)),
    (F.least, lifted(min)),
    (F.mod, lifted(remainder)),
]
COMPARING = [
    (compare, lifted(compare))
    for compare in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)
]
DISTINCT = [
    (lambda left, right: left.is_distinct_from(right), operator.ne),
    (lambda left, right: left.is_not_distinct_from(right), operator.eq),
]

columns = st.sampled_from(["x", "y", "z"]).map(lambda name: Node(getattr(Triple.c, name), operator.itemgetter(name)))
constants = st.integers(-9, 9).map(lambda number: Node(number, lambda row: number))


def joined(operation: tuple[Any, Any], left: Node, right: Node) -> Node:
    sql, python = operation
    return Node(sql(left.sql, right.sql), lambda row: python(left.value(row), right.value(row)))


def arithmetic(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    operations = st.sampled_from(ARITHMETIC)
    return (
        st.builds(joined, operations, parts, parts)
        | st.builds(joined, operations, parts, constants)
        | st.builds(joined, operations, constants, parts)
        | st.builds(joined, st.sampled_from(FUNCTIONS), parts, parts)
        | parts.map(lambda node: Node(-node.sql, lambda row: lifted(operator.neg)(node.value(row))))
    )


numbers = st.recursive(columns, arithmetic, max_leaves=6)


def among(node: Node, values: list[int], negated: bool) -> Node:
    sql = node.sql.not_in(values) if negated else node.sql.in_(values)
    empty = not values  # `NULL IN ()` is false, and not unknown.
    python = lifted(lambda value: (value in values) is not negated)
    return Node(sql, lambda row: negated if empty else python(node.value(row)))


def ranged(node: Node, low: Node, high: Node, negated: bool) -> Node:
    sql = (node.sql.not_between if negated else node.sql.between)(low.sql, high.sql)

    def value(row: Any) -> bool | None:
        item = node.value(row)
        within = both(lifted(operator.ge)(item, low.value(row)), lifted(operator.le)(item, high.value(row)))
        return None if within is None else within is not negated

    return Node(sql, value)


comparisons = (
    st.builds(joined, st.sampled_from(COMPARING), numbers, numbers)
    | st.builds(joined, st.sampled_from(COMPARING + DISTINCT), numbers, constants)
    | st.builds(joined, st.sampled_from(DISTINCT), numbers, numbers)
    | st.builds(joined, st.sampled_from(COMPARING), constants, numbers)
    | st.builds(among, numbers, st.lists(st.integers(-3, 3), max_size=3), st.booleans())
    | st.builds(ranged, numbers, numbers, constants, st.booleans())
    | numbers.map(lambda node: Node(node.sql.is_null(), lambda row: node.value(row) is None))
    | numbers.map(lambda node: Node(node.sql.is_not_null(), lambda row: node.value(row) is not None))
)


def logic(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return (
        st.builds(joined, st.sampled_from([(operator.and_, both), (operator.or_, either)]), parts, parts)
        | parts.map(lambda node: Node(~node.sql, lambda row: lifted(operator.not_)(node.value(row))))
        | st.builds(joined, st.sampled_from([COMPARING[0], COMPARING[1]]), parts, parts)
    )


def chosen(condition: Node, then: Node, otherwise: Node) -> Node:
    return Node(
        F.case((condition.sql, then.sql), else_=otherwise.sql),
        lambda row: (then if condition.value(row) is True else otherwise).value(row),
    )


choices = st.builds(chosen, comparisons, numbers, numbers)
conditions = st.recursive(
    comparisons | st.builds(joined, st.sampled_from(COMPARING), choices, choices), logic, max_leaves=8
)


@given(numbers | choices)
async def test_arithmetic_gives_what_python_gives(tree: Node) -> None:
    expected = [tree.value({"x": x, "y": y, "z": z}) for x, y, z in ROWS]

    assert expected == await Triple.query().order_by("id").select(tree.sql.as_("value")).ascalars()


@given(conditions)
async def test_conditions_give_what_python_gives(tree: Node) -> None:
    values = [tree.value({"x": x, "y": y, "z": z}) for x, y, z in ROWS]
    rows = Triple.query().order_by("id")

    found = await rows.select(tree.sql.as_("value")).ascalars()
    assert values == [None if value is None else bool(value) for value in found]
    kept = [number for number, value in enumerate(values, 1) if value is True]
    assert kept == [record.id for record in await rows.where(tree.sql).aall()]
    left_out = [number for number, value in enumerate(values, 1) if value is False]
    assert left_out == [record.id for record in await rows.where(~tree.sql).aall()]
