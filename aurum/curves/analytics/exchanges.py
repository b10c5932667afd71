"""A difference in another currency or unit, each end by the rate of its own day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from aurum.curves.analytics.alignment import Mask
from aurum.curves.analytics.diffs import CurveDiff, Quotes
from aurum.curves.analytics.moves import Move
from aurum.curves.model import Prices
from aurum.market.finite import finite
from aurum.market.periods import TenorGrid


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """What the numbers of one end are multiplied with on its day, parallel to the tenors; NaN: there is no rate.

    `own` is from the unit that they are known to be in at this end, `common` from the one known at the later instant.
    """

    own: Prices
    common: Prices


@finite("a move")
def exchanged(diff: CurveDiff, start: Rates, end: Rates) -> tuple[CurveDiff, list[str]]:
    """A difference of the vendor's numbers in another unit, and the tenors that are not in it for want of a rate.

    With p0 and p1 for its mids, c0 and c1 for the common rates of the two days:

    fx           (c1 - c0) (p0 + p1) / 2 where both ends have a mid
    unit         what the own rates make of p1 less p0, less what the common ones do
    all others   as they are, times (c0 + c1) / 2, or the rate of the one end that has a mid

    They add up to the number at the end less the one at the start, and change their signs with the direction.
    """
    p0, p1 = (np.nan_to_num(side.mid, nan=0.0) for side in (diff.before, diff.after))
    was, now = (np.isfinite(side.mid) for side in (diff.before, diff.after))
    c0, c1 = start.common, end.common
    mean = (c0 + c1) / 2
    between = np.select([np.isfinite(mean), np.isfinite(c0)], [mean, c0], default=c1)  # what came and went
    rate = np.select([was & now, was, now], [mean, c0, c1], default=between)
    fx = np.where(was & now, (c1 - c0) * (p0 + p1) / 2, 0.0)
    unit = _drift(now, end, p1) - _drift(was, start, p0)
    parts = [np.where(part == 0.0, 0.0, rate * part) for part in diff.move.parts]
    move = replace(Move(*parts), unit=unit, fx=fx)
    before, after = _times(diff.before, start.own), _times(diff.after, end.own)
    lost = np.isnan(np.sum(move.parts, axis=0)) | _lacking(diff.before, start) | _lacking(diff.after, end)
    kept = np.flatnonzero(~lost).tolist()
    tenors = TenorGrid([diff.tenors[at] for at in kept]) if lost.any() else diff.tenors
    kept_move = Move(*(part[kept] for part in move.parts))
    found = CurveDiff.alone(diff.start, diff.end, tenors, _chosen(before, kept), _chosen(after, kept), kept_move)
    return found, [diff.tenors[at].label for at in np.flatnonzero(lost).tolist()]


def _drift(quoted: Mask, rates: Rates, mids: Prices) -> Prices:
    return np.where(quoted, (rates.own - rates.common) * mids, 0.0)


def _times(quotes: Quotes, rate: Prices) -> Quotes:
    mid, bid, ask = (side * rate for side in quotes.sides)
    return Quotes(mid, bid, ask, quotes.withheld)


def _lacking(quotes: Quotes, rates: Rates) -> Mask:
    found: Mask = quotes.quoted & np.isnan(rates.own + rates.common)
    return found


def _chosen(quotes: Quotes, places: Sequence[int]) -> Quotes:
    at = list(places)
    mid, bid, ask = (side[at] for side in quotes.sides)
    return Quotes(mid, bid, ask, quotes.withheld[at])
