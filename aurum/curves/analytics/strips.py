"""Strips: the prices of longer deliveries, from the months that they are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from aurum.curves.analytics.alignment import Mask
from aurum.curves.analytics.deliveries import StripPeriod, month_places, within
from aurum.curves.model import CurvePrices, Prices
from aurum.market.finite import finite
from aurum.market.periods import DeliveryPeriod, TenorGrid, TenorType, month_number, months_at

Weights = NDArray[np.float64]


class Weighting(StrEnum):
    EQUAL = "EQUAL"
    HOURS = "HOURS"


class StripCoverage(StrEnum):
    COMPLETE = "COMPLETE"
    BALANCE = "BALANCE"
    PARTIAL = "PARTIAL"


class Absence(StrEnum):
    DELIVERED = "DELIVERED"
    NOT_LISTED = "NOT_LISTED"
    NOT_QUOTED = "NOT_QUOTED"
    WITHHELD = "WITHHELD"


_STRIPS = (TenorType.QUARTER, TenorType.SEASON, TenorType.CALENDAR, TenorType.BALANCE)


@dataclass(frozen=True, slots=True)
class MissingMonth:
    period: DeliveryPeriod
    reason: Absence


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """A strip as its months make it: `mid` is the sum of `weights` times the mids of the points `inputs`.

    Prices are in the curve's unit. `mid` is NaN where no month has one, `bid` and `ask` also where one of the inputs
    has none. `weights` are parallel to `inputs` and add up to 1. `vendor` is the curve's own point of the same period,
    or None.
    """

    asked: StripPeriod
    coverage: StripCoverage
    mid: float
    bid: float
    ask: float
    inputs: tuple[int, ...]
    weights: Weights
    missing: tuple[MissingMonth, ...]
    vendor: int | None


def month_weights(
    tenors: TenorGrid, weighting: Weighting, hours_of: Callable[[Sequence[DeliveryPeriod]], Weights]
) -> Weights | None:
    """Parallel to `month_places`; None: every month weighs the same."""
    if weighting is Weighting.EQUAL:
        return None
    return hours_of([tenors[place].period for place in month_places(tenors)])


@finite("a strip")
def strips(
    prices: CurvePrices, as_of: date, asked: Sequence[StripPeriod], weights: Weights | None = None
) -> list[Strip]:
    """The strips of a curve; `weights` are parallel to its `month_places`, None: every month weighs the same.

    A strip is the weighted mean of its months that the curve quotes, delivered ones left out, as the vendors do: the
    month of the as-of date is the first, and counts whole. Raises ValueError for weights that are negative or no
    numbers.
    """
    made = _made_of(prices.tenors, as_of, tuple(asked))
    heavy = np.ones(len(made.places)) if weights is None else weights
    if len(heavy) != len(made.places) or not (np.isfinite(heavy) & (heavy >= 0)).all():
        raise ValueError("a month weighs nothing or more")
    used = made.member & np.isfinite(prices.mid[made.places])
    totals = (used * heavy).sum(axis=1, keepdims=True)
    shares = np.where(used, heavy, 0.0) / np.where(totals > 0, totals, np.nan)
    sides = np.array([_means(side, made.places, used, shares) for side in (prices.mid, prices.bid, prices.ask)])
    blank = [tuple(made.places[row].tolist()) for row in made.member & ~used]
    return [_strip(prices, made, row, used[row], shares[row], blank[row], sides[:, row]) for row in range(len(asked))]


@dataclass(frozen=True, slots=True, eq=False)
class _MadeOf:
    """What strips of a grid are made of: `member[strip, month]`, months that a curve of it cannot quote, own points."""

    asked: tuple[StripPeriod, ...]
    places: NDArray[np.int64]
    member: Mask
    missing: tuple[tuple[MissingMonth, ...], ...]
    vendor: tuple[int | None, ...]


@lru_cache(maxsize=512)
def _made_of(tenors: TenorGrid, as_of: date, asked: tuple[StripPeriod, ...]) -> _MadeOf:
    places = np.array(month_places(tenors), dtype=np.int64)
    months = np.array([month_number(tenors[place].period.start) for place in places.tolist()], dtype=np.int64)
    ahead = months >= month_number(as_of)
    member = np.array([within(months, each.period) & ahead for each in asked], dtype=bool)
    member = member.reshape(len(asked), len(places))
    listed, own = set(months[ahead].tolist()), month_number(as_of)
    points = {(tenor.type, tenor.period): at for at, tenor in enumerate(tenors)}
    missing = [
        tuple(
            MissingMonth(months_at(number), Absence.DELIVERED if number < own else Absence.NOT_LISTED)
            for number in range(month_number(each.period.start), month_number(each.period.end))
            if number not in listed
        )
        for each in asked
    ]
    return _MadeOf(asked, places, member, tuple(missing), tuple(_own(points, each) for each in asked))


def _own(points: Mapping[tuple[TenorType, DeliveryPeriod], int], asked: StripPeriod) -> int | None:
    """Of points of one delivery that of the kind asked for: in January the balance of a year is the calendar year."""
    kinds = sorted(_STRIPS, key=lambda kind: kind.value != asked.granularity)
    return next((points[kind, asked.period] for kind in kinds if (kind, asked.period) in points), None)


def _means(
    side: Prices | None, places: NDArray[np.int64], used: Mask, shares: Weights
) -> Prices:  # fmt: skip
    """For each strip the weighted mean of a side; NaN where one of the months that are used lacks it, or none is."""
    if side is None:
        return np.full(len(used), np.nan)
    quoted = np.isfinite(side[places])
    means: Prices = np.where(used, shares, 0.0) @ np.where(quoted, side[places], 0.0)
    return np.where(used.any(axis=1) & ~(used & ~quoted).any(axis=1), means, np.nan)


def _strip(
    prices: CurvePrices, made: _MadeOf, row: int, used: Mask, shares: Weights, blank: Sequence[int], sides: Prices
) -> Strip:
    missing = made.missing[row]
    if blank:
        held = set(prices.withheld)
        reasons = (Absence.WITHHELD if place in held else Absence.NOT_QUOTED for place in blank)
        more = (MissingMonth(prices.tenors[at].period, why) for at, why in zip(blank, reasons, strict=True))
        missing = tuple(sorted((*missing, *more), key=lambda each: each.period))
    if not missing:
        coverage = StripCoverage.COMPLETE
    elif all(each.reason is Absence.DELIVERED for each in missing):
        coverage = StripCoverage.BALANCE
    else:
        coverage = StripCoverage.PARTIAL
    inputs = tuple(made.places[used].tolist())
    mid, bid, ask = sides.tolist()
    return Strip(made.asked[row], coverage, mid, bid, ask, inputs, shares[used], missing, made.vendor[row])
