"""Connections cut at random, on every transport: who comes back with the last cursor has every event once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from tests.cutting import Proxy, cutting_proxy
from tests.live_server import CURVES, live_server

PUBLISHED = "subscription($after: String) { curvePublished(after: $after) { cursor curve { key } } }"
MOST = 6000  # bytes to a client, of about 14,000 a day
BROKEN = (OSError, httpx.HTTPError, WebSocketException, InvalidHandshake, EOFError)
Follow = Callable[[str, str], AsyncIterator[str]]


def asking(after: str) -> dict[str, Any]:
    return {"query": PUBLISHED, "variables": {"after": after}}


def cursor(result: bytes | str) -> str:
    found: str = orjson.loads(result)["data"]["curvePublished"]["cursor"]
    return found


async def websocket(url: str, after: str) -> AsyncIterator[str]:
    address = url.replace("http", "ws")
    async with connect(address, subprotocols=["graphql-transport-ws"], proxy=None) as socket:  # type: ignore[list-item]  # a NewType of str
        await socket.send('{"type": "connection_init"}')
        await socket.send(orjson.dumps({"type": "subscribe", "id": "1", "payload": asking(after)}).decode())
        async for message in socket:
            told = orjson.loads(message)
            if told["type"] == "next":
                yield cursor(orjson.dumps(told["payload"]))


async def events(url: str, after: str) -> AsyncIterator[str]:
    headers = {"accept": "text/event-stream", "last-event-id": after}
    async with httpx.AsyncClient() as client, client.stream("POST", url, json=asking("0"), headers=headers) as response:
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                yield cursor(line.removeprefix("data: "))


async def shared_events(url: str, after: str) -> AsyncIterator[str]:
    async with httpx.AsyncClient() as client:
        token = {"x-graphql-event-stream-token": (await client.put(url)).raise_for_status().text}
        accept = token | {"accept": "text/event-stream"}
        given = asking(after) | {"extensions": {"operationId": "1"}}
        async with client.stream("GET", url, headers=accept) as response:
            (await client.post(url, json=given, headers=token)).raise_for_status()
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    yield cursor(orjson.dumps(orjson.loads(line.removeprefix("data: "))["payload"]))


async def multipart(url: str, after: str) -> AsyncIterator[str]:
    headers = {"accept": "multipart/mixed;subscriptionSpec=1.0"}
    async with (
        httpx.AsyncClient() as client,
        client.stream("POST", url, json=asking(after), headers=headers) as response,
    ):
        rest = b""
        async for chunk in response.aiter_raw():
            *parts, rest = (rest + chunk).split(b"\r\n---")
            for part in parts:
                body = part.partition(b"\r\n\r\n")[2]
                if body not in (b"", b"{}"):
                    yield cursor(orjson.dumps(orjson.loads(body)["payload"]))


async def gathered(follow: Follow, proxy: Proxy, count: int) -> list[str]:
    """What a client has that comes back with its last cursor whenever it is cut."""
    received: list[str] = []
    while len(received) < count:
        try:
            async for each in follow(proxy.url, received[-1] if received else "0"):
                received.append(each)
                if len(received) == count:
                    break
        except BROKEN:
            await asyncio.sleep(0.01)
    return received


@pytest.mark.timeout(120)
async def test_nothing_is_lost_and_nothing_comes_twice(migrated_url: str, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    ways: list[Follow] = [websocket, events, shared_events, multipart]
    async with live_server(migrated_url, tmp_path) as server, cutting_proxy(server.port, seed, MOST) as proxy:
        following = asyncio.gather(*[gathered(way, proxy, 2 * CURVES) for way in ways])
        for day in (12, 13):
            await server.load(day)
        async with asyncio.timeout(60):
            received = await following
    assert proxy.cuts >= 4 * len(ways), f"seed {seed}: hardly anything was cut"
    for way, cursors in zip(ways, received, strict=True):
        assert cursors == sorted(set(cursors), key=int), f"seed {seed}, {way.__name__}"
