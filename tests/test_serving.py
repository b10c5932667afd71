"""What comes before a request is bounded: in size, and in time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from aurum import serving
from aurum.serving import HTTP, Joined

ANSWER = PlainTextResponse("well")
HEAD = b"GET / HTTP/1.1\r\nhost: x\r\n"


async def well(scope: Any, receive: Any, send: Any) -> None:
    """Answers when it has read the body."""
    while (await receive()).get("more_body"):
        pass
    await ANSWER(scope, receive, send)


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(serving, "_HEAD_SECONDS", 1.0)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(well, http=HTTP, lifespan="off", log_config=None))
        running = asyncio.create_task(server.serve([listening]))
        yield listening.getsockname()[1]
        server.should_exit = True
        await running


async def answer(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """Everything that comes back until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = b""
    with contextlib.suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
    with contextlib.suppress(ConnectionError):
        while part := await asyncio.wait_for(reader.read(65_536), 30):
            found += part
    writer.close()
    return found


async def test_an_ordinary_request_is_answered(port: int) -> None:
    large = b"x-long: " + b"y" * 20_000 + b"\r\nconnection: close\r\n\r\n"
    assert (await answer(port, HEAD, large, pause=0.05)).endswith(b"well")
    body = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 300000\r\n\r\n"
    assert b"well" in await answer(port, body + b"z" * 300_000)


class Line:
    """A transport that notes what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def writelines(self, parts: list[bytes]) -> None:
        self.sent.append(b"".join(parts))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def test_a_head_goes_with_its_body_and_nothing_waits_for_more_than_a_turn() -> None:
    line: Any = Line()
    joined = Joined(line, asyncio.get_running_loop())
    joined.write(b"head ")
    joined.write(b"body")
    assert line.sent == []
    await asyncio.sleep(0)
    assert line.sent == [b"head body"]
    joined.write(b"part")
    await asyncio.sleep(0)
    assert line.sent == [b"head body", b"part"]
    joined.write(b"large head ")
    joined.write(b"x" * 20_000)  # is not held back
    assert line.sent[2:] == [b"large head " + b"x" * 20_000]
    joined.write(b"last")
    joined.close()
    assert (line.sent[3:], line.closed, joined.is_closing()) == ([b"last"], True, True)
    await asyncio.sleep(0)
    assert len(line.sent) == 4


async def test_a_flood_of_headers_is_refused(port: int) -> None:
    flood = [f"x-{n}: {'y' * 1000}\r\n".encode() * 100 for n in range(100)]
    found = await answer(port, HEAD, *flood)
    assert found == b"" or found.startswith(b"HTTP/1.1 400")


async def test_a_long_address_is_refused(port: int) -> None:
    found = await answer(port, b"GET /", *[b"a" * 65_536] * 40)
    assert found == b"" or found.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("parts", [(), (HEAD,), (HEAD, *[b"x: y\r\n"] * 12)])
async def test_a_head_that_does_not_come_in_time_ends_the_connection(port: int, parts: tuple[bytes, ...]) -> None:
    assert await answer(port, *parts, pause=0.1) == b""


CHUNKED = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"


async def test_a_body_in_pieces_of_a_usual_size_is_taken(port: int) -> None:
    pieces = [b"400\r\n" + b"x" * 1024 + b"\r\n"] * 20_000
    assert (await answer(port, CHUNKED, *pieces, b"0\r\n\r\n")).endswith(b"well")


@pytest.mark.parametrize(
    "flood",
    [
        b"1\r\nx\r\n" * 200_000,
        b"1;" + b"a" * 500_000 + b"\r\nx\r\n0\r\n\r\n",
        b"0\r\n" + b"x: y\r\n" * 200_000 + b"\r\n",
    ],
    ids=["chunks", "extensions of a chunk", "trailers"],
)
async def test_a_body_that_is_little_more_than_its_framing_is_refused(port: int, flood: bytes) -> None:
    found = await answer(port, CHUNKED, flood)
    assert found == b"" or found.startswith(b"HTTP/1.1 400")


async def test_what_is_no_http_is_told_as_an_error_of_graphql(port: int) -> None:
    head, _, body = (await answer(port, b"nonsense\r\n\r\n")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"content-type: application/json" in head
    assert orjson.loads(body)["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
