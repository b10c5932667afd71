"""make bench: ratios of times taken side by side in one run. Absolute times say nothing about another machine."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

from openpyxl import load_workbook
from pydantic import SecretStr
from python_calamine import CalamineWorkbook
from rich.console import Console
from rich.progress import track
from rich.table import Table

from aurum.auth import local_principal
from aurum.backends.database import migrate
from aurum.demo import eugp_workbook, rp_workbook
from aurum.ingestion.service import Submission
from aurum.parsers import parse
from aurum.services import Services, open_services
from aurum.settings import DatabaseSettings, Settings
from tests import servers
from tests.bench import backfill, catalogue, fanout, responsive, simulation
from tests.bench.desk import __main__ as desk
from tests.bench.peers import __main__ as peers

ROUNDS = 7
File = tuple[str, bytes]
console = Console()


def files(vendor: str) -> list[File]:
    """A file a round: the vendors' own where they are at hand, generated ones of real size otherwise."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    real = sorted(Path(os.environ.get("AURUM_SHARED_DATA", beside), "vendor").glob(f"EOD_{vendor}_*.xlsx"))
    if len(real) >= ROUNDS:
        return [(path.name, path.read_bytes()) for path in real[:ROUNDS]]
    make = eugp_workbook if vendor == "EUGP" else rp_workbook
    books = [make(date(2025, 2, 3) + timedelta(days=day)) for day in range(ROUNDS)]
    return [(book.name, book.to_bytes()) for book in books]


def calamine(name: str, data: bytes) -> None:
    book = CalamineWorkbook.from_filelike(BytesIO(data))
    for sheet in book.sheet_names:
        book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)


def openpyxl(name: str, data: bytes) -> None:
    book = load_workbook(BytesIO(data), read_only=True)
    for sheet in book.worksheets:
        for _ in sheet.iter_rows(values_only=True):
            pass
    book.close()


def parsing(name: str, data: bytes) -> None:
    parse(data, name)


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = {"SQLite": f"sqlite+aiosqlite:///{folder / 'aurum.db'}"}
        try:
            server = stack.enter_context(servers.postgresql())
            urls["PostgreSQL"] = server.url(server.create())
        except servers.ServerMissing as missing:
            console.print(f"PostgreSQL is left out: {missing}")
        for url in urls.values():
            migrate(url)
        yield urls


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


async def measure(vendor: str, opened: dict[str, Services]) -> dict[str, list[float]]:
    """Seconds of each way, round by round: every round takes all ways, one after the other, over one file."""
    principal = local_principal(Settings().auth, "bench")
    ways: dict[str, Callable[[str, bytes], Awaitable[object]]] = {
        "calamine reads the sheets": lambda name, data: asyncio.to_thread(calamine, name, data),
        "openpyxl reads the sheets": lambda name, data: asyncio.to_thread(openpyxl, name, data),
        "parsed": lambda name, data: asyncio.to_thread(parsing, name, data),
    }
    for name, services in opened.items():
        ways[f"parsed and committed, {name}"] = lambda name, data, services=services: services.ingestion.ingest(  # type: ignore[misc]
            principal, Submission(data, name, "bench")
        )
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for name, data in track(files(vendor), vendor, console=console, transient=True):
        for way, work in ways.items():
            seconds[way].append(await timed(lambda work=work, name=name, data=data: work(name, data)))  # type: ignore[misc]
    return seconds


async def main(urls: dict[str, str], home: Path) -> None:
    async with AsyncExitStack() as stack:
        opened = {}
        for name, url in urls.items():
            settings = Settings(home=home / name, database=DatabaseSettings(url=SecretStr(url)))
            opened[name] = await stack.enter_async_context(open_services(settings))
        for vendor in ("EUGP", "RP"):
            report(vendor, await measure(vendor, opened))


def report(vendor: str, seconds: dict[str, list[float]]) -> None:
    """The median over rounds of each way's time divided by calamine's in the same round."""
    base = seconds["calamine reads the sheets"]
    table = Table("", "times calamine", "from", "to", title=f"One {vendor} workbook, {len(base)} rounds")
    for way, taken in seconds.items():
        ratios = [each / one for each, one in zip(taken, base, strict=True)]
        table.add_row(way, *(f"{value:.1f}" for value in (statistics.median(ratios), min(ratios), max(ratios))))
    console.print(table)


if __name__ == "__main__":
    chosen = sys.argv[1:] or ["loading", "backfill", "catalogue"]
    if chosen[0] == "peers":
        peers.main(chosen[1:], console)
        sys.exit()
    if chosen[0] == "desk":
        desk.main(chosen[1:], console)
        sys.exit()
    if chosen[0] == "simulation":
        simulation.main(console)
        sys.exit()
    if chosen[0] == "fanout":
        fanout.main(chosen[1:])
        sys.exit()
    if chosen[0] == "responsive":
        with databases() as found, tempfile.TemporaryDirectory() as folder:
            responsive.measure(found, Path(folder), console)
        sys.exit()
    with databases() as found, tempfile.TemporaryDirectory() as folder:
        if "loading" in chosen:
            asyncio.run(main(found, Path(folder)))
    with databases() as found, tempfile.TemporaryDirectory() as folder:
        if "backfill" in chosen:
            backfill.measure(found, Path(folder), console)
    if "catalogue" in chosen:
        with databases() as found:
            catalogue.measure(found, console)
