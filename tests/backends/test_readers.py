"""Readers of the event log on both databases: where they begin, and that only one process moves them on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from aurum.backends.bus import MemoryBus
from aurum.backends.database import Database
from aurum.backends.events import EventLog
from aurum.backends.readers import EventReader, Position
from aurum.errors import NotFound
from tests.published import instant

NOON = instant("2025-02-12 12:00")
LATER = NOON + timedelta(minutes=1)


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    opened = Database(migrated_url)
    yield opened
    await opened.close()


async def append(database: Database, tenant: str, count: int) -> None:
    async with database.write() as transaction:
        await EventLog(database, MemoryBus()).append(transaction, tenant, NOON, [("TICK", {})] * count)


async def test_it_begins_at_the_heads_and_with_the_first_event_of_later_tenants(database: Database) -> None:
    await append(database, "desk", 2)
    await EventReader(database, "mail").register(NOON)
    await append(database, "desk", 1)
    await append(database, "rival", 1)
    await EventReader(database, "mail").register(LATER)
    await EventReader(database, "webhook").register(LATER)
    assert await EventReader(database, "mail").position("desk") == Position(2, NOON)
    assert await EventReader(database, "mail").position("rival") == Position(0, NOON)
    assert await EventReader(database, "webhook").position("rival") == Position(1, LATER)


async def test_it_is_somewhere_only_once_it_is_registered(database: Database) -> None:
    with pytest.raises(NotFound):
        await EventReader(database, "mail").position("desk")


async def test_of_many_that_move_it_one_succeeds(database: Database) -> None:
    reader = EventReader(database, "mail")
    await reader.register(NOON)
    await append(database, "desk", 9)
    for before, after in [(0, 3), (3, 7)]:
        start = await reader.position("desk")
        assert start.cursor == before
        goal = Position(after, LATER + timedelta(seconds=after), failing_since=LATER)
        moved = await asyncio.gather(*(reader.move("desk", start, goal) for _ in range(5)))
        assert sorted(moved) == [False] * 4 + [True]
        assert await reader.position("desk") == goal
    assert (await reader.position("rival")).cursor == 0
