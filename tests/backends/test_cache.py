"""Texts that are kept for a while: the same in memory, in fakeredis and in a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from fakeredis import FakeAsyncRedis
from redis.asyncio import Redis

from aurum.backends.cache import Cache, MemoryCache, RedisCache
from aurum.backends.redis import open_redis

Open = Callable[..., Cache]
ENTRY = 200  # what a text takes beside its bytes


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "fakeredis", "redis"])
async def cache(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Open]:
    """Opens one with texts kept for 100 seconds."""
    if request.param == "memory":
        yield lambda most_bytes=10_000: MemoryCache(100, most_bytes, clock)
        return
    url = request.getfixturevalue("redis_url") if request.param == "redis" else None
    async with opened(url) as redis:
        yield lambda most_bytes=10_000: RedisCache(redis, 100, most_bytes, clock)


@asynccontextmanager
async def opened(url: str | None) -> AsyncIterator[Redis]:
    redis = FakeAsyncRedis(decode_responses=True) if url is None else open_redis(url)
    try:
        yield redis
    finally:
        await redis.aclose()


async def test_what_is_put_is_answered_and_replaced(cache: Open) -> None:
    kept = cache()
    assert await kept.get("desk", "a") is None
    await kept.put("desk", "a", "first")
    await kept.put("desk", "a", "€ zweite")
    assert await kept.get("desk", "a") == "€ zweite"
    await kept.put("desk", "", "")
    assert await kept.get("desk", "") == ""


async def test_no_share_sees_or_takes_what_is_anothers(cache: Open) -> None:
    kept = cache(3 * ENTRY)
    await kept.put("desk", "a", "theirs")
    for number in range(50):
        await kept.put("rival", str(number), "mine")
    assert await kept.get("rival", "a") is None
    assert await kept.get("desk", "a") == "theirs"


async def test_a_share_holds_the_texts_used_last(cache: Open, clock: Clock) -> None:
    kept = cache(3 * ENTRY + 3)
    for key in "abc":
        clock.now += 1
        await kept.put("desk", key, "")
    clock.now += 1
    assert await kept.get("desk", "a") == ""
    clock.now += 1
    await kept.put("desk", "d", "")
    assert [await kept.get("desk", key) for key in "abcd"] == ["", None, "", ""]


async def test_a_text_that_is_too_large_pushes_nothing_out(cache: Open) -> None:
    kept = cache(2 * ENTRY)
    await kept.put("desk", "a", "small")
    await kept.put("desk", "b", "€" * ENTRY)
    assert await kept.get("desk", "b") is None
    assert await kept.get("desk", "a") == "small"


async def test_sizes_are_those_of_bytes_and_given_back(cache: Open, clock: Clock) -> None:
    kept = cache(4 * ENTRY)
    for number in range(40):
        clock.now += 1
        await kept.put("desk", "a", "€" * (number % 60))
        await kept.put("desk", "b", "x")
    assert await kept.get("desk", "a") == "€" * 39
    assert await kept.get("desk", "b") == "x"


async def test_what_nobody_asks_for_is_gone_in_time(cache: Open, clock: Clock) -> None:
    kept = cache()
    await kept.put("desk", "a", "asked for")
    await kept.put("desk", "b", "forgotten")
    clock.now += 99
    assert await kept.get("desk", "a") == "asked for"
    clock.now += 2
    assert await kept.get("desk", "b") is None
    assert await kept.get("desk", "a") == "asked for"
    clock.now += 100
    assert await kept.get("desk", "a") is None


async def test_many_at_once_leave_a_share_within_its_bounds(cache: Open) -> None:
    kept = cache(10 * (ENTRY + 10))
    await asyncio.gather(*(kept.put("desk", f"{number:04}", "text") for number in range(300)))
    found = await asyncio.gather(*(kept.get("desk", f"{number:04}") for number in range(300)))
    assert 8 <= len([text for text in found if text is not None]) <= 10


async def test_processes_share_what_is_in_redis(redis_url: str) -> None:
    async with opened(redis_url) as one, opened(redis_url) as other:
        await RedisCache(one, 100).put("desk", "a", "text")
        assert await RedisCache(other, 100).get("desk", "a") == "text"
        assert await one.ttl("aurum:kept:{desk}:texts") in range(95, 101)


async def test_without_redis_nothing_is_kept_and_nothing_fails(caplog: pytest.LogCaptureFixture) -> None:
    async with opened("redis://127.0.0.1:1/0") as redis:
        kept = RedisCache(redis, 100)
        await kept.put("desk", "a", "text")
        assert await kept.get("desk", "a") is None
    assert caplog.text.count("Redis does not answer") == 1  # it is left alone for a while


async def test_a_redis_that_comes_back_is_used_again(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurum.backends.redis._REST_SECONDS", 0.05)
    async with opened(redis_url) as redis:
        kept = RedisCache(redis, 100)
        await kept.put("desk", "a", "text")
        await redis.set("aurum:kept:{desk}:used", "no sorted set any more")
        assert await kept.get("desk", "a") is None
        await redis.flushall()
        await kept.put("desk", "a", "too early")
        await asyncio.sleep(0.1)
        assert await kept.get("desk", "a") is None
        await kept.put("desk", "a", "again")
        assert await kept.get("desk", "a") == "again"
