"""EUGP look-alikes: European gas, power, emissions and spark spreads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import numpy as np

from aurum.demo.layout import BID_ASK, MID, Header, Quotes, quoted, skeleton, spaced
from aurum.demo.prices import DEFAULT_SEED, Shape, prices
from aurum.demo.tenors import Prices, months_from, seasonal_groups
from aurum.demo.workbooks import Grid, VendorWorkbook, publication

GAS, BASE, PEAK, EMISSIONS = "NA", "BASE", "PEAK", "EMISSIONS"

_EU_GAS = {"EU gas": 0.016}
_EU_POWER = {"EU gas": 0.009, "EU power": 0.012, "EUA": 0.004}
_UK_POWER = {"EU gas": 0.011, "UK power": 0.010}


def _gas(level: float, own: float = 0.002) -> Shape:
    return Shape(level, swing=0.05, slope=-0.025, own=own, loads=_EU_GAS)


def _power(base: float, *, peak: bool = False, loads: Mapping[str, float] = _EU_POWER) -> Shape:
    """Peak is dearer than base in winter and cheaper in summer, when the sun shines."""
    level, swing = (1.06 * base, 0.27) if peak else (base, 0.16)
    return Shape(level, swing=swing, slope=-0.008, own=0.004, loads=loads)


def _base(base: float) -> Shape:
    return _power(base)


def _peak(base: float) -> Shape:
    return _power(base, peak=True)


# The columns in the vendor's order and spelling: market (row 6), hub (row 7), block (row 8).
COLUMNS: tuple[tuple[str, str, str, Shape], ...] = (
    ("EU", "Belgium", GAS, _gas(29.4)),
    ("EU", "Dutch_TTF", GAS, _gas(30.0)),
    ("EU", "Austrian_CEGH", GAS, _gas(31.7)),
    ("EU", "German", GAS, _gas(30.9)),
    ("EU", "German_NCG", GAS, _gas(30.7)),
    ("EU", "Italian", GAS, _gas(32.2)),
    ("UK", "NBP", GAS, _gas(76.0, own=0.004)),
    ("EU", "Austrian", BASE, _base(88.0)),
    ("EU", "Austrian", PEAK, _peak(88.0)),
    ("EU", "Belgium", BASE, _base(76.0)),
    ("EU", "Belgium", PEAK, _peak(76.0)),
    ("EU", "French", BASE, _base(63.0)),
    ("EU", "French", PEAK, _peak(63.0)),
    ("EU", "German", BASE, _base(83.0)),
    ("EU", "German", PEAK, _peak(83.0)),
    ("EU", "Italian", BASE, _base(104.0)),
    ("EU", "Italian", PEAK, _peak(104.0)),
    ("EU", "Dutch", BASE, _base(80.0)),
    ("EU", "Dutch", PEAK, _peak(80.0)),
    ("EU", "Nordic", BASE, _base(42.0)),
    ("EU", "Spanish", BASE, _base(58.0)),
    ("EU", "Swiss", BASE, _base(85.0)),
    ("UK", "Great_Britian", BASE, _power(78.0, loads=_UK_POWER)),
    ("UK", "Great_Britian", PEAK, _power(78.0, peak=True, loads=_UK_POWER)),
    ("EE", "Hungary", BASE, _base(97.0)),
    ("EE", "Hungary", PEAK, _peak(97.0)),
    ("EE", "Romania", BASE, _base(95.0)),
    ("EE", "Romania", PEAK, _peak(95.0)),
    ("EE", "Bulgaria", BASE, _base(92.0)),
    ("EE", "Poland", BASE, _base(96.0)),
    ("EE", "Poland", PEAK, _peak(96.0)),
    ("EE", "Slovenia", BASE, _base(93.0)),
    ("EE", "Slovenia", PEAK, _peak(93.0)),
    ("EE", "Czech", BASE, _base(87.0)),
    ("EE", "Czech", PEAK, _peak(87.0)),
    ("EE", "Slovakia", BASE, _base(89.0)),
    ("EE", "Slovakia", PEAK, _peak(89.0)),
    ("EE", "Serbian", BASE, _base(94.0)),
    ("EE", "Czech", GAS, _gas(31.2)),
    ("EU", "Greek", BASE, _base(96.0)),
    ("EU", "German/Austrian", BASE, _base(85.0)),
    ("EU", "German/Austrian", PEAK, _peak(85.0)),
    ("EE", "Serbian", PEAK, _peak(94.0)),
    ("EU", "Dutch_TTF_USDMMBTU", GAS, _gas(9.6)),
    ("UK", "NBP_USDMMBTU", GAS, _gas(9.7)),
    ("EU", "French_PEG", GAS, _gas(29.5)),
    ("EU", "EUA", EMISSIONS, Shape(74.0, slope=0.028, own=0.002, loads={"EUA": 0.014, "EU gas": 0.003})),
    ("UK", "UKA", EMISSIONS, Shape(45.0, slope=0.030, own=0.008, loads={"EUA": 0.010})),
)
INDEX = {(hub, block): column for column, (_, hub, block, _) in enumerate(COLUMNS)}

# The gas that a spark spread burns.
LEGS = {
    "Austrian": "Austrian_CEGH",
    "Belgium": "Belgium",
    "French": "French_PEG",
    "German": "German",
    "Italian": "Italian",
    "Greek": "Italian",
    "German/Austrian": "German",
    "Dutch": "Dutch_TTF",
    "Nordic": "Dutch_TTF",
    "Spanish": "Dutch_TTF",
    "Swiss": "Dutch_TTF",
    "Great_Britian": "NBP",
    **dict.fromkeys(("Hungary", "Romania", "Bulgaria", "Poland", "Slovenia", "Czech", "Slovakia", "Serbian"), "Czech"),
}
# Gas per power: 50% efficiency; in Britain 49.13%, with pence a therm to pounds a megawatt-hour.
HEAT_RATE, HEAT_RATE_UK = 2.0, 0.694513017

# The curves that the vendor shows in dollars as well: how a price gets there with the rate of that currency.
_MMBTU_PER_MWH, _THERMS_PER_MMBTU, _PENCE = 3.412141633, 10, 100
_IN_DOLLARS = {
    "Dutch_TTF_USDMMBTU": ("Dutch_TTF", "EURUSD", 1 / _MMBTU_PER_MWH),
    "NBP_USDMMBTU": ("NBP", "GBPUSD", _THERMS_PER_MMBTU / _PENCE),
}
_RATES = {"EURUSD": Shape(1.10, slope=0.014, own=0.004), "GBPUSD": Shape(1.28, slope=0.001, own=0.004)}


def eugp_workbook(
    as_of: date,
    *,
    seed: int = DEFAULT_SEED,
    published_at: datetime | None = None,
    months: int = 121,
    changes: Mapping[tuple[str, str, date], float] | None = None,
) -> VendorWorkbook:
    """A file of EUGP. `changes` adds to the mid of (hub, block, month), and everything derived follows."""
    delivery = months_from(as_of, months)
    mids = _mids(delivery, as_of, seed, changes or {})
    sizes = [shape.size for *_, shape in COLUMNS]
    quotes = quoted(delivery, seasonal_groups(delivery), mids, sizes)
    return VendorWorkbook("EUGP", as_of, published_at or publication(as_of), _sheets(as_of, quotes))


def _mids(months: tuple[date, ...], as_of: date, seed: int, changes: Mapping[tuple[str, str, date], float]) -> Prices:
    curves = [(f"{hub} {block}", shape) for _, hub, block, shape in COLUMNS]
    mids = prices([*curves, *_RATES.items()], months, as_of, seed)
    for (hub, block, month), change in changes.items():
        mids[months.index(month), INDEX[hub, block]] += change
    for hub, (source, rate, factor) in _IN_DOLLARS.items():
        rates = mids[:, len(curves) + list(_RATES).index(rate)]
        mids[:, INDEX[hub, GAS]] = mids[:, INDEX[source, GAS]] * rates * factor
    return mids[:, : len(curves)]


def _sheets(as_of: date, quotes: Quotes) -> dict[str, Grid]:
    header: Header = {
        6: ("Location", [market for market, *_ in COLUMNS]),
        7: ("Product", [hub for _, hub, *_ in COLUMNS]),
        8: ("PEAK", [block for _, _, block, _ in COLUMNS]),
    }
    months, strips = quotes.months, spaced(quotes.groups)
    return {
        "Fixed Prices - Mid": skeleton(as_of, header, MID, months, quotes.month_mids.tolist()),
        "Strips - Mid": skeleton(as_of, header, MID, strips, quotes.strip_mids.tolist()),
        "Fixed Prices - BidAsk": skeleton(as_of, header, BID_ASK, months, quotes.month_quotes()),
        "Strips - BidAsk": skeleton(as_of, header, BID_ASK, strips, quotes.strip_quotes()),
        "Spark Spread": _spark_sheet(as_of, quotes),
    }


def _spark_sheet(as_of: date, quotes: Quotes) -> Grid:
    columns = _spark_columns()
    blocks = [_spark_block(hub, block) for _, hub, block in columns]
    header: Header = {
        5: (None, [f"{m}>{hub}>{text}" for (m, hub, _), text in zip(columns, blocks, strict=True)]),
        6: ("Location", [market for market, *_ in columns]),
        7: ("Product", [hub for _, hub, _ in columns]),
        8: ("PEAK", blocks),
        9: ("Spark Location", [LEGS[hub] for _, hub, _ in columns]),
    }
    mids = quotes.month_mids
    spreads = [mids[:, INDEX[hub, block]] - _heat_rate(m) * mids[:, _leg(hub)] for m, hub, block in columns]
    return skeleton(as_of, header, MID, quotes.months, np.array(spreads).T.tolist())


def _spark_columns() -> list[tuple[str, str, str]]:
    """The power columns; a hub's blocks stand together, unlike on the other sheets (Serbia)."""
    columns = [(market, hub, block) for market, hub, block, _ in COLUMNS if block in (BASE, PEAK)]
    hubs = [hub for _, hub, _ in columns]
    return sorted(columns, key=lambda column: hubs.index(column[1]))


def _spark_block(hub: str, block: str) -> str:
    """Britain's peak is written `Peak` on this sheet, and on no other."""
    return "Peak" if (hub, block) == ("Great_Britian", PEAK) else block


def _leg(hub: str) -> int:
    return INDEX[LEGS[hub], GAS]


def _heat_rate(market: str) -> float:
    return HEAT_RATE_UK if market == "UK" else HEAT_RATE
