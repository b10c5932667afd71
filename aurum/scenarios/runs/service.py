"""The use cases of runs: asked for once, cancelled, looked at; and what workers need of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from aurum.auth import Principal, Scope
from aurum.backends.database import WriteConnection
from aurum.backends.events import EventLog
from aurum.backends.paging import Page, PageRequest
from aurum.errors import Conflict, NotFound
from aurum.scenarios.bases import Bases
from aurum.scenarios.repository.service import ScenarioService
from aurum.scenarios.runs.model import (
    SCENARIO_RUN,
    Claim,
    Request,
    Run,
    RunFilter,
    RunState,
)
from aurum.scenarios.runs.preparing import Prepared, Preparing, asked, check, same
from aurum.scenarios.runs.simulated import Simulated
from aurum.scenarios.runs.simulation_store import SimulationStore
from aurum.scenarios.runs.store import Known, RunKey, RunStore
from aurum.settings import ScenarioSettings


class RunService:
    """`changed` is set whenever this process has queued or cancelled a run: for the workers beside it."""

    def __init__(
        self, store: RunStore, scenarios: ScenarioService, bases: Bases, events: EventLog,
        clock: Callable[[], datetime], settings: ScenarioSettings,
    ) -> None:  # fmt: skip
        self.store = store
        self.simulations = SimulationStore(store.database)
        self.scenarios = scenarios
        self.bases = bases
        self.event_log = events
        self.clock = clock
        self.settings = settings
        self.changed = asyncio.Event()

    async def submit(self, principal: Principal, request: Request) -> Run:
        """Queues a run with everything pinned; the one that is there already where the same was asked for before.

        A key decides first, whatever became of its run; then what the run would be computed from: of that a run that
        waits, is under way or has succeeded is the answer. Raises Conflict for a key that asked for something else.
        """
        principal.require(Scope.SCENARIOS_RUN)
        check(request)
        known = known_run(await self.known(principal, [request]), request)
        if known is not None:
            return known
        prepared = await Preparing(self.scenarios, principal).prepared(request)
        async with self.store.database.write() as transaction:
            ((run, _),) = await self.queue(transaction, principal, [prepared])
        self.changed.set()
        return run

    async def known(self, principal: Principal, requests: Sequence[Request]) -> dict[str, Known]:
        """What the requests' keys have asked for before: see `known_run`."""
        return await self.store.known(principal.tenant, _keys(requests))

    async def queue(
        self, transaction: WriteConnection, principal: Principal, wanted: Sequence[Prepared]
    ) -> list[tuple[Run, bool]]:
        """The run of each, and whether it was queued for it, not there before."""
        keys = _keys([each.request for each in wanted])
        keyed = await self.store.of_keys(transaction, principal.tenant, keys)
        there = await self.store.of_digests(transaction, principal.tenant, {each.digest for each in wanted})
        found, new_keys = [], {}
        for each in wanted:
            known = known_run(keyed, each.request) or there.get(each.digest)
            run = known or await self._add(transaction, principal, each)
            there.setdefault(each.digest, run)
            found.append((run, known is None))
            key = each.request.idempotency_key
            if key is not None and key not in keyed:
                new_keys[key] = (run.id, each.asked)
        await self.store.keep_keys(transaction, principal.tenant, new_keys)
        for scenario_id in sorted({run.scenario_id for run, new in found if new}):
            await self.scenarios.store.activate(transaction, principal.tenant, scenario_id)
        await self._tell_all(transaction, principal.tenant, [run for run, new in found if new])
        return found

    async def _add(self, transaction: WriteConnection, principal: Principal, prepared: Prepared) -> Run:
        request, version = prepared.request, prepared.version
        run = await self.store.add(
            transaction, principal.tenant, prepared.inputs, prepared.issues,
            scenario_id=version.scenario_id, version=version.version,
            variation=request.variation and request.variation.document, priority=request.priority.value,
            seed=request.seed, time_limit=request.time_limit, as_of=prepared.as_of, known_at=prepared.known_at,
            request_digest=prepared.digest, idempotency_key=request.idempotency_key,
            requested_by=principal.name, created_at=self.clock(),
        )  # fmt: skip
        if prepared.simulation is not None:
            await self.simulations.add(transaction, principal.tenant, run.id, prepared.simulation)
        return run

    async def cancel(self, principal: Principal, run_id: int) -> Run:
        """Ends a run that waits or is under way: nothing of it is kept. A repeated cancel changes nothing."""
        cancelled = await self.cancel_all(principal, [run_id])
        if cancelled:
            return cancelled[0]
        found = (await self.store.runs(principal.tenant, [run_id])).get(run_id)
        if found is None:
            raise NotFound("run not found", field="id")
        if found.state is not RunState.CANCELLED:
            raise Conflict(f"the run has ended already: {found.state.lower()}", hint="Nothing was changed.", field="id")
        return found

    async def cancel_all(self, principal: Principal, run_ids: Collection[int]) -> list[Run]:
        """Ends those of the runs that wait or are under way, in one transaction; by id."""
        principal.require(Scope.SCENARIOS_RUN)
        async with self.store.database.write() as transaction:
            cancelled = await self.store.cancel(transaction, principal.tenant, run_ids, self.clock(), principal.name)
            await self._tell_all(transaction, principal.tenant, cancelled)
        if cancelled:
            self.changed.set()
        return cancelled

    async def runs(self, principal: Principal, ids: Collection[int]) -> dict[int, Run]:
        principal.require(Scope.SCENARIOS_READ)
        return await self.store.runs(principal.tenant, ids)

    async def page(self, principal: Principal, wanted: RunFilter, request: PageRequest) -> Page[Run]:
        principal.require(Scope.SCENARIOS_READ)
        return await self.store.page(principal.tenant, wanted, request)

    async def count(self, principal: Principal, wanted: RunFilter) -> int:
        principal.require(Scope.SCENARIOS_READ)
        return await self.store.count(principal.tenant, wanted)

    def events(self, principal: Principal) -> EventLog:
        """Where runs are followed: SCENARIO_RUN."""
        principal.require(Scope.SCENARIOS_READ)
        return self.event_log

    # ------------------------------------------------------------------------------------------------ for workers

    async def free(self, most: int) -> list[tuple[str, Run]]:
        """Runs that nobody is at, with their tenants, the next ones first; those that lost too many workers fail."""
        now = self.clock()
        if await self.store.hopeless(now, self.settings.max_attempts):
            async with self.store.database.write() as transaction:
                for tenant, id_ in sorted(await self.store.give_up(transaction, now, self.settings.max_attempts)):
                    await self._tell(transaction, tenant, id_, RunState.FAILED)
        return await self.store.free(now, most)

    async def claim(self, only: RunKey | None = None) -> Claim | None:
        """The next run to be executed, of any tenant, or `only` this one. Two statements at least, one where there is
        nothing to do.
        """
        now = self.clock()
        if not await self.store.waiting(now, only):
            return None
        async with self.store.database.write() as transaction:
            given_up = await self.store.give_up(transaction, now, self.settings.max_attempts)
            claim = await self.store.claim(transaction, now, self._lease, only)
            told = [(tenant, id_, RunState.FAILED) for tenant, id_ in given_up]
            if claim is not None:
                told.append((claim.tenant, claim.run_id, RunState.RUNNING))
            for tenant, id_, state in sorted(told):  # in one order everywhere: servers do not wait for each other
                await self._tell(transaction, tenant, id_, state)
        return claim

    async def extend(self, claims: Collection[Claim]) -> None:
        async with self.store.database.write() as transaction:
            await self.store.extend(transaction, claims, self.clock() + self._lease)

    async def release(self, claim: Claim, *, lost: bool = True) -> None:
        """Another worker may take it up at once. `lost`: its process has died of it, perhaps."""
        async with self.store.database.write() as transaction:
            await self.store.release(transaction, claim, self.clock() - self._lease, lost)

    async def report(self, claim: Claim, progress: float, partial: Sequence[dict[str, Any]], curves: int) -> None:
        """How far it is, and results that are new since: `curves` are there by now. Nothing where it is not ours."""
        async with self.store.database.write() as transaction:
            if await self.store.change(transaction, claim, progress=progress):
                await self.store.keep(transaction, claim.tenant, partial)
                await self._tell(transaction, claim.tenant, claim.run_id, RunState.RUNNING, progress, curves)

    async def end(
        self, claim: Claim, state: RunState, results: Sequence[dict[str, Any]] = (),
        simulated: Simulated | None = None, **values: Any,
    ) -> bool:  # fmt: skip
        """All of it is kept in place of what was partial, or nothing: False where it is not ours any more."""
        async with self.store.database.write() as transaction:
            done = {"progress": 1.0} if state is RunState.SUCCEEDED else {}
            values |= {"state": state, "finished_at": self.clock(), "lease_expires_at": None, **done}
            ours = await self.store.change(transaction, claim, **values)
            if ours:
                await self.store.forget(transaction, [claim.run_id])
                await self.store.keep(transaction, claim.tenant, results)
                if simulated is not None:
                    await self.simulations.keep(transaction, claim.tenant, claim.run_id, simulated)
                far = done.get("progress", 0.0)
                await self._tell(transaction, claim.tenant, claim.run_id, state, far, len(results))
        return ours

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self.settings.lease_seconds)

    async def _tell_all(self, transaction: WriteConnection, tenant: str, runs: Sequence[Run]) -> None:
        told = [(SCENARIO_RUN, _told(run.id, run.state)) for run in runs]
        if told:
            await self.event_log.append(transaction, tenant, self.clock(), told, quiet=True)

    async def _tell(
        self, transaction: WriteConnection, tenant: str, run_id: int, state: RunState, progress: float = 0.0,
        curves: int = 0,
    ) -> None:  # fmt: skip
        told = [(SCENARIO_RUN, _told(run_id, state, progress, curves))]
        await self.event_log.append(transaction, tenant, self.clock(), told, quiet=True)


def known_run(known: Mapping[str, Known], request: Request) -> Run | None:
    """The run that the request's key has asked for before. Raises Conflict where it has asked for something else."""
    found = known.get(request.idempotency_key or "")
    return None if found is None else same(found, asked(request))


def _keys(requests: Sequence[Request]) -> set[str]:
    return {each.idempotency_key for each in requests if each.idempotency_key is not None}


def _told(run_id: int, state: RunState, progress: float = 0.0, curves: int = 0) -> dict[str, Any]:
    return {"scenario_run_id": run_id, "state": state, "progress": progress, "curves": curves}
