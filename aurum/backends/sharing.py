"""Work that many wait for at the same time, done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Hashable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar, cast

from aurum.errors import InvalidInput

G = TypeVar("G", bound=Hashable)
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_MOST_KEYS = 1000


@dataclass(slots=True)
class _Flight(Generic[V]):
    task: asyncio.Task[V]
    waiting: int = 0


class Once(Generic[K, V]):
    """Nothing is kept of what is done. What nobody waits for any more is cancelled."""

    def __init__(self) -> None:
        self._flights: dict[K, _Flight[V]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    async def do(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """What `work` answers or raises, or what it does that somebody has begun under this key."""
        flight = self._flights.get(key)
        if flight is None or flight.task.done():
            flight = self._flights[key] = _Flight(asyncio.create_task(work()))
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                flight.task.cancel()
                if self._flights.get(key) is flight:
                    del self._flights[key]


@dataclass(slots=True)
class _Batch(Generic[K, V]):
    """`waiting`: of each who waits what tells it that the task is done; a shield would cost three times as much."""

    keys: dict[K, None] = field(default_factory=dict)
    waiting: set[asyncio.Future[None]] = field(default_factory=set)
    task: asyncio.Task[Mapping[K, V]] | None = None  # once it has begun


class Together(Generic[G, K, V]):
    """Reads by key, one for all that ask at the same time: who comes while one is under way goes with the next.

    So what anybody is answered was read after they asked. `read(group, keys)` is given keys of one group at a time.
    """

    def __init__(self, read: Callable[[G, list[K]], Coroutine[Any, Any, Mapping[K, V]]]) -> None:
        self._read = read
        self._next: dict[G, _Batch[K, V]] = {}
        self._last: dict[G, _Batch[K, V]] = {}

    async def ask(self, group: G, keys: Collection[K]) -> Mapping[K, V]:
        """The values of the keys, and of others'. Raises what `read` raises, but nothing that is others' input."""
        batch = self._next.get(group)
        if batch is None or len(batch.keys) > _MOST_KEYS:
            batch = self._begin(group)
        batch.keys.update(dict.fromkeys(keys))
        done = asyncio.get_running_loop().create_future()
        batch.waiting.add(done)
        try:
            await done
            return cast("asyncio.Task[Mapping[K, V]]", batch.task).result()
        except InvalidInput:
            if len(batch.keys) == len(set(keys)):
                raise
        finally:
            self._leave(group, batch, done)
        return await self._read(group, list(keys))

    def _begin(self, group: G) -> _Batch[K, V]:
        """Nothing more goes with the one that has been waiting, if any: it is full, and read at once."""
        full = self._next.get(group)
        if full is not None and full.task is None:
            self._start(group, full)
        batch: _Batch[K, V] = _Batch()
        self._next[group] = batch
        if group not in self._last:
            self._start(group, batch)
        return batch

    def _start(self, group: G, batch: _Batch[K, V]) -> None:
        self._last[group] = batch
        batch.task = asyncio.create_task(self._run(group, batch))
        batch.task.add_done_callback(partial(self._tell, group, batch))

    async def _run(self, group: G, batch: _Batch[K, V]) -> Mapping[K, V]:
        """Others that ask before it runs go with it."""
        self._close(self._next, group, batch)
        return await self._read(group, list(batch.keys))

    def _tell(self, group: G, batch: _Batch[K, V], _: asyncio.Task[Mapping[K, V]]) -> None:
        """It has ended: the next one begins."""
        self._close(self._last, group, batch)
        for each in batch.waiting:
            if not each.done():
                each.set_result(None)
        following = self._next.get(group)
        if following is not None and group not in self._last:
            self._start(group, following)

    def _leave(self, group: G, batch: _Batch[K, V], done: asyncio.Future[None]) -> None:
        """What nobody waits for any more is not begun, or cancelled."""
        batch.waiting.discard(done)
        if not batch.waiting:
            self._close(self._next, group, batch)
            if batch.task is not None:
                batch.task.cancel()

    @staticmethod
    def _close(batches: dict[G, _Batch[K, V]], group: G, batch: _Batch[K, V]) -> None:
        if batches.get(group) is batch:
            del batches[group]
