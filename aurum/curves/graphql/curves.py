"""Curves and their snapshots."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated

import strawberry

from aurum.backends.paging import Page, PageRequest, Position
from aurum.curves import model
from aurum.curves.graphql.arguments import (
    AsOf,
    DateRange,
    From,
    Info,
    InScenario,
    KnownAt,
    To,
    bounds,
    instant_of,
    story_of,
)
from aurum.curves.graphql.comparing import load_diffs
from aurum.curves.graphql.diffs import CurveDiff
from aurum.curves.graphql.history import PriceHistory, history_of
from aurum.curves.graphql.rolling import RollingHistory, RollingInput, rolling_of, rule_of
from aurum.curves.graphql.snapshots import CurveSnapshot, CurveSnapshotConnection, snapshot_of
from aurum.curves.graphql.trust import Require, Required, trusted
from aurum.errors import InvalidCursor, InvalidInput
from aurum.graphql.columnar.plans import batched
from aurum.graphql.connections import After, Before, First, Last, connection, page_request
from aurum.graphql.ids import node_id
from aurum.graphql.nodes import Node
from aurum.graphql.sizes import PAGED, sized
from aurum.market.identity import Measure
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
        request = page_request(order, first, after, last, before)
        instant = instant_of(known_at)
        page = await _days_page(info, self.row, as_of, instant, request)
        return connection(CurveSnapshotConnection, order, page, lambda found: snapshot_of(found, instant))

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
