"""The vendors' own files: what must be found, what must not, and how much is said on each day."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from aurum.ingestion.checks import CHECKS, Day, Flag, Limits, PreviousFile, check, withheld
from aurum.parsers import parse
from aurum.parsers.model import ParsedWorkbook, Severity
from tests.ingestion.test_checks_samples import codes, curve_of, raised

DOCS = Path(__file__).parents[2] / "docs" / "checks.md"
FEBRUARY = (
    *("20250212", "20250213", "20250214", "20250218", "20250219", "20250220", "20250224", "20250225"),
    *("20250226", "20250227", "20250228"),
)
SEPTEMBER = ("20250910", "20250911", "20250912")
ALL_DAYS = FEBRUARY + SEPTEMBER
CCA = "rp:us/west+coast/cca+aac"
MEASURED = (
    *("IDENTICAL_CURVES WARNING", "IDENTICAL_CURVES INFO", "STALE_CURVE", "OUTLIER_MOVE", "OUTLIER_POINT"),
    *("CURVE_NEW", "COLUMN_MOVED"),
)


@cache
def read(folder: Path, vendor: str, day: str) -> ParsedWorkbook:
    file = f"EOD_{vendor}_{day}_1430.xlsx"
    return parse((folder / file).read_bytes(), file)


@cache
def flags_of(folder: Path, vendor: str, day: str) -> list[Flag]:
    """Of a file after those before it."""
    earlier = [read(folder, vendor, before) for before in ALL_DAYS[: ALL_DAYS.index(day)]]
    previous = PreviousFile.of(earlier[-1]) if earlier else None
    return check(read(folder, vendor, day), [Day.of(each) for each in earlier], previous)


@pytest.mark.parametrize("day", ALL_DAYS)
def test_gas_and_power_are_silent(vendor_files: Path, day: str) -> None:
    assert flags_of(vendor_files, "EUGP", day) == []


@pytest.mark.parametrize("day", ALL_DAYS)
def test_nothing_of_a_real_file_is_withheld(vendor_files: Path, day: str) -> None:
    flags = flags_of(vendor_files, "RP", day)
    assert withheld(flags) == {}
    assert {flag.finding.severity for flag in flags} == {Severity.WARNING, Severity.INFO}


@pytest.mark.parametrize("day", ALL_DAYS)
def test_products_say_as_much_as_was_written_down(vendor_files: Path, day: str) -> None:
    counts: Counter[str] = Counter()
    for flag in flags_of(vendor_files, "RP", day):
        code = flag.finding.code
        counts[f"{code} {flag.finding.severity}" if code == "IDENTICAL_CURVES" else code] += 1
    assert [counts.pop(code, 0) for code in MEASURED] == written_down()[day]
    assert not counts


def written_down() -> dict[str, list[int]]:
    """The table of docs/checks.md: a row per day of RP."""
    rows = (line.strip("| \n").split("|") for line in DOCS.read_text().splitlines() if line.startswith("| 2025-"))
    return {day.strip().replace("-", ""): [int(cell) for cell in cells] for day, *cells in rows}


def test_sixteen_columns_repeat_the_day_before(vendor_files: Path) -> None:
    repeated = [len(raised(flags_of(vendor_files, "RP", day), "STALE_CURVE")) for day in FEBRUARY[1:]]
    assert sorted(repeated)[len(repeated) // 2] == 16
    assert max(repeated) <= 28


@pytest.mark.parametrize(("day", "front", "mean"), [("20250224", 1.16, 0.6809), ("20250225", 1.16, 0.7937)])
def test_the_jump_of_cca_aac_and_its_way_back(vendor_files: Path, day: str, front: float, mean: float) -> None:
    """New on 18 February: two and three moves are known."""
    (flag,) = (f for f in raised(flags_of(vendor_files, "RP", day), "OUTLIER_MOVE") if f.finding.curve_key == CCA)
    assert curve_of(read(vendor_files, "RP", day), CCA).mid[0] == pytest.approx(front, abs=0.01)
    assert f"a mean move of {mean:.4f}" in flag.finding.message
    assert f"over {2 + (day == '20250225')} days" in flag.finding.message
    assert len(flag.points[CCA]) > 50


def test_nothing_is_said_of_cca_aac_on_the_days_before(vendor_files: Path) -> None:
    for day in ("20250219", "20250220"):
        assert not [flag for flag in flags_of(vendor_files, "RP", day) if flag.finding.curve_key == CCA]


def test_curves_that_are_filled_from_the_wrong_source(vendor_files: Path) -> None:
    """On every day the same twelve groups, and most of the others on most days."""
    groups = [
        {frozenset(flag.points) for flag in raised(flags_of(vendor_files, "RP", day), "IDENTICAL_CURVES")}
        for day in ALL_DAYS
    ]
    propane = frozenset(
        {
            "rp:eu/northwest+europe/propane+cif+ara+vs.+naptha+cif+nwe",
            "rp:us/new+york/ny+ulsd+vs.+ny+harbor+ulsd",
        }
    )
    always = set.intersection(*groups)
    assert propane in always
    assert len(always) == 12
    assert all(17 <= len(of_day) <= 23 for of_day in groups)


def test_the_eleven_new_columns_of_18_february(vendor_files: Path) -> None:
    flags = flags_of(vendor_files, "RP", "20250218")
    new = raised(flags, "CURVE_NEW")
    assert len(new) == 11
    assert CCA in {flag.finding.curve_key for flag in new}
    assert raised(flags, "CURVE_RENAMED", "CURVE_GONE", "TENOR_NEW", "TENOR_GONE") == []
    (moved,) = raised(flags, "COLUMN_MOVED")
    assert moved.finding.message.startswith("1,152 columns of 288 curves on 4 sheets stand elsewhere")


def test_a_month_later_the_whole_roll_is_expected(vendor_files: Path) -> None:
    """From February to September: other winters, another order of groups, other months."""
    for vendor in ("EUGP", "RP"):
        assert not set(codes(flags_of(vendor_files, vendor, "20250910"))) & {"TENOR_NEW", "TENOR_GONE", "OUTLIER_MOVE"}


@pytest.mark.parametrize(("file", "points"), [("pw_golden.xlsx", 1), ("eugp_golden.xlsx", 2)])
def test_golden_files_are_loaded_whole(vendor_files: Path, file: str, points: int) -> None:
    """Their mids are between bid and ask, and not always in the middle."""
    day = read(vendor_files, "RP", "20250212").as_of.replace(month=1)
    (flag,) = check(parse((vendor_files / file).read_bytes(), file, as_of=day))
    assert (flag.finding.code, flag.finding.severity) == ("MID_NOT_MIDDLE", Severity.WARNING)
    assert sum(map(len, flag.points.values())) == points


# ------------------------------------------------------------------------------------------------- the document


def test_every_check_and_threshold_is_in_the_document() -> None:
    text = DOCS.read_text()
    for code, check_ in CHECKS.items():
        assert f"| `{code}` | {check_.severity}" in text, code
    for field in fields(Limits):
        if field.name != "severities":
            assert f"| `{field.name}` | {field.default:g} |" in text.replace("0.694513017", "0.694513"), field.name
