"""Curves side by side: every number beside its own delivery, whichever grids it comes from."""

from __future__ import annotations

from datetime import date

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aurum.curves.analytics.alignment import aligned, brought, side_by_side, taken
from aurum.curves.blocks import NOWHERE
from aurum.curves.model import CurvePrices
from aurum.market.periods import Tenor, TenorGrid, TenorType, months_from
from tests.published import months

YEARS = [Tenor(f"Calendar {year}", TenorType.CALENDAR, months_from(year, 1, 12)) for year in (2025, 2026, 2027)]
every = months(date(2025, 1, 1), 30) + YEARS
curves = st.lists(st.sampled_from(range(len(every))), unique=True).map(
    lambda chosen: CurvePrices(TenorGrid([every[n] for n in chosen]), np.array(sorted(chosen), dtype=float))
)


def numbers(curve: CurvePrices) -> dict[Tenor, float]:
    return dict(zip(curve.tenors, curve.mid.tolist(), strict=True))


@given(st.lists(st.none() | curves, max_size=5))
def test_a_row_has_the_numbers_of_its_curve_and_no_others(many: list[CurvePrices | None]) -> None:
    joined, rows = side_by_side(many)
    assert set(joined.tenors) == {tenor for curve in many if curve for tenor in curve.tenors}
    assert rows.shape == (len(many), len(joined.tenors))
    for curve, row in zip(many, rows, strict=True):
        found = {tenor: mid for tenor, mid in zip(joined.tenors, row.tolist(), strict=True) if mid == mid}
        assert found == ({} if curve is None else numbers(curve))


@given(curves, curves)
def test_numbers_are_brought_to_another_grid(one: CurvePrices, other: CurvePrices) -> None:
    found = brought(one.mid, one.tenors, other.tenors)
    expected = [numbers(one).get(tenor, np.nan) for tenor in other.tenors]
    np.testing.assert_array_equal(found, expected)


@given(curves, curves)
def test_an_outer_join_has_every_delivery_once(one: CurvePrices, other: CurvePrices) -> None:
    joined = aligned(one.tenors, other.tenors)
    assert len(set(joined.tenors)) == len(joined.tenors)
    assert not (joined.places == NOWHERE).all(axis=0).any()
    for curve, places in zip((one, other), joined.places, strict=True):
        assert sorted(places[places != NOWHERE].tolist()) == list(range(len(curve.tenors)))
        expected = [numbers(curve).get(tenor, np.nan) for tenor in joined.tenors]
        np.testing.assert_array_equal(taken(curve.mid, places), expected)
    assert np.isnan(taken(None, joined.places[0])).all()
