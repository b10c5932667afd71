"""Live data over graphql-transport-ws, from a real server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import uvicorn
from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from aurum.app import create_app
from aurum.auth import local_principal
from aurum.demo import eugp_workbook
from aurum.demo.workbooks import VendorWorkbook
from aurum.graphql.ids import node_id
from aurum.ingestion.service import Submission
from aurum.metadata.model import CurveFilter
from aurum.scenarios.repository.model import Definition
from aurum.scenarios.runs.model import Request
from aurum.services import Services
from aurum.serving import connections
from aurum.settings import DatabaseSettings, Settings
from tests.processes import eventually
from tests.repriced import repriced

PUBLISHED = """subscription($after: String, $filter: CurveFilter) { curvePublished(after: $after, filter: $filter) {
    cursor restated asOf version curve { key } snapshot { columns(tenorTypes: [MONTH]) { mid } } } }"""


class Server:
    def __init__(self, port: int, services: Services) -> None:
        self.services = services
        self.url = f"ws://127.0.0.1:{port}/graphql"

    async def load(self, workbook: VendorWorkbook) -> None:
        principal = local_principal(Settings().auth, "test")
        await self.services.ingestion.ingest(principal, Submission(workbook.to_bytes(), workbook.name, "test"))

    @asynccontextmanager
    async def connected(self, **headers: str) -> AsyncIterator[ClientConnection]:
        async with connect(self.url, subprotocols=["graphql-transport-ws"], additional_headers=headers) as socket:  # type: ignore[list-item]
            await socket.send('{"type": "connection_init"}')
            assert orjson.loads(await socket.recv())["type"] == "connection_ack"
            yield socket


@pytest.fixture
async def server(migrated_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    settings = Settings(home=tmp_path, database=DatabaseSettings(url=SecretStr(migrated_url)))
    app = create_app(settings)
    config = uvicorn.Config(app, port=0, log_config=None, **connections(settings))
    uvicorn_server = uvicorn.Server(config)
    task = asyncio.create_task(uvicorn_server.serve())
    while not uvicorn_server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = uvicorn_server.servers[0].sockets[0].getsockname()[1]
    yield Server(port, app.state.services)
    uvicorn_server.should_exit = True
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def subscribe(socket: ClientConnection, query: str, **variables: Any) -> None:
    message = {"type": "subscribe", "id": "1", "payload": {"query": query, "variables": variables}}
    await socket.send(orjson.dumps(message).decode())


async def events(socket: ClientConnection, count: int) -> list[dict[str, Any]]:
    received: list[dict[str, Any]] = []
    while len(received) < count:
        message = orjson.loads(await asyncio.wait_for(socket.recv(), 20))
        if message["type"] == "ping":
            await socket.send('{"type": "pong"}')
            continue
        assert message["type"] == "next", message
        (event,) = message["payload"]["data"].values()
        received.append(event)
    return received


def day(number: int) -> VendorWorkbook:
    return eugp_workbook(date(2025, 2, number), months=3)


async def test_the_cost_of_an_event_is_told_to_who_wants_to_see_it(server: Server) -> None:
    await server.load(day(12))
    async with server.connected(**{"X-Show-Cost": "true"}) as socket:
        await subscribe(socket, PUBLISHED, after="0")
        first, second = [orjson.loads(await asyncio.wait_for(socket.recv(), 20))["payload"] for _ in range(2)]
    assert first["extensions"]["cost"]["estimated"] > 1
    assert "extensions" not in second


async def test_a_trader_sees_each_curve_as_it_is_published(server: Server) -> None:
    gas = {"products": ["gas"], "measures": ["PRICE"]}
    async with server.connected() as socket:
        await subscribe(socket, PUBLISHED, filter=gas, after="0")
        await server.load(day(12))
        received = await events(socket, 11)
        assert {event["asOf"] for event in received} == {"2025-02-12"}
        assert "eugp:eu/dutch_ttf/gas" in {event["curve"]["key"] for event in received}
        seven_forty = datetime(2025, 2, 13, 7, 40, tzinfo=UTC)
        await server.load(repriced(date(2025, 2, 12), date(2025, 3, 1), 99.5, months=3, published_at=seven_forty))
        in_dollars, event = sorted(await events(socket, 2), key=lambda event: len(event["curve"]["key"]), reverse=True)
    assert in_dollars["curve"]["key"] == "eugp:eu/dutch_ttf_usdmmbtu/gas"
    assert (event["restated"], event["version"], event["curve"]["key"]) == (True, 2, "eugp:eu/dutch_ttf/gas")
    assert event["snapshot"]["columns"]["mid"][1] == pytest.approx(99.5)


async def test_who_comes_back_with_a_cursor_misses_nothing(server: Server) -> None:
    await server.load(day(12))
    async with server.connected() as socket:
        await subscribe(socket, PUBLISHED, after="0")
        first = await events(socket, 40)
    await server.load(day(13))
    async with server.connected() as socket:
        await subscribe(socket, PUBLISHED, after=first[-1]["cursor"])
        rest = await events(socket, 83 + 43)
    seen = [(event["asOf"], event["curve"]["key"]) for event in first + rest]
    assert len(set(seen)) == len(seen) == 166
    cursors = [int(event["cursor"]) for event in first + rest]
    assert cursors == sorted(cursors)


async def test_a_run_is_followed_live(server: Server) -> None:
    async with server.connected() as socket:
        steps = "state sheetCount pointCount loadedCount withheldCount run { fileName state pointCount }"
        await subscribe(socket, f'subscription {{ ingestionRun(after: "0") {{ {steps} }} }}')
        workbook = day(12)
        workbook.put("Fixed Prices - Mid", "D13", "n/a")
        await server.load(workbook)
        received = await events(socket, 4)
    points = received[-1]["run"]["pointCount"]
    assert [
        (each["state"], each["sheetCount"], each["pointCount"], each["loadedCount"], each["withheldCount"])
        for each in received
    ] == [("QUEUED", 0, 0, 0, 0), ("RUNNING", 0, 0, 0, 0), ("RUNNING", 5, points, 0, 0),
          ("SUCCEEDED", 5, points, points - 1, 1)]  # fmt: skip
    assert received[-1]["run"] | {"pointCount": 0} == {"fileName": workbook.name, "state": "SUCCEEDED", "pointCount": 0}


async def test_a_scenario_run_is_followed_on_after_a_cut_every_step_once(server: Server) -> None:
    services, us = server.services, local_principal(Settings().auth, "test")
    await server.load(day(12))
    drivers = ({"driver_type": "scale", "payload": {"percent": 5}},)
    kept = await services.scenarios.create(us, Definition("Up", None, drivers, CurveFilter(products=("gas",))))
    run = await services.scenario_runs.submit(us, Request(kept.scenario.id))
    query = "subscription($id: ID, $after: String) { scenarioRun(id: $id, after: $after) { cursor state } }"
    variables = {"id": node_id("ScenarioRun", run.id)}
    async with server.connected() as socket:
        await subscribe(socket, query, after="0", **variables)
        told = await events(socket, 1)
        socket.transport.abort()

    async def ended() -> bool:
        return (await services.scenario_runs.runs(us, [run.id]))[run.id].state.final

    await eventually(ended)
    async with server.connected() as socket:
        await subscribe(socket, query, after=told[0]["cursor"], **variables)
        while told[-1]["state"] != "SUCCEEDED":
            told += await events(socket, 1)
    log = await services.events.read(us.tenant, 0, ["SCENARIO_RUN"])
    assert [each["cursor"] for each in told] == [str(each.cursor) for each in log]
    assert [each["state"] for each in told][:2] == ["QUEUED", "RUNNING"]


async def test_everything_that_happens_is_followed_by_its_type(server: Server) -> None:
    fields = "type asOf vendor pointCount version curve { key } run { state } points { tenor }"
    async with server.connected() as socket:
        await subscribe(socket, f'subscription {{ events(types: [QUARANTINED], after: "0") {{ {fields} }} }}')
        workbook = day(12)
        workbook.put("Fixed Prices - Mid", "D13", "n/a")
        await server.load(workbook)
        (held,) = await events(socket, 1)
    assert held == {
        "type": "QUARANTINED", "asOf": "2025-02-12", "vendor": "EUGP", "pointCount": 1, "version": None, "curve": None,
        "run": {"state": "SUCCEEDED"}, "points": None,
    }  # fmt: skip
    async with server.connected() as socket:
        await subscribe(socket, f'subscription {{ events(after: "4") {{ {fields} }} }}')
        received = await events(socket, 83)
    assert {event["type"] for event in received} >= {"CURVE_PUBLISHED"}
    assert received[0]["curve"]["key"].startswith("eugp:")


async def test_what_another_process_loads_is_seen_too(server: Server, migrated_url: str, tmp_path: Path) -> None:
    day(12).save(tmp_path / "vendor")
    async with server.connected() as socket:
        await subscribe(socket, PUBLISHED, filter={"keys": ["eugp:uk/nbp/gas"]}, after="0")
        environment = {**os.environ, "AURUM_DATABASE__URL": migrated_url, "AURUM_HOME": str(tmp_path)}
        command = [sys.executable, "-m", "aurum", "ingest", str(tmp_path / "vendor")]
        await asyncio.to_thread(subprocess.run, command, env=environment, check=True, capture_output=True)
        (event,) = await events(socket, 1)
    assert event["curve"]["key"] == "eugp:uk/nbp/gas"


async def test_a_cursor_that_is_none_is_refused_with_a_code(server: Server) -> None:
    async with server.connected() as socket:
        await subscribe(socket, PUBLISHED, after="yesterday")
        message = orjson.loads(await asyncio.wait_for(socket.recv(), 5))
    assert message["type"] in ("next", "error")
    payload = message["payload"]
    (error,) = payload if isinstance(payload, list) else payload["errors"]
    assert error["extensions"]["code"] == "INVALID_CURSOR"


async def test_a_foreign_page_cannot_connect(server: Server) -> None:
    with pytest.raises((InvalidStatus, ConnectionClosed)):
        async with server.connected(Origin="https://evil.example"):
            pass
