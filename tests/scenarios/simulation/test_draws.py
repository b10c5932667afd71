"""Numbers of stochastic drivers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from aurum.curves.model import Prices
from aurum.errors import InvalidScenario
from aurum.scenarios.drivers import Distribution, Matrix, Scale, Stochastic
from aurum.scenarios.simulation.draws import drawn

PARAMETERS = {
    Distribution.NORMAL: {"mean": 1.0, "std": 0.5},
    Distribution.LOGNORMAL: {"mean": 2.0, "sigma": 0.3},
    Distribution.UNIFORM: {"low": -1.0, "high": 3.0},
    Distribution.TRIANGULAR: {"low": 0.0, "mode": 1.0, "high": 4.0},
}
DEVIATIONS = {
    Distribution.NORMAL: 0.5,
    Distribution.LOGNORMAL: 2.0 * math.sqrt(math.exp(0.09) - 1),
    Distribution.UNIFORM: 4.0 / math.sqrt(12),
    Distribution.TRIANGULAR: math.sqrt((0 + 1 + 16 - 0 - 0 - 4) / 18),
}


def driver(of: Distribution, name: str | None = None, matrix: Matrix = ()) -> Stochastic:
    parameters = tuple(sorted(PARAMETERS[of].items()))
    return Stochastic(
        distribution_type=of, parameters=parameters, base_driver=Scale(percent=10), correlation_matrix=matrix, name=name
    )


def matrix(**correlations: float) -> Matrix:
    """By pairs, as ab=0.5."""
    names = sorted({letter for pair in correlations for letter in pair})
    both = correlations | {pair[::-1]: value for pair, value in correlations.items()}
    return tuple((one, tuple((other, both.get(one + other, 1.0)) for other in names)) for one in names)


def placed(drivers: Iterable[Stochastic]) -> dict[str, Stochastic]:
    return {f"drivers.{n}": each for n, each in enumerate(drivers)}


def correlation(both: Prices) -> float:
    return float(np.corrcoef(both[0], both[1]).flat[1])


def test_each_distribution_has_its_mean_deviation_and_bounds() -> None:
    found = drawn(placed(driver(of) for of in Distribution), seed=1, paths=50_000)
    np.testing.assert_allclose(found.means, [1.0, 2.0, 1.0, 5 / 3])
    for of, values, mean in zip(Distribution, found.values, found.means, strict=True):
        assert values.mean() == pytest.approx(mean, abs=4 * DEVIATIONS[of] / math.sqrt(50_000))
        assert values.std() == pytest.approx(DEVIATIONS[of], rel=0.02)
    assert -1 <= found.values[2].min() < -0.99 < 2.99 < found.values[2].max() <= 3
    assert 0 <= found.values[3].min() < found.values[3].max() <= 4
    assert found.aside.mean(axis=1) == pytest.approx([0, 0, 0, 0], abs=0.03)


def test_correlations_are_those_of_the_normals() -> None:
    """Of uniform numbers it is 6 / pi x asin(r / 2) then: 0.786 for 0.8."""
    said = matrix(ab=0.8)
    normal = drawn(placed(driver(Distribution.NORMAL, name, said) for name in "ab"), 2, 50_000).values
    assert correlation(normal) == pytest.approx(0.8, abs=0.01)
    uniform = drawn(placed(driver(Distribution.UNIFORM, name, said) for name in "ab"), 2, 50_000).values
    assert correlation(uniform) == pytest.approx(6 / math.pi * math.asin(0.4), abs=0.01)
    equal = drawn(placed(driver(Distribution.NORMAL, name, matrix(ab=1.0)) for name in "ab"), 2, 100).values
    np.testing.assert_allclose(equal[0], equal[1], atol=1e-7)


def test_names_draw_the_same_in_any_order_and_among_others() -> None:
    a, b = (driver(Distribution.NORMAL, name) for name in "ab")
    both, turned, alone = (drawn(placed(each), 3, 100).values for each in ([a, b], [b, a], [b]))
    assert both[1].tobytes() == turned[0].tobytes() == alone[0].tobytes()


def test_matrices_that_are_none_together_are_refused_and_never_mended() -> None:
    """a goes with b and b with c, each by 0.9, but a against c: each of the three by itself would be possible."""
    parts = [matrix(ab=0.9), matrix(bc=0.9), matrix(ac=-0.9)]
    clash = [matrix(ab=0.9), matrix(ab=0.8), ()]
    cases = (
        ("abc", parts, "NOT_A_CORRELATION", "drivers.0.payload.correlation_matrix"),
        ("abc", clash, "NOT_A_CORRELATION", "drivers.1.payload.correlation_matrix"),
        ("aac", [()] * 3, "NAME_TWICE", "drivers.1.payload.name"),
    )
    for names, said, code, path in cases:
        drivers = [driver(Distribution.NORMAL, name, each) for name, each in zip(names, said, strict=True)]
        with pytest.raises(InvalidScenario) as refused:
            drawn(placed(drivers), 1, 100)
        issue = refused.value.details["issues"][0]
        assert (issue["code"], issue["path"]) == (code, path)


def test_numbers_that_are_too_large_to_be_drawn_are_refused_and_the_driver_is_named() -> None:
    wide = replace(driver(Distribution.LOGNORMAL), parameters=(("mean", 1.0), ("sigma", 1000.0)))
    with pytest.raises(InvalidScenario) as refused:
        drawn(placed([driver(Distribution.NORMAL), wide]), 1, 100)
    issue = refused.value.details["issues"][0]
    assert (issue["code"], issue["path"]) == ("OVERFLOW", "drivers.1.payload.parameters")
