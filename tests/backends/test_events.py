"""The event log on both databases: every event once, in order, however late its transaction commits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from aurum.backends.bus import MemoryBus
from aurum.backends.database import Database
from aurum.backends.events import EventLog
from tests.published import instant

NOON = instant("2025-02-12 12:00")


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    opened = Database(migrated_url)
    yield opened
    await opened.close()


async def append(log: EventLog, database: Database, *numbers: int, tenant: str = "desk") -> int:
    async with database.write() as transaction:
        return await log.append(transaction, tenant, NOON, [("TICK", {"n": n}) for n in numbers])


async def test_cursors_count_from_one_within_a_tenant(database: Database) -> None:
    log = EventLog(database, MemoryBus())
    assert await append(log, database, 1, 2) == 2
    assert await append(log, database, 3) == 3
    assert await append(log, database, 9, tenant="rival") == 1
    assert [(event.cursor, event.payload["n"]) for event in await log.read("desk", 1)] == [(2, 2), (3, 3)]
    assert await log.head("desk") == 3
    assert await log.head("nobody") == 0


async def test_a_rolled_back_change_leaves_no_event_and_no_gap(database: Database) -> None:
    log = EventLog(database, MemoryBus())
    with pytest.raises(RuntimeError, match="crash"):
        async with database.write() as transaction:
            await log.append(transaction, "desk", NOON, [("TICK", {"n": 1})])
            raise RuntimeError("crash")
    assert await append(log, database, 2) == 1


async def test_followers_get_every_event_of_concurrent_writers_once_and_in_order(database: Database) -> None:
    log = EventLog(database, MemoryBus())

    async def follow() -> list[int]:
        cursors = []
        async for event in log.follow("desk", 0):
            cursors.append(event.cursor)
            if len(cursors) == 60:
                return cursors
        raise AssertionError

    followers = [asyncio.create_task(follow()) for _ in range(3)]
    await asyncio.gather(*(append(log, database, n, n) for n in range(30)))
    for follower in followers:
        assert await asyncio.wait_for(follower, 10) == list(range(1, 61))


async def test_a_commit_of_another_process_is_noticed(database: Database) -> None:
    here, elsewhere = EventLog(database, MemoryBus(), poll_seconds=0.01), EventLog(database, MemoryBus())
    watch = asyncio.create_task(here.watch())
    events = here.follow("desk", None)
    first = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0.05)
    await append(elsewhere, database, 7)
    assert (await asyncio.wait_for(first, 5)).payload == {"n": 7}
    watch.cancel()
    await events.aclose()  # type: ignore[attr-defined]
