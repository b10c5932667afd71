"""Runs of scenarios that Prefect executes: seen, cancelled on either side, taken up again when a flow run is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest

from aurum.app import create_app
from aurum.backends.flow_runs import FlowRuns
from aurum.demo import eugp_workbook
from aurum.ingestion.service import Submission
from aurum.metadata.model import CurveFilter
from aurum.scenarios.repository.model import Definition
from aurum.scenarios.runs.dispatch import RunDispatcher
from aurum.scenarios.runs.model import Request, Run, RunState
from aurum.services import Services
from tests.flows.conftest import DESK, LEASE_SECONDS, House, Json
from tests.processes import children_of, eventually

pytestmark = pytest.mark.slow

DEPLOYMENT = "run-scenario/desk"
LOCK_READING = "LOCK TABLE snapshots IN ACCESS EXCLUSIVE MODE"
TTF = "eugp:eu/dutch_ttf/gas"


@pytest.fixture(scope="module")
def served_with() -> dict[str, str]:
    return {"AURUM_PREFECT__SCENARIOS": DEPLOYMENT, "AURUM_SCENARIOS__LEASE_SECONDS": str(LEASE_SECONDS)}


@pytest.fixture
async def dispatcher(services: Services, house: House) -> AsyncIterator[RunDispatcher]:
    flow_runs = FlowRuns(house.prefect.url, DEPLOYMENT, lambda: datetime.now(UTC))
    yield RunDispatcher(services.scenario_runs, flow_runs)
    await flow_runs.close()


async def queued(services: Services, percent: int) -> Run:
    book = eugp_workbook(date(2025, 2, 12), months=2)
    await services.ingestion.ingest(DESK, Submission(book.to_bytes(), book.name, "test"))
    drivers = ({"driver_type": "scale", "payload": {"percent": percent}},)
    made = await services.scenarios.create(DESK, Definition(f"Up {percent} %", None, drivers, CurveFilter(keys=(TTF,))))
    return await services.scenario_runs.submit(DESK, Request(made.scenario.id))


async def looked(services: Services, run: Run) -> Run:
    return (await services.scenario_runs.runs(DESK, [run.id]))[run.id]


async def reached(services: Services, run: Run, state: RunState) -> Run:
    async def found() -> Run | None:
        now = await looked(services, run)
        return now if now.state is state else None

    there = await eventually(found)
    assert there is not None
    return there


async def test_a_run_that_a_server_is_asked_for_is_computed_by_a_flow_run_that_shows_it(
    services: Services, house: House, dispatcher: RunDispatcher
) -> None:
    prefect = house.settings.prefect.model_copy(update={"scenarios": DEPLOYMENT})
    application = create_app(house.settings.model_copy(update={"prefect": prefect}))
    async with application.router.lifespan_context(application):
        run = await queued(application.state.services, 10)
        await dispatcher.look()  # another server
        flow_run = await house.flow_run(run)
    assert (flow_run["state"]["type"], flow_run["name"]) == ("COMPLETED", f"Up 10 % version 1 (#{run.id})")
    assert {"demo", f"run-{run.id}", f"scenario-{run.scenario_id}", "2025-02-12"} <= set(flow_run["tags"])
    assert len(house.prefect.flow_runs(run)) == 1
    assert (await looked(services, run)).state is RunState.SUCCEEDED
    key, text = house.prefect.report(flow_run)
    assert key == f"demo-scenario-{run.scenario_id}"
    assert text.startswith("# Up 10 %: succeeded")
    assert [bar["data"] for bar in house.prefect.artifacts(flow_run, "progress")] == [100.0]


async def test_a_run_whose_flow_run_is_lost_is_computed_by_another_one_once(
    services: Services, house: House, dispatcher: RunDispatcher
) -> None:
    run = await queued(services, 20)
    async with house.held(LOCK_READING):
        await dispatcher.look()
        flow_run = await house.flow_run(run, ["RUNNING"])
        await reached(services, run, RunState.RUNNING)
        (process,) = [each for each in house.flow_processes(flow_run) if children_of(each)]
        os.kill(process, signal.SIGKILL)
    await house.reaches(flow_run)

    async def computed() -> bool:
        await dispatcher.look()
        return (await looked(services, run)).state.final

    await eventually(computed)
    ended = await looked(services, run)
    assert (ended.state, ended.attempt) == (RunState.SUCCEEDED, 2)
    assert await services.scenario_results.counts(DESK, [run.id]) == {run.id: (1, 1)}


async def test_a_cancelled_run_is_over_on_either_side(
    services: Services, house: House, dispatcher: RunDispatcher
) -> None:
    in_prefect, in_aurum = [await queued(services, percent) for percent in (30, 40)]
    async with house.held(LOCK_READING):
        await dispatcher.look()
        for run in (in_prefect, in_aurum):
            await reached(services, run, RunState.RUNNING)
        house.cancel(await house.flow_run(in_prefect, ["RUNNING"]))
        await services.scenario_runs.cancel(DESK, in_aurum.id)
        flow_runs = [await house.flow_run(run) for run in (in_prefect, in_aurum)]
        assert [each["state"]["type"] for each in flow_runs] == ["CANCELLED"] * 2
        ended = [await reached(services, run, RunState.CANCELLED) for run in (in_prefect, in_aurum)]
        assert [run.error for run in ended] == ["cancelled by Prefect", "cancelled by worker"]
        await eventually(lambda: gone(house, flow_runs))
    await dispatcher.look()
    assert [len(house.prefect.flow_runs(run)) for run in (in_prefect, in_aurum)] == [1, 1]


async def gone(house: House, flow_runs: list[Json]) -> bool:
    return not any(house.flow_processes(each) for each in flow_runs)


async def test_what_has_not_begun_is_cancelled_on_either_side_too(services: Services, house: House) -> None:
    flow = house.prefect.ask("flows/", name="run-scenario")
    house.prefect.ask("deployments/", name="nobody-serves-it", flow_id=flow["id"])
    flow_runs = FlowRuns(house.prefect.url, "run-scenario/nobody-serves-it", lambda: datetime.now(UTC))
    in_prefect, in_aurum = [await queued(services, percent) for percent in (50, 60)]
    dispatcher = RunDispatcher(services.scenario_runs, flow_runs)
    await dispatcher.look()
    house.cancel(house.prefect.flow_runs(in_prefect)[0])
    await services.scenario_runs.cancel(DESK, in_aurum.id)
    await dispatcher.look()
    await RunDispatcher(services.scenario_runs, flow_runs).look()  # another server, or this one when it looks again
    await flow_runs.close()
    states = [[each["state"]["type"] for each in house.prefect.flow_runs(run)] for run in (in_prefect, in_aurum)]
    assert states == [["CANCELLED"], ["CANCELLED"]]
    assert (await looked(services, in_prefect)).error == "cancelled by Prefect"
