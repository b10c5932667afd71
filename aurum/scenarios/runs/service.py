"""The use cases of runs: asked for once, cancelled, looked at; and what workers need of them."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aurum.auth import Principal, Scope
from aurum.backends.database import WriteConnection
from aurum.backends.events import EventLog
from aurum.backends.paging import Page, PageRequest
from aurum.errors import Conflict, InvalidInput, NotFound
from aurum.scenarios.bases import Base, Bases
from aurum.scenarios.documents import canonical, write_policy
from aurum.scenarios.model import EVERY_CURVE
from aurum.scenarios.references import policies_used, references
from aurum.scenarios.refusals import refuse_errors
from aurum.scenarios.registry import FORMULAS
from aurum.scenarios.repository.model import ScenarioState, Version, write_filter
from aurum.scenarios.repository.service import ScenarioService
from aurum.scenarios.runs.model import (
    MOST_SECONDS,
    SCENARIO_RUN,
    Claim,
    Input,
    Request,
    Run,
    RunFilter,
    RunState,
)
from aurum.scenarios.runs.pinning import pin
from aurum.scenarios.runs.simulated import Simulated
from aurum.scenarios.runs.simulation_store import SimulationStore
from aurum.scenarios.runs.store import RunStore
from aurum.scenarios.simulation.documents import plain
from aurum.settings import ScenarioSettings

_KEY = re.compile(r"[A-Za-z0-9_\-.:/]{1,255}")
_MOST_SEED = 2**31


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
        _check(request)
        asked = _asked(request)
        if request.idempotency_key is not None:
            async with self.store.database.write() as transaction:
                known = await self._of_key(transaction, principal, request.idempotency_key, asked)
            if known is not None:
                return known
        version = await self._runnable(principal, request)
        said, now = version.definition, self.clock()
        drivers, issues = said.read()
        refuse_errors(issues)
        as_of, known_at = request.as_of or said.as_of, request.known_at or said.known_at or now
        policies = await self.scenarios.policies.known_to(principal, drivers)
        bases = await self.bases.chosen(principal, said.curves, references(drivers, policies), as_of, known_at)
        inputs = [_input(base) for base in bases]
        pinned = [[each.curve_id, each.snapshot_id, each.currency, each.unit] for each in inputs]
        used = [write_policy(each) for each in policies_used(drivers, policies)]
        simulation = None
        if request.simulation is not None:
            simulation = await pin(self.bases, principal, request.simulation, bases, drivers, known_at)
        more = [] if simulation is None else [simulation.document]
        digest = _digest(version.scenario_id, version.version, request.seed, FORMULAS, used, pinned, *more)
        async with self.store.database.write() as transaction:
            if request.idempotency_key is not None:
                known = await self._of_key(transaction, principal, request.idempotency_key, asked)
                if known is not None:
                    return known
            same = await self.store.of_digest(transaction, principal.tenant, digest)
            if same is not None:
                return same
            run = await self.store.add(
                transaction, principal.tenant, inputs, scenario_id=version.scenario_id, version=version.version,
                priority=request.priority.value, seed=request.seed, time_limit=request.time_limit,
                as_of=as_of or max(base.as_of for base in bases), known_at=known_at, request_digest=digest,
                idempotency_key=request.idempotency_key, asked=asked, requested_by=principal.name, created_at=now,
            )  # fmt: skip
            if simulation is not None:
                await self.simulations.add(transaction, principal.tenant, run.id, simulation)
            await self.scenarios.store.activate(transaction, principal.tenant, version.scenario_id)
            await self._tell(transaction, principal.tenant, run.id, run.state)
        self.changed.set()
        return run

    async def cancel(self, principal: Principal, run_id: int) -> Run:
        """Ends a run that waits or is under way: nothing of it is kept. A repeated cancel changes nothing."""
        principal.require(Scope.SCENARIOS_RUN)
        async with self.store.database.write() as transaction:
            run = await self.store.cancel(transaction, principal.tenant, run_id, self.clock(), principal.name)
            if run is not None:
                await self._tell(transaction, principal.tenant, run_id, run.state)
        if run is not None:
            self.changed.set()
            return run
        found = (await self.store.runs(principal.tenant, [run_id])).get(run_id)
        if found is None:
            raise NotFound("run not found", field="id")
        if found.state is not RunState.CANCELLED:
            raise Conflict(f"the run has ended already: {found.state.lower()}", hint="Nothing was changed.", field="id")
        return found

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

    async def claim(self) -> Claim | None:
        """The next run to be executed, of any tenant. Two statements at least, one where there is nothing to do."""
        now = self.clock()
        if not await self.store.waiting(now):
            return None
        async with self.store.database.write() as transaction:
            given_up = await self.store.give_up(transaction, now, self.settings.max_attempts)
            claim = await self.store.claim(transaction, now, self._lease)
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

    async def report(self, claim: Claim, progress: float) -> bool:
        """How far it is. Whether it is ours still."""
        async with self.store.database.write() as transaction:
            ours = await self.store.change(transaction, claim, progress=progress)
            if ours:
                await self._tell(transaction, claim.tenant, claim.run_id, RunState.RUNNING, progress)
        return ours

    async def end(
        self, claim: Claim, state: RunState, results: Sequence[dict[str, Any]] = (),
        simulated: Simulated | None = None, **values: Any,
    ) -> bool:  # fmt: skip
        """All of it is kept, or nothing: False where it is not ours any more."""
        async with self.store.database.write() as transaction:
            done = {"progress": 1.0} if state is RunState.SUCCEEDED else {}
            values |= {"state": state, "finished_at": self.clock(), "lease_expires_at": None, **done}
            ours = await self.store.change(transaction, claim, **values)
            if ours:
                await self.store.keep(transaction, claim.tenant, results)
                if simulated is not None:
                    await self.simulations.keep(transaction, claim.tenant, claim.run_id, simulated)
                await self._tell(transaction, claim.tenant, claim.run_id, state, *done.values())
        return ours

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self.settings.lease_seconds)

    async def _of_key(
        self, transaction: WriteConnection, principal: Principal, key: str, asked: dict[str, Any]
    ) -> Run | None:
        known = await self.store.of_key(transaction, principal.tenant, key)
        if known is None:
            return None
        run, before = known
        if before != asked:
            raise Conflict("the idempotency key was used for a different request", field="idempotencyKey")
        return run

    async def _runnable(self, principal: Principal, request: Request) -> Version:
        found = (await self.scenarios.scenarios(principal, [request.scenario_id])).get(request.scenario_id)
        if found is not None and found.state is ScenarioState.ARCHIVED:
            raise Conflict("the scenario is archived: it is not run any more", hint="Branch from it.", field="scenario")
        return await self.scenarios.version(principal, request.scenario_id, request.version)

    async def _tell(
        self, transaction: WriteConnection, tenant: str, run_id: int, state: RunState, progress: float = 0.0
    ) -> None:
        told = {"scenario_run_id": run_id, "state": state, "progress": progress}
        await self.event_log.append(transaction, tenant, self.clock(), [(SCENARIO_RUN, told)])


def _check(request: Request) -> None:
    if request.idempotency_key is not None and not _KEY.fullmatch(request.idempotency_key):
        raise InvalidInput("an idempotency key has 1 to 255 letters, digits and _-.:/", field="idempotencyKey")
    if not 0 <= request.seed < _MOST_SEED:
        raise InvalidInput("a seed is not negative", field="seed")
    if not 1 <= request.time_limit <= MOST_SECONDS:
        raise InvalidInput(f"a run may take 1 to {MOST_SECONDS:,} seconds", field="timeLimitSeconds")


def _asked(request: Request) -> dict[str, Any]:
    """As it is kept, but for the key."""
    given = asdict(replace(request, simulation=None)) | {"priority": request.priority.name}
    del given["idempotency_key"], given["simulation"]
    if request.simulation is not None:
        wanted = {"curves": write_filter(request.simulation.curves)}
        given["simulation"] = plain(asdict(replace(request.simulation, curves=EVERY_CURVE))) | wanted
    at = request.known_at
    return given | {
        "as_of": request.as_of and request.as_of.isoformat(), "known_at": at and at.astimezone(UTC).isoformat(),
    }  # fmt: skip


def _input(base: Base) -> Input:
    return Input(base.curve.id, base.snapshot_id, base.curve.currency, base.curve.unit)


def _digest(*parts: Any) -> str:
    return hashlib.sha256(canonical(list(parts))).hexdigest()
