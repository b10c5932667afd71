"""What paths say of each delivery month, and how far to trust it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from aurum.curves.model import Prices
from aurum.scenarios.simulation.arithmetic import Numbers
from aurum.scenarios.simulation.histories import Line
from aurum.scenarios.simulation.paths import Paths

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedCurve:
    """By month of `line`, in its unit: `quantiles[level, month]` of LEVELS, the mean, and the standard error of each.

    An error is that of the number of paths alone: a hundred times as many paths make it ten times smaller. NaN where
    nothing was simulated. `unmodelled`: how many quoted months have too little history.
    """

    line: Line
    quantiles: Prices
    quantile_errors: Prices
    mean: Prices
    mean_error: Prices
    unmodelled: int


def summary(paths: Paths) -> SimulatedCurve:
    months, count = paths.prices.shape
    made = paths.prices[paths.simulated]
    mean = made.sum(axis=1) / count
    aside = made - mean[:, None]
    error = np.sqrt((aside * aside).sum(axis=1) / (count - 1) / count)
    ordered = np.sort(made, axis=1)
    found = np.full((2 * len(LEVELS) + 2, months), np.nan)
    found[:, paths.simulated] = [
        *(_quantile(ordered, level) for level in LEVELS), *(quantile_error(ordered, level) for level in LEVELS),
        mean, error,
    ]  # fmt: skip
    quantiles, errors = found[: len(LEVELS)], found[len(LEVELS) : -2]
    return SimulatedCurve(paths.line, quantiles, errors, found[-2], found[-1], paths.unmodelled)


def quantile_error(ordered: Numbers, level: float) -> Numbers:
    """Half of what lies between the numbers one binomial standard deviation of ranks below and above the quantile.

    Free of any distribution: the rank of the true quantile among n draws is binomial (David and Nagaraja, Order
    Statistics, 7.1). Numbers are sorted along the last axis.
    """
    count = ordered.shape[-1]
    aside = math.sqrt(level * (1.0 - level) / count)
    found: Numbers = (_quantile(ordered, min(level + aside, 1.0)) - _quantile(ordered, max(level - aside, 0.0))) / 2.0
    return found


def _quantile(ordered: Numbers, level: float) -> Numbers:
    """Linear between the two nearest ranks, counted from 0 to n - 1 (type 7 of Hyndman and Fan 1996)."""
    rank = level * (ordered.shape[-1] - 1)
    below = min(int(rank), ordered.shape[-1] - 2)
    low, high = ordered[..., below], ordered[..., below + 1]
    found: Numbers = low + (high - low) * (rank - below)
    return found
