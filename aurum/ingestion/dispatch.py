"""Who executes queued runs: this process, or Prefect."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
from httpx import codes

from aurum.auth import worker_principal
from aurum.errors import AurumError, Conflict, Unavailable
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
    """Creates a flow run for each run over Prefect's HTTP API; Prefect itself is not imported.

    Dispatching twice creates one flow run: a run's attempt is the key. Where a flow run died before it claimed the
    run, the attempt is still the same and the key is used up; then the number of the dead is part of the next key.
    One that should have claimed the run long ago is taken for dead: its process, or the word of its end, was lost.
    A flow run that somebody has cancelled in Prefect has no next one: its run is cancelled.
    """

    def __init__(self, service: IngestionService, api_url: str, deployment: str) -> None:
        self._service = service
        self._client = httpx.AsyncClient(base_url=api_url.rstrip("/") + "/", timeout=30)
        self._deployment = deployment

    async def dispatch(self, tenant: str, run: Run) -> None:
        try:
            wanted = await self._create(tenant, run)
        except httpx.HTTPError as error:
            raise Unavailable("Prefect cannot be reached; the run stays queued and is dispatched again") from error
        if not wanted:
            with suppress(Conflict):  # it has ended in the meantime
                await self._service.cancel(replace(worker_principal(tenant), name="Prefect"), run.id)

    async def cancel(self, tenant: str, run: Run) -> None:
        """Ends the run's flow runs. Raises Unavailable; then they find the run cancelled, and end by themselves."""
        flows = {"name": {"any_": [self._deployment.partition("/")[0]]}}
        alive = _flow_runs(tenant, run, _ALIVE)
        try:
            for flow_run in await self._ask("POST", "flow_runs/filter", {"flows": flows, "flow_runs": alive}):
                await self._ask("POST", f"flow_runs/{flow_run['id']}/set_state", _CANCELLING)
        except httpx.HTTPError as error:
            raise Unavailable("Prefect cannot be reached; its flow run will find the run cancelled") from error

    async def _create(self, tenant: str, run: Run) -> bool:
        """False where somebody has cancelled a flow run of this run in Prefect."""
        key = f"{tenant}-{run.id}-{run.created_at.isoformat()}-{run.attempt}"
        body = {"name": f"{run.file_name} (#{run.id})", "parameters": {"tenant": tenant, "run_id": run.id},
                "tags": [*_tags(tenant, run), run.trigger]}  # fmt: skip
        deployment = (await self._ask("GET", f"deployments/name/{self._deployment}"))["id"]
        create = f"deployments/{deployment}/create_flow_run"
        if run.attempt and await self._count(deployment, _flow_runs(tenant, run, _CANCELLED)):
            return False
        found = await self._ask("POST", create, {**body, "idempotency_key": key})
        if found["state"]["type"] not in _ENDED and not await self._bury(run, found):
            return True
        if await self._count(deployment, _flow_runs(tenant, run, _CANCELLED)):
            return False
        dead = await self._count(deployment, _flow_runs(tenant, run, _ENDED))
        while found["state"]["type"] in _ENDED or await self._bury(run, found):
            found = await self._ask("POST", create, {**body, "idempotency_key": f"{key}-{dead}"})
            dead += 1
        return True

    async def _bury(self, run: Run, flow_run: dict[str, Any]) -> bool:
        """Whether it was begun so long ago, and the run still waits, that nothing will come of it. Then it is said to
        have crashed, and its slot is free.

        Should it be alive after all, the run's lease sees to it that the file is loaded once.
        """
        state = flow_run["state"]
        if run.state is not RunState.QUEUED or state["type"] not in _BEGUN:
            return False
        begun = self._service.clock() - datetime.fromisoformat(state["timestamp"])
        if begun < CLAIMS_WITHIN:
            return False
        _log.warning("flow run %s has been %s for %s: it is replaced", flow_run["id"], state["type"].lower(), begun)
        await self._ask("POST", f"flow_runs/{flow_run['id']}/set_state", _CRASHED)
        return True

    async def _count(self, deployment: str, flow_runs: dict[str, Any]) -> int:
        wanted = {"deployments": {"id": {"any_": [deployment]}}, "flow_runs": flow_runs}
        return int(await self._ask("POST", "flow_runs/count", wanted))

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """503 is how the server says that its SQLite was locked for a moment."""
        pauses = iter((0.1, 0.3, 1.0))
        response = await self._client.request(method, path, json=body)
        while response.status_code == codes.SERVICE_UNAVAILABLE and (pause := next(pauses, None)):
            await asyncio.sleep(pause)
            response = await self._client.request(method, path, json=body)
        return response.raise_for_status().json()

    async def close(self) -> None:
        await self._client.aclose()


CLAIMS_WITHIN = timedelta(minutes=5)
"""A flow run has claimed its run so long after it was begun: a process of it starts within seconds."""

_CANCELLED = ("CANCELLED",)
_ENDED = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
_BEGUN = ("PENDING", "RUNNING")
_ALIVE = ("SCHEDULED", *_BEGUN, "PAUSED")
_CANCELLING = {"state": {"type": "CANCELLING", "message": "The run is cancelled in Aurum."}}
_CRASHED = {"state": {"type": "CRASHED", "message": "It has not begun to load. Aurum has replaced it."}, "force": True}


def _tags(tenant: str, run: Run) -> list[str]:
    """Of this run alone: another database, whose flow runs are there too, may have counted to the same number."""
    return [tenant, f"run-{run.id}", f"queued {run.created_at.isoformat()}"]


def _flow_runs(tenant: str, run: Run, states: Sequence[str]) -> dict[str, Any]:
    return {"tags": {"all_": _tags(tenant, run)}, "state": {"type": {"any_": states}}}
