"""TPC-H, questions 1 to 8."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from asking import Places, Rows
from tpch import Customer, LineItem, Nation, Order, Part, PartSupply, Region, Supplier

from rhosocial.activerecord import F

from .registry import TPCH

L, D, C, S, N, R = LineItem.c, Order.c, Customer.c, Supplier.c, Nation.c, Region.c
P, PS = Part.c, PartSupply.c

REVENUE = L.price * (1 - L.discount)


@TPCH(
    """
    SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice),
           sum(l_extendedprice * (1 - l_discount)), sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)),
           avg(l_quantity), avg(l_extendedprice), avg(l_discount), count(*)
    FROM lineitem WHERE l_shipdate <= '1998-09-02' GROUP BY 1, 2 ORDER BY 1, 2
    """,
    *(str, str, Places(2), Places(2), Places(4), Places(6), float, float, float, int),
)
async def q01_pricing_summary() -> Rows:
    return await (
        LineItem.query()
        .where(L.shipped <= dt.date(1998, 9, 2))
        .group_by(L.returned, L.status)
        .order_by("returned", "status")
        .select(
            "returned",
            "status",
            F.sum(L.quantity).as_("quantity"),
            F.sum(L.price).as_("base_price"),
            F.sum(REVENUE).as_("discounted"),
            F.sum(REVENUE * (1 + L.tax)).as_("charged"),
            F.avg(F.cast(L.quantity, float)).as_("mean_quantity"),
            F.avg(F.cast(L.price, float)).as_("mean_price"),
            F.avg(F.cast(L.discount, float)).as_("mean_discount"),
            F.count().as_("orders"),
        )
        .atuples()
    )


@TPCH(
    """
    SELECT s_acctbal, s_name, n_name, p_partkey, p_mfgr, s_address, s_phone, s_comment
    FROM part JOIN partsupp ON ps_partkey = p_partkey JOIN supplier ON s_suppkey = ps_suppkey
         JOIN nation ON n_nationkey = s_nationkey JOIN region ON r_regionkey = n_regionkey
    WHERE p_size = 15 AND p_type LIKE '%BRASS' AND r_name = 'EUROPE'
      AND ps_supplycost = (SELECT min(ps_supplycost) FROM partsupp, supplier, nation, region
                           WHERE ps_partkey = p_partkey AND s_suppkey = ps_suppkey AND s_nationkey = n_nationkey
                             AND n_regionkey = r_regionkey AND r_name = 'EUROPE')
    ORDER BY s_acctbal DESC, n_name, s_name, p_partkey LIMIT 100
    """,
    *(Places(2), str, str, int, str, str, str, str),
)
async def q02_cheapest_supplier() -> Rows:
    european = PartSupply.query().join(Supplier).join(Nation).join(Region).where(R.name == "EUROPE")
    cheapest = european.where(PS.part_key == P.key).select(F.min(PS.cost).as_("cost"))
    return await (
        Part.query()
        .join(PartSupply)
        .join(Supplier)
        .join(Nation)
        .join(Region)
        .where(P.size == 15, P.type.endswith("BRASS"), R.name == "EUROPE")
        .where(PS.cost == cheapest.as_subquery())
        .order_by(S.balance.desc(), N.name, S.name, P.key)
        .limit(100)
        .select(
            S.balance,
            S.name.as_("supplier"),
            N.name.as_("nation"),
            P.key,
            P.manufacturer,
            S.address,
            S.phone,
            S.comment,
        )
        .atuples()
    )


@TPCH(
    """
    SELECT l_orderkey, sum(l_extendedprice * (1 - l_discount)) AS revenue, o_orderdate, o_shippriority
    FROM customer JOIN orders ON o_custkey = c_custkey JOIN lineitem ON l_orderkey = o_orderkey
    WHERE c_mktsegment = 'BUILDING' AND o_orderdate < '1995-03-15' AND l_shipdate > '1995-03-15'
    GROUP BY l_orderkey, o_orderdate, o_shippriority ORDER BY revenue DESC, o_orderdate LIMIT 10
    """,
    *(int, Places(4), dt.date, int),
)
async def q03_shipping_priority() -> Rows:
    day = dt.date(1995, 3, 15)
    return await (
        Customer.query()
        .join(Order)
        .join(LineItem)
        .where(C.segment == "BUILDING", D.date < day, L.shipped > day)
        .group_by(L.order_key, D.date, D.ship_priority)
        .select(L.order_key, F.sum(REVENUE).as_("revenue"), D.date, D.ship_priority)
        .order_by("revenue DESC", D.date)
        .limit(10)
        .atuples()
    )


@TPCH(
    """
    SELECT o_orderpriority, count(*) FROM orders
    WHERE o_orderdate >= '1993-07-01' AND o_orderdate < '1993-10-01'
      AND EXISTS (SELECT * FROM lineitem WHERE l_orderkey = o_orderkey AND l_commitdate < l_receiptdate)
    GROUP BY o_orderpriority ORDER BY o_orderpriority
    """,
    *(str, int),
)
async def q04_late_orders_by_priority() -> Rows:
    late = LineItem.query().where(L.order_key == D.key, L.committed < L.received)
    return await (
        Order.query()
        .where(D.date >= dt.date(1993, 7, 1), D.date < dt.date(1993, 10, 1))
        .where_exists(late)
        .group_by("priority")
        .select("priority", "COUNT(*) AS orders")
        .order_by("priority")
        .atuples()
    )


@TPCH(
    """
    SELECT n_name, sum(l_extendedprice * (1 - l_discount)) AS revenue
    FROM customer, orders, lineitem, supplier, nation, region
    WHERE c_custkey = o_custkey AND l_orderkey = o_orderkey AND l_suppkey = s_suppkey AND c_nationkey = s_nationkey
      AND s_nationkey = n_nationkey AND n_regionkey = r_regionkey AND r_name = 'ASIA'
      AND o_orderdate >= '1994-01-01' AND o_orderdate < '1995-01-01'
    GROUP BY n_name ORDER BY revenue DESC
    """,
    *(str, Places(4)),
)
async def q05_local_supplier_volume() -> Rows:
    return await (
        Customer.query()
        .join(Order)
        .join(LineItem)
        .join(Supplier, on=(S.key == L.supplier_key) & (S.nation_key == C.nation_key))
        .join(Nation, on=N.key == S.nation_key)
        .join(Region)
        .where(R.name == "ASIA", D.date >= dt.date(1994, 1, 1), D.date < dt.date(1995, 1, 1))
        .group_by(N.name)
        .select(N.name, F.sum(REVENUE).as_("revenue"))
        .order_by("revenue DESC")
        .atuples()
    )


@TPCH(
    """
    SELECT sum(l_extendedprice * l_discount) FROM lineitem
    WHERE l_shipdate >= '1994-01-01' AND l_shipdate < '1995-01-01' AND l_discount BETWEEN 0.05 AND 0.07
      AND l_quantity < 24
    """,
    Places(4),
)
async def q06_revenue_forecast() -> Rows:
    asked = (
        LineItem.query()
        .where(L.shipped >= dt.date(1994, 1, 1), L.shipped < dt.date(1995, 1, 1))
        .between("discount", Decimal("0.05"), Decimal("0.07"))
        .query({"quantity__lt": 24})
    )
    return [(await asked.asum(L.price * L.discount),)]


@TPCH(
    """
    SELECT supp_nation, cust_nation, l_year, sum(volume)
    FROM (SELECT n1.n_name AS supp_nation, n2.n_name AS cust_nation,
                 CAST(strftime('%Y', l_shipdate) AS INTEGER) AS l_year, l_extendedprice * (1 - l_discount) AS volume
          FROM supplier, lineitem, orders, customer, nation n1, nation n2
          WHERE s_suppkey = l_suppkey AND o_orderkey = l_orderkey AND c_custkey = o_custkey
            AND s_nationkey = n1.n_nationkey AND c_nationkey = n2.n_nationkey
            AND (n1.n_name = 'FRANCE' AND n2.n_name = 'GERMANY' OR n1.n_name = 'GERMANY' AND n2.n_name = 'FRANCE')
            AND l_shipdate BETWEEN '1995-01-01' AND '1996-12-31')
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    """,
    *(str, str, int, Places(4)),
)
async def q07_trade_between_two_nations() -> Rows:
    seller, buyer = Nation.alias("seller"), Nation.alias("buyer")
    one_way = (seller.c.name == "FRANCE") & (buyer.c.name == "GERMANY")
    other_way = (seller.c.name == "GERMANY") & (buyer.c.name == "FRANCE")
    shipping = (
        LineItem.query()
        .join(Supplier, on=S.key == L.supplier_key)
        .join(Order)
        .join(Customer)
        .join(seller, on=seller.c.key == S.nation_key)
        .join(buyer, on=buyer.c.key == C.nation_key)
        .where(one_way | other_way)
        .where(L.shipped.between(dt.date(1995, 1, 1), dt.date(1996, 12, 31)))
        .select(
            seller.c.name.as_("supp_nation"),
            buyer.c.name.as_("cust_nation"),
            F.extract("year", L.shipped).as_("year"),
            REVENUE.as_("volume"),
        )
        .as_table("shipping")
    )
    names = ("supp_nation", "cust_nation", "year")
    return await (
        shipping.query()
        .group_by(*names)
        .select(*names, F.sum(shipping.c.volume).as_("revenue"))
        .order_by(*names)
        .atuples()
    )


@TPCH(
    """
    SELECT o_year, sum(CASE WHEN nation = 'BRAZIL' THEN volume ELSE 0.0 END) / sum(volume)
    FROM (SELECT CAST(strftime('%Y', o_orderdate) AS INTEGER) AS o_year, l_extendedprice * (1 - l_discount) AS volume,
                 n2.n_name AS nation
          FROM part, supplier, lineitem, orders, customer, nation n1, nation n2, region
          WHERE p_partkey = l_partkey AND s_suppkey = l_suppkey AND l_orderkey = o_orderkey AND o_custkey = c_custkey
            AND c_nationkey = n1.n_nationkey AND n1.n_regionkey = r_regionkey AND r_name = 'AMERICA'
            AND s_nationkey = n2.n_nationkey AND o_orderdate BETWEEN '1995-01-01' AND '1996-12-31'
            AND p_type = 'ECONOMY ANODIZED STEEL')
    GROUP BY o_year ORDER BY o_year
    """,
    *(int, float),
)
async def q08_market_share() -> Rows:
    home, away = Nation.alias("home"), Nation.alias("away")
    volume = F.cast(REVENUE, float)
    sold = (
        LineItem.query()
        .join(Part, on=P.key == L.part_key)
        .join(Supplier, on=S.key == L.supplier_key)
        .join(Order)
        .join(Customer)
        .join(home, on=home.c.key == C.nation_key)
        .join(Region, on=R.key == home.c.region_key)
        .join(away, on=away.c.key == S.nation_key)
        .where(R.name == "AMERICA", P.type == "ECONOMY ANODIZED STEEL")
        .where(D.date.between(dt.date(1995, 1, 1), dt.date(1996, 12, 31)))
        .select(F.extract("year", D.date).as_("year"), volume.as_("volume"), away.c.name.as_("nation"))
        .as_cte("sold")
    )
    of_brazil = F.sum(F.case((sold.c.nation == "BRAZIL", sold.c.volume), else_=0.0))
    return await (
        sold.query()
        .group_by("year")
        .select("year", (of_brazil / F.sum(sold.c.volume)).as_("share"))
        .order_by("year")
        .atuples()
    )
