"""The GraphQL face of curves and their prices."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import numpy as np
import strawberry
from numpy.typing import NDArray

from aurum.auth import Principal
from aurum.backends.paging import Page, PageRequest
from aurum.curves import model
from aurum.curves.service import CURVE_RESTATED, CurveService
from aurum.errors import InvalidCursor, InvalidInput, NotFound
from aurum.graphql.connections import After, Before, Connection, First, Last, connection, page_request
from aurum.graphql.enums import publish_enum
from aurum.graphql.nodes import Node, node_id, row_of
from aurum.market.identity import Measure
from aurum.market.periods import TenorType
from aurum.metadata import model as catalogue
from aurum.metadata.graphql import (
    Attribute,
    Currency,
    CurveFilter,
    CurveOrder,
    Problem,
    Unit,
    UnitVersion,
    currency_of,
    filter_of,
    order_of,
    problem_of,
    unit_of,
    unit_version_of,
)
from aurum.metadata.model import Dimension
from aurum.metadata.service import MetadataService

if TYPE_CHECKING:
    from aurum.ingestion.graphql import Finding, IngestionRun, SourceFile

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_MOST = 500
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2200, 1, 1)


class CurveContext(Protocol):
    """What these fields need of a request. `load` batches the calls of one operation."""

    @property
    def principal(self) -> Principal: ...
    @property
    def metadata(self) -> MetadataService: ...
    @property
    def curves(self) -> CurveService: ...
    def renew(self) -> None: ...
    async def source_file(self, file_id: int) -> SourceFile | None: ...
    async def ingestion_run(self, run_id: int) -> IngestionRun | None: ...
    async def findings_about(self, run_id: int | None, curve_key: str) -> list[Finding]: ...
    async def missing_days(
        self, vendors: list[str], first: date, last: date, at: datetime | None
    ) -> dict[date, list[str]]: ...
    def load(
        self, batch: Callable[..., Awaitable[Mapping[K, V]]], key: K, **arguments: Hashable
    ) -> Awaitable[V | None]: ...


Info = strawberry.Info[CurveContext, None]
publish_enum(
    TenorType,
    "What kind of delivery period a tenor is.",
    {
        "MONTH": "A calendar month.",
        "QUARTER": "Three months from January, April, July or October.",
        "SEASON": "A summer or a winter, as the vendor delimits it.",
        "CALENDAR": "A calendar year.",
        "BALANCE": "What is left of a calendar year.",
    },
)


@strawberry.input(description="As-of dates from `first` to `last`, both included; an open end is null.")
class DateRange:
    first: date | None = strawberry.field(default=None, description="The first date.")
    last: date | None = strawberry.field(default=None, description="The last date.")


@strawberry.input(description="Delivery within a half-open range: from `start` on, ending by `end`.")
class DeliveryRange:
    start: date | None = strawberry.field(default=None, description="The first day of delivery; null: any.")
    end: date | None = strawberry.field(default=None, description="The day after the last; null: any.")


TenorTypes = Annotated[list[TenorType] | None, strawberry.argument(description="Any of these kinds; null: all.")]
Delivery = Annotated[DeliveryRange | None, strawberry.argument(description="Only periods within; null: all.")]
AsOf = Annotated[
    date | None,
    strawberry.argument(description="The newest as-of date on or before this one; null: the newest."),
]
KnownAt = Annotated[
    datetime | None,
    strawberry.argument(description="As it was known at this instant; null: as it is known now."),
]
Filter = Annotated[CurveFilter | None, strawberry.argument(description="Which curves; null: all.")]


@strawberry.type(description="A point of a curve: the prices of one delivery period, in the curve's currency and unit.")
class CurvePoint:
    tenor: str = strawberry.field(description="The market's label: months as `2025-06`, else the vendor's text.")
    tenor_type: TenorType = strawberry.field(description="What kind of period it is.")
    delivery_start: date = strawberry.field(description="The first day of delivery.")
    delivery_end: date = strawberry.field(description="The day after the last day of delivery.")
    mid: float | None = strawberry.field(description="The vendor's mid, never computed; null where none is quoted.")
    bid: float | None = strawberry.field(description="Null where none is quoted.")
    ask: float | None = strawberry.field(description="Null where none is quoted.")
    cell: str | None = strawberry.field(description="Where the mid stands in the file: `Fixed Prices - Mid!D12`.")
    quote_cell: str | None = strawberry.field(description="Where bid and ask stand in the file.")
    withheld: bool = strawberry.field(
        description="Whether it is in quarantine: the file has a number that is not served until somebody decides."
    )


@strawberry.type(description="A point that has a price, with the curve and the as-of date it is of.")
class Quote(CurvePoint):
    curve: Curve = strawberry.field(description="The curve.")
    as_of: date = strawberry.field(description="The date the market is looked at from.")
    label: str = strawberry.field(description="The tenor in one spelling: `2025-06`, `Q2 2025`, `Calendar 2025`.")


@strawberry.type(description="The points of a curve as parallel lists: the same numbers, less to carry.")
class CurveColumns:
    tenor: list[str] = strawberry.field(description="See `CurvePoint.tenor`.")
    tenor_type: list[TenorType] = strawberry.field(description="See `CurvePoint.tenorType`.")
    delivery_start: list[date] = strawberry.field(description="See `CurvePoint.deliveryStart`.")
    delivery_end: list[date] = strawberry.field(description="See `CurvePoint.deliveryEnd`.")
    mid: list[float | None] = strawberry.field(description="See `CurvePoint.mid`.")
    bid: list[float | None] = strawberry.field(description="See `CurvePoint.bid`.")
    ask: list[float | None] = strawberry.field(description="See `CurvePoint.ask`.")


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
    snapshot: strawberry.Private[model.Snapshot]
    known_at: strawberry.Private[datetime | None] = None

    @strawberry.field(description="What its prices are in, as it was known at `knownAt`; null: not known.")
    async def currency(self, info: Info) -> Currency | None:
        return currency_of((await self._unit(info)).currency)

    @strawberry.field(description="What its prices are per, as it was known at `knownAt`; null: not known.")
    async def unit(self, info: Info) -> Unit | None:
        return unit_of((await self._unit(info)).unit)

    async def _unit(self, info: Info) -> catalogue.UnitAssignment:
        versions = await info.context.load(info.context.metadata.unit_versions, self.snapshot.curve_id)
        return catalogue.unit_known_at(_there(versions, "unit"), self.known_at)

    @strawberry.field(description="The curve it is a snapshot of.")
    async def curve(self, info: Info) -> Curve:
        found = await info.context.load(info.context.metadata.by_id, self.snapshot.curve_id)
        return curve_of(_there(found, "curve"))

    @strawberry.field(description="When a newer version of the same date became known (UTC); null: it is the newest.")
    async def superseded_at(self, info: Info) -> datetime | None:
        return await info.context.load(info.context.curves.superseded_at, self.snapshot.id)

    @strawberry.field(description="Its points: months first, then longer periods, each by delivery.")
    def points(self, tenor_types: TenorTypes = None, delivery: Delivery = None) -> list[CurvePoint]:
        return points_of(self.snapshot.prices, _chosen(self.snapshot.prices, tenor_types, delivery))

    @strawberry.field(description="The points as parallel lists.")
    def columns(self, tenor_types: TenorTypes = None, delivery: Delivery = None) -> CurveColumns:
        return _columns(self.snapshot.prices, _chosen(self.snapshot.prices, tenor_types, delivery))

    @strawberry.field(description="What was found about it when its file was checked, the worst first.")
    async def findings(self, info: Info) -> list[Annotated[Finding, strawberry.lazy("aurum.ingestion.graphql")]]:
        found = await info.context.load(info.context.metadata.by_id, self.snapshot.curve_id)
        return await info.context.findings_about(self.snapshot.run_id, _there(found, "curve").key)

    @strawberry.field(description="The run that read it; null for what older versions of Aurum loaded.")
    async def run(self, info: Info) -> Annotated[IngestionRun, strawberry.lazy("aurum.ingestion.graphql")] | None:
        run_id = self.snapshot.run_id
        return None if run_id is None else await info.context.ingestion_run(run_id)

    @strawberry.field(description="The file it was read from; null for a version that a person made of none.")
    async def source(self, info: Info) -> Annotated[SourceFile, strawberry.lazy("aurum.ingestion.graphql")] | None:
        file_id = self.snapshot.file_id
        return None if file_id is None else await info.context.source_file(file_id)


@strawberry.type(description="A page of as-of dates of a curve.")
class CurveSnapshotConnection(Connection[CurveSnapshot]):
    pass


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
    measure: Measure = strawberry.field(description="What the numbers are.")
    leg_name: str | None = strawberry.field(description="The gas leg of a spark spread, in the vendor's spelling.")
    currency: Currency | None = strawberry.field(description="What prices are in; null: not known, never guessed.")
    unit: Unit | None = strawberry.field(description="What prices are per; null: not known, never guessed.")
    attributes: list[Attribute] = strawberry.field(description="What else the vendor's texts say.")
    created_at: datetime = strawberry.field(description="When Aurum first saw it (UTC).")
    row: strawberry.Private[int]

    @strawberry.field(description="The gas curve that a spark spread is taken against.")
    async def leg(self, info: Info) -> Curve | None:
        if self.leg_name is None:
            return None
        found = await info.context.load(info.context.metadata.legs, (self.vendor, self.leg_name))
        return None if found is None else curve_of(found)

    @strawberry.field(description="Every version of its currency and unit, oldest first.")
    async def unit_versions(self, info: Info) -> list[UnitVersion]:
        found = await info.context.load(info.context.metadata.unit_versions, self.row)
        return [unit_version_of(version) for version in found or ()]

    @strawberry.field(description="Its first as-of date; null before the first load.")
    async def first_as_of(self, info: Info, known_at: KnownAt = None) -> date | None:
        coverage = await self._coverage(info, known_at)
        return None if coverage is None else coverage.first_as_of

    @strawberry.field(description="Its newest as-of date.")
    async def last_as_of(self, info: Info, known_at: KnownAt = None) -> date | None:
        coverage = await self._coverage(info, known_at)
        return None if coverage is None else coverage.last_as_of

    @strawberry.field(description="On how many as-of dates it has prices.")
    async def as_of_count(self, info: Info, known_at: KnownAt = None) -> int:
        coverage = await self._coverage(info, known_at)
        return 0 if coverage is None else coverage.count

    async def _coverage(self, info: Info, known_at: datetime | None) -> model.Coverage | None:
        return await info.context.load(info.context.curves.coverage, self.row, known_at=_instant(known_at))

    @strawberry.field(description="Its prices: the newest as-of date on or before `asOf`, as known at `knownAt`.")
    async def snapshot(self, info: Info, as_of: AsOf = None, known_at: KnownAt = None) -> CurveSnapshot | None:
        instant = _instant(known_at)
        found = await info.context.load(info.context.curves.snapshots, self.row, as_of=as_of, known_at=instant)
        return None if found is None else snapshot_of(found, instant)

    @strawberry.field(description="Its as-of dates with prices, oldest first, each as known at `knownAt`.")
    async def snapshots(
        self, info: Info,
        as_of: Annotated[DateRange, strawberry.argument(description="Which as-of dates.")],
        known_at: KnownAt = None, first: First = None, after: After = None,
    ) -> CurveSnapshotConnection:  # fmt: skip
        order = f"snapshots {self.row}"
        request = page_request(order, _MOST, first, after)
        instant = _instant(known_at)
        page = await _days_page(info, self.row, as_of, instant, request)
        return connection(CurveSnapshotConnection, order, page, lambda found: snapshot_of(found, instant))  # type: ignore[no-any-return]

    @strawberry.field(description="Every version of one as-of date, the newest known first.")
    async def versions(
        self, info: Info, as_of: Annotated[date, strawberry.argument(description="Exactly this as-of date.")]
    ) -> list[CurveSnapshot]:
        found = await info.context.load(info.context.curves.versions, (self.row, as_of))
        return [snapshot_of(snapshot) for snapshot in found or ()]


@strawberry.type(description="A page of curves.")
class CurveConnection(Connection[Curve]):
    wanted: strawberry.Private[catalogue.CurveFilter]

    @strawberry.field(description="How many curves fit, on all pages.")
    async def total_count(self, info: Info) -> int:
        return await info.context.metadata.count(info.context.principal, self.wanted)


@strawberry.type(description="A page of points of many curves.")
class QuoteConnection(Connection[Quote]):
    pass


@strawberry.type(description="An as-of date with prices, or without where a file is missing, and how complete it is.")
class AsOfDay:
    as_of: date = strawberry.field(description="The date.")
    curve_count: int = strawberry.field(description="How many of the chosen curves have prices on it.")
    known_curve_count: int = strawberry.field(description="How many of them had been quoted by then at least once.")
    completeness: float = strawberry.field(description="The one divided by the other: 1 where none is missing.")
    last_published_at: datetime | None = strawberry.field(
        description="When its newest version became known (UTC); null where there are no prices."
    )
    missing_vendors: list[str] = strawberry.field(
        description="Whose file is expected for this date, and has not come in time."
    )


@strawberry.type(description="A version of a curve was published or restated.")
class CurveEvent:
    cursor: str = strawberry.field(description="Pass it as `after` to go on behind this event.")
    restated: bool = strawberry.field(description="Whether the as-of date had been known before.")
    as_of: date = strawberry.field(description="The as-of date.")
    version: int = strawberry.field(description="The new version.")
    occurred_at: datetime = strawberry.field(description="When Aurum stored it (UTC).")
    curve_row: strawberry.Private[int]

    @strawberry.field(description="The curve.")
    async def curve(self, info: Info) -> Curve:
        return curve_of(_there(await info.context.load(info.context.metadata.by_id, self.curve_row), "curve"))

    @strawberry.field(description="The new version; whether it is the newest known, `supersededAt` tells.")
    async def snapshot(self, info: Info) -> CurveSnapshot | None:
        found = await info.context.load(info.context.curves.versions, (self.curve_row, self.as_of))
        mine = next((snapshot for snapshot in found or () if snapshot.version == self.version), None)
        return None if mine is None else snapshot_of(mine)


@strawberry.input(description="What a curve is priced in.")
class SetUnitInput:
    curve_id: strawberry.ID = strawberry.field(description="The curve.")
    currency: str | None = strawberry.field(default=None, description="A code of `currencies`; null: not known.")
    unit: str | None = strawberry.field(default=None, description="A code of `units`; null: not known.")
    reason: str = strawberry.field(description="Why; kept with the version.")


@strawberry.type(description="The changed curve, or what was wrong.")
class SetUnitPayload:
    curve: Curve | None = strawberry.field(description="Null where there are problems.")
    problems: list[Problem] = strawberry.field(description="Empty where it worked.")


@strawberry.type
class CurveQuery:
    @strawberry.field(description="One curve, by its id or its key; null where there is none.")
    async def curve(
        self, info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id.")] = None,
        key: Annotated[str | None, strawberry.argument(
            description="Its key, such as `eugp:eu/dutch_ttf/gas`, or its legacy SHA-256 key.")] = None,
    ) -> Curve | None:  # fmt: skip
        if (id is None) == (key is None):
            raise InvalidInput("give `id` or `key`")
        context = info.context
        if id is not None:
            found = await context.load(context.metadata.by_id, row_of(id, "Curve"))
        else:
            found = await context.load(context.metadata.by_key, key or "")
        return None if found is None else curve_of(found)

    @strawberry.field(description="Curves of the catalogue.")
    async def curves(
        self, info: Info, filter: Filter = None,
        search: Annotated[str | None, strawberry.argument(
            description="Words that all occur in key, name or description, anywhere, in any case.")] = None,
        order_by: Annotated[list[CurveOrder] | None, strawberry.argument(
            description="How to sort; null: by key. Ties are sorted by key.")] = None,
        first: First = None, after: After = None, last: Last = None, before: Before = None,
    ) -> CurveConnection:  # fmt: skip
        wanted, order = filter_of(filter, search), order_of(order_by)
        name = "curves " + ",".join(f"{'-' if term.descending else ''}{term.field}" for term in order)
        request = page_request(name, _MOST, first, after, last, before)
        page = await info.context.metadata.curves(info.context.principal, wanted, order, request)
        return connection(CurveConnection, name, page, curve_of, wanted=wanted)  # type: ignore[no-any-return]

    @strawberry.field(
        description="Points with a price, of many curves: by legacy key, label, start of delivery and as-of date."
    )
    async def quotes(
        self, info: Info, filter: Filter = None,
        as_of: Annotated[date | None, strawberry.argument(
            description="Exactly this as-of date; null: the newest quote of each curve and label.")] = None,
        known_at: KnownAt = None, tenor_types: TenorTypes = None,
        one_per_legacy_key: Annotated[bool, strawberry.argument(
            description="Of curves that share a legacy key only the first, by the configured order of vendors; the "
            "filter does not change which one.")] = False,
        offset: Annotated[int, strawberry.argument(
            description="Skips so many more. They are read all the same: prefer cursors.")] = 0,
        first: First = None, after: After = None, last: Last = None, before: Before = None,
    ) -> QuoteConnection:  # fmt: skip
        if offset < 0:
            raise InvalidInput("`offset` is not negative", field="offset")
        request = page_request("quotes", _MOST, first, after, last, before)
        page = await info.context.curves.quotes(
            info.context.principal, filter_of(filter), request, as_of=as_of, known_at=_instant(known_at),
            tenor_types=tenor_types, one_per_legacy_key=one_per_legacy_key, offset=offset,
        )  # fmt: skip
        curves = {quote.curve.id: curve_of(quote.curve) for quote in page.items}
        return connection(  # type: ignore[no-any-return]
            QuoteConnection, "quotes", page, lambda quote: _quote_of(quote, curves[quote.curve.id])
        )

    @strawberry.field(
        description="As-of dates on which the chosen curves have prices, or should have; oldest first."
    )
    async def as_of_dates(
        self, info: Info, filter: Filter = None,
        range: Annotated[DateRange | None, strawberry.argument(description="Which dates; null: all.")] = None,
        known_at: KnownAt = None,
    ) -> list[AsOfDay]:  # fmt: skip
        first, last = _bounds(range)
        context = info.context
        wanted, at = filter_of(filter), _instant(known_at)
        days = await context.curves.as_of_days(context.principal, wanted, first, last, known_at=at)
        vendors = await context.metadata.dimensions(context.principal, wanted, {Dimension.VENDOR}, "", _MOST)
        missing = await context.missing_days([each.value for each in vendors], first, last, at)
        return as_of_days_of(days, missing)


@strawberry.type
class CurveMutation:
    @strawberry.mutation(description="Says what a curve is priced in: a new version, with who and why.")
    async def set_unit(
        self, info: Info, input: Annotated[SetUnitInput, strawberry.argument(description="Curve and unit.")]
    ) -> SetUnitPayload:
        context = info.context
        try:
            curve = await context.metadata.set_unit(
                context.principal, row_of(input.curve_id, "Curve"), input.currency, input.unit, input.reason
            )
        except InvalidInput as error:
            return SetUnitPayload(curve=None, problems=[problem_of(error)])
        return SetUnitPayload(curve=curve_of(curve), problems=[])


@strawberry.type
class CurveSubscription:
    @strawberry.subscription(description="Each version of a curve as it is published or restated, once and in order.")
    async def curve_published(
        self, info: Info, filter: Filter = None,
        after: Annotated[str | None, strawberry.argument(
            description="The cursor of the last event seen: what came since is sent first. Null: from now on.")] = None,
    ) -> AsyncGenerator[CurveEvent, None]:  # fmt: skip
        context, wanted = info.context, filter_of(filter)
        async for event in context.curves.events(context.principal, event_cursor(after)):
            context.renew()
            if filter is None or await context.metadata.matches(context.principal, wanted, event.payload["curve_id"]):
                yield CurveEvent(
                    cursor=str(event.cursor), restated=event.type == CURVE_RESTATED,
                    as_of=date.fromisoformat(event.payload["as_of"]), version=event.payload["version"],
                    occurred_at=event.occurred_at, curve_row=event.payload["curve_id"],
                )  # fmt: skip


def as_of_days_of(days: Sequence[model.AsOfDay], missing: Mapping[date, list[str]]) -> list[AsOfDay]:
    """Days with prices and those on which a file is missing, in order."""
    found = {
        day.as_of: AsOfDay(
            as_of=day.as_of, curve_count=day.curves, known_curve_count=day.known_curves,
            completeness=day.curves / day.known_curves, last_published_at=day.last_published_at,
            missing_vendors=missing.get(day.as_of, []),
        )
        for day in days
    }  # fmt: skip
    for as_of in missing.keys() - found.keys():
        known = max((day.known_curves for day in days if day.as_of < as_of), default=0)
        found[as_of] = AsOfDay(
            as_of=as_of, curve_count=0, known_curve_count=known, completeness=0.0, last_published_at=None,
            missing_vendors=missing[as_of],
        )  # fmt: skip
    return [found[as_of] for as_of in sorted(found)]


async def _days_page(
    info: Info, curve_id: int, days: DateRange, known_at: datetime | None, request: PageRequest
) -> Page[model.Snapshot]:
    first, last = _bounds(days)
    if request.position is not None:
        (before,) = request.position
        if not isinstance(before, date):
            raise InvalidCursor("not a cursor of this list")
        first = max(first, before + timedelta(days=1))
    found = await info.context.load(
        info.context.curves.series,
        curve_id,
        first=first,
        last=last,
        known_at=known_at,
        limit=request.limit + 1,
    )
    items = list(found or ())[: request.limit]
    more = len(found or ()) > request.limit
    return Page(items, [(item.as_of,) for item in items], more, request.position is not None)


def event_cursor(text: str | None) -> int | None:
    """Raises InvalidCursor for what is not the cursor of an event."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidCursor("not the cursor of an event", hint="Use the `cursor` of the last event you have seen.")
    return int(text)


def curve_of(curve: catalogue.Curve) -> Curve:
    identity = curve.identity
    return Curve(
        id=node_id("Curve", curve.id), row=curve.id, key=curve.key, legacy_key=curve.legacy_key, name=curve.name,
        vendor=identity.vendor, asset_class=curve.asset_class, commodity=curve.commodity, iso=identity.iso,
        market=identity.market, region=curve.region, location_name=identity.location, product=identity.product,
        block=identity.block, measure=identity.measure, leg_name=identity.leg, currency=currency_of(curve.currency),
        unit=unit_of(curve.unit), attributes=[Attribute(name=name, value=value) for name, value in curve.attributes],
        created_at=curve.created_at,
    )  # fmt: skip


def snapshot_of(snapshot: model.Snapshot, known_at: datetime | None = None) -> CurveSnapshot:
    return CurveSnapshot(
        id=node_id("CurveSnapshot", snapshot.id), as_of=snapshot.as_of, version=snapshot.version,
        published_at=snapshot.published_at, recorded_at=snapshot.recorded_at,
        point_count=len(snapshot.prices.tenors), withheld_count=len(snapshot.prices.withheld),
        author=snapshot.author, reason=snapshot.reason, snapshot=snapshot, known_at=known_at,
    )  # fmt: skip


def points_of(prices: model.CurvePrices, chosen: list[int]) -> list[CurvePoint]:
    mid, bid, ask = _numbers(prices.mid, chosen), _numbers(prices.bid, chosen), _numbers(prices.ask, chosen)
    mid_cells, quote_cells, withheld = prices.mid_cells, prices.quote_cells, set(prices.withheld)
    return [
        CurvePoint(
            tenor=tenor.label, tenor_type=tenor.type, delivery_start=tenor.period.start,
            delivery_end=tenor.period.end, mid=mid[n], bid=bid[n], ask=ask[n],
            cell=mid_cells.address(place) if mid_cells else None,
            quote_cell=quote_cells.address(place) if quote_cells else None, withheld=place in withheld,
        )
        for n, (place, tenor) in enumerate((place, prices.tenors[place]) for place in chosen)
    ]  # fmt: skip


def _quote_of(quote: model.Quote, curve: Curve) -> Quote:
    (point,) = points_of(quote.snapshot.prices, [quote.place])
    return Quote(**vars(point), curve=curve, as_of=quote.snapshot.as_of, label=quote.label)


def _columns(prices: model.CurvePrices, chosen: list[int]) -> CurveColumns:
    tenors = [prices.tenors[place] for place in chosen]
    return CurveColumns(
        tenor=[tenor.label for tenor in tenors],
        tenor_type=[tenor.type for tenor in tenors],
        delivery_start=[tenor.period.start for tenor in tenors],
        delivery_end=[tenor.period.end for tenor in tenors],
        mid=_numbers(prices.mid, chosen),
        bid=_numbers(prices.bid, chosen),
        ask=_numbers(prices.ask, chosen),
    )


def _chosen(prices: model.CurvePrices, types: list[TenorType] | None, delivery: DeliveryRange | None) -> list[int]:
    start, end = (delivery.start, delivery.end) if delivery else (None, None)
    return [
        place
        for place, tenor in enumerate(prices.tenors)
        if (types is None or tenor.type in types)
        and (start is None or tenor.period.start >= start)
        and (end is None or tenor.period.end <= end)
    ]


def _numbers(side: NDArray[np.float64] | None, chosen: list[int]) -> list[float | None]:
    if side is None:
        return [None] * len(chosen)
    return [None if value != value else value for value in side[chosen].tolist()]  # NaN: not quoted


def _bounds(days: DateRange | None) -> tuple[date, date]:
    first, last = (days.first, days.last) if days else (None, None)
    return first or _FIRST_DAY, last or _LAST_DAY


def _instant(known_at: datetime | None) -> datetime | None:
    if known_at is None:
        return None
    if known_at.tzinfo is None:
        raise InvalidInput("`knownAt` needs a time zone, such as 2025-02-12T22:15:00Z", field="knownAt")
    try:
        return known_at.astimezone(UTC)
    except OverflowError:
        raise InvalidInput("`knownAt` is beyond what a calendar has", field="knownAt") from None


def _there(value: V | None, what: str) -> V:
    if value is None:
        raise NotFound(f"{what} not found")
    return value
