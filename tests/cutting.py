"""A proxy on the way to a server that cuts connections, at random or when told, on one side or on both."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum
from typing import Any


class Cut(Enum):
    BOTH = "both sides are cut"
    ANSWERS = "the client is told that nothing more comes, and may go on"
    REQUESTS = "the server is told that nothing more comes, and may go on"


class Proxy:
    """`forwarded` bytes went to clients; `cuts` connections did not live to see their end."""

    def __init__(self, port: int, chance: random.Random | None, most: int, how: Cut, *, bytewise: bool) -> None:
        self.target = port
        self.port = 0
        self.cuts = 0
        self._how = how
        self._pump = _trickle if bytewise else _pump
        self._chance = chance
        self._most = most
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    def cut(self) -> None:
        """All of them, in the middle of whatever they say."""
        for writer in self._open:
            self.cuts += 1
            writer.transport.abort()

    def deafen(self) -> None:
        """Those that are open stay so, and nothing that is asked on them is passed on any more."""
        for writer in self._open:
            transport: Any = writer.transport
            transport.pause_reading()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                upstream, there = await asyncio.open_connection("127.0.0.1", self.target)
                async with _closing(writer), _closing(there):
                    await self._carry(reader, writer, upstream, there)
        finally:
            writer.close()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
        upstream: asyncio.StreamReader, there: asyncio.StreamWriter,
    ) -> None:  # fmt: skip
        self._open.add(writer)
        up = asyncio.create_task(self._pump(reader, there, None))
        down = asyncio.create_task(self._pump(upstream, writer, self._limit(), whole=self._how is Cut.REQUESTS))
        try:
            done, _ = await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            if down not in done or not down.result():
                return
            self.cuts += 1
            if self._how is Cut.BOTH:
                writer.transport.abort()
            elif self._how is Cut.ANSWERS:
                writer.write_eof()
                await up
            else:
                up.cancel()
                there.write_eof()
                await self._pump(upstream, writer, None)
        finally:
            self._open.discard(writer)
            up.cancel()
            down.cancel()
            await asyncio.gather(up, down, return_exceptions=True)

    def _limit(self) -> int | None:
        return None if self._chance is None else self._chance.randint(0, self._most)


async def _pump(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, limit: int | None, *, whole: bool = True
) -> bool:
    """Whether the limit of bytes was reached: `whole` passes on what was read beyond it."""
    with suppress(OSError):
        while data := await source.read(4096):
            sink.write(data if whole else data[:limit])
            await sink.drain()
            if limit is not None and (limit := limit - len(data)) < 0:
                return True
    return False


async def _trickle(source: asyncio.StreamReader, sink: asyncio.StreamWriter, *_: object, **__: object) -> bool:
    """Each byte for itself, a while after the one before."""
    with suppress(OSError):
        while data := await source.read(1):
            sink.write(data)
            await sink.drain()
            await asyncio.sleep(0.0005)
    return False


@asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def cutting_proxy(
    port: int, seed: int | None = None, most: int = 0, how: Cut = Cut.BOTH, *, bytewise: bool = False
) -> AsyncIterator[Proxy]:
    """In front of the port. With a seed, each connection is cut after at most `most` bytes to the client."""
    proxy = Proxy(port, None if seed is None else random.Random(seed), most, how, bytewise=bytewise)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(proxy.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
