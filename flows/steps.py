"""The steps of the flows: coarse, tried again after what may pass, and shown while they go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
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
from aurum.errors import Unavailable
from aurum.ingestion.loading import Report
from aurum.ingestion.model import QuarantineFilter, Run, RunState, Stage
from aurum.ingestion.service import IngestionService, Submission
from aurum.services import open_services
from aurum.settings import Settings
from flows.artifacts import key_of, key_of_many, report_of, rows_of
from flows.outcome import Outcome, counted, name_of

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


@task(task_run_name="load", **_RETRIES, **_IN_MEMORY)
async def load(service: IngestionService, tenant: str, run_id: int) -> Run:
    """Parses, checks and publishes. Answers the run as it ended, loaded or refused.

    Where somebody has Prefect retry a flow run, the file of a failed or cancelled run is tried again in a new run.
    """
    principal = worker_principal(tenant)
    async with _stages(f"run {run_id}") as report:
        run = await service.complete(principal, run_id, report)
        if runtime.flow_run.run_count > 1 and run.state in (RunState.FAILED, RunState.CANCELLED):
            again = await service.retry(principal, run_id)
            run = await service.complete(principal, again.id, report)
    return run


@task(**_RETRIES, **_IN_MEMORY)
async def ingest(service: IngestionService, principal: Principal, path: str, submission: Submission) -> Run:
    """Submits a file of the drop folder and loads it, unless its bytes are loaded already."""
    return await service.ingest(principal, submission)
