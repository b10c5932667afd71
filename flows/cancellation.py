"""A flow run that somebody cancels in Prefect is cancelled in Aurum: what it was loading is not taken up again.

Only cancelling does that. What crashes, or is stopped with the runner, Aurum dispatches again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from prefect.client.schemas.objects import FlowRun

from aurum.auth import Principal, worker_principal
from aurum.backends.paging import PageRequest
from aurum.errors import Conflict
from aurum.ingestion.model import Run, RunFilter, RunState
from aurum.ingestion.service import IngestionService
from aurum.settings import Settings
from flows.steps import opened

_PAGE = 500
_ALIVE = (RunState.QUEUED, RunState.RUNNING)


def sender_of(flow_run_id: Any) -> str:
    """Who has sent a file, as its run says."""
    return f"Prefect flow run {flow_run_id}"


async def cancel_run(flow: Any, flow_run: FlowRun, state: Any) -> None:
    """The run that the flow run was to execute."""
    tenant, run_id = flow_run.parameters["tenant"], int(flow_run.parameters["run_id"])
    async with opened() as service:
        await _cancel(service, worker_principal(tenant), run_id)


async def cancel_runs(flow: Any, flow_run: FlowRun, state: Any) -> None:
    """The run that was under way: what is loaded stays loaded."""
    principal = worker_principal(Settings().auth.tenant)
    async with opened() as service:
        async for run in _alive(service, principal):
            if run.requested_by == sender_of(flow_run.id):
                await _cancel(service, principal, run.id)


async def _cancel(service: IngestionService, principal: Principal, run_id: int) -> None:
    try:
        await service.cancel(replace(principal, name="Prefect"), run_id)
    except Conflict:
        return  # it has ended already


async def _alive(service: IngestionService, principal: Principal) -> AsyncIterator[Run]:
    request: PageRequest | None = PageRequest(_PAGE)
    while request is not None:
        page = await service.runs_page(principal, RunFilter(states=_ALIVE), request)
        for run in page.items:
            yield run
        request = PageRequest(_PAGE, page.positions[-1]) if page.has_next else None
