"""What drivers did to the curves of runs, whatever order they are in: computed when it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain

import numpy as np

from aurum.auth import Principal
from aurum.backends.steps import stepped
from aurum.errors import AurumError, Conflict, InvalidScenario
from aurum.market.finite import finite
from aurum.scenarios.attribution import Checked, WithoutOrder
from aurum.scenarios.drivers import Driver
from aurum.scenarios.model import BaseCurve, Contribution, ScenarioCurve
from aurum.scenarios.plans.book import CurveBook
from aurum.scenarios.plans.planning import plan
from aurum.scenarios.policies import Policies
from aurum.scenarios.refusals import refuse_errors
from aurum.scenarios.runs.drivers import drivers_of
from aurum.scenarios.runs.model import ResultMids, Run
from aurum.scenarios.runs.results import Key, ResultService
from aurum.scenarios.runs.starts import Wanted, parts_of_starts

Parts = Sequence[Contribution]
Found = dict[Key, Parts | AurumError]
_CLOSE = 1e-9  # of a price and its moves: what is far less than it is rounding


class AttributionService:
    """Computes for one at a time: that takes a core, and others are to be answered meanwhile."""

    def __init__(self, results: ResultService) -> None:
        self.results = results
        self._turn = asyncio.Semaphore(1)

    async def without_order(self, principal: Principal, keys: Collection[Key]) -> Found:
        """By run and curve, in the order of drivers; of curves that no driver moves nothing.

        InvalidScenario where too many drivers count for a curve, NotFound, and Conflict for a run without curves or of
        other formulas. Ten statements, however many runs and curves.
        """
        asked = {run_id: {curve_id for run, curve_id in keys if run == run_id} for run_id, _ in keys}
        runs = await self.results.succeeded(principal, asked)
        found: Found = {key: each for key in keys if isinstance(each := runs[key[0]], AurumError)}
        known = [each for each in runs.values() if isinstance(each, Run)]
        return found | (await self._computed(principal, known, asked) if known else {})

    async def _computed(
        self, principal: Principal, runs: Sequence[Run], asked: Mapping[int, Collection[int]]
    ) -> Found:  # fmt: skip
        store, scenarios = self.results.store, self.results.scenarios
        versions = await scenarios.versions(principal, {run.key for run in runs})
        drivers = {run.id: drivers_of(run, versions[run.key]) for run in runs}
        policies = await scenarios.policies.known_to(principal, chain.from_iterable(drivers.values()))
        wanted = [Wanted(run, drivers[run.id], asked[run.id]) for run in runs]
        starts = await parts_of_starts(store, self.results.bases, principal, wanted, policies)
        told: dict[int, dict[int, ResultMids]] = {run.id: {} for run in runs}
        for each in await store.mids(principal.tenant, told, set().union(*asked.values())):
            if each.curve_id in asked[each.run_id]:
                told[each.run_id][each.curve_id] = each
        found: Found = {}
        async with self._turn:
            for run in runs:
                for step in await stepped(_attributed(starts[run.id], drivers[run.id], policies, told[run.id])):
                    found |= step
        return found


def _attributed(
    curves: Sequence[BaseCurve], drivers: Sequence[Driver], policies: Policies, told: Mapping[int, ResultMids]
) -> Iterator[Found]:
    """Of the curves of a run that are `told`, a bounded step at a time; the last one that has a curve is right."""
    keys = {curve_id: (each.run_id, curve_id) for curve_id, each in told.items()}
    yield dict.fromkeys(keys.values(), ())
    try:
        planned = plan(CurveBook(curves), drivers, policies)
        refuse_errors(planned.issues)
    except AurumError as error:
        yield dict.fromkeys(keys.values(), error)
        return
    whole, ids = WithoutOrder(planned), [each.curve.id for each in planned.book.curves]
    fine = dict[int, Checked]()
    for at, id_ in enumerate(ids):
        if id_ in keys:
            try:
                fine[at] = whole.check(at)
            except InvalidScenario as error:
                yield {keys[id_]: error}
    for group in whole.groups(fine):
        try:
            for step in whole.attributed(group):
                yield {keys[made.base.curve.id]: _checked(made, told[made.base.curve.id]) for made in step}
        except AurumError as error:
            yield {keys[ids[at]]: error for at in group.curves}


@finite("an attribution")
def _checked(made: ScenarioCurve, told: ResultMids) -> Parts:
    """Raises Conflict where these are not the formulas that the run was computed by: parts of another total."""
    size = np.abs(made.base.mid) + sum(np.abs(each.amounts) for each in made.contributions)
    if not np.isclose(made.mid, told.mids(made.base.mid), rtol=0, atol=_CLOSE * size, equal_nan=True).all():
        why = "the run was computed by other formulas than those of today"
        raise Conflict(why, hint="Run it again, or take the form in order, which is kept with it.")
    return made.contributions
