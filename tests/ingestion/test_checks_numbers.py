"""Numbers of one file that contradict each other, and labels that are beside the wrong ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from aurum.demo import VendorWorkbook, eugp_workbook, pw_workbook, rp_workbook
from aurum.ingestion.checks import Flag, Thresholds, check, points_of, refusal, withheld
from aurum.parsers.model import Finding, ParsedWorkbook, Prices, Severity
from tests.ingestion.test_checks_samples import (
    BIDASK,
    FRIDAY,
    GERMAN,
    MID,
    NY_ULSD,
    PROPANE,
    STRIPS,
    TTF,
    at,
    codes,
    curve_of,
    eugp,
    moved,
    only,
    put,
    raised,
    read,
    row_of,
    rp,
    with_curve,
)


def eugp_put(sheet: str, cell: str, value: object) -> list[Flag]:
    return check(put(eugp_workbook(FRIDAY), sheet, cell, value))


# ------------------------------------------------------------------------------------------------- quotes


def test_a_bid_above_its_ask() -> None:
    (flag,) = eugp_put(BIDASK, "D14", "31.809   /   31.603")
    assert flag.finding == Finding(
        "BID_ABOVE_ASK", Severity.ERROR, "2025-04: bid 31.809 is above ask 31.603", BIDASK, ("D14",), TTF
    )
    assert flag.points == {TTF: (2,)}
    assert flag.reasons == ("2025-04: bid 31.809 is above ask 31.603",)
    assert withheld([flag]) == {TTF: (2,)}


def test_a_bid_equal_to_its_ask_is_a_quote() -> None:
    mid = curve_of(eugp(), TTF).mid[2]
    workbook = eugp_workbook(FRIDAY)
    workbook.put(BIDASK, "D14", f"{mid:.9f}   /   {mid:.9f}")
    assert check(read(workbook)) == []


def test_a_mid_that_is_not_between_bid_and_ask() -> None:
    curve = curve_of(eugp(), TTF)
    assert curve.bid is not None
    assert curve.ask is not None
    (flag,) = eugp_put(MID, "D14", 300.0)
    assert flag.finding.code == "MID_OUTSIDE_QUOTE"
    assert (flag.finding.sheet, flag.finding.cells) == (MID, ("D14", f"{BIDASK}!D14"))
    assert f"mid 300 is not between bid {curve.bid[2]:g} and ask {curve.ask[2]:g}" in flag.finding.message
    assert withheld([flag]) == {TTF: (2,)}


@pytest.mark.parametrize(("by", "found"), [(0.0009, ["MID_OUTSIDE_QUOTE"]), (0.0004, [])])
def test_a_mid_may_be_off_its_quote_by_the_rounding(by: float, found: list[str]) -> None:
    """And by no more: the quote is one number, the mid beside it."""
    row = row_of(eugp(), TTF)
    quote = np.round(eugp().curves[row].mid, 3)
    parsed = with_curve(eugp(), row, mid=quote, bid=quote, ask=quote)
    assert codes(raised(check(moved(parsed, row, 50, by)), "MID_OUTSIDE_QUOTE")) == found


def test_a_mid_that_is_not_the_middle_is_wrong_where_all_others_are() -> None:
    curve = curve_of(eugp(), TTF)
    (flag,) = eugp_put(MID, "D14", float(curve.mid[2]) + 0.002)
    assert (flag.finding.code, flag.finding.severity) == ("MID_NOT_MIDDLE", Severity.ERROR)
    assert withheld([flag]) == {TTF: (2,)}


def with_wider_quotes(parsed: ParsedWorkbook) -> ParsedWorkbook:
    """All asks higher: no mid is the middle of its quote."""
    curves = [replace(curve, ask=None if curve.ask is None else curve.ask + 0.1) for curve in parsed.curves]
    return replace(parsed, curves=tuple(curves))


def test_a_mid_that_is_not_the_middle_is_noted_where_others_are_not_either() -> None:
    """So it is in the golden files: the middle is a habit, not a rule."""
    flags = check(with_wider_quotes(eugp()))
    assert {(flag.finding.code, flag.finding.severity) for flag in flags} == {("MID_NOT_MIDDLE", Severity.WARNING)}
    assert len(flags) == 48
    assert withheld(flags) == {}


def test_a_curve_that_is_off_its_quotes_is_wrong_where_no_other_is() -> None:
    row = row_of(eugp(), TTF)
    ask = eugp().curves[row].ask
    assert ask is not None
    flags = check(with_curve(eugp(), row, ask=ask + 0.1))
    assert codes(flags) == ["MID_NOT_MIDDLE"]
    assert withheld(flags) == {TTF: tuple(range(151))}


def test_a_wrong_quote_is_found_by_the_mid() -> None:
    curve = curve_of(eugp(), TTF)
    assert curve.ask is not None
    flags = eugp_put(BIDASK, "D14", f"3.1603 / {curve.ask[2]}")
    assert codes(flags) == ["MID_NOT_MIDDLE"]
    assert withheld(flags) == {TTF: (2,)}


def test_many_wrong_points_of_a_curve_are_one_flag_with_a_reason_each() -> None:
    row = row_of(eugp(), TTF)
    mid = eugp().curves[row].mid.copy()
    mid[10:15] += 100
    flag = only(check(with_curve(eugp(), row, mid=mid)), "MID_OUTSIDE_QUOTE")
    assert flag.points == {TTF: (10, 11, 12, 13, 14)}
    assert flag.finding.message.endswith("; and 4 more points")
    assert [reason[:7] for reason in flag.reasons] == ["2025-12", "2026-01", "2026-02", "2026-03", "2026-04"]
    assert flag.finding.cells[:3] == ("D22", f"{BIDASK}!D22", "D23")


# ------------------------------------------------------------------------------------------------- strips


def test_a_strip_that_is_not_the_mean_of_its_months() -> None:
    """Without quotes, the months say it alone."""
    curve = curve_of(eugp(), TTF)
    strip = at(curve, "Calendar 2026")
    parsed = with_curve(eugp(), row_of(eugp(), TTF), bid=None, ask=None, quote_cells=None)
    flags = raised(check(moved(parsed, row_of(eugp(), TTF), strip, 0.002)), "STRIP_NOT_MEAN")
    (flag,) = flags
    mean = curve.mid[[at(curve, f"2026-{month:02d}") for month in range(1, 13)]].mean()
    assert flag.finding.message == (
        f"Calendar 2026: {curve.mid[strip] + 0.002:.10g} is not {round(mean, 3):.10g}, the mean of its months"
    )
    assert (flag.finding.sheet, flag.finding.cells) == (STRIPS, ("D13",))
    assert withheld(flags) == {TTF: (strip,)}


@pytest.mark.parametrize(("by", "found"), [(0.0011, 1), (0.0, 0)])
def test_a_strip_may_be_off_by_its_rounding(by: float, found: int) -> None:
    row, parsed = row_of(eugp(), TTF), eugp()
    strip = at(parsed.curves[row], "Winter 2027")
    assert len(raised(check(moved(parsed, row, strip, by)), "STRIP_NOT_MEAN")) == found


def test_a_month_that_two_strips_contradict_is_withheld_with_them() -> None:
    """A curve without quotes: nothing tells which of the summer's months is wrong. Winters and other years stand."""
    row = row_of(eugp(), TTF)
    parsed = with_curve(eugp(), row, bid=None, ask=None, quote_cells=None)
    curve = parsed.curves[row]
    flags = check(moved(parsed, row, at(curve, "2026-06"), 40.0))
    labels = {curve.tenors[point].label for point in withheld(flags)[TTF]}
    assert labels == {"Calendar 2026", "Summer 2026", *(f"2026-{month:02d}" for month in range(4, 11))}


def with_quotes(parsed: ParsedWorkbook, row: int, mid: Prices) -> ParsedWorkbook:
    """A curve with other mids, and bids and asks evenly around them: only strips and spreads can tell."""
    return with_curve(parsed, row, mid=mid, bid=mid - 0.1, ask=mid + 0.1)


def test_a_month_that_is_wrong_with_its_quote_is_withheld_by_its_strips() -> None:
    row = row_of(eugp(), TTF)
    mid = eugp().curves[row].mid.copy()
    mid[at(eugp().curves[row], "2026-06")] += 1
    gone = withheld(raised(check(with_quotes(eugp(), row, mid)), "STRIP_NOT_MEAN"))[TTF]
    labels = {eugp().curves[row].tenors[point].label for point in gone}
    assert labels == {"Calendar 2026", "Summer 2026", *(f"2026-{month:02d}" for month in range(4, 11))}


def test_a_strip_that_is_wrong_with_its_quote_leaves_the_months_that_other_strips_vouch_for() -> None:
    row = row_of(eugp(), TTF)
    mid = eugp().curves[row].mid.copy()
    mid[at(eugp().curves[row], "Summer 2026")] += 1
    flags = raised(check(with_quotes(eugp(), row, mid)), "STRIP_NOT_MEAN")
    assert withheld(flags) == {TTF: (at(eugp().curves[row], "Summer 2026"),)}


def test_months_a_row_too_low_are_all_withheld() -> None:
    """Also those that no strip has: most strips of the curve are wrong."""
    row = row_of(eugp(), TTF)
    mid = eugp().curves[row].mid.copy()
    mid[:121] = [mid[0], *mid[:120]]
    gone = withheld(raised(check(with_quotes(eugp(), row, mid)), "STRIP_NOT_MEAN"))[TTF]
    assert set(gone) >= set(range(121))
    assert "2035-02" in {eugp().curves[row].tenors[point].label for point in gone}


@pytest.mark.parametrize("label", ["Summer 2024", "Calendar 2047"])
def test_a_strip_of_no_month_on_the_sheets_is_withheld(label: str) -> None:
    workbook = eugp_workbook(FRIDAY)
    row = next(row for row in workbook.sheets[STRIPS] if row[1] == "Calendar 2030")
    row[1] = label
    flags = raised(check(read(workbook)), "STRIP_NOT_MEAN")
    assert {flag.finding.message for flag in flags} == {f"{label}: none of its months is on the sheets"}
    assert len(withheld(flags)) == 48


def test_a_strip_with_a_blank_month_is_not_compared() -> None:
    """The vendor had the number that is blank here."""
    row = row_of(eugp(), TTF)
    mid = eugp().curves[row].mid.copy()
    mid[at(eugp().curves[row], "2026-06")] = np.nan
    assert codes(check(with_curve(eugp(), row, mid=mid))) == ["MID_MISSING"]


def test_strips_of_a_vendor_that_is_known_by_its_layout_only_are_warned_of() -> None:
    parsed = read(pw_workbook(FRIDAY))
    row = next(row for row, curve in enumerate(parsed.curves) if curve.tenors[-1].label == "Bal 2025")
    flags = check(moved(with_curve(parsed, row, bid=None, ask=None, quote_cells=None), row, -1, 3.0))
    assert {flag.finding.severity for flag in raised(flags, "STRIP_NOT_MEAN")} == {Severity.WARNING}
    assert withheld(flags) == {}


# ------------------------------------------------------------------------------------------------- spark spreads


def test_a_spark_spread_that_is_not_power_less_gas() -> None:
    spark = GERMAN + "~spark_spread~german"
    curve = curve_of(eugp(), spark)
    address = curve.mid_cells.address(3)
    assert address is not None
    sheet, _, cell = address.rpartition("!")
    flags = eugp_put(sheet, cell, float(curve.mid[3]) + 0.00001)
    (flag,) = flags
    assert flag.finding.code == "SPARK_NOT_SPREAD"
    assert "power less 2 times gas" in flag.finding.message
    assert (flag.finding.sheet, flag.finding.cells) == (sheet, (cell, f"{MID}!P15", f"{MID}!F15"))
    assert withheld(flags) == {spark: (3,)}


def test_british_spark_spreads_have_a_factor_of_their_own() -> None:
    key = "eugp:uk/great_britian/power/base~spark_spread~nbp"
    flags = check(eugp(), thresholds=Thresholds(vendors={"EUGP": {"spark_factor_gb": 0.7}}))
    assert set(withheld(flags)) == {key, key.replace("base", "peak")}
    assert "power less 0.7 times gas" in flags[0].finding.message
    legs = {flag.finding.curve_key for flag in flags if flag.finding.severity is Severity.WARNING}
    assert legs == {"eugp:uk/great_britian/power/base", "eugp:uk/great_britian/power/peak", "eugp:uk/nbp/gas"}


def test_a_leg_that_is_not_the_middle_of_its_quote_is_blamed_for_its_spread() -> None:
    """Where the middle is no habit, the spread says that it is wrong in one month."""
    parsed, power, gas = with_wider_quotes(eugp()), row_of(eugp(), GERMAN), row_of(eugp(), "eugp:eu/german/gas")
    for row in (power, gas):
        parsed = moved(parsed, row, 3, -0.1, "ask")
    flags = check(moved(parsed, power, 3, 0.02))
    flag = only(flags, "SPARK_NOT_SPREAD")
    assert flag.points == {GERMAN: (3,)}
    assert "contradicts its spark spread" in flag.finding.message


def test_legs_are_warned_of_where_all_spreads_of_a_month_are_wrong() -> None:
    """Two months of prices have changed places, with their quotes and within their strips."""
    parsed = eugp()
    for row, curve in enumerate(parsed.curves):
        if curve.bid is not None and curve.ask is not None:
            order = np.arange(len(curve.tenors))
            order[[3, 4]] = 4, 3
            sides = {"mid": curve.mid[order], "bid": curve.bid[order], "ask": curve.ask[order]}
            parsed = with_curve(parsed, row, **sides)
    flags = check(parsed)
    assert {flag.finding.code for flag in flags} == {"SPARK_NOT_SPREAD"}
    warned = {key: points for flag in flags if not flag.withholds for key, points in flag.points.items()}
    assert warned[GERMAN] == warned["eugp:eu/german/gas"] == (3, 4)
    assert set(withheld(flags)) == {key for key in (curve.identity.key for curve in parsed.curves) if "~" in key}


def test_a_spread_without_its_legs_is_not_compared() -> None:
    kept = tuple(curve for curve in eugp().curves if curve.identity.product != "gas")
    assert check(replace(eugp(), curves=kept)) == []


# ------------------------------------------------------------------------------------------------- identical curves


def test_two_names_with_the_same_numbers() -> None:
    (flag,) = check(rp())
    assert (flag.finding.code, flag.finding.severity) == ("IDENTICAL_CURVES", Severity.WARNING)
    assert "'Propane CIF ARA vs. Naptha CIF NWE', 'Ny Ulsd vs. Ny Harbor Ulsd'" in flag.finding.message
    assert flag.points == {PROPANE: tuple(range(76)), NY_ULSD: tuple(range(76))}


def test_a_curve_that_differs_in_one_point_is_another() -> None:
    assert raised(check(moved(rp(), row_of(rp(), NY_ULSD), 60, 1e-12)), "IDENTICAL_CURVES") == []


def test_constant_curves_are_not_identical() -> None:
    parsed = rp()
    for row in (3, 4):
        zero = np.zeros(76)
        parsed = with_curve(parsed, row, mid=zero, bid=zero - 0.01, ask=zero + 0.01)
    assert set(only(check(parsed), "IDENTICAL_CURVES").points) == {PROPANE, NY_ULSD}


def test_vintages_of_one_product_at_one_price_are_noted() -> None:
    one, other = (
        f"rp:us/east+coast/maryland+compliance+renewable+energy+credit+tier+1{vintage}"
        for vintage in ("", "+prior+year")
    )
    source = curve_of(rp(), one)
    parsed = with_curve(rp(), row_of(rp(), other), mid=source.mid, bid=source.bid, ask=source.ask)
    flag = next(flag for flag in raised(check(parsed), "IDENTICAL_CURVES") if one in flag.points)
    assert set(flag.points) == {one, other}
    assert flag.finding.severity is Severity.INFO


def test_three_curves_that_are_equal_in_pairs_are_one_group() -> None:
    """Two of them may have no point in common."""
    source = curve_of(rp(), PROPANE).mid
    first, last = source.copy(), source.copy()
    first[20:], last[:20] = np.nan, np.nan
    parsed = with_curve(with_curve(rp(), 3, mid=first), 4, mid=last)
    assert len(only(check(parsed), "IDENTICAL_CURVES").points) == 4


def test_curves_of_other_lengths_are_compared_where_both_are_quoted() -> None:
    """A spread's months against a price's months and strips."""
    spark = row_of(eugp(), GERMAN + "~spark_spread~german")
    parsed = with_curve(eugp(), spark, mid=curve_of(eugp(), TTF).mid[:121].copy())
    assert set(only(check(parsed), "IDENTICAL_CURVES").points) == {TTF, GERMAN + "~spark_spread~german"}


# ------------------------------------------------------------------------------------------------- structure


def relabelled(workbook: VendorWorkbook, sheet: str, months: int) -> VendorWorkbook:
    """The months of a sheet, all of them so many later."""
    for row in workbook.sheets[sheet][11:]:
        label = row[1]
        if isinstance(label, date):
            number = label.year * 12 + label.month - 1 + months
            row[1] = date(number // 12, number % 12 + 1, 1)
    return workbook


@pytest.mark.parametrize(("months", "first"), [(1, "2025-03"), (-1, "2025-01"), (12, "2026-02")])
def test_months_that_do_not_begin_with_the_as_ofs_own_refuse_the_file(months: int, first: str) -> None:
    flags = check(read(relabelled(eugp_workbook(FRIDAY), MID, months)))
    flag = refusal(flags)
    assert flag is not None
    assert flag is flags[0]
    assert flag.finding == Finding(
        "FIRST_MONTH_WRONG",
        Severity.ERROR,
        f"the first month of {MID!r} is {first}; as of 2025-02-28 it is 2025-02",
        MID,
        ("B12",),
    )
    assert {each.finding.code for each in flags} == {"FIRST_MONTH_WRONG"}, "nothing is said of misplaced numbers"


def test_months_that_skip_one_refuse_the_file() -> None:
    workbook = eugp_workbook(FRIDAY)
    for row in workbook.sheets[MID][20:]:
        label = row[1]
        assert isinstance(label, date)
        row[1] = date(label.year + label.month // 12, label.month % 12 + 1, 1)
    flag = refusal(check(read(workbook)))
    assert flag is not None
    assert flag.finding.code == "MONTHS_NOT_CONSECUTIVE"
    assert flag.finding.message.endswith("missing: 2025-11")
    assert flag.finding.cells == ("B21",)


@pytest.mark.parametrize("label", ["Novembre 2025", None])
def test_a_month_whose_label_cannot_be_read_does_not(label: str | None) -> None:
    """The parser has said so, and the other rows stand beside their labels."""
    parsed = put(eugp_workbook(FRIDAY), MID, "B21", label)
    assert [finding.code for finding in parsed.findings] == ["UNKNOWN_TENOR"]
    flags = check(parsed)
    assert refusal(flags) is None
    assert {flag.finding.code for flag in flags} == {"MID_MISSING"}


def test_a_row_that_cannot_be_read_accounts_for_a_month_in_its_own_place_only() -> None:
    workbook = relabelled(eugp_workbook(FRIDAY), MID, 1)
    workbook.sheets[MID].append([None, "Total", *workbook.sheets[MID][-1][2:]])
    flag = refusal(check(read(workbook)))
    assert flag is not None
    assert flag.finding.code == "FIRST_MONTH_WRONG"


def test_a_row_that_stands_twice_accounts_for_no_month() -> None:
    workbook = relabelled(eugp_workbook(FRIDAY), MID, 1)
    workbook.sheets[MID].append(workbook.sheets[MID][-1])
    flag = refusal(check(read(workbook)))
    assert flag is not None
    assert flag.finding.code == "FIRST_MONTH_WRONG"


def test_months_in_another_order_may_be_any_of_those_that_cannot_be_read() -> None:
    workbook = eugp_workbook(FRIDAY)
    workbook.sheets[MID][11:] = workbook.sheets[MID][:10:-1]
    workbook.put(MID, "B12", None)
    flags = check(read(workbook))
    assert refusal(flags) is None
    assert {flag.finding.code for flag in flags} == {"MID_MISSING", "MONTHS_OUT_OF_ORDER"}


def test_a_month_that_is_blank_on_the_whole_sheet_does_not() -> None:
    workbook = eugp_workbook(FRIDAY)
    workbook.sheets[MID][11][2:] = [None] * (len(workbook.sheets[MID][11]) - 2)
    flags = check(read(workbook))
    assert refusal(flags) is None
    assert {flag.finding.code for flag in flags} == {"MID_MISSING"}
    assert flags[0].finding.message == "2025-02: no mid"


def test_months_in_another_order_are_read_and_warned_of() -> None:
    workbook = eugp_workbook(FRIDAY)
    rows = workbook.sheets[MID]
    rows[14], rows[15] = rows[15], rows[14]
    (flag,) = check(read(workbook))
    assert (flag.finding.code, flag.finding.cells) == ("MONTHS_OUT_OF_ORDER", ("B16", "B15"))
    assert flag.finding.message == "2025-05 stands below 2025-06: the months are not in order"


def test_labels_that_changed_places_withhold_their_months() -> None:
    workbook = eugp_workbook(FRIDAY)
    rows = workbook.sheets[MID]
    rows[14][1], rows[15][1] = rows[15][1], rows[14][1]
    flags = check(read(workbook))
    assert refusal(flags) is None
    gone = withheld(flags)
    assert set(gone) >= {TTF, GERMAN}
    assert all(set(points) == {3, 4} for points in gone.values())


def test_headers_that_moved_by_a_column_refuse_the_file() -> None:
    workbook = rp_workbook(FRIDAY)
    for row in workbook.sheets[MID][5:8]:
        row[2:] = [row[-1], *row[2:-1]]
    flag = refusal(check(read(workbook)))
    assert flag is not None
    assert flag.finding.code == "TOO_MANY_ERRORS"
    assert "contradict each other; 20% are accepted" in flag.finding.message


@pytest.mark.parametrize("wrong", [1, 60])
def test_some_wrong_columns_do_not(wrong: int) -> None:
    parsed = eugp()
    for row in range(wrong if wrong == 1 else 5):
        parsed = with_curve(parsed, row, mid=parsed.curves[row].mid + 1000)
    flags = check(parsed)
    assert refusal(flags) is None
    assert sum(map(len, withheld(flags).values())) >= 151


def test_a_blank_mid_of_a_quoted_point_and_a_blank_quote() -> None:
    (flag,) = eugp_put(MID, "D14", None)
    assert flag.finding == Finding("MID_MISSING", Severity.WARNING, "2025-04: no mid", MID, ("D14",), TTF)
    assert flag.points == {TTF: (2,)}
    (flag,) = eugp_put(BIDASK, "D14", None)
    assert flag.finding == Finding("QUOTE_MISSING", Severity.INFO, "2025-04: no bid and ask", BIDASK, ("D14",), TTF)


def test_a_row_of_blank_quotes_is_missed_by_the_curves_that_have_all_others() -> None:
    workbook = eugp_workbook(FRIDAY)
    workbook.sheets[BIDASK][13][2:] = [None] * 48
    flags = check(read(workbook))
    assert codes(flags) == ["QUOTE_MISSING"] * 48


def test_a_month_that_is_blank_on_all_sheets_is_missing_between_others() -> None:
    workbook = eugp_workbook(FRIDAY)
    workbook.put(BIDASK, "D14", None)
    (flag,) = check(put(workbook, MID, "D14", None))
    assert flag.finding == Finding("MID_MISSING", Severity.WARNING, "2025-04: no mid", MID, ("D14",), TTF)
    assert flag.points == {}, "there is no point"


def test_a_cell_that_the_parser_refused_is_not_reported_again() -> None:
    parsed = put(eugp_workbook(FRIDAY), MID, "D14", "31,70")
    assert [finding.code for finding in parsed.findings] == ["NOT_A_NUMBER"]
    assert check(parsed) == []


def test_the_points_that_a_finding_of_the_parser_names() -> None:
    curve = curve_of(eugp(), TTF)
    finding = Finding("REGIONAL_MISMATCH", Severity.ERROR, "", "Europe", ("D99", f"{MID}!D14", f"{BIDASK}!D16"), TTF)
    assert points_of(finding, curve) == (2, 4)
    assert points_of(Finding("X", Severity.ERROR, "", STRIPS, ("D13",)), curve) == (at(curve, "Calendar 2026"),)
