"""Whatever runs at once, a file is loaded once; and cancelled is cancelled, on whichever side."""

from __future__ import annotations

import asyncio
import signal
from datetime import date, timedelta

import pytest

from aurum.backends.paging import PageRequest
from aurum.demo import eugp_workbook
from aurum.demo.workbooks import VendorWorkbook
from aurum.ingestion.model import Run, RunFilter, RunState
from aurum.services import Services
from tests.flows.conftest import DESK, LOCK_PUBLISHING, House, recovered, run_of, send
from tests.processes import PATIENCE_SECONDS, eventually
from tests.sending import Sent, exactly_once

pytestmark = pytest.mark.slow


async def newest(services: Services, count: int) -> list[Run]:
    return list((await services.ingestion.runs_page(DESK, RunFilter(), PageRequest(count))).items)


async def running(services: Services, count: int) -> None:
    """Returns once so many runs are executed."""

    async def reached() -> bool:
        return [run.state for run in await newest(services, count)] == [RunState.RUNNING] * count

    await eventually(reached)


async def snapshots(house: House) -> int:
    async with house.sql() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM snapshots"))


def corrected(workbook: VendorWorkbook) -> VendorWorkbook:
    """Published some minutes later, with every price a little higher."""
    later = workbook.corrected(workbook.published_at + timedelta(minutes=5))
    for grid in later.sheets.values():
        for row in grid:
            row[:] = [value * 1.001 if isinstance(value, float) else value for value in row]
    return later


async def test_however_many_at_once_each_file_is_loaded_once(services: Services, house: House) -> None:
    """A day of a vendor and its correction, brought by four flow runs that are all under way before one publishes."""
    day = eugp_workbook(date(2025, 1, 9), months=2)
    correction = corrected(day)
    for workbook in (day, correction):
        workbook.save(house.settings.drop_folder)
    async with house.held(LOCK_PUBLISHING):
        sent = await send(services, day.to_bytes(), day.name)
        flow_runs = [
            *house.prefect.flow_runs(sent),
            house.start("ingest-workbook/ingest", tenant="demo", run_id=sent.id),
            house.start("ingest-files/ingest-files", files=[correction.name, day.name]),
            house.start("ingest-day/ingest-day", as_of="2025-01-09"),
        ]
        for flow_run in flow_runs:
            await house.reaches(flow_run, ["RUNNING"])
        await running(services, 2)
    ended = [await house.reaches(flow_run) for flow_run in flow_runs]
    assert {flow_run["state"]["type"] for flow_run in ended} == {"COMPLETED"}
    await exactly_once(services, [Sent.of(day), Sent.of(correction)])


async def test_a_cancelled_load_is_over_and_is_not_taken_up_again(services: Services, house: House) -> None:
    """One is cancelled in Prefect, one in Aurum, and one that a backfill had under way: all wait for the vendor."""
    before = await snapshots(house)
    workbooks = [eugp_workbook(date(2025, 1, day), months=2) for day in (6, 7, 8)]
    workbooks[2].save(house.settings.drop_folder / ".history")
    async with house.held(LOCK_PUBLISHING):
        in_prefect, in_aurum = [await send(services, each.to_bytes(), each.name) for each in workbooks[:2]]
        backfill = house.start("backfill/ingest-backfill", folder=".history")
        await running(services, 3)
        in_backfill = next(run for run in await newest(services, 3) if run.trigger == "backfill")

        house.cancel(await house.flow_run(in_prefect, ["RUNNING"]))
        house.cancel(backfill)
        await services.ingestion.cancel(DESK, in_aurum.id)
        await services.dispatcher.cancel("demo", in_aurum)

        flow_runs = [await house.flow_run(run) for run in (in_prefect, in_aurum)] + [await house.reaches(backfill)]
        assert [flow_run["state"]["type"] for flow_run in flow_runs] == ["CANCELLED"] * 3
        assert [house.flow_processes(flow_run) for flow_run in flow_runs] == [[], [], []]
        ended = [await run_of(services, run) for run in (in_prefect, in_aurum, in_backfill)]
        assert [(run.state, run.error) for run in ended] == [
            (RunState.CANCELLED, "cancelled by Prefect"),
            (RunState.CANCELLED, "cancelled by worker"),
            (RunState.CANCELLED, "cancelled by Prefect"),
        ]
    assert await services.ingestion.recover(services.dispatcher) == 0
    assert await snapshots(house) == before


async def test_a_cancelled_run_is_loaded_where_its_flow_run_is_retried(services: Services, house: House) -> None:
    cancelled = next(run for run in await newest(services, 3) if run.error == "cancelled by worker")
    flow_run = await house.flow_run(cancelled)
    again = {"type": "SCHEDULED", "name": "AwaitingRetry"}
    house.prefect.ask(f"flow_runs/{flow_run['id']}/set_state", state=again, force=True)
    flow_run = await house.reaches(flow_run, ["COMPLETED"])
    (run,) = await newest(services, 1)
    assert (run.state, run.retries, run.attempt) == (RunState.SUCCEEDED, cancelled.id, 1)
    assert run.requested_by == f"Prefect flow run {flow_run['id']}"
    assert flow_run["name"].endswith(f"(#{run.id})")


async def test_a_runner_that_is_stopped_cancels_nothing(services: Services, house: House) -> None:
    """Nobody serves the flows from now on."""
    workbook = eugp_workbook(date(2025, 1, 10), months=2)
    async with house.held(LOCK_PUBLISHING):
        run = await send(services, workbook.to_bytes(), workbook.name)
        flow_run = await house.flow_run(run, ["RUNNING"])
        await running(services, 1)
        house.runner.terminate()
        house.runner.wait(120)
        assert house.flow_processes(flow_run) == []
    await recovered(services, house, run, 2)
    assert (await run_of(services, run)).state is RunState.QUEUED
    assert (await house.flow_run(run, ["SCHEDULED"], number=1))["id"] != flow_run["id"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_runner_ends_with_the_first_signal_although_prefect_does_not(
    services: Services, house: House, number: signal.Signals
) -> None:
    house.serve("tests.flows.stuck")
    workbook = eugp_workbook(date(2025, 2, 3 + number % 2), months=2)
    async with house.held(LOCK_PUBLISHING):
        run = await send(services, workbook.to_bytes(), workbook.name)
        flow_run = await house.flow_run(run, ["RUNNING"])
        house.runner.send_signal(number)
        assert await asyncio.to_thread(house.runner.wait, PATIENCE_SECONDS) == 1
        assert house.flow_processes(flow_run) == []
