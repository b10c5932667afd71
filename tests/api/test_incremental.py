"""`@defer` and `@stream` are not in the schema: a document that uses them is refused as invalid, everywhere."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette

from tests.api.conftest import Ask
from tests.api.test_sockets import INIT, connected

DOCUMENTS = {
    "defer": "{ viewer { ... @defer { name } } }",
    "stream": "{ viewer { scopes @stream(initialCount: 1) } }",
}


@pytest.fixture
def migrated_url(migrated_sqlite_url: str) -> str:
    return migrated_sqlite_url


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("accept", ["application/json", "multipart/mixed;deferSpec=20220824, application/json"])
async def test_incremental_delivery_is_refused(client: httpx.AsyncClient, name: str, accept: str) -> None:
    response = await client.post("/graphql", json={"query": DOCUMENTS[name]}, headers={"accept": accept})
    (error,) = response.json()["errors"]
    assert "data" not in response.json()
    assert (error["message"], error["extensions"]["code"]) == (f"Unknown directive '@{name}'.", "GRAPHQL_INVALID")


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_it_is_refused_over_a_socket(app: Starlette, name: str) -> None:
    async with connected(app, "graphql-transport-ws") as wire:
        await wire.send(INIT, {"type": "subscribe", "id": "1", "payload": {"query": DOCUMENTS[name]}})
        assert (await wire.message())["type"] == "connection_ack"
        assert (await wire.message())["payload"][0]["message"] == f"Unknown directive '@{name}'."


async def test_the_schema_does_not_offer_it(ask: Ask) -> None:
    directives = (await ask("{ __schema { directives { name } } }"))["data"]["__schema"]["directives"]
    assert not {"defer", "stream"} & {directive["name"] for directive in directives}
