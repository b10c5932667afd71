"""Runs beside each other, by hand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from aurum.curves.analytics.comparisons import Bucket, By
from aurum.curves.analytics.moves import by_hand
from aurum.market.periods import TenorType
from aurum.scenarios.model import Outcome
from tests.scenario_curves import FRENCH, GAS, POWER, compare, curve, document, only, outcome

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


def test_differences_that_are_equal_by_hand_are_in_the_order_of_keys() -> None:
    """Both are up by 0.1, in binary by 0.09999999999999432 and 0.10000000000000142."""
    curves = [curve(GAS, [64.0]), curve(POWER, [63.6])]
    found = compare([outcome(curves, document("shift", amount=0.1))])
    assert found[0].spread < found[1].spread
    assert [each.key for each in found] == [GAS, POWER]


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


PRICES = st.lists(st.floats(-100, 100) | st.sampled_from([NAN, 0.0, 1.0]), min_size=1, max_size=16)


@example(runs=[{GAS: [0.0, 0.0]}, {GAS: [1e-300, 2e-269]}], percent=0.0)
@given(runs=st.lists(st.dictionaries(st.sampled_from([GAS, POWER, FRENCH]), PRICES), min_size=1, max_size=3),
       percent=st.sampled_from([0.0, 10.0]))  # fmt: skip
def test_columns_say_what_each_bucket_says_alone(runs: list[dict[str, list[float]]], percent: float) -> None:
    """Curves of other lengths in each run, with holes, or that a run does not have."""
    made = [
        outcome([curve(key, mids) for key, mids in run.items()], document("scale", percent=percent)) for run in runs
    ]
    found = compare(made, Bucket.QUARTER)
    expected = sorted(plainly(made), key=lambda each: (-by_hand(np.array(each[2])), each[0]))
    assert [(each.key, each.points, each.spread) for each in found] == [(key, n, size) for key, n, size in expected]
    for each in found:
        for value in each.runs:
            assert value is None or abs(sum(part for _, part in value.contributions) - value.move) < 1e-9


def plainly(runs: list[Outcome]) -> Iterator[tuple[str, int, float]]:
    """By curve and quarter: how many of its months all runs have that have the curve, and how far their means lie
    apart.
    """
    for key in sorted({key for run in runs for key in run.curves}):
        beside = [run.curves[key] for run in runs if key in run.curves]
        priced = [
            {tenor.period.start: (base, mid)
             for tenor, base, mid in zip(each.base.tenors, each.base.mid, each.mid, strict=True)
             if tenor.type is TenorType.MONTH and base == base and mid == mid}
            for each in beside
        ]  # fmt: skip
        months = sorted(set.intersection(*map(set, priced)))
        for _, quarter in groupby(months, key=lambda month: (month.year, (month.month - 1) // 3)):
            members = list(quarter)
            means = [sum(each[month][n] for month in members) / len(members) for each in priced for n in (0, 1)]
            if spread := max(means) - min(means):
                yield key, len(members), spread
