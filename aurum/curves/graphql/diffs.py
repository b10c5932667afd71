"""What moved between two snapshots of a curve."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import strawberry

from aurum.curves import moves as use_cases
from aurum.curves.analytics import diffs as analytics
from aurum.curves.analytics.alignment import Mask
from aurum.curves.analytics.diffs import PointStatus
from aurum.curves.analytics.movers import chosen_columns
from aurum.curves.graphql.arguments import Delivery, TenorTypes
from aurum.curves.graphql.points import tenors_of
from aurum.graphql.enums import publish_enum
from aurum.graphql.plans import batched
from aurum.graphql.records import Columns, Constant, RecordBatch
from aurum.graphql.sizes import sized
from aurum.market.periods import TenorType
from aurum.metadata.graphql import Currency, Unit, currency_of, unit_of

if TYPE_CHECKING:
    from aurum.curves.graphql.curves import CurveSnapshot

publish_enum(
    PointStatus,
    "What became of a point.",
    {
        "ADDED": "Quoted at the end alone.",
        "REMOVED": "Quoted at the start alone.",
        "CHANGED": "Quoted at both, and mid, bid or ask differ.",
        "UNCHANGED": "The same to the bit, or quoted at neither.",
    },
)

_MARKET = "Between the two as-of dates, both as known at the later of the two instants, where both are quoted."
_RESTATEMENT = (
    "The older knowledge's as-of date: what is known of it at the later instant less what was at the earlier."
)
_ROLL_OFF = "The point is quoted on the older as-of date alone, and its delivery has begun by the newer one."
_LISTING = "It begins or ceases to be quoted for another reason: a new month at the far end, a quarantine."
_UNIT = "What the curve is priced in was corrected between the two instants: the factor less 1, times the old number."
_SCENARIO = "What a scenario does to the number at the end, less what one does to that at the start; mids alone."
_FX = "By how much the exchange rate moved, at the mean of the two prices; 0 where one end is not quoted."
_TOTAL = "All parts together: the number at the end less the one at the start, where no number counts as 0."


@strawberry.type(description="What moved mids, in parts that add up, in the unit of the difference. See docs/moves.md.")
class Move:
    point_count: int = strawberry.field(description="How many points are summed up.")
    start: float = strawberry.field(name="from", description="The sum of the mids at the start.")
    end: float = strawberry.field(name="to", description="The sum of the mids at the end.")
    total: float = strawberry.field(description=_TOTAL)
    market: float = strawberry.field(description=_MARKET)
    restatement: float = strawberry.field(description=_RESTATEMENT)
    roll_off: float = strawberry.field(description=_ROLL_OFF)
    listing: float = strawberry.field(description=_LISTING)
    unit_move: float = strawberry.field(description=_UNIT)
    scenario: float = strawberry.field(description=_SCENARIO)
    fx_move: float = strawberry.field(description=_FX)


@strawberry.type(description="A delivery at both ends, in the unit of the difference.")
class PointDiff:
    tenor: str = strawberry.field(description="The market's label, at the end where it has the point.")
    tenor_type: TenorType = strawberry.field(description="What kind of period it is.")
    delivery_start: date = strawberry.field(description="The first day of delivery.")
    delivery_end: date = strawberry.field(description="The day after the last day of delivery.")
    status: PointStatus = strawberry.field(description="What became of it.")
    from_mid: float | None = strawberry.field(description="The mid at the start; null where none is quoted.")
    from_bid: float | None = strawberry.field(description="The bid at the start; null where none is quoted.")
    from_ask: float | None = strawberry.field(description="The ask at the start; null where none is quoted.")
    to_mid: float | None = strawberry.field(description="The mid at the end; null where none is quoted.")
    to_bid: float | None = strawberry.field(description="The bid at the end; null where none is quoted.")
    to_ask: float | None = strawberry.field(description="The ask at the end; null where none is quoted.")
    change: float | None = strawberry.field(description="`toMid` less `fromMid`; null where one is not quoted.")
    percent: float | None = strawberry.field(
        description="The change in per cent of the size of `fromMid`, positive for up; null where that is 0."
    )
    market: float = strawberry.field(description=_MARKET)
    restatement: float = strawberry.field(description=_RESTATEMENT)
    roll_off: float = strawberry.field(description=_ROLL_OFF)
    listing: float = strawberry.field(description=_LISTING)
    unit_move: float = strawberry.field(description=_UNIT)
    scenario: float = strawberry.field(description=_SCENARIO)
    fx_move: float = strawberry.field(description=_FX)
    from_withheld: bool = strawberry.field(description="Whether it is in quarantine at the start.")
    to_withheld: bool = strawberry.field(description="Whether it is in quarantine at the end.")


Statuses = Annotated[
    list[PointStatus] | None, strawberry.argument(description="Only points that this became of; null: all.")
]


@strawberry.type(description="The full outer join of two snapshots of a curve by tenor type and delivery.")
class CurveDiff:
    start: Annotated[CurveSnapshot, strawberry.lazy("aurum.curves.graphql.curves")] | None = strawberry.field(
        name="from", description="Where it moved from; null where there is none: every point is ADDED."
    )
    end: Annotated[CurveSnapshot, strawberry.lazy("aurum.curves.graphql.curves")] | None = strawberry.field(
        name="to", description="Where it moved to; null where there is none: every point is REMOVED."
    )
    currency: Currency | None = strawberry.field(
        description="What the numbers are in, as it is known at the later instant, unless converted; null: not known."
    )
    unit: Unit | None = strawberry.field(description="What they are per, likewise; null: not known.")
    unconverted: list[str] = strawberry.field(
        description="Tenors that are quoted and in none of the numbers, for want of an exchange rate on that day.",
        directives=[sized(20)],
    )
    diff: strawberry.Private[analytics.CurveDiff]

    @strawberry.field(
        description="The points of either: months first, then longer periods, each by delivery.",
        metadata=batched(),
        directives=[sized(120)],
    )
    def points(
        self, tenor_types: TenorTypes = None, delivery: Delivery = None, statuses: Statuses = None
    ) -> Sequence[PointDiff]:
        if tenor_types is None and delivery is None and statuses is None:
            return points_of(self.diff, None)
        chosen = self._chosen(tenor_types, delivery)
        if statuses is not None:
            chosen = chosen & np.array([status in statuses for status in self.diff.status], dtype=bool)
        return points_of(self.diff, np.flatnonzero(chosen).tolist())

    @strawberry.field(
        description="Why the sum of the chosen points moved. Months alone unless `tenorTypes` says others: strips are "
        "made of months, and would count twice.",
        metadata=batched(),
    )
    def move(self, tenor_types: TenorTypes = None, delivery: Delivery = None) -> Move:
        return move_of(self.diff, self._chosen(tenor_types or [TenorType.MONTH], delivery))

    def _chosen(self, tenor_types: list[TenorType] | None, delivery: Delivery) -> Mask:
        start, end = (delivery.start, delivery.end) if delivery else (None, None)
        return chosen_columns(self.diff.tenors, tenor_types, start, end)


def diff_of(found: use_cases.Explained, start: CurveSnapshot | None, end: CurveSnapshot | None) -> CurveDiff:
    return CurveDiff(
        start=start, end=end, currency=currency_of(found.currency), unit=unit_of(found.unit),
        unconverted=list(found.unconverted), diff=found.diff,
    )  # fmt: skip


def points_of(diff: analytics.CurveDiff, places: list[int] | None) -> RecordBatch[PointDiff]:
    """The chosen points; None: all."""
    return RecordBatch(PointDiff, len(diff.tenors) if places is None else len(places), lambda: _columns(diff, places))


def _columns(diff: analytics.CurveDiff, places: list[int] | None) -> Columns:
    at: Any = slice(None) if places is None else places
    before, after, move = diff.before, diff.after, diff.move
    return {
        **tenors_of(diff.tenors, places),
        "status": lambda: _status(diff, places),
        "from_mid": before.mid[at], "from_bid": before.bid[at], "from_ask": before.ask[at],
        "to_mid": after.mid[at], "to_bid": after.bid[at], "to_ask": after.ask[at],
        "change": lambda: diff.change[at], "percent": lambda: diff.percent[at],
        "market": move.market[at], "restatement": move.restatement[at],
        "roll_off": move.roll_off[at], "listing": move.listing[at], "unit_move": move.unit[at],
        "scenario": move.scenario[at], "fx_move": move.fx[at],
        "from_withheld": before.withheld[at].tolist() if before.withheld.any() else Constant(False),
        "to_withheld": after.withheld[at].tolist() if after.withheld.any() else Constant(False),
    }  # fmt: skip


def _status(diff: analytics.CurveDiff, places: list[int] | None) -> list[PointStatus]:
    status = diff.status
    return status if places is None else [status[place] for place in places]


def move_of(diff: analytics.CurveDiff, chosen: Mask) -> Move:
    before, after = (float(np.nansum(side.mid[chosen])) for side in (diff.before, diff.after))
    market, restatement, roll_off, listing, unit, scenario, fx = (float(part[chosen].sum()) for part in diff.move.parts)
    return Move(
        point_count=int(chosen.sum()), start=before, end=after, total=after - before, market=market,
        restatement=restatement, roll_off=roll_off, listing=listing, unit_move=unit, scenario=scenario,
        fx_move=fx,
    )  # fmt: skip
