"""What a server in production does not tell of its schema, over HTTP and over a WebSocket; and how it takes a body."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from aurum.app import create_app
from aurum.settings import DatabaseSettings, Settings
from tests.api.test_sockets import INIT, TYPENAME, connected

MISSPELT = [
    "{ curv { key } }",
    "{ curves(firs: 1) { totalCount } }",
    "{ curves(filter: {key: []}) { totalCount } }",
    "{ curves(filter: {measures: [PRIC]}) { totalCount } }",
    "query($f: CurveFilte) { curves(filter: $f) { totalCount } }",
    "{ node(id: 1) { ... on Curv { key } } }",
    "{ __typename @skp(if: true) }",
    "{ node(id: 1) { key } }",
    "{ curves { totalCoun } }",
]
IN_VARIABLES = [{"key": []}, {"measures": ["PRIC"]}]


@pytest.fixture
async def app(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Starlette]:
    database = DatabaseSettings(url=SecretStr(migrated_sqlite_url))
    application = create_app(Settings(home=tmp_path, database=database, profile="production"))
    async with application.router.lifespan_context(application):
        yield application


async def test_no_name_is_suggested(client: httpx.AsyncClient) -> None:
    for query in MISSPELT:
        response = await client.post("/graphql", json={"query": query})
        assert response.json()["errors"], query
        assert "did you mean" not in response.text.lower(), query


async def test_no_name_is_suggested_for_variables(client: httpx.AsyncClient) -> None:
    query = "query($f: CurveFilter) { curves(filter: $f) { totalCount } }"
    for wanted in IN_VARIABLES:
        response = await client.post("/graphql", json={"query": query, "variables": {"f": wanted}})
        assert response.json()["errors"], wanted
        assert "did you mean" not in response.text.lower(), wanted


async def test_a_socket_suggests_nothing_either(app: Starlette) -> None:
    async with connected(app, "graphql-transport-ws") as wire:
        await wire.send(INIT)
        assert (await wire.message())["type"] == "connection_ack"
        for query in MISSPELT:
            await wire.send(TYPENAME | {"payload": {"query": query}})
            message = await wire.message()
            assert message["type"] == "error", query
            assert "did you mean" not in str(message).lower(), query


async def test_there_is_no_introspection_and_no_page(client: httpx.AsyncClient) -> None:
    for query in ("{ __schema { queryType { name } } }", '{ __type(name: "Curve") { name } }'):
        response = await client.post("/graphql", json={"query": query})
        assert "data" not in response.json()
    assert (await client.post("/graphql", json={"query": "{ __typename }"})).json()["data"]
    assert [(await client.get(path)).status_code for path in ("/", "/graphiql", "/graphiql/")] == [404] * 3


async def test_a_compressed_body_is_refused(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    response = await client.post("/graphql", content=b"\x1f\x8b" + b"\0" * 100, headers=headers)
    (error,) = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert "Content-Encoding" in error["extensions"]["hint"]


async def test_a_body_that_comes_too_slowly_is_not_waited_for(
    app: Starlette, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    (endpoint,) = {route.endpoint for route in app.routes if getattr(route, "path", None) == "/graphql"}  # type: ignore[attr-defined]
    monkeypatch.setattr(endpoint, "settings", endpoint.settings.model_copy(update={"body_seconds": 0.3}))

    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" "
            await asyncio.sleep(0.05)

    response = await client.post("/graphql", content=slowly(), headers={"content-type": "application/json"})
    (error,) = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (408, "REQUEST_TIMEOUT")
    assert response.headers["connection"] == "close"
