"""One event stream for many operations, from a real server: the single connection mode of graphql-sse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from aurum.auth import Principal, Scope, authenticate
from aurum.graphql.transports import shared
from tests.api.test_event_streams import GAS, PUBLISHED, SSE, TOKEN, refused, reserved, streamed
from tests.live_server import LiveServer, live_server
from tests.processes import eventually


@pytest.fixture
async def server(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[LiveServer]:
    async with live_server(migrated_sqlite_url, tmp_path, reserved_seconds=1) as opened:
        yield opened


@pytest.fixture
async def client(server: LiveServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url.removesuffix("/graphql"), timeout=20) as opened:
        yield opened


def operation(id_: str, query: str) -> dict[str, Any]:
    return {"query": query, "extensions": {"operationId": id_}}


async def test_one_stream_carries_many_operations(server: LiveServer, client: httpx.AsyncClient) -> None:
    token = await reserved(client)
    early = await client.post("/graphql", json=operation("early", "{ __typename }"), headers=token)
    assert (early.status_code, early.content) == (202, b"")
    async with streamed(client, "GET", headers=token | SSE) as events:
        answered = [await events.event() for _ in range(2)]
        assert [(each["event"], orjson.loads(each["data"])) for each in answered if each] == [
            ("next", {"id": "early", "payload": {"data": {"__typename": "Query"}}}),
            ("complete", {"id": "early"}),
        ]
        for id_ in ("a", "b"):
            assert (await client.post("/graphql", json=operation(id_, GAS), headers=token)).status_code == 202
        assert (await client.delete("/graphql", params={"operationId": "b"}, headers=token)).status_code == 200
        await server.load(12)
        ((_, result),) = await events.results(1)
        assert (result["id"], list(result["payload"]["data"])) == ("a", ["curvePublished"])
    await eventually(ended(server))


async def test_what_a_shared_stream_refuses(server: LiveServer, client: httpx.AsyncClient) -> None:
    async def posted(given: Any, headers: dict[str, str]) -> tuple[int, str]:
        response = await client.post("/graphql", json=given, headers=headers)
        return response.status_code, refused(response)

    token = await reserved(client)
    async with streamed(client, "GET", params={"token": token[TOKEN]}, headers=SSE):
        response = await client.get("/graphql", headers=token | SSE)
        assert (response.status_code, refused(response)) == (409, "CONFLICT")
        assert await posted({"query": GAS}, token) == (400, "BAD_REQUEST")
        assert await posted(operation("", GAS), token) == (400, "BAD_REQUEST")
        assert await posted(operation("a", "{ nonsense }"), token) == (200, "GRAPHQL_INVALID")
        assert await posted(operation("a", GAS), {TOKEN: "another"}) == (404, "NOT_FOUND")
        assert (await client.post("/graphql", json=operation("a", GAS), headers=token)).status_code == 202
        assert await posted(operation("a", GAS), token) == (409, "CONFLICT")
        response = await client.delete("/graphql", headers=token)
        assert (response.status_code, refused(response)) == (400, "BAD_REQUEST")
    await eventually(ended(server))
    assert await posted(operation("a", GAS), token) == (404, "NOT_FOUND")


@pytest.mark.parametrize("opened", [False, True], ids=["a reservation that ends", "a client that leaves"])
async def test_an_operation_of_a_stream_that_closes_meanwhile_is_refused(
    server: LiveServer, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, opened: bool
) -> None:
    """And nothing of it is left."""
    admitted, asked = server.endpoint.runner.admitted, asyncio.Event()

    async def late(*given: Any) -> Any:
        asked.set()
        await eventually(ended(server))
        return await admitted(*given)

    monkeypatch.setattr(server.endpoint.runner, "admitted", late)
    token = await reserved(client)
    async with AsyncExitStack() as stream:
        if opened:
            await stream.enter_async_context(streamed(client, "GET", headers=token | SSE))
        posting = asyncio.create_task(client.post("/graphql", json=operation("1", GAS), headers=token))
        await asked.wait()
    response = await posting
    assert (response.status_code, refused(response)) == (404, "NOT_FOUND")
    assert server.idle


@pytest.mark.parametrize(
    "stranger", [Principal("rival", "developer", frozenset(Scope)), Principal("demo", "colleague", frozenset(Scope))]
)
async def test_the_token_of_somebody_else_opens_starts_and_ends_nothing(
    server: LiveServer, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, stranger: Principal
) -> None:
    monkeypatch.setattr(
        "aurum.app.authenticate",
        lambda settings, address, headers: (
            stranger if "x-stranger" in headers else authenticate(settings, address, headers)
        ),
    )
    token = await reserved(client)
    strange = token | {"x-stranger": "1"}
    async with streamed(client, "GET", headers=token | SSE) as events:
        assert (await client.post("/graphql", json=operation("a", GAS), headers=token)).status_code == 202
        for response in (
            await client.get("/graphql", headers=strange | SSE),
            await client.post("/graphql", json=operation("b", "{ __typename }"), headers=strange),
            await client.delete("/graphql", params={"operationId": "a"}, headers=strange),
        ):
            assert (response.status_code, refused(response)) == (404, "NOT_FOUND")
        await server.load(12)
        ((_, result),) = await events.results(1)
        assert result["id"] == "a"


async def test_an_id_is_free_again_as_soon_as_its_operation_has_ended(
    server: LiveServer, client: httpx.AsyncClient
) -> None:
    token = await reserved(client)

    async def start(query: str) -> int:
        return (await client.post("/graphql", json=operation("a", query), headers=token)).status_code

    async with streamed(client, "GET", headers=token | SSE) as events:
        for _ in range(20):
            assert await start(PUBLISHED) == 202
            assert (await client.delete("/graphql", params={"operationId": "a"}, headers=token)).status_code == 200
            assert await start("{ __typename }") == 202
            ((_, result),) = await events.results(1)
            assert result == {"id": "a", "payload": {"data": {"__typename": "Query"}}}
            assert await events.event() == {"event": "complete", "data": '{"id":"a"}'}
        assert await start(GAS) == 202
        await server.load(12)
        ((_, result),) = await events.results(1)
        assert list(result["payload"]["data"]) == ["curvePublished"]
    await eventually(ended(server))


async def test_a_reservation_that_nobody_uses_expires(server: LiveServer, client: httpx.AsyncClient) -> None:
    token = await reserved(client)
    assert (await client.post("/graphql", json=operation("a", GAS), headers=token)).status_code == 202
    await eventually(ended(server), 10)
    response = await client.get("/graphql", headers=token | SSE)
    assert (response.status_code, refused(response)) == (404, "NOT_FOUND")


async def test_what_is_reserved_and_not_opened_is_bounded(
    server: LiveServer, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "_MOST_RESERVED", 2)
    token = await reserved(client)
    started = [
        (await client.post("/graphql", json=operation(str(n), GAS), headers=token)).status_code for n in range(11)
    ]
    assert started == [202] * 10 + [429]
    await reserved(client)
    response = await client.put("/graphql")
    assert (response.status_code, refused(response)) == (429, "TOO_MANY_CONNECTIONS")


def ended(server: LiveServer) -> Any:
    async def is_idle() -> bool:
        return server.idle

    return is_idle
