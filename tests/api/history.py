"""31 days of three curves without a workbook, for simulations: what they move by is known by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import numpy as np

from aurum.auth import Principal, Scope
from aurum.curves.model import CurvePrices, Publication
from aurum.market.periods import TenorGrid
from aurum.metadata.model import CurveDescription
from aurum.services import Services
from tests.published import GERMAN, NBP, TTF, months

DAYS = [day.item() for day in np.busday_offset(np.datetime64("2025-02-03"), np.arange(31))]  # until 17 March
US = Principal("demo", "desk", frozenset(Scope))
Day = tuple[date, dict[CurveDescription, float]]


def gas(n: int) -> float:
    """Up by 1 and down by 1."""
    return 50.0 + n % 2


def british(n: int) -> float:
    """In pence: 0, 2, 0, -2 from day to day."""
    return 100.0 + 2 * (n // 2 % 2)


def history() -> list[Day]:
    """31 days of gas on the continent and in Britain, the last five of German power."""
    power = {n: {GERMAN: 80.0} for n in range(26, 31)}
    return [(day, {TTF: gas(n), NBP: british(n), **power.get(n, {})}) for n, day in enumerate(DAYS)]


async def publish(services: Services, *days: Day, published: date | None = None) -> None:
    """Of each day nine months from its own, all at one price."""
    async with services.database.write() as transaction:
        for day, prices in days:
            at = datetime.combine(published or day, time(18), UTC)
            grid = TenorGrid(months(day.replace(day=1), 9))
            publication = Publication(
                "EUGP", day, at, at, at, None, [CurvePrices(grid, np.full(9, price)) for price in prices.values()]
            )
            await services.curves.publish(transaction, US, publication, list(prices))
