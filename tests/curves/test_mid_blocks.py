"""Mids side by side say what the snapshots say: many curves are read from them, on both databases."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from aurum.backends.paging import PageRequest
from aurum.curves.aggregates import AggregateAsked
from aurum.curves.analytics.buckets import DeliveryBucket
from aurum.curves.analytics.pools import Grouping
from aurum.curves.blocks import Quoted
from aurum.curves.books import BookStore
from aurum.curves.mid_blocks import FEWEST, PART, Parts
from aurum.curves.model import CurvePrices, Side
from aurum.market.identity import CurveIdentity
from aurum.metadata.model import CurveDescription, CurveFilter
from tests.published import DESK, RIVAL, Book, instant, open_book, prices
from tests.statements import statements_from_here

CURVES = [
    CurveDescription(
        CurveIdentity("EUGP", "EU", f"Hub_{n:03}", "power", "BASE"), "power", "power", "EU", unit_text="EUR/MWh"
    )
    for n in range(PART + FEWEST + 20)  # two parts, of which the second one is not full
]
DAYS = [date(2025, 2, day) for day in (10, 11, 12)]
Row = tuple[int, date, int, int, list[float], list[int]]


async def ids_of(book: Book) -> list[int]:
    page = await book.metadata.curves(DESK, CurveFilter(), [], PageRequest(500))
    return sorted(curve.id for curve in page.items)


def told(quoted: Quoted) -> list[Row]:
    """Curve, day, snapshot, version, mids (-1: none) and which are in quarantine; sorted."""
    found = []
    for block in quoted.blocks:
        assert block.ids is not None
        for row, curve_id in enumerate(block.curve_ids.tolist()):
            held = [] if block.withheld is None else np.flatnonzero(block.withheld[row]).tolist()
            mids = np.nan_to_num(block.mid[row], nan=-1).tolist()
            found.append((curve_id, block.as_of, int(block.ids[row]), int(block.versions[row]), mids, held))
    return sorted(found)


def some_prices(chance: random.Random) -> CurvePrices:
    """Of one of two grids, with a point that is not quoted, or in quarantine, or none of them."""
    said = prices([round(chance.uniform(20, 90), 2) for _ in range(3)], chance.choice([DAYS[0], date(2025, 4, 1)]))
    match chance.randrange(4):
        case 0:
            return said.without([chance.randrange(3)])
        case 1:
            return said.with_point(chance.randrange(3), None, None, None)
    return said


async def some_history(book: Book, chance: random.Random) -> list[datetime]:
    """Files of some of the curves, in whatever order; when they were published."""
    instants = []
    for number in range(12):
        day = chance.choice(DAYS)
        published = instant(f"{day} 22:15") + timedelta(hours=chance.randrange(40))
        chosen = CURVES if number < 2 else chance.sample(CURVES, chance.randint(1, len(CURVES)))
        same = prices([50.0, 51.0, 52.0]) if chance.random() < 0.3 else None  # as another file may have said
        said = [(curve, same or some_prices(chance)) for curve in chosen]
        await book.publish(str(day), said, f"{published:%Y-%m-%d %H:%M}")
        instants.append(published)
    return instants


@pytest.mark.parametrize("seed", range(4))
async def test_they_say_what_the_snapshots_say(migrated_url: str, seed: int) -> None:
    """Bid and ask are read from the snapshots, and mids with them."""
    chance = random.Random(seed)
    async with open_book(migrated_url) as book:
        instants = await some_history(book, chance)
        every = await ids_of(book)
        books = book.curves.books
        for known_at in (None, *instants):
            ids = chance.choice([every, every[:PART], chance.sample(every, 60)])
            assert Parts.of(np.array(sorted(ids)))
            days = chance.sample(DAYS, 2)
            beside = await books.ends("desk", ids, days, known_at)
            snapshots = await books.ends("desk", ids, days, known_at, quotes=True)
            assert [told(each) for each in beside] == [told(each) for each in snapshots]
            assert all(block.bid is None for each in beside for block in each.blocks)
            for first, last in ((DAYS[0], DAYS[-1]), (DAYS[1], DAYS[1])):
                asked = (books, ids, known_at, first, last)
                assert await mids_of(*asked) == await mids_of(*asked, apart=True)


async def mids_of(
    books: BookStore, ids: Sequence[int], known_at: datetime | None, first: date, last: date, *, apart: bool = False
) -> list[Any]:
    """Curve, day, grid and mids; `apart`: of few curves at a time, which are read from snapshots."""
    few, ids = FEWEST - 1, sorted(ids)
    blocks = [
        block
        for some in ([ids[at : at + few] for at in range(0, len(ids), few)] if apart else [ids])
        for block in (await books.blocks("desk", np.array(some), first, last, known_at, Side.MID))()
    ]
    return sorted(
        (curve_id, str(as_of), block.tenors.digest, np.nan_to_num(values, nan=-1).tolist())
        for block in blocks
        for curve_id, as_of, values in zip(block.curve_ids.tolist(), block.as_of, block.values, strict=True)
    )


async def test_many_curves_are_read_from_them_and_few_are_not(migrated_url: str) -> None:
    async with open_book(migrated_url) as book:
        await some_history(book, random.Random(1))
        ids = await ids_of(book)
        statements = statements_from_here(book.database)
        for last in (DAYS[0], DAYS[-1]):
            for some, read in (
                (ids, "mid_blocks"),
                (ids[: FEWEST - 1], "snapshots"),
                (ids[:: len(ids) - 1], "snapshots"),
            ):
                await book.curves.books.blocks("desk", np.array(some), DAYS[0], last, None, Side.MID)
                tables = {
                    table for each in statements for table in ("mid_blocks", "snapshots") if f"FROM {table}" in each
                }
                assert tables == {read}
                statements.clear()


async def test_a_mean_of_what_was_known_stays_the_same_to_the_last_bit(migrated_url: str) -> None:
    """Also when so many curves have come that they are read side by side: it is added up in the same order."""
    chance, few = random.Random(3), CURVES[: FEWEST - 1]
    async with open_book(migrated_url) as book:
        for day in DAYS:
            await book.publish(
                str(day), [(curve, prices([chance.uniform(20, 90) for _ in range(12)])) for curve in few]
            )
        asked = AggregateAsked(DAYS[0], DAYS[-1], Grouping(DeliveryBucket.MONTH), instant(f"{DAYS[-1]} 23:00"))

        async def means() -> list[float]:
            found = await book.curves.aggregates.aggregate(DESK, CurveFilter(), asked, PageRequest(20))
            return [row.mean for row in found.page.items]

        before = await means()
        await book.publish(str(DAYS[-1]), [(curve, prices([50.0])) for curve in CURVES], "2025-02-13 08:00")
        assert Parts.of(np.array(await ids_of(book)))
        assert await means() == before


async def test_nobody_else_reads_them(migrated_url: str) -> None:
    """Not even by the same ids of curves."""
    async with open_book(migrated_url) as book:
        await some_history(book, random.Random(2))
        ids = await ids_of(book)
        for tenant, found in ((DESK.tenant, len(ids)), (RIVAL.tenant, 0)):
            (day,) = await book.curves.books.ends(tenant, ids, DAYS[:1], instant("2025-03-01 00:00"))
            assert len(day.days) == found


async def test_a_publication_that_fails_leaves_none(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends in an error before the commit."""

    async def refused(*_: Any) -> None:
        raise KeyError("no more")

    async with open_book(migrated_url) as book:
        await book.publish("2025-02-10", [(curve, prices([50.0])) for curve in CURVES])
        ids = await ids_of(book)
        (before,) = await book.curves.books.ends("desk", ids, DAYS[:1], None)
        monkeypatch.setattr(book.events, "append", refused)
        with pytest.raises(KeyError):
            await book.publish("2025-02-10", [(curve, prices([60.0])) for curve in CURVES], "2025-02-11 09:00")
        (after,) = await book.curves.books.ends("desk", ids, DAYS[:1], None)
        assert told(after) == told(before)
