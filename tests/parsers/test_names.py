"""Whose file it is and which date it is as of: from the name, the sheets and the caller, who must agree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from aurum.demo import VendorWorkbook, eugp_workbook, pw_workbook, rp_workbook, simple_workbook
from aurum.errors import AsOfMismatch, MissingAsOf, MissingSheet, UnknownVendor, UnreadableSheet
from aurum.parsers import parse
from aurum.parsers.reader import as_of_in, vendor_of
from tests.parsers.sheets import AS_OF, BIDASK, MID, PW_BIDASK, PW_MID, Grid, put, workbook

NAME = "EOD_PW_20250212_1430.xlsx"


def dated(grid: Grid, value: object) -> Grid:
    return [["Date:", value], *grid]


@pytest.mark.parametrize(
    ("name", "vendor"),
    [
        ("EOD_PW_20250212_1430.xlsx", "PW"),
        ("eod_eugp_20250212_1430.XLSX", "EUGP"),
        ("EOD_RP_20250212_1430 (1).xlsx", "RP"),
        ("EOD_RP_20250212_1430_corrected.xlsx", "RP"),
        ("EOD_SIMPLE_20250212_1430-v2.xlsx", "SIMPLE"),
        ("inbox/2025/EOD_PW_20250212_1430.xlsx", "PW"),
        (r"C:\inbox\EOD_PW_20250212_1430.xlsx", "PW"),
    ],
)
def test_the_name_says_the_vendor_and_the_date(name: str, vendor: str) -> None:
    assert vendor_of(name) == vendor
    assert as_of_in(name) == AS_OF


@pytest.mark.parametrize(
    ("name", "vendor"), [("pw_golden.xlsx", "PW"), ("my rp file.xlsx", "RP"), ("EOD_RP_latest.xlsx", "RP")]
)
def test_other_names_may_hold_the_vendor_as_a_word(name: str, vendor: str) -> None:
    assert vendor_of(name) == vendor
    assert as_of_in(name) is None


@pytest.mark.parametrize("name", ["prices.xlsx", "EOD_ICE_20250212_1430.xlsx", "pw_and_rp.xlsx", "power.xlsx", ""])
def test_a_name_that_says_no_vendor_or_two(name: str) -> None:
    with pytest.raises(UnknownVendor) as refused:
        parse(b"", name)
    assert refused.value.details["file"] == name
    assert refused.value.hint is not None
    assert "--vendor" in refused.value.hint
    assert vendor_of(name, "rp") == "RP"


@pytest.mark.parametrize(
    ("made", "named"),
    [
        *((eugp_workbook, name) for name in ("RP", "PW", "SIMPLE")),
        *((rp_workbook, name) for name in ("EUGP", "PW", "SIMPLE")),
        *((pw_workbook, name) for name in ("EUGP", "RP", "SIMPLE")),
        (simple_workbook, "EUGP"),
    ],
)
def test_a_file_of_another_vendor_is_refused(made: Callable[..., VendorWorkbook], named: str) -> None:
    """But for one of SIMPLE's called PW's: it may be one."""
    with pytest.raises((UnknownVendor, MissingSheet)):
        parse(made(AS_OF, months=4).to_bytes(), f"EOD_{named}_20250212_1430.xlsx")


def test_the_caller_may_not_contradict_the_name_nor_invent_a_vendor() -> None:
    assert vendor_of("EOD_RP_20250212_1430.xlsx", "rp") == "RP"
    with pytest.raises(UnknownVendor, match="named as a file of RP, not of PW"):
        vendor_of("EOD_RP_20250212_1430.xlsx", "PW")
    with pytest.raises(UnknownVendor, match="'ICE' is no vendor"):
        vendor_of("EOD_RP_20250212_1430.xlsx", "ICE")


@pytest.mark.parametrize("value", [AS_OF, "2025-02-12"])
def test_the_sheet_says_the_date(value: object) -> None:
    book = parse(workbook({MID: dated(PW_MID, value)}), "pw.xlsx")
    assert book.as_of == AS_OF


@pytest.mark.parametrize("above", [0, 6, 7])
def test_the_date_may_be_the_first_of_a_month_and_is_no_tenor(above: int) -> None:
    first = date(2025, 4, 1)
    grid = [*PW_MID[:above], ["Date:", first], *PW_MID[above:]]
    book = parse(workbook({MID: grid}), "pw.xlsx")
    assert book.as_of == first
    assert (book.sheets[0].tenor_rows, book.sheets[0].values) == (2, 4)
    assert [tenor.label for tenor in book.curves[0].tenors] == ["2025-02", "2025-03"]


def test_name_caller_and_every_sheet_must_agree() -> None:
    other = date(2025, 2, 13)
    with pytest.raises(AsOfMismatch, match="the caller says 2025-02-13"):
        parse(workbook({MID: PW_MID}), NAME, as_of=other)
    late = workbook({MID: dated(PW_MID, AS_OF), BIDASK: dated(PW_BIDASK, other)})
    with pytest.raises(AsOfMismatch) as refused:
        parse(late, NAME)
    assert refused.value.details == {"file": NAME, "sheet": BIDASK, "cell": "B1"}
    with pytest.raises(AsOfMismatch):
        parse(late, "pw.xlsx")
    assert parse(workbook({MID: dated(PW_MID, AS_OF)}), NAME, as_of=AS_OF).as_of == AS_OF


def test_nobody_says_the_date() -> None:
    with pytest.raises(MissingAsOf) as refused:
        parse(workbook({MID: PW_MID}), "pw.xlsx")
    assert refused.value.hint is not None
    assert "--as-of" in refused.value.hint
    assert parse(workbook({MID: PW_MID}), "pw.xlsx", as_of=AS_OF).as_of == AS_OF
    assert parse(workbook({MID: dated(PW_MID, None)}), "pw.xlsx", as_of=AS_OF).as_of == AS_OF


def test_a_date_that_is_none_is_not_guessed() -> None:
    with pytest.raises(AsOfMismatch):
        parse(workbook({MID: PW_MID}), "EOD_PW_20251345_1430.xlsx")
    with pytest.raises(UnreadableSheet) as refused:
        parse(workbook({MID: dated(PW_MID, "30/02/2025")}), NAME)
    assert refused.value.details == {"file": NAME, "sheet": MID, "cell": "B1"}


@pytest.mark.parametrize(
    "typed",
    ["2025-02-12 00:00:00", "12-Feb-2025", "12 February 2025", "Feb 12, 2025", "february 12, 25", "12.02.2025",
     "12/02/2025", "2/12/2025", "2/12/25"],
)  # fmt: skip
def test_a_date_typed_as_a_text(typed: str) -> None:
    assert parse(workbook({MID: dated(PW_MID, typed)}), NAME).as_of == AS_OF
    with pytest.raises(AsOfMismatch):
        parse(workbook({MID: dated(PW_MID, typed)}), NAME.replace("0212", "0213"))


def test_a_date_that_may_be_two_days_says_neither_alone() -> None:
    slashed = workbook({MID: dated(PW_MID, "12/02/2025")})
    with pytest.raises(MissingAsOf, match="B1 of 'Fixed Prices - Mid' says 2025-02-12 or 2025-12-02"):
        parse(slashed, "pw.xlsx")
    told = workbook({MID: dated(PW_MID, "12/02/2025"), BIDASK: dated(PW_BIDASK, AS_OF)})
    assert parse(told, "pw.xlsx").as_of == AS_OF


def test_the_document_says_when_it_was_published() -> None:
    book = parse(workbook({MID: put(PW_MID, "C7", 1.0)}), NAME)
    assert book.published_at is not None
    assert book.published_at.utcoffset() is not None
    assert book.modified_at is not None
