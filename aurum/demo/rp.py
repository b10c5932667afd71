"""RP look-alikes: refined products, certificates, carbon, RINs, LNG and biofuels, and what they cost against
each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from aurum.demo.layout import BID_ASK, MID, Header, Quotes, quoted, skeleton, spaced
from aurum.demo.prices import DEFAULT_SEED, Shape, prices
from aurum.demo.tenors import months_from, seasonal_groups
from aurum.demo.workbooks import Grid, VendorWorkbook, publication

US, EU, AP, ME = "US", "EU", "AP", "ME"


@dataclass(frozen=True, slots=True)
class Column:
    """Region (row 6), location (row 7), product (row 8). `values_of` names a column with the same numbers."""

    region: str
    location: str
    product: str
    shape: Shape
    renewable: bool = False
    values_of: str | None = None

    @property
    def walk(self) -> str:
        return self.values_of or f"{self.location}/{self.product}"


_CRUDE = {"Crude": 0.016}
_DISTILLATE = {"Crude": 0.014, "Distillate": 0.008}
_GASOLINE = {"Crude": 0.014, "Gasoline": 0.009}
_FUEL_OIL = {"Crude": 0.013, "Fuel oil": 0.007}
_LNG = {"LNG": 0.018}


def _outright(level: float, loads: Mapping[str, float], swing: float = 0.02, peak: int = 1) -> Shape:
    return Shape(level, swing=swing, peak=peak, slope=-0.012, own=0.003, loads=loads)


def _summer(level: float) -> Shape:
    return _outright(level, _GASOLINE, swing=0.06, peak=6)


def _winter(level: float) -> Shape:
    return _outright(level, _DISTILLATE, swing=0.02, peak=12)


def _fuel(level: float) -> Shape:
    return _outright(level, _FUEL_OIL, swing=0.01)


def _against(level: float, swing: float, daily: float, peak: int = 1) -> Shape:
    """A differential or a crack, in price: it may be negative, and it may change its sign over the year."""
    return Shape(level, swing=swing, peak=peak, own=daily, differential=True)


def _certificate(level: float, slope: float = -0.05, *, still: bool = False) -> Shape:
    return Shape(level, slope=slope, own=0.006, still=still)


_ZERO = Shape(0.0, own=0.0, differential=True)
_PROPANE = _against(-85.0, 14.0, 2.5)
_SINGAPORE_MARINE = _against(7.5, 0.4, 0.25)

# A selection of the vendor's columns, in its order and spelling.
COLUMNS: tuple[Column, ...] = (
    Column(US, "East Coast", "Maryland Compliance Renewable Energy Credit Tier 1", _certificate(29.0), True),
    Column(
        US,
        "East Coast",
        "Maryland Compliance Renewable Energy Credit Tier 1 Prior Year",
        _certificate(31.5, still=True),
        True,
    ),
    Column(
        US,
        "East Coast",
        "New Jersey Solar Renewable Energy Certificate",
        _certificate(188.0, still=True),
        True,
    ),
    Column(US, "East Coast", "Regional Greenhouse Gas Initiative 2022", _certificate(22.0, 0.04), True),
    Column(
        US,
        "ERCOT",
        "Texas Compliance Renewable Energy Certificate Front Half Specific",
        _certificate(2.4, 0.06, still=True),
        True,
    ),
    Column(US, "Gulf Coast", "3% Fuel-Oil vs. Brent", _against(-7.5, 0.8, 0.3)),
    Column(US, "Gulf Coast", "Biodiesel (Soybean)", _outright(1080.0, _DISTILLATE), True),
    Column(US, "Gulf Coast", "D4 Biodiesel (Current)", _certificate(0.95, 0.01), True),
    Column(US, "Gulf Coast", "D6 Gasoline (Current)", _certificate(0.92, 0.01, still=True), True),
    Column(US, "Gulf Coast", "Diesel Crack ULSD vs. Brent", _against(24.0, 1.6, 0.5, peak=12)),
    Column(US, "Gulf Coast", "GC ULSD vs. GC Jet", _against(0.09, 0.03, 0.004)),
    Column(US, "Gulf Coast", "Gasoline", _summer(1.95)),
    Column(US, "Gulf Coast", "Gasoline UNL 87 UP/D", _against(-0.02, 0.09, 0.006, peak=3)),
    Column(US, "Gulf Coast", "Heating Oil", _winter(2.0)),
    Column(US, "Gulf Coast", "Jet", _winter(2.1)),
    Column(US, "Gulf Coast", "LNG", _outright(9.6, _LNG, swing=0.08), True),
    Column(US, "Gulf Coast", "Marine Fuel 0.5% FOB USGC Barges", _fuel(73.0)),
    Column(US, "Gulf Coast", "Marine Fuel 0.5% FOB USGC Barges (mt)", _fuel(468.0)),
    Column(US, "Gulf Coast", "ULSD", _winter(2.18)),
    Column(AP, "Japan", "C&F Naphtha Brent Crack", _against(-2.6, 1.1, 0.35)),
    Column(AP, "Japan", "Crude Cocktail", _outright(74.0, _CRUDE, swing=0.0)),
    Column(AP, "Japan", "Japan Korea LNG", _outright(11.4, _LNG, swing=0.10), True),
    Column(AP, "Japan", "Naptha C+F Japan", _outright(598.0, _GASOLINE)),
    Column(ME, "Middle East", "Fuel Oil 180 CST FOB", _fuel(391.0)),
    Column(
        ME,
        "Middle East",
        "Fuel Oil 180 CST FOB vs. Fuel Oil 180 Singapore",
        _against(-19.5, 0.5, 0.2),
    ),
    Column(ME, "Middle East", "Gasoil FOB Arab Gulf", _winter(82.5)),
    Column(EU, "Mediterranean", "Marine Fuel 0.5% FOB Med Cargoes", _fuel(438.0)),
    Column(EU, "Mediterranean", "SWE LNG", _outright(10.7, _LNG, swing=0.09), True),
    Column(EU, "Mediterranean", "ULSD 10ppm Cargoes CIF MED", _winter(697.0)),
    Column(US, "Midwest", "CHI Ethanol", _outright(1.7, {"Gasoline": 0.008}), True),
    Column(US, "Midwest", "CHI ULSD vs. NY ULSD", _against(-0.06, 0.09, 0.006, peak=9), True),
    Column(EU, "Northwest Europe", "Diesel 10 ppm CIF", _winter(703.0)),
    Column(EU, "Northwest Europe", "East-West Fuel Oil Spread", _against(-41.0, 5.0, 1.4)),
    Column(EU, "Northwest Europe", "Eurobob Oxy Barges NWE Crack Spread", _against(10.5, 5.2, 0.5, peak=6)),
    Column(EU, "Northwest Europe", "Fuel-Oil 1% NWE", _fuel(433.0)),
    Column(EU, "Northwest Europe", "Gasoline Euro-BOB OXY Barge", _summer(668.0)),
    Column(EU, "Northwest Europe", "LNG NORTH WEST EUROPE", _outright(10.6, _LNG, swing=0.09), True),
    Column(EU, "Northwest Europe", "Naptha CIF", _outright(561.0, _GASOLINE)),
    Column(EU, "Northwest Europe", "Propane CIF ARA vs. Naptha CIF NWE", _PROPANE),
    Column(US, "New York", "3.0% Fuel Oil", _fuel(64.0)),
    Column(US, "New York", "D3 RIN (Current)", _certificate(2.3, 0.01), True),
    Column(US, "New York", "Gasoline", _summer(2.02)),
    Column(US, "New York", "Heating Oil", _winter(2.24)),
    Column(US, "New York", "NY Ethanol", _outright(1.86, {"Gasoline": 0.008}), True),
    Column(US, "New York", "NY ULSD vs NY Harbor ULSD", _against(0.01, 0.02, 0.002)),
    # A column whose label and numbers disagree, as the vendor has: what a check for equal columns is to find.
    Column(
        US,
        "New York",
        "Ny Ulsd vs. Ny Harbor Ulsd",
        _PROPANE,
        values_of="Northwest Europe/Propane CIF ARA vs. Naptha CIF NWE",
    ),
    Column(US, "New York", "RBOB vs. Brent", _against(14.0, 5.0, 0.5, peak=6)),
    Column(US, "New York", "ULSD", _winter(2.27)),
    Column(
        US,
        "PJM",
        "PJM Tri Qualified Renewable Energy Certificate Class I",
        _certificate(31.0),
        True,
    ),
    Column(EU, "Rotterdam", "Diesel 10ppm", _winter(688.0)),
    Column(EU, "Rotterdam", "Fuel-Oil 1% FOB vs 1% CIF NWE", _ZERO),
    Column(EU, "Rotterdam", "Fuel-Oil 3.5% FOB BARGE", _fuel(392.0)),
    Column(EU, "Rotterdam", "Gasoil Low Sulfur", _winter(676.0)),
    Column(EU, "Rotterdam", "HVO FOB ARA Range (Class II)", _outright(1790.0, _DISTILLATE), True),
    Column(EU, "Rotterdam", "Jet FOB BARGE vs. JET CIF NWE", _against(-1.2, 1.5, 0.3)),
    Column(EU, "Rotterdam", "Methanol FOB Barge", _outright(331.0, {"LNG": 0.006})),
    Column(AP, "Singapore", "Fuel-Oil 380 CST", _fuel(401.0)),
    Column(AP, "Singapore", "Gasoil 10ppm", _winter(85.5)),
    Column(AP, "Singapore", "Marine Fuel 0.5% FOB Singapore vs Brent 1st Line", _SINGAPORE_MARINE),
    # The vendor's twin: the same two texts, the same numbers.
    Column(AP, "Singapore", "Marine Fuel 0.5% FOB Singapore vs Brent 1st Line", _SINGAPORE_MARINE),
    Column(AP, "Singapore", "Mogas 97 vs. Mogas 95", _against(0.7, 0.3, 0.05)),
    Column(AP, "Singapore", "Singapore Mogas 92", _summer(77.0)),
    Column(EU, "United Kingdom", "Diesel 10ppm", _winter(684.0)),
    Column(US, "West Coast", "California Low Carbon Fuel Standard Credit", _certificate(61.0, 0.07), True),
    Column(US, "West Coast", "CCA 2025", _certificate(31.0, 0.05), True),
    Column(US, "West Coast", "LA CARBOB Gasoline", _summer(2.08)),
    Column(US, "West Coast", "LA Jet vs. NY ULSD", _against(-0.01, 0.05, 0.005)),
    Column(AP, "Western India", "WIM LNG", _outright(11.1, _LNG, swing=0.08), True),
)
REGIONAL = {"North America": US, "Europe": EU, "Asia": AP}
RENEWABLES = "Renewables - LNG"


def rp_workbook(
    as_of: date, *, seed: int = DEFAULT_SEED, published_at: datetime | None = None, months: int = 61
) -> VendorWorkbook:
    """A file of RP: the four price sheets, and the four that repeat columns of the first."""
    delivery = months_from(as_of, months)
    mids = prices([(column.walk, column.shape) for column in COLUMNS], delivery, as_of, seed)
    quotes = quoted(delivery, seasonal_groups(delivery), mids, [column.shape.size for column in COLUMNS])
    sheets = _price_sheets(as_of, quotes) | _repeating_sheets(as_of, quotes)
    return VendorWorkbook("RP", as_of, published_at or publication(as_of), sheets)


def _price_sheets(as_of: date, quotes: Quotes) -> dict[str, Grid]:
    header: Header = {6: (None, [column.region for column in COLUMNS]), **_header(range(len(COLUMNS)))}
    months, strips = quotes.months, spaced(quotes.groups)
    return {
        "Fixed Prices - Mid": skeleton(as_of, header, MID, months, quotes.month_mids.tolist()),
        "Seasonal Blocks - Mid": skeleton(as_of, header, MID, strips, quotes.strip_mids.tolist()),
        "Fixed Prices - BidAsk": skeleton(as_of, header, BID_ASK, months, quotes.month_quotes()),
        "Seasonal Blocks - BidAsk": skeleton(as_of, header, BID_ASK, strips, quotes.strip_quotes()),
    }


def _repeating_sheets(as_of: date, quotes: Quotes) -> dict[str, Grid]:
    """Columns of the main sheet again; row 6 is blank. The Middle East is on none of them."""
    chosen = {
        title: [index for index, column in enumerate(COLUMNS) if column.region == region]
        for title, region in REGIONAL.items()
    }
    renewables = [index for index, column in enumerate(COLUMNS) if column.renewable]
    chosen[RENEWABLES] = sorted(renewables, key=lambda index: COLUMNS[index].product)
    return {
        title: skeleton(as_of, _header(indices), MID, quotes.months, quotes.month_mids[:, indices].tolist())
        for title, indices in chosen.items()
    }


def _header(indices: range | list[int]) -> Header:
    return {
        7: ("Location", [COLUMNS[index].location for index in indices]),
        8: ("Product", [COLUMNS[index].product for index in indices]),
    }
