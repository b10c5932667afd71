"""What an operation costs, and what costs too much."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from graphql import get_named_type, get_nullable_type, is_input_object_type, is_leaf_type, is_list_type
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from aurum.graphql.endpoint import Endpoint
from aurum.graphql.sizes import size_of
from aurum.schema import create_schema
from aurum.settings import GraphQLSettings


@pytest.fixture
def migrated_url(migrated_sqlite_url: str) -> str:
    """Requests are refused, or answered, before any database is asked: one of them will do."""
    return migrated_sqlite_url


@pytest.fixture
def endpoint(app: Starlette) -> Endpoint:
    (found,) = {route.endpoint for route in app.routes if getattr(route, "path", None) == "/graphql"}  # type: ignore[attr-defined]
    assert isinstance(found, Endpoint)
    return found


PAGES = """query($first: Int, $points: Boolean = true) { curves(first: $first) {
    totalCount ...Keys nodes { key snapshot { points @include(if: $points) { mid } columns { mid } } } } }
    fragment Keys on CurveConnection { nodes { key } }"""


@pytest.mark.parametrize(
    ("query", "variables", "estimated"),
    [
        ("{ __typename }", {}, 0),
        ("{ curves { totalCount } }", {}, 1),
        ("{ curves { nodes { key } } }", {}, 1 + 50),
        ("{ curves(first: 7) { nodes { key } edges { cursor node { key } } } }", {}, 1 + 7 + 14),
        ("{ curves(last: 7) { nodes { currency { code } } } }", {}, 1 + 7 * 2),
        ("{ a: curves(first: 7) { nodes { key } } b: curves(first: 0) { nodes { key } } }", {}, 2 + 7),
        (PAGES, {"first": 20}, 1 + 20 * (1 + 1 + 120 + 20)),
        (PAGES, {"first": 20, "points": False}, 1 + 20 * (1 + 1 + 20)),
        (PAGES, {"points": False}, 1 + 50 * (1 + 1 + 20)),
        ("query($i: [ID!]!) { nodes(ids: $i) { ... on Curve { leg { key } } } }", {"i": ["x", "y", "z"]}, 3 * 2),
        ("{ units { code } }", {}, 20),
        ("{ dimensions { values { value } } }", {}, 12 * (1 + 1000)),
        ("query($l: Int! = 7) { dimensions(limit: $l) { values { value } } }", {}, 12 * (1 + 7)),
        ("{ quarantine(first: 500) { nodes { findings { code } } } }", {}, 1 + 500 * (1 + 3)),
        ("{ ingestionRuns(first: 2) { nodes { findings { code } } } }", {}, 1 + 2 * (1 + 500)),
        (
            '{ __schema { types { name fields { name } } } a: __type(name: "Curve") { name } }',
            {},
            3 + 100 * (3 + 8 * 3) + 3,
        ),
    ],
)
async def test_the_cost_is_known_before(
    client: httpx.AsyncClient, query: str, variables: dict[str, Any], estimated: int
) -> None:
    response = await client.post(
        "/graphql", json={"query": query, "variables": variables}, headers={"x-show-cost": "true"}
    )
    assert response.json()["extensions"]["cost"]["estimated"] == estimated, response.text


async def test_a_cost_that_is_too_high_says_how_much(client: httpx.AsyncClient) -> None:
    query = (
        "query($n: Int) { curves(first: $n) { nodes { snapshots(first: $n, asOf: {}) { nodes { points { mid } } } } } }"
    )
    response = await client.post("/graphql", json={"query": query, "variables": {"n": 500}})
    (error,) = response.json()["errors"]
    assert error["extensions"]["estimated"] == 1 + 500 * (1 + 1 + 500 * (1 + 120))
    assert error["extensions"]["allowed"] == GraphQLSettings().max_cost
    assert "smaller pages" in error["extensions"]["hint"]
    response = await client.post("/graphql", json={"query": query, "variables": {"n": 5}})
    assert "errors" not in response.json()


async def test_costs_can_be_measured_only(app: Starlette, endpoint: Endpoint, caplog: pytest.LogCaptureFixture) -> None:
    measuring = GraphQLSettings(max_cost=10, enforce_cost=False, show_cost=True)
    transport = httpx.ASGITransport(_mounted(app, endpoint, measuring), client=("127.0.0.1", 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        response = await client.post("/graphql", json={"query": "{ curves { nodes { key } } }"})
    assert response.json() == {
        "data": {"curves": {"nodes": []}},
        "extensions": {"cost": {"estimated": 51, "actual": 1}},
    }
    assert "may answer 51 objects, more than 10" in caplog.text


MUTATION = """mutation($i: ResolveQuarantineInput!) {
    resolveQuarantine(input: $i) { points { id } problems { code } } }"""


async def test_what_a_mutation_weighs_and_answers_is_in_its_cost(client: httpx.AsyncClient) -> None:
    given = {"decision": "ACCEPT", "reason": "seen", "ids": ["x"] * 30}
    inline = (
        'mutation { resolveQuarantine(input: {decision: ACCEPT, reason: "seen", ids: ["x", "y"]}) { points { id } } }'
    )
    for body, estimated in [
        ({"query": MUTATION, "variables": {"i": given}}, 100 + 30 + 1),
        ({"query": inline}, 100 + 2),
        ({"query": 'mutation { ingestFile(input: {path: "x"}) { run { id } } }'}, 5000 + 1),
    ]:
        response = await client.post("/graphql", json=body, headers={"x-show-cost": "true"})
        assert response.json()["extensions"]["cost"]["estimated"] == estimated, response.text


async def test_every_list_says_how_long_it_is() -> None:
    schema = create_schema(GraphQLSettings())._schema
    unsized = []
    for name, type_ in schema.type_map.items():
        for field_name, field in getattr(type_, "fields", {}).items():
            inner: Any = get_nullable_type(getattr(field, "type", None))
            pages = name.endswith("Connection") and field_name in ("nodes", "edges")
            if name.startswith("__") or is_input_object_type(type_) or pages:
                continue
            paged = str(get_named_type(inner)).endswith("Connection")
            objects = is_list_type(inner) and not is_leaf_type(get_named_type(inner))
            if (objects or paged) and size_of(field) is None:
                unsized.append(f"{name}.{field_name}")
            size = size_of(field)
            for argument in (size.slicing_arguments or ()) if size else ():
                assert argument.split(".")[0] in field.args, f"{name}.{field_name}({argument})"
            for sized in (size.sized_fields or ()) if size else ():
                assert sized in get_named_type(inner).fields, f"{name}.{field_name}.{sized}"
    assert unsized == []


async def test_get_can_be_switched_off(app: Starlette, endpoint: Endpoint) -> None:
    transport = httpx.ASGITransport(_mounted(app, endpoint, GraphQLSettings(get=False)), client=("127.0.0.1", 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        response = await client.get("/graphql", params={"query": "{ __typename }"})
    assert (response.status_code, response.headers["allow"]) == (405, "POST, PUT, DELETE")


def _mounted(app: Starlette, endpoint: Endpoint, settings: GraphQLSettings) -> ASGIApp:
    """The app's endpoint with other settings."""
    other = Endpoint(endpoint.schema, endpoint._context_of, settings, 2**20)

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        await other({**scope, "app": app, "aurum.request_id": "other"}, receive, send)

    return called
