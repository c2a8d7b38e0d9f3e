"""TPC-H, questions 9 to 15."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from asking import Places, Rows
from tpch import Customer, LineItem, Nation, Order, Part, PartSupply, Supplier

from rhosocial.activerecord import F

from .registry import TPCH
from .tpch_1_to_8 import PS, REVENUE, C, D, L, N, P, S


@TPCH(
    """
    SELECT n_name, CAST(strftime('%Y', o_orderdate) AS INTEGER) AS o_year,
           sum(l_extendedprice * (1 - l_discount) - ps_supplycost * l_quantity)
    FROM part, supplier, lineitem, partsupp, orders, nation
    WHERE s_suppkey = l_suppkey AND ps_suppkey = l_suppkey AND ps_partkey = l_partkey AND p_partkey = l_partkey
      AND o_orderkey = l_orderkey AND s_nationkey = n_nationkey AND p_name LIKE '%green%'
    GROUP BY n_name, o_year ORDER BY n_name, o_year DESC
    """,
    *(str, int, Places(4)),
)
async def q09_profit_by_nation_and_year() -> Rows:
    year = F.extract("year", D.date)
    return await (
        LineItem.query()
        .join(PartSupply)
        .join(Part, on=P.key == L.part_key)
        .join(Supplier, on=S.key == L.supplier_key)
        .join(Nation)
        .join(Order, on=D.key == L.order_key)
        .where(P.name.contains("green"))
        .group_by(N.name, year)
        .select(N.name.as_("nation"), year.as_("year"), F.sum(REVENUE - PS.cost * L.quantity).as_("profit"))
        .order_by("nation", "year DESC")
        .atuples()
    )


@TPCH(
    """
    SELECT c_custkey, c_name, sum(l_extendedprice * (1 - l_discount)) AS revenue, c_acctbal, n_name, c_address,
           c_phone, c_comment
    FROM customer JOIN orders ON o_custkey = c_custkey JOIN lineitem ON l_orderkey = o_orderkey
         JOIN nation ON n_nationkey = c_nationkey
    WHERE o_orderdate >= '1993-10-01' AND o_orderdate < '1994-01-01' AND l_returnflag = 'R'
    GROUP BY c_custkey, c_name, c_acctbal, c_phone, n_name, c_address, c_comment ORDER BY revenue DESC LIMIT 20
    """,
    *(int, str, Places(4), Places(2), str, str, str, str),
)
async def q10_returned_items() -> Rows:
    return await (
        Customer.query()
        .join(Nation)
        .join(Order, on=D.customer_key == C.key)
        .join(LineItem)
        .where(D.date >= dt.date(1993, 10, 1), D.date < dt.date(1994, 1, 1), L.returned == "R")
        .group_by(C.key, C.name, C.balance, C.phone, N.name, C.address, C.comment)
        .select(C.key, C.name, F.sum(REVENUE).as_("revenue"), C.balance)
        .select(N.name.as_("nation"), C.address, C.phone, C.comment)
        .order_by("revenue DESC")
        .limit(20)
        .atuples()
    )


@TPCH(
    """
    SELECT ps_partkey, sum(ps_supplycost * ps_availqty) AS value
    FROM partsupp JOIN supplier ON s_suppkey = ps_suppkey JOIN nation ON n_nationkey = s_nationkey
    WHERE n_name = 'GERMANY' GROUP BY ps_partkey
    HAVING value > (SELECT sum(ps_supplycost * ps_availqty) * 0.0001 FROM partsupp, supplier, nation
                    WHERE ps_suppkey = s_suppkey AND s_nationkey = n_nationkey AND n_name = 'GERMANY')
    ORDER BY value DESC
    """,
    *(int, Places(2)),
)
async def q11_important_stock() -> Rows:
    german = PartSupply.query().join(Supplier).join(Nation).where(N.name == "GERMANY")
    value = F.sum(PS.cost * PS.available)
    share = german.select((value * Decimal("0.0001")).as_("share"))
    return await (
        german.group_by("part_key")
        .having(value > share.as_subquery())
        .select("part_key", value.as_("value"))
        .order_by("value DESC")
        .atuples()
    )


@TPCH(
    """
    SELECT l_shipmode, sum(o_orderpriority IN ('1-URGENT', '2-HIGH')),
           sum(o_orderpriority NOT IN ('1-URGENT', '2-HIGH'))
    FROM orders JOIN lineitem ON l_orderkey = o_orderkey
    WHERE l_shipmode IN ('MAIL', 'SHIP') AND l_commitdate < l_receiptdate AND l_shipdate < l_commitdate
      AND l_receiptdate >= '1994-01-01' AND l_receiptdate < '1995-01-01'
    GROUP BY l_shipmode ORDER BY l_shipmode
    """,
    *(str, int, int),
)
async def q12_shipping_modes() -> Rows:
    urgent = D.priority.in_(["1-URGENT", "2-HIGH"])
    return await (
        Order.query()
        .join(LineItem)
        .where(L.mode.in_(["MAIL", "SHIP"]), L.committed < L.received, L.shipped < L.committed)
        .where(L.received >= dt.date(1994, 1, 1), L.received < dt.date(1995, 1, 1))
        .group_by(L.mode)
        .select(L.mode)
        .select(F.sum(F.case((urgent, 1), else_=0)).as_("high"), F.sum(F.case((urgent, 0), else_=1)).as_("low"))
        .order_by(L.mode)
        .atuples()
    )


@TPCH(
    """
    SELECT c_count, count(*) AS custdist
    FROM (SELECT c_custkey, count(o_orderkey) AS c_count FROM customer
          LEFT JOIN orders ON c_custkey = o_custkey AND o_comment NOT LIKE '%special%requests%' GROUP BY c_custkey)
    GROUP BY c_count ORDER BY custdist DESC, c_count DESC
    """,
    *(int, int),
)
async def q13_customers_by_orders() -> Rows:
    plain = (D.customer_key == C.key) & D.comment.not_like("%special%requests%")
    counted = (
        Customer.query()
        .left_join(Order, on=plain)
        .group_by(C.key)
        .select(C.key, F.count(D.key).as_("orders"))
        .as_table("counted")
    )
    return await (
        counted.query()
        .group_by("orders")
        .select("orders", F.count().as_("customers"))
        .order_by("customers DESC", "orders DESC")
        .atuples()
    )


@TPCH(
    """
    SELECT 100.0 * sum(CASE WHEN p_type LIKE 'PROMO%' THEN l_extendedprice * (1 - l_discount) ELSE 0 END)
           / sum(l_extendedprice * (1 - l_discount))
    FROM lineitem JOIN part ON p_partkey = l_partkey WHERE l_shipdate >= '1995-09-01' AND l_shipdate < '1995-10-01'
    """,
    float,
)
async def q14_effect_of_a_promotion() -> Rows:
    revenue = F.cast(REVENUE, float)
    promoted = F.sum(F.case((P.type.startswith("PROMO"), revenue), else_=0.0))
    return await (
        LineItem.query()
        .join(Part, on=P.key == L.part_key)
        .where(L.shipped >= dt.date(1995, 9, 1), L.shipped < dt.date(1995, 10, 1))
        .select((100.0 * promoted / F.sum(revenue)).as_("share"))
        .atuples()
    )


@TPCH(
    """
    WITH revenue AS (SELECT l_suppkey AS supplier_no, sum(l_extendedprice * (1 - l_discount)) AS total
                     FROM lineitem WHERE l_shipdate >= '1996-01-01' AND l_shipdate < '1996-04-01' GROUP BY l_suppkey)
    SELECT s_suppkey, s_name, s_address, s_phone, total FROM supplier JOIN revenue ON supplier_no = s_suppkey
    WHERE total = (SELECT max(total) FROM revenue) ORDER BY s_suppkey
    """,
    *(int, str, str, str, Places(4)),
)
async def q15_top_supplier() -> Rows:
    revenue = (
        LineItem.query()
        .where(L.shipped >= dt.date(1996, 1, 1), L.shipped < dt.date(1996, 4, 1))
        .group_by(L.supplier_key)
        .select(L.supplier_key, F.sum(REVENUE).as_("total"))
        .as_cte("revenue")
    )
    most = revenue.query().select(F.max(revenue.c.total).as_("most"))
    return await (
        Supplier.query()
        .join(revenue, on=revenue.c.supplier_key == S.key)
        .where(revenue.c.total == most.as_subquery())
        .order_by(S.key)
        .select(S.key, S.name, S.address, S.phone, revenue.c.total)
        .atuples()
    )
