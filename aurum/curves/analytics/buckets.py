"""What points are pooled by: buckets of delivery, and of as-of dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from aurum.curves.analytics.deliveries import Granularity, Seasons, StripPeriod, strip_with
from aurum.market.periods import TenorGrid, TenorType, month_number, months_at

Days = NDArray[np.int64]  # since 1970
_MONDAY = 3  # 1970 began on a Thursday


class DeliveryBucket(StrEnum):
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    SEASON = "SEASON"
    CALENDAR = "CALENDAR"
    GAS_YEAR = "GAS_YEAR"


class AsOfBucket(StrEnum):
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"


_MONTHS = {AsOfBucket.MONTH: 1, AsOfBucket.QUARTER: 3, AsOfBucket.YEAR: 12}


def as_of_starts(days: NDArray[np.datetime64], by: AsOfBucket) -> Days:
    """The first day of each date's bucket. Weeks begin on Mondays."""
    if by is AsOfBucket.DAY:
        return days.astype("M8[D]").astype(np.int64)
    if by is AsOfBucket.WEEK:
        numbers = days.astype("M8[D]").astype(np.int64)
        return numbers - (numbers + _MONDAY) % 7
    months = days.astype("M8[M]").astype(np.int64)
    first: Days = (months - months % _MONTHS[by]).astype("M8[M]").astype("M8[D]").astype(np.int64)
    return first


@lru_cache(maxsize=2**14)
def as_of_range(start: int, by: AsOfBucket) -> tuple[date, date]:
    """The first and the last day of a bucket."""
    first = np.datetime64(start, "D")
    if by in _MONTHS:
        last = (first.astype("M8[M]") + _MONTHS[by]).astype("M8[D]") - 1
    else:
        last = first + (6 if by is AsOfBucket.WEEK else 0)
    return first.astype(date), last.astype(date)


@lru_cache(maxsize=2**14)
def delivery_bucket(month: int, by: DeliveryBucket, seasons: Seasons) -> StripPeriod:
    """The bucket that a month is in, given as its `month_number`."""
    if by is DeliveryBucket.MONTH:
        period = months_at(month)
        return StripPeriod(f"{period.start:%Y-%m}", None, period)
    return strip_with(month, Granularity(by.value), seasons)


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Which points of a grid are pooled, and the first month of the delivery bucket of each; 0: no buckets.

    `buckets` never falls.
    """

    places: NDArray[np.int64]
    buckets: NDArray[np.int64]

    @property
    def columns(self) -> slice | NDArray[np.int64]:
        """The places, as what takes them out of a matrix: where they lie side by side that copies nothing."""
        first, last = (int(self.places[n]) for n in (0, -1))
        return slice(first, last + 1) if last - first == len(self.places) - 1 else self.places


@lru_cache(maxsize=2048)
def pooled(
    tenors: TenorGrid,
    kind: TenorType,
    start: date | None,
    end: date | None,
    by: DeliveryBucket | None,
    seasons: Seasons,
) -> Pooled:
    """The points of one kind whose delivery lies within the range, by delivery.

    Raises ValueError for one that does not lie within one bucket: what belongs to two is pooled with neither.
    """
    places = np.array(tenors.chosen((kind,), start, end), dtype=np.int64)
    buckets = np.zeros(len(places), dtype=np.int64)
    if by is None:
        return Pooled(places, buckets)
    for n, place in enumerate(places.tolist()):
        period = tenors[place].period
        bucket = delivery_bucket(month_number(period.start), by, seasons)
        if period.end > bucket.period.end:
            raise ValueError(f"{tenors[place].label} does not lie within {bucket.label}")
        buckets[n] = month_number(bucket.period.start)
    return Pooled(places, buckets)
