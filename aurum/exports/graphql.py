"""The GraphQL face of exports: jobs that make a file of a selection."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Hashable, Mapping
from datetime import date, datetime
from typing import Annotated, Protocol, TypeVar

import strawberry

from aurum.auth import Principal
from aurum.backends.events import Event
from aurum.curves.analytics.comparisons import Bucket, By
from aurum.curves.graphql import DateRange, DeliveryRange, EventsAfter, bounds, instant_of
from aurum.errors import Conflict, InvalidInput, NotFound, TooManyExports
from aurum.exports import model
from aurum.exports.model import ExportFormat, ExportState
from aurum.exports.selections import written
from aurum.exports.service import EXPORT, ExportService
from aurum.graphql.connections import After, Before, Connection, First, Last, connection, page_request
from aurum.graphql.enums import publish_enum
from aurum.graphql.ids import node_id, row_of
from aurum.graphql.nodes import Node
from aurum.graphql.sizes import PAGED, sized, weighing
from aurum.graphql.streams import Feed
from aurum.market.periods import TenorType
from aurum.metadata.graphql import CurveFilter, Problem, filter_of, problem_of

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ExportContext(Protocol):
    """What these fields need of a request."""

    @property
    def principal(self) -> Principal: ...
    @property
    def exports(self) -> ExportService: ...
    def load(
        self, batch: Callable[..., Awaitable[Mapping[K, V]]], key: K, **arguments: Hashable
    ) -> Awaitable[V | None]: ...


Info = strawberry.Info[ExportContext, None]

publish_enum(
    ExportFormat,
    "What kind of file it is; the same rows in each.",
    {
        "CSV": "Text: UTF-8, comma, RFC 4180; a text that a spreadsheet would take for a formula begins with '.",
        "XLSX": "A workbook for Excel: at most 1,048,575 points.",
        "PARQUET": "Parquet, compressed with Snappy.",
        "ARROW": "An Arrow IPC stream.",
    },
)
publish_enum(
    ExportState,
    "How far an export is.",
    {
        "QUEUED": "Waits for a worker.",
        "RUNNING": "A worker writes it.",
        "SUCCEEDED": "Its file can be fetched.",
        "FAILED": "There is no file; `error` says why.",
        "CANCELLED": "Somebody has cancelled it.",
        "EXPIRED": "There was a file, which is not kept any more.",
    },
)


@strawberry.type(description="A job that makes a file of a selection, to be fetched until it expires.")
class Export(Node):
    state: ExportState = strawberry.field(description="How far it is.")
    format: ExportFormat = strawberry.field(description="What kind of file it makes.")
    selection: str = strawberry.field(
        description="What is exported, as parameters of `/exports.csv`: asked for with them again, it is the same."
    )
    known_at: datetime = strawberry.field(description="As it was known at this instant (UTC).")
    requested_by: str = strawberry.field(description="Who asked for it.")
    created_at: datetime = strawberry.field(description="When (UTC).")
    started_at: datetime | None = strawberry.field(description="When the last worker took it up (UTC).")
    finished_at: datetime | None = strawberry.field(description="When it ended (UTC).")
    expires_at: datetime | None = strawberry.field(description="Until when its file is kept (UTC).")
    attempt: int = strawberry.field(description="How many workers have taken it up.")
    point_count: int = strawberry.field(description="Points written so far.")
    total_count: int | None = strawberry.field(description="Points that it has; null until they are counted.")
    size: float | None = strawberry.field(description="Of its file, in bytes; null until there is one.")
    content_hash: str | None = strawberry.field(description="SHA-256 of its file.")
    url: str | None = strawberry.field(
        description="Where its file is fetched, relative to this server, with the permission of whoever fetches it; "
        "null where there is none."
    )
    file_name: str = strawberry.field(description="What to call it.")
    error_code: str | None = strawberry.field(description="Why it failed, for programs.")
    error: str | None = strawberry.field(description="Why it failed, in plain words.")
    hint: str | None = strawberry.field(description="What to do.")


@strawberry.type(description="A page of exports.")
class ExportConnection(Connection[Export]):
    pass


@strawberry.type(description="An export changed its state, or got further.")
class ExportEvent:
    cursor: str = strawberry.field(description="Pass it as `after` to go on behind this event.")
    state: ExportState = strawberry.field(description="The state it was in then.")
    occurred_at: datetime = strawberry.field(description="When (UTC).")
    point_count: int = strawberry.field(description="Points written by then.")
    total_count: int | None = strawberry.field(description="Points that it has; null until they are counted.")
    row: strawberry.Private[int]

    @strawberry.field(description="The export as it was read for this event: never older than it.")
    async def export(self, info: Info) -> Export:
        found = await info.context.load(info.context.exports.by_id, self.row)
        if found is None:
            raise NotFound("export not found")
        return export_of(found)


@strawberry.input(description="What to export: of each curve one snapshot, or those of a range of as-of dates.")
class CreateExportInput:
    format: ExportFormat = strawberry.field(description="What kind of file.")
    filter: CurveFilter | None = strawberry.field(
        default=None, description="Which curves; null: all. Each of `keys` has to be that of a curve."
    )
    search: str | None = strawberry.field(default=None, description="As for `curves`.")
    as_of: date | None = strawberry.field(
        default=None, description="The newest as-of date of each curve on or before this one; null: the newest."
    )
    as_of_range: DateRange | None = strawberry.field(
        default=None, description="Every as-of date of a range, in place of `asOf`."
    )
    known_at: datetime | None = strawberry.field(
        default=None, description="As it was known at this instant; null: at the instant of asking."
    )
    tenor_types: list[TenorType] | None = strawberry.field(default=None, description="Any of these kinds; null: all.")
    delivery: DeliveryRange | None = strawberry.field(default=None, description="Only periods within; null: all.")
    currency: str | None = strawberry.field(
        default=None, description="What prices shall be in: a code of `currencies`; null: as they are."
    )
    unit: str | None = strawberry.field(
        default=None, description="What prices shall be per: a code of `units`; null: as they are."
    )
    scenario_run: strawberry.ID | None = strawberry.field(
        default=None,
        description="As this run of a scenario has them, which says as-of dates and instant; null: as published.",
    )
    compare_runs: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="In place of curves these runs beside each other, as `compareRuns` has them: then `filter`, "
        "`search`, `bucket` and `by` may be given.",
    )
    bucket: Bucket | None = strawberry.field(default=None, description="By which deliveries; null: MONTH.")
    by: By | None = strawberry.field(default=None, description="How large a difference is; null: ABSOLUTE.")


@strawberry.input(description="An export that waits or is under way.")
class CancelExportInput:
    id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.input(description="An export whose file is not needed any more.")
class DiscardExportInput:
    id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.type(description="The export, or what was wrong.")
class ExportPayload:
    export: Export | None = strawberry.field(description="Null where there are problems.")
    problems: list[Problem] = strawberry.field(description="Empty where it worked.", directives=[sized(1)])


@strawberry.type
class ExportQuery:
    @strawberry.field(description="One export; null where there is none.")
    async def export(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
    ) -> Export | None:
        found = await info.context.load(info.context.exports.by_id, row_of(id, "Export"))
        return None if found is None else export_of(found)

    @strawberry.field(description="Exports of the tenant, newest first.", directives=[PAGED])
    async def exports(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> ExportConnection:
        request = page_request("exports", first, after, last, before)
        page = await info.context.exports.page(info.context.principal, request)
        return connection(ExportConnection, "exports", page, export_of)


@strawberry.type
class ExportMutation:
    @strawberry.mutation(
        description="Makes a file of a selection; answers with the export at once.", directives=[weighing(5000)]
    )
    async def create_export(
        self, info: Info, input: Annotated[CreateExportInput, strawberry.argument(description="What, and how.")]
    ) -> ExportPayload:
        context = info.context
        return await _payload(lambda: context.exports.create(context.principal, selection_of(input), input.format))

    @strawberry.mutation(description="Ends an export that waits or is under way. A repeated cancel changes nothing.")
    async def cancel_export(
        self, info: Info, input: Annotated[CancelExportInput, strawberry.argument(description="Which.")]
    ) -> ExportPayload:
        context = info.context
        return await _payload(lambda: context.exports.cancel(context.principal, row_of(input.id, "Export")))

    @strawberry.mutation(description="Removes the file of an export before it expires.")
    async def discard_export(
        self, info: Info, input: Annotated[DiscardExportInput, strawberry.argument(description="Which.")]
    ) -> ExportPayload:
        context = info.context
        return await _payload(lambda: context.exports.discard(context.principal, row_of(input.id, "Export")))


@strawberry.type
class ExportSubscription:
    @strawberry.subscription(description="How an export goes on, or all exports: every step once and in order.")
    async def export_progress(
        self, info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id; null: all exports.")] = None,
        after: EventsAfter = None,
    ) -> AsyncIterable[ExportEvent]:  # fmt: skip
        principal, row = info.context.principal, None if id is None else row_of(id, "Export")
        log = info.context.exports.events(principal)
        return Feed.of_one(log, principal, after, EXPORT, "export_id", row, _event_of)


async def _payload(use_case: Callable[[], Awaitable[model.Export]]) -> ExportPayload:
    try:
        return ExportPayload(export=export_of(await use_case()), problems=[])
    except (Conflict, InvalidInput, NotFound, TooManyExports) as error:
        return ExportPayload(export=None, problems=[problem_of(error)])


def selection_of(asked: CreateExportInput) -> model.Selection:
    days = asked.as_of_range or DateRange()
    first, last = days.first, days.last
    if asked.as_of_range and not (first or last):
        first, _ = bounds(None)
    delivery = asked.delivery or DeliveryRange()
    return model.Selection(
        filter_of(asked.filter), asked.search, asked.as_of, first, last, instant_of(asked.known_at),
        None if asked.tenor_types is None else tuple(asked.tenor_types), delivery.start, delivery.end,
        asked.currency, asked.unit,
        None if asked.scenario_run is None else row_of(asked.scenario_run, "ScenarioRun"),
        None if asked.compare_runs is None else tuple(row_of(each, "ScenarioRun") for each in asked.compare_runs),
        asked.bucket, asked.by,
    )  # fmt: skip


def export_of(export: model.Export) -> Export:
    id_, selection = node_id("Export", export.id), export.selection
    return Export(
        id=id_, state=export.state, format=export.format, selection=written(selection),
        known_at=selection.known_at or export.created_at, requested_by=export.requested_by,
        created_at=export.created_at, started_at=export.started_at, finished_at=export.finished_at,
        expires_at=export.expires_at, attempt=export.attempt, point_count=export.done, total_count=export.total,
        size=export.size, content_hash=export.digest, file_name=export.name, error_code=export.error_code,
        url=f"/exports/{id_}" if export.state is ExportState.SUCCEEDED else None, error=export.error, hint=export.hint,
    )  # fmt: skip


def _event_of(event: Event) -> ExportEvent:
    told = event.payload
    return ExportEvent(
        cursor=str(event.cursor), state=ExportState(told["state"]), occurred_at=event.occurred_at,
        point_count=told["points"], total_count=told["total"], row=told["export_id"],
    )  # fmt: skip
