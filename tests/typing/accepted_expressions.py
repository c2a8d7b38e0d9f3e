"""Expressions as checkers see them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import assert_type

from rhosocial.activerecord import AUTO, ActiveRecord, F, Query
from rhosocial.activerecord.backend import (
    Case,
    Condition,
    DatabaseType,
    Extract,
    Function,
    Nested,
    Operand,
    Ordering,
    Over,
    Truncation,
    Window,
)


class Order(ActiveRecord):
    __table_name__ = "orders"

    id: int = AUTO
    customer: str
    total: Decimal
    at: dt.datetime
    data: dict[str, int]


c = Order.c

# Operators
assert_type(c.total * 2 + c.id, Operand)
assert_type(c.at + dt.timedelta(days=1), Operand)
assert_type(dt.timedelta(days=1) + c.at, Operand)
assert_type(c.at - c.at > dt.timedelta(0), Condition)
assert_type(c.id.is_distinct_from(None), Condition)
assert_type(c.customer.regexp("^A", ignore_case=True) | ~c.customer.regexp(c.customer), Condition)
assert_type(c.customer.matches("two words"), Condition)
assert_type(c.customer.collate("NOCASE") == "ann", Condition)
assert_type(c.id.cast(str), Operand)
assert_type(c.id.cast(DatabaseType.TEXT) + "!", Operand)

# JSON
assert_type(c.data["a"], Nested)
assert_type(c.data.a["b"].c[0].d == "x", Condition)
assert_type(c.data.a["b"].c.desc(), Ordering)
assert_type(c.data["a"][0]["b"] == 1, Condition)
assert_type(c.data.json_contains({"a": 1}) & c.data.has_key("a"), Condition)
assert_type(c.data.json_length() > 1, Condition)
assert_type(c.data["a"].as_text(), Operand)

# Functions
assert_type(F.case((c.id > 1, "x"), (c.id > 2, c.customer), else_="y"), Case)
assert_type(F.coalesce(c.total, 0), Function)
assert_type(F.cast(c.id, float), Operand)
assert_type(F.extract("year", c.at), Extract)
assert_type(F.date_trunc("month", c.at), Truncation)
assert_type(F.now() > c.at, Condition)
assert_type(F.exists(Order.query()), Condition)

# Aggregates and windows
assert_type(F.count(), Function)
assert_type(F.count(c.id, distinct=True).filter(c.total > 1), Function)
assert_type(F.window(partition_by=c.customer, order_by=c.at.desc()), Window)
assert_type(F.rank().over(F.window(order_by=c.at)), Over)
assert_type(F.sum(c.total).over(partition_by=(c.customer, c.id), order_by=[c.at], rows=(None, 0)), Over)
assert_type(F.sum(c.total).over(order_by=c.total, range=(-0.5, Decimal(1)), exclude="ties") > 1, Condition)

# In queries
asked = (
    Order.query()
    .where(F.exists(Order.query()), c.data["a"] == 1)
    .order_by(c.data["a"].desc().nulls_last(), F.lower("x"))
)
assert_type(asked, Query[Order])
asked.select(c.data["a"], F.row_number().over()).group_by(F.rollup(c.customer)).having(F.count() > 1)
