"""Points of curves in buckets of delivery, and the means of these, for many curves at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from aurum.curves.analytics.comparisons import Bucket
from aurum.curves.model import Prices
from aurum.market.periods import DeliveryPeriod, TenorGrid, TenorType, month_number, months_from

Places = NDArray[np.int64]
Priced = NDArray[np.bool_]
_EVER = DeliveryPeriod(date.min, date.max)


@dataclass(frozen=True, eq=False)
class Buckets:
    """The points that several grids have, in the first one's order: what they deliver, where they stand in each grid
    (`places`), and which bucket each of them is in (`of`).
    """

    points: Sequence[DeliveryPeriod]
    places: Places
    of: Places
    labels: Sequence[str]
    deliveries: Sequence[DeliveryPeriod]
    bucket: Bucket

    @cached_property
    def starts(self) -> Places:
        return np.array([each.start.toordinal() for each in self.deliveries], dtype=np.int64)

    @cached_property
    def ends(self) -> Places:
        return np.array([each.end.toordinal() for each in self.deliveries], dtype=np.int64)

    def means(self, values: Prices, priced: Priced) -> tuple[Prices, Places]:
        """By bucket: the mean of those of its points that are `priced`, and how many they are; of none it is 0.

        `values` are (..., curves, points). Points are added one after another, so that it is the same everywhere.
        """
        total = np.zeros((*values.shape[:-1], len(self.labels)))
        count = np.zeros((len(priced), len(self.labels)), dtype=np.int64)
        for point, bucket in enumerate(self.of.tolist()):
            total[..., bucket] += np.where(priced[:, point], values[..., point], 0.0)
            count[:, bucket] += priced[:, point]
        return total / np.maximum(count, 1), count

    def members(self, bucket: int, priced: Priced) -> Places:
        """Which of the points of one curve are in it."""
        return np.flatnonzero(priced & (self.of == bucket))

    def delivery(self, bucket: int, members: Places) -> DeliveryPeriod:
        """ALL is from the first to the last of its members."""
        if self.bucket is not Bucket.ALL:
            return self.deliveries[bucket]
        return DeliveryPeriod(self.points[members[0]].start, self.points[members[-1]].end)


@lru_cache(maxsize=128)
def bucketed(grids: tuple[TenorGrid, ...], bucket: Bucket) -> Buckets:
    """A POINT is each tenor as it is quoted; in the other buckets are months alone."""
    places = [{(each.type, each.period, each.label): at for at, each in enumerate(grid)} for grid in grids]
    points = [
        point for point in places[0]
        if (bucket is Bucket.POINT or point[0] is TenorType.MONTH) and all(point in others for others in places[1:])
    ]  # fmt: skip
    named: dict[tuple[str, DeliveryPeriod], int] = {}
    of = [named.setdefault(_named(label, period, bucket), len(named)) for _, period, label in points]
    return Buckets(
        [period for _, period, _ in points],
        np.array([[at[point] for point in points] for at in places], dtype=np.int64), np.array(of, dtype=np.int64),
        [label for label, _ in named], [delivery for _, delivery in named], bucket,
    )  # fmt: skip


def _named(label: str, period: DeliveryPeriod, bucket: Bucket) -> tuple[str, DeliveryPeriod]:
    year, number = divmod(month_number(period.start), 12)
    if bucket is Bucket.QUARTER:
        return f"Q{number // 3 + 1} {year}", months_from(year, number // 3 * 3 + 1, 3)
    if bucket is Bucket.YEAR:
        return f"Calendar {year}", months_from(year, 1, 12)
    return ("All", _EVER) if bucket is Bucket.ALL else (label, period)
