"""GraphQL over HTTP: media types, status codes, the form of requests. The cases of public audits, and more."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
BOTH = pytest.mark.parametrize("accept", [JSON, GRAPHQL])
TYPENAME = {"query": "{ __typename }"}
NAMED = "query Type($name: String!) { __type(name: $name) { name } }"


@pytest.fixture
def migrated_url(migrated_sqlite_url: str) -> str:
    """Requests are refused, or answered, before any database is asked: one of them will do."""
    return migrated_sqlite_url


async def post(
    client: httpx.AsyncClient, body: Any, accept: str | None = JSON, kind: str | None = JSON
) -> httpx.Response:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    request = client.build_request("POST", "/graphql", content=content)
    for name, value in (("accept", accept), ("content-type", kind)):
        request.headers.pop(name, None)
        if value is not None:
            request.headers[name] = value
    return await client.send(request)


def media(response: httpx.Response) -> str:
    kind, _, charset = response.headers["content-type"].partition("; ")
    assert charset == "charset=utf-8"
    return str(kind)


def refused(response: httpx.Response) -> str:
    """The code of an answer that has errors, and no data."""
    answer = response.json()
    assert "data" not in answer
    assert answer["errors"][0]["message"]
    return str(answer["errors"][0]["extensions"]["code"])


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        (f"{GRAPHQL};q=0.5, {JSON};q=0.9", JSON),
        (f"{JSON};q=0, */*", GRAPHQL),
        (f"*/*, {JSON};q=0.1", GRAPHQL),
        (f"application/*, {GRAPHQL};q=0", JSON),
        (f"{JSON};q=nan, {GRAPHQL};q=0.1", GRAPHQL),
        (f"{GRAPHQL};charset=utf-8, {JSON};charset=utf-8", GRAPHQL),
        ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
        (f"Application/GraphQL-Response+JSON;Q=1, {JSON};q=x", GRAPHQL),
    ],
)
async def test_the_media_type_is_the_one_that_is_accepted(
    client: httpx.AsyncClient, accept: str | None, expected: str
) -> None:
    response = await post(client, TYPENAME, accept)
    assert (response.status_code, media(response)) == (200, expected)
    assert response.json() == {"data": {"__typename": "Query"}}


async def test_lines_of_accept_are_one_list(client: httpx.AsyncClient) -> None:
    lines = [("accept", "text/html"), ("accept", f"{JSON};q=0.5"), ("accept", GRAPHQL)]
    response = await client.post("/graphql", json=TYPENAME, headers=lines)
    assert (response.status_code, media(response)) == (200, GRAPHQL)


@pytest.mark.parametrize(
    "accept", ["text/html", "multipart/mixed", f"{JSON};q=0", "application/*;q=0, */*", "nonsense", ","]
)
async def test_another_media_type_is_not_answered(client: httpx.AsyncClient, accept: str) -> None:
    response = await post(client, TYPENAME, accept)
    assert (response.status_code, media(response), refused(response)) == (406, JSON, "NOT_ACCEPTABLE")


@BOTH
@pytest.mark.parametrize(
    "body",
    [
        TYPENAME,
        {"query": "query Query { __typename }", "operationName": "Query"},
        {"query": "query A { __typename } query B { wrong: __typename }", "operationName": "A"},
        TYPENAME | {"variables": None, "operationName": None, "extensions": None},
        TYPENAME | {"variables": {"unused": 1}, "extensions": {"some": "value"}, "more": [1]},
    ],
)
async def test_a_request_of_the_right_form_is_executed(client: httpx.AsyncClient, body: Any, accept: str) -> None:
    response = await post(client, body, accept)
    assert (response.status_code, media(response)) == (200, accept)
    assert response.json() == {"data": {"__typename": "Query"}}


@BOTH
@pytest.mark.parametrize(
    "body",
    [
        b"", b'{ "not a JSON', b"[]", b"5", b"null", b'"{ __typename }"', b"\xff\xfe{\x00}\x00", {},
        {"qeury": "{ __typename }"}, {"query": None}, {"query": ""},
        *({"query": wrong} for wrong in ({"obj": "ect"}, 0, False, ["array"])),
        *(TYPENAME | {"operationName": wrong} for wrong in ({"obj": "ect"}, 0, False, ["array"])),
        *(TYPENAME | {"variables": wrong} for wrong in ("string", 0, False, ["array"])),
        *(TYPENAME | {"extensions": wrong} for wrong in ("string", 0, False, ["array"])),
        [TYPENAME, TYPENAME],
    ],
)  # fmt: skip
async def test_a_request_of_another_form_is_a_bad_one(client: httpx.AsyncClient, body: Any, accept: str) -> None:
    response = await post(client, body, accept)
    assert (response.status_code, media(response)) == (400, accept)
    assert refused(response) == ("BATCH_REFUSED" if body in (b"[]", [TYPENAME] * 2) else "BAD_REQUEST")


@pytest.mark.parametrize(
    "body",
    [
        {"query": "{"},
        {"query": "{ 8f31403dfe404bccbb0e835f2629c6a7 }"},
        {"query": "query CoerceFailure($id: ID!) { __typename }", "variables": {"id": None}},
        {"query": "query A { __typename }", "operationName": "B"},
        {"query": "query A { __typename } query B { __typename }"},
        {"query": "query A { nonsense }", "operationName": "B"},
        {"query": "{ curves(first: 2147483647) { nodes { key } } }"},
    ],
)
async def test_what_the_document_does_wrong_is_told_by_the_status_to_those_who_know(
    client: httpx.AsyncClient, body: Any
) -> None:
    for accept, status in ((JSON, 200), (GRAPHQL, 400)):
        response = await post(client, body, accept)
        assert (response.status_code, media(response)) == (status, accept)
        assert refused(response)


@BOTH
async def test_an_error_while_executing_is_answered_with_data(client: httpx.AsyncClient, accept: str) -> None:
    response = await post(client, {"query": '{ __typename node(id: "nonsense") { id } }'}, accept)
    assert response.status_code == 200
    assert response.json()["data"] == {"__typename": "Query", "node": None}
    assert response.json()["errors"][0]["path"] == ["node"]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json; charset=utf-8", 200),
        ('Application/JSON ;charset="UTF-8"', 200),
        ("application/json; charset=latin-1", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/jsonp", 415),
        ("text/plain", 415),
        (None, 415),
    ],
)
async def test_a_body_is_json_in_utf_8(client: httpx.AsyncClient, kind: str | None, status: int) -> None:
    response = await post(client, {"query": '{ __type(name: "Run🏃Swim🏊") { name } }'}, kind=kind)
    assert (response.status_code, media(response)) == (status, JSON)
    if status != 200:
        assert refused(response) == "UNSUPPORTED_MEDIA_TYPE"


@BOTH
async def test_queries_are_asked_with_get(client: httpx.AsyncClient, accept: str) -> None:
    asked = {"query": NAMED, "variables": '{"name": "Curve"}', "operationName": "Type", "extensions": "{}"}
    response = await client.get("/graphql", params=asked, headers={"accept": accept})
    assert (response.status_code, media(response)) == (200, accept)
    assert response.json() == {"data": {"__type": {"name": "Curve"}}}


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("query=mutation{__typename}", 405, "METHOD_NOT_ALLOWED"),
        ("query=query A{__typename} mutation B{__typename}&operationName=B", 405, "METHOD_NOT_ALLOWED"),
        ("query=subscription{curvePublished{cursor}}", 400, "SUBSCRIPTION_NOT_HERE"),
        ("", 400, "BAD_REQUEST"),
        ("query={__typename}&variables=[]", 400, "BAD_REQUEST"),
        ("query={__typename}&variables={", 400, "BAD_REQUEST"),
        ("query={__typename}&extensions=nonsense", 400, "BAD_REQUEST"),
        ("query={a(b:%22%ff%22)}", 400, "BAD_REQUEST"),
        ("&".join("query={__typename}" for _ in range(50)), 400, "BAD_REQUEST"),
    ],
)
async def test_what_get_does_not_do(client: httpx.AsyncClient, query: str, status: int, code: str) -> None:
    for accept in (JSON, GRAPHQL):
        response = await client.get(f"/graphql?{query}", headers={"accept": accept})
        assert (response.status_code, media(response), refused(response)) == (status, accept, code)
        assert response.headers.get("allow") == ("GET, POST, PUT, DELETE" if status == 405 else None)


@pytest.mark.parametrize("method", ["PATCH", "HEAD", "OPTIONS"])
async def test_there_are_get_post_put_and_delete(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/graphql", json=TYPENAME)
    assert (response.status_code, media(response), response.headers["allow"]) == (405, JSON, "GET, POST, PUT, DELETE")


async def test_who_may_not_ask_is_told_in_the_media_type_that_is_accepted(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json=TYPENAME, headers={"accept": GRAPHQL, "host": "aurum.example.com"})
    assert (response.status_code, media(response), refused(response)) == (401, GRAPHQL, "UNAUTHENTICATED")
