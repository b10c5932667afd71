"""Whatever became of earlier flow runs, a queued run has one that is to come, and never two."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from pydantic import SecretStr

from aurum.backends.flow_runs import CLAIMS_WITHIN
from aurum.errors import Unavailable
from aurum.ingestion.dispatch import LocalDispatcher, PrefectDispatcher
from aurum.ingestion.model import Run, RunState
from aurum.ingestion.service import Submission
from aurum.services import Services, open_services
from aurum.settings import DatabaseSettings, Settings
from tests.flows.conftest import DESK, Json, PrefectServer
from tests.flows.runs import LOADED
from tests.processes import eventually, free_port

pytestmark = pytest.mark.slow

UNSERVED = "ingest-workbook/nobody-serves-it"
BEGAN = datetime.now(UTC)
NUMBERS = count(2000)


@pytest.fixture
async def services(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    settings = Settings(home=tmp_path, database=DatabaseSettings(url=SecretStr(migrated_sqlite_url)))
    async with open_services(settings) as opened:
        yield opened


@pytest.fixture
async def dispatcher(prefect_server: PrefectServer, services: Services) -> AsyncIterator[PrefectDispatcher]:
    flow_name, _, name = UNSERVED.partition("/")
    flow = prefect_server.ask("flows/", name=flow_name)
    prefect_server.ask("deployments/", name=name, flow_id=flow["id"])
    opened = PrefectDispatcher(services.ingestion, prefect_server.url, UNSERVED)
    yield opened
    await opened.close()


def queued(number: int, attempt: int = 0) -> Run:
    waits = replace(LOADED, id=number, state=RunState.QUEUED, attempt=attempt, created_at=BEGAN)
    return replace(waits, file_name="a.xlsx", trigger="test")


def ends(server: PrefectServer, flow_run: Json, state: str) -> None:
    server.ask(f"flow_runs/{flow_run['id']}/set_state", state={"type": state}, force=True)


async def test_dispatching_again_changes_nothing(prefect_server: PrefectServer, dispatcher: PrefectDispatcher) -> None:
    for _ in range(3):
        await dispatcher.dispatch("desk", queued(1001))
    (flow_run,) = prefect_server.flow_runs(queued(1001))
    assert (flow_run["name"], flow_run["parameters"]) == ("a.xlsx (#1001)", {"tenant": "desk", "run_id": 1001})
    assert set(flow_run["tags"]) == {"desk", "run-1001", f"queued {BEGAN.isoformat()}", "test"}


async def test_a_new_attempt_is_a_new_flow_run(prefect_server: PrefectServer, dispatcher: PrefectDispatcher) -> None:
    for attempt in (0, 1, 1):
        await dispatcher.dispatch("desk", queued(1002, attempt))
    assert len(prefect_server.flow_runs(queued(1002))) == 2


async def test_a_flow_run_that_ended_early_is_replaced(
    prefect_server: PrefectServer, dispatcher: PrefectDispatcher
) -> None:
    for number, state in enumerate(["CRASHED", "COMPLETED", "FAILED", "CRASHED"], 1):
        for _ in range(2):
            await dispatcher.dispatch("desk", queued(1003))
        *_, newest = flow_runs = prefect_server.flow_runs(queued(1003))
        assert (len(flow_runs), newest["state"]["type"]) == (number, "SCHEDULED")
        ends(prefect_server, newest, state)


async def test_what_is_cancelled_in_prefect_before_it_starts_is_cancelled(
    prefect_server: PrefectServer, dispatcher: PrefectDispatcher, services: Services
) -> None:
    """No process hears of it, so the next look after the run finds it; also where a worker was lost before."""
    for attempt in (0, 1):
        run = await services.ingestion.submit(DESK, Submission(bytes([attempt]), "EOD_EUGP_20250212_1430.xlsx", "test"))
        await dispatcher.dispatch("demo", run)
        (flow_run,) = prefect_server.flow_runs(run)
        prefect_server.ask(f"flow_runs/{flow_run['id']}/set_state", state={"type": "CANCELLING"})
        await dispatcher.dispatch("demo", replace(run, attempt=attempt))
        assert len(prefect_server.flow_runs(run)) == 1
        found = await services.ingestion.run(DESK, run.id)
        assert (found.state, found.error) == (RunState.CANCELLED, "cancelled by Prefect")
        await dispatcher.dispatch("demo", run)  # a look that comes too late changes nothing


@pytest.mark.parametrize("state", ["SCHEDULED", "RUNNING", "COMPLETED", "CANCELLED"])
async def test_what_another_database_has_sent_does_not_count(
    prefect_server: PrefectServer, dispatcher: PrefectDispatcher, state: str
) -> None:
    """One that was begun anew counts its runs from one; and the flow runs of the one before may be seconds old."""
    number = next(NUMBERS)
    await dispatcher.dispatch("desk", queued(number))
    ends(prefect_server, prefect_server.flow_runs(queued(number))[0], state)
    anew = replace(queued(number), created_at=BEGAN + timedelta(microseconds=1))
    for _ in range(2):
        await dispatcher.dispatch("desk", anew)
    await dispatcher.cancel("desk", anew)
    assert [each["state"]["type"] for each in prefect_server.flow_runs(queued(number))] == [state, "CANCELLED"]


@pytest.mark.parametrize("state", ["PENDING", "RUNNING"])
async def test_a_flow_run_that_has_not_claimed_its_run_for_long_is_replaced(
    prefect_server: PrefectServer, dispatcher: PrefectDispatcher, services: Services, state: str
) -> None:
    """Nothing else would end it: Prefect (3.8.8) polls for neither, and its runner may have lost the answer."""
    run = queued(next(NUMBERS))
    await dispatcher.dispatch("desk", run)
    ends(prefect_server, prefect_server.flow_runs(run)[0], state)
    await dispatcher.dispatch("desk", run)
    assert [each["state"]["type"] for each in prefect_server.flow_runs(run)] == [state]
    services.ingestion.clock = lambda: datetime.now(UTC) + CLAIMS_WITHIN
    await dispatcher.dispatch("desk", replace(run, state=RunState.RUNNING))  # somebody sends the file again
    assert [each["state"]["type"] for each in prefect_server.flow_runs(run)] == [state]
    for _ in range(2):
        await dispatcher.dispatch("desk", run)
    assert [each["state"]["type"] for each in prefect_server.flow_runs(run)] == ["CRASHED", "SCHEDULED"]


async def test_what_is_cancelled_in_aurum_is_taken_back(
    prefect_server: PrefectServer, dispatcher: PrefectDispatcher
) -> None:
    await dispatcher.dispatch("desk", queued(1007))
    await dispatcher.dispatch("desk", queued(1008))
    for _ in range(2):
        await dispatcher.cancel("desk", queued(1007))
    assert [each["state"]["type"] for each in prefect_server.flow_runs(queued(1007))] == ["CANCELLED"]
    assert [each["state"]["type"] for each in prefect_server.flow_runs(queued(1008))] == ["SCHEDULED"]


async def test_deleted_flow_runs_do_not_hold_it_up(
    prefect_server: PrefectServer, dispatcher: PrefectDispatcher
) -> None:
    for _ in range(4):
        await dispatcher.dispatch("desk", queued(1004))
        ends(prefect_server, prefect_server.flow_runs(queued(1004))[-1], "CRASHED")
    for flow_run in prefect_server.flow_runs(queued(1004))[1:3]:
        prefect_server.client.delete(f"flow_runs/{flow_run['id']}").raise_for_status()
    await dispatcher.dispatch("desk", queued(1004))
    assert [each["state"]["type"] for each in prefect_server.flow_runs(queued(1004))] == [
        "CRASHED",
        "CRASHED",
        "SCHEDULED",
    ]


async def test_tenants_have_their_own(prefect_server: PrefectServer, dispatcher: PrefectDispatcher) -> None:
    for tenant in ("desk", "other"):
        await dispatcher.dispatch(tenant, queued(1005))
    assert len(prefect_server.flow_runs(queued(1005))) == 2


async def test_without_a_server_or_a_deployment_it_is_unavailable(
    prefect_server: PrefectServer, services: Services
) -> None:
    nobody = PrefectDispatcher(services.ingestion, f"http://127.0.0.1:{free_port()}/api", UNSERVED)
    unserved = PrefectDispatcher(services.ingestion, prefect_server.url, "no/such")
    for dispatch in (nobody.dispatch, nobody.cancel, unserved.dispatch):
        with pytest.raises(Unavailable):
            await dispatch("desk", queued(1006))
    await nobody.close()
    await unserved.close()


async def test_without_prefect_a_run_that_waits_is_forgotten(services: Services) -> None:
    dispatcher = LocalDispatcher(services.ingestion)
    runs = [
        await services.ingestion.submit(DESK, Submission(bytes([number]), "EOD_RP_20250212_1430.xlsx", "test"))
        for number in range(3)
    ]
    for run in [*runs, runs[2]]:
        await dispatcher.dispatch("demo", run)
    await services.ingestion.cancel(DESK, runs[1].id)
    await dispatcher.cancel("demo", runs[1])

    async def ended() -> bool:
        return all(run.state.final for run in (await services.ingestion.runs(DESK, [run.id for run in runs])).values())

    await eventually(ended)
    found = await services.ingestion.runs(DESK, [run.id for run in runs])
    assert [found[run.id].state for run in runs] == [RunState.FAILED, RunState.CANCELLED, RunState.FAILED]
    assert [found[run.id].attempt for run in runs] == [1, 0, 1]
    await dispatcher.cancel("demo", runs[0])  # it has ended
    await dispatcher.close()
