"""Through whatever door a document comes: what is not registered, and what asks for the schema, is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from aurum.app import create_app
from aurum.settings import DatabaseSettings, GraphQLSettings, Settings
from tests.api.test_sockets import INIT, connected
from tests.api.test_trusted import client_of

Answer = dict[str, Any]
Door = Callable[[Starlette, dict[str, Any]], Awaitable[Answer]]

REGISTERED = "query Viewer { viewer { name } }"
FREE = {
    "a query": "{ __typename }",
    "a registered one with a blank more": f"{REGISTERED} ",
    "a subscription": "subscription { curvePublished { cursor } }",
    "a registered one beside another": f"{REGISTERED} query Other {{ viewer {{ tenant }} }}",
    "nonsense": "{",
}
OF_THE_SCHEMA = {
    "schema": "{ __schema { queryType { name } } }",
    "type": '{ __type(name: "Curve") { name } }',
    "alias": '{ viewer: __type(name: "Curve") { name: kind } }',
    "fragment": "query Viewer { ...Of } fragment Of on Query { __schema { types { name } } }",
    "inline fragments": "{ ... on Query { ... { viewer: __schema { directives { name } } } } }",
    "beside": "query Viewer($with: Boolean = true) { viewer { name } __schema @include(if: $with) { description } }",
    "another operation": "query Viewer { viewer { name } } query Other { __schema { description } }",
    "subscription": 'subscription { curvePublished { cursor } __type(name: "Curve") { name } }',
}


async def post(app: Starlette, asked: dict[str, Any]) -> Answer:
    async with client_of(app) as client:
        return _json(await client.post("/graphql", json=asked))


async def get(app: Starlette, asked: dict[str, Any]) -> Answer:
    async with client_of(app) as client:
        return _json(await client.get("/graphql", params=asked))


async def upload(app: Starlette, asked: dict[str, Any]) -> Answer:
    form = {"operations": json.dumps(asked | {"variables": {"f": None}}), "map": '{"0": ["variables.f"]}'}
    async with client_of(app) as client:
        return _json(await client.post("/graphql", data=form, files={"0": ("a", b"")}))


async def table(app: Starlette, asked: dict[str, Any]) -> Answer:
    headers = {"accept": "application/vnd.apache.arrow.stream, application/json"}
    async with client_of(app) as client:
        return _json(await client.post("/graphql", json=asked, headers=headers))


async def event_stream(app: Starlette, asked: dict[str, Any]) -> Answer:
    async with client_of(app) as client:
        return _event(await client.post("/graphql", json=asked, headers={"accept": "text/event-stream"}))


async def event_source(app: Starlette, asked: dict[str, Any]) -> Answer:
    async with client_of(app) as client:
        return _event(await client.get("/graphql", params=asked, headers={"accept": "text/event-stream"}))


async def shared_event_stream(app: Starlette, asked: dict[str, Any]) -> Answer:
    async with client_of(app) as client:
        token = {"x-graphql-event-stream-token": (await client.put("/graphql")).text}
        given = asked | {"extensions": {"operationId": "1"}}
        response = await client.post("/graphql", json=given, headers=token)
        await client.delete("/graphql", params={"operationId": "1"}, headers=token)
        return {"data": {}} if response.status_code == 202 else _json(response)


async def multipart(app: Starlette, asked: dict[str, Any]) -> Answer:
    accept = {"accept": "multipart/mixed;subscriptionSpec=1.0, application/json"}
    async with client_of(app) as client:
        return _json(await client.post("/graphql", json=asked, headers=accept))


async def websocket(app: Starlette, asked: dict[str, Any]) -> Answer:
    async with connected(app, "graphql-transport-ws") as wire:
        await wire.send(INIT)
        assert (await wire.message())["type"] == "connection_ack"
        await wire.send({"type": "subscribe", "id": "1", "payload": asked})
        told = await wire.message()
        return {"errors": told["payload"]} if told["type"] == "error" else dict(told["payload"])


def _json(response: httpx.Response) -> Answer:
    answer: Answer = response.json()
    return answer


def _event(response: httpx.Response) -> Answer:
    line = next(line for line in response.text.splitlines() if line.startswith("data: "))
    answer: Answer = orjson.loads(line.removeprefix("data: "))
    return answer


DOORS: list[Door] = [
    post, get, upload, table, event_stream, event_source, shared_event_stream, multipart, websocket,
]  # fmt: skip
doors = pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)


@pytest.fixture
async def only_registered(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Starlette]:
    (tmp_path / "viewer.graphql").write_text(REGISTERED)
    graphql = GraphQLSettings(operations=(tmp_path / "viewer.graphql",), only_registered=True)
    database = DatabaseSettings(url=SecretStr(migrated_sqlite_url))
    app = create_app(Settings(home=tmp_path, database=database, graphql=graphql))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def production(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Starlette]:
    """With GET, which is off there."""
    database, graphql = DatabaseSettings(url=SecretStr(migrated_sqlite_url)), GraphQLSettings(get=True)
    app = create_app(Settings(home=tmp_path, database=database, graphql=graphql, profile="production"))
    async with app.router.lifespan_context(app):
        yield app


@doors
async def test_only_what_is_registered_is_executed(only_registered: Starlette, door: Door) -> None:
    for named in ({"documentId": "viewer"}, {"query": REGISTERED}):
        assert "data" in await door(only_registered, named)
    for what, text in FREE.items():
        assert refused(await door(only_registered, {"query": text})) == "OPERATION_NOT_REGISTERED", what


@doors
async def test_production_tells_nothing_of_its_schema(production: Starlette, door: Door) -> None:
    assert "data" in await door(production, {"query": REGISTERED})
    for what, text in OF_THE_SCHEMA.items():
        for asked in ({"query": text}, {"query": text, "operationName": "Viewer"}):
            assert refused(await door(production, asked)) == "GRAPHQL_INVALID", what


async def test_a_batch_is_no_way_around_and_the_legacy_endpoints_go_on(
    only_registered: Starlette, production: Starlette
) -> None:
    for app in (only_registered, production):
        async with client_of(app) as client:
            batch = [{"query": REGISTERED}, {"query": "{ __schema { description } }"}]
            assert refused(_json(await client.post("/graphql", json=batch))) == "BATCH_REFUSED"
            for path in ("/v1/curves", "/v1/metadata/calendars", "/v1/metadata/locations", "/v1/metadata/units"):
                assert (await client.get(path)).status_code == 200, path


def refused(answer: Answer) -> str:
    assert not answer.get("data"), answer
    (code,) = {error["extensions"]["code"] for error in answer["errors"]}
    return str(code)
