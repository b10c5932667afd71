"""The deliveries that strips are asked for: quarters, seasons, years, what is left of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from aurum.market.periods import DeliveryPeriod, TenorGrid, TenorType, month_number, months_at


class Granularity(StrEnum):
    QUARTER = "QUARTER"
    SEASON = "SEASON"
    CALENDAR = "CALENDAR"
    GAS_YEAR = "GAS_YEAR"
    BALANCE = "BALANCE"


class Seasons(StrEnum):
    """Where a season begins and ends. The vendors' winter is named after its January."""

    VENDOR = "VENDOR"
    GAS = "GAS"


@dataclass(frozen=True, slots=True)
class StripPeriod:
    """What a strip is asked for. `granularity` is None for a range of one's own."""

    label: str
    granularity: Granularity | None
    period: DeliveryPeriod


MOST_MONTHS = 600
_STARTS = {
    Granularity.QUARTER: {1: 3, 4: 3, 7: 3, 10: 3},
    Granularity.CALENDAR: {1: 12},
    Granularity.GAS_YEAR: {10: 12},
}
SEASON_STARTS = {Seasons.VENDOR: {4: 7, 11: 5}, Seasons.GAS: {4: 6, 10: 6}}  # first month: how many


def month_places(tenors: TenorGrid) -> list[int]:
    return [place for place, tenor in enumerate(tenors) if tenor.type is TenorType.MONTH]


@lru_cache(maxsize=512)
def strip_periods(
    tenors: TenorGrid, as_of: date, granularities: tuple[Granularity, ...], seasons: Seasons = Seasons.VENDOR
) -> tuple[StripPeriod, ...]:
    """Every strip of these kinds with a month of the curve that is not delivered yet: as asked, then by delivery."""
    own = month_number(as_of)
    months = [month_number(tenors[place].period.start) for place in month_places(tenors)]
    ahead = np.array([month for month in months if month >= own], dtype=np.int64)
    if not len(ahead):
        return ()
    found = [each for kind in dict.fromkeys(granularities) for each in _periods(kind, own, int(ahead.max()), seasons)]
    return tuple(each for each in found if within(ahead, each.period).any())


def within(months: NDArray[np.int64], period: DeliveryPeriod) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (months >= month_number(period.start)) & (months < month_number(period.end))
    return inside


def _periods(kind: Granularity, own: int, last: int, seasons: Seasons) -> list[StripPeriod]:
    """Those that are not over in month `own`, and begin by month `last`."""
    if kind is Granularity.BALANCE:
        return [StripPeriod(f"Bal {own // 12}", kind, months_at(own, 12 - own % 12))]
    lengths = SEASON_STARTS[seasons] if kind is Granularity.SEASON else _STARTS[kind]
    starts = [number for number in range(own - 11, last + 1) if number % 12 + 1 in lengths]
    periods = [months_at(number, lengths[number % 12 + 1]) for number in starts]
    open_ = [period for period in periods if month_number(period.end) > own]
    return [StripPeriod(_label(kind, period, seasons), kind, period) for period in open_]


def _label(kind: Granularity, period: DeliveryPeriod, seasons: Seasons) -> str:
    year, month = period.start.year, period.start.month
    following = f"{year}-{(year + 1) % 100:02}"
    if kind is Granularity.QUARTER:
        return f"Q{(month + 2) // 3} {year}"
    if kind is Granularity.CALENDAR:
        return f"Calendar {year}"
    if kind is Granularity.GAS_YEAR:
        return f"Gas Year {following}"
    gas = "Gas " if seasons is Seasons.GAS else ""
    if month == 4:
        return f"{gas}Summer {year}"
    return f"Gas Winter {following}" if gas else f"Winter {year + 1}"


@lru_cache(maxsize=4096)
def strip_with(month: int, kind: Granularity, seasons: Seasons = Seasons.VENDOR) -> StripPeriod:
    """The quarter, season or year that has a month, given as its `month_number`."""
    first = months_at(month).start
    (found,) = (each for each in _periods(kind, month, month, seasons) if each.period.end > first)
    return found


def range_of_months(period: DeliveryPeriod) -> StripPeriod:
    """A range of one's own. Raises ValueError for one that is not of whole months, or of more than MOST_MONTHS."""
    if period.start.day != 1 or period.end.day != 1:
        raise ValueError("a strip is made of whole months: give the first day of the first, and of the one after")
    if month_number(period.end) - month_number(period.start) > MOST_MONTHS:
        raise ValueError(f"a strip has at most {MOST_MONTHS} months")
    last = divmod(month_number(period.end) - 1, 12)
    return StripPeriod(f"{period.start:%Y-%m} to {last[0]}-{last[1] + 1:02}", None, period)
