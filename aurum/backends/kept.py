"""What is kept to be answered again, bounded by its size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
N = TypeVar("N", bound=Hashable)
_SEEN = 4096
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

    def all(self, keys: Iterable[K]) -> list[V | None]:
        """In their order."""
        values = self._values
        found: list[V | None] = []
        for key in keys:
            entry = values.get(key)
            if entry is not None:
                values.move_to_end(key)
            found.append(None if entry is None else entry[0])
        return found

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


class KeptAgain(Kept[K, V]):
    """Values that are put a second time before many others: what is asked for once does not drive out the rest."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(most_bytes)
        self._seen: OrderedDict[int, None] = OrderedDict()  # hashes of keys, the last ones

    def put(self, key: K, value: V, size: int) -> None:
        seen = hash(key)
        if key in self._values or seen in self._seen:
            super().put(key, value, size)
            return
        self._seen[seen] = None
        if len(self._seen) > _SEEN:
            self._seen.popitem(last=False)


class KeptSince(Kept[K, tuple[int, V]]):
    """Values with the head (`Heads`) before they were read: they hold until it moves."""

    def still(self, key: K, head: int) -> V | None:
        """`head` as it is now."""
        return self.all_still({None: key}, head).get(None)

    def all_still(self, keys: Mapping[N, K], head: int) -> dict[N, V]:
        """What still holds, under the names of its keys."""
        found: dict[N, V] = {}
        for name, key in keys.items():
            entry = self._values.get(key)
            if entry is not None and entry[0][0] == head:
                self._values.move_to_end(key)
                found[name] = entry[0][1]
        return found

    async def filled(
        self,
        keys: Mapping[N, K],
        head: int,
        read: Callable[[], Awaitable[dict[N, V]]],
        size: Callable[[N, V], int],
    ) -> dict[N, V]:
        """What still holds; where one of them does not, what `read` answers of all, which is kept: what is answered
        together is of one moment. `head` was asked for just now.
        """
        found = self.all_still(keys, head)
        if len(found) == len(keys):
            return found
        found = await read()
        for name, value in found.items():
            self.note(keys[name], head, value, size(name, value))
        return found

    def note(self, key: K, head: int, value: V, size: int) -> None:
        """`value` was read after `head` was asked for."""
        self.put(key, (head, value), size)
