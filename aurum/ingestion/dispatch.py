"""Who executes queued runs: this process, or Prefect."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
from httpx import codes

from aurum.auth import worker_principal
from aurum.errors import AurumError, Unavailable
from aurum.ingestion.model import Run
from aurum.ingestion.service import IngestionService

_log = logging.getLogger(__name__)


class LocalDispatcher:
    """Executes runs in this process, beside its other work, one after the other."""

    def __init__(self, service: IngestionService) -> None:
        self._service = service
        self._tasks: set[asyncio.Task[None]] = set()
        self._one = asyncio.Semaphore(1)

    async def dispatch(self, tenant: str, run: Run) -> None:
        task = asyncio.create_task(self._execute(tenant, run.id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

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
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class PrefectDispatcher:
    """Creates a flow run for each run over Prefect's HTTP API; Prefect itself is not imported.

    Dispatching twice creates one flow run: a run's attempt is the key. Where a flow run died before it claimed the
    run, the attempt is still the same and the key is used up; then the number of the dead is part of the next key.
    """

    def __init__(self, api_url: str, deployment: str) -> None:
        self._client = httpx.AsyncClient(base_url=api_url.rstrip("/") + "/", timeout=30)
        self._deployment = deployment

    async def dispatch(self, tenant: str, run: Run) -> None:
        key, name = f"{tenant}-{run.id}-{run.attempt}", f"{run.file_name} (#{run.id})"
        tags = [tenant, f"run-{run.id}", run.trigger]
        body = {"name": name, "parameters": {"tenant": tenant, "run_id": run.id}, "tags": tags}
        try:
            deployment = await self._ask("GET", f"deployments/name/{self._deployment}")
            create = f"deployments/{deployment['id']}/create_flow_run"
            found = await self._ask("POST", create, {**body, "idempotency_key": key})
            if found["state"]["type"] not in _ENDED:
                return
            dead = await self._ask("POST", "flow_runs/count", _ended_flow_runs(deployment["id"], tags[:2]))
            while found["state"]["type"] in _ENDED:
                found = await self._ask("POST", create, {**body, "idempotency_key": f"{key}-{dead}"})
                dead += 1
        except httpx.HTTPError as error:
            raise Unavailable("Prefect cannot be reached; the run stays queued and is dispatched again") from error

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


_ENDED = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")


def _ended_flow_runs(deployment_id: str, tags: list[str]) -> dict[str, Any]:
    return {
        "deployments": {"id": {"any_": [deployment_id]}},
        "flow_runs": {"tags": {"all_": tags}, "state": {"type": {"any_": _ENDED}}},
    }
