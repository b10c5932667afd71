"""The biggest moves of a book of curves."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aurum.curves.analytics.alignment import Mask, Places, aligned, brought
from aurum.curves.analytics.deviations import Spread
from aurum.curves.analytics.moves import by_hand, percent
from aurum.curves.blocks import NOWHERE, Quoted
from aurum.curves.model import Prices
from aurum.market.finite import finite
from aurum.market.periods import Tenor, TenorGrid, TenorType

Position = tuple[float, str, str, date, date]  # size, curve's key, tenor type, delivery
_NO_SIZE = -1.0


class MoveMeasure(StrEnum):
    ABSOLUTE = "ABSOLUTE"
    PERCENT = "PERCENT"
    ZSCORE = "ZSCORE"


@dataclass(frozen=True, slots=True, eq=False)
class BookMoves:
    """The mids of curves at two ends, a row each, a column for each tenor of any of them; NaN: not quoted.

    `keys` are in order. The numbers of a row are in one unit.
    """

    keys: Sequence[str]
    tenors: TenorGrid
    before: Prices
    after: Prices

    @property
    @finite("a change")
    def change(self) -> Prices:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Place:
    """Where a move stands in a book, and in the order of its moves."""

    row: int
    column: int
    position: Position


def book_moves(
    keys: Sequence[str], ids: Sequence[int], start: Quoted, end: Quoted, factors: NDArray[np.float64] | None
) -> BookMoves:
    """`keys` and `ids` are those of the curves. `factors[0]` and `factors[1]`, parallel to them, bring the numbers of
    `start` and of `end` into one unit; None: they are in one.
    """
    joined = aligned(*dict.fromkeys(block.tenors for block in (*start.blocks, *end.blocks)))
    mids = [_mids(each, ids, joined.tenors) for each in (start, end)]
    if factors is not None:
        with finite("a price"):
            mids = [mid * factor[:, None] for mid, factor in zip(mids, factors, strict=True)]
    return BookMoves(keys, joined.tenors, *mids)


def _mids(quoted: Quoted, ids: Sequence[int], tenors: TenorGrid) -> Prices:
    """A row for each curve, a column for each tenor; NaN for what is not there."""
    mids = np.full((len(ids), len(tenors)), np.nan)
    blocks, rows = quoted.places(ids)
    for n, block in enumerate(quoted.blocks):
        its = np.flatnonzero(blocks == n)
        # A grid's own order is that of all tenors: its places grow along the columns that it has.
        columns = np.flatnonzero(aligned(block.tenors, tenors).places[0] != NOWHERE)
        mids[its[:, None], columns] = block.mid[rows[its]]
    return mids


def sizes(book: BookMoves, by: MoveMeasure, spreads: Mapping[int, Spread]) -> Prices:
    """How big each move is: never negative, NaN where it has none by this measure. `spreads` are by row, for ZSCORE."""
    if by is MoveMeasure.ABSOLUTE:
        return np.abs(book.change)
    if by is MoveMeasure.PERCENT:
        return np.abs(percent(book.before, book.after))
    change = book.change
    scores = np.full(change.shape, np.nan)
    for row, spread in spreads.items():
        found = spread.z_scores(brought(change[row], book.tenors, spread.tenors))
        scores[row] = brought(found, spread.tenors, book.tenors)
    size: Prices = np.abs(scores)
    return size


def chosen_columns(
    tenors: TenorGrid, types: Sequence[TenorType] | None, start: date | None, end: date | None
) -> Mask:  # fmt: skip
    """The tenors of these types (None: any) whose delivery lies within the half-open range."""
    chosen = np.zeros(len(tenors), dtype=bool)
    chosen[tenors.chosen(types, start, end)] = True
    return chosen


def ranked(
    book: BookMoves,
    size: Prices,
    columns: Mask,
    limit: int,
    *,
    one_per_curve: bool = False,
    position: Position | None = None,
) -> list[Place]:
    """The first `limit` moves whose ends are both quoted: the biggest first, those without a size last.

    Sizes are compared as `by_hand` has them; ties go by key, then by tenor. After `position` alone, whether or not
    there is still a move there. `one_per_curve`: of each curve its first.
    """
    known = np.where(np.isnan(size), _NO_SIZE, by_hand(size))
    moved: Mask = np.isfinite(book.change) & columns
    if one_per_curve and moved.size:
        best = np.where(moved, known, -np.inf).argmax(axis=1)
        moved = moved & (np.arange(moved.shape[1]) == best[:, None])
    rows, places = np.nonzero(moved)
    found = known[rows, places]
    if position is not None:
        beyond = _beyond(book, found, rows, places, position)
        rows, places, found = rows[beyond], places[beyond], found[beyond]
    order = np.lexsort((places, rows, -found))[:limit]
    parts = (rows[order].tolist(), places[order].tolist(), found[order].tolist())
    return [_place(book, *part) for part in zip(*parts, strict=True)]


def _place(book: BookMoves, row: int, column: int, size: float) -> Place:
    tenor = book.tenors[column]
    return Place(row, column, (size, book.keys[row], tenor.type.value, tenor.period.start, tenor.period.end))


def _beyond(book: BookMoves, size: Prices, rows: Places, columns: Places, position: Position) -> Mask:
    at, key, type_, start, end = position
    row = _between(book.keys, key)
    column = _between([_order(tenor) for tenor in book.tenors], (_RANK.get(type_, -1), start, end))
    later: Mask = (rows > row) | ((rows == row) & (columns > column))
    beyond: Mask = (size < at) | ((size == at) & later)
    return beyond


def _between(ordered: Sequence[Any], value: Any) -> float:
    """Where a value stands, or half a place before the one that it would stand before."""
    at = bisect_left(ordered, value)
    return at if at < len(ordered) and ordered[at] == value else at - 0.5


_RANK = {type_.value: rank for rank, type_ in enumerate(TenorType)}


def _order(tenor: Tenor) -> tuple[int, date, date]:
    return _RANK[tenor.type.value], tenor.period.start, tenor.period.end
