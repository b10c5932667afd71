"""Runs beside each other, by hand."""

from __future__ import annotations

from aurum.curves.analytics.comparisons import Bucket, By
from tests.scenario_curves import GAS, POWER, compare, curve, document, only, outcome

NAN = float("nan")
CURVES = [curve(GAS, [50, 40, 30, 20], {"Q2 2025": 30}), curve(POWER, [100, 90, NAN, 70])]
UP = outcome(CURVES, document("scale", percent=10, limits=only(GAS)), document("heat_rate", reference=GAS))
APRIL = outcome(
    CURVES, document("shift", amount=-6, limits=only(GAS, delivery_start="2025-04-01", delivery_end="2025-05-01"))
)


def test_the_largest_difference_is_first_and_says_which_driver_made_it() -> None:
    """April: power 90 or 98; gas 44 or 34 from 40, from the lowest to the highest 10."""
    found = compare([UP, APRIL])
    assert [(each.key, each.label, each.spread) for each in found] == [
        (GAS, "2025-04", 10), (POWER, "2025-03", 10), (POWER, "2025-04", 8), (GAS, "2025-03", 5),
        (POWER, "2025-06", 4), (GAS, "2025-05", 3), (GAS, "2025-06", 2),
    ]  # fmt: skip
    one, other = found[0].runs
    assert one is not None
    assert other is not None
    assert (one.base, one.value, one.contributions) == (40, 44, ((0, 4),))
    assert (other.value, other.move, other.contributions) == (34, -6, ((0, -6),))


def test_buckets_are_the_means_of_months_that_all_runs_have() -> None:
    (gas, power) = [each for each in compare([UP], Bucket.QUARTER) if each.label == "Q2 2025"]
    assert (power.key, power.points, power.spread) == (GAS, 3, 3)
    assert (gas.key, gas.points, gas.spread) == (POWER, 2, 6)  # April and June: 8 and 4
    (whole,) = compare([APRIL], Bucket.ALL)
    assert (whole.label, whole.points, whole.spread) == ("All", 4, 1.5)
    assert (str(whole.delivery.start), str(whole.delivery.end)) == ("2025-03-01", "2025-07-01")
    assert [each.label for each in compare([APRIL], Bucket.POINT)] == ["2025-04", "Q2 2025"]


def test_in_percent_of_the_base_and_with_a_curve_that_one_run_lacks() -> None:
    found = compare([UP, outcome(CURVES[1:], document("scale", percent=1))], Bucket.YEAR, By.PERCENT)
    assert [(each.key, each.label, len(each.runs)) for each in found] == [
        (GAS, "Calendar 2025", 2),
        (POWER, "Calendar 2025", 2),
    ]
    assert found[0].size == 10
    assert found[0].runs[1] is None
    assert compare([outcome(CURVES, document("scale", percent=0))]) == []
