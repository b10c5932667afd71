"""RP: refined products, RECs, carbon, RINs, LNG, biofuels.

The row above `Location` has no label and holds the region. Four regional sheets repeat columns of the first one;
they add no number, but say which group a curve belongs to. Product texts are the vendor's, oddities and all.
"""

from __future__ import annotations

import re

from aurum.market.identity import CurveIdentity, Measure, fold
from aurum.parsers.layout import Described, Header, Layout, Presence, Role, SheetRule

VENDOR = "RP"

SHEETS = (
    SheetRule("Fixed Prices - Mid"),
    SheetRule("Seasonal Blocks - Mid"),
    SheetRule("Fixed Prices - BidAsk", Role.BIDASK),
    SheetRule("Seasonal Blocks - BidAsk", Role.BIDASK),
    SheetRule("North America", Role.REGIONAL, presence=Presence.EXPECTED),
    SheetRule("Europe", Role.REGIONAL, presence=Presence.EXPECTED),
    SheetRule("Asia", Role.REGIONAL, presence=Presence.EXPECTED),
    SheetRule("Renewables - LNG", Role.REGIONAL, presence=Presence.EXPECTED),
)

# A word of the folded product text, and the asset class and commodity it tells; the first that is found. What
# stands behind a `vs` does not count: `GC Jet vs. No. 2 Heating Oil` is a price of jet.
VERSUS = re.compile(r"\bvs\b")
COMMODITIES = tuple(
    (re.compile(rf"\b(?:{words})"), (asset_class, commodity))
    for words, asset_class, commodity in (
        (r"renewable energy (?:credit|certificate)|alternative energy credit", "rec", "REC"),
        (r"carbon (?:allow|offset)|cca\b|greenhouse gas", "carbon", "carbon"),
        (r"low carbon fuel standard", "carbon", "LCFS"),
        (r"rin\b|rvo\b|d[3-7] ", "rin", "RIN/RVO"),
        (r"lng\b", "lng", "LNG"),
        (r"biodiesel|hvo\b|ucome\b|b99\b", "refined products", "biodiesel/HVO"),
        (r"ethanol\b", "refined products", "ethanol"),
        (r"fuel[ -]oil|fuel \(|marine fuel|hsfo\b|residual fuel", "refined products", "fuel oil"),
        (r"jet\b|kerosene\b", "refined products", "jet/kerosene"),
        (r"gasoil\b|diesel\b|ulsd\b|heating oil", "refined products", "diesel/gasoil"),
        (r"naph?tha\b", "refined products", "naphtha"),
        (r"gasoline\b|mogas\b|(?:r|c|car|euro-?)bob\b", "refined products", "gasoline"),
    )
)
UNTOLD = ("commodity", "commodity")

# The vintage or compliance year at the end of a certificate's name.
VINTAGE = re.compile(
    r"\b(?P<vintage>prior year|(?:front|back) half specific|current|previous|20[0-9]{2})\b[)]?(?: \([0-9]\))?$",
    re.IGNORECASE,
)
WITH_VINTAGE = frozenset({"rec", "carbon", "rin"})


def describe(header: Header, measure: Measure) -> Described | None:
    if not (header.market and header.location and header.product):
        return None
    identity = CurveIdentity(
        vendor=VENDOR,
        market=header.market,
        location=header.location,
        product=header.product,
        measure=measure,
    )
    asset_class, commodity = _told(fold(header.product))
    vintage = VINTAGE.search(header.product) if asset_class in WITH_VINTAGE else None
    attributes = (("vintage", vintage["vintage"]),) if vintage else ()
    return Described(identity, asset_class, commodity, region=header.market, attributes=attributes)


def _told(product: str) -> tuple[str, str]:
    priced = VERSUS.split(product, maxsplit=1)[0]
    return next((told for words, told in COMMODITIES if words.search(priced)), UNTOLD)


LAYOUTS = (
    Layout(
        vendor=VENDOR,
        sheets=SHEETS,
        labels={"location": "location", "product": "product"},
        describe=describe,
        needed=("location", "product"),
        above={"market": "location"},
        markets=frozenset({"us", "eu", "ap", "me"}),
    ),
)
