"""Rows in the order of their sizes, which is found over columns: only rows that are looked at are made."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar, overload

import numpy as np

from aurum.curves.analytics.moves import by_hand
from aurum.curves.model import Prices
from aurum.scenarios.analytics.buckets import Buckets, Places

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")
Row = TypeVar("Row")
Row_co = TypeVar("Row_co", covariant=True)
_TOGETHER = 200


class Part(Protocol[Row_co]):
    """Of some curves that have the same tenors. A row is a place in each column; `ranks` are in the order of keys."""

    @property
    def ranks(self) -> Places: ...
    @property
    def buckets(self) -> Buckets: ...
    @property
    def bucket(self) -> Places: ...
    @property
    def size(self) -> Prices: ...

    def row(self, at: int) -> Row_co: ...


def alike(items: Iterable[tuple[Key, Item]]) -> Iterator[tuple[Key, list[int], list[Item]]]:
    """Items of the same key, some at a time, with their ranks: their places among all of them."""
    found: dict[Key, list[tuple[int, Item]]] = {}
    for rank, (key, item) in enumerate(items):
        found.setdefault(key, []).append((rank, item))
    for key, ranked in found.items():
        for start in range(0, len(ranked), _TOGETHER):
            part = ranked[start : start + _TOGETHER]
            yield key, [rank for rank, _ in part], [item for _, item in part]


class LargestFirst(Sequence[Row]):
    """Of those that are equal `by_hand` by key, then by delivery."""

    def __init__(self, parts: Iterable[Part[Row]]) -> None:
        self._parts = [each for each in parts if len(each.size)]
        self._ends = np.add.accumulate([len(each.size) for each in self._parts], dtype=np.int64)
        by = [(each.buckets.ends[each.bucket], each.buckets.starts[each.bucket], each.ranks, -by_hand(each.size))
              for each in self._parts]  # fmt: skip
        self._order = np.lexsort([np.concatenate(column) for column in zip(*by, strict=True)] if by else [[]])

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self._row(place) for place in self._order[index].tolist()]
        return self._row(int(self._order[index]))

    def _row(self, place: int) -> Row:
        n = int(np.searchsorted(self._ends, place, side="right"))
        return self._parts[n].row(place - int(self._ends[n]) + len(self._parts[n].size))
