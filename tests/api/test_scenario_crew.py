"""Processes that compute runs: they may die, hang, or do what nobody wants any more."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from aurum.auth import worker_principal
from aurum.metadata.model import CurveFilter
from aurum.scenarios.repository.model import Definition
from aurum.scenarios.runs.crew import Crew, environment_of
from aurum.scenarios.runs.model import Request, Run, RunState
from aurum.services import Services, open_services
from aurum.settings import DatabaseSettings, ScenarioSettings, Settings

TTF = "eugp:eu/dutch_ttf/gas"
US = worker_principal("demo")
pytestmark = pytest.mark.slow


@pytest.fixture
async def desk(loaded_home: Settings) -> AsyncIterator[Services]:
    async with open_services(loaded_home) as services:
        yield services


@pytest.fixture
def loaded_home(migrated_url: str, loaded: Any, tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path, database=DatabaseSettings(url=SecretStr(migrated_url)),
        scenarios=ScenarioSettings(processes=1, ready=True),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The crew of the test is the only one."""
    monkeypatch.setenv("AURUM_SCENARIOS__PROCESSES", "0")


GREEDY = """
import runpy
import numpy as np
from aurum.scenarios.runs import execution

def greedy(*given, **more):
    execution.apply = apply
    held = [np.ones(2**20) for _ in range(1000)]  # 8 GiB, but the first 256 MiB are too much
    return apply(*given, **more)

apply, execution.apply = execution.apply, greedy
runpy.run_module("aurum.working", run_name="__main__")
"""


DYING = """
import os, pathlib, runpy, sys, time

first = pathlib.Path(os.environ["AURUM_HOME"], "first")
if not first.exists():
    first.touch()
    sys.stdin.readline()
    os.close(1)
    time.sleep(60)
runpy.run_module("aurum.working", run_name="__main__")
"""
"""The first says nothing any more when it is given a run, and has not quite ended."""


async def asked(desk: Services, **more: Any) -> Run:
    documents = ({"driver_type": "scale", "payload": {"percent": 20}},)
    kept = await desk.scenarios.create(US, Definition("Up", None, documents, CurveFilter(keys=(TTF,))))
    return await desk.scenario_runs.submit(US, Request(kept.scenario.id, **more))


async def looked(desk: Services, run: Run) -> Run:
    return (await desk.scenario_runs.runs(US, [run.id]))[run.id]


async def until(desk: Services, run: Run, good: Callable[[Run], bool]) -> Run:
    async with asyncio.timeout(90):
        while not good(found := await looked(desk, run)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return found


async def with_crew(desk: Services, settings: Settings, play: Callable[[int], Awaitable[None]]) -> None:
    """`play` gets the one process of a crew, stopped while it waits for a run."""
    crew = Crew(desk.scenario_runs, environment_of(settings))
    watching = asyncio.create_task(crew.watch())
    try:
        async with asyncio.timeout(60):
            while not (pids := [each.process.pid for each in crew._members if each.process]):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        os.kill(pids[0], signal.SIGSTOP)
        await play(pids[0])
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert not alive(pids[0])


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_run_of_a_process_that_is_killed_is_finished_by_another_one_once(
    desk: Services, loaded_home: Settings
) -> None:
    async def play(pid: int) -> None:
        run = await asked(desk)
        await until(desk, run, lambda found: found.state is RunState.RUNNING)
        os.kill(pid, signal.SIGKILL)
        ended = await until(desk, run, lambda found: found.state.final)
        assert (ended.state, ended.attempt) == (RunState.SUCCEEDED, 2)
        assert await desk.scenario_results.counts(US, [run.id]) == {run.id: (1, 1)}

    await with_crew(desk, loaded_home, play)


async def test_a_process_that_is_about_to_end_costs_one_attempt(
    desk: Services, loaded_home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aurum.scenarios.runs.crew.COMMAND", (sys.executable, "-c", DYING))
    run, crew = await asked(desk), Crew(desk.scenario_runs, environment_of(loaded_home))
    watching = asyncio.create_task(crew.watch())
    ended = await until(desk, run, lambda found: found.state.final)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert (ended.state, ended.attempt) == (RunState.SUCCEEDED, 2)


async def test_a_run_that_hangs_is_ended_with_its_process(desk: Services, loaded_home: Settings) -> None:
    async def play(pid: int) -> None:
        run = await asked(desk, time_limit=1)
        ended = await until(desk, run, lambda found: found.state.final)
        assert (ended.state, ended.error_code) == (RunState.TIMEOUT, "TIMEOUT")
        await until(desk, run, lambda _: not alive(pid))

    await with_crew(desk, loaded_home, play)


async def test_a_run_that_is_cancelled_is_ended_with_its_process(desk: Services, loaded_home: Settings) -> None:
    async def play(pid: int) -> None:
        run = await asked(desk)
        await until(desk, run, lambda found: found.state is RunState.RUNNING)
        assert (await desk.scenario_runs.cancel(US, run.id)).state is RunState.CANCELLED
        await until(desk, run, lambda _: not alive(pid))
        assert (await looked(desk, run)).state is RunState.CANCELLED

    await with_crew(desk, loaded_home, play)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_a_run_that_needs_too_much_memory_fails_and_the_next_one_does_not(
    desk: Services, loaded_home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is a real one with a real limit; its first run takes more than there is."""
    monkeypatch.setattr("aurum.scenarios.runs.crew.COMMAND", (sys.executable, "-c", GREEDY))
    limited = loaded_home.scenarios.model_copy(update={"memory_mib": 256})
    crew = Crew(desk.scenario_runs, environment_of(loaded_home.model_copy(update={"scenarios": limited})))
    watching = asyncio.create_task(crew.watch())
    try:
        failed = await until(desk, await asked(desk), lambda found: found.state.final)
        assert (failed.state, failed.error_code, failed.attempt) == (RunState.FAILED, "OUT_OF_MEMORY", 1)
        again = await desk.scenario_runs.submit(US, Request(failed.scenario_id))
        assert (await until(desk, again, lambda found: found.state.final)).state is RunState.SUCCEEDED
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
