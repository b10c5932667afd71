"""Correlated paths: what curves may be at a horizon, curve by curve, so that memory is that of one curve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aurum.curves.model import Prices
from aurum.errors import InvalidInput
from aurum.market.finite import finite
from aurum.scenarios.simulation.arithmetic import Numbers, exp
from aurum.scenarios.simulation.factors import FactorModel
from aurum.scenarios.simulation.histories import Line, Places, months_of_days
from aurum.scenarios.simulation.moves import NOWHERE, MoveKind, refuse_logarithm
from aurum.scenarios.simulation.shocks import Sampling, normals

_LARGEST = 10.0  # standard deviation of a logarithm at the horizon


@dataclass(frozen=True, slots=True, eq=False)
class Driven:
    """What a stochastic driver does to a path: `aside`, what it drew less the mean, times `amounts`.

    These are what its base driver moves, by key, for each month of the line, whose prices have the mean's move.
    """

    aside: Prices
    amounts: Mapping[str, Prices]


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """`prices[month, path]` of a line at the horizon, in its unit; NaN for what is not quoted or not modelled."""

    line: Line
    prices: Prices
    simulated: Places  # of the months of the line

    @property
    def unmodelled(self) -> int:
        """Months that are quoted, and for whose time to delivery there is too little history."""
        return int(np.isfinite(self.line.prices).sum()) - len(self.simulated)


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """The points of a model that a line's months have been by the horizon: `places[bucket, month]`, a bucket for each
    calendar month on the way with `days` trading days; NOWHERE where delivery is over.
    """

    months: Places
    places: Places
    days: Prices


def simulated(
    model: FactorModel, lines: Sequence[Line], sampling: Sampling, driven: Sequence[Driven] = ()
) -> Iterator[Paths]:
    """The lines in the order of their keys. Equal seeds are equal shocks, whatever the prices they are applied to.

    Raises InvalidInput for lines of several as-of dates, for one that the model does not have, and for a price that is
    not above zero where the model has logarithms.
    """
    ordered = sorted(lines, key=lambda each: each.key)
    _check(model, ordered)
    buckets = _days_by_month(ordered[0].as_of, sampling.horizon)
    together = np.empty((len(buckets), model.factors, sampling.paths))
    for n in range(model.factors):
        together[:, n] = normals(sampling.seed, f"factor/{n}", len(buckets), sampling.paths)
    for line in ordered:
        with finite(f"a simulated price of {line.key}"):
            found = _paths(model, line, buckets, together, sampling, driven)
        yield found


def _check(model: FactorModel, ordered: Sequence[Line]) -> None:
    if not ordered or len({each.key for each in ordered}) < len(ordered):
        raise InvalidInput("a simulation has at least one curve, and each once", field="curves")
    if len({each.as_of for each in ordered}) > 1:
        raise InvalidInput("the curves of a simulation are of one as-of date", field="curves")
    for each in ordered:
        if each.key not in model.keys:
            raise InvalidInput(f"nothing is known of how {each.key} moves", field="curves")
        refuse_logarithm(model.kinds[model.keys.index(each.key)], each)


def _days_by_month(as_of: np.datetime64, horizon: int) -> Numbers:
    """How many of the trading days lie in the as-of's month, in the one after it, and so on."""
    days = np.busday_offset(as_of, np.arange(1, horizon + 1), roll="backward")
    counts: Numbers = np.bincount(months_of_days(days) - months_of_days(as_of)).astype(float)
    return counts


def _points(model: FactorModel, line: Line, buckets: Numbers) -> _Points:
    row = model.places[model.keys.index(line.key)]
    ahead = line.ahead[None, :] - np.arange(len(buckets))[:, None]
    inside = (ahead >= 0) & (ahead < len(row))
    places = np.where(inside, row[np.where(inside, ahead, 0)], NOWHERE)
    needed = (ahead >= 0) & (buckets[:, None] > 0)
    known = np.isfinite(line.prices) & (line.ahead >= 0) & ~(needed & (places == NOWHERE)).any(axis=0)
    months = np.flatnonzero(known)
    return _Points(months, places[:, months], buckets)


def _paths(
    model: FactorModel, line: Line, buckets: Numbers, together: Numbers, sampling: Sampling, driven: Sequence[Driven]
) -> Paths:
    points = _points(model, line, buckets)
    kind = model.kinds[model.keys.index(line.key)]
    own = normals(sampling.seed, f"curve/{line.key}", len(line.months), sampling.paths)
    moves = _moves(model, points, together, own)
    level = line.prices[points.months, None]
    for each in driven:
        if line.key in each.amounts:
            level = level + each.amounts[line.key][points.months, None] * each.aside
    prices = np.full((len(line.months), sampling.paths), np.nan)
    if kind is MoveKind.ABSOLUTE:
        prices[points.months] = level + moves
    else:
        variance = _variance(model, points, np.ones(len(model.deviations)))
        if variance.max(initial=0.0) > _LARGEST**2:
            raise InvalidInput(f"{line.key} has moved too much for logarithms", field="horizon")
        prices[points.months] = level * exp(moves - 0.5 * variance[:, None])
    return Paths(line, prices, points.months)


def _moves(model: FactorModel, points: _Points, together: Numbers, own: Numbers) -> Numbers:
    """(month, path). The products are exact, as all their numbers are on grids; what is added is in a stated order."""
    moves: Numbers = own[points.months] * np.sqrt(_variance(model, points, model.residual))[:, None]
    for places, days, factors in zip(points.places, points.days, together, strict=True):
        alive = places != NOWHERE
        scale = np.where(alive, model.deviations[places] * np.sqrt(days), 0.0)
        moves += scale[:, None] * (np.ascontiguousarray(model.loadings[:, places].T) @ factors)
    return moves


def _variance(model: FactorModel, points: _Points, share: Numbers) -> Numbers:
    """Of each month at the horizon, as far as it is this share of each point's."""
    total = np.zeros(len(points.months))
    for places, days in zip(points.places, points.days, strict=True):
        total += np.where(places == NOWHERE, 0.0, days * share[places] * model.deviations[places] ** 2)
    return total
