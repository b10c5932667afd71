"""A file against the vendor's last one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from aurum.curves.model import CurvePrices
from aurum.demo import VendorWorkbook, eugp_workbook, rp_workbook
from aurum.ingestion.checks import Flag, PreviousFile, Thresholds, check
from aurum.parsers.model import ParsedWorkbook, Severity
from tests.ingestion.test_checks_samples import (
    BIDASK,
    DAYS,
    FRIDAY,
    GERMAN,
    MID,
    STRIPS,
    TTF,
    at,
    codes,
    curve_of,
    eugp,
    only,
    raised,
    read,
    row_of,
    rp,
    with_curve,
)

YESTERDAY = DAYS[-2]
NEW = "eugp:eu/atlantis/gas"
DRIFT = (
    *("CURVE_NEW", "CURVE_GONE", "CURVE_RENAMED", "COLUMN_MOVED", "SHEET_NEW", "SHEET_GONE", "TENOR_NEW"),
    "TENOR_GONE",
)


def against(parsed: ParsedWorkbook, before: ParsedWorkbook | None = None) -> list[Flag]:
    return raised(check(parsed, (), PreviousFile.of(before or eugp(YESTERDAY))), *DRIFT)


def inserted(workbook: VendorWorkbook, sheet: str, column: int, texts: dict[int, object], like: int) -> None:
    """A column put in before another, with other texts above the values of a third."""
    for number, row in enumerate(workbook.sheets[sheet], 1):
        row.insert(column, texts.get(number, row[like]))


def renamed(workbook: VendorWorkbook, old: str, new: str) -> VendorWorkbook:
    """On the price sheets."""
    for sheet, grid in workbook.sheets.items():
        for row in grid[:11] if sheet != "Spark Spread" else ():
            row[:] = [new if value == old else value for value in row]
    return workbook


def test_nothing_drifts_between_two_days() -> None:
    assert against(eugp()) == []
    assert against(rp(), rp(YESTERDAY)) == []


def test_without_a_last_file_nothing_is_new() -> None:
    assert raised(check(eugp()), *DRIFT) == []


# ------------------------------------------------------------------------------------------------- curves


def test_a_column_put_in_is_a_new_curve_and_moves_the_others() -> None:
    workbook = eugp_workbook(FRIDAY)
    for sheet in (MID, STRIPS, BIDASK, "Strips - BidAsk"):
        inserted(workbook, sheet, 4, {7: "Atlantis"}, like=10)
    flags = against(read(workbook))
    assert codes(flags) == ["CURVE_NEW", "COLUMN_MOVED"]
    new, moved = flags
    assert (new.finding.curve_key, new.finding.severity) == (NEW.replace("gas", "power/peak"), Severity.WARNING)
    assert new.finding.message == "EU, Atlantis, power, PEAK was not in EOD_EUGP_20250227_2215.xlsx"
    assert (new.finding.sheet, new.finding.cells) == (MID, ("E12",))
    assert (moved.finding.severity, moved.points) == (Severity.INFO, {})
    assert moved.finding.message == (
        "184 columns of 46 curves on 4 sheets stand elsewhere than in EOD_EUGP_20250227_2215.xlsx: the first is "
        "EU, Austrian_CEGH, gas, from E to F"
    )


def test_a_curve_that_is_gone_and_where_it_stood() -> None:
    kept = replace(eugp(), curves=tuple(c for c in eugp().curves if c.identity.key != TTF))
    flag = only(against(kept), "CURVE_GONE")
    assert (flag.finding.curve_key, flag.finding.severity, flag.points) == (TTF, Severity.WARNING, {})
    assert f"it stood in D of {MID!r}, D of {STRIPS!r}" in flag.finding.message


def test_a_curve_under_another_name_is_suspected_to_be_the_same() -> None:
    flags = against(read(renamed(eugp_workbook(FRIDAY), "Austrian_CEGH", "Atlantis")))
    assert codes(flags) == ["CURVE_NEW", "CURVE_GONE", "CURVE_RENAMED"]
    flag = only(flags, "CURVE_RENAMED")
    assert "eugp:eu/austrian_cegh/gas is gone, and eugp:eu/atlantis/gas is new" in flag.finding.message
    assert (flag.finding.curve_key, flag.finding.severity) == (NEW, Severity.WARNING)


def test_each_renamed_curve_is_paired_with_the_nearest() -> None:
    """Hubs of nearly one price, and two of them under other names."""
    workbook = renamed(renamed(eugp_workbook(FRIDAY), "German_NCG", "Atlantis"), "French_PEG", "Lemuria")
    messages = [flag.finding.message for flag in raised(against(read(workbook)), "CURVE_RENAMED")]
    assert len(messages) == 2
    assert sum("german_ncg/gas is gone, and eugp:eu/atlantis/gas" in message for message in messages) == 1
    assert sum("french_peg/gas is gone, and eugp:eu/lemuria/gas" in message for message in messages) == 1


def test_a_curve_gone_and_another_one_new_are_not_a_renaming() -> None:
    old = replace(eugp(YESTERDAY), curves=tuple(c for c in eugp(YESTERDAY).curves if c.identity.key != GERMAN))
    kept = replace(eugp(), curves=tuple(c for c in eugp().curves if c.identity.key != TTF))
    assert codes(against(kept, old)) == ["CURVE_NEW", "CURVE_GONE"]


# ------------------------------------------------------------------------------------------------- sheets


def test_sheets_that_are_new_or_gone() -> None:
    workbook = rp_workbook(FRIDAY)
    workbook.sheets["Notes"] = [["hello"]]
    del workbook.sheets["Asia"]
    flags = against(read(workbook), rp(YESTERDAY))
    assert [(f.finding.code, f.finding.sheet, f.finding.severity) for f in flags] == [
        ("SHEET_NEW", "Notes", Severity.INFO),
        ("SHEET_GONE", "Asia", Severity.WARNING),
    ]
    unknown = replace(PreviousFile.of(rp(YESTERDAY)), sheets=None)
    assert raised(check(read(workbook), (), unknown), *DRIFT) == []


def test_a_sheet_that_nobody_read_may_go() -> None:
    workbook = rp_workbook(YESTERDAY)
    workbook.sheets["Notes"] = []
    finding = only(against(rp(), read(workbook)), "SHEET_GONE").finding
    assert (finding.sheet, finding.severity) == ("Notes", Severity.INFO)


def test_other_blanks_in_the_name_of_a_sheet_make_no_other_sheet() -> None:
    workbook = rp_workbook(FRIDAY)
    names = {"Fixed Prices - Mid": "Fixed  Prices-Mid ", "Asia": " ASIA"}
    workbook.sheets = {names.get(name, name): grid for name, grid in workbook.sheets.items()}
    assert against(read(workbook), rp(YESTERDAY)) == []


# ------------------------------------------------------------------------------------------------- tenors


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (date(2025, 2, 28), date(2025, 3, 3)),
        (date(2025, 3, 31), date(2025, 4, 1)),
        (date(2025, 12, 31), date(2026, 1, 2)),
        (date(2025, 2, 28), date(2025, 9, 10)),
    ],
)
def test_the_monthly_roll_is_expected(before: date, now: date) -> None:
    assert raised(against(eugp(now), eugp(before)), "TENOR_NEW", "TENOR_GONE") == []


@pytest.mark.parametrize(
    ("before", "now", "label"),
    [
        (date(2025, 3, 31), date(2025, 4, 1), "Calendar 2025"),
        (date(2025, 5, 30), date(2025, 6, 2), "Summer 2025"),
        (date(2024, 12, 31), date(2025, 1, 2), "Winter 2025"),
    ],
)
def test_a_strip_is_listed_until_its_last_month_is_delivered(before: date, now: date, label: str) -> None:
    workbook = eugp_workbook(now)
    for sheet in (STRIPS, "Strips - BidAsk"):
        workbook.sheets[sheet] = [row for row in workbook.sheets[sheet] if label not in row]
    flag = only(against(read(workbook), eugp(before)), "TENOR_GONE")
    assert flag.finding.message == f"{label} in 48 curves: quoted in EOD_EUGP_{before:%Y%m%d}_2215.xlsx, and gone"


def test_months_that_end_earlier_or_later_than_they_did() -> None:
    shorter, longer = read(eugp_workbook(FRIDAY, months=109)), eugp(YESTERDAY)
    gone = raised(against(shorter, longer), "TENOR_GONE")
    assert "2034-03, 2034-04, 2034-05, 2034-06, 2034-07 ..." in gone[0].finding.message
    assert {flag.finding.severity for flag in gone} == {Severity.WARNING}
    assert sum(int(flag.finding.message.split(" in ")[1].split()[0]) for flag in gone) == 83
    new = raised(against(longer, shorter), "TENOR_NEW")
    assert len(new) == len(gone) == 2, "one for curves with strips, one for the spreads"
    later = read(eugp_workbook(date(2025, 3, 3)))
    assert {flag.finding.code for flag in against(later, shorter)} == {"TENOR_NEW"}


def test_a_point_that_was_quoted_and_is_blank() -> None:
    """The last month: no other month tells that one is missing."""
    workbook = eugp_workbook(FRIDAY)
    for sheet in (MID, BIDASK):
        workbook.put(sheet, "D132", None)
    flag = only(against(read(workbook)), "TENOR_GONE")
    assert flag.finding.curve_key == TTF
    assert flag.finding.message == "2035-02 in 1 curve: quoted in EOD_EUGP_20250227_2215.xlsx, and gone"


def test_points_of_a_new_tenor() -> None:
    old = eugp(YESTERDAY)
    row = row_of(old, TTF)
    curve = old.curves[row]
    kept = type(curve.tenors)(tenor for tenor in curve.tenors if tenor.label != "Calendar 2030")
    flags = against(eugp(), with_curve(old, row, tenors=kept, mid=curve.mid[[t in kept for t in curve.tenors]]))
    assert only(flags, "TENOR_NEW").points == {TTF: (at(curve_of(eugp(), TTF), "Calendar 2030"),)}


# ------------------------------------------------------------------------------------------------- from the store


def test_stored_prices_do_as_well_as_the_file() -> None:
    old = rp(YESTERDAY)
    prices = {
        c.identity.key: CurvePrices(c.tenors, c.mid, c.bid, c.ask, c.mid_cells, c.quote_cells) for c in old.curves
    }
    stored = PreviousFile(old.file, old.as_of, prices)
    workbook = rp_workbook(FRIDAY)
    for sheet in list(workbook.sheets)[:4]:
        inserted(workbook, sheet, 4, {8: "Unobtainium"}, like=10)
    parsed = read(workbook)
    assert [f.finding for f in check(parsed, (), stored)] == [
        f.finding for f in check(parsed, (), PreviousFile.of(old))
    ]


def test_how_near_a_renamed_curve_must_be_is_a_threshold() -> None:
    parsed = read(renamed(eugp_workbook(FRIDAY), "Austrian_CEGH", "Atlantis"))
    previous = PreviousFile.of(eugp(YESTERDAY))
    strict = Thresholds(default={"rename_share": 0.0001})
    assert raised(check(parsed, (), previous, strict), "CURVE_RENAMED") == []
