"""Whatever became of earlier flow runs, a queued run has one that is to come, and never two."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from aurum.errors import Unavailable
from aurum.ingestion.dispatch import PrefectDispatcher
from aurum.ingestion.model import Counts, Run, RunState
from tests.flows.conftest import Json, PrefectServer
from tests.processes import free_port

pytestmark = pytest.mark.slow

UNSERVED = "ingest-workbook/nobody-serves-it"


@pytest.fixture
async def dispatcher(prefect_server: PrefectServer) -> AsyncIterator[PrefectDispatcher]:
    flow_name, _, name = UNSERVED.partition("/")
    flow = prefect_server.ask("flows/", name=flow_name)
    prefect_server.ask("deployments/", name=name, flow_id=flow["id"])
    opened = PrefectDispatcher(prefect_server.url, UNSERVED)
    yield opened
    await opened.close()


def queued(number: int, attempt: int = 0) -> Run:
    now = datetime.now(UTC)
    return Run(
        number, 1, "a.xlsx", "test", "desk", RunState.QUEUED, None, None, attempt, now, None, None, "1", Counts(),
        None, None, None, None,
    )  # fmt: skip


def ends(server: PrefectServer, flow_run: Json, state: str) -> None:
    server.ask(f"flow_runs/{flow_run['id']}/set_state", state={"type": state}, force=True)


async def test_dispatching_again_changes_nothing(prefect_server: PrefectServer, dispatcher: PrefectDispatcher) -> None:
    for _ in range(3):
        await dispatcher.dispatch("desk", queued(1001))
    (flow_run,) = prefect_server.flow_runs(1001)
    assert (flow_run["name"], flow_run["parameters"]) == ("a.xlsx (#1001)", {"tenant": "desk", "run_id": 1001})
    assert set(flow_run["tags"]) == {"desk", "run-1001", "test"}


async def test_a_new_attempt_is_a_new_flow_run(prefect_server: PrefectServer, dispatcher: PrefectDispatcher) -> None:
    for attempt in (0, 1, 1):
        await dispatcher.dispatch("desk", queued(1002, attempt))
    assert len(prefect_server.flow_runs(1002)) == 2


async def test_a_flow_run_that_ended_early_is_replaced(
    prefect_server: PrefectServer, dispatcher: PrefectDispatcher
) -> None:
    for number, state in enumerate(["CRASHED", "CANCELLED", "FAILED", "CRASHED"], 1):
        for _ in range(2):
            await dispatcher.dispatch("desk", queued(1003))
        *_, newest = flow_runs = prefect_server.flow_runs(1003)
        assert (len(flow_runs), newest["state"]["type"]) == (number, "SCHEDULED")
        ends(prefect_server, newest, state)


async def test_deleted_flow_runs_do_not_hold_it_up(
    prefect_server: PrefectServer, dispatcher: PrefectDispatcher
) -> None:
    for _ in range(4):
        await dispatcher.dispatch("desk", queued(1004))
        ends(prefect_server, prefect_server.flow_runs(1004)[-1], "CRASHED")
    for flow_run in prefect_server.flow_runs(1004)[1:3]:
        prefect_server.client.delete(f"flow_runs/{flow_run['id']}").raise_for_status()
    await dispatcher.dispatch("desk", queued(1004))
    assert [each["state"]["type"] for each in prefect_server.flow_runs(1004)] == ["CRASHED", "CRASHED", "SCHEDULED"]


async def test_tenants_have_their_own(prefect_server: PrefectServer, dispatcher: PrefectDispatcher) -> None:
    for tenant in ("desk", "other"):
        await dispatcher.dispatch(tenant, queued(1005))
    assert len(prefect_server.flow_runs(1005)) == 2


async def test_without_a_server_or_a_deployment_it_is_unavailable(prefect_server: PrefectServer) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/api"
    for dispatcher in (PrefectDispatcher(nobody, UNSERVED), PrefectDispatcher(prefect_server.url, "no/such")):
        with pytest.raises(Unavailable):
            await dispatcher.dispatch("desk", queued(1006))
        await dispatcher.close()
