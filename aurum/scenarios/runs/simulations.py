"""What runs have simulated, for those who read it."""

from __future__ import annotations

from collections.abc import Collection

from aurum.auth import Principal, Scope
from aurum.backends.paging import Page, PageRequest
from aurum.scenarios.runs.simulated import RunSimulation, SimulatedRunCurve
from aurum.scenarios.runs.simulation_store import SimulationStore


class SimulationService:
    def __init__(self, store: SimulationStore) -> None:
        self.store = store

    async def simulations(self, principal: Principal, run_ids: Collection[int]) -> dict[int, RunSimulation]:
        """By run, where it simulates something."""
        principal.require(Scope.SCENARIOS_READ)
        return await self.store.simulations(principal.tenant, run_ids)

    async def pages(
        self, principal: Principal, run_ids: Collection[int], *, request: PageRequest
    ) -> dict[int, Page[SimulatedRunCurve]]:
        """By run: its simulated curves, by their keys; absent where there are none."""
        principal.require(Scope.SCENARIOS_READ)
        return await self.store.pages(principal.tenant, run_ids, request)

    async def curves(
        self, principal: Principal, keys: Collection[tuple[int, int]]
    ) -> dict[tuple[int, int], SimulatedRunCurve]:
        """By run and curve, where the run has simulated the curve."""
        principal.require(Scope.SCENARIOS_READ)
        return await self.store.curves(principal.tenant, keys)
