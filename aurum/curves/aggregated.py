"""What the points of groups come to, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import overload

import numpy as np
from numpy.typing import NDArray

from aurum.backends.paging import Position
from aurum.curves.analytics.aggregates import Numbers
from aurum.curves.analytics.buckets import as_of_range, delivery_bucket
from aurum.curves.analytics.deliveries import StripPeriod
from aurum.curves.analytics.groups import Group
from aurum.curves.analytics.pools import Grouping, Summary


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What the points of a group come to, in its currency and unit; NaN where there is no such number.

    `as_of`: the first and the last day of its bucket; None where nothing is grouped by it, as with `delivery`.
    `percentiles` are parallel to what was asked for.
    """

    group: Group
    as_of: tuple[date, date] | None
    delivery: StripPeriod | None
    count: int
    missing: int
    mean: float
    weighted_mean: float
    minimum: float
    maximum: float
    deviation: float
    percentiles: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Aggregates(Sequence[Aggregate]):
    """Each attribute of an `Aggregate` as a column, parallel to the others."""

    groups: Sequence[Group]
    as_of: Sequence[tuple[date, date] | None]
    delivery: Sequence[StripPeriod | None]
    counts: NDArray[np.int64]
    missing: NDArray[np.int64]
    mean: Numbers
    weighted_mean: Numbers
    minimum: Numbers
    maximum: Numbers
    deviation: Numbers
    percentiles: Numbers

    @classmethod
    def of(cls, summary: Summary, rows: slice, groups: Sequence[Group], grouping: Grouping) -> Aggregates:
        """`rows` of a summary of these groups."""
        found, by_as_of, by_delivery = summary.found, grouping.as_of, grouping.delivery
        there = found.count[rows] > 0

        def numbers(values: Numbers) -> Numbers:
            return np.where(there, values[rows], np.nan)

        days, months = summary.as_of[rows].tolist(), summary.months[rows].tolist()
        return cls(
            [groups[place] for place in summary.groups[rows].tolist()],
            [None if by_as_of is None else as_of_range(day, by_as_of) for day in days],
            [None if by_delivery is None else delivery_bucket(each, by_delivery, grouping.seasons) for each in months],
            found.count[rows], found.missing[rows], numbers(found.mean), numbers(summary.weighted_mean),
            numbers(found.minimum), numbers(found.maximum), numbers(summary.deviation), summary.percentiles[rows],
        )  # fmt: skip

    @property
    def positions(self) -> list[Position]:
        columns = zip(self.groups, self.as_of, self.delivery, strict=True)
        return [
            (*group.position, as_of and as_of[0], None if delivery is None else delivery.period.start)
            for group, as_of, delivery in columns
        ]

    def __len__(self) -> int:
        return len(self.groups)

    @overload
    def __getitem__(self, index: int) -> Aggregate: ...
    @overload
    def __getitem__(self, index: slice) -> list[Aggregate]: ...
    def __getitem__(self, index: int | slice) -> Aggregate | list[Aggregate]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        return Aggregate(
            self.groups[index], self.as_of[index], self.delivery[index], int(self.counts[index]),
            int(self.missing[index]), float(self.mean[index]), float(self.weighted_mean[index]),
            float(self.minimum[index]), float(self.maximum[index]), float(self.deviation[index]),
            tuple(self.percentiles[index].tolist()),
        )  # fmt: skip
