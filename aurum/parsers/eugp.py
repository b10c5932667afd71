"""EUGP: European gas and power, with two emission allowances.

The labels of its sheets do not mean what they say: `Location` stands before the market (EU, UK, EE), `Product`
before the hub or country, and `PEAK` before `NA` for gas, `BASE` or `PEAK` for power, `EMISSIONS` for carbon. A
few files are labelled as one would expect; they also have a row `Units`, and are told apart by it.
"""

from __future__ import annotations

from dataclasses import replace

from aurum.market.identity import CurveIdentity, Measure, fold
from aurum.parsers.layout import Described, Header, Layout, Presence, Role, SheetRule

VENDOR = "EUGP"

SHEETS = (
    SheetRule("Fixed Prices - Mid"),
    SheetRule("Strips - Mid"),
    SheetRule("Fixed Prices - BidAsk", Role.BIDASK),
    SheetRule("Strips - BidAsk", Role.BIDASK),
    SheetRule("Spark Spread", measure=Measure.SPARK_SPREAD),
)

# The text below `PEAK`, folded: the product, and whether the text is a block.
PRODUCTS = {
    "na": ("gas", False),
    "emissions": ("carbon", False),
    "base": ("power", True),
    "peak": ("power", True),
    "offpeak": ("power", True),
    "off-peak": ("power", True),
}


def describe(header: Header, measure: Measure) -> Described | None:
    product, is_block = PRODUCTS.get(fold(header.product), ("", False))
    spark = measure is Measure.SPARK_SPREAD
    if not (header.market and header.location and product) or bool(header.leg) is not spark:
        return None
    identity = CurveIdentity(
        vendor=VENDOR,
        market=header.market,
        location=header.location,
        product=product,
        block=header.product if is_block else None,
        measure=measure,
        leg=header.leg or None,
    )
    return Described(identity, product, product, region=header.market)


def describe_labelled(header: Header, measure: Measure) -> Described | None:
    """The curve that a column's texts make where each row has its label; None without a location or a product."""
    location = header.location or header.market
    if not location or not header.product:
        return None
    spark = measure is Measure.SPARK_SPREAD
    identity = CurveIdentity(
        vendor=VENDOR,
        market=header.market or location,
        location=location,
        product=header.product,
        block=header.block or None,
        measure=measure,
        leg=header.leg or None if spark else None,
    )
    known = fold(header.product) if fold(header.product) in ("gas", "power", "carbon") else "commodity"
    return Described(identity, known, known, region=header.market or None, unit_text=header.unit or None)


LABELLED = Layout(
    vendor=VENDOR,
    sheets=(
        SHEETS[0],
        *(replace(rule, presence=Presence.EXPECTED) for rule in SHEETS[1:]),
    ),
    labels={
        "market": "market",
        "location": "location",
        "product": "product",
        "peak": "block",
        "hours": "block",
        "spark": "leg",
        "spark location": "leg",
        "units": "unit",
        "unit": "unit",
    },
    describe=describe_labelled,
    needed=("unit",),
    told_by="unit",
    foreign=frozenset({"iso"}),
)

SKELETON = Layout(
    vendor=VENDOR,
    sheets=SHEETS,
    labels={"location": "market", "product": "location", "peak": "product", "spark location": "leg"},
    describe=describe,
    needed=("market", "location", "product"),
    markets=frozenset({"eu", "uk", "ee"}),
)

LAYOUTS = (LABELLED, SKELETON)
