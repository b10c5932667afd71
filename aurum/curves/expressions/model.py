"""Derived curves: what they are made of, and what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from aurum.curves.expressions.alignment import Places, places, taken
from aurum.curves.expressions.delivered import Delivered
from aurum.curves.expressions.forms import Leaf, Values
from aurum.curves.expressions.units import CompoundUnit, Conversion
from aurum.curves.model import CurvePrices, Side, Snapshot
from aurum.errors import NoBlockHours
from aurum.market.hours import Hours, hour_counts
from aurum.market.periods import DeliveryPeriod, Tenor, TenorGrid, TenorType
from aurum.metadata.model import Curve
from aurum.metadata.reference.calendars import UNWEIGHTED


class Gap(StrEnum):
    """Why a point has no value."""

    NO_PERIOD = "NO_PERIOD"
    NOT_QUOTED = "NOT_QUOTED"
    WITHHELD = "WITHHELD"
    DIVISION_BY_ZERO = "DIVISION_BY_ZERO"
    OVERFLOW = "OVERFLOW"
    NO_HOURS = "NO_HOURS"


GAPS = tuple(Gap)
NO_GAP = -1


@dataclass(frozen=True, slots=True)
class Source:
    """A curve as it was on a day; `unit` is what it was known to be priced in, None: not known."""

    curve: Curve
    unit: CompoundUnit | None
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Input:
    """A source as the expression uses it: prices in `unit`, and where they stand in the snapshot, parallel to the
    tenors of the answer. `slopes`, parallel too, are in the answer's unit for each of `unit`; `weight` is what all of
    them are, None where they differ.
    """

    leaf: Leaf
    source: Source
    unit: CompoundUnit
    places: Places
    prices: Values
    slopes: Values
    weight: float | None

    def side(self, side: Side) -> Values:
        """Its bids or asks, parallel to the tenors of the answer."""
        quotes = getattr(self.source.snapshot.prices, side.value)
        return np.full(len(self.places), np.nan) if quotes is None else taken(quotes, self.places)


@dataclass(frozen=True, slots=True)
class Factor:
    """A number that an expression gives for a name, such as the heat rate of a spark spread."""

    function: str
    name: str
    value: float
    unit: CompoundUnit


@dataclass(frozen=True, slots=True)
class Exchange:
    """What prices of one unit are multiplied with to be in another: of every period, or parallel to `tenors`, NaN where
    there is no rate.
    """

    rate: float | Values
    tenors: TenorGrid = field(default_factory=lambda: TenorGrid(()))

    def on(self, wanted: TenorGrid) -> Values:
        if isinstance(self.rate, float):
            return np.full(len(wanted), self.rate)
        return taken(self.rate, places(self.tenors, wanted, 0))


@dataclass(frozen=True, slots=True)
class Term:
    """What an input does to a point. `tenor` is the input's own; None where it has no such period."""

    input: Input
    tenor: Tenor | None
    cell: str | None
    price: float
    weight: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Why:
    """What made a point. If the curve is linear, the contributions from the first on, and then the constant, add up
    to the value to the last bit. If not, they do as far as rounding goes: weights are slopes, and the constant is
    what the tangent has besides.
    """

    tenor: Tenor
    value: float
    gap: Gap | None
    gap_input: Input | None
    terms: tuple[Term, ...]
    constant: float


@dataclass(frozen=True, slots=True)
class DerivedCurve:
    """Values in `unit`, parallel to `tenors`; NaN: a gap. `gaps` are places in GAPS, `gap_inputs` in `inputs`, each
    NO_GAP where there is none. `delivered`: in which hours, None: not known, or not in the same.
    """

    expression: str
    unit: CompoundUnit
    as_of: date
    published_at: datetime
    tenors: TenorGrid
    values: Values
    gaps: NDArray[np.int8]
    gap_inputs: NDArray[np.int16]
    inputs: tuple[Input, ...]
    constant: float | None  # None: not linear
    factors: tuple[Factor, ...]
    conversions: tuple[Conversion, ...]
    delivered: Delivered | None

    @property
    def linear(self) -> bool:
        """Whether it is weights times inputs, and a constant."""
        return self.constant is not None

    @property
    def bid(self) -> Values:
        """What the whole can be sold for: bids of what is bought with it, asks of what is sold. See `_quoted`."""
        return self._quoted(Side.BID, Side.ASK)

    @property
    def ask(self) -> Values:
        """What the whole can be bought for."""
        return self._quoted(Side.ASK, Side.BID)

    def _quoted(self, positive: Side, negative: Side) -> Values:
        """Weights times the side that their sign asks for, and the constant; NaN where an input is not quoted on that
        side, and of what is not linear.
        """
        if self.constant is None:
            return np.full(len(self.tenors), np.nan)
        total = np.zeros(len(self.tenors))
        for each in self.inputs:
            weight = each.weight or 0.0
            total = total + weight * each.side(negative if weight < 0 else positive)
        total = total + self.constant
        return np.where(np.isfinite(total), total, np.nan)

    @property
    def prices(self) -> CurvePrices:
        """As those of a curve that has the periods that all inputs have."""
        kept = np.flatnonzero(self.gaps != GAPS.index(Gap.NO_PERIOD))
        held = np.flatnonzero(self.gaps[kept] == GAPS.index(Gap.WITHHELD)).tolist()
        tenors = self.tenors if len(kept) == len(self.tenors) else TenorGrid(self.tenors[at] for at in kept.tolist())
        return CurvePrices(tenors, self.values[kept], self.bid[kept], self.ask[kept], withheld=tuple(held))

    def block_hours(self, periods: Sequence[DeliveryPeriod]) -> Hours:
        """How many hours each period has in its block. Raises NoBlockHours where its curves have not one block."""
        if self.delivered is None:
            raise NoBlockHours(f"nobody knows in which hours all of {self.expression[:200]} is delivered", **UNWEIGHTED)
        return hour_counts(*self.delivered, periods)

    def place(self, period: DeliveryPeriod, type_: TenorType | None) -> int | None:
        """Where a period stands, of this type or of the first that has it; None: nowhere."""
        if type_ is None:
            return self.tenors.places.get(period)
        found = (at for at, tenor in enumerate(self.tenors) if (tenor.type, tenor.period) == (type_, period))
        return next(found, None)

    def why(self, place: int) -> Why:
        """What made the point at a place of `tenors`."""
        terms = tuple(_term(each, place) for each in self.inputs)
        value, gap, blamed = float(self.values[place]), int(self.gaps[place]), int(self.gap_inputs[place])
        constant = self.constant if self.constant is not None else value - sum(each.contribution for each in terms)
        return Why(
            self.tenors[place], value, None if gap == NO_GAP else GAPS[gap],
            None if blamed == NO_GAP else self.inputs[blamed], terms, constant,
        )  # fmt: skip


def _term(used: Input, place: int) -> Term:
    prices, at = used.source.snapshot.prices, int(used.places[place])
    cell = prices.mid_cells.address(at) if at >= 0 and prices.mid_cells is not None else None
    price, weight = float(used.prices[place]), float(used.slopes[place])
    return Term(used, prices.tenors[at] if at >= 0 else None, cell, price, weight, weight * price)
