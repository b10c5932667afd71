"""Proxies that cut, trickle or lose the database: who comes back with the last cursor has every event once."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing, suppress
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from aurum.backends import tails
from aurum.errors import Unavailable
from tests.cutting import Cut, cutting_proxy
from tests.following import TRANSPORTS, Follow, followed
from tests.live_server import CURVES, LiveServer, live_server
from tests.processes import eventually
from tests.servers import PostgreSQL

PUBLISHED = "subscription($after: String) { curvePublished(after: $after) { cursor curve { key } } }"
MOST = 6000  # bytes to a client, of about 14,000 a day


async def gathered(follow: Follow, url: str, count: int, received: list[str] | None = None) -> list[str]:
    received = [] if received is None else received
    async with aclosing(followed(follow, url, PUBLISHED, "0")) as events:
        async for event in events:
            received.append(event["cursor"])
            if len(received) == count:
                break
    return received


@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", Cut)
async def test_nothing_is_lost_and_nothing_comes_twice(migrated_url: str, tmp_path: Path, how: Cut) -> None:
    seed = random.randrange(10**6)
    days = range(10, 15) if how is Cut.REQUESTS else (12, 13)  # what is sent already still comes: fewer are cut a day
    async with live_server(migrated_url, tmp_path) as server, cutting_proxy(server.port, seed, MOST, how) as proxy:
        following = asyncio.gather(*[gathered(way, proxy.url, len(days) * CURVES) for way in TRANSPORTS])
        for day in days:
            await server.load(day)
        async with asyncio.timeout(60):
            received = await following
    assert proxy.cuts >= 4 * len(TRANSPORTS), f"seed {seed}: {proxy.cuts} cuts are hardly any"
    for way, cursors in zip(TRANSPORTS, received, strict=True):
        assert cursors == sorted(set(cursors), key=int), f"seed {seed}, {way.__name__}"


@pytest.mark.timeout(120)
async def test_bytes_may_come_one_by_one(migrated_sqlite_url: str, tmp_path: Path) -> None:
    async with live_server(migrated_sqlite_url, tmp_path) as server, cutting_proxy(server.port, bytewise=True) as proxy:
        await server.load(12)
        async with asyncio.timeout(60):
            received = await asyncio.gather(*[gathered(way, proxy.url, 20) for way in TRANSPORTS])
    for cursors in received:
        assert cursors == received[0]
    assert received[0] == sorted(set(received[0]), key=int)


@pytest.mark.timeout(120)
async def test_a_database_that_restarts_behind_a_proxy_costs_no_event(
    killable_postgresql_server: PostgreSQL, killable_postgresql_url: str, tmp_path: Path
) -> None:
    """And who waits stays connected meanwhile."""
    async with cutting_proxy(killable_postgresql_server.port) as proxy:
        url = make_url(killable_postgresql_url).set(port=proxy.port).render_as_string(hide_password=False)
        async with live_server(url, tmp_path) as server:
            heard, following = followers(server.url, 2 * CURVES)
            await server.load(12)
            await eventually(lambda: all_have(heard, CURVES))
            connected = server.connections
            killable_postgresql_server.kill()
            killable_postgresql_server.start()
            await eventually(lambda: is_read(server))
            assert server.connections == connected
            await server.load(13)
            async with asyncio.timeout(60):
                await asyncio.gather(*following)
    assert all(cursors == sorted(set(heard[0]), key=int) for cursors in heard)


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_proxy_that_forgets_its_connections_to_the_database_costs_no_event(
    migrated_postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails, "_ANSWER_SECONDS", 1.0)
    monkeypatch.setenv("AURUM_GRAPHQL__DEADLINE_SECONDS", "2")
    target = make_url(migrated_postgresql_url)
    async with (
        cutting_proxy(target.port or 0) as proxy,
        live_server(target.set(port=proxy.port).render_as_string(hide_password=False), tmp_path) as server,
        live_server(migrated_postgresql_url, tmp_path) as other,
    ):
        heard, following = followers(server.url, 2 * CURVES)
        await other.load(12)
        await eventually(lambda: all_have(heard, CURVES))
        proxy.deafen()
        await other.load(13)
        async with asyncio.timeout(60):
            await asyncio.gather(*following)
    assert all(cursors == sorted(set(heard[0]), key=int) for cursors in heard)


def followers(url: str, count: int) -> tuple[list[list[str]], list[asyncio.Task[list[str]]]]:
    """What each of them has heard so far, and those that follow."""
    heard: list[list[str]] = [[] for _ in TRANSPORTS]
    ways = zip(TRANSPORTS, heard, strict=True)
    return heard, [asyncio.create_task(gathered(way, url, count, received)) for way, received in ways]


async def all_have(heard: list[list[str]], count: int) -> bool:
    return all(len(received) == count for received in heard)


async def is_read(server: LiveServer) -> bool:
    """Whether the server reaches its database, with reading and with writing connections."""
    with suppress(Unavailable):
        await server.services.events.read("demo", 0)
        async with server.services.database.write():
            return True
    return False
