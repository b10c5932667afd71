"""The same prices twice: in Aurum's own tables, loaded by its services, and a row per point for the peers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import product as pairs
from pathlib import Path

import asyncpg
import numpy as np

from aurum.auth import local_principal
from aurum.curves.model import CurvePrices, Prices, Publication
from aurum.market.cells import Cells, PointRows
from aurum.market.identity import CurveIdentity
from aurum.market.periods import DeliveryPeriod, Tenor, TenorGrid, TenorType, months_from
from aurum.metadata.model import CurveDescription
from aurum.services import Services
from aurum.settings import Settings

CURVES, LAST_DAY = 60, date(2025, 12, 31)
_KINDS = ((TenorType.MONTH, 72, 1), (TenorType.QUARTER, 20, 3), (TenorType.CALENDAR, 8, 12))
_SCHEMA = Path(__file__).with_name("schema.sql")
_ROWS = PointRows(("Fixed Prices - Mid",), (0,) * 100, tuple(range(12, 112)))


@dataclass(frozen=True)
class Day:
    """The prices of all curves on one as-of date."""

    as_of: date
    prices: tuple[CurvePrices, ...]


def descriptions() -> list[CurveDescription]:
    hubs = [f"Hub_{number:02}" for number in range(CURVES // 3)]
    kinds = [("gas", None), ("power", "BASE"), ("power", "PEAK")]
    return [
        CurveDescription(CurveIdentity("EUGP", "EU", hub, product, block), product, product, "EU")
        for hub, (product, block) in pairs(hubs, kinds)
    ]


def weekdays(count: int) -> list[date]:
    every = (LAST_DAY - timedelta(days=number) for number in range(2 * count))
    return sorted([day for day in every if day.weekday() < 5][:count])


def grid(as_of: date) -> TenorGrid:
    """100 tenors: months, quarters and years that begin after the month of the as-of date."""
    return TenorGrid(
        Tenor(f"{period.start:%Y-%m} + {width}", kind, period)
        for kind, count, width in _KINDS
        for period in (_period(as_of, width, place) for place in range(count))
    )


def _period(as_of: date, width: int, place: int) -> DeliveryPeriod:
    first = as_of.year * 12 + as_of.month  # the next month, counted from 0
    first = -(-first // width) * width + place * width
    return months_from(first // 12, first % 12 + 1, width)


def days(count: int) -> Iterator[Day]:
    random = np.random.default_rng(4)
    level = random.uniform(20, 90, CURVES)
    for as_of in weekdays(count):
        level = level + random.normal(0, 0.5, CURVES)
        tenors = grid(as_of)
        yield Day(as_of, tuple(_curve(tenors, float(each), random) for each in level))


def _curve(tenors: TenorGrid, level: float, random: np.random.Generator) -> CurvePrices:
    mid = np.round(level + random.normal(0, 4, len(tenors)), 3)
    bid: Prices = np.round(mid - 0.075, 3)
    bid[36::37] = np.nan  # not quoted
    return CurvePrices(tenors, mid, bid, np.round(mid + 0.075, 3), Cells(_ROWS, ("D",)), Cells(_ROWS, ("E",)))


async def load_aurum(services: Services, day: Day) -> None:
    principal, published = local_principal(Settings().auth, "bench"), datetime.combine(day.as_of, time(22, 15), UTC)
    publication = Publication("EUGP", day.as_of, published, published, published, None, day.prices)
    async with services.database.write() as transaction:
        outcome = await services.curves.publish(transaction, principal, publication, descriptions())
        await services.events.append(transaction, principal.tenant, published, outcome.events)


async def create_rows(connection: asyncpg.Connection) -> None:
    await connection.execute(_SCHEMA.read_text().partition("-- after loading")[0])
    keys = [(number, each.identity.key) for number, each in enumerate(descriptions(), 1)]
    await connection.copy_records_to_table("curve", records=keys, schema_name="peers")


async def load_rows(connection: asyncpg.Connection, day: Day) -> None:
    numbers = range(1, CURVES + 1)
    await connection.copy_records_to_table(
        "day", records=[(number, day.as_of) for number in numbers], schema_name="peers"
    )
    rows = (row for number, prices in zip(numbers, day.prices, strict=True) for row in _rows(number, day.as_of, prices))
    await connection.copy_records_to_table("quote", records=rows, schema_name="peers")


def _rows(number: int, as_of: date, prices: CurvePrices) -> Iterator[tuple[object, ...]]:
    assert prices.bid is not None
    assert prices.ask is not None
    sides = zip(prices.tenors, prices.mid.tolist(), prices.bid.tolist(), prices.ask.tolist(), strict=True)
    for place, (tenor, mid, bid, ask) in enumerate(sides):
        period = tenor.period
        quoted = None if bid != bid else bid
        yield number, as_of, place, tenor.label, period.start, period.end, mid, quoted, ask


async def index_rows(connection: asyncpg.Connection) -> None:
    for statement in _SCHEMA.read_text().partition("-- after loading")[2].split(";\n"):
        if statement.strip():
            await connection.execute(statement)
