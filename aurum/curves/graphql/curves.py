"""Curves and their snapshots."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Annotated

import strawberry
from graphql.pyutils import gather_with_cancel

from aurum.backends.paging import Page, PageRequest, Position
from aurum.curves import model, moves
from aurum.curves.analytics import diffs as analytics
from aurum.curves.analytics.deliveries import Seasons
from aurum.curves.analytics.diffs import NO_DIFF
from aurum.curves.analytics.strips import Weighting
from aurum.curves.exchanges import KnownRates, Wanted, exchanged_diff
from aurum.curves.graphql.arguments import (
    MOST,
    AsOf,
    DateRange,
    Delivery,
    DeliveryRange,
    From,
    Info,
    InScenario,
    KnownAt,
    SnapshotRef,
    TenorTypes,
    To,
    bounds,
    instant_of,
    ref_of,
    story_of,
    there,
)
from aurum.curves.graphql.converted import ConvertedSnapshot, converted_of
from aurum.curves.graphql.diffs import CurveDiff, wants_quotes
from aurum.curves.graphql.history import PriceHistory, history_of
from aurum.curves.graphql.points import CurveColumns, CurvePoint, chosen, columns_of, points_of_each
from aurum.curves.graphql.reads import LoadedReads
from aurum.curves.graphql.rolling import RollingHistory, RollingInput, rolling_of, rule_of
from aurum.curves.graphql.strips import (
    GranularityArgument,
    SeasonsArgument,
    Strip,
    StripDelivery,
    WeightingArgument,
    months_of,
    strip_of,
    strips_of,
)
from aurum.curves.graphql.trust import Require, Required, trusted
from aurum.errors import InvalidCursor, InvalidInput
from aurum.graphql.arrow.tables import parallel
from aurum.graphql.columnar.plans import batched
from aurum.graphql.columnar.records import RecordBatch
from aurum.graphql.connections import After, Before, Connection, First, Last, connection, page_request
from aurum.graphql.ids import node_id
from aurum.graphql.nodes import Node
from aurum.graphql.sizes import PAGED, sized, weighing
from aurum.market.identity import Measure
from aurum.market.periods import TenorType
from aurum.metadata import model as catalogue
from aurum.metadata.graphql import (
    Attribute,
    Block,
    Calendar,
    Currency,
    CurveReview,
    DeliveryInput,
    Unit,
    UnitVersion,
    block_face,
    calendar_face,
    currency_of,
    period_of,
    review_of,
    unit_of,
    unit_version_of,
)
from aurum.metadata.reference.calendars import block_of, calendar_of

if TYPE_CHECKING:
    from aurum.curves.graphql.locations import Location
    from aurum.ingestion.graphql import Finding, IngestionRun, SourceFile


def load_points(
    parents: Sequence[CurveSnapshot], _: Info, tenor_types: list[TenorType] | None, delivery: DeliveryRange | None
) -> list[RecordBatch[CurvePoint]]:  # fmt: skip
    snapshots = [parent.snapshot for parent in parents]
    types, range_ = None if tenor_types is None else tuple(tenor_types), delivery and (delivery.start, delivery.end)
    keys = [(each.id, each.story and each.story.id, types, range_) for each in snapshots]
    return points_of_each([each.prices for each in snapshots], tenor_types, delivery, keys)


@strawberry.type(
    description="One version of a curve's prices on an as-of date. It never changes: a correction is a new version."
)
class CurveSnapshot(Node):
    as_of: date = strawberry.field(description="The date the market is looked at from.")
    version: int = strawberry.field(description="Counts the versions of that date in the order Aurum stored them.")
    published_at: datetime = strawberry.field(description="When it became known (UTC): what `knownAt` goes by.")
    recorded_at: datetime = strawberry.field(description="When Aurum stored it (UTC).")
    point_count: int = strawberry.field(description="How many points it has, those in quarantine included.")
    withheld_count: int = strawberry.field(description="How many of its points are in quarantine.")
    author: str | None = strawberry.field(description="Who decided about points of it; null: it is as it was read.")
    reason: str | None = strawberry.field(description="Why they decided so.")
    scenario_run_id: strawberry.ID | None = strawberry.field(
        description="The run of a scenario that has made it of a version; null: it is a version as it was published."
    )
    snapshot: strawberry.Private[model.Snapshot]
    known_at: strawberry.Private[datetime | None] = None

    @strawberry.field(
        description="What its prices are in, as it was known at `knownAt`; null: not known.", metadata=batched()
    )
    async def currency(self, info: Info) -> Currency | None:
        return currency_of((await self._unit(info)).currency)

    @strawberry.field(
        description="What its prices are per, as it was known at `knownAt`; null: not known.", metadata=batched()
    )
    async def unit(self, info: Info) -> Unit | None:
        return unit_of((await self._unit(info)).unit)

    async def _unit(self, info: Info) -> catalogue.UnitAssignment:
        versions = await info.context.load(info.context.metadata.unit_versions, self.snapshot.curve_id)
        return catalogue.unit_known_at(there(versions, "unit"), self.known_at)

    @strawberry.field(description="The curve it is a snapshot of.", metadata=batched())
    async def curve(self, info: Info) -> Curve:
        found = await info.context.load(info.context.metadata.by_id, self.snapshot.curve_id)
        return curve_of(there(found, "curve"))

    @strawberry.field(
        description="When a newer version of the same date became known (UTC); null: it is the newest.",
        metadata=batched(),
    )
    async def superseded_at(self, info: Info) -> datetime | None:
        if self.snapshot.story is not None:
            return None
        return await info.context.load(info.context.curves.superseded_at, self.snapshot.id)

    @strawberry.field(
        description="Its points: months first, then longer periods, each by delivery.",
        metadata=batched(load_points),
        directives=[sized(120)],
    )
    def points(self, info: Info, tenor_types: TenorTypes = None, delivery: Delivery = None) -> Sequence[CurvePoint]:
        return load_points([self], info, tenor_types, delivery)[0]

    @strawberry.field(
        description="The points as parallel lists.",
        metadata={**batched(), **parallel()},
        directives=[weighing(20)],
    )
    def columns(self, tenor_types: TenorTypes = None, delivery: Delivery = None) -> CurveColumns:
        return columns_of(self.snapshot.prices, chosen(self.snapshot.prices.tenors, tenor_types, delivery))

    @strawberry.field(
        description="Strips of these kinds that have a month still to be delivered, as its months make them: in the "
        "order of `granularity`, then by delivery. See docs/moves.md.",
        metadata=batched(),
        directives=[sized(40)],
    )
    async def strips(
        self, info: Info,
        granularity: GranularityArgument, weighting: WeightingArgument = Weighting.EQUAL,
        seasons: SeasonsArgument = Seasons.VENDOR,
    ) -> list[Strip]:  # fmt: skip
        return await strips_of(await months_of(info, self.snapshot, weighting), granularity, seasons)

    @strawberry.field(
        description="The strip of a range of one's own: whole months, at most 600.",
        metadata=batched(),
        directives=[weighing(2)],
    )
    async def strip(self, info: Info, delivery: StripDelivery, weighting: WeightingArgument = Weighting.EQUAL) -> Strip:
        return await strip_of(await months_of(info, self.snapshot, weighting), delivery)

    @strawberry.field(
        description="Its prices in another unit, or a part of its currency such as pence; of another currency see "
        "`derivedCurve`, which takes a rate.",
        metadata=batched(),
    )
    async def converted(
        self, info: Info,
        unit: Annotated[str | None, strawberry.argument(
            description="What prices shall be per: a code of `units`; null: as they are.")] = None,
        currency: Annotated[str | None, strawberry.argument(
            description="What they shall be in: a code of `currencies`; null: as they are.")] = None,
    ) -> ConvertedSnapshot:  # fmt: skip
        return converted_of(self.snapshot.prices, await self._unit(info), currency, unit)

    @strawberry.field(
        description="What was found about it when its file was checked, the worst first.", directives=[sized(20)]
    )
    async def findings(self, info: Info) -> list[Annotated[Finding, strawberry.lazy("aurum.ingestion.graphql")]]:
        found = await info.context.load(info.context.metadata.by_id, self.snapshot.curve_id)
        return await info.context.findings_about(self.snapshot.run_id, there(found, "curve").key)

    @strawberry.field(description="The run that read it; null for what older versions of Aurum loaded.")
    async def run(self, info: Info) -> Annotated[IngestionRun, strawberry.lazy("aurum.ingestion.graphql")] | None:
        run_id = self.snapshot.run_id
        return None if run_id is None else await info.context.ingestion_run(run_id)

    @strawberry.field(
        description="The file it was read from; null for a version that a person made of none.", metadata=batched()
    )
    async def source(self, info: Info) -> Annotated[SourceFile, strawberry.lazy("aurum.ingestion.graphql")] | None:
        file_id = self.snapshot.file_id
        return None if file_id is None else await info.context.source_file(file_id)


@strawberry.type(description="A page of as-of dates of a curve.")
class CurveSnapshotConnection(Connection[CurveSnapshot]):
    pass


async def load_snapshots(
    curves: Sequence[Curve], info: Info, as_of: date | None, known_at: datetime | None, require: Require | None,
    scenario_run: strawberry.ID | None,
) -> list[CurveSnapshot | None]:  # fmt: skip
    run = story_of(scenario_run, as_of, known_at)
    if run is not None:
        if require is not None:
            raise InvalidInput("what a scenario has is not what `require` is about", field="require")
        told = await info.context.scenario_snapshots([(run, curve.row) for curve in curves])
        return [
            None if each is None else snapshot_of(each, each.story.known_at if each.story else None) for each in told
        ]
    if require is not None:
        return list(await asyncio.gather(*(curve.snapshot(info, as_of, known_at, require) for curve in curves)))
    instant, rows, context = instant_of(known_at), [curve.row for curve in curves], info.context
    found = await context.curves.snapshots(
        context.principal, rows, as_of=as_of, known_at=instant, head=await context.head()
    )
    return [snapshot_of(found[row], instant) if row in found else None for row in rows]


async def load_histories(
    curves: Sequence[Curve], info: Info, delivery: DeliveryInput, as_of: DateRange, known_at: datetime | None
) -> list[PriceHistory]:
    period, (first, last), context = period_of(delivery), bounds(as_of), info.context
    found = await context.load_many(
        context.curves.history, [curve.row for curve in curves], delivery=period, first=first, last=last,
        known_at=instant_of(known_at), head=await context.head(),
    )  # fmt: skip
    return [history_of(period, each) for each in found]


async def load_diffs(
    curves: Sequence[Curve], info: Info, start: SnapshotRef, end: SnapshotRef, currency: str | None, unit: str | None,
    fx: str | None,
) -> list[CurveDiff]:  # fmt: skip
    wanted, rows = Wanted(currency, unit, fx), [curve.row for curve in curves]
    if start.scenario_run is not None or end.scenario_run is not None:
        if wanted:
            raise InvalidInput("a difference with what a scenario has is not converted", field="currency")
        return list(await gather_with_cancel(*(told_diff(info, row, start, end) for row in rows)))
    ends = (ref_of(start), ref_of(end))
    found = await info.context.load_many(
        info.context.curves.moves.diffs, rows, start=ends[0], end=ends[1], as_they_are=bool(wanted),
        quotes=bool(wanted) or wants_quotes(info), head=await info.context.head(),
    )  # fmt: skip
    diffs = [each or NO_DIFF for each in found if not isinstance(each, InvalidInput)]
    if len(diffs) < len(found):
        raise next(each for each in found if isinstance(each, InvalidInput))
    pairs = zip(rows, diffs, strict=True)
    if wanted:
        rates = KnownRates()
        return list(await gather_with_cancel(*(_exchanged(info, *pair, ends, wanted, rates) for pair in pairs)))
    return [
        CurveDiff(unconverted=[], diff=diff, curve_id=row, ends=ends, codes=None, face=_end_of) for row, diff in pairs
    ]


async def _exchanged(
    info: Info, row: int, diff: analytics.CurveDiff, ends: tuple[moves.SnapshotRef, moves.SnapshotRef], wanted: Wanted,
    rates: KnownRates,
) -> CurveDiff:  # fmt: skip
    context = info.context
    units = there(await context.load(context.metadata.unit_versions, row), "unit")
    found = await exchanged_diff(diff, units, ends, wanted, partial(LoadedReads, context), rates)
    return _explained(row, found, ends)


def _explained(row: int, found: moves.Explained, ends: tuple[moves.SnapshotRef, moves.SnapshotRef]) -> CurveDiff:
    return CurveDiff(
        unconverted=list(found.unconverted), diff=found.diff, curve_id=row, ends=ends,
        codes=(found.currency, found.unit), face=_end_of,
    )  # fmt: skip


async def _end_of(
    info: Info, end: model.Snapshot | model.Standing | None, known_at: datetime | None
) -> CurveSnapshot | None:  # fmt: skip
    if isinstance(end, model.Standing):
        read = await info.context.load(info.context.curves.snapshots_by_id, end.snapshot_id)
        return snapshot_of(there(read, "snapshot"), known_at)
    return None if end is None else _told_of(end, known_at)


@strawberry.type(description="A forward curve: one product at one place, its price for each delivery period.")
class Curve(Node):
    key: str = strawberry.field(description="Says what the curve is: `eugp:eu/dutch_ttf/gas`. Never changes.")
    legacy_key: str = strawberry.field(
        description="The SHA-256 key of the legacy REST API; several curves may share it."
    )
    name: str = strawberry.field(description="What a trader calls it.")
    vendor: str = strawberry.field(description="Who quotes it: `EUGP`, `RP`, `PW` or `SIMPLE`.")
    asset_class: str = strawberry.field(description="Such as `gas`, `power`, `carbon`.")
    commodity: str = strawberry.field(description="Such as `gas` or `diesel/gasoil`.")
    iso: str | None = strawberry.field(description="The system operator, where the vendor names one.")
    market: str = strawberry.field(description="The vendor's market, such as `EU` or `DA`.")
    region: str | None = strawberry.field(description="The vendor's region.")
    location_name: str = strawberry.field(description="Hub, zone or country, in the vendor's spelling.")
    product: str = strawberry.field(description="In the vendor's spelling.")
    block: str | None = strawberry.field(description="Which hours, in the vendor's spelling; null where it has none.")
    calendar: Calendar | None = strawberry.field(
        description="When it is delivered; null: not known, or not by the hour; never guessed."
    )
    delivery_block: Block | None = strawberry.field(
        description="Its block by its calendar; null: not known, and its strips are not weighted by hours."
    )
    measure: Measure = strawberry.field(description="What the numbers are.")
    leg_name: str | None = strawberry.field(description="The gas leg of a spark spread, in the vendor's spelling.")
    currency: Currency | None = strawberry.field(description="What prices are in; null: not known, never guessed.")
    unit: Unit | None = strawberry.field(description="What prices are per; null: not known, never guessed.")
    attributes: list[Attribute] = strawberry.field(
        description="What else the vendor's texts say.", directives=[sized(3)]
    )
    created_at: datetime = strawberry.field(description="When Aurum first saw it (UTC).")
    row: strawberry.Private[int]
    location_key: strawberry.Private[str | None]

    @strawberry.field(description="Where it is; null: not known, or of no place.", metadata=batched())
    def location(
        self, info: Info
    ) -> Annotated[Location, strawberry.lazy("aurum.curves.graphql.locations")] | None:  # fmt: skip
        return None if self.location_key is None else info.context.location(self.location_key)

    @strawberry.field(description="The gas curve that a spark spread is taken against.", metadata=batched())
    async def leg(self, info: Info) -> Curve | None:
        if self.leg_name is None:
            return None
        found = await info.context.load(info.context.metadata.legs, (self.vendor, self.leg_name))
        return None if found is None else curve_of(found)

    @strawberry.field(
        description="Every version of its currency and unit, oldest first.", metadata=batched(), directives=[sized(5)]
    )
    async def unit_versions(self, info: Info) -> list[UnitVersion]:
        found = await info.context.load(info.context.metadata.unit_versions, self.row)
        return [unit_version_of(version) for version in found or ()]

    @strawberry.field(
        description="Who has looked at it last; null: nobody yet, it is on the review list.", metadata=batched()
    )
    async def review(self, info: Info) -> CurveReview | None:
        found = await info.context.load(info.context.metadata.reviews, self.row)
        return None if found is None else review_of(found)

    @strawberry.field(description="Its first as-of date with prices; null before the first load.", metadata=batched())
    async def first_as_of(self, info: Info, known_at: KnownAt = None) -> date | None:
        coverage = await self._coverage(info, known_at)
        return None if coverage is None else coverage.first_as_of

    @strawberry.field(description="Its newest as-of date with prices.", metadata=batched())
    async def last_as_of(self, info: Info, known_at: KnownAt = None) -> date | None:
        coverage = await self._coverage(info, known_at)
        return None if coverage is None else coverage.last_as_of

    @strawberry.field(description="On how many as-of dates it has prices.", metadata=batched())
    async def as_of_count(self, info: Info, known_at: KnownAt = None) -> int:
        coverage = await self._coverage(info, known_at)
        return 0 if coverage is None else coverage.count

    async def _coverage(self, info: Info, known_at: datetime | None) -> model.Coverage | None:
        return await info.context.load(info.context.curves.coverage, self.row, known_at=instant_of(known_at))

    @strawberry.field(
        description="Its prices: the newest as-of date on or before `asOf`, as known at `knownAt`.",
        metadata=batched(load_snapshots),
    )
    async def snapshot(
        self, info: Info, as_of: AsOf = None, known_at: KnownAt = None, require: Required = None,
        scenario_run: InScenario = None,
    ) -> CurveSnapshot | None:  # fmt: skip
        if scenario_run is not None:
            return (await load_snapshots([self], info, as_of, known_at, require, scenario_run))[0]
        instant = instant_of(known_at)
        found = await info.context.load(info.context.curves.snapshots, self.row, as_of=as_of, known_at=instant)
        if found is not None and require is not None:
            found = await trusted(info, found, require, as_of, instant)
        return None if found is None else snapshot_of(found, instant)

    @strawberry.field(
        description="Its as-of dates with prices, oldest first, each as known at `knownAt`.",
        metadata=batched(),
        directives=[PAGED],
    )
    async def snapshots(
        self, info: Info,
        as_of: Annotated[DateRange, strawberry.argument(description="Which as-of dates.")],
        known_at: KnownAt = None, first: First = None, after: After = None, last: Last = None, before: Before = None,
    ) -> CurveSnapshotConnection:  # fmt: skip
        order = f"snapshots {self.row}"
        request = page_request(order, MOST, first, after, last, before)
        instant = instant_of(known_at)
        page = await _days_page(info, self.row, as_of, instant, request)
        return connection(CurveSnapshotConnection, order, page, lambda found: snapshot_of(found, instant))  # type: ignore[no-any-return]

    @strawberry.field(
        description="What one delivery period was priced at: a point for each as-of date that has it.",
        metadata=batched(load_histories),
    )
    async def history(
        self, info: Info,
        delivery: Annotated[DeliveryInput, strawberry.argument(description="Which delivery period, exactly.")],
        as_of: Annotated[DateRange, strawberry.argument(description="Which as-of dates.")],
        known_at: KnownAt = None,
    ) -> PriceHistory:  # fmt: skip
        return (await load_histories([self], info, delivery, as_of, known_at))[0]

    @strawberry.field(
        description="What a contract that rolls was priced at, for each as-of date: the front month, the next calendar "
        "year, always as many days ahead. Says by which rule it rolls, and marks when.",
        metadata=batched(),
    )
    async def rolling_history(
        self, info: Info,
        contract: Annotated[RollingInput, strawberry.argument(description="Which contract, and when it rolls.")],
        as_of: Annotated[DateRange, strawberry.argument(description="Which as-of dates: at most 5000.")],
        known_at: KnownAt = None,
    ) -> RollingHistory:  # fmt: skip
        rule, (first, last), moves = rule_of(contract), bounds(as_of), info.context.curves.moves
        found = await info.context.load(
            moves.rolling, self.row, rule=rule, first=first, last=last, known_at=instant_of(known_at)
        )
        return rolling_of(rule, found)

    @strawberry.field(
        description="What moved between two snapshots of it, any two, and why: a full outer join by delivery.",
        metadata=batched(load_diffs),
    )
    async def diff(
        self, info: Info, start: From, end: To,
        currency: Annotated[str | None, strawberry.argument(
            description="What numbers shall be in: a code of `currencies`; another one takes `fx`.")] = None,
        unit: Annotated[str | None, strawberry.argument(
            description="What they shall be per: a code of `units`; null: as it is known later.")] = None,
        fx: Annotated[str | None, strawberry.argument(
            description="The exchange rate, with its currencies: `1.08 USD/EUR`, or an expression of one, which is "
            "read as of the day of each end.")] = None,
    ) -> CurveDiff:  # fmt: skip
        return (await load_diffs([self], info, start, end, currency, unit, fx))[0]

    @strawberry.field(
        description="Every version of one as-of date, the newest known first.",
        metadata=batched(),
        directives=[sized(5)],
    )
    async def versions(
        self, info: Info, as_of: Annotated[date, strawberry.argument(description="Exactly this as-of date.")]
    ) -> list[CurveSnapshot]:
        found = await info.context.load(info.context.curves.versions, (self.row, as_of))
        return [snapshot_of(snapshot) for snapshot in found or ()]


async def told_diff(info: Info, row: int, start: SnapshotRef, end: SnapshotRef) -> CurveDiff:
    """Where one of the ends is what a run of a scenario has."""
    context = info.context

    async def read(ref: SnapshotRef, run: int | None) -> model.Snapshot | None:
        if run is not None:
            return await context.scenario_snapshot(run, row)
        known_at = instant_of(ref.known_at)
        return await context.load(context.curves.snapshots, row, as_of=ref.as_of, known_at=known_at)

    runs = [story_of(ref.scenario_run, ref.as_of, ref.known_at) for ref in (start, end)]
    # One after the other: where one is refused, nobody would wait for the other.
    old, new = await read(start, runs[0]), await read(end, runs[1])
    ends = [moves.SnapshotRef(ref.as_of, instant_of(ref.known_at)) for ref in (start, end)]
    units = there(await context.load(context.metadata.unit_versions, row), "curve")
    explained = await asyncio.to_thread(moves.explained_between, units, (ends[0], ends[1]), (old, new))
    return _explained(row, explained, (ends[0], ends[1]))


def _told_of(snapshot: model.Snapshot, known_at: datetime | None) -> CurveSnapshot:
    """What a scenario has is in the unit that was known when its run was queued."""
    return snapshot_of(snapshot, snapshot.story.known_at if snapshot.story else known_at)


async def _days_page(
    info: Info, curve_id: int, days: DateRange, known_at: datetime | None, request: PageRequest
) -> Page[model.Snapshot]:
    first, last = bounds(days)
    if request.position is not None:
        cut = _day_of(request.position)
        if request.backward:
            last = min(last, cut - timedelta(days=1))
        else:
            first = max(first, cut + timedelta(days=1))
    found = await info.context.load(
        info.context.curves.series,
        curve_id,
        first=first,
        last=last,
        known_at=known_at,
        limit=request.limit + 1,
        descending=request.backward,
    )
    items = list(found or ())[: request.limit]
    ends = len(found or ()) > request.limit, request.position is not None
    if request.backward:
        items.reverse()
    has_next, has_previous = ends[::-1] if request.backward else ends
    return Page(items, [(item.as_of,) for item in items], has_next, has_previous)


def _day_of(position: Position) -> date:
    """Raises InvalidCursor for what is not the position of a day, and for the first and the last one of all."""
    match position:
        case (date() as day,) if type(day) is date and date.min < day < date.max:
            return day
    raise InvalidCursor("not a cursor of this list")


@lru_cache(maxsize=8192)
def curve_of(curve: catalogue.Curve) -> Curve:
    identity = curve.identity
    calendar, block = calendar_of(identity), block_of(identity)
    return Curve(
        id=node_id("Curve", curve.id), row=curve.id, key=curve.key, legacy_key=curve.legacy_key, name=curve.name,
        vendor=identity.vendor, asset_class=curve.asset_class, commodity=curve.commodity, iso=identity.iso,
        market=identity.market, region=curve.region, location_name=identity.location, product=identity.product,
        block=identity.block, calendar=calendar_face(calendar) if calendar else None,
        delivery_block=block_face(calendar, block) if calendar and block else None,
        measure=identity.measure, leg_name=identity.leg, currency=currency_of(curve.currency),
        unit=unit_of(curve.unit), attributes=[Attribute(name=name, value=value) for name, value in curve.attributes],
        created_at=curve.created_at, location_key=curve.location_key,
    )  # fmt: skip


def snapshot_of(snapshot: model.Snapshot, known_at: datetime | None = None) -> CurveSnapshot:
    if known_at is not None:
        return _snapshot_of(snapshot, known_at)
    found: CurveSnapshot | None = snapshot.made.get("snapshot")
    if found is None:
        found = snapshot.made["snapshot"] = _snapshot_of(snapshot, None)
    return found


def _snapshot_of(snapshot: model.Snapshot, known_at: datetime | None) -> CurveSnapshot:
    story = snapshot.story
    return CurveSnapshot(
        id=node_id("ScenarioSnapshot", story.id) if story else node_id("CurveSnapshot", snapshot.id),
        scenario_run_id=node_id("ScenarioRun", story.run_id) if story else None,
        as_of=snapshot.as_of, version=snapshot.version,
        published_at=snapshot.published_at, recorded_at=snapshot.recorded_at,
        point_count=len(snapshot.prices.tenors), withheld_count=len(snapshot.prices.withheld),
        author=snapshot.author, reason=snapshot.reason, snapshot=snapshot, known_at=known_at,
    )  # fmt: skip
