"""The event log on both databases: every event once, in order, however late its transaction commits."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import update

from aurum.backends.bus import MemoryBus
from aurum.backends.database import Database
from aurum.backends.events import Event, EventLog, Heads, heads
from tests.published import instant

NOON = instant("2025-02-12 12:00")


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    opened = Database(migrated_url)
    yield opened
    await opened.close()


async def append(
    log: EventLog, database: Database, *numbers: int, tenant: str = "desk", quiet: bool = False
) -> int:  # fmt: skip
    async with database.write() as transaction:
        return await log.append(transaction, tenant, NOON, [("TICK", {"n": n}) for n in numbers], quiet=quiet)


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


async def test_a_transaction_that_commits_late_is_not_skipped(migrated_url: str, database: Database) -> None:
    """Whoever comes second waits for its cursor, until it is certain what the first one has got."""
    log, elsewhere = EventLog(database, MemoryBus()), Database(migrated_url)
    async with database.write() as early:
        assert await log.append(early, "desk", NOON, [("TICK", {"n": "early"})]) == 1
        second = asyncio.create_task(append(EventLog(elsewhere, MemoryBus()), elsewhere, 2))
        await asyncio.sleep(0.3)
        assert not second.done()
        assert (await log.head("desk"), await log.read("desk", 0)) == (0, [])
    assert await asyncio.wait_for(second, 10) == 2
    assert [event.payload["n"] for event in await log.read("desk", 0)] == ["early", 2]
    await elsewhere.close()


async def test_racing_processes_leave_no_gap_and_readers_never_see_one(migrated_url: str, database: Database) -> None:
    """Six writers, some of whose transactions are slow or fail, and readers who look all the time."""
    processes = [Database(migrated_url) for _ in range(3)]
    dice = random.Random(4)
    written: list[tuple[int, int]] = []

    async def write(process: Database, writer: int) -> None:
        log = EventLog(process, MemoryBus())
        for turn in range(12):
            count, waits, fails = dice.randint(1, 3), dice.random() * 0.01, dice.random() < 0.3
            with contextlib.suppress(ZeroDivisionError):
                async with process.write() as transaction:
                    drafts = [("TICK", {"writer": writer, "turn": turn})] * count
                    await log.append(transaction, "desk", NOON, drafts)
                    await asyncio.sleep(waits)
                    if fails:
                        raise ZeroDivisionError
                written.extend([(writer, turn)] * count)

    async def read(ends: asyncio.Event) -> list[Event]:
        log, seen = EventLog(database, MemoryBus()), list[Event]()
        while not (ends.is_set() and len(seen) == await log.head("desk")):
            seen += await log.read("desk", len(seen), limit=5)
            assert [event.cursor for event in seen[-5:]] == list(range(len(seen) - len(seen[-5:]) + 1, len(seen) + 1))
        return seen

    ends = asyncio.Event()
    readers = [asyncio.create_task(read(ends)) for _ in range(3)]
    await asyncio.gather(*(write(process, n) for n, process in enumerate(processes * 2)))
    ends.set()
    for seen in await asyncio.wait_for(asyncio.gather(*readers), 20):
        assert sorted((event.payload["writer"], event.payload["turn"]) for event in seen) == sorted(written)
    for process in processes:
        await process.close()


async def test_a_commit_of_another_process_is_noticed(database: Database) -> None:
    here, elsewhere = EventLog(database, MemoryBus(0.01)), EventLog(database, MemoryBus())
    watch = asyncio.create_task(here.watch())
    events = here.follow("desk", None)
    first = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0.05)
    await append(elsewhere, database, 7)
    assert (await asyncio.wait_for(first, 5)).payload == {"n": 7}
    watch.cancel()
    await events.aclose()  # type: ignore[attr-defined]


async def test_heads_of_many_are_read_together(database: Database) -> None:
    log, newest = EventLog(database, MemoryBus()), Heads(database)
    statements: list[str] = []
    await append(log, database, 1, 2)
    await append(log, database, 9, tenant="rival")
    database.observe(lambda _connection, _cursor, statement, *_: statements.append(statement))
    found = await asyncio.gather(*(newest.of(tenant) for tenant in ("desk", "rival", "nobody", "desk")))
    assert found == [2, 1, 0, 2]
    assert len([each for each in statements if each.startswith("SELECT")]) == 1
    await append(log, database, 3)
    assert await newest.of("desk") == 3


async def test_quiet_events_are_events_but_what_is_kept_holds(database: Database) -> None:
    log, newest = EventLog(database, MemoryBus()), Heads(database)
    seen = []
    for number, quiet in enumerate([True, False, True, True, False, True]):
        assert await append(log, database, number, quiet=quiet) == number + 1
        seen.append(await newest.of("desk"))
    assert seen == [0, 2, 2, 2, 5, 5]
    async with database.write() as transaction:  # a process of a version that knows of no quiet events
        await transaction.execute(update(heads).values(cursor=heads.c.cursor + 1))
    assert await newest.of("desk") > seen[-1]
