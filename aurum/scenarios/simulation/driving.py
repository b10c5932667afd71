"""What the stochastic drivers of a scenario do to paths, with all that follows from it in the scenario."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from aurum.curves.analytics.deliveries import month_places
from aurum.curves.model import Prices
from aurum.scenarios.application import apply
from aurum.scenarios.distributions import mean_of
from aurum.scenarios.drivers import Distribution, Driver, Stochastic
from aurum.scenarios.model import BaseCurve, Issue, Outcome, ScenarioCurve, Severity
from aurum.scenarios.nesting import inside, remade
from aurum.scenarios.policies import SHIPPED, Policies
from aurum.scenarios.refusals import refused
from aurum.scenarios.simulation.draws import drawn
from aurum.scenarios.simulation.paths import Driven
from aurum.scenarios.simulation.shocks import Sampling

_ROUNDING = 1e-9
_TOO_LARGE = "the mean of its distribution is so large that 1 more cannot be told from it"
_SMALLER = "Weigh a larger base driver by smaller numbers."


def stochastic(drivers: Sequence[Driver]) -> dict[str, Stochastic]:
    """By their paths, as issues have them; those that stand inside of other drivers too."""
    return {
        path: each
        for n, driver in enumerate(drivers)
        for path, each in _walked(f"drivers.{n}", driver)
        if isinstance(each, Stochastic)
    }


def driven(
    curves: Sequence[BaseCurve], drivers: Sequence[Driver], means: Outcome, sampling: Sampling,
    policies: Policies = SHIPPED,
) -> list[Driven]:  # fmt: skip
    """What 1 more than the mean of each stochastic driver makes of the curves, whose `means` is the scenario.

    What comes after the driver follows it, as it does in the scenario. Raises InvalidScenario as `drawn` does, and
    where nobody can say what a driver moves.
    """
    found = stochastic(drivers)
    if not found:
        return []
    aside = drawn(found, sampling.seed, sampling.paths).aside
    return [
        Driven(aside[n], _amounts(path, apply(curves, _raised(drivers, path), policies), means))
        for n, path in enumerate(found)
    ]


def _amounts(path: str, raised: Outcome, means: Outcome) -> Mapping[str, Prices]:
    found = {}
    for key, mean in means.curves.items():
        more = raised.curves[key].mid - mean.mid
        if (np.isfinite(mean.mid) & ~np.isfinite(more)).any():
            raise _unknown(path, mean)
        if np.nan_to_num(more).any():
            found[key] = more[month_places(mean.base.tenors)]
    return found


def _unknown(path: str, curve: ScenarioCurve) -> Exception:
    why = f"{curve.base.key} would have no price where more than the mean is drawn: what moves it is not quoted"
    suggestion = "Limit the driver to deliveries, or to tenor types, that are quoted."
    return refused([Issue(Severity.ERROR, "UNKNOWN_MOVE", why, path, suggestion)])


def _raised(drivers: Sequence[Driver], path: str) -> list[Driver]:
    """With the driver of that path at its mean and 1 more."""
    return [_changed(f"drivers.{n}", driver, path) for n, driver in enumerate(drivers)]


def _changed(at: str, driver: Driver, path: str) -> Driver:
    if isinstance(driver, Stochastic) and at == path:
        mean = mean_of(driver.distribution_type, dict(driver.parameters))
        if abs(mean + 1.0 - mean - 1.0) > _ROUNDING:
            raise refused([Issue(Severity.ERROR, "OVERFLOW", _TOO_LARGE, f"{path}.payload.parameters", _SMALLER)])
        parameters = (("mean", mean + 1.0), ("std", 1.0))
        return replace(driver, distribution_type=Distribution.NORMAL, parameters=parameters)
    return remade(at, driver, lambda where, each: _changed(where, each, path))


def _walked(path: str, driver: Driver) -> Iterator[tuple[str, Driver]]:
    yield path, driver
    for _, where, each in inside(path, driver):
        yield from _walked(where, each)
