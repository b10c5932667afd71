"""Connections cut at random, on every transport: who comes back with the last cursor has every event once."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from pathlib import Path

import pytest

from tests.cutting import cutting_proxy
from tests.following import TRANSPORTS, Follow, followed
from tests.live_server import CURVES, live_server

PUBLISHED = "subscription($after: String) { curvePublished(after: $after) { cursor curve { key } } }"
MOST = 6000  # bytes to a client, of about 14,000 a day


async def gathered(follow: Follow, url: str, count: int) -> list[str]:
    received: list[str] = []
    async with aclosing(followed(follow, url, PUBLISHED, "0")) as events:
        async for event in events:
            received.append(event["cursor"])
            if len(received) == count:
                break
    return received


@pytest.mark.timeout(120)
async def test_nothing_is_lost_and_nothing_comes_twice(migrated_url: str, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    async with live_server(migrated_url, tmp_path) as server, cutting_proxy(server.port, seed, MOST) as proxy:
        following = asyncio.gather(*[gathered(way, proxy.url, 2 * CURVES) for way in TRANSPORTS])
        for day in (12, 13):
            await server.load(day)
        async with asyncio.timeout(60):
            received = await following
    assert proxy.cuts >= 4 * len(TRANSPORTS), f"seed {seed}: hardly anything was cut"
    for way, cursors in zip(TRANSPORTS, received, strict=True):
        assert cursors == sorted(set(cursors), key=int), f"seed {seed}, {way.__name__}"
