"""When a table is answered, and what is answered where it cannot be."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette

from tests.api.test_arrow import ARROW, post

GRAPHQL = "application/graphql-response+json"


@pytest.fixture
def migrated_url(migrated_sqlite_url: str) -> str:
    """Nothing is in it, and one database will do."""
    return migrated_sqlite_url


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("{", 400, "GRAPHQL_INVALID"),
        ("{ curves { nodes { nothing } } }", 400, "GRAPHQL_INVALID"),
        ("query($n: Int!) { curves(first: $n) { nodes { key } } }", 400, "GRAPHQL_INVALID"),
        ("{ curves(first: 500) { nodes { a: snapshots(first: 500, asOf: {}) { nodes { points { mid } } } } } }", 400,
         "COST_TOO_HIGH"),
        ("{ viewer { name } }", 406, "NOT_A_TABLE"),
        ("{ curves { nodes { key } edges { cursor } } }", 406, "NOT_A_TABLE"),
        ("subscription { curvePublished { cursor } }", 400, "SUBSCRIPTION_NOT_HERE"),
        ('mutation { retryIngestionRun(input: {id: "x"}) { problems { code } } }', 406, "NOT_A_TABLE"),
        ("{ curves(first: 501) { nodes { key } } }", 422, "BAD_USER_INPUT"),
        ('{ curves(after: "x") { nodes { key } } }', 400, "INVALID_CURSOR"),
    ],
)  # fmt: skip
async def test_what_is_no_table_is_an_error_with_its_status(
    client: httpx.AsyncClient, query: str, status: int, code: str
) -> None:
    response = await post(client, query)
    assert (response.status_code, response.headers["content-type"]) == (status, f"{GRAPHQL}; charset=utf-8")
    assert response.json()["errors"][0]["extensions"]["code"] == code


async def test_a_condition_that_is_null_is_the_callers_error(client: httpx.AsyncClient) -> None:
    asked = {"query": "query($b: Boolean = true) { curves { nodes { key @skip(if: $b) } } }", "variables": {"b": None}}
    response = await client.post("/graphql", json=asked, headers={"accept": ARROW})
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (400, "GRAPHQL_INVALID")


@pytest.mark.parametrize(
    ("accept", "query", "expected"),
    [
        (f"{ARROW}, application/json;q=0.9", "{ curves { nodes { key } } }", ARROW),
        (f"{ARROW};q=0.4, application/json;q=0.9", "{ curves { nodes { key } } }", "application/json"),
        (f"application/json, {ARROW}", "{ curves { nodes { key } } }", "application/json"),
        (f"*/*;q=0.1, {ARROW}", "{ curves { nodes { key } } }", ARROW),
        (f"{ARROW}, {GRAPHQL};q=0.5", "{ viewer { name } }", GRAPHQL),
        (f"{ARROW}, */*;q=0.1", "{ viewer { name } }", "application/json"),
        (f"{ARROW};q=0, */*", "{ curves { nodes { key } } }", "application/json"),
        ("application/*", "{ curves { nodes { key } } }", "application/json"),
    ],
)
async def test_a_table_is_answered_where_it_is_preferred_and_can_be(
    client: httpx.AsyncClient, accept: str, query: str, expected: str
) -> None:
    response = await post(client, query, accept)
    assert response.status_code == 200
    assert response.headers["content-type"].partition(";")[0] == expected


async def test_who_may_not_ask_is_told_with_the_status(app: Starlette) -> None:
    transport = httpx.ASGITransport(app, client=("192.0.2.1", 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as stranger:
        response = await post(stranger, "{ curves { nodes { key } } }")
    assert (response.status_code, response.headers["content-type"]) == (401, f"{GRAPHQL}; charset=utf-8")
