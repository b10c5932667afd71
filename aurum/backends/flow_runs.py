"""Flow runs of a Prefect deployment, over its HTTP API: Prefect itself is not imported."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from aurum.errors import Unavailable

_log = logging.getLogger(__name__)

CLAIMS_WITHIN = timedelta(minutes=5)
"""A flow run has claimed its run so long after it was begun: a process of it starts within seconds."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A run of ours that a flow run is to execute. Its flow runs, whatever the attempt, are found by number and
    instant: another database, whose flow runs are there too, may have counted to the same number.
    """

    tenant: str
    number: int
    queued_at: datetime
    attempt: int
    waits: bool  # nobody has claimed it
    name: str
    also: Sequence[str] = ()  # tags

    @property
    def key(self) -> str:
        return f"{self.tenant}-{self.number}-{self.queued_at.isoformat()}-{self.attempt}"

    @property
    def tags(self) -> list[str]:
        return [self.tenant, f"run-{self.number}", f"queued {self.queued_at.isoformat()}"]

    @property
    def body(self) -> dict[str, Any]:
        parameters = {"tenant": self.tenant, "run_id": self.number}
        return {"name": self.name, "parameters": parameters, "tags": [*self.tags, *self.also]}


class FlowRuns:
    """Beginning one for the same ticket twice creates one flow run: a run's attempt is the key. Where a flow run died
    before it claimed the run, the attempt is still the same and the key is used up; then the number of the dead is part
    of the next key. One that should have claimed the run long ago is taken for dead: its process, or the word of its
    end, was lost. A flow run that somebody has cancelled in Prefect has no next one.
    """

    def __init__(self, api_url: str, deployment: str, clock: Callable[[], datetime]) -> None:
        import httpx

        self._client = httpx.AsyncClient(base_url=api_url.rstrip("/") + "/", timeout=30)
        self._deployment = deployment
        self._clock = clock

    async def begin(self, ticket: Ticket) -> bool:
        """False where somebody has cancelled a flow run of this run in Prefect. Raises Unavailable."""
        import httpx

        try:
            return await self._create(ticket)
        except httpx.HTTPError as error:
            raise Unavailable("Prefect cannot be reached; the run stays queued and is dispatched again") from error

    async def end(self, ticket: Ticket) -> None:
        """Ends those that are alive. Raises Unavailable; then they find the run cancelled, and end by themselves."""
        import httpx

        flows = {"name": {"any_": [self._deployment.partition("/")[0]]}}
        alive = _of(ticket, _ALIVE)
        try:
            for flow_run in await self._ask("POST", "flow_runs/filter", {"flows": flows, "flow_runs": alive}):
                await self._ask("POST", f"flow_runs/{flow_run['id']}/set_state", _CANCELLING)
        except httpx.HTTPError as error:
            raise Unavailable("Prefect cannot be reached; its flow run will find the run cancelled") from error

    async def _create(self, ticket: Ticket) -> bool:
        deployment = (await self._ask("GET", f"deployments/name/{self._deployment}"))["id"]
        create = f"deployments/{deployment}/create_flow_run"
        if ticket.attempt and await self._count(deployment, _of(ticket, _CANCELLED)):
            return False
        found = await self._ask("POST", create, {**ticket.body, "idempotency_key": ticket.key})
        if found["state"]["type"] not in _ENDED and not await self._bury(ticket, found):
            return True
        if await self._count(deployment, _of(ticket, _CANCELLED)):
            return False
        dead = await self._count(deployment, _of(ticket, _ENDED))
        while found["state"]["type"] in _ENDED or await self._bury(ticket, found):
            found = await self._ask("POST", create, {**ticket.body, "idempotency_key": f"{ticket.key}-{dead}"})
            dead += 1
        return True

    async def _bury(self, ticket: Ticket, flow_run: dict[str, Any]) -> bool:
        """Whether it was begun so long ago, and the run still waits, that nothing will come of it. Then it is said to
        have crashed, and its slot is free.

        Should it be alive after all, the run's lease sees to it that the run is executed once.
        """
        state = flow_run["state"]
        if not ticket.waits or state["type"] not in _BEGUN:
            return False
        begun = self._clock() - datetime.fromisoformat(state["timestamp"])
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
        while response.status_code == HTTPStatus.SERVICE_UNAVAILABLE and (pause := next(pauses, None)):
            await asyncio.sleep(pause)
            response = await self._client.request(method, path, json=body)
        return response.raise_for_status().json()

    async def close(self) -> None:
        await self._client.aclose()


_CANCELLED = ("CANCELLED",)
_ENDED = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
_BEGUN = ("PENDING", "RUNNING")
_ALIVE = ("SCHEDULED", *_BEGUN, "PAUSED")
_CANCELLING = {"state": {"type": "CANCELLING", "message": "The run is cancelled in Aurum."}}
_CRASHED = {"state": {"type": "CRASHED", "message": "It has not begun its work. Aurum has replaced it."}, "force": True}


def _of(ticket: Ticket, states: Sequence[str]) -> dict[str, Any]:
    return {"tags": {"all_": ticket.tags}, "state": {"type": {"any_": states}}}
