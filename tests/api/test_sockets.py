"""graphql-transport-ws: what closes a connection, with which code, and what leaves it open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette

TYPENAME = {"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }"}}
WAITING = {"type": "subscribe", "id": "1", "payload": {"query": "subscription { curvePublished { cursor } }"}}
INIT = {"type": "connection_init"}


class Wire:
    """The server's side is the application; messages go in and out as a server would pass them."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send(self, *messages: Any) -> None:
        for message in messages:
            text = message if isinstance(message, (str, bytes)) else orjson.dumps(message).decode()
            await self.incoming.put({"type": "websocket.receive", "bytes" if isinstance(text, bytes) else "text": text})

    async def next(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.outgoing.get(), 10)

    async def message(self) -> dict[str, Any]:
        sent = await self.next()
        assert sent["type"] == "websocket.send", sent
        answer: dict[str, Any] = orjson.loads(sent["text"])
        return answer

    async def closed(self) -> tuple[int, str]:
        while (sent := await self.next())["type"] != "websocket.close":
            pass
        return sent["code"], sent["reason"]


@asynccontextmanager
async def connected(app: Starlette, *protocols: str) -> AsyncIterator[Wire]:
    scope = {
        "type": "websocket", "path": "/graphql", "raw_path": b"/graphql", "root_path": "", "query_string": b"",
        "scheme": "ws", "client": ("127.0.0.1", 50000), "server": ("127.0.0.1", 8000), "asgi": {"version": "3.0"},
        "headers": [(b"host", b"127.0.0.1:8000")], "subprotocols": list(protocols),
    }  # fmt: skip
    wire = Wire()
    task = asyncio.create_task(app(scope, wire.incoming.get, wire.outgoing.put))  # type: ignore[arg-type]
    await wire.incoming.put({"type": "websocket.connect"})
    assert (await wire.next())["type"] == "websocket.accept"
    try:
        yield wire
    finally:
        await wire.incoming.put({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(task, 10)


@pytest.fixture
async def wire(app: Starlette) -> AsyncIterator[Wire]:
    async with connected(app, "graphql-transport-ws") as opened:
        yield opened


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["nonsense"], 4400),
        ([b"{}"], 4400),
        (["[]"], 4400),
        (["NaN"], 4400),
        (["[" * 100_000], 4400),
        ([{}], 4400),
        ([{"type": 5}], 4400),
        ([{"type": ["subscribe"]}], 4400),
        ([{"type": "ü" * 5000}], 4400),
        ([{"type": "connection_init", "payload": []}], 4400),
        ([INIT, {"type": "ping", "payload": "now"}], 4400),
        ([INIT, {"type": "complete"}], 4400),
        ([INIT, {"type": "complete", "id": {}}], 4400),
        ([INIT, {"type": "subscribe", "id": "1"}], 4400),
        ([INIT, TYPENAME | {"id": 1}], 4400),
        ([INIT, TYPENAME | {"id": ""}], 4400),
        ([INIT, TYPENAME | {"id": "1" * 10_000}], 4400),
        ([INIT, TYPENAME | {"payload": "{ __typename }"}], 4400),
        ([INIT, TYPENAME | {"payload": {"query": None}}], 4400),
        ([TYPENAME], 4401),
        ([INIT, WAITING, TYPENAME], 4409),
        ([INIT, WAITING | {"id": "ü" * 200}, WAITING | {"id": "ü" * 200}], 4409),
        ([INIT, INIT], 4429),
        (['{"type": "ping", "x": "' + "x" * 2**20 + '"}'], 1009),
    ],
)
async def test_what_has_another_form_closes_the_connection(wire: Wire, messages: list[Any], code: int) -> None:
    await wire.send(*messages)
    found, reason = await wire.closed()
    assert found == code
    assert 0 < len(reason.encode()) <= 123


async def test_another_protocol_is_not_spoken(app: Starlette) -> None:
    async with connected(app, "graphql-ws") as wire:
        assert await wire.closed() == (4406, "Subprotocol not acceptable: speak graphql-transport-ws")


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "{"}, "GRAPHQL_INVALID"),
        ({"query": ""}, "BAD_REQUEST"),
        ({"query": "{ nonsense }"}, "GRAPHQL_INVALID"),
        ({"query": "{ " + "__typename " * 1000 + "}"}, "GRAPHQL_INVALID"),
        ({"query": "{ __typename }", "variables": []}, "BAD_REQUEST"),
        ({"query": "{ __typename }", "variables": {"a": ["x"] * 1001}}, "GRAPHQL_INVALID"),
        ({"query": "{ __typename }", "operationName": 5}, "BAD_REQUEST"),
        ({"query": "{ __typename }", "operationName": "A"}, "OPERATION_UNKNOWN"),
        ({"query": "query A { __typename } subscription B { __typename }"}, "GRAPHQL_INVALID"),
        ({"query": "query A { __typename } query B { __typename }"}, "OPERATION_NAME_MISSING"),
        (
            {"query": "{ curves(first: 500) { nodes { snapshots(first: 500, asOf: {}) { nodes { id } } } } }"},
            "COST_TOO_HIGH",
        ),
        ({"query": 'subscription { curvePublished(after: "x") { cursor } }'}, "INVALID_CURSOR"),
    ],
)
async def test_what_is_refused_leaves_the_connection_open(wire: Wire, payload: dict[str, Any], code: str) -> None:
    await wire.send(INIT, TYPENAME | {"payload": payload}, TYPENAME | {"id": "2"})
    assert (await wire.message())["type"] == "connection_ack"
    answers: dict[str, dict[str, Any]] = {}
    while "2" not in answers or "1" not in answers:
        message = await wire.message()
        answers.setdefault(message["id"], message)
    assert answers["2"]["payload"]["data"] == {"__typename": "Query"}
    refused = answers["1"]["payload"]
    errors = refused if answers["1"]["type"] == "error" else refused["errors"]
    assert errors[0]["extensions"]["code"] == code


async def test_a_connection_has_so_many_operations_and_no_more(wire: Wire) -> None:
    await wire.send(INIT, *[WAITING | {"id": str(n)} for n in range(101)])
    assert (await wire.message())["type"] == "connection_ack"
    refused = await wire.message()
    assert (refused["type"], refused["id"]) == ("error", "100")
    assert refused["payload"][0]["extensions"]["code"] == "TOO_MANY_OPERATIONS"
    await wire.send({"type": "complete", "id": "0"}, TYPENAME | {"id": "100"})
    assert (await wire.message())["payload"]["data"] == {"__typename": "Query"}


async def test_an_id_may_be_used_again(wire: Wire) -> None:
    await wire.send(INIT, TYPENAME)
    assert [(await wire.message())["type"] for _ in range(3)] == ["connection_ack", "next", "complete"]
    await wire.send(TYPENAME, {"type": "ping"})
    assert {(await wire.message())["type"] for _ in range(3)} == {"next", "complete", "pong"}
