"""Many wait for their time with one timer."""

from __future__ import annotations

import asyncio

import pytest

from aurum.graphql.alarms import Alarms


class Sleeper:
    def __init__(self) -> None:
        self.rung: list[float] = []

    def ring(self, now: float) -> None:
        self.rung.append(now)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_each_rings_once_when_its_time_has_come() -> None:
    early, late = Sleeper(), Sleeper()
    begun = now()
    Alarms.here().set(late, begun + 0.1)
    Alarms.here().set(early, begun + 0.02)
    await asyncio.sleep(0.06)
    assert (len(early.rung), len(late.rung)) == (1, 0)
    await asyncio.sleep(0.1)
    assert (len(early.rung), len(late.rung)) == (1, 1)
    assert early.rung[0] >= begun + 0.02
    assert late.rung[0] >= begun + 0.1


async def test_what_is_taken_back_never_rings() -> None:
    kept, taken = Sleeper(), Sleeper()
    for each in (kept, taken):
        Alarms.here().set(each, now() + 0.02)
    Alarms.here().take_back(taken)
    await asyncio.sleep(0.06)
    assert (len(kept.rung), len(taken.rung)) == (1, 0)


async def test_who_rings_may_set_the_next_one() -> None:
    class Again(Sleeper):
        def ring(self, now: float) -> None:
            super().ring(now)
            if len(self.rung) < 3:
                Alarms.here().set(self, now)  # at once: still not before others were looked at

    again = Again()
    Alarms.here().set(again, now() + 0.01)
    await asyncio.sleep(0.1)
    assert len(again.rung) == 3


async def test_a_thousand_ring_together_rather_than_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[float] = []
    ring = Alarms._ring

    def counted(alarms: Alarms, at: float) -> None:
        looked.append(at)
        ring(alarms, at)

    monkeypatch.setattr(Alarms, "_ring", counted)
    sleepers, begun = [Sleeper() for _ in range(1000)], now()
    for place, each in enumerate(sleepers):
        Alarms.here().set(each, begun + 0.02 + place / 20_000)  # the last one 0.05 s later
    await asyncio.sleep(0.15)
    assert all(len(each.rung) == 1 for each in sleepers)
    assert len(looked) <= 8
