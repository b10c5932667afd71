"""The delivery months and strips that stand on a vendor's sheets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from aurum.market.periods import first_day, month_number

Prices = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Strip:
    """A label and its months: `first` is delivered, `end` is not."""

    label: str
    first: date
    end: date

    def rows(self, months: Sequence[date]) -> list[int]:
        """Which of the months belong to it. Months before the first one on the sheet are gone."""
        return [row for row, month in enumerate(months) if self.first <= month < self.end]


StripGroups = tuple[tuple[Strip, ...], ...]


def months_from(as_of: date, count: int) -> tuple[date, ...]:
    """`count` months in a row; the first is the as-of's own."""
    first = month_number(as_of)
    return tuple(map(first_day, range(first, first + count)))


def means(prices: Prices, months: Sequence[date], strips: Iterable[Strip]) -> Prices:
    """A row per strip: the unweighted mean of its months that are on the sheet, rounded to 3 decimals."""
    rows = [prices[strip.rows(months)].mean(axis=0) for strip in strips]
    return np.round(np.array(rows).reshape(-1, prices.shape[1]), 3)


def seasonal_groups(months: Sequence[date]) -> StripGroups:
    """EUGP and RP: calendars, then the season that is delivering, then the other one.

    As many of each as the months make whole years. The first of a group is what is left of it; a winter is
    named after its January.
    """
    years = range(months[0].year, months[-1].year + 2)
    calendars = [_calendar(year) for year in years]
    winters = [Strip(f"Winter {year}", date(year - 1, 11, 1), date(year, 4, 1)) for year in years]
    summers = [_summer(year) for year in years]
    count = max(1, (len(months) - 1) // 12)
    kept = [_still_there(group, months)[:count] for group in (calendars, winters, summers)]
    seasons = sorted(filter(None, kept[1:]), key=lambda group: group[0].first)
    return tuple(filter(None, (kept[0], *seasons)))


def power_groups(months: Sequence[date]) -> StripGroups:
    """PW: the balance of the year, then quarters, seasons and calendars of which every month is quoted."""
    year = months[0].year
    years = range(year - 1, months[-1].year + 1)
    balance = Strip(f"Bal {year}", months[0], date(year + 1, 1, 1))
    quarters = [
        Strip(f"Q{quarter} {y}", date(y, 3 * quarter - 2, 1), _first_after(y, 3 * quarter))
        for y in years
        for quarter in range(1, 5)
    ]
    winters = [Strip(f"Winter {y}-{y + 1}", date(y, 11, 1), date(y + 1, 4, 1)) for y in years]
    seasons = sorted([_summer(y) for y in years] + winters, key=lambda strip: strip.first)
    groups = (
        _whole(quarters, months)[:8],
        _whole(seasons, months)[:6],
        _whole([_calendar(y) for y in years], months),
    )
    return ((balance,), *filter(None, groups))


def _calendar(year: int) -> Strip:
    return Strip(f"Calendar {year}", date(year, 1, 1), date(year + 1, 1, 1))


def _summer(year: int) -> Strip:
    return Strip(f"Summer {year}", date(year, 4, 1), date(year, 11, 1))


def _first_after(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1)


def _still_there(strips: Iterable[Strip], months: Sequence[date]) -> tuple[Strip, ...]:
    return tuple(strip for strip in strips if strip.rows(months))


def _whole(strips: Iterable[Strip], months: Sequence[date]) -> tuple[Strip, ...]:
    end = _first_after(months[-1].year, months[-1].month)
    return tuple(strip for strip in strips if months[0] <= strip.first and strip.end <= end)
