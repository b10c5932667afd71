"""What simulations are fitted on and applied to: mids by delivery month, without strips, which are made of months."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aurum.curves.analytics.alignment import side_by_side
from aurum.curves.analytics.deliveries import month_places
from aurum.curves.model import DayPrices, Prices
from aurum.market.identity import Measure
from aurum.market.periods import month_number
from aurum.metadata.model import Curve
from aurum.scenarios.model import BaseCurve

Days = NDArray[np.datetime64]  # of as-of dates
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The mids of a curve, in its unit: `prices[day, month]`, NaN: not quoted.

    `days` and `months` (see `month_number`) are in order, each once. `absolute`: its moves are amounts, whatever its
    prices are, because they may be below zero.
    """

    key: str
    days: Days
    months: Places
    prices: Prices
    absolute: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A curve to be simulated: its mids by month as of `as_of`, in its unit; NaN: not quoted, and not simulated."""

    key: str
    as_of: np.datetime64
    months: Places
    prices: Prices

    @property
    def ahead(self) -> Places:
        """Months to delivery: 0 is the as-of's own month."""
        found: Places = self.months - months_of_days(self.as_of)
        return found


def history_of(curve: Curve, days: Sequence[DayPrices]) -> History:
    """Of the as-of dates of a curve, oldest first. A spread's moves are absolute."""
    joined, mids = side_by_side([day.prices for day in days])
    places = month_places(joined.tenors)
    dates = np.array([day.as_of for day in days], dtype="datetime64[D]")
    months = np.array([month_number(joined.tenors[place].period.start) for place in places], dtype=np.int64)
    return History(curve.key, dates, months, mids[:, places], curve.identity.measure is not Measure.PRICE)


def line_of(base: BaseCurve) -> Line:
    places = month_places(base.tenors)
    months = np.array([month_number(base.tenors[place].period.start) for place in places], dtype=np.int64)
    return Line(base.key, np.datetime64(base.as_of), months, base.mid[places])


def months_of_days(days: Any) -> Any:
    """The `month_number` of a day (datetime64), or of each of many."""
    return days.astype("datetime64[M]").astype(np.int64) + 1970 * 12
