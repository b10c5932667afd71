"""What is kept to be answered again, bounded by its size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_ENTRY = 500  # bytes of key and bookkeeping, roughly


class Kept(Generic[K, V]):
    """The values used last, together at most `most_bytes` large. What is larger alone is not kept."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.size = 0
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K) -> V | None:
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, size: int) -> None:
        """`size` in bytes."""
        size += _ENTRY
        if size > self.most_bytes:
            return
        _, replaced = self._values.pop(key, (None, 0))
        self._values[key] = (value, size)
        self.size += size - replaced
        while self.size > self.most_bytes:
            _, (_, dropped) = self._values.popitem(last=False)
            self.size -= dropped


class KeptSince(Kept[K, tuple[int, V]]):
    """Values with the head (`Heads`) before they were read: they hold until it moves."""

    def still(self, key: K, head: int) -> V | None:
        """`head` as it is now."""
        found = self.get(key)
        return found[1] if found is not None and found[0] == head else None

    def note(self, key: K, head: int, value: V, size: int) -> None:
        """`value` was read after `head` was asked for."""
        self.put(key, (head, value), size)
