"""The GraphQL face of ingestion: files, runs, findings, and the two ways to send a file."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Mapping
from datetime import date, datetime
from typing import Annotated, Protocol, TypeVar

import strawberry
from starlette.datastructures import UploadFile
from strawberry.file_uploads import Upload

from aurum.auth import Principal
from aurum.curves.graphql import After, Before, DateRange, First, Last, event_cursor
from aurum.errors import InvalidInput, NotFound, Unavailable, WorkbookRefused
from aurum.graphql.connections import Connection, connection, page_request
from aurum.graphql.enums import publish_enum
from aurum.graphql.nodes import Node, node_id, row_of
from aurum.ingestion import model
from aurum.ingestion.model import RunState
from aurum.ingestion.service import IngestionService, Submission
from aurum.metadata.graphql import Problem
from aurum.parsers.model import Finding as FindingOf
from aurum.parsers.model import Severity

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_MOST = 500
_log = logging.getLogger(__name__)


class IngestionContext(Protocol):
    """What these fields need of a request."""

    @property
    def principal(self) -> Principal: ...
    @property
    def ingestion(self) -> IngestionService: ...
    def renew(self) -> None: ...
    async def dispatch(self, run: model.Run) -> None: ...
    def load(
        self, batch: Callable[..., Awaitable[Mapping[K, V]]], key: K, **arguments: Hashable
    ) -> Awaitable[V | None]: ...


Info = strawberry.Info[IngestionContext, None]
publish_enum(
    RunState,
    "How far a run is.",
    {
        "QUEUED": "Waits for a worker.",
        "RUNNING": "A worker is at it.",
        "SUCCEEDED": "All of the file is loaded.",
        "UNCHANGED": "The same bytes had been loaded before; nothing was done.",
        "FAILED": "Nothing of the file is loaded; the run says why.",
    },
    name="IngestionRunState",
)
publish_enum(
    Severity,
    "How bad a finding is.",
    {"ERROR": "The number cannot be trusted.", "WARNING": "Served, and marked.", "INFO": "Worth knowing."},
)


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


@strawberry.type(description="Something a person should know about a file.")
class Finding:
    code: str = strawberry.field(description="Stable, for programs.")
    severity: Severity = strawberry.field(description="How bad it is.")
    message: str = strawberry.field(description="In plain words, with the numbers compared.")
    sheet: str | None = strawberry.field(description="The sheet it is on.")
    cells: list[str] = strawberry.field(description="The cells it is about, such as `D12`.")
    curve_key: str | None = strawberry.field(description="The curve it is about.")


@strawberry.type(description="One attempt to load a file: all of it or nothing.")
class IngestionRun(Node):
    state: RunState = strawberry.field(description="How far it is.")
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
    new_curve_count: int = strawberry.field(description="Curves seen for the first time.")
    new_version_count: int = strawberry.field(description="Curves that got a new version.")
    unchanged_count: int = strawberry.field(description="Curves that say what was known before.")
    finding_count: int = strawberry.field(description="Findings of any severity.")
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

    @strawberry.field(description="What was found in the file, errors and warnings alike.")
    async def findings(self, info: Info) -> list[Finding]:
        found = await info.context.load(info.context.ingestion.findings, self.run.id)
        return [_finding_of(finding) for finding in found or ()]

    @strawberry.field(description="The run that had loaded the same bytes, where this one is UNCHANGED.")
    async def repeats(self, info: Info) -> IngestionRun | None:
        if self.run.repeats is None:
            return None
        found = await info.context.load(info.context.ingestion.runs, self.run.repeats)
        return None if found is None else run_of(found)


@strawberry.type(description="A page of runs.")
class IngestionRunConnection(Connection[IngestionRun]):
    pass


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


@strawberry.type(description="A run changed its state.")
class IngestionRunEvent:
    cursor: str = strawberry.field(description="Pass it as `after` to go on behind this event.")
    state: RunState = strawberry.field(description="The state it went into.")
    occurred_at: datetime = strawberry.field(description="When (UTC).")
    run_row: strawberry.Private[int]

    @strawberry.field(description="The run as it is now.")
    async def run(self, info: Info) -> IngestionRun:
        found = await info.context.load(info.context.ingestion.runs, self.run_row)
        if found is None:
            raise NotFound("run not found")
        return run_of(found)


@strawberry.input(description="A workbook to load, as a multipart upload.")
class UploadWorkbookInput:
    file: Upload = strawberry.field(description="The workbook (GraphQL multipart request specification).")
    as_of: date | None = strawberry.field(default=None, description="Only where the file does not tell its as-of date.")
    vendor: str | None = strawberry.field(default=None, description="Only where the file's name does not tell.")


@strawberry.input(description="A workbook that lies in a folder the server may read from.")
class IngestFileInput:
    path: str = strawberry.field(description="Relative to the drop folder.")
    as_of: date | None = strawberry.field(default=None, description="Only where the file does not tell its as-of date.")
    vendor: str | None = strawberry.field(default=None, description="Only where the file's name does not tell.")


@strawberry.type(description="The run, which goes on behind the answer, or what was wrong.")
class IngestPayload:
    run: IngestionRun | None = strawberry.field(description="Null where there are problems.")
    problems: list[Problem] = strawberry.field(description="Empty where a run was queued or is known.")


RunId = Annotated[strawberry.ID, strawberry.argument(description="The run's id.")]
Name = Annotated[str | None, strawberry.argument(description="A part of the file's name, in any case.")]


@strawberry.type
class IngestionQuery:
    @strawberry.field(description="One run; null where there is none.")
    async def ingestion_run(self, info: Info, id: RunId) -> IngestionRun | None:
        found = await info.context.load(info.context.ingestion.runs, row_of(id, "IngestionRun"))
        return None if found is None else run_of(found)

    @strawberry.field(description="Runs, newest first.")
    async def ingestion_runs(
        self, info: Info,
        filter: Annotated[IngestionRunFilter | None, strawberry.argument(description="Which; null: all.")] = None,
        search: Name = None, first: First = None, after: After = None, last: Last = None, before: Before = None,
    ) -> IngestionRunConnection:  # fmt: skip
        request = page_request("runs", _MOST, first, after, last, before)
        context = info.context
        page = await context.ingestion.runs_page(context.principal, _filter_of(filter, search), request)
        return connection(IngestionRunConnection, "runs", page, run_of)  # type: ignore[no-any-return]

    @strawberry.field(description="Files that came, newest first.")
    async def source_files(
        self, info: Info,
        filter: Annotated[SourceFileFilter | None, strawberry.argument(description="Which; null: all.")] = None,
        search: Name = None, first: First = None, after: After = None, last: Last = None, before: Before = None,
    ) -> SourceFileConnection:  # fmt: skip
        request = page_request("files", _MOST, first, after, last, before)
        context = info.context
        page = await context.ingestion.files_page(context.principal, _filter_of(filter, search), request)
        return connection(SourceFileConnection, "files", page, file_of)  # type: ignore[no-any-return]


@strawberry.type
class IngestionMutation:
    @strawberry.mutation(description="Loads an uploaded workbook; answers with the run at once.")
    async def upload_workbook(
        self, info: Info, input: Annotated[UploadWorkbookInput, strawberry.argument(description="The workbook.")]
    ) -> IngestPayload:
        file: object = input.file
        if not isinstance(file, UploadFile):
            raise InvalidInput("`file` is not an uploaded file", field="file", hint="Send a multipart request.")
        data = await file.read()
        return await _submit(info, Submission(data, file.filename or "", "upload", input.vendor, input.as_of))

    @strawberry.mutation(description="Loads a workbook from the server's drop folder; answers with the run at once.")
    async def ingest_file(
        self, info: Info, input: Annotated[IngestFileInput, strawberry.argument(description="The workbook.")]
    ) -> IngestPayload:
        try:
            data = await info.context.ingestion.read_dropped(info.context.principal, input.path)
        except (InvalidInput, NotFound, WorkbookRefused) as error:
            return IngestPayload(run=None, problems=[Problem(code=error.code, message=error.message, field="path",
                                                             hint=error.hint)])  # fmt: skip
        return await _submit(info, Submission(data, input.path, "ingestFile", input.vendor, input.as_of))


@strawberry.type
class IngestionSubscription:
    @strawberry.subscription(description="Each change of state of a run, or of all runs, once and in order.")
    async def ingestion_run(
        self, info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="The run; null: all runs.")] = None,
        after: Annotated[str | None, strawberry.argument(
            description="The cursor of the last event seen: what came since is sent first. Null: from now on.")] = None,
    ) -> AsyncGenerator[IngestionRunEvent, None]:  # fmt: skip
        context, wanted = info.context, None if id is None else row_of(id, "IngestionRun")
        async for event in context.ingestion.events(context.principal, event_cursor(after)):
            if wanted in (None, event.payload["run_id"]):
                context.renew()
                yield IngestionRunEvent(
                    cursor=str(event.cursor), state=RunState(event.payload["state"]),
                    occurred_at=event.occurred_at, run_row=event.payload["run_id"],
                )  # fmt: skip


async def _submit(info: Info, submission: Submission) -> IngestPayload:
    context = info.context
    try:
        run = await context.ingestion.submit(context.principal, submission)
    except WorkbookRefused as error:
        problem = Problem(code=error.code, message=error.message, field="file", hint=error.hint)
        return IngestPayload(run=None, problems=[problem])
    if run.state is RunState.QUEUED:
        await _dispatch(context, run)
    return IngestPayload(run=run_of(run), problems=[])


async def _dispatch(context: IngestionContext, run: model.Run) -> None:
    try:
        await context.dispatch(run)
    except Unavailable as error:
        # The run is queued all the same, and the server dispatches it again.
        _log.warning("run %s is not dispatched yet: %s", run.id, error.message, extra={"run_id": run.id})


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
    )  # fmt: skip


def run_of(run: model.Run) -> IngestionRun:
    counts = run.counts
    return IngestionRun(
        id=node_id("IngestionRun", run.id), run=run, state=run.state, file_name=run.file_name, trigger=run.trigger,
        requested_by=run.requested_by, vendor=run.vendor, as_of=run.as_of, attempt=run.attempt,
        created_at=run.created_at, started_at=run.started_at, finished_at=run.finished_at,
        parser_version=run.parser_version, sheet_count=counts.sheets, curve_count=counts.curves,
        point_count=counts.points, new_curve_count=counts.new_curves, new_version_count=counts.new_versions,
        unchanged_count=counts.unchanged, finding_count=counts.findings, error_code=run.error_code, error=run.error,
        hint=run.hint,
    )  # fmt: skip


def _finding_of(finding: FindingOf) -> Finding:
    return Finding(
        code=finding.code, severity=finding.severity, message=finding.message, sheet=finding.sheet,
        cells=list(finding.cells), curve_key=finding.curve_key,
    )  # fmt: skip
