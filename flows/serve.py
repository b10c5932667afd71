"""Serves the flows from one process: `python -m flows.serve`. One such process for a Prefect server."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import Any

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.runner import Runner
from prefect.states import Crashed
from prefect.types.entrypoint import EntrypointType

from aurum.errors import InvalidInput
from aurum.settings import Settings
from flows.ingestion import ingest_files, ingest_workbook

LOADS = 2
"""At once, over all runners: each is a process of 100 MB, and they write one after the other anyway."""


def main() -> None:
    served = asyncio.run(prepare(Settings().prefect.deployment))
    # One process more than loads: the runner fetches little that it cannot start, and an operator's flow has room.
    runner = Serving(name="aurum", limit=LOADS + 1, pause_on_shutdown=False)
    for deployment in served:
        runner.add_deployment(deployment)
    with suppress(KeyboardInterrupt):
        asyncio.run(runner.start())


class Serving(Runner):
    def handle_sigterm(self, *_: Any, **__: Any) -> None:
        """Prefect's own (3.8.8) calls its asynchronous stop without awaiting it; an interrupt ends in order."""
        signal.raise_signal(signal.SIGINT)


async def prepare(ingestion: str) -> list[RunnerDeployment]:
    served = await deployments(ingestion)
    async with get_client() as client:
        while await client.api_healthcheck() is not None:  # noqa: ASYNC110  the server starts beside this process
            await asyncio.sleep(0.2)
    await reconcile([f"{each.flow_name}/{each.name}" for each in served])
    return served


async def deployments(ingestion: str) -> list[RunnerDeployment]:
    flow_name, _, name = ingestion.partition("/")
    if flow_name != ingest_workbook.name or not name:
        raise InvalidInput(
            f"{ingestion!r} names no deployment of the flow {ingest_workbook.name}",
            hint=f"AURUM_PREFECT__DEPLOYMENT has to be {ingest_workbook.name}/<name>.",
        )
    limit = ConcurrencyLimitConfig(limit=LOADS, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
    module = EntrypointType.MODULE_PATH
    return [
        await ingest_workbook.ato_deployment(name, concurrency_limit=limit, entrypoint_type=module),
        await ingest_files.ato_deployment(name, concurrency_limit=1, entrypoint_type=module),
    ]


async def reconcile(names: list[str]) -> None:
    """Nothing can be running yet: what a runner that died has left behind is said to have crashed.

    What was not loaded is dispatched again by Aurum, whose run record and lease are the truth.
    """
    async with get_client() as client:
        for name in names:
            try:
                deployment = await client.read_deployment_by_name(name)
            except ObjectNotFound:
                continue
            await _crash(client, deployment)
            await _free(client, deployment)


async def _crash(client: PrefectClient, deployment: DeploymentResponse) -> None:
    ours = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
    alive = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    left = FlowRunFilter.model_validate({"state": {"type": {"any_": alive}}})
    while runs := await client.read_flow_runs(deployment_filter=ours, flow_run_filter=left):
        for run in runs:
            await client.set_flow_run_state(run.id, Crashed(message="The process that ran it has ended."), force=True)


async def _free(client: PrefectClient, deployment: DeploymentResponse) -> None:
    """The server keeps the slots' leases in memory: when it died too, the slots would be taken for ever."""
    limit = deployment.global_concurrency_limit
    if limit is not None and limit.active_slots:
        await client.update_global_concurrency_limit(limit.name, GlobalConcurrencyLimitUpdate(active_slots=0))


if __name__ == "__main__":
    main()
