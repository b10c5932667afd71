"""Scenario runs beside each other: where they differ, by how much, and which driver makes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from aurum.curves.analytics.comparisons import Bucket, By, Difference, RunValue
from aurum.curves.model import Prices
from aurum.market.finite import finite
from aurum.market.periods import DeliveryPeriod, TenorGrid, TenorType, month_number, months_from
from aurum.scenarios.model import Outcome, ScenarioCurve


def differing(runs: Sequence[Outcome], bucket: Bucket, by: By) -> Iterator[list[Difference]]:
    """Every curve and bucket in which a run differs from a base or another run, a curve at a time.

    A bucket is the mean of those of its months that every run that has the curve has a price for.
    """
    for key in sorted({key for run in runs for key in run.curves}):
        beside = [run.curves.get(key) for run in runs]
        yield [] if _same(beside) else _of_curve(key, beside, bucket, by)


def largest_first(found: Iterable[Sequence[Difference]]) -> list[Difference]:
    """Those of all curves; of equal ones by key."""
    return sorted(chain.from_iterable(found), key=lambda each: (-each.size, each.key, each.delivery))


def _same(curves: Sequence[ScenarioCurve | None]) -> bool:
    """Whether all runs that have the curve have the same of it, and none has moved it."""
    first, *others = [each for each in curves if each is not None]
    still = not any(each.contributions for each in (first, *others))
    return still and all(np.array_equal(each.base.mid, first.base.mid, equal_nan=True) for each in others)


@finite("a difference")
def _of_curve(key: str, curves: Sequence[ScenarioCurve | None], bucket: Bucket, by: By) -> list[Difference]:
    places = [None if each is None else _places(each) for each in curves]
    common, found = _common([each for each in places if each is not None]), list[Difference]()
    for (label, delivery), members in buckets(common, bucket).items():
        values = tuple(
            None if curve is None or at is None else _value(curve, np.array([at[each] for each in members]))
            for curve, at in zip(curves, places, strict=True)
        )
        known = [each for value in values if value is not None for each in (value.base, value.value)]
        if spread := float(np.ptp(known)):
            found.append(Difference(key, label, delivery, len(members), values, spread, _size(spread, known[0], by)))
    return found


_Point = tuple[TenorType, DeliveryPeriod, str]


def _places(curve: ScenarioCurve) -> dict[_Point, int]:
    """Where the points stand that have a price, in the base and in the scenario."""
    grid: TenorGrid = curve.base.tenors
    priced = np.isfinite(curve.mid) & np.isfinite(curve.base.mid)
    found: list[int] = np.flatnonzero(priced).tolist()
    return {(grid[at].type, grid[at].period, grid[at].label): at for at in found}


def _common(places: Sequence[Mapping[_Point, int]]) -> list[_Point]:
    return [each for each in places[0] if all(each in others for others in places[1:])]


def buckets(points: Sequence[_Point], bucket: Bucket) -> dict[tuple[str, DeliveryPeriod], list[_Point]]:
    """By label and delivery of each bucket: the points that are in it."""
    found: dict[tuple[str, DeliveryPeriod], list[_Point]] = {}
    for point in points:
        type_, period, label = point
        if bucket is Bucket.POINT:
            found[label, period] = [point]
        elif type_ is TenorType.MONTH:
            found.setdefault(_bucket(period, bucket), []).append(point)
    if bucket is not Bucket.ALL:
        return found
    months = [point for members in found.values() for point in members]
    return {("All", DeliveryPeriod(months[0][1].start, months[-1][1].end)): months} if months else {}


def _bucket(month: DeliveryPeriod, bucket: Bucket) -> tuple[str, DeliveryPeriod]:
    year, number = divmod(month_number(month.start), 12)
    if bucket is Bucket.QUARTER:
        return f"Q{number // 3 + 1} {year}", months_from(year, number // 3 * 3 + 1, 3)
    if bucket is Bucket.YEAR:
        return f"Calendar {year}", months_from(year, 1, 12)
    return f"{year}-{number + 1:02}", month


def _value(curve: ScenarioCurve, at: NDArray[np.int64]) -> RunValue:
    parts = ((each.driver, _mean(each.amounts[at])) for each in curve.contributions)
    return RunValue(_mean(curve.base.mid[at]), _mean(curve.mid[at]), tuple(part for part in parts if part[1]))


def _mean(values: Prices) -> float:
    """One after another, so that it is the same everywhere."""
    return float(np.add.accumulate(values)[-1] / len(values) + 0.0)


def _size(spread: float, base: float, by: By) -> float:
    if by is By.ABSOLUTE:
        return spread
    return float(np.multiply(100.0, spread) / abs(base)) if base else np.inf
