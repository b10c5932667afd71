"""The use cases of batches: many runs queued in one transaction, all of them or none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from aurum.auth import Principal, Scope
from aurum.backends.paging import Page, PageRequest
from aurum.errors import InvalidInput, NotFound
from aurum.scenarios.batches.model import (
    MOST_CURVES,
    MOST_SCENARIOS,
    MOST_SIMULATIONS,
    MOST_TORNADO,
    Batch,
    BatchFilter,
    BatchKind,
    BatchRun,
)
from aurum.scenarios.batches.results import BatchResults
from aurum.scenarios.batches.store import BatchStore
from aurum.scenarios.model import Issue, Severity
from aurum.scenarios.refusals import refuse_errors, refused, within
from aurum.scenarios.runs.model import Request, Run
from aurum.scenarios.runs.preparing import Prepared, Preparing, asked, check, check_key, same
from aurum.scenarios.runs.service import RunService, known_run
from aurum.scenarios.variations import Variation, sweep, tornado


class BatchService:
    def __init__(self, store: BatchStore, runs: RunService, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.runs = runs
        self.results = BatchResults(runs.store, runs.bases)
        self.clock = clock

    async def run_all(self, principal: Principal, requests: Sequence[Request], key: str | None) -> Batch:
        """A run of each: those that are there already where the same was asked for before."""
        principal.require(Scope.SCENARIOS_RUN)
        if not 0 < len(requests) <= MOST_SCENARIOS:
            raise InvalidInput(f"1 to {MOST_SCENARIOS} runs are asked for at once", field="runs")
        keys: dict[str, int] = {}
        for n, each in enumerate(requests):
            with within(f"runs.{n}"):
                check(each)
                own = each.idempotency_key
                if own is not None and keys.setdefault(own, n) < n:
                    raise InvalidInput(f"runs.{keys[own]} has the same idempotency key", field="idempotencyKey")
        _refuse_simulations(sum(each.simulation is not None for each in requests), "runs")

        async def prepared(preparing: Preparing) -> list[Run | Prepared]:
            found: list[Run | Prepared] = []
            known = await self.runs.known(principal, requests)
            for n, each in enumerate(requests):
                with within(f"runs.{n}"):
                    found.append(known_run(known, each) or await preparing.prepared(each))
            return found

        said = {"runs": [asked(each) | {"idempotency_key": each.idempotency_key} for each in requests]}
        return await self._queued(principal, BatchKind.RUNS, None, said, key, prepared)

    async def sweep(
        self, principal: Principal, request: Request, driver: int, parameter: str, values: Sequence[Any],
        key: str | None,
    ) -> Batch:  # fmt: skip
        """The scenario as it is, then with each value of a driver's parameter. Raises InvalidScenario."""
        principal.require(Scope.SCENARIOS_RUN)
        check(request)

        async def prepared(preparing: Preparing) -> list[Run | Prepared]:
            _, drivers, _ = await preparing.version(request.scenario_id, request.version)
            found, issues = await asyncio.to_thread(sweep, drivers, driver, parameter, values)
            refuse_errors(
                replace(each, path=f"over.{each.path}") if each.path.startswith("values") else each for each in issues
            )
            return await _varied(preparing, request, found)

        said = {"request": asked(request), "driver": driver, "parameter": parameter, "values": list(values)}
        return await self._queued(principal, BatchKind.SWEEP, request.scenario_id, said, key, prepared)

    async def tornado(
        self, principal: Principal, request: Request, percent: float, alone: bool, key: str | None
    ) -> Batch:
        """The scenario as it is, then each driver with its moves larger and smaller by that."""
        principal.require(Scope.SCENARIOS_RUN)
        check(request)
        if not 0.0 < percent <= 100.0:
            raise InvalidInput("moves are made larger and smaller by more than 0 and at most 100 %", field="percent")

        async def prepared(preparing: Preparing) -> list[Run | Prepared]:
            _, drivers, _ = await preparing.version(request.scenario_id, request.version)
            if not 0 < len(drivers) <= MOST_TORNADO:
                why = f"a tornado is of 1 to {MOST_TORNADO} drivers, and there are {len(drivers)}"
                raise refused([Issue(Severity.ERROR, "TOO_MANY_DRIVERS" if drivers else "NO_DRIVERS", why, "scenario")])
            return await _varied(preparing, request, tornado(drivers, percent / 100.0, alone=alone))

        said = {"request": asked(request), "percent": percent, "alone": alone}
        return await self._queued(principal, BatchKind.TORNADO, request.scenario_id, said, key, prepared)

    async def cancel(self, principal: Principal, id_: int) -> Batch:
        """Ends those of its runs that it has queued, and that wait or are under way."""
        principal.require(Scope.SCENARIOS_RUN)
        batch = await self.batch(principal, id_)
        runs = (await self.runs_of(principal, [id_]))[id_]
        await self.runs.cancel_all(principal, [each.run.id for each in runs if each.queued])
        return batch

    async def batch(self, principal: Principal, id_: int) -> Batch:
        """Raises NotFound."""
        found = (await self.batches(principal, [id_])).get(id_)
        if found is None:
            raise NotFound("batch not found", field="id")
        return found

    async def batches(self, principal: Principal, ids: Collection[int]) -> dict[int, Batch]:
        principal.require(Scope.SCENARIOS_READ)
        return await self.store.batches(principal.tenant, ids)

    async def page(self, principal: Principal, wanted: BatchFilter, request: PageRequest) -> Page[Batch]:
        principal.require(Scope.SCENARIOS_READ)
        return await self.store.page(principal.tenant, wanted, request)

    async def count(self, principal: Principal, wanted: BatchFilter) -> int:
        principal.require(Scope.SCENARIOS_READ)
        return await self.store.count(principal.tenant, wanted)

    async def runs_of(self, principal: Principal, ids: Collection[int]) -> dict[int, list[BatchRun]]:
        """By batch, in order. Two statements."""
        members = await self.store.members(principal.tenant, ids)
        runs = await self.runs.runs(principal, {run_id for all_ in members.values() for run_id, _ in all_})
        return {
            id_: [BatchRun(n, queued, runs[run_id]) for n, (run_id, queued) in enumerate(all_)]
            for id_, all_ in members.items()
        }

    async def _queued(
        self, principal: Principal, kind: BatchKind, scenario_id: int | None, said: dict[str, Any], key: str | None,
        prepared: Callable[[Preparing], Any],
    ) -> Batch:  # fmt: skip
        """Everything is pinned before anything is queued; the key decides first."""
        check_key(key)
        said = {"kind": kind, **said}
        if key is not None:
            known = await self.store.known(principal.tenant, key)
            if known is not None:
                return same(known, said)
        wanted: list[Run | Prepared] = await prepared(Preparing(self.runs.scenarios, principal))
        new = [each for each in wanted if isinstance(each, Prepared)]
        _refuse_too_many(sum(len(each.inputs) for each in new))
        async with self.store.database.write() as transaction:
            if key is not None:
                known = await self.store.of_key(transaction, principal.tenant, key)
                if known is not None:
                    return same(known, said)
            queued = iter(await self.runs.queue(transaction, principal, new))
            runs = [(each, False) if isinstance(each, Run) else next(queued) for each in wanted]
            batch = await self.store.add(
                transaction, principal.tenant, runs, kind=kind, scenario_id=scenario_id, idempotency_key=key,
                asked=said, requested_by=principal.name, created_at=self.clock(),
            )  # fmt: skip
        self.runs.changed.set()
        return batch


async def _varied(preparing: Preparing, request: Request, variations: Sequence[Variation]) -> list[Run | Prepared]:
    if request.simulation is not None:
        _refuse_simulations(1 + len(variations), "simulation")
    return [await preparing.prepared(replace(request, variation=each)) for each in (None, *variations)]


def _refuse_simulations(count: int, field: str) -> None:
    if count > MOST_SIMULATIONS:
        raise InvalidInput(f"at most {MOST_SIMULATIONS} runs of a batch simulate, and there are {count}", field=field)


def _refuse_too_many(curves: int) -> None:
    if curves > MOST_CURVES:
        why = f"at most {MOST_CURVES:,} curves of all runs of a batch together, and there are {curves:,}"
        raise InvalidInput(why, hint="Narrow the scenarios' filters, or ask for fewer runs at once.")
