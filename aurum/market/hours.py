"""The hours that a market delivers in: instants of a period, which of them a block has, and how many.

Days are delivery days of a calendar, periods of them are half-open, instants are UTC. A day has 23 or 25 hours where
the market's clock changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from aurum.errors import InvalidInput
from aurum.market.blocks import Block, Part
from aurum.market.calendars import Calendar
from aurum.market.clocks import END_DAY, FIRST_DAY, Seconds, clock
from aurum.market.periods import DeliveryPeriod, months_from

Instants = NDArray[np.datetime64]
Hours = NDArray[np.float64]
INTERVALS = (15, 30, 60)

_DAY = 86_400
_FIRST, _DAYS = FIRST_DAY.toordinal(), (END_DAY - FIRST_DAY).days
_EPOCH = FIRST_DAY.toordinal() - date(1970, 1, 1).toordinal()


def intervals(calendar: Calendar, period: DeliveryPeriod, minutes: int = 60) -> Instants:
    """The starts of the delivery intervals of a period, ascending (UTC, datetime64[s]), each `minutes` long.

    Raises InvalidInput for lengths other than 15, 30 and 60 minutes, and for days outside of 2000 to 2101.
    """
    if minutes not in INTERVALS:
        raise InvalidInput("intervals have 15, 30 or 60 minutes", field="minutes")
    first, end = (_place(day) for day in (period.start, period.end))
    starts = _starts(calendar)
    return np.arange(starts[first], starts[end], 60 * minutes).astype("M8[s]")


def in_block(calendar: Calendar, block: Block, starts: Instants) -> NDArray[np.bool_]:
    """Of each interval that starts at these instants (UTC) whether a block has it. None is longer than an hour."""
    local = clock(calendar.zone).local(starts.astype("M8[s]").astype(np.int64))
    if calendar.peak is None:
        return np.full(len(local), block.parts == ~Part(0))
    hour, day = local % _DAY // 3600, local // _DAY - _EPOCH
    in_peak_hour = (hour >= calendar.peak.start) & (hour < calendar.peak.end)
    member: NDArray[np.bool_] = _has(block)[2 * _days(calendar).peak[day] + in_peak_hour]
    return member


def delivery_days(calendar: Calendar, starts: Instants) -> tuple[Instants, Instants]:
    """Of each interval that starts at these instants (UTC) its delivery day (datetime64[D]), and when that began."""
    begun = _starts(calendar)
    places = np.searchsorted(begun, starts.astype("M8[s]").astype(np.int64), side="right") - 1
    return (_EPOCH + places).astype("M8[D]"), begun[places].astype("M8[s]")


def local_times(calendar: Calendar, starts: Instants) -> list[str]:
    """Instants as the market's clock shows them, with its offset from UTC: `2025-03-09T03:00:00-04:00`."""
    seconds = starts.astype("M8[s]").astype(np.int64)
    local = clock(calendar.zone).local(seconds)
    offsets, which = np.unique((local - seconds) // 60, return_inverse=True)
    texts = [f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" for minutes in offsets]
    shown = np.datetime_as_string(local.astype("M8[s]"))
    return [f"{time}{texts[offset]}" for time, offset in zip(shown.tolist(), which.tolist(), strict=True)]


def months_within(period: DeliveryPeriod) -> list[DeliveryPeriod]:
    """A period in pieces, a month each; the first and the last may be parts of one."""
    first = period.start.replace(day=1)
    firsts = [first]
    while (first := months_from(first.year, first.month, 1).end) < period.end:
        firsts.append(first)
    starts = [period.start, *firsts[1:]]
    return [DeliveryPeriod(*each) for each in zip(starts, [*firsts[1:], period.end], strict=True)]


def hour_counts(calendar: Calendar, block: Block, periods: Sequence[DeliveryPeriod]) -> Hours:
    """How many hours a block has in each period; float64, parallel to the periods.

    Raises InvalidInput for days outside of 2000 to 2101.
    """
    before = _hours_before(calendar, block)
    places = np.array([(_place(each.start), _place(each.end)) for each in periods], dtype=np.int64).reshape(-1, 2)
    found: Hours = before[places[:, 1]] - before[places[:, 0]]
    return found


def hour_count(calendar: Calendar, block: Block, period: DeliveryPeriod) -> float:
    """How many hours a block has in a period. Raises InvalidInput for days outside of 2000 to 2101."""
    return float(hour_counts(calendar, block, [period])[0])


@dataclass(frozen=True, slots=True, eq=False)
class _Days:
    """Every day of a calendar: how many hours it has, how many of them are peak hours, whether it is a peak day."""

    hours: Hours
    peak_hours: Hours
    peak: NDArray[np.int64]


@lru_cache(maxsize=512)
def _hours_before(calendar: Calendar, block: Block) -> Hours:
    """`[k]`: the hours of a block from the first of all days until before day k."""
    days, has = _days(calendar), _has(block)
    night = days.hours - days.peak_hours
    each = has[2 * days.peak] * night + has[2 * days.peak + 1] * days.peak_hours
    return np.concatenate(([0.0], np.cumsum(each)))


@lru_cache(maxsize=64)
def _days(calendar: Calendar) -> _Days:
    hours = np.diff(_starts(calendar)) / 3600
    peak = calendar.peak
    if peak is None:
        return _Days(hours, np.zeros(_DAYS), np.zeros(_DAYS, dtype=np.int64))
    dates = _EPOCH + np.arange(_DAYS)
    from_, until = (clock(calendar.zone).instants(dates * _DAY + hour * 3600) for hour in (peak.start, peak.end))
    is_peak = (dates + 3) % 7 < peak.days  # 1970 began on a Thursday
    is_peak[[_place(day) for day in calendar.holidays(FIRST_DAY, END_DAY)]] = False
    return _Days(hours, (until - from_) / 3600, is_peak.astype(np.int64))


@lru_cache(maxsize=64)
def _starts(calendar: Calendar) -> Seconds:
    """When each day begins, and the last one ends: seconds since 1970."""
    midnights = (_EPOCH + np.arange(_DAYS + 1)) * _DAY
    return clock(calendar.zone).instants(midnights + calendar.day_start * 3600)


def _has(block: Block) -> NDArray[np.bool_]:
    """By 2 x (on a peak day) + (in a peak hour)."""
    return np.array([bool(block.parts & part) for part in Part])


def _place(day: date) -> int:
    place = day.toordinal() - _FIRST
    if not 0 <= place <= _DAYS:
        raise InvalidInput(f"calendars know the days from {FIRST_DAY} until before {END_DAY}, not {day}", field="range")
    return place
