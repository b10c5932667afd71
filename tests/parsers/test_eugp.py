"""EUGP: labels that do not mean what they say, `NA` that is a text, and files labelled as one would expect."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from openpyxl import load_workbook

from aurum.demo import eugp_workbook
from aurum.errors import MissingSheet, UnreadableSheet
from aurum.market.identity import Measure
from aurum.parsers import parse
from aurum.parsers.model import ParsedWorkbook, Severity
from tests.parsers.sheets import AS_OF, FEB, MID, Grid, by_key, findings, only, points, put, quotes, workbook

NAME = "EOD_EUGP_20250212_1430.xlsx"
SHEETS = (MID, "Strips - Mid", "Fixed Prices - BidAsk", "Strips - BidAsk")
COLUMNS = (
    ("EU", "Dutch_TTF", "NA", 55.5),
    ("EU", "Belgium", "NA", 55.0),
    ("EU", "Belgium", "BASE", 101.0),
    ("EU", "Belgium", "Peak", 120.0),
    ("UK", "UKA", "EMISSIONS", 44.0),
)


def skeleton(side: str = "Mid", *, spark: bool = False) -> Grid:
    """Rows 5 to 12 as the vendor has them; the values of BidAsk sheets are the mid minus and plus a half."""
    columns = [column for column in COLUMNS if not spark or column[2] in ("BASE", "Peak")]
    quoted = [f"{mid - 0.5}   /   {mid + 0.5}" if side != "Mid" else mid for *_, mid in columns]
    return [
        *([] for _ in range(4)),
        ["Date:", AS_OF, *(f"{market}>{hub}>{kind}" for market, hub, kind, _ in columns if spark)],
        [None, "Location", *(market for market, *_ in columns)],
        [None, "Product", *(hub for _, hub, *_ in columns)],
        [None, "PEAK", *(kind for _, _, kind, _ in columns)],
        [None, "Spark Location", *("Belgium" for _ in columns)] if spark else [],
        [None, None, *(side for _ in columns)],
        [],
        [None, FEB, *quoted],
    ]


def sheets() -> dict[str, Grid]:
    sides = {name: skeleton("Bid   /   Ask" if name.endswith("BidAsk") else "Mid") for name in SHEETS}
    strips = {name: put(grid, "B12", "Calendar 2026") for name, grid in sides.items() if name.startswith("Strips")}
    return {**sides, **strips, "Spark Spread": skeleton(spark=True)}


def eugp(changed: dict[str, Grid] | None = None) -> ParsedWorkbook:
    return parse(workbook({**sheets(), **(changed or {})}), NAME)


def test_what_stands_below_which_label() -> None:
    book = eugp()
    assert list(by_key(book)) == [
        "eugp:eu/dutch_ttf/gas",
        "eugp:eu/belgium/gas",
        "eugp:eu/belgium/power/base",
        "eugp:eu/belgium/power/peak",
        "eugp:uk/uka/carbon",
        "eugp:eu/belgium/power/base~spark_spread~belgium",
        "eugp:eu/belgium/power/peak~spark_spread~belgium",
    ]
    assert book.findings == ()
    assert book.as_of == AS_OF
    assert [(curve.asset_class, curve.commodity, curve.region) for curve in book.curves[1:5]] == [
        ("gas", "gas", "EU"),
        ("power", "power", "EU"),
        ("power", "power", "EU"),
        ("carbon", "carbon", "UK"),
    ]


def test_na_is_a_text_and_gas_has_no_block() -> None:
    gas, power = (by_key(eugp())[f"eugp:eu/belgium/{tail}"] for tail in ("gas", "power/base"))
    assert (gas.identity.block, power.identity.block) == (None, "BASE")
    assert points(gas) == {"2025-02": 55.0, "Calendar 2026": 55.0}
    assert points(power) == {"2025-02": 101.0, "Calendar 2026": 101.0}
    assert quotes(power) == {"2025-02": (100.5, 101.5), "Calendar 2026": (100.5, 101.5)}


def test_a_spark_spread_is_a_curve_of_its_own_with_a_leg() -> None:
    spark = by_key(eugp())["eugp:eu/belgium/power/base~spark_spread~belgium"]
    assert (spark.identity.measure, spark.identity.leg) == (Measure.SPARK_SPREAD, "Belgium")
    assert spark.bid is None
    assert spark.mid_cells.address(0) == "Spark Spread!C12"


def test_a_leg_belongs_to_a_spread_and_to_nothing_else() -> None:
    """A sheet of spreads in the place of prices, or one that lost its row of legs, is not read as what it is not."""
    book = eugp({"Spark Spread": skeleton(), MID: skeleton(spark=True)})
    assert [code for code, sheet, _ in findings(book) if sheet in (MID, "Spark Spread")] == ["MISSING_HEADER"] * 7
    assert {label for curve in book.curves for label in points(curve)} == {"Calendar 2026"}


@pytest.mark.parametrize(
    ("cell", "text"),
    [("D8", "HYDROGEN"), ("D8", None), ("D7", None), ("D6", None), ("D7", "Bid   /   Ask"), ("D7", "31.6 / 31.8")],
)
def test_a_column_whose_texts_name_no_curve(cell: str, text: str | None) -> None:
    book = eugp({MID: put(skeleton(), cell, text)})
    assert ("MISSING_HEADER", MID, ("D12",)) in findings(book, Severity.ERROR)


@pytest.mark.parametrize("name", [*SHEETS, "Spark Spread"])
def test_every_sheet_is_required(name: str) -> None:
    rest = {other: grid for other, grid in sheets().items() if other != name}
    with pytest.raises(MissingSheet) as refused:
        parse(workbook(rest), NAME)
    assert refused.value.details == {"file": NAME, "sheet": name}
    assert refused.value.hint is not None
    assert "Spark Spread" in refused.value.hint or name == "Spark Spread"


def test_a_sheet_that_lost_a_label_is_unreadable() -> None:
    with pytest.raises(UnreadableSheet, match="no row labelled peak") as refused:
        eugp({MID: put(skeleton(), "B8", None)})
    assert refused.value.details == {"file": NAME, "sheet": MID}


@pytest.mark.parametrize("rows", [1, 4, 40])
def test_labels_may_stand_as_far_down_as_there_is_no_number(rows: int) -> None:
    moved = eugp({MID: [*([] for _ in range(rows)), *skeleton()]})
    assert list(by_key(moved)) == list(by_key(eugp()))
    assert moved.findings == ()


def test_the_look_alike_has_the_vendors_83_curves() -> None:
    demo = eugp_workbook(AS_OF, months=6)
    book = parse(demo.to_bytes(), demo.name)
    assert len(book.curves) == 48 + 35
    assert book.findings == ()
    assert book.published_at == demo.published_at
    for curve in book.curves[:60:7]:
        addresses = [curve.mid_cells.address(point) or "" for point in range(len(curve.tenors))]
        assert curve.mid.tolist() == [demo.cell(*address.split("!")) for address in addresses]


def test_the_golden_file_is_labelled_as_one_would_expect(vendor_files: Path) -> None:
    data = (vendor_files / "eugp_golden.xlsx").read_bytes()
    book = parse(data, "eugp_golden.xlsx", as_of=date(2025, 1, 15))
    gas, spark = book.curves
    assert gas.identity.key == "eugp:ttf/ttf/gas/base"
    assert spark.identity.key == "eugp:ttf/ttf/power/base~spark_spread~ttf"
    assert points(gas) == {"2025-01": 32.1, "2025-02": 33.4}
    assert quotes(gas) == {"2025-01": (31.5, 32.5), "2025-02": (32.5, 34.5)}
    assert points(spark) == {"2025-01": 5.1}
    assert (gas.asset_class, gas.unit_text, gas.identity.unit) == ("gas", "€/MWh", None)
    assert [(finding.code, finding.sheet) for finding in book.findings] == [
        ("MISSING_SHEET", "Strips - Mid"),
        ("MISSING_SHEET", "Strips - BidAsk"),
    ]


def test_a_row_of_units_makes_no_file_of_the_usual_labels_another_one() -> None:
    units = {name: put(put(grid, "B11", "Units"), "C11", "EUR/MWh") for name, grid in sheets().items()}
    assert by_key(eugp(units)).keys() == by_key(eugp()).keys()


def test_a_text_of_merged_cells_stands_above_all_their_columns() -> None:
    file = load_workbook(BytesIO(workbook(sheets())))
    for sheet in file:
        sheet.merge_cells("C3:F4")
        sheet["C3"] = "European prices"
        sheet.merge_cells("C6:D6" if sheet.title == "Spark Spread" else "C6:F6")
    merged = BytesIO()
    file.save(merged)
    book = parse(merged.getvalue(), NAME)
    assert findings(book) == []
    assert {key: points(curve) for key, curve in by_key(book).items()} == {
        key: points(curve) for key, curve in by_key(eugp()).items()
    }


def test_numbers_are_not_spread_over_merged_cells() -> None:
    file = load_workbook(BytesIO(workbook(sheets())))
    file["Fixed Prices - BidAsk"].merge_cells("C12:D12")
    file[MID].merge_cells("C12:D12")
    merged = BytesIO()
    file.save(merged)
    curves = by_key(parse(merged.getvalue(), NAME))
    assert points(curves["eugp:eu/dutch_ttf/gas"])["2025-02"] == 55.5
    assert "2025-02" not in points(curves["eugp:eu/belgium/gas"])
    assert "2025-02" not in quotes(curves["eugp:eu/belgium/gas"])


def test_a_labelled_file_may_name_its_market() -> None:
    grid: Grid = [
        ["Market:", None, "EU"],
        ["Location", None, "TTF"],
        ["Product", None, "Gas"],
        ["Hours", None, None],
        ["Units", None, "€/MWh"],
        [None, FEB, 32.1],
    ]
    book = parse(workbook({MID: grid}), NAME)
    assert list(by_key(book)) == ["eugp:eu/ttf/gas"]
    assert book.curves[0].region == "EU"
    assert only(parse(workbook({MID: put(grid, "C3", None)}), NAME), "MISSING_HEADER").cells == ("C6",)


def test_a_row_of_prices_is_read_whatever_stands_in_its_first_column() -> None:
    book = eugp_workbook(date(2025, 2, 12), months=4)
    plain = parse(book.to_bytes(), book.name)
    book.put("Fixed Prices - Mid", "A14", "Date:")
    marked = parse(book.to_bytes(), book.name)
    for mine, theirs in zip(marked.curves, plain.curves, strict=True):
        np.testing.assert_array_equal(mine.mid, theirs.mid)
