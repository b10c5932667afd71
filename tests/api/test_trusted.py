"""Documents that are named in place of being sent: registered ones, and Apollo's persisted queries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from aurum.app import create_app
from aurum.auth import Principal, Scope
from aurum.errors import AurumError
from aurum.settings import DatabaseSettings, GraphQLSettings, RedisSettings, Settings
from tests.api.test_sockets import INIT, connected

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
VIEWER = "query Viewer { viewer { name } }"
TYPE = "query Type($name: String!) { __type(name: $name) { name } }"
TWO = "query A { viewer { name } } query B { viewer { tenant } }"
DEVELOPER = {"data": {"viewer": {"name": "developer"}}}


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def migrated_url(migrated_sqlite_url: str) -> str:
    return migrated_sqlite_url


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "operations"
    folder.mkdir()
    (folder / "type.graphql").write_text(TYPE)
    (folder / "two.graphql").write_text(TWO)
    (folder / "change.graphql").write_text('mutation { retireOperation(input: {id: "x"}) { problems { code } } }')
    (folder / "live.graphql").write_text("subscription { curvePublished { cursor } }")
    operations = [{"id": hash_of(VIEWER), "name": "Viewer", "type": "query", "body": VIEWER}]
    manifest = {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@asynccontextmanager
async def serving(url: str, home: Path, redis: str | None = None, **graphql: Any) -> AsyncIterator[Starlette]:
    settings = Settings(
        home=home, database=DatabaseSettings(url=SecretStr(url)), graphql=GraphQLSettings(**graphql),
        redis=RedisSettings(url=SecretStr(redis) if redis else None),
    )  # fmt: skip
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@asynccontextmanager
async def client_of(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as opened:
        yield opened


@pytest.fixture
async def registered(migrated_url: str, tmp_path: Path, files: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(migrated_url, tmp_path, operations=(files,)) as app, client_of(app) as client:
        yield client


@pytest.fixture
async def only(migrated_url: str, tmp_path: Path, files: Path) -> AsyncIterator[Starlette]:
    async with serving(migrated_url, tmp_path, operations=(files,), only_registered=True) as app:
        yield app


async def post(client: httpx.AsyncClient, accept: str = JSON, **asked: Any) -> httpx.Response:
    return await client.post("/graphql", json=asked, headers={"accept": accept})


def code(response: httpx.Response) -> str:
    answer = response.json()
    assert "data" not in answer
    return str(answer["errors"][0]["extensions"]["code"])


def persisted(text: str, **more: Any) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": hash_of(text), **more}}


# ------------------------------------------------------------------------------------------------- by documentId


@pytest.mark.parametrize("id_", [hash_of(VIEWER), f"sha256:{hash_of(VIEWER)}"])
async def test_a_registered_operation_is_asked_for_by_its_id(registered: httpx.AsyncClient, id_: str) -> None:
    assert (await post(registered, documentId=id_)).json() == DEVELOPER
    assert (await registered.get("/graphql", params={"documentId": id_})).json() == DEVELOPER


async def test_variables_and_name_go_with_the_id(registered: httpx.AsyncClient) -> None:
    answer = await post(registered, documentId="type", variables={"name": "Curve"}, extensions={})
    assert answer.json() == {"data": {"__type": {"name": "Curve"}}}
    asked = {"documentId": "type", "variables": '{"name": "Curve"}'}
    assert (await registered.get("/graphql", params=asked)).json() == {"data": {"__type": {"name": "Curve"}}}
    assert (await post(registered, documentId="two", operationName="A")).json() == DEVELOPER
    assert code(await post(registered, documentId="two")) == "OPERATION_NAME_MISSING"
    assert code(await post(registered, documentId="two", operationName="C")) == "OPERATION_UNKNOWN"


async def test_an_upload_may_name_its_document(registered: httpx.AsyncClient) -> None:
    form = {"operations": json.dumps({"documentId": hash_of(VIEWER), "variables": {"f": None}}),
            "map": '{"0": ["variables.f"]}'}  # fmt: skip
    assert (await registered.post("/graphql", data=form, files={"0": ("a", b"")})).json() == DEVELOPER


@pytest.mark.parametrize("id_", ["nobody", "sha256:" + "0" * 64, "TYPE", "\0", "type.graphql", "../type"])
async def test_an_id_of_nothing_is_told(registered: httpx.AsyncClient, id_: str) -> None:
    for accept, status in ((JSON, 200), (GRAPHQL, 400)):
        response = await post(registered, accept, documentId=id_)
        assert (response.status_code, code(response)) == (status, "OPERATION_NOT_REGISTERED")
        assert len(response.json()["errors"]) == 1


async def test_what_is_not_allowed_elsewhere_is_not_allowed_by_id(registered: httpx.AsyncClient) -> None:
    response = await registered.get("/graphql", params={"documentId": "change"})
    assert (response.status_code, code(response)) == (405, "METHOD_NOT_ALLOWED")
    assert code(await post(registered, documentId="live")) == "SUBSCRIPTION_NOT_HERE"
    assert (await post(registered, documentId="change")).json()["data"]["retireOperation"]["problems"]


@pytest.mark.parametrize(
    "asked",
    [
        {"documentId": 5}, {"documentId": ["type"]}, {"documentId": ""}, {"documentId": "type", "query": VIEWER},
        {"extensions": {"persistedQuery": None}}, {"extensions": {"persistedQuery": []}},
        {"extensions": {"persistedQuery": {"sha256Hash": "0"}}}, {"extensions": persisted(VIEWER, version=2)},
        {"extensions": persisted(VIEWER, version="1")}, {"extensions": persisted(VIEWER, sha256Hash=5)},
        {"extensions": persisted(VIEWER, sha256Hash="")}, {"extensions": persisted(VIEWER, sha256Hash="0" * 257)},
        {"query": VIEWER, "extensions": persisted(TYPE)}, {"query": VIEWER, "extensions": {"persistedQuery": 1}},
    ],
)  # fmt: skip
async def test_a_document_that_is_named_in_another_form_is_a_bad_request(
    registered: httpx.AsyncClient, asked: dict[str, Any]
) -> None:
    for accept in (JSON, GRAPHQL):
        response = await post(registered, accept, **asked)
        assert (response.status_code, code(response)) == (400, "BAD_REQUEST")


async def test_sockets_name_documents_too(registered: httpx.AsyncClient) -> None:
    app: Any = registered._transport.app  # type: ignore[attr-defined]
    async with connected(app, "graphql-transport-ws") as wire:
        await wire.send(INIT)
        assert (await wire.message())["type"] == "connection_ack"
        known: list[dict[str, Any]] = [
            {"documentId": "two", "operationName": "A"}, {"documentId": f"sha256:{hash_of(VIEWER)}", "query": None},
            {"extensions": persisted(VIEWER)}, {"query": VIEWER, "extensions": persisted(VIEWER)},
        ]  # fmt: skip
        for payload in known:
            await wire.send({"type": "subscribe", "id": "1", "payload": payload})
            assert await wire.message() == {"id": "1", "type": "next", "payload": DEVELOPER}
            assert (await wire.message())["type"] == "complete"
        unknown: dict[str, dict[str, Any]] = {
            "OPERATION_NOT_REGISTERED": {"documentId": "nobody"}, "BAD_REQUEST": {"extensions": {}},
            "PERSISTED_QUERY_NOT_FOUND": {"extensions": persisted("{ a }")},
        }  # fmt: skip
        for expected, payload in unknown.items():
            await wire.send({"type": "subscribe", "id": "1", "payload": payload})
            answer = await wire.message()
            assert (answer["type"], answer["payload"][0]["extensions"]["code"]) == ("error", expected)


# ------------------------------------------------------------------------------------------------- from files, at start


async def test_an_operation_that_is_not_valid_keeps_the_server_from_starting(tmp_path: Path) -> None:
    (tmp_path / "desk.graphql").write_text("query Desk {\n  nonsense\n}")
    settings = Settings(home=tmp_path, graphql=GraphQLSettings(operations=(tmp_path / "desk.graphql",)))
    with pytest.raises(AurumError, match=r"desk\.graphql:2: Cannot query field 'nonsense' on type 'Query'\."):
        create_app(settings)


# ------------------------------------------------------------------------------------------------- persisted queries


@pytest.fixture(params=["memory", "redis"])
async def client(request: pytest.FixtureRequest, migrated_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    redis = request.getfixturevalue("redis_url") if request.param == "redis" else None
    async with serving(migrated_url, tmp_path, redis) as app, client_of(app) as opened:
        yield opened


async def get(client: httpx.AsyncClient, **asked: Any) -> httpx.Response:
    written = {name: value if isinstance(value, str) else json.dumps(value) for name, value in asked.items()}
    return await client.get("/graphql", params=written)


async def test_a_persisted_query_is_asked_for_by_its_hash_once_it_was_sent(client: httpx.AsyncClient) -> None:
    for accept, status in ((JSON, 200), (GRAPHQL, 400)):
        first = await post(client, accept, extensions=persisted(VIEWER))
        assert (first.status_code, code(first)) == (status, "PERSISTED_QUERY_NOT_FOUND")
        assert first.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    assert (await post(client, query=VIEWER, extensions=persisted(VIEWER))).json() == DEVELOPER
    assert (await post(client, extensions=persisted(VIEWER))).json() == DEVELOPER
    response = await get(client, extensions=persisted(VIEWER))
    assert (response.json(), response.headers["cache-control"]) == (DEVELOPER, "no-store")
    assert (await post(client, query=VIEWER)).json() == DEVELOPER


async def test_get_sends_hash_and_query_too(client: httpx.AsyncClient) -> None:
    missing = await get(client, extensions=persisted(TYPE), variables={"name": "Curve"})
    assert code(missing) == "PERSISTED_QUERY_NOT_FOUND"
    assert missing.headers["cache-control"] == "no-store"
    assert "data" in (await get(client, query=TYPE, extensions=persisted(TYPE), variables={"name": "Curve"})).json()
    answer = await get(client, extensions=persisted(TYPE), variables={"name": "Query"})
    assert answer.json() == {"data": {"__type": {"name": "Query"}}}


async def test_a_hash_of_another_text_is_refused_and_nothing_is_kept(client: httpx.AsyncClient) -> None:
    response = await post(client, query=VIEWER, extensions=persisted(TYPE))
    assert (response.status_code, code(response)) == (400, "BAD_REQUEST")
    assert response.json()["errors"][0]["message"] == "provided sha does not match query"
    for text in (VIEWER, TYPE):
        assert code(await post(client, extensions=persisted(text))) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize(
    "text", ["{ nonsense }", "{", "{ " + "__typename " * 51 + "}", "{ __typename }" + " " * 70_000]
)
async def test_what_is_not_valid_is_not_kept(client: httpx.AsyncClient, text: str) -> None:
    assert code(await post(client, query=text, extensions=persisted(text))) == "GRAPHQL_INVALID"
    assert code(await post(client, extensions=persisted(text))) == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_tenant_does_not_learn_what_another_one_asks(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post(client, query=VIEWER, extensions=persisted(VIEWER))
    rival = Principal("rival", "trader", frozenset({Scope.CURVES_READ}))
    monkeypatch.setattr("aurum.app.authenticate", lambda *_: rival)
    assert code(await post(client, extensions=persisted(VIEWER))) == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_kept_text_that_somebody_has_changed_is_not_executed(
    migrated_url: str, tmp_path: Path, redis_url: str
) -> None:
    async with serving(migrated_url, tmp_path, redis_url) as app, client_of(app) as client:
        await app.state.services.persisted.put("demo", hash_of(VIEWER), "{ __typename }")
        assert code(await post(client, extensions=persisted(VIEWER))) == "PERSISTED_QUERY_NOT_FOUND"


async def test_persisted_queries_can_be_switched_off(migrated_url: str, tmp_path: Path, files: Path) -> None:
    given: dict[str, Any] = {"persisted_queries": False, "operations": (files,)}
    async with serving(migrated_url, tmp_path, **given) as app, client_of(app) as client:
        response = await post(client, extensions=persisted("{ __typename }"))
        assert code(response) == "PERSISTED_QUERY_NOT_SUPPORTED"
        assert response.json()["errors"][0]["message"] == "PersistedQueryNotSupported"
        assert (await post(client, query=VIEWER, extensions=persisted(VIEWER))).json() == DEVELOPER
        assert (await post(client, extensions=persisted(VIEWER))).json() == DEVELOPER  # it is registered


# ------------------------------------------------------------------------------------------------- only registered ones


async def test_only_registered_operations_are_executed(only: Starlette) -> None:
    async with client_of(only) as client:
        for asked in (
            {"documentId": hash_of(VIEWER)}, {"extensions": persisted(VIEWER)}, {"query": VIEWER},
            {"query": VIEWER, "extensions": persisted(VIEWER)}, {"documentId": "two", "operationName": "A"},
        ):  # fmt: skip
            assert (await post(client, **asked)).json() == DEVELOPER
            assert (await get(client, **asked)).json() == DEVELOPER
        for asked in (
            {"documentId": "nobody"}, {"query": VIEWER + " "}, {"query": "{ __typename }"}, {"query": "{"},
            {"query": "{ __schema { types { name } } }"}, {"extensions": persisted("{ __typename }")},
            {"query": "{ __typename }", "extensions": persisted("{ __typename }")},
            {"query": "mutation { __typename }"}, {"query": "subscription { curvePublished { cursor } } "},
        ):  # fmt: skip
            assert code(await post(client, **asked)) == "OPERATION_NOT_REGISTERED"
            assert code(await get(client, **asked)) == "OPERATION_NOT_REGISTERED"
        form = {"operations": json.dumps({"query": "{ __typename }", "variables": {"f": None}}),
                "map": '{"0": ["variables.f"]}'}  # fmt: skip
        response = await client.post("/graphql", data=form, files={"0": ("a", b"")})
        assert code(response) == "OPERATION_NOT_REGISTERED"


async def test_only_registered_operations_are_executed_over_a_socket(only: Starlette) -> None:
    async with connected(only, "graphql-transport-ws") as wire:
        await wire.send(INIT)
        assert (await wire.message())["type"] == "connection_ack"
        for query in ("subscription { curvePublished { cursor } } ", "{ __typename }", "{"):
            await wire.send({"type": "subscribe", "id": "1", "payload": {"query": query}})
            answer = await wire.message()
            assert answer["payload"][0]["extensions"]["code"] == "OPERATION_NOT_REGISTERED"
        live = {"documentId": "live"}
        await wire.send({"type": "subscribe", "id": "1", "payload": live}, {"type": "ping"})
        assert (await wire.message())["type"] == "pong"


async def test_the_houses_own_documents_are_executed_all_the_same(only: Starlette) -> None:
    async with client_of(only) as client:
        assert (await client.get("/v1/curves")).status_code == 200
        assert (await client.get("/graphiql/")).status_code == 404  # it could ask nothing
