"""Why prices moved, in parts that add up."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from aurum.curves.analytics.alignment import Mask
from aurum.curves.model import Prices
from aurum.market.finite import finite


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
    scenario: Prices
    fx: Prices

    @property
    def parts(self) -> tuple[Prices, ...]:
        return tuple(getattr(self, part.name) for part in fields(self))

    def reversed(self) -> Move:
        """The same way back."""
        return Move(*(0.0 - part for part in self.parts))

    def row(self, row: int) -> Move:
        return Move(*(part[row] for part in self.parts))


def by_hand(size: Prices) -> Prices:
    """Sizes as they are put in order: to 1e-9, below a million. 11.511 - 11.474 and 11.551 - 11.514 are equal, but not
    in binary.
    """
    small = size < 1e6
    told: Prices = np.where(small, np.round(np.where(small, size, 0.0), 9), size)
    return told


@finite("a change in per cent")
def percent(before: Prices, after: Prices) -> Prices:
    """The change in per cent of the size of what was: positive for up, also from a negative price; NaN from zero."""
    size = np.where(before == 0.0, np.nan, np.abs(before))
    return 100.0 * (after - before) / size


@finite("a move")
def explained(
    earlier: Prices,
    between: Prices,
    later: Prices,
    rolled: Mask,
    factors: tuple[Prices | float, Prices | float] = (1.0, 1.0),
) -> Move:
    """Why mids moved from `earlier` to `later`; all of one shape, in the vendor's numbers, NaN: not quoted.

    `between` are the mids of `earlier`'s as-of date as they are known with `later`. With p0, p1, p2 for the three, 0 in
    place of NaN, and f0, f1 the factors that bring `earlier`'s numbers and all others into the unit of the answer:

    unit         (f1 - f0) p0
    restatement  f1 (p1 - p0): the same day, as it was known then and as it is known with `later`
    market       f1 (p2 - p1) where both are quoted
    roll_off     f1 (p2 - p1) where one of them is not, and `rolled` says that its delivery has come
    listing      f1 (p2 - p1) where one of them is not, for any other reason: a new month at the far end, a quarantine

    They add up to f1 p2 - f0 p0. What scenarios make of prices comes on top, see `told`; and fx, see `exchanged`.
    """
    own, other = factors
    p0, p1, p2 = (np.where(np.isnan(mid), 0.0, mid) for mid in (earlier, between, later))
    step, nothing = other * (p2 - p1), np.zeros(p1.shape)
    both = np.isfinite(between) & np.isfinite(later)
    return Move(
        market=np.where(both, step, nothing),
        restatement=other * (p1 - p0),
        roll_off=np.where(~both & rolled, step, nothing),
        listing=np.where(~both & ~rolled, step, nothing),
        unit=(other - own) * p0,
        scenario=nothing,
        fx=nothing,
    )


@finite("a move")
def told(move: Move, before: tuple[Prices, Prices], after: tuple[Prices, Prices]) -> Move:
    """With what scenarios do: of either end the mids without and with one, in the unit of the move; NaN: not quoted."""
    was, now = (np.nan_to_num(story, nan=0.0) - np.nan_to_num(base, nan=0.0) for base, story in (before, after))
    return replace(move, scenario=now - was)
