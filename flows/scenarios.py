"""Computing runs of scenarios: Aurum's own runs, made visible in Prefect.

Who computes a run is decided by its lease in Aurum's database alone. A flow run only sees it to its end: in a process
of its own, which ends with the flow run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Cancelled, Completed, Failed

from aurum.auth import Principal, worker_principal
from aurum.errors import Conflict, NotFound
from aurum.scenarios.repository.model import Version
from aurum.scenarios.runs.crew import Crew, environment_of
from aurum.scenarios.runs.model import Run, RunState
from aurum.services import Services, open_services
from aurum.settings import Settings
from flows.artifacts import key_of, story_of
from flows.forms import RunNumber, Tenant
from flows.steps import bar, label

_LOOK_SECONDS = 0.5
_STATES = {RunState.SUCCEEDED: Completed, RunState.CANCELLED: Cancelled}


async def cancel(flow: Any, flow_run: FlowRun, state: Any) -> None:
    """The run of a flow run that somebody cancels in Prefect is cancelled in Aurum."""
    given = flow_run.parameters
    principal = replace(worker_principal(given["tenant"]), name="Prefect")
    async with _opened(Settings()) as services:
        with suppress(Conflict, NotFound):  # it has ended already, or there is none
            await services.scenario_runs.cancel(principal, given["run_id"])


@flow(name="run-scenario", persist_result=False, on_cancellation=[cancel])
async def run_scenario(tenant: Tenant, run_id: RunNumber) -> State[Any]:
    """Computes a run of a scenario that Aurum has queued. Aurum itself starts this flow for every run it is asked for.

    Cancelled here, the run is cancelled in Aurum too. One that has ended stays as it is: ask Aurum for a new one.

    Args:
        tenant: Whose run it is.
        run_id: Its number in Aurum.
    """
    settings, principal = Settings(), worker_principal(tenant)
    async with _opened(settings) as services:
        run = await _seen_to_its_end(services, settings, principal, run_id)
        version = (await services.scenarios.versions(principal, [(run.scenario_id, run.version)]))[
            run.scenario_id, run.version
        ]
        await label(tenant, [], f"{version.definition.name} version {run.version} (#{run.id})", {str(run.as_of)})
        await _report(services, settings, principal, run, version)
    return _STATES.get(run.state, Failed)(message=_line(run))


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Services]:
    logging.getLogger("aurum").setLevel(settings.log_level)
    async with open_services(settings) as services:
        yield services


async def _seen_to_its_end(services: Services, settings: Settings, principal: Principal, run_id: int) -> Run:
    """By a process of this flow run, or by whoever is at it already."""
    subject, log = f"run {run_id}", get_run_logger()
    crew = Crew(services.scenario_runs, environment_of(settings), only=(principal.tenant, run_id))
    watching = asyncio.create_task(crew.watch())
    try:
        async with bar(subject) as update:
            while not (run := await _run(services, principal, run_id)).state.final:
                update(100 * run.progress, f"{subject}: {run.state.lower()}")
                await asyncio.sleep(_LOOK_SECONDS)
            update(100.0, f"{subject}: {run.state.lower()}")
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    log.info("%s: %s", subject, _line(run))
    return run


async def _run(services: Services, principal: Principal, run_id: int) -> Run:
    found = (await services.scenario_runs.runs(principal, [run_id])).get(run_id)
    if found is None:
        raise NotFound(f"there is no run {run_id} of a scenario")
    return found


async def _report(
    services: Services, settings: Settings, principal: Principal, run: Run, version: Version
) -> None:  # fmt: skip
    counts = (await services.scenario_results.counts(principal, [run.id])).get(run.id, (0, 0))
    text = story_of(run, version.definition, counts, settings.server)
    await acreate_markdown_artifact(text, key_of(principal.tenant, f"scenario {run.scenario_id}"), _line(run))


def _line(run: Run) -> str:
    return run.state.lower() if run.error is None else f"{run.error_code}: {run.error}"
