"""A history says the same whichever of its versions are in blocks. On SQLite and on PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from aurum.curves import history_blocks
from aurum.curves.history_blocks import put_all_away
from aurum.curves.model import PriceHistory
from aurum.curves.tables import history_blocks as blocks
from aurum.curves.tables import snapshots
from aurum.market.periods import months_from
from tests.published import DESK, GERMAN, NBP, TTF, Book, instant, open_book, prices

CURVES = (TTF, NBP, GERMAN)
FIRST, LAST = date(2025, 1, 6), date(2025, 2, 10)
EVERY = 1_000_000


@pytest.fixture
async def book(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Book]:
    """In which a publication puts nothing away."""
    monkeypatch.setattr(history_blocks, "FEWEST", EVERY)
    async with open_book(migrated_url) as opened:
        yield opened


async def publish(book: Book, chance: random.Random, files: int) -> None:
    """Files of some of the curves, in whatever order: two grids, without bid and ask, points in quarantine."""
    for _ in range(files):
        day = FIRST + timedelta(days=chance.randrange((LAST - FIRST).days + 1))
        published = instant(f"{day} 22:15") + timedelta(hours=chance.randrange(100))
        said = []
        for curve in chance.sample(CURVES, chance.randint(1, 3)):
            mids = [round(chance.uniform(20, 90), 2) for _ in range(3)]
            fresh = prices(mids, date(2025, chance.choice([3, 4]), 1), chance.choice([0.1, None]))
            said.append((curve, fresh.without(chance.choice([[], [], [1]]))))
        await book.publish(str(day), said, f"{published:%Y-%m-%d %H:%M}")


async def put_away(book: Book, ids: Sequence[int], most: int = EVERY) -> bool:
    async with book.database.write() as transaction:
        return await put_all_away(transaction, DESK.tenant, ids, most)


def told(found: dict[int, PriceHistory]) -> list[Any]:
    """NaN is written as text: it is not equal to itself."""
    named = ("as_of", "versions", "published_at", "withheld")
    return [
        (
            id_,
            each.tenors,
            [getattr(each, name).tolist() for name in named],
            repr([side.tolist() for side in (each.mid, each.bid, each.ask)]),
        )
        for id_, each in sorted(found.items())
    ]


async def histories(book: Book) -> list[Any]:
    """Of each month, of ranges of days, as known at several instants."""
    ids = sorted(await book.metadata.keys(DESK))
    found = []
    for month in (3, 4, 6, 7):
        for first, last in ((date.min, date.max), (FIRST + timedelta(days=9), LAST - timedelta(days=9))):
            for known_at in (None, instant("2025-01-20 12:00"), instant("2025-02-03 00:30")):
                delivery = months_from(2025, month, 1)
                found += told(
                    await book.curves.history(DESK, ids, delivery=delivery, first=first, last=last, known_at=known_at)
                )
    return found


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_in_blocks_reads_as_the_snapshots_did(
    book: Book, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of it, then all of it, then with versions that came after."""
    chance = random.Random(seed)
    await publish(book, chance, 40)
    ids = sorted(await book.metadata.keys(DESK))
    before = await histories(book)
    monkeypatch.setattr(history_blocks, "FEWEST", 5)
    for some in (ids[:1], ids):
        assert not await put_away(book, some)
        assert await histories(book) == before
    monkeypatch.setattr(history_blocks, "FEWEST", EVERY)
    await publish(book, chance, 15)
    alone = await histories(book)
    assert alone != before
    monkeypatch.setattr(history_blocks, "FEWEST", 1)
    await put_away(book, ids)
    assert await histories(book) == alone


async def test_so_many_are_put_away_at_a_time_and_no_version_twice(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    await publish(book, random.Random(9), 30)
    ids = sorted(await book.metadata.keys(DESK))
    before = await histories(book)
    monkeypatch.setattr(history_blocks, "FEWEST", 1)
    times = 1
    while await put_away(book, ids, 7):
        assert await histories(book) == before
        times += 1
    async with book.database.read() as connection:
        versions = await connection.scalar(select(func.count()).select_from(snapshots))
        assert await connection.scalar(select(func.sum(blocks.c.count))) == versions
    assert times > versions // 7


async def test_a_publication_puts_away_what_is_enough(migrated_url: str) -> None:
    async with open_book(migrated_url) as book:
        for day in range(60):
            await book.publish(str(FIRST + timedelta(days=day)), [(TTF, prices([50.0 + day]))])
        async with book.database.read() as connection:
            in_blocks = await connection.scalar(select(func.sum(blocks.c.count)))
        assert history_blocks.FEWEST <= in_blocks <= 60
        (history,) = (
            await book.curves.history(DESK, [1], delivery=months_from(2025, 3, 1), first=date.min, last=date.max)
        ).values()
        assert history.mid.tolist() == [50.0 + day for day in range(60)]
