"""SIMPLE look-alikes: one sheet of mids, every header cell filled."""

from __future__ import annotations

from datetime import date, datetime

from aurum.demo.layout import data
from aurum.demo.prices import DEFAULT_SEED, Shape, prices
from aurum.demo.tenors import months_from
from aurum.demo.workbooks import Grid, VendorWorkbook, publication

LABELS = ("ISO:", "Market:", "Hours:", "Location:", "Product:", "Units:")
_LOADS = {"US gas": 0.010, "US power": 0.012}

COLUMNS: tuple[tuple[tuple[str, ...], Shape], ...] = (
    (("PJM", "DA", "ATC", "Western Hub", "power", "USD/MWh"), Shape(43.0, 0.2, 7, loads=_LOADS)),
    (("PJM", "RT", "ATC", "Western Hub", "power", "USD/MWh"), Shape(42.6, 0.2, 7, loads=_LOADS)),
    (("MISO", "DA", "ON_PEAK", "Indiana Hub", "power", "USD/MWh"), Shape(46.0, 0.2, 7, loads=_LOADS)),
    (("ERCOT", "DA", "ON_PEAK", "North Hub", "power", "USD/MWh"), Shape(51.0, 0.3, 8, loads=_LOADS)),
    (("CAISO", "DA", "OFF_PEAK", "SP15", "power", "$/MWh"), Shape(44.0, 0.1, 8, loads=_LOADS)),
    (("NYISO", "DA", "ON_PEAK", "Zone J", "power", "USD/MWh"), Shape(60.0, 0.2, 1, loads=_LOADS)),
    (("ISONE", "DA", "OFF_PEAK", "Mass Hub", "power", "USD/MWh"), Shape(49.0, 0.3, 1, loads=_LOADS)),
    (("AESO", "DA", "ATC", "Alberta", "power", "CAD - MWh"), Shape(56.0, 0.15, 1, loads=_LOADS)),
)


def simple_workbook(
    as_of: date, *, seed: int = DEFAULT_SEED, published_at: datetime | None = None, months: int = 36
) -> VendorWorkbook:
    """A file of SIMPLE. No cell of it says the as-of date."""
    delivery = months_from(as_of, months)
    curves = [(" ".join(texts), shape) for texts, shape in COLUMNS]
    header: Grid = [[label, None, *(t[row] for t, _ in COLUMNS)] for row, label in enumerate(LABELS)]
    grid = header + data(delivery, prices(curves, delivery, as_of, seed).tolist())
    sheets = {"Fixed Prices - Mid": grid}
    return VendorWorkbook("SIMPLE", as_of, published_at or publication(as_of), sheets)
