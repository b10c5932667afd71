"""Which point of which curve stands at which delivery period."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from aurum.market.periods import DeliveryPeriod, Tenor, TenorGrid, month_number, months_at

Places = NDArray[np.intp]
NOWHERE = -1


@lru_cache(maxsize=256)  # curves of a vendor's day share a grid, and desks ask for the same pairs again
def union(grids: tuple[TenorGrid, ...]) -> TenorGrid:
    """Every period that one of them has, once for each tenor type; labelled as in the first that has it."""
    found: dict[tuple[str, DeliveryPeriod], Tenor] = {}
    for grid in dict.fromkeys(grids):
        for tenor in grid:
            found.setdefault((tenor.type, tenor.period), tenor)
    return grids[0] if len(found) == len(grids[0]) else TenorGrid(found.values())


@lru_cache(maxsize=1024)
def places(grid: TenorGrid, wanted: TenorGrid, months: int) -> Places:
    """For each wanted tenor where the grid has that type and period `months` later; NOWHERE: it has none.

    Nothing is interpolated, and no period is taken for another: a quarter is not its three months.
    """
    own: dict[object, int] = {(tenor.type, tenor.period): place for place, tenor in enumerate(grid)}
    moved = ((tenor.type, later(tenor.period, months)) for tenor in wanted)
    found = np.array([own.get(each, NOWHERE) for each in moved], dtype=np.intp)
    found.flags.writeable = False
    return found


def later(period: DeliveryPeriod, months: int) -> DeliveryPeriod | None:
    """Whole months later; None for what is not made of whole months, or leaves the calendar."""
    start, end = period.start, period.end
    if months == 0:
        return period
    first = month_number(start) + months
    count = month_number(end) - month_number(start)
    if start.day != 1 or end.day != 1 or first < 12 or first + count >= 9999 * 12:
        return None
    return months_at(first, count)


def taken(values: NDArray[np.float64], at: Places) -> NDArray[np.float64]:
    """The values at these places; NaN where there is none."""
    found: NDArray[np.float64] = np.where(at == NOWHERE, np.nan, values[np.maximum(at, 0)])
    return found


def marked(length: int, held: Sequence[int], at: Places) -> NDArray[np.bool_]:
    """Which of the places are among those `held`."""
    marks = np.zeros(length, dtype=bool)
    marks[list(held)] = True
    found: NDArray[np.bool_] = (at != NOWHERE) & marks[np.maximum(at, 0)]
    return found
