"""Rolling contracts: which delivery an as-of date looks at, and what it was priced at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from aurum.curves.analytics.deliveries import SEASON_STARTS, Seasons, month_places
from aurum.curves.analytics.strips import Absence
from aurum.curves.model import CurvePrices, DayPrices, Prices
from aurum.market.counts import counted
from aurum.market.finite import finite
from aurum.market.periods import DeliveryPeriod, TenorGrid, month_number, months_at


class Contract(StrEnum):
    MONTH_AHEAD = "MONTH_AHEAD"
    QUARTER_AHEAD = "QUARTER_AHEAD"
    SEASON_AHEAD = "SEASON_AHEAD"
    CALENDAR_AHEAD = "CALENDAR_AHEAD"
    CONSTANT_TIME = "CONSTANT_TIME"


_WORDS = {
    Contract.MONTH_AHEAD: "calendar month", Contract.QUARTER_AHEAD: "quarter",
    Contract.SEASON_AHEAD: "season", Contract.CALENDAR_AHEAD: "calendar year",
}  # fmt: skip
_LENGTHS = {Contract.MONTH_AHEAD: 1, Contract.QUARTER_AHEAD: 3, Contract.CALENDAR_AHEAD: 12}
_SEASONS = {Seasons.VENDOR: "April to October, November to March", Seasons.GAS: "April to September, October to March"}


@dataclass(frozen=True, slots=True)
class RollRule:
    """The `nth` period after the one that the as-of date plus `days_before` is in; 0: that one itself.

    CONSTANT_TIME: what is delivered `days_ahead` days after the as-of date, between two months.
    """

    contract: Contract
    nth: int = 1
    days_before: int = 0
    days_ahead: int = 30
    seasons: Seasons = Seasons.VENDOR

    @property
    def rolls(self) -> bool:
        return self.contract is not Contract.CONSTANT_TIME

    @property
    def text(self) -> str:
        if not self.rolls:
            return (
                f"Delivery {counted(self.days_ahead, 'day')} after the as-of date: between the two months around it, "
                "linear in the days to the middle of each. Nothing rolls; a day is marked on which the two months are "
                "others."
            )
        word = _WORDS[self.contract]
        from_ = f"the as-of date plus {counted(self.days_before, 'day')}" if self.days_before else "the as-of date"
        seasons = f" ({_SEASONS[self.seasons]})" if self.contract is Contract.SEASON_AHEAD else ""
        return (
            f"The vendor's own point of {word} {self.nth} after the {word} that {from_} is in{seasons}. It rolls on "
            "the first as-of date on which that is another one."
        )

    def delivery(self, as_of: date) -> DeliveryPeriod:
        """What an as-of date looks at. Not of CONSTANT_TIME."""
        month = month_number(as_of + timedelta(days=self.days_before))
        if self.contract is Contract.SEASON_AHEAD:
            return _season(month, self.nth, self.seasons)
        length = _LENGTHS[self.contract]
        start = (month // length + self.nth) * length
        return months_at(start, length)


def _season(month: int, nth: int, seasons: Seasons) -> DeliveryPeriod:
    lengths = SEASON_STARTS[seasons]
    starts = [number for number in range(month - 11, month + 12 * (nth + 1)) if number % 12 + 1 in lengths]
    current = max(at for at, number in enumerate(starts) if number <= month)
    number = starts[current + nth]
    return months_at(number, lengths[number % 12 + 1])


@dataclass(frozen=True, slots=True)
class _Looked:
    """The points that an as-of date looks at, the first with this weight, the second with the rest.

    `near` and `far` are None where the curve has no such point, and `far` where one is enough.
    """

    period: DeliveryPeriod | None
    near: int | None = None
    far: int | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class RollingHistory:
    """The prices of a rolling contract, oldest as-of date first; all parallel to `as_of`.

    `near` and `far` are the labels of the points looked at, `far` where one is not enough; `weights` are the shares of
    the first. `versions` and `published_at` are those of the snapshots. Prices are in the curve's unit, NaN where
    `gaps` says why there is none. `rolled`: another delivery than on the as-of date before: no move of the market.
    """

    rule: RollRule
    as_of: Sequence[date]
    versions: Sequence[int]
    published_at: Sequence[datetime]
    periods: Sequence[DeliveryPeriod | None]
    near: Sequence[str | None]
    far: Sequence[str | None]
    weights: Sequence[float]
    mid: Prices
    bid: Prices
    ask: Prices
    rolled: Sequence[bool]
    gaps: Sequence[Absence | None]


@finite("a price")
def rolling_history(rule: RollRule, days: Sequence[DayPrices]) -> RollingHistory:
    """Of the days of one curve, oldest first. Raises Overflow where a price that is made of two is no number."""
    looked = [_looked(rule, day) for day in days]
    mid, bid, ask = (
        np.array([_price(getattr(day.prices, side), at) for day, at in zip(days, looked, strict=True)], dtype=float)
        for side in ("mid", "bid", "ask")
    )
    periods = [each.period for each in looked]
    rolled = [False, *(one is not None and other is not None and one != other for one, other in pairwise(periods))]
    gaps = [_gap(day.prices, at, price) for day, at, price in zip(days, looked, mid.tolist(), strict=True)]
    near, far = (
        [_label(day, getattr(at, side)) for day, at in zip(days, looked, strict=True)] for side in ("near", "far")
    )
    return RollingHistory(
        rule, [day.as_of for day in days], [day.version for day in days], [day.published_at for day in days], periods,
        near, far, [at.weight for at in looked], mid, bid, ask, rolled[: len(days)], gaps,
    )  # fmt: skip


def _label(day: DayPrices, place: int | None) -> str | None:
    return None if place is None else day.prices.tenors[place].label


def _looked(rule: RollRule, day: DayPrices) -> _Looked:
    tenors = day.prices.tenors
    if rule.rolls:
        period = rule.delivery(day.as_of)
        return _Looked(period, tenors.places.get(period))
    places, middles = _middles(tenors)
    wanted = float(day.as_of.toordinal() + rule.days_ahead)
    at = min(int(np.searchsorted(middles, wanted, side="right")) - 1, len(places) - 2)
    if at < 0 or wanted > middles[-1]:
        return _Looked(None)
    near, far = places[at], places[at + 1]
    first, second = tenors[near].period, tenors[far].period
    if first.end != second.start:
        return _Looked(None)
    weight = (middles[at + 1] - wanted) / (middles[at + 1] - middles[at])
    return _Looked(DeliveryPeriod(first.start, second.end), near, far, float(weight))


@lru_cache(maxsize=512)
def _middles(tenors: TenorGrid) -> tuple[list[int], NDArray[np.float64]]:
    """The months of a grid, and the middle of each one's delivery as a day's ordinal."""
    places = month_places(tenors)
    periods = [tenors[place].period for place in places]
    return places, np.array([(each.start.toordinal() + each.end.toordinal()) / 2 for each in periods], dtype=float)


def _price(side: Prices | None, at: _Looked) -> float:
    if side is None or at.near is None:
        return np.nan
    if at.far is None:
        return float(side[at.near])
    return float(at.weight * side[at.near] + (1.0 - at.weight) * side[at.far])


def _gap(prices: CurvePrices, at: _Looked, mid: float) -> Absence | None:
    if at.near is None:
        return Absence.NOT_LISTED
    if np.isfinite(mid):
        return None
    return Absence.WITHHELD if {at.near, at.far} & set(prices.withheld) else Absence.NOT_QUOTED
