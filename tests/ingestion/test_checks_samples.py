"""Generated files for the tests of checks; untouched ones are silent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurum.demo import VendorWorkbook, business_days, eugp_workbook, pw_workbook, rp_workbook, simple_workbook
from aurum.ingestion.checks import Day, Flag, PreviousFile, Thresholds, check, withheld
from aurum.market.periods import TenorType
from aurum.parsers import parse
from aurum.parsers.model import ParsedCurve, ParsedWorkbook, Severity

FRIDAY = date(2025, 2, 28)
DAYS = tuple(business_days(FRIDAY, 9))

MID, STRIPS, BIDASK = "Fixed Prices - Mid", "Strips - Mid", "Fixed Prices - BidAsk"
TTF, GERMAN = "eugp:eu/dutch_ttf/gas", "eugp:eu/german/power/base"
NY_ULSD = "rp:us/new+york/ny+ulsd+vs.+ny+harbor+ulsd"
PROPANE = "rp:eu/northwest+europe/propane+cif+ara+vs.+naptha+cif+nwe"


def read(workbook: VendorWorkbook) -> ParsedWorkbook:
    return parse(workbook.to_bytes(), workbook.name)


@cache
def eugp(as_of: date = FRIDAY) -> ParsedWorkbook:
    return read(eugp_workbook(as_of))


@cache
def rp(as_of: date = FRIDAY) -> ParsedWorkbook:
    return read(rp_workbook(as_of))


@cache
def simple(as_of: date = FRIDAY) -> ParsedWorkbook:
    return read(simple_workbook(as_of))


def before(vendor: Callable[[date], ParsedWorkbook], days: Iterable[date] = DAYS[:-1]) -> list[Day]:
    return [Day.of(vendor(day)) for day in days]


def put(workbook: VendorWorkbook, sheet: str, cell: str, value: object) -> ParsedWorkbook:
    """The file with another value in one cell."""
    workbook.put(sheet, cell, value)
    return read(workbook)


def row_of(parsed: ParsedWorkbook, key: str) -> int:
    return [curve.identity.key for curve in parsed.curves].index(key)


def curve_of(parsed: ParsedWorkbook, key: str) -> ParsedCurve:
    return parsed.curves[row_of(parsed, key)]


def at(curve: ParsedCurve, label: str) -> int:
    """The point of a tenor."""
    return [tenor.label for tenor in curve.tenors].index(label)


def months(curve: ParsedCurve) -> list[int]:
    return [point for point, tenor in enumerate(curve.tenors) if tenor.type is TenorType.MONTH]


def with_curve(parsed: ParsedWorkbook, row: int, **changes: object) -> ParsedWorkbook:
    curves = list(parsed.curves)
    curves[row] = replace(curves[row], **changes)  # type: ignore[arg-type]  # names of fields
    return replace(parsed, curves=tuple(curves))


def moved(parsed: ParsedWorkbook, row: int, point: int, by: float, side: str = "mid") -> ParsedWorkbook:
    """The file with one number changed."""
    values = getattr(parsed.curves[row], side).copy()
    values[point] += by
    return with_curve(parsed, row, **{side: values})


def raised(flags: Sequence[Flag], *codes: str) -> list[Flag]:
    return [flag for flag in flags if flag.finding.code in codes]


def codes(flags: Sequence[Flag]) -> list[str]:
    return [flag.finding.code for flag in flags]


def only(flags: Sequence[Flag], code: str) -> Flag:
    (flag,) = raised(flags, code)
    return flag


def seen(flags: Sequence[Flag]) -> set[tuple[object, ...]]:
    """What flags are about, without words and cells."""
    return {
        (
            flag.finding.code,
            flag.finding.severity,
            frozenset((key, points) for key, points in flag.points.items()),
            flag.whole_file,
        )
        for flag in flags
    }


# ------------------------------------------------------------------------------------------------- silence


def test_a_week_of_generated_gas_and_power_is_silent() -> None:
    for at_, day in enumerate(DAYS):
        previous = PreviousFile.of(eugp(DAYS[at_ - 1])) if at_ else None
        assert check(eugp(day), before(eugp, DAYS[:at_]), previous) == []


@pytest.mark.parametrize("workbook", [pw_workbook, simple_workbook])
def test_other_vendors_files_are_silent(workbook: Callable[..., VendorWorkbook]) -> None:
    days = [read(workbook(day)) for day in DAYS]
    for number, parsed in enumerate(days):
        assert check(parsed, [Day.of(day) for day in days[:number]]) == []


def test_generated_products_repeat_their_weekly_curves_and_have_one_wrong_source() -> None:
    flags = check(rp(), before(rp), PreviousFile.of(rp(DAYS[-2])))
    assert set(codes(flags)) == {"IDENTICAL_CURVES", "STALE_CURVE"}
    assert set(only(flags, "IDENTICAL_CURVES").points) == {NY_ULSD, PROPANE}
    assert {flag.finding.curve_key for flag in raised(flags, "STALE_CURVE")} == {
        "rp:us/east+coast/maryland+compliance+renewable+energy+credit+tier+1+prior+year",
        "rp:us/east+coast/new+jersey+solar+renewable+energy+certificate",
        "rp:us/ercot/texas+compliance+renewable+energy+certificate+front+half+specific",
        "rp:us/gulf+coast/d6+gasoline+(current)",
        "rp:eu/rotterdam/fuel-oil+1%25+fob+vs+1%25+cif+nwe",
    }


@settings(max_examples=8)
@given(st.integers(0, 2**31), st.dates(date(2024, 1, 1), date(2027, 12, 31)))
def test_a_file_of_any_seed_and_date_is_silent(seed: int, as_of: date) -> None:
    assert check(read(eugp_workbook(as_of, seed=seed, months=37))) == []


def test_a_file_without_a_number_is_refused() -> None:
    nothing = replace(eugp(), curves=(), sheets=())
    (flag,) = check(nothing, before(eugp))
    assert (flag.finding.code, flag.whole_file) == ("TOO_MANY_ERRORS", True)
    gone = check(nothing, (), PreviousFile.of(eugp(DAYS[-2])))
    assert codes(gone) == ["TOO_MANY_ERRORS"] + ["SHEET_GONE"] * 5 + ["CURVE_GONE"] * 83


# ------------------------------------------------------------------------------------------------- any change

SIZES = st.one_of(st.floats(0.01, 5), st.floats(5, 1e9), st.just(1e308)).flatmap(lambda by: st.sampled_from([by, -by]))


@settings(max_examples=300)
@given(st.data(), SIZES)
def test_a_single_wrong_number_is_found_and_nothing_else_is_withheld(data: st.DataObject, by: float) -> None:
    """Strips and spreads that the number spoils are right, and stay."""
    parsed = data.draw(st.sampled_from([eugp(), rp()]))
    row = data.draw(st.integers(0, len(parsed.curves) - 1))
    curve = parsed.curves[row]
    point = data.draw(st.integers(0, len(curve.tenors) - 1))
    side = data.draw(st.sampled_from(["mid", "bid", "ask"] if curve.bid is not None else ["mid"]))
    flags = check(moved(parsed, row, point, by, side))
    assert withheld(flags) == {curve.identity.key: (point,)}
    named = {cell for flag in flags if flag.withholds for cell in flag.finding.cells}
    sheet, _, cell = (curve.mid_cells.address(point) or "").rpartition("!")
    quote = curve.quote_cells.address(point) if curve.quote_cells is not None else None
    assert named & {cell, f"{sheet}!{cell}", quote, (quote or "").rpartition("!")[2]}


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 82), st.integers(0, 120), SIZES), max_size=6, unique_by=lambda each: each[:2]),
    st.randoms(),
)
def test_the_order_of_curves_does_not_matter(changes: list[tuple[int, int, float]], random: Random) -> None:
    parsed = eugp()
    for row, point, by in changes:
        parsed = moved(parsed, row, point, by)
    shuffled = list(parsed.curves)
    random.shuffle(shuffled)
    history = before(eugp)
    assert seen(check(replace(parsed, curves=tuple(shuffled)), history)) == seen(check(parsed, history))


@settings(max_examples=30)
@given(st.data())
def test_blanks_are_no_error(data: st.DataObject) -> None:
    """Whatever is blank: nothing is withheld, and the blank mid of a quoted point is mentioned."""
    parsed = eugp()
    row = data.draw(st.integers(0, len(parsed.curves) - 1))
    curve = parsed.curves[row]
    blank = data.draw(st.lists(st.integers(0, len(curve.tenors) - 1), min_size=1, max_size=20, unique=True))
    mid = curve.mid.copy()
    mid[blank] = np.nan
    flags = check(with_curve(parsed, row, mid=mid), before(eugp))
    assert withheld(flags) == {}
    if curve.bid is not None:
        assert only(flags, "MID_MISSING").points == {curve.identity.key: tuple(sorted(blank))}


def test_every_flag_says_where_and_what() -> None:
    parsed = moved(moved(rp(), 4, 7, 1e6), 9, 70, -50.0, "ask")
    flags = check(parsed, before(rp), PreviousFile.of(rp(DAYS[-2])), Thresholds())
    assert {"MID_OUTSIDE_QUOTE", "BID_ABOVE_ASK", "OUTLIER_MOVE"} <= set(codes(flags))
    for flag in flags:
        finding = flag.finding
        assert finding.message
        assert finding.sheet
        assert finding.cells
        assert finding.curve_key in flag.points
        for key, points in flag.points.items():
            assert set(points) <= set(range(len(curve_of(parsed, key).tenors)))
        if flag.withholds:
            assert finding.severity is Severity.ERROR
            assert len(flag.reasons) == len(flag.points[str(finding.curve_key)])
