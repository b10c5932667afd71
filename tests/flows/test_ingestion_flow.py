"""Runs go through Prefect: seen by operators as they are, and executed whatever dies on the way."""

from __future__ import annotations

import os
import signal
from datetime import date

import pytest

from aurum.demo import eugp_workbook, rp_workbook
from aurum.ingestion.model import Run, RunState
from aurum.metadata.model import CurveFilter
from aurum.services import Services
from tests.flows.conftest import DESK, ENDED, House, Json, run_of, send
from tests.processes import eventually

pytestmark = pytest.mark.slow

LOCK_PUBLISHING = "SELECT pg_advisory_xact_lock(hashtextextended('publish demo EUGP', 0))"
LOCK_CLAIMING = "LOCK TABLE ingestion_runs IN EXCLUSIVE MODE"


async def recovered(services: Services, house: House, run: Run, flow_runs: int) -> None:
    """Recovers as the server does, until the run has been dispatched again."""

    async def again() -> bool:
        await services.ingestion.recover(services.dispatcher)
        return len(house.prefect.flow_runs(run.id)) >= flow_runs

    await eventually(again)


async def has(services: Services, run: Run, state: RunState) -> None:
    async def reached() -> bool:
        return (await run_of(services, run)).state is state

    await eventually(reached)


async def test_a_loaded_workbook_is_found_by_vendor_and_day(services: Services, house: House) -> None:
    workbook = rp_workbook(date(2025, 2, 12))
    sent = await send(services, workbook.to_bytes(), workbook.name)
    flow_run = await house.flow_run(sent)
    run = await run_of(services, sent)
    assert (run.state, run.attempt) == (RunState.SUCCEEDED, 1)
    assert flow_run["state"]["type"] == "COMPLETED"
    assert flow_run["name"] == f"RP 2025-02-12 {workbook.name} (#{run.id})"
    assert {"RP", "2025-02-12", "demo", "test", f"run-{run.id}"} <= set(flow_run["tags"])
    key, rows = house.prefect.table(flow_run)
    assert key == "demo-rp"
    assert f"curves | {run.counts.curves} |  | " in rows
    assert f"points | {run.counts.points:,} |  | " in rows
    findings = (await services.ingestion.findings(DESK, [run.id]))[run.id]
    assert [row for row in rows if row.startswith("warning")] == [
        f"warning {each.finding.code} | {each.finding.message} | {each.finding.sheet} | "
        f"{', '.join(each.finding.cells)}"
        for each in findings
    ]
    await house.prefect.logged(flow_run, f"run {run.id}: reading")
    await house.prefect.logged(flow_run, f"run {run.id}: loading")
    await house.prefect.logged(flow_run, f"run {run.id}: {workbook.name} is loaded, RP as of 2025-02-12")


async def test_a_refused_workbook_is_a_failed_flow_run_that_says_why(services: Services, house: House) -> None:
    sent = await send(services, b"PK no workbook", "EOD_EUGP_20250212_1430.xlsx")
    flow_run = await house.flow_run(sent)
    run = await run_of(services, sent)
    assert (run.state, run.attempt, run.error_code) == (RunState.FAILED, 1, "NOT_A_WORKBOOK")
    assert flow_run["state"]["type"] == "FAILED"
    assert flow_run["state"]["message"] == f"{run.file_name} is refused: {run.error_code}: {run.error}"
    assert f"refused | {run.error_code}: {run.error} |  | " in house.prefect.table(flow_run)[1]
    await house.prefect.logged(flow_run, f"run {run.id}: {flow_run['state']['message']}")


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


async def test_an_operator_loads_files_of_the_drop_folder(services: Services, house: House) -> None:
    good = eugp_workbook(date(2025, 2, 4), months=2)
    (house.settings.drop_folder / good.name).write_bytes(good.to_bytes())
    (house.settings.drop_folder / "EOD_EUGP_20250205_1430.xlsx").write_bytes(b"no workbook")
    files = [good.name, "EOD_EUGP_20250205_1430.xlsx", "missing.xlsx", "../../etc/passwd"]
    deployment = house.prefect.deployment("ingest-files/ingest")
    started = house.prefect.ask(f"deployments/{deployment['id']}/create_flow_run", parameters={"files": files})

    async def ended() -> Json:
        found = house.prefect.client.get(f"flow_runs/{started['id']}").json()
        return found["state"]["type"] in ENDED and found

    flow_run = await eventually(ended)
    assert flow_run["state"]["type"] == "FAILED"
    told = flow_run["state"]["message"].splitlines()
    assert [line for line in told if "is loaded, EUGP as of 2025-02-04" in line] == told[-1:]
    assert any("EOD_EUGP_20250205_1430.xlsx is refused: NOT_A_WORKBOOK" in line for line in told)
    assert any(line.startswith("missing.xlsx: NOT_FOUND") for line in told)
    assert any(line.startswith("../../etc/passwd: BAD_USER_INPUT") for line in told)
    assert flow_run["name"] == f"{good.name} and 3 more"


async def test_a_flow_killed_while_it_loads_is_replaced(services: Services, house: House) -> None:
    before = await services.metadata.count(DESK, CurveFilter())
    workbook = eugp_workbook(date(2025, 2, 6), months=2)
    async with house.held(LOCK_PUBLISHING):
        run = await send(services, workbook.to_bytes(), workbook.name)
        flow_run = await house.flow_run(run, ["RUNNING"])
        await has(services, run, RunState.RUNNING)
        for process in house.flow_processes(flow_run):
            os.kill(process, signal.SIGKILL)
        assert (await house.flow_run(run))["state"]["type"] == "CRASHED"
        assert (await run_of(services, run)).state is RunState.RUNNING
    await recovered(services, house, run, 2)
    assert (await house.flow_run(run, number=1))["state"]["type"] == "COMPLETED"
    loaded = await run_of(services, run)
    assert (loaded.state, loaded.attempt) == (RunState.SUCCEEDED, 2)
    assert await services.metadata.count(DESK, CurveFilter()) == before + loaded.counts.new_curves


async def test_a_flow_killed_before_it_claims_the_run_is_replaced(services: Services, house: House) -> None:
    """The run's attempt has not changed: the key of the dead flow run is used up."""
    workbook = eugp_workbook(date(2025, 2, 7), months=2)
    run = await send(services, workbook.to_bytes(), workbook.name)
    async with house.held(LOCK_CLAIMING):
        flow_run = await house.flow_run(run, ["RUNNING"])
        for process in house.flow_processes(flow_run):
            os.kill(process, signal.SIGKILL)
        assert (await house.flow_run(run))["state"]["type"] == "CRASHED"
    assert (await run_of(services, run)).attempt == 0
    await recovered(services, house, run, 2)
    assert (await house.flow_run(run, number=1))["state"]["type"] == "COMPLETED"
    loaded = await run_of(services, run)
    assert (loaded.state, loaded.attempt) == (RunState.SUCCEEDED, 1)


async def test_what_a_dead_runner_left_is_over_when_the_next_one_starts(services: Services, house: House) -> None:
    workbook = eugp_workbook(date(2025, 2, 10), months=2)
    async with house.held(LOCK_PUBLISHING):
        run = await send(services, workbook.to_bytes(), workbook.name)
        flow_run = await house.flow_run(run, ["RUNNING"])
        house.kill_runner()
        assert house.flow_processes(flow_run) == []
        assert (await house.flow_run(run, ["RUNNING"]))["id"] == flow_run["id"]
        limit = house.prefect.deployment("ingest-workbook/ingest")["global_concurrency_limit"]
        taken = {"active_slots": limit["limit"]}  # as when the server, which keeps the leases in memory, died too
        house.prefect.client.patch(f"v2/concurrency_limits/{limit['id']}", json=taken).raise_for_status()
        house.serve()
        assert (await house.flow_run(run))["state"]["type"] == "CRASHED"
    await recovered(services, house, run, 2)
    assert (await house.flow_run(run, number=1))["state"]["type"] == "COMPLETED"
    assert (await run_of(services, run)).state is RunState.SUCCEEDED


async def test_a_database_that_is_away_is_waited_for(services: Services, house: House) -> None:
    """The task tries again by itself: nobody recovers the run here."""
    workbook = eugp_workbook(date(2025, 2, 11), months=2)
    run = await send(services, workbook.to_bytes(), workbook.name)
    async with house.held(LOCK_CLAIMING):
        flow_run = await house.flow_run(run, ["RUNNING"])
        await eventually(house.ends_waiting_sessions)
    assert (await house.flow_run(run))["state"]["type"] == "COMPLETED"
    await house.prefect.logged(flow_run, "Retry 1/3 will start")
    assert (await run_of(services, run)).state is RunState.SUCCEEDED
