"""How big a move is beside those of the days before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from aurum.curves.analytics.alignment import side_by_side
from aurum.curves.model import DayPrices, Prices
from aurum.market.finite import finite
from aurum.market.periods import Tenor, TenorGrid

WINDOW = 60  # daily moves that are looked at
LEAST = 20  # that are needed
_ROUNDING = 2 * np.finfo(float).eps  # of a price: by so much do equal moves differ that are no binary fractions


class NoDeviation(StrEnum):
    TOO_FEW_DAYS = "TOO_FEW_DAYS"
    NO_VARIATION = "NO_VARIATION"
    SAME_DAY = "SAME_DAY"


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """How the prices of each tenor of a curve moved from one as-of date to the next, in the curve's unit.

    `moves` counts the daily moves found among the last WINDOW; `mean` and `deviation` are their mean and their standard
    deviation (that of a sample: divided by n - 1), NaN below 2 moves. All parallel to `tenors`. `steps` is how many
    as-of dates the move to be judged took.
    """

    tenors: TenorGrid
    mean: Prices
    deviation: Prices
    moves: NDArray[np.int64]
    steps: int

    @finite("a z-score")
    def z_scores(self, change: Prices) -> Prices:
        """(change - steps x mean) / (deviation x sqrt(steps)): a move of several days beside as many daily ones.

        That is exact where daily moves are independent. NaN where there are fewer than LEAST daily moves, where none
        differs from the others, and where no day has passed.
        """
        known = (self.moves >= LEAST) & (self.deviation > 0) & (self.steps > 0)
        scale = np.where(known, self.deviation * np.sqrt(max(self.steps, 1)), np.nan)
        scores: Prices = (change - self.steps * self.mean) / scale
        return scores

    @finite("how prices moved")
    def scaled(self, factor: float) -> Spread:
        """Of prices in another unit."""
        return replace(self, mean=self.mean * factor, deviation=self.deviation * factor)

    def backward(self) -> Spread:
        """Of the same days, from the newest to the oldest."""
        return replace(self, mean=0.0 - self.mean)

    def place(self, tenor: Tenor) -> int | None:
        """Where a tenor stands; None: none of its days has it."""
        same = (n for n, each in enumerate(self.tenors) if (each.type, each.period) == (tenor.type, tenor.period))
        return next(same, None)

    def absence(self, place: int) -> NoDeviation | None:
        """Why there is no z-score of a move of this tenor; None: there is one."""
        if self.steps <= 0:
            return NoDeviation.SAME_DAY
        if self.moves[place] < LEAST:
            return NoDeviation.TOO_FEW_DAYS
        return None if self.deviation[place] > 0 else NoDeviation.NO_VARIATION


@finite("how prices moved")
def spreads_of(days: Sequence[Sequence[DayPrices]], steps: Sequence[int]) -> list[Spread]:
    """Of many curves at once: for each its as-of dates, oldest first, and how many of them its move took.

    A price that is not quoted makes no move, neither to nor from that day.
    """
    last = [each[-WINDOW - 1 :] for each in days]
    joined, rows = side_by_side([day.prices for each in last for day in each])
    mids = np.full((len(days), WINDOW + 1, len(joined.tenors)), np.nan)
    curves = np.repeat(np.arange(len(last)), [len(each) for each in last])
    mids[curves, [place for each in last for place in range(len(each))]] = rows
    moves = np.diff(mids, axis=1)
    found = np.isfinite(moves)
    count = found.sum(axis=1)
    some = np.where(count > 1, count, np.nan)
    mean = np.where(found, moves, 0.0).sum(axis=1) / some
    squares = np.where(found, (moves - mean[:, None]) ** 2, 0.0).sum(axis=1)
    deviation = np.sqrt(squares / (some - 1))
    largest = np.where(np.isfinite(mids), np.abs(mids), 0.0).max(axis=1)
    deviation[deviation <= _ROUNDING * largest] = 0.0
    return [Spread(joined.tenors, mean[n], deviation[n], count[n], step) for n, step in enumerate(steps)]
