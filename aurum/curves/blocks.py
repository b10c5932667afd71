"""Prices of many curves that share a grid, as matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aurum.curves.model import Prices, Standing
from aurum.market.periods import TenorGrid

Ids = NDArray[np.int64]  # of curves
NOWHERE = -1
NO_CURVE = np.iinfo(np.int64).max
_LOOKED_UP = 150  # bytes of a curve in a block beside its numbers


def asked_for(curve_ids: Ids, asked: Ids) -> NDArray[np.bool_]:
    """Which of the curves are among those that are asked for, whose ids are in order."""
    every = np.append(asked, NO_CURVE)
    found: NDArray[np.bool_] = every[np.searchsorted(every, curve_ids)] == curve_ids
    return found


def held_back(withheld: Sequence[bytes | None], points: int) -> NDArray[np.bool_] | None:
    """Which points are in quarantine, of what each version has packed; None: none is."""
    if not any(withheld):
        return None
    held = np.zeros((len(withheld), points), dtype=bool)
    for row, packed in enumerate(withheld):
        if packed:
            held[row] = np.unpackbits(np.frombuffer(packed, np.uint8), count=points)
    return held if held.any() else None


@dataclass(frozen=True, slots=True, eq=False)
class DayBlock:
    """One side of many curves' prices that share a grid: `values[n, tenor]` is of `curve_ids[n]` on `as_of[n]`.

    In each curve's own unit; NaN: not quoted.
    """

    tenors: TenorGrid
    curve_ids: NDArray[np.int64]
    as_of: NDArray[np.datetime64]
    values: Prices


@dataclass(frozen=True, slots=True, eq=False)
class QuoteBlock:
    """Versions of many curves that share a grid and an as-of date: a row for each, in the curve's own unit.

    NaN: not quoted. `bid` and `ask` are None where nobody asked for them, `withheld` where nothing is in quarantine,
    `ids` where they are of no stored snapshots.
    """

    tenors: TenorGrid
    as_of: date
    curve_ids: NDArray[np.int64]
    ids: NDArray[np.int64] | None
    versions: NDArray[np.int64]
    mid: Prices
    bid: Prices | None
    ask: Prices | None
    withheld: NDArray[np.bool_] | None

    @property
    def size(self) -> int:
        """In bytes, roughly, with what is made to look for its curves."""
        parts = (self.mid, self.bid, self.ask, self.withheld)
        return _LOOKED_UP * len(self.curve_ids) + sum(0 if each is None else each.nbytes for each in parts)


class QuotedDay(NamedTuple):
    """In which version a curve is quoted, on which day, for which tenors."""

    as_of: date
    version: int
    tenors: TenorGrid


class Quoted:
    """An as-of date of each of many curves, which may differ, in one version.

    `blocks` makes them, for whoever looks at them first: that takes a while where there are many.
    """

    def __init__(self, blocks: Callable[[], Sequence[QuoteBlock]]) -> None:
        self._made = blocks

    @classmethod
    def of(cls, blocks: Sequence[QuoteBlock]) -> Quoted:
        return cls(lambda: blocks)

    @cached_property
    def blocks(self) -> Sequence[QuoteBlock]:
        return self._made()

    @property
    def size(self) -> int:
        """In bytes, roughly."""
        return sum(block.size for block in self.blocks)

    @property
    def days(self) -> dict[int, date]:
        """By curve."""
        return {id_: block.as_of for block in self.blocks for id_ in block.curve_ids.tolist()}

    def without(self, curve_ids: Sequence[int]) -> list[int]:
        """Those of the curves that have no such date."""
        return [
            id_ for id_, block in zip(curve_ids, self.places(curve_ids)[0].tolist(), strict=True) if block == NOWHERE
        ]

    def places(self, curve_ids: Sequence[int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Of each curve its block, and its row there; NOWHERE for both where it has no such date."""
        ids, places = self._places
        wanted = np.asarray(curve_ids, np.int64)
        at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
        block, row = np.where(ids[at] == wanted, places[:, at], NOWHERE)
        return block, row

    @cached_property
    def _places(self) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
        """The curves in order; of each its block and its row. A last one that is no curve."""
        sizes = [len(block.curve_ids) for block in self.blocks]
        ids = np.concatenate([*(block.curve_ids for block in self.blocks), [NO_CURVE]])
        blocks = np.repeat(np.arange(len(sizes) + 1), [*sizes, 1])
        rows = np.concatenate([np.arange(size) for size in (*sizes, 1)])
        order = np.argsort(ids)
        return ids[order], np.array([blocks, rows])[:, order]

    def standings(self, block: int, rows: NDArray[np.intp]) -> Sequence[Standing | None]:
        """Which stored versions the rows of a block are; none where the block is NOWHERE."""
        if block == NOWHERE:
            return [None] * len(rows)
        found = self.blocks[block]
        if found.ids is None:
            raise ValueError("these are of no stored snapshots")
        ids, versions = found.ids[rows].tolist(), found.versions[rows].tolist()
        return [Standing(id_, found.as_of, version) for id_, version in zip(ids, versions, strict=True)]

    def day(self, curve_id: int) -> QuotedDay:
        """That of a curve which has one. Raises KeyError for others."""
        (block,), (row,) = self.places([curve_id])
        if block == NOWHERE:
            raise KeyError(curve_id)
        found = self.blocks[block]
        return QuotedDay(found.as_of, int(found.versions[row]), found.tenors)
