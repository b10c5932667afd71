"""The vendors' own files, against what was counted straight from their cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from openpyxl.utils.cell import coordinate_to_tuple

from aurum.market.identity import Measure
from aurum.market.periods import TenorType
from aurum.parsers import parse
from aurum.parsers.model import ParsedCurve, ParsedWorkbook, Severity

pytestmark = pytest.mark.slow
DAYS = (
    *("20250212", "20250213", "20250214", "20250218", "20250219", "20250220", "20250224", "20250225"),
    *("20250226", "20250227", "20250228", "20250910", "20250911", "20250912"),
)
FILES = [f"EOD_{vendor}_{day}_1430.xlsx" for vendor in ("EUGP", "RP") for day in DAYS]
TWINS = "rp:ap/singapore/marine+fuel+0.5%25+fob+singapore+vs+brent+1st+line"

ROLES = {"mid": "mid", "bidask": "bidask", "regional": "redundant copy of Fixed Prices - Mid"}
HEAT_RATE = 2.0  # 50 % efficiency
NBP_TO_MWH = 0.694513017  # pence a therm to GBP a MWh at 49.13 % efficiency


@cache
def read(folder: Path, file: str) -> ParsedWorkbook:
    return parse((folder / file).read_bytes(), file)


def rows(folder: Path, file: str, table: str) -> list[dict[str, str]]:
    with (folder / table).open() as truth:
        return [row for row in csv.DictReader(truth) if row["file"] == file]


def total(sides: Iterator[np.ndarray | None]) -> float:
    return sum(float(np.nansum(side)) for side in sides if side is not None)


def test_the_truth_is_about_these_files(vendor_files: Path) -> None:
    with (vendor_files / "truth_files.csv").open() as truth:
        assert sorted(row["file"] for row in csv.DictReader(truth)) == sorted(FILES)


@pytest.mark.parametrize("file", FILES)
def test_a_file_gives_its_curves_points_and_sums(vendor_files: Path, file: str) -> None:
    book = read(vendor_files, file)
    (truth,) = rows(vendor_files, file, "truth_files.csv")
    assert (book.vendor, book.as_of) == (truth["vendor"], date.fromisoformat(truth["asof"]))
    assert len(book.curves) == int(truth["curves"])
    assert len({curve.identity.key for curve in book.curves}) == len(book.curves)
    assert book.points == int(truth["points"])
    quoted = sum(int(np.isfinite(curve.bid).sum()) for curve in book.curves if curve.bid is not None)
    assert quoted == int(truth["points_with_bidask"])
    assert total(curve.mid for curve in book.curves) == pytest.approx(float(truth["sum_mid"]), abs=1e-6, rel=0)
    assert total(curve.bid for curve in book.curves) == pytest.approx(float(truth["sum_bid"]), abs=1e-6, rel=0)
    assert total(curve.ask for curve in book.curves) == pytest.approx(float(truth["sum_ask"]), abs=1e-6, rel=0)


@pytest.mark.parametrize("file", FILES)
def test_every_sheet_is_read_whole(vendor_files: Path, file: str) -> None:
    book = read(vendor_files, file)
    truth = {row["sheet"]: row for row in rows(vendor_files, file, "truth_sheets.csv")}
    assert {sheet.name for sheet in book.sheets} == set(truth)
    for sheet in book.sheets:
        row = truth[sheet.name]
        assert ROLES[sheet.role] == row["role"]
        assert sheet.columns == int(row["data_columns"])
        assert sheet.tenor_rows == int(row["tenor_rows"])
        assert sheet.values == int(row["numeric_cells"]) + int(row["bidask_cells"])
        assert sheet.blanks == int(row["blank_cells"])


@pytest.mark.parametrize("file", FILES)
def test_the_one_twin_of_rp_is_all_that_is_found(vendor_files: Path, file: str) -> None:
    found = [(finding.code, finding.severity, finding.curve_key) for finding in read(vendor_files, file).findings]
    assert found == ([("EQUAL_TWIN_COLUMNS", Severity.WARNING, TWINS)] if "_RP_" in file else [])


def test_the_files_were_published_in_the_evening_of_their_day(vendor_files: Path) -> None:
    for file in FILES:
        book = read(vendor_files, file)
        assert book.published_at is not None
        assert book.modified_at is not None
        assert book.published_at.date() == book.as_of
        assert book.published_at <= book.modified_at


# -------------------------------------------------------------------------------- what holds between numbers


def months_within(curve: ParsedCurve, strip: int) -> np.ndarray:
    period = curve.tenors[strip].period
    return np.array(
        [
            curve.mid[at]
            for at, tenor in enumerate(curve.tenors)
            if tenor.type is TenorType.MONTH and period.start <= tenor.period.start and tenor.period.end <= period.end
        ]
    )


@pytest.mark.parametrize("file", FILES)
def test_a_strip_is_the_mean_of_its_months_that_are_still_there(vendor_files: Path, file: str) -> None:
    compared = 0
    for curve in read(vendor_files, file).curves:
        for at, tenor in enumerate(curve.tenors):
            if tenor.type is not TenorType.MONTH and len(months := months_within(curve, at)):
                assert curve.mid[at] == pytest.approx(float(np.mean(months)), abs=0.0005 + 1e-9), tenor
                compared += 1
    assert compared > 1_000


@pytest.mark.parametrize("file", [file for file in FILES if "_EUGP_" in file])
def test_a_spark_spread_is_power_less_its_gas_leg(vendor_files: Path, file: str) -> None:
    book = read(vendor_files, file)
    curves = {curve.identity.key: curve for curve in book.curves}
    sparks = [curve for curve in book.curves if curve.identity.measure is Measure.SPARK_SPREAD]
    assert len(sparks) == 35
    for spark in sparks:
        power_key, _, leg = spark.identity.key.split("~")
        market = power_key.split("/")[0]
        power, gas = curves[power_key], curves[f"{market}/{leg}/gas"]
        factor = NBP_TO_MWH if leg == "nbp" else HEAT_RATE
        months = len(spark.tenors)
        assert list(spark.tenors) == list(power.tenors[:months]) == list(gas.tenors[:months])
        np.testing.assert_allclose(spark.mid, power.mid[:months] - factor * gas.mid[:months], rtol=0, atol=1e-6)


@pytest.mark.parametrize("file", FILES)
def test_every_mid_lies_between_its_bid_and_its_ask(vendor_files: Path, file: str) -> None:
    for curve in read(vendor_files, file).curves:
        if curve.bid is not None and curve.ask is not None:
            quoted = np.isfinite(curve.bid)
            assert (curve.bid[quoted] < curve.ask[quoted]).all()
            middle = (curve.bid[quoted] + curve.ask[quoted]) / 2
            np.testing.assert_allclose(curve.mid[quoted], middle, rtol=0, atol=0.0005 + 1e-6)


# ------------------------------------------------------------------------------------------------- cells


@pytest.mark.parametrize("file", [FILES[0], FILES[-1]])
def test_a_cell_address_leads_to_the_number(vendor_files: Path, file: str) -> None:
    """Read again by openpyxl: every mid of some curves, and their quotes."""
    sheets = opened((vendor_files / file).read_bytes())
    book = read(vendor_files, file)
    for curve in book.curves[:: len(book.curves) // 12]:
        for point in range(len(curve.tenors)):
            assert cell(sheets, curve.mid_cells.address(point)) == curve.mid[point]
            if curve.quote_cells is not None and curve.bid is not None and curve.ask is not None:
                bid, _, ask = str(cell(sheets, curve.quote_cells.address(point))).split()
                assert (float(bid), float(ask)) == (curve.bid[point], curve.ask[point])


def opened(data: bytes) -> dict[str, list[tuple[object, ...]]]:
    worksheets = openpyxl.load_workbook(io.BytesIO(data), read_only=True).worksheets
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in worksheets}


def cell(sheets: dict[str, list[tuple[object, ...]]], address: str | None) -> object:
    assert address is not None
    sheet, _, place = address.rpartition("!")
    row, column = coordinate_to_tuple(place)
    return sheets[sheet][row - 1][column - 1]
