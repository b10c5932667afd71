"""Curves for tests that need no workbook."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np

from aurum.auth import Principal, Scope
from aurum.backends.bus import MemoryBus
from aurum.backends.database import Database
from aurum.backends.events import EventLog
from aurum.curves.model import CurvePrices, Publication, Snapshot
from aurum.curves.service import CurveService, Published
from aurum.curves.store import SnapshotStore
from aurum.market.cells import Cells, PointRows
from aurum.market.identity import CurveIdentity
from aurum.market.periods import DeliveryPeriod, Tenor, TenorGrid, TenorType
from aurum.metadata.model import CurveDescription
from aurum.metadata.service import MetadataService
from aurum.metadata.store import CatalogueStore

TTF = CurveDescription(CurveIdentity("EUGP", "EU", "Dutch_TTF", "gas"), "gas", "gas", "EU")
NBP = CurveDescription(CurveIdentity("EUGP", "UK", "NBP", "gas"), "gas", "gas", "UK")
GERMAN = CurveDescription(CurveIdentity("EUGP", "EU", "German", "power", "BASE"), "power", "power", "EU")
DESK = Principal("desk", "analyst", frozenset(Scope))
RIVAL = Principal("rival", "analyst", frozenset(Scope))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def months(first: date, count: int) -> list[Tenor]:
    numbers = range(first.month - 1, first.month + count)
    starts = [date(first.year + number // 12, number % 12 + 1, 1) for number in numbers]
    return [Tenor(f"{start:%Y-%m}", TenorType.MONTH, DeliveryPeriod(start, end)) for start, end in pairwise(starts)]


def prices(mids: Sequence[float], first: date = date(2025, 3, 1), spread: float | None = 0.1) -> CurvePrices:
    """Months from `first` on; bid and ask half of `spread` around the mid, none at all for None."""
    mid = np.array(mids, dtype=float)
    rows = PointRows(("Fixed Prices - Mid",), (0,) * len(mids), tuple(range(12, 12 + len(mids))))
    grid = TenorGrid(months(first, len(mids)))
    if spread is None:
        return CurvePrices(grid, mid, mid_cells=Cells(rows, ("D",)))
    return CurvePrices(grid, mid, mid - spread / 2, mid + spread / 2, Cells(rows, ("D",)))


@dataclass
class Book:
    """The services over one database, and a clock that moves on by a second whenever it is looked at."""

    database: Database
    kept_bytes: int = 0
    time: datetime = field(default_factory=lambda: instant("2025-02-20 08:00"))

    def __post_init__(self) -> None:
        self.events = EventLog(self.database, MemoryBus(0.01))
        self.metadata = MetadataService(CatalogueStore(self.database), self.events, self.now)
        self.curves = CurveService(SnapshotStore(self.database, self.kept_bytes), self.metadata, self.events)

    def now(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time

    async def publish(
        self,
        as_of: str,
        curves: Sequence[tuple[CurveDescription, CurvePrices]],
        published_at: str | None = None,
        principal: Principal = DESK,
        vendor: str = "EUGP",
        revised_at: str | None = None,
    ) -> Published:
        published = instant(published_at or f"{as_of} 22:15")
        revised = published if revised_at is None else instant(revised_at)
        prices = [prices for _, prices in curves]
        publication = Publication(vendor, date.fromisoformat(as_of), published, revised, self.now(), None, prices)
        async with self.database.write() as transaction:
            outcome = await self.curves.publish(transaction, principal, publication, [each for each, _ in curves])
            if outcome.events:
                await self.events.append(transaction, principal.tenant, self.now(), outcome.events)
        return outcome


@asynccontextmanager
async def open_book(url: str, kept_bytes: int = 0) -> AsyncIterator[Book]:
    database = Database(url)
    try:
        yield Book(database, kept_bytes)
    finally:
        await database.close()


async def snapshots_of_day(
    curves: CurveService, principal: Principal, ids: Collection[int], day: date, known_at: datetime | None = None
) -> dict[int, Snapshot]:
    """By curve: that of exactly the day."""
    found = await curves.snapshots(principal, ids, as_of=day, known_at=known_at)
    return {id_: snapshot for id_, snapshot in found.items() if snapshot.as_of == day}
