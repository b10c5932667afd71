"""What moved between two snapshots of a curve."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

import numpy as np
import strawberry
from strawberry.types.nodes import SelectedField, Selection

from aurum.curves.analytics import diffs as analytics
from aurum.curves.analytics.alignment import Mask
from aurum.curves.analytics.diffs import DiffBlock, PointStatus, Quotes
from aurum.curves.analytics.movers import chosen_columns
from aurum.curves.graphql.arguments import Delivery, Info, TenorTypes, there
from aurum.curves.graphql.points import shared_tenors_of, tenors_of
from aurum.curves.graphql.snapshots import CurveSnapshot, snapshot_of, told_snapshot_of
from aurum.curves.model import Prices, Snapshot, Standing
from aurum.curves.moves import SnapshotRef, later
from aurum.graphql.columnar.plans import batched
from aurum.graphql.columnar.records import Column, Columns, Constant, RecordBatch, Stack
from aurum.graphql.enums import publish_enum
from aurum.graphql.sizes import sized
from aurum.market.finite import finite
from aurum.market.periods import TenorGrid, TenorType
from aurum.metadata.graphql import Currency, Unit, currency_of, unit_of
from aurum.metadata.model import unit_known_at

Codes = tuple[str | None, str | None]  # of currency and unit

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


_UNREAD = Constant(ValueError("bid and ask were not read"))  # what is refused, should it be answered after all
_OF_QUOTES = {"status", "fromBid", "fromAsk", "toBid", "toAsk"}
Places = list[int] | None  # of points; None: all
Statuses = Annotated[
    list[PointStatus] | None, strawberry.argument(description="Only points that this became of; null: all.")
]


def load_points(
    diffs: Sequence[CurveDiff],
    _: Info,
    tenor_types: TenorTypes = None,
    delivery: Delivery = None,
    statuses: Statuses = None,
) -> list[RecordBatch[PointDiff]]:
    """Those of curves that were compared together are a stack."""
    stacks: dict[int, Stack[PointDiff]] = {}
    chosen_by = (None if tenor_types is None else tuple(tenor_types), delivery and (delivery.start, delivery.end))
    found = []
    for each in diffs:
        block, row = each.diff.block, each.diff.row
        if statuses is not None:
            chosen = _chosen(block.tenors, tenor_types, delivery) & np.isin(block.status[row], statuses)
            found.append(points_of(each.diff, np.flatnonzero(chosen).tolist()))
            continue
        if id(block) not in stacks:
            every = tenor_types is None and delivery is None
            places = None if every else np.flatnonzero(_chosen(block.tenors, tenor_types, delivery)).tolist()
            stacks[id(block)] = stack_of(block, places)
        content = each.diff.content
        found.append(stacks[id(block)].batch(row, content and (*content, *chosen_by)))
    return found


def wants_quotes(info: Info) -> bool:
    """Whether what is selected of a difference needs bid and ask."""
    return any(_needs_quotes(each) for each in info.selected_fields)


def _needs_quotes(selected: Selection) -> bool:
    named = isinstance(selected, SelectedField) and (
        selected.name in _OF_QUOTES or "statuses" in selected.arguments
    )  # fmt: skip
    return named or any(map(_needs_quotes, selected.selections))


@strawberry.type(description="The full outer join of two snapshots of a curve by tenor type and delivery.")
class CurveDiff:
    unconverted: list[str] = strawberry.field(
        description="Tenors that are quoted and in none of the numbers, for want of an exchange rate on that day.",
        directives=[sized(20)],
    )
    diff: strawberry.Private[analytics.CurveDiff]
    curve_id: strawberry.Private[int]
    ends: strawberry.Private[tuple[SnapshotRef, SnapshotRef]]
    codes: strawberry.Private[Codes | None]  # None: as they are known at the later instant

    @strawberry.field(
        name="from", description="Where it moved from; null where there is none: every point is ADDED.",
        metadata=batched(),
    )  # fmt: skip
    async def start(self, info: Info) -> CurveSnapshot | None:
        return await _end_of(info, self.diff.start, self.ends[0].known_at)

    @strawberry.field(
        name="to", description="Where it moved to; null where there is none: every point is REMOVED.",
        metadata=batched(),
    )  # fmt: skip
    async def end(self, info: Info) -> CurveSnapshot | None:
        return await _end_of(info, self.diff.end, self.ends[1].known_at)

    @strawberry.field(
        description="What the numbers are in, as it is known at the later instant, unless converted; null: not known.",
        metadata=batched(),
    )
    async def currency(self, info: Info) -> Currency | None:
        return currency_of((await self._codes(info))[0])

    @strawberry.field(description="What they are per, likewise; null: not known.", metadata=batched())
    async def unit(self, info: Info) -> Unit | None:
        return unit_of((await self._codes(info))[1])

    async def _codes(self, info: Info) -> Codes:
        return self.codes or await codes_known(info, self.curve_id, self.ends)

    @strawberry.field(
        description="The points of either: months first, then longer periods, each by delivery.",
        metadata=batched(load_points),
        directives=[sized(120)],
    )
    def points(
        self, info: Info, tenor_types: TenorTypes = None, delivery: Delivery = None, statuses: Statuses = None
    ) -> Sequence[PointDiff]:
        return load_points([self], info, tenor_types, delivery, statuses)[0]

    @strawberry.field(
        description="Why the sum of the chosen points moved. Months alone unless `tenorTypes` says others: strips are "
        "made of months, and would count twice.",
        metadata=batched(),
    )
    def move(self, tenor_types: TenorTypes = None, delivery: Delivery = None) -> Move:
        types = [TenorType.MONTH] if tenor_types is None else tenor_types
        return move_of(self.diff, _chosen(self.diff.tenors, types, delivery))


async def codes_known(info: Info, curve_id: int, ends: tuple[SnapshotRef, SnapshotRef]) -> Codes:
    """What a move between them is in, unless it is converted."""
    versions = await info.context.load(info.context.metadata.unit_versions, curve_id)
    known = unit_known_at(there(versions, "curve"), later(*ends).known_at)
    return known.currency, known.unit


def _chosen(tenors: TenorGrid, types: list[TenorType] | None, delivery: Delivery) -> Mask:
    start, end = (delivery.start, delivery.end) if delivery else (None, None)
    return chosen_columns(tenors, types, start, end)


def stack_of(block: DiffBlock, places: Places) -> Stack[PointDiff]:
    """The chosen points of every curve."""
    every, count = slice(None), len(block.tenors) if places is None else len(places)
    columns = _columns(block, (every, every if places is None else places))
    return Stack(PointDiff, count, lambda: {**shared_tenors_of(block.tenors, places), **columns})


def points_of(diff: analytics.CurveDiff, places: list[int]) -> RecordBatch[PointDiff]:
    """The chosen points of one curve."""
    columns = {**tenors_of(diff.tenors, places), **_columns(diff.block, (diff.row, places))}
    return RecordBatch(PointDiff, len(places), columns)


def _columns(block: DiffBlock, at: Any) -> Columns:
    before, after = block.before, block.after

    def held(quotes: Quotes) -> Column:
        return quotes.withheld[at] if quotes.withheld.any() else Constant(False)

    def side(prices: Prices | None) -> Column:
        return _UNREAD if prices is None else prices[at]

    return {
        "status": lambda: _UNREAD if before.bid is None else block.status[at],
        "from_mid": lambda: before.mid[at], "from_bid": lambda: side(before.bid), "from_ask": lambda: side(before.ask),
        "to_mid": lambda: after.mid[at], "to_bid": lambda: side(after.bid), "to_ask": lambda: side(after.ask),
        "change": lambda: block.change[at], "percent": lambda: block.percent[at],
        "market": lambda: block.move.market[at], "restatement": lambda: block.move.restatement[at],
        "roll_off": lambda: block.move.roll_off[at], "listing": lambda: block.move.listing[at],
        "unit_move": lambda: block.move.unit[at], "scenario": lambda: block.move.scenario[at],
        "fx_move": lambda: block.move.fx[at],
        "from_withheld": lambda: held(before), "to_withheld": lambda: held(after),
    }  # fmt: skip


@finite("a move")
def move_of(diff: analytics.CurveDiff, chosen: Mask) -> Move:
    before, after = (float(np.nansum(side.mid[chosen])) for side in (diff.before, diff.after))
    market, restatement, roll_off, listing, unit, scenario, fx = (float(part[chosen].sum()) for part in diff.move.parts)
    return Move(
        point_count=int(chosen.sum()), start=before, end=after, total=after - before, market=market,
        restatement=restatement, roll_off=roll_off, listing=listing, unit_move=unit, scenario=scenario,
        fx_move=fx,
    )  # fmt: skip


async def _end_of(
    info: Info, end: Snapshot | Standing | None, known_at: datetime | None
) -> CurveSnapshot | None:  # fmt: skip
    if isinstance(end, Standing):
        read = await info.context.load(info.context.curves.snapshots_by_id, end.snapshot_id)
        return snapshot_of(there(read, "snapshot"), known_at)
    return None if end is None else told_snapshot_of(end, known_at)
