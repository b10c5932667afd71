"""The endpoint: who may ask, what an error tells, how much a request may carry."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from aurum.services import Services
from tests.api.conftest import Ask


async def test_the_viewer_is_the_development_principal(ask: Ask) -> None:
    viewer = (await ask("{ viewer { tenant name scopes } }"))["data"]["viewer"]
    assert (viewer["tenant"], viewer["name"]) == ("demo", "developer")
    assert "ingestion:write" in viewer["scopes"]


@pytest.mark.parametrize(
    ("client_host", "headers", "status"),
    [
        ("10.1.2.3", {}, 401),
        ("127.0.0.1", {"host": "aurum.example.com"}, 401),
        ("127.0.0.1", {"origin": "https://evil.example"}, 403),
        ("127.0.0.1", {"origin": "http://[::1"}, 403),
        ("127.0.0.1", {"sec-fetch-site": "cross-site"}, 403),
        ("127.0.0.1", {"origin": "http://localhost:3000"}, 200),
        ("::1", {"host": "[::1]:8000"}, 200),
    ],
)
async def test_only_this_machine_may_be_the_developer(
    app: Starlette, client_host: str, headers: dict[str, str], status: int
) -> None:
    transport = httpx.ASGITransport(app, client=(client_host, 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        response = await client.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
    assert response.status_code == status
    assert response.headers["x-request-id"]


async def test_an_unexpected_error_is_masked_and_names_the_request(
    client: httpx.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("secret 42")

    monkeypatch.setattr(services.metadata.store, "count", broken)
    query = {"query": "{ curves { totalCount } }"}
    response = await client.post("/graphql", json=query, headers={"x-request-id": "desk-7"})
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL", "requestId": "desk-7"}
    assert "42" not in response.text
    assert "secret 42" in caplog.text


async def test_a_request_id_that_is_not_well_formed_is_replaced(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{ __typename }"}, headers={"x-request-id": "a b"})
    assert response.headers["x-request-id"] not in ("", "a b")


@pytest.mark.parametrize(
    "query",
    ["{ nonsense }", "{ curves { nodes { snapshot { curve " + "{ snapshot { curve " * 10 + "{ key" + " }" * 25, "{"],
)
async def test_what_is_not_valid_is_refused_with_a_code(ask: Ask, query: str) -> None:
    answer = await ask(query)
    assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_INVALID"


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("{ curves { nodes { " + "leg { " * 15 + "key" + " }" * 15 + " } } }", "levels"),
        ("{ " + " ".join(f"a{n}: __typename" for n in range(101)) + " }", "aliases"),
        ("{ ...F0 } " + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
         + " fragment F40 on Query { __typename }", "fields"),
        ("{ " + "__typename " * 4000 + "}", "token"),
        ("{ " + "__typename " * 51 + "}", "more than 50 fields of the first level"),
        ("{ ...F } fragment F on Query { ...G ...G } fragment G on Query { " + "__typename " * 30 + "}", "first level"),
        ("{ curves { " + "__typename " * 150 + "} }", "pairs of repeated fields"),
        ("{ __typename } fragment F on Curve { " + "leg { key leg { key } } " * 100 + "}", "pairs of repeated fields"),
        ("{ curves { " + "".join(f"a{n} " for n in range(1000)) + "} }", "more than 600 fields"),
        ("{ " + ("__typename " + "@include(if: true) " * 6) * 17 + "}", "more than 100 directives"),
        ("{ __typename " + "@include(if: true) " * 9 + "}", "more than 8 directives in one place"),
        ("query A" + " { __typename } query A".join(map(str, range(52))) + " { __typename }", "operations"),
        ("{ a } fragment F" + " on Query { a } fragment F".join(map(str, range(201))) + " on Query { a }", "fragments"),
        ("{ ...F0 } " + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(60)), "within each other"),
        ("{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }", "'f' is spread within itself"),
        ("{ nodes(ids: [" + "1 " * 1001 + "]) { id } }", "more than 1000 items in a list"),
        ("{ __typename }" + " " * 70_000, "65,536 characters"),
        ("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }", "introspection depth"),
    ],
)  # fmt: skip
async def test_what_is_too_much_is_refused_before_it_costs_anything(ask: Ask, query: str, what: str) -> None:
    answer = await ask(query)
    assert any(what in error["message"].lower() for error in answer["errors"]), answer["errors"]
    assert answer.get("data") is None


OPERATIONS = '{"query": "{ __typename }", "variables": {"a": null, "b": [null], "c": 1}}'


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"operations": "5", "map": "{}"},
        {"operations": "{}", "map": "[]"},
        {"operations": "[]", "map": "{}"},
        {"operations": OPERATIONS},
        {"map": "{}"},
        {"operations": OPERATIONS, "map": "NaN"},
        {"operations": OPERATIONS, "map": "[]"},
        {"operations": OPERATIONS, "map": '{"1": ["variables.a"]}'},
        {"operations": OPERATIONS, "map": '{"operations": ["variables.a"]}'},
        {"operations": OPERATIONS, "map": '{"0": "variables.a"}'},
        {"operations": OPERATIONS, "map": '{"0": [5]}'},
        {"operations": OPERATIONS, "map": '{"0": ["query"]}'},
        {"operations": OPERATIONS, "map": '{"0": ["variables"]}'},
        {"operations": OPERATIONS, "map": '{"0": ["variables.c"]}'},
        {"operations": OPERATIONS, "map": '{"0": ["variables.d"]}'},
        {"operations": OPERATIONS, "map": '{"0": ["variables.b.1"]}'},
        {"operations": OPERATIONS, "map": '{"0": ["variables.b.x"]}'},
        {"operations": OPERATIONS, "map": '{"0": ["variables.c.0"]}'},
        {"operations": OPERATIONS, "map": '{"0": ["variables.a", "variables.a"]}'},
        {"operations": '{"query": "{ __typename }"}', "map": '{"0": ["variables.a"]}'},
        {"operations": OPERATIONS, "map": "{}", **{f"more{n}": "" for n in range(30)}},
    ],
)
async def test_a_multipart_request_of_another_form_is_refused(client: httpx.AsyncClient, form: dict[str, str]) -> None:
    response = await client.post("/graphql", data=form, files={"0": ("a", b"")})
    assert response.status_code == 400
    codes = {"BAD_REQUEST", "BATCH_REFUSED", "PARTS_OUT_OF_ORDER", "FILE_UNEXPECTED"}
    assert response.json()["errors"][0]["extensions"]["code"] in codes


async def test_files_are_put_where_the_map_says(client: httpx.AsyncClient) -> None:
    form = {"operations": OPERATIONS, "map": '{"0": ["variables.a", "variables.b.0"]}'}
    response = await client.post("/graphql", data=form, files={"0": ("a", b"")})
    assert response.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=x", "multipart/form-data; boundary="]
)
async def test_a_multipart_body_without_parts_is_refused(client: httpx.AsyncClient, kind: str) -> None:
    for content in (b"", b"--y\r\n", b"--x\r\nnonsense\r\n\r\n", b"\x00" * 100):
        response = await client.post("/graphql", content=content, headers={"content-type": kind})
        assert response.status_code == 400
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_variables_that_are_too_much_name_their_field(client: httpx.AsyncClient) -> None:
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    for given, field in (
        ({"input": {"name": "x", "drivers": [{"fx": {}}] * 10_000}}, "input.drivers"),
        ({"input": {"drivers": [{"payload": {str(n): n for n in range(1001)}}]}}, "input.drivers.0.payload"),
        ({"input": {"drivers": deep}}, "input.drivers" + ".0" * 31),
    ):
        response = await client.post("/graphql", json={"query": "{ __typename }", "variables": given})
        (error,) = response.json()["errors"]
        assert (error["extensions"]["code"], error["extensions"]["field"]) == ("GRAPHQL_INVALID", field)


async def test_a_body_that_is_too_large_is_not_read(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{ __typename }", "variables": {"x": "y" * 2**20}})
    assert response.status_code == 413
    assert response.json()["errors"][0]["extensions"]["code"] == "BODY_TOO_LARGE"


async def test_errors_of_the_protocol_are_json(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", content=b"{", headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["message"]
