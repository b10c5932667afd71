"""The same prices twice: vectors in Aurum's own tables, and a row per point. Vendors of 450 curves, 250 days."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import asyncpg
import numpy as np
from rich.console import Console
from rich.progress import track

from aurum.auth import local_principal
from aurum.curves.history_blocks import put_away
from aurum.curves.mid_blocks import blocks_of
from aurum.curves.model import CurvePrices, Prices, Publication
from aurum.market.identity import CurveIdentity
from aurum.market.periods import TenorGrid, TenorType
from aurum.metadata.model import CurveDescription
from aurum.services import Services
from aurum.settings import Settings
from tests.bench.peers.data import grid, weekdays

OF_VENDOR, DAYS = 450, 250
_EPOCH = date(2000, 1, 1).toordinal()  # PostgreSQL's
_COPIED = (
    "tenant_id", "curve_id", "as_of", "version", "published_at", "revised_at", "recorded_at", "digest", "grid_id",
    "quoted", "points", "mid", "bid", "ask", "withheld_points",
)  # fmt: skip
_KINDS = list(TenorType)
POINTS = """
CREATE SCHEMA desk;
CREATE TABLE desk.curve (id int PRIMARY KEY, key text NOT NULL UNIQUE, vendor text NOT NULL);
CREATE TABLE desk.point (
  curve_id int NOT NULL, as_of date NOT NULL, kind smallint NOT NULL, delivery_start date NOT NULL,
  delivery_end date NOT NULL, mid float8, bid float8, ask float8
)"""
INDEXES = """
ALTER TABLE desk.point ADD PRIMARY KEY (as_of, curve_id, kind, delivery_start);
CREATE INDEX ON desk.point (curve_id, delivery_start, delivery_end, as_of);
CREATE INDEX ON desk.curve (vendor)"""
_FIELDS = (("curve_id", ">i4"), ("as_of", ">i4"), ("kind", ">i2"), ("start", ">i4"), ("end", ">i4"),
           ("mid", ">f8"), ("bid", ">f8"), ("ask", ">f8"))  # fmt: skip
# Of COPY's binary form: how many fields a row has, and before each how long it is.
_ROW = np.dtype(
    [("fields", ">i2"), *(each for name, kind in _FIELDS for each in ((f"{name}_bytes", ">i4"), (name, kind)))]
)


@dataclass(frozen=True)
class Day:
    """The mids of all curves on an as-of date, a row for each."""

    as_of: date
    tenors: TenorGrid
    mid: Prices

    @property
    def known(self) -> datetime:
        return datetime.combine(self.as_of, time(22, 15), UTC)


def descriptions(count: int) -> list[CurveDescription]:
    """`count` curves: OF_VENDOR of each vendor, fewer of the last."""
    return [
        CurveDescription(
            CurveIdentity(f"V{n // OF_VENDOR}", "EU", f"Hub_{n:04}", "power", "BASE"), "power", "power", "EU",
            unit_text="EUR/MWh",
        )
        for n in range(count)
    ]  # fmt: skip


def days(count: int) -> Iterator[Day]:
    random = np.random.default_rng(5)
    level = random.uniform(20, 90, count)
    for as_of in weekdays(DAYS):
        level = level + random.normal(0, 0.5, count)
        tenors = grid(as_of)
        yield Day(as_of, tenors, np.round(level[:, None] + random.normal(0, 4, (count, len(tenors))), 3))


async def load(services: Services, connection: asyncpg.Connection, count: int, *, rows: bool, console: Console) -> None:
    """The first day of each grid goes through the service; the others are copied to where that has put it."""
    described = descriptions(count)
    if rows:
        await connection.execute(POINTS)
    seen: set[TenorGrid] = set()
    for day in track(days(count), f"{count} curves", total=DAYS, console=console, transient=True):
        if day.tenors in seen:
            await _copy(connection, day)
            await _put_away(services, count, day)
        else:
            await _publish(services, described, day)
        seen.add(day.tenors)
        if rows:
            await _copy_points(connection, day)
    if rows:
        await connection.execute("INSERT INTO desk.curve SELECT id, key, vendor FROM curves")
        await connection.execute(INDEXES)
    await connection.execute("VACUUM ANALYZE")


async def _publish(services: Services, described: list[CurveDescription], day: Day) -> None:
    principal = local_principal(Settings().auth, "bench")
    for first in range(0, len(described), OF_VENDOR):
        part = described[first : first + OF_VENDOR]
        prices = [
            CurvePrices(day.tenors, mid, mid - 0.075, mid + 0.075) for mid in day.mid[first : first + len(part)]
        ]  # fmt: skip
        publication = Publication(part[0].identity.vendor, day.as_of, day.known, day.known, day.known, None, prices)
        async with services.database.write() as transaction:
            outcome = await services.curves.publish(transaction, principal, publication, part)
            await services.events.append(transaction, principal.tenant, day.known, outcome.events)


async def _copy(connection: asyncpg.Connection, day: Day) -> None:
    """Curves have the ids 1, 2, 3 ...: the database was empty."""
    grid_id = await connection.fetchval("SELECT id FROM tenor_grids WHERE digest = $1", day.tenors.digest)
    points, quoted = len(day.tenors), np.packbits(np.ones(len(day.tenors), dtype=bool)).tobytes()
    sides = [side.astype("<f8") for side in (day.mid, day.mid - 0.075, day.mid + 0.075)]
    tenant = Settings().auth.tenant
    rows = (
        (tenant, n + 1, day.as_of, 1, day.known, day.known, day.known, f"{day.as_of} {n}", grid_id, quoted, points,
         *(side[n].tobytes() for side in sides), 0)
        for n in range(len(day.mid))
    )  # fmt: skip
    await connection.copy_records_to_table("snapshots", records=rows, columns=_COPIED)
    versions = await connection.fetch("SELECT * FROM snapshots WHERE as_of = $1 ORDER BY curve_id", day.as_of)
    of_vendors = [versions[at : at + OF_VENDOR] for at in range(0, len(versions), OF_VENDOR)]  # each publishes its own
    blocks = [block for rows in of_vendors for block in blocks_of([dict(row) for row in rows])]
    await connection.copy_records_to_table(
        "mid_blocks", records=[tuple(block.values()) for block in blocks], columns=list(blocks[0])
    )


async def _put_away(services: Services, curves: int, day: Day) -> None:
    """As the publications of a day do it, vendor by vendor."""
    for first in range(0, curves, OF_VENDOR):
        ids = range(first + 1, min(first + OF_VENDOR, curves) + 1)
        async with services.database.write() as transaction:
            await put_away(transaction, Settings().auth.tenant, ids, day.as_of)


async def _copy_points(connection: asyncpg.Connection, day: Day) -> None:
    curves, points = day.mid.shape
    rows = np.zeros((curves, points), dtype=_ROW)
    rows["fields"] = len(_FIELDS)
    for name, kind in _FIELDS:
        rows[f"{name}_bytes"] = np.dtype(kind).itemsize
    rows["curve_id"] = np.arange(1, curves + 1)[:, None]
    rows["as_of"] = day.as_of.toordinal() - _EPOCH
    rows["kind"] = [_KINDS.index(tenor.type) for tenor in day.tenors]
    rows["start"] = [tenor.period.start.toordinal() - _EPOCH for tenor in day.tenors]
    rows["end"] = [tenor.period.end.toordinal() - _EPOCH for tenor in day.tenors]
    rows["mid"], rows["bid"], rows["ask"] = day.mid, day.mid - 0.075, day.mid + 0.075
    packed = b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows.tobytes() + b"\xff\xff"

    async def source() -> AsyncIterator[bytes]:
        yield packed

    await connection.copy_to_table("point", schema_name="desk", source=source(), format="binary")
