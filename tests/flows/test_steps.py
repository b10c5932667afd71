"""What the flows tell Prefect while they go on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from flows import steps

Update = Callable[[UUID, float, str], Awaitable[None]]


def prefect(monkeypatch: pytest.MonkeyPatch, update: Update) -> list[tuple[float, str]]:
    """A server that makes artifacts and takes updates as it is said; what it was told: the bar that was made."""
    told: list[tuple[float, str]] = []

    async def create(progress: float, *, description: str) -> UUID:
        told.append((progress, description))
        return uuid4()

    monkeypatch.setattr(steps, "acreate_progress_artifact", create)
    monkeypatch.setattr(steps, "aupdate_progress_artifact", update)
    return told


async def test_a_bar_ends_with_what_was_told_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is busy executes what it was sent whether or not anybody waits for the answer."""

    async def execute(pause: float, progress: float, description: str) -> None:
        await asyncio.sleep(pause)
        told.append((progress, description))

    executing: list[asyncio.Task[None]] = []

    async def update(_artifact: UUID, progress: float, description: str) -> None:
        slow_at_first = 0.0 if executing else 0.05
        executing.append(asyncio.create_task(execute(slow_at_first, progress, description)))
        await asyncio.shield(executing[-1])

    told = prefect(monkeypatch, update)
    async with steps.bar("0 of 3") as tell:
        tell(33.0, "1 of 3")
        await asyncio.sleep(0.01)
        tell(67.0, "2 of 3")
        tell(100.0, "done")
    await asyncio.gather(*executing)
    assert told == [(0.0, "0 of 3"), (33.0, "1 of 3"), (100.0, "done")]


async def test_a_bar_that_cannot_be_told_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def update(*_told: object) -> None:
        raise ConnectionError("Prefect's server is away")

    prefect(monkeypatch, update)
    async with steps.bar("0 of 1") as tell:
        tell(0.0, "reading")
        await asyncio.sleep(0)
        tell(100.0, "done")
