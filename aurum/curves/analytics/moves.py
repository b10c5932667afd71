"""What moved between two snapshots of a curve, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from aurum.curves.analytics.alignment import Mask, Places, aligned, taken
from aurum.curves.model import CurvePrices, Prices, Snapshot
from aurum.market.periods import TenorGrid

_NONE = CurvePrices(TenorGrid(()), np.array([], dtype=float))


class PointStatus(StrEnum):
    ADDED = "ADDED"
    REMOVED = "REMOVED"
    CHANGED = "CHANGED"
    UNCHANGED = "UNCHANGED"


@dataclass(frozen=True, slots=True)
class Move:
    """What moved the mids, in parts that add up: a number for each point, or for their sum.

    A point that is not quoted counts as nothing, so that what comes and goes has its part too. See `explained`.
    """

    market: Prices
    restatement: Prices
    roll_off: Prices
    listing: Prices
    unit: Prices

    @property
    def parts(self) -> tuple[Prices, ...]:
        return tuple(getattr(self, part.name) for part in fields(self))

    def reversed(self) -> Move:
        """The same way back."""
        return Move(*(0.0 - part for part in self.parts))

    def of(self, chosen: Places | slice) -> Move:
        """The sums over these points, each an array of one number."""
        return Move(*(np.array([part[chosen].sum()]) for part in self.parts))


@dataclass(frozen=True, slots=True, eq=False)
class Quotes:
    """One end of a difference, parallel to its tenors, in its unit; NaN: not quoted."""

    mid: Prices
    bid: Prices
    ask: Prices
    withheld: Mask

    @property
    def quoted(self) -> Mask:
        found: Mask = np.isfinite(self.mid) | np.isfinite(self.bid) | np.isfinite(self.ask)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class CurveDiff:
    """The full outer join of two snapshots by tenor type and delivery period; `start` is where it moved from.

    `change` is `end` less `start`, NaN where one of the mids is not quoted; `move.parts` of a point add up to it, and
    of any point to its number at the end less its number at the start, where no number counts as nothing.
    """

    start: Snapshot | None
    end: Snapshot | None
    tenors: TenorGrid
    before: Quotes
    after: Quotes
    status: Sequence[PointStatus]
    move: Move

    @property
    def change(self) -> Prices:
        return self.after.mid - self.before.mid

    @property
    def percent(self) -> Prices:
        return percent(self.before.mid, self.after.mid)


def percent(before: Prices, after: Prices) -> Prices:
    """The change in per cent of the size of what was: positive for up, also from a negative price; NaN from zero."""
    size = np.where(before == 0.0, np.nan, np.abs(before))
    return 100.0 * (after - before) / size


def explained(
    earlier: Prices, between: Prices, later: Prices, rolled: Mask, factors: tuple[float, float] = (1.0, 1.0)
) -> Move:
    """Why mids moved from `earlier` to `later`; all parallel, in the vendor's numbers, NaN: not quoted.

    `between` are the mids of `earlier`'s as-of date as they are known with `later`. With p0, p1, p2 for the three, 0 in
    place of NaN, and f0, f1 the factors that bring `earlier`'s numbers and all others into the unit of the answer:

    unit         (f1 - f0) p0
    restatement  f1 (p1 - p0): the same day, as it was known then and as it is known with `later`
    market       f1 (p2 - p1) where both are quoted
    roll_off     f1 (p2 - p1) where one of them is not, and `rolled` says that its delivery has come
    listing      f1 (p2 - p1) where one of them is not, for any other reason: a new month at the far end, a quarantine

    They add up to f1 p2 - f0 p0.
    """
    own, other = factors
    p0, p1, p2 = (np.where(np.isnan(mid), 0.0, mid) for mid in (earlier, between, later))
    step, nothing = other * (p2 - p1), np.zeros(len(p1))
    both = np.isfinite(between) & np.isfinite(later)
    return Move(
        market=np.where(both, step, nothing),
        restatement=other * (p1 - p0),
        roll_off=np.where(~both & rolled, step, nothing),
        listing=np.where(~both & ~rolled, step, nothing),
        unit=(other - own) * p0,
    )


def difference(
    start: Snapshot | None,
    end: Snapshot | None,
    between: Snapshot | None,
    *,
    start_known_last: bool = False,
    factors: tuple[float, float] = (1.0, 1.0),
) -> CurveDiff:
    """What is at `start`, what is at `end`, and why it moved. None: there is no snapshot, and no point is quoted.

    Of the two ends one was asked for as it was known later (`start_known_last`: the start). `between` is the other
    end's as-of date as it is known with that one. `factors` bring the numbers of start and end into one unit.
    """
    prices = [_NONE if each is None else each.prices for each in (start, between, end)]
    joined = aligned(*(each.tenors for each in prices))
    was, known, now = (taken(each.mid, places) for each, places in zip(prices, joined.places, strict=True))
    before, after = (_quotes(prices[n], joined.places[n], factor) for n, factor in zip((0, 2), factors, strict=True))
    if start_known_last:
        rolled = _rolled(joined.starts, between, known, start, was)
        move = explained(now, known, was, rolled, factors[::-1]).reversed()
    else:
        move = explained(was, known, now, _rolled(joined.starts, between, known, end, now), factors)
    return CurveDiff(start, end, joined.tenors, before, after, _status(before, after), move)


def _rolled(
    starts: NDArray[np.datetime64], one: Snapshot | None, mid: Prices, other: Snapshot | None, other_mid: Prices
) -> Mask:
    """What only the older of two as-of dates quotes, and whose delivery has begun by the newer one."""
    if one is None or other is None:
        return np.zeros(len(starts), dtype=bool)
    older = mid if one.as_of <= other.as_of else other_mid
    newer: date = max(one.as_of, other.as_of)
    rolled: Mask = np.isfinite(older) & (starts <= np.datetime64(newer))
    return rolled


def _quotes(prices: CurvePrices, places: Places, factor: float) -> Quotes:
    held = np.zeros(len(prices.tenors) + 1, dtype=bool)
    held[list(prices.withheld)] = True
    mid, bid, ask = (factor * taken(side, places) for side in (prices.mid, prices.bid, prices.ask))
    return Quotes(mid, bid, ask, held[places])


def _status(before: Quotes, after: Quotes) -> list[PointStatus]:
    was, now = before.quoted, after.quoted
    sides = ((before.mid, after.mid), (before.bid, after.bid), (before.ask, after.ask))
    same = np.logical_and.reduce([(one == other) | (np.isnan(one) & np.isnan(other)) for one, other in sides])
    codes = np.select([~was & now, was & ~now, same], [0, 1, 3], default=2)
    kinds = list(PointStatus)
    return [kinds[code] for code in codes.tolist()]
