"""Principal components of daily moves."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurum.errors import InvalidInput, TooLittleHistory
from aurum.scenarios.simulation.factors import FactorModel, fitted
from aurum.scenarios.simulation.moves import NOWHERE, daily_moves
from tests.simulated import history, random_histories

WEEK = ["2025-02-10", "2025-02-11", "2025-02-12", "2025-02-13", "2025-02-14"]
UP_AND_DOWN = [[0, 0, 0], [1, 2, 3], [0, 0, 6], [1, 2, 3], [0, 0, 0]]  # the moves of the third: +3, +3, -3, -3


def test_two_axes_of_three_points_are_found() -> None:
    """March moves by +1, -1, +1, -1, April by twice that, May by 3 on other days: two axes, of 2 and 1 of 3 points."""
    moves = daily_moves([history("spread", UP_AND_DOWN, WEEK)])
    both = fitted(moves, share=1.0, least=3)
    np.testing.assert_allclose(both.explained, [2 / 3, 1.0], rtol=1e-12)
    np.testing.assert_allclose(both.deviations, np.sqrt(4 / 3) * np.array([1, 2, 3]))
    np.testing.assert_allclose(both.loadings, [[1, 1, 0], [0, 0, 1]], atol=1e-6)
    one = fitted(moves, share=0.6, least=3)
    np.testing.assert_allclose(one.residual, [0, 0, 1], atol=1e-6)
    assert (one.factors, one.moves, one.moves_found) == (1, 4, 4)
    assert fitted(moves, share=1.0, most=1, least=3).factors == 1


def covariance(model: FactorModel) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    shared = model.loadings.T @ model.loadings + np.diag(model.residual)
    return np.asarray(model.deviations[:, None] * shared * model.deviations)


def test_a_known_covariance_is_found_again() -> None:
    """Three factors of 2 % a day make 250 days of moves: variances to a few per cent, three factors for nearly all."""
    moves = daily_moves(random_histories(4, 12, 251, noise=0.0), window=250)
    model = fitted(moves, share=0.999)
    assert model.factors == 3
    known = [0.02 * math.exp(-ahead / 24) * math.sqrt(1 + 0.25 * (1 - ahead / 30) ** 2 + 0.16) for ahead in range(11)]
    np.testing.assert_allclose(model.deviations[model.places[0, :11]], known, rtol=0.12)
    values = moves.values[:, np.isfinite(moves.values).all(axis=0)]
    np.testing.assert_allclose(
        covariance(model), np.cov(values, rowvar=False), atol=0.002 * model.deviations.max() ** 2
    )


def test_the_variance_of_each_point_is_all_there_with_any_number_of_factors() -> None:
    moves = daily_moves(random_histories(3, 10, 60, absolute=(1,)))
    values = moves.values[:, np.isfinite(moves.values).all(axis=0)]
    for most in (1, 2, 5):
        model = fitted(moves, most=most)
        assert model.factors <= most
        np.testing.assert_allclose(np.diag(covariance(model)), values.var(axis=0, ddof=1), rtol=1e-5)


@settings(max_examples=10)
@given(st.permutations(range(4)))
def test_the_order_of_curves_changes_nothing(order: list[int]) -> None:
    histories = random_histories(4, 3, 33)
    one, other = (fitted(daily_moves(each)) for each in (histories, [histories[n] for n in order]))
    assert one.keys == other.keys
    for name in ("deviations", "loadings", "residual", "explained"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


def test_what_never_moved_stands_still_and_counts_in_no_factor() -> None:
    prices = np.array(UP_AND_DOWN, dtype=float)
    prices[:, 1] = 7.0
    model = fitted(daily_moves([history("spread", prices.tolist(), WEEK)]), least=3)
    assert model.deviations[1] == 0.0
    assert model.explained[-1] == pytest.approx(1.0)
    still = fitted(daily_moves([history("flat", [[5.0, 6.0]] * 5, WEEK)]), least=3)
    assert (still.factors, still.deviations.tolist()) == (0, [0.0, 0.0])


def test_a_missing_quote_costs_its_days_and_a_point_that_lacks_many_is_left_out() -> None:
    (whole,) = random_histories(1, 6, 70)
    holed = whole.prices.copy()
    holed[30, 3] = np.nan  # neither the move to that day nor the one from it
    model = fitted(daily_moves([replace(whole, prices=holed)]))
    assert (model.moves, model.moves_found) == (67, 69)
    holed[10:20, 3] = np.nan
    model = fitted(daily_moves([replace(whole, prices=holed)]))
    assert NOWHERE in model.places[0, :4].tolist()


def test_too_little_history_says_what_there_is_and_what_is_needed() -> None:
    with pytest.raises(TooLittleHistory) as refused:
        fitted(daily_moves(random_histories(2, 6, 20)))
    told = {name: refused.value.details[name] for name in ("found", "needed", "days")}
    assert told == {"found": 19, "needed": 30, "days": 20}
    moves = daily_moves(random_histories(1, 3, 40))
    for wrong in ({"share": 0.0}, {"share": 1.1}, {"most": 0}, {"least": 2}):
        with pytest.raises(InvalidInput):
            fitted(moves, **wrong)
