"""PW: power in North America. Labels in A or B, in any order, some missing; the unit is part of a curve's identity."""

from __future__ import annotations

from aurum.market.identity import CurveIdentity, Measure, fold
from aurum.parsers.layout import Described, Header, Layout, Presence, Role, SheetRule
from aurum.parsers.workbook import normalize_unit_text

VENDOR = "PW"

SHEETS = (
    SheetRule("Fixed Prices - Mid"),
    SheetRule("Fixed Prices - BidAsk", Role.BIDASK, presence=Presence.EXPECTED),
    SheetRule("Strips - Mid", presence=Presence.EXPECTED),
    SheetRule("Strips - BidAsk", Role.BIDASK, presence=Presence.EXPECTED),
    SheetRule("Spark Spread", measure=Measure.SPARK_SPREAD, presence=Presence.OPTIONAL),
)

LABELS = {
    "iso": "iso",
    "market": "market",
    "hours": "block",
    "location": "location",
    "product": "product",
    "spark location": "leg",
    "spark": "leg",
    "units": "unit",
    "unit": "unit",
}

# Given once and left blank to the right. Units never are: a CAD curve stands beside its USD twin.
CARRIED = frozenset({"iso", "market", "block"})

# A word of the product text, and the asset class and commodity it tells; the first that is found.
COMMODITIES = (("power", "power"), ("spark", "power"), ("gas", "gas"), ("carbon", "carbon"))


def describe(header: Header, measure: Measure, vendor: str = VENDOR) -> Described | None:
    """The curve that a column's texts make; None without a location, market or ISO."""
    market = header.market or header.iso
    location = header.location or market
    if not location:
        return None
    product = fold(header.product)
    identity = CurveIdentity(
        vendor=vendor,
        market=market or location,
        location=location,
        product=header.product,
        block=header.block or None,
        measure=Measure.SPARK_SPREAD if "spark spread" in product else measure,
        leg=header.leg or None,
        unit=normalize_unit_text(header.unit),
        iso=header.iso,  # always a part of the key, so that the others keep their places
    )
    commodity = next((told for word, told in COMMODITIES if word in product), "commodity")
    return Described(identity, commodity, commodity, region=header.iso or None, unit_text=header.unit or None)


FOREIGN = frozenset({"peak"})  # EUGP's

LAYOUTS = (Layout(vendor=VENDOR, sheets=SHEETS, labels=LABELS, describe=describe, carried=CARRIED, foreign=FOREIGN),)
