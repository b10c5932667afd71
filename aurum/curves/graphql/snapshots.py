"""Versions of curves' prices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from aurum.curves import model
from aurum.curves.analytics.deliveries import Seasons
from aurum.curves.analytics.strips import Weighting
from aurum.curves.graphql.arguments import (
    Delivery,
    DeliveryRange,
    Info,
    TenorTypes,
    there,
)
from aurum.curves.graphql.converted import ConvertedSnapshot, converted_of
from aurum.curves.graphql.points import CurveColumns, CurvePoint, chosen, columns_of, points_of_each
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
from aurum.graphql.arrow.tables import parallel
from aurum.graphql.columnar.plans import batched
from aurum.graphql.columnar.records import Batches
from aurum.graphql.connections import Connection
from aurum.graphql.ids import node_id
from aurum.graphql.nodes import Node
from aurum.graphql.sizes import sized, weighing
from aurum.market.periods import TenorType
from aurum.metadata import model as catalogue
from aurum.metadata.graphql import (
    Currency,
    Unit,
    currency_of,
    unit_of,
)

if TYPE_CHECKING:
    from aurum.curves.graphql.curves import Curve
    from aurum.ingestion.graphql import Finding, IngestionRun, SourceFile


def load_points(
    parents: Sequence[CurveSnapshot], _: Info, tenor_types: list[TenorType] | None, delivery: DeliveryRange | None
) -> Batches[CurvePoint]:  # fmt: skip
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
    async def curve(self, info: Info) -> Annotated[Curve, strawberry.lazy("aurum.curves.graphql.curves")]:
        return there(await info.context.curve(self.snapshot.curve_id), "curve")

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


def told_snapshot_of(snapshot: model.Snapshot, known_at: datetime | None) -> CurveSnapshot:
    """What a scenario has is in the unit that was known when its run was queued."""
    return snapshot_of(snapshot, snapshot.story.known_at if snapshot.story else known_at)
