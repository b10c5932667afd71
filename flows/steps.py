"""The steps of the flows: coarse, tried again after what may pass, and shown while they go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import date
from pathlib import PurePath
from time import monotonic
from typing import Any

from prefect import get_client, get_run_logger, runtime, task
from prefect.artifacts import (
    acreate_markdown_artifact,
    acreate_progress_artifact,
    acreate_table_artifact,
    aupdate_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from aurum.auth import Principal, worker_principal
from aurum.backends.paging import PageRequest
from aurum.errors import AurumError, Unavailable
from aurum.ingestion.loading import Report
from aurum.ingestion.model import QuarantineFilter, Run, RunState, Stage
from aurum.ingestion.service import IngestionService, Submission
from aurum.services import open_services
from aurum.settings import Settings
from flows.artifacts import key_of, report_of, rows_of
from flows.outcome import Outcome, counted, state_of, tags_of

_PROGRESS = {Stage.READING: 10.0, Stage.CHECKING: 50.0, Stage.LOADING: 70.0}
_MOST_HELD = 200


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


@asynccontextmanager
async def opened() -> AsyncIterator[IngestionService]:
    settings = Settings()
    logging.getLogger("aurum").setLevel(settings.log_level)
    async with open_services(settings) as services:
        yield services.ingestion


def sender_of(flow_run_id: Any) -> str:
    """Who has sent a file, as its run says."""
    return f"Prefect flow run {flow_run_id}"


@task(task_run_name="load", **_RETRIES, **_IN_MEMORY)
async def load(service: IngestionService, tenant: str, run_id: int) -> Run:
    """Parses, checks and publishes, in one transaction. Answers the run as it ended.

    Where somebody has Prefect try a flow run again, a run that failed or was cancelled is tried again: a new one.
    """
    principal = worker_principal(tenant)
    async with _stages(f"run {run_id}") as report:
        run = await service.complete(principal, run_id, report)
        if runtime.flow_run.run_count > 1 and run.state in (RunState.FAILED, RunState.CANCELLED):
            again = await service.retry(replace(principal, name=sender_of(runtime.flow_run.id)), run_id)
            run = await service.complete(principal, again.id, report)
        return run


def _path() -> str:
    return str(runtime.task_run.parameters["path"])


@task(task_run_name=_path, **_RETRIES, **_IN_MEMORY)
async def ingest(
    service: IngestionService, principal: Principal, path: str, vendor: str | None, as_of: date | None
) -> State[Outcome]:
    """Submits a workbook of the drop folder and loads it, unless its bytes are loaded already.

    The state holds the outcome. Raises Unavailable; every other error is the outcome of this file alone.
    """
    try:
        trigger = runtime.flow_run.flow_name
        data = await service.read_dropped(principal, path, trigger)
        submission = Submission(data, PurePath(path).name, trigger, vendor, as_of)
        outcome = Outcome(path, await service.ingest(principal, submission))
    except Unavailable:
        raise
    except AurumError as error:
        outcome = Outcome(path, error=error)
    return state_of([outcome], outcome)


@task(task_run_name="record", **_RETRIES, **_IN_MEMORY)
async def record(service: IngestionService, tenant: str, run: Run) -> None:
    """Shows the operator what became of a file, with all that is to be known about it."""
    principal = worker_principal(tenant)
    noted = (await service.findings(principal, [run.id])).get(run.id, [])
    wanted = QuarantineFilter(run_ids=(run.id,))
    held = await service.quarantine.page(principal, wanted, PageRequest(_MOST_HELD, backward=True))
    report = report_of(run, noted, held.items[::-1], Settings().server)
    outcome = Outcome(run.file_name, run)
    await acreate_markdown_artifact(report, key_of(tenant, outcome.about.vendor or "no vendor"), outcome.line)


@task(task_run_name="summarise", **_RETRIES, **_IN_MEMORY)
async def summarise(tenant: str, outcomes: Sequence[Outcome]) -> None:
    """One table of all files."""
    rows = rows_of(outcomes, Settings().server)
    await acreate_table_artifact(rows, key_of(tenant, runtime.flow_run.flow_name), counted(outcomes))


async def label(tenant: str, outcomes: Sequence[Outcome], name: str | None = None, also: Collection[str] = ()) -> None:
    """Makes the flow run easy to find, by its name (None: it keeps its name) and by tags."""
    tags = {*runtime.flow_run.tags, tenant, *also, *tags_of(outcomes)}
    async with get_client() as client:
        await client.update_flow_run(runtime.flow_run.id, name=name, tags=tags)


@asynccontextmanager
async def _stages(subject: str) -> AsyncIterator[Report]:
    """A report that goes to the flow run's log and to a progress bar on its page."""
    log = get_run_logger()
    async with bar(subject) as update:

        def report(stage: Stage) -> None:
            doing = f"{subject}: {stage.lower()}"
            log.info(doing)
            update(_PROGRESS[stage], doing)

        yield report
        update(100.0, f"{subject}: done")


@asynccontextmanager
async def counting(total: int) -> AsyncIterator[Callable[[Sequence[Outcome], str], None]]:
    """To be told what is done and what is next."""
    began = monotonic()
    async with bar(f"0 of {total:,} files") as update:

        def told(outcomes: Sequence[Outcome], coming: str) -> None:
            done = len(outcomes)
            left = (monotonic() - began) / done * (total - done) if done else None
            time = f", about {_duration(left)} left" if left else ""
            update(100.0 * done / total, f"{done:,} of {total:,} files{time}: {coming}")

        yield told


@asynccontextmanager
async def bar(description: str) -> AsyncIterator[Callable[[float, str], None]]:
    """A progress artifact, and a way to say how far it is; nobody waits for it but at the end. Only the newest is told,
    one after the other: the server may execute last what was sent first and not waited for."""
    bar = await acreate_progress_artifact(0.0, description=description)
    newest: list[tuple[float, str]] = []
    changed, ended = asyncio.Event(), asyncio.Event()

    async def follow() -> None:
        while newest or not ended.is_set():
            await changed.wait()
            changed.clear()
            if newest:
                with suppress(Exception):  # a bar that stands still stops no load
                    await aupdate_progress_artifact(bar, *newest.pop())

    def update(percent: float, text: str) -> None:
        newest[:] = [(percent, text)]
        changed.set()

    following = asyncio.create_task(follow())
    try:
        yield update
    finally:
        ended.set()
        changed.set()
        await following


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
