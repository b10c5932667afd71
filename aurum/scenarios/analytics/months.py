"""The months that the points of a curve deliver in, and what of a month lies within limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from aurum.curves.model import Prices
from aurum.market.periods import DeliveryPeriod, TenorGrid, TenorType, month_number

Ordinals = NDArray[np.int64]  # of months: their `month_number`
NOWHERE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Months:
    """`numbers` are the months from the first to the last that is delivered.

    `members[p]` are the places in `numbers` of the months of point p, NOWHERE after the last, `sizes[p]` how many they
    are: those from the as-of's month on, as in the vendors' strips. `own` is the point of each month, NOWHERE where
    there is none; `whole[p]`: the point delivers whole months.
    """

    numbers: Ordinals
    members: Ordinals
    sizes: Ordinals
    own: Ordinals
    whole: NDArray[np.bool_]

    def on_points(self, by_month: Prices) -> Prices:
        """(points, members): what the months have, beside each point; a point's first again in place of NOWHERE."""
        places = np.where(self.members == NOWHERE, self.members[:, :1], self.members)
        found: Prices = by_month[..., places]
        return found


@lru_cache(maxsize=512)
def months_of(grid: TenorGrid, as_of: date) -> Months:
    spans = [_ordinals(tenor.period, as_of) for tenor in grid]
    first, last = min((start for start, _ in spans), default=0), max((end for _, end in spans), default=0)
    members = np.full((len(grid), max((end - start for start, end in spans), default=1)), NOWHERE, dtype=np.int64)
    own = np.full(last - first, NOWHERE, dtype=np.int64)
    for point, (start, end) in enumerate(spans):
        members[point, : end - start] = np.arange(start - first, end - first)
        if grid[point].type is TenorType.MONTH:
            own[start - first] = point
    whole = [tenor.period.start.day == tenor.period.end.day == 1 for tenor in grid]
    sizes = np.array([end - start for start, end in spans], dtype=np.int64)
    return Months(np.arange(first, last), members, sizes, own, np.array(whole, dtype=bool))


def _ordinals(period: DeliveryPeriod, as_of: date) -> tuple[int, int]:
    """The months that it touches, half-open; of those before the as-of's month only if there are no others."""
    start, end = month_number(period.start), month_number(period.end - timedelta(days=1)) + 1
    return max(start, min(month_number(as_of), end - 1)), end


def shares(months: Months, start: date | None, end: date | None) -> Prices:
    """How much of each month is delivered from `start` and before `end`, in days; 1 for all of it."""
    starts = months.numbers.astype("datetime64[M]") - np.timedelta64(1970 * 12, "M")
    opens, closes = starts.astype("datetime64[D]"), (starts + 1).astype("datetime64[D]")
    inside_from = opens if start is None else np.maximum(opens, np.datetime64(start))
    inside_to = closes if end is None else np.minimum(closes, np.datetime64(end))
    days = np.maximum((inside_to - inside_from).astype(np.int64), 0)
    found: Prices = days / (closes - opens).astype(np.int64)
    return found


def spread(weights: Prices, full: Prices, by_month: Callable[[], Prices], months: Months) -> Prices:
    """What moves each point, if `full` is what moves it where all its months have the weight 1.

    `weights` and `by_month`, what moves a month of weight 1, are by month; `full` and `by_month` may have a leading
    axis. Where all months of a point weigh the same it is that weight times `full`; where `full` is NaN, or they do
    not, the mean of what moves its months, which are looked at only then. NaN where that is not known. A month of
    weight 0 does not move, in any case.
    """
    own = months.on_points(weights)
    alike = (own == own[:, :1]).all(axis=1)
    moved: Prices = np.where(own[:, 0] == 0.0, 0.0, own[:, 0] * full)
    unclear = ~(alike & np.isfinite(moved).all(axis=tuple(range(moved.ndim - 1))))
    if unclear.any():
        at = np.flatnonzero(unclear)
        mean = _mean(np.where(weights == 0.0, 0.0, weights * by_month()), months, at)
        mean[..., ~months.whole[at]] = np.nan
        moved[..., at] = np.where(alike[at] & np.isfinite(moved[..., at]), moved[..., at], mean)
    return moved


def _mean(by_month: Prices, months: Months, points: Ordinals) -> Prices:
    """Of the months of each point, one after another."""
    total = np.zeros((*by_month.shape[:-1], len(points)))
    for step in range(months.members.shape[1]):
        member = months.members[points, step]
        total = np.where(member == NOWHERE, total, total + by_month[..., member])
    return total / months.sizes[points]
