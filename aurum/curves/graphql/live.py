"""Curves, followed live: what is published, and one curve from change to change."""

from __future__ import annotations

from collections.abc import AsyncIterable, Sequence
from datetime import date, datetime
from typing import Annotated

import strawberry

from aurum.backends.events import Event
from aurum.curves import changes as changed
from aurum.curves import model
from aurum.curves.changes import ChangeKind
from aurum.curves.graphql.arguments import EventsAfter, Filter, Info, there
from aurum.curves.graphql.curves import Curve, curve_of
from aurum.curves.graphql.snapshots import CurveSnapshot, snapshot_of
from aurum.curves.service import CURVE_PUBLISHED, CURVE_RESTATED
from aurum.graphql.columnar.records import RecordBatch
from aurum.graphql.enums import publish_enum
from aurum.graphql.sizes import sized
from aurum.graphql.streams import Feed
from aurum.market.periods import TenorType
from aurum.metadata.graphql import filter_of

_CURVE_EVENTS = (CURVE_PUBLISHED, CURVE_RESTATED)


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
        return curve_of(there(await info.context.load(info.context.metadata.by_id, self.curve_row), "curve"))

    @strawberry.field(description="The new version; whether it is the newest known, `supersededAt` tells.")
    async def snapshot(self, info: Info) -> CurveSnapshot | None:
        found = await info.context.load(info.context.curves.versions, (self.curve_row, self.as_of))
        mine = next((snapshot for snapshot in found or () if snapshot.version == self.version), None)
        return None if mine is None else snapshot_of(mine)


publish_enum(
    ChangeKind,
    "What happened to a point.",
    {
        "ADDED": "The snapshot before had none of its type and delivery period.",
        "CHANGED": "Its label, a price, or whether it is in quarantine.",
        "REMOVED": "The snapshot has none of its type and delivery period any more.",
    },
)


@strawberry.type(
    description="What became of a point, known by its tenor type and delivery period: all of it, as it is now."
)
class PointChange:
    kind: ChangeKind = strawberry.field(description="What happened.")
    tenor: str = strawberry.field(description="See `CurvePoint.tenor`.")
    tenor_type: TenorType = strawberry.field(description="See `CurvePoint.tenorType`.")
    delivery_start: date = strawberry.field(description="See `CurvePoint.deliveryStart`.")
    delivery_end: date = strawberry.field(description="See `CurvePoint.deliveryEnd`.")
    mid: float | None = strawberry.field(description="See `CurvePoint.mid`; null where it is removed.")
    bid: float | None = strawberry.field(description="See `CurvePoint.bid`; null where it is removed.")
    ask: float | None = strawberry.field(description="See `CurvePoint.ask`; null where it is removed.")
    withheld: bool = strawberry.field(description="See `CurvePoint.withheld`.")


@strawberry.type(
    description="A curve's newest snapshot, whole at first, then what another version made of it: applied to the "
    "points before, the changes give its points exactly."
)
class CurveChange:
    cursor: str = strawberry.field(description="Pass it as `after` to go on behind this change.")
    curve_row: strawberry.Private[int]
    whole: strawberry.Private[bool]
    before: strawberry.Private[model.Standing | None]
    after: strawberry.Private[model.Standing | None]

    @strawberry.field(description="The as-of date of the snapshot; null: there are no prices yet.")
    def as_of(self) -> date | None:
        return None if self.after is None else self.after.as_of

    @strawberry.field(description="The version of the snapshot; null: there are no prices yet.")
    def version(self) -> int | None:
        return None if self.after is None else self.after.version

    @strawberry.field(
        description="The as-of date of the snapshot that is changed; null: there was none, or this one is whole."
    )
    def previous_as_of(self) -> date | None:
        return None if self.before is None else self.before.as_of

    @strawberry.field(description="The version of the snapshot that is changed.")
    def previous_version(self) -> int | None:
        return None if self.before is None else self.before.version

    @strawberry.field(description="The curve.")
    async def curve(self, info: Info) -> Curve:
        return curve_of(there(await info.context.load(info.context.metadata.by_id, self.curve_row), "curve"))

    @strawberry.field(
        description="The whole snapshot, with which a subscription without `after` begins; null where there are no "
        "prices yet, and for changes."
    )
    async def snapshot(self, info: Info) -> CurveSnapshot | None:
        found = await self._snapshot(info, self.after if self.whole else None)
        return None if found is None else snapshot_of(found)

    @strawberry.field(
        description="Changes, ordered as points are; none where the snapshot is whole.", directives=[sized(120)]
    )
    async def points(self, info: Info) -> Sequence[PointChange]:
        after = await self._snapshot(info, None if self.whole else self.after)
        if after is None:
            return []
        before = await self._snapshot(info, self.before)
        return _changes_of(changed.point_changes(None if before is None else before.prices, after.prices))

    async def _snapshot(self, info: Info, standing: model.Standing | None) -> model.Snapshot | None:
        if standing is None:
            return None
        return await info.context.load(info.context.curves.snapshots_by_id, standing.snapshot_id)


@strawberry.type
class CurveSubscription:
    @strawberry.subscription(description="Each version of a curve as it is published or restated, once and in order.")
    async def curve_published(
        self, info: Info, filter: Filter = None, after: EventsAfter = None
    ) -> AsyncIterable[CurveEvent]:
        context, wanted = info.context, None if filter is None else filter_of(filter)

        async def values(events: Sequence[Event]) -> list[CurveEvent | None]:
            ids = {event.payload["curve_id"] for event in events}
            if wanted is not None:
                ids = await context.metadata.matching(context.principal, wanted, ids)
            return [_curve_event(event) if event.payload["curve_id"] in ids else None for event in events]

        return Feed(context.curves.events(context.principal), context.principal, _CURVE_EVENTS, after, values)

    @strawberry.subscription(
        description="A curve's newest snapshot, then every change of it, once and in order; with `after`, the changes "
        "of the snapshot that stood there."
    )
    async def curve(
        self, info: Info,
        key: Annotated[str, strawberry.argument(description="Its key, such as `eugp:eu/dutch_ttf/gas`.")],
        after: Annotated[str | None, strawberry.argument(
            description="The cursor of the last change seen: what came since is sent. Null: the snapshot first."
        )] = None,
    ) -> AsyncIterable[CurveChange]:  # fmt: skip
        curves, principal = info.context.curves, info.context.principal
        row = there(await info.context.load(info.context.metadata.by_key, key), "curve").id

        async def values(events: Sequence[Event]) -> list[CurveChange | None]:
            mine = {event.cursor: _day_version(event) for event in events if event.payload["curve_id"] == row}
            steps = await curves.steps(principal, row, mine.values()) if mine else {}
            return [
                _change(row, event, steps.get(mine[event.cursor])) if event.cursor in mine else None for event in events
            ]

        async def begin() -> tuple[int, CurveChange]:
            cursor, standing = await curves.standing(principal, row)
            return cursor, CurveChange(cursor=str(cursor), curve_row=row, whole=True, before=None, after=standing)

        return Feed(curves.events(principal), principal, _CURVE_EVENTS, after, values, begin)


def _change(row: int, event: Event, step: model.Step | None) -> CurveChange | None:
    """None where the version did not become the newest snapshot."""
    if step is None:
        return None
    return CurveChange(cursor=str(event.cursor), curve_row=row, whole=False, before=step.before, after=step.after)


def _day_version(event: Event) -> tuple[date, int]:
    return date.fromisoformat(event.payload["as_of"]), event.payload["version"]


def _changes_of(changes: Sequence[changed.PointChange]) -> RecordBatch[PointChange]:
    tenors, numbers = [change.tenor for change in changes], [change.numbers for change in changes]
    return RecordBatch(
        PointChange, len(changes),
        {
            "kind": [change.kind for change in changes],
            "tenor": [tenor.label for tenor in tenors],
            "tenor_type": [tenor.type for tenor in tenors],
            "delivery_start": [tenor.period.start for tenor in tenors],
            "delivery_end": [tenor.period.end for tenor in tenors],
            **{name: [row[at] for row in numbers] for at, name in enumerate(("mid", "bid", "ask", "withheld"))},
        },
    )  # fmt: skip


def _curve_event(event: Event) -> CurveEvent:
    return CurveEvent(
        cursor=str(event.cursor), restated=event.type == CURVE_RESTATED,
        as_of=date.fromisoformat(event.payload["as_of"]), version=event.payload["version"],
        occurred_at=event.occurred_at, curve_row=event.payload["curve_id"],
    )  # fmt: skip
