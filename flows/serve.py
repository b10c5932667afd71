"""Serves the flows from one process: `python -m flows.serve`. One such process for a Prefect server."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import suppress
from typing import Any

from prefect import Flow, get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.runner import Runner
from prefect.schedules import Cron, Schedule
from prefect.states import Cancelled, Crashed
from prefect.types.entrypoint import EntrypointType
from pydantic import ValidationError

from aurum.errors import InvalidInput
from aurum.settings import PrefectSettings, Settings
from flows.ingestion import backfill, ingest_day, ingest_files, ingest_workbook
from flows.scenarios import run_scenario

LOADS = 2
"""At once, over all runners: each is a process of 140 MB, and they write one after the other anyway."""
ENDING_SECONDS = 20.0


def main() -> None:
    settings = Settings()
    served = asyncio.run(prepare(settings))
    # Little more than loads: the runner fetches little that it cannot start, and two of an operator's flows have room.
    at_once = LOADS + 2 + (settings.scenarios.processes if settings.prefect.scenarios else 0)
    runner = Serving(name="aurum", limit=at_once, pause_on_shutdown=False)
    for deployment in served:
        runner.add_deployment(deployment)
    with suppress(KeyboardInterrupt):
        asyncio.run(runner.start())


class Serving(Runner):
    """Ends with the first signal: in order, but where something of Prefect's does not end, without it."""

    async def start(self, *given: Any, **named: Any) -> None:
        cancel: Any = signal.getsignal(signal.SIGINT)  # that of asyncio

        def interrupted(*signalled: Any) -> None:
            watch = threading.Timer(ENDING_SECONDS, self._give_up)
            watch.daemon = True
            watch.start()
            cancel(*signalled)

        signal.signal(signal.SIGINT, interrupted)
        await super().start(*given, **named)

    def handle_sigterm(self, *_: Any, **__: Any) -> None:
        """Prefect's own (3.8.8) calls its asynchronous stop without awaiting it; an interrupt ends in order."""
        signal.raise_signal(signal.SIGINT)

    def _give_up(self) -> None:
        """From a thread of its own: the event loop may be what is stuck. Leases free what was under way."""
        for process in map(self._process_manager.get, self._process_manager.flow_run_ids()):
            if process is not None:
                with suppress(OSError):  # it has ended
                    process.hard_kill()
        os._exit(1)


async def prepare(settings: Settings) -> list[RunnerDeployment]:
    served = await deployments(settings.prefect, settings.scenarios.processes)
    async with get_client() as client:
        while await client.api_healthcheck() is not None:  # noqa: ASYNC110  the server starts beside this process
            await asyncio.sleep(0.2)
    await reconcile([f"{each.flow_name}/{each.name}" for each in served])
    return served


async def deployments(settings: PrefectSettings, scenarios: int) -> list[RunnerDeployment]:
    """Of all flows. `LOADS` loads at once, and of each of the operator's flows one: others wait. So many `scenarios`,
    where Prefect is to compute them.
    """
    flow_name, _, name = settings.deployment.partition("/")
    if flow_name != ingest_workbook.name or not name:
        raise InvalidInput(
            f"{settings.deployment!r} names no deployment of the flow {ingest_workbook.name}",
            hint=f"AURUM_PREFECT__DEPLOYMENT has to be {ingest_workbook.name}/<name>.",
        )
    served = [await _deployment(ingest_workbook, name, LOADS)]
    served += [await _deployment(ingest_day, f"{name}-day", 1, schedule_of(settings))]
    served += [await _deployment(ingest_files, f"{name}-files", 1)]
    served += [await _deployment(backfill, f"{name}-backfill", 1)]
    if settings.scenarios is not None:
        served += [await _deployment(run_scenario, settings.scenarios.partition("/")[2], max(1, scenarios))]
    return served


def schedule_of(settings: PrefectSettings) -> Schedule | None:
    if settings.schedule is None:
        return None
    try:
        CronSchedule(cron=settings.schedule, timezone=settings.time_zone)
    except ValidationError as error:
        raise InvalidInput(
            f"{settings.schedule!r} in {settings.time_zone} is no schedule: {error.errors()[0]['msg']}",
            hint="AURUM_PREFECT__SCHEDULE is cron text, like `30 18 * * 1-5`; AURUM_PREFECT__TIME_ZONE an IANA name.",
        ) from error
    return Cron(settings.schedule, timezone=settings.time_zone)


async def _deployment(
    flow: Flow[..., Any], name: str, at_once: int, schedule: Schedule | None = None
) -> RunnerDeployment:
    """What is not scheduled here is not scheduled: that of an earlier configuration goes when this one is served."""
    limit = ConcurrencyLimitConfig(limit=at_once, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
    return await flow.ato_deployment(
        name, concurrency_limit=limit, entrypoint_type=EntrypointType.MODULE_PATH, schedule=schedule
    )


async def reconcile(names: list[str]) -> None:
    """Nothing can be running yet: what a runner that died has left behind is said to have crashed, or to be cancelled
    where somebody had asked for that.

    What was not loaded is dispatched again by Aurum, whose run record and lease are the truth.
    """
    async with get_client() as client:
        for name in names:
            try:
                deployment = await client.read_deployment_by_name(name)
            except ObjectNotFound:
                continue
            await _end(client, deployment)
            await _free(client, deployment)


async def _end(client: PrefectClient, deployment: DeploymentResponse) -> None:
    ours = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
    alive = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    left = FlowRunFilter.model_validate({"state": {"type": {"any_": alive}}})
    while runs := await client.read_flow_runs(deployment_filter=ours, flow_run_filter=left):
        for run in runs:
            ended = Cancelled if run.state_type is StateType.CANCELLING else Crashed
            await client.set_flow_run_state(run.id, ended(message="The process that ran it has ended."), force=True)


async def _free(client: PrefectClient, deployment: DeploymentResponse) -> None:
    """The server keeps the slots' leases in memory: when it died too, the slots would be taken for ever."""
    limit = deployment.global_concurrency_limit
    if limit is not None and limit.active_slots:
        await client.update_global_concurrency_limit(limit.name, GlobalConcurrencyLimitUpdate(active_slots=0))


if __name__ == "__main__":
    main()
