"""Loading workbooks: Aurum's own runs, made visible in Prefect.

Whether a file is loaded is decided by Aurum's run record and its lease alone. A flow run only executes it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from pathlib import PurePath
from typing import Any

from prefect import flow, get_client, get_run_logger, runtime, task
from prefect.artifacts import acreate_progress_artifact, acreate_table_artifact, aupdate_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from aurum.auth import local_principal, worker_principal
from aurum.errors import AurumError, Unavailable
from aurum.ingestion.loading import Report
from aurum.ingestion.model import Run, RunState, Stage
from aurum.ingestion.service import Submission
from aurum.services import Services, open_services
from aurum.settings import Settings
from flows.artifacts import description_of, key_of, name_of, summary_of, table_of

_PROGRESS = {Stage.READING: 10.0, Stage.CHECKING: 50.0, Stage.LOADING: 70.0}


def _may_pass(_task: Any, _task_run: Any, state: State[Any]) -> bool:
    return isinstance(state.data, Unavailable)


_RETRIES: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": [2, 5, 15],
    "retry_jitter_factor": 0.3,
    "retry_condition_fn": _may_pass,
}
# Results stay in the process: Prefect's cache knows nothing of Aurum's database.
_IN_MEMORY: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False}


@flow(name="ingest-workbook", persist_result=False)
async def ingest_workbook(tenant: str, run_id: int) -> State[Any]:
    """Executes an ingestion run that Aurum has queued. Aurum itself starts this flow for every file it is sent.

    Args:
        tenant: Whose run it is.
        run_id: Its number in Aurum.
    """
    run = await load(tenant, run_id)
    await record(tenant, run_id)
    return _outcome([run])


def _named_by_files() -> str:
    first, *others = runtime.flow_run.parameters["files"] or ["no files"]
    return f"{first} and {len(others)} more" if others else str(first)


@flow(name="ingest-files", flow_run_name=_named_by_files, persist_result=False)
async def ingest_files(files: list[str], as_of: date | None = None, vendor: str | None = None) -> State[Any]:
    """Loads workbooks that lie in the drop folder, one after the other.

    Args:
        files: Paths in the drop folder, such as EOD_EUGP_20250212_1430.xlsx.
        as_of: Only where the files do not tell their own as-of date.
        vendor: Only where a file's name does not tell its vendor.
    """
    tenant = Settings().auth.tenant
    runs: list[Run] = []
    refused: list[str] = []
    for path in files:
        try:
            run = await ingest.with_options(task_run_name=path)(path, as_of, vendor)
        except AurumError as error:
            refused.append(f"{path}: {error.code}: {error.message}")
        else:
            runs.append(run)
            await record(tenant, run.id)
    return _outcome(runs, refused)


@task(task_run_name="load", **_RETRIES, **_IN_MEMORY)
async def load(tenant: str, run_id: int) -> Run:
    """Parses and publishes, in one transaction. Answers the run as it ended, loaded or refused."""
    async with _services() as services, _progress(f"run {run_id}") as report:
        return await services.ingestion.complete(worker_principal(tenant), run_id, report)


@task(**_RETRIES, **_IN_MEMORY)
async def ingest(path: str, as_of: date | None, vendor: str | None) -> Run:
    """Submits a file of the drop folder and loads it, unless its bytes are loaded already."""
    principal = local_principal(Settings().auth, "Prefect")
    async with _services() as services, _progress(path) as report:
        data = await services.ingestion.read_dropped(principal, path)
        submission = Submission(data, PurePath(path).name, "Prefect", vendor, as_of)
        return await services.ingestion.ingest(principal, submission, report)


@task(task_run_name="record", **_RETRIES, **_IN_MEMORY)
async def record(tenant: str, run_id: int) -> None:
    """Shows the operator what was loaded and refused: name and tags of the flow run, a line of its log, a table."""
    principal = worker_principal(tenant)
    async with _services() as services:
        run = (await services.ingestion.runs(principal, [run_id]))[run_id]
        noted = (await services.ingestion.findings(principal, [run_id])).get(run_id, [])
    level = logging.ERROR if run.state is RunState.FAILED else logging.INFO
    get_run_logger().log(level, "run %s: %s", run.id, summary_of(run))
    await acreate_table_artifact(table_of(run, [each.finding for each in noted]), key_of(tenant, run), description_of(run))
    await _label(tenant, run)


async def _label(tenant: str, run: Run) -> None:
    known = [run.vendor, str(run.as_of) if run.as_of else None]
    tags = {*runtime.flow_run.tags, tenant, f"run-{run.id}", *filter(None, known)}
    name = name_of(run) if runtime.flow_run.flow_name == ingest_workbook.name else None
    async with get_client() as client:
        await client.update_flow_run(runtime.flow_run.id, name=name, tags=tags)


def _outcome(runs: Sequence[Run], refused: Sequence[str] = ()) -> State[Any]:
    refused = [*refused, *(summary_of(run) for run in runs if run.state is RunState.FAILED)]
    loaded = [summary_of(run) for run in runs if run.state is not RunState.FAILED]
    return Failed(message="\n".join([*refused, *loaded])) if refused else Completed(message="\n".join(loaded))


@asynccontextmanager
async def _services() -> AsyncIterator[Services]:
    settings = Settings()
    logging.getLogger("aurum").setLevel(settings.log_level)
    async with open_services(settings) as services:
        yield services


@asynccontextmanager
async def _progress(subject: str) -> AsyncIterator[Report]:
    """A report that goes to the flow run's log and to a progress bar on its page."""
    log = get_run_logger()
    bar = await acreate_progress_artifact(0.0, description=subject)
    updates: list[asyncio.Task[Any]] = []

    def report(stage: Stage) -> None:
        doing = f"{subject}: {stage.lower()}"
        log.info(doing)
        updates.append(asyncio.create_task(aupdate_progress_artifact(bar, _PROGRESS[stage], doing)))

    try:
        yield report
        updates.append(asyncio.create_task(aupdate_progress_artifact(bar, 100.0, f"{subject}: done")))
    finally:
        await asyncio.gather(*updates, return_exceptions=True)  # a bar that stands still stops no load
