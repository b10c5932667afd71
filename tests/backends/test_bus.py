"""One contract for every bus: what is announced wakes who listens, here and in other processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import fakeredis
import pytest
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from aurum.backends.bus import Bus, CarriedBus, MemoryBus
from aurum.backends.buses import PostgresBus, RedisBus, open_bus
from aurum.backends.database import Database
from aurum.backends.redis import open_redis
from aurum.settings import EventSettings, RedisSettings, Settings
from tests.servers import PostgreSQL, redis

FORMS = ["memory", "postgresql", "redis", "fakeredis"]


@dataclass
class Two:
    """A bus as two processes have it, over a database."""

    here: Bus
    there: Bus
    database: Database

    async def announce(self, topic: str, *, fails: bool = False) -> None:
        """There."""
        with suppress(ZeroDivisionError):
            async with self.database.write() as transaction:
                await self.there.announce(transaction, topic)
                if fails:
                    raise ZeroDivisionError


@asynccontextmanager
async def carried(*buses: Bus) -> AsyncIterator[None]:
    carrying = [asyncio.create_task(bus.carry()) for bus in buses]
    try:
        for bus in buses:
            if isinstance(bus, CarriedBus):
                await asyncio.wait_for(bus.connected.wait(), 10)
        yield
    finally:
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)


@pytest.fixture(params=FORMS)
async def two(request: pytest.FixtureRequest) -> AsyncIterator[Two]:
    fixture = request.getfixturevalue
    url = fixture("migrated_postgresql_url" if request.param == "postgresql" else "migrated_sqlite_url")
    database = Database(url)
    make: Callable[[], Bus]
    match request.param:
        case "postgresql":
            make = lambda: PostgresBus(database.url)  # noqa: E731
        case "redis":
            address = fixture("redis_url")
            make = lambda: RedisBus(open_redis(address))  # noqa: E731
        case "fakeredis":
            server = fakeredis.FakeServer()
            make = lambda: RedisBus(fakeredis.FakeAsyncRedis(server=server, decode_responses=True))  # noqa: E731
        case _:
            bus = MemoryBus()
            make = lambda: bus  # noqa: E731
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        here, there = make(), make()
        for each in (here, there):
            stack.push_async_callback(each.close)
        await stack.enter_async_context(carried(here))
        yield Two(here, there, database)


async def woken(changed: asyncio.Event, seconds: float = 10) -> bool:
    try:
        await asyncio.wait_for(changed.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def test_what_is_committed_there_wakes_who_listens_here(two: Two) -> None:
    async with two.here.listen("desk") as first, two.here.listen("desk") as second:
        await two.announce("desk")
        assert await woken(first)
        assert await woken(second)


async def test_who_announces_is_woken_too(two: Two) -> None:
    async with two.there.listen("desk") as changed:
        await two.announce("desk")
        assert await woken(changed)


async def test_other_topics_and_what_is_rolled_back_wake_nobody(two: Two) -> None:
    async with two.here.listen("desk") as changed, two.here.listen("rival") as rivals:
        await two.announce("desk", fails=True)
        await two.announce("rival")
        assert await woken(rivals)
        assert not changed.is_set()


async def test_nothing_is_left_of_who_stops_listening(two: Two) -> None:
    async with two.here.listen("desk"):
        assert two.here.topics() == {"desk"}
    assert two.here.topics() == set()


async def test_only_what_the_bus_does_not_carry_is_polled_for(two: Two) -> None:
    alone = two.here is two.there
    assert two.here.poll_seconds == (0.25 if alone else 10)
    assert two.there.poll_seconds == 0.25, "it is not connected"


async def test_a_connection_of_postgresql_that_is_cut_is_opened_again(
    migrated_postgresql_url: str, postgresql_server: PostgreSQL
) -> None:
    database = Database(migrated_postgresql_url)
    bus, name = PostgresBus(database.url), database.url.database
    listeners = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND query ~ 'LISTEN'"
    async with carried(bus), bus.listen("desk") as changed:
        changed.clear()
        await asyncio.to_thread(postgresql_server.execute, listeners)
        assert await woken(changed), "what was announced meanwhile may have been missed"
        changed.clear()
        async with database.write() as transaction:
            await PostgresBus(database.url).announce(transaction, "desk")
        assert await woken(changed)
    await database.close()


async def test_a_postgresql_that_was_killed_is_connected_again(
    killable_postgresql_server: PostgreSQL, killable_postgresql_url: str
) -> None:
    bus = PostgresBus(make_url(killable_postgresql_url))
    async with carried(bus), bus.listen("desk") as changed:
        killable_postgresql_server.kill()
        await until(lambda: not bus.connected.is_set())
        assert bus.poll_seconds == 0.25
        changed.clear()
        killable_postgresql_server.start()
        assert await woken(changed, 20)
        assert bus.poll_seconds == 10


async def test_a_redis_that_was_killed_is_connected_again(migrated_sqlite_url: str) -> None:
    database = Database(migrated_sqlite_url)
    with redis() as server:
        here, there = RedisBus(open_redis(server.url)), RedisBus(open_redis(server.url))
        async with carried(here), here.listen("desk") as changed:
            server.kill()
            await until(lambda: not here.connected.is_set())
            two = Two(here, there, database)
            await two.announce("desk")  # into nothing: it does not fail
            changed.clear()
            server.start()
            assert await woken(changed, 20), "what was announced meanwhile may have been missed"
            changed.clear()
            await two.announce("desk")
            assert await woken(changed)
        await here.close()
        await there.close()
    await database.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  there is no event for the loss of a connection
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("database", "redis_at", "kind"),
    [
        ("sqlite+aiosqlite:///never-opened.db", None, MemoryBus),
        ("postgresql+asyncpg://aurum@127.0.0.1/aurum", None, PostgresBus),
        ("postgresql+asyncpg://aurum@127.0.0.1/aurum", "redis://127.0.0.1:1", RedisBus),
        ("sqlite+aiosqlite:///never-opened.db", "redis://127.0.0.1:1", RedisBus),
    ],
)
async def test_the_configuration_says_which_bus(database: str, redis_at: str | None, kind: type[Bus]) -> None:
    secret = None if redis_at is None else SecretStr(redis_at)
    opened = Database(database)
    bus = open_bus(Settings(redis=RedisSettings(url=secret), events=EventSettings(poll_seconds=0.5)), opened)
    assert (type(bus), bus.poll_seconds) == (kind, 0.5)
    await bus.close()
    await opened.close()
