"""What drivers did whatever their order, of some curves of runs: as of all of them, on both databases."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from aurum.curves.service import CurveService
from aurum.graphql.ids import row_of
from aurum.market.identity import CurveIdentity
from aurum.metadata.model import CurveDescription
from aurum.scenarios.runs.drivers import drivers_of
from aurum.scenarios.runs.results import there
from aurum.scenarios.runs.starts import start_of
from aurum.services import Services
from tests.api.conftest import Ask
from tests.api.history import US, publish
from tests.api.test_scenario_runs import GAS_UP, POWER, TTF, done, queued, scenario
from tests.scenario_curves import shapley
from tests.statements import statements_from_here

OLD = CurveDescription(CurveIdentity("EUGP", "EU", "Of_2023", "gas"), "gas", "gas", "EU")
GROWN = {"loadGrowth": {"annualGrowthPct": 2}}  # from the year of the earliest of all curves


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests are the workers."""
    monkeypatch.setenv("AURUM_SCENARIOS__PROCESSES", "0")


async def followed_and_grown(loaded: Services, ask: Ask) -> list[int]:
    """Two runs over all curves: power follows gas, which is named by its legacy key, and grows since 2023."""
    await publish(loaded, (date(2023, 12, 1), {OLD: 40.0}))
    legacy = (await loaded.metadata.by_key(US, [TTF]))[TTF].legacy_key
    follow = {"heatRate": {"reference": legacy, "heatRate": 2, "limits": {"curves": {"keys": [POWER]}}}}
    of = await scenario(ask, "All", GAS_UP, follow, GROWN, filter=None)
    return [row_of(await done(ask, loaded, of, seed=seed), "ScenarioRun") for seed in range(2)]


async def test_some_curves_are_attributed_as_all_of_them_together(loaded: Services, ask: Ask) -> None:
    first, second = await followed_and_grown(loaded, ask)
    run = there((await loaded.scenario_results.succeeded(US, [first]))[first])
    drivers = drivers_of(run, (await loaded.scenarios.versions(US, [run.key]))[run.key])
    _, curves = await start_of(loaded.scenario_results.store, loaded.scenario_results.bases, US, run)
    together = shapley(curves, drivers).curves[POWER].contributions
    power = (await loaded.metadata.by_key(US, [POWER]))[POWER].id
    found = await loaded.scenario_attribution.without_order(US, [(first, power), (second, power)])
    assert [each.driver for each in together] == [0, 1, 2]
    for parts in found.values():
        said_ = [(each.driver, each.amounts.tolist()) for each in there(parts)]
        assert repr(said_) == repr([(each.driver, each.amounts.tolist()) for each in together])


async def test_curves_and_runs_take_the_same_statements_and_no_other_curve_is_read(
    loaded: Services, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = await followed_and_grown(loaded, ask)
    ids = {key: curve.id for key, curve in (await loaded.metadata.by_key(US, [TTF, POWER])).items()}
    read, mids_of = list[int](), CurveService.mids_of

    async def counted(self: CurveService, principal: Any, snapshots: Any) -> Any:
        read.append(len(snapshots))
        return await mids_of(self, principal, snapshots)

    monkeypatch.setattr(CurveService, "mids_of", counted)
    seen, statements = statements_from_here(loaded.database), list[int]()
    for keys in ([(runs[0], ids[POWER])], [(run, id_) for run in runs for id_ in ids.values()]):
        seen.clear()
        await loaded.scenario_attribution.without_order(US, keys)
        statements.append(len([each for each in seen if "SELECT" in each]))
    assert read == [3, 6]  # of a run: power, the gas that it follows, and what is of 2023
    assert statements[0] == statements[1] <= 9


async def test_a_run_without_curves_refuses_its_own_only(loaded: Services, ask: Ask) -> None:
    of = await scenario(ask)
    ready, waits = await done(ask, loaded, of), await queued(ask, of, seed=1)
    curve = (await loaded.metadata.by_key(US, [TTF]))[TTF].id
    keys = [(row_of(each, "ScenarioRun"), curve) for each in (ready, waits)]
    found = await loaded.scenario_attribution.without_order(US, keys)
    assert [each.driver for each in there(found[keys[0]])] == [0]
    assert getattr(found[keys[1]], "code", None) == "CONFLICT"
