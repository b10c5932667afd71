"""Whatever finite prices curves have: what is computed of them is finite, null where it is said, or OVERFLOW."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.curves.analytics.deliveries import range_of_months
from aurum.curves.analytics.diffs import Ends, difference
from aurum.curves.analytics.exchanges import Rates, exchanged
from aurum.curves.analytics.moves import percent
from aurum.curves.analytics.pools import Grouping, Members, Pool, Summary
from aurum.curves.analytics.strips import strips
from aurum.errors import Overflow
from aurum.market.finite import finite
from aurum.market.periods import months_from
from tests.curves.test_aggregates import block
from tests.curves.test_moves import snapshot
from tests.published import prices

T = TypeVar("T")
LARGEST = 1.7976931348623157e308
NUMBERS = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([LARGEST, -LARGEST, 1e154, 5e-324, -5e-324, 2.2e-308, 0.0, -0.0])
    | st.floats(-100, 100)
)  # fmt: skip
THREE = st.lists(NUMBERS, min_size=3, max_size=3)


def or_overflow(made: Callable[..., T], *said: object) -> T | None:
    try:
        return made(*said)
    except Overflow:
        return None


def numbers(*found: object) -> bool:
    """Whether all of what was not refused is finite."""
    return all(each is None or bool(np.isfinite(np.asarray(each)).all()) for each in found)


@given(THREE, THREE, THREE, st.floats(0.5, 2.0))
def test_differences_and_their_parts_are_numbers(
    one: list[float], two: list[float], now: list[float], rate: float
) -> None:
    start, between, end = (
        snapshot(day, prices(mids, spread=None), version)
        for version, (day, mids) in enumerate([("2025-02-13", one), ("2025-02-13", two), ("2025-02-14", now)], 1)
    )
    diff = difference(Ends(start, between, end))
    move = or_overflow(lambda: diff.move)
    assert numbers(or_overflow(lambda: diff.change), move and move.parts)
    changes = or_overflow(lambda: diff.percent)
    assert changes is None or (np.isfinite(changes) == (np.array(one) != 0.0)).all()
    rates = [Rates(np.full(3, each), np.full(3, each)) for each in (rate, 1.0)]
    abroad = or_overflow(exchanged, diff, *rates)
    assert abroad is None or (numbers(abroad[0].change, *abroad[0].move.parts) and abroad[1] == [])


@given(THREE)
def test_strips_and_prices_in_another_unit_are_numbers(mids: list[float]) -> None:
    curve = prices(mids, spread=None)
    spring = range_of_months(months_from(2025, 3, 3))
    for weights in (None, np.array([744.0, 720.0, 743.0])):
        found = or_overflow(strips, curve, date(2025, 2, 13), [spring], weights)
        size = 1e-9 * max(map(abs, mids)) + 1e-300
        assert found is None or min(mids) / 2 - size <= found[0].mid / 2 <= max(mids) / 2 + size
    assert numbers(or_overflow(lambda: curve.scaled(100.0).mid))


@given(THREE, THREE)
def test_aggregates_are_numbers(one: list[float], other: list[float]) -> None:
    def pooled() -> Summary:
        members = Members.of({1: (0, 1.0), 2: (0, 2.0)})
        pool = Pool(Grouping(), members, (5.0, 50.0), lambda _, periods: np.full(len(periods), 744.0))
        for curve, mids in ((1, one), (2, other)):
            pool.add([block([date(2025, 2, 13)], [mids], curve=curve)])
        return pool.summary()

    found = or_overflow(pooled)
    if found is not None:
        groups = found.found
        assert numbers(groups.mean, groups.minimum, groups.maximum, found.deviation, found.weighted_mean)
        assert numbers(found.percentiles)
        assert (groups.minimum <= found.percentiles[:, 0]).all()


def test_what_is_too_large_for_a_number_is_refused_before_anything_is_computed_with_it() -> None:
    largest = prices([LARGEST, LARGEST, 1.0], spread=None)
    with pytest.raises(Overflow, match="a price in another unit"):
        largest.scaled(100.0)
    with pytest.raises(Overflow, match="a change in per cent"):
        percent(np.array([5e-324]), np.array([1.0]))
    assert np.isnan(percent(np.array([0.0, -0.0]), np.array([1.0, 1.0]))).all()
    with pytest.raises(Overflow, match="all of it"), finite("all of it"):
        np.add.at(np.zeros(1), [0, 0], [LARGEST, LARGEST])
