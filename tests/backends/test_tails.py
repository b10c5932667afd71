"""Following the log: read once for all who follow, by whoever is how far behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import update

from aurum.backends.bus import MemoryBus
from aurum.backends.database import Database
from aurum.backends.events import EventLog, heads
from aurum.backends.readers import EventReader, Position
from aurum.backends.retention import Retention
from aurum.backends.tails import BLOCK
from aurum.errors import CursorTooOld, InvalidCursor
from tests.published import instant

NOON = instant("2025-02-12 12:00")


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    opened = Database(migrated_url)
    yield opened
    await opened.close()


@pytest.fixture
def log(database: Database) -> EventLog:
    return EventLog(database, MemoryBus())


@pytest.fixture
def statements(database: Database) -> list[str]:
    seen: list[str] = []
    database.observe(lambda connection, cursor, statement, *_: seen.append(statement))
    return seen


async def append(log: EventLog, count: int, days: float = 0) -> int:
    async with log._database.write() as transaction:
        return await log.append(transaction, "desk", NOON + timedelta(days=days), [("TICK", {})] * count)


async def cursors(log: EventLog, after: int | None, count: int) -> list[int]:
    found: list[int] = []
    events = log.follow("desk", after)
    async for event in events:
        found.append(event.cursor)
        if len(found) == count:
            break
    await events.aclose()  # type: ignore[attr-defined]
    return found


async def started(log: EventLog, after: int | None, count: int, followers: int) -> list[asyncio.Task[list[int]]]:
    tasks = [asyncio.create_task(cursors(log, after, count)) for _ in range(followers)]
    while log._tails.get("desk") is None or log._tails["desk"].followers < followers:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await asyncio.sleep(0.3)
    return tasks


async def test_a_thousand_idle_followers_cost_no_query(log: EventLog, statements: list[str]) -> None:
    await append(log, 3)
    statements.clear()
    followers = await started(log, None, 1, 1000)
    assert len(statements) <= 4, "where the log ends, once or twice for all of them; a connection is prepared"
    statements.clear()
    await asyncio.sleep(0.5)
    assert statements == []
    await append(log, 1)
    assert await asyncio.gather(*followers) == [[4]] * 1000
    reads = [each for each in statements if "events" in each and each.lstrip().startswith("SELECT")]
    assert len(reads) <= 3, "where the log ends, and what is new in it"


async def test_those_who_come_back_from_the_same_cursor_share_what_is_read(
    log: EventLog, statements: list[str]
) -> None:
    await append(log, 3 * BLOCK)
    statements.clear()
    followers = await started(log, 10, 3 * BLOCK - 10, 200)
    assert await asyncio.gather(*followers) == [list(range(11, 3 * BLOCK + 1))] * 200
    assert len([each for each in statements if "FROM events" in each]) == 3, "each block once"


async def test_followers_of_every_cursor_get_what_is_behind_it(log: EventLog) -> None:
    await append(log, BLOCK - 1)
    early = [asyncio.create_task(cursors(log, after, BLOCK + 5 - after)) for after in range(0, BLOCK, 7)]
    for count in (1, 2, 3):
        await append(log, count)
        await asyncio.sleep(0.01)
    for after, task in zip(range(0, BLOCK, 7), early, strict=True):
        assert await asyncio.wait_for(task, 10) == list(range(after + 1, BLOCK + 6))


async def test_nothing_is_left_of_who_stops_following(log: EventLog) -> None:
    await append(log, 1)
    before = len(asyncio.all_tasks())
    tasks = await started(log, 0, 99, 5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)
    assert log._tails == {}
    assert log._bus.topics() == set()
    assert len(asyncio.all_tasks()) == before


async def test_one_who_leaves_does_not_take_the_others_read_along(log: EventLog) -> None:
    await append(log, BLOCK)
    first, second = (asyncio.create_task(cursors(log, 0, 1)) for _ in range(2))
    while not [tail for tail in log._tails.values() if len(tail._reading)]:  # noqa: ASYNC110
        await asyncio.sleep(0)
    first.cancel()
    assert await asyncio.wait_for(second, 10) == [1]


async def test_a_cursor_that_is_not_there_yet_is_refused(log: EventLog) -> None:
    await append(log, 3)
    with pytest.raises(InvalidCursor, match="there is no event 4 yet: the newest is 3"):
        await cursors(log, 4, 1)


async def test_followers_of_a_log_that_was_set_back_are_told(log: EventLog, database: Database) -> None:
    await append(log, 3)
    follower = asyncio.create_task(cursors(log, 3, 1))
    await asyncio.sleep(0.2)
    async with database.write() as transaction:
        await transaction.execute(update(heads).values(cursor=1))
        await log._bus.announce(transaction, "desk")
    with pytest.raises(InvalidCursor, match="the newest is 1"):
        await asyncio.wait_for(follower, 10)


async def test_old_events_are_forgotten_and_old_cursors_told_what_to_do(log: EventLog, database: Database) -> None:
    await append(log, 2500, days=0)
    await append(log, 3, days=5)
    assert await Retention(database).prune(NOON + timedelta(days=1)) == 2500
    assert await Retention(database).prune(NOON + timedelta(days=1)) == 0
    assert await cursors(log, 2500, 3) == [2501, 2502, 2503]
    with pytest.raises(CursorTooOld, match="events up to 2500 are no longer kept") as refused:
        await cursors(log, 2499, 1)
    assert refused.value.hint is not None
    assert "eventHead" in refused.value.hint
    assert await append(log, 1) == 2504


async def test_what_happened_before_is_kept_behind_what_happened_later(log: EventLog, database: Database) -> None:
    """Clocks of two servers differ: no gap comes of it."""
    await append(log, 1, days=2)
    await append(log, 1, days=0)
    assert await Retention(database).prune(NOON + timedelta(days=1)) == 0


async def test_what_a_reader_has_not_read_is_kept(log: EventLog, database: Database) -> None:
    reader = EventReader(database, "webhook")
    await append(log, 2)
    await reader.register(NOON)
    await append(log, 4)
    later = NOON + timedelta(days=1)
    assert await Retention(database).prune(later) == 2
    position = await reader.position("desk")
    assert await reader.move("desk", position, Position(5, NOON))
    assert await Retention(database).prune(later) == 3
    async with database.write() as transaction:
        await log.append(transaction, "rival", NOON, [("TICK", {})])
    assert await Retention(database).prune(later) == 0, "a tenant that the reader has not begun with"


async def test_who_is_overtaken_by_the_pruning_is_told(log: EventLog, database: Database) -> None:
    await append(log, 2 * BLOCK)
    events = log.follow("desk", 0)
    await anext(events)
    await append(log, 1, days=5)
    await Retention(database).prune(NOON + timedelta(days=1))
    with pytest.raises(CursorTooOld):
        async for _ in events:
            pass


async def test_an_outage_makes_followers_wait(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    await append(log, 1)
    follower = asyncio.create_task(cursors(log, 1, 1))
    await asyncio.sleep(0.2)
    tail = log._tails["desk"]
    read_ends, broken = tail._read_ends, True

    async def ends() -> object:
        if broken:
            raise ConnectionError("away")
        return await read_ends()

    monkeypatch.setattr(tail, "_read_ends", ends)
    await append(log, 1)
    await asyncio.sleep(0.1)
    assert not follower.done()
    broken = False
    assert await asyncio.wait_for(follower, 10) == [2]
