"""Numbers of stochastic drivers: correlated, from their distributions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aurum.errors import InvalidScenario
from aurum.scenarios.distributions import mean_of
from aurum.scenarios.drivers import Distribution, Stochastic
from aurum.scenarios.model import Issue, Severity
from aurum.scenarios.refusals import finite_at, refused
from aurum.scenarios.simulation.arithmetic import Numbers, exp, normal_share
from aurum.scenarios.simulation.eigen import eigen
from aurum.scenarios.simulation.shocks import normals

_LEAST_EIGENVALUE = -1e-9  # of a matrix whose diagonal is 1: what rounding makes of 0


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """`values[driver, path]`, and the means of the distributions, in the order of the drivers."""

    values: Numbers
    means: Numbers

    @property
    def aside(self) -> Numbers:
        """What is drawn beyond the mean, which is what a run without simulation takes."""
        return self.values - self.means[:, None]


def drawn(drivers: Mapping[str, Stochastic], seed: int, paths: int) -> Draws:
    """Drivers by their paths in the scenario. A driver's name is its stream's; without one its path is.

    Correlations are those of the normals behind. Raises InvalidScenario as `roots` does.
    """
    names, root = roots(drivers)
    own = [normals(seed, f"driver/{name}", 1, paths)[0] for name in sorted(names)]
    values, means = np.zeros((len(names), paths)), np.zeros(len(names))
    for n, (name, (path, each)) in enumerate(zip(names, drivers.items(), strict=True)):
        row = sorted(names).index(name)
        for column, shock in enumerate(own):
            values[n] += root[row, column] * shock
        with finite_at(f"{path}.payload.parameters", "what is drawn"):
            values[n] = _of(each, values[n])
        means[n] = mean_of(each.distribution_type, dict(each.parameters))
    return Draws(values, means)


def roots(drivers: Mapping[str, Stochastic]) -> tuple[list[str], Numbers]:
    """What the drivers are called, and what independent normals, in the order of names, become correlated with.

    Raises InvalidScenario where two have one name (NAME_TWICE), and where their matrices contradict each other or are
    no correlations together (NOT_A_CORRELATION): the nearest ones that are would be other ones.
    """
    paths, each = list(drivers), list(drivers.values())
    names = [driver.name or path for path, driver in drivers.items()]
    for n, name in enumerate(names):
        if name in names[:n]:
            raise _refused(
                paths[n], "name", "NAME_TWICE", "two stochastic drivers have this name", "Give each its own."
            )
    order = sorted(range(len(names)), key=names.__getitem__)  # that of the drivers changes nothing
    return names, _root(_correlations(paths, each, names)[np.ix_(order, order)], paths)


def _correlations(paths: Sequence[str], drivers: Sequence[Stochastic], names: Sequence[str]) -> Numbers:
    """As stated by any of the drivers, 0 where none says anything; what is said of other names is not looked at."""
    found, at = np.eye(len(names)), {name: n for n, name in enumerate(names)}
    said: dict[tuple[int, int], float] = {}
    for n, driver in enumerate(drivers):
        for one, row in driver.correlation_matrix:
            for other, value in row:
                if one in at and other in at and said.setdefault((at[one], at[other]), value) != value:
                    raise _no_correlation(paths[n], f"another driver says another number for {one} and {other}")
    for pair, value in said.items():
        found[pair] = value
    return found


def _root(matrix: Numbers, paths: Sequence[str]) -> Numbers:
    """A matrix that makes `matrix` when multiplied with its own transposed."""
    if (matrix != matrix.T).any() or (np.diag(matrix) != 1.0).any():
        raise _no_correlation(
            paths[0], "the drivers' correlations together are not symmetric, or not 1 on the diagonal"
        )
    values, axes = eigen(matrix)
    if values[-1] < _LEAST_EIGENVALUE:
        least = f"their smallest eigenvalue is {values[-1]:.3g}"
        raise _no_correlation(paths[0], f"the drivers' correlations together are not positive semi-definite: {least}")
    scaled = axes * np.sqrt(np.maximum(values, 0.0))[:, None]
    root: Numbers = np.zeros_like(matrix)
    for axis, row in zip(axes, scaled, strict=True):
        root = root + axis[:, None] * row
    return root


def _no_correlation(path: str, why: str) -> InvalidScenario:
    return _refused(path, "correlation_matrix", "NOT_A_CORRELATION", why, "Give all of them in one matrix.")


def _refused(path: str, field: str, code: str, why: str, suggestion: str) -> InvalidScenario:
    return refused([Issue(Severity.ERROR, code, why, f"{path}.payload.{field}", suggestion)])


def _of(driver: Stochastic, normal: Numbers) -> Numbers:
    """A standard normal as a number of the driver's distribution, rising with it."""
    given = {name: np.float64(value) for name, value in driver.parameters}
    if driver.distribution_type is Distribution.NORMAL:
        return given["mean"] + given["std"] * normal
    if driver.distribution_type is Distribution.LOGNORMAL:
        sigma = given["sigma"]
        return given["mean"] * exp(sigma * normal - 0.5 * sigma * sigma)
    share, low, high = normal_share(normal), given["low"], given["high"]
    if driver.distribution_type is Distribution.UNIFORM:
        return low + (high - low) * share
    return _triangular(share, low, given["mode"], high)


def _triangular(share: Numbers, low: float, mode: float, high: float) -> Numbers:
    turn, width = (mode - low) / (high - low), high - low
    rising = low + np.sqrt(share) * math.sqrt(width * (mode - low))
    falling = high - np.sqrt(1.0 - share) * math.sqrt(width * (high - mode))
    found: Numbers = np.where(share < turn, rising, falling)
    return found
