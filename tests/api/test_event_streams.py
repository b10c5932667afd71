"""Server-Sent Events by the protocol of graphql-sse, and Apollo's multipart, from a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.live_server import LiveServer, live_server

SSE = {"accept": "text/event-stream"}
MULTIPART = {"accept": 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0,application/json'}
TOKEN = "x-graphql-event-stream-token"
PUBLISHED = "subscription($after: String) { curvePublished(after: $after) { cursor curve { key } } }"
GAS = 'subscription { curvePublished(after: "0", filter: {keys: ["eugp:eu/dutch_ttf/gas"]}) { cursor } }'


@pytest.fixture
async def server(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[LiveServer]:
    async with live_server(migrated_sqlite_url, tmp_path, keep_alive_seconds=0.5, reserved_seconds=1) as opened:
        yield opened


@pytest.fixture
async def client(server: LiveServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url.removesuffix("/graphql"), timeout=20) as opened:
        yield opened


class Events:
    """A body as it comes, cut at what separates its parts."""

    def __init__(self, response: httpx.Response, separator: bytes = b"\n\n") -> None:
        self.response = response
        self._chunks = response.aiter_raw()
        self._separator = separator
        self._rest = b""

    async def part(self) -> bytes | None:
        while self._separator not in self._rest:
            chunk = await asyncio.wait_for(anext(self._chunks, None), 10)
            if chunk is None:
                return None
            self._rest += chunk
        part, _, self._rest = self._rest.partition(self._separator)
        return part

    async def event(self) -> dict[str, str] | None:
        """The next that is no comment."""
        while (part := await self.part()) is not None:
            fields = dict(line.split(":", 1) for line in part.decode().split("\n") if not line.startswith(":"))
            if fields:
                return {name: value.removeprefix(" ") for name, value in fields.items()}
        return None

    async def results(self, count: int) -> list[tuple[str | None, Any]]:
        events = [await self.event() for _ in range(count)]
        assert {event and event["event"] for event in events} == {"next"}
        return [(event.get("id"), orjson.loads(event["data"])) for event in events if event]


@asynccontextmanager
async def streamed(client: httpx.AsyncClient, method: str = "POST", **request: Any) -> AsyncIterator[Events]:
    async with client.stream(method, "/graphql", **request) as response:
        yield Events(response)


def asking(query: str, **variables: Any) -> dict[str, Any]:
    return {"json": {"query": query, "variables": variables}, "headers": SSE}


async def test_events_have_their_cursor_as_id_and_go_on_behind_it(
    server: LiveServer, client: httpx.AsyncClient
) -> None:
    await server.load(12)
    async with streamed(client, **asking(PUBLISHED, after="0")) as events:
        assert events.response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert events.response.headers["cache-control"] == "no-cache, no-transform"
        assert events.response.headers["x-accel-buffering"] == "no"
        first = await events.results(40)
    assert all(id_ == result["data"]["curvePublished"]["cursor"] for id_, result in first)
    again = asking(PUBLISHED, after="0") | {"headers": SSE | {"last-event-id": first[-1][0]}}
    async with streamed(client, **again) as events:
        rest = await events.results(43)
    keys = [result["data"]["curvePublished"]["curve"]["key"] for _, result in first + rest]
    assert len(set(keys)) == len(keys) == 83


async def test_get_is_for_the_browsers_event_source(server: LiveServer, client: httpx.AsyncClient) -> None:
    async with streamed(client, "GET", params={"query": GAS}, headers=SSE) as events:
        assert (await events.part()) == b":"  # at once: some browsers wait for the first byte
        await server.load(12)
        ((id_, result),) = await events.results(1)
    assert result == {"data": {"curvePublished": {"cursor": id_}}}


async def test_lines_end_with_lf_and_silence_is_broken_by_comments(client: httpx.AsyncClient) -> None:
    async with streamed(client, **asking(GAS)) as events:
        assert [await events.part() for _ in range(3)] == [b":", b":", b":"]
    async with streamed(client, **asking("{ __typename }")) as events:
        assert b"\r" not in await events.response.aread()


@pytest.mark.parametrize("accept", [SSE, MULTIPART])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_stream_outlives_the_time_that_a_body_has(
    server: LiveServer, client: httpx.AsyncClient, method: str, accept: dict[str, str]
) -> None:
    server.endpoint.settings = server.endpoint.settings.model_copy(update={"body_seconds": 0.2})
    asked: dict[str, Any] = {"params": {"query": GAS}} if method == "GET" else {"json": {"query": GAS}}
    async with client.stream(method, "/graphql", **asked, headers=accept) as response:
        events = Events(response, b"\n\n" if accept is SSE else b"\r\n---")
        await asyncio.sleep(0.6)
        await server.load(12)
        while (part := await events.part()) is not None and b"cursor" not in part:
            pass
        assert part is not None, "it has ended"


async def test_queries_and_mutations_are_answered_with_one_event(client: httpx.AsyncClient) -> None:
    async with streamed(client, **asking("{ __typename }")) as events:
        assert (await events.results(1))[0][1] == {"data": {"__typename": "Query"}}
        assert await events.event() == {"event": "complete", "data": ""}
        assert await events.event() is None
    async with streamed(client, **asking("mutation { __typename }")) as events:
        assert (await events.results(1))[0][1] == {"data": {"__typename": "Mutation"}}
    response = await client.get("/graphql", params={"query": "mutation { __typename }"}, headers=SSE)
    assert (response.status_code, refused(response)) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_INVALID"),
        ("subscription { nonsense }", "GRAPHQL_INVALID"),
        ("query A { __typename } query B { __typename }", "OPERATION_NAME_MISSING"),
        ("{ curves(first: 500) { nodes { snapshots(first: 500, asOf: {}) { nodes { id } } } } }", "COST_TOO_HIGH"),
        ('subscription { curvePublished(after: "x") { cursor } }', "INVALID_CURSOR"),
    ],
)
async def test_what_is_wrong_with_an_operation_is_an_event(client: httpx.AsyncClient, query: str, code: str) -> None:
    async with streamed(client, **asking(query)) as events:
        ((_, result),) = await events.results(1)
        assert result["errors"][0]["extensions"]["code"] == code
        assert await events.event() == {"event": "complete", "data": ""}


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ({"documentId": "unknown"}, "OPERATION_NOT_REGISTERED"),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "00"}}}, "PERSISTED_QUERY_NOT_FOUND"),
    ],
)
async def test_a_document_that_is_not_known_is_an_event(
    client: httpx.AsyncClient, named: dict[str, Any], code: str
) -> None:
    async with streamed(client, json=named, headers=SSE) as events:
        ((_, result),) = await events.results(1)
        assert result["errors"][0]["extensions"]["code"] == code
        assert await events.event() == {"event": "complete", "data": ""}
    token = await reserved(client)
    response = await client.post("/graphql", json=named, headers=token | SSE)
    assert (response.status_code, refused(response)) == (400, code)


@pytest.mark.parametrize("headers", [SSE, MULTIPART])
async def test_what_is_wrong_with_a_request_is_no_stream(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    response = await client.post("/graphql", content="nonsense", headers=headers | {"content-type": "application/json"})
    assert (response.status_code, refused(response)) == (400, "BAD_REQUEST")
    response = await client.post("/graphql", json={"query": GAS}, headers=headers | {"origin": "https://evil.example"})
    assert (response.status_code, refused(response)) == (403, "FORBIDDEN")


async def test_one_answer_is_not_streamed_to_who_takes_it(client: httpx.AsyncClient) -> None:
    either = {"accept": "application/json, text/event-stream, multipart/mixed"}
    response = await client.post("/graphql", json={"query": "{ __typename }"}, headers=either)
    assert response.headers["content-type"].startswith("application/json")
    async with streamed(client, json={"query": GAS}, headers=either) as events:
        assert events.response.headers["content-type"].startswith("text/event-stream")
    response = await client.post("/graphql", json={"query": GAS})
    assert (response.status_code, refused(response)) == (400, "SUBSCRIPTION_NOT_HERE")
    hint = response.json()["errors"][0]["extensions"]["hint"]
    assert all(way in hint for way in ("graphql-transport-ws", "text/event-stream", "multipart/mixed"))


@pytest.mark.parametrize("headers", [SSE, MULTIPART], ids=["event stream", "multipart"])
async def test_the_cost_is_told_to_who_wants_to_see_it(
    server: LiveServer, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """Of a subscription with its first event: that of each."""
    await server.load(12)
    asked = {"query": PUBLISHED, "variables": {"after": "0"}}
    separator = b"\n\n" if headers is SSE else b"\r\n---"
    async with client.stream("POST", "/graphql", json=asked, headers=headers | {"x-show-cost": "true"}) as response:
        events, found = Events(response, separator), list[bytes]()
        while len(found) < 2:
            part = await events.part()
            assert part is not None
            found += [part] if b'"curvePublished"' in part else []
    assert [b'"extensions":{"cost":{"estimated":2}}' in each for each in found] == [True, False]


async def test_the_cost_of_a_query_is_told_on_a_stream_too(client: httpx.AsyncClient) -> None:
    headers = SSE | {"x-show-cost": "true"}
    async with streamed(client, json={"query": "{ calendars { name } }"}, headers=headers) as events:
        ((_, result),) = await events.results(1)
    assert result["extensions"]["cost"]["actual"] == len(result["data"]["calendars"])


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "text/plain"])
async def test_caches_are_told_that_answers_differ_by_accept(client: httpx.AsyncClient, accept: str) -> None:
    response = await client.post("/graphql", json={"query": "{ __typename }"}, headers={"accept": accept})
    assert response.headers["vary"] == "Accept"


# ------------------------------------------------------------------------------------------- multipart


async def test_multipart_by_apollos_protocol(server: LiveServer, client: httpx.AsyncClient) -> None:
    async with client.stream("POST", "/graphql", json={"query": GAS}, headers=MULTIPART) as response:
        assert response.headers["content-type"] == 'multipart/mixed; boundary="-"; subscriptionSpec=1.0'
        parts = Events(response, b"\r\n---")
        assert await parts.part() == b""
        assert [body(await parts.part()) for _ in range(2)] == [{}, {}]  # heartbeats
        await server.load(12)
        while not (found := body(await parts.part())):
            pass
    assert list(found) == ["payload"]
    assert int(found["payload"]["data"]["curvePublished"]["cursor"]) > 0


async def test_errors_of_a_multipart_subscription_end_it(client: httpx.AsyncClient) -> None:
    query = 'subscription { curvePublished(after: "x") { cursor } }'
    response = await client.post("/graphql", json={"query": query}, headers=MULTIPART)
    *_, last, end = response.content.split(b"\r\n---")
    told = body(last)
    assert (told["payload"], told["errors"][0]["extensions"]["code"], end) == (None, "INVALID_CURSOR", b"--\r\n")
    response = await client.post("/graphql", json={"query": "subscription { nonsense }"}, headers=MULTIPART)
    assert (response.headers["content-type"], refused(response)) == (
        "application/json; charset=utf-8",
        "GRAPHQL_INVALID",
    )


def body(part: bytes | None) -> Any:
    assert part is not None
    headers, _, content = part.partition(b"\r\n\r\n")
    assert headers == b"\r\ncontent-type: application/json"
    return orjson.loads(content)


async def reserved(client: httpx.AsyncClient) -> dict[str, str]:
    response = await client.put("/graphql")
    assert (response.status_code, response.headers["content-type"]) == (201, "text/plain; charset=utf-8")
    return {TOKEN: response.text}


def refused(response: httpx.Response) -> str:
    code: str = response.json()["errors"][0]["extensions"]["code"]
    return code
