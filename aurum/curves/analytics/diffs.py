"""Two snapshots of a curve beside each other, for many curves at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from aurum.curves.analytics.alignment import Alignment, Mask, Places, aligned
from aurum.curves.analytics.moves import Move, explained, percent, told
from aurum.curves.model import CurvePrices, Prices, Snapshot
from aurum.market.periods import TenorGrid

_NONE = CurvePrices(TenorGrid(()), np.array([], dtype=float))


class PointStatus(StrEnum):
    ADDED = "ADDED"
    REMOVED = "REMOVED"
    CHANGED = "CHANGED"
    UNCHANGED = "UNCHANGED"


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

    def row(self, row: int) -> Quotes:
        return Quotes(self.mid[row], self.bid[row], self.ask[row], self.withheld[row])


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """What is compared; None: there is no snapshot, and no point is quoted.

    Of the two ends one was asked for as it was known later. `between` is the other one's as-of date as it is known with
    that one. `factors` bring the numbers of `start` and of `end` into one unit.
    """

    start: Snapshot | None
    between: Snapshot | None
    end: Snapshot | None
    factors: tuple[float, float] = (1.0, 1.0)

    @property
    def prices(self) -> tuple[CurvePrices, ...]:
        return tuple(_NONE if each is None else each.prices for each in (self.start, self.between, self.end))

    @property
    def bases(self) -> tuple[CurvePrices, ...]:
        """Without scenarios."""
        return tuple(_NONE if each is None else each.base.prices for each in (self.start, self.between, self.end))

    @property
    def told(self) -> bool:
        """Whether a scenario is one of the ends: then mids alone are compared."""
        return any(each is not None and each.story is not None for each in (self.start, self.end))

    @property
    def days(self) -> tuple[date | None, ...]:
        return tuple(None if each is None else each.as_of for each in (self.start, self.between, self.end))


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
    move: Move

    @property
    def change(self) -> Prices:
        return self.after.mid - self.before.mid

    @property
    def percent(self) -> Prices:
        return percent(self.before.mid, self.after.mid)

    @property
    def status(self) -> list[PointStatus]:
        """What became of each point: UNCHANGED is the same to the bit, or quoted at neither end."""
        was, now = self.before.quoted, self.after.quoted
        same = np.ones(len(was), dtype=bool)
        for side in ("mid", "bid", "ask"):
            one, other = getattr(self.before, side), getattr(self.after, side)
            same &= (one == other) | (np.isnan(one) & np.isnan(other))
        codes = np.select([~was & now, was & ~now, same], [0, 1, 3], default=2)
        kinds = list(PointStatus)
        return [kinds[code] for code in codes.tolist()]


def difference(ends: Ends, *, start_known_last: bool = False) -> CurveDiff:
    (found,) = differences([ends], start_known_last=start_known_last)
    return found


def differences(curves: Sequence[Ends], *, start_known_last: bool = False) -> list[CurveDiff]:
    """What moved, curve by curve, and why. `start_known_last`: the start was asked for as it was known later.

    Curves of the same grids and as-of dates, such as all of a vendor's day, are compared together.
    """
    alike: dict[object, list[int]] = {}
    for n, ends in enumerate(curves):
        alike.setdefault((*(each.tenors for each in ends.prices), *ends.days, ends.told), []).append(n)
    found: dict[int, CurveDiff] = {}
    for places in alike.values():
        group = [curves[n] for n in places]
        found |= zip(places, _compared(group, start_known_last), strict=True)
    return [found[n] for n in range(len(curves))]


def _compared(curves: Sequence[Ends], start_known_last: bool) -> list[CurveDiff]:
    joined = aligned(*(each.tenors for each in curves[0].prices))
    start, between, end = zip(*(ends.bases for ends in curves), strict=True)
    factors = np.array([ends.factors for ends in curves]).T[:, :, None]
    known = _side([each.mid for each in between], joined.places[1])
    was, now = (_side([each.mid for each in prices], joined.places[n]) for n, prices in ((0, start), (2, end)))
    first_day, between_day, last_day = curves[0].days
    if start_known_last:
        rolled = _rolled(joined, (between_day, known), (first_day, was))
        move = explained(now, known, was, rolled, (factors[1], factors[0])).reversed()
    else:
        rolled = _rolled(joined, (between_day, known), (last_day, now))
        move = explained(was, known, now, rolled, (factors[0], factors[1]))
    shown = list(zip(*(ends.prices for ends in curves), strict=True))
    stories = curves[0].told
    before, after = (_quotes(shown[n], joined.places[n], factors[n // 2], mids_alone=stories) for n in (0, 2))
    if stories:
        move = told(move, (factors[0] * was, before.mid), (factors[1] * now, after.mid))
    return [
        CurveDiff(ends.start, ends.end, joined.tenors, before.row(n), after.row(n), move.row(n))
        for n, ends in enumerate(curves)
    ]


def _rolled(joined: Alignment, one: tuple[date | None, Prices], other: tuple[date | None, Prices]) -> Mask:
    """What the older of two as-of dates quotes, and whose delivery has begun by the newer one."""
    if one[0] is None or other[0] is None:
        return np.zeros(one[1].shape, dtype=bool)
    older = one[1] if one[0] <= other[0] else other[1]
    rolled: Mask = np.isfinite(older) & (joined.starts <= np.datetime64(max(one[0], other[0])))
    return rolled


def _quotes(
    curves: Sequence[CurvePrices], places: Places, factors: NDArray[np.float64], *, mids_alone: bool
) -> Quotes:  # fmt: skip
    held = np.zeros((len(curves), len(curves[0].tenors) + 1), dtype=bool)
    for row, each in enumerate(curves):
        held[row, list(each.withheld)] = True
    mid, bid, ask = (
        factors * _side([None if mids_alone and side != "mid" else getattr(each, side) for each in curves], places)
        for side in ("mid", "bid", "ask")
    )
    return Quotes(mid, bid, ask, held[:, places])


def _side(sides: Sequence[Prices | None], places: Places) -> Prices:
    """A row for each curve, all of one grid: the numbers at these places; NaN for NOWHERE and without a side."""
    size = next((len(side) for side in sides if side is not None), 0)
    numbers = np.full((len(sides), size + 1), np.nan)  # NOWHERE is the last one
    for row, side in enumerate(sides):
        if side is not None:
            numbers[row, :size] = side
    return numbers[:, places] if size else np.full((len(sides), len(places)), np.nan)
