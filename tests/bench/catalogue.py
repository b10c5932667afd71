"""A catalogue of 100,000 curves: dimensions, search and facets, beside counting all of its rows."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import islice, product

from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select, text

from aurum.auth import Principal, Scope
from aurum.backends.bus import MemoryBus
from aurum.backends.database import Database
from aurum.backends.events import EventLog
from aurum.backends.paging import PageRequest
from aurum.market.identity import CurveIdentity
from aurum.metadata.model import CurveDescription, CurveFilter, Dimension
from aurum.metadata.service import MetadataService
from aurum.metadata.store import CatalogueStore
from aurum.metadata.tables import curves

CURVES = 100_000
ROUNDS = 7
_BATCH = 5_000
_VENDORS = ["PW", "EUGP", "RP", "SIMPLE"]
_ISOS = ["PJM", "MISO", "ERCOT", "CAISO", "NYISO", "ISONE", "SPP", "AESO", "IESO", None]
_PRODUCTS = [
    f"{kind} {flavour}" for kind in ("Power", "Gas", "Carbon", "Capacity", "Diesel") for flavour in ("DA", "RT")
]
_BLOCKS = ["5x16", "2x16", "7x8", "7x24"]
_SYLLABLES = [
    "al",
    "ber",
    "cor",
    "dan",
    "el",
    "far",
    "gor",
    "hil",
    "in",
    "jas",
    "kel",
    "lan",
    "mon",
    "nor",
    "os",
    "pel",
]
PRINCIPAL = Principal("desk", "bench", frozenset(Scope))


def descriptions() -> Iterator[CurveDescription]:
    """2,500 hubs with made-up names, each with ten products in four blocks."""
    dice = random.Random(7)
    hubs = [
        "".join(dice.choices(_SYLLABLES, k=3)).title() + f" {kind}" for kind in ("Hub", "Zone") for _ in range(1250)
    ]
    for number, hub in enumerate(hubs):
        vendor, iso = _VENDORS[number % 4], _ISOS[number % 10]
        for name, block in product(_PRODUCTS, _BLOCKS):
            identity = CurveIdentity(vendor, f"Market {number % 40}", f"{hub} {number}", name, block, iso=iso)
            kind = name.split()[0].lower()
            yield CurveDescription(
                identity, kind, kind, f"Region {number % 12}", "USD/MWh", (("vintage", str(2020 + number % 9)),)
            )


async def fill(metadata: MetadataService) -> None:
    wanted = descriptions()
    while batch := list(islice(wanted, _BATCH)):
        async with metadata.store.database.write() as transaction:
            await metadata.register(transaction, PRINCIPAL, batch, datetime.now(UTC))


async def settle(database: Database) -> None:
    """As autovacuum does within a minute."""
    async with database.write() as transaction:
        await transaction.execute(text("ANALYZE"))


async def facets(metadata: MetadataService, search: str | None, head: int | None = None, prefix: str = "") -> None:
    wanted = CurveFilter(search=await metadata.search(PRINCIPAL, search))
    await metadata.dimensions(PRINCIPAL, wanted, list(Dimension), prefix, 1000, head=head)


async def first_facets(metadata: MetadataService) -> None:
    """Of a process that has just started."""
    await CatalogueStore(metadata.store.database).dimensions(PRINCIPAL.tenant, CurveFilter(), list(Dimension), "", 1000)


async def page(metadata: MetadataService, search: str) -> None:
    wanted = CurveFilter(search=await metadata.search(PRINCIPAL, search))
    await metadata.curves(PRINCIPAL, wanted, [], PageRequest(50))


async def count(metadata: MetadataService) -> None:
    """A plain scan of all rows."""
    async with metadata.store.database.read() as connection:
        scan = select(func.count()).select_from(curves).where(curves.c.search.contains("nothing has this"))
        await connection.scalar(scan)


def questions(metadata: MetadataService, kept: MetadataService) -> dict[str, Callable[[], Awaitable[None]]]:
    return {
        "all rows scanned for a text": partial(count, metadata),
        "12 dimensions, the first time": partial(first_facets, metadata),
        "12 dimensions, after an event": partial(facets, metadata, None),
        "12 dimensions, without one since": partial(facets, kept, None, 1),
        "values that begin with `al`": partial(facets, metadata, None, None, "al"),
        "search that 40 curves fit": partial(page, metadata, "hub 117"),
        "search of a beginning: `pow`": partial(page, metadata, "pow"),
        "search that 20,000 curves fit": partial(page, metadata, "power"),
        "misspelt: `capasity 5x16`": partial(page, metadata, "capasity 5x16"),
        "facets of 40 curves": partial(facets, metadata, "hub 117"),
        "facets of 20,000 curves": partial(facets, metadata, "power"),
    }


async def times(url: str, console: Console) -> dict[str, list[float]]:
    """Seconds of each question, round by round."""
    database = Database(url)
    metadata, kept = (
        MetadataService(CatalogueStore(database), EventLog(database, MemoryBus(1)), lambda: datetime.now(UTC))
        for _ in range(2)
    )
    try:
        started = time.perf_counter()
        await fill(metadata)
        console.print(f"{CURVES:,} curves registered in {time.perf_counter() - started:.0f} s")
        await settle(database)
        found: dict[str, list[float]] = {name: [] for name in questions(metadata, kept)}
        for _ in range(ROUNDS + 1):
            for name, ask in questions(metadata, kept).items():
                started = time.perf_counter()
                await ask()
                found[name].append(time.perf_counter() - started)
        return {name: taken[1:] for name, taken in found.items()}  # the first round fills caches
    finally:
        await database.close()


def measure(urls: dict[str, str], console: Console) -> None:
    taken = {name: asyncio.run(times(url, console)) for name, url in urls.items()}
    table = Table("", *(f"{name}, times the scan" for name in taken), title=f"{CURVES:,} curves, {ROUNDS} rounds")
    for question in next(iter(taken.values())):
        ratios = []
        for seconds in taken.values():
            base = next(iter(seconds.values()))
            ratios.append(statistics.median(each / one for each, one in zip(seconds[question], base, strict=True)))
        table.add_row(question, *(f"{ratio:.3g}" for ratio in ratios))
    console.print(table)
