"""Clients that stop reading, go away, or are left by a server that stops: over real sockets."""

from __future__ import annotations

import asyncio
import base64
import gc
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.live_server import LiveServer, live_server
from tests.processes import eventually

MUCH = " ".join(f"n{n}: snapshot {{ points {{ tenor mid bid ask cell }} }}" for n in range(20))
EVERYTHING = f'subscription {{ curvePublished(after: "0") {{ cursor {MUCH} }} }}'
KEYS = 'subscription { curvePublished(after: "%s") { cursor curve { key } } }'
NewClient = Callable[[LiveServer], "Client"]
MULTIPART = 'multipart/mixed;boundary="-";subscriptionSpec=1.0'
SSE = "text/event-stream"


@pytest.fixture
async def server(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[LiveServer]:
    async with live_server(migrated_sqlite_url, tmp_path, send_seconds=0.5, keep_alive_seconds=30) as opened:
        for day in (12, 13):
            await opened.load(day)
        yield opened


class Client:
    """A socket with small buffers, read only when the test says so."""

    def __init__(self, server: LiveServer) -> None:
        self._address = "127.0.0.1", server.port
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setblocking(False)
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self.socket, data)

    async def post(self, query: str, accept: str) -> None:
        body = orjson.dumps({"query": query})
        head = f"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: {accept}\r\ncontent-type: application/json\r\n"
        await self._loop.sock_connect(self.socket, self._address)
        await self.send(head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body)

    async def upgrade(self, query: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        await self._loop.sock_connect(self.socket, self._address)
        await self.send(
            f"GET /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            f"sec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n"
            f"sec-websocket-protocol: graphql-transport-ws\r\n\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await asyncio.wait_for(self._loop.sock_recv(self.socket, 1), 10)
        await self.say({"type": "connection_init"})
        await self.say({"type": "subscribe", "id": "1", "payload": {"query": query}})

    async def say(self, message: Any) -> None:
        """A frame, with a mask of nothing."""
        text = orjson.dumps(message)
        await self.send(bytes([0x81, 0x80 | 126]) + len(text).to_bytes(2, "big") + bytes(4) + text)

    async def rest(self) -> bytes:
        """Whatever comes until the server closes. ConnectionResetError where it cuts."""
        read = b""
        async with asyncio.timeout(20):
            while chunk := await self._loop.sock_recv(self.socket, 65536):
                read += chunk
        return read


@pytest.fixture
async def new_client() -> AsyncIterator[Callable[[LiveServer], Client]]:
    with ExitStack() as opened:

        def new(server: LiveServer) -> Client:
            client = Client(server)
            opened.callback(client.socket.close)
            return client

        yield new


@pytest.fixture
async def client(server: LiveServer, new_client: NewClient) -> Client:
    return new_client(server)


async def stuck(server: LiveServer) -> None:
    """Until the server has seen that its client takes nothing, and has freed everything but the connection."""

    async def follows() -> bool:
        return bool(server.endpoint.runner.seats.subscriptions)

    async def idle() -> bool:
        return server.idle

    await eventually(follows, 10)
    await eventually(idle, 20)


async def test_a_websocket_that_is_not_read_is_closed_with_the_cursor_to_resume_from(
    server: LiveServer, client: Client
) -> None:
    await client.upgrade(EVERYTHING)
    await stuck(server)
    rest = await client.rest()
    code, reason = int.from_bytes(rest[-len(rest.split(b"\x11\x44")[-1]) - 2 :][:2], "big"), rest.split(b"\x11\x44")[-1]
    assert (code, reason.startswith(b"Too slow: resume after ")) == (4420, True)
    cursor = int(reason.split()[-1])
    received = [int(part.split(b'"')[0]) for part in rest.split(b'"cursor":"')[1:]]
    assert received[-1] == cursor
    async with connect(server.url.replace("http", "ws"), subprotocols=["graphql-transport-ws"]) as again:  # type: ignore[list-item]  # a NewType of str
        await again.send('{"type": "connection_init"}')
        subscribe = {"type": "subscribe", "id": "1", "payload": {"query": KEYS % cursor}}
        await again.send(orjson.dumps(subscribe).decode())
        assert orjson.loads(await again.recv())["type"] == "connection_ack"
        while len(received) < 2 * 83:
            message = orjson.loads(await asyncio.wait_for(again.recv(), 10))
            received.append(int(message["payload"]["data"]["curvePublished"]["cursor"]))
    assert received == sorted(set(received))


@pytest.mark.parametrize("accept", [SSE, MULTIPART])
async def test_a_stream_that_is_not_read_ends_and_says_from_where_to_resume(
    server: LiveServer, client: Client, accept: str
) -> None:
    await client.post(EVERYTHING, accept)
    await stuck(server)
    rest = await client.rest()
    received = [int(part.split(b'"')[0]) for part in rest.split(b'"data":{"curvePublished":{"cursor":"')[1:]]
    assert 0 < len(received) < 2 * 83
    told = rest[rest.index(b'"message":"the client took nothing for 0.5 s"') :]
    assert b'"code":"TOO_SLOW"' in told
    assert b'"cursor":"%d"' % received[-1] in told
    assert rest.endswith(b"0\r\n\r\n")
    assert (b"event: complete" in told, b"\r\n-----\r\n" in told) == (False, accept == MULTIPART)


@pytest.mark.parametrize("transport", [SSE, MULTIPART, "websocket"])
async def test_a_client_that_never_reads_again_is_cut(server: LiveServer, client: Client, transport: str) -> None:
    await (client.upgrade(EVERYTHING) if transport == "websocket" else client.post(EVERYTHING, transport))
    await stuck(server)

    async def cut() -> bool:
        return not server.connections

    await eventually(cut, 15)


async def test_who_goes_away_leaves_nothing_behind(server: LiveServer, new_client: NewClient) -> None:
    before = len(asyncio.all_tasks())

    async def nothing_is_left() -> bool:
        gc.collect()
        return server.idle and len(asyncio.all_tasks()) <= before

    for transport in (SSE, MULTIPART, "websocket"):
        clients = [new_client(server) for _ in range(5)]
        for client in clients:
            query = KEYS % 170
            await (client.upgrade(query) if transport == "websocket" else client.post(query, transport))

        async def all_follow() -> bool:
            return server.endpoint.runner.seats.subscriptions == {"demo": 5}

        await eventually(all_follow, 10)
        for client in clients:
            client.socket.close()
        await eventually(nothing_is_left, 10)


async def test_a_server_that_stops_says_so_and_is_quick(
    migrated_sqlite_url: str, tmp_path: Path, new_client: NewClient
) -> None:
    loop = asyncio.get_running_loop()
    async with live_server(migrated_sqlite_url, tmp_path) as server:
        clients = [new_client(server) for _ in range(3)]
        await clients[0].post(KEYS % 0, SSE)
        await clients[1].post(KEYS % 0, MULTIPART)
        await clients[2].upgrade(KEYS % 0)

        async def all_follow() -> bool:
            return server.endpoint.runner.seats.subscriptions == {"demo": 3}

        await eventually(all_follow, 10)
        stopped = loop.time()
        server.stop()
        events, parts, frames = await asyncio.gather(*[client.rest() for client in clients])
    assert loop.time() - stopped < 3
    assert events.endswith(b"3\r\n:\n\n\r\n0\r\n\r\n")
    assert b'"code":"SERVER_STOPPING"' in parts
    assert frames.endswith(b"\x88\x02\x03\xf4")  # a close frame of 1012


async def test_a_websocket_that_answers_no_ping_is_closed(migrated_sqlite_url: str, tmp_path: Path) -> None:
    async with (
        live_server(migrated_sqlite_url, tmp_path, keep_alive_seconds=0.3) as server,
        connect(server.url.replace("http", "ws"), subprotocols=["graphql-transport-ws"]) as socket_,  # type: ignore[list-item]  # a NewType of str
    ):
        await socket_.send('{"type": "connection_init"}')
        assert [orjson.loads(await socket_.recv())["type"] for _ in range(2)] == ["connection_ack", "ping"]
        await socket_.send('{"type": "pong"}')
        assert orjson.loads(await socket_.recv())["type"] == "ping"
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket_.recv(), 5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4421


async def test_a_tenant_has_so_many_connections_and_subscriptions(
    migrated_sqlite_url: str, tmp_path: Path, new_client: NewClient
) -> None:
    async with live_server(migrated_sqlite_url, tmp_path, max_connections=2, max_subscriptions=1) as server:
        first, second, third = (new_client(server) for _ in range(3))
        await first.upgrade(KEYS % 0)

        async def follows() -> bool:
            return server.endpoint.runner.seats.subscriptions == {"demo": 1}

        await eventually(follows, 10)
        await first.say({"type": "subscribe", "id": "2", "payload": {"query": KEYS % 0}})
        await second.post(KEYS % 0, SSE)
        refused = await asyncio.wait_for(second._loop.sock_recv(second.socket, 65536), 5)
        assert refused.startswith(b"HTTP/1.1 429")
        assert b'"code":"TOO_MANY_SUBSCRIPTIONS"' in refused
        await third.upgrade("{ __typename }")
        fourth = new_client(server)
        await fourth.upgrade(KEYS % 0)
        assert b"\x03\xf52 connections open" in await fourth.rest()  # 1013: try again later
        server.stop()
        assert b'"id":"2","type":"error","payload":[{"message":"1 subscription running already"' in await first.rest()
