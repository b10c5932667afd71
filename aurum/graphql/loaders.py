"""Batches of one operation: what many fields ask for is read with one call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

from aiodataloader import DataLoader

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_BATCH = 1000


class Loaders:
    """Reads of one operation, by batch function and arguments. It answers from what it has read, or is reading."""

    def __init__(self) -> None:
        self._loaders: dict[Any, DataLoader[Any, Any]] = {}
        self._reads: dict[Any, dict[Any, asyncio.Future[Mapping[Any, Any]]]] = {}

    def cancel(self) -> None:
        """Ends the reads that are under way: nobody waits for them any longer."""
        for reading in {id(each): each for reads in self._reads.values() for each in reads.values()}.values():
            reading.cancel()

    async def load(
        self, batch: Callable[..., Awaitable[Mapping[K, V]]], principal: Any, key: K, **arguments: Hashable
    ) -> V | None:
        """The value of `key` among the answers of `batch(principal, keys, **arguments)`; None where it has none.

        Waits one turn of the event loop for the keys of other fields.
        """
        name = (batch, *sorted(arguments.items()))
        loader = self._loaders.get(name)
        if loader is None:

            async def read(keys: list[K]) -> list[V | None]:
                try:
                    return await self.load_many(batch, principal, keys, **arguments)
                except asyncio.CancelledError:  # of which a DataLoader tells nobody who waits for it
                    for key in keys:
                        kept.load(key).cancel()
                    raise

            loader = kept = self._loaders[name] = DataLoader(read, max_batch_size=_BATCH)
        value: V | None = await asyncio.shield(loader.load(key))  # others may wait for it too, or ask for it later
        return value

    async def load_many(
        self, batch: Callable[..., Awaitable[Mapping[K, V]]], principal: Any, keys: Sequence[K], **arguments: Hashable
    ) -> list[V | None]:
        """The values of many keys, in their order. Costs little for each: for `batched` fields."""
        reads = self._reads.setdefault((batch, *sorted(arguments.items())), {})
        missing = [key for key in dict.fromkeys(keys) if key not in reads]
        for start in range(0, len(missing), _BATCH):
            part = missing[start : start + _BATCH]
            reads.update(dict.fromkeys(part, asyncio.ensure_future(batch(principal, part, **arguments))))
        for reading in {id(reads[key]): reads[key] for key in keys}.values():
            await asyncio.shield(reading)  # others may wait for it too
        return [reads[key].result().get(key) for key in keys]
