"""A simulation that takes long: it tells how far it is, and ends with its process, whoever ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from aurum.metadata.model import CurveFilter
from aurum.scenarios.repository.model import Definition
from aurum.scenarios.runs.crew import Crew, environment_of
from aurum.scenarios.runs.model import Request, Run, RunState
from aurum.scenarios.simulation.asked import SimulationAsked
from aurum.services import Services
from aurum.settings import DatabaseSettings, ScenarioSettings, Settings
from tests.api.history import US
from tests.api.test_scenario_crew import alive, until
from tests.api.test_simulations import BRITISH, GAS

pytestmark = pytest.mark.slow

HELD = """
import os, pathlib, runpy, time
from aurum.scenarios.simulation import simulating

def held(paths):
    while "/nbp/" in paths.line.key and pathlib.Path(os.environ["AURUM_HOME"], "held").exists():
        time.sleep(0.02)
    return summary(paths)

summary, simulating.summary = simulating.summary, held
runpy.run_module("aurum.working", run_name="__main__")
"""
"""A worker that waits between its first curve and its second."""


@pytest.fixture
def desk(historic: Services) -> Services:
    return historic


@pytest.fixture
async def crew(
    monkeypatch: pytest.MonkeyPatch, desk: Services, migrated_url: str, tmp_path: Path
) -> AsyncIterator[Crew]:
    """Of one process, the only one that there is."""
    monkeypatch.setattr("aurum.scenarios.runs.crew.COMMAND", (sys.executable, "-c", HELD))
    (tmp_path / "held").touch()
    settings = Settings(home=tmp_path, database=DatabaseSettings(url=SecretStr(migrated_url)))
    desk.scenario_runs.settings = ScenarioSettings(processes=1)
    crew = Crew(desk.scenario_runs, environment_of(settings))
    watching = asyncio.create_task(crew.watch())
    yield crew
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


@pytest.fixture(autouse=True)
def _no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server of the test computes nothing."""
    monkeypatch.setenv("AURUM_SCENARIOS__PROCESSES", "0")


async def half_simulated(desk: Services, crew: Crew) -> tuple[Run, int]:
    """A run whose first curve is simulated, and the process that waits before the second."""
    kept = await desk.scenarios.create(US, Definition("Two", curves=CurveFilter(keys=(GAS, BRITISH))))
    run = await desk.scenario_runs.submit(US, Request(kept.scenario.id, simulation=SimulationAsked()))
    run = await until(desk, run, lambda found: found.progress > 0.3)
    (process,) = [each.process for each in crew._members]
    assert process is not None
    return run, process.pid


async def test_it_tells_how_far_it_is(desk: Services, crew: Crew, tmp_path: Path) -> None:
    """Half of its curves are simulated, and these are most of the work."""
    before = await desk.events.head("demo")
    run, _ = await half_simulated(desk, crew)
    assert run.state is RunState.RUNNING
    assert run.progress == pytest.approx(0.18 + 0.8 * (0.25 + 0.7 / 2))
    (tmp_path / "held").unlink()
    assert (await until(desk, run, lambda found: found.state.final)).state is RunState.SUCCEEDED
    told = [each.payload["progress"] for each in await desk.events.read("demo", before, ["SCENARIO_RUN"])]
    assert run.progress in told
    assert told == sorted(told)


async def cancelled(desk: Services, _: Crew, run: Run) -> None:
    await desk.scenario_runs.cancel(US, run.id)


async def late(_: Services, crew: Crew, __: Run) -> None:
    """Its time is over."""
    crew._members[0].until = 0.0


@pytest.mark.parametrize(("end", "state"), [(cancelled, RunState.CANCELLED), (late, RunState.TIMEOUT)])
async def test_it_ends_at_once_whatever_it_is_at(
    desk: Services, crew: Crew, end: Callable[[Services, Crew, Run], Awaitable[None]], state: RunState
) -> None:
    """Its process would wait for ever."""
    run, process = await half_simulated(desk, crew)
    await end(desk, crew, run)
    ended = await until(desk, run, lambda _: not alive(process))
    assert (ended.state, ended.error_code) == (state, state.value)
    assert await desk.scenario_results.counts(US, [run.id]) == {}
    assert (await desk.scenario_simulations.simulations(US, [run.id]))[run.id].summary is None


async def test_another_process_finishes_what_a_killed_one_has_left(
    desk: Services, crew: Crew, tmp_path: Path
) -> None:  # fmt: skip
    run, process = await half_simulated(desk, crew)
    (tmp_path / "held").unlink()
    os.kill(process, signal.SIGKILL)
    ended = await until(desk, run, lambda found: found.state.final)
    assert (ended.state, ended.attempt) == (RunState.SUCCEEDED, 2)
    assert await desk.scenario_results.counts(US, [run.id]) == {run.id: (2, 0)}
    assert (await desk.scenario_simulations.simulations(US, [run.id]))[run.id].summary is not None
