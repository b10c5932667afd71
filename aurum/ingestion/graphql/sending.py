"""The two ways to send a file, and how to end or repeat a run."""

from __future__ import annotations

import logging
from datetime import date
from typing import Annotated

import strawberry
from starlette.datastructures import UploadFile
from strawberry.file_uploads import Upload

from aurum.errors import Conflict, InvalidInput, NotFound, Unavailable, WorkbookRefused
from aurum.graphql.ids import row_of
from aurum.graphql.sizes import sized, weighing
from aurum.ingestion import model
from aurum.ingestion.graphql.findings import Info, IngestionContext
from aurum.ingestion.graphql.runs import IngestionRun, run_of
from aurum.ingestion.model import RunState
from aurum.ingestion.service import Submission
from aurum.metadata.graphql import Problem, problem_of

_log = logging.getLogger(__name__)


@strawberry.input(description="What a workbook does not tell itself.")
class WorkbookToldInput:
    as_of: date | None = strawberry.field(default=None, description="Only where the file does not tell its as-of date.")
    vendor: str | None = strawberry.field(default=None, description="Only where the file's name does not tell.")


@strawberry.input(description="A workbook to load, as a multipart upload.")
class UploadWorkbookInput(WorkbookToldInput):
    file: Upload = strawberry.field(description="The workbook (GraphQL multipart request specification).")


@strawberry.input(description="A workbook that lies in a folder the server may read from.")
class IngestFileInput(WorkbookToldInput):
    path: str = strawberry.field(description="Relative to the drop folder.")


@strawberry.input(description="A run that waits or is under way.")
class CancelIngestionRunInput:
    id: strawberry.ID = strawberry.field(description="The run's id.")


@strawberry.input(description="A run that failed or was cancelled.")
class RetryIngestionRunInput:
    id: strawberry.ID = strawberry.field(description="The run's id.")


@strawberry.type(description="The run, which goes on behind the answer, or what was wrong.")
class IngestPayload:
    run: IngestionRun | None = strawberry.field(description="Null where there are problems.")
    problems: list[Problem] = strawberry.field(
        description="Empty where a run was queued or is known.", directives=[sized(1)]
    )


@strawberry.type
class RunMutation:
    @strawberry.mutation(
        description="Loads an uploaded workbook; answers with the run at once.", directives=[weighing(5000)]
    )
    async def upload_workbook(
        self, info: Info, input: Annotated[UploadWorkbookInput, strawberry.argument(description="The workbook.")]
    ) -> IngestPayload:
        file: object = input.file
        if not isinstance(file, UploadFile):
            raise InvalidInput("`file` is not an uploaded file", field="file", hint="Send a multipart request.")
        data = await file.read()
        return await _submit(info, Submission(data, file.filename or "", "upload", input.vendor, input.as_of))

    @strawberry.mutation(
        description="Loads a workbook from the server's drop folder; answers with the run at once.",
        directives=[weighing(5000)],
    )
    async def ingest_file(
        self, info: Info, input: Annotated[IngestFileInput, strawberry.argument(description="The workbook.")]
    ) -> IngestPayload:
        try:
            data = await info.context.ingestion.read_dropped(info.context.principal, input.path, "ingestFile")
        except (InvalidInput, NotFound, WorkbookRefused) as error:
            return IngestPayload(run=None, problems=[problem_of(error, "path")])
        return await _submit(info, Submission(data, input.path, "ingestFile", input.vendor, input.as_of))

    @strawberry.mutation(description="Ends a run that waits or is under way: nothing of its file is loaded.")
    async def cancel_ingestion_run(
        self, info: Info, input: Annotated[CancelIngestionRunInput, strawberry.argument(description="The run.")]
    ) -> IngestPayload:
        context = info.context
        try:
            run = await context.ingestion.cancel(context.principal, row_of(input.id, "IngestionRun"))
        except (Conflict, InvalidInput, NotFound) as error:
            return IngestPayload(run=None, problems=[problem_of(error)])
        await _withdraw(context, run)
        return IngestPayload(run=run_of(run), problems=[])

    @strawberry.mutation(
        description="Loads the file of a failed or cancelled run again; answers with the new run.",
        directives=[weighing(5000)],
    )
    async def retry_ingestion_run(
        self, info: Info, input: Annotated[RetryIngestionRunInput, strawberry.argument(description="The run.")]
    ) -> IngestPayload:
        context = info.context
        try:
            run = await context.ingestion.retry(context.principal, row_of(input.id, "IngestionRun"))
        except (Conflict, InvalidInput, NotFound) as error:
            return IngestPayload(run=None, problems=[problem_of(error)])
        if run.state is RunState.QUEUED:
            await _dispatch(context, run)
        return IngestPayload(run=run_of(run), problems=[])


async def _submit(info: Info, submission: Submission) -> IngestPayload:
    context = info.context
    try:
        run = await context.ingestion.submit(context.principal, submission)
    except WorkbookRefused as error:
        return IngestPayload(run=None, problems=[problem_of(error, "file")])
    if run.state is RunState.QUEUED:
        await _dispatch(context, run)
    return IngestPayload(run=run_of(run), problems=[])


async def _dispatch(context: IngestionContext, run: model.Run) -> None:
    try:
        await context.dispatch(run)
    except Unavailable as error:
        # The run is queued all the same, and the server dispatches it again.
        _log.warning("run %s is not dispatched yet: %s", run.id, error.message, extra={"run_id": run.id})


async def _withdraw(context: IngestionContext, run: model.Run) -> None:
    try:
        await context.withdraw(run)
    except Unavailable as error:
        # It is cancelled all the same: whoever executes it cannot load anything any more.
        _log.warning("run %s goes on in vain: %s", run.id, error.message, extra={"run_id": run.id})
