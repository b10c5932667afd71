"""Strips of derived curves: by hand, hour by hour, and against the strips of what they are made of."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.curves.analytics.deliveries import Granularity, range_of_months, strip_periods
from aurum.curves.analytics.strips import Absence, Strip, StripCoverage, Weighting, month_weights, strips
from aurum.curves.expressions import DerivedCurve, Source, Used
from aurum.errors import NoBlockHours
from aurum.market.periods import DeliveryPeriod
from tests.curves.expressions.books import Mids, derive, source
from tests.curves.expressions.test_off_peak import BERLIN, PJM, SUMMER, power
from tests.curves.expressions.test_off_peak import derive as derive_of

OCTOBER = date(2025, 10, 15)
WINTER = ("2025-11", "2025-12", "2026-01", "2026-02", "2026-03")
SPRING = DeliveryPeriod(date(2025, 3, 1), date(2025, 6, 1))


def strip(curve: DerivedCurve, period: DeliveryPeriod, weighting: Weighting = Weighting.EQUAL) -> Strip:
    prices = curve.prices
    weights = month_weights(prices.tenors, weighting, curve.block_hours)
    (found,) = strips(prices, curve.as_of, [range_of_months(period)], weights)
    return found


def test_the_spring_of_a_spark_spread() -> None:
    """90 - 2 x 30, 80 - 2 x 28 and 70 - 2 x 26 are 30, 24 and 18."""
    found = strip(derive("spark([power], [gas], 2)"), SPRING)
    assert (found.coverage, found.mid) == (StripCoverage.COMPLETE, 24.0)
    assert found.weights.tolist() == [1 / 3, 1 / 3, 1 / 3]


def test_months_that_have_no_value_are_missing_for_a_reason() -> None:
    """`later` begins in May, and ends after `holes`, which is quoted in March, not in April, and withheld in May."""
    found = strip(derive("[power] - [later]"), DeliveryPeriod(date(2025, 3, 1), date(2025, 7, 1)))
    assert (found.coverage, found.mid) == (StripCoverage.PARTIAL, 70.0 - 5.0)
    assert [(each.period.start.month, each.reason) for each in found.missing] == [
        (3, Absence.NOT_LISTED), (4, Absence.NOT_LISTED), (6, Absence.NOT_LISTED),
    ]  # fmt: skip
    found = strip(derive("[power] - [holes]"), SPRING)
    assert (found.mid, [(each.period.start.month, each.reason) for each in found.missing]) == (
        89.0, [(4, Absence.NOT_QUOTED), (5, Absence.WITHHELD)],
    )  # fmt: skip
    found = strip(derive("[power] / [zero]"), SPRING)
    assert (found.mid, [each.reason for each in found.missing]) == (80.0, [Absence.NOT_QUOTED] * 2)


def test_where_no_month_has_a_value_there_are_no_strips() -> None:
    curve = derive("shift([power], 1200, month)")
    assert strips(curve.prices, curve.as_of, strip_periods(curve.prices.tenors, curve.as_of, tuple(Granularity))) == []
    found = strip(curve, SPRING)
    assert (found.coverage, [each.reason for each in found.missing]) == (
        StripCoverage.PARTIAL, [Absence.NOT_LISTED] * 3,
    )  # fmt: skip


def test_strips_end_with_the_months_that_all_inputs_have() -> None:
    def listed(expression: str) -> list[str]:
        curve = derive(expression)
        return [each.label for each in strip_periods(curve.prices.tenors, curve.as_of, (Granularity.QUARTER,))]

    assert listed("[power]") == ["Q1 2025", "Q2 2025"]
    assert listed("[power] - [later]") == ["Q2 2025"]


PRICES = st.lists(st.decimals(-500, 500, places=3).map(float), min_size=3, max_size=3)


@given(PRICES, PRICES, st.integers(-4, 4).filter(bool), st.integers(0, 9))
def test_the_strip_of_a_spread_is_the_spread_of_the_strips(
    first: Mids, second: Mids, times: int, constant: int
) -> None:
    book: dict[Used, Source] = {
        ("a", None): source("a", first, half=0.5),
        ("b", None): source("b", second, half=0.25),
    }
    sign = "-" if times < 0 else "+"
    spread = strip(derive(f"[a] {sign} {abs(times)} * [b] + {constant} EUR/MWh", book), SPRING)
    a, b = (strip(derive(f"[{key}]", book), SPRING) for key in "ab")
    assert spread.mid == pytest.approx(a.mid + times * b.mid + constant, abs=1e-9)
    bought, sold = (b.ask, b.bid) if times < 0 else (b.bid, b.ask)
    assert spread.bid == pytest.approx(a.bid + times * bought + constant, abs=1e-9)
    assert spread.ask == pytest.approx(a.ask + times * sold + constant, abs=1e-9)


def test_a_winter_off_peak_hour_by_hour() -> None:
    """German power: every hour from November to March has the base of its month, at peak the peak; what is left is
    the mean of the hours that are not at peak. In March the clock is put forward.
    """
    base = dict(zip(WINTER, (90.0, 95.0, 101.5, 99.0, 84.25), strict=True))
    peak = dict(zip(WINTER, (110.0, 118.0, 126.0, 117.5, 92.0), strict=True))
    worth: defaultdict[str, float] = defaultdict(float)
    off_peak_hours: defaultdict[str, int] = defaultdict(int)
    zone = ZoneInfo("Europe/Berlin")
    hour, end = datetime(2025, 11, 1, tzinfo=zone).astimezone(UTC), datetime(2026, 4, 1, tzinfo=zone).astimezone(UTC)
    while hour < end:
        local = hour.astimezone(zone)
        at_peak, month = local.weekday() < 5 and 8 <= local.hour < 20, f"{local:%Y-%m}"
        worth[month] += base[month] - (peak[month] if at_peak else 0.0)
        off_peak_hours[month] += not at_peak
        hour += timedelta(hours=1)
    sources = [
        power(BERLIN, block, list(mids.values()), "EUR/MWh", labels=WINTER, day=OCTOBER)
        for block, mids in (("BASE", base), ("PEAK", peak))
    ]
    curve = derive_of("off_peak([german-base], [german-peak])", *sources)
    found = strip(curve, DeliveryPeriod(date(2025, 11, 1), date(2026, 4, 1)), Weighting.HOURS)
    total = sum(off_peak_hours.values())
    assert found.mid == pytest.approx(sum(worth.values()) / total, abs=1e-9)
    assert found.weights.tolist() == [off_peak_hours[month] / total for month in WINTER]


WEST = power(PJM, "On-Peak", [55.0, 54.0, 53.0])
AD = power(("PJM", "DA", "AD Hub"), "On-Peak", [50.0, 50.0, 50.0])
ATC = power(PJM, "ATC", [40.0, 41.0, 36.0])
NOWHERE = power(("", "EU", "Nowhere"), "BASE", [1.0, 1.0, 1.0])
RATE = source("rate", [0.5, 0.5, 0.5], None, labels=SUMMER, day=date(2025, 6, 12))
BOOK = (WEST, AD, ATC, NOWHERE, RATE)
THIRD = DeliveryPeriod(date(2025, 7, 1), date(2025, 10, 1))
BASIS = "[west-hub-on-peak] - [ad-hub-on-peak]"


@pytest.mark.parametrize(
    ("expression", "times"),
    [
        (BASIS, 1.0),
        (f"2 * ({BASIS}) - 5 USD/MWh + 5 USD/MWh", 2.0),
        (f"convert({BASIS}, EUR/MWh, quoted_in([rate], EUR/USD))", 0.5),
    ],
    ids=["two places of one calendar", "numbers", "an exchange rate"],
)
def test_what_is_delivered_in_the_same_hours_is_weighted_by_them(expression: str, times: float) -> None:
    """At peak July 2025 has 352 hours, August and September have 336 each; the spread is 5, 4 and 3."""
    found = strip(derive_of(expression, *BOOK), THIRD, Weighting.HOURS)
    assert found.mid == pytest.approx(times * (5 * 352 + 4 * 336 + 3 * 336) / 1024, abs=1e-12)


@pytest.mark.parametrize(
    "expression",
    [
        "[west-hub-on-peak] - [west-hub-atc]",
        "off_peak([west-hub-atc], [west-hub-on-peak]) - [west-hub-on-peak]",
        "[west-hub-atc] - [nowhere-base]",
        "shift([west-hub-atc], 1, month)",
        "0.5 * [west-hub-atc] + 0 * [west-hub-on-peak]",
    ],
    ids=["two blocks", "off-peak and peak", "nobody knows the hours", "of other months", "however little of it"],
)
def test_what_is_not_delivered_in_the_same_hours_is_not_weighted_by_them(expression: str) -> None:
    curve = derive_of(expression, *BOOK)
    with pytest.raises(NoBlockHours, match="nobody knows in which hours"):
        strip(curve, THIRD, Weighting.HOURS)
    assert len(strip(curve, THIRD).inputs) >= 2  # weighing the same they make a strip
