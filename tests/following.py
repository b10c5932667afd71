"""Clients of subscriptions, one for each transport, that come back with their last cursor whenever they are cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import httpx
import orjson
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, WebSocketException

BROKEN = (OSError, httpx.HTTPError, WebSocketException, InvalidHandshake, EOFError)
Follow = Callable[[str, str, str | None], AsyncGenerator[dict[str, Any], None]]
COME_BACK = {"UNAVAILABLE", "SERVER_STOPPING", "TOO_SLOW", "DEADLINE_EXCEEDED"}  # with the cursor that a client has
_PAUSE = 0.02  # seconds until a client comes back


def _asking(query: str, after: str | None) -> dict[str, Any]:
    return {"query": query, "variables": {"after": after}}


async def websocket(url: str, query: str, after: str | None) -> AsyncGenerator[dict[str, Any], None]:
    address = url.replace("http", "ws")
    async with connect(address, subprotocols=["graphql-transport-ws"], proxy=None) as socket:  # type: ignore[list-item]  # a NewType of str
        await socket.send('{"type": "connection_init"}')
        message = {"type": "subscribe", "id": "1", "payload": _asking(query, after)}
        await socket.send(orjson.dumps(message).decode())
        async for text in socket:
            told = orjson.loads(text)
            if told["type"] == "next":
                yield told["payload"]
            elif told["type"] == "error":
                yield {"errors": told["payload"]}


async def event_stream(url: str, query: str, after: str | None) -> AsyncGenerator[dict[str, Any], None]:
    """`Last-Event-ID` takes the place of the variable."""
    resumed = {} if after is None else {"last-event-id": after}
    headers = {"accept": "text/event-stream", **resumed}
    async with (
        httpx.AsyncClient(timeout=60) as client,
        client.stream("POST", url, json=_asking(query, None), headers=headers) as response,
    ):
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                yield orjson.loads(line.removeprefix("data: "))


async def shared_event_stream(url: str, query: str, after: str | None) -> AsyncGenerator[dict[str, Any], None]:
    async with httpx.AsyncClient(timeout=60) as client:
        token = {"x-graphql-event-stream-token": (await client.put(url)).raise_for_status().text}
        accept = token | {"accept": "text/event-stream"}
        given = _asking(query, after) | {"extensions": {"operationId": "1"}}
        async with client.stream("GET", url, headers=accept) as response:
            (await client.post(url, json=given, headers=token)).raise_for_status()
            async for line in response.aiter_lines():
                told = orjson.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if "payload" in told:
                    yield told["payload"]


async def multipart(url: str, query: str, after: str | None) -> AsyncGenerator[dict[str, Any], None]:
    headers = {"accept": "multipart/mixed;subscriptionSpec=1.0"}
    async with (
        httpx.AsyncClient(timeout=60) as client,
        client.stream("POST", url, json=_asking(query, after), headers=headers) as response,
    ):
        rest = b""
        async for chunk in response.aiter_raw():
            *parts, rest = (rest + chunk).split(b"\r\n---")
            for part in parts:
                body = part.partition(b"\r\n\r\n")[2]
                if body not in (b"", b"{}"):
                    told = orjson.loads(body)
                    yield told["payload"] or told


TRANSPORTS: list[Follow] = [websocket, event_stream, shared_event_stream, multipart]


async def followed(follow: Follow, url: str, query: str, after: str | None) -> AsyncGenerator[dict[str, Any], None]:
    """What the field of the subscription says, without end; behind `after`, None: from wherever it begins."""
    while True:
        try:
            async with aclosing(follow(url, query, after)) as results:
                async for result in results:
                    if "errors" in result:
                        assert {error["extensions"]["code"] for error in result["errors"]} <= COME_BACK, result
                        break
                    (told,) = result["data"].values()
                    after = told["cursor"]
                    yield told
        except BROKEN:
            pass
        await asyncio.sleep(_PAUSE)
