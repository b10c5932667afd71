"""Runs go through Prefect: seen by operators as they are, and executed whatever dies on the way."""

from __future__ import annotations

import os
import signal
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from aurum.backends.paging import PageRequest
from aurum.demo import eugp_workbook, rp_workbook
from aurum.graphql.ids import node_id
from aurum.ingestion.model import QuarantineFilter, Run, RunState
from aurum.metadata.model import CurveFilter
from aurum.services import Services
from tests.flows.conftest import AURUM, DESK, LOCK_CLAIMING, LOCK_PUBLISHING, House, Json, recovered, run_of, send
from tests.processes import eventually

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served_with() -> dict[str, str]:
    return {"AURUM_PREFECT__SCHEDULE": "30 18 * * 1-5", "AURUM_PREFECT__TIME_ZONE": "America/New_York"}


async def has(services: Services, run: Run, state: RunState) -> None:
    async def reached() -> bool:
        found = await run_of(services, run)
        assert found.state is state or not found.state.final, f"{found.state}, not {state}: {found.error}"
        return found.state is state

    await eventually(reached)


async def test_a_loaded_workbook_is_found_by_vendor_and_day(services: Services, house: House) -> None:
    workbook = rp_workbook(date(2025, 2, 12))
    sent = await send(services, workbook.to_bytes(), workbook.name)
    flow_run = await house.flow_run(sent)
    run = await run_of(services, sent)
    assert (run.state, run.attempt, run.counts.withheld) == (RunState.SUCCEEDED, 1, 0)
    assert (flow_run["state"]["type"], flow_run["state"]["name"]) == ("COMPLETED", "Completed")
    assert flow_run["name"] == f"RP 2025-02-12 {workbook.name} (#{run.id})"
    queued = f"queued {run.created_at.isoformat()}"
    assert set(flow_run["tags"]) == {"RP", "2025-02-12", "demo", "test", f"run-{run.id}", queued}
    key, report = house.prefect.report(flow_run)
    assert key == "demo-rp"
    assert f"# RP as of 2025-02-12: loaded\n\n`{workbook.name}`, run {run.id}, sent by worker (test)" in report
    assert (
        f"| {run.counts.sheets} | {run.counts.curves} | {run.counts.points:,} | {run.counts.points:,} | 0 |" in report
    )
    assert f"[Annotated workbook]({AURUM}/runs/{node_id('IngestionRun', run.id)}/annotated.xlsx)" in report
    assert report.count("\n| warning |") == run.counts.warnings > 0
    (progress,) = house.prefect.artifacts(flow_run, "progress")
    assert (progress["data"], progress["description"]) == (100, f"run {run.id}: done")
    await house.prefect.logged(flow_run, f"run {run.id}: reading")
    await house.prefect.logged(flow_run, f"run {run.id}: loading")
    await house.prefect.logged(flow_run, f"run {run.id}: {workbook.name}: loaded, RP as of 2025-02-12")


async def test_points_in_quarantine_and_refused_files_stand_out(services: Services, house: House) -> None:
    workbook = eugp_workbook(date(2025, 2, 14), months=4)
    workbook.put("Fixed Prices - Mid", "D12", "n/a")
    held = await send(services, workbook.to_bytes(), workbook.name)
    refused = await send(services, b"PK no workbook", "EOD_EUGP_20250213_1430.xlsx")

    flow_run, run = await house.flow_run(held), await run_of(services, held)
    assert (flow_run["state"]["type"], flow_run["state"]["name"]) == ("COMPLETED", "Quarantined")
    assert (
        f"{run.counts.points - 1:,} of {run.counts.points:,} points (1 in quarantine)" in flow_run["state"]["message"]
    )
    assert "quarantined" in flow_run["tags"]
    _, report = house.prefect.report(flow_run)
    (point,) = (
        await services.ingestion.quarantine.page(DESK, QuarantineFilter(run_ids=(run.id,)), PageRequest(9))
    ).items
    assert point.tenor is not None
    assert "## In quarantine: 1\n\n| reason | cells | curve | tenor | mid | bid | ask |\n" in report
    assert f"| {point.curve_key} | {point.tenor.label} |  | {point.prices.bid} | {point.prices.ask} |" in report
    assert "Fixed Prices - Mid!D12" in report

    flow_run, run = await house.flow_run(refused), await run_of(services, refused)
    assert (run.state, run.attempt, run.error_code) == (RunState.FAILED, 1, "NOT_A_WORKBOOK")
    assert (flow_run["state"]["type"], flow_run["name"]) == ("FAILED", f"EUGP 2025-02-13 {run.file_name} (#{run.id})")
    assert flow_run["state"]["message"] == f"run {run.id}: {run.file_name}: refused: {run.error_code}: {run.error}"
    assert {"refused", "EUGP", "2025-02-13"} <= set(flow_run["tags"])
    _, report = house.prefect.report(flow_run)
    assert run.hint is not None
    assert run.hint in report
    assert "annotated.xlsx" not in report  # there is no cell to mark
    await house.prefect.logged(flow_run, flow_run["state"]["message"])


def scheduled(house: House) -> list[tuple[str, str]]:
    """When days are loaded by themselves."""
    schedules = house.prefect.deployment("ingest-day/ingest-day")["schedules"]
    return [(each["schedule"]["cron"], each["schedule"]["timezone"]) for each in schedules if each["active"]]


async def test_a_schedule_makes_flow_runs(house: House) -> None:
    """On the next days, at the time of the clocks there."""
    ours = {"id": {"any_": [house.prefect.deployment("ingest-day/ingest-day")["id"]]}}

    async def made() -> list[Json]:
        found: list[Json] = house.prefect.ask("flow_runs/filter", deployments=ours, sort="EXPECTED_START_TIME_ASC")
        return [flow_run for flow_run in found if flow_run["auto_scheduled"]]

    first = (await eventually(made))[0]
    assert first["state"]["type"] == "SCHEDULED"
    at = datetime.fromisoformat(first["expected_start_time"]).astimezone(ZoneInfo("America/New_York"))
    assert (at.hour, at.minute, at.weekday() < 5) == (18, 30, True)


async def test_what_aurum_logs_is_in_the_flow_runs_log(services: Services, house: House) -> None:
    workbook = eugp_workbook(date(2025, 2, 5), months=2)
    async with house.sql() as connection:
        await connection.execute("ALTER TABLE snapshots ADD CONSTRAINT broken CHECK (false) NOT VALID")
        try:
            sent = await send(services, workbook.to_bytes(), workbook.name)
            flow_run = await house.flow_run(sent)
        finally:
            await connection.execute("ALTER TABLE snapshots DROP CONSTRAINT broken")
    assert (flow_run["state"]["type"], (await run_of(services, sent)).error_code) == ("FAILED", "INTERNAL")
    line = await house.prefect.logged(flow_run, f"run {sent.id} failed")
    assert "Traceback" in line


async def test_a_flow_that_is_killed_is_replaced(services: Services, house: House) -> None:
    """One that loads already, and one before it claims its run: the key of that one is used up."""
    before = await services.metadata.count(DESK, CurveFilter())
    workbooks = [eugp_workbook(date(2025, 2, day), months=2) for day in (6, 7)]
    async with house.held(LOCK_PUBLISHING):
        loads = await send(services, workbooks[0].to_bytes(), workbooks[0].name)
        await has(services, loads, RunState.RUNNING)
        starts = await send(services, workbooks[1].to_bytes(), workbooks[1].name)
        async with house.held(LOCK_CLAIMING):
            for flow_run in [await house.flow_run(run, ["RUNNING"]) for run in (loads, starts)]:
                for process in house.flow_processes(flow_run):
                    os.kill(process, signal.SIGKILL)
                assert (await house.reaches(flow_run))["state"]["type"] == "CRASHED"
    left = [await run_of(services, run) for run in (loads, starts)]
    assert [(run.state, run.attempt) for run in left] == [(RunState.RUNNING, 1), (RunState.QUEUED, 0)]
    for run in (loads, starts):
        await recovered(services, house, run, 2)
    for run in (loads, starts):
        assert (await house.flow_run(run, number=1))["state"]["type"] == "COMPLETED"
    loaded = [await run_of(services, run) for run in (loads, starts)]
    assert [(run.state, run.attempt) for run in loaded] == [(RunState.SUCCEEDED, 2), (RunState.SUCCEEDED, 1)]
    new = sum(run.counts.new_curves for run in loaded)
    assert await services.metadata.count(DESK, CurveFilter()) == before + new


async def test_what_a_dead_runner_left_is_over_when_the_next_one_starts(services: Services, house: House) -> None:
    """What somebody has cancelled meanwhile is cancelled. The next runner is served with no schedule."""
    assert scheduled(house) == [("30 18 * * 1-5", "America/New_York")]
    workbooks = [eugp_workbook(date(2025, 2, day), months=2) for day in (10, 11)]
    async with house.held(LOCK_PUBLISHING):
        runs = [await send(services, workbook.to_bytes(), workbook.name) for workbook in workbooks]
        flow_runs = [await house.flow_run(run, ["RUNNING"]) for run in runs]
        for run in runs:
            await has(services, run, RunState.RUNNING)
        house.kill_runner()
        assert [house.flow_processes(flow_run) for flow_run in flow_runs] == [[], []]
        house.cancel(flow_runs[1])
        limit = house.prefect.deployment("ingest-workbook/ingest")["global_concurrency_limit"]
        taken = {"active_slots": limit["limit"]}  # as when the server, which keeps the leases in memory, died too
        house.prefect.client.patch(f"v2/concurrency_limits/{limit['id']}", json=taken).raise_for_status()
        house.serve()
        ended = [await house.reaches(flow_run) for flow_run in flow_runs]
        assert [flow_run["state"]["type"] for flow_run in ended] == ["CRASHED", "CANCELLED"]
    assert scheduled(house) == []
    await recovered(services, house, runs[0], 2)
    assert (await house.flow_run(runs[0], number=1))["state"]["type"] == "COMPLETED"
    assert (await run_of(services, runs[0])).state is RunState.SUCCEEDED
    await has(services, runs[1], RunState.CANCELLED)
    assert len(house.prefect.flow_runs(runs[1])) == 1


async def test_a_database_that_is_away_is_waited_for(services: Services, house: House) -> None:
    """The task tries again by itself: nobody recovers the run here."""
    workbook = eugp_workbook(date(2025, 2, 12), months=2)
    run = await send(services, workbook.to_bytes(), workbook.name)
    async with house.held(LOCK_CLAIMING):
        flow_run = await house.flow_run(run, ["RUNNING"])
        await eventually(house.ends_waiting_sessions)
    assert (await house.flow_run(run))["state"]["type"] == "COMPLETED"
    await house.prefect.logged(flow_run, "Retry 1/3 will start")
    assert (await run_of(services, run)).state is RunState.SUCCEEDED
