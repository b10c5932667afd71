"""Batches of one operation: what many fields ask for is read with one call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any, TypeVar

from aiodataloader import DataLoader

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_BATCH = 1000


class Loaders:
    """One loader per batch function and arguments. Belongs to one operation: it answers from what it has read."""

    def __init__(self) -> None:
        self._loaders: dict[Any, DataLoader[Any, Any]] = {}

    async def load(
        self, batch: Callable[..., Awaitable[Mapping[K, V]]], principal: Any, key: K, **arguments: Hashable
    ) -> V | None:
        """The value of `key` among the answers of `batch(principal, keys, **arguments)`; None where it has none."""
        name = (batch, *sorted(arguments.items()))
        loader = self._loaders.get(name)
        if loader is None:

            async def read(keys: list[K]) -> list[V | None]:
                found = await batch(principal, list(keys), **arguments)
                return [found.get(key) for key in keys]

            loader = self._loaders[name] = DataLoader(read, max_batch_size=_BATCH)
        value: V | None = await loader.load(key)
        return value
