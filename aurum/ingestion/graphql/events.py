"""Everything that happens, live and without gaps: for programs that follow the house."""

from __future__ import annotations

from collections.abc import AsyncIterable, Sequence
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any

import strawberry

from aurum.backends.events import Event as Happened
from aurum.curves.graphql import Curve, EventsAfter
from aurum.graphql.enums import publish_enum
from aurum.graphql.ids import node_id
from aurum.graphql.sizes import sized
from aurum.graphql.streams import Feed
from aurum.ingestion.graphql.findings import Info
from aurum.ingestion.graphql.quarantine import QuarantinedPoint, point_of
from aurum.ingestion.graphql.runs import IngestionRun, run_of


class EventType(Enum):
    CURVE_PUBLISHED = "CURVE_PUBLISHED"
    CURVE_RESTATED = "CURVE_RESTATED"
    CURVE_UNIT_SET = "CURVE_UNIT_SET"
    LOCATION_ALIAS_SET = "LOCATION_ALIAS_SET"
    INGESTION_RUN = "INGESTION_RUN"
    QUARANTINED = "QUARANTINED"
    QUARANTINE_RESOLVED = "QUARANTINE_RESOLVED"
    FILE_MISSING = "FILE_MISSING"
    SCENARIO_RUN = "SCENARIO_RUN"


publish_enum(
    EventType,
    "What has happened.",
    {
        "CURVE_PUBLISHED": "A curve has prices of a day of which it had none.",
        "CURVE_RESTATED": "A curve has another version of a day.",
        "CURVE_UNIT_SET": "Somebody has said what a curve is priced in.",
        "LOCATION_ALIAS_SET": "Somebody has said what a vendor's text means as a location.",
        "INGESTION_RUN": "A run changed its state, or got further.",
        "QUARANTINED": "Points of a file went to quarantine.",
        "QUARANTINE_RESOLVED": "Somebody decided about points in quarantine.",
        "FILE_MISSING": "An expected file has not come in time.",
        "SCENARIO_RUN": "A run of a scenario changed its state, or got further.",
    },
)


@strawberry.type(description="Something that has happened. Fields that do not belong to its type are null.")
class Event:
    cursor: str = strawberry.field(description="Pass it as `after` to go on behind this event.")
    type: EventType = strawberry.field(description="What has happened.")
    occurred_at: datetime = strawberry.field(description="When (UTC).")
    vendor: str | None = strawberry.field(
        description="Whose file or text it is about: QUARANTINED, FILE_MISSING, LOCATION_ALIAS_SET."
    )
    as_of: date | None = strawberry.field(description="The as-of date of the curve or the file.")
    version: int | None = strawberry.field(description="The version that a curve got.")
    point_count: int | None = strawberry.field(description="How many points went to quarantine.")
    due_at: datetime | None = strawberry.field(description="When the missing file was due (UTC).")
    scenario_run_id: strawberry.ID | None = strawberry.field(description="The run of a scenario that changed.")
    payload: strawberry.Private[dict[str, Any]]

    @strawberry.field(description="The curve that was published or restated, or got a unit.")
    async def curve(self, info: Info) -> Curve | None:
        curve_id = self.payload.get("curve_id")
        return None if curve_id is None else await info.context.curve(curve_id)

    @strawberry.field(description="The run that changed, or that put points into quarantine.")
    async def run(self, info: Info) -> IngestionRun | None:
        run_id = self.payload.get("run_id")
        found = None if run_id is None else await info.context.load(info.context.ingestion.runs, run_id)
        return None if found is None else run_of(found)

    @strawberry.field(description="The points that somebody decided about.", directives=[sized(100)])
    async def points(self, info: Info) -> list[QuarantinedPoint] | None:
        ids = self.payload.get("ids")
        if ids is None:
            return None
        found = await info.context.ingestion.quarantine.by_id(info.context.principal, ids)
        return [point_of(found[id_]) for id_ in ids if id_ in found]


@strawberry.type
class EventSubscription:
    @strawberry.subscription(description="Everything that happens, each event once and in order.")
    async def events(
        self, info: Info,
        types: Annotated[list[EventType] | None, strawberry.argument(
            description="Any of these types; null: all.")] = None,
        after: EventsAfter = None,
    ) -> AsyncIterable[Event]:  # fmt: skip
        principal, wanted = info.context.principal, [each.value for each in (EventType if types is None else types)]

        async def values(events: Sequence[Happened]) -> list[Event | None]:
            return [event_of(event) for event in events]

        return Feed(info.context.ingestion.all_events(principal), principal, wanted, after, values)


def event_of(event: Happened) -> Event:
    payload, due = event.payload, event.payload.get("due_at")
    return Event(
        cursor=str(event.cursor), type=EventType(event.type), occurred_at=event.occurred_at,
        vendor=payload.get("vendor"), version=payload.get("version"), point_count=_points(payload),
        as_of=date.fromisoformat(payload["as_of"]) if "as_of" in payload else None,
        due_at=datetime.fromisoformat(due) if due else None, payload=payload,
        scenario_run_id=node_id("ScenarioRun", payload["scenario_run_id"]) if "scenario_run_id" in payload else None,
    )  # fmt: skip


def _points(payload: dict[str, Any]) -> int | None:
    """Of a QUARANTINED event: those of a run are counted in the run itself."""
    return payload["points"] if "points" in payload and "state" not in payload else None
