"""Files, and the runs that load them: looked for and followed, with what was found."""

from __future__ import annotations

from collections.abc import AsyncIterable, Sequence
from datetime import date, datetime
from typing import Annotated

import strawberry

from aurum.backends.events import Event
from aurum.curves.graphql import DateRange, EventsAfter
from aurum.errors import NotFound
from aurum.graphql.connections import After, Before, Connection, First, Last, connection, page_request
from aurum.graphql.enums import publish_enum
from aurum.graphql.ids import node_id, row_of
from aurum.graphql.nodes import Node
from aurum.graphql.sizes import PAGED, sized
from aurum.graphql.streams import Feed
from aurum.ingestion import model
from aurum.ingestion.graphql.findings import Finding, Info, finding_of
from aurum.ingestion.loading import INGESTION_RUN
from aurum.ingestion.model import RunState, Stage, annotated_name
from aurum.parsers.model import Severity

publish_enum(
    Stage,
    "What a worker is doing with a run.",
    {
        "READING": "It reads the workbook.",
        "CHECKING": "It checks the numbers, against each other and against the days before.",
        "LOADING": "It writes, in one transaction: where Prefect executes it, its page says so.",
    },
    name="IngestionStage",
)
publish_enum(
    RunState,
    "How far a run is.",
    {
        "QUEUED": "Waits for a worker.",
        "RUNNING": "A worker is at it.",
        "SUCCEEDED": "The file is loaded, but for the points that are in quarantine.",
        "UNCHANGED": "The same bytes had been loaded before; nothing was done.",
        "FAILED": "Nothing of the file is loaded; the run says why.",
        "CANCELLED": "Somebody has cancelled it; nothing of the file is loaded.",
    },
    name="IngestionRunState",
)


@strawberry.type(description="A file to fetch, with the permission of whoever fetches it.")
class Download:
    url: str = strawberry.field(description="Relative to this server.")
    name: str = strawberry.field(description="What to call it.")


@strawberry.type(description="A vendor's file as it came; the same bytes are one file.")
class SourceFile(Node):
    name: str = strawberry.field(description="The name it first came with.")
    content_hash: str = strawberry.field(description="SHA-256 of its bytes.")
    size: int = strawberry.field(description="In bytes.")
    received_at: datetime = strawberry.field(description="When it first came (UTC).")
    vendor: str | None = strawberry.field(description="Null until it is loaded.")
    as_of: date | None = strawberry.field(description="The as-of date of its prices; null until it is loaded.")
    created_at: datetime | None = strawberry.field(description="When the vendor created the document (UTC).")
    modified_at: datetime | None = strawberry.field(description="When the vendor last changed the document (UTC).")
    published_at: datetime | None = strawberry.field(description="When its prices became known (UTC).")
    download: Download = strawberry.field(description="Its bytes, as they came.")


@strawberry.type(description="One attempt to load a file: all of it or nothing.")
class IngestionRun(Node):
    state: RunState = strawberry.field(description="How far it is.")
    stage: Stage | None = strawberry.field(description="What a worker is doing with it, while it is RUNNING.")
    file_name: str = strawberry.field(description="The name the file came with this time.")
    trigger: str = strawberry.field(description="How it came: upload, drop folder, command line, demo ...")
    requested_by: str = strawberry.field(description="Who sent it.")
    vendor: str | None = strawberry.field(description="Whose file it is; null before it is read.")
    as_of: date | None = strawberry.field(description="The as-of date of the file; null before it is read.")
    attempt: int = strawberry.field(description="How many workers have taken it up.")
    created_at: datetime = strawberry.field(description="When it was queued (UTC).")
    started_at: datetime | None = strawberry.field(description="When the last worker took it up (UTC).")
    finished_at: datetime | None = strawberry.field(description="When it ended (UTC).")
    parser_version: str = strawberry.field(description="The version of the parsers.")
    sheet_count: int = strawberry.field(description="Sheets read.")
    curve_count: int = strawberry.field(description="Curves in the file.")
    point_count: int = strawberry.field(description="Points in the file.")
    loaded_count: int = strawberry.field(description="Points that are served.")
    withheld_count: int = strawberry.field(description="Points, or cells without one, that went to quarantine.")
    new_curve_count: int = strawberry.field(description="Curves seen for the first time.")
    new_version_count: int = strawberry.field(description="Curves that got a new version.")
    unchanged_count: int = strawberry.field(description="Curves that say what was known before.")
    finding_count: int = strawberry.field(description="Findings of any severity.")
    error_count: int = strawberry.field(description="Findings of severity ERROR.")
    warning_count: int = strawberry.field(description="Findings of severity WARNING.")
    thresholds_version: int | None = strawberry.field(description="Which thresholds it was checked with.")
    error_code: str | None = strawberry.field(description="Why it failed, for programs.")
    error: str | None = strawberry.field(description="Why it failed, in plain words, with sheet and cell.")
    hint: str | None = strawberry.field(description="How to mend it.")
    run: strawberry.Private[model.Run]

    @strawberry.field(description="The file.")
    async def file(self, info: Info) -> SourceFile:
        found = await info.context.load(info.context.ingestion.files, self.run.file_id)
        if found is None:
            raise NotFound("file not found")
        return file_of(found)

    @strawberry.field(description="What was found in the file, reasons to refuse it first.", directives=[sized(500)])
    async def findings(
        self, info: Info,
        severities: Annotated[list[Severity] | None, strawberry.argument(
            description="Any of these severities; null: all.")] = None,
        codes: Annotated[list[str] | None, strawberry.argument(description="Any of these codes; null: all.")] = None,
    ) -> list[Finding]:  # fmt: skip
        found = await info.context.load(info.context.ingestion.findings, self.run.id)
        return [
            finding_of(noted.finding)
            for noted in found or ()
            if (severities is None or noted.finding.severity in severities)
            and (codes is None or noted.finding.code in codes)
        ]

    @strawberry.field(description="What is new, gone, moved or renamed against the vendor's file before.")
    async def drift(self, info: Info) -> DriftReport:
        found = await info.context.load(info.context.ingestion.findings, self.run.id)
        before = self.run.drift_from
        file = None if before is None else await info.context.load(info.context.ingestion.files, before)
        return drift_of(found or (), file)

    @strawberry.field(description="The vendor's workbook with every finding marked in its cells; null before it ends.")
    def annotated_workbook(self) -> Download | None:
        if self.state in (RunState.QUEUED, RunState.RUNNING, RunState.UNCHANGED):
            return None
        return Download(url=f"/runs/{self.id}/annotated.xlsx", name=annotated_name(self.file_name))

    @strawberry.field(description="The run that it tries again.")
    async def retries(self, info: Info) -> IngestionRun | None:
        if self.run.retries is None:
            return None
        found = await info.context.load(info.context.ingestion.runs, self.run.retries)
        return None if found is None else run_of(found)

    @strawberry.field(description="The run that had loaded the same bytes, where this one is UNCHANGED.")
    async def repeats(self, info: Info) -> IngestionRun | None:
        if self.run.repeats is None:
            return None
        found = await info.context.load(info.context.ingestion.runs, self.run.repeats)
        return None if found is None else run_of(found)


@strawberry.type(description="How a file's layout differs from the vendor's file before.")
class DriftReport:
    previous: SourceFile | None = strawberry.field(description="The file compared with; null: it is the first.")
    new_curves: list[str] = strawberry.field(description="Keys of curves that the file before did not have.")
    gone_curves: list[str] = strawberry.field(description="Keys of curves that only the file before had.")
    renamed_curves: list[str] = strawberry.field(description="Keys of new curves with the numbers of one that is gone.")
    new_sheets: list[str] = strawberry.field(description="Sheets that the file before did not have.")
    gone_sheets: list[str] = strawberry.field(description="Sheets that only the file before had.")
    findings: list[Finding] = strawberry.field(
        description="All of it in words: moved columns and tenors too.", directives=[sized(200)]
    )


@strawberry.type(description="A page of runs.")
class IngestionRunConnection(Connection[IngestionRun]):
    wanted: strawberry.Private[model.RunFilter]

    @strawberry.field(description="How many runs fit, on all pages.")
    async def total_count(self, info: Info) -> int:
        return await info.context.ingestion.runs_count(info.context.principal, self.wanted)


@strawberry.type(description="A page of files.")
class SourceFileConnection(Connection[SourceFile]):
    pass


@strawberry.input(description="Chooses runs that fit every given condition.")
class IngestionRunFilter:
    states: list[RunState] | None = strawberry.field(default=None, description="Any of these states.")
    vendors: list[str] | None = strawberry.field(default=None, description="Any of these vendors.")
    as_of: DateRange | None = strawberry.field(default=None, description="The as-of date of the file.")
    file_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Any of these files.")


@strawberry.input(description="Chooses files that fit every given condition.")
class SourceFileFilter:
    vendors: list[str] | None = strawberry.field(default=None, description="Any of these vendors.")
    as_of: DateRange | None = strawberry.field(default=None, description="The as-of date of the file.")


@strawberry.type(description="A run changed its state, or got further.")
class IngestionRunEvent:
    cursor: str = strawberry.field(description="Pass it as `after` to go on behind this event.")
    state: RunState = strawberry.field(description="The state it went into.")
    occurred_at: datetime = strawberry.field(description="When (UTC).")
    sheet_count: int = strawberry.field(description="Sheets read by then.")
    point_count: int = strawberry.field(description="Points read by then, which are checked next.")
    loaded_count: int = strawberry.field(description="Points loaded by then.")
    withheld_count: int = strawberry.field(description="Points refused by then: they went to quarantine.")
    run_row: strawberry.Private[int]

    @strawberry.field(description="The run as it was read for this event: never older than it.")
    async def run(self, info: Info) -> IngestionRun:
        found = await info.context.load(info.context.ingestion.runs, self.run_row)
        if found is None:
            raise NotFound("run not found")
        return run_of(found)


RunId = Annotated[strawberry.ID, strawberry.argument(description="The run's id.")]
Name = Annotated[str | None, strawberry.argument(description="A part of the file's name, in any case.")]


@strawberry.type
class RunQuery:
    @strawberry.field(description="One run; null where there is none.")
    async def ingestion_run(self, info: Info, id: RunId) -> IngestionRun | None:
        found = await info.context.load(info.context.ingestion.runs, row_of(id, "IngestionRun"))
        return None if found is None else run_of(found)

    @strawberry.field(description="Runs, newest first.", directives=[PAGED])
    async def ingestion_runs(
        self, info: Info,
        filter: Annotated[IngestionRunFilter | None, strawberry.argument(description="Which; null: all.")] = None,
        search: Name = None, first: First = None, after: After = None, last: Last = None, before: Before = None,
    ) -> IngestionRunConnection:  # fmt: skip
        request = page_request("runs", first, after, last, before)
        context, wanted = info.context, _filter_of(filter, search)
        page = await context.ingestion.runs_page(context.principal, wanted, request)
        return connection(IngestionRunConnection, "runs", page, run_of, wanted=wanted)

    @strawberry.field(description="Files that came, newest first.", directives=[PAGED])
    async def source_files(
        self, info: Info,
        filter: Annotated[SourceFileFilter | None, strawberry.argument(description="Which; null: all.")] = None,
        search: Name = None, first: First = None, after: After = None, last: Last = None, before: Before = None,
    ) -> SourceFileConnection:  # fmt: skip
        request = page_request("files", first, after, last, before)
        context = info.context
        page = await context.ingestion.files_page(context.principal, _filter_of(filter, search), request)
        return connection(SourceFileConnection, "files", page, file_of)


@strawberry.type
class RunSubscription:
    @strawberry.subscription(description="How a run goes on, or all runs: every step once and in order.")
    async def ingestion_run(
        self, info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="The run; null: all runs.")] = None,
        after: EventsAfter = None,
    ) -> AsyncIterable[IngestionRunEvent]:  # fmt: skip
        principal, row = info.context.principal, None if id is None else row_of(id, "IngestionRun")
        log = info.context.ingestion.events(principal)
        return Feed.of_one(log, principal, after, INGESTION_RUN, "run_id", row, _run_event)


def _run_event(event: Event) -> IngestionRunEvent:
    told = event.payload
    return IngestionRunEvent(
        cursor=str(event.cursor), state=RunState(told["state"]), occurred_at=event.occurred_at,
        sheet_count=told.get("sheets", 0), point_count=told.get("points", 0), loaded_count=told.get("loaded", 0),
        withheld_count=told.get("withheld", 0), run_row=told["run_id"],
    )  # fmt: skip


def _filter_of(wanted: IngestionRunFilter | SourceFileFilter | None, search: str | None) -> model.RunFilter:
    if wanted is None:
        return model.RunFilter(search=search)
    days = wanted.as_of or DateRange()
    vendors = None if wanted.vendors is None else tuple(vendor.strip().upper() for vendor in wanted.vendors)
    if isinstance(wanted, SourceFileFilter):
        return model.RunFilter(vendors=vendors, first=days.first, last=days.last, search=search)
    files = None if wanted.file_ids is None else tuple(row_of(id_, "SourceFile") for id_ in wanted.file_ids)
    states = None if wanted.states is None else tuple(wanted.states)
    return model.RunFilter(states, vendors, files, days.first, days.last, search)


def file_of(file: model.SourceFile) -> SourceFile:
    return SourceFile(
        id=node_id("SourceFile", file.id), name=file.name, content_hash=file.content_hash, size=file.size,
        received_at=file.received_at, vendor=file.vendor, as_of=file.as_of, created_at=file.created_at,
        modified_at=file.modified_at, published_at=file.published_at,
        download=Download(url=f"/files/{node_id('SourceFile', file.id)}", name=file.name),
    )  # fmt: skip


def run_of(run: model.Run) -> IngestionRun:
    counts = run.counts
    return IngestionRun(
        id=node_id("IngestionRun", run.id), run=run, state=run.state, file_name=run.file_name, trigger=run.trigger,
        requested_by=run.requested_by, vendor=run.vendor, as_of=run.as_of, attempt=run.attempt,
        created_at=run.created_at, started_at=run.started_at, finished_at=run.finished_at,
        parser_version=run.parser_version, sheet_count=counts.sheets, curve_count=counts.curves,
        point_count=counts.points, loaded_count=counts.loaded, withheld_count=counts.withheld, stage=run.stage,
        error_count=counts.errors, warning_count=counts.warnings, thresholds_version=run.thresholds_version,
        new_curve_count=counts.new_curves, new_version_count=counts.new_versions,
        unchanged_count=counts.unchanged, finding_count=counts.findings, error_code=run.error_code, error=run.error,
        hint=run.hint,
    )  # fmt: skip


def drift_of(found: Sequence[model.Noted], before: model.SourceFile | None) -> DriftReport:
    findings = [noted.finding for noted in found if noted.finding.code in _DRIFT]

    def keys(code: str) -> list[str]:
        return [finding.curve_key for finding in findings if finding.code == code and finding.curve_key]

    def sheets(code: str) -> list[str]:
        return [finding.sheet for finding in findings if finding.code == code and finding.sheet]

    return DriftReport(
        previous=None if before is None else file_of(before), new_curves=keys("CURVE_NEW"),
        gone_curves=keys("CURVE_GONE"), renamed_curves=keys("CURVE_RENAMED"), new_sheets=sheets("SHEET_NEW"),
        gone_sheets=sheets("SHEET_GONE"), findings=[finding_of(finding) for finding in findings],
    )  # fmt: skip


_DRIFT = ("CURVE_NEW", "CURVE_GONE", "CURVE_RENAMED", "COLUMN_MOVED", "SHEET_NEW", "SHEET_GONE", "TENOR_NEW",
          "TENOR_GONE", "MISSING_SHEET", "UNKNOWN_SHEET")  # fmt: skip
