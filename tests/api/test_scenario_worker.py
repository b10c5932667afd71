"""`aurum worker`: two of them share the runs of a PostgreSQL, and one dies in the middle of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import pytest

from aurum.auth import worker_principal
from aurum.metadata.model import CurveFilter
from aurum.scenarios.repository.model import Definition
from aurum.scenarios.runs.model import Priority, Request, Run, RunState
from aurum.services import Services
from tests.processes import children_of, eventually, running

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)]

TTF = "eugp:eu/dutch_ttf/gas"
US = worker_principal("demo")
LOCK_READING = "LOCK TABLE snapshots IN ACCESS EXCLUSIVE MODE"


@pytest.fixture(autouse=True)
def _no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server of the test computes nothing."""
    monkeypatch.setenv("AURUM_SCENARIOS__PROCESSES", "0")


async def asked(services: Services, percent: int, priority: Priority = Priority.NORMAL) -> Run:
    drivers = ({"driver_type": "scale", "payload": {"percent": percent}},)
    made = await services.scenarios.create(US, Definition(f"{percent} %", None, drivers, CurveFilter(keys=(TTF,))))
    return await services.scenario_runs.submit(US, Request(made.scenario.id, priority=priority))


async def found(services: Services, runs: Collection[Run]) -> list[Run]:
    known = await services.scenario_runs.runs(US, [run.id for run in runs])
    return [known[run.id] for run in runs]


async def under_way(services: Services, runs: Collection[Run]) -> set[int]:
    """Those of them that the two workers are at, once both are at one."""

    async def both() -> set[int]:
        now = {run.id for run in await found(services, runs) if run.state is RunState.RUNNING}
        return now if len(now) == 2 else set()

    return await eventually(both)


async def test_two_workers_share_runs_and_one_finishes_what_the_other_has_left(
    loaded: Services, migrated_url: str, tmp_path: Path
) -> None:
    environment = os.environ | {
        "AURUM_HOME": str(tmp_path), "AURUM_DATABASE__URL": migrated_url, "AURUM_SCENARIOS__PROCESSES": "1",
        "AURUM_SCENARIOS__LEASE_SECONDS": "1",
    }  # fmt: skip
    runs = [await asked(loaded, percent) for percent in range(1, 10)]
    runs.append(await asked(loaded, 10, Priority.CRITICAL))
    locking = await asyncpg.connect(migrated_url.replace("+asyncpg", ""))
    with ExitStack() as stack:
        workers = [stack.enter_context(running("aurum", environment, tmp_path / "log", "worker")) for _ in range(2)]
        async with locking.transaction():
            await locking.execute(LOCK_READING)
            assert await under_way(loaded, runs) == {runs[0].id, runs[9].id}  # the oldest, and the urgent one
            processes = {child for worker in workers for child in children_of(worker.pid)}
            await loaded.scenario_runs.cancel(US, runs[0].id)

            async def ended() -> bool:
                return not processes <= {child for worker in workers for child in children_of(worker.pid)}

            await eventually(ended)
            assert await under_way(loaded, runs) == {runs[1].id, runs[9].id}
            os.kill(workers[0].pid, signal.SIGKILL)
        await locking.close()

        async def done() -> bool:
            return all(run.state.final for run in await found(loaded, runs))

        await eventually(done)
    ended_as = {run.id: (run.state, run.attempt) for run in await found(loaded, runs)}
    assert ended_as.pop(runs[0].id) == (RunState.CANCELLED, 1)
    assert {state for state, _ in ended_as.values()} == {RunState.SUCCEEDED}
    assert sorted(attempt for _, attempt in ended_as.values()) == [1] * 8 + [2]
    assert await loaded.scenario_results.counts(US, list(ended_as)) == dict.fromkeys(ended_as, (1, 1))
    (curve,) = (await loaded.metadata.by_key(US, [TTF])).values()
    told = await loaded.scenario_results.results(US, [(run, curve.id) for run in ended_as])
    for percent, run in enumerate(runs[1:], 2):
        snapshot = told[run.id, curve.id].snapshot
        assert snapshot.prices.mid == pytest.approx(snapshot.base.prices.mid * (1 + percent / 100), nan_ok=True)
