"""make bench ARGS=fanout: one file, a thousand subscribers, how late the last one has all of it.

Beside it, in the same run, graphql-ws on graphql-js delivers the same events to as many subscribers of the same kind.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.request import urlopen

import orjson
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from aurum.auth import local_principal
from aurum.backends.database import migrate
from aurum.demo import eugp_workbook
from aurum.ingestion.service import Submission
from aurum.services import Services, open_services
from aurum.settings import DatabaseSettings, Settings
from tests import servers
from tests.installing import installed_node
from tests.processes import free_port

PEER = Path(__file__).with_name("fanout_peer")
QUERY = """subscription { curvePublished { cursor restated asOf version curve { key }
    snapshot { columns(tenorTypes: [MONTH]) { tenor mid } } } }"""
CURVES = 83
_SETTLED_SECONDS = 5.0
console = Console()


@dataclass(frozen=True)
class Measured:
    """Seconds from the commit until each subscriber had everything; KiB of the server for a subscriber."""

    name: str
    delays: list[float]
    idle: float
    busy: float


class Program:
    """A process that says what it has to say in lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def said(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 120)
        assert line, "it has ended"
        told: dict[str, Any] = orjson.loads(line)
        return told

    async def tell(self, value: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(orjson.dumps(value) + b"\n")
        await self.process.stdin.drain()

    @property
    def kib(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


@asynccontextmanager
async def running(*command: str | Path, **environment: str) -> AsyncIterator[Program]:
    pipe, limit = asyncio.subprocess.PIPE, 64 * 2**20
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, cwd=PEER.parents[2], env={**os.environ, **environment}, limit=limit
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def measured(
    name: str, server: Program, url: str, count: int, publish: Callable[[], Awaitable[float]]
) -> tuple[Measured, list[Any]]:
    """`publish` answers when the events were committed, as a time of the epoch in seconds."""
    before = server.kib
    command = ("node", PEER / "subscribers.mjs", url, str(count), str(CURVES), QUERY)
    async with running(*command) as subscribers:
        await subscribers.said()
        await asyncio.sleep(_SETTLED_SECONDS)
        idle = server.kib
        committed = await publish()
        told = await subscribers.said()
        busy = server.kib
    delays = [at / 1000 - committed for at in told["last"]]
    return Measured(name, delays, (idle - before) / count, (busy - before) / count), told["first"]


async def aurum(settings: Settings, number: int, count: int) -> tuple[Measured, list[Any]]:
    """A server process on PostgreSQL; the file is loaded by this one."""
    port, environment = (
        free_port(),
        {"AURUM_DATABASE__URL": settings.database_url, "AURUM_HOME": str(settings.home), "AURUM_LOG_LEVEL": "WARNING"},
    )
    command = (sys.executable, "-m", "aurum", "serve", "--port", str(port))
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(open_services(settings))
        server = await stack.enter_async_context(running(*command, **environment))
        await asyncio.to_thread(_answers, f"http://127.0.0.1:{port}/graphql?query=%7B__typename%7D")

        async def publish() -> float:
            return await loaded(services, settings, number)

        return await measured("Aurum", server, f"ws://127.0.0.1:{port}/graphql", count, publish)


async def loaded(services: Services, settings: Settings, number: int) -> float:
    """When the file of a day was committed: who listens is woken by every commit, and last by that of the curves."""
    book, commits = eugp_workbook(date(2025, 2, number)), list[float]()

    async def note() -> None:
        async with services.events.listen(settings.auth.tenant) as changed:
            while True:
                await changed.wait()
                commits.append(time.time())
                changed.clear()

    noting = asyncio.create_task(note())
    await asyncio.sleep(0)
    principal = local_principal(settings.auth, "bench")
    await services.ingestion.ingest(principal, Submission(book.to_bytes(), book.name, "bench"))
    await asyncio.sleep(0)
    noting.cancel()
    return commits[-1]


async def graphql_ws(events: list[Any], count: int) -> Measured:
    async with running("node", PEER / "peer.mjs") as server:
        port = (await server.said())["port"]

        async def publish() -> float:
            await server.tell(events)
            return float((await server.said())["committed"]) / 1000

        found, told = await measured("graphql-ws", server, f"ws://127.0.0.1:{port}/graphql", count, publish)
        assert told == events, "the peer has said something else"
        return found


def _answers(url: str) -> None:
    for _ in range(600):
        try:
            with urlopen(url, timeout=5) as response:
                response.read()
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(url)


async def compare(settings: Settings, rounds: int, count: int) -> list[Measured]:
    found: list[Measured] = []
    async with open_services(settings) as services:
        await loaded(services, settings, 1)  # the curves are known before
    for number in range(2, 2 + rounds):
        ours, events = await aurum(settings, number, count)
        found += [ours, await graphql_ws(events, count)]
        console.print(f"{count} subscribers, round {number - 1} of {rounds}: {ours.name} {max(ours.delays):.2f} s")
    return found


def table(found: list[Measured]) -> Table:
    shown = Table("", "p50, s", "p99, s", "KiB each, idle", "KiB each, after it")
    for name in dict.fromkeys(each.name for each in found):
        rounds = [each for each in found if each.name == name]
        p50, p99 = (median(quantiles(each.delays, n=100)[at] for each in rounds) for at in (49, 98))
        idle, busy = (median(getattr(each, kind) for each in rounds) for kind in ("idle", "busy"))
        shown.add_row(name, f"{p50:.3f}", f"{p99:.3f}", f"{idle:.0f}", f"{busy:.0f}")
    return shown


def main(arguments: list[str]) -> None:
    """`1000 3`: that many subscribers and rounds."""
    count, rounds = (int(each) for each in (*arguments, *("1000", "3")[len(arguments) :])[:2])
    installed_node(PEER)
    with ExitStack() as stack:
        cluster = stack.enter_context(servers.postgresql())
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = cluster.url(cluster.create())
        migrate(url)
        settings = Settings(home=home, database=DatabaseSettings(url=SecretStr(url)))
        console.print(table(asyncio.run(compare(settings, rounds, count))))


if __name__ == "__main__":
    main(sys.argv[1:])
