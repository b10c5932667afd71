"""PW look-alikes: power of the North American markets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from aurum.demo.layout import Quotes, Rows, data, quoted, spaced
from aurum.demo.prices import DEFAULT_SEED, Shape, prices
from aurum.demo.tenors import Prices, months_from, power_groups
from aurum.demo.workbooks import Grid, VendorWorkbook, publication

ON_PEAK, OFF_PEAK = "ON_PEAK", "OFF_PEAK"
_SEPARATOR = " / "


@dataclass(frozen=True, slots=True)
class Hub:
    """A location of a market with its average price, and how much dearer its summer or winter peak is."""

    iso: str
    location: str
    spark: str
    level: float
    peak_month: int = 7
    unit: str = "USD/MWh"


HUBS: tuple[Hub, ...] = (
    Hub("PJM", "Western Hub", "TETCO M3", 44.0),
    Hub("PJM", "AEP-Dayton Hub", "Columbia Gas", 42.5),
    Hub("PJM", "Northern Illinois Hub", "Chicago Citygate", 37.0),
    Hub("MISO", "Indiana Hub", "Chicago Citygate", 42.0),
    Hub("MISO", "Minnesota Hub", "Ventura", 34.0),
    Hub("ERCOT", "North Hub", "Katy", 46.0, peak_month=8),
    Hub("ERCOT", "Houston Hub", "Houston Ship Channel", 45.0, peak_month=8),
    Hub("CAISO", "SP15", "SoCal Citygate", 48.0, peak_month=8, unit="$/MWh"),
    Hub("CAISO", "NP15", "PG&E Citygate", 51.0, peak_month=8, unit="$/MWh"),
    Hub("NYISO", "Zone A", "Niagara", 38.0, peak_month=1),
    Hub("NYISO", "Zone G", "Algonquin Citygate", 52.0, peak_month=1),
    Hub("NYISO", "Zone J", "Transco Zone 6 NY", 54.0, peak_month=1),
    Hub("ISONE", "Mass Hub", "Algonquin Citygate", 58.0, peak_month=1),
    Hub("IESO", "Ontario", "Dawn", 41.0, peak_month=1, unit="CAD - MWh"),
    Hub("AESO", "Alberta", "AECO", 55.0, peak_month=1, unit="CAD - MWh"),
    # The same power again, in dollars: the unit alone tells the two apart.
    Hub("AESO", "Alberta", "AECO", 0.0, unit="USD/MWh"),
)
_CAD_USD = ("CADUSD", Shape(0.72, slope=0.004, own=0.003))
LABELS = ("ISO:", "Market:", "Hours:", "Location:", "Product:", "Spark Location:", "Units:")


@dataclass(frozen=True, slots=True)
class Column:
    hub: Hub
    hours: str

    @property
    def texts(self) -> tuple[str, ...]:
        hub = self.hub
        return (hub.iso, "DA", self.hours, hub.location, "power", hub.spark, hub.unit)

    @property
    def shape(self) -> Shape:
        level = self.hub.level * (1.12 if self.hours == ON_PEAK else 0.84)
        loads = {"US gas": 0.010, f"{self.hub.iso} power": 0.010}
        return Shape(level, swing=0.22, peak=self.hub.peak_month, slope=0.012, own=0.004, loads=loads)


def _columns() -> Iterator[Column]:
    for iso in dict.fromkeys(hub.iso for hub in HUBS):
        for hours in (ON_PEAK, OFF_PEAK):
            yield from (Column(hub, hours) for hub in HUBS if hub.iso == iso)


COLUMNS: tuple[Column, ...] = tuple(_columns())


def pw_workbook(
    as_of: date, *, seed: int = DEFAULT_SEED, published_at: datetime | None = None, months: int = 61
) -> VendorWorkbook:
    """A file of PW: months and strips, mid and two-sided. No cell of it says the as-of date."""
    delivery = months_from(as_of, months)
    mids = _mids(delivery, as_of, seed)
    quotes = quoted(delivery, power_groups(delivery), mids, mids.mean(axis=0).tolist())
    return VendorWorkbook("PW", as_of, published_at or publication(as_of), _sheets(quotes))


def _mids(months: tuple[date, ...], as_of: date, seed: int) -> Prices:
    curves = [(f"{column.hub.location} {column.hours}", column.shape) for column in COLUMNS]
    mids = prices([*curves, _CAD_USD], months, as_of, seed)
    for index, column in enumerate(COLUMNS):
        if not column.hub.level:
            mids[:, index] = mids[:, index - 1] * mids[:, -1]
    return mids[:, :-1]


def _sheets(quotes: Quotes) -> dict[str, Grid]:
    months, strips = quotes.months, spaced(quotes.groups)
    blocks: dict[str, tuple[list[object], Rows]] = {
        "Fixed Prices - Mid": ([*months], quotes.month_mids.tolist()),
        "Fixed Prices - BidAsk": ([*months], quotes.month_quotes(_SEPARATOR)),
        "Strips - Mid": ([*strips], quotes.strip_mids.tolist()),
        "Strips - BidAsk": ([*strips], quotes.strip_quotes(_SEPARATOR)),
    }
    return {title: _header() + data(tenors, rows) for title, (tenors, rows) in blocks.items()}


def _header() -> Grid:
    texts = [column.texts for column in COLUMNS]
    grid: Grid = [[label, None, *(row[place] for row in texts)] for place, label in enumerate(LABELS)]
    for column in range(len(COLUMNS) - 1, 0, -1):
        _carry(grid, column + 2)
    return grid


def _carry(grid: Grid, column: int) -> None:
    """ISO, market and hours are given once and left blank to the right while nothing above them changes."""
    for row in grid[:3]:
        if row[column] != row[column - 1]:
            return
        row[column] = None
