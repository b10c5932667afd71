"""What drivers did to the curves of runs, whatever order they are in: computed when it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import numpy as np

from aurum.auth import Principal
from aurum.curves.model import Prices
from aurum.errors import AurumError, Conflict, InvalidScenario
from aurum.market.finite import finite
from aurum.scenarios.attribution import Checked, WithoutOrder
from aurum.scenarios.model import BaseCurve, Contribution, Driver, ScenarioCurve
from aurum.scenarios.plans.book import CurveBook
from aurum.scenarios.plans.planning import plan
from aurum.scenarios.policies import Policies
from aurum.scenarios.refusals import refuse_errors
from aurum.scenarios.runs.drivers import drivers_of
from aurum.scenarios.runs.results import Key, ResultService, there
from aurum.scenarios.runs.starts import start_of

Parts = Sequence[Contribution]
_CLOSE = 1e-9  # of a price and its moves: what is far less than it is rounding


class AttributionService:
    """Computes for one at a time: that takes a core, and others are to be answered meanwhile."""

    def __init__(self, results: ResultService) -> None:
        self.results = results
        self._turn = asyncio.Semaphore(1)

    async def without_order(self, principal: Principal, keys: Collection[Key]) -> dict[Key, Parts | AurumError]:
        """By run and curve, in the order of drivers; of curves that no driver moves nothing. Seven statements a run.

        InvalidScenario where too many drivers count for a curve. Raises NotFound, and Conflict for a run without curves
        or of other formulas.
        """
        found: dict[Key, Parts | AurumError] = {}
        for run_id in sorted({run_id for run_id, _ in keys}):
            found |= await self._of_run(principal, run_id, {curve_id for run, curve_id in keys if run == run_id})
        return found

    async def _of_run(
        self, principal: Principal, run_id: int, curve_ids: Collection[int]
    ) -> dict[Key, Parts | AurumError]:
        store = self.results.store
        run = there((await self.results.succeeded(principal, [run_id]))[run_id])
        version = (await self.results.scenarios.versions(principal, [run.key]))[run.key]
        drivers = drivers_of(run, version)
        policies = await self.results.scenarios.policies.known_to(principal, drivers)
        inputs, curves = await start_of(store, self.results.bases, principal, run)
        told = {each.curve_id: each for each in await store.mids(principal.tenant, [run_id], curve_ids)}
        ids = {curve.key: each.curve_id for each, curve in zip(inputs, curves, strict=True)}
        wanted = [key for key, id_ in ids.items() if id_ in told]
        found: dict[Key, Parts | AurumError] = {(run_id, id_): () for id_ in told}
        async with self._turn:
            attribution = await asyncio.to_thread(_Attribution, curves, drivers, policies, wanted)
            found |= {(run_id, ids[key]): each for key, each in attribution.refused.items()}
            for group in attribution.groups:  # where nobody waits any longer, it ends here
                for made in await asyncio.to_thread(attribution.whole.attributed, group):
                    id_ = ids[made.base.key]
                    _check(made, told[id_].mids(made.base.mid))
                    found[run_id, id_] = made.contributions
        return found


class _Attribution:
    """Of the wanted curves of a run; `refused` are those that take too much."""

    def __init__(
        self, curves: Sequence[BaseCurve], drivers: Sequence[Driver], policies: Policies, wanted: Collection[str]
    ) -> None:
        planned = plan(CurveBook(curves), drivers, policies)
        refuse_errors(planned.issues)
        self.whole, self.refused = WithoutOrder(planned), dict[str, AurumError]()
        fine = dict[int, Checked]()
        for at, each in enumerate(planned.book.curves):
            if each.key in wanted:
                try:
                    fine[at] = self.whole.check(at)
                except InvalidScenario as error:
                    self.refused[each.key] = error
        self.groups = self.whole.groups(fine)


@finite("an attribution")
def _check(made: ScenarioCurve, told: Prices) -> None:
    """Raises Conflict where these are not the formulas that the run was computed by: parts of another total."""
    size = np.abs(made.base.mid) + sum(np.abs(each.amounts) for each in made.contributions)
    if not (np.isclose(made.mid, told, rtol=0, atol=_CLOSE * size, equal_nan=True)).all():
        why = "the run was computed by other formulas than those of today"
        raise Conflict(why, hint="Run it again, or take the form in order, which is kept with it.")
