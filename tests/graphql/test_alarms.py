"""What is called later by the one timer of all."""

from __future__ import annotations

import asyncio
import time

from aurum.graphql.alarms import Alarms


class Sleeper:
    """Notes when it was woken."""

    def __init__(self) -> None:
        self.woken: list[float] = []

    def ring(self, now: float) -> None:
        self.woken.append(now)


async def test_each_is_woken_once_and_not_before_its_time() -> None:
    loop, alarms, sleepers = asyncio.get_running_loop(), Alarms.here(), [Sleeper() for _ in range(300)]
    due = [loop.time() + (place * 7 % 300) / 3000 for place in range(300)]
    for sleeper, at in zip(sleepers, due, strict=True):
        alarms.set(sleeper, at)
    alarms.take_back(sleepers[150])
    await asyncio.sleep(0.3)
    assert [len(each.woken) for each in sleepers] == [1] * 150 + [0] + [1] * 149
    assert all(each.woken[0] >= at for each, at in zip(sleepers, due, strict=True) if each.woken)


async def test_thousands_that_are_due_one_after_the_other_are_not_looked_through_for_each() -> None:
    loop, alarms, sleepers = asyncio.get_running_loop(), Alarms.here(), [Sleeper() for _ in range(2000)]
    started = loop.time()
    for place, sleeper in enumerate(sleepers):
        alarms.set(sleeper, started + place / 20_000)
    await asyncio.sleep(0.2)
    assert all(each.woken for each in sleepers)
    assert len({each.woken[0] for each in sleepers}) <= 25


async def test_after_a_busy_time_all_that_are_due_by_then_are_woken_at_once() -> None:
    loop, alarms, sleepers = asyncio.get_running_loop(), Alarms.here(), [Sleeper() for _ in range(100)]
    for place, sleeper in enumerate(sleepers):
        alarms.set(sleeper, loop.time() + 0.01 + place / 10_000)
    time.sleep(0.05)  # noqa: ASYNC251  as others compute
    for _ in range(3):
        await asyncio.sleep(0)
    assert all(each.woken for each in sleepers)


async def test_one_that_waits_long_does_not_leave_a_timer_for_each_that_is_woken_meanwhile() -> None:
    loop, alarms, long = asyncio.get_running_loop(), Alarms.here(), Sleeper()
    alarms.set(long, loop.time() + 3600)
    for _ in range(20):
        alarms.set(Sleeper(), loop.time())
        await asyncio.sleep(0.01)
    pending = [each for each in loop._scheduled if not each.cancelled()]  # type: ignore[attr-defined]
    alarms.take_back(long)
    assert len(pending) < 5
