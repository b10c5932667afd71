"""A caller's budget: what is charged, what is given back, and what whoever has none left is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from aurum.app import create_app
from aurum.settings import DatabaseSettings, GraphQLSettings, RedisSettings, Settings
from tests.api.test_sockets import INIT, TYPENAME, connected

GRAPHQL = "application/graphql-response+json"
PAGE = {"query": "{ curves(first: 50) { nodes { key } } }"}
LEFT = {"query": "{ viewer { limits { costsEnforced overrunCount budget { capacity perSecond left } } } }"}
Serving = Callable[..., AbstractAsyncContextManager[Starlette]]


@pytest.fixture
def serving(migrated_sqlite_url: str, tmp_path: Path) -> Serving:
    @asynccontextmanager
    async def serve(redis: SecretStr | None = None, **given: Any) -> AsyncIterator[Starlette]:
        database = DatabaseSettings(url=SecretStr(migrated_sqlite_url))
        app = create_app(
            Settings(home=tmp_path, database=database, redis=RedisSettings(url=redis), graphql=GraphQLSettings(**given))
        )
        async with app.router.lifespan_context(app):
            yield app

    return serve


@asynccontextmanager
async def client_of(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


async def left(client: httpx.AsyncClient) -> dict[str, Any]:
    limits: dict[str, Any] = (await client.post("/graphql", json=LEFT)).json()["data"]["viewer"]["limits"]
    return limits


async def test_whoever_has_spent_a_budget_is_told_when_to_come_back(serving: Serving) -> None:
    async with serving(cost_budget=60, cost_per_second=0.5) as app, client_of(app) as client:
        assert (await client.post("/graphql", json=PAGE)).status_code == 200  # 51, and 1 of it after all
        assert (await left(client))["budget"] == {"capacity": 60, "perSecond": 0.5, "left": 56}
        for _ in range(10):
            await left(client)
        response = await client.post("/graphql", json=PAGE, headers={"accept": GRAPHQL})
        (error,) = response.json()["errors"]
        assert (response.status_code, error["extensions"]["code"]) == (429, "COST_BUDGET_EXHAUSTED")
        assert response.headers["retry-after"] == str(error["extensions"]["retryAfter"])
        assert 0 < error["extensions"]["retryAfter"] < 60
        lenient = await client.post("/graphql", json=PAGE)
        assert (lenient.status_code, lenient.json()["errors"][0]["extensions"]["code"]) == (
            200, "COST_BUDGET_EXHAUSTED",
        )  # fmt: skip


@pytest.mark.parametrize("headers", [{}, {"accept": "text/event-stream"}])
@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("{ curves(first: 40) { nodes { key } } failing: curves(first: -1) { nodes { key } } }", "30"),
        ("{ curves(first: 40) { nodes { key } totalCount } }", "0.000001"),
    ],
)
async def test_who_has_an_operation_fail_pays_for_it_all_the_same(
    serving: Serving, query: str, seconds: str, headers: dict[str, str]
) -> None:
    async with serving(cost_budget=100, cost_per_second=0.001) as app, client_of(app) as client:
        response = await client.post("/graphql", json={"query": query}, headers=headers | {"x-timeout": seconds})
        assert '"data":null' in response.text
        assert (await left(client))["budget"]["left"] < 60


async def test_what_is_more_than_a_budget_holds_is_too_costly_for_ever(serving: Serving) -> None:
    async with serving(cost_budget=50) as app, client_of(app) as client:
        (error,) = (await client.post("/graphql", json=PAGE)).json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["allowed"]) == ("COST_TOO_HIGH", 50)


async def test_a_budget_can_be_measured_only(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(cost_budget=60, cost_per_second=0.001, enforce_cost=False) as app, client_of(app) as client:
        for _ in range(20):
            assert (await client.post("/graphql", json=PAGE)).json()["data"]
        limits = await left(client)
    assert limits["costsEnforced"] is False
    assert limits["overrunCount"] > 0
    assert "more than demo/developer has left" in caplog.text


async def test_operations_of_a_socket_are_charged_too(serving: Serving) -> None:
    async with serving(cost_budget=3, cost_per_second=0.001) as app, connected(app, "graphql-transport-ws") as wire:
        await wire.send(INIT, *[TYPENAME | {"id": str(n)} for n in range(4)])
        messages = [await wire.message() for _ in range(8)]
    (refused,) = [each for each in messages if each["type"] == "error"]
    assert refused["payload"][0]["extensions"]["code"] == "COST_BUDGET_EXHAUSTED"


async def test_processes_share_a_budget_through_redis(serving: Serving, redis_url: str) -> None:
    shared, slow = SecretStr(redis_url), {"cost_budget": 1000, "cost_per_second": 0.001}
    async with serving(shared, **slow) as one, serving(shared, **slow) as other:
        async with client_of(one) as client:
            for _ in range(3):
                await left(client)
        async with client_of(other) as client:
            assert (await left(client))["budget"]["left"] < 1000


async def test_without_a_budget_there_is_none(serving: Serving) -> None:
    async with serving() as app, client_of(app) as client:
        assert (await left(client)) == {"costsEnforced": True, "overrunCount": 0, "budget": None}


async def test_the_legacy_endpoints_are_paid_from_the_same_budget(serving: Serving) -> None:
    async with serving(cost_budget=1003, cost_per_second=0.001) as app, client_of(app) as client:
        assert (await client.get("/v1/curves", params={"limit": 1000})).status_code == 200
        assert (await left(client))["budget"]["left"] > 900  # nothing was found: what was estimated came back
        response = await client.get("/v1/curves", params={"limit": 1000})
        problem = response.json()
        assert (response.status_code, problem["error"], problem["title"]) == (429, "rate_limited", "Too Many Requests")
        assert response.headers["retry-after"] == str(problem["retry_after_seconds"])
