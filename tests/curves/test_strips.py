"""Strips by hand, against the vendors' own, and as properties."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.curves.analytics.deliveries import (
    Granularity,
    Seasons,
    range_of_months,
    strip_periods,
)
from aurum.curves.analytics.strips import Absence, Strip, StripCoverage, strips
from aurum.curves.model import CurvePrices
from aurum.market.periods import DeliveryPeriod, Tenor, TenorGrid, TenorType, months_from
from aurum.parsers import parse
from tests.published import months, prices

FEBRUARY = date(2025, 2, 13)
ALL = tuple(Granularity)


def strip(curve: CurvePrices, start: date, end: date, as_of: date = FEBRUARY) -> Strip:
    (found,) = strips(curve, as_of, [range_of_months(DeliveryPeriod(start, end))])
    return found


def labels(first: date, count: int, kind: Granularity, seasons: Seasons = Seasons.VENDOR) -> list[str]:
    found = strip_periods(TenorGrid(months(first, count)), FEBRUARY, (kind,), seasons)
    return [f"{each.label}: {each.period.start:%Y-%m} {each.period.end:%Y-%m}" for each in found]


def test_the_deliveries_of_a_curve_of_fourteen_months() -> None:
    """February 2025 to March 2026, looked at from February."""
    assert labels(date(2025, 2, 1), 14, Granularity.QUARTER) == [
        "Q1 2025: 2025-01 2025-04", "Q2 2025: 2025-04 2025-07", "Q3 2025: 2025-07 2025-10",
        "Q4 2025: 2025-10 2026-01", "Q1 2026: 2026-01 2026-04",
    ]  # fmt: skip
    assert labels(date(2025, 2, 1), 14, Granularity.SEASON) == [
        "Winter 2025: 2024-11 2025-04", "Summer 2025: 2025-04 2025-11", "Winter 2026: 2025-11 2026-04",
    ]  # fmt: skip
    assert labels(date(2025, 2, 1), 14, Granularity.SEASON, Seasons.GAS) == [
        "Gas Winter 2024-25: 2024-10 2025-04", "Gas Summer 2025: 2025-04 2025-10",
        "Gas Winter 2025-26: 2025-10 2026-04",
    ]  # fmt: skip
    years = ["Calendar 2025: 2025-01 2026-01", "Calendar 2026: 2026-01 2027-01"]
    assert labels(date(2025, 2, 1), 14, Granularity.CALENDAR) == years
    gas_years = ["Gas Year 2024-25: 2024-10 2025-10", "Gas Year 2025-26: 2025-10 2026-10"]
    assert labels(date(2025, 2, 1), 14, Granularity.GAS_YEAR) == gas_years
    assert labels(date(2025, 2, 1), 14, Granularity.BALANCE) == ["Bal 2025: 2025-02 2026-01"]
    assert labels(date(2024, 1, 1), 3, Granularity.QUARTER) == []  # all of them delivered


def test_a_strip_is_the_mean_of_its_months() -> None:
    """March 40, April 43, May 46: 43. With 31, 30 and 31 days as weights: (1240 + 1290 + 1426) / 92 = 43."""
    curve = prices([40.0, 43.0, 46.0])
    found = strip(curve, date(2025, 3, 1), date(2025, 6, 1))
    assert (found.mid, found.coverage, found.missing) == (43.0, StripCoverage.COMPLETE, ())
    assert [found.bid, found.ask] == pytest.approx([42.95, 43.05])
    asked = [range_of_months(DeliveryPeriod(date(2025, 3, 1), date(2025, 5, 1)))]
    (weighted,) = strips(curve, FEBRUARY, asked, np.array([743.0, 720.0, 744.0]))
    assert weighted.mid == pytest.approx((40 * 743 + 43 * 720) / 1463, rel=1e-15)
    assert weighted.weights.tolist() == pytest.approx([743 / 1463, 720 / 1463])


def test_a_strip_says_which_months_it_lacks_and_why() -> None:
    curve = prices([40.0, 43.0, np.nan, 46.0, 50.0], date(2025, 1, 1)).without([3])
    found = strip(curve, date(2025, 1, 1), date(2025, 7, 1))
    assert found.coverage is StripCoverage.PARTIAL
    assert [(each.period.start.month, each.reason) for each in found.missing] == [
        (1, Absence.DELIVERED), (3, Absence.NOT_QUOTED), (4, Absence.WITHHELD), (6, Absence.NOT_LISTED),
    ]  # fmt: skip
    assert (found.mid, found.inputs) == (46.5, (1, 4))  # February and May
    balance = strip(curve, date(2025, 1, 1), date(2025, 3, 1))
    assert (balance.coverage, balance.mid) == (StripCoverage.BALANCE, 43.0)


def test_a_strip_without_months_has_no_price() -> None:
    found = strip(prices([40.0]), date(2026, 1, 1), date(2026, 4, 1))
    assert np.isnan(found.mid)
    assert (found.inputs, found.coverage, len(found.missing)) == ((), StripCoverage.PARTIAL, 3)


def test_a_bid_is_that_of_all_the_months_used_or_none() -> None:
    whole = prices([40.0, 42.0])
    assert whole.bid is not None
    curve = CurvePrices(whole.tenors, whole.mid, np.array([39.9, np.nan]), None)
    found = strip(curve, date(2025, 3, 1), date(2025, 5, 1))
    assert found.mid == 41.0
    assert np.isnan(found.bid)
    assert np.isnan(found.ask)


@pytest.mark.parametrize(
    ("as_of", "kind"), [(date(2025, 1, 13), TenorType.CALENDAR), (date(2025, 10, 13), TenorType.QUARTER)]
)
def test_a_strip_stands_beside_the_vendors_point_of_its_own_kind(as_of: date, kind: TenorType) -> None:
    """In January the balance of the year has the delivery of the calendar year, in October that of the last quarter."""
    whole = months_from(2025, as_of.month, 13 - as_of.month)
    points = [(each, 40.0) for each in months(whole.start, 13 - as_of.month)]
    points += [(Tenor("strip", kind, whole), 41.0), (Tenor("Bal 2025", TenorType.BALANCE, whole), 42.0)]
    curve = CurvePrices(TenorGrid([tenor for tenor, _ in points]), np.array([mid for _, mid in points]))
    asked = strip_periods(curve.tenors, as_of, (Granularity(kind.value), Granularity.BALANCE))
    beside = [curve.mid[each.vendor] for each in strips(curve, as_of, asked) if each.vendor is not None]
    assert beside == [41.0, 42.0]


def test_ranges_of_whole_months_alone() -> None:
    with pytest.raises(ValueError, match="whole months"):
        range_of_months(DeliveryPeriod(date(2025, 3, 15), date(2025, 5, 1)))
    with pytest.raises(ValueError, match="at most 600"):
        range_of_months(months_from(2025, 1, 601))


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, np.nan], [np.inf, 1.0]])
def test_weights_are_numbers_for_each_month(weights: list[float]) -> None:
    asked = [range_of_months(months_from(2025, 3, 2))]
    with pytest.raises(ValueError, match="weighs"):
        strips(prices([40.0, 41.0]), FEBRUARY, asked, np.array(weights))


numbers = st.floats(-1e4, 1e4, allow_nan=False) | st.just(np.nan)


@given(st.lists(st.tuples(numbers, st.floats(0.0, 744.0)), min_size=1, max_size=30))
def test_weights_times_inputs_are_the_strip(given_: list[tuple[float, float]]) -> None:
    mids, hours = (np.array(each) for each in zip(*given_, strict=True))
    curve = prices(mids.tolist())
    asked = strip_periods(curve.tenors, FEBRUARY, ALL)
    for found in strips(curve, FEBRUARY, asked, hours):
        months_ = len(found.inputs) + len(found.missing)
        assert months_ == (found.asked.period.end.year - found.asked.period.start.year) * 12 + (
            found.asked.period.end.month - found.asked.period.start.month
        )
        if np.isnan(found.mid):
            assert not hours[list(found.inputs)].sum()
            continue
        used = curve.mid[list(found.inputs)]
        assert found.mid == pytest.approx(float(found.weights @ used), abs=1e-9)
        assert found.weights.sum() == pytest.approx(1.0, abs=1e-12)
        assert used.min() - 1e-9 <= found.mid <= used.max() + 1e-9


@pytest.mark.parametrize("vendor", ["EUGP", "RP"])
@pytest.mark.parametrize("day", ["20250212", "20250228", "20250911"])
def test_the_vendors_strips_are_reproduced_to_their_digits(vendor_files: Path, vendor: str, day: str) -> None:
    file = vendor_files / f"EOD_{vendor}_{day}_1430.xlsx"
    book = parse(file.read_bytes(), file.name)
    compared = 0
    for parsed in book.curves:
        curve = CurvePrices(parsed.tenors, parsed.mid, parsed.bid, parsed.ask)
        found = strips(curve, book.as_of, strip_periods(curve.tenors, book.as_of, ALL))
        own = [each for each in found if each.vendor is not None]
        assert {each.vendor for each in own} == {
            place for place, tenor in enumerate(curve.tenors) if tenor.type is not TenorType.MONTH
        }
        ours, theirs = np.array([each.mid for each in own]), curve.mid[[each.vendor or 0 for each in own]]
        assert (np.abs(ours - theirs) <= 0.0005 + 1e-9).all(), parsed.identity
        assert all(each.coverage is not StripCoverage.PARTIAL for each in own)
        compared += len(own)
    assert compared >= 1_440  # 30 of each of 48 curves, 15 of each of 356
