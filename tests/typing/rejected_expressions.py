"""Wrong expressions, of which checkers must refuse each marked line."""

from __future__ import annotations

from rhosocial.activerecord import AUTO, ActiveRecord, F


class Order(ActiveRecord):
    __table_name__ = "orders"

    id: int = AUTO
    customer: str
    data: dict[str, int]


c = Order.c
c.customer.regexp(3)  # error
c.customer.matches(None)  # error
c.customer.collate(1)  # error
c.data[1.5]  # error
c.data["a"].has_key(1)  # error
for part in c.data:  # error
    print(part)
F.case((True, 1))  # error
F.case(c.id > 1, "x")  # error
F.count().filter("id > 1")  # error
F.count().over(rows=1)  # error
F.count().over(rows=("a", 0))  # error
F.count().over("w")  # error
F.ntile("4")  # error
F.extract(1, c.id)  # error
F.string_agg(c.customer, 1)  # error
F.sum(c.id).all()  # error
(c.id > 1).where()  # error
