"""Two snapshots of a curve beside each other, for many curves at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from aurum.curves.analytics.alignment import Alignment, Mask, Places, aligned
from aurum.curves.analytics.moves import Move, explained, percent, told
from aurum.curves.blocks import NOWHERE, Quoted
from aurum.curves.model import CurvePrices, Prices, Snapshot, Standing
from aurum.market.finite import finite
from aurum.market.periods import TenorGrid

Version = Snapshot | Standing | None
_NONE = CurvePrices(TenorGrid(()), np.array([], dtype=float))


class PointStatus(StrEnum):
    ADDED = "ADDED"
    REMOVED = "REMOVED"
    CHANGED = "CHANGED"
    UNCHANGED = "UNCHANGED"


@dataclass(frozen=True, slots=True, eq=False)
class Quotes:
    """One end of a difference, parallel to its tenors, in its unit; NaN: not quoted.

    `bid` and `ask` are None where nobody asked for them.
    """

    mid: Prices
    bid: Prices | None
    ask: Prices | None
    withheld: Mask

    @property
    def quoted(self) -> Mask:
        found: Mask = np.logical_or.reduce([np.isfinite(side) for side in self.sides])
        return found

    @property
    def sides(self) -> tuple[Prices, Prices, Prices]:
        if self.bid is None or self.ask is None:
            raise ValueError("bid and ask were not asked for")
        return self.mid, self.bid, self.ask

    def as_block(self) -> Quotes:
        """As the one row of a block."""
        mid, bid, ask = (side[None] for side in self.sides)
        return Quotes(mid, bid, ask, self.withheld[None])

    def row(self, row: int) -> Quotes:
        bid, ask = (None if side is None else side[row] for side in (self.bid, self.ask))
        return Quotes(self.mid[row], bid, ask, self.withheld[row])


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


class DiffBlock:
    """Differences of curves that are compared together: a row for each. See CurveDiff.

    Why they moved is worked out for whoever asks. `of_ends`: the stored versions at the two ends say all of it.
    """

    def __init__(
        self, tenors: TenorGrid, before: Quotes, after: Quotes, move: Callable[[], Move], *, of_ends: bool = False
    ) -> None:
        self.of_ends = of_ends
        self.tenors = tenors
        self.before = before
        self.after = after
        self._move = move

    @cached_property
    def move(self) -> Move:
        return self._move()

    @cached_property
    @finite("a change")
    def change(self) -> Prices:
        return self.after.mid - self.before.mid

    @cached_property
    def percent(self) -> Prices:
        return percent(self.before.mid, self.after.mid)

    @cached_property
    def status(self) -> NDArray[np.object_]:
        was, now = self.before.quoted, self.after.quoted
        same = np.ones(was.shape, dtype=bool)
        for one, other in zip(self.before.sides, self.after.sides, strict=True):
            same &= (one == other) | (np.isnan(one) & np.isnan(other))
        codes = np.select([~was & now, was & ~now, same], [0, 1, 3], default=2)
        found: NDArray[np.object_] = np.array(list(PointStatus), dtype=object)[codes]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class CurveDiff:
    """The full outer join of two snapshots by tenor type and delivery period; `start` is where it moved from.

    A row of a block. `change` is `end` less `start`, NaN where one of the mids is not quoted; `move.parts` of a point
    add up to it, and of any point to its number at the end less its number at the start, where no number counts as
    nothing. `status` is what became of each point: UNCHANGED is the same to the bit, or quoted at neither end.
    """

    start: Version
    end: Version
    block: DiffBlock
    row: int

    @classmethod
    def alone(
        cls, start: Version, end: Version, tenors: TenorGrid, before: Quotes, after: Quotes, move: Move
    ) -> CurveDiff:  # fmt: skip
        """The one row of its block."""
        block = DiffBlock(
            tenors, before.as_block(), after.as_block(), lambda: Move(*(part[None] for part in move.parts))
        )
        return cls(start, end, block, 0)

    @property
    def content(self) -> tuple[int | None, int | None] | None:
        """The stored versions that it follows from, and from nothing else; None where there is no saying."""
        if not self.block.of_ends:
            return None
        start, end = (each.snapshot_id if isinstance(each, Standing) else None for each in (self.start, self.end))
        return start, end

    @property
    def tenors(self) -> TenorGrid:
        return self.block.tenors

    @property
    def before(self) -> Quotes:
        return self.block.before.row(self.row)

    @property
    def after(self) -> Quotes:
        return self.block.after.row(self.row)

    @property
    def move(self) -> Move:
        return self.block.move.row(self.row)

    @property
    def change(self) -> Prices:
        row: Prices = self.block.change[self.row]
        return row

    @property
    def percent(self) -> Prices:
        row: Prices = self.block.percent[self.row]
        return row

    @property
    def status(self) -> list[PointStatus]:
        row: list[PointStatus] = self.block.status[self.row].tolist()
        return row


@dataclass(frozen=True, slots=True, eq=False)
class _End:
    """What is compared: a row for each curve, all of one grid and one as-of date. See `Quotes`."""

    tenors: TenorGrid
    as_of: date | None
    mid: Prices
    bid: Prices | None
    ask: Prices | None
    withheld: Mask | None

    @classmethod
    def alone(cls, prices: CurvePrices, as_of: date | None, *, mids_alone: bool = False) -> _End:
        blank = np.full((1, len(prices.tenors)), np.nan)
        bid, ask = (blank if side is None or mids_alone else side[None] for side in (prices.bid, prices.ask))
        held = np.zeros(blank.shape, dtype=bool)
        held[0, list(prices.withheld)] = True
        return cls(prices.tenors, as_of, prices.mid[None], bid, ask, held)

    @classmethod
    def of(cls, quoted: Quoted, place: int, rows: NDArray[np.intp]) -> _End:
        if place == NOWHERE:
            blank = np.empty((len(rows), 0))
            return cls(_NONE.tenors, None, blank, blank, blank, None)
        block = quoted.blocks[place]
        sides = (block.mid, block.bid, block.ask)
        mid, bid, ask = (None if side is None else side[rows] for side in sides)
        held = None if block.withheld is None else block.withheld[rows]
        return cls(block.tenors, block.as_of, cast("Prices", mid), bid, ask, held)

    @finite("a price")
    def quotes(self, places: Places, factors: Prices) -> Quotes:
        mid, bid, ask = (
            None if side is None else factors * _at(side, places) for side in (self.mid, self.bid, self.ask)
        )
        nothing = np.zeros((len(self.mid), len(places)), dtype=bool)
        held = nothing if self.withheld is None else _at(self.withheld, places, False)
        return Quotes(cast("Prices", mid), bid, ask, held)


def difference(ends: Ends, *, start_known_last: bool = False) -> CurveDiff:
    """What moved between two snapshots of a curve, and why. `start_known_last`: see `differences`."""
    old, between, new = (_End.alone(*each) for each in zip(ends.bases, ends.days, strict=True))
    factors = np.array([ends.factors]).T[:, :, None]
    if not ends.told:
        return CurveDiff(ends.start, ends.end, _compared(old, between, new, factors, start_known_last), 0)
    before, after = (_End.alone(ends.prices[n], ends.days[n], mids_alone=True) for n in (0, 2))
    block = _told(_compared(old, between, new, factors, start_known_last), before, after, factors)
    return CurveDiff(ends.start, ends.end, block, 0)


def differences(
    curve_ids: Sequence[int],
    start: Quoted,
    between: Quoted,
    end: Quoted,
    factors: NDArray[np.float64] | None,
    *,
    start_known_last: bool = False,
) -> dict[int, CurveDiff]:
    """What moved, by curve that has one of the ends, and why. `start_known_last`: the start was asked for as it was
    known later.

    `factors`, a row for each end, bring the curves' numbers into one unit; None: they are in one. See `Ends`. Curves of
    the same grids and as-of dates, such as all of a vendor's day, are compared together.
    """
    quoted = (start, between, end)
    blocks, rows = (np.array(each) for each in zip(*(each.places(curve_ids) for each in quoted), strict=True))
    groups, which = np.unique(blocks, axis=1, return_inverse=True)
    found: dict[int, CurveDiff] = {}
    for n, group in enumerate(groups.T.tolist()):
        if group[0] == group[2] == NOWHERE:
            continue
        places = np.flatnonzero(which == n)
        ends = [_End.of(*each) for each in zip(quoted, group, rows[:, places], strict=True)]
        brought = np.ones((2, len(places), 1)) if factors is None else factors[:, places, None]
        of_ends = factors is None and between is start
        block = _compared(ends[0], ends[1], ends[2], brought, start_known_last, of_ends=of_ends)
        versions = start.standings(group[0], rows[0, places]), end.standings(group[2], rows[2, places])
        for row, (place, old, new) in enumerate(zip(places.tolist(), *versions, strict=True)):
            found[curve_ids[place]] = CurveDiff(old, new, block, row)
    return found


def _compared(
    old: _End, between: _End, new: _End, factors: Prices, start_known_last: bool, *, of_ends: bool = False
) -> DiffBlock:
    joined = aligned(old.tenors, between.tenors, new.tenors)
    was, known, now = (_at(each.mid, places) for each, places in zip((old, between, new), joined.places, strict=True))

    def move() -> Move:
        if start_known_last:
            rolled = _rolled(joined, (between.as_of, known), (old.as_of, was))
            return explained(now, known, was, rolled, (factors[1], factors[0])).reversed()
        rolled = _rolled(joined, (between.as_of, known), (new.as_of, now))
        return explained(was, known, now, rolled, (factors[0], factors[1]))

    before, after = old.quotes(joined.places[0], factors[0]), new.quotes(joined.places[2], factors[1])
    return DiffBlock(joined.tenors, before, after, move, of_ends=of_ends)


def _told(bases: DiffBlock, old: _End, new: _End, factors: Prices) -> DiffBlock:
    """With what scenarios have of the ends, of which `bases` are the versions."""
    joined = aligned(old.tenors, bases.tenors, new.tenors)
    before, after = old.quotes(joined.places[0], factors[0]), new.quotes(joined.places[2], factors[1])
    was, now = (bases.before.mid, before.mid), (bases.after.mid, after.mid)
    return DiffBlock(joined.tenors, before, after, lambda: told(bases.move, was, now))


def _rolled(joined: Alignment, one: tuple[date | None, Prices], other: tuple[date | None, Prices]) -> Mask:
    """What the older of two as-of dates quotes, and whose delivery has begun by the newer one."""
    if one[0] is None or other[0] is None:
        return np.zeros(one[1].shape, dtype=bool)
    older = one[1] if one[0] <= other[0] else other[1]
    rolled: Mask = np.isfinite(older) & (joined.starts <= np.datetime64(max(one[0], other[0])))
    return rolled


def _at(rows: NDArray[Any], places: Places, nothing: float | bool = np.nan) -> NDArray[Any]:
    """What stands at these places of each row; `nothing` for NOWHERE."""
    size = rows.shape[1]
    if len(places) == size and NOWHERE not in places:
        return rows  # a grid's own order is that of all tenors
    found = np.full((len(rows), size + 1), nothing, rows.dtype)  # NOWHERE is the last one
    found[:, :size] = rows
    return found[:, places]


NO_DIFF = difference(Ends(None, None, None))
