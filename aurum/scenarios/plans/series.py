"""What a time series adds by delivery month."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache

from aurum.market.periods import first_day, month_number
from aurum.scenarios.drivers import SeriesType, TimeSeries


def month_written(text: str) -> int:
    """The number of `2026-01`. Raises ValueError for anything else."""
    return month_number(date.fromisoformat(f"{text}-01"))


def additions(driver: TimeSeries) -> Callable[[int], float]:
    """By the number of a month; 0 before the first month of the base values and from the horizon on.

    (pattern + slope x months since the first) x factor of the calendar month, where the pattern is the base value of

    IRREGULAR  the month itself, else 0, without slope and factor
    TREND      the last month given by then
    SEASONAL   the last month given by then that is the same month of a year, else 0
    CYCLICAL   the month at the same place of the cycle, which is as long as from the first to the last, else 0
    """
    values = {month_written(month): value for month, value in driver.base_values}
    first, last = min(values), max(values)
    slope = dict(driver.trend_params).get("slope_per_month", 0.0)
    factors = {int(month): factor for month, factor in driver.seasonal_params}

    def pattern(month: int) -> float:
        match driver.series_type:
            case SeriesType.CYCLICAL:
                return values.get(first + (month - first) % (last - first + 1), 0.0)
            case SeriesType.TREND:
                return values[max(each for each in values if each <= month)]
            case SeriesType.SEASONAL:
                same = [each for each in values if each <= month and (month - each) % 12 == 0]
                return values[max(same)] if same else 0.0
            case SeriesType.IRREGULAR:
                return values.get(month, 0.0)

    @cache
    def addition(month: int) -> float:
        if not first <= month < first + driver.forecast_horizon:
            return 0.0
        if driver.series_type is SeriesType.IRREGULAR:
            return pattern(month)
        return (pattern(month) + slope * (month - first)) * factors.get(first_day(month).month, 1.0)

    return addition
