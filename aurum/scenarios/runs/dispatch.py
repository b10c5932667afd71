"""Has queued runs executed by Prefect: a flow run for each. The run's lease decides who computes it, as ever."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic

from aurum.auth import worker_principal
from aurum.backends.flow_runs import FlowRuns, Ticket
from aurum.backends.rounds import going_on
from aurum.errors import Conflict
from aurum.scenarios.runs.model import Run, RunState
from aurum.scenarios.runs.service import RunService

_MOST = 500  # that wait: those behind them have their turn when these are begun
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Sent:
    ticket: Ticket
    at: float


class RunDispatcher:
    """Whatever it forgets is begun again, which changes nothing."""

    def __init__(self, runs: RunService, flow_runs: FlowRuns) -> None:
        self._runs = runs
        self._flow_runs = flow_runs
        self._sent: dict[int, _Sent] = {}

    async def watch(self) -> None:
        """Runs until cancelled. What others have queued, or left, it finds when it next looks."""
        try:
            while True:
                self._runs.changed.clear()
                with going_on(_log, "runs of scenarios wait for Prefect"):
                    await self.look()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._runs.settings.lease_seconds / 3):
                        await self._runs.changed.wait()
        finally:
            await self._flow_runs.close()

    async def look(self) -> None:
        await self._end()
        for tenant, run in await self._runs.free(_MOST):
            ticket = _ticket(tenant, run)
            if self._due(ticket):
                await self._begin(ticket)

    def _due(self, ticket: Ticket) -> bool:
        """Not what was sent just now: each run that is queued has this looked at."""
        sent = self._sent.get(ticket.number)
        again = self._runs.settings.lease_seconds
        return sent is None or sent.ticket.attempt != ticket.attempt or monotonic() - sent.at > again

    async def _begin(self, ticket: Ticket) -> None:
        if await self._flow_runs.begin(ticket):
            self._sent[ticket.number] = _Sent(ticket, monotonic())
            return
        with suppress(Conflict):  # it has ended in the meantime
            await self._runs.cancel(replace(worker_principal(ticket.tenant), name="Prefect"), ticket.number)

    async def _end(self) -> None:
        """What is cancelled before its flow run starts is not started; one that is under way ends by itself."""
        for tenant in {each.ticket.tenant for each in self._sent.values()}:
            ids = [id_ for id_, each in self._sent.items() if each.ticket.tenant == tenant]
            for id_, run in (await self._runs.store.runs(tenant, ids)).items():
                if run.state is RunState.CANCELLED:
                    await self._flow_runs.end(self._sent[id_].ticket)
                if run.state.final:
                    del self._sent[id_]


def _ticket(tenant: str, run: Run) -> Ticket:
    waits = run.state is RunState.QUEUED
    name = f"scenario {run.scenario_id} version {run.version} (#{run.id})"
    return Ticket(tenant, run.id, run.created_at, run.attempt, waits, name, [f"scenario-{run.scenario_id}"])
