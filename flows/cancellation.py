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
from flows.steps import opened, sender_of

_PAGE = 500
_ALIVE = (RunState.QUEUED, RunState.RUNNING)


async def cancel(flow: Any, flow_run: FlowRun, state: Any) -> None:
    """The run that it was to execute, and what it has sent itself. What is loaded stays loaded."""
    given = flow_run.parameters
    principal = replace(worker_principal(given.get("tenant", Settings().auth.tenant)), name="Prefect")
    async with opened() as service:
        ids = {run.id async for run in _alive(service, principal) if run.requested_by == sender_of(flow_run.id)}
        if "run_id" in given:
            ids.add(int(given["run_id"]))
        for run_id in ids:
            await _cancel(service, principal, run_id)


async def _cancel(service: IngestionService, principal: Principal, run_id: int) -> None:
    try:
        await service.cancel(principal, run_id)
    except Conflict:
        return  # it has ended already


async def _alive(service: IngestionService, principal: Principal) -> AsyncIterator[Run]:
    request: PageRequest | None = PageRequest(_PAGE)
    while request is not None:
        page = await service.runs_page(principal, RunFilter(states=_ALIVE), request)
        for run in page.items:
            yield run
        request = PageRequest(_PAGE, page.positions[-1]) if page.has_next else None
