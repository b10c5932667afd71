"""What a WebSocket may send below its messages: heads of the handshake, fragments, pings."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn

from aurum.serving import HTTP, WebSockets

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
MASK = b"\0\0\0\0"
BEGIN, MORE, END = (b"%b\x81%b " % (kind, MASK) for kind in (b"\x01", b"\x00", b"\x80"))
NOTHING_MORE = b"\x00\x80" + MASK
PING = b"\x89\xfd" + MASK + b"p" * 125


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Says how long each message was."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": str(len(message["text"]))})


@dataclass
class Line:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: uvicorn.Server

    @property
    def waiting(self) -> int:
        """Bytes that the server has for its client, and could not send yet."""
        (protocol,) = self.server.server_state.connections
        transport: Any = protocol.transport
        return int(transport.get_write_buffer_size())

    async def frame(self) -> tuple[int, bytes]:
        first, size = await asyncio.wait_for(self.reader.readexactly(2), 10)
        return first & 15, await self.reader.readexactly(size)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        config = uvicorn.Config(echo, http=HTTP, ws=WebSockets, lifespan="off", log_config=None, ws_max_size=2**20)
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve([listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        yield Line(reader, writer, server)
        writer.transport.abort()
        server.should_exit = True
        await running


@pytest.fixture
async def opened(line: Line) -> Line:
    line.writer.write(HANDSHAKE + b"\r\n")
    assert (await asyncio.wait_for(line.reader.readuntil(b"\r\n\r\n"), 10)).startswith(b"HTTP/1.1 101")
    return line


@pytest.mark.parametrize(
    "head", [b"sec-websocket-protocol: " + b"p, " * 5000, b"cookie: " + b"c" * 9000, b"x: y\r\n" * 150]
)
async def test_a_handshake_that_is_too_large_is_refused(line: Line, head: bytes) -> None:
    line.writer.write(HANDSHAKE + head.removesuffix(b"\r\n") + b"\r\n\r\n")
    assert (await asyncio.wait_for(line.reader.read(), 10)).startswith(b"HTTP/1.1 400")


async def test_a_message_may_come_in_fragments(opened: Line) -> None:
    opened.writer.write(BEGIN + MORE * 100 + END)
    assert await opened.frame() == (1, b"102")


@pytest.mark.parametrize("fragment", [MORE, NOTHING_MORE])
async def test_a_message_in_too_many_fragments_closes_the_connection(opened: Line, fragment: bytes) -> None:
    opened.writer.write(BEGIN + fragment * 1500)
    kind, told = await opened.frame()
    assert (kind, int.from_bytes(told[:2], "big")) == (8, 1009)


async def test_a_ping_is_answered(opened: Line) -> None:
    opened.writer.write(PING)
    assert await opened.frame() == (10, b"p" * 125)


async def test_pings_of_who_takes_no_answers_are_not_kept_waiting(opened: Line) -> None:
    opened.reader._transport.pause_reading()  # type: ignore[attr-defined]
    for _ in range(400):
        opened.writer.write(PING * 100)
        await opened.writer.drain()
    assert opened.waiting < 200_000
