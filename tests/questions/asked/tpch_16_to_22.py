"""TPC-H, questions 16 to 22."""

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
    SELECT p_brand, p_type, p_size, count(DISTINCT ps_suppkey) AS suppliers
    FROM partsupp JOIN part ON p_partkey = ps_partkey
    WHERE p_brand <> 'Brand#45' AND p_type NOT LIKE 'MEDIUM POLISHED%' AND p_size IN (49, 14, 23, 45, 19, 3, 36, 9)
      AND ps_suppkey NOT IN (SELECT s_suppkey FROM supplier WHERE s_comment LIKE '%Customer%Complaints%')
    GROUP BY 1, 2, 3 ORDER BY suppliers DESC, p_brand, p_type, p_size
    """,
    *(str, str, int, int),
)
async def q16_suppliers_of_parts() -> Rows:
    complained_of = Supplier.query().like("comment", "%Customer%Complaints%").select("key")
    return await (
        PartSupply.query()
        .join(Part)
        .where(P.brand != "Brand#45", ~P.type.startswith("MEDIUM POLISHED"))
        .where(P.size.in_([49, 14, 23, 45, 19, 3, 36, 9]), PS.supplier_key.not_in(complained_of))
        .group_by(P.brand, P.type, P.size)
        .select(P.brand, P.type, P.size, F.count(PS.supplier_key, distinct=True).as_("suppliers"))
        .order_by("suppliers DESC", P.brand, P.type, P.size)
        .atuples()
    )


@TPCH(
    """
    SELECT sum(l_extendedprice) / 7.0 FROM lineitem JOIN part ON p_partkey = l_partkey
    WHERE p_brand = 'Brand#23' AND p_container = 'MED BOX'
      AND l_quantity < (SELECT 0.2 * avg(l_quantity) FROM lineitem WHERE l_partkey = p_partkey)
    """,
    float,
)
async def q17_small_orders() -> Rows:
    other = LineItem.alias("other")
    usual = (
        other.query().where(other.c.part_key == P.key).select((0.2 * F.avg(F.cast(other.c.quantity, float))).as_("q"))
    )
    return await (
        LineItem.query()
        .join(Part, on=P.key == L.part_key)
        .where(P.brand == "Brand#23", P.container == "MED BOX", L.quantity < usual.as_subquery())
        .select((F.sum(F.cast(L.price, float)) / 7.0).as_("yearly"))
        .atuples()
    )


@TPCH(
    """
    SELECT c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice, sum(l_quantity)
    FROM customer JOIN orders ON o_custkey = c_custkey JOIN lineitem ON l_orderkey = o_orderkey
    WHERE o_orderkey IN (SELECT l_orderkey FROM lineitem GROUP BY l_orderkey HAVING sum(l_quantity) > 300)
    GROUP BY c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice ORDER BY o_totalprice DESC, o_orderdate LIMIT 100
    """,
    *(str, int, int, dt.date, Places(2), Places(2)),
)
async def q18_large_orders() -> Rows:
    large = LineItem.query().group_by("order_key").having(F.sum(L.quantity) > 300).select("order_key")
    return await (
        Customer.query()
        .join(Order)
        .join(LineItem)
        .where(D.key.in_(large))
        .group_by(C.name, C.key, D.key, D.date, D.total)
        .select(C.name, C.key.as_("customer"), D.key.as_("order"), D.date, D.total, F.sum(L.quantity).as_("quantity"))
        .order_by(D.total.desc(), D.date)
        .limit(100)
        .atuples()
    )


@TPCH(
    """
    SELECT sum(l_extendedprice * (1 - l_discount)) FROM lineitem JOIN part ON p_partkey = l_partkey
    WHERE l_shipmode IN ('AIR', 'AIR REG') AND l_shipinstruct = 'DELIVER IN PERSON'
      AND (p_brand = 'Brand#12' AND p_container IN ('SM CASE', 'SM BOX', 'SM PACK', 'SM PKG')
             AND l_quantity BETWEEN 1 AND 11 AND p_size BETWEEN 1 AND 5
        OR p_brand = 'Brand#23' AND p_container IN ('MED BAG', 'MED BOX', 'MED PKG', 'MED PACK')
             AND l_quantity BETWEEN 10 AND 20 AND p_size BETWEEN 1 AND 10
        OR p_brand = 'Brand#34' AND p_container IN ('LG CASE', 'LG BOX', 'LG PACK', 'LG PKG')
             AND l_quantity BETWEEN 20 AND 30 AND p_size BETWEEN 1 AND 15)
    """,
    Places(4),
)
async def q19_discounted_revenue() -> Rows:
    kinds = [
        ("Brand#12", ["SM CASE", "SM BOX", "SM PACK", "SM PKG"], 1, 5),
        ("Brand#23", ["MED BAG", "MED BOX", "MED PKG", "MED PACK"], 10, 10),
        ("Brand#34", ["LG CASE", "LG BOX", "LG PACK", "LG PKG"], 20, 15),
    ]
    small, medium, large = (
        (P.brand == brand)
        & P.container.in_(containers)
        & L.quantity.between(least, least + 10)
        & P.size.between(1, biggest)
        for brand, containers, least, biggest in kinds
    )
    return await (
        LineItem.query()
        .join(Part, on=P.key == L.part_key)
        .where(L.mode.in_(["AIR", "AIR REG"]), L.instructions == "DELIVER IN PERSON", small | medium | large)
        .select(F.sum(REVENUE).as_("revenue"))
        .atuples()
    )


@TPCH(
    """
    SELECT s_name, s_address FROM supplier JOIN nation ON n_nationkey = s_nationkey
    WHERE n_name = 'CANADA' AND s_suppkey IN (
        SELECT ps_suppkey FROM partsupp
        WHERE ps_partkey IN (SELECT p_partkey FROM part WHERE p_name LIKE 'forest%')
          AND ps_availqty > (SELECT 0.5 * sum(l_quantity) FROM lineitem
                             WHERE l_partkey = ps_partkey AND l_suppkey = ps_suppkey
                               AND l_shipdate >= '1994-01-01' AND l_shipdate < '1995-01-01'))
    ORDER BY s_name
    """,
    *(str, str),
)
async def q20_promotion_of_parts() -> Rows:
    shipped = (
        LineItem.query()
        .where(L.part_key == PS.part_key, L.supplier_key == PS.supplier_key)
        .where(L.shipped >= dt.date(1994, 1, 1), L.shipped < dt.date(1995, 1, 1))
        .select((Decimal("0.5") * F.sum(L.quantity)).as_("half"))
    )
    forest = Part.query().where(P.name.startswith("forest")).select("key")
    excess = (
        PartSupply.query().where(PS.part_key.in_(forest), PS.available > shipped.as_subquery()).select("supplier_key")
    )
    suppliers = Supplier.query().join(Nation).where(N.name == "CANADA", S.key.in_(excess)).order_by("name")
    return [(supplier.name, supplier.address) for supplier in await suppliers.aall()]


@TPCH(
    """
    SELECT s_name, count(*) AS numwait
    FROM supplier JOIN lineitem l1 ON l1.l_suppkey = s_suppkey JOIN orders ON o_orderkey = l1.l_orderkey
         JOIN nation ON n_nationkey = s_nationkey
    WHERE o_orderstatus = 'F' AND l1.l_receiptdate > l1.l_commitdate AND n_name = 'SAUDI ARABIA'
      AND EXISTS (SELECT 1 FROM lineitem l2 WHERE l2.l_orderkey = l1.l_orderkey AND l2.l_suppkey <> l1.l_suppkey)
      AND NOT EXISTS (SELECT 1 FROM lineitem l3 WHERE l3.l_orderkey = l1.l_orderkey AND l3.l_suppkey <> l1.l_suppkey
                                                AND l3.l_receiptdate > l3.l_commitdate)
    GROUP BY s_name ORDER BY numwait DESC, s_name LIMIT 100
    """,
    *(str, int),
)
async def q21_suppliers_who_kept_orders_waiting() -> Rows:
    late, other, other_late = (LineItem.alias(name) for name in ("late", "other", "other_late"))
    others = other.query().where(other.c.order_key == late.c.order_key, other.c.supplier_key != late.c.supplier_key)
    others_late = other_late.query().where(
        other_late.c.order_key == late.c.order_key,
        other_late.c.supplier_key != late.c.supplier_key,
        other_late.c.received > other_late.c.committed,
    )
    return await (
        Supplier.query()
        .join(late, on=late.c.supplier_key == S.key)
        .join(Order, on=D.key == late.c.order_key)
        .join(Nation, on=N.key == S.nation_key)
        .where(D.status == "F", late.c.received > late.c.committed, N.name == "SAUDI ARABIA")
        .where(F.exists(others), F.not_exists(others_late))
        .group_by(S.name)
        .select(S.name, F.count().as_("waits"))
        .order_by("waits DESC", S.name)
        .limit(100)
        .atuples()
    )


@TPCH(
    """
    SELECT substr(c_phone, 1, 2) AS code, count(*), sum(c_acctbal) FROM customer
    WHERE code IN ('13', '31', '23', '29', '30', '18', '17')
      AND c_acctbal > (SELECT avg(c_acctbal) FROM customer WHERE c_acctbal > 0.00
                         AND substr(c_phone, 1, 2) IN ('13', '31', '23', '29', '30', '18', '17'))
      AND NOT EXISTS (SELECT 1 FROM orders WHERE o_custkey = c_custkey)
    GROUP BY code ORDER BY code
    """,
    *(str, int, Places(2)),
)
async def q22_sales_opportunity() -> Rows:
    code = F.substring(C.phone, 1, 2)
    abroad = Customer.query().where(code.in_(["13", "31", "23", "29", "30", "18", "17"]))
    usual = abroad.where(C.balance > 0).select(F.avg(F.cast(C.balance, float)).as_("usual"))
    idle = (
        abroad.where(C.balance > usual.as_subquery(), F.not_exists(Order.query().where(D.customer_key == C.key)))
        .select(code.as_("code"), C.balance)
        .as_table("idle")
    )
    return await (
        idle.query()
        .group_by("code")
        .select("code", F.count().as_("customers"), F.sum(idle.c.balance).as_("balance"))
        .order_by("code")
        .atuples()
    )
