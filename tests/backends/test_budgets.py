"""Budgets: one contract, in the process, in a real Redis and in fakeredis."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import fakeredis
import pytest

from aurum.backends.budgets import Budgets, MemoryBudgets, RedisBudgets, Spent
from aurum.backends.redis import open_redis


@pytest.fixture(params=["memory", "fakeredis", "redis"])
async def budgets(request: pytest.FixtureRequest) -> AsyncIterator[Budgets]:
    if request.param == "memory":
        yield MemoryBudgets(100, 10.0)
        return
    if request.param == "redis":
        redis = open_redis(request.getfixturevalue("redis_url"))
    else:
        redis = fakeredis.FakeAsyncRedis(decode_responses=True)
    yield RedisBudgets(redis, 100, 10.0)
    await redis.aclose()


async def test_a_budget_is_spent_and_then_it_has_to_be_waited_for(budgets: Budgets) -> None:
    assert (await budgets.spend("a", 60)).left == pytest.approx(40, abs=5)
    refused = await budgets.spend("a", 60)
    assert refused.left == pytest.approx(40, abs=5)
    assert refused.wait == pytest.approx(2.0, abs=0.5)
    assert (await budgets.spend("a", 30)).wait == 0
    assert (await budgets.spend("b", 100)) == Spent(0.0)


async def test_it_fills_with_time_and_never_above_its_capacity(budgets: Budgets) -> None:
    await budgets.spend("a", 100)
    await asyncio.sleep(0.3)
    assert 2 < (await budgets.spend("a", 0)).left < 50
    assert (await budgets.spend("a", -1000, always=True)).left == 100


async def test_what_cost_more_than_thought_is_owed(budgets: Budgets) -> None:
    await budgets.spend("a", 100)
    assert (await budgets.spend("a", 50, always=True)).left == pytest.approx(-50, abs=5)
    assert (await budgets.spend("a", 1)).wait == pytest.approx(5.1, abs=0.5)


async def test_whoever_has_everything_again_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurum.backends.budgets._MOST_KEPT", 10)
    now = 0.0
    budgets = MemoryBudgets(100, 10.0, lambda: now)
    for n in range(11):
        await budgets.spend(f"caller {n}", 50)
        now += 1
    assert len(budgets._left) == 5


async def test_without_redis_nobody_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    redis = open_redis("redis://127.0.0.1:1")
    assert (await RedisBudgets(redis, 100, 10.0).spend("a", 1000)) == Spent(100)
    assert "budgets are not kept" in caplog.text
    await redis.aclose()


async def test_a_redis_that_is_stuck_is_left_alone_for_a_while() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    redis = open_redis(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
    budgets = RedisBudgets(redis, 100, 10.0)
    await budgets.spend("a", 60)
    async with asyncio.timeout(1):
        for _ in range(20):
            assert await budgets.spend("a", 60) == Spent(100)
    await redis.aclose()
    server.close()


async def test_however_many_ask_at_once_all_are_charged(redis_url: str) -> None:
    redis = open_redis(redis_url)
    budgets = RedisBudgets(redis, 100, 0.001)
    spent = await asyncio.gather(*(budgets.spend("a", 1) for _ in range(300)))
    assert sum(each.wait == 0 for each in spent) == 100
    await redis.aclose()
