"""The models over the eight tables of TPC-H, their columns named as the benchmark names them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from rhosocial.activerecord import ActiveRecord, Column, ForeignKey, Index

Money = Annotated[Decimal, Field(max_digits=15, decimal_places=2)]


class Region(ActiveRecord):
    __table_name__ = "region"
    __primary_key__ = "key"

    key: Annotated[int, Column(name="r_regionkey", generated=False)]
    name: Annotated[str, Column(name="r_name")]
    comment: Annotated[str, Column(name="r_comment")]


class Nation(ActiveRecord):
    __table_name__ = "nation"
    __primary_key__ = "key"

    key: Annotated[int, Column(name="n_nationkey", generated=False)]
    name: Annotated[str, Column(name="n_name")]
    region_key: Annotated[int, Column(name="n_regionkey", references="region.r_regionkey", index=True)]
    comment: Annotated[str, Column(name="n_comment")]


class Part(ActiveRecord):
    __table_name__ = "part"
    __primary_key__ = "key"

    key: Annotated[int, Column(name="p_partkey", generated=False)]
    name: Annotated[str, Column(name="p_name")]
    manufacturer: Annotated[str, Column(name="p_mfgr")]
    brand: Annotated[str, Column(name="p_brand")]
    type: Annotated[str, Column(name="p_type")]
    size: Annotated[int, Column(name="p_size")]
    container: Annotated[str, Column(name="p_container")]
    retail_price: Annotated[Money, Column(name="p_retailprice")]
    comment: Annotated[str, Column(name="p_comment")]


class Supplier(ActiveRecord):
    __table_name__ = "supplier"
    __primary_key__ = "key"

    key: Annotated[int, Column(name="s_suppkey", generated=False)]
    name: Annotated[str, Column(name="s_name")]
    address: Annotated[str, Column(name="s_address")]
    nation_key: Annotated[int, Column(name="s_nationkey", references="nation.n_nationkey", index=True)]
    phone: Annotated[str, Column(name="s_phone")]
    balance: Annotated[Money, Column(name="s_acctbal")]
    comment: Annotated[str, Column(name="s_comment")]


class PartSupply(ActiveRecord):
    """A part that a supplier offers."""

    __table_name__ = "partsupp"
    __primary_key__ = ("part_key", "supplier_key")

    part_key: Annotated[int, Column(name="ps_partkey", references="part.p_partkey")]
    supplier_key: Annotated[int, Column(name="ps_suppkey", references="supplier.s_suppkey", index=True)]
    available: Annotated[int, Column(name="ps_availqty")]
    cost: Annotated[Money, Column(name="ps_supplycost")]
    comment: Annotated[str, Column(name="ps_comment")]


class Customer(ActiveRecord):
    __table_name__ = "customer"
    __primary_key__ = "key"

    key: Annotated[int, Column(name="c_custkey", generated=False)]
    name: Annotated[str, Column(name="c_name")]
    address: Annotated[str, Column(name="c_address")]
    nation_key: Annotated[int, Column(name="c_nationkey", references="nation.n_nationkey", index=True)]
    phone: Annotated[str, Column(name="c_phone")]
    balance: Annotated[Money, Column(name="c_acctbal")]
    segment: Annotated[str, Column(name="c_mktsegment")]
    comment: Annotated[str, Column(name="c_comment")]


class Order(ActiveRecord):
    __table_name__ = "orders"
    __primary_key__ = "key"

    key: Annotated[int, Column(name="o_orderkey", generated=False)]
    customer_key: Annotated[int, Column(name="o_custkey", references="customer.c_custkey", index=True)]
    status: Annotated[str, Column(name="o_orderstatus")]
    total: Annotated[Money, Column(name="o_totalprice")]
    date: Annotated[dt.date, Column(name="o_orderdate", index=True)]
    priority: Annotated[str, Column(name="o_orderpriority")]
    clerk: Annotated[str, Column(name="o_clerk")]
    ship_priority: Annotated[int, Column(name="o_shippriority")]
    comment: Annotated[str, Column(name="o_comment")]


class LineItem(ActiveRecord):
    __table_name__ = "lineitem"
    __primary_key__ = ("order_key", "number")
    __table_args__ = (
        ForeignKey("part_key", "supplier_key", references="partsupp(ps_partkey, ps_suppkey)"),
        Index("part_key", "supplier_key"),
    )

    order_key: Annotated[int, Column(name="l_orderkey", references="orders.o_orderkey")]
    part_key: Annotated[int, Column(name="l_partkey")]
    supplier_key: Annotated[int, Column(name="l_suppkey", index=True)]
    number: Annotated[int, Column(name="l_linenumber")]
    quantity: Annotated[Money, Column(name="l_quantity")]
    price: Annotated[Money, Column(name="l_extendedprice")]
    discount: Annotated[Money, Column(name="l_discount")]
    tax: Annotated[Money, Column(name="l_tax")]
    returned: Annotated[str, Column(name="l_returnflag")]
    status: Annotated[str, Column(name="l_linestatus")]
    shipped: Annotated[dt.date, Column(name="l_shipdate", index=True)]
    committed: Annotated[dt.date, Column(name="l_commitdate")]
    received: Annotated[dt.date, Column(name="l_receiptdate")]
    instructions: Annotated[str, Column(name="l_shipinstruct")]
    mode: Annotated[str, Column(name="l_shipmode")]
    comment: Annotated[str, Column(name="l_comment")]


MODELS: list[type[ActiveRecord]] = [Region, Nation, Part, Supplier, PartSupply, Customer, Order, LineItem]
