"""Curves to compute with, made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np

from aurum.curves.expressions import DerivedCurve, Source, Target, Used, evaluate, parse, unit_of_price, used
from aurum.curves.model import CurvePrices, Snapshot
from aurum.market.identity import CurveIdentity
from aurum.market.periods import TenorGrid, parse_tenor
from aurum.market.units import PriceUnit
from aurum.metadata.model import Curve

DAY = date(2025, 2, 12)
MONTHS = ("2025-03", "2025-04", "2025-05")
Mids = Sequence[float | None]


def source(
    key: str, mids: Mids, unit: str | None = "EUR/MWh", *, labels: Sequence[str] = MONTHS, day: date = DAY,
    withheld: tuple[int, ...] = (), version: int = 1, half: float | None = None,
) -> Source:  # fmt: skip
    """A curve of that key; mids of None are not quoted. Bid and ask are `half` below and above the mid; None: none."""
    grid = TenorGrid([parse_tenor(label, day) for label in labels])
    values = np.array([np.nan if mid is None else mid for mid in mids])
    number = sum(map(ord, key))
    curve = Curve(
        number, key, "", CurveIdentity("V", "EU", key, "x"), key, "power", "power", None, None, None, (),
        datetime(2025, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    published = datetime(day.year, day.month, day.day, 22, 15, tzinfo=UTC) + timedelta(minutes=version)
    bid, ask = (None, None) if half is None else (values - half, values + half)
    prices = CurvePrices(grid, values, bid, ask).without(withheld)
    snapshot = Snapshot(number, number, day, version, published, published, 1, prices)
    compound = None if unit is None else unit_of_price(PriceUnit(*unit.split("/")))
    return Source(curve, compound, snapshot)


BOOK: Mapping[str, Source] = {
    "power": source("power", [90.0, 80.0, 70.0]),
    "gas": source("gas", [30.0, 28.0, 26.0]),
    "carbon": source("carbon", [75.0, 76.0, 77.0], "EUR/tCO2"),
    "coal": source("coal", [120.0, 118.0, 116.0], "USD/mt"),
    "usp": source("usp", [95.0, 85.0, 75.0], "USD/MWh"),
    "usc": source("usc", [80.0, 81.0, 82.0], "USD/tCO2"),
    "hub": source("hub", [4.0, 3.5, 3.0], "USD/MMBtu"),
    "nbp": source("nbp", [80.0, 75.0, 70.0], "GBX/therm"),
    "gb": source("gb", [85.0, 81.0, 79.0], "GBP/MWh"),
    "gasoil": source("gasoil", [700.0, 690.0, 680.0], "USD/mt"),
    "gasoline": source("gasoline", [210.0, 208.0, 206.0], "USX/gal"),
    "brent": source("brent", [75.0, 74.0, 73.0], "USD/bbl"),
    "fx": source("fx", [1.05, 1.06, 1.07], None),
    "holes": source("holes", [1.0, None, 3.0], withheld=(2,)),
    "zero": source("zero", [0.0, 1.0, 0.0]),
    "later": source("later", [5.0, 6.0], labels=("2025-05", "2025-06")),
}


def derive(expression: str, more: Mapping[Used, Source] | None = None, **target: str) -> DerivedCurve:
    """Over the book; `more` are curves of other days."""
    fx = target.pop("fx", None)
    rate = None if fx is None else parse(fx)
    node = parse(expression)
    wanted = [*used(node), *(used(rate) if rate else ())]
    known: dict[Used, Source] = {(key, None): each for key, each in BOOK.items()} | dict(more or {})
    return evaluate(node, {one: known[one] for one in wanted}, Target(target.get("currency"), target.get("unit"), rate))


def listed(curve: DerivedCurve) -> list[float | None]:
    return [None if np.isnan(value) else value for value in curve.values.tolist()]
