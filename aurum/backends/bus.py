"""Wakes who waits. A message only says "look again": the truth is in the database, so a lost one loses nothing."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from aurum.backends.database import WriteConnection

_POLL_SECONDS = 0.25
_SAFE_SECONDS = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0
_log = logging.getLogger(__name__)


class Bus(Protocol):
    async def announce(self, transaction: WriteConnection, topic: str) -> None:
        """Wakes everyone who listens to the topic, in every process the bus reaches, once it is committed."""

    def topics(self) -> set[str]:
        """Those that somebody listens to in this process."""

    def wake(self, topic: str) -> None:
        """Wakes everyone who listens to the topic in this process. Never blocks, never fails."""

    def listen(self, topic: str) -> AbstractAsyncContextManager[asyncio.Event]:
        """Within the context, `changed.wait()` returns once the topic has been woken since the last `clear()`."""

    @property
    def poll_seconds(self) -> float:
        """How often to look without being woken: for what the bus does not carry, or has lost."""

    async def carry(self) -> None:
        """Brings here what other processes announce, for as long as it is not cancelled."""

    async def close(self) -> None:
        """Once what was announced is on its way."""


class MemoryBus:
    """Within one process, on its event loop. Other processes have to be polled for."""

    def __init__(self, poll_seconds: float = _POLL_SECONDS) -> None:
        self._poll_seconds = poll_seconds
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    async def announce(self, transaction: WriteConnection, topic: str) -> None:
        transaction.after_commit(lambda: self.wake(topic))

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

    @property
    def poll_seconds(self) -> float:
        return self._poll_seconds

    async def carry(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        pass


class CarriedBus(MemoryBus, ABC):
    """With a server in between. While it is not connected to it, it is polled as if there were none."""

    def __init__(self, poll_seconds: float = _POLL_SECONDS) -> None:
        super().__init__(poll_seconds)
        self.connected = asyncio.Event()
        self._pause = _FIRST_PAUSE

    @property
    def poll_seconds(self) -> float:
        return max(_SAFE_SECONDS, self._poll_seconds) if self.connected.is_set() else self._poll_seconds

    async def carry(self) -> None:
        while True:
            try:
                await self._connection()
            except Exception as error:  # noqa: BLE001  whatever it was, the next connection may do
                _log.warning("the bus connects again in %.1f s, and is polled for until then: %s", self._pause, error)
            finally:
                self.connected.clear()
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    @abstractmethod
    async def _connection(self) -> None:
        """Listens on one connection until it is lost, which it raises."""

    def _listening(self) -> None:
        """To be called once a connection listens: what was announced before it did may have been missed."""
        self._pause = _FIRST_PAUSE
        self.connected.set()
        for topic in self.topics():
            self.wake(topic)
