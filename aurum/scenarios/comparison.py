"""Scenario runs beside each other: where they differ, by how much, and which driver makes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from aurum.curves.analytics.comparisons import Bucket, By, Difference, RunValue
from aurum.curves.model import Prices
from aurum.market.finite import finite
from aurum.market.periods import TenorGrid
from aurum.scenarios.analytics.buckets import Buckets, Places, Priced, bucketed
from aurum.scenarios.analytics.largest import alike
from aurum.scenarios.model import Outcome, ScenarioCurve

Beside = tuple[ScenarioCurve | None, ...]  # a curve in each run


@dataclass(frozen=True, slots=True, eq=False)
class Differing:
    """Where runs differ in some curves that have the same tenors: a place in each column for each difference.

    `runs` are those that have the curves; `base` and `value` are (runs, differences). `curve` is the place in `curves`
    and `priced`, `bucket` that in `buckets`.
    """

    curves: Sequence[Beside]
    runs: Sequence[int]
    buckets: Buckets
    priced: Priced  # (curves, points)
    ranks: Places
    curve: Places
    bucket: Places
    points: Places
    base: Prices
    value: Prices
    spread: Prices
    size: Prices

    @finite("a difference")
    def row(self, at: int) -> Difference:
        beside, bucket = self.curves[self.curve[at]], int(self.bucket[at])
        members = self.buckets.members(bucket, self.priced[self.curve[at]])
        values: list[RunValue | None] = [None] * len(beside)
        for n, run in enumerate(self.runs):
            parts = _parts(beside[run], self.buckets.places[n, members])
            values[run] = RunValue(float(self.base[n, at]), float(self.value[n, at]), parts)
        return Difference(
            _key(beside), self.buckets.labels[bucket], self.buckets.delivery(bucket, members), int(self.points[at]),
            tuple(values), float(self.spread[at]), float(self.size[at]),
        )  # fmt: skip


def differing(runs: Sequence[Outcome], bucket: Bucket, by: By) -> Iterator[Differing]:
    """Every curve and bucket in which a run differs from a base or another run, some curves at a time.

    A bucket is the mean of those of its months that every run that has the curve has a price for.
    """
    keys = sorted({key for run in runs for key in run.curves})
    curves = (tuple(run.curves.get(key) for run in runs) for key in keys)
    for grids, ranks, found in alike((_grids(each), each) for each in curves if not _same(each)):
        having = [n for n, grid in enumerate(grids) if grid is not None]
        buckets = bucketed(tuple(grid for grid in grids if grid is not None), bucket)
        yield _part(ranks, found, having, buckets, by)


def _grids(curves: Beside) -> tuple[TenorGrid | None, ...]:
    return tuple(None if each is None else each.base.tenors for each in curves)


def _same(curves: Beside) -> bool:
    """Whether all runs that have the curve have the same of it, and none has moved it."""
    first, *others = [each for each in curves if each is not None]
    still = not any(each.contributions for each in (first, *others))
    return still and all(np.array_equal(each.base.mid, first.base.mid, equal_nan=True) for each in others)


@finite("a difference")
def _part(
    ranks: Sequence[int], curves: Sequence[Beside], runs: Sequence[int], buckets: Buckets, by: By
) -> Differing:  # fmt: skip
    both = np.array([
        [[each.base.mid[places], each.mid[places]] for each in (beside[run] for beside in curves) if each is not None]
        for run, places in zip(runs, buckets.places, strict=True)
    ])  # fmt: skip
    values = both.transpose(2, 0, 1, 3)  # (base and value, runs, curves, points)
    priced = np.isfinite(values).all(axis=(0, 1))
    means, count = buckets.means(values, priced)
    spread = np.ptp(means, axis=(0, 1))
    curve, bucket = np.nonzero(spread)
    base, value = means[:, :, curve, bucket]
    spread = spread[curve, bucket]
    return Differing(
        curves, runs, buckets, priced, np.array(ranks)[curve], curve, bucket, count[curve, bucket],
        base, value, spread, _size(spread, base[0], by),
    )  # fmt: skip


def _parts(curve: ScenarioCurve | None, at: Places) -> tuple[tuple[int, float], ...]:
    """What each driver did that did anything."""
    parts = () if curve is None else ((each.driver, _mean(each.amounts[at])) for each in curve.contributions)
    return tuple(part for part in parts if part[1])


def _key(beside: Beside) -> str:
    return next(each.base.key for each in beside if each is not None)


def _mean(values: Prices) -> float:
    """One after another, so that it is the same everywhere."""
    return float(np.add.accumulate(values)[-1] / len(values) + 0.0)


def _size(spread: Prices, base: Prices, by: By) -> Prices:
    if by is By.ABSOLUTE:
        return spread
    size: Prices = np.divide(100.0 * spread, np.abs(base), out=np.full(len(spread), np.inf), where=base != 0.0)
    return size
