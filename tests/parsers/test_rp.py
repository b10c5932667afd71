"""RP: product texts, vintages, and regional sheets that repeat the first one and must agree with it."""

from __future__ import annotations

import pytest

from aurum.demo import rp_workbook
from aurum.errors import MissingSheet, UnreadableSheet
from aurum.market.identity import Measure
from aurum.parsers import parse
from aurum.parsers.layout import Header
from aurum.parsers.model import ParsedWorkbook, Severity
from aurum.parsers.rp import describe
from tests.parsers.sheets import AS_OF, BIDASK, FEB, MAR, MID, Grid, by_key, findings, only, points, put, workbook

NAME = "EOD_RP_20250212_1430.xlsx"
COLUMNS = (
    ("US", "East Coast", "Maryland Solar Renewable Energy Credit Prior Year"),
    ("US", "New York", "NY ULSD vs NY Harbor ULSD"),
    ("US", "New York", "Ny Ulsd vs. Ny Harbor Ulsd"),
    ("EU", "Rotterdam", "ULSD"),
)
EAST, ULSD, DOTTED, ROTTERDAM = (
    "rp:us/east+coast/maryland+solar+renewable+energy+credit+prior+year",
    "rp:us/new+york/ny+ulsd+vs+ny+harbor+ulsd",
    "rp:us/new+york/ny+ulsd+vs.+ny+harbor+ulsd",
    "rp:eu/rotterdam/ulsd",
)


def skeleton(*numbers: int, side: str = "Mid", regional: bool = False, tenors: tuple[object, ...] = (FEB, MAR)) -> Grid:
    """Rows 5 to 13 as the vendor has them, of some of the columns."""
    columns = [COLUMNS[number] for number in numbers]
    values = [[10.0 * number + at for number in numbers] for at in range(len(tenors))]
    return [
        *([] for _ in range(4)),
        ["Date:", AS_OF],
        [] if regional else [None, None, *(region for region, _, _ in columns)],
        [None, "Location", *(location for _, location, _ in columns)],
        [None, "Product", *(product for _, _, product in columns)],
        [],
        [None, None, *(side for _ in columns)],
        [],
        *(
            [None, tenor, *(value if side == "Mid" else f"{value} / {value + 1}" for value in row)]
            for tenor, row in zip(tenors, values, strict=True)
        ),
    ]


def sheets() -> dict[str, Grid]:
    strips = ("Summer 2026", "Winter 2026")
    return {
        MID: skeleton(0, 1, 2, 3),
        "Seasonal Blocks - Mid": skeleton(0, 1, 2, 3, tenors=strips),
        BIDASK: skeleton(0, 1, 2, 3, side="Bid   /   Ask"),
        "Seasonal Blocks - BidAsk": skeleton(0, 1, 2, 3, side="Bid   /   Ask", tenors=strips),
        "North America": skeleton(0, 1, 2, regional=True),
        "Europe": skeleton(3, regional=True),
        "Asia": skeleton(3, regional=True),
        "Renewables - LNG": skeleton(0, regional=True),
    }


def rp(changed: dict[str, Grid] | None = None) -> ParsedWorkbook:
    return parse(workbook({**sheets(), **(changed or {})}), NAME)


def test_region_location_and_product_name_a_curve() -> None:
    book = rp()
    assert list(by_key(book)) == [EAST, ULSD, DOTTED, ROTTERDAM]
    assert book.findings == ()
    curve = by_key(book)[DOTTED]
    assert curve.identity.product == "Ny Ulsd vs. Ny Harbor Ulsd"
    assert (curve.region, curve.identity.market, curve.identity.block) == ("US", "US", None)
    assert points(curve) == {"2025-02": 20.0, "2025-03": 21.0, "Winter 2026": 21.0, "Summer 2026": 20.0}


def test_regional_sheets_add_a_tag_and_no_number() -> None:
    curves = by_key(rp())
    assert curves[EAST].attributes == (
        ("vintage", "Prior Year"),
        ("group", "North America"),
        ("group", "Renewables - LNG"),
    )
    assert curves[ROTTERDAM].attributes == (("group", "Europe"), ("group", "Asia"))
    assert sum(len(curve.tenors) for curve in curves.values()) == 4 * 4


def test_a_regional_sheet_that_disagrees_is_an_error() -> None:
    book = rp({"Europe": put(skeleton(3, regional=True), "C13", 31.5)})
    assert findings(book) == [("REGIONAL_MISMATCH", "Europe", ("C13", f"{MID}!F13"))]
    finding = only(book, "REGIONAL_MISMATCH")
    assert (finding.severity, finding.curve_key) == (Severity.ERROR, ROTTERDAM)
    assert "31.5 here and 31.0 there" in finding.message
    assert points(by_key(book)[ROTTERDAM])["2025-03"] == 31.0


def test_a_regional_column_or_month_that_the_first_sheet_has_not() -> None:
    unknown = put(skeleton(3, regional=True), "C8", "ULSD 10ppm")
    assert findings(rp({"Europe": unknown})) == [("REGIONAL_MISMATCH", "Europe", ("C12",))]
    longer = put(put(skeleton(3, regional=True), "B14", "Apr-25"), "C14", 30.0)
    assert findings(rp({"Europe": longer})) == [("REGIONAL_MISMATCH", "Europe", ("C14",))]
    blank = put(skeleton(3, regional=True), "C13", None)
    assert findings(rp({"Europe": blank})) == [("REGIONAL_MISMATCH", "Europe", ("C13", f"{MID}!F13"))]


def test_a_regional_column_whose_texts_nobody_calculated() -> None:
    """The first sheet may have such a column too, and it is not known to be the same."""
    main, regional = put(skeleton(0, 1, 2, 3), "F8", "=B1"), put(skeleton(3, regional=True), "C8", "=B1")
    book = rp({MID: main, "Europe": regional})
    assert ("MISSING_HEADER", MID, ("F12",)) in findings(book, Severity.ERROR)
    assert ("MISSING_HEADER", "Europe", ("C12",)) in findings(book, Severity.ERROR)
    assert not [key for key in by_key(book) if "formula" in key]


def test_a_regional_column_that_differs_throughout_speaks_against_the_strips_too() -> None:
    other = put(put(skeleton(3, regional=True), "C12", 99.0), "C13", 98.0)
    finding = only(rp({"Europe": other}), "REGIONAL_MISMATCH")
    strips = ("Seasonal Blocks - Mid!F13", "Seasonal Blocks - Mid!F12")
    assert finding.cells == ("C12", f"{MID}!F12", "C13", f"{MID}!F13", *strips)


def test_the_row_of_regions_is_found_above_blank_rows_and_notes() -> None:
    moved: Grid = [*skeleton(0, 1, 2, 3)[:6], [], [None, None, "Indicative"], *skeleton(0, 1, 2, 3)[6:]]
    assert list(by_key(rp({MID: moved}))) == [EAST, ULSD, DOTTED, ROTTERDAM]


def test_a_sheet_that_has_no_curve_of_the_first_is_refused() -> None:
    """Locations and products have changed places: other curves, though every cell of the header is filled."""
    grid = skeleton(0, 1, 2, 3)
    exchanged: Grid = [*grid[:6], [None, "Location", *grid[7][2:]], [None, "Product", *grid[6][2:]], *grid[8:]]
    with pytest.raises(UnreadableSheet, match="has no curve of 'Fixed Prices - Mid'"):
        rp({"Seasonal Blocks - Mid": exchanged})


def test_a_row_of_something_else_is_none_of_regions() -> None:
    grid = skeleton(0, 1, 2, 3)
    exchanged: Grid = [*grid[:5], [*[None] * 2, *grid[7][2:]], grid[6], [None, "Product", *grid[5][2:]], *grid[8:]]
    with pytest.raises(UnreadableSheet, match="should hold markets such as AP, EU, ME, US") as refused:
        rp({MID: exchanged})
    assert refused.value.details == {"file": NAME, "sheet": MID, "cell": "C6"}


@pytest.mark.parametrize("name", ["Seasonal Blocks - Mid", BIDASK, "Seasonal Blocks - BidAsk", MID])
def test_the_four_main_sheets_are_required(name: str) -> None:
    with pytest.raises(MissingSheet):
        parse(workbook({other: grid for other, grid in sheets().items() if other != name}), NAME)


def test_a_regional_sheet_is_missed() -> None:
    book = parse(workbook({name: grid for name, grid in sheets().items() if name != "Asia"}), NAME)
    missing = only(book, "MISSING_SHEET")
    assert (missing.severity, missing.sheet) == (Severity.WARNING, "Asia")


def test_columns_are_matched_by_text_not_by_place() -> None:
    one, other = rp(), rp({BIDASK: skeleton(3, 2, 1, 0, side="Bid   /   Ask")})
    for key, curve in by_key(one).items():
        moved = by_key(other)[key]
        assert curve.bid is not None
        assert moved.bid is not None
        assert curve.bid[:2].tolist() == moved.bid[:2].tolist()


@pytest.mark.parametrize(
    ("product", "asset_class", "commodity"),
    [
        ("New Jersey Compliance Renewable Energy Certificate Class I", "rec", "REC"),
        ("Pennsylvania Solar Alternative Energy Credit", "rec", "REC"),
        ("Regional Greenhouse Gas Initiative 2023", "carbon", "carbon"),
        ("CCA AAC", "carbon", "carbon"),
        ("Washington Carbon Allow 2026", "carbon", "carbon"),
        ("D4 Biodiesel (Current)", "rin", "RIN/RVO"),
        ("RVO Current (1)", "rin", "RIN/RVO"),
        ("Japan Korea LNG", "lng", "LNG"),
        ("UCOME FOB ARA Range (Red Compliant)", "refined products", "biodiesel/HVO"),
        ("CHI Ethanol", "refined products", "ethanol"),
        ("GC Jet vs. No. 2 Heating Oil", "refined products", "jet/kerosene"),
        ("Marine Fuel 0.5% FOB Singapore vs Singapore Gasoil", "refined products", "fuel oil"),
        ("Diesel Crack ULSD vs. Brent", "refined products", "diesel/gasoil"),
        ("Naptha Singapore", "refined products", "naphtha"),
        ("LA CARBOB Gasoline", "refined products", "gasoline"),
        ("Group 3 vs. RBOB", "commodity", "commodity"),
        ("Methanol FOB Houston", "commodity", "commodity"),
    ],
)
def test_a_class_is_given_where_the_text_tells_it_plainly(product: str, asset_class: str, commodity: str) -> None:
    described = describe(Header(market="US", location="New York", product=product), Measure.PRICE)
    assert described is not None
    assert (described.asset_class, described.commodity) == (asset_class, commodity)


@pytest.mark.parametrize(
    ("product", "vintage"),
    [
        ("Maryland Compliance Renewable Energy Credit Tier 1 Prior Year", "Prior Year"),
        ("Texas Compliance Renewable Energy Certificate Front Half Specific", "Front Half Specific"),
        ("Regional Greenhouse Gas Initiative 2022", "2022"),
        ("D6 Gasoline (Previous)", "Previous"),
        ("RVO Current (1)", "Current"),
        ("Maryland Compliance Renewable Energy Credit Tier 1", None),
        ("ULSD 2022", None),
    ],
)
def test_the_vintage_of_a_certificate_is_an_attribute(product: str, vintage: str | None) -> None:
    described = describe(Header(market="US", location="PJM", product=product), Measure.PRICE)
    assert described is not None
    assert dict(described.attributes).get("vintage") == vintage


def test_the_look_alike_is_read_without_errors() -> None:
    demo = rp_workbook(AS_OF, months=6)
    book = parse(demo.to_bytes(), demo.name)
    assert findings(book, Severity.ERROR) == []
    for curve in book.curves[:: len(book.curves) // 7]:
        addresses = [curve.mid_cells.address(point) or "" for point in range(len(curve.tenors))]
        assert curve.mid.tolist() == [demo.cell(*address.split("!")) for address in addresses]
