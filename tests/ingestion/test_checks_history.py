"""A file against the days before it: what repeats, and what jumps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurum.curves.model import CurvePrices
from aurum.ingestion.checks import Block, Day, Flag, Thresholds, check
from aurum.market.periods import TenorGrid, TenorType
from aurum.parsers.model import ParsedCurve, ParsedWorkbook, Severity
from tests.ingestion.test_checks_samples import (
    DAYS,
    FRIDAY,
    TTF,
    at,
    before,
    codes,
    curve_of,
    eugp,
    months,
    moved,
    only,
    raised,
    row_of,
    rp,
    simple,
    with_curve,
)

ZERO = "rp:eu/rotterdam/fuel-oil+1%25+fob+vs+1%25+cif+nwe"
SP15 = "simple:caiso/da/sp15/power/off_peak@usd%2fmwh"


def days_before(parsed: ParsedWorkbook, factors: Sequence[float]) -> list[Day]:
    """Days on which every mid was so many times that of the file."""
    today = Day.of(parsed)
    ages = range(len(factors), 0, -1)
    return [
        Day(parsed.as_of - timedelta(days=age), tuple(replace(block, mid=block.mid * factor) for block in today.blocks))
        for age, factor in zip(ages, factors, strict=True)
    ]


WOBBLE = [1.01, 0.99, 1.02, 1.0, 1.01, 0.99, 1.005, 1.015, 0.995, 1.01]


# ------------------------------------------------------------------------------------------------- what repeats


def test_a_curve_that_repeats_the_day_before() -> None:
    row = row_of(eugp(), TTF)
    yesterday = curve_of(eugp(DAYS[-2]), TTF)
    parsed = with_curve(eugp(), row, mid=yesterday.mid, bid=yesterday.bid, ask=yesterday.ask)
    flag = only(check(parsed, before(eugp)), "STALE_CURVE")
    assert flag.finding.severity is Severity.WARNING
    assert flag.finding.message == "121 values unchanged since 2025-02-27; it moved on 7 of the 7 days before"
    assert (flag.finding.curve_key, flag.finding.cells) == (TTF, ("D12",))
    assert flag.points == {TTF: tuple(range(151))}


def test_since_when_a_curve_repeats() -> None:
    days = before(rp)
    flag = next(flag for flag in check(rp(), days) if flag.finding.curve_key == ZERO)
    assert flag.finding.message == "61 values unchanged since 2025-02-18; it moved on 0 of the 7 days before"


def test_one_value_that_moves_is_enough_to_be_alive() -> None:
    row = row_of(eugp(), TTF)
    parsed = with_curve(eugp(), row, mid=curve_of(eugp(DAYS[-2]), TTF).mid)
    assert raised(check(moved(parsed, row, 120, 0.001), before(eugp)), "STALE_CURVE") == []


def test_values_are_compared_by_delivery_not_by_place() -> None:
    """In March the months of February stand a row higher; the first of them is gone, and a new one is at the end."""
    march, february = date(2025, 3, 3), eugp()
    parsed = eugp(march)
    for row, key in enumerate(curve.identity.key for curve in parsed.curves):
        old, new = curve_of(february, key), parsed.curves[row]
        kept = dict(zip((tenor.period for tenor in old.tenors if tenor.type is TenorType.MONTH), old.mid, strict=False))
        mid = np.array([kept.get(new.tenors[point].period, 77.0) for point in months(new)])
        parsed = with_curve(parsed, row, mid=np.concatenate([mid, new.mid[len(mid) :]]), bid=None, ask=None)
    flags = check(parsed, [Day.of(february)])
    stale = raised(flags, "STALE_CURVE")
    assert len(stale) == 83
    assert stale[0].finding.message.startswith("120 values unchanged since 2025-02-28")
    assert len(raised(flags, "STALE_FILE")) == 1
    assert "83 of 83 curves (100%) are those of 2025-02-28" in only(flags, "STALE_FILE").finding.message


def test_a_curve_that_was_not_in_the_last_file_is_compared_with_the_one_before() -> None:
    row = row_of(eugp(), TTF)
    earlier = curve_of(eugp(DAYS[-3]), TTF)
    parsed = with_curve(eugp(), row, mid=earlier.mid, bid=earlier.bid, ask=earlier.ask)
    without = replace(eugp(DAYS[-2]), curves=tuple(c for c in eugp(DAYS[-2]).curves if c.identity.key != TTF))
    flags = check(parsed, [*before(eugp, DAYS[:-2]), Day.of(without)])
    assert only(flags, "STALE_CURVE").finding.message.startswith("121 values unchanged since 2025-02-26")


def test_days_that_a_curve_may_repeat_are_a_threshold() -> None:
    thresholds = Thresholds.from_dict({"curves": {"rp:*renewable*": {"stale_days": 3}, ZERO: {"stale_days": 99}}})
    keys = {flag.finding.curve_key for flag in raised(check(rp(), before(rp), None, thresholds), "STALE_CURVE")}
    usual = {flag.finding.curve_key for flag in raised(check(rp(), before(rp)), "STALE_CURVE")}
    assert ZERO in usual - keys
    assert any("renewable" in str(key) for key in keys), "they have repeated for four days"
    fewer = check(rp(), before(rp, DAYS[-3:-1]), None, thresholds)
    assert not any("renewable" in str(flag.finding.curve_key) for flag in raised(fewer, "STALE_CURVE"))


# ------------------------------------------------------------------------------------------------- what jumps


def shifted(parsed: ParsedWorkbook, key: str, by: float) -> ParsedWorkbook:
    curve = curve_of(parsed, key)
    bid, ask = (side + by if side is not None else None for side in (curve.bid, curve.ask))
    return with_curve(parsed, row_of(parsed, key), mid=curve.mid + by, bid=bid, ask=ask)


def test_a_curve_that_jumps() -> None:
    jumped = check(shifted(eugp(), TTF, 9.0), before(eugp))
    flag = only(jumped, "OUTLIER_MOVE")
    assert (flag.finding.curve_key, flag.finding.severity) == (TTF, Severity.WARNING)
    assert flag.points == {TTF: tuple(range(151))}, "the strips of these months too"
    assert "is usual over 7 days: score" in flag.finding.message
    assert "above 5; most at 20" in flag.finding.message
    assert len(flag.finding.cells) == 3


@pytest.mark.parametrize("days", [0, 1, 2])
def test_too_little_history_says_nothing(days: int) -> None:
    """Two days make one move: it is not known what is usual."""
    history = days_before(eugp(), WOBBLE[:days])
    assert raised(check(shifted(eugp(), TTF, 50.0), history), "OUTLIER_MOVE", "OUTLIER_POINT") == []


def test_few_days_take_a_larger_jump() -> None:
    def found(days: int, by: float) -> bool:
        return bool(raised(check(shifted(eugp(), TTF, by), days_before(eugp(), WOBBLE[:days])), "OUTLIER_MOVE"))

    assert not found(2, 500.0)
    assert found(3, 10.0)
    assert not found(3, 4.0)
    assert found(10, 4.0)


def test_a_jump_and_the_way_back_are_both_found() -> None:
    """The median forgets the one day."""
    history = before(eugp, DAYS[:-2])
    wrong = shifted(eugp(DAYS[-2]), TTF, 12.0)
    assert codes(raised(check(wrong, history), "OUTLIER_MOVE")) == ["OUTLIER_MOVE"]
    assert codes(raised(check(eugp(), [*history, Day.of(wrong)]), "OUTLIER_MOVE")) == ["OUTLIER_MOVE"]


def test_a_day_on_which_the_whole_market_moves_is_no_outlier_of_each_curve() -> None:
    history = days_before(eugp(), [factor * 1.15 for factor in WOBBLE])
    assert raised(check(eugp(), history), "OUTLIER_MOVE") == []
    alone = check(shifted(eugp(), TTF, 40.0), history)
    assert only(alone, "OUTLIER_MOVE").finding.curve_key == TTF


def test_a_file_in_another_unit_is_an_outlier_of_each_curve() -> None:
    """Times a hundred is more than a market does."""
    history = days_before(eugp(), [factor / 100 for factor in WOBBLE])
    assert len(raised(check(eugp(), history), "OUTLIER_MOVE")) == 83


def test_a_move_within_the_bid_ask_spread_is_none() -> None:
    history = days_before(eugp(), [1.0, 1.000001] * 10)
    curve = curve_of(eugp(), TTF)
    assert curve.bid is not None
    assert curve.ask is not None
    spread = float((curve.ask - curve.bid)[:121].mean())
    assert raised(check(shifted(eugp(), TTF, 0.95 * spread), history), "OUTLIER_MOVE") == []
    assert len(raised(check(shifted(eugp(), TTF, 1.05 * spread), history), "OUTLIER_MOVE")) == 1


def test_a_single_month_that_jumps() -> None:
    """In a vendor's file without quotes and strips nothing else tells."""
    parsed = simple()
    row = row_of(parsed, SP15)
    flags = check(moved(parsed, row, 20, 15.0), before(simple))
    (flag,) = flags
    assert (flag.finding.code, flag.points) == ("OUTLIER_POINT", {SP15: (20,)})
    now = parsed.curves[row].mid[20] + 15
    assert f"to {now:.7g} since 2025-02-27" in flag.finding.message
    assert check(moved(parsed, row, 20, 0.5), before(simple)) == []


@settings(max_examples=40)
@given(st.integers(0, 7), st.integers(0, 35), st.sampled_from([10.0, 100.0, -1.0, 0.1, 1e9]))
def test_a_slip_of_the_keyboard_is_found_by_history(row: int, point: int, factor: float) -> None:
    parsed = simple()
    value = float(parsed.curves[row].mid[point])
    flags = check(moved(parsed, row, point, value * (factor - 1)), before(simple))
    assert [(flag.points, flag.finding.severity) for flag in flags] == [
        ({parsed.curves[row].identity.key: (point,)}, Severity.WARNING)
    ]


# ------------------------------------------------------------------------------------------------- which days


def jumps(history: Sequence[Day], thresholds: Thresholds | None = None) -> list[Flag]:
    flags = check(shifted(eugp(), TTF, 30.0), history, None, thresholds or Thresholds())
    return raised(flags, "OUTLIER_MOVE")


def test_the_days_may_come_in_any_order_and_later_ones_are_left_out() -> None:
    later = [Day.of(eugp(FRIDAY + timedelta(days=3))), replace(Day.of(eugp()), as_of=FRIDAY)]
    history = before(eugp)
    assert [flag.finding for flag in jumps([*later, *history[::-1]])] == [flag.finding for flag in jumps(history)]


def test_moves_over_a_gap_do_not_count() -> None:
    history = before(eugp)
    assert jumps(history)
    long_ago = [replace(day, as_of=day.as_of - timedelta(days=30)) for day in history]
    assert jumps(long_ago) == [], "the last day is a month ago"
    sparse = [replace(day, as_of=FRIDAY - timedelta(days=1 + 10 * age)) for age, day in enumerate(history[::-1])]
    assert jumps(sparse) == [], "ten days are between the others"
    assert jumps(sparse, Thresholds(default={"history_gap": 10}))


def test_days_beyond_the_age_and_the_number_of_days_do_not_count() -> None:
    history = before(eugp)
    assert jumps(history, Thresholds(vendors={"EUGP": {"history_age": 2}})) == []
    assert jumps(history, Thresholds(vendors={"EUGP": {"history_days": 2}})) == []
    assert jumps(history, Thresholds(vendors={"RP": {"history_days": 2}}))


def test_the_last_day_is_compared_with_however_old_it_is() -> None:
    row = row_of(eugp(), TTF)
    old = curve_of(eugp(DAYS[-2]), TTF)
    parsed = with_curve(eugp(), row, mid=old.mid, bid=old.bid, ask=old.ask)
    history = [replace(Day.of(eugp(DAYS[-2])), as_of=date(2024, 6, 3))]
    assert only(check(parsed, history), "STALE_CURVE").finding.message.startswith(
        "121 values unchanged since 2024-06-03"
    )


def test_days_of_stored_prices_are_those_of_the_files() -> None:
    def prices(curve: ParsedCurve) -> CurvePrices:
        return CurvePrices(TenorGrid(curve.tenors), curve.mid, curve.bid, curve.ask)

    stored = [
        Day.of_prices(day, {curve.identity.key: prices(curve) for curve in eugp(day).curves}) for day in DAYS[:-1]
    ]
    parsed = shifted(eugp(), TTF, 9.0)
    assert [flag.finding for flag in check(parsed, stored)] == [flag.finding for flag in check(parsed, before(eugp))]


def test_curves_and_periods_that_a_day_lacks_or_has_more_are_no_matter() -> None:
    """Blocks whose rows and columns do not follow each other take the slow way, to the same end."""
    parsed = shifted(eugp(), TTF, 9.0)
    days = []
    for day in before(eugp):
        blocks = []
        for block in day.blocks:
            order = np.random.default_rng(7).permutation(len(block.keys))[:-3]
            if TTF in block.keys and TTF not in [block.keys[row] for row in order]:
                order = np.append(order, block.keys.index(TTF))
            keep = [point for point in range(len(block.grid)) if point % 7]
            grid = TenorGrid(block.grid[point] for point in keep)
            blocks.append(Block(grid, tuple(block.keys[row] for row in order), block.mid[order][:, keep]))
        days.append(Day(day.as_of, tuple(blocks)))
    flag = only(check(parsed, days), "OUTLIER_MOVE")
    months = tuple(point for point in range(121) if point % 7)
    assert flag.points == {TTF: (*months, *range(121, 151))}


def test_identical_curves_say_on_how_many_days_they_were() -> None:
    assert ", as on 8 of the 8 days before" in only(check(rp(), before(rp)), "IDENTICAL_CURVES").finding.message
    key = "rp:us/new+york/ny+ulsd+vs.+ny+harbor+ulsd"
    other = before(rp, DAYS[:-2])
    yesterday = rp(DAYS[-2])
    changed = Day.of(moved(yesterday, row_of(yesterday, key), at(curve_of(yesterday, key), "2025-09"), 1.0))
    message = only(check(rp(), [*other, changed]), "IDENTICAL_CURVES").finding.message
    assert ", as on 7 of the 8 days before" in message
