"""Wakes who waits. A message only says "look again": the truth is in the database, so a lost one loses nothing."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol


class Bus(Protocol):
    def wake(self, topic: str) -> None:
        """Wakes everyone who listens to the topic. Never blocks, never fails."""

    def topics(self) -> set[str]:
        """Those that somebody listens to in this process."""

    def listen(self, topic: str) -> AbstractAsyncContextManager[asyncio.Event]:
        """Within the context, `changed.wait()` returns once the topic has been woken since the last `clear()`."""


class MemoryBus:
    """Within one process, on its event loop."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def wake(self, topic: str) -> None:
        for changed in self._waiting.get(topic, ()):
            changed.set()

    def topics(self) -> set[str]:
        return set(self._waiting)

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator[asyncio.Event]:
        changed = asyncio.Event()
        self._waiting[topic].add(changed)
        try:
            yield changed
        finally:
            self._waiting[topic].discard(changed)
            if not self._waiting[topic]:
                del self._waiting[topic]
