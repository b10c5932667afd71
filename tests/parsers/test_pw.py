"""PW and SIMPLE: labels in A or B in any order, some missing, some given once."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurum.errors import MissingSheet, UnreadableSheet
from aurum.market.identity import CurveIdentity, Measure
from aurum.parsers import parse
from aurum.parsers.model import Severity
from aurum.parsers.workbook import normalize_unit_text
from tests.parsers.sheets import (
    AD,
    BIDASK,
    MAR,
    MID,
    PW_BIDASK,
    PW_MID,
    STRIPS,
    WEST,
    Grid,
    by_key,
    findings,
    only,
    points,
    put,
    pw,
    quotes,
    workbook,
)  # fmt: skip

HEADER, VALUES = PW_MID[:6], PW_MID[6:]


def test_a_curve_is_a_column_with_the_texts_above_it() -> None:
    book = pw({MID: PW_MID, BIDASK: PW_BIDASK})
    west, ad = by_key(book)[WEST], by_key(book)[AD]
    assert west.identity == CurveIdentity(
        vendor="PW", market="DA", location="West Hub", product="Power", block="On-Peak", unit="USD/MWh", iso="PJM"
    )
    assert (west.asset_class, west.commodity, west.region, west.unit_text) == ("power", "power", "PJM", "USD/MWh")
    assert points(west) == {"2025-02": 45.5, "2025-03": 41.25}
    assert quotes(ad) == {"2025-02": (46.5, 47.5), "2025-03": (-4.0, -3.0)}
    assert not ad.mid.flags.writeable
    assert findings(book) == []


@pytest.mark.parametrize("text", ["West\u200b Hub", "\ufeffWest Hub", "West Hub\u202e", "We\u00adst\u00a0Hub"])
def test_what_nobody_sees_makes_no_other_curve(text: str) -> None:
    """A name is copied from a web page: a blank of no width, a mark of direction, a hyphen that does not show."""
    spelled = by_key(pw({MID: put(PW_MID, "C4", text), BIDASK: put(PW_BIDASK, "C4", text)}))
    assert spelled[WEST].identity.location == "West Hub"


def test_cells_are_known_by_address() -> None:
    ad = by_key(pw({MID: PW_MID, BIDASK: PW_BIDASK}))[AD]
    assert [ad.mid_cells.address(point) for point in (0, 1)] == [f"{MID}!D7", f"{MID}!D8"]
    assert ad.quote_cells is not None
    assert ad.quote_cells.address(1) == f"{BIDASK}!D8"


def test_curves_of_the_same_rows_share_their_grid_and_their_places() -> None:
    west, ad = pw({MID: PW_MID}).curves
    assert west.tenors is ad.tenors
    assert west.mid_cells.rows is ad.mid_cells.rows
    assert west.bid is None
    assert west.quote_cells is None


@pytest.mark.parametrize(
    "header",
    [
        HEADER[::-1],
        [[None, row[0], *row[2:]] for row in HEADER],
        [[str(row[0]).rstrip(":"), *row[1:]] for row in HEADER],
        [[f"  {str(row[0]).upper()} ", *row[1:]] for row in HEADER],
        [[], ["a note"], *HEADER, []],
        [[row[0], "PJM", None, None] if row[0] == "ISO:" else row for row in HEADER],
    ],
    ids=["upside down", "in B", "without colons", "in capitals", "with rows between", "the ISO in B"],
)
def test_labels_are_found_by_their_text(header: Grid) -> None:
    assert list(by_key(pw({MID: [*header, *VALUES]}))) == [WEST, AD]


def test_iso_market_and_hours_are_carried_and_nothing_else_is() -> None:
    grid = put(put(PW_MID, "D4", None), "D6", None)
    stray = pw({MID: grid}).curves[1].identity
    assert (stray.iso, stray.market, stray.block) == ("PJM", "DA", "On-Peak")
    assert stray.location == "DA", "not the West Hub beside it: a missing location is the market"
    assert stray.unit is None


@pytest.mark.parametrize(
    ("missing", "key"),
    [
        ("ISO:", "pw:-/da/west+hub/power/on-peak@usd%2fmwh"),
        ("Market:", "pw:pjm/pjm/west+hub/power/on-peak@usd%2fmwh"),
        ("Hours:", "pw:pjm/da/west+hub/power@usd%2fmwh"),
        ("Location:", "pw:pjm/da/da/power/on-peak@usd%2fmwh"),
        ("Units:", "pw:pjm/da/west+hub/power/on-peak"),
    ],
)
def test_a_missing_label_invents_nothing(missing: str, key: str) -> None:
    grid = [row[:3] for row in PW_MID if row[0] != missing]
    assert list(by_key(pw({MID: grid}))) == [key]


def test_without_market_and_location_the_iso_stands_for_both() -> None:
    grid = [row[:3] for row in PW_MID if row[0] not in ("Market:", "Location:")]
    assert list(by_key(pw({MID: grid}))) == ["pw:pjm/pjm/pjm/power/on-peak@usd%2fmwh"]


def test_the_spark_location_is_the_leg_under_either_label() -> None:
    for label in ("Spark Location:", "Spark"):
        (curve,) = pw({MID: [*(row[:3] for row in HEADER), [label, None, "TETCO M3"], VALUES[0][:3]]}).curves
        assert curve.identity.leg == "TETCO M3"
        assert curve.identity.measure is Measure.PRICE


def test_a_spark_spread_is_told_by_its_sheet_or_its_product() -> None:
    by_sheet = pw({MID: PW_MID, "Spark Spread": PW_MID}).curves
    assert [curve.identity.measure for curve in by_sheet] == [*["price"] * 2, *["spark_spread"] * 2]
    by_product = pw({MID: put(PW_MID, "C5", "Spark Spread")}).curves
    assert [curve.identity.measure for curve in by_product] == ["spark_spread", "price"]
    assert [curve.commodity for curve in by_product] == ["power", "power"]


def test_months_and_strips_of_one_product_are_one_curve() -> None:
    strips: Grid = [*HEADER, [None, "Cal-26", 40.0, 41.0], [], [None, "Bal 2025", 44.0, 45.0], [None, "Q2 2025", 39.0]]
    west = by_key(pw({MID: PW_MID, STRIPS: strips}))[WEST]
    assert points(west) == {"2025-02": 45.5, "2025-03": 41.25, "Q2 2025": 39.0, "Cal-26": 40.0, "Bal 2025": 44.0}
    assert [west.mid_cells.address(point) for point in (1, 2)] == [f"{MID}!C8", f"{STRIPS}!C10"]


def test_a_period_with_a_quote_alone_is_a_point_and_one_with_nothing_is_none() -> None:
    bidask: Grid = [*HEADER, [None, MAR, "41 / 42", None], [None, "2025-04", "1 / 2", None]]
    west, ad = pw({MID: put(PW_MID, "C8", None), BIDASK: bidask}).curves
    assert [tenor.label for tenor in west.tenors] == ["2025-02", "2025-03", "2025-04"]
    assert [math.isnan(mid) for mid in west.mid] == [False, True, True]
    assert quotes(west) == {"2025-03": (41.0, 42.0), "2025-04": (1.0, 2.0)}
    assert west.mid_cells.address(1) is None
    assert west.quote_cells is not None
    assert [west.quote_cells.address(point) for point in range(3)] == [None, f"{BIDASK}!C7", f"{BIDASK}!C8"]
    assert [tenor.label for tenor in ad.tenors] == ["2025-02", "2025-03"]
    assert ad.bid is None


def test_the_first_sheet_is_required_and_the_others_are_missed() -> None:
    with pytest.raises(MissingSheet) as refused:
        pw({BIDASK: PW_BIDASK})
    assert refused.value.details == {"file": "EOD_PW_20250212_1430.xlsx", "sheet": MID}
    book = pw({" fixed  PRICES - mid": PW_MID, "Notes": [["hello"]]})
    missing = [finding.sheet for finding in book.findings if finding.code == "MISSING_SHEET"]
    assert missing == [BIDASK, STRIPS, "Strips - BidAsk"]
    assert (only(book, "UNKNOWN_SHEET").sheet, only(book, "UNKNOWN_SHEET").severity) == ("Notes", Severity.INFO)


def test_a_sheet_without_labels_or_without_tenors_is_unreadable() -> None:
    for grid in ([], [["hello"]], VALUES, HEADER):
        with pytest.raises(UnreadableSheet) as refused:
            pw({MID: grid})
        assert refused.value.details["sheet"] == MID
    twice = [*HEADER[:4], ["Location:", None, "East Hub"], *HEADER[4:], *VALUES]
    with pytest.raises(UnreadableSheet) as refused:
        pw({MID: twice})
    assert refused.value.details["cell"] == "A5"


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("USD/MWh", "USD/MWh"),
        ("CAD - MWh", "CAD/MWh"),
        ("cad/mwh", "CAD/MWh"),
        ("$/MWh", "USD/MWh"),
        ("€/MWh", "EUR/MWh"),
        ("£ / therm", "GBP/therm"),
        ("C$/GJ", "CAD/GJ"),
        ("USD per MMBTU", "USD/MMBtu"),
        ("EUR/MWh (HHV)", "EUR/MWh (HHV)"),
        ("p/therm", "GBX/therm"),
        ("GBp/therm", "GBX/therm"),  # pence, not pounds
        ("GBP/therm", "GBP/therm"),
        ("  cents   a gallon ", "cents a gallon"),
        ("$", "$"),
        ("", None),
        (None, None),
    ],
)
def test_units_are_spelled_in_one_way(text: str | None, unit: str | None) -> None:
    assert normalize_unit_text(text) == unit


def test_the_golden_file_has_twins_that_differ_by_unit(vendor_files: Path) -> None:
    data = (vendor_files / "pw_golden.xlsx").read_bytes()
    book = parse(data, "pw_golden.xlsx", as_of=date(2025, 1, 15))
    curves = by_key(book)
    cad, usd, strips = (
        "pw:pjm/da/aeco/power/on_peak~price~aeco+hub@cad%2fmwh",
        "pw:pjm/da/aeco/power/on_peak~price~aeco+hub@usd%2fmwh",
        "pw:pjm/da/aeco/power@usd%2fmwh",
    )
    assert list(curves) == [cad, usd, strips]
    assert {key: points(curve) for key, curve in curves.items()} == {
        cad: {"2025-01": 45.5, "2025-02": 46.1},
        usd: {"2025-01": 47.0, "2025-02": 47.8},
        strips: {"Q1 2025": 53.2, "Bal 2025": 52.5},
    }
    assert curves[cad].unit_text == "CAD - MWh"
    assert {key: quotes(curve) for key, curve in curves.items()} == {
        cad: {"2025-01": (45.0, 46.0), "2025-02": (46.0, 47.5)},
        usd: {"2025-01": (46.5, 47.5)},
        strips: {},
    }


def test_simple_is_one_sheet_in_which_nothing_is_carried() -> None:
    grid = put(put(put(PW_MID, "D1", "MISO"), "D2", "RT"), "D3", None)
    book = parse(workbook({MID: grid}), "EOD_SIMPLE_20250212_1430.xlsx")
    assert list(by_key(book)) == [
        "simple:pjm/da/west+hub/power/on-peak@usd%2fmwh",
        "simple:miso/rt/ad+hub/power@usd%2fmwh",
    ]
    assert book.findings == ()
    blank = parse(workbook({MID: PW_MID}), "EOD_SIMPLE_20250212_1430.xlsx")
    assert list(by_key(blank))[1] == "simple:-/ad+hub/ad+hub/power@usd%2fmwh"


prices = st.floats(-1e6, 1e6, allow_nan=False).map(lambda price: float(f"{price:.15g}"))


@settings(max_examples=25)
@given(st.lists(st.tuples(prices, prices, prices), min_size=1, max_size=6))
def test_every_number_comes_back_as_it_was_written(numbers: list[tuple[float, float, float]]) -> None:
    months = [date(2025 + at // 12, at % 12 + 1, 1) for at in range(len(numbers))]
    rows = list(zip(months, numbers, strict=True))
    mids: Grid = [*HEADER, *([None, month, mid] for month, (mid, _, _) in rows)]
    both: Grid = [*HEADER, *([None, month, f"{bid!r}   /   {ask!r}"] for month, (_, bid, ask) in rows)]
    (curve,) = pw({MID: mids, BIDASK: both}).curves
    assert list(points(curve).values()) == [mid for mid, _, _ in numbers]
    assert list(quotes(curve).values()) == [(bid, ask) for _, bid, ask in numbers]
