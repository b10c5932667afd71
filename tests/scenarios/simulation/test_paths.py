"""Paths, and what they say of each delivery month."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from aurum.errors import InvalidInput
from aurum.scenarios.simulation.factors import FactorModel, fitted
from aurum.scenarios.simulation.histories import Line
from aurum.scenarios.simulation.moves import daily_moves
from aurum.scenarios.simulation.paths import Driven, Paths, simulated
from aurum.scenarios.simulation.quantiles import LEVELS, quantile_error, summary
from aurum.scenarios.simulation.shocks import Sampling, normals
from aurum.scenarios.simulation.simulating import simulate
from tests.simulated import history, last_line, random_histories
from tests.simulated_digest import digest

WEEK = ["2025-02-10", "2025-02-11", "2025-02-12", "2025-02-13", "2025-02-14"]
EXPECTED = "3c25360ef0dbddfdb743d199fc2575731c64af8a19d4d7571ecf4e2c878e0d1d"


@pytest.fixture(scope="module")
def model() -> FactorModel:
    """Four curves of 12 months; curve 1 moves by amounts."""
    return fitted(daily_moves(random_histories(4, 12, 120, absolute=(1,))))


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return [last_line(each) for each in random_histories(4, 12, 120, absolute=(1,))]


def test_a_month_up_and_down_moves_as_it_did() -> None:
    """A month that moves by 1 up and down has a deviation of the square root of 4/3 a day: twice that in four days."""
    model = fitted(daily_moves([history("spread", [[0.0], [1.0], [0.0], [1.0], [0.0]], WEEK)]), least=3)
    line = Line("spread", np.datetime64("2025-02-14"), np.array([2025 * 12 + 2]), np.array([10.0]))
    (found,) = simulated(model, [line], Sampling(100, 4, seed=5))
    np.testing.assert_allclose(found.prices, 10 + np.sqrt(4 / 3) * 2 * normals(5, "factor/0", 1, 100), rtol=1e-6)


def test_what_never_moved_stays() -> None:
    histories = [history("flat", [[5.0]] * 5, WEEK), history("spread", [[0.0], [1.0], [0.0], [1.0], [0.0]], WEEK)]
    for some in (histories, histories[:1]):
        line = Line("flat", np.datetime64("2025-02-14"), np.array([2025 * 12 + 2]), np.array([5.0]))
        (found,) = simulated(fitted(daily_moves(some), least=3), [line], Sampling(100, 4))
        assert (found.prices == 5.0).all()


def test_a_month_moves_until_its_delivery_is_over() -> None:
    """Four trading days from Thursday, 27 February: the first is in February, in which alone February still moves."""
    days = ["2025-02-24", "2025-02-25", "2025-02-26", "2025-02-27"]
    model = fitted(daily_moves([history("spread", [[0, 0], [1, 1], [0, 0], [1, 1]], days, "2025-02")]), least=3)
    line = Line("spread", np.datetime64("2025-02-27"), 2025 * 12 + 1 + np.arange(3), np.zeros(3))
    (found,) = simulated(model, [line], Sampling(20_000, 4))
    np.testing.assert_allclose(found.prices[:2].std(axis=1), np.sqrt(4 / 3) * np.sqrt([1, 4]), rtol=0.02)
    assert np.isnan(found.prices[2]).all()  # two months ahead nothing is known
    assert found.unmodelled == 1


def test_the_mean_stays_where_the_curve_is(model: FactorModel, lines: list[Line]) -> None:
    """Forward prices are martingales: logarithms drift by half of their variance downwards, amounts do not drift."""
    for curve in simulate(model, lines, Sampling(20_000, 60, 3)).curves:
        aside = np.abs(curve.mean - curve.line.prices) / curve.mean_error
        assert np.nanmax(aside) < 4.5
        assert np.isfinite(curve.mean).sum() >= 11


def test_moments_and_correlations_are_those_of_the_model(model: FactorModel, lines: list[Line]) -> None:
    days, july = 4, np.datetime64("2025-07-07")
    moved = [replace(each, as_of=july, months=2025 * 12 + 7 + np.arange(12)) for each in lines[:2]]
    one, other = simulated(model, moved, Sampling(20_000, days))
    points = [model.places[row, 4] for row in (0, 1)]
    logarithm, amount = np.log(one.prices[3] / one.line.prices[3]), other.prices[3] - other.line.prices[3]
    for each, point in zip((logarithm, amount), points, strict=True):
        assert each.std() == pytest.approx(model.deviations[point] * np.sqrt(days), rel=0.03)
    known = float(model.loadings[:, points[0]] @ model.loadings[:, points[1]])
    assert np.corrcoef(logarithm, amount)[0, 1] == pytest.approx(known, abs=0.02)


def test_equal_seeds_are_equal_shocks_whatever_they_are_applied_to(model: FactorModel, lines: list[Line]) -> None:
    """Twice the price has twice every path, and the difference between two stories no noise of its own."""
    story = [replace(each, prices=2 * each.prices) for each in lines]
    for base, doubled in zip(*(simulated(model, each, Sampling(200, 10, 9)) for each in (lines, story)), strict=True):
        moves = base.line.key == "curve/001"
        expected = base.prices + base.line.prices[:, None] if moves else 2 * base.prices
        np.testing.assert_allclose(doubled.prices, expected, rtol=1e-12)


def test_a_curve_has_the_same_paths_among_any_others(model: FactorModel, lines: list[Line]) -> None:
    among = {each.line.key: each.prices.tobytes() for each in simulated(model, lines[::-1], Sampling(200))}
    for line in lines:
        (alone,) = simulated(model, [line], Sampling(200))
        assert alone.prices.tobytes() == among[line.key]
    (other,) = simulated(model, lines[:1], Sampling(200, seed=1))
    assert other.prices.tobytes() != among[lines[0].key]


def test_a_stochastic_driver_moves_the_level(model: FactorModel, lines: list[Line]) -> None:
    amount, aside = np.full(len(lines[1].months), 3.0), np.linspace(-1, 1, 200)
    driven = [Driven(aside, {lines[1].key: amount})]
    plain, moved = (list(simulated(model, lines, Sampling(200), each))[1] for each in ((), driven))
    np.testing.assert_allclose((moved.prices - plain.prices)[:-1], np.tile(3 * aside, (11, 1)), atol=1e-12)


def test_quantiles_are_in_order_and_their_errors_are_those_of_repeated_runs(
    model: FactorModel, lines: list[Line]
) -> None:
    runs = [simulate(model, lines[:1], Sampling(1000, 10, seed)).curves[0] for seed in range(60)]
    first = runs[0]
    assert len(LEVELS) == len(first.quantiles)
    assert (np.diff(first.quantiles[:, :-1], axis=0) > 0).all()
    spread = np.std([each.quantiles[:, 2] for each in runs], axis=0)
    np.testing.assert_allclose(np.mean([each.quantile_errors[:, 2] for each in runs], axis=0), spread, rtol=0.35)
    assert np.std([each.mean[2] for each in runs]) == pytest.approx(first.mean_error[2], rel=0.3)


def test_quantiles_of_a_hundred_and_one_numbers() -> None:
    """Of 0 to 100 the 5 % quantile is 5; one deviation of ranks is 100 x sqrt(0.05 x 0.95 / 101) = 2.17."""
    ordered = np.arange(101.0)[None, :]
    assert quantile_error(ordered, 0.05)[0] == pytest.approx(2.1687, abs=1e-4)
    line = Line("x", np.datetime64("2025-02-14"), np.array([0]), np.array([50.0]))
    found = summary(Paths(line, ordered[:, ::-1], np.array([0])))
    np.testing.assert_allclose(found.quantiles[:, 0], [5, 25, 50, 75, 95])


def test_lines_and_samplings_that_make_no_sense_are_refused(model: FactorModel, lines: list[Line]) -> None:
    tomorrow = replace(lines[1], as_of=lines[1].as_of + 1)
    negative = replace(lines[0], prices=-lines[0].prices)
    unknown = replace(lines[0], key="other")
    for wrong in ([], [lines[0], lines[0]], [lines[0], tomorrow], [negative], [unknown]):
        with pytest.raises(InvalidInput):
            list(simulated(model, wrong, Sampling()))
    for field, value in (("paths", 99), ("paths", 20_001), ("horizon", 0), ("horizon", 261), ("seed", -1)):
        with pytest.raises(InvalidInput) as refused:
            Sampling(**{field: value})
        assert refused.value.details["field"] == field


def test_the_digest_is_known() -> None:
    """Also when a newer NumPy draws other numbers: then this fails, and the change has to be told."""
    assert digest() == EXPECTED


@pytest.mark.slow
def test_the_digest_is_the_same_on_other_processors_and_with_other_threads() -> None:
    """Older kernels of OpenBLAS and NumPy, where there are any: a matrix product and an exponential do change."""
    machines = (
        {"OPENBLAS_NUM_THREADS": "1"}, {"OPENBLAS_NUM_THREADS": "2"},
        {"OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": "X86_V3"},
    )  # fmt: skip
    for machine in machines:
        command = [sys.executable, "-W", "ignore", "-m", "tests.simulated_digest"]
        said = subprocess.run(command, env={**os.environ, **machine}, capture_output=True, text=True, check=True)
        assert said.stdout.split()[0] == EXPECTED
