"""Pools the prices of many curves by what they belong to: group of curves, as-of bucket, delivery bucket."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aurum.curves.analytics.aggregates import Groups, Keys, Numbers, Values, groups_of, merged
from aurum.curves.analytics.buckets import AsOfBucket, DeliveryBucket, as_of_starts, pooled
from aurum.curves.analytics.deliveries import Seasons
from aurum.curves.blocks import DayBlock
from aurum.market.finite import finite
from aurum.market.periods import DeliveryPeriod, TenorGrid, TenorType

_DAYS, _GROUPS, _BEFORE_1970 = 20, 40, 2**19  # bits of a key: months of delivery, then as-of days, then groups
_LOWEST = 2**_DAYS - 1
HoursOf = Callable[[int, Sequence[DeliveryPeriod]], Numbers]


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which points are pooled, and by what; None: by nothing.

    Those of one kind alone, whose delivery lies within the half-open range: a quarter does not count beside its months.
    """

    delivery: DeliveryBucket | None = None
    as_of: AsOfBucket | None = None
    seasons: Seasons = Seasons.VENDOR
    tenor_type: TenorType = TenorType.MONTH
    within: tuple[date | None, date | None] = (None, None)


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """A row for each group of curves, as-of bucket and delivery bucket, in this order.

    `groups` are places, `as_of` first days since 1970, `months` the first month of delivery as a `month_number`.
    """

    groups: NDArray[np.int64]
    as_of: NDArray[np.int64]
    months: NDArray[np.int64]
    found: Groups
    deviation: Numbers
    weighted_mean: Numbers
    percentiles: Numbers


@dataclass(frozen=True, eq=False)
class Members:
    """Curves in the order of their ids: of each its group, and what brings its prices into the group's unit."""

    ids: NDArray[np.int64]
    groups: NDArray[np.int64]
    factors: Numbers

    @classmethod
    def of(cls, members: Mapping[int, tuple[int, float]]) -> Members:
        ids = sorted(members)
        groups, factors = ([members[id_][n] for id_ in ids] for n in range(2))
        return cls(np.array(ids, np.int64), np.array(groups, np.int64), np.array(factors, np.float64))

    @cached_property
    def _as_they_are(self) -> bool:
        return bool((self.factors == 1).all())

    def converted(self, curves: NDArray[np.intp], values: Numbers) -> Numbers:
        """Rows of prices of these curves, given by their places."""
        return values if self._as_they_are else values * self.factors[curves, None]


class Pool:
    """`hours_of`: see `block_hours`, for a mean that is weighted by them."""

    def __init__(
        self,
        grouping: Grouping,
        members: Members,
        percents: Sequence[float] = (),
        hours_of: HoursOf | None = None,
    ) -> None:
        self.days = 0
        self._grouping = grouping
        self._members = members
        self._percents = percents
        self._hours_of = hours_of
        self._hours: dict[tuple[int, TenorGrid], Numbers] = {}
        self._found = Groups.none()
        self._values = Values()

    def __len__(self) -> int:
        return len(self._found.keys)

    @finite("an aggregate")
    def add(self, blocks: Sequence[DayBlock]) -> None:
        """Raises ValueError for a point that lies in no bucket, and what `hours_of` does."""
        grouping, parts = self._grouping, [self._found]
        for block in blocks:
            self.days += len(block.curve_ids)
            chosen = pooled(block.tenors, grouping.tenor_type, *grouping.within, grouping.delivery, grouping.seasons)
            if not len(chosen.places):
                continue
            curves = np.searchsorted(self._members.ids, block.curve_ids)
            rows = self._rows(block, curves)
            values = self._members.converted(curves, block.values[:, chosen.columns])
            parts.append(groups_of(rows, chosen.buckets, values, self._weights(block, chosen.places)))
            if self._percents:
                self._values.add(rows, chosen.buckets, values)
        self._found = merged([part for part in parts if len(part.keys)] or parts[:1])

    @finite("an aggregate")
    def summary(self) -> Summary:
        """Once, when all is added."""
        keys = self._found.keys
        days = (keys >> _DAYS) % 2 ** (_GROUPS - _DAYS) - _BEFORE_1970
        blank = np.empty((len(keys), 0))
        percentiles = self._values.percentiles(self._found, self._percents) if self._percents else blank
        return Summary(
            keys >> _GROUPS, days, keys & _LOWEST, self._found, self._found.deviation, self._found.weighted_mean,
            percentiles,
        )  # fmt: skip

    def _rows(self, block: DayBlock, curves: NDArray[np.intp]) -> Keys:
        by = self._grouping.as_of
        days = np.zeros(len(curves), dtype=np.int64) if by is None else as_of_starts(block.as_of, by)
        return (self._members.groups[curves] << _GROUPS) + ((days + _BEFORE_1970) << _DAYS)

    def _weights(self, block: DayBlock, places: NDArray[np.int64]) -> Numbers | None:
        if self._hours_of is None:
            return None
        periods = [block.tenors[place].period for place in places.tolist()]
        which, row = np.unique(block.curve_ids, return_inverse=True)
        for id_ in which.tolist():
            if (id_, block.tenors) not in self._hours:
                self._hours[id_, block.tenors] = self._hours_of(id_, periods)
        return np.array([self._hours[id_, block.tenors] for id_ in which.tolist()])[row]
