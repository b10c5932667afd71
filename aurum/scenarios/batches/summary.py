"""What a batch has made as one table: by curve and delivery, or of a position, and a tornado's bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aurum.curves.analytics.comparisons import Bucket
from aurum.curves.model import Prices
from aurum.errors import InvalidInput, NoExchangeRate
from aurum.market.finite import finite
from aurum.market.periods import DeliveryPeriod, TenorType, month_number
from aurum.market.units import CURRENCIES
from aurum.scenarios.analytics.buckets import Buckets, Places, Priced, bucketed
from aurum.scenarios.analytics.largest import LargestFirst, alike
from aurum.scenarios.batches.model import Holding
from aurum.scenarios.model import BaseCurve
from aurum.scenarios.variations import Variation

Mids = Sequence[Mapping[str, Prices] | None]  # by run the curves that it has moved; None: it has not succeeded


@dataclass(frozen=True, slots=True)
class Bar:
    """How much more than in the middle there is with a driver's moves larger, and smaller."""

    driver: int
    up: float
    down: float

    @property
    def range(self) -> float:
        return max(self.up, self.down, 0.0) - min(self.up, self.down, 0.0)


@dataclass(frozen=True, slots=True)
class Line:
    """Of what the runs start from, and what each makes of it; None: it has not succeeded."""

    base: float
    values: tuple[float | None, ...]
    spread: float  # the largest less the smallest of all of them

    @property
    def changes(self) -> list[float | None]:
        return [None if each is None else each - self.base for each in self.values]


def bars(
    base: float | None, values: Sequence[float | None], variations: Sequence[Variation | None]
) -> list[Bar]:  # fmt: skip
    """The longest first. The middle is the scenario as it is; of drivers alone it is the base."""
    found = []
    for up, down in zip(range(1, len(variations), 2), range(2, len(variations), 2), strict=True):
        varied, high, low = variations[up], values[up], values[down]
        middle = base if varied is not None and varied.alone else values[0]
        if varied is not None and high is not None and low is not None and middle is not None:
            found.append(Bar(varied.driver, high - middle, low - middle))
    return sorted(found, key=lambda bar: (-bar.range, bar.driver))


@dataclass(frozen=True, slots=True)
class Row:
    """A bucket of a curve, in the curve's unit: the mean of those of its points that all runs have."""

    key: str
    label: str
    delivery: DeliveryPeriod
    points: int
    line: Line


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """What runs move of some curves that have the same tenors: a place in each column for each row.

    `means` are (base and runs that have succeeded, rows).
    """

    curves: Sequence[BaseCurve]
    mids: Mids
    buckets: Buckets
    priced: Priced  # (curves, points)
    ranks: Places
    curve: Places
    bucket: Places
    points: Places
    means: Prices
    size: Prices

    def row(self, at: int) -> Row:
        n, bucket = self.curve[at], int(self.bucket[at])
        delivery = self.buckets.delivery(bucket, self.buckets.members(bucket, self.priced[n]))
        line = _line(self.means[:, at], self.mids)
        return Row(self.curves[n].key, self.buckets.labels[bucket], delivery, int(self.points[at]), line)


def table(curves: Sequence[BaseCurve], mids: Mids, bucket: Bucket) -> LargestFirst[Row]:
    """Every curve and bucket that a run moves; those that differ most first, then by key."""
    by_key = sorted(curves, key=lambda curve: curve.key)
    found = alike((curve.tenors, curve) for curve in by_key)
    return LargestFirst(_moved(ranks, each, mids, bucketed((grid,), bucket)) for grid, ranks, each in found)


@finite("a difference")
def _moved(ranks: Sequence[int], curves: Sequence[BaseCurve], mids: Mids, buckets: Buckets) -> Moved:
    stories = np.array([_stories(curve, mids)[:, buckets.places[0]] for curve in curves]).transpose(1, 0, 2)
    priced = np.isfinite(stories).all(axis=0)
    means, count = buckets.means(stories, priced)
    spread = np.ptp(means, axis=0)
    curve, bucket = np.nonzero(spread)
    return Moved(
        curves, mids, buckets, priced, np.array(ranks)[curve], curve, bucket, count[curve, bucket],
        means[:, curve, bucket], spread[curve, bucket],
    )  # fmt: skip


@finite("what they are worth")
def held(holdings: Sequence[Holding], curves: Mapping[str, BaseCurve], mids: Mids) -> tuple[str, Line]:
    """What they are worth, in their currency. `curves` are by the keys of the holdings.

    Raises InvalidInput where a month has no price in the base or in a run, NoExchangeRate for several currencies.
    """
    units = {each.curve: curves[each.curve].curve.currency for each in holdings}
    unknown = [key for key, currency in units.items() if currency is None]
    if unknown:
        raise InvalidInput(f"nobody has said what {unknown[0]} is priced in", field="holdings")
    currencies = sorted({CURRENCIES[each].base for each in units.values() if each is not None})
    if len(currencies) > 1:
        raise NoExchangeRate(f"the holdings are in {' and '.join(currencies)}", units=currencies, field="holdings")
    total = np.zeros(1 + sum(each is not None for each in mids))
    for n, each in enumerate(holdings):
        curve = curves[each.curve]
        factor = CURRENCIES[curve.curve.currency or ""].factor
        total = total + each.quantity * factor * _strip(curve, each, mids, f"holdings.{n}")
    return currencies[0], _line(total, mids)


def _strip(curve: BaseCurve, holding: Holding, mids: Mids, path: str) -> Prices:
    months = range(month_number(holding.delivery_start), month_number(holding.delivery_end))
    own = {month_number(t.period.start): at for at, t in enumerate(curve.tenors) if t.type is TenorType.MONTH}
    stories = _stories(curve, mids)
    if not months or not all(month in own and np.isfinite(stories[:, own[month]]).all() for month in months):
        hint = "Whole months are held, that have a price in the base and in every run."
        raise InvalidInput(f"{curve.key} has no price for some of its delivery", hint=hint, field=path)
    return _means(stories, np.array([own[month] for month in months]))


def _stories(curve: BaseCurve, mids: Mids) -> Prices:
    """`[base and runs that have succeeded, point]`."""
    return np.array([curve.mid, *(each.get(curve.key, curve.mid) for each in mids if each is not None)])


def _means(stories: Prices, at: NDArray[np.int64]) -> Prices:
    """Months are added one after another, so that it is the same everywhere."""
    total = np.zeros(len(stories))
    for place in at:
        total = total + stories[:, place]
    means: Prices = total / len(at)
    return means


def _line(means: Prices, mids: Mids) -> Line:
    base, *known = means.tolist()
    values = iter(known)
    return Line(base, tuple(None if each is None else next(values) for each in mids), float(np.ptp(means)))
