"""Principal components of daily moves: what moves curves together, and what is left to each point."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from aurum.curves.model import Prices
from aurum.errors import InvalidInput
from aurum.scenarios.simulation.arithmetic import Numbers, on_grid
from aurum.scenarios.simulation.eigen import eigen
from aurum.scenarios.simulation.histories import Places
from aurum.scenarios.simulation.moves import NOWHERE, MoveKind, Moves, too_little

LEAST_MOVES = 30
SHARE, MOST_FACTORS = 0.95, 20
_AXIS_BITS, _LOADING_BITS = 20, 24
_MOST_LACKING = 0.03  # of the days: a point that lacks more moves is not modelled, one that lacks fewer costs its days
_STILL = 1e-12  # of the largest move
_ROUNDING = 1e-5  # of a variance: what grids may leave


@dataclass(frozen=True, slots=True, eq=False)
class FactorModel:
    """A daily move of a point is deviation x (loadings . factors + sqrt(residual) x its own), all standard normal.

    `places` is that of `Moves`, with NOWHERE for what is not modelled. `deviations` are of a trading day, in the
    curve's unit or of the logarithm; 0 for points that never moved. `loadings[factor, point]` are correlations.
    `residual` is the share of a point's variance that is in no factor. `explained[n]` is the share of the variance of
    all points, each counting the same, in the first n + 1 factors. `moves` is how many days it is fitted on, of
    `moves_found`.
    """

    keys: tuple[str, ...]
    kinds: tuple[MoveKind, ...]
    places: Places
    deviations: Prices
    loadings: Prices
    residual: Prices
    explained: Prices
    moves: int
    moves_found: int

    @property
    def factors(self) -> int:
        return len(self.loadings)


def fitted(moves: Moves, *, share: float = SHARE, most: int = MOST_FACTORS, least: int = LEAST_MOVES) -> FactorModel:
    """As many factors as explain `share` of the variance, `most` at most.

    Fitted on days on which every modelled point has a move: nothing is filled in. Raises TooLittleHistory with fewer
    than `least` of them.
    """
    if not 0.0 < share <= 1.0:
        raise InvalidInput("the share of variance is above 0 and at most 1", field="share")
    if most < 1 or least < 3:
        raise InvalidInput("at least 1 factor, fitted on at least 3 moves", field="most" if most < 1 else "least")
    known = np.isfinite(moves.values)
    modelled = known.mean(axis=0) >= 1.0 - _MOST_LACKING
    days = known[:, modelled].all(axis=1)
    if not modelled.any() or days.sum() < least:
        found = int(days.sum()) if modelled.any() else 0
        raise too_little(found, least, "daily moves of all points", moves.days_found)
    values = moves.values[days][:, modelled]
    centred = values - values.sum(axis=0) / len(values)
    deviations = np.sqrt((centred * centred).sum(axis=0) / (len(values) - 1))
    deviations[deviations <= _STILL * np.abs(values).max(axis=0)] = 0.0
    loadings, explained = _components(centred, deviations, share, most)
    residual = np.where(deviations > 0.0, 1.0 - (loadings * loadings).sum(axis=0), 0.0)
    residual[residual < _ROUNDING] = 0.0
    numbers = np.append(np.where(modelled, np.cumsum(modelled) - 1, NOWHERE), NOWHERE)  # NOWHERE stays so
    return FactorModel(
        moves.keys, moves.kinds, numbers[moves.places], deviations, loadings, residual, explained, len(values),
        len(moves.days),
    )  # fmt: skip


def _components(centred: Numbers, deviations: Numbers, share: float, most: int) -> tuple[Numbers, Numbers]:
    """Loadings and explained shares, by the singular value decomposition of the moves: by the eigenvectors of the
    products of days with each other, or of points where there are fewer points.

    Moves are rounded to a grid on which these products are exact sums: 3e-5 of a deviation for 12,000 points.
    """
    count, points = centred.shape
    moving = deviations > 0.0
    bits = min((52 - (count * points).bit_length()) // 2, _AXIS_BITS)
    standard = on_grid(centred[:, moving] / deviations[moving], bits)
    by_day = standard.shape[1] >= count
    values, axes = eigen((standard @ standard.T if by_day else standard.T @ standard) / (count - 1))
    values = np.maximum(values, 0.0)
    shares = np.cumsum(values) / max(values.sum(), np.finfo(float).tiny)
    real = int((values > count * np.finfo(float).eps * values.max(initial=0.0)).sum())
    chosen = min(int(np.searchsorted(shares, share)) + 1, real, most)
    loadings = np.zeros((chosen, points))
    if by_day:
        found = on_grid(axes[:chosen], _AXIS_BITS) @ standard / math.sqrt(count - 1)
    else:
        found = axes[:chosen] * np.sqrt(values[:chosen])[:, None]
    loadings[:, moving] = on_grid(found, _LOADING_BITS)
    signs = np.where(loadings.sum(axis=1) < 0.0, -1.0, 1.0)  # up is what most points call up
    return loadings * signs[:, None], shares[:chosen]
