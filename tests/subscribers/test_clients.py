"""Each client's own way to subscribe: it is cut, left by a server that stops, comes back, and has every event once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.cutting import cutting_proxy
from tests.live_server import CURVES, live_server
from tests.processes import eventually

FOLDER = Path(__file__).parent
CLIENTS = [
    "graphql-ws", "graphql-sse-distinct", "graphql-sse-single", "urql-fetch", "urql-sse", "eventsource",
    "apollo-multipart", "apollo-ws",
]  # fmt: skip


class Subscriber:
    def __init__(self, process: asyncio.subprocess.Process, errors: Path) -> None:
        self.events: list[dict[str, Any]] = []
        self.errors = errors
        self._process = process

    async def read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.events.append(orjson.loads(line))

    def has(self, count: int) -> bool:
        assert self._process.returncode is None, self.errors.read_text()
        return len(self.events) >= count

    @property
    def wrong(self) -> str | None:
        """None where it has every event once and in order."""
        cursors = [int(event["cursor"]) for event in self.events]
        repeated = len(cursors) - len(set(cursors))
        ordered = cursors == sorted(cursors)
        return None if ordered and not repeated else f"{len(cursors)} events, {repeated} of them twice"


@asynccontextmanager
async def subscriber(node: str, name: str, url: str, folder: Path) -> AsyncIterator[Subscriber]:
    errors = folder / f"{name}.log"
    with errors.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            node,
            FOLDER / f"{name}.mjs",
            url,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    opened = Subscriber(process, errors)
    reading = asyncio.create_task(opened.read())
    try:
        yield opened
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()
        await reading


@pytest.mark.timeout(300)
async def test_every_client_has_every_event_once(node: str, migrated_sqlite_url: str, tmp_path: Path) -> None:
    clients: dict[str, Subscriber] = {}

    async def all_have(days: int) -> None:
        async def have() -> bool:
            return all(each.has(days * CURVES) for each in clients.values())

        try:
            await eventually(have, 90)
        except TimeoutError:
            received = {name: (len(each.events), each.errors.read_text()[-300:]) for name, each in clients.items()}
            pytest.fail(f"of {days * CURVES} events: {received}")

    async with AsyncExitStack() as stack:
        async with live_server(migrated_sqlite_url, tmp_path) as server:
            proxy = await stack.enter_async_context(cutting_proxy(server.port))
            for name in CLIENTS:
                clients[name] = await stack.enter_async_context(subscriber(node, name, proxy.url, tmp_path))
            await server.load(12)
            await all_have(1)
            proxy.cut()
            await server.load(13)
            await all_have(2)
        async with live_server(migrated_sqlite_url, tmp_path) as restarted:
            proxy.target = restarted.port
            await restarted.load(14)
            await all_have(3)
        assert proxy.cuts >= len(CLIENTS)
    assert {name: each.wrong for name, each in clients.items()} == dict.fromkeys(CLIENTS)
