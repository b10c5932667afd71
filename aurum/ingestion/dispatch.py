"""Who executes queued runs: this process, or Prefect."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace

from aurum.auth import worker_principal
from aurum.backends.flow_runs import FlowRuns, Ticket
from aurum.errors import AurumError, Conflict
from aurum.ingestion.model import Run, RunState
from aurum.ingestion.service import IngestionService

_log = logging.getLogger(__name__)


class LocalDispatcher:
    """Executes runs in this process, beside its other work, one after the other."""

    def __init__(self, service: IngestionService) -> None:
        self._service = service
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._one = asyncio.Semaphore(1)

    async def dispatch(self, tenant: str, run: Run) -> None:
        """Nothing, where the run waits here already."""
        if run.id not in self._tasks:
            task = self._tasks[run.id] = asyncio.create_task(self._execute(tenant, run.id))
            task.add_done_callback(lambda _: self._tasks.pop(run.id))

    async def cancel(self, tenant: str, run: Run) -> None:
        """A load that is under way is cut short: its transaction rolls back."""
        if (task := self._tasks.get(run.id)) is not None:
            task.cancel()

    async def _execute(self, tenant: str, run_id: int) -> None:
        async with self._one:
            try:
                await self._service.execute(worker_principal(tenant), run_id)
            except AurumError as error:
                _log.warning("run %s will be tried again: %s", run_id, error.message, extra={"run_id": run_id})
            except Exception:  # noqa: BLE001  nobody awaits this task; the run's lease runs out
                _log.exception("run %s will be tried again", run_id, extra={"run_id": run_id})

    async def close(self) -> None:
        """What is under way is cancelled: its transaction rolls back, and its lease runs out."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class PrefectDispatcher:
    """Has each run executed by a flow run. One that is cancelled in Prefect is cancelled here."""

    def __init__(self, service: IngestionService, api_url: str, deployment: str) -> None:
        self._service = service
        self._flow_runs = FlowRuns(api_url, deployment, lambda: service.clock())

    async def dispatch(self, tenant: str, run: Run) -> None:
        if not await self._flow_runs.begin(_ticket(tenant, run)):
            with suppress(Conflict):  # it has ended in the meantime
                await self._service.cancel(replace(worker_principal(tenant), name="Prefect"), run.id)

    async def cancel(self, tenant: str, run: Run) -> None:
        await self._flow_runs.end(_ticket(tenant, run))

    async def close(self) -> None:
        await self._flow_runs.close()


def _ticket(tenant: str, run: Run) -> Ticket:
    name, waits = f"{run.file_name} (#{run.id})", run.state is RunState.QUEUED
    return Ticket(tenant, run.id, run.created_at, run.attempt, waits, name, [run.trigger])
