"""An operation ends when its time is up or its client has gone: in the resolvers, and in the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect

from aurum.graphql.deadlines import timely
from aurum.graphql.line import OtherLine
from aurum.graphql.requests import bounded
from aurum.services import Services
from tests.api.conftest import Ask
from tests.api.test_sockets import INIT, Wire, connected
from tests.endless import ENDLESS, idle
from tests.graphql.desk import Desk

COUNT = "{ curves(first: 1) { totalCount nodes { key } } }"
CURVE = '{ curve(key: "x") { key } }'


@pytest.fixture
async def stuck(services: Services, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Event]:
    """Statements that never end, in a field of its own and in a loader; set once one has begun."""
    begun = asyncio.Event()

    async def endless(*_: Any) -> Any:
        async with services.database.read() as connection:
            begun.set()
            return await connection.scalar(ENDLESS[connection.dialect])

    monkeypatch.setattr(services.metadata.store, "count", endless)
    monkeypatch.setattr(services.metadata.store, "by_any_key", endless)
    yield begun
    await idle(services.database)


@pytest.mark.parametrize("query", [COUNT, CURVE])
async def test_an_operation_whose_time_is_up_is_ended(
    client: httpx.AsyncClient, stuck: asyncio.Event, query: str
) -> None:
    for _ in range(4):
        response = await client.post("/graphql", json={"query": query}, headers={"x-timeout": "0.2"})
        (error,) = response.json()["errors"]
        assert error["extensions"]["code"] == "DEADLINE_EXCEEDED"
        assert response.json()["data"] is None
    assert stuck.is_set()


@pytest.mark.parametrize(
    "named", [{"documentId": "x"}, {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "x"}}}]
)
async def test_a_registered_operation_is_looked_for_no_longer_either(
    client: httpx.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch, named: dict[str, Any]
) -> None:
    async def endless(*_: Any) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(services.operations.store, "revision", endless)
    async with asyncio.timeout(10):
        response = await client.post("/graphql", json=named, headers={"x-timeout": "0.2"})
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "DEADLINE_EXCEEDED"


async def test_a_header_shortens_the_time_and_never_lengthens_it(app: Starlette, client: httpx.AsyncClient) -> None:
    for wrong in ("", "soon", "0", "-1", "nan", "inf"):
        response = await client.post("/graphql", json={"query": "{ __typename }"}, headers={"x-timeout": wrong})
        assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")
    response = await client.post("/graphql", json={"query": "{ viewer { name } }"}, headers={"x-timeout": "1e9"})
    assert response.json()["data"]["viewer"]["name"]


@pytest.mark.parametrize("query", [COUNT, CURVE])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_operation_ends_when_its_client_has_gone(
    app: Starlette, stuck: asyncio.Event, query: str, method: str
) -> None:
    messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    sent: asyncio.Queue[Any] = asyncio.Queue()
    post = method == "POST"
    parameters = b"" if post else httpx.QueryParams({"query": query}).__str__().encode()
    scope = {
        "type": "http", "method": method, "path": "/graphql", "raw_path": b"/graphql", "root_path": "",
        "scheme": "http", "query_string": parameters, "client": ("127.0.0.1", 50000), "server": ("127.0.0.1", 8000),
        "headers": [(b"host", b"127.0.0.1:8000"), (b"content-type", b"application/json")],
    }  # fmt: skip
    await messages.put({"type": "http.request", "body": orjson.dumps({"query": query}) if post else b""})
    answering = asyncio.create_task(app(scope, messages.get, sent.put))
    await asyncio.wait_for(stuck.wait(), 10)
    await messages.put({"type": "http.disconnect"})
    await asyncio.wait_for(answering, 5)
    assert sent.empty()


async def test_a_client_that_goes_later_than_a_body_may_come_is_noticed() -> None:
    messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    receive = bounded(OtherLine(), messages.get, "2", 1000, 0.1)
    await messages.put({"type": "http.request", "body": b"{}", "more_body": False})
    await receive()

    async def working() -> None:
        await asyncio.sleep(0.3)
        await messages.put({"type": "http.disconnect"})
        await asyncio.sleep(5)

    with pytest.raises(ClientDisconnect):
        await timely(working(), Desk(seconds=10), receive)


@pytest.fixture
async def wire(app: Starlette) -> AsyncIterator[Wire]:
    async with connected(app, "graphql-transport-ws") as opened:
        yield opened


async def test_an_operation_of_a_socket_ends_when_it_is_completed(wire: Wire, stuck: asyncio.Event) -> None:
    await wire.send(INIT, {"type": "subscribe", "id": "1", "payload": {"query": CURVE}})
    await asyncio.wait_for(stuck.wait(), 10)
    await wire.send({"type": "complete", "id": "1"})


async def test_other_operations_are_answered_as_before(ask: Ask, stuck: asyncio.Event) -> None:
    assert (await ask("{ units { code } }"))["data"]["units"]
